/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag: types and prototypes of kernel/taskdiag.c and this directory.
 *
 * Layers, from top to bottom.  A file depends on files of lower layers only,
 * and on its own header.  Each declaration below is in the section of the file
 * or layer that it belongs to.  scripts/lib/layers.py reads this list, and fails
 * if an #include or a use of a function, type or macro contradicts it.
 *
 *	entry points:		taskdiag.c, proc.c
 *	request:		dump.c
 *	multi-message rows:	multi.c
 *	parts of a request:	row.c, filter.c, strategy.c
 *	attribute groups:	fill.c, stat.c, usage.c, sched.c, nspid.c, files.c,
 *				cgroup.c, paths.c, cmdline.c, vma.c
 *	resources:		vma_flags.c, vma_stat.c, mm.c, iter.c, fd.c
 *	access check:		access.c
 *	procfs mounts:		mount.c
 *	credentials:		caller.c
 *	time limits:		wait.c
 *	kernel versions:	versions.h
 *
 * access.h, fill.h and iter.h contain the functions that run for each task and
 * are therefore inline.
 */
#ifndef _KERNEL_TASKDIAG_H
#define _KERNEL_TASKDIAG_H

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/limits.h>
#include <linux/netlink.h>
#include <linux/path.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/radix-tree.h>
#include <linux/resource.h>
#include <linux/skbuff.h>
#include <linux/taskdiag.h>
#include <linux/uidgid.h>
#include <net/netlink.h>

/* --- shared by all layers ------------------------------------------------ */

/*
 * Memory of a request is charged to the sender.  It is allocated under a lock
 * that other requests need, so a sender that exceeds the limit of its memory
 * cgroup gets an error after one attempt to reclaim, and does not wait for
 * more.
 */
#define TASKDIAG_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

/*
 * A mask of TASK_DIAG_SHOW_*: the groups that need symbols which the kernel does
 * not export.  compat/compat.h defines it for a module.
 */
#ifndef taskdiag_unsupported_groups
#define taskdiag_unsupported_groups	0ULL
#endif

/* The groups of memory mappings. */
#define TASKDIAG_SHOW_VMAS	(TASK_DIAG_SHOW_VMA | TASK_DIAG_SHOW_VMA_STAT)

/* The groups that are files with the mode 0400 in /proc/PID. */
#define TASKDIAG_OWNER_GROUPS	(TASK_DIAG_SHOW_IO | TASK_DIAG_SHOW_ENVIRON)

/**
 * struct taskdiag_pids - sorted list of distinct pids
 * @pids: the pids in ascending order; NULL: no list
 * @nr: length of @pids
 */
struct taskdiag_pids {
	u32			*pids;
	unsigned int		nr;
};

/**
 * taskdiag_pid_nr - return the number of a pid in a namespace
 * @pid: the pid, or NULL
 * @ns: the pid namespace
 *
 * An inline pid_nr_ns(), as each row calls it six times.  Every pid has a
 * number in the initial namespace, and it is the first one.
 *
 * Return: the number, 0 if @pid has none in @ns.
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

/**
 * taskdiag_pid_task - return the task of a pid
 * @pid: the pid
 * @type: PIDTYPE_TGID for a process, PIDTYPE_PID for a thread
 *
 * An inline pid_task(), as it is called for each candidate.
 *
 * Context: RCU read-side critical section.
 *
 * Return: the task or NULL.
 */
static inline struct task_struct *taskdiag_pid_task(const struct pid *pid,
						    enum pid_type type)
{
	struct hlist_node *first;

	first = rcu_dereference(hlist_first_rcu(&pid->tasks[type]));
	return hlist_entry_safe(first, struct task_struct, pid_links[type]);
}

/**
 * taskdiag_thread_pid - return the pid of a thread
 * @task: the thread
 *
 * Context: RCU read-side critical section.
 *
 * Return: the pid, NULL if the thread has been reaped.
 */
