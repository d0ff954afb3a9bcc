// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: what about a task.
 *
 * One filler a group, and one table of them.  A filler writes one structure
 * of the ABI about a task that the caller may see; it knows nothing of how
 * the task was found, nor of the message around the structure.
 *
 * What sleeps, takes long or has no fixed size is put behind these structures
 * instead, in files of their own.
 */
#include <linux/bits.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ipc_namespace.h>
#include <linux/log2.h>
#include <linux/mnt_namespace.h>
#include <linux/ns_common.h>
#include <linux/nsproxy.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/time_namespace.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/netlink.h>

#include "taskdiag.h"

/**
 * struct taskdiag_group - a group of facts
 * @name: as in TASK_DIAG_SHOW_*
 * @size: of its structure; 0 if it has no fixed size
 * @has_u64: there are 64-bit fields in it, which want to be aligned
 * @visits_threads: of a process, each thread is looked at
 * @fill: writes that structure, every byte of it.  Runs under RCU and must not
 *	sleep.
 * @append: appends its attributes to a row for which @fill has written the others.
 *	May wait, by taskdiag_multi_wait() only.  Returns 0 when the group is
 *	complete, -EMSGSIZE if the rest belongs to the next message, -ESTALE if
 *	the task has ended or called execve(), -EACCES if the access check no
 *	longer passes, -EBUSY if another task does not release something in time,
 *	-E2BIG if there is too much, -ENXIO if the group belongs to the leader's
 *	row, or an error.
 *
 * A group with neither @fill nor @put is not supported by this kernel.
 */
struct taskdiag_group {
	const char	*name;
	size_t		size;
	bool		has_u64;
	bool		visits_threads;
	taskdiag_fill_fn	fill;
	int		(*append)(struct taskdiag_multi *multi, struct sk_buff *skb,
			       struct taskdiag_caller *caller);
};

/* @pid of @task's process: its session, or its process group. */
static pid_t signal_pid_nr(struct task_struct *task, enum pid_type type,
		       struct pid_namespace *ns)
{
	return taskdiag_pid_nr(rcu_dereference_raw(task->signal->pids[type]), ns);
}

static struct pid *thread_pid(struct task_struct *task)
{
	return rcu_dereference_raw(task->thread_pid);
}

/*
 * A parent that is being reaped has no number any more, and its children had
 * another parent before that: who has none now is from outside of @ns only if
 * it still is the parent.
 */
static __always_inline pid_t parent_pid_nr(struct task_struct *task,
				       struct pid_namespace *ns)
{
	struct task_struct *parent;
	pid_t nr;

	do {
		parent = rcu_dereference(task->real_parent);
		nr = signal_pid_nr(parent, PIDTYPE_TGID, ns);
		/* Pairs with tasklist_lock between the two. */
		smp_rmb();
	} while (!nr && parent != rcu_access_pointer(task->real_parent));
	return nr;
}

/* /proc/PID/stat and status: fs/proc/array.c. */
static __always_inline void fill_base_in(void *to,
					 const struct taskdiag_item *item,
					 struct pid_namespace *ns)
{
	struct task_struct *task = item->task;
	struct task_diag_base *base = to;
	pid_t ppid = 0, tpid = 0;

	/* The states are numbered as the kernel does for procfs. */
	BUILD_BUG_ON(1 + ilog2(TASK_REPORT_IDLE) != TASK_DIAG_IDLE);
	BUILD_BUG_ON(sizeof(base->comm) != sizeof(task->comm));

	base->tgid = item->tgid;
	base->pid = item->pid;
	base->sid = signal_pid_nr(task, PIDTYPE_SID, ns);
	base->pgid = signal_pid_nr(task, PIDTYPE_PGID, ns);
	base->state = item->state;

	/* The links of a task that has been reaped may dangle. */
	if (pid_alive(task)) {
		struct task_struct *tracer = ptrace_parent(task);

		ppid = parent_pid_nr(task, ns);
		if (tracer)
			tpid = taskdiag_pid_nr(thread_pid(tracer), ns);
	}
	base->ppid = ppid;
	base->tpid = tpid;

	/* All writers pad the name with NULs; the lock keeps it in one piece. */
	task_lock(task);
	memcpy(base->comm, task->comm, sizeof(base->comm));
	task_unlock(task);
	memset(base->__pad, 0, sizeof(base->__pad));
}

