/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag: what is done for each and every task, as far as it takes less than
 * a call of it would.
 *
 * In the order of the batch that does it, taskdiag_dump.c: come to a task, ask
 * whether the caller may see it, whether it is wanted, and, after its row has
 * been written, whether it still was that task.
 */
#ifndef _KERNEL_TASKDIAG_EACH_H
#define _KERNEL_TASKDIAG_EACH_H

#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/radix-tree.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/security.h>

#include "taskdiag.h"

/* --- walk --------------------------------------------------------------- */

/* The next entry of the piece of the table that we are in. */
static __always_inline struct pid *
taskdiag_walk_slots(struct taskdiag_walk *walk)
{
	while (walk->slot < walk->slots_end) {
		struct pid *pid = rcu_dereference_raw(*walk->slot);

		/* The node moved under us. */
		if (unlikely(radix_tree_deref_retry(pid))) {
			taskdiag_walk_enter_table(walk);
			break;
		}
		walk->slot++;
		walk->cursor++;
		/* NULL: no task, or one that is still being made. */
		if (pid)
			return pid;
	}
	return NULL;
}

/* Who has the number? */
static __always_inline bool
taskdiag_walk_look_up(const struct taskdiag_walk *walk,
		      struct taskdiag_hit *hit)
{
	struct task_struct *task = taskdiag_task(hit->struct_pid, walk->type);
	struct pid *tgid;

	hit->task = task;
	if (!task)
		return false;

	hit->tgid = hit->pid;
	hit->whole = true;
	if (walk->type != PIDTYPE_TGID) {
		hit->whole = walk->single && thread_group_leader(task);
		tgid = rcu_dereference_raw(task->signal->pids[PIDTYPE_TGID]);
		hit->tgid = taskdiag_nr(tgid, walk->ns);
	}
	/* None is left to a task that is being reaped. */
	return hit->tgid;
}

/**
 * taskdiag_walk_next - come to the next task
 * @walk: the walk, after taskdiag_walk_enter() in the same RCU section
 * @hit: the task
 *
 * Return: false at the end (then @walk->done) or when it is time for another
 * RCU section.
 */
static __always_inline bool
taskdiag_walk_next(struct taskdiag_walk *walk, struct taskdiag_hit *hit)
{
	while (walk->budget) {
		struct pid *pid;

		walk->budget--;
		/* Only who goes through the table has slots. */
		pid = taskdiag_walk_slots(walk) ?: taskdiag_walk_pid(walk);
		if (!pid) {
			walk->done = taskdiag_walk_at_end(walk);
			if (walk->done)
				return false;
			continue;
		}

		hit->struct_pid = pid;
		hit->pid = taskdiag_nr(pid, walk->ns);
		/* It may be the name of a group or session, but of no task. */
		if (taskdiag_walk_look_up(walk, hit))
			return true;
	}
	return false;
}

/* The hit just taken has no room: come to it again, in the next RCU section. */
static inline void taskdiag_walk_unget(struct taskdiag_walk *walk)
{
	walk->cursor--;
}

/* The hit just taken was as much work as @candidates. */
static inline void taskdiag_walk_charge(struct taskdiag_walk *walk,
					unsigned int candidates)
{
	walk->budget -= min(walk->budget, candidates);
}

/* --- caller ------------------------------------------------------------- */

/*
 * A dump may come to every task there is: a denial is nothing to audit.
 * AppArmor and SELinux do so all the same.
 */
#define TASKDIAG_PTRACE_MODE	(PTRACE_MODE_READ_FSCREDS | PTRACE_MODE_NOAUDIT)

/* What the security modules say of current's own credentials. */
static __always_inline bool taskdiag_modules_permit(struct task_struct *task)
{
	return !security_ptrace_access_check(task, TASKDIAG_PTRACE_MODE);
}

/**
 * taskdiag_may_see - the access check that every row has passed
 * @caller: who asks, after taskdiag_caller_enter() in the same RCU section
 * @task: about whom
 *
 * Who may see every task is left with a question to the security modules; the
 * process that asks sees itself without, and all others are asked more.
 *
 * Return: true if so.
 */
static __always_inline bool taskdiag_may_see(struct taskdiag_caller *caller,
					     struct task_struct *task)
{
	if (caller->only_modules && task_tgid(task) != caller->process)
		return taskdiag_modules_permit(task);
	return taskdiag_judges_permit(caller, task);
}

/* --- filter ------------------------------------------------------------- */

/* Is it one of the tasks wanted?  Asked only of those that may be seen. */
static inline bool taskdiag_filter_holds(const struct taskdiag_filter *filter,
					 const struct taskdiag_hit *hit)
{
	unsigned int i;

	for (i = 0; i < filter->nr_holds; i++)
		if (!filter->holds[i](filter, hit))
			return false;
	return true;
}

/* --- and after the row -------------------------------------------------- */

/**
 * taskdiag_walk_confirm - is it still the task that the walk came to?
 * @walk: the walk, in the RCU section of the hit
 * @hit: the hit; its task becomes the one that has the number now, or NULL
 *
 * A number outlives its task when a thread other than the leader calls
 * execve(): that thread takes the leader's number, and the leader is reaped.
 * The process has been there all the while, and who was about to tell of it
 * has to look again.
 *
 * Return: true if so.
 */
static inline bool taskdiag_walk_confirm(const struct taskdiag_walk *walk,
					 struct taskdiag_hit *hit)
{
	if (likely(taskdiag_task(hit->struct_pid, walk->type) == hit->task))
		return true;
	taskdiag_walk_again(walk, hit);
	return false;
}

#endif /* _KERNEL_TASKDIAG_EACH_H */
