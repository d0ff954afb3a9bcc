/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle of times and sizes: what procfs says about what STAT tells, and
 * what of both has to be equal.  Knows procfs and the ABI structures; knows no
 * socket.
 */
#ifndef TASKDIAG_EXPECTED_STAT_H
#define TASKDIAG_EXPECTED_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/taskdiag.h>

/*
 * Of /proc/PID (@tid 0) or /proc/PID/task/TID: stat, statm, status, schedstat.
 * 0 or a negative errno, as procfs_read().
 */
int expected_stat_read(int proc, pid_t pid, pid_t tid,
		       struct task_diag_stat *stat);

/*
 * Is each field of @reported what procfs had before and after, in the unit in which
 * procfs has it?  What only grows may lie between the two; of all else @still
 * says that it has kept still, and where it has not it is not compared.
 */
bool expected_stat_matches(const struct task_diag_stat *reported,
			   const struct task_diag_stat *before,
			   const struct task_diag_stat *after, bool still,
			   char *text, size_t size);

#endif /* TASKDIAG_EXPECTED_STAT_H */
