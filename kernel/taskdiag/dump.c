// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: one request, from its attributes to its last row.
 *
 * Depends on multi.c, row.c, filter.c, strategy.c, vma_flags.c, iter.c, fd.c,
 * access.c, mount.c and caller.c; must not depend on an entry point, a
 * particular strategy or a group.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/path.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "taskdiag.h"
#include "access.h"
#include "iter.h"

const struct nla_policy taskdiag_request_policy[TASKDIAG_REQUEST_ATTRS] = {
	[TASK_DIAG_CMD_ATTR_GET] =
		NLA_POLICY_EXACT_LEN(sizeof(struct task_diag_pid)),
	[TASK_DIAG_CMD_ATTR_PIDNS_FD]	= { .type = NLA_U32 },
	[TASK_DIAG_CMD_ATTR_PIDFD]	= { .type = NLA_U32 },
	[TASK_DIAG_CMD_ATTR_PROC_FD]	= { .type = NLA_U32 },
	[TASK_DIAG_CMD_ATTR_UID]	= { .type = NLA_U32 },
	[TASK_DIAG_CMD_ATTR_CGROUP]	= { .type = NLA_U64 },
	[TASK_DIAG_CMD_ATTR_STATES] =
		NLA_POLICY_MASK(NLA_U32, GENMASK(TASK_DIAG_IDLE, 0)),
	[TASK_DIAG_CMD_ATTR_COMM] = {
		.type	= NLA_STRING,
		.len	= TASK_DIAG_COMM_LEN - 1,
	},
	[TASK_DIAG_CMD_ATTR_PIDS]	= { .type = NLA_BINARY },
	[TASK_DIAG_CMD_ATTR_VMA_FLAGS]	= { .type = NLA_U64 },
};

static int parse_request(struct task_diag_pid *req, const struct nlattr *attr,
			 struct netlink_ext_ack *extack)
{
	/* Netlink aligns to 4 bytes, the structure needs 8. */
	memcpy(req, nla_data(attr), sizeof(*req));

	if (req->reserved) {
		NL_SET_ERR_MSG(extack, "reserved: must be 0");
		return -EINVAL;
	}
	return 0;
}

/**
 * struct scope - pid namespace and visibility of a request
 * @ns: the pid namespace, with a reference
 * @proc: root directory of the procfs mount, with a reference; or no mount
 */
struct scope {
	struct pid_namespace	*ns;
	struct path		proc;
};

static void release_scope(const struct scope *scope)
{
	put_pid_ns(scope->ns);
	path_put(&scope->proc);
}

/* Set the scope to the procfs mount that a request names. */
static int choose_mount(struct scope *scope, const struct nlattr *fd,
			const struct nlattr *pidns_fd,
			const struct file *opener,
			struct netlink_ext_ack *extack)
{
	struct path root;
	int err;

	if (pidns_fd) {
		NL_SET_ERR_MSG_ATTR(extack, fd,
				    "proc_fd: cannot be combined with pidns_fd");
		return -EINVAL;
	}
	err = taskdiag_fd_proc(fd, opener->f_cred, &root, extack);
	if (err)
		return err;
	release_scope(scope);
	scope->ns = get_pid_ns(proc_pid_ns(root.dentry->d_sb));
	scope->proc = root;
	return 0;
}

static int choose_pid_ns(struct scope *scope, const struct nlattr *fd,
			 const struct file *opener,
			 struct netlink_ext_ack *extack)
{
	struct pid_namespace *ns;

	ns = taskdiag_fd_pid_ns(fd, scope->ns, opener, extack);
	if (IS_ERR(ns))
		return PTR_ERR(ns);
	put_pid_ns(scope->ns);
	scope->ns = ns;
	return 0;
}

/* Apply the attributes that change the scope of a request. */
static int choose_scope(struct scope *scope, struct nlattr *const *attrs,
			const struct file *opener,
			struct netlink_ext_ack *extack)
{
	const struct nlattr *pidns_fd = attrs[TASK_DIAG_CMD_ATTR_PIDNS_FD];
	const struct nlattr *proc_fd = attrs[TASK_DIAG_CMD_ATTR_PROC_FD];