/* With a constant namespace the compiler omits its tests for each pid. */
static __always_inline void fill_base(void *to, const struct taskdiag_item *item,
				      const struct taskdiag_caller *caller)
{
	if (likely(caller->pid_ns == &init_pid_ns))
		fill_base_in(to, item, &init_pid_ns);
	else
		fill_base_in(to, item, caller->pid_ns);
}

/* In the initial user namespace the mapping is the identity. */
static __always_inline u32 uid_in(struct user_namespace *ns, kuid_t uid)
{
	return ns ? from_kuid_munged(ns, uid) : __kuid_val(uid);
}

static __always_inline u32 gid_in(struct user_namespace *ns, kgid_t gid)
{
	return ns ? from_kgid_munged(ns, gid) : __kgid_val(gid);
}

/* Set the ids in @ns; NULL: the initial user namespace. */
static __always_inline void set_ids(struct task_diag_creds *creds,
				    const struct cred *cred,
				    struct user_namespace *ns)
{
	creds->uid = uid_in(ns, cred->uid);
	creds->euid = uid_in(ns, cred->euid);
	creds->suid = uid_in(ns, cred->suid);
	creds->fsuid = uid_in(ns, cred->fsuid);
	creds->gid = gid_in(ns, cred->gid);
	creds->egid = gid_in(ns, cred->egid);
	creds->sgid = gid_in(ns, cred->sgid);
	creds->fsgid = gid_in(ns, cred->fsgid);
}

static noinline void set_mapped_ids(struct task_diag_creds *creds,
				    const struct cred *cred,
				    struct user_namespace *ns)
{
	set_ids(creds, cred, ns);
}

static void set_caps(struct task_diag_caps *to, kernel_cap_t caps)
{
	to->cap[0] = lower_32_bits(caps.val);
	to->cap[1] = upper_32_bits(caps.val);
}

/* /proc/PID/status: fs/proc/array.c; securebits: prctl(PR_GET_SECUREBITS). */
static __always_inline void fill_cred(void *to, const struct taskdiag_item *item,
				      const struct taskdiag_caller *caller)
{
	struct user_namespace *ns = caller->sender->user_ns;
	const struct cred *cred = __task_cred(item->task);
	struct task_diag_creds *creds = to;

	if (likely(ns == &init_user_ns))
		set_ids(creds, cred, NULL);
	else
		set_mapped_ids(creds, cred, ns);

	set_caps(&creds->cap_inheritable, cred->cap_inheritable);
	set_caps(&creds->cap_permitted, cred->cap_permitted);
	set_caps(&creds->cap_effective, cred->cap_effective);
	set_caps(&creds->cap_bset, cred->cap_bset);
	set_caps(&creds->cap_ambient, cred->cap_ambient);

	creds->securebits = cred->securebits;
	creds->no_new_privs = task_no_new_privs(item->task);
}

static void fill_ident(void *to, const struct taskdiag_item *item,
		       const struct taskdiag_caller *caller)
{
	struct task_diag_ident *ident = to;

	memset(ident, 0, sizeof(*ident));
	/* Equal for all readers, so without the offset of a time namespace. */
	ident->start_time = item->task->start_boottime;
	/* On 32 bits pidfs invents numbers for as long as a pidfd is open. */
	if (IS_ENABLED(CONFIG_64BIT))
		ident->pidfd_ino = taskdiag_pidfd_ino(item->struct_pid);
	if (ident->pidfd_ino)
		ident->valid = TASK_DIAG_IDENT_VALID_PIDFD_INO;
	if (thread_group_leader(item->task))
		ident->flags = TASK_DIAG_IDENT_LEADER;
}

