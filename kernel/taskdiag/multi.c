// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: rows with groups that may wait or may exceed a message.
 *
 * A multi-message row is made for one task at a time, outside of RCU: first the
 * structures of the template, as in any other row, and behind them the appended
 * groups.  A message ends when the skb has no tailroom left, and the row
 * continues in the next message, which has TASK_DIAG_FLAG_CONT.
 *
 * Every wait for another task goes through taskdiag_cont_wait(), which limits it.
 * A group that is not complete in time is left out: TASK_DIAG_ABSENT lists it,
 * and the dump continues.
 *
 * Depends on the row layout and the access check; must not depend on the contents
 * of a group.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "taskdiag.h"
#include "access.h"

/* Limits of the time that a dump and a row wait for other tasks. */
#define TASKDIAG_DUMP_TIMEOUT	HZ
#define TASKDIAG_ROW_TIMEOUT	(HZ / 10)

/**
 * taskdiag_cont_init - prepare for rows with appended groups
 * @cont: zeroed
 * @row: layout of the rows
 * @vma_flags: TASK_DIAG_VMA_* that a memory mapping must have
 * @multi: the request is a dump; a single request never waits
 *
 * Return: 0 or an error; @cont must be released in both cases.
 */
int taskdiag_cont_init(struct taskdiag_cont *cont,
		       const struct taskdiag_row *row, u64 vma_flags,
		       bool multi)
{
	if (!row->nr_puts)
		return 0;

	cont->vma_flags = vma_flags;
	cont->timeout = multi ? TASKDIAG_DUMP_TIMEOUT : 0;
	cont->want_vma = row->show_flags & TASK_DIAG_SHOW_VMA;
	cont->path = kmalloc(TASKDIAG_PATH_SIZE, TASKDIAG_GFP);
	if (!cont->path)
		return -ENOMEM;

	if (row->show_flags & TASK_DIAG_SHOW_VMA_STAT) {
		cont->stats = kmalloc_array(TASKDIAG_STATS,
					    sizeof(*cont->stats),
					    TASKDIAG_GFP);
		if (!cont->stats)
			return -ENOMEM;
	}
	return 0;
}

static void end_row(struct taskdiag_cont *cont)
{
	put_pid(cont->pid);
	cont->pid = NULL;
}

void taskdiag_cont_release(struct taskdiag_cont *cont)
{
	if (cont->pid)
		end_row(cont);
	kfree(cont->path);
	kfree(cont->stats);
}

/**
 * taskdiag_cont_begin - begin to append to a row
 * @cont: between two rows
 * @hit: the task of the row; its RCU section has not ended
 * @exec_id: program that the task was running when the row was put
 * @start: offset of the row's message in the buffer
 */
void taskdiag_cont_begin(struct taskdiag_cont *cont,
			 const struct taskdiag_hit *hit, u64 exec_id,
			 unsigned int start)
{
	struct task_struct *task = hit->task;

	cont->pid = get_pid(hit->struct_pid);
	cont->nr = hit->pid;
	cont->tgid = hit->tgid;
	cont->exec_id = exec_id;
	cont->task_timeout = min(cont->timeout, TASKDIAG_ROW_TIMEOUT);
	cont->start = start;
	cont->resumed = false;
	cont->step = 0;
	cont->absent = (struct task_diag_absent) {};
	cont->memory = (struct taskdiag_memory) {
		/* Kernel threads borrow address spaces of others. */
		.expected	= READ_ONCE(task->mm) &&
				  !(task->flags & PF_KTHREAD),
		.whole		= thread_group_leader(task),
	};
}

/* --- waiting -------------------------------------------------------------- */

/**
 * taskdiag_cont_wait - wait before the next attempt to take a lock or a page
 * @cont: the current row
 *
 * The holder may be stuck for as long as it likes, for example in a file system
 * that another user serves.
 *
 * Return: 0, or -EBUSY if the time of the row or of the dump is used up or a
 * signal is pending.
 */