	if (proc_fd)
		return choose_mount(scope, proc_fd, pidns_fd, opener, extack);
	if (pidns_fd)
		return choose_pid_ns(scope, pidns_fd, opener, extack);
	return 0;
}

/* Set the groups whose files decide about tasks that may not be ptraced. */
static void set_wanted(struct taskdiag_dump *dump, struct nlattr *const *attrs)
{
	if (attrs[TASK_DIAG_CMD_ATTR_CGROUP])
		dump->caller.needed = TASK_DIAG_SHOW_CGROUP;
	dump->caller.wanted = dump->row.show_flags | dump->caller.needed;
}

/*
 * Set up all parts of a request.  Errors without an attribute of their own are
 * reported for TASK_DIAG_CMD_ATTR_GET.
 */
static int init_parts(struct taskdiag_dump *dump, struct nlattr *const *attrs,
		      bool is_dump, struct netlink_ext_ack *extack)
{
	struct task_diag_pid req;
	int err;

	err = parse_request(&req, attrs[TASK_DIAG_CMD_ATTR_GET], extack);
	if (!err)
		err = taskdiag_row_init(&dump->row, req.show_flags, is_dump,
					extack);
	if (!err)
		err = taskdiag_filter_init(&dump->filter, attrs, req.show_flags,
					   &dump->caller, extack);
	if (!err)
		set_wanted(dump, attrs);
	if (!err)
		err = taskdiag_multi_init(&dump->multi, &dump->row,
					  dump->filter.vma_flags, is_dump);
	if (!err)
		err = taskdiag_strategy_init(&dump->iter, &req,
					     attrs[TASK_DIAG_CMD_ATTR_PIDFD],
					     is_dump, &dump->filter.pids,
					     &dump->caller, extack);
	return err;
}

/**
 * taskdiag_dump_open - begin a dump
 * @attrs: attributes of the request by number, up to TASKDIAG_REQUEST_ATTRS,
 *	parsed with taskdiag_request_policy; TASK_DIAG_CMD_ATTR_GET is present
 * @opener: the file that the request came through
 * @ns: pid namespace of the reply by default; its reference is consumed
 * @proc: root directory of the procfs mount that the request belongs to, or
 *	NULL
 * @is_dump: the reply may have any number of rows, instead of exactly one
 * @extack: receives the reason of an error
 *
 * Before it calls taskdiag_dump_rows(), the entry point must make the template:
 * the message headers, and the attributes of taskdiag_row_append_template().
 *
 * Context: Process context of the sender.  May be called with locks held that
 * others need, so it allocates memory and waits for nothing else.
 *
 * Return: the dump or an error pointer.
 */
struct taskdiag_dump *taskdiag_dump_open(struct nlattr *const *attrs,
					 const struct file *opener,
					 struct pid_namespace *ns,
					 const struct path *proc, bool is_dump,
					 struct netlink_ext_ack *extack)
{
	struct scope scope = { .ns = ns };
	struct taskdiag_dump *dump;
	int err;

	if (proc) {
		scope.proc = *proc;
		path_get(proc);
	}
	err = choose_scope(&scope, attrs, opener, extack);
	if (err)
		goto release;
	dump = kzalloc(sizeof(*dump), TASKDIAG_GFP);
	if (!dump) {
		err = -ENOMEM;
		goto release;
	}
	dump->is_dump = is_dump;
	/* From here on, closing the dump releases the scope. */
	err = taskdiag_caller_pin(&dump->caller, opener->f_cred, scope.ns,
				  extack);
	taskdiag_mount_pin(&dump->caller, &scope.proc);
	taskdiag_mount_begin_step(&dump->caller);
	if (err)
		goto close;
	err = init_parts(dump, attrs, is_dump, extack);
	if (!err)
		return dump;

