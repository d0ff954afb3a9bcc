/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag: a step of the walk, inline, as it takes less than a call of it
 * would.  iter.c has the rest.
 */
#ifndef _KERNEL_TASKDIAG_ITER_H
#define _KERNEL_TASKDIAG_ITER_H

#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/radix-tree.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "taskdiag.h"

void taskdiag_walk_enter_table(struct taskdiag_walk *walk);
struct pid *taskdiag_walk_pid(struct taskdiag_walk *walk);
bool taskdiag_walk_at_end(const struct taskdiag_walk *walk);
void taskdiag_walk_again(const struct taskdiag_walk *walk,
			 struct taskdiag_hit *hit);

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

/* The hit just taken is not visible, and so are the members below it. */
static inline void taskdiag_walk_hide(struct taskdiag_walk *walk)
{
	if (walk->hidden)
		__set_bit(walk->cursor - 1, walk->hidden);
}

/* The hit just taken was as much work as @candidates. */
static inline void taskdiag_walk_charge(struct taskdiag_walk *walk,
					unsigned int candidates)
{
	walk->budget -= min(walk->budget, candidates);
}

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

#endif /* _KERNEL_TASKDIAG_ITER_H */
