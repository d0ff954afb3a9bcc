/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mounts of procfs: without a path, which exist until their descriptor is closed,
 * and on /proc.
 *
 * Depends on system calls only; must not depend on task_diag.
 */
#ifndef TASKDIAG_PROCFS_MOUNT_H
#define TASKDIAG_PROCFS_MOUNT_H

/*
 * Mount a procfs of the caller's pid namespace with the options "NAME=VALUE",
 * separated by commas.  Return a descriptor of its root directory, opened with
 * O_PATH, or a negative errno.
 */
int procfs_mount(const char *options);

/*
 * Change the options of the procfs with root directory @root.  Return 0 or a
 * negative errno.
 */
int procfs_reconfigure(int root, const char *options);

/*
 * Mount a procfs with hidepid=ptraceable on /proc, in a mount namespace of its
 * own: for tests of the access check over any transport.  Requires root.
 * Return 0 or a negative errno.
 */
int procfs_hide_others(void);

#endif /* TASKDIAG_PROCFS_MOUNT_H */
