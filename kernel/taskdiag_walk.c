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
 *   its numbers, or through a list of numbers that the request came with, and
 *   go on behind the last number seen.  Numbers do not move.
 *
 * - The others take the membership when the request arrives, as a list of
 *   struct pid.  Going through the kernel's own lists by position
 *   would lose a task for each one before it that exits meanwhile.
 */
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "taskdiag_parts.h"
#include "taskdiag_caller.h"
#include "taskdiag_walk.h"

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
 * are.  Called under tasklist_lock, as two threads swap their numbers when
 * the second calls execve().
 */
static unsigned int take_threads(struct task_struct *task,
				 struct pid **members, unsigned int max,
				 struct taskdiag_caller *caller)
{
	struct task_struct *thread;
	unsigned int nr = 0;

	for_each_thread(task, thread)
		take_member(members, max, nr++, task_pid(thread));
	return nr;
}

/* Likewise its children, which each of its threads has a list of. */
static unsigned int take_children(struct task_struct *task,
				  struct pid **members, unsigned int max,
				  struct taskdiag_caller *caller)
{
	struct task_struct *thread, *child;
	unsigned int nr = 0;

	for_each_thread(task, thread)
		list_for_each_entry(child, &thread->children, sibling)
			take_member(members, max, nr++, task_pid(child));
	return nr;
}

/* Of @task's children those that may be seen, behind @nr others. */
static unsigned int add_seen_children(struct task_struct *task,
				      struct pid **members, unsigned int max,
				      unsigned int nr,
				      struct taskdiag_caller *caller)
{
	struct task_struct *thread, *child;

	for_each_thread(task, thread)
		list_for_each_entry(child, &thread->children, sibling)
			if (taskdiag_may_see(caller, child))
				take_member(members, max, nr++,
					    task_pid(child));
	return nr;
}

/*
 * Likewise its children, theirs, and so on: what has been taken is what is
 * still to be asked for children, so parents come first.  Nothing leads
 * through a task that may not be seen, and that has to be found out here:
 * once the lock is gone, so may be a task in the middle.
 */
static unsigned int take_descendants(struct task_struct *task,
				     struct pid **members, unsigned int max,
				     struct taskdiag_caller *caller)
{
	unsigned int nr, i;

	rcu_read_lock();
	taskdiag_caller_enter(caller);
	nr = add_seen_children(task, members, max, 0, caller);
	for (i = 0; i < nr && nr <= max; i++)
		nr = add_seen_children(pid_task(members[i], PIDTYPE_PID),
				       members, max, nr, caller);
	rcu_read_unlock();

	/* With no room to go on, how many there are is a guess. */
	return nr <= max ? nr : nr + 3 * max;
}

static void put_members(struct pid **members, unsigned int nr)
{
	while (nr) {
		put_pid(members[--nr]);
		cond_resched();
	}
	kvfree(members);
}

typedef unsigned int (*take_fn)(struct task_struct *task,
				struct pid **members, unsigned int max,
				struct taskdiag_caller *caller);

/*
 * Families grow while we allocate: ask again until all of it fits.  Like
 * signals to a process group, it holds tasklist_lock for as long as the
 * family is large.
 */
