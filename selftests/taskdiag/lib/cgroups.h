/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cgroups of one's own in the default hierarchy, to put tasks into.  Knows
 * cgroup2 and mounts; knows no task_diag.
 */
#ifndef TASKDIAG_CGROUPS_H
#define TASKDIAG_CGROUPS_H

#include <sys/types.h>
#include <linux/types.h>

/* All return 0 or a negative errno unless they say more. */

/* Mount the hierarchy where nobody else sees it, and make a folder in it. */
int cgroups_begin(void);

/* Unmake them all; who is still in one goes to the root first. */
void cgroups_end(void);

/*
 * All names are relative to that folder, "" is the folder itself; "/" is the
 * root of the hierarchy.
 */
int cgroups_make(const char *name);
int cgroups_remove(const char *name);

/* The process, or the thread alone, where threads may go. */
int cgroups_move(const char *name, pid_t pid);
int cgroups_move_thread(const char *name, pid_t tid);
int cgroups_allow_threads(const char *name);

/* Its number; 0 if there is none. */
__u64 cgroups_id(const char *name);

/* What the path of the folder is in the hierarchy, with a slash in front. */
const char *cgroups_path(void);

/* A descriptor of the folder itself. */
int cgroups_dir(void);

#endif /* TASKDIAG_CGROUPS_H */
