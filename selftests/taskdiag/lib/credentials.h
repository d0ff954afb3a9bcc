/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who a process is: ids, capabilities and what else its credentials hold, and
 * how to become that.  Knows nothing about what is asked of it afterwards.
 */
#ifndef TASKDIAG_CREDENTIALS_H
#define TASKDIAG_CREDENTIALS_H

#include <stdbool.h>
#include <linux/capability.h>
#include <linux/types.h>

/* The four ids in the order of /proc/PID/status. */
struct ids {
	__u32 real;
	__u32 effective;
	__u32 saved;
	__u32 fs;
};

#define CAP_BIT(cap) (1ULL << (cap))
#define CAP_ALL (~0ULL)

struct credentials {
	struct ids uid;
	struct ids gid;
	__u64 permitted;	/* what is more than the caller has is cut off */
	__u64 effective;
	__u64 inheritable;
	__u64 ambient;
	__u64 dropped;		/* from the bounding set */
	__u32 securebits;
	bool no_new_privs;
	bool undumpable;
};

/*
 * Become @creds, for the calling thread; wants root's rights.  0 or a negative
 * errno with the step that failed in @step.
 */
int credentials_assume(const struct credentials *creds, const char **step);

#endif /* TASKDIAG_CREDENTIALS_H */
