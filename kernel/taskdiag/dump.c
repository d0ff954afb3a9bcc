// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: one request, from its attributes to its last row.
 *
 * Depends on caller, descriptors, filter, walk, row and long rows, and combines
 * them; must not depend on an entry point.
 */
#include <linux/err.h>
#include <linux/fs.h>
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

/* The pid namespace that the request names.  Consumes the reference to @def. */
static struct pid_namespace *choose_pid_ns(const struct nlattr *fd,
					   struct pid_namespace *def,
					   const struct file *opener,
					   struct netlink_ext_ack *extack)
{
	struct pid_namespace *ns;

	if (!fd)
		return def;
	ns = taskdiag_fd_pid_ns(fd, def, opener, extack);
	put_pid_ns(def);
	return ns;
}

/*
 * All parts of a request.  Errors without an attribute of their own are those of
 * TASK_DIAG_CMD_ATTR_GET.
 */
static int take_request(struct taskdiag_dump *dump, struct nlattr *const *attrs,
			bool multi, struct netlink_ext_ack *extack)
{
	struct task_diag_pid req;
	int err;

	err = parse_request(&req, attrs[TASK_DIAG_CMD_ATTR_GET], extack);
	if (!err)
		err = taskdiag_row_init(&dump->row, req.show_flags, multi,
					extack);
	if (!err)
		err = taskdiag_filter_init(&dump->filter, attrs, req.show_flags,
					   &dump->caller, extack);
	if (!err)
		err = taskdiag_cont_init(&dump->cont, &dump->row,
					 dump->filter.vma_flags, multi);
	if (!err)
		err = taskdiag_walk_init(&dump->walk, &req,
					 attrs[TASK_DIAG_CMD_ATTR_PIDFD], multi,
					 &dump->filter.pids, &dump->caller,
					 extack);
	return err;
}

/**
 * taskdiag_dump_open - begin a dump
 * @attrs: attributes of the request by number, up to TASKDIAG_REQUEST_ATTRS,
 *	parsed with taskdiag_request_policy; TASK_DIAG_CMD_ATTR_GET is present
 * @opener: the file that the request came through
 * @ns: pid namespace of the reply by default; its reference is consumed
 * @multi: the reply may have any number of rows, instead of exactly one
 * @extack: receives the reason of an error
 *
 * The entry point must put the message headers and then the row's template into
 * the dump before it calls taskdiag_dump_rows().
 *
 * Context: Process context of the sender.  May be called with locks held that
 * others need, so it allocates memory and waits for nothing else.
 *
 * Return: the dump or an error pointer.
 */
struct taskdiag_dump *taskdiag_dump_open(struct nlattr *const *attrs,
					 const struct file *opener,
					 struct pid_namespace *ns, bool multi,
					 struct netlink_ext_ack *extack)
{
	struct taskdiag_dump *dump;
	int err;

	ns = choose_pid_ns(attrs[TASK_DIAG_CMD_ATTR_PIDNS_FD], ns, opener,
			   extack);
	if (IS_ERR(ns))
		return ERR_CAST(ns);
	dump = kzalloc(sizeof(*dump), TASKDIAG_GFP);
	if (!dump) {
		put_pid_ns(ns);
		return ERR_PTR(-ENOMEM);
	}
	dump->multi = multi;
	err = taskdiag_caller_pin(&dump->caller, opener->f_cred, ns, extack);
	if (err)
		goto close;
	err = take_request(dump, attrs, multi, extack);
	if (!err)
		return dump;

	/* -ENOMEM and -EINTR are not caused by an attribute. */
	if (extack && !extack->bad_attr && err != -ENOMEM && err != -EINTR)
		NL_SET_BAD_ATTR(extack, attrs[TASK_DIAG_CMD_ATTR_GET]);
close:
	taskdiag_dump_close(dump);
	return ERR_PTR(err);
}

void taskdiag_dump_close(struct taskdiag_dump *dump)
{
	taskdiag_cont_release(&dump->cont);
	taskdiag_row_release(&dump->row);
	taskdiag_walk_release(&dump->walk);
	taskdiag_filter_release(&dump->filter);
	taskdiag_caller_unpin(&dump->caller);
	kfree(dump);
}

/* Room for rows of one length, at the end of a message. */
struct room {
	u8		*at;
	u8		*end;
	unsigned int	row_len;
};

static __always_inline struct room open_room(const struct taskdiag_dump *dump,
					     const struct sk_buff *skb)
{
	u8 *at = skb_tail_pointer(skb);

	return (struct room) {
		.at		= at,
		.end		= at + skb_tailroom(skb),
		.row_len	= dump->row.template->len,
	};
}

/* What has been written there is part of the message. */
static __always_inline void close_room(struct taskdiag_dump *dump,
				       const struct room *room,
				       struct sk_buff *skb)
{
	unsigned int len = room->at - skb_tail_pointer(skb);

	__skb_put(skb, len);
	dump->any_row |= len > 0;
}

/*
 * Put the row of a task if it is visible and passes the filters.  Returns false
 * if the message has no tailroom for it.  Invisible tasks return true, so they do
 * not affect where a message ends.
 *
 * @exec_id, if it is given, becomes the program that the row describes: read
 * before the check, so that a later execve() is noticed.
 */
