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
int visible_pids_in(const struct td_answer *a, struct pid_set *pids);

/*
 * Every process that a dump over @sock shows the caller.  -EPROTO for an
 * answer that breaks the protocol.
 */
int visible_pids_over(struct td_sock *sock, struct pid_set *pids);

/* The same over a socket that the caller opens for the purpose. */
int visible_pids(struct pid_set *pids);

/*
 * Is every row about a task all of whose user ids are @uid, but for those of
 * process @except_pid (0: no exception)?  Needs SHOW_CRED.
 */
bool rows_only_of(const struct td_answer *a, __u32 uid, pid_t except_pid);

#endif /* TASKDIAG_VISIBLE_PIDS_H */
