/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Namespaces for a test: to fork into, to be root of, and to choose pids in.
 *
 * Depends on setting.h and procfs; must not depend on task_diag.
 */
#ifndef TASKDIAG_NAMESPACE_H
#define TASKDIAG_NAMESPACE_H

#include <sys/types.h>
#include <linux/types.h>

/* All functions return 0 or a negative errno unless noted. */

/* Like fork(), into the new namespaces that the CLONE_NEW* flags name. */
pid_t namespace_fork(__u64 flags);

/* Enter a new user namespace that maps the caller's ids to root. */
int namespace_become_root(void);

/*
 * Limit the number of namespaces of @type, "pid" or "user", below the caller's
 * user namespace.
 */
int namespace_limit(const char *type, unsigned int limit);

/*
 * Start a pid namespace, with the further namespaces in @flags, that has an
 * init and @sleepers sleeping processes.  Returns when all of them exist and
 * init has run @init_fn, if given.  Returns the pid of init outside or a
 * negative errno: -ENOSPC if the limit is reached.
 */
pid_t namespace_begin(__u64 flags, unsigned int sleepers,
		      void (*init_fn)(void *arg), void *arg);

/* namespace_begin() with retries while ended namespaces are being freed. */
pid_t namespace_begin_retry(__u64 flags, unsigned int sleepers,
			    void (*init_fn)(void *arg), void *arg);

/*
 * Continue as root of a new user namespace, in the first process of a new pid
 * namespace.  @limit is the number of pid namespaces there, this one included.
 * The calling process waits for the new one and exits with its status.
 */
int namespace_enter_limited(unsigned int limit);

/* End all processes of the namespace. */
void namespace_end(pid_t init);

/*
 * Mount a procfs of the caller's pid namespace on /proc; requires a mount
 * namespace of its own.
 */
int namespace_mount_procfs(void);

/*
 * Give the next process or thread in the caller's pid namespace this pid, if it
 * is free.  Requires CAP_CHECKPOINT_RESTORE, and that no other process forks
 * first.
 */
int namespace_next_pid(pid_t pid);

#endif /* TASKDIAG_NAMESPACE_H */
