/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A storm of tasks: processes that fork, execute, exit, make threads, leave
 * orphans and change their names as fast as they can, under numbers that are
 * used again and again.  Knows how tasks come and go; knows no task_diag.
 */
#ifndef TASKDIAG_FORK_STORM_H
#define TASKDIAG_FORK_STORM_H

#include <stdbool.h>
#include <sys/types.h>
#include <linux/types.h>

/* The ways to come and go, a worker each. */
enum storm_worker {
	STORM_FORK,		/* fork, exit, be reaped; a new name each time */
	STORM_CHILDREN,		/* several children at a time, and zombies */
	STORM_THREADS,		/* threads that come and go */
	STORM_EXEC,		/* programs that start and end at once */
	STORM_THREAD_EXEC,	/* execve() by a thread that is no leader */
	STORM_ORPHANS,		/* children left behind for others to reap */
	STORM_LOW_PIDS,		/* go back to low numbers */
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

/* What a program has to return from main() at once when this is its role. */
#define FORK_STORM_ROLE "--come-and-go"

/*
 * Wants to be root in a pid namespace of its own, whose numbers up to @highest
 * are used.  0 or a negative errno.
 */
int fork_storm_begin(struct fork_storm *storm, pid_t highest);

/* A way that no worker has gone once, or STORM_WORKERS if there is none. */
int fork_storm_idle_worker(const struct fork_storm *storm);

/*
 * Let all of them finish what they are at.  To kill them would do on most
 * machines; User-Mode Linux has been seen not to survive a kill amid fork().
 */
void fork_storm_end(struct fork_storm *storm);

#endif /* TASKDIAG_FORK_STORM_H */