static int take_members(struct taskdiag_walk *walk, struct pid *of,
			take_fn take, struct taskdiag_caller *caller)
{
	unsigned int max = TASKDIAG_MEMBERS_GUESS;

	for (;;) {
		struct task_struct *task;
		struct pid **members;
		unsigned int nr = 0;

		members = kvmalloc_array(max, sizeof(*members),
					 GFP_KERNEL_ACCOUNT);
		if (!members)
			return -ENOMEM;

		read_lock(&tasklist_lock);
		task = pid_task(of, PIDTYPE_PID);
		if (task)
			nr = take(task, members, max, caller);
		read_unlock(&tasklist_lock);

		if (!task) {
			kvfree(members);
			return -ESRCH;
		}
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

static bool is_listed(const struct taskdiag_walk *walk, const struct pid *pid)
{
	return !walk->listed.numbers ||
	       taskdiag_numbers_have(&walk->listed, taskdiag_nr(pid, walk->ns));
}

/* Of the members, keep those with a number on the list. */
static void keep_listed(struct taskdiag_walk *walk)
{
	unsigned int i, nr = 0;

	if (!walk->listed.numbers)
		return;

	for (i = 0; i < walk->nr_members; i++) {
		struct pid *pid = walk->members[i];

		if (is_listed(walk, pid))
			walk->members[nr++] = pid;
		else
			put_pid(pid);
		cond_resched();
	}
	walk->nr_members = nr;
}

/* A task that may not be seen is as if it did not exist. */
static struct pid *get_visible_pid(struct taskdiag_caller *caller, pid_t nr)
{
	struct task_struct *task;
	struct pid *pid;

	rcu_read_lock();
	taskdiag_caller_enter(caller);
	pid = find_pid_ns(nr, caller->pid_ns);
	task = pid_task(pid, PIDTYPE_PID);
	if (task && taskdiag_may_see(caller, task))
		get_pid(pid);
	else
		pid = NULL;
	rcu_read_unlock();
	return pid;
}

static int walk_from(struct taskdiag_walk *walk, u32 nr,
		     struct taskdiag_caller *caller, take_fn take,
		     struct netlink_ext_ack *extack)
{
	struct pid *pid;
	int err = -ESRCH;

	if (!nr || nr > PID_MAX_LIMIT) {
		NL_SET_ERR_MSG(extack, "pid: not the number of a task");
		return -EINVAL;
	}

	pid = get_visible_pid(caller, nr);
	if (pid && !take) {
		walk->only = pid;
		walk->members = &walk->only;
		walk->nr_members = is_listed(walk, pid);
		return 0;
	}
	if (pid) {
		err = take_members(walk, pid, take, caller);
		put_pid(pid);
		keep_listed(walk);
	}
	if (err == -ESRCH)
		NL_SET_ERR_MSG(extack, "pid: no such task");
	return err;
}

/**
 * taskdiag_walk_strategies - which strategies there are
 *
 * Return: bit N for TASK_DIAG_DUMP_* of number N.
 */
u64 taskdiag_walk_strategies(void)
{
	return GENMASK_ULL(TASK_DIAG_DUMP_MAX, 0);
}

/**
 * taskdiag_walk_init - get ready to walk
 * @walk: zeroed
 * @strategy: TASK_DIAG_DUMP_*
 * @pid: the task meant, for strategies that mean one
 * @multi: there may be any number of rows, and not just one
 * @listed: the numbers of the tasks wanted, if there is a list; has to stay
 * @caller: who asks
 * @extack: what was wrong
 *
 * Return: 0 or an error.
 */
int taskdiag_walk_init(struct taskdiag_walk *walk, u64 strategy, u32 pid,
		       bool multi, const struct taskdiag_numbers *listed,
		       struct taskdiag_caller *caller,
		       struct netlink_ext_ack *extack)
{
	if (strategy > TASK_DIAG_DUMP_MAX) {
		NL_SET_ERR_MSG_FMT(extack,
				   "dump_strategy: unknown strategy %llu",
				   strategy);
		return -EINVAL;
	}
	if (!multi && strategy != TASK_DIAG_DUMP_ONE) {
		NL_SET_ERR_MSG(extack, "dump_strategy: needs NLM_F_DUMP");
		return -EINVAL;
	}

	walk->ns = caller->pid_ns;
	walk->listed = *listed;

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
		return walk_from(walk, pid, caller, NULL, extack);
	case TASK_DIAG_DUMP_CHILDREN:
		walk->type = PIDTYPE_TGID;
		return walk_from(walk, pid, caller, take_children, extack);
	case TASK_DIAG_DUMP_THREAD:
		walk->type = PIDTYPE_PID;
		return walk_from(walk, pid, caller, take_threads, extack);
	case TASK_DIAG_DUMP_DESCENDANTS:
		walk->type = PIDTYPE_TGID;
		return walk_from(walk, pid, caller, take_descendants, extack);
	}
	/* A number of the ABI without a walk here. */
	WARN_ON_ONCE(1);
	return -EINVAL;
}

void taskdiag_walk_release(struct taskdiag_walk *walk)
{
	if (walk->single)
		put_pid(walk->only);
	else if (walk->members)
		put_members(walk->members, walk->nr_members);
}

/**
 * taskdiag_walk_enter_table - look the cursor up in the pid table anew
 * @walk: the walk, in an RCU section
 */
void taskdiag_walk_enter_table(struct taskdiag_walk *walk)
{
	radix_tree_iter_init(&walk->iter, walk->cursor);
	walk->slot = NULL;
	walk->slots_end = NULL;
}

/* Go to the next piece of the table that there is. */
static bool next_slots(struct taskdiag_walk *walk)
{
	void __rcu **slot;

	slot = radix_tree_next_chunk(&walk->ns->idr.idr_rt, &walk->iter, 0);
	if (!slot)
		return false;
	walk->cursor = walk->iter.index;
	walk->slot = slot;
	walk->slots_end = slot + radix_tree_chunk_size(&walk->iter);
	return true;
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
	taskdiag_walk_enter_table(walk);
}

/*
 * The next entry of the pid table from the cursor on.  The body of
 * idr_for_each_entry_continue() would look each number up from the root, at
 * five times the price.
 */
static struct pid *next_in_ns(struct taskdiag_walk *walk)
{
	struct pid *pid = NULL;

	while (!pid && next_slots(walk))
		pid = taskdiag_walk_slots(walk);
	return pid;
}

/* The next number of the list; NULL also if it stands for nothing. */
static struct pid *next_listed(struct taskdiag_walk *walk)
{
	if (walk->cursor == walk->listed.nr)
		return NULL;
	return find_pid_ns(walk->listed.numbers[walk->cursor++], walk->ns);
}

static struct pid *next_member(struct taskdiag_walk *walk)
{
	if (walk->cursor == walk->nr_members)
		return NULL;
	return walk->members[walk->cursor++];
}

/**
 * taskdiag_walk_pid - come to the next number that is not at hand
 * @walk: the walk, after taskdiag_walk_enter() in the same RCU section
 *
 * Return: who has it; NULL at the end, or if nobody has this one.
 */
struct pid *taskdiag_walk_pid(struct taskdiag_walk *walk)
{
	if (walk->members)
		return next_member(walk);
	if (walk->listed.numbers)
		return next_listed(walk);
	return next_in_ns(walk);
}

/**
 * taskdiag_walk_at_end - there was no next number: are there no more?
 * @walk: the walk
 *
 * Return: true if so.
 */
bool taskdiag_walk_at_end(const struct taskdiag_walk *walk)
{
	return walk->members || !walk->listed.numbers ||
	       walk->cursor == walk->listed.nr;
}

/**
 * taskdiag_walk_again - look again who has the number
 * @walk: the walk, in the RCU section of the hit
 * @hit: the hit; its task becomes the one that has the number now, or NULL
 */
void taskdiag_walk_again(const struct taskdiag_walk *walk,
			 struct taskdiag_hit *hit)
{
	if (!taskdiag_walk_look_up(walk, hit))
		hit->task = NULL;
}
