/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Namespaces of one's own: to fork into, to be root of, to choose numbers in.
 * Knows namespaces and procfs; knows no task_diag.
 */
#ifndef TASKDIAG_NAMESPACE_H
#define TASKDIAG_NAMESPACE_H

#include <sys/types.h>
#include <linux/types.h>

/* All return 0 or a negative errno unless they say more. */

/* As fork(), into the new namespaces that @flags, of CLONE_NEW*, name. */
pid_t namespace_fork(__u64 flags);

/* Leave for a user namespace in which the ids we have are root's. */
int namespace_become_root(void);

/* How many there may be of @type, "pid" or "user", below the one we are root of. */
int namespace_limit(const char *type, unsigned int limit);

/*
 * Begin a pid namespace, with what @flags name beside, of an init and a number
 * of processes that sleep.  Returns when all are there and init has done what
 * @init_fn, if given, is: the number of init outside, or a negative errno, of which
 * -ENOSPC says that there are as many as there may be.
 */
pid_t namespace_begin(__u64 flags, unsigned int sleepers,
		      void (*init_fn)(void *arg), void *arg);

/* The same, when those that are going have had the time to go. */
pid_t namespace_begin_retry(__u64 flags, unsigned int sleepers,
			    void (*init_fn)(void *arg), void *arg);

/* End it, all of its processes included. */
void namespace_end(pid_t init);

/* In a mount namespace of our own: have /proc show our pid namespace. */
int namespace_mount_procfs(void);

/*
 * Let the next process or thread that is made in the caller's pid namespace
 * have this number, if it is free; wants CAP_CHECKPOINT_RESTORE or better, and
 * that nobody else is quicker.
 */
int namespace_next_pid(pid_t pid);

#endif /* TASKDIAG_NAMESPACE_H */
