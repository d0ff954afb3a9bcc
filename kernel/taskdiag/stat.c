// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the group STAT, times and sizes.
 *
 * The values are those of /proc/PID/stat, status and statm (fs/proc/array.c,
 * task_mmu.c), in units without a loss of precision.  Most tasks have no
 * terminal, have not stopped and are not exiting: for these, siglock is not
 * taken.
 *
 * Depends on the kernel's tasks and memory only; must not depend on the
 * iterator or the message around the structure.
 */
#include <linux/cpumask.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/sched.h>
#include <linux/sched/cputime.h>
#include <linux/sched/prio.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/seqlock.h>
#include <linux/time_namespace.h>
#include <linux/tty.h>

/* Needs the declarations of the locks above. */
#include <linux/delayacct.h>

#include "taskdiag.h"

/* Add up the values of all threads, and of those that have exited. */
static void sum_threads(struct task_diag_stat *stat, struct task_cputime *times,
			struct signal_struct *sig)
{
	u64 gtime = sig->gtime, min_flt = sig->min_flt, maj_flt = sig->maj_flt;
	struct task_struct *thread;
	u64 utime, stime;

	times->utime = sig->utime;
	times->stime = sig->stime;
	times->sum_exec_runtime = sig->sum_sched_runtime;
	__for_each_thread(sig, thread) {
		task_cputime(thread, &utime, &stime);
		times->utime += utime;
		times->stime += stime;
		times->sum_exec_runtime += thread->se.sum_exec_runtime;
		gtime += task_gtime(thread);
		min_flt += thread->min_flt;
		maj_flt += thread->maj_flt;
	}
	stat->gtime = gtime;
	stat->min_flt = min_flt;
	stat->maj_flt = maj_flt;
}

static void fill_sums(struct task_diag_stat *stat, struct task_cputime *times,
		      struct signal_struct *sig, bool whole_process)
{
	/* Children that were waited for. */
	stat->cutime = sig->cutime;
	stat->cstime = sig->cstime;
	stat->cgtime = sig->cgtime;
	stat->cmin_flt = sig->cmin_flt;
	stat->cmaj_flt = sig->cmaj_flt;

	if (whole_process)
		sum_threads(stat, times, sig);
}

/*
 * A thread that exits is moved from the list to the sums under stats_lock, and
 * so is a child that is waited for.  Try once without the lock, then with it.
 */
static void fill_sums_consistently(struct task_diag_stat *stat,
				   struct task_cputime *times,
				   struct signal_struct *sig,
				   bool whole_process)
{
	unsigned int seq = read_seqbegin(&sig->stats_lock);
	unsigned long flags;

	fill_sums(stat, times, sig, whole_process);
	if (likely(!read_seqretry(&sig->stats_lock, seq)))
		return;

	read_seqlock_excl_irqsave(&sig->stats_lock, flags);
	fill_sums(stat, times, sig, whole_process);
	read_sequnlock_excl_irqrestore(&sig->stats_lock, flags);
}

/*
 * The sums are those of thread_group_cputime(), which would visit the threads a
 * second time.  That function has two advantages: it includes the reader's own
 * time since the last tick, and it reads 64-bit times on 32-bit machines.
 */
static void adjust_times(struct task_struct *task, struct task_cputime *times,
			 u64 *utime, u64 *stime)
{
	if (!IS_ENABLED(CONFIG_64BIT) || same_thread_group(current, task))
		thread_group_cputime_adjusted(task, utime, stime);
	else
		cputime_adjust(times, &task->signal->prev_cputime, utime,
			       stime);
}

static void fill_times(struct task_diag_stat *stat, struct task_struct *task,
		       bool whole_process)
{
	struct task_cputime times;
	u64 utime, stime;

	fill_sums_consistently(stat, &times, task->signal, whole_process);

	if (whole_process) {
		adjust_times(task, &times, &utime, &stime);
	} else {
		stat->gtime = task_gtime(task);
		stat->min_flt = task->min_flt;
		stat->maj_flt = task->maj_flt;
		task_cputime_adjusted(task, &utime, &stime);
	}
	stat->utime = utime;
	stat->stime = stime;
}

