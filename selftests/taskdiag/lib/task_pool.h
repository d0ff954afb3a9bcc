/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A population of tasks whose every property is known, because it was asked
 * for.  They stay as they are until population_end(), and do not outlive the
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
enum pose {
	POSE_SLEEPS,
	POSE_STOPPED,		/* by SIGSTOP */
	POSE_ZOMBIE,
	POSE_LEADER_GONE,	/* a zombie leader of threads that live on */
	POSE_TRACED,		/* has a tracer and sleeps */
	POSE_TRACE_STOPPED,	/* has a tracer that stopped it */
	POSE_SETUID,		/* has executed a set-user-id-root program */
	POSE_IN_EXEC,		/* amid execve(): waits for a thread to end */
};

/*
 * What these last two execute is the running program, for the one of them as
 * program_install() has put it down: main() has to hand over to
 * population_role() when this is its role.
 */
#define POPULATION_ROLE "--member"

int population_role(char **argv);

struct member_spec {
	const char *name;		/* NULL: as its parent */
	const struct identity *who;	/* NULL: as its parent */
	enum pose pose;
	bool own_session;
	bool own_group;
	unsigned int threads;		/* beside the leader */
	unsigned int children;		/* started by leader and threads in turn */
	bool threads_differ;		/* in name and ids from the leader */
};

struct member {
	struct member_spec spec;
	pid_t pid;
	pid_t tracer;		/* the process that traces it, 0 for none */
	pid_t tracer_thread;	/* and the very thread */
};

struct population {
	pid_t maker;		/* the parent of all its members */
	struct member *member;
	size_t nr;
	size_t room;
	int lifeline;		/* what those who sleep read from ... */
	int lifeline_end;	/* ... until this, the other end, is closed */
	char error[96];		/* what went wrong */
};

/* All return 0 or a negative errno, with a text in population::error. */
int population_begin(struct population *p);

/* Make one more and wait until it is set up; it is the last of p->member. */
int population_add(struct population *p, const struct member_spec *spec);

/* Make @each more of every one of @specs, by turns. */
int population_add_all(struct population *p, const struct member_spec specs[],
		       size_t nr, unsigned int each);

/* Wait until /proc shows every task in the state it is to stay in. */
int population_settle(struct population *p);

/* End and reap them all, children and tracers included. */
void population_end(struct population *p);

#endif /* TASKDIAG_TASK_POOL_H */