static inline struct pid *taskdiag_thread_pid(const struct task_struct *task)
{
	return rcu_dereference_raw(task->thread_pid);
}

/**
 * taskdiag_pid_ns_is_within - compare the levels of two pid namespaces
 * @ns: a pid namespace
 * @ancestor: a pid namespace
 *
 * Return: true if @ns is @ancestor or one of its descendants.
 */
static inline bool taskdiag_pid_ns_is_within(const struct pid_namespace *ns,
					     const struct pid_namespace *ancestor)
{
	while (ns->level > ancestor->level)
		ns = ns->parent;
	return ns == ancestor;
}

/**
 * taskdiag_rlimit - return a resource limit as the ABI has it
 * @limit: the limit
 *
 * Return: the limit; all bits set for RLIM_INFINITY.
 */
static inline u64 taskdiag_rlimit(unsigned long limit)
{
	return limit == RLIM_INFINITY ? U64_MAX : limit;
}

/**
 * taskdiag_is_deleted - test whether d_path() appends " (deleted)"
 * @path: a path, with a reference
 *
 * Return: true if the file is deleted, or never had a name.
 */
static inline bool taskdiag_is_deleted(const struct path *path)
{
	const struct dentry *dentry = path->dentry;

	/* Files without a name, such as memfds. */
	return d_unlinked(dentry) ||
	       (dentry->d_op && dentry->d_op->d_dname == simple_dname);
}

/**
 * enum taskdiag_level - part of a task's row that the caller may read
 * @TASKDIAG_HIDDEN: nothing, as if the task did not exist
 * @TASKDIAG_LISTED: its pid
 * @TASKDIAG_READABLE: the groups that files of procfs show to every user
 * @TASKDIAG_FULL: all groups; the task has passed the access check
 * @TASKDIAG_UNDECIDED: not known before taskdiag_mount_probe()
 */
enum taskdiag_level {
	TASKDIAG_HIDDEN,
	TASKDIAG_LISTED,
	TASKDIAG_READABLE,
	TASKDIAG_FULL,
	TASKDIAG_UNDECIDED,
};

/* --- wait.c -------------------------------------------------------------- */

/**
 * struct taskdiag_timeout - time that a dump may still wait for other tasks
 * @dump: ticks left for the dump
 * @row: ticks left for the current row
 */
struct taskdiag_timeout {
	unsigned int		dump;
	unsigned int		row;
};

int taskdiag_wait(struct taskdiag_timeout *timeout);

/* --- caller.c ------------------------------------------------------------ */

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
 * @mixed: a task of this kind was permitted, so each one is checked
 */
struct taskdiag_denial {
	const struct cred	*cred;
	struct pid		*process;
	unsigned int		nr;
	bool			mixed;
};

/**
 * struct taskdiag_probe - files of tasks that security modules let the caller
 * open
 * @done: @level and @denied are valid
 * @permitted: the files that need the access check were opened as well
 * @level: level of these tasks, unless the mount's options reduce it
 * @denied: TASK_DIAG_SHOW_* of groups, and TASKDIAG_DENIED_* of fields, whose
 *	file the caller may not open
 */
struct taskdiag_probe {
	bool			done;
	bool			permitted;
	enum taskdiag_level	level;
	u64			denied;
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
 * @proc: root directory of the procfs mount of the request; no mount: only
 *	tasks that pass the access check are visible
 * @mount_level: level of other tasks by the options of @proc; valid in one RCU
 *	section
 * @wanted: TASK_DIAG_SHOW_* of the groups that the request uses
 * @needed: TASK_DIAG_SHOW_* of the groups that its filters read
 * @checks_files: a security module may deny current the files of tasks that pass
 *	the access check; valid while a part of the reply is made
 * @probes_left: tasks whose files may still be opened in this part of the reply
 * @others: result of opening files below @proc, for tasks of other users
 * @permitted: results for tasks that pass the access check, by whether their
 *	files and directories belong to the caller
 * @decided: task that @single applies to, or NULL
 * @single: result for one task
 * @prober: credentials that opened the files, or NULL
 * @undecided: task whose files are to be opened, or NULL
 * @undecided_permitted: @undecided has passed the access check
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
	struct path		proc;
	enum taskdiag_level	mount_level;
	u64			wanted;
	u64			needed;
	bool			checks_files;
	unsigned int		probes_left;
	struct taskdiag_probe	others;
	struct taskdiag_probe	permitted[4];
	struct pid		*decided;
	struct taskdiag_probe	single;
	const struct cred	*prober;
	struct pid		*undecided;
	bool			undecided_permitted;
};

