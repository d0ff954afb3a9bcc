// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists tasks with libnl.
 *
 * Usage: nl-client SHOW STRATEGY PID
 */
#include <stdlib.h>
#include <time.h>

#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/taskdiag.h>

#include "print.h"

#define MESSAGES_PER_PAUSE	16

static void check(const char *what, int error)
{
	if (error >= 0)
		return;
	fprintf(stderr, "nl-client: %s: %s\n", what, nl_geterror(error));
	exit(1);
}

/* Lets other tasks run between two steps of a dump. */
static void pause_shortly(void)
{
	static const struct timespec time = { .tv_nsec = 1000000 };
	static unsigned int messages;

	if (++messages % MESSAGES_PER_PAUSE == 0)
		nanosleep(&time, NULL);
}

static int print_message(struct nl_msg *msg, void *data)
{
	struct genlmsghdr *genl = genlmsg_hdr(nlmsg_hdr(msg));
	struct nlattr *attr;
	int rest;

	(void)data;
	nla_for_each_attr(attr, genlmsg_attrdata(genl, 0),
			  genlmsg_attrlen(genl, 0), rest)
		print_attribute(nla_type(attr), nla_data(attr), nla_len(attr));
	putchar('\n');
	pause_shortly();
	return NL_OK;
}

int main(int argc, char **argv)
{
	struct task_diag_pid pid = {};
	struct nl_sock *socket;
	struct nl_msg *msg;
	int family;

	if (argc != 4)
		return 2;
	pid.show_flags = strtoull(argv[1], NULL, 0);
	pid.dump_strategy = strtoull(argv[2], NULL, 0);
	pid.pid = strtoul(argv[3], NULL, 0);

	socket = nl_socket_alloc();
	msg = nlmsg_alloc();
	if (!socket || !msg)
		return 1;
	check("connect", genl_connect(socket));
	family = genl_ctrl_resolve(socket, TASK_DIAG_GENL_NAME);
	check("family", family);
	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_DUMP,
		    TASK_DIAG_CMD_GET, TASK_DIAG_GENL_VERSION);
	check("request", nla_put(msg, TASK_DIAG_CMD_ATTR_GET, sizeof(pid), &pid));
	check("callback", nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM,
					      print_message, NULL));
	check("send", nl_send_auto(socket, msg));
	check("receive", nl_recvmsgs_default(socket));
	nlmsg_free(msg);
	nl_socket_free(socket);
	return 0;
}
