// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the tasks of a strategy, found when the request arrives.
 *
 * ALL and ALL_THREAD iterate over the pid table of the namespace, or over the
 * list of pids of the request.  The other strategies iterate over an array of
 * struct pid references, collected at once: an iteration over the kernel's own
 * lists by position would lose a task for each earlier one that exits
 * meanwhile.
 *
 * DESCENDANTS includes a task only if all its ancestors below the named task
 * are visible.  The access check is that of the rows: a member that fails it is
 * marked as hidden, and the members below it are marked when the iterator
 * reaches them, as a parent precedes its children.  A member that has ended
 * before the iterator reaches it hides nothing: a visible task below it must
 * not be lost.
 *
 * Depends on access.c and fd.c; must not depend on the filters or the contents
 * of a row.
 */
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "access.h"
#include "taskdiag.h"

/* Length of the first array; most requests have fewer members. */
#define TASKDIAG_MEMBERS_INITIAL	32

/**
 * struct member_list - members of a strategy while they are collected
 * @pids: references to their pids
 * @parents: index of each member's parent in @pids, or %TASKDIAG_NO_PARENT;
 *	NULL if the strategy does not use it
 * @max: length of both
 * @nr: number of members found, which may exceed @max
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
 * Collect the threads of @task's process.  Context: tasklist_lock held, as two
 * threads swap their pids when the second one calls execve().
 */
static void collect_threads(struct member_list *list, struct task_struct *task)
{
	struct task_struct *thread;

	for_each_thread(task, thread)
		add_member(list, thread, TASKDIAG_NO_PARENT);
}

/* Add the children of all of @task's threads.  Context: tasklist_lock held. */
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
 * Collect the descendants of @task, parents first: the members so far are the
 * queue of tasks whose children are still to be added.  Access checks are not
 * done here, as other tasks wait for tasklist_lock.
 */
static void collect_descendants(struct member_list *list,
				struct task_struct *task)
{
	unsigned int i;

	collect_children(list, task);
	for (i = 0; i < min(list->nr, list->max); i++)
		add_children(list,
			     pid_task(list->pids[i], PIDTYPE_PID), i);

	/* Members that did not fit may have children: estimate their number. */
	if (list->nr > list->max)
		list->nr += 3 * list->max;
}

static int alloc_members(struct member_list *list, unsigned int max,
			 bool parents)
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

static void release_members(struct pid **members, unsigned int nr)
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
		release_members(list->pids, min(list->nr, list->max));
	kvfree(list->parents);
}

typedef void (*collect_fn)(struct member_list *list, struct task_struct *task);

/*
 * Collect once; fails if the task has ended.  Holds tasklist_lock while up to
 * @max references are taken, as sending a signal to a process group does.
 */
static int collect_once(struct member_list *list, struct pid *pid,
			collect_fn collect)
{
	struct task_struct *task;

	read_lock(&tasklist_lock);
	task = pid_task(pid, PIDTYPE_PID);
	if (task)
		collect(list, task);
	read_unlock(&tasklist_lock);
	return task ? 0 : -ESRCH;
}

static int keep_members(struct taskdiag_iter *iter,
			const struct member_list *list)
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

/* Members can be added while memory is allocated: repeat until all fit. */
static int collect_members(struct taskdiag_iter *iter, struct pid *pid,
			   collect_fn collect)
{
	bool parents = collect == collect_descendants;
	unsigned int max = TASKDIAG_MEMBERS_INITIAL;
	struct member_list list;
	int err;

	for (;;) {
		err = alloc_members(&list, max, parents);
		if (!err)
			err = collect_once(&list, pid, collect);
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

static enum taskdiag_level level_of_pid(struct taskdiag_caller *caller,
					struct pid *pid)
{
	enum taskdiag_level level = TASKDIAG_HIDDEN;
	struct task_struct *task;
	u64 denied;

	rcu_read_lock();
	taskdiag_access_enter(caller);
	task = pid_task(pid, PIDTYPE_PID);
	if (task && taskdiag_pid_nr(pid, caller->pid_ns))
		level = taskdiag_level_of(caller, task, &denied);
	rcu_read_unlock();
	return level;
}

/*
 * Keep the reference to @pid if its task is visible, or may be, and has a pid in
 * the namespace.  The level of each task is decided again when its row is made.
 *
 * A confined caller cannot know from the time of the error whether the task
 * exists: files of the task are opened in a later step, so this step reports no
 * error about any task.
 */
static struct pid *get_visible(struct taskdiag_iter *iter,
			       struct taskdiag_caller *caller, struct pid *pid)
{
	const enum taskdiag_level level = level_of_pid(caller, pid);

	iter->confirm = caller->checks_files || level == TASKDIAG_UNDECIDED;
	if (level == TASKDIAG_HIDDEN) {
		put_pid(pid);
		return NULL;
	}
	if (iter->confirm)
		iter->named = get_pid(pid);
	return pid;
}

static struct pid *find_pid(struct taskdiag_caller *caller, pid_t nr)
{
	struct pid *pid;

	rcu_read_lock();
	pid = get_pid(find_pid_ns(nr, caller->pid_ns));
	rcu_read_unlock();
	return pid;
}

/*
 * Return the pid that the request names, by number or pidfd, without a check.
 */
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

/* A task that is not visible gets the same error as one that does not exist. */
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
	pid = get_visible(iter, caller, pid);
	if (!pid && iter->confirm) {
		iter->members = &iter->single_member;
		iter->single = true;
		return 0;
	}
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
 * taskdiag_strategy_supported - return the strategies of this kernel
 *
 * Return: bit N for TASK_DIAG_DUMP_* with number N.
 */
u64 taskdiag_strategy_supported(void)
{
	return GENMASK_ULL(TASK_DIAG_DUMP_MAX, 0);
}

/* ALL and ALL_THREAD do not refer to a task, so a pidfd is an error. */
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
 * taskdiag_strategy_init - set up an iterator over the tasks of a strategy
 * @iter: the iterator, zeroed
 * @req: the request
 * @pidfd: TASK_DIAG_CMD_ATTR_PIDFD or NULL
 * @is_dump: any number of rows may follow, instead of exactly one
 * @listed: pids to iterate over, if the request lists them; must outlive @iter
 * @caller: the caller
 * @extack: receives the reason of an error
 *
 * Context: Process context of the sender.  May sleep.
 *
 * Return: 0 or an error; @iter must be released in both cases.
 */
int taskdiag_strategy_init(struct taskdiag_iter *iter,
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
	/* The switch lacks a strategy of the ABI. */
	WARN_ON_ONCE(1);
	return -EINVAL;
}

/**
 * taskdiag_strategy_release - release an iterator
 * @iter: the iterator
 *
 * Context: Process context.  May sleep.
 */
void taskdiag_strategy_release(struct taskdiag_iter *iter)
{
	if (iter->single)
		put_pid(iter->single_member);
	else if (iter->members)
		release_members(iter->members, iter->nr_members);
	put_pid(iter->named);
	kvfree(iter->parents);
	kvfree(iter->hidden);
}
