// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: one request, from its attribute to its last row.
 *
 * Puts caller, walk and fill together, whichever door the request came
 * through.  Knows the request as a whole, and no strategy or group by name.
 */
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "taskdiag_parts.h"
#include "taskdiag_caller.h"
#include "taskdiag_walk.h"

/* The lengths and the content are checked where they are known. */
const struct nla_policy taskdiag_request_policy[TASKDIAG_REQUEST_ATTRS] = {
	[TASK_DIAG_CMD_ATTR_GET]	= { .type = NLA_BINARY },
	[TASK_DIAG_CMD_ATTR_UID]	= { .type = NLA_BINARY },
	[TASK_DIAG_CMD_ATTR_CGROUP]	= { .type = NLA_BINARY },
	[TASK_DIAG_CMD_ATTR_STATES]	= { .type = NLA_BINARY },
	[TASK_DIAG_CMD_ATTR_COMM]	= { .type = NLA_BINARY },
	[TASK_DIAG_CMD_ATTR_PIDS]	= { .type = NLA_BINARY },
	[TASK_DIAG_CMD_ATTR_VMA_FLAGS]	= { .type = NLA_BINARY },
};

static int parse_request(struct task_diag_pid *req, const struct nlattr *attr,
			 struct netlink_ext_ack *extack)
{
	/* Grows by attributes beside it, so that no version of it is guessed. */
	if (nla_len(attr) != sizeof(*req)) {
		NL_SET_ERR_MSG_FMT(extack,
				   "struct task_diag_pid: %d bytes instead of %zu",
				   nla_len(attr), sizeof(*req));
		return -EINVAL;
	}
	/* Netlink aligns to 4 bytes, the structure wants 8. */
	memcpy(req, nla_data(attr), sizeof(*req));

	if (req->reserved) {
		NL_SET_ERR_MSG(extack, "reserved: must be 0");
		return -EINVAL;
	}
	return 0;
}

/**
 * taskdiag_dump_open - take a request in
 * @attrs: the request's attributes by number, up to TASKDIAG_REQUEST_ATTRS,
 *	parsed with taskdiag_request_policy; TASK_DIAG_CMD_ATTR_GET is among them
 * @opener: credentials of whoever opened the descriptor it came through
 * @ns: the pid namespace to answer in; its reference is consumed
 * @multi: the door can carry any number of rows, and not just one
 * @extack: what was wrong
 *
 * Called in the context of the sender.  The door has to put headers and then
 * the row's template into the dump before it asks for rows.
 *
 * Return: the dump, or an error.
 */
struct taskdiag_dump *taskdiag_dump_open(struct nlattr *const *attrs,
					 const struct cred *opener,
					 struct pid_namespace *ns, bool multi,
					 struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = attrs[TASK_DIAG_CMD_ATTR_GET];
	struct taskdiag_dump *dump;
	struct task_diag_pid req;
	int err;

	dump = kzalloc(sizeof(*dump), GFP_KERNEL_ACCOUNT);
	if (!dump) {
		put_pid_ns(ns);
		return ERR_PTR(-ENOMEM);
	}
	err = taskdiag_caller_pin(&dump->caller, opener, ns, extack);
	if (err)
		goto close;

	err = parse_request(&req, attr, extack);
	if (!err)
		err = taskdiag_row_init(&dump->row, req.show_flags, multi,
					extack);
	if (err)
		goto blame;
	/* This one says itself which attribute is wrong. */
	err = taskdiag_filter_init(&dump->filter, attrs, req.show_flags,
				   &dump->caller, extack);
	if (!err)
		err = taskdiag_cont_init(&dump->cont, &dump->row,
					 dump->filter.vma_flags);
	if (err)
		goto close;
	err = taskdiag_walk_init(&dump->walk, req.dump_strategy, req.pid,
				 multi, &dump->filter.pids, &dump->caller,
				 extack);
	if (!err)
		return dump;
blame:
	/* No fault of the request's. */
	if (err != -ENOMEM && err != -EINTR)
		NL_SET_BAD_ATTR(extack, attr);
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
 * Put the row of a task, if the caller may see it and wants it.  False if it
 * has no room; of tasks that may not be seen nobody learns, not even by the
 * room they do not take.
 */
static __always_inline bool put_row(struct taskdiag_dump *dump,
				    struct room *room, struct taskdiag_hit *hit)
{
	while (hit->task && taskdiag_may_see(&dump->caller, hit->task)) {
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
		if (!put_row(dump, &room, &hit)) {
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
 * The same up to the first row, of which there is more to tell than can be told
 * under RCU: take its task.
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
		exec_id = READ_ONCE(hit.task->self_exec_id);
		if (!put_row(dump, &room, &hit)) {
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

/* Go on with the row that is under way, or with the next one. */
static int put_cont(struct taskdiag_dump *dump, struct sk_buff *skb)
{
	struct taskdiag_cont *cont = &dump->cont;
	int err = 0;

	if (!cont->task)
		err = begin_cont(dump, skb);
	else if (!taskdiag_cont_resume(cont, &dump->row, skb))
		err = -EMSGSIZE;
	if (err || !cont->task)
		return err;

	err = taskdiag_cont_put(cont, &dump->row, skb, &dump->caller);
	if (err == -EMSGSIZE && !cont->task)
		taskdiag_walk_unget(&dump->walk);
	return err;
}

/**
 * taskdiag_dump_rows - go on with the dump
 * @dump: with its template in place
 * @skb: where the rows go
 * @extack: what was wrong
 *
 * Return: the bytes in @skb if there is more to come, 0 after the last row,
 * or an error.
 */
int taskdiag_dump_rows(struct taskdiag_dump *dump, struct sk_buff *skb,
		       struct netlink_ext_ack *extack)
{
	int err;

	if (!taskdiag_caller_is_current(&dump->caller)) {
		NL_SET_ERR_MSG(extack,
			       "only the process that asked may read on");
		return -EPERM;
	}

	while (!dump->walk.done || dump->cont.task) {
		err = dump->row.nr_puts ? put_cont(dump, skb) :
					  put_batch(dump, skb);
		if (err == -EMSGSIZE && skb->len)
			return skb->len;
		if (err)
			return err;
		cond_resched();
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
 * taskdiag_dump_generation - a number that moves with every fork and reap
 *
 * Both counters are read without a lock, and a fork that is half done when
 * they are can hide a reap: this tells that the table moved, it does not prove
 * that it stood still.
 *
 * Return: the number; never 0, which means "none" to netlink.
 */
unsigned int taskdiag_dump_generation(void)
{
	unsigned int forks = READ_ONCE(total_forks);

	return (2 * forks - READ_ONCE(nr_threads)) ?: 1;
}

/**
 * taskdiag_dump_features - what requests can ask for
 * @features: written
 */
void taskdiag_dump_features(struct task_diag_features *features)
{
	*features = (struct task_diag_features) {
		.groups		= taskdiag_row_groups(),
		.strategies	= taskdiag_walk_strategies(),
		.filters	= taskdiag_filter_kinds(taskdiag_row_groups()),
	};
}
