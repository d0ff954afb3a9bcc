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
int namespace_be_root(void);

/* In a mount namespace of our own: have /proc show our pid namespace. */
int namespace_mount_procfs(void);

/*
 * Let the next process or thread that is made in the caller's pid namespace
 * have this number, if it is free; wants CAP_CHECKPOINT_RESTORE or better, and
 * that nobody else is quicker.
 */
int namespace_next_pid(pid_t pid);

#endif /* TASKDIAG_NAMESPACE_H */
