// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: what about a task.
 *
 * One filler a group, and one table of them.  A filler writes one structure
 * of the ABI about a task that the caller may see; it knows nothing of how
 * the task was found, nor of the message around the structure.
 */
#include <linux/bits.h>
#include <linux/cred.h>
#include <linux/log2.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <net/netlink.h>

#include "taskdiag.h"

/**
 * struct taskdiag_group - a group of facts
 * @name: as in TASK_DIAG_SHOW_*
 * @size: of its structure
 * @fill: writes that structure.  Runs under RCU and must not sleep; finds the
 *	structure zeroed.  NULL: this kernel cannot tell.
 */
struct taskdiag_group {
	const char	*name;
	size_t		size;
	void		(*fill)(void *to, const struct taskdiag_hit *hit,
				const struct taskdiag_caller *caller);
};

/* @pid of @task's process: its session, or its process group. */
static pid_t signal_nr(struct task_struct *task, enum pid_type type,
		       struct pid_namespace *ns)
{
	return taskdiag_nr(rcu_dereference_raw(task->signal->pids[type]), ns);
}

static struct pid *thread_pid(struct task_struct *task)
{
	return rcu_dereference_raw(task->thread_pid);
}

/* /proc/PID/stat and status: fs/proc/array.c. */
static void fill_base(void *to, const struct taskdiag_hit *hit,
		      const struct taskdiag_caller *caller)
{
	struct pid_namespace *ns = caller->pid_ns;
	struct task_struct *task = hit->task;
	struct task_diag_base *base = to;

	/* The states are numbered as the kernel does for procfs. */
	BUILD_BUG_ON(1 + ilog2(TASK_REPORT_IDLE) != TASK_DIAG_IDLE);
	BUILD_BUG_ON(sizeof(base->comm) != sizeof(task->comm));

	base->tgid = hit->tgid;
	base->pid = hit->pid;
	base->sid = signal_nr(task, PIDTYPE_SID, ns);
	base->pgid = signal_nr(task, PIDTYPE_PGID, ns);
	base->state = task_state_index(task);

	/* The links of a task that has been reaped may dangle. */
	if (pid_alive(task)) {
		struct task_struct *tracer = ptrace_parent(task);
		struct task_struct *parent;

		parent = rcu_dereference(task->real_parent);
		base->ppid = signal_nr(parent, PIDTYPE_TGID, ns);
		if (tracer)
			base->tpid = taskdiag_nr(thread_pid(tracer), ns);
	}

	/* All writers pad the name with NULs; the lock keeps it in one piece. */
	task_lock(task);
	memcpy(base->comm, task->comm, sizeof(base->comm));
	task_unlock(task);
}

static u32 uid_in(struct user_namespace *ns, kuid_t uid)
{
	/* The identity, and the namespace nearly everybody is in. */
	if (ns == &init_user_ns)
		return __kuid_val(uid);
	return from_kuid_munged(ns, uid);
}

static u32 gid_in(struct user_namespace *ns, kgid_t gid)
{
	if (ns == &init_user_ns)
		return __kgid_val(gid);
	return from_kgid_munged(ns, gid);
}

static void put_caps(struct task_diag_caps *to, kernel_cap_t caps)
{
	to->cap[0] = lower_32_bits(caps.val);
	to->cap[1] = upper_32_bits(caps.val);
}

/* /proc/PID/status: fs/proc/array.c; securebits: prctl(PR_GET_SECUREBITS). */
static void fill_cred(void *to, const struct taskdiag_hit *hit,
		      const struct taskdiag_caller *caller)
{
	struct user_namespace *ns = caller->sender->user_ns;
	const struct cred *cred = __task_cred(hit->task);
	struct task_diag_creds *creds = to;

	creds->uid = uid_in(ns, cred->uid);
	creds->euid = uid_in(ns, cred->euid);
	creds->suid = uid_in(ns, cred->suid);
	creds->fsuid = uid_in(ns, cred->fsuid);
	creds->gid = gid_in(ns, cred->gid);
	creds->egid = gid_in(ns, cred->egid);
	creds->sgid = gid_in(ns, cred->sgid);
	creds->fsgid = gid_in(ns, cred->fsgid);

	put_caps(&creds->cap_inheritable, cred->cap_inheritable);
	put_caps(&creds->cap_permitted, cred->cap_permitted);
	put_caps(&creds->cap_effective, cred->cap_effective);
	put_caps(&creds->cap_bset, cred->cap_bset);
	put_caps(&creds->cap_ambient, cred->cap_ambient);

	creds->securebits = cred->securebits;
	creds->no_new_privs = task_no_new_privs(hit->task);
}

