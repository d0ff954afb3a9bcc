/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client of the TASKDIAG family: opens a transport, sends any bytes or a
 * request, and receives datagrams.
 *
 * Depends on sock.h, attr.h and file_transport.h; must not depend on procfs or
 * tests.
 */
#ifndef TASKDIAG_CLIENT_H
#define TASKDIAG_CLIENT_H

#include <sys/socket.h>
#include <sys/types.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskdiag.h>

#include "sock.h"

/* A request as sent over a socket. */
struct td_request {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	struct nlattr nla;
	struct task_diag_pid query;
};

/* A further attribute of a request. */
struct td_filter {
	__u16 type;		/* TASK_DIAG_CMD_ATTR_* */
	const void *data;
	size_t len;
};

/* All functions return 0 or a negative errno unless noted. */

/* td_open() opens /proc/task-diag instead of a socket. */
extern bool td_use_file;

/* Return -ENOENT if the kernel has no such family or file. */
int td_open(struct td_sock *s, size_t size);

/*
 * Open the transaction file of the procfs mount whose root directory is the
 * descriptor @root.
 */
int td_open_mount(struct td_sock *s, int root, size_t size);
void td_close(struct td_sock *s);

/* Use descriptor @fd, which another task has opened like @like. */
int td_adopt(struct td_sock *s, int fd, const struct td_sock *like);

/* Send @len bytes unchanged, with SCM_CREDENTIALS @as if given. */
int td_send_bytes(struct td_sock *s, const void *bytes, size_t len,
		  const struct ucred *as);

/* Make a well-formed request with the next sequence number. */
void td_make_request(struct td_sock *s, const struct task_diag_pid *query,
		     __u16 flags, struct td_request *request);

/* Make and send a request. */
int td_send_request(struct td_sock *s, const struct task_diag_pid *query,
		    __u16 flags, const struct ucred *as);

/* Make and send a request with filters. */
int td_send_filtered(struct td_sock *s, const struct task_diag_pid *query,
		     __u16 flags, const struct td_filter *filter, size_t nr);

/* Receive one datagram into the buffer.  Return its length. */
ssize_t td_receive_raw(struct td_sock *s, int flags);

/*
 * Send a request, always with the same sequence number, and receive a reply of
 * one datagram.  Return its length or a negative errno: -EMSGSIZE if it is
 * larger than @size, -EBADMSG if there is another datagram.
 */
ssize_t td_query_raw(struct td_sock *s, const struct task_diag_pid *query,
		     __u16 flags, unsigned char *bytes, size_t size);

/* Query TASK_DIAG_CMD_FEATURES; an error of the kernel is returned. */
int td_features(struct td_sock *s, struct task_diag_features *features);

#endif /* TASKDIAG_CLIENT_H */
