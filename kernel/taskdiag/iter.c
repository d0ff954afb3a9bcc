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
#define TASKDIAG_ITER_BUDGET	1024

/* Room for most families, so that they are counted and taken in one go. */
#define TASKDIAG_MEMBERS_INITIAL	32

/* The parent of members whose parent is the task that the request names. */
#define TASKDIAG_NO_PARENT	U32_MAX

/**
 * struct member_list - relatives of a task while they are collected
 * @members: references to their pids
 * @parents: index of each one's parent in @members, or %TASKDIAG_NO_PARENT; NULL
 *	if the strategy has no use for it
 * @max: length of both
 * @nr: number of relatives found, which may exceed @max
 */
struct member_list {
	struct pid	**pids;
	u32		*parents;
	unsigned int	max;
	unsigned int	nr;
};

static void add_member(struct member_list *list, struct task_struct *task,
		       u32 parent)
{
	if (list->nr < list->max) {
		list->pids[list->nr] = get_pid(task_pid(task));
		if (list->parents)
			list->parents[list->nr] = parent;
	}
	list->nr++;
}

/*
 * The threads of @task's process.  Context: tasklist_lock, as two threads swap
 * their pids when the second calls execve().
 */
static void collect_threads(struct member_list *list, struct task_struct *task)
{
	struct task_struct *thread;

	for_each_thread(task, thread)
		add_member(list, thread, TASKDIAG_NO_PARENT);
}

/* The children of all of @task's threads.  Context: tasklist_lock. */
static void add_children(struct member_list *list, struct task_struct *task,
			 u32 parent)
{
	struct task_struct *thread, *child;

	for_each_thread(task, thread)
		list_for_each_entry(child, &thread->children, sibling)
			add_member(list, child, parent);
}

static void collect_children(struct member_list *list, struct task_struct *task)
{
	add_children(list, task, TASKDIAG_NO_PARENT);
}

/*
 * The descendants of @task, parents first: the members so far are the queue of
 * tasks whose children are still to be added.  No access checks here: others
 * wait for tasklist_lock.
 */
static void collect_descendants(struct member_list *list, struct task_struct *task)
{
	unsigned int i;

	collect_children(list, task);
	for (i = 0; i < min(list->nr, list->max); i++)
		add_children(list,
			     pid_task(list->pids[i], PIDTYPE_PID), i);

	/* The children of those that did not fit are a guess. */
	if (list->nr > list->max)
		list->nr += 3 * list->max;
}

static int alloc_members(struct member_list *list, unsigned int max, bool parents)
{
	*list = (struct member_list) { .max = max };
	list->pids = kvmalloc_array(max, sizeof(*list->pids),
					 TASKDIAG_GFP);
	if (!list->pids)
		return -ENOMEM;
	if (!parents)
		return 0;
	list->parents = kvmalloc_array(max, sizeof(*list->parents),
					 TASKDIAG_GFP);
	return list->parents ? 0 : -ENOMEM;
}

static void put_members(struct pid **members, unsigned int nr)
{
	while (nr) {
		put_pid(members[--nr]);
		cond_resched();
	}
	kvfree(members);
}

static void free_members(struct member_list *list)
{
	if (list->pids)
		put_members(list->pids, min(list->nr, list->max));
	kvfree(list->parents);
}

typedef void (*collect_fn)(struct member_list *list, struct task_struct *task);

/*
 * One attempt: fails if the task has ended.  Holds tasklist_lock for as long as
 * it takes to reference @max members, as sending a signal to a process group
 * does.
 */
static int collect_once(struct member_list *list, struct pid *of,
			  collect_fn collect)
{
	struct task_struct *task;

	read_lock(&tasklist_lock);
	task = pid_task(of, PIDTYPE_PID);
	if (task)
		collect(list, task);
	read_unlock(&tasklist_lock);
	return task ? 0 : -ESRCH;
}

