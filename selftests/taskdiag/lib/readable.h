/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reference of access: the tasks below a procfs mount that the caller can
 * list, and the groups whose files it can read, found by reading them one by
 * one.
 *
 * Depends on pid_set.h, procfs.h and the ABI; must not depend on netlink.
 */
#ifndef TASKDIAG_READABLE_H
#define TASKDIAG_READABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/taskdiag.h>

/* The groups that stat and status consist of. */
#define READABLE_STATUS \
	(TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_CRED | TASK_DIAG_SHOW_STAT | \
	 TASK_DIAG_SHOW_IDENT | TASK_DIAG_SHOW_SIGNALS | TASK_DIAG_SHOW_SCHED | \
	 TASK_DIAG_SHOW_NSPID)

/* The groups whose files have the mode 0400. */
#define OWNER_GROUPS	(TASK_DIAG_SHOW_IO | TASK_DIAG_SHOW_ENVIRON)

struct readable_task {
	__u32 pid;
	__u32 ppid;		/* 0 without READABLE_STATUS */
	__u64 groups;		/* TASK_DIAG_SHOW_*, complete ones */
	bool limits;		/* the limits of FILES */
};

struct readable {
	struct readable_task *task;	/* ascending by pid */
	size_t nr;
};

/*
 * Read the files of all processes or all threads below the descriptor @root.
 * The threads of a process are unknown if its status cannot be read, even if a
 * sandbox lets the caller list them.  Return 0 or a negative errno; no task is
 * found if @root cannot be listed.
 */
int readable_take(int root, bool threads, struct readable *r);
void readable_free(struct readable *r);

/* Read the files of one task; false if it does not exist. */
bool readable_one(int root, __u32 pid, struct readable_task *task);

const struct readable_task *readable_find(const struct readable *r, __u32 pid);
bool readable_equal(const struct readable *a, const struct readable *b);

/* Remove the task, if it is there. */
void readable_remove(struct readable *r, __u32 pid);

#endif /* TASKDIAG_READABLE_H */