	/* -ENOMEM and -EINTR are not caused by an attribute. */
	if (extack && !extack->bad_attr && err != -ENOMEM && err != -EINTR)
		NL_SET_BAD_ATTR(extack, attrs[TASK_DIAG_CMD_ATTR_GET]);
close:
	taskdiag_dump_close(dump);
	return ERR_PTR(err);
release:
	release_scope(&scope);
	return ERR_PTR(err);
}

/**
 * taskdiag_dump_close - end a dump and release it
 * @dump: the dump
 *
 * Context: Process context.  May sleep.
 */
void taskdiag_dump_close(struct taskdiag_dump *dump)
{
	taskdiag_multi_release(&dump->multi);
	taskdiag_row_release(&dump->row);
	taskdiag_strategy_release(&dump->iter);
	taskdiag_filter_release(&dump->filter);
	taskdiag_mount_unpin(&dump->caller);
	taskdiag_caller_unpin(&dump->caller);
	kfree(dump);
}

/**
 * struct tailroom - tailroom of an skb, for rows of one length
 * @at: end of the rows written before
 * @end: end of the buffer
 * @row_len: length of a row
 */
struct tailroom {
	u8		*at;
	u8		*end;
	unsigned int	row_len;
};

static __always_inline struct tailroom
begin_rows(const struct taskdiag_dump *dump, const struct sk_buff *skb)
{
	u8 *at = skb_tail_pointer(skb);

	return (struct tailroom) {
		.at		= at,
		.end		= at + skb_tailroom(skb),
		.row_len	= dump->row.template->len,
	};
}

/* Make the rows that have been written part of @skb. */
static __always_inline void commit_rows(struct taskdiag_dump *dump,
					const struct tailroom *tailroom,
					struct sk_buff *skb)
{
	unsigned int len = tailroom->at - skb_tail_pointer(skb);

	__skb_put(skb, len);
	dump->any_row |= len > 0;
}

/*
 * Of a task that is only listed, neither its parent nor its threads are known,
 * and no filter except that for pids can match.
 */
static bool selects_listed(const struct taskdiag_dump *dump,
			   const struct taskdiag_item *item)
{
	const struct taskdiag_iter *iter = &dump->iter;

	return item->pid == item->tgid && (!iter->members || iter->single) &&
	       taskdiag_filter_knows_listed(&dump->filter);
}

/*
 * Values that need the access check must be those of the program that was
 * checked.  execve() changes self_exec_id before it commits new credentials.
 */
static __always_inline bool is_outdated(const struct taskdiag_dump *dump,
					const struct taskdiag_item *item,
					u64 exec_id)
{
	if (likely(!dump->row.needs_check))
		return false;
	smp_rmb();	/* the fields of the row before self_exec_id */
	return READ_ONCE(item->task->self_exec_id) != exec_id;
}

/* Set the level of a task that has not passed the access check. */
static void set_level_by_mount(struct taskdiag_dump *dump,
			       struct taskdiag_item *item)
{
	struct taskdiag_caller *caller = &dump->caller;

	item->level = TASKDIAG_HIDDEN;
	if (caller->mount_level == TASKDIAG_HIDDEN)
		return;
	item->level = taskdiag_mount_level(caller, item->task, &item->denied);
	if (item->level == TASKDIAG_LISTED && !selects_listed(dump, item))
		item->level = TASKDIAG_HIDDEN;
}

/*
 * Set the level of a task that has passed the access check, for a confined
 * caller.  Return true if it has a row.
 */
static noinline bool may_open_files(struct taskdiag_dump *dump,
				    struct taskdiag_item *item)
{
	struct taskdiag_caller *caller = &dump->caller;

	item->level = taskdiag_mount_permitted_level(caller, item->task,
						     &item->denied);
	if (item->level == TASKDIAG_LISTED && !selects_listed(dump, item))
		item->level = TASKDIAG_HIDDEN;
	if (item->level == TASKDIAG_HIDDEN)
		taskdiag_iter_hide(&dump->iter);
	return item->level != TASKDIAG_HIDDEN &&
	       item->level != TASKDIAG_UNDECIDED;
}

