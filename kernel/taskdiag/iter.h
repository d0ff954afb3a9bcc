/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag: one step of the iterator, inline, as a call would cost more than
 * the step.  iter.c contains the part of a step that does not run for each
 * task.
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

void taskdiag_iter_enter(struct taskdiag_iter *iter);
void taskdiag_iter_reset_slots(struct taskdiag_iter *iter);
struct pid *taskdiag_iter_next_pid(struct taskdiag_iter *iter);
bool taskdiag_iter_at_end(const struct taskdiag_iter *iter);
void taskdiag_iter_reload(const struct taskdiag_iter *iter,
			  struct taskdiag_item *item);

/* Return the next pid in the current chunk of the pid table; NULL at its end. */
static __always_inline struct pid *
taskdiag_iter_next_slot(struct taskdiag_iter *iter)
{
	while (iter->slot < iter->slots_end) {
		struct pid *pid = rcu_dereference_raw(*iter->slot);

		/* The node was moved by another CPU. */
		if (unlikely(radix_tree_deref_retry(pid))) {
			taskdiag_iter_reset_slots(iter);
			break;
		}
		iter->slot++;
		iter->cursor++;
		/* NULL: no task, or alloc_pid() has not finished. */
		if (pid)
			return pid;
	}
	return NULL;
}

/*
 * Set the task of @item and the fields that depend on it.  Return false if
 * @task is NULL or is being reaped.
 */
static __always_inline bool
taskdiag_iter_set_task(const struct taskdiag_iter *iter,
		       struct taskdiag_item *item, struct task_struct *task)
{
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
	/* 0: the task is being reaped. */
	return item->tgid;
}

/**
 * taskdiag_iter_next - advance to the next task
 * @iter: the iterator, after taskdiag_iter_enter() in the same RCU section
 * @item: receives the task
 *
 * Context: RCU read-side critical section.
 *
 * Return: false at the end, with @iter->done set, or if the budget of the RCU
 * section has been consumed.
 */
static __always_inline bool taskdiag_iter_next(struct taskdiag_iter *iter,
					       struct taskdiag_item *item)
{
	while (iter->budget) {
		struct pid *pid;

		iter->budget--;
		/* There are slots only while iterating over the pid table. */
		pid = taskdiag_iter_next_slot(iter) ?:
			taskdiag_iter_next_pid(iter);
		if (!pid) {
			iter->done = taskdiag_iter_at_end(iter);
			if (iter->done)
				return false;
			continue;
		}

		item->struct_pid = pid;
		item->pid = taskdiag_pid_nr(pid, iter->ns);
		/* A pid can be that of a process group or session only. */
		if (taskdiag_iter_set_task(iter, item,
					   taskdiag_pid_task(pid, iter->type)))
			return true;
	}
	return false;
}

/* The skb is full: return to the current item in the next RCU section. */
static inline void taskdiag_iter_rewind(struct taskdiag_iter *iter)
{
	iter->cursor--;
}

/* Hide the current item, which is not visible, and the members below it. */
static inline void taskdiag_iter_hide(struct taskdiag_iter *iter)
{
	if (iter->hidden)
		__set_bit(iter->cursor - 1, iter->hidden);
}

/* Consume budget for an item that was as much work as @candidates. */
static inline void taskdiag_iter_consume(struct taskdiag_iter *iter,
					 unsigned int candidates)
{
	iter->budget -= min(iter->budget, candidates);
}

/**
 * taskdiag_iter_recheck - check that the pid still belongs to the same task
 * @iter: the iterator, in the RCU section of @item
 * @item: the current item; if the task has changed, its task becomes the one
 *	that the pid belongs to now, or NULL
 *
 * A pid can pass to another task: when a thread other than the leader calls
 * execve(), it takes over the leader's pid, and the leader is reaped.  The
 * process exists all the time, so its row must be made again from the new task.
 *
 * The pid of the thread decides for processes too: __unhash_process() removes it
 * before the other pids of a task, so a row that passes has no field of a task
 * that is being reaped.
 *
 * Return: true if the task is the same.
 */
static inline bool taskdiag_iter_recheck(const struct taskdiag_iter *iter,
					 struct taskdiag_item *item)
{
	if (likely(taskdiag_thread_pid(item->task) == item->struct_pid))
		return true;
	taskdiag_iter_reload(iter, item);
	return false;
}

#endif /* _KERNEL_TASKDIAG_ITER_H */
