// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the groups IO, SIGNALS, LIMITS and OOM.
 *
 * Depends on the kernel's tasks only; must not depend on the iterator or the
 * message around a structure.
 */
#include <linux/build_bug.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/rcupdate.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seqlock.h>
#include <linux/signal.h>
#include <linux/swap.h>
#include <linux/task_io_accounting_ops.h>
#include <linux/taskdiag.h>
#include <linux/user_namespace.h>

#include "taskdiag.h"

/* --- IO ------------------------------------------------------------------ */

#ifdef CONFIG_TASK_IO_ACCOUNTING

/* The threads of a process, and those that have ended. */
static void add_threads(struct task_io_accounting *sum,
			struct signal_struct *sig)
{
	struct task_struct *thread;

	*sum = sig->ioac;
	__for_each_thread(sig, thread)
		task_io_accounting_add(sum, &thread->ioac);
}

/*
 * As do_io_accounting() of fs/proc/base.c: without the lock, and again with it
 * if a thread has ended meanwhile.
 */
static struct task_io_accounting sum_of_threads(struct signal_struct *sig)
{
	struct task_io_accounting sum;
	unsigned long flags;
	unsigned int seq;

	seq = read_seqbegin(&sig->stats_lock);
	add_threads(&sum, sig);
	if (!read_seqretry(&sig->stats_lock, seq))
		return sum;

	read_seqlock_excl_irqsave(&sig->stats_lock, flags);
	add_threads(&sum, sig);
	read_sequnlock_excl_irqrestore(&sig->stats_lock, flags);
	return sum;
}

/**
 * taskdiag_fill_io - write the group IO: the values of /proc/PID/io
 * @to: a struct task_diag_io
 * @item: the task
 * @caller: the caller
 *
 * Context: RCU section of @item.
 */
void taskdiag_fill_io(void *to, const struct taskdiag_item *item,
		      const struct taskdiag_caller *caller)
{
	struct task_io_accounting io = item->whole_process ?
		sum_of_threads(item->task->signal) : item->task->ioac;

	*(struct task_diag_io *)to = (struct task_diag_io) {
		.rchar		= io.rchar,
		.wchar		= io.wchar,
		.syscr		= io.syscr,
		.syscw		= io.syscw,
		.read_bytes	= io.read_bytes,
		.write_bytes	= io.write_bytes,
		.cancelled_write_bytes	= io.cancelled_write_bytes,
	};
}

#endif

/* --- SIGNALS ------------------------------------------------------------- */

/* The ABI has 64 signals, as all architectures except MIPS. */
static u64 mask_of(const sigset_t *set)
{
	u64 mask = set->sig[0];

	if (BITS_PER_LONG == 32 && _NSIG_WORDS > 1)
		mask |= (u64)set->sig[_NSIG_WORDS > 1] << 32;
	return mask;
}

static void set_actions(struct task_diag_signals *to,
			const struct sighand_struct *sighand)
{
	unsigned int i;

	for (i = 0; i < min(_NSIG, 64); i++) {
		__sighandler_t handler = sighand->action[i].sa.sa_handler;

		if (handler == SIG_IGN)
			to->ignored |= BIT_ULL(i);
		else if (handler != SIG_DFL)
			to->caught |= BIT_ULL(i);
	}
}

/**
 * taskdiag_fill_signals - write the group SIGNALS, as task_sig() of
 * fs/proc/array.c
 * @to: a struct task_diag_signals
 * @item: the task
 * @caller: the caller
 *
 * Context: RCU section of @item.
 */
void taskdiag_fill_signals(void *to, const struct taskdiag_item *item,
			   const struct taskdiag_caller *caller)
{
	struct task_struct *task = item->task;
	struct task_diag_signals *signals = to;
	unsigned long flags;

	memset(signals, 0, sizeof(*signals));
	/* A task without signal handlers is being reaped. */
	if (!lock_task_sighand(task, &flags))
		return;
	signals->pending = mask_of(&task->pending.signal);
	signals->shared_pending = mask_of(&task->signal->shared_pending.signal);
	signals->blocked = mask_of(&task->blocked);
	set_actions(signals, unrcu_pointer(task->sighand));
	signals->queued = get_rlimit_value(task_ucounts(task),
					   UCOUNT_RLIMIT_SIGPENDING);
	signals->queue_limit = taskdiag_rlimit(task_rlimit(task,
							   RLIMIT_SIGPENDING));
	unlock_task_sighand(task, &flags);
}

/* --- LIMITS -------------------------------------------------------------- */

/**
 * taskdiag_fill_limits - write the group LIMITS: the values of /proc/PID/limits
 * @to: a struct task_diag_limits
 * @item: the task
 * @caller: the caller
 *
 * Context: RCU section of @item.
 */
void taskdiag_fill_limits(void *to, const struct taskdiag_item *item,
			  const struct taskdiag_caller *caller)
{
	const struct rlimit *rlim = item->task->signal->rlim;
	struct task_diag_limits *limits = to;
	unsigned int i;

	BUILD_BUG_ON(RLIM_NLIMITS != TASK_DIAG_RLIMITS);
	for (i = 0; i < TASK_DIAG_RLIMITS; i++) {
		limits->limit[i] = (struct task_diag_rlimit) {
			.soft	= taskdiag_rlimit(READ_ONCE(rlim[i].rlim_cur)),
			.hard	= taskdiag_rlimit(READ_ONCE(rlim[i].rlim_max)),
		};
	}
}

/* --- OOM ----------------------------------------------------------------- */

/* As proc_oom_score() of fs/proc/base.c. */
static u32 oom_score(struct task_struct *task)
{
	unsigned long total = totalram_pages() + total_swap_pages;
	long badness = oom_badness(task, total);

	if (badness == LONG_MIN)
		return 0;
	return (1000 + badness * 1000 / (long)total) * 2 / 3;
}

/**
 * taskdiag_fill_oom - write the group OOM
 * @to: a struct task_diag_oom
 * @item: the task
 * @caller: the caller
 *
 * Context: RCU section of @item.
 */
void taskdiag_fill_oom(void *to, const struct taskdiag_item *item,
		       const struct taskdiag_caller *caller)
{
	*(struct task_diag_oom *)to = (struct task_diag_oom) {
		.score_adj	= READ_ONCE(item->task->signal->oom_score_adj),
		.score		= oom_score(item->task),
	};
}