int taskdiag_caller_pin(struct taskdiag_caller *caller,
			const struct cred *opener, struct pid_namespace *ns,
			struct netlink_ext_ack *extack);
void taskdiag_caller_unpin(struct taskdiag_caller *caller);
bool taskdiag_caller_is_current(const struct taskdiag_caller *caller);
bool taskdiag_same_lsm_state(const struct cred *a, const struct cred *b);
bool taskdiag_same_creds(const struct cred *a, const struct cred *b);

/* --- mount.c ------------------------------------------------------------- */

/*
 * Groups that no file of procfs shows without the access check, unless the task
 * has no memory.  Of FILES, the limits are readable.
 */
#define TASKDIAG_PTRACE_GROUPS \
	(TASK_DIAG_SHOW_VMA | TASK_DIAG_SHOW_VMA_STAT | TASK_DIAG_SHOW_NS | \
	 TASK_DIAG_SHOW_IO | TASK_DIAG_SHOW_PATHS | TASK_DIAG_SHOW_ENVIRON)

/*
 * Bits of the same masks for single fields of a group, which have a file of
 * their own.  No group has these numbers.
 */
#define TASKDIAG_DENIED_TIMER_SLACK	BIT_ULL(63)
#define TASKDIAG_DENIED_AUTOGROUP	BIT_ULL(62)

bool taskdiag_mount_is_strict(void);
void taskdiag_mount_pin(struct taskdiag_caller *caller,
			const struct path *root);
void taskdiag_mount_unpin(struct taskdiag_caller *caller);
void taskdiag_mount_begin_step(struct taskdiag_caller *caller);
void taskdiag_mount_enter(struct taskdiag_caller *caller);
bool taskdiag_mount_may_probe(struct taskdiag_caller *caller);
int taskdiag_mount_probe(struct taskdiag_caller *caller);
enum taskdiag_level taskdiag_mount_level(struct taskdiag_caller *caller,
					 struct task_struct *task, u64 *denied);
enum taskdiag_level
taskdiag_mount_permitted_level(struct taskdiag_caller *caller,
			       struct task_struct *task, u64 *denied);

/* --- access.c ------------------------------------------------------------ */

/**
 * struct taskdiag_target - the task of a multi-message row
 * @task: the task, while a message is being made; NULL if it has been reaped
 * @exec_id: program that it was running when the row was begun
 * @level: level of the task when the row was begun
 * @timeout: time limits of the row and of the dump
 */
struct taskdiag_target {
	struct task_struct	*task;
	u64			exec_id;
	enum taskdiag_level	level;
	struct taskdiag_timeout	timeout;
};

void taskdiag_access_enter(struct taskdiag_caller *caller);
u64 taskdiag_owner_denied(const struct taskdiag_caller *caller,
			  struct task_struct *task);
bool taskdiag_may_see_timer_slack(const struct taskdiag_caller *caller,
				  struct task_struct *task);
bool taskdiag_lsm_shows_sched(const struct taskdiag_caller *caller,
			      struct task_struct *task);
int taskdiag_access_recheck(struct taskdiag_target *target,
			    struct taskdiag_caller *caller);
int taskdiag_access_lock(struct taskdiag_target *target,
			 struct taskdiag_caller *caller);
