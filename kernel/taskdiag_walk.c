// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: which tasks.
 *
 * Knows pids, tasks and how they hang together; what is told of a task, and
 * in which form, it does not.  A walk stops and goes on between RCU sections
 * and between messages, holds no task meanwhile, and still comes to each task
 * that is there all the while exactly once:
 *
 * - ALL and ALL_THREAD go through the namespace's pid table in the order of
 *   its numbers and go on behind the last number seen.  Numbers do not move.
 *
 * - CHILDREN, THREAD and ONE take the membership when the request arrives, as
 *   a list of struct pid.  Going through the kernel's own lists by position
 *   would lose a task for each one before it that exits meanwhile.
 */
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "taskdiag.h"

/*
 * Candidates in one RCU section.  Rows end a section earlier, with a full
 * message; this is for long stretches of tasks that the caller may not see.
 */
#define TASKDIAG_WALK_BUDGET	1024

/* Room for most families, so that they are counted and taken in one go. */
#define TASKDIAG_MEMBERS_GUESS	32

/* Note @pid at place @nr of @members, if there is such a place. */
static void take_member(struct pid **members, unsigned int max,
			unsigned int nr, struct pid *pid)
{
	if (nr < max)
		members[nr] = get_pid(pid);
}

/*
 * The threads of @task's process: take the first @max, return how many there
 * are.  Leaving the list does not disturb those who walk it under RCU.
 */
static unsigned int take_threads(struct task_struct *task,
				 struct pid **members, unsigned int max)
{
	struct task_struct *thread;
	unsigned int nr = 0;

	rcu_read_lock();
	for_each_thread(task, thread) {
		struct pid *pid = task_pid(thread);

		if (pid)
			take_member(members, max, nr++, pid);
	}
	rcu_read_unlock();
	return nr;
}

/* Likewise its children, which each of its threads has a list of. */
static unsigned int take_children(struct task_struct *task,
				  struct pid **members, unsigned int max)
{
	struct task_struct *thread, *child;
	unsigned int nr = 0;

	read_lock(&tasklist_lock);
	for_each_thread(task, thread)
		list_for_each_entry(child, &thread->children, sibling)
			take_member(members, max, nr++, task_pid(child));
	read_unlock(&tasklist_lock);
	return nr;
}

static void put_members(struct pid **members, unsigned int nr)
{
	while (nr)
		put_pid(members[--nr]);
	kvfree(members);
}

typedef unsigned int (*take_fn)(struct task_struct *task,
				struct pid **members, unsigned int max);

/* Families grow while we allocate: ask again until all of it fits. */
static int take_members(struct taskdiag_walk *walk, struct task_struct *task,
			take_fn take)
{
	unsigned int max = TASKDIAG_MEMBERS_GUESS;

	for (;;) {
		struct pid **members;
		unsigned int nr;

		members = kvmalloc_array(max, sizeof(*members),
					 GFP_KERNEL_ACCOUNT);
		if (!members)
			return -ENOMEM;

		nr = take(task, members, max);
		if (nr <= max) {
			walk->members = members;
			walk->nr_members = nr;
			return 0;
		}

		put_members(members, max);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		max = nr + nr / 4;
	}
}

static unsigned int take_one(struct task_struct *task, struct pid **members,
			     unsigned int max)
{
	unsigned int nr = 0;
	struct pid *pid;

	rcu_read_lock();
	pid = task_pid(task);
	if (pid)
		take_member(members, max, nr++, pid);
	rcu_read_unlock();
	return nr;
}

/* A task that may not be seen is as if it did not exist. */
static struct task_struct *get_visible_task(struct taskdiag_caller *caller,
					    pid_t nr)
{
	struct task_struct *task;

	rcu_read_lock();
	taskdiag_caller_enter(caller);
	task = find_task_by_pid_ns(nr, caller->pid_ns);
	if (task && taskdiag_may_see(caller, task))
		get_task_struct(task);
	else
		task = NULL;
	rcu_read_unlock();
	return task;
}

static int walk_from(struct taskdiag_walk *walk, u32 pid,
		     struct taskdiag_caller *caller, take_fn take,
		     struct netlink_ext_ack *extack)
{
	struct task_struct *task;
	int err;

	if (!pid || pid > PID_MAX_LIMIT) {
		NL_SET_ERR_MSG(extack, "pid: not the number of a task");
		return -EINVAL;
	}