static __always_inline bool put_row(struct taskdiag_dump *dump,
				    struct room *room, struct taskdiag_hit *hit,
				    u64 *exec_id)
{
	while (hit->task) {
		if (exec_id)
			*exec_id = READ_ONCE(hit->task->self_exec_id);
		if (!taskdiag_may_see(&dump->caller, hit->task)) {
			taskdiag_walk_hide(&dump->walk);
			break;
		}
		hit->state = task_state_index(hit->task);
		if (!taskdiag_filter_holds(&dump->filter, hit))
			break;
		if (room->end - room->at < room->row_len)
			return false;
		taskdiag_row_fill(&dump->row, room->at, hit, &dump->caller);
		if (dump->row.every_thread && hit->whole)
			taskdiag_walk_charge(&dump->walk,
					     get_nr_threads(hit->task));
		if (taskdiag_walk_confirm(&dump->walk, hit)) {
			room->at += room->row_len;
			break;
		}
	}
	return true;
}

/*
 * Put rows until @skb is full, the walk is through, or its budget is used.
 * One RCU section: what is found stays, and nothing needs a reference.
 */
static int put_batch(struct taskdiag_dump *dump, struct sk_buff *skb)
{
	struct room room = open_room(dump, skb);
	struct taskdiag_hit hit;
	int err = 0;

	rcu_read_lock();
	taskdiag_caller_enter(&dump->caller);
	taskdiag_walk_enter(&dump->walk);
	while (taskdiag_walk_next(&dump->walk, &hit)) {
		if (!put_row(dump, &room, &hit, NULL)) {
			taskdiag_walk_unget(&dump->walk);
			err = -EMSGSIZE;
			break;
		}
	}
	rcu_read_unlock();
	close_room(dump, &room, skb);
	return err;
}

/*
 * Put the first row from here on, and begin to append to it.  Like put_batch(),
 * one RCU section, which ends with that row.
 */
static int begin_cont(struct taskdiag_dump *dump, struct sk_buff *skb)
{
	struct room room = open_room(dump, skb);
	unsigned int start = skb->len;
	struct taskdiag_hit hit;
	u64 exec_id;
	int err = 0;

	rcu_read_lock();
	taskdiag_caller_enter(&dump->caller);
	taskdiag_walk_enter(&dump->walk);
	while (skb->len == start && taskdiag_walk_next(&dump->walk, &hit)) {
		if (!put_row(dump, &room, &hit, &exec_id)) {
			taskdiag_walk_unget(&dump->walk);
			err = -EMSGSIZE;
			break;
		}
		close_room(dump, &room, skb);
	}
	if (skb->len != start)
		taskdiag_cont_begin(&dump->cont, &hit, exec_id, start);
	rcu_read_unlock();
	return err;
}

/*
 * Continue the current row, or begin the next one.  Without @may_wait the groups
 * that are appended to a row of a dump are left to the next message.  A single
 * request has only one message, and never waits.
 */
static int put_cont(struct taskdiag_dump *dump, struct sk_buff *skb,
		    bool may_wait, struct netlink_ext_ack *extack)
{
	struct taskdiag_cont *cont = &dump->cont;
	int err = 0;

	if (!cont->pid)
		err = begin_cont(dump, skb);
	else if (!taskdiag_cont_resume(cont, &dump->row, skb))
		err = -EMSGSIZE;
	if (err || !cont->pid)
		return err;

	if (dump->multi && !may_wait) {
		taskdiag_cont_postpone(cont, &dump->row, skb);
		return -EMSGSIZE;
	}
	err = taskdiag_cont_put(cont, &dump->row, skb, &dump->caller);
	if (err == -EMSGSIZE && !skb->len)
		NL_SET_ERR_MSG_FMT(extack,
				   "receive buffer: too small for one message, %u bytes are sufficient",
				   TASKDIAG_RECV_MIN);
	return err;
}

/**
 * taskdiag_dump_rows - continue a dump
 * @dump: the dump, with its template in place
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
 * Return: number of bytes in @skb if more rows may follow, 0 after the last row,
 * or an error.
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

	while (!dump->walk.done || dump->cont.pid) {
		err = dump->row.nr_puts ?
			put_cont(dump, skb, may_wait, extack) :
			put_batch(dump, skb);
		if (err == -EMSGSIZE && skb->len)
			return skb->len;
		if (err)
			return err;
		cond_resched();
		if (dump->multi && skb->len && signal_pending(current))
			return skb->len;
		if (fatal_signal_pending(current))
			return -EINTR;
	}

	if (dump->walk.single && !dump->any_row) {
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
		.strategies	= taskdiag_walk_strategies(),
		.filters = taskdiag_filter_supported(taskdiag_row_groups()),
		.options	= TASK_DIAG_OPTION_PIDNS_FD |
				  TASK_DIAG_OPTION_PIDFD,
		.vma_flags	= taskdiag_vma_flags(),
		.recv_min	= TASKDIAG_RECV_MIN,
	};
}
