/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag: the contract between its parts.
 *
 *	door               takes a request in, sends messages out: taskdiag.c over
 *			   netlink, proc.c through /proc/task-diag
 *	  dump             one request, from its attribute to its last row
 *	    caller         who asks, and what they may see
 *	    fd             descriptors in a request
 *	    filter         which of the tasks
 *	    walk           which tasks
 *	    cont           a row that sleeps or outgrows a message
 *	    fill           what about them: one row of attributes a task
 *
 * A part knows those below it in this list, and none above.  What is done for
 * each and every task is inline, in access.h and iter.h.
 */
#ifndef _KERNEL_TASKDIAG_H
#define _KERNEL_TASKDIAG_H

#include <linux/cred.h>
#include <linux/limits.h>
#include <linux/netlink.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/radix-tree.h>
#include <linux/skbuff.h>
#include <linux/taskdiag.h>
#include <linux/uidgid.h>
#include <net/netlink.h>

/*
 * Memory of a request is charged to the sender.  It is allocated while a lock is
 * held that others need, so a sender that exceeds the limit of its memory cgroup
 * gets an error after one attempt to reclaim, and does not wait for more.
 */
#define TASKDIAG_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

/* --- caller ------------------------------------------------------------- */

/**
 * struct taskdiag_credset - one set of credentials that must pass the check
 * @cred: the credentials
 * @own_process: belongs to the sender's process, which may always see itself
 * @needs_override: differs from current's, by which security modules decide
 * @cap_init_ns: has CAP_SYS_PTRACE over the initial user namespace, and so over
 *	all; security modules may still deny it over one
 * @lsm_implied: security modules permit it all tasks that they permit the first
 *	set
 * @ns: user namespace that @ns_capable refers to
 * @ns_capable: has CAP_SYS_PTRACE over @ns
 */
struct taskdiag_credset {
	const struct cred	*cred;
	bool			own_process;
	bool			needs_override;
	bool			cap_init_ns;
	bool			lsm_implied;
	bool			ns_capable;
	struct user_namespace	*ns;
};

/* Sender, reader and opener. */
#define TASKDIAG_CREDSETS	3

/**
 * struct taskdiag_denial - tasks of one kind that security modules deny
 * @cred: credentials of the first of them, with a reference
 * @process: process of the last of them, with a reference
 * @nr: number of processes with such tasks
 * @mixed: a task of this kind was permitted, so each one is asked about
 */
struct taskdiag_denial {
	const struct cred	*cred;
	struct pid		*process;
	unsigned int		nr;
	bool			mixed;
};

/* Kinds of denied tasks that a dump remembers. */
#define TASKDIAG_DENIALS	16U

/**
 * struct taskdiag_caller - the caller, pinned when the request arrives
 * @sender: subjective credentials of the task that sent the request
 * @real_sender: objective credentials of that task
 * @opener: credentials of the process that opened the descriptor
 * @thread: the task that sent the request
 * @process: its process
 * @exec_id: program that the process was running; execve() changes it
 * @pid_ns: pid namespace of all pids in request and reply
 * @cgroup_ns: cgroup namespace of all cgroup paths in the reply
 * @credsets: distinct sets that must all pass; valid in one RCU section
 * @nr_credsets: length of @credsets
 * @only_lsm: security modules alone decide
 * @denials: kinds of tasks that security modules have denied
 * @nr_denials: number of them
 */
struct taskdiag_caller {
	const struct cred	*sender;
	const struct cred	*real_sender;
	const struct cred	*opener;
	struct pid		*thread;
	struct pid		*process;
	u64			exec_id;
	struct pid_namespace	*pid_ns;
	struct cgroup_namespace	*cgroup_ns;
	struct taskdiag_credset	credsets[TASKDIAG_CREDSETS];
	unsigned int		nr_credsets;
	bool			only_lsm;
	unsigned int		nr_denials;
	struct taskdiag_denial	denials[TASKDIAG_DENIALS];
};

int taskdiag_caller_pin(struct taskdiag_caller *caller,
			const struct cred *opener, struct pid_namespace *ns,
			struct netlink_ext_ack *extack);