void taskdiag_access_unlock(struct taskdiag_target *target);

/* --- fd.c ---------------------------------------------------------------- */

struct pid_namespace *taskdiag_fd_pid_ns(const struct nlattr *attr,
					 struct pid_namespace *def,
					 const struct file *opener,
					 struct netlink_ext_ack *extack);
int taskdiag_fd_proc(const struct nlattr *attr, const struct cred *opener,
		     struct path *root, struct netlink_ext_ack *extack);
struct pid *taskdiag_fd_pid(const struct nlattr *attr,
			    struct netlink_ext_ack *extack);

/* --- iter.c -------------------------------------------------------------- */

/**
 * struct taskdiag_item - the current task of the iterator
 * @struct_pid: entry of the iteration
 * @task: its task; valid in the RCU section it was found in
 * @pid: pid of @task in the caller's pid namespace
 * @tgid: pid of its process there
 * @whole_process: the row describes the process, not only the thread
 * @level: part of the row that the caller may read
 * @denied: TASK_DIAG_SHOW_* of the groups that the caller may not read, and
 *	TASKDIAG_DENIED_* of fields
 * @state: TASK_DIAG_RUNNING to TASK_DIAG_IDLE, read once, so that filter and
 *	row agree
 */
struct taskdiag_item {
	struct pid		*struct_pid;
	struct task_struct	*task;
	pid_t			pid;
	pid_t			tgid;
	bool			whole_process;
	u8			state;
	enum taskdiag_level	level;
	u64			denied;
};

/**
 * struct taskdiag_iter - iterator over the tasks of a request
 * @ns: pid namespace to iterate over
 * @type: PIDTYPE_TGID for processes, PIDTYPE_PID for threads
 * @cursor: where to continue: a pid, or an index into @members or @listed.  It
 *	identifies the same task however the tables change meanwhile.
 * @done: there is nothing after @cursor
 * @single: the request is for exactly one task
 * @members: tasks at the time of the request; NULL: iterate over @ns
 * @nr_members: length of @members
 * @parents: index of each member's parent in @members; NULL unless a member
 *	counts only if its ancestors are visible
 * @hidden: bit N: member N is not visible, or has an ancestor that is not
 * @listed: pids to iterate over instead of all in @ns; empty: all
 * @single_member: @members of a request for one task
 * @confirm: the level of @named must be known before the first row
 * @named: task that the request names; NULL if it does not exist
 * @budget: candidates left in this RCU section
 * @radix: position in the pid table; valid in one RCU section
 * @slot: slot of @cursor if it is before @slots_end; valid in one RCU section
 * @slots_end: end of the chunk of the pid table that contains @slot
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
	bool			confirm;
	struct pid		*named;
	unsigned int		budget;
	struct radix_tree_iter	radix;
	void __rcu		**slot;
	void __rcu		**slots_end;
};

/*
 * taskdiag_iter::parents of a member whose parent is the task of the request.
 */
#define TASKDIAG_NO_PARENT	U32_MAX

/* --- mm.c ---------------------------------------------------------------- */

int taskdiag_mm_hold(struct taskdiag_target *target, bool expected,
		     struct taskdiag_caller *caller, struct mm_struct **ret);
void taskdiag_mm_drop(struct mm_struct *mm);
int taskdiag_mm_lock(struct mm_struct *mm, struct taskdiag_timeout *timeout);

/* --- vma_stat.c ---------------------------------------------------------- */

/**
 * struct taskdiag_mapping - identity of a memory mapping while the mmap lock is
 * dropped
 * @end: first address behind it
 * @flags: its vm_flags
 * @file: its file, to be compared only
 * @offset: page offset of address 0 in the file
 */
struct taskdiag_mapping {
	unsigned long		end;
	vm_flags_t		flags;
	const struct file	*file;
	unsigned long		offset;
};

struct mem_size_stats;

