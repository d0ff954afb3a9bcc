/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Holds what task_diag says about a task against what procfs says about it.
 * Knows both, and no test.
 */
#ifndef TASKDIAG_EXPECTED_TASK_H
#define TASKDIAG_EXPECTED_TASK_H

#include <stdbool.h>
#include <stddef.h>

#include "procfs.h"
#include "taskdiag_nl.h"

/*
 * Compare every field of BASE and CRED that procfs shows.  The state is only
 * compared on demand: most tasks change theirs as they please.  Returns whether
 * all are equal; if not, @text says what is not.
 */
bool expected_task_matches(const struct td_row *row,
			   const struct procfs_task *task, bool with_state,
			   char *text, size_t size);

#endif /* TASKDIAG_EXPECTED_TASK_H */