/* Set the inode number and the id of namespace @nr, TASK_DIAG_NS_*. */
static void set_ns(struct task_diag_ns *to, unsigned int nr,
		   const struct ns_common *ns)
{
	u32 *inums = &to->cgroup;
	u64 *ids = &to->cgroup_id;

	/* Both are in the order of the numbers. */
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
	/* A namespace cannot be entered before its first process exists. */
	if (READ_ONCE(ns->child_reaper))
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

/* The links of /proc/PID/ns: fs/proc/namespaces.c. */
static void fill_ns(void *to, const struct taskdiag_item *item,
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

	/* A task that exits drops the others. */
	task_lock(task);
	if (task->nsproxy)
		set_nsproxy(ns, task->nsproxy);
	task_unlock(task);
}

static const struct taskdiag_group groups[TASK_DIAG_GROUP_MAX + 1] = {
	[TASK_DIAG_GROUP_BASE] = {
		.name		= "BASE",
		.size		= sizeof(struct task_diag_base),
		.fill		= fill_base,
	},
	[TASK_DIAG_GROUP_CRED] = {
		.name		= "CRED",
		.size		= sizeof(struct task_diag_creds),
		.fill		= fill_cred,
	},
	[TASK_DIAG_GROUP_STAT] = {
		.name		= "STAT",
		.size		= sizeof(struct task_diag_stat),
		.has_u64	= true,
		.visits_threads	= true,
		.fill		= taskdiag_fill_stat,
	},
	[TASK_DIAG_GROUP_VMA] = {
		.name		= "VMA",
#ifdef CONFIG_TASKDIAG_MM
		.append		= taskdiag_append_vmas,
#endif
	},
	[TASK_DIAG_GROUP_VMA_STAT] = {
		.name		= "VMA_STAT",
#if defined(CONFIG_TASKDIAG_MM) && defined(CONFIG_PROC_PAGE_MONITOR)
		.append		= taskdiag_append_vmas,
#endif
	},
	[TASK_DIAG_GROUP_CMDLINE] = {
		.name		= "CMDLINE",
#ifdef CONFIG_TASKDIAG_MM
		.append		= taskdiag_append_cmdline,
#endif
	},
	[TASK_DIAG_GROUP_FILES] = {
		.name		= "FILES",
		.size		= sizeof(struct task_diag_files),
		.append		= taskdiag_append_files,
	},
	[TASK_DIAG_GROUP_IDENT] = {
		.name		= "IDENT",
		.size		= sizeof(struct task_diag_ident),
		.has_u64	= true,
		.fill		= fill_ident,
	},
	[TASK_DIAG_GROUP_NS] = {
		.name		= "NS",
		.size		= sizeof(struct task_diag_ns),
		.has_u64	= true,
		.fill		= fill_ns,
	},
	[TASK_DIAG_GROUP_CGROUP] = {
		.name		= "CGROUP",
#ifdef CONFIG_CGROUPS
		.append		= taskdiag_append_cgroup,
#endif
	},
};

static bool is_supported(unsigned int bit)
{
	return (groups[bit].fill || groups[bit].append) &&
	       !(taskdiag_unsupported_groups & BIT_ULL(bit));
}

/**
 * taskdiag_row_groups - which groups there are
 *
 * Return: TASK_DIAG_SHOW_*.
 */
u64 taskdiag_row_groups(void)
{
	unsigned int bit;
	u64 all = 0;

	for (bit = 0; bit <= TASK_DIAG_GROUP_MAX; bit++)
		if (is_supported(bit))
			all |= BIT_ULL(bit);
	return all;
}

/*
 * The order of appended groups.  Those that cannot wait come first, so that they
 * are checked together with the template.  VMA appends VMA_STAT as well, message
 * by message.
 */
static const unsigned int append_order[] = {
	TASK_DIAG_GROUP_CGROUP,
	TASK_DIAG_GROUP_FILES,
	TASK_DIAG_GROUP_CMDLINE,
	TASK_DIAG_GROUP_VMA,
	TASK_DIAG_GROUP_VMA_STAT,
};

static void choose_appended(struct taskdiag_row *row)
{
	const struct taskdiag_group *group, *last = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(append_order); i++) {
		group = &groups[append_order[i]];
		if (!(row->show_flags & BIT_ULL(append_order[i])))
			continue;
		if (!last || last->append != group->append)
			row->appended[row->nr_appended++] = group;
		row->append_flags[row->nr_appended - 1] |= BIT_ULL(append_order[i]);
		last = group;
	}
}

/**
 * taskdiag_row_init - choose the groups
 * @row: zeroed
 * @show_flags: TASK_DIAG_SHOW_*
 * @is_dump: there may be any number of messages, and not just one
 * @extack: what was wrong
 *
 * Return: 0 or an error.
 */
