// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: a task's memory, and the group CMDLINE.
 *
 * What is told comes from the functions that /proc/PID/cmdline, maps and smaps
 * have for it, and to whom procfs would show these files: cmdline to whoever
 * sees the process at all, maps and smaps on PTRACE_MODE_READ_FSCREDS, both of
 * which are taskdiag_may_see().  It is asked again for each message, as a
 * process that had execve() give it more rights may not be seen any more.
 *
 * Between messages an mm is held, but not its memory: that goes with the last
 * process that uses it, however slowly a dump is read.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/uio.h>
#include <net/netlink.h>

#include "taskdiag_parts.h"

/* Less of it is not worth an attribute. */
#define TASKDIAG_CMDLINE_MIN	64

/*
 * execve() takes 6 MiB of arguments.  With prctl(PR_SET_MM) they can be said to
 * be all of the address space, and a dump cannot be told to leave one out.
 */
#define TASKDIAG_CMDLINE_MAX	SZ_8M

/* --- access ------------------------------------------------------------- */

/* Is @mm what the row is about?  The first one is. */
static bool is_same(struct taskdiag_memory *memory, struct mm_struct *mm)
{
	if (!memory->known) {
		memory->known = true;
		memory->mm = mm;
		if (mm)
			mmgrab(mm);
		return mm || !memory->expected;
	}
	return mm == memory->mm;
}

/**
 * taskdiag_mm_hold - get hold of the memory that a row is about
 * @cont: whose
 * @caller: who asks
 * @ret: the memory, with a user reference; NULL if the task had none to begin
 *	with
 *
 * Return: 0, -ESTALE if it is gone, or not for the caller's eyes any more, or
 * an error.
 */
int taskdiag_mm_hold(struct taskdiag_cont *cont, struct taskdiag_caller *caller,
		     struct mm_struct **ret)
{
	struct mm_struct *mm;
	int err;

	err = taskdiag_cont_lock(cont, caller);
	if (err)
		return err;
	mm = get_task_mm(cont->task);
	taskdiag_cont_unlock(cont);

	if (is_same(&cont->memory, mm)) {
		*ret = mm;
		return 0;
	}
	taskdiag_mm_drop(mm);
	return -ESTALE;
}

/**
 * taskdiag_mm_drop - let go of it
 * @mm: the memory, or NULL
 *
 * If we are the last, the end of it is not the reader's to wait for.
 */
void taskdiag_mm_drop(struct mm_struct *mm)
{
	if (mm)
		mmput_async(mm);
}

/* --- CMDLINE ------------------------------------------------------------ */

/**
 * taskdiag_put_cmdline - put as much of TASK_DIAG_CMDLINE as fits
 * @cont: whose
 * @skb: where to
 * @caller: who asks
 *
 * Return: 0, -EMSGSIZE if there may be more, -ESTALE if it is gone, or an error.
 */
int taskdiag_put_cmdline(struct taskdiag_cont *cont, struct sk_buff *skb,
			 struct taskdiag_caller *caller)
{
	struct nlattr *attr;
	struct mm_struct *mm;
	struct iov_iter iter;
	struct kvec room;
	ssize_t got = 0;
	int err;

	if (cont->memory.args >= TASKDIAG_CMDLINE_MAX)
		return -ESTALE;
	if (skb_tailroom(skb) < nla_total_size(TASKDIAG_CMDLINE_MIN))
		return -EMSGSIZE;
	err = taskdiag_mm_hold(cont, caller, &mm);
	if (err)
		return err;

	attr = __nla_reserve(skb, TASK_DIAG_CMDLINE, 0);
	room.iov_base = skb_tail_pointer(skb);
	room.iov_len = round_down(min(skb_tailroom(skb), U16_MAX - NLA_HDRLEN),
				  NLA_ALIGNTO);
	iov_iter_kvec(&iter, ITER_DEST, &room, 1, room.iov_len);
	if (mm)
		got = get_mm_cmdline(mm, &iter, &cont->memory.args);
	taskdiag_mm_drop(mm);
	if (got < 0)
		return got;

	attr->nla_len = nla_attr_size(got);
	skb_put(skb, got);
	skb_put_zero(skb, nla_padlen(got));
	cont->memory.args += got;
	return got == room.iov_len ? -EMSGSIZE : 0;
}
