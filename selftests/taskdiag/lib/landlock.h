/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entering a Landlock sandbox, which cannot be left.
 *
 * Depends on system calls only.
 */
#ifndef TASKDIAG_LANDLOCK_H
#define TASKDIAG_LANDLOCK_H

#include <stdbool.h>
#include <linux/types.h>

/* Return false if the kernel has no Landlock. */
bool landlock_exists(void);

/*
 * Deny the calling thread to open files and directories, except for @allowed
 * (LANDLOCK_ACCESS_FS_*) below @dir, if it is not -1.  Such a thread may not
 * trace any process outside the sandbox.  Return 0 or a negative errno.
 */
int landlock_enter(int dir, __u64 allowed);

#endif /* TASKDIAG_LANDLOCK_H */
