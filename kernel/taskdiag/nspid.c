// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the group NSPID.
 *
 * Depends on access.c; must not depend on other groups.
 */
#include <linux/build_bug.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <net/netlink.h>

#include "taskdiag.h"

/*
 * Write the pids of each namespace from @ns on to @to, as task_state() of
 * fs/proc/array.c does.  Return the number of namespaces; 0 if the task is being
 * reaped.
 */
static unsigned int set_levels(struct task_diag_nspid *to,
			       struct task_struct *task,
			       const struct pid_namespace *ns)
{
	const struct pid *pid = task_pid(task);
	unsigned int level, nr = 0;

	if (!pid)
		return 0;
	for (level = ns->level; level <= pid->level; level++) {
		ns = pid->numbers[level].ns;
		to[nr++] = (struct task_diag_nspid) {
			.tgid	= taskdiag_pid_nr(task_tgid(task), ns),
			.pid	= pid->numbers[level].nr,
			.pgid	= taskdiag_pid_nr(task_pgrp(task), ns),
			.sid	= taskdiag_pid_nr(task_session(task), ns),
		};
	}
	return nr;
}

/**
 * taskdiag_append_nspid - append TASK_DIAG_NSPID
 * @ctx: state of the current row
 * @skb: destination
 * @caller: the caller
 *
 * Return: 0, -EMSGSIZE if it does not fit, -ESRCH if the task has been reaped,
 * or an error of taskdiag_access_recheck().
 */
int taskdiag_append_nspid(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			  struct taskdiag_caller *caller)
{
	struct task_diag_nspid *levels = (void *)ctx->path;
	unsigned int nr;
	int err;

	BUILD_BUG_ON(TASKDIAG_NSPID_MAX * sizeof(*levels) > TASKDIAG_PATH_SIZE);
	err = taskdiag_access_recheck(&ctx->target, caller);
	if (err)
		return err;

	rcu_read_lock();
	nr = set_levels(levels, ctx->target.task, caller->pid_ns);
	rcu_read_unlock();
	if (!nr)
		return -ESRCH;
	return nla_put(skb, TASK_DIAG_NSPID, nr * sizeof(*levels), levels);
}