void taskdiag_caller_unpin(struct taskdiag_caller *caller);
bool taskdiag_caller_is_current(const struct taskdiag_caller *caller);
void taskdiag_caller_enter(struct taskdiag_caller *caller);

/* --- fd ------------------------------------------------------------------ */

struct pid_namespace *taskdiag_fd_pid_ns(const struct nlattr *attr,
					 struct pid_namespace *def,
					 const struct file *opener,
					 struct netlink_ext_ack *extack);
struct pid *taskdiag_fd_pid(const struct nlattr *attr,
			    struct netlink_ext_ack *extack);

/* --- filter -------------------------------------------------------------- */

/* Attributes of a request have numbers below this one. */
#define TASKDIAG_REQUEST_ATTRS	(TASK_DIAG_ATTR_FILTERS + __TASK_DIAG_FILTER_MAX)

/* The groups that tell of areas. */
#define TASKDIAG_SHOW_VMAS	(TASK_DIAG_SHOW_VMA | TASK_DIAG_SHOW_VMA_STAT)

struct taskdiag_filter;
struct taskdiag_item;

/* Does a filter hold for a task?  Asked under RCU, must not sleep. */
typedef bool (*taskdiag_match_fn)(const struct taskdiag_filter *filter,
				  const struct taskdiag_item *item);

/**
 * struct taskdiag_pids - pid numbers in ascending order, each once
 * @pids: the numbers; NULL: there is no such list
 * @nr: how many they are
 */
struct taskdiag_pids {
	u32			*pids;
	unsigned int		nr;
};

/**
 * struct taskdiag_filter - which of the tasks, and of their areas
 * @nr_matches: how many filters are to be asked about a task; often none
 * @matches: these filters
 * @uid: the effective user id
 * @cgroup: a cgroup, or one above
 * @states: bit N for task_diag_base::state N
 * @comm: how the name begins
 * @comm_len: how much of @comm that is
 * @pids: the tasks
 * @vma_flags: TASK_DIAG_VMA_* that an area has to have, all of them
 */
struct taskdiag_filter {
	unsigned int		nr_matches;
	taskdiag_match_fn	matches[__TASK_DIAG_FILTER_MAX];
	kuid_t			uid;
	struct cgroup		*cgroup;
	u32			states;
	char			comm[TASK_DIAG_COMM_LEN];
	size_t			comm_len;
	struct taskdiag_pids	pids;
	u64			vma_flags;
};

u64 taskdiag_filter_supported(u64 groups);
int taskdiag_filter_init(struct taskdiag_filter *filter,
			 struct nlattr *const *attrs, u64 show_flags,
			 const struct taskdiag_caller *caller,
			 struct netlink_ext_ack *extack);
void taskdiag_filter_release(struct taskdiag_filter *filter);

/* Is it one of the tasks wanted?  Asked only of those that may be seen. */
static inline bool taskdiag_filter_matches(const struct taskdiag_filter *filter,
					 const struct taskdiag_item *item)
{
	unsigned int i;

	for (i = 0; i < filter->nr_matches; i++)
		if (!filter->matches[i](filter, item))
			return false;
	return true;
}

/* --- walk --------------------------------------------------------------- */

/**
 * struct taskdiag_item - a task that the walk came to
 * @struct_pid: what the walk came to: who has this number
 * @task: the task that had it; valid in the RCU section it was found in
 * @pid: its number in the caller's pid namespace
 * @tgid: the number of its process there
 * @whole_process: it stands for its process
 * @state: TASK_DIAG_RUNNING and kin: looked at once, so that filter and row
 *	speak of the same
 */
struct taskdiag_item {
	struct pid		*struct_pid;
	struct task_struct	*task;
	pid_t			pid;
	pid_t			tgid;
	bool			whole_process;
	u8			state;
};

