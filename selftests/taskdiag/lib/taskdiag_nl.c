// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TASKDIAG family over a bare netlink socket.  Knows netlink and the ABI
 * header; knows no test and no procfs.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../kselftest.h"
#include "file_transport.h"
#include "taskdiag_nl.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* A kernel that never answers must fail a test, not hang it. */
#define TD_TIMEOUT_SECONDS 10

int td_next_attr(struct td_span *span, struct td_attr *attr)
{
	struct nlattr nla;
	size_t step;

	if (!span->len)
		return 0;
	if (span->len < sizeof(nla))
		return -EBADMSG;
	memcpy(&nla, span->at, sizeof(nla));
	if (nla.nla_len < NLA_HDRLEN || nla.nla_len > span->len)
		return -EBADMSG;

	attr->type = nla.nla_type & NLA_TYPE_MASK;
	attr->data = span->at + NLA_HDRLEN;
	attr->len = nla.nla_len - NLA_HDRLEN;

	step = NLA_ALIGN(nla.nla_len);
	if (step > span->len)
		step = span->len;
	span->at += step;
	span->len -= step;
	return 1;
}

/* The next message likewise. */
static int td_next_message(struct td_span *span, const struct nlmsghdr **nlh)
{
	size_t step;

	if (!span->len)
		return 0;
	*nlh = (const void *)span->at;
	if (span->len < sizeof(**nlh) || (*nlh)->nlmsg_len < sizeof(**nlh) ||
	    (*nlh)->nlmsg_len > span->len)
		return -EBADMSG;

	step = NLMSG_ALIGN((*nlh)->nlmsg_len);
	if (step > span->len)
		step = span->len;
	span->at += step;
	span->len -= step;
	return 1;
}

static __u32 td_attr_u32(const struct td_attr *attr)
{
	__u32 value = 0;

	memcpy(&value, attr->data,
	       attr->len < sizeof(value) ? attr->len : sizeof(value));
	return value;
}

static __u16 td_attr_u16(const struct td_attr *attr)
{
	__u16 value = 0;

	memcpy(&value, attr->data,
	       attr->len < sizeof(value) ? attr->len : sizeof(value));
	return value;
}

/* Structures grow at the end: take what is known, zero what is missing. */
static void td_attr_struct(const struct td_attr *attr, void *out, size_t size)
{
	memset(out, 0, size);
	memcpy(out, attr->data, attr->len < size ? attr->len : size);
}

__printf(2, 3)
static void td_fault(struct td_answer *a, const char *format, ...)
{
	va_list args;

	if (a->fault[0])
		return;
	va_start(args, format);
	vsnprintf(a->fault, sizeof(a->fault), format, args);
	va_end(args);
}

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
	/* An aligned structure here would put a hole into the message. */
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

/*
 * Send @request, and receive the one message that answers it with command @cmd:
 * its attributes are in @attrs.
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

int td_open(struct td_sock *s, size_t size)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->file = td_use_file;
	s->size = size;
	s->buf = td_alloc_buffer(s);
	if (!s->buf)
		return -ENOMEM;

	err = s->file ? td_file_open(s) : td_connect(s);
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

void td_answer_init(const struct td_sock *s, struct td_answer *a, bool dump)
{
	memset(a, 0, sizeof(*a));
	a->seq = s->seq;
	a->show = s->show;
	a->dump = dump;
}

void td_answer_free(struct td_answer *a)
{
	free(a->row);
	free(a->raw);
	memset(a, 0, sizeof(*a));
}

static void td_parse_extack(struct td_answer *a, struct td_span span)
{
	struct td_attr attr;
	int more;

	while ((more = td_next_attr(&span, &attr)) > 0) {
		switch (attr.type) {
		case NLMSGERR_ATTR_MSG:
			if (!attr.len || attr.data[attr.len - 1])
				td_fault(a, "extended ack text without a NUL");
			else
				snprintf(a->end.text, sizeof(a->end.text), "%s",
					 (const char *)attr.data);
			break;
		case NLMSGERR_ATTR_OFFS:
			a->end.offset = td_attr_u32(&attr);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			a->end.missing = td_attr_u32(&attr);
			break;
		}
	}
	if (more)
		td_fault(a, "malformed extended ack");
}

/*
 * The last row is complete: each group of the request is there, or is in exactly
 * one mask of TASK_DIAG_ABSENT.
 */
