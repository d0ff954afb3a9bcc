// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: waiting for other tasks, with a time limit.
 *
 * Depends on the scheduler only; must not depend on the request or the reply.
 */
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "taskdiag.h"

/**
 * taskdiag_wait - wait before the next attempt to take a lock or a page
 * @timeout: time that the dump may still wait
 *
 * The holder may be stuck for any length of time, for example in a file system
 * that another user serves.
 *
 * Context: Process context.  Sleeps for one tick.
 *
 * Return: 0, or -EBUSY if the time of the row or of the dump is used up or a
 * signal is pending.
 */
int taskdiag_wait(struct taskdiag_timeout *timeout)
{
	if (!timeout->row || signal_pending(current))
		return -EBUSY;
	timeout->row--;
	timeout->dump--;
	schedule_timeout_interruptible(1);
	return 0;
}