static noinline void deny_files_of_owner(struct taskdiag_dump *dump,
					 struct taskdiag_item *item)
{
	if (dump->row.show_flags & TASKDIAG_OWNER_GROUPS)
		item->denied |= taskdiag_owner_denied(&dump->caller,
						      item->task);
}

/* Return the length of the row; 0 if @tailroom is too small. */
static __always_inline unsigned int fill_row(struct taskdiag_dump *dump,
					     const struct tailroom *tailroom,
					     const struct taskdiag_item *item)
{
	unsigned int size = tailroom->end - tailroom->at;

	if (unlikely(item->denied & dump->row.layout_groups))
		return taskdiag_row_fill_partial(&dump->row, tailroom->at, size,
						 item, &dump->caller);
	if (size < tailroom->row_len)
		return 0;
	taskdiag_row_fill(&dump->row, tailroom->at, item, &dump->caller);
	return tailroom->row_len;
}

/*
 * Append the row of a task if it is visible and matches the filters.  Return
 * false if @tailroom is too small, or if the level of the task has to be decided
 * first.  Invisible tasks return true, so they do not affect where a message
 * ends.
 *
 * *@exec_id, if @exec_id is not NULL, becomes the program that the row
 * describes: it is read before the access check, so that a later execve() is
 * noticed.
 */
static __always_inline bool append_row(struct taskdiag_dump *dump,
				       struct tailroom *tailroom,
				       struct taskdiag_item *item, u64 *exec_id)
{
	unsigned int len;

	while (item->task) {
		if (exec_id)
			*exec_id = READ_ONCE(item->task->self_exec_id);
		item->level = TASKDIAG_FULL;
		item->denied = 0;
		if (!taskdiag_may_see(&dump->caller, item->task)) {
			set_level_by_mount(dump, item);
			if (item->level == TASKDIAG_UNDECIDED)
				return false;
			if (item->level == TASKDIAG_HIDDEN) {
				taskdiag_iter_hide(&dump->iter);
				break;
			}
		} else if (exec_id && dump->caller.checks_files &&
			   !may_open_files(dump, item)) {
			return item->level == TASKDIAG_HIDDEN;
		}
		if (exec_id)
			deny_files_of_owner(dump, item);
		item->state = task_state_index(item->task);
		if (!taskdiag_filter_matches(&dump->filter, item))
			break;
		len = fill_row(dump, tailroom, item);
		if (!len)
			return false;
		if (dump->row.visits_threads && item->whole_process)
			taskdiag_iter_consume(&dump->iter,
					      get_nr_threads(item->task));
		if (exec_id && is_outdated(dump, item, *exec_id))
			continue;
		if (taskdiag_iter_recheck(&dump->iter, item)) {
			tailroom->at += len;
			break;
		}
	}
	return true;
}

/* Return the error of append_row() that returned false. */
static int append_error(const struct taskdiag_item *item)
{
	return item->level == TASKDIAG_UNDECIDED ? -EAGAIN : -EMSGSIZE;
}

/*
 * Append rows until @skb is full, the iterator is at its end, or its budget has
 * been consumed.  In one RCU section all tasks that are found stay valid, so
 * references are not needed.
 */
static __always_inline int append_rows(struct taskdiag_dump *dump,
				       struct sk_buff *skb, u64 *exec_id)
{
	struct tailroom tailroom = begin_rows(dump, skb);
	struct taskdiag_item item;
	int err = 0;

	rcu_read_lock();
	taskdiag_access_enter(&dump->caller);
	taskdiag_iter_enter(&dump->iter);
	while (taskdiag_iter_next(&dump->iter, &item)) {
		if (!append_row(dump, &tailroom, &item, exec_id)) {
			taskdiag_iter_rewind(&dump->iter);
			err = append_error(&item);
			break;
		}
	}
	rcu_read_unlock();
	commit_rows(dump, &tailroom, skb);
	return err;
}