int taskdiag_row_init(struct taskdiag_row *row, u64 show_flags, bool is_dump,
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
		if (!is_supported(bit)) {
			NL_SET_ERR_MSG_FMT(extack,
					   "show_flags: group %s not supported by this kernel",
					   groups[bit].name);
			return -EOPNOTSUPP;
		}
		if (!groups[bit].size && !is_dump) {
			NL_SET_ERR_MSG_FMT(extack,
					   "show_flags: %s needs NLM_F_DUMP",
					   groups[bit].name);
			return -EINVAL;
		}
		row->visits_threads |= groups[bit].visits_threads;
	}
	row->show_flags = show_flags;
	choose_appended(row);
	return 0;
}

void taskdiag_row_release(struct taskdiag_row *row)
{
	consume_skb(row->template);
}

static bool is_filled(const struct taskdiag_row *row, unsigned int bit)
{
	return (row->show_flags & BIT_ULL(bit)) && groups[bit].fill;
}

/**
 * taskdiag_row_template_size - room for the attributes of the template
 * @row: after taskdiag_row_init()
 *
 * Return: bytes.
 */
size_t taskdiag_row_template_size(const struct taskdiag_row *row)
{
	size_t size = nla_total_size(sizeof(struct task_diag_msg)) +
		      nla_total_size(0);
	unsigned int bit;

	for (bit = 0; bit <= TASK_DIAG_GROUP_MAX; bit++)
		if (is_filled(row, bit))
			size += nla_total_size_64bit(groups[bit].size);
	return size;
}

/**
 * taskdiag_row_max_size - return the size of a buffer for any message of a row
 * @row: after taskdiag_row_append_template()
 *
 * Return: bytes.
 */
size_t taskdiag_row_max_size(const struct taskdiag_row *row)
{
	size_t size = row->template->len;
	unsigned int i;

	if (row->nr_appended)
		size += nla_total_size_64bit(sizeof(struct task_diag_absent));
	for (i = 0; i < row->nr_appended; i++) {
		if (!row->appended[i]->size)
			return SKB_WITH_OVERHEAD(TASKDIAG_RECV_MIN);
		size += nla_total_size_64bit(row->appended[i]->size);
	}
	return size;
}

static int reserve(struct sk_buff *skb, int type, size_t size, bool align,
		   unsigned int *offset)
{
	struct nlattr *attr;

	if (align)
		attr = nla_reserve_64bit(skb, type, size, TASK_DIAG_PAD);
	else
		attr = nla_reserve(skb, type, size);
	if (!attr)
		return -EMSGSIZE;
	memset(nla_data(attr), 0, size);
	*offset = (u8 *)nla_data(attr) - skb->data;
	return 0;
}

/*
 * Where 64-bit fields have to be aligned, what is so in the first row has to
 * be so in those behind it.
 */
static int reserve_tail(struct sk_buff *skb)
{
	if (IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) ||
	    IS_ALIGNED(skb->len, sizeof(u64)))
		return 0;
	return nla_reserve(skb, TASK_DIAG_PAD, 0) ? 0 : -EMSGSIZE;
}

static int add_part(struct taskdiag_row *row, struct sk_buff *skb,
		    unsigned int bit)
{
	struct taskdiag_part *part = &row->parts[row->nr_parts++];
	const struct taskdiag_group *group = &groups[bit];
	unsigned int end = skb->len;
	int err;

	err = reserve(skb, TASK_DIAG_ATTR_GROUPS + bit, group->size,
		      group->has_u64, &part->offset);
	if (err)
		return err;
	part->headers = part->offset - end;
	part->fill = group->fill;
	return 0;
}

/*
 * What most requests ask for, as it lies behind the struct task_diag_msg: known
 * to the compiler, and so written without looking the parts up.
 */
struct fast_path_attrs {
	struct nlattr		base_attr;
	struct task_diag_base	base;
	struct nlattr		cred_attr;
	struct task_diag_creds	cred;
};

#define NR_FAST_PATH_PARTS	2

static bool has_fast_path(const struct taskdiag_row *row)
{
	const struct taskdiag_part *parts = row->parts;

	return row->nr_parts >= NR_FAST_PATH_PARTS &&
	       parts[0].fill == fill_base && parts[1].fill == fill_cred;
}

static struct nlattr attr_of(int type, size_t size)
{
	return (struct nlattr) {
		.nla_len	= nla_attr_size(size),
		.nla_type	= type,
	};
}

