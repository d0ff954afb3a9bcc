/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A population of tasks whose every property is known, because it was asked
 * for.  They stay as they are until task_pool_end(), and do not outlive the
 * process that made them.  Knows how to make tasks and when procfs shows them
 * made; knows no task_diag.
 */
#ifndef TASKDIAG_TASK_POOL_H
#define TASKDIAG_TASK_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "credentials.h"

/* What a member does once it is made. */
enum pool_state {
	POOL_SLEEPING,
	POOL_STOPPED,		/* by SIGSTOP */
	POOL_ZOMBIE,
	POOL_LEADER_EXITED,	/* a zombie leader of threads that live on */
	POOL_TRACED,		/* has a tracer and sleeps */
	POOL_TRACE_STOPPED,	/* has a tracer that stopped it */
	POOL_SETUID,		/* has executed a set-user-id-root program */
	POOL_IN_EXEC,		/* amid execve(): waits for a thread to end */
};

/*
 * What these last two execute is the running program, for the one of them as
 * program_install() has put it down: main() has to hand over to
 * task_pool_role() when this is its role.
 */
#define TASK_POOL_ROLE "--member"

int task_pool_role(char **argv);

struct task_spec {
	const char *name;		/* NULL: as its parent */
	const struct credentials *creds;	/* NULL: as its parent */
	enum pool_state state;
	bool own_session;
	bool own_group;
	unsigned int threads;		/* beside the leader */
	unsigned int children;		/* started by leader and threads in turn */
	bool threads_differ;		/* in name and ids from the leader */
};

struct pool_task {
	struct task_spec spec;
	pid_t pid;
	pid_t tracer;		/* the process that traces it, 0 for none */
	pid_t tracer_thread;	/* and the very thread */
};

struct task_pool {
	pid_t parent;		/* the parent of all its members */
	struct pool_task *task;
	size_t nr;
	size_t capacity;
	int lifeline;		/* what those who sleep read from ... */
	int lifeline_end;	/* ... until this, the other end, is closed */
	char error[96];		/* what went wrong */
};

/* All return 0 or a negative errno, with a text in task_pool::error. */
int task_pool_begin(struct task_pool *p);

/* Make one more and wait until it is set up; it is the last of p->task. */
int task_pool_add(struct task_pool *p, const struct task_spec *spec);

/* Make @each more of every one of @specs, by turns. */
int task_pool_add_all(struct task_pool *p, const struct task_spec specs[],
		      size_t nr, unsigned int each);

/* Wait until /proc shows every task in the state it is to stay in. */
int task_pool_settle(struct task_pool *p);

/* End and reap them all, children and tracers included. */
void task_pool_end(struct task_pool *p);

#endif /* TASKDIAG_TASK_POOL_H */