static int keep_members(struct taskdiag_iter *iter, const struct member_list *list)
{
	iter->members = list->pids;
	iter->nr_members = list->nr;
	iter->parents = list->parents;
	if (!iter->parents)
		return 0;
	iter->hidden = kvcalloc(BITS_TO_LONGS(list->nr), sizeof(long),
				TASKDIAG_GFP);
	return iter->hidden ? 0 : -ENOMEM;
}

/* A family can grow while memory is allocated: repeat until it fits. */
static int collect_members(struct taskdiag_iter *iter, struct pid *of,
			collect_fn collect)
{
	bool parents = collect == collect_descendants;
	unsigned int max = TASKDIAG_MEMBERS_INITIAL;
	struct member_list list;
	int err;

	for (;;) {
		err = alloc_members(&list, max, parents);
		if (!err)
			err = collect_once(&list, of, collect);
		if (!err && list.nr <= max)
			return keep_members(iter, &list);

		free_members(&list);
		if (err)
			return err;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		max = list.nr + list.nr / 4;
	}
}

/* Keeps @pid if its task is visible and has a number in the namespace. */
static struct pid *get_visible(struct taskdiag_caller *caller, struct pid *pid)
{
	struct task_struct *task;
	bool visible;

	rcu_read_lock();
	taskdiag_caller_enter(caller);
	task = pid_task(pid, PIDTYPE_PID);
	visible = task && taskdiag_pid_nr(pid, caller->pid_ns) &&
		  taskdiag_may_see(caller, task);
	rcu_read_unlock();
	if (visible)
		return pid;
	put_pid(pid);
	return NULL;
}

static struct pid *find_pid(struct taskdiag_caller *caller, pid_t nr)
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
	return find_pid(caller, req->pid);
}

/* A task that is not visible is reported like one that does not exist. */
static int init_members(struct taskdiag_iter *iter,
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
	pid = get_visible(caller, pid);
	if (pid && !collect) {
		iter->single_member = pid;
		iter->members = &iter->single_member;
		iter->nr_members = 1;
		return 0;
	}
	if (pid) {
		err = collect_members(iter, pid, collect);
		put_pid(pid);
	}
	if (err == -ESRCH)
		NL_SET_ERR_MSG(extack, "pid: no such task");
	return err;
}

/**
 * taskdiag_iter_strategies - which strategies there are
 *
 * Return: bit N for TASK_DIAG_DUMP_* of number N.
 */
u64 taskdiag_iter_strategies(void)
{
	return GENMASK_ULL(TASK_DIAG_DUMP_MAX, 0);
}

/* A strategy that names no task has no use for a pidfd. */
static int init_all(struct taskdiag_iter *iter, enum pid_type type,
		    const struct nlattr *pidfd, struct netlink_ext_ack *extack)
{
	if (pidfd) {
		NL_SET_ERR_MSG_ATTR(extack, pidfd,
				    "pidfd: dump_strategy names no task");
		return -EINVAL;
	}
	iter->type = type;
	return 0;
}

/**
 * taskdiag_iter_init - prepare to iterate over the tasks of a strategy
 * @iter: zeroed
 * @req: the request
 * @pidfd: TASK_DIAG_CMD_ATTR_PIDFD or NULL
 * @is_dump: any number of rows may follow, instead of exactly one
 * @listed: pids to iterate over, if the request lists them; must stay
 * @caller: the caller
 * @extack: receives the reason of an error
 *
 * Return: 0 or an error; @iter must be released in both cases.
 */
int taskdiag_iter_init(struct taskdiag_iter *iter,
		       const struct task_diag_pid *req,
		       const struct nlattr *pidfd, bool is_dump,
		       const struct taskdiag_pids *listed,
		       struct taskdiag_caller *caller,
		       struct netlink_ext_ack *extack)
{
	if (req->dump_strategy > TASK_DIAG_DUMP_MAX) {
		NL_SET_ERR_MSG_FMT(extack,
				   "dump_strategy: unknown strategy %llu",
				   req->dump_strategy);
		return -EINVAL;
	}
	if (!is_dump && req->dump_strategy != TASK_DIAG_DUMP_ONE) {
		NL_SET_ERR_MSG(extack, "dump_strategy: needs NLM_F_DUMP");
		return -EINVAL;
	}

