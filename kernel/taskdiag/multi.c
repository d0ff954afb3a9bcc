// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: rows with groups that may wait or may exceed a message.
 *
 * A multi-message row is made for one task at a time, outside of RCU: first the
 * structures of the template, as in any other row, and behind them the appended
 * groups.  A message ends when the skb has no tailroom left, and the row
 * continues in the next message, which has TASK_DIAG_FLAG_CONT.
 *
 * Every wait for another task goes through taskdiag_wait(), which limits it.
 * A group that is not complete in time is left out: TASK_DIAG_ABSENT lists it,
 * and the dump continues.
 *
 * Depends on row.c; must not depend on the contents of a group.
 */
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "taskdiag.h"

/* Limits of the time that a dump and a row wait for other tasks. */
#define TASKDIAG_DUMP_TIMEOUT	HZ
#define TASKDIAG_ROW_TIMEOUT	(HZ / 10)

/**
 * taskdiag_multi_init - prepare for rows with appended groups
 * @multi: the row, zeroed
 * @row: layout of the rows
 * @vma_flags: TASK_DIAG_VMA_* that a memory mapping must have
 * @is_dump: the request is a dump; a single request never waits
 *
 * Return: 0 or an error; @multi must be released in both cases.
 */
int taskdiag_multi_init(struct taskdiag_multi *multi,
			const struct taskdiag_row *row, u64 vma_flags,
			bool is_dump)
{
	if (!row->nr_appended)
		return 0;

	multi->ctx.vma_flags = vma_flags;
	multi->ctx.target.timeout.dump = is_dump ? TASKDIAG_DUMP_TIMEOUT : 0;
	multi->ctx.want_vma = row->show_flags & TASK_DIAG_SHOW_VMA;
	multi->ctx.path = kmalloc(TASKDIAG_PATH_SIZE, TASKDIAG_GFP);
	if (!multi->ctx.path)
		return -ENOMEM;

	if (row->show_flags & TASK_DIAG_SHOW_VMA_STAT) {
		multi->ctx.stats = kmalloc_array(TASKDIAG_VMA_STATS,
						 sizeof(*multi->ctx.stats),
						 TASKDIAG_GFP);
		if (!multi->ctx.stats)
			return -ENOMEM;
	}
	return 0;
}

static void end_row(struct taskdiag_multi *multi)
{
	put_pid(multi->pid);
	multi->pid = NULL;
}

/**
 * taskdiag_multi_release - release the buffers and the current row
 * @multi: the row
 */
void taskdiag_multi_release(struct taskdiag_multi *multi)
{
	if (multi->pid)
		end_row(multi);
	kfree(multi->ctx.path);
	kfree(multi->ctx.stats);
}

/**
 * taskdiag_multi_begin - begin to append to a row
 * @multi: between two rows
 * @row: layout of the rows
 * @item: the task of the row
 * @exec_id: program that the task was running when the row was appended
 * @start: offset of the row's message in the buffer
 *
 * Context: RCU section of @item.
 */
void taskdiag_multi_begin(struct taskdiag_multi *multi,
			  const struct taskdiag_row *row,
			  const struct taskdiag_item *item, u64 exec_id,
			  unsigned int start)
{
	struct task_struct *task = item->task;

	multi->pid = get_pid(item->struct_pid);
	multi->pid_nr = item->pid;
	multi->tgid = item->tgid;
	multi->ctx.target.exec_id = exec_id;
	multi->ctx.target.level = item->level;
	multi->ctx.target.timeout.row = min(multi->ctx.target.timeout.dump,
					    TASKDIAG_ROW_TIMEOUT);
	multi->start = start;
	multi->resumed = false;
	multi->step = 0;
	multi->denied = item->denied;
	multi->absent = (struct task_diag_absent) {
		.denied	= item->denied & row->layout_groups,
	};
	multi->ctx.memory = (struct taskdiag_memory) {
		/* Kernel threads borrow address spaces of others. */
		.expected	= READ_ONCE(task->mm) &&
				  !(task->flags & PF_KTHREAD),
		.leader		= thread_group_leader(task),
	};
}

/* --- messages ------------------------------------------------------------ */

static struct task_diag_msg *msg_of(const struct taskdiag_multi *multi,
				    const struct taskdiag_row *row,
				    struct sk_buff *skb)
{
	return (void *)skb->data + multi->start + row->msg_offset;
}

/**
 * taskdiag_multi_resume - begin the next message of a row
 * @multi: the current row
 * @row: layout of the rows
 * @skb: destination
 *
 * Return: false if @skb has too little tailroom.
 */
bool taskdiag_multi_resume(struct taskdiag_multi *multi,
			   const struct taskdiag_row *row, struct sk_buff *skb)
{
	unsigned int len = row->msg_offset + sizeof(struct task_diag_msg);
	struct task_diag_msg *msg;

	if (skb_tailroom(skb) < len)
		return false;

	multi->start = skb->len;
	multi->resumed = true;
	skb_put_data(skb, row->template->data, len);

	msg = msg_of(multi, row, skb);
	msg->pid = multi->pid_nr;
	msg->tgid = multi->tgid;
	msg->flags = TASK_DIAG_FLAG_CONT;
	return true;
}

