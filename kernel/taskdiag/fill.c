// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the groups IDENT and NS, and the part of CRED that is not inline.
 *
 * Depends on versions.h and the kernel's tasks, credentials and namespaces; must
 * not depend on the iterator or the message around a structure.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ipc_namespace.h>
#include <linux/mnt_namespace.h>
#include <linux/ns_common.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/time_namespace.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>

#include "fill.h"
#include "taskdiag.h"
#include "versions.h"

/**
 * taskdiag_set_mapped_ids - set ids mapped to a user namespace
 * @creds: destination
 * @cred: credentials of the task
 * @ns: user namespace of the sender
 *
 * Not inline, as nearly all senders are in the initial user namespace.
 */
void taskdiag_set_mapped_ids(struct task_diag_creds *creds,
			     const struct cred *cred, struct user_namespace *ns)
{
	taskdiag_set_ids(creds, cred, ns);
}

/**
 * taskdiag_fill_ident - write the group IDENT
 * @to: a struct task_diag_ident
 * @item: the task
 * @caller: the caller
 *
 * Context: RCU section of @item.
 */
void taskdiag_fill_ident(void *to, const struct taskdiag_item *item,
			 const struct taskdiag_caller *caller)
{
	struct task_diag_ident *ident = to;

	memset(ident, 0, sizeof(*ident));
	/* No offset of a time namespace: the value is equal for all readers. */
	ident->start_time = item->task->start_boottime;
	/* On 32 bits, pidfs assigns an inode number while a pidfd is open. */
	if (IS_ENABLED(CONFIG_64BIT))
		ident->pidfd_ino = taskdiag_pidfd_ino(item->struct_pid);
	if (ident->pidfd_ino)
		ident->valid = TASK_DIAG_IDENT_VALID_PIDFD_INO;
	if (thread_group_leader(item->task))
		ident->flags = TASK_DIAG_IDENT_LEADER;
}

/* Set the inode number and the id of namespace @nr, a TASK_DIAG_NS_*. */
static void set_ns(struct task_diag_ns *to, unsigned int nr,
		   const struct ns_common *ns)
{
	u32 *inums = &to->cgroup;
	u64 *ids = &to->cgroup_id;

	/* The fields are in the order of TASK_DIAG_NS_*. */
	BUILD_BUG_ON(offsetof(struct task_diag_ns, uts) -
		     offsetof(struct task_diag_ns, cgroup) !=
		     TASK_DIAG_NS_UTS * sizeof(*inums));
	BUILD_BUG_ON(offsetof(struct task_diag_ns, uts_id) -
		     offsetof(struct task_diag_ns, cgroup_id) !=
		     TASK_DIAG_NS_UTS * sizeof(*ids));

	inums[nr] = ns->inum;
	ids[nr] = taskdiag_ns_id(ns);
	if (inums[nr])
		to->valid |= BIT_ULL(nr);
	if (ids[nr])
		to->valid |= BIT_ULL(TASK_DIAG_NS_IDS + nr);
}

static void set_ns_for_children(struct task_diag_ns *to,
				const struct pid_namespace *ns)
{
	if (taskdiag_shows_for_children(ns))
		set_ns(to, TASK_DIAG_NS_PID_FOR_CHILDREN, &ns->ns);
}

static void set_nsproxy(struct task_diag_ns *to, const struct nsproxy *proxy)
{
	set_ns(to, TASK_DIAG_NS_MNT, from_mnt_ns(proxy->mnt_ns));
#ifdef CONFIG_CGROUPS
	set_ns(to, TASK_DIAG_NS_CGROUP, &proxy->cgroup_ns->ns);
#endif
#ifdef CONFIG_IPC_NS
	set_ns(to, TASK_DIAG_NS_IPC, &proxy->ipc_ns->ns);
#endif
#ifdef CONFIG_NET_NS
	set_ns(to, TASK_DIAG_NS_NET, &proxy->net_ns->ns);
#endif
#ifdef CONFIG_PID_NS
	set_ns_for_children(to, proxy->pid_ns_for_children);
#endif
#ifdef CONFIG_TIME_NS
	set_ns(to, TASK_DIAG_NS_TIME, &proxy->time_ns->ns);
	set_ns(to, TASK_DIAG_NS_TIME_FOR_CHILDREN,
	       &proxy->time_ns_for_children->ns);
#endif
#ifdef CONFIG_UTS_NS
	set_ns(to, TASK_DIAG_NS_UTS, &proxy->uts_ns->ns);
#endif
}

/**
 * taskdiag_fill_ns - write the group NS: the links of /proc/PID/ns
 * @to: a struct task_diag_ns
 * @item: the task
 * @caller: the caller
 *
 * Context: RCU section of @item.
 */
void taskdiag_fill_ns(void *to, const struct taskdiag_item *item,
		      const struct taskdiag_caller *caller)
{
	struct task_struct *task = item->task;
	struct task_diag_ns *ns = to;

	memset(ns, 0, sizeof(*ns));
#ifdef CONFIG_PID_NS
	set_ns(ns, TASK_DIAG_NS_PID, &ns_of_pid(item->struct_pid)->ns);
#endif
#ifdef CONFIG_USER_NS
	set_ns(ns, TASK_DIAG_NS_USER, &__task_cred(task)->user_ns->ns);
#endif

	/* exit_task_namespaces() clears nsproxy under the lock. */
	task_lock(task);
	if (task->nsproxy)
		set_nsproxy(ns, task->nsproxy);
	task_unlock(task);
}