/* Return the delay in nanoseconds, -1 if the kernel does not count it. */
#ifdef CONFIG_TASK_DELAY_ACCT
static s64 blkio_delay(struct task_struct *task)
{
	struct task_delay_info *delays = task->delays;
	unsigned long flags;
	u64 delay;

	if (!delays)
		return -1;
	/* 32-bit machines read the delay in two words. */
	if (IS_ENABLED(CONFIG_64BIT))
		return READ_ONCE(delays->blkio_delay);

	raw_spin_lock_irqsave(&delays->lock, flags);
	delay = delays->blkio_delay;
	raw_spin_unlock_irqrestore(&delays->lock, flags);
	return delay;
}
#else
static s64 blkio_delay(struct task_struct *task)
{
	return -1;
}
#endif

static void fill_delays(struct task_diag_stat *stat, struct task_struct *task)
{
	s64 blkio = blkio_delay(task);

	stat->nvcsw = task->nvcsw;
	stat->nivcsw = task->nivcsw;
#ifdef CONFIG_SCHED_INFO
	stat->run_delay = task->sched_info.run_delay;
	stat->valid |= TASK_DIAG_STAT_VALID_RUN_DELAY;
#else
	stat->run_delay = 0;
#endif
	stat->blkio_delay = max_t(s64, blkio, 0);
	if (blkio >= 0)
		stat->valid |= TASK_DIAG_STAT_VALID_BLKIO_DELAY;
}

static void fill_scheduling(struct task_diag_stat *stat,
			    struct task_struct *task)
{
	stat->priority = task->prio - MAX_RT_PRIO;
	stat->nice = task_nice(task);
	stat->rt_priority = task->rt_priority;
	stat->policy = task->policy;
	stat->processor = task_cpu(task);
}

/* Context: siglock held, as the terminal can be released otherwise. */
static void fill_terminal(struct task_diag_stat *stat, struct tty_struct *tty,
			  struct pid_namespace *ns)
{
	struct pid *pgrp = tty_get_pgrp(tty);

	stat->tty = new_encode_dev(tty_devnum(tty));
	stat->tty_pgrp = taskdiag_pid_nr(pgrp, ns);
	put_pid(pgrp);
}

static bool stopped_or_ending(const struct signal_struct *sig)
{
	return READ_ONCE(sig->flags) &
	       (SIGNAL_GROUP_EXIT | SIGNAL_STOP_STOPPED);
}

/* A process ends with its last thread, not with its leader. */
static void fill_exit_code(struct task_diag_stat *stat,
			   const struct taskdiag_item *item)
{
	struct task_struct *task = item->task;
	/* do_exit() sets exit_code before exit_state. */
	bool ended = smp_load_acquire(&task->exit_state);

	if (item->whole_process && delay_group_leader(task))
		ended = false;
	stat->exit_code = task->exit_code;
	if (ended)
		stat->valid |= TASK_DIAG_STAT_VALID_EXIT_CODE;
}

/* The code of a stopped process is the signal that stopped it. */
static void fill_group_exit_code(struct task_diag_stat *stat,
				 const struct signal_struct *sig)
{
	if (sig->flags & (SIGNAL_GROUP_EXIT | SIGNAL_STOP_STOPPED))
		stat->exit_code = sig->group_exit_code;
	if (sig->flags & SIGNAL_GROUP_EXIT)
		stat->valid |= TASK_DIAG_STAT_VALID_EXIT_CODE;
	else if (sig->flags & SIGNAL_STOP_STOPPED)
		stat->valid &= ~TASK_DIAG_STAT_VALID_EXIT_CODE;
}

static void fill_signals(struct task_diag_stat *stat,
			 const struct taskdiag_item *item,
			 struct pid_namespace *ns)
{
	struct task_struct *task = item->task;
	struct signal_struct *sig = task->signal;
	unsigned long flags;

	stat->num_threads = get_nr_threads(task);
	stat->exit_signal = task->exit_signal;
	fill_exit_code(stat, item);
	stat->tty = 0;
	stat->tty_pgrp = -1;

	if (!READ_ONCE(sig->tty) && !stopped_or_ending(sig))
		return;
	if (!lock_task_sighand(task, &flags))
		return;
	if (sig->tty)
		fill_terminal(stat, sig->tty, ns);
	if (item->whole_process)
		fill_group_exit_code(stat, sig);
	unlock_task_sighand(task, &flags);
}

/* In /proc/PID/stat, the exit code is 0 without the access check. */
static void hide_exit_code(struct task_diag_stat *stat)
{
	stat->exit_code = 0;
	stat->valid &= ~TASK_DIAG_STAT_VALID_EXIT_CODE;
}

