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

void taskdiag_iter_reset_slots(struct taskdiag_iter *iter);
struct pid *taskdiag_iter_next_pid(struct taskdiag_iter *iter);
bool taskdiag_iter_at_end(const struct taskdiag_iter *iter);
void taskdiag_iter_reload(const struct taskdiag_iter *iter,
			 struct taskdiag_item *item);

/* The next entry of the piece of the table that we are in. */
static __always_inline struct pid *
taskdiag_iter_next_slot(struct taskdiag_iter *iter)
{
	while (iter->slot < iter->slots_end) {
		struct pid *pid = rcu_dereference_raw(*iter->slot);

		/* The node moved under us. */
		if (unlikely(radix_tree_deref_retry(pid))) {
			taskdiag_iter_reset_slots(iter);
			break;
		}
		iter->slot++;
		iter->cursor++;
		/* NULL: no task, or one that is still being made. */
		if (pid)
			return pid;
	}
	return NULL;
}

/* Who has the number? */
static __always_inline bool
taskdiag_iter_load(const struct taskdiag_iter *iter,
		      struct taskdiag_item *item)
{
	struct task_struct *task = taskdiag_pid_task(item->struct_pid, iter->type);
	struct pid *tgid;

	item->task = task;
	if (!task)
		return false;

	item->tgid = item->pid;
	item->whole_process = true;
	if (iter->type != PIDTYPE_TGID) {
		item->whole_process = iter->single && thread_group_leader(task);
		tgid = rcu_dereference_raw(task->signal->pids[PIDTYPE_TGID]);
		item->tgid = taskdiag_pid_nr(tgid, iter->ns);
	}
	/* None is left to a task that is being reaped. */
	return item->tgid;
}

/**
 * taskdiag_iter_next - come to the next task
 * @iter: the walk, after taskdiag_iter_enter() in the same RCU section
 * @item: the task
 *
 * Return: false at the end (then @iter->done) or when it is time for another
 * RCU section.
 */
static __always_inline bool
taskdiag_iter_next(struct taskdiag_iter *iter, struct taskdiag_item *item)
{
	while (iter->budget) {
		struct pid *pid;

		iter->budget--;
		/* Only who goes through the table has slots. */
		pid = taskdiag_iter_next_slot(iter) ?: taskdiag_iter_next_pid(iter);
		if (!pid) {
			iter->done = taskdiag_iter_at_end(iter);
			if (iter->done)
				return false;
			continue;
		}

		item->struct_pid = pid;
		item->pid = taskdiag_pid_nr(pid, iter->ns);
		/* It may be the name of a group or session, but of no task. */
		if (taskdiag_iter_load(iter, item))
			return true;
	}
	return false;
}

/* The hit just taken has no room: come to it again, in the next RCU section. */
static inline void taskdiag_iter_rewind(struct taskdiag_iter *iter)
{
	iter->cursor--;
}

/* The hit just taken is not visible, and so are the members below it. */
static inline void taskdiag_iter_hide(struct taskdiag_iter *iter)
{
	if (iter->hidden)
		__set_bit(iter->cursor - 1, iter->hidden);
}

/* The hit just taken was as much work as @candidates. */
static inline void taskdiag_iter_consume(struct taskdiag_iter *iter,
					unsigned int candidates)
{
	iter->budget -= min(iter->budget, candidates);
}

/**
 * taskdiag_iter_recheck - is it still the task that the walk came to?
 * @iter: the walk, in the RCU section of the hit
 * @item: the hit; its task becomes the one that has the number now, or NULL
 *
 * A number outlives its task when a thread other than the leader calls
 * execve(): that thread takes the leader's number, and the leader is reaped.
 * The process has been there all the while, and who was about to tell of it
 * has to look again.
 *
 * Return: true if so.
 */
static inline bool taskdiag_iter_recheck(const struct taskdiag_iter *iter,
					 struct taskdiag_item *item)
{
	if (likely(taskdiag_pid_task(item->struct_pid, iter->type) == item->task))
		return true;
	taskdiag_iter_reload(iter, item);
	return false;
}

#endif /* _KERNEL_TASKDIAG_ITER_H */
