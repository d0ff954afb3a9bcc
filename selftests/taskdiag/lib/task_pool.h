/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool of tasks with specified properties.  They do not change until
 * task_pool_end(), and end with their parent.
 *
 * Depends on credentials.h, procfs.h and program.h; must not depend on
 * task_diag.
 */
#ifndef TASKDIAG_TASK_POOL_H
#define TASKDIAG_TASK_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "credentials.h"

/* State of a task after its setup. */
enum pool_state {
	POOL_SLEEPING,
	POOL_STOPPED,		/* by SIGSTOP */
	POOL_ZOMBIE,
	POOL_LEADER_EXITED,	/* zombie leader, other threads remain */
	POOL_TRACED,		/* has a tracer and sleeps */
	POOL_TRACE_STOPPED,	/* stopped by its tracer */
	POOL_SETUID,		/* executed a set-user-id-root program */
	POOL_IN_EXEC,		/* in execve(), waits for a thread to end */
};

/*
 * The last two execute the running program, POOL_SETUID the copy that
 * program_install() made: main() must call task_pool_role() if this is its
 * role.
 */
#define TASK_POOL_ROLE "--pool-task"

int task_pool_role(char **argv);

struct task_spec {
	const char *name;		/* NULL: that of the parent */
	const struct credentials *creds;	/* NULL: those of the parent */
	enum pool_state state;
	bool own_session;
	bool own_group;
	unsigned int threads;		/* without the leader */
	unsigned int children;		/* forked by all threads in turn */
	bool threads_differ;		/* own names and ids */
};

struct pool_task {
	struct task_spec spec;
	pid_t pid;
	pid_t tracer;		/* process that traces it, 0: none */
	pid_t tracer_thread;	/* thread of the tracer */
};

struct task_pool {
	pid_t parent;		/* parent of all tasks */
	struct pool_task *task;
	size_t nr;
	size_t capacity;
	int end_pipe;		/* sleeping tasks read from this end ... */
	int end_pipe_write;	/* ... until this other end is closed */
	char error[96];		/* what failed */
};

/*
 * All functions return 0 or a negative errno, with a text in task_pool::error.
 */
int task_pool_begin(struct task_pool *p);

/* Make one more task and wait until it is set up; it is the last of p->task. */
int task_pool_add(struct task_pool *p, const struct task_spec *spec);

/* Make @each more of each of @specs, in turn. */
int task_pool_add_all(struct task_pool *p, const struct task_spec specs[],
		      size_t nr, unsigned int each);

/* Start a pool of @each tasks of each of @specs, in turn, and settle it. */
int task_pool_begin_with(struct task_pool *p, const struct task_spec specs[],
			 size_t nr, unsigned int each);

/* Wait until /proc shows all tasks in their final state. */
int task_pool_settle(struct task_pool *p);

/* End and reap all tasks, their children and tracers included. */
void task_pool_end(struct task_pool *p);

#endif /* TASKDIAG_TASK_POOL_H */