static void td_check_row(struct td_answer *a)
{
	const struct td_row *row = &a->row[a->rows - 1];
	const struct task_diag_absent *absent = &row->absent;
	const __u64 all = absent->gone | absent->denied | absent->busy |
			  absent->limit | absent->leader;
	const __u64 once = absent->gone ^ absent->denied ^ absent->busy ^
			   absent->limit ^ absent->leader;

	if (row->complete != !!all)
		td_fault(a, "%u has an empty TASK_DIAG_ABSENT", row->msg.pid);
	if (all != once)
		td_fault(a, "%u lacks groups for two reasons", row->msg.pid);
	if (all & ~a->show)
		td_fault(a, "%u lacks groups %#llx, which were not requested",
			 row->msg.pid, all & ~a->show);
	if ((row->groups | all) != a->show)
		td_fault(a, "%u has groups %#llx of %#llx, and lacks %#llx",
			 row->msg.pid, row->groups, a->show, all);
}

static void td_parse_end(struct td_answer *a, const struct nlmsghdr *nlh)
{
	const unsigned char *data = NLMSG_DATA(nlh);
	size_t len = nlh->nlmsg_len - NLMSG_HDRLEN, head;
	int code = 0;

	/* A dump that finds no memory to begin with says so, and begins later. */
	if (a->end.type) {
		td_fault(a, "ended twice");
		return;
	}
	a->end.type = nlh->nlmsg_type;

	/* Both begin with the code; NETLINK_CAP_ACK leaves out the request. */
	head = nlh->nlmsg_type == NLMSG_DONE ? NLMSG_ALIGN(sizeof(code)) :
					       sizeof(struct nlmsgerr);
	if (len < head) {
		td_fault(a, "end message of %zu bytes", len);
		return;
	}
	memcpy(&code, data, sizeof(code));
	if (code > 0)
		td_fault(a, "positive error code %d", code);
	a->end.error = -code;
	if (!code && a->rows && a->row[a->rows - 1].more)
		td_fault(a, "the end instead of the rest of %u",
			 a->row[a->rows - 1].msg.pid);
	/* A dump that ends with an error may do so within a row. */
	if (a->rows && !code)
		td_check_row(a);

	if (nlh->nlmsg_type == NLMSG_DONE) {
		if (!a->dump)
			td_fault(a, "NLMSG_DONE without a dump");
		if (!(nlh->nlmsg_flags & NLM_F_MULTI))
			td_fault(a, "NLMSG_DONE without NLM_F_MULTI");
	}
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS) {
		struct td_span span = { data + head, len - head };

		td_parse_extack(a, span);
	}
}

/* The groups that are one structure, and where in a row they belong. */
static const struct {
	__u16 type;
	size_t size;
	size_t offset;
} td_structs[] = {
#define TD_STRUCT(group, type, member) \
	{ group, sizeof(struct type), offsetof(struct td_row, member) }

	TD_STRUCT(TASK_DIAG_BASE, task_diag_base, base),
	TD_STRUCT(TASK_DIAG_CRED, task_diag_creds, cred),
	TD_STRUCT(TASK_DIAG_STAT, task_diag_stat, stat),
	TD_STRUCT(TASK_DIAG_FILES, task_diag_files, files),
	TD_STRUCT(TASK_DIAG_IDENT, task_diag_ident, ident),
	TD_STRUCT(TASK_DIAG_NS, task_diag_ns, ns),
	TD_STRUCT(TASK_DIAG_ABSENT, task_diag_absent, absent),
};

/* What may go on from message to message; all else is there once. */
static bool td_spans_messages(__u16 type)
{
	return type == TASK_DIAG_VMA || type == TASK_DIAG_VMA_STAT ||
	       type == TASK_DIAG_CMDLINE;
}

/* In the order of their bits; appended groups and TASK_DIAG_ABSENT come last. */
static unsigned int td_attr_order(__u16 type)
{
	static const __u16 last[] = {
		TASK_DIAG_CGROUP, TASK_DIAG_FILES, TASK_DIAG_CMDLINE,
		TASK_DIAG_VMA, TASK_DIAG_VMA_STAT, TASK_DIAG_ABSENT,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(last); i++)
		if (type == last[i])
			return TASK_DIAG_ATTR_MAX + 1 + i;
	return type;
}

