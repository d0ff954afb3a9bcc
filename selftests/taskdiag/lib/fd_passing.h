/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Passing a descriptor to another process over a socket pair.
 *
 * Depends on Unix sockets; must not depend on task_diag.
 */
#ifndef TASKDIAG_FD_PASSING_H
#define TASKDIAG_FD_PASSING_H

/*
 * Open a socket pair: receive from [0], send to [1]. Return 0 or a negative
 * errno.
 */
int fd_passing_open(int ends[2]);
int fd_passing_send(int end, int fd);

/* Return the descriptor or a negative errno; fails after a timeout. */
int fd_passing_receive(int end);

#endif /* TASKDIAG_FD_PASSING_H */