	task = get_visible_task(caller, pid);
	if (!task) {
		NL_SET_ERR_MSG(extack, "pid: no such task");
		return -ESRCH;
	}
	err = take_members(walk, task, take);
	put_task_struct(task);
	return err;
}

/**
 * taskdiag_walk_init - get ready to walk
 * @walk: zeroed
 * @strategy: TASK_DIAG_DUMP_*
 * @pid: the task meant, for strategies that mean one
 * @caller: who asks
 * @extack: what was wrong
 */
int taskdiag_walk_init(struct taskdiag_walk *walk, u64 strategy, u32 pid,
		       struct taskdiag_caller *caller,
		       struct netlink_ext_ack *extack)
{
	walk->ns = caller->pid_ns;

	switch (strategy) {
	case TASK_DIAG_DUMP_ALL:
		walk->type = PIDTYPE_TGID;
		return 0;
	case TASK_DIAG_DUMP_ALL_THREAD:
		walk->type = PIDTYPE_PID;
		return 0;
	case TASK_DIAG_DUMP_ONE:
		walk->type = PIDTYPE_PID;
		walk->single = true;
		return walk_from(walk, pid, caller, take_one, extack);
	case TASK_DIAG_DUMP_CHILDREN:
		walk->type = PIDTYPE_TGID;
		return walk_from(walk, pid, caller, take_children, extack);
	case TASK_DIAG_DUMP_THREAD:
		walk->type = PIDTYPE_PID;
		return walk_from(walk, pid, caller, take_threads, extack);
	}

	NL_SET_ERR_MSG_FMT(extack, "dump_strategy: unknown strategy %llu",
			   strategy);
	return -EINVAL;
}

void taskdiag_walk_release(struct taskdiag_walk *walk)
{
	if (walk->members)
		put_members(walk->members, walk->nr_members);
}

/**
 * taskdiag_walk_enter - go on walking
 * @walk: the walk
 *
 * Starts an RCU section's worth of taskdiag_walk_next().
 */
void taskdiag_walk_enter(struct taskdiag_walk *walk)
{
	walk->budget = TASKDIAG_WALK_BUDGET;
	walk->slot = radix_tree_iter_init(&walk->iter, walk->cursor);
}

/*
 * The next entry of the pid table from the cursor on.  The body of
 * idr_for_each_entry_continue() would look each number up from the root, at
 * five times the price.
 */
static struct pid *next_in_ns(struct taskdiag_walk *walk)
{
	void __rcu **slot = walk->slot;

	for (;;) {
		struct pid *pid;

		if (slot)
			slot = radix_tree_next_slot(slot, &walk->iter, 0);
		if (!slot)
			slot = radix_tree_next_chunk(&walk->ns->idr.idr_rt,
						     &walk->iter, 0);
		if (!slot)
			return NULL;

		pid = rcu_dereference_raw(*slot);
		/* The node moved under us: look this number up again. */
		if (radix_tree_deref_retry(pid)) {
			slot = radix_tree_iter_retry(&walk->iter);
			continue;
		}

		/* NULL is a number whose task is still being made. */
		walk->slot = slot;
		walk->cursor = walk->iter.index + 1;
		if (pid)
			return pid;
	}
}

static struct pid *next_member(struct taskdiag_walk *walk)
{
	if (walk->cursor == walk->nr_members)
		return NULL;
	return walk->members[walk->cursor++];
}

/**
 * taskdiag_walk_next - come to the next task
 * @walk: the walk, after taskdiag_walk_enter() in the same RCU section
 * @hit: the task
 *
 * Return: false at the end (then @walk->done) or when it is time for another
 * RCU section.
 */
bool taskdiag_walk_next(struct taskdiag_walk *walk, struct taskdiag_hit *hit)
{
	while (walk->budget) {
		struct task_struct *task;
		struct pid *pid;

		walk->budget--;
		pid = walk->members ? next_member(walk) : next_in_ns(walk);
		if (!pid) {
			walk->done = true;
			return false;
		}

		/* Still the name of a group or session, but of no task? */
		task = pid_task(pid, walk->type);
		if (!task)
			continue;

		hit->task = task;
		hit->pid = taskdiag_nr(pid, walk->ns);
		hit->tgid = walk->type == PIDTYPE_TGID ?
			hit->pid : taskdiag_nr(task_tgid(task), walk->ns);
		return true;
	}
	return false;
}
