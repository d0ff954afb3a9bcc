/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle: what procfs says about tasks, put into the structures that
 * task_diag answers with.  Knows procfs and the ABI structures; knows no
 * socket.
 */
#ifndef TASKDIAG_PROCFS_H
#define TASKDIAG_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/taskdiag.h>

#include "pid_set.h"

/* procfs appends to the names of kernel threads, up to this many bytes. */
#define PROCFS_NAME_LEN 64

struct procfs_task {
	struct task_diag_base base;	/* comm: the first 15 bytes of name */
	struct task_diag_creds cred;	/* but for securebits, not shown here */
	char name[PROCFS_NAME_LEN + 1];
	bool kernel_thread;
};

struct procfs_snapshot {
	struct procfs_task *task;	/* by number, ascending */
	size_t nr;
};

/* The root of what is mounted on /proc: a descriptor, or -1 with errno. */
int procfs_open(void);

/*
 * @proc is a descriptor of a procfs mount's root.  All return 0 or a negative
 * errno: -ESRCH or -ENOENT for a task that is not there, -EAGAIN for one that
 * changed while it was read.
 */
int procfs_processes(int proc, struct pid_set *pids);
int procfs_threads(int proc, pid_t pid, struct pid_set *tids);

/* The union of what each thread of @pid started. */
int procfs_children(int proc, pid_t pid, struct pid_set *pids);

/* @tid 0: the process as a whole, read from /proc/PID itself. */
int procfs_read(int proc, pid_t pid, pid_t tid, struct procfs_task *task);

/*
 * The whole of a file of the task, however long, with a NUL behind it; to be
 * freed.  NULL with errno.
 */
char *procfs_file(int proc, pid_t pid, pid_t tid, const char *name,
		  size_t *len);

/* Every process, or every thread; tasks that end meanwhile are left out. */
int procfs_snapshot(int proc, bool threads, struct procfs_snapshot *shot);
void procfs_snapshot_free(struct procfs_snapshot *shot);
const struct procfs_task *procfs_find(const struct procfs_snapshot *shot,
				      __u32 pid);

#endif /* TASKDIAG_PROCFS_H */
