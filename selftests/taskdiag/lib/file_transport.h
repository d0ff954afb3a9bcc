/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file /proc/task-diag with the message format of a netlink socket, so that
 * tests run over both: requests lose their generic-netlink header, replies get
 * one.
 *
 * Depends on sock.h and attr.h; must not depend on client.h.
 */
#ifndef TASKDIAG_FILE_TRANSPORT_H
#define TASKDIAG_FILE_TRANSPORT_H

#include <sys/types.h>
#include <linux/taskdiag.h>

#include "sock.h"

#define TD_FILE "/proc/" TASK_DIAG_PROC_NAME

/* All functions return 0 or a negative errno unless noted. */

/* Open @path below @dir; -ENOENT if the file does not exist. */
int td_file_open(struct td_sock *s, int dir, const char *path);

/* As on a socket, the reply reports a refused request. */
int td_file_send(struct td_sock *s, const void *bytes, size_t len);

/* Return the number of bytes, -EAGAIN if there is nothing to read. */
ssize_t td_file_receive(struct td_sock *s);

#endif /* TASKDIAG_FILE_TRANSPORT_H */
