/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What somebody sees: the tasks of a dump as a set of numbers.  Knows answers
 * and sets; knows no test.
 */
#ifndef TASKDIAG_VISIBLE_PIDS_H
#define TASKDIAG_VISIBLE_PIDS_H

#include <stdbool.h>

#include "pid_set.h"
#include "taskdiag_nl.h"

/* All return 0 or a negative errno unless they say more. */

/* The numbers of @a's rows; -EEXIST if one is there twice. */
int view_of(const struct td_answer *a, struct idset *pids);

/*
 * Every process that a dump over @sock shows the caller.  -EPROTO for an
 * answer that breaks the protocol.
 */
int view_over(struct td_sock *sock, struct idset *pids);

/* The same over a socket that the caller opens for the purpose. */
int view_own(struct idset *pids);

/*
 * Is every row about a task all of whose user ids are @uid, but for those of
 * process @but (0: no exception)?  Needs SHOW_CRED.
 */
bool view_only_of(const struct td_answer *a, __u32 uid, pid_t but);

#endif /* TASKDIAG_VISIBLE_PIDS_H */