static int append_checked_batch(struct taskdiag_dump *dump,
				struct sk_buff *skb)
{
	u64 exec_id;

	return append_rows(dump, skb, &exec_id);
}

/*
 * Most requests have no group whose values depend on the program of a task, and
 * most callers are not confined.
 */
static int append_batch(struct taskdiag_dump *dump, struct sk_buff *skb)
{
	if (unlikely(dump->row.needs_check || dump->caller.checks_files))
		return append_checked_batch(dump, skb);
	return append_rows(dump, skb, NULL);
}

/*
 * Append the structures of the next row, and begin to append groups to it.
 * Like append_batch(), but the RCU section ends after one row.
 */
static int begin_multi(struct taskdiag_dump *dump, struct sk_buff *skb)
{
	struct tailroom tailroom = begin_rows(dump, skb);
	unsigned int start = skb->len;
	struct taskdiag_item item;
	u64 exec_id;
	int err = 0;

	rcu_read_lock();
	taskdiag_access_enter(&dump->caller);
	taskdiag_iter_enter(&dump->iter);
	while (skb->len == start && taskdiag_iter_next(&dump->iter, &item)) {
		if (!append_row(dump, &tailroom, &item, &exec_id)) {
			taskdiag_iter_rewind(&dump->iter);
			err = append_error(&item);
			break;
		}
		commit_rows(dump, &tailroom, skb);
	}
	if (skb->len != start)
		taskdiag_multi_begin(&dump->multi, &dump->row, &item, exec_id,
				     start);
	rcu_read_unlock();
	return err;
}

/*
 * Continue the current row, or begin the next one.  Without @may_wait the
 * groups that are appended to a row of a dump are left to the next message.  A
 * single request has only one message, and never waits.
 */
static int append_multi(struct taskdiag_dump *dump, struct sk_buff *skb,
			bool may_wait, struct netlink_ext_ack *extack)
{
	struct taskdiag_multi *multi = &dump->multi;
	int err = 0;

	if (!multi->pid)
		err = begin_multi(dump, skb);
	else if (!taskdiag_multi_resume(multi, &dump->row, skb))
		err = -EMSGSIZE;
	if (err || !multi->pid)
		return err;

	if (dump->is_dump && !may_wait) {
		taskdiag_multi_postpone(multi, &dump->row, skb);
		return -EMSGSIZE;
	}
	err = taskdiag_multi_append(multi, &dump->row, skb, &dump->caller);
	if (err == -EMSGSIZE && !skb->len)
		NL_SET_ERR_MSG_FMT(extack,
				   "receive buffer: too small for one message, %u bytes are sufficient",
				   TASKDIAG_RECV_MIN);
	return err;
}

/* Append a message without attributes: the rows follow in the next step. */
static void append_empty(const struct taskdiag_dump *dump, struct sk_buff *skb)
{
	unsigned int len = dump->row.msg_offset - NLA_HDRLEN;
	struct nlmsghdr *nlh;

	nlh = skb_put_data(skb, dump->row.template->data, len);
	nlh->nlmsg_len = len;
}

/*
 * Decide about the task that append_batch() or begin_multi() has stopped at.
 * That may wait, so the first step of a netlink dump ends instead, as does one
 * that has opened the files of many tasks.  Return -EMSGSIZE in this case.
 */
static int decide(struct taskdiag_dump *dump, struct sk_buff *skb,
		  bool may_wait)
{
	if (may_wait && taskdiag_mount_may_probe(&dump->caller))
		return taskdiag_mount_probe(&dump->caller);
	if (!skb->len)
		append_empty(dump, skb);
	return -EMSGSIZE;
}

static enum taskdiag_level level_of_named(struct taskdiag_dump *dump)
{
	enum taskdiag_level level = TASKDIAG_HIDDEN;
	struct taskdiag_caller *caller = &dump->caller;
	struct task_struct *task;
	u64 denied;

