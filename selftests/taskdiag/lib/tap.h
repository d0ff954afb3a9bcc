/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A netlink tap: an nlmon device with a packet socket on it, and a count of the
 * messages that the socket received.  Depends on rtnetlink, packet sockets and
 * message headers; must not depend on test code.
 */
#ifndef TASKDIAG_TAP_H
#define TASKDIAG_TAP_H

#include <stdbool.h>
#include <linux/types.h>

/**
 * struct tap - an nlmon device of the caller's network namespace
 * @route: rtnetlink socket
 * @packets: packet socket bound to the device
 * @index: interface index
 */
struct tap {
	int route;
	int packets;
	int index;
};

/* Messages that a tap received. */
struct tap_count {
	unsigned int messages;	/* of any kind */
	unsigned int requests;	/* requests to the family */
	unsigned int rows;	/* replies of the family to TASK_DIAG_CMD_GET */
	unsigned int families;	/* replies of nlctrl */
	unsigned int secrets;	/* datagrams that contain the secret */
};

/*
 * Create the device, which is down, and the packet socket.  Requires
 * CAP_NET_ADMIN and CAP_NET_RAW over the network namespace.  Return 0 or a
 * negative errno: -EOPNOTSUPP without nlmon, -EAFNOSUPPORT without AF_PACKET.
 */
int tap_create(struct tap *tap);

/* Bring the device up or down.  Return 0 or a negative errno. */
int tap_set(const struct tap *tap, bool up);

/*
 * Receive all datagrams queued at packet socket @packets and add them to
 * @count.  @family is the family's id, @secret a string that only rows contain.
 * Return 0 or a negative errno.
 */
int tap_drain(int packets, __u16 family, const char *secret,
	      struct tap_count *count);

#endif /* TASKDIAG_TAP_H */
