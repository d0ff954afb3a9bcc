/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag: rules of the kernel that task_diag copies, and that depend on the
 * version of Linux.
 *
 * Each rule is listed with the version that changed it and the reason.  Code for
 * a single kernel tree needs only the branch of its version.
 *
 * Some copied rules compile on every version, but are correct on some versions
 * only.  Therefore this file rejects each version whose rules have not been
 * compared with the rules below.  A rule that affects access has no fallback
 * for a missing field: without the field it does not compile.
 *
 * Depends on the kernel only; must not depend on other files of task_diag.
 */
#ifndef _KERNEL_TASKDIAG_VERSIONS_H
#define _KERNEL_TASKDIAG_VERSIONS_H

#include <linux/version.h>

#define TASKDIAG_LINUX_IS(major, minor) \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0) && \
	 LINUX_VERSION_CODE < KERNEL_VERSION(major, (minor) + 1, 0))

/*
 * The list is also in dkms.conf.  A kernel between two of these versions may
 * have any of their rules.
 */
#if !TASKDIAG_LINUX_IS(6, 1) && !TASKDIAG_LINUX_IS(6, 12) && \
	!TASKDIAG_LINUX_IS(7, 2) && !TASKDIAG_LINUX_IS(7, 3)
#error "this version of Linux is not supported: see docs/kernels.md"
#endif

#include <linux/cred.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/ns_common.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_ns.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#include <linux/sched/exec_state.h>
#endif

/* --- access -------------------------------------------------------------- */

/*
 * taskdiag_dumpable_to() is task_still_dumpable() of kernel/ptrace.c: true if
 * @task is dumpable, or if @capable returns true for the user namespace that
 * its program was executed in.
 *
 * taskdiag_proc_uid() is the uid of task_dump_owner() of fs/proc/base.c: the
 * owner of the files in /proc/PID.
 *
 * Since 7.2, execve() stores both fields in task_struct::exec_state, which is
 * never NULL, and which a task keeps when it releases its mm.  Before 7.2, they
 * are in the mm; for tasks without an mm, stable updates have added
 * task_struct::user_dumpable.  A kernel without the update, which checks no
 * dumpability of such tasks, does not compile here.
 *
 * Context: RCU read-side critical section.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)

static __always_inline bool
taskdiag_dumpable_to(struct task_struct *task,
		     bool (*capable)(const void *data,
				     struct user_namespace *ns),
		     const void *data)
{
	const struct task_exec_state *state;

	state = rcu_dereference(task->exec_state);
	return READ_ONCE(state->dumpable) == TASK_DUMPABLE_OWNER ||
	       capable(data, state->user_ns);
}

static inline kuid_t taskdiag_proc_uid(struct task_struct *task)
{
	const struct task_exec_state *state;
	kuid_t uid;

	if (task->flags & PF_KTHREAD)
		return GLOBAL_ROOT_UID;
	state = rcu_dereference(task->exec_state);
	if (READ_ONCE(state->dumpable) == TASK_DUMPABLE_OWNER)
		return __task_cred(task)->euid;
	uid = make_kuid(state->user_ns, 0);
	return uid_valid(uid) ? uid : GLOBAL_ROOT_UID;
}

#else

static __always_inline bool
taskdiag_dumpable_to(struct task_struct *task,
		     bool (*capable)(const void *data,
				     struct user_namespace *ns),
		     const void *data)
{
	struct mm_struct *mm;
	bool ret;

	task_lock(task);
	mm = task->mm;
	if (mm)
		ret = get_dumpable(mm) == SUID_DUMP_USER ||
		      capable(data, mm->user_ns);
	else
		ret = task->user_dumpable || capable(data, &init_user_ns);
	task_unlock(task);
	return ret;
}

static inline kuid_t taskdiag_proc_uid(struct task_struct *task)
{
	kuid_t uid = GLOBAL_ROOT_UID;
	struct mm_struct *mm;

	if (task->flags & PF_KTHREAD)
		return uid;

	task_lock(task);
	mm = task->mm;
	if (mm && get_dumpable(mm) == SUID_DUMP_USER)
		uid = __task_cred(task)->euid;
	else if (mm)
		uid = make_kuid(mm->user_ns, 0);
	task_unlock(task);
	return uid_valid(uid) ? uid : GLOBAL_ROOT_UID;
}

#endif

/*
 * dentry_open() without events for fanotify.  Since 7.2, a flag for open(2) can
 * no longer prevent these events: dentry_open() ignores it.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#define taskdiag_open_nonotify(path, flags, cred) \
	dentry_open_nonotify(path, flags, cred)
#else
#define taskdiag_open_nonotify(path, flags, cred) \
	dentry_open(path, (flags) | __FMODE_NONOTIFY, cred)
#endif

/* --- values -------------------------------------------------------------- */

/*
 * The namespace is /proc/PID/ns/pid_for_children.  Before 7.2, procfs did not
 * show a namespace before its first process existed.
 */
static inline bool taskdiag_shows_for_children(const struct pid_namespace *ns)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	return true;
#else
	return READ_ONCE(ns->child_reaper);
#endif
}

/*
 * Copy a name, which writers pad with NULs.  Before 7.2, writers held the lock,
 * so a reader with the lock never copied a mixed name.  Since 7.2, writers hold
 * no lock.  The last byte is always NUL.
 */
static __always_inline void taskdiag_copy_comm(char to[TASK_COMM_LEN],
					       struct task_struct *task)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	memcpy(to, task->comm, TASK_COMM_LEN);
#else
	task_lock(task);
	memcpy(to, task->comm, TASK_COMM_LEN);
	task_unlock(task);
#endif
}

/*
 * The time slice of a task with a fair policy, which sched_getattr() reports
 * since 6.12; 0: it reports none.
 */
static inline u64 taskdiag_time_slice(const struct task_struct *task)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return task->se.slice;
#else
	return 0;
#endif
}

#ifdef CONFIG_SCHED_AUTOGROUP
/*
 * struct autogroup of kernel/sched/autogroup.h, which no other directory
 * includes.  The siglock of a task's process holds its autogroup.
 */
struct taskdiag_autogroup {
	struct kref		kref;
	struct task_group	*tg;
	struct rw_semaphore	lock;
	unsigned long		id;
	int			nice;
};
#endif

/* Inode number of a pidfd; before 6.9, pidfds had no inodes of their own. */
static inline u64 taskdiag_pidfd_ino(const struct pid *pid)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	return pid->ino;
#else
	return 0;
#endif
}

/* 64-bit id of a namespace (NS_GET_ID), added by 7.2. */
static inline u64 taskdiag_ns_id(const struct ns_common *ns)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	return ns->ns_id;
#else
	return 0;
#endif
}

/* CLONE_NEW* of a namespace, which 7.2 has moved from the operations. */
static inline u32 taskdiag_ns_type(const struct ns_common *ns)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	return ns->ns_type;
#else
	return ns->ops->type;
#endif
}

/* --- netlink ------------------------------------------------------------- */

/* By 7.2, the macro was renamed. */
#ifdef NL_ASSERT_CTX_FITS
#define TASKDIAG_ASSERT_CTX_FITS(type)	NL_ASSERT_CTX_FITS(type)
#else
#define TASKDIAG_ASSERT_CTX_FITS(type)	NL_ASSERT_DUMP_CTX_FITS(type)
#endif

#endif /* _KERNEL_TASKDIAG_VERSIONS_H */
