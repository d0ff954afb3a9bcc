// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: rows that sleep or outgrow a message.
 *
 * Such a row is put for one task at a time and with a reference to it, outside
 * of RCU: what the template holds first, as in any other row, and behind it what
 * the other groups have to add.  Where there is no more room the message ends,
 * and the row continues in the next one, which has TASK_DIAG_FLAG_CONT.
 *
 * Knows where a message of such a row begins and ends, and which group's turn it
 * is; what a group puts, and how far it is, it does not.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "taskdiag_parts.h"
#include "taskdiag_caller.h"

/* All hostile tasks together hold a dump up for this long. */
#define TASKDIAG_PATIENCE	HZ

/**
 * taskdiag_cont_init - get ready for rows that sleep or outgrow a message
 * @cont: zeroed
 * @row: what about the tasks
 * @vma_flags: TASK_DIAG_VMA_* that an area has to have, all of them
 *
 * Return: 0 or an error; @cont is to be released either way.
 */
int taskdiag_cont_init(struct taskdiag_cont *cont,
		       const struct taskdiag_row *row, u64 vma_flags)
{
	if (!row->nr_puts)
		return 0;

	cont->vma_flags = vma_flags;
	cont->patience = TASKDIAG_PATIENCE;
	cont->want_vma = row->show_flags & TASK_DIAG_SHOW_VMA;
	cont->path = kmalloc(TASKDIAG_PATH_SIZE, GFP_KERNEL_ACCOUNT);
	if (!cont->path)
		return -ENOMEM;

	if (row->show_flags & TASK_DIAG_SHOW_VMA_STAT) {
		cont->stats = kmalloc_array(TASKDIAG_STATS,
					    sizeof(*cont->stats),
					    GFP_KERNEL_ACCOUNT);
		if (!cont->stats)
			return -ENOMEM;
	}
	return 0;
}

static void end_cont(struct taskdiag_cont *cont)
{
	if (cont->memory.mm)
		mmdrop(cont->memory.mm);
	put_task_struct(cont->task);
	cont->task = NULL;
}

void taskdiag_cont_release(struct taskdiag_cont *cont)
{
	if (cont->task)
		end_cont(cont);
	kfree(cont->path);
	kfree(cont->stats);
}

/**
 * taskdiag_cont_begin - a row has been put that is to become a long one
 * @cont: between two rows
 * @hit: whose row; the RCU section it was found in goes on
 * @exec_id: which program that task ran before the row was put
 * @start: where in the buffer its message begins
 */
void taskdiag_cont_begin(struct taskdiag_cont *cont,
			 const struct taskdiag_hit *hit, u64 exec_id,
			 unsigned int start)
{
	struct task_struct *task = hit->task;

	cont->task = get_task_struct(task);
	cont->pid = hit->pid;
	cont->tgid = hit->tgid;
	cont->exec_id = exec_id;
	cont->start = start;
	cont->resumed = false;
	cont->step = 0;
	cont->memory = (struct taskdiag_memory) {
		/* Kernel threads borrow some, which is not theirs to tell of. */
		.expected	= READ_ONCE(task->mm) &&
				  !(task->flags & PF_KTHREAD),
		.whole		= thread_group_leader(task),
	};
}

/*
 * Who holds this lock for writing is about to become another program.  That is
 * a matter of moments, but a hostile one can have itself held up there, and ps
 * would go on: so do we.
 */
static int lock_exec(struct taskdiag_cont *cont)
{
	struct rw_semaphore *lock = &cont->task->signal->exec_update_lock;

	while (!down_read_trylock(lock)) {
		if (!cont->patience)
			return -ESTALE;
		cont->patience--;
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static bool may_still_see(struct taskdiag_caller *caller,
			  struct task_struct *task)
{
	bool ret;

	rcu_read_lock();
	taskdiag_caller_enter(caller);
	ret = taskdiag_may_see(caller, task);
	rcu_read_unlock();
	return ret;
}

/**
 * taskdiag_cont_lock - keep the task from becoming another program
 * @cont: a row under way
 * @caller: who asks
 *
 * For what is told of a program after the RCU section in which the row was
 * begun.  The access check is asked once more, as execve() may give rights.
 *
 * Return: 0, -ESTALE if it is another program already or not for the caller's
 * eyes any more, or -EINTR.
 */
int taskdiag_cont_lock(struct taskdiag_cont *cont,
		       struct taskdiag_caller *caller)
{
	int err = lock_exec(cont);

	if (err)
		return err;
	if (READ_ONCE(cont->task->self_exec_id) == cont->exec_id &&
	    may_still_see(caller, cont->task))
		return 0;
	taskdiag_cont_unlock(cont);
	return -ESTALE;
}

void taskdiag_cont_unlock(struct taskdiag_cont *cont)
{
	up_read(&cont->task->signal->exec_update_lock);
}

static struct task_diag_msg *msg_of(const struct taskdiag_cont *cont,
				    const struct taskdiag_row *row,
				    struct sk_buff *skb)
{
	return (void *)skb->data + cont->start + row->msg_offset;
}

/**
 * taskdiag_cont_resume - begin the next message of a long row
 * @cont: under way
 * @row: what about the tasks
 * @skb: where the message goes
 *
 * Return: false if it has no room.
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
	msg->pid = cont->pid;
	msg->tgid = cont->tgid;
	msg->flags = TASK_DIAG_FLAG_CONT;
	return true;
}

/* A message that goes on with nothing would do so for ever. */
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

	/* The template of the next one may need it; else it does not fit. */
	if (!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	    !IS_ALIGNED(skb->len, sizeof(u64)))
		nla_reserve(skb, TASK_DIAG_PAD, 0);
	nlh->nlmsg_len = skb->len - cont->start;
}

/**
 * taskdiag_cont_put - go on with a message of a long row
 * @cont: after taskdiag_cont_begin() or taskdiag_cont_resume()
 * @row: what about the tasks
 * @skb: where the message has been begun
 * @caller: who asks
 *
 * A message is whole or taken back, as it is when there is an error.  The first
 * one of a row is taken back as well if not all that has to be in it fits;
 * then the row has not begun, and @cont->task is NULL.
 *
 * Return: 0 when all is told, -EMSGSIZE if @skb is full before, or an error.
 */
int taskdiag_cont_put(struct taskdiag_cont *cont,
		      const struct taskdiag_row *row, struct sk_buff *skb,
		      struct taskdiag_caller *caller)
{
	int err = 0;

	for (; cont->step < row->nr_puts; cont->step++) {
		err = taskdiag_row_put(row, cont->step, cont, skb, caller);
		if (err)
			break;
	}

	/* What it was about is gone. */
	if (err == -ESTALE) {
		msg_of(cont, row, skb)->flags |= TASK_DIAG_FLAG_CUT;
		err = 0;
	}

	if (err == -EMSGSIZE && cont->step < row->nr_short) {
		skb_trim(skb, cont->start);
		end_cont(cont);
		return err;
	}
	if ((err && err != -EMSGSIZE) ||
	    (err && !has_progress(cont, row, skb))) {
		skb_trim(skb, cont->start);
		return err;
	}

	end_message(cont, skb);
	if (!err)
		end_cont(cont);
	return err;
}