static __always_inline void
fill_fast_path(void *to, const struct taskdiag_item *item,
		 const struct taskdiag_caller *caller)
{
	struct fast_path_attrs *parts = to;

	/* As nla_reserve() lays them out. */
	BUILD_BUG_ON(offsetof(struct fast_path_attrs, cred_attr) !=
		     nla_total_size(sizeof(parts->base)));
	BUILD_BUG_ON(sizeof(*parts) !=
		     nla_total_size(sizeof(parts->base)) +
		     nla_total_size(sizeof(parts->cred)));

	parts->base_attr = attr_of(TASK_DIAG_BASE, sizeof(parts->base));
	fill_base(&parts->base, item, caller);
	parts->cred_attr = attr_of(TASK_DIAG_CRED, sizeof(parts->cred));
	fill_cred(&parts->cred, item, caller);
}

/**
 * taskdiag_row_append_template - lay the attributes of a row out
 * @row: after taskdiag_row_init()
 * @skb: a message of which only the headers have been put
 *
 * Return: 0 or an error.
 */
int taskdiag_row_append_template(struct taskdiag_row *row, struct sk_buff *skb)
{
	bool any_u64 = false;
	unsigned int bit, end;
	int err;

	err = reserve(skb, TASK_DIAG_MSG, sizeof(struct task_diag_msg), false,
		      &row->msg_offset);
	for (bit = 0; !err && bit <= TASK_DIAG_GROUP_MAX; bit++) {
		if (!is_filled(row, bit))
			continue;
		err = add_part(row, skb, bit);
		any_u64 |= groups[bit].has_u64;
	}
	row->fast_path = has_fast_path(row);
	end = skb->len;
	if (!err && any_u64)
		err = reserve_tail(skb);
	row->tail = skb->len - end;
	row->more = row->nr_parts > NR_FAST_PATH_PARTS || row->tail;
	return err;
}

/*
 * Headers, from the template; mostly @fast_path bytes of them, and what is known
 * beforehand is copied without a call.
 */
static __always_inline void copy_headers(void *to, const void *template,
					 unsigned int at, unsigned int len,
					 unsigned int fast_path)
{
	if (likely(len == fast_path))
		memcpy(to + at, template + at, fast_path);
	else
		memcpy(to + at, template + at, len);
}

/* All parts from @part on, and what is behind the last of them. */
static noinline void fill_parts(const struct taskdiag_row *row,
				const struct taskdiag_part *part, void *to,
				const struct taskdiag_item *item,
				const struct taskdiag_caller *caller)
{
	const struct taskdiag_part *const end = row->parts + row->nr_parts;
	const void *template = row->template->data;

	for (; part < end; part++) {
		copy_headers(to, template, part->offset - part->headers,
			     part->headers, NLA_HDRLEN);
		part->fill(to + part->offset, item, caller);
	}
	if (row->tail)
		copy_headers(to, template, row->template->len - row->tail,
			     row->tail, NLA_HDRLEN);
}

/**
 * taskdiag_row_fill - write a task's row
 * @row: after taskdiag_row_append_template()
 * @to: where, as long as the template
 * @item: the task; the RCU section it was found in goes on
 * @caller: who asks
 */
void taskdiag_row_fill(const struct taskdiag_row *row, void *to,
		       const struct taskdiag_item *item,
		       const struct taskdiag_caller *caller)
{
	struct task_diag_msg *msg = to + row->msg_offset;
	const struct taskdiag_part *part = row->parts;

	/* Over netlink so much. */
	copy_headers(to, row->template->data, 0, row->msg_offset,
		     NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN);
	*msg = (struct task_diag_msg) {
		.pid	= item->pid,
		.tgid	= item->tgid,
	};
	if (likely(row->fast_path)) {
		fill_fast_path(msg + 1, item, caller);
		if (likely(!row->more))
			return;
		part += NR_FAST_PATH_PARTS;
	}
	fill_parts(row, part, to, item, caller);
}

/**
 * taskdiag_row_append - put what does not fit in the template
 * @row: after taskdiag_row_init()
 * @step: which of the row's groups
 * @multi: how far it is
 * @skb: where to
 * @caller: who asks
 *
 * Return: as of struct taskdiag_group.
 */
int taskdiag_row_append(const struct taskdiag_row *row, unsigned int step,
		     struct taskdiag_multi *multi, struct sk_buff *skb,
		     struct taskdiag_caller *caller)
{
	return row->appended[step]->append(multi, skb, caller);
}
