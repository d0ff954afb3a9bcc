// SPDX-License-Identifier: GPL-2.0-only
/* The file /proc/task-diag with the message format of a netlink socket. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "attr.h"
#include "file_transport.h"

/* An arbitrary value that no other message type has. */
#define FILE_FAMILY 0x7ff

int td_file_open(struct td_sock *s, int dir, const char *path)
{
	s->fd = openat(dir, path, O_RDWR);
	if (s->fd < 0)
		return -errno;
	s->family = FILE_FAMILY;
	s->version = TASK_DIAG_GENL_VERSION;
	return 0;
}

static bool is_readable(const struct td_sock *s)
{
	struct pollfd fd = { .fd = s->fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1 && fd.revents & POLLIN;
}

/* Remove the header that the file does not use.  Return the new length. */
static size_t strip_genl_header(unsigned char *bytes, size_t len)
{
	struct nlmsghdr *nlh = (void *)bytes;
	struct genlmsghdr *genl = NLMSG_DATA(nlh);

	if (len < NLMSG_LENGTH(GENL_HDRLEN) || nlh->nlmsg_type != FILE_FAMILY)
		return len;
	nlh->nlmsg_type = TASK_DIAG_NLMSG_BASE + genl->cmd;
	nlh->nlmsg_len -= GENL_HDRLEN;
	memmove(genl, bytes + NLMSG_LENGTH(GENL_HDRLEN),
		len - NLMSG_LENGTH(GENL_HDRLEN));
	return len - GENL_HDRLEN;
}

int td_file_send(struct td_sock *s, const void *bytes, size_t len)
{
	unsigned char *request = malloc(len);
	const struct nlmsghdr *nlh = bytes;
	size_t left;
	int err = 0;

	if (!request)
		return -ENOMEM;
	memcpy(request, bytes, len);
	left = strip_genl_header(request, len);
	if (write(s->fd, request, left) != (ssize_t)left)
		err = -errno;
	free(request);

	s->ack_due = len >= sizeof(*nlh) && nlh->nlmsg_flags & NLM_F_ACK;
	s->seq_due = len >= sizeof(*nlh) ? nlh->nlmsg_seq : 0;
	/*
	 * The reply contains the error of a refused request, except if the file
	 * is busy.
	 */
	if (err && err != -EBUSY && err != -EAGAIN && is_readable(s))
		return 0;
	return err;
}

/* Convert the offset to one in the request before td_file_send() changed it. */
static void move_offset(struct nlmsghdr *nlh)
{
	size_t head = sizeof(struct nlmsgerr);
	struct td_span span = { (unsigned char *)NLMSG_DATA(nlh) + head };
	struct td_attr attr;
	__u32 offset;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	span.len = nlh->nlmsg_len - NLMSG_LENGTH(head);
	while (td_next_attr(&span, &attr) > 0) {
		if (attr.type != NLMSGERR_ATTR_OFFS ||
		    attr.len != sizeof(offset))
			continue;
		memcpy(&offset, attr.data, sizeof(offset));
		offset += GENL_HDRLEN;
		memcpy((void *)attr.data, &offset, sizeof(offset));
	}
}

/*
 * Copy a message and insert its header.  Return the position of the next one.
 */
static unsigned char *add_genl_header(struct td_sock *s, unsigned char *to,
				      const struct nlmsghdr *from)
{
	size_t body = from->nlmsg_len - NLMSG_HDRLEN;
	struct nlmsghdr *nlh = (void *)to;
	struct genlmsghdr genl = {
		.cmd = from->nlmsg_type - TASK_DIAG_NLMSG_BASE,
		.version = TASK_DIAG_GENL_VERSION,
	};
	size_t head = 0;

	memcpy(nlh, from, NLMSG_HDRLEN);
	if (from->nlmsg_type >= TASK_DIAG_NLMSG_BASE) {
		head = sizeof(genl);
		memcpy(NLMSG_DATA(nlh), &genl, head);
		nlh->nlmsg_type = FILE_FAMILY;
		nlh->nlmsg_len += head;
	}
	memcpy((unsigned char *)NLMSG_DATA(nlh) + head, from + 1, body);
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		move_offset(nlh);
		s->ack_due = false;
	}
	return to + NLMSG_ALIGN(nlh->nlmsg_len);
}

/* Where read() on the file returns 0, a socket delivers an ack. */
static ssize_t make_ack(struct td_sock *s)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr ack;
	} message = {
		.nlh.nlmsg_len = sizeof(message),
		.nlh.nlmsg_type = NLMSG_ERROR,
		.nlh.nlmsg_flags = NLM_F_CAPPED,
		.nlh.nlmsg_seq = s->seq_due,
	};

	s->ack_due = false;
	memcpy(s->buf, &message, sizeof(message));
	return sizeof(message);
}

/* Copy all messages of @raw into the buffer.  Return their length there. */
static ssize_t add_genl_headers(struct td_sock *s, const unsigned char *raw,
				ssize_t len)
{
	unsigned char *to = s->buf;
	ssize_t at = 0;

	while (at < len) {
		const struct nlmsghdr *nlh = (void *)(raw + at);

		if (len - at < NLMSG_HDRLEN || nlh->nlmsg_len < NLMSG_HDRLEN ||
		    nlh->nlmsg_len > len - at)
			return -EBADMSG;
		to = add_genl_header(s, to, nlh);
		at += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	return to - s->buf;
}

ssize_t td_file_receive(struct td_sock *s)
{
	unsigned char *raw = malloc(s->size);
	ssize_t got;

	if (!raw)
		return -ENOMEM;
	got = read(s->fd, raw, s->size);
	if (got < 0)
		got = -errno;
	else if (got > 0)
		got = add_genl_headers(s, raw, got);
	else
		got = s->ack_due ? make_ack(s) : -EAGAIN;
	free(raw);
	return got;
}
