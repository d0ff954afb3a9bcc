// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the group SCHED.
 *
 * Depends on access.c and versions.h; must not depend on the iterator or the
 * message around a structure.
 */
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/iocontext.h>
#include <linux/ioprio.h>
#include <linux/math.h>
#include <linux/nodemask.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/prio.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/taskdiag.h>
#include <uapi/linux/sched.h>

#include "taskdiag.h"
#include "versions.h"

/* --- policy -------------------------------------------------------------- */

static void set_policy(struct task_diag_sched *sched, struct task_struct *task)
{
	sched->policy = task->policy;
	sched->nice = task_nice(task);
	sched->priority = task->prio - MAX_RT_PRIO;
	sched->rt_priority = task->rt_priority;
}

/* As sched_getattr() of kernel/sched/syscalls.c. */
static void set_parameters(struct task_diag_sched *sched,
			   struct task_struct *task)
{
	sched->valid |= TASK_DIAG_SCHED_VALID_FLAGS;
	if (task->sched_reset_on_fork)
		sched->flags |= SCHED_FLAG_RESET_ON_FORK;

	switch (sched->policy) {
	case SCHED_DEADLINE:
		sched->valid |= TASK_DIAG_SCHED_VALID_RUNTIME |
				TASK_DIAG_SCHED_VALID_DEADLINE;
		sched->flags |= task->dl.flags & SCHED_FLAG_ALL;
		sched->runtime = task->dl.dl_runtime;
		sched->deadline = task->dl.dl_deadline;
		sched->period = task->dl.dl_period;
		break;
	case SCHED_FIFO:
	case SCHED_RR:
		break;
	default:
		sched->runtime = taskdiag_time_slice(task);
		if (sched->runtime)
			sched->valid |= TASK_DIAG_SCHED_VALID_RUNTIME;
	}

#ifdef CONFIG_UCLAMP_TASK
	sched->valid |= TASK_DIAG_SCHED_VALID_UCLAMP;
	sched->util_min = task->uclamp_req[UCLAMP_MIN].value;
	sched->util_max = task->uclamp_req[UCLAMP_MAX].value;
#endif
}

/* As get_task_raw_ioprio() and __get_task_ioprio() of the block layer. */
static void set_ioprio(struct task_diag_sched *sched, struct task_struct *task)
{
#ifdef CONFIG_BLOCK
	sched->valid |= TASK_DIAG_SCHED_VALID_IOPRIO;
	sched->ioprio = IOPRIO_DEFAULT;

	/* exit_io_context() clears the pointer under the lock. */
	task_lock(task);
	if (task->io_context)
		sched->ioprio = task->io_context->ioprio;
	task_unlock(task);

	sched->ioprio_effective = sched->ioprio;
	if (IOPRIO_PRIO_CLASS(sched->ioprio) == IOPRIO_CLASS_NONE)
		sched->ioprio_effective =
			IOPRIO_PRIO_VALUE(task_nice_ioclass(task),
					  task_nice_ioprio(task));
#endif
}

/* As timerslack_ns_show() of fs/proc/base.c. */
static void set_timer_slack(struct task_diag_sched *sched,
			    const struct taskdiag_item *item,
			    const struct taskdiag_caller *caller)
{
	if (item->denied & TASKDIAG_DENIED_TIMER_SLACK ||
	    !taskdiag_may_see_timer_slack(caller, item->task))
		return;
	sched->valid |= TASK_DIAG_SCHED_VALID_TIMER_SLACK;
	sched->timer_slack = READ_ONCE(item->task->timer_slack_ns);
}

/* As proc_sched_autogroup_show_task() of kernel/sched/autogroup.c. */
static void set_autogroup(struct task_diag_sched *sched,
			  const struct taskdiag_item *item)
{
#ifdef CONFIG_SCHED_AUTOGROUP
	const struct taskdiag_autogroup *group;
	struct task_struct *task = item->task;
	unsigned long flags;

	if (item->denied & TASKDIAG_DENIED_AUTOGROUP)
		return;
	/* A task without signal handlers is being reaped. */
	if (!lock_task_sighand(task, &flags))
		return;
	group = (const void *)READ_ONCE(task->signal->autogroup);
	/* 0: the default group, which has no autogroup. */
	if (group->id) {
		sched->valid |= TASK_DIAG_SCHED_VALID_AUTOGROUP;
		sched->autogroup = group->id;
		sched->autogroup_nice = READ_ONCE(group->nice);
	}
	unlock_task_sighand(task, &flags);
#endif
}

/* --- bitmaps ------------------------------------------------------------- */

static size_t bitmap_bytes(unsigned int nbits)
{
	return DIV_ROUND_UP(nbits, 64) * sizeof(u64);
}

static size_t cpus_bytes(void)
{
	return bitmap_bytes(nr_cpu_ids);
}

static size_t mems_bytes(void)
{
	return IS_ENABLED(CONFIG_CPUSETS) ? bitmap_bytes(MAX_NUMNODES) : 0;
}

static void set_cpus(struct task_diag_sched *sched, struct task_struct *task)
{
	sched->valid |= TASK_DIAG_SCHED_VALID_CPUS;
	sched->cpus_off = sizeof(*sched);
	sched->cpus_len = cpus_bytes();
	bitmap_to_arr64((void *)sched + sched->cpus_off,
			cpumask_bits(&task->cpus_mask), nr_cpu_ids);
}

static void set_mems(struct task_diag_sched *sched, struct task_struct *task)
{
#ifdef CONFIG_CPUSETS
	sched->valid |= TASK_DIAG_SCHED_VALID_MEMS;
	sched->mems_off = sizeof(*sched) + cpus_bytes();
	sched->mems_len = mems_bytes();
	bitmap_to_arr64((void *)sched + sched->mems_off,
			nodes_addr(task->mems_allowed), MAX_NUMNODES);
#endif
}

/**
 * taskdiag_sched_bitmaps - return the size of the bitmaps of the group SCHED
 *
 * Return: bytes behind a struct task_diag_sched.
 */
size_t taskdiag_sched_bitmaps(void)
{
	return cpus_bytes() + mems_bytes();
}

/* The system calls find only tasks that have a pid for their caller. */
static bool has_pid_of_caller(struct task_struct *task)
{
	return taskdiag_pid_nr(task_pid(task), task_active_pid_ns(current));
}

/**
 * taskdiag_fill_sched - write the group SCHED
 * @to: a struct task_diag_sched, and the bitmaps behind it
 * @item: the task
 * @caller: the caller
 *
 * Security modules may deny the system calls that return scheduling parameters
 * and IO priorities, although procfs shows the policy.
 *
 * Context: RCU section of @item.
 */
void taskdiag_fill_sched(void *to, const struct taskdiag_item *item,
			 const struct taskdiag_caller *caller)
{
	struct task_struct *task = item->task;
	struct task_diag_sched *sched = to;

	memset(sched, 0, sizeof(*sched) + taskdiag_sched_bitmaps());
	set_policy(sched, task);
	if (taskdiag_lsm_shows_sched(caller, task)) {
		if (has_pid_of_caller(task)) {
			set_parameters(sched, task);
			set_ioprio(sched, task);
		}
		set_timer_slack(sched, item, caller);
	}
	set_autogroup(sched, item);
	set_cpus(sched, task);
	set_mems(sched, task);
}
