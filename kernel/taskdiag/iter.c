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
 *
 * - DESCENDANTS includes a task only if all its ancestors below the named one
 *   are visible.  The access check is that of the rows: a member that fails it
 *   is marked as hidden, and so are the members below it when their turn comes,
 *   as a parent precedes its children.  A member that has ended before its turn
 *   hides nothing: a visible task below it must not be lost.
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

#include "taskdiag.h"
#include "access.h"
#include "iter.h"

/*
 * Candidates in one RCU section.  Rows end a section earlier, with a full
 * message; this is for long stretches of tasks that the caller may not see.
 */
#define TASKDIAG_WALK_BUDGET	1024

/* Room for most families, so that they are counted and taken in one go. */
#define TASKDIAG_MEMBERS_GUESS	32

/* The parent of members whose parent is the task that the request names. */
#define TASKDIAG_NO_PARENT	U32_MAX

/**
 * struct family - relatives of a task while they are collected
 * @members: references to their pids
 * @parents: index of each one's parent in @members, or %TASKDIAG_NO_PARENT; NULL
 *	if the strategy has no use for it
 * @max: length of both
 * @nr: number of relatives found, which may exceed @max
 */
struct family {
	struct pid	**members;
	u32		*parents;
	unsigned int	max;
	unsigned int	nr;
};

static void add_member(struct family *family, struct task_struct *task,
		       u32 parent)
{
	if (family->nr < family->max) {
		family->members[family->nr] = get_pid(task_pid(task));
		if (family->parents)
			family->parents[family->nr] = parent;
	}
	family->nr++;
}

/*
 * The threads of @task's process.  Context: tasklist_lock, as two threads swap
 * their pids when the second calls execve().
 */
static void collect_threads(struct family *family, struct task_struct *task)
{
	struct task_struct *thread;

	for_each_thread(task, thread)
		add_member(family, thread, TASKDIAG_NO_PARENT);
}

/* The children of all of @task's threads.  Context: tasklist_lock. */
static void add_children(struct family *family, struct task_struct *task,
			 u32 parent)
{
	struct task_struct *thread, *child;

	for_each_thread(task, thread)
		list_for_each_entry(child, &thread->children, sibling)
			add_member(family, child, parent);
}

static void collect_children(struct family *family, struct task_struct *task)
{
	add_children(family, task, TASKDIAG_NO_PARENT);
}

/*
 * The descendants of @task, parents first: the members so far are the queue of
 * tasks whose children are still to be added.  No access checks here: others
 * wait for tasklist_lock.
 */
static void collect_descendants(struct family *family, struct task_struct *task)
{
	unsigned int i;

	collect_children(family, task);
	for (i = 0; i < min(family->nr, family->max); i++)
		add_children(family,
			     pid_task(family->members[i], PIDTYPE_PID), i);

	/* The children of those that did not fit are a guess. */
	if (family->nr > family->max)
		family->nr += 3 * family->max;
}

static int alloc_family(struct family *family, unsigned int max, bool parents)
{
	*family = (struct family) { .max = max };
	family->members = kvmalloc_array(max, sizeof(*family->members),
					 TASKDIAG_GFP);
	if (!family->members)
		return -ENOMEM;
	if (!parents)
		return 0;
	family->parents = kvmalloc_array(max, sizeof(*family->parents),
					 TASKDIAG_GFP);
	return family->parents ? 0 : -ENOMEM;
}

static void put_members(struct pid **members, unsigned int nr)
{
	while (nr) {
		put_pid(members[--nr]);
		cond_resched();
	}
	kvfree(members);
}

static void free_family(struct family *family)
{
	if (family->members)
		put_members(family->members, min(family->nr, family->max));
	kvfree(family->parents);
}

typedef void (*collect_fn)(struct family *family, struct task_struct *task);

/*
 * One attempt: fails if the task has ended.  Holds tasklist_lock for as long as
 * it takes to reference @max members, as sending a signal to a process group
 * does.
 */
static int collect_family(struct family *family, struct pid *of,
			  collect_fn collect)
{
	struct task_struct *task;

	read_lock(&tasklist_lock);
	task = pid_task(of, PIDTYPE_PID);
	if (task)
		collect(family, task);
	read_unlock(&tasklist_lock);
	return task ? 0 : -ESRCH;
}

static int keep_family(struct taskdiag_walk *walk, const struct family *family)
{
	walk->members = family->members;
	walk->nr_members = family->nr;
	walk->parents = family->parents;
	if (!walk->parents)
		return 0;
	walk->hidden = kvcalloc(BITS_TO_LONGS(family->nr), sizeof(long),
				TASKDIAG_GFP);
	return walk->hidden ? 0 : -ENOMEM;
}

/* A family can grow while memory is allocated: repeat until it fits. */
static int take_members(struct taskdiag_walk *walk, struct pid *of,
			collect_fn collect)
{
	bool parents = collect == collect_descendants;
	unsigned int max = TASKDIAG_MEMBERS_GUESS;
	struct family family;
	int err;

	for (;;) {
		err = alloc_family(&family, max, parents);
		if (!err)
			err = collect_family(&family, of, collect);
		if (!err && family.nr <= max)
			return keep_family(walk, &family);

		free_family(&family);
		if (err)
			return err;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		max = family.nr + family.nr / 4;
	}
}

/* Keeps @pid if its task is visible and has a number in the namespace. */
static struct pid *keep_visible(struct taskdiag_caller *caller, struct pid *pid)
{
	struct task_struct *task;
	bool visible;

	rcu_read_lock();
	taskdiag_caller_enter(caller);
	task = pid_task(pid, PIDTYPE_PID);
	visible = task && taskdiag_nr(pid, caller->pid_ns) &&
		  taskdiag_may_see(caller, task);
	rcu_read_unlock();
	if (visible)
		return pid;
	put_pid(pid);
	return NULL;
}

