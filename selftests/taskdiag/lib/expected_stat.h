/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expected STAT: the times and sizes of a task in procfs, and their comparison.
 *
 * Depends on procfs.h and the ABI structures; must not depend on netlink.
 */
#ifndef TASKDIAG_EXPECTED_STAT_H
#define TASKDIAG_EXPECTED_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/taskdiag.h>

/*
 * Read stat, statm, status and schedstat of /proc/PID (@tid 0) or of
 * /proc/PID/task/TID.  Return 0 or a negative errno, like procfs_read().
 */
int expected_stat_read(int proc, pid_t pid, pid_t tid,
		       struct task_diag_stat *stat);

/*
 * Return true if each field of @reported equals the values in procfs before and
 * after the dump, in the unit that procfs uses.  A counter may lie between the
 * two values.  All other fields are compared only if @still says that the task
 * does not change.
 */
bool expected_stat_matches(const struct task_diag_stat *reported,
			   const struct task_diag_stat *before,
			   const struct task_diag_stat *after, bool still,
			   char *text, size_t size);

#endif /* TASKDIAG_EXPECTED_STAT_H */