void taskdiag_fill_vma_stat(struct task_diag_vma_stat *to, unsigned long start,
			    unsigned long end,
			    const struct mem_size_stats *mss);
struct taskdiag_mapping taskdiag_mapping_of(const struct vm_area_struct *vma);
bool taskdiag_mapping_continues(const struct vm_area_struct *vma,
				unsigned long addr,
				const struct taskdiag_mapping *before);

/* --- vma_flags.c --------------------------------------------------------- */

u64 taskdiag_vma_flags(const struct vm_area_struct *vma);

#ifdef CONFIG_TASKDIAG_MM
u64 taskdiag_vma_flags_supported(void);
#else
static inline u64 taskdiag_vma_flags_supported(void)
{
	return 0;
}
#endif

/* --- attribute groups ---------------------------------------------------- */

#define TASKDIAG_DELETED	" (deleted)"
#define TASKDIAG_PATH_SIZE	(PATH_MAX + sizeof(TASKDIAG_DELETED))

/*
 * A receive buffer of this size can hold every message: the longest message
 * contains one name of TASKDIAG_PATH_SIZE bytes.
 */
#define TASKDIAG_RECV_MIN	(2 * PATH_MAX)

/* Memory mappings per message; with TASK_DIAG_VMA_STAT they fill 32 KiB. */
#define TASKDIAG_VMA_STATS	128

/**
 * struct taskdiag_memory - progress within the groups of several messages
 * @expected: the task had an address space when its row was begun
 * @leader: the task is the leader of its thread group
 * @path: kind of the next path, TASK_DIAG_PATH_*
 * @args: bytes of the command line that have been appended
 * @environ: bytes of the environment that have been appended
 * @addr: mappings have been appended up to this address
 * @vmas_left: upper bound of the mappings still to be appended
 */
struct taskdiag_memory {
	bool			expected;
	bool			leader;
	unsigned int		path;
	size_t			args;
	size_t			environ;
	unsigned long		addr;
	unsigned long		vmas_left;
};

/**
 * struct taskdiag_append_ctx - state of the groups that are appended to a row
 * @target: the task of the row
 * @memory: progress within the current group
 * @path: buffer of %TASKDIAG_PATH_SIZE bytes
 * @stats: buffer of %TASKDIAG_VMA_STATS records, if they were requested
 * @want_vma: TASK_DIAG_VMA was requested
 * @vma_flags: TASK_DIAG_VMA_* that a memory mapping must have
 */
struct taskdiag_append_ctx {
	struct taskdiag_target	target;
	struct taskdiag_memory	memory;
	char			*path;
	struct task_diag_vma_stat	*stats;
	bool			want_vma;
	u64			vma_flags;
};

/*
 * Write the whole structure of a group, for a task that the caller may see.
 * Called in the RCU section of @item; must not sleep.
 */
typedef void (*taskdiag_fill_fn)(void *to, const struct taskdiag_item *item,
				 const struct taskdiag_caller *caller);

/* --- fill.c -------------------------------------------------------------- */

void taskdiag_fill_ident(void *to, const struct taskdiag_item *item,
			 const struct taskdiag_caller *caller);
void taskdiag_fill_ns(void *to, const struct taskdiag_item *item,
		      const struct taskdiag_caller *caller);

/* --- stat.c -------------------------------------------------------------- */

void taskdiag_fill_stat(void *to, const struct taskdiag_item *item,
			const struct taskdiag_caller *caller);

/* --- usage.c ------------------------------------------------------------- */

void taskdiag_fill_io(void *to, const struct taskdiag_item *item,
		      const struct taskdiag_caller *caller);
void taskdiag_fill_signals(void *to, const struct taskdiag_item *item,
			   const struct taskdiag_caller *caller);
void taskdiag_fill_limits(void *to, const struct taskdiag_item *item,
			  const struct taskdiag_caller *caller);
