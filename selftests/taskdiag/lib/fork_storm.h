/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fork storm: processes that fork, exec, exit, start threads, leave orphans
 * and change their names as fast as possible, with pids that are reused all the
 * time.
 *
 * Depends on namespace.h and program.h; must not depend on task_diag.
 */
#ifndef TASKDIAG_FORK_STORM_H
#define TASKDIAG_FORK_STORM_H

#include <stdbool.h>
#include <sys/types.h>
#include <linux/types.h>

/* The kinds of workers; the storm has one process per kind. */
enum storm_worker {
	STORM_FORK,		/* forks, exits, is reaped; new names */
	STORM_CHILDREN,		/* several children at a time, and zombies */
	STORM_THREADS,		/* short-lived threads */
	STORM_EXEC,		/* programs that exit at once */
	STORM_THREAD_EXEC,	/* execve() by a thread other than the leader */
	STORM_ORPHANS,		/* orphans for other processes to reap */
	STORM_LOW_PIDS,		/* resets the next pid to a low one */
	STORM_WORKERS,
};

/* Shared with the workers. */
struct fork_storm_state {
	bool stop;
	__u64 rounds[STORM_WORKERS];
};

struct fork_storm {
	pid_t root;		/* parent of all workers */
	struct fork_storm_state *state;
};

/* main() must return at once if this is its first argument. */
#define FORK_STORM_ROLE "--fork-storm"

/*
 * Start a storm that uses pids up to @highest.  Requires root in a pid
 * namespace of its own.  Return 0 or a negative errno.
 */
int fork_storm_begin(struct fork_storm *storm, pid_t highest);

/* Return a worker that has not run yet, or STORM_WORKERS. */
int fork_storm_idle_worker(const struct fork_storm *storm);

/*
 * Let all workers finish their current step.  Killing them would work on most
 * machines, but User-Mode Linux may not survive a kill during fork().
 */
void fork_storm_end(struct fork_storm *storm);

#endif /* TASKDIAG_FORK_STORM_H */