int taskdiag_cont_wait(struct taskdiag_cont *cont)
{
	if (!cont->task_timeout || signal_pending(current))
		return -EBUSY;
	cont->task_timeout--;
	cont->timeout--;
	schedule_timeout_interruptible(1);
	return 0;
}

/**
 * taskdiag_cont_recheck - repeat the access check for the current row
 * @cont: the current row
 * @caller: the caller
 *
 * execve() and credential changes may have taken away the right to see the task
 * since the row was begun.
 *
 * Context: RCU read-side critical section, or exec_update_lock held.
 *
 * Return: 0, -ESTALE if the task runs another program, or -EACCES if the caller
 * may not see it now.
 */
int taskdiag_cont_recheck(struct taskdiag_cont *cont,
			  struct taskdiag_caller *caller)
{
	bool visible;

	if (READ_ONCE(cont->task->self_exec_id) != cont->exec_id)
		return -ESTALE;

	rcu_read_lock();
	taskdiag_caller_enter(caller);
	visible = taskdiag_may_see(caller, cont->task);
	rcu_read_unlock();
	return visible ? 0 : -EACCES;
}

/**
 * taskdiag_cont_lock - prevent execve() and repeat the access check
 * @cont: the current row
 * @caller: the caller
 *
 * Between the switch to the address space of a new program and the commit of its
 * credentials, execve() holds exec_update_lock for writing.
 *
 * Return: 0 with exec_update_lock held for reading, an error of
 * taskdiag_cont_recheck(), or -EBUSY.
 */
int taskdiag_cont_lock(struct taskdiag_cont *cont,
		       struct taskdiag_caller *caller)
{
	int err;

	while (!down_read_trylock(&cont->task->signal->exec_update_lock)) {
		err = taskdiag_cont_wait(cont);
		if (err)
			return err;
	}
	err = taskdiag_cont_recheck(cont, caller);
	if (err)
		taskdiag_cont_unlock(cont);
	return err;
}

void taskdiag_cont_unlock(struct taskdiag_cont *cont)
{
	up_read(&cont->task->signal->exec_update_lock);
}

/* --- messages ------------------------------------------------------------- */

static struct task_diag_msg *msg_of(const struct taskdiag_cont *cont,
				    const struct taskdiag_row *row,
				    struct sk_buff *skb)
{
	return (void *)skb->data + cont->start + row->msg_offset;
}

/**
 * taskdiag_cont_resume - begin the next message of a row
 * @cont: the current row
 * @row: layout of the rows
 * @skb: destination
 *
 * Return: false if there is no tailroom for it.
 */
bool taskdiag_cont_resume(struct taskdiag_cont *cont,
			  const struct taskdiag_row *row, struct sk_buff *skb)
{
	unsigned int len = row->msg_offset + sizeof(struct task_diag_msg);
	struct task_diag_msg *msg;

	if (skb_tailroom(skb) < len)
		return false;

	cont->start = skb->len;
	cont->resumed = true;
	skb_put_data(skb, row->template->data, len);

	msg = msg_of(cont, row, skb);
	msg->pid = cont->nr;
	msg->tgid = cont->tgid;
	msg->flags = TASK_DIAG_FLAG_CONT;
	return true;
}

/*
 * A continuation message must contain at least one attribute; otherwise the dump
 * would never make progress.
 */
static bool has_progress(const struct taskdiag_cont *cont,
			 const struct taskdiag_row *row,
			 const struct sk_buff *skb)
{
	return !cont->resumed || skb->len > cont->start + row->msg_offset +
					 sizeof(struct task_diag_msg);
}

static void end_message(const struct taskdiag_cont *cont, struct sk_buff *skb)
{
	struct nlmsghdr *nlh = (void *)skb->data + cont->start;

	/* The next message must be aligned; without tailroom it does not fit. */
	if (!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	    !IS_ALIGNED(skb->len, sizeof(u64)))
		nla_reserve(skb, TASK_DIAG_PAD, 0);
	nlh->nlmsg_len = skb->len - cont->start;
}