static const struct taskdiag_group groups[TASK_DIAG_GROUP_MAX + 1] = {
	[TASK_DIAG_GROUP_BASE] = {
		"BASE", sizeof(struct task_diag_base), fill_base,
	},
	[TASK_DIAG_GROUP_CRED] = {
		"CRED", sizeof(struct task_diag_creds), fill_cred,
	},
	[TASK_DIAG_GROUP_STAT]		= { "STAT" },
	[TASK_DIAG_GROUP_VMA]		= { "VMA" },
	[TASK_DIAG_GROUP_VMA_STAT]	= { "VMA_STAT" },
	[TASK_DIAG_GROUP_CMDLINE]	= { "CMDLINE" },
	[TASK_DIAG_GROUP_FILES]		= { "FILES" },
	[TASK_DIAG_GROUP_IDENT]		= { "IDENT" },
	[TASK_DIAG_GROUP_NS]		= { "NS" },
	[TASK_DIAG_GROUP_CGROUP]	= { "CGROUP" },
};

/**
 * taskdiag_row_init - choose the groups
 * @row: zeroed
 * @show_flags: TASK_DIAG_SHOW_*
 * @extack: what was wrong
 *
 * Return: 0 or an error.
 */
int taskdiag_row_init(struct taskdiag_row *row, u64 show_flags,
		      struct netlink_ext_ack *extack)
{
	u64 unknown = show_flags & ~GENMASK_ULL(TASK_DIAG_GROUP_MAX, 0);
	unsigned int bit;

	if (unknown) {
		NL_SET_ERR_MSG_FMT(extack, "show_flags: unknown bits 0x%llx",
				   unknown);
		return -EINVAL;
	}

	for (bit = 0; bit <= TASK_DIAG_GROUP_MAX; bit++) {
		if (!(show_flags & BIT_ULL(bit)))
			continue;
		if (!groups[bit].fill) {
			NL_SET_ERR_MSG_FMT(extack,
					   "show_flags: no group %s in this kernel",
					   groups[bit].name);
			return -EOPNOTSUPP;
		}
		row->groups[row->nr_groups++].group = &groups[bit];
	}
	return 0;
}

void taskdiag_row_release(struct taskdiag_row *row)
{
	consume_skb(row->template);
}

/**
 * taskdiag_row_size - room for the attributes of a row
 * @row: after taskdiag_row_init()
 *
 * Return: bytes.
 */
size_t taskdiag_row_size(const struct taskdiag_row *row)
{
	size_t size = nla_total_size(sizeof(struct task_diag_msg));
	unsigned int i;

	for (i = 0; i < row->nr_groups; i++)
		size += nla_total_size(row->groups[i].group->size);
	return size;
}

static int reserve(struct sk_buff *skb, int type, size_t size,
		   unsigned int *offset)
{
	struct nlattr *attr = nla_reserve(skb, type, size);

	if (!attr)
		return -EMSGSIZE;
	memset(nla_data(attr), 0, size);
	*offset = (u8 *)nla_data(attr) - skb->data;
	return 0;
}

/**
 * taskdiag_row_put_template - lay the attributes of a row out
 * @row: after taskdiag_row_init()
 * @skb: a message of which only the headers have been put
 *
 * Return: 0 or an error.
 */
int taskdiag_row_put_template(struct taskdiag_row *row, struct sk_buff *skb)
{
	unsigned int i;
	int err;

	err = reserve(skb, TASK_DIAG_MSG, sizeof(struct task_diag_msg),
		      &row->msg_offset);
	for (i = 0; !err && i < row->nr_groups; i++) {
		const struct taskdiag_group *group = row->groups[i].group;

		err = reserve(skb, TASK_DIAG_ATTR_GROUPS + (group - groups),
			      group->size, &row->groups[i].offset);
	}
	return err;
}

/**
 * taskdiag_row_fill - write a task's row
 * @row: after taskdiag_row_put_template()
 * @to: where, as long as the template
 * @hit: the task; the RCU section it was found in goes on
 * @caller: who asks
 */
void taskdiag_row_fill(const struct taskdiag_row *row, void *to,
		       const struct taskdiag_hit *hit,
		       const struct taskdiag_caller *caller)
{
	struct task_diag_msg *msg = to + row->msg_offset;
	unsigned int i;

	memcpy(to, row->template->data, row->template->len);

	msg->pid = hit->pid;
	msg->tgid = hit->tgid;
	for (i = 0; i < row->nr_groups; i++)
		row->groups[i].group->fill(to + row->groups[i].offset, hit,
					   caller);
}
