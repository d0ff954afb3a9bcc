/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Temporary cgroups in the default hierarchy.
 *
 * Depends on setting.h and cgroup2; must not depend on task_diag.
 */
#ifndef TASKDIAG_CGROUPS_H
#define TASKDIAG_CGROUPS_H

#include <sys/types.h>
#include <linux/types.h>

/* All functions return 0 or a negative errno unless noted. */

/*
 * Mount the hierarchy where no other process sees it, and make a directory in
 * it.
 */
int cgroups_begin(void);

/* Remove all cgroups of this program; tasks in them move to the root first. */
void cgroups_end(void);

/*
 * Names are relative to that directory; "" is the directory itself, and "/" is
 * the root of the hierarchy.
 */
int cgroups_make(const char *name);
int cgroups_remove(const char *name);

/* Move a process, or a single thread into a threaded cgroup. */
int cgroups_move(const char *name, pid_t pid);
int cgroups_move_thread(const char *name, pid_t tid);
int cgroups_allow_threads(const char *name);

/* Return the id of a cgroup, 0 if there is none. */
__u64 cgroups_id(const char *name);

/* Return the path of the directory in the hierarchy, with a leading slash. */
const char *cgroups_path(void);

/* Return a descriptor of the directory. */
int cgroups_dir(void);

#endif /* TASKDIAG_CGROUPS_H */