void taskdiag_fill_oom(void *to, const struct taskdiag_item *item,
		       const struct taskdiag_caller *caller);

/* --- sched.c ------------------------------------------------------------- */

size_t taskdiag_sched_bitmaps(void);
void taskdiag_fill_sched(void *to, const struct taskdiag_item *item,
			 const struct taskdiag_caller *caller);

/* --- nspid.c ------------------------------------------------------------- */

/* Pid namespaces of a task: those of the levels 0 to MAX_PID_NS_LEVEL. */
#define TASKDIAG_NSPID_MAX	(MAX_PID_NS_LEVEL + 1)

int taskdiag_append_nspid(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			  struct taskdiag_caller *caller);

/* --- files.c ------------------------------------------------------------- */

int taskdiag_append_files(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			  struct taskdiag_caller *caller);

/* --- cgroup.c ------------------------------------------------------------ */

int taskdiag_append_cgroup(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			   struct taskdiag_caller *caller);

/* --- paths.c ------------------------------------------------------------- */

int taskdiag_append_paths(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			  struct taskdiag_caller *caller);

/* --- cmdline.c ----------------------------------------------------------- */

int taskdiag_append_cmdline(struct taskdiag_append_ctx *ctx,
			    struct sk_buff *skb,
			    struct taskdiag_caller *caller);
int taskdiag_append_environ(struct taskdiag_append_ctx *ctx,
			    struct sk_buff *skb,
			    struct taskdiag_caller *caller);

/* --- vma.c --------------------------------------------------------------- */

int taskdiag_append_vmas(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			 struct taskdiag_caller *caller);

/* --- filter.c ------------------------------------------------------------ */

/* Attributes of a request have numbers below this one. */
#define TASKDIAG_REQUEST_ATTRS \
	(TASK_DIAG_ATTR_FILTERS + __TASK_DIAG_FILTER_MAX)

struct taskdiag_filter;

/* Test whether a task matches.  Called under RCU; must not sleep. */
typedef bool (*taskdiag_match_fn)(const struct taskdiag_filter *filter,
				  const struct taskdiag_item *item);

/**
 * struct taskdiag_filter - filters of a request
 * @nr_matches: number of filters that select tasks; often none
 * @matches: their tests
 * @uid: effective user id
 * @cgroup: matches tasks in this cgroup or below it
 * @states: bit N for task_diag_base::state N
 * @comm: prefix of the name
 * @comm_len: length of that prefix
 * @pids: pids of the tasks
 * @vma_flags: TASK_DIAG_VMA_* that a memory mapping must all have
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

/**
 * taskdiag_filter_matches - test whether a task matches all filters
 * @filter: the filters
 * @item: the task, which is at least readable for the caller
 *
 * Context: RCU read-side critical section.
 *
 * Return: true if it does.
 */
static inline bool taskdiag_filter_matches(const struct taskdiag_filter *filter,
					   const struct taskdiag_item *item)
{
	unsigned int i;

	for (i = 0; i < filter->nr_matches; i++)
		if (!filter->matches[i](filter, item))
			return false;
	return true;
}

/**
 * taskdiag_filter_knows_listed - test whether the filters need only a pid
 * @filter: the filters
 *
 * Return: true if they can select a task of which only the pid is known.
 */
static inline bool
taskdiag_filter_knows_listed(const struct taskdiag_filter *filter)
{
	return filter->nr_matches == (filter->pids.pids ? 1 : 0);
}

/* --- strategy.c ---------------------------------------------------------- */

u64 taskdiag_strategy_supported(void);
int taskdiag_strategy_init(struct taskdiag_iter *iter,
			   const struct task_diag_pid *req,
			   const struct nlattr *pidfd, bool is_dump,
			   const struct taskdiag_pids *listed,
			   struct taskdiag_caller *caller,
			   struct netlink_ext_ack *extack);
void taskdiag_strategy_release(struct taskdiag_iter *iter);

/* --- row.c --------------------------------------------------------------- */