/**
 * struct taskdiag_iter - which tasks, and how far we are
 * @ns: the pid namespace walked
 * @type: PIDTYPE_TGID to come to processes, PIDTYPE_PID to come to threads
 * @cursor: where to go on: a pid number, or an index into @members or
 *	@listed.  All stand for the same task however the tables change meanwhile.
 * @done: there is nothing after @cursor
 * @single: the request is for exactly one task
 * @members: tasks at the time of the request; NULL: iterate over @ns
 * @nr_members: length of @members
 * @parents: index of each member's parent in @members; NULL unless a member
 *	counts only if its ancestors are visible
 * @hidden: bit N: member N is not visible, or has an ancestor that is not
 * @listed: pids to iterate over instead of all in @ns; empty: all
 * @single_member: @members of a request for one task
 * @budget: candidates left in this RCU section
 * @radix: position in the pid table; valid in one RCU section
 * @slot: slot of @cursor if it is before @slots_end; valid in one RCU section
 * @slots_end: end of the piece of the table that contains @slot
 */
struct taskdiag_iter {
	struct pid_namespace	*ns;
	enum pid_type		type;
	unsigned int		cursor;
	bool			done;
	bool			single;
	struct pid		**members;
	unsigned int		nr_members;
	u32			*parents;
	unsigned long		*hidden;
	struct taskdiag_pids	listed;
	struct pid		*single_member;
	unsigned int		budget;
	struct radix_tree_iter	radix;
	void __rcu		**slot;
	void __rcu		**slots_end;
};

u64 taskdiag_iter_strategies(void);
int taskdiag_iter_init(struct taskdiag_iter *iter,
		       const struct task_diag_pid *req,
		       const struct nlattr *pidfd, bool is_dump,
		       const struct taskdiag_pids *listed,
		       struct taskdiag_caller *caller,
		       struct netlink_ext_ack *extack);
void taskdiag_iter_release(struct taskdiag_iter *iter);
void taskdiag_iter_enter(struct taskdiag_iter *iter);

/*
 * The number of @pid in @ns, 0 if it has none there.  pid_nr_ns(), inlined:
 * a row takes half a dozen of these.  Every pid has one in the namespace that
 * nearly everybody is in, and it is the first.
 */
static inline pid_t taskdiag_pid_nr(const struct pid *pid,
				const struct pid_namespace *ns)
{
	if (!pid)
		return 0;
	if (ns == &init_pid_ns)
		return pid->numbers[0].nr;
	if (ns->level <= pid->level && pid->numbers[ns->level].ns == ns)
		return pid->numbers[ns->level].nr;
	return 0;
}

/* Who has the number @pid: pid_task(), inlined for the same reason. */
static inline struct task_struct *taskdiag_pid_task(const struct pid *pid,
						enum pid_type type)
{
	struct hlist_node *first;

	first = rcu_dereference(hlist_first_rcu(&pid->tasks[type]));
	return hlist_entry_safe(first, struct task_struct, pid_links[type]);
}

/* --- fill --------------------------------------------------------------- */

/*
 * What another kernel than this tree's may not have: compat.h is for those.
 * First TASK_DIAG_SHOW_* of what cannot be told, as the kernel hides from
 * modules what is needed for it.
 */
#ifndef taskdiag_unsupported_groups
#define taskdiag_unsupported_groups	0ULL
#endif

#ifndef taskdiag_pidfd_ino
#define taskdiag_pidfd_ino(pid)	((pid)->ino)
#endif

/* This version of Linux has no 64-bit ids of namespaces. */
#ifndef taskdiag_ns_id
#define taskdiag_ns_id(ns)	((void)(ns), 0ULL)
#endif

struct taskdiag_group;
struct taskdiag_multi;

/*
 * Writes the whole of a structure about a task that may be seen, without
 * sleeping.
 */
typedef void (*taskdiag_fill_fn)(void *to, const struct taskdiag_item *item,
				 const struct taskdiag_caller *caller);

/**
 * struct taskdiag_part - a structure of a row
 * @fill: writes it
 * @offset: where in the row it lies
 * @headers: how many bytes in front of it are headers
 */
struct taskdiag_part {
	taskdiag_fill_fn	fill;
	unsigned int		offset;
	unsigned int		headers;
};