static struct pid *find_number(struct taskdiag_caller *caller, pid_t nr)
{
	struct pid *pid;

	rcu_read_lock();
	pid = get_pid(find_pid_ns(nr, caller->pid_ns));
	rcu_read_unlock();
	return pid;
}

/* The pid that the request names, by number or descriptor, before any check. */
static struct pid *find_named(const struct task_diag_pid *req,
			      const struct nlattr *pidfd,
			      struct taskdiag_caller *caller,
			      struct netlink_ext_ack *extack)
{
	if (pidfd && req->pid) {
		NL_SET_ERR_MSG_ATTR(extack, pidfd, "pidfd: pid must be 0");
		return ERR_PTR(-EINVAL);
	}
	if (pidfd)
		return taskdiag_fd_pid(pidfd, extack);
	if (!req->pid || req->pid > PID_MAX_LIMIT) {
		NL_SET_ERR_MSG(extack, "pid: not the number of a task");
		return ERR_PTR(-EINVAL);
	}
	return find_number(caller, req->pid);
}

/* A task that is not visible is reported like one that does not exist. */
static int walk_from(struct taskdiag_walk *walk,
		     const struct task_diag_pid *req,
		     const struct nlattr *pidfd,
		     struct taskdiag_caller *caller, collect_fn collect,
		     struct netlink_ext_ack *extack)
{
	struct pid *pid;
	int err = -ESRCH;

	pid = find_named(req, pidfd, caller, extack);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	pid = keep_visible(caller, pid);
	if (pid && !collect) {
		walk->only = pid;
		walk->members = &walk->only;
		walk->nr_members = 1;
		return 0;
	}
	if (pid) {
		err = take_members(walk, pid, collect);
		put_pid(pid);
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

/* A strategy that names no task has no use for a pidfd. */
static int walk_all(struct taskdiag_walk *walk, enum pid_type type,
		    const struct nlattr *pidfd, struct netlink_ext_ack *extack)
{
	if (pidfd) {
		NL_SET_ERR_MSG_ATTR(extack, pidfd,
				    "pidfd: dump_strategy names no task");
		return -EINVAL;
	}
	walk->type = type;
	return 0;
}

/**
 * taskdiag_walk_init - prepare to iterate over the tasks of a strategy
 * @walk: zeroed
 * @req: the request
 * @pidfd: TASK_DIAG_CMD_ATTR_PIDFD or NULL
 * @multi: any number of rows may follow, instead of exactly one
 * @listed: pids to iterate over, if the request lists them; must stay
 * @caller: the caller
 * @extack: receives the reason of an error
 *
 * Return: 0 or an error; @walk must be released in both cases.
 */
int taskdiag_walk_init(struct taskdiag_walk *walk,
		       const struct task_diag_pid *req,
		       const struct nlattr *pidfd, bool multi,
		       const struct taskdiag_numbers *listed,
		       struct taskdiag_caller *caller,
		       struct netlink_ext_ack *extack)
{
	if (req->dump_strategy > TASK_DIAG_DUMP_MAX) {
		NL_SET_ERR_MSG_FMT(extack,
				   "dump_strategy: unknown strategy %llu",
				   req->dump_strategy);
		return -EINVAL;
	}
	if (!multi && req->dump_strategy != TASK_DIAG_DUMP_ONE) {
		NL_SET_ERR_MSG(extack, "dump_strategy: needs NLM_F_DUMP");
		return -EINVAL;
	}

	walk->ns = caller->pid_ns;
	walk->listed = *listed;

	switch (req->dump_strategy) {
	case TASK_DIAG_DUMP_ALL:
		return walk_all(walk, PIDTYPE_TGID, pidfd, extack);
	case TASK_DIAG_DUMP_ALL_THREAD:
		return walk_all(walk, PIDTYPE_PID, pidfd, extack);
	case TASK_DIAG_DUMP_ONE:
		walk->type = PIDTYPE_PID;
		walk->single = true;
		return walk_from(walk, req, pidfd, caller, NULL, extack);
	case TASK_DIAG_DUMP_CHILDREN:
		walk->type = PIDTYPE_TGID;
		return walk_from(walk, req, pidfd, caller, collect_children,
				 extack);
	case TASK_DIAG_DUMP_THREAD:
		walk->type = PIDTYPE_PID;
		return walk_from(walk, req, pidfd, caller, collect_threads,
				 extack);
	case TASK_DIAG_DUMP_DESCENDANTS:
		walk->type = PIDTYPE_TGID;
		return walk_from(walk, req, pidfd, caller, collect_descendants,
				 extack);
	}
	/* A strategy of the ABI is missing above. */
	WARN_ON_ONCE(1);
	return -EINVAL;
}

void taskdiag_walk_release(struct taskdiag_walk *walk)
{
	if (walk->single)
		put_pid(walk->only);
	else if (walk->members)
		put_members(walk->members, walk->nr_members);
	kvfree(walk->parents);
	kvfree(walk->hidden);
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

/* The next member; NULL also for one below a task that is not visible. */
static struct pid *next_member(struct taskdiag_walk *walk)
{
	unsigned int member = walk->cursor;
	u32 parent;

	if (member == walk->nr_members)
		return NULL;
	walk->cursor++;
	if (!walk->parents)
		return walk->members[member];

	parent = walk->parents[member];
	if (parent == TASKDIAG_NO_PARENT || !test_bit(parent, walk->hidden))
		return walk->members[member];
	taskdiag_walk_hide(walk);
	return NULL;
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
	if (walk->members)
		return walk->cursor == walk->nr_members;
	return !walk->listed.numbers || walk->cursor == walk->listed.nr;
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
