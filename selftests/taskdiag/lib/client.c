// SPDX-License-Identifier: GPL-2.0-only
/* A client of the TASKDIAG family. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "attr.h"
#include "client.h"
#include "file_transport.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* A kernel that never replies must fail a test and not block it. */
#define TD_TIMEOUT_SECONDS 10

bool td_use_file;

int td_send_bytes(struct td_sock *s, const void *bytes, size_t len,
		  const struct ucred *as)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = len };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control = {};
	struct msghdr msg = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t sent;

	if (s->file)
		return as ? -EOPNOTSUPP : td_file_send(s, bytes, len);

	if (as) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_CREDENTIALS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(*as));
		memcpy(CMSG_DATA(cmsg), as, sizeof(*as));
	}

	sent = sendmsg(s->fd, &msg, 0);
	if (sent < 0)
		return -errno;
	return (size_t)sent == len ? 0 : -EMSGSIZE;
}

void td_make_request(struct td_sock *s, const struct task_diag_pid *query,
		     __u16 flags, struct td_request *request)
{
	/* An aligned structure would leave a hole in the message. */
	static_assert(sizeof(*request) == NLMSG_HDRLEN + GENL_HDRLEN +
		      NLA_HDRLEN + sizeof(*query), "request has holes");

	s->show = query->show_flags;
	*request = (struct td_request) {
		.nlh.nlmsg_len = sizeof(*request),
		.nlh.nlmsg_type = s->family,
		.nlh.nlmsg_flags = NLM_F_REQUEST | flags,
		.nlh.nlmsg_seq = ++s->seq,
		.genl.cmd = TASK_DIAG_CMD_GET,
		.genl.version = TASK_DIAG_GENL_VERSION,
		.nla.nla_len = NLA_HDRLEN + sizeof(*query),
		.nla.nla_type = TASK_DIAG_CMD_ATTR_GET,
		.query = *query,
	};
}

int td_send_request(struct td_sock *s, const struct task_diag_pid *query,
		    __u16 flags, const struct ucred *as)
{
	struct td_request request;

	td_make_request(s, query, flags, &request);
	return td_send_bytes(s, &request, sizeof(request), as);
}

int td_send_filtered(struct td_sock *s, const struct task_diag_pid *query,
		     __u16 flags, const struct td_filter *filter, size_t nr)
{
	size_t len = sizeof(struct td_request), i;
	unsigned char *bytes;
	int err;

	for (i = 0; i < nr; i++)
		len += NLA_HDRLEN + NLA_ALIGN(filter[i].len);
	bytes = calloc(1, len);
	if (!bytes)
		return -ENOMEM;

	td_make_request(s, query, flags, (struct td_request *)bytes);
	((struct nlmsghdr *)bytes)->nlmsg_len = len;
	len = sizeof(struct td_request);
	for (i = 0; i < nr; i++) {
		struct nlattr *nla = (struct nlattr *)(bytes + len);

		nla->nla_type = filter[i].type;
		nla->nla_len = NLA_HDRLEN + filter[i].len;
		if (filter[i].len)
			memcpy(nla + 1, filter[i].data, filter[i].len);
		len += NLA_HDRLEN + NLA_ALIGN(filter[i].len);
	}
	err = td_send_bytes(s, bytes, len, NULL);
	free(bytes);
	return err;
}

ssize_t td_receive_raw(struct td_sock *s, int flags)
{
	struct sockaddr_nl from = {};
	struct iovec iov = { .iov_base = s->buf, .iov_len = s->size };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t got;

	if (s->file)
		return td_file_receive(s);
	do {
		got = recvmsg(s->fd, &msg, flags);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	if (from.nl_pid)
		return -EPROTO;
	return got;
}

/*
 * Send @request and receive a reply of one message with command @cmd; @attrs
 * receives its attributes.
 */
static int td_exchange(struct td_sock *s, const struct nlmsghdr *request,
		       __u8 cmd, struct td_span *attrs)
{
	const struct genlmsghdr *genl;
	const struct nlmsghdr *nlh;
	ssize_t got;
	int err;

	err = td_send_bytes(s, request, request->nlmsg_len, NULL);
	if (err)
		return err;
	got = td_receive_raw(s, 0);
	if (got < 0)
		return got;
	attrs->at = s->buf;
	attrs->len = got;
	if (td_next_message(attrs, &nlh) <= 0 || attrs->len)
		return -EBADMSG;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(nlh))->error;
	genl = NLMSG_DATA(nlh);
	if (nlh->nlmsg_type != request->nlmsg_type ||
	    nlh->nlmsg_seq != request->nlmsg_seq ||
	    nlh->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN) || genl->cmd != cmd)
		return -EBADMSG;

	attrs->at = (const unsigned char *)genl + GENL_HDRLEN;
	attrs->len = nlh->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	return 0;
}