/**
 * taskdiag_cont_postpone - leave all appended groups to the next message
 * @cont: after taskdiag_cont_begin()
 * @row: layout of the rows
 * @skb: destination of the current message
 */
void taskdiag_cont_postpone(struct taskdiag_cont *cont,
			    const struct taskdiag_row *row, struct sk_buff *skb)
{
	msg_of(cont, row, skb)->flags |= TASK_DIAG_FLAG_MORE;
	end_message(cont, skb);
}

/* --- groups --------------------------------------------------------------- */

/* All groups from the current one on. */
static u64 remaining(const struct taskdiag_cont *cont,
		     const struct taskdiag_row *row)
{
	unsigned int step;
	u64 flags = 0;

	for (step = cont->step; step < row->nr_puts; step++)
		flags |= row->put_flags[step];
	return flags;
}

/* Does @err end the row, or a group of it, rather than the dump? */
static bool note_absent(struct taskdiag_cont *cont,
			const struct taskdiag_row *row, int err)
{
	switch (err) {
	case -ESRCH:
	case -ESTALE:
		cont->absent.gone |= remaining(cont, row);
		cont->step = row->nr_puts;
		return true;
	case -EACCES:
		cont->absent.denied |= remaining(cont, row);
		cont->step = row->nr_puts;
		return true;
	case -EBUSY:
		cont->absent.busy |= row->put_flags[cont->step++];
		return true;
	case -E2BIG:
		cont->absent.limit |= row->put_flags[cont->step++];
		return true;
	case -ENXIO:
		cont->absent.leader |= row->put_flags[cont->step++];
		return true;
	}
	return false;
}

static int put_groups(struct taskdiag_cont *cont,
		      const struct taskdiag_row *row, struct sk_buff *skb,
		      struct taskdiag_caller *caller)
{
	int err;

	while (cont->step < row->nr_puts) {
		err = cont->task ?
			taskdiag_row_put(row, cont->step, cont, skb, caller) :
			-ESRCH;
		if (!err)
			cont->step++;
		else if (!note_absent(cont, row, err))
			return err;
	}
	return 0;
}

static int put_absent(const struct taskdiag_cont *cont, struct sk_buff *skb)
{
	if (!memchr_inv(&cont->absent, 0, sizeof(cont->absent)))
		return 0;
	return nla_put_64bit(skb, TASK_DIAG_ABSENT, sizeof(cont->absent),
			     &cont->absent, TASK_DIAG_PAD);
}

/**
 * taskdiag_cont_put - append to the current message of a row
 * @cont: after taskdiag_cont_begin() or taskdiag_cont_resume()
 * @row: layout of the rows
 * @skb: destination, with the beginning of the message
 * @caller: the caller
 *
 * A message is complete, or is taken back, as it is after an error.
 *
 * Return: 0 when the row is complete, -EMSGSIZE if @skb is full before, or an
 * error.
 */
int taskdiag_cont_put(struct taskdiag_cont *cont,
		      const struct taskdiag_row *row, struct sk_buff *skb,
		      struct taskdiag_caller *caller)
{
	int err;

	cont->task = get_pid_task(cont->pid, PIDTYPE_PID);
	err = put_groups(cont, row, skb, caller);
	if (!err)
		err = put_absent(cont, skb);
	if (cont->task)
		put_task_struct(cont->task);
	cont->task = NULL;

	if (err && (err != -EMSGSIZE || !has_progress(cont, row, skb))) {
		skb_trim(skb, cont->start);
		return err;
	}
	if (err)
		msg_of(cont, row, skb)->flags |= TASK_DIAG_FLAG_MORE;
	else
		end_row(cont);
	end_message(cont, skb);
	return err;
}