	iter->ns = caller->pid_ns;
	iter->listed = *listed;

	switch (req->dump_strategy) {
	case TASK_DIAG_DUMP_ALL:
		return init_all(iter, PIDTYPE_TGID, pidfd, extack);
	case TASK_DIAG_DUMP_ALL_THREAD:
		return init_all(iter, PIDTYPE_PID, pidfd, extack);
	case TASK_DIAG_DUMP_ONE:
		iter->type = PIDTYPE_PID;
		iter->single = true;
		return init_members(iter, req, pidfd, caller, NULL, extack);
	case TASK_DIAG_DUMP_CHILDREN:
		iter->type = PIDTYPE_TGID;
		return init_members(iter, req, pidfd, caller, collect_children,
				 extack);
	case TASK_DIAG_DUMP_THREAD:
		iter->type = PIDTYPE_PID;
		return init_members(iter, req, pidfd, caller, collect_threads,
				 extack);
	case TASK_DIAG_DUMP_DESCENDANTS:
		iter->type = PIDTYPE_TGID;
		return init_members(iter, req, pidfd, caller, collect_descendants,
				 extack);
	}
	/* A strategy of the ABI is missing above. */
	WARN_ON_ONCE(1);
	return -EINVAL;
}

void taskdiag_iter_release(struct taskdiag_iter *iter)
{
	if (iter->single)
		put_pid(iter->single_member);
	else if (iter->members)
		put_members(iter->members, iter->nr_members);
	kvfree(iter->parents);
	kvfree(iter->hidden);
}

/**
 * taskdiag_iter_reset_slots - look the cursor up in the pid table anew
 * @iter: the walk, in an RCU section
 */
void taskdiag_iter_reset_slots(struct taskdiag_iter *iter)
{
	radix_tree_iter_init(&iter->radix, iter->cursor);
	iter->slot = NULL;
	iter->slots_end = NULL;
}

/* Go to the next piece of the table that there is. */
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

/**
 * taskdiag_iter_enter - go on walking
 * @iter: the walk
 *
 * Starts an RCU section's worth of taskdiag_iter_next().
 */
void taskdiag_iter_enter(struct taskdiag_iter *iter)
{
	iter->budget = TASKDIAG_ITER_BUDGET;
	taskdiag_iter_reset_slots(iter);
}

/*
 * The next entry of the pid table from the cursor on.  The body of
 * idr_for_each_entry_continue() would look each number up from the root, at
 * five times the price.
 */
static struct pid *next_in_table(struct taskdiag_iter *iter)
{
	struct pid *pid = NULL;

	while (!pid && next_chunk(iter))
		pid = taskdiag_iter_next_slot(iter);
	return pid;
}

/* The next number of the list; NULL also if it stands for nothing. */
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
 * taskdiag_iter_next_pid - come to the next number that is not at hand
 * @iter: the walk, after taskdiag_iter_enter() in the same RCU section
 *
 * Return: who has it; NULL at the end, or if nobody has this one.
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
 * taskdiag_iter_at_end - there was no next number: are there no more?
 * @iter: the walk
 *
 * Return: true if so.
 */
bool taskdiag_iter_at_end(const struct taskdiag_iter *iter)
{
	if (iter->members)
		return iter->cursor == iter->nr_members;
	return !iter->listed.pids || iter->cursor == iter->listed.nr;
}

/**
 * taskdiag_iter_reload - look again who has the number
 * @iter: the walk, in the RCU section of the hit
 * @item: the hit; its task becomes the one that has the number now, or NULL
 */
void taskdiag_iter_reload(const struct taskdiag_iter *iter,
			 struct taskdiag_item *item)
{
	if (!taskdiag_iter_load(iter, item))
		item->task = NULL;
}
