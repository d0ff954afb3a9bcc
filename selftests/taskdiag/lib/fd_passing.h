/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handing a descriptor to another process over a pair of local sockets.  Knows
 * descriptors and not what they are of.
 */
#ifndef TASKDIAG_FD_PASSING_H
#define TASKDIAG_FD_PASSING_H

/* Both ends, [0] to take from and [1] to give to.  0 or a negative errno. */
int fd_passing_open(int ends[2]);
int fd_passing_send(int end, int fd);

/* The descriptor, or a negative errno; does not wait for ever. */
int fd_passing_receive(int end);

#endif /* TASKDIAG_FD_PASSING_H */
