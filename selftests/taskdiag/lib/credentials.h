/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Credentials of a task: ids, capabilities, securebits and dumpability, and a
 * function that assumes them.
 *
 * Depends on system calls only; must not depend on task_diag.
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
	__u32 group;		/* supplementary group; 0: none */
	__u64 permitted;	/* limited to the caller's set */
	__u64 effective;
	__u64 inheritable;
	__u64 ambient;
	__u64 dropped;		/* removed from the bounding set */
	__u32 securebits;
	bool no_new_privs;
	bool undumpable;
};

/*
 * Give the calling thread the credentials @creds.  Requires root.  Return 0 or
 * a negative errno; @step receives the step that failed.
 */
int credentials_assume(const struct credentials *creds, const char **step);

#endif /* TASKDIAG_CREDENTIALS_H */