/**
 * struct taskdiag_row - how a row of this request looks
 * @show_flags: TASK_DIAG_SHOW_*, the groups that were asked for
 * @template: one message with every header in place and every payload zero.
 *	A row has its headers from there, and no bookkeeping for them.
 * @msg_offset: where in @template the struct task_diag_msg lies
 * @visits_threads: to tell of a process is to look at each of its threads
 * @nr_parts: how many groups of a fixed size were asked for
 * @parts: what is to be written for them, in bit order
 * @fast_path: the first of them are BASE and CRED
 * @more: something is behind these two
 * @tail: how many bytes of @template are behind the last of them
 * @nr_appended: number of requested groups that are appended behind the template,
 *	one task at a time
 * @appended: these groups, in the order of appending
 * @append_flags: TASK_DIAG_SHOW_* of the groups that each of them appends
 */
struct taskdiag_row {
	u64			show_flags;
	struct sk_buff		*template;
	unsigned int		msg_offset;
	bool			visits_threads;
	unsigned int		nr_parts;
	struct taskdiag_part	parts[TASK_DIAG_GROUP_MAX + 1];
	bool			fast_path;
	bool			more;
	unsigned int		tail;
	unsigned int		nr_appended;
	const struct taskdiag_group	*appended[TASK_DIAG_GROUP_MAX + 1];
	u64			append_flags[TASK_DIAG_GROUP_MAX + 1];
};

u64 taskdiag_row_groups(void);
int taskdiag_row_init(struct taskdiag_row *row, u64 show_flags, bool is_dump,
		      struct netlink_ext_ack *extack);
void taskdiag_row_release(struct taskdiag_row *row);
size_t taskdiag_row_template_size(const struct taskdiag_row *row);
size_t taskdiag_row_max_size(const struct taskdiag_row *row);
int taskdiag_row_append_template(struct taskdiag_row *row, struct sk_buff *skb);
void taskdiag_row_fill(const struct taskdiag_row *row, void *to,
		       const struct taskdiag_item *item,
		       const struct taskdiag_caller *caller);
int taskdiag_row_append(const struct taskdiag_row *row, unsigned int step,
		     struct taskdiag_multi *multi, struct sk_buff *skb,
		     struct taskdiag_caller *caller);

void taskdiag_fill_stat(void *to, const struct taskdiag_item *item,
			const struct taskdiag_caller *caller);

/* --- cont --------------------------------------------------------------- */

#define TASKDIAG_DELETED	" (deleted)"
#define TASKDIAG_PATH_SIZE	(PATH_MAX + sizeof(TASKDIAG_DELETED))

/*
 * Every message fits into a receive buffer of this size: the longest has one
 * name of TASKDIAG_PATH_SIZE bytes.
 */
#define TASKDIAG_RECV_MIN	(2 * PATH_MAX)

/* Memory mappings per message; with TASK_DIAG_VMA_STAT they fill 32 KiB. */
#define TASKDIAG_VMA_STATS		128

/**
 * struct taskdiag_memory - progress within a task's memory
 * @expected: the task had an address space when its row was begun
 * @leader: the row is a row of a process
 * @args: bytes of the command line that have been appended
 * @addr: mappings have been appended up to this address
 * @vmas_left: upper bound of the mappings still to be appended
 */
struct taskdiag_memory {
	bool			expected;
	bool			leader;
	loff_t			args;
	unsigned long		addr;
	unsigned long		vmas_left;
};

/**
 * struct taskdiag_multi - the row that is being appended to, over messages
 * @path: buffer of %TASKDIAG_PATH_SIZE bytes
 * @stats: buffer of %TASKDIAG_VMA_STATS records, if they were requested
 * @want_vma: TASK_DIAG_VMA was requested
 * @vma_flags: TASK_DIAG_VMA_* that a memory mapping must have
 * @timeout: ticks that this dump may still wait for other tasks
 * @pid: struct pid of the row's task; NULL between two rows
 * @nr: pid of the task
 * @tgid: pid of its process
 * @exec_id: program that it was running when the row was begun
 * @task: the task, while a message is being made
 * @task_timeout: ticks that this row may still wait for other tasks
 * @start: offset of the current message in the buffer
 * @resumed: the current message is not the first of the row
 * @step: index of the current group in taskdiag_row::puts
 * @absent: groups that are missing or incomplete so far
 * @memory: progress within the current group
 *
 * Between two messages a row holds a struct pid and nothing else of its task:
 * the same struct pid and exec_id mean the same program and address space.
 */