static void td_parse_struct(struct td_answer *a, struct td_row *row,
			    const struct td_attr *attr)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(td_structs); i++) {
		if (td_structs[i].type != attr->type)
			continue;
		if (attr->len != td_structs[i].size)
			td_fault(a, "group %u of %zu bytes", attr->type,
				 attr->len);
		td_attr_struct(attr, (char *)row + td_structs[i].offset,
			       td_structs[i].size);
	}
}

/* Put the attributes of one message into @row. */
static void td_parse_attrs(struct td_answer *a, struct td_row *row,
			   struct td_span span)
{
	unsigned int last = TASK_DIAG_MSG;
	struct td_attr attr;
	__u64 group;
	int more;

	while ((more = td_next_attr(&span, &attr)) > 0) {
		if (attr.type == TASK_DIAG_PAD || attr.type == TASK_DIAG_MSG)
			continue;
		if (attr.type < TASK_DIAG_ATTR_GROUPS &&
		    attr.type != TASK_DIAG_ABSENT) {
			td_fault(a, "attribute %u in a reply", attr.type);
			continue;
		}
		if (td_attr_order(attr.type) < td_attr_order(last))
			td_fault(a, "group %u after group %u", attr.type, last);
		last = attr.type;
		if (attr.type == TASK_DIAG_ABSENT) {
			row->complete = true;
			td_parse_struct(a, row, &attr);
			continue;
		}
		group = 1ULL << (attr.type - TASK_DIAG_ATTR_GROUPS);
		if (row->groups & group && !td_spans_messages(attr.type))
			td_fault(a, "group %u twice", attr.type);
		row->groups |= group;
		td_parse_struct(a, row, &attr);
	}
	if (more)
		td_fault(a, "malformed attributes");
}

static struct td_row *td_new_row(struct td_answer *a)
{
	if (a->rows)
		td_check_row(a);
	if (a->rows == a->capacity) {
		size_t capacity = a->capacity ? 2 * a->capacity : 64;
		struct td_row *bigger =
			realloc(a->row, capacity * sizeof(*bigger));

		if (!bigger)
			return NULL;
		a->row = bigger;
		a->capacity = capacity;
	}
	memset(&a->row[a->rows], 0, sizeof(*a->row));
	return &a->row[a->rows++];
}

static int td_append_raw(struct td_answer *a, struct td_row *row,
			 struct td_span span)
{
	if (a->raw_len + span.len > a->raw_capacity) {
		size_t capacity = 2 * (a->raw_len + span.len);
		unsigned char *bigger = realloc(a->raw, capacity);

		if (!bigger)
			return -ENOMEM;
		a->raw = bigger;
		a->raw_capacity = capacity;
	}
	memcpy(a->raw + a->raw_len, span.at, span.len);
	if (!row->len)
		row->start = a->raw_len;
	row->len += span.len;
	a->raw_len += span.len;
	return 0;
}

static int td_parse_task(struct td_answer *a, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);
	struct td_span span, rest;
	struct task_diag_msg msg;
	struct td_attr first;
	struct td_row *row;

	if (nlh->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN)) {
		td_fault(a, "task message of %u bytes", nlh->nlmsg_len);
		return 0;
	}
	if (genl->cmd != TASK_DIAG_CMD_GET ||
	    genl->version != TASK_DIAG_GENL_VERSION || genl->reserved)
		td_fault(
			a,
			"genetlink header: command %u, version %u, reserved %u",
			genl->cmd, genl->version, genl->reserved);
	if (!(nlh->nlmsg_flags & NLM_F_MULTI) != !a->dump)
		td_fault(a, "message flags %#x in a %s", nlh->nlmsg_flags,
			 a->dump ? "dump" : "plain answer");
	if (a->end.type)
		td_fault(a, "a task after the end");

	span.at = (const unsigned char *)genl + GENL_HDRLEN;
	span.len = nlh->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	rest = span;
	if (td_next_attr(&rest, &first) <= 0 || first.type != TASK_DIAG_MSG ||
	    first.len != sizeof(msg)) {
		td_fault(a, "a message does not begin with TASK_DIAG_MSG");
		return 0;
	}
	td_attr_struct(&first, &msg, sizeof(msg));
	if (msg.flags & ~(TASK_DIAG_FLAG_CONT | TASK_DIAG_FLAG_MORE))
		td_fault(a, "unknown message flags %#x", msg.flags);

	if (msg.flags & TASK_DIAG_FLAG_CONT) {
		row = a->rows ? &a->row[a->rows - 1] : NULL;
		if (!row || row->msg.pid != msg.pid ||
		    row->msg.tgid != msg.tgid) {
			td_fault(a, "%u continues without a beginning",
				 msg.pid);
			return 0;
		}
		if (!row->more)
			td_fault(a, "%u continues after its last message",
				 msg.pid);
	} else {
		if (a->rows && a->row[a->rows - 1].more)
			td_fault(a, "%u does not continue",
				 a->row[a->rows - 1].msg.pid);
		row = td_new_row(a);
		if (!row)
			return -ENOMEM;
		row->msg = msg;
	}
	row->more = msg.flags & TASK_DIAG_FLAG_MORE;
	if (row->complete)
		td_fault(a, "%u continues after TASK_DIAG_ABSENT", msg.pid);
	row->messages++;
	td_parse_attrs(a, row, rest);
	return td_append_raw(a, row, span);
}