static u64 bytes(unsigned long pages)
{
	return (u64)pages << PAGE_SHIFT;
}

/*
 * Resident pages are counted per CPU, and status and statm show the exact sums.
 * get_mm_counter_sum() visits the CPUs once per counter, under the counter's
 * lock.  This function visits them once for all counters, without the lock: a
 * batch that a CPU moves to the global count at the same time may be missed or
 * counted twice.  The error is at most the size of such a batch.
 *
 * On kernels without counters per CPU, compat.h defines get_mm_counter_sum() as
 * get_mm_counter().
 */
#if defined(CONFIG_SMP) && !defined(get_mm_counter_sum)
static void sum_counters(struct mm_struct *mm, s64 sums[NR_MM_COUNTERS])
{
	unsigned int cpu, i;

	for (i = 0; i < NR_MM_COUNTERS; i++)
		sums[i] = percpu_counter_read(&mm->rss_stat[i]);

	/* A CPU that goes offline may not have moved its count yet. */
	for_each_cpu_or(cpu, cpu_online_mask, cpu_dying_mask)
		for (i = 0; i < NR_MM_COUNTERS; i++)
			sums[i] += READ_ONCE(*per_cpu_ptr(mm->rss_stat[i].counters,
							  cpu));

	for (i = 0; i < NR_MM_COUNTERS; i++)
		sums[i] = max(sums[i], 0);
}
#else
static void sum_counters(struct mm_struct *mm, s64 sums[NR_MM_COUNTERS])
{
	unsigned int i;

	for (i = 0; i < NR_MM_COUNTERS; i++)
		sums[i] = get_mm_counter_sum(mm, i);
}
#endif

static void fill_resident(struct task_diag_stat *stat, struct mm_struct *mm)
{
	s64 pages[NR_MM_COUNTERS];
	u64 peak;

	sum_counters(mm, pages);
	stat->rss_anon = bytes(pages[MM_ANONPAGES]);
	stat->rss_file = bytes(pages[MM_FILEPAGES]);
	stat->rss_shmem = bytes(pages[MM_SHMEMPAGES]);
	stat->swap = bytes(pages[MM_SWAPENTS]);

	/* The kernel updates hiwater_rss only before it unmaps pages. */
	peak = bytes(READ_ONCE(mm->hiwater_rss));
	stat->rss_peak = max(peak, stat->rss_anon + stat->rss_file +
			     stat->rss_shmem);
}

static void fill_sizes(struct task_diag_stat *stat, struct mm_struct *mm)
{
	u64 text = PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK);

	fill_resident(stat, mm);
	stat->vsize = bytes(mm->total_vm);
	/* The program may have unmapped a part of its code. */
	stat->text = min(text, bytes(mm->exec_vm));
	stat->data = bytes(mm->data_vm + mm->stack_vm);
	stat->locked = bytes(mm->locked_vm);
	stat->valid |= TASK_DIAG_STAT_VALID_MEMORY;
}

static void clear_sizes(struct task_diag_stat *stat)
{
	const size_t start = offsetof(struct task_diag_stat, vsize);
	const size_t end = offsetofend(struct task_diag_stat, locked);

	memset((void *)stat + start, 0, end - start);
}

/* Kernel threads have no memory, even while they use the mm of a process. */
static void fill_memory(struct task_diag_stat *stat, struct task_struct *task)
{
	if (task->flags & PF_KTHREAD) {
		clear_sizes(stat);
		return;
	}

	task_lock(task);
	if (task->mm)
		fill_sizes(stat, task->mm);
	else
		clear_sizes(stat);
	task_unlock(task);
}

/**
 * taskdiag_fill_stat - write the group STAT
 * @to: a struct task_diag_stat
 * @item: the task
 * @caller: the caller
 *
 * Context: RCU section of @item.
 */
void taskdiag_fill_stat(void *to, const struct taskdiag_item *item,
			const struct taskdiag_caller *caller)
{
	struct task_struct *task = item->task;
	struct task_diag_stat *stat = to;

	/* Every field is written: here or in the functions called below. */
	stat->valid = 0;
	stat->start_time = timens_add_boottime_ns(task->start_boottime);
	stat->flags = task->flags;
	fill_times(stat, task, item->whole_process);
	fill_delays(stat, task);
	fill_scheduling(stat, task);
	fill_signals(stat, item, caller->pid_ns);
	fill_memory(stat, task);
	if (item->level != TASKDIAG_FULL)
		hide_exit_code(stat);
}
