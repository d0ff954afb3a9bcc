/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag: the groups BASE and CRED, inline, as most requests contain both
 * of them.  fill.c contains the groups IDENT and NS.
 */
#ifndef _KERNEL_TASKDIAG_FILL_H
#define _KERNEL_TASKDIAG_FILL_H

#include <linux/cred.h>
#include <linux/log2.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "taskdiag.h"
#include "versions.h"

void taskdiag_set_mapped_ids(struct task_diag_creds *creds,
			     const struct cred *cred,
			     struct user_namespace *ns);

/* The pid of the session, process group or process of @task. */
static inline pid_t taskdiag_signal_pid_nr(struct task_struct *task,
					   enum pid_type type,
					   struct pid_namespace *ns)
{
	const struct pid *pid = rcu_dereference_raw(task->signal->pids[type]);

	return taskdiag_pid_nr(pid, ns);
}

/*
 * The pid of the parent process.  0 means that the parent is outside of @ns,
 * but also that it is being reaped: it has lost its pid, and its children got
 * another parent before.  So a parent without a pid must still be the parent
 * afterwards.
 */
static __always_inline pid_t taskdiag_parent_pid_nr(struct task_struct *task,
						    struct pid_namespace *ns)
{
	struct task_struct *parent;
	pid_t nr;

	do {
		parent = rcu_dereference(task->real_parent);
		nr = taskdiag_signal_pid_nr(parent, PIDTYPE_TGID, ns);
		/*
		 * Pairs with tasklist_lock: a child gets its new parent before
		 * the old one loses its pid.
		 */
		smp_rmb();
	} while (!nr && parent != rcu_access_pointer(task->real_parent));
	return nr;
}

/* The values of /proc/PID/stat and status: fs/proc/array.c. */
static __always_inline void
taskdiag_fill_base_in(void *to, const struct taskdiag_item *item,
		      struct pid_namespace *ns)
{
	struct task_struct *task = item->task;
	struct task_diag_base *base = to;
	pid_t ppid = 0, tpid = 0;

	/* The ABI has the numbers of task_state_index(). */
	BUILD_BUG_ON(1 + ilog2(TASK_REPORT_IDLE) != TASK_DIAG_IDLE);
	BUILD_BUG_ON(sizeof(base->comm) != sizeof(task->comm));

	base->tgid = item->tgid;
	base->pid = item->pid;
	base->sid = taskdiag_signal_pid_nr(task, PIDTYPE_SID, ns);
	base->pgid = taskdiag_signal_pid_nr(task, PIDTYPE_PGID, ns);
	base->state = item->state;

	/* The links of a task that has been reaped may dangle. */
	if (pid_alive(task)) {
		struct task_struct *tracer = ptrace_parent(task);

		ppid = taskdiag_parent_pid_nr(task, ns);
		if (tracer)
			tpid = taskdiag_pid_nr(taskdiag_thread_pid(tracer), ns);
	}
	base->ppid = ppid;
	base->tpid = tpid;

	taskdiag_copy_comm(base->comm, task);
	memset(base->__pad, 0, sizeof(base->__pad));
}

/* With a constant namespace, the compiler omits the tests of each pid. */
static __always_inline void
taskdiag_fill_base(void *to, const struct taskdiag_item *item,
		   const struct taskdiag_caller *caller)
{
	if (likely(caller->pid_ns == &init_pid_ns))
		taskdiag_fill_base_in(to, item, &init_pid_ns);
	else
		taskdiag_fill_base_in(to, item, caller->pid_ns);
}

/* In the initial user namespace the mapping is the identity. */
static __always_inline u32 taskdiag_uid_in(struct user_namespace *ns,
					   kuid_t uid)
{
	return ns ? from_kuid_munged(ns, uid) : __kuid_val(uid);
}

static __always_inline u32 taskdiag_gid_in(struct user_namespace *ns,
					   kgid_t gid)
{
	return ns ? from_kgid_munged(ns, gid) : __kgid_val(gid);
}

/* Set the ids, mapped to @ns; NULL: the initial user namespace. */
static __always_inline void taskdiag_set_ids(struct task_diag_creds *creds,
					     const struct cred *cred,
					     struct user_namespace *ns)
{
	creds->uid = taskdiag_uid_in(ns, cred->uid);
	creds->euid = taskdiag_uid_in(ns, cred->euid);
	creds->suid = taskdiag_uid_in(ns, cred->suid);
	creds->fsuid = taskdiag_uid_in(ns, cred->fsuid);
	creds->gid = taskdiag_gid_in(ns, cred->gid);
	creds->egid = taskdiag_gid_in(ns, cred->egid);
	creds->sgid = taskdiag_gid_in(ns, cred->sgid);
	creds->fsgid = taskdiag_gid_in(ns, cred->fsgid);
}

static inline void taskdiag_set_caps(struct task_diag_caps *to,
				     kernel_cap_t caps)
{
	to->cap[0] = lower_32_bits(caps.val);
	to->cap[1] = upper_32_bits(caps.val);
}

/*
 * The values of /proc/PID/status (fs/proc/array.c), and of
 * prctl(PR_GET_SECUREBITS).
 */
static __always_inline void
taskdiag_fill_cred(void *to, const struct taskdiag_item *item,
		   const struct taskdiag_caller *caller)
{
	struct user_namespace *ns = caller->sender->user_ns;
	const struct cred *cred = __task_cred(item->task);
	struct task_diag_creds *creds = to;

	if (likely(ns == &init_user_ns))
		taskdiag_set_ids(creds, cred, NULL);
	else
		taskdiag_set_mapped_ids(creds, cred, ns);

	taskdiag_set_caps(&creds->cap_inheritable, cred->cap_inheritable);
	taskdiag_set_caps(&creds->cap_permitted, cred->cap_permitted);
	taskdiag_set_caps(&creds->cap_effective, cred->cap_effective);
	taskdiag_set_caps(&creds->cap_bset, cred->cap_bset);
	taskdiag_set_caps(&creds->cap_ambient, cred->cap_ambient);

	creds->no_new_privs = task_no_new_privs(item->task);
	/* No file of procfs has the securebits. */
	if (likely(item->level == TASKDIAG_FULL)) {
		creds->securebits = cred->securebits;
		creds->valid = TASK_DIAG_CRED_VALID_SECUREBITS;
	} else {
		creds->securebits = 0;
		creds->valid = 0;
	}
}

#endif /* _KERNEL_TASKDIAG_FILL_H */