/*
 * A continuation message must contain at least one attribute; otherwise the
 * dump would never make progress.
 */
static bool has_progress(const struct taskdiag_multi *multi,
			 const struct taskdiag_row *row,
			 const struct sk_buff *skb)
{
	return !multi->resumed || skb->len > multi->start + row->msg_offset +
					 sizeof(struct task_diag_msg);
}

static void end_message(const struct taskdiag_multi *multi, struct sk_buff *skb)
{
	struct nlmsghdr *nlh = (void *)skb->data + multi->start;

	/* Align the next message; without tailroom, none follows here. */
	if (!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	    !IS_ALIGNED(skb->len, sizeof(u64)))
		nla_reserve(skb, TASK_DIAG_PAD, 0);
	nlh->nlmsg_len = skb->len - multi->start;
}

/**
 * taskdiag_multi_postpone - leave all appended groups to the next message
 * @multi: after taskdiag_multi_begin()
 * @row: layout of the rows
 * @skb: destination of the current message
 */
void taskdiag_multi_postpone(struct taskdiag_multi *multi,
			     const struct taskdiag_row *row,
			     struct sk_buff *skb)
{
	msg_of(multi, row, skb)->flags |= TASK_DIAG_FLAG_MORE;
	end_message(multi, skb);
}

/* --- groups -------------------------------------------------------------- */

/* TASK_DIAG_SHOW_* of all groups from the current one on. */
static u64 remaining(const struct taskdiag_multi *multi,
		     const struct taskdiag_row *row)
{
	unsigned int step;
	u64 flags = 0;

	for (step = multi->step; step < row->nr_appended; step++)
		flags |= row->append_flags[step];
	return flags;
}

/*
 * Note the groups that an error of their append function makes incomplete.
 * Return false if @err ends the dump, instead of the row or a group of it.
 */
static bool note_absent(struct taskdiag_multi *multi,
			const struct taskdiag_row *row, int err)
{
	switch (err) {
	case -ESRCH:
	case -ESTALE:
		multi->absent.gone |= remaining(multi, row);
		multi->step = row->nr_appended;
		return true;
	case -EACCES:
		multi->absent.denied |= remaining(multi, row);
		multi->step = row->nr_appended;
		return true;
	case -EPERM:
		multi->absent.denied |= row->append_flags[multi->step++];
		return true;
	case -EBUSY:
		multi->absent.busy |= row->append_flags[multi->step++];
		return true;
	case -E2BIG:
		multi->absent.limit |= row->append_flags[multi->step++];
		return true;
	case -ENXIO:
		multi->absent.leader |= row->append_flags[multi->step++];
		return true;
	}
	return false;
}

/* Append the current group, if the caller may read it. */
static int append_group(struct taskdiag_multi *multi,
			const struct taskdiag_row *row, struct sk_buff *skb,
			struct taskdiag_caller *caller)
{
	if (!multi->ctx.target.task)
		return -ESRCH;
	if (multi->denied & row->append_flags[multi->step])
		return -EPERM;
	return taskdiag_row_append(row, multi->step, &multi->ctx, skb, caller);
}

static int append_groups(struct taskdiag_multi *multi,
			 const struct taskdiag_row *row, struct sk_buff *skb,
			 struct taskdiag_caller *caller)
{
	int err;

	while (multi->step < row->nr_appended) {
		err = append_group(multi, row, skb, caller);
		if (!err)
			multi->step++;
		else if (!note_absent(multi, row, err))
			return err;
	}
	return 0;
}

static int append_absent(const struct taskdiag_multi *multi,
			 struct sk_buff *skb)
{
	if (!memchr_inv(&multi->absent, 0, sizeof(multi->absent)))
		return 0;
	return nla_put_64bit(skb, TASK_DIAG_ABSENT, sizeof(multi->absent),
			     &multi->absent, TASK_DIAG_PAD);
}

/**
 * taskdiag_multi_append - append to the current message of a row
 * @multi: after taskdiag_multi_begin() or taskdiag_multi_resume()
 * @row: layout of the rows
 * @skb: destination, with the beginning of the message
 * @caller: the caller
 *
 * After an error the message is removed from @skb.
 *
 * Context: Process context.  May sleep, within the time limits of the row.
 *
 * Return: 0 when the row is complete, -EMSGSIZE if @skb is full before, or an
 * error.
 */
int taskdiag_multi_append(struct taskdiag_multi *multi,
			  const struct taskdiag_row *row, struct sk_buff *skb,
			  struct taskdiag_caller *caller)
{
	int err;

	multi->ctx.target.task = get_pid_task(multi->pid, PIDTYPE_PID);
	err = append_groups(multi, row, skb, caller);
	if (!err)
		err = append_absent(multi, skb);
	if (multi->ctx.target.task)
		put_task_struct(multi->ctx.target.task);
	multi->ctx.target.task = NULL;

	if (err && (err != -EMSGSIZE || !has_progress(multi, row, skb))) {
		skb_trim(skb, multi->start);
		return err;
	}
	if (err)
		msg_of(multi, row, skb)->flags |= TASK_DIAG_FLAG_MORE;
	else
		end_row(multi);
	end_message(multi, skb);
	return err;
}
