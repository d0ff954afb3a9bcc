/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expected BASE and CRED: the comparison of a row with a task in procfs.
 *
 * Depends on procfs.h and answer.h; must not depend on tests.
 */
#ifndef TASKDIAG_EXPECTED_TASK_H
#define TASKDIAG_EXPECTED_TASK_H

#include <stdbool.h>
#include <stddef.h>

#include "procfs.h"
#include "answer.h"

/*
 * Compare all fields of BASE and CRED that procfs shows.  The state is compared
 * only if @with_state, as most tasks change theirs at any time.  Return true if
 * all are equal; if not, @text receives the difference.
 */
bool expected_task_matches(const struct td_row *row,
			   const struct procfs_task *task, bool with_state,
			   char *text, size_t size);

#endif /* TASKDIAG_EXPECTED_TASK_H */
