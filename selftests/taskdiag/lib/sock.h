/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open transport: a generic-netlink socket, or the file /proc/task-diag.
 *
 * Depends on kernel types only.
 */
#ifndef TASKDIAG_SOCK_H
#define TASKDIAG_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* The kernel fills dump messages up to the largest buffer it was offered. */
#define TD_LARGE	32768
#define TD_SMALL	8192

struct td_sock {
	int fd;
	bool file;		/* /proc/task-diag: see file_transport.h */
	bool ack_due;		/* the file has no acks: make one ... */
	__u32 seq_due;		/* ... with this sequence number */
	size_t size;		/* of the receive buffer */
	unsigned char *buf;
	__u32 portid;
	__u32 seq;		/* of the last request ... */
	__u64 show;		/* ... and its groups */
	__u16 family;
	__u32 version;
	__u32 hdrsize;
};

#endif /* TASKDIAG_SOCK_H */
