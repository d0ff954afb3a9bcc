/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink messages and attributes in a buffer, parsed one by one.
 *
 * Depends on netlink headers only.
 */
#ifndef TASKDIAG_ATTR_H
#define TASKDIAG_ATTR_H

#include <stddef.h>
#include <linux/netlink.h>
#include <linux/types.h>

/* The unparsed rest of a buffer. */
struct td_span {
	const unsigned char *at;
	size_t len;
};

struct td_attr {
	__u16 type;
	const unsigned char *data;
	size_t len;
};

/*
 * Parse the first attribute or message of @span and remove it.  Return 1 if
 * there is one, 0 at the end, -EBADMSG if it is malformed.
 */
int td_next_attr(struct td_span *span, struct td_attr *attr);
int td_next_message(struct td_span *span, const struct nlmsghdr **nlh);

/* Return the value of an integer attribute; missing bytes are zero. */
__u16 td_attr_u16(const struct td_attr *attr);
__u32 td_attr_u32(const struct td_attr *attr);

/*
 * Copy a structure.  Structures grow at the end: unknown bytes are ignored,
 * missing ones are zero.
 */
void td_attr_struct(const struct td_attr *attr, void *out, size_t size);

#endif /* TASKDIAG_ATTR_H */
