/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tasks that a caller sees: the pids of a dump as a set.
 *
 * Depends on answer.h and pid_set.h; must not depend on tests.
 */
#ifndef TASKDIAG_VISIBLE_PIDS_H
#define TASKDIAG_VISIBLE_PIDS_H

#include <stdbool.h>

#include "pid_set.h"
#include "answer.h"

/* All functions return 0 or a negative errno unless noted. */

/* Collect the pids of all rows; -EEXIST if one occurs twice. */
int visible_pids_in(const struct td_answer *a, struct pid_set *pids);

/*
 * Dump all processes over @sock and collect their pids; -EPROTO if the reply
 * violates the protocol.
 */
int visible_pids_over(struct td_sock *sock, struct pid_set *pids);

/* visible_pids_over() a new socket of the caller. */
int visible_pids(struct pid_set *pids);

/*
 * Return true if all user ids of all rows are @uid, except for those of process
 * @except_pid (0: no exception).  Requires SHOW_CRED.
 */
bool rows_only_of(const struct td_answer *a, __u32 uid, pid_t except_pid);

#endif /* TASKDIAG_VISIBLE_PIDS_H */