struct taskdiag_group;

/**
 * struct taskdiag_part - a structure of a row
 * @fill: writes it
 * @bit: number of its group
 * @offset: offset of the structure in the row
 * @headers: bytes of headers in front of it
 */
struct taskdiag_part {
	taskdiag_fill_fn	fill;
	unsigned int		bit;
	unsigned int		offset;
	unsigned int		headers;
};

/**
 * struct taskdiag_row - layout of the rows of a request
 * @show_flags: TASK_DIAG_SHOW_* of the requested groups
 * @template: one message with all headers in place and all payloads zero.  Rows
 *	copy their headers from it.
 * @msg_offset: offset of the struct task_diag_msg in @template
 * @visits_threads: a row of a process visits each of its threads
 * @nr_parts: number of requested groups with a function taskdiag_group::fill
 * @parts: structures of these groups, in the order of their numbers
 * @needs_check: some of them need the access check
 * @layout_groups: TASK_DIAG_SHOW_* of the groups without which a row, up to its
 *	appended groups, is not a copy of the template
 * @fast_path: the first two parts are BASE and CRED
 * @more: other parts or @tail follow these two
 * @tail: bytes of @template behind the last part
 * @nr_appended: number of requested groups that are appended behind the
 *	template, one task at a time
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
	bool			needs_check;
	u64			layout_groups;
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
unsigned int taskdiag_row_fill_partial(const struct taskdiag_row *row,
				       void *to, unsigned int size,
				       const struct taskdiag_item *item,
				       const struct taskdiag_caller *caller);
int taskdiag_row_append(const struct taskdiag_row *row, unsigned int step,
			struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			struct taskdiag_caller *caller);

/* --- multi.c ------------------------------------------------------------- */

/**
 * struct taskdiag_multi - the current multi-message row
 * @ctx: state of its appended groups
 * @pid: struct pid of the row's task; NULL between two rows
 * @pid_nr: pid of the task
 * @tgid: pid of its process
 * @start: offset of the current message in the buffer
 * @resumed: the current message is not the first of the row
 * @step: index of the current group in taskdiag_row::appended
 * @denied: TASK_DIAG_SHOW_* of the groups that the caller may not read
 * @absent: groups that are missing or incomplete so far
 *
 * Between two messages a row holds a struct pid and nothing else of its task:
 * the same struct pid and exec_id mean the same program and address space.
 */
struct taskdiag_multi {
	struct taskdiag_append_ctx	ctx;
	struct pid		*pid;
	u32			pid_nr;
	u32			tgid;
	unsigned int		start;
	bool			resumed;
	unsigned int		step;
	u64			denied;
	struct task_diag_absent	absent;
};

int taskdiag_multi_init(struct taskdiag_multi *multi,
			const struct taskdiag_row *row, u64 vma_flags,
			bool is_dump);
void taskdiag_multi_release(struct taskdiag_multi *multi);
void taskdiag_multi_begin(struct taskdiag_multi *multi,
			  const struct taskdiag_row *row,
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

/* --- dump.c -------------------------------------------------------------- */

/**
 * struct taskdiag_dump - a request, from its attributes to its last row
 * @caller: the caller
 * @filter: filters of the request
 * @iter: iterator over its tasks
 * @row: layout of its rows
 * @multi: the current multi-message row, if rows have appended groups
 * @is_dump: any number of rows may follow, instead of exactly one
 * @any_row: a row has been appended
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
					 struct pid_namespace *ns,
					 const struct path *proc, bool is_dump,
					 struct netlink_ext_ack *extack);
void taskdiag_dump_close(struct taskdiag_dump *dump);
int taskdiag_dump_rows(struct taskdiag_dump *dump, struct sk_buff *skb,
		       bool may_wait, struct netlink_ext_ack *extack);
void taskdiag_dump_features(struct task_diag_features *features);

#endif /* _KERNEL_TASKDIAG_H */
