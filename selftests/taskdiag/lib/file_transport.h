/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transaction file /proc/task-diag in the clothes of a netlink socket, so
 * that a test of the one is a test of the other: requests lose their
 * generic-netlink header on the way in, messages get one on the way out.  Knows
 * files and message headers; what is in a message it does not look at.
 */
#ifndef TASKDIAG_FILE_TRANSPORT_H
#define TASKDIAG_FILE_TRANSPORT_H

#include "taskdiag_nl.h"

#define TD_FILE "/proc/" TASK_DIAG_PROC_NAME

/* All return 0 or a negative errno unless they say more. */

/* -ENOENT where there is no such file. */
int td_file_open(struct td_sock *s);

/* Refused requests are told of by the answer, as on a socket. */
int td_file_send(struct td_sock *s, const void *bytes, size_t len);

/* The number of bytes; -EAGAIN if there is nothing to be read. */
ssize_t td_file_receive(struct td_sock *s);

#endif /* TASKDIAG_FILE_TRANSPORT_H */
