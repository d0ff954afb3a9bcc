// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the part of a step of the iterator that does not run for each
 * task.
 *
 * An iteration is interrupted between RCU sections and between messages, and
 * holds no task meanwhile.  It still visits each task that exists all the time
 * exactly once, because the cursor identifies a task:
 *
 * - In the pid table and in a list of pids, the cursor is behind the last pid
 *   visited, and a task keeps its pid.
 *
 * - In an array of members, it is an index, and the array does not change.
 *
 * Depends on the kernel's pids and tasks only; must not depend on the access
 * check, the filters or the contents of a row.
 */
#include <linux/bitops.h>
#include <linux/idr.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/radix-tree.h>
#include <linux/rcupdate.h>

#include "iter.h"
#include "taskdiag.h"

/*
 * Candidates per RCU section.  Rows end a section earlier, with a full message;
 * this limit is for long ranges of tasks that the caller may not see.
 */
#define TASKDIAG_ITER_BUDGET	1024

/**
 * taskdiag_iter_reset_slots - look up the cursor in the pid table again
 * @iter: the iterator
 *
 * Context: RCU read-side critical section.
 */
void taskdiag_iter_reset_slots(struct taskdiag_iter *iter)
{
	radix_tree_iter_init(&iter->radix, iter->cursor);
	iter->slot = NULL;
	iter->slots_end = NULL;
}

/**
 * taskdiag_iter_enter - begin an RCU section of taskdiag_iter_next()
 * @iter: the iterator
 *
 * Context: RCU read-side critical section.
 */
void taskdiag_iter_enter(struct taskdiag_iter *iter)
{
	iter->budget = TASKDIAG_ITER_BUDGET;
	taskdiag_iter_reset_slots(iter);
}

/* Advance to the next chunk of the pid table that exists. */
static bool next_chunk(struct taskdiag_iter *iter)
{
	void __rcu **slot;

	slot = radix_tree_next_chunk(&iter->ns->idr.idr_rt, &iter->radix, 0);
	if (!slot)
		return false;
	iter->cursor = iter->radix.index;
	iter->slot = slot;
	iter->slots_end = slot + radix_tree_chunk_size(&iter->radix);
	return true;
}

/*
 * The next entry of the pid table from the cursor on.  The body of
 * idr_for_each_entry_continue() looks up each pid from the root, which costs
 * five times as much.
 */
static struct pid *next_in_table(struct taskdiag_iter *iter)
{
	struct pid *pid = NULL;

	while (!pid && next_chunk(iter))
		pid = taskdiag_iter_next_slot(iter);
	return pid;
}

/* The next listed pid; NULL also if it does not exist. */
static struct pid *next_listed(struct taskdiag_iter *iter)
{
	if (iter->cursor == iter->listed.nr)
		return NULL;
	return find_pid_ns(iter->listed.pids[iter->cursor++], iter->ns);
}

/* The next member; NULL also for one below a task that is not visible. */
static struct pid *next_member(struct taskdiag_iter *iter)
{
	unsigned int member = iter->cursor;
	u32 parent;

	if (member == iter->nr_members)
		return NULL;
	iter->cursor++;
	if (!iter->parents)
		return iter->members[member];

	parent = iter->parents[member];
	if (parent == TASKDIAG_NO_PARENT || !test_bit(parent, iter->hidden))
		return iter->members[member];
	taskdiag_iter_hide(iter);
	return NULL;
}

/**
 * taskdiag_iter_next_pid - advance to the next pid behind the current chunk
 * @iter: the iterator, after taskdiag_iter_enter() in the same RCU section
 *
 * Context: RCU read-side critical section.
 *
 * Return: the pid; NULL at the end, or for a pid or member to be skipped.
 */
struct pid *taskdiag_iter_next_pid(struct taskdiag_iter *iter)
{
	if (iter->members)
		return next_member(iter);
	if (iter->listed.pids)
		return next_listed(iter);
	return next_in_table(iter);
}

/**
 * taskdiag_iter_at_end - test whether taskdiag_iter_next_pid() was at the end
 * @iter: the iterator, after taskdiag_iter_next_pid() has returned NULL
 *
 * Return: true if no pid follows.
 */
bool taskdiag_iter_at_end(const struct taskdiag_iter *iter)
{
	if (iter->members)
		return iter->cursor == iter->nr_members;
	return !iter->listed.pids || iter->cursor == iter->listed.nr;
}

/**
 * taskdiag_iter_reload - look up the task of the current pid again
 * @iter: the iterator, in the RCU section of @item
 * @item: the current item; its task becomes the one that the pid belongs to
 *	now, or NULL
 */
void taskdiag_iter_reload(const struct taskdiag_iter *iter,
			  struct taskdiag_item *item)
{
	struct task_struct *task = taskdiag_pid_task(item->struct_pid,
						     PIDTYPE_PID);

	if (!taskdiag_iter_set_task(iter, item, task))
		item->task = NULL;
}