struct taskdiag_multi {
	char			*path;
	struct task_diag_vma_stat	*stats;
	bool			want_vma;
	u64			vma_flags;
	unsigned int		timeout;

	struct pid		*pid;
	u32			nr;
	u32			tgid;
	u64			exec_id;
	struct task_struct	*task;
	unsigned int		task_timeout;
	unsigned int		start;
	bool			resumed;
	unsigned int		step;
	struct task_diag_absent	absent;
	struct taskdiag_memory	memory;
};

int taskdiag_multi_init(struct taskdiag_multi *multi,
		       const struct taskdiag_row *row, u64 vma_flags,
		       bool is_dump);
void taskdiag_multi_release(struct taskdiag_multi *multi);
void taskdiag_multi_begin(struct taskdiag_multi *multi,
			 const struct taskdiag_item *item, u64 exec_id,
			 unsigned int start);
bool taskdiag_multi_resume(struct taskdiag_multi *multi,
			  const struct taskdiag_row *row, struct sk_buff *skb);
void taskdiag_multi_postpone(struct taskdiag_multi *multi,
			    const struct taskdiag_row *row,
			    struct sk_buff *skb);
int taskdiag_multi_append(struct taskdiag_multi *multi,
		      const struct taskdiag_row *row, struct sk_buff *skb,
		      struct taskdiag_caller *caller);

int taskdiag_multi_wait(struct taskdiag_multi *multi);
int taskdiag_multi_recheck(struct taskdiag_multi *multi,
			  struct taskdiag_caller *caller);
int taskdiag_multi_lock(struct taskdiag_multi *multi,
		       struct taskdiag_caller *caller);
void taskdiag_multi_unlock(struct taskdiag_multi *multi);

int taskdiag_append_files(struct taskdiag_multi *multi, struct sk_buff *skb,
		       struct taskdiag_caller *caller);
int taskdiag_append_cgroup(struct taskdiag_multi *multi, struct sk_buff *skb,
			struct taskdiag_caller *caller);
int taskdiag_append_cmdline(struct taskdiag_multi *multi, struct sk_buff *skb,
			 struct taskdiag_caller *caller);
int taskdiag_mm_hold(struct taskdiag_multi *multi, struct taskdiag_caller *caller,
		     struct mm_struct **ret);
void taskdiag_mm_drop(struct mm_struct *mm);
int taskdiag_mm_lock(struct taskdiag_multi *multi, struct mm_struct *mm);
int taskdiag_append_vmas(struct taskdiag_multi *multi, struct sk_buff *skb,
		       struct taskdiag_caller *caller);

#ifdef CONFIG_TASKDIAG_MM
u64 taskdiag_vma_flags(void);
#else
static inline u64 taskdiag_vma_flags(void)
{
	return 0;
}
#endif

/* --- dump --------------------------------------------------------------- */

/**
 * struct taskdiag_dump - one request, from its attribute to its last row
 * @caller: who asks
 * @filter: which of the tasks
 * @iter: which tasks
 * @row: what about them
 * @multi: the row that is being appended to, if rows have appended groups
 * @is_dump: any number of rows may follow, instead of exactly one
 * @any_row: a row has been put
 */
struct taskdiag_dump {
	struct taskdiag_caller	caller;
	struct taskdiag_filter	filter;
	struct taskdiag_iter	iter;
	struct taskdiag_row	row;
	struct taskdiag_multi	multi;
	bool			is_dump;
	bool			any_row;
};

extern const struct nla_policy taskdiag_request_policy[TASKDIAG_REQUEST_ATTRS];

struct taskdiag_dump *taskdiag_dump_open(struct nlattr *const *attrs,
					 const struct file *opener,
					 struct pid_namespace *ns, bool is_dump,
					 struct netlink_ext_ack *extack);
void taskdiag_dump_close(struct taskdiag_dump *dump);
int taskdiag_dump_rows(struct taskdiag_dump *dump, struct sk_buff *skb,
		       bool may_wait, struct netlink_ext_ack *extack);
void taskdiag_dump_features(struct task_diag_features *features);

#endif /* _KERNEL_TASKDIAG_H */