	rcu_read_lock();
	taskdiag_access_enter(caller);
	task = pid_task(dump->iter.named, PIDTYPE_PID);
	if (task)
		level = taskdiag_level_of(caller, task, &denied);
	if (level == TASKDIAG_FULL && caller->checks_files)
		level = taskdiag_mount_permitted_level(caller, task, &denied);
	rcu_read_unlock();
	return level;
}

/*
 * Check that the task which the request names is visible.  A step that may not
 * wait ends with an empty message, also for a task that does not exist.
 */
static int confirm_named(struct taskdiag_dump *dump, struct sk_buff *skb,
			 bool may_wait, struct netlink_ext_ack *extack)
{
	enum taskdiag_level level;
	int err = 0;

	if (!may_wait) {
		append_empty(dump, skb);
		return -EMSGSIZE;
	}
	do {
		level = level_of_named(dump);
		if (level == TASKDIAG_UNDECIDED)
			err = taskdiag_mount_probe(&dump->caller);
		if (err)
			return err;
	} while (level == TASKDIAG_UNDECIDED);

	if (level == TASKDIAG_HIDDEN) {
		NL_SET_ERR_MSG(extack, "pid: no such task");
		return -ESRCH;
	}
	dump->iter.confirm = false;
	return 0;
}

/**
 * taskdiag_dump_rows - append rows of a dump
 * @dump: the dump, with its template
 * @skb: destination of the rows
 * @may_wait: the caller holds no lock that others need
 * @extack: receives the reason of an error
 *
 * Nothing waits for another task in the first step of a netlink dump, in which
 * the generic netlink core holds a lock of all families.  A pending signal ends
 * the step as soon as there is a message to deliver.
 *
 * Context: Process context of the sender's process.  May sleep.
 *
 * Return: number of bytes in @skb if more rows may follow, 0 after the last
 * row, or an error.
 */
int taskdiag_dump_rows(struct taskdiag_dump *dump, struct sk_buff *skb,
		       bool may_wait, struct netlink_ext_ack *extack)
{
	int err;

	if (!taskdiag_caller_is_current(&dump->caller)) {
		NL_SET_ERR_MSG(extack,
			       "only the process that sent the request may continue");
		return -EPERM;
	}

	taskdiag_mount_begin_step(&dump->caller);
	if (unlikely(dump->iter.confirm)) {
		err = confirm_named(dump, skb, may_wait, extack);
		if (err)
			return err == -EMSGSIZE ? skb->len : err;
	}
	while (!dump->iter.done || dump->multi.pid) {
		err = dump->row.nr_appended ?
			append_multi(dump, skb, may_wait, extack) :
			append_batch(dump, skb);
		if (err == -EAGAIN)
			err = decide(dump, skb, may_wait);
		if (err == -EMSGSIZE && skb->len)
			return skb->len;
		if (err)
			return err;
		cond_resched();
		if (dump->is_dump && skb->len && signal_pending(current))
			return skb->len;
		if (fatal_signal_pending(current))
			return -EINTR;
	}

	if (dump->iter.single && !dump->any_row) {
		NL_SET_ERR_MSG(extack, "pid: no such task");
		return -ESRCH;
	}
	return 0;
}

/**
 * taskdiag_dump_features - return the features of this kernel
 * @features: destination
 */
void taskdiag_dump_features(struct task_diag_features *features)
{
	*features = (struct task_diag_features) {
		.groups		= taskdiag_row_groups(),
		.strategies	= taskdiag_strategy_supported(),
		.filters = taskdiag_filter_supported(taskdiag_row_groups()),
		.options	= TASK_DIAG_OPTION_PIDNS_FD |
				  TASK_DIAG_OPTION_PIDFD |
				  TASK_DIAG_OPTION_PROC_FD |
				  (taskdiag_mount_is_strict() ?
				   TASK_DIAG_OPTION_STRICT : 0),
		.vma_flags	= taskdiag_vma_flags_supported(),
		.recv_min	= TASKDIAG_RECV_MIN,
	};
}