static int td_resolve(struct td_sock *s)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr nla;
		char name[NLA_ALIGN(sizeof(TASK_DIAG_GENL_NAME))];
	} request = {
		.nlh.nlmsg_len = sizeof(request),
		.nlh.nlmsg_type = GENL_ID_CTRL,
		.nlh.nlmsg_flags = NLM_F_REQUEST,
		.nlh.nlmsg_seq = ++s->seq,
		.genl.cmd = CTRL_CMD_GETFAMILY,
		.genl.version = 1,
		.nla.nla_len = NLA_HDRLEN + sizeof(TASK_DIAG_GENL_NAME),
		.nla.nla_type = CTRL_ATTR_FAMILY_NAME,
		.name = TASK_DIAG_GENL_NAME,
	};
	struct td_span span;
	struct td_attr attr;
	int err;

	err = td_exchange(s, &request.nlh, CTRL_CMD_NEWFAMILY, &span);
	if (err)
		return err;
	while ((err = td_next_attr(&span, &attr)) > 0) {
		switch (attr.type) {
		case CTRL_ATTR_FAMILY_ID:
			s->family = td_attr_u16(&attr);
			break;
		case CTRL_ATTR_VERSION:
			s->version = td_attr_u32(&attr);
			break;
		case CTRL_ATTR_HDRSIZE:
			s->hdrsize = td_attr_u32(&attr);
			break;
		}
	}
	if (err)
		return err;
	return s->family ? 0 : -EBADMSG;
}

/* Messages of the file grow by a header each. */
static unsigned char *td_alloc_buffer(const struct td_sock *s)
{
	return malloc(s->file ? 2 * s->size : s->size);
}

static int td_connect(struct td_sock *s)
{
	const struct timeval timeout = { .tv_sec = TD_TIMEOUT_SECONDS };
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(self);
	const int on = 1;

	s->fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (s->fd < 0 ||
	    setsockopt(s->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    setsockopt(s->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) ||
	    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)) ||
	    bind(s->fd, (struct sockaddr *)&self, sizeof(self)) ||
	    getsockname(s->fd, (struct sockaddr *)&self, &len))
		return -errno;
	s->portid = self.nl_pid;
	return td_resolve(s);
}

static int td_init(struct td_sock *s, bool file, size_t size)
{
	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->file = file;
	s->size = size;
	s->buf = td_alloc_buffer(s);
	return s->buf ? 0 : -ENOMEM;
}

int td_open(struct td_sock *s, size_t size)
{
	int err = td_init(s, td_use_file, size);

	if (err)
		return err;
	err = s->file ? td_file_open(s, AT_FDCWD, TD_FILE) : td_connect(s);
	if (err)
		td_close(s);
	return err;
}

int td_open_mount(struct td_sock *s, int root, size_t size)
{
	int err = td_init(s, true, size);

	if (err)
		return err;
	err = td_file_open(s, root, TASK_DIAG_PROC_NAME);
	if (err)
		td_close(s);
	return err;
}

void td_close(struct td_sock *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->buf);
	s->fd = -1;
	s->buf = NULL;
}

int td_adopt(struct td_sock *s, int fd, const struct td_sock *like)
{
	*s = *like;
	s->fd = fd;
	s->buf = td_alloc_buffer(s);
	return s->buf ? 0 : -ENOMEM;
}

ssize_t td_query_raw(struct td_sock *s, const struct task_diag_pid *query,
		     __u16 flags, unsigned char *bytes, size_t size)
{
	ssize_t got;
	int err;

	s->seq = 0;
	err = td_send_request(s, query, flags, NULL);
	if (err)
		return err;
	got = td_receive_raw(s, 0);
	if (got < 0)
		return got;
	if ((size_t)got > size)
		return -EMSGSIZE;
	memcpy(bytes, s->buf, got);
	return td_receive_raw(s, MSG_DONTWAIT) == -EAGAIN ? got : -EBADMSG;
}

int td_features(struct td_sock *s, struct task_diag_features *features)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
	} request = {
		.nlh.nlmsg_len = sizeof(request),
		.nlh.nlmsg_type = s->family,
		.nlh.nlmsg_flags = NLM_F_REQUEST,
		.nlh.nlmsg_seq = ++s->seq,
		.genl.cmd = TASK_DIAG_CMD_FEATURES,
		.genl.version = TASK_DIAG_GENL_VERSION,
	};
	struct td_span span;
	struct td_attr attr;
	int err;

	err = td_exchange(s, &request.nlh, TASK_DIAG_CMD_FEATURES, &span);
	if (err)
		return err;
	do {
		err = td_next_attr(&span, &attr);
	} while (err > 0 && attr.type == TASK_DIAG_PAD);
	if (err <= 0 || attr.type != TASK_DIAG_FEATURES ||
	    attr.len != sizeof(*features) || span.len)
		return -EBADMSG;
	memcpy(features, attr.data, sizeof(*features));
	return 0;
}
