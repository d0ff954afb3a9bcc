/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The procfs reference: fields of tasks in procfs, in the structures of the
 * ABI.
 *
 * Depends on pid_set.h and the ABI structures; must not depend on netlink.
 */
#ifndef TASKDIAG_PROCFS_H
#define TASKDIAG_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/taskdiag.h>

#include "pid_set.h"

/* Maximum length of a name, as procfs appends to names of kernel threads. */
#define PROCFS_NAME_LEN 64

struct procfs_task {
	struct task_diag_base base;	/* comm: first 15 bytes of name */
	struct task_diag_creds cred;	/* except securebits */
	char name[PROCFS_NAME_LEN + 1];
	bool kernel_thread;
};

struct procfs_snapshot {
	struct procfs_task *task;	/* ascending by pid */
	size_t nr;
};

/* Return a descriptor of /proc, or -1 and set errno. */
int procfs_open(void);

/*
 * @proc is a descriptor of the root of a procfs mount.  All functions return 0
 * or a negative errno: -ESRCH or -ENOENT for a task that does not exist,
 * -EAGAIN for one that changed while it was read.
 */
int procfs_processes(int proc, struct pid_set *pids);
int procfs_threads(int proc, pid_t pid, struct pid_set *tids);

/* List the children of all threads of @pid. */
int procfs_children(int proc, pid_t pid, struct pid_set *pids);

/* @tid 0: read the process from /proc/PID itself. */
int procfs_read(int proc, pid_t pid, pid_t tid, struct procfs_task *task);

/*
 * Read a whole file of the task, with a NUL appended.  The result is to be
 * freed; NULL with errno on failure.
 */
char *procfs_file(int proc, pid_t pid, pid_t tid, const char *name,
		  size_t *len);

/* Return the text after "Key:" at the beginning of a line of @text, or NULL. */
const char *procfs_value(const char *text, const char *key);

/* Read all processes or all threads; tasks that end meanwhile are omitted. */
int procfs_snapshot(int proc, bool threads, struct procfs_snapshot *shot);
void procfs_snapshot_free(struct procfs_snapshot *shot);
const struct procfs_task *procfs_find(const struct procfs_snapshot *shot,
				      __u32 pid);

#endif /* TASKDIAG_PROCFS_H */
