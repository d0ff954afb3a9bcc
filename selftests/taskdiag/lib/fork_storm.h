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
enum churn_way {
	CHURN_FORK,		/* fork, exit, be reaped; a new name each time */
	CHURN_BROOD,		/* several children at a time, and zombies */
	CHURN_THREAD,		/* threads that come and go */
	CHURN_EXEC,		/* programs that start and end at once */
	CHURN_THREAD_EXEC,	/* execve() by a thread that is no leader */
	CHURN_ORPHAN,		/* children left behind for others to reap */
	CHURN_REWIND,		/* go back to low numbers */
	CHURN_WAYS,
};

/* Shared with the workers. */
struct churn_state {
	bool stop;
	__u64 rounds[CHURN_WAYS];
};

struct churn {
	pid_t root;		/* parent of all workers */
	struct churn_state *state;
};

/* What a program has to return from main() at once when this is its role. */
#define CHURN_ROLE "--come-and-go"

/*
 * Wants to be root in a pid namespace of its own, whose numbers up to @highest
 * are used.  0 or a negative errno.
 */
int churn_begin(struct churn *churn, pid_t highest);

/* A way that no worker has gone once, or CHURN_WAYS if there is none. */
int churn_missed(const struct churn *churn);

/*
 * Let all of them finish what they are at.  To kill them would do on most
 * machines; User-Mode Linux has been seen not to survive a kill amid fork().
 */
void churn_end(struct churn *churn);

#endif /* TASKDIAG_FORK_STORM_H */