static struct td_answer *td_answer_for(struct td_answer *answers, size_t nr,
				       __u32 seq)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (answers[i].seq == seq)
			return &answers[i];
	td_fault(&answers[0], "a message with sequence number %u", seq);
	return NULL;
}

int td_receive_datagram(struct td_sock *s, struct td_answer *answers, size_t nr)
{
	ssize_t got = td_receive_raw(s, 0);
	const struct nlmsghdr *nlh;
	struct td_span span;
	size_t i;
	int more;

	if (got < 0)
		return got;
	for (i = 0; i < nr; i++)
		answers[i].receives++;

	span.at = s->buf;
	span.len = got;
	while ((more = td_next_message(&span, &nlh)) > 0) {
		struct td_answer *a =
			td_answer_for(answers, nr, nlh->nlmsg_seq);

		if (!a)
			continue;
		if (nlh->nlmsg_pid != s->portid)
			td_fault(a, "a message for port %u", nlh->nlmsg_pid);
		/* Errors use the bit otherwise. */
		if (nlh->nlmsg_type != NLMSG_ERROR &&
		    nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			td_fault(a, "NLM_F_DUMP_INTR");

		if (nlh->nlmsg_type == NLMSG_DONE ||
		    nlh->nlmsg_type == NLMSG_ERROR) {
			td_parse_end(a, nlh);
		} else if (nlh->nlmsg_type == s->family) {
			int err = td_parse_task(a, nlh);

			if (err)
				return err;
		} else {
			td_fault(a, "a message of type %u", nlh->nlmsg_type);
		}
	}
	if (more)
		td_fault(&answers[0], "%zu stray bytes in a datagram",
			 span.len);
	return 0;
}

int td_receive(struct td_sock *s, struct td_answer *a)
{
	int err = 0;

	while (!err && !a->end.type)
		err = td_receive_datagram(s, a, 1);
	return err;
}

int td_query(struct td_sock *s, const struct task_diag_pid *query, __u16 flags,
	     struct td_answer *a)
{
	bool dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err;

	/* A plain answer has no end of its own: the ack is it. */
	err = td_send_request(s, query, dump ? flags : flags | NLM_F_ACK, NULL);
	td_answer_init(s, a, dump);
	return err ? err : td_receive(s, a);
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

int td_query_filtered(struct td_sock *s, const struct task_diag_pid *query,
		      __u16 flags, const struct td_filter *filter, size_t nr,
		      struct td_answer *a)
{
	bool dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err;

	err = td_send_filtered(s, query, dump ? flags : flags | NLM_F_ACK,
			       filter, nr);
	td_answer_init(s, a, dump);
	return err ? err : td_receive(s, a);
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

struct td_span td_row_attrs(const struct td_answer *a, const struct td_row *row)
{
	return (struct td_span) { a->raw + row->start, row->len };
}

const struct td_row *td_find_row(const struct td_answer *a, __u32 pid)
{
	size_t i;

	for (i = a->rows; i-- > 0;)
		if (a->row[i].msg.pid == pid)
			return &a->row[i];
	return NULL;
}
