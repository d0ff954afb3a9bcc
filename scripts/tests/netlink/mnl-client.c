// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists tasks with libmnl.
 *
 * Usage: mnl-client SHOW STRATEGY PID BUFFER
 *
 * BUFFER is the size of the receive buffer in bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/taskdiag.h>

#include "print.h"

#define SEQUENCE	1

static __u16 family;

static int take_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	(void)data;
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			family = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static int print_message(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	(void)data;
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		print_attribute(mnl_attr_get_type(attr),
				mnl_attr_get_payload(attr),
				mnl_attr_get_payload_len(attr));
	putchar('\n');
	return MNL_CB_OK;
}

/* Extended ack, in the attributes behind @offset bytes of the payload. */
static void print_reason(const struct nlmsghdr *nlh, size_t offset)
{
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	mnl_attr_for_each(attr, nlh, offset)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			fprintf(stderr, "mnl-client: the kernel reports: %s\n",
				mnl_attr_get_str(attr));
}

static int finish(const struct nlmsghdr *nlh, int error, size_t offset)
{
	print_reason(nlh, offset);
	if (!error)
		return MNL_CB_STOP;
	errno = -error;
	return MNL_CB_ERROR;
}

/* mnl_cb_run() ignores the error of a dump that has begun. */
static int on_done(const struct nlmsghdr *nlh, void *data)
{
	const int *error = mnl_nlmsg_get_payload(nlh);

	(void)data;
	return finish(nlh, *error, sizeof(*error));
}

static int on_error(const struct nlmsghdr *nlh, void *data)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);

	(void)data;
	return finish(nlh, error->error, sizeof(*error));
}

static mnl_cb_t control[NLMSG_MIN_TYPE] = {
	[NLMSG_ERROR] = on_error,
	[NLMSG_DONE] = on_done,
};

static void fail(const char *what)
{
	fprintf(stderr, "mnl-client: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Lets other tasks run between two steps of a dump. */
static void pause_shortly(void)
{
	const struct timespec time = { .tv_nsec = 1000000 };

	nanosleep(&time, NULL);
}

static void request(struct mnl_socket *socket, struct nlmsghdr *nlh, char *buffer,
		    size_t size, mnl_cb_t callback)
{
	ssize_t len;
	int result;

	nlh->nlmsg_seq = SEQUENCE;
	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		fail("send");
	do {
		pause_shortly();
		len = mnl_socket_recvfrom(socket, buffer, size);
		if (len < 0)
			fail("receive");
		result = mnl_cb_run2(buffer, len, SEQUENCE,
				     mnl_socket_get_portid(socket), callback,
				     NULL, control, NLMSG_MIN_TYPE);
		if (result < 0)
			fail("dump");
	} while (result > 0);
}

static struct nlmsghdr *begin(char *space, __u16 type, __u16 flags, __u8 command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(space);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = 1;
	return nlh;
}

int main(int argc, char **argv)
{
	struct task_diag_pid pid = {};
	struct mnl_socket *socket;
	struct nlmsghdr *nlh;
	char space[512];
	size_t size;
	char *buffer;
	int on = 1;

	if (argc != 5)
		return 2;
	pid.show_flags = strtoull(argv[1], NULL, 0);
	pid.dump_strategy = strtoull(argv[2], NULL, 0);
	pid.pid = strtoul(argv[3], NULL, 0);
	size = strtoul(argv[4], NULL, 0);
	buffer = malloc(size);

	socket = mnl_socket_open(NETLINK_GENERIC);
	if (!buffer || !socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on)))
		fail("socket");

	nlh = begin(space, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TASK_DIAG_GENL_NAME);
	request(socket, nlh, buffer, size, take_family);

	nlh = begin(space, family, NLM_F_DUMP, TASK_DIAG_CMD_GET);
	mnl_attr_put(nlh, TASK_DIAG_CMD_ATTR_GET, sizeof(pid), &pid);
	request(socket, nlh, buffer, size, print_message);
	mnl_socket_close(socket);
	free(buffer);
	return 0;
}
