// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the caller's credentials and the access check.
 *
 * A task is reported to user space only after it has passed taskdiag_may_see().
 * Depends on credentials and tasks only; must not depend on
 * the request or the reply.
 *
 * The rule is that of procfs mounted with hidepid=ptraceable, which is
 * ptrace_may_access(PTRACE_MODE_READ_FSCREDS), applied to explicit credentials
 * instead of current's.  A dump continues in the process that reads the socket,
 * and ptrace_may_access() uses current in several places that override_creds()
 * does not reach, for example for its exemption of the own process.
 */
#include <linux/capability.h>
#include <linux/cgroup.h>
#include <linux/nsproxy.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/user_namespace.h>

#include "taskdiag.h"
#include "access.h"

#ifndef taskdiag_bpf_decides
#include <linux/lsm_hooks.h>
#include <uapi/linux/lsm.h>
#endif

/* --- equal credentials --------------------------------------------------- */

static bool same_groups(const struct group_info *a, const struct group_info *b)
{
	return a == b ||
	       (a->ngroups == b->ngroups &&
		!memcmp(a->gid, b->gid, a->ngroups * sizeof(*a->gid)));
}

/* Do security modules treat @a and @b equally, if their ids are equal? */
static bool same_lsm_state(const struct cred *a, const struct cred *b)
{
	return a->user_ns == b->user_ns &&
	       !memcmp(&a->cap_permitted, &b->cap_permitted,
		       sizeof(a->cap_permitted)) &&
	       security_same_cred_state(a, b);
}

/*
 * Are @a and @b equal in every field that an access check uses?  fork() and, in
 * each thread of a process, the C library's setresuid() make copies, so pointers
 * differ where the credentials do not.
 */
static bool same_creds(const struct cred *a, const struct cred *b)
{
	return a == b ||
	       (uid_eq(a->uid, b->uid) && uid_eq(a->euid, b->euid) &&
		uid_eq(a->suid, b->suid) && uid_eq(a->fsuid, b->fsuid) &&
		gid_eq(a->gid, b->gid) && gid_eq(a->egid, b->egid) &&
		gid_eq(a->sgid, b->sgid) && gid_eq(a->fsgid, b->fsgid) &&
		!memcmp(&a->cap_effective, &b->cap_effective,
			sizeof(a->cap_effective)) &&
		same_groups(a->group_info, b->group_info) &&
		same_lsm_state(a, b));
}

/* --- the caller ---------------------------------------------------------- */

/**
 * taskdiag_caller_pin - take references to the caller's credentials
 * @caller: destination
 * @opener: credentials of the process that opened the descriptor
 * @ns: pid namespace of the reply; its reference passes to @caller
 * @extack: receives the reason of an error
 *
 * Context: Process context of the sender.
 *
 * Return: 0 or an error; @caller must be unpinned in both cases.
 */
int taskdiag_caller_pin(struct taskdiag_caller *caller,
			const struct cred *opener, struct pid_namespace *ns,
			struct netlink_ext_ack *extack)
{
	caller->sender = get_current_cred();
	caller->real_sender = get_cred(current_real_cred());
	caller->opener = get_cred(opener);
	caller->thread = get_pid(task_pid(current));
	caller->process = get_pid(task_tgid(current));
	caller->exec_id = current->self_exec_id;
	caller->pid_ns = ns;
	caller->cgroup_ns = current->nsproxy->cgroup_ns;
	get_cgroup_ns(caller->cgroup_ns);

	/*
	 * A descriptor that leaves a sandbox must not bring anything from
	 * outside into it, not even the pids that its own tasks have there.
	 */
	if (!current_in_userns(opener->user_ns)) {
		NL_SET_ERR_MSG(extack,
			       "descriptor was opened in another user namespace");
		return -EPERM;
	}
	return 0;
}

void taskdiag_caller_unpin(struct taskdiag_caller *caller)
{
	struct taskdiag_denial *denial = caller->denials;

	for (; denial < caller->denials + caller->nr_denials; denial++) {
		put_cred(denial->cred);
		put_pid(denial->process);
	}
	put_cred(caller->sender);
	put_cred(caller->real_sender);
	put_cred(caller->opener);
	put_pid(caller->thread);
	put_pid(caller->process);
	put_pid_ns(caller->pid_ns);
	put_cgroup_ns(caller->cgroup_ns);
}

/**
 * taskdiag_caller_is_current - check that current may continue the dump
 * @caller: the caller
 *
 * Any process that shares the descriptor can read from it, and reading makes
 * the next rows.  Only the sender's process may do that, and only while it runs
 * the program that sent the request: a set-id program must neither make rows
 * nor show itself to the process that started it.
 *
 * Some security modules (Landlock before Linux 6.15, Smack) decide by the
 * objective credentials of current.  So another thread of the process may
 * continue only if its objective credentials equal the sender's.
 *
 * Return: true if current may continue.
 */
bool taskdiag_caller_is_current(const struct taskdiag_caller *caller)
{
	return task_tgid(current) == caller->process &&
	       READ_ONCE(current->self_exec_id) == caller->exec_id &&
	       (task_pid(current) == caller->thread ||
		same_creds(current_real_cred(), caller->real_sender));
}

/* --- sets of credentials ------------------------------------------------- */

static bool has_cap(const struct taskdiag_credset *set,
		    struct user_namespace *ns)
{
	if (set->ns == ns)
		return set->ns_capable;
	return !security_capable(set->cred, ns, CAP_SYS_PTRACE,
				 CAP_OPT_NOAUDIT);
}

/*
 * Cache the result for the user namespace of a task's credentials, as most tasks
 * share one.  Within an RCU section the pointer cannot come to mean another
 * namespace: credentials found under RCU hold theirs until the section ends.
 * (A namespace found in an mm would not do: it is freed at once.)
 */
static bool has_cap_over(struct taskdiag_credset *set, const struct cred *tcred)
{
	if (set->ns != tcred->user_ns) {
		set->ns_capable = has_cap(set, tcred->user_ns);
		set->ns = tcred->user_ns;
	}
	return set->ns_capable;
}

/* A BPF program on the hook can decide by anything. */
static bool bpf_decides(void)
{
#ifdef taskdiag_bpf_decides
	return taskdiag_bpf_decides;
#elif defined(CONFIG_SECURITY)
	unsigned int i;

	for (i = 0; i < lsm_active_cnt; i++)
		if (lsm_idlist[i]->id == LSM_ID_BPF)
			return true;
	return false;
#else
	return false;
#endif
}

/*
 * Do security modules permit @set every task that they permit @first?  The
 * answer of modules in the kernel depends on their own state, on capabilities,
 * and, for the owner of a user namespace, on the effective user id.
 */
static bool implied_by(const struct taskdiag_credset *set,
		       const struct taskdiag_credset *first)
{
	const struct cred *a = first->cred, *b = set->cred;

	return a->user_ns == b->user_ns &&
	       security_same_cred_state(a, b) &&
	       cap_issubset(a->cap_permitted, b->cap_permitted) &&
	       cap_issubset(a->cap_effective, b->cap_effective) &&
	       (set->cap_init_ns || uid_eq(a->euid, b->euid)) &&
	       !bpf_decides();
}

static void add_credset(struct taskdiag_caller *caller, const struct cred *cred,
			bool own_process)
{
	struct taskdiag_credset *set;
	unsigned int i;

	for (i = 0; i < caller->nr_credsets; i++)
		if (same_creds(caller->credsets[i].cred, cred))
			return;

	set = &caller->credsets[caller->nr_credsets++];
	*set = (struct taskdiag_credset) {
		.cred		= cred,
		.own_process	= own_process,
		.needs_override	= !same_creds(cred, current_cred()),
		.cap_init_ns	= !security_capable(cred, &init_user_ns,
						    CAP_SYS_PTRACE,
						    CAP_OPT_NOAUDIT),
	};
	set->lsm_implied = implied_by(set, caller->credsets);
}

/**
 * taskdiag_caller_enter - begin an RCU section of access checks
 * @caller: the caller
 *
 * The sender's process may have changed its credentials since the request, or
 * another of its threads may read: tasks that the reader may not see now are not
 * reported either.
 *
 * Context: RCU read-side critical section, which taskdiag_may_see() requires.
 */
void taskdiag_caller_enter(struct taskdiag_caller *caller)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "needs one RCU section");

	caller->nr_credsets = 0;
	add_credset(caller, caller->sender, true);
	add_credset(caller, current_cred(), true);
	add_credset(caller, caller->opener, false);
	/* A single set equals current's credentials. */
	caller->only_lsm = caller->nr_credsets == 1 && !caller->nr_denials &&
			   caller->credsets->cap_init_ns;
}

/* --- security modules ---------------------------------------------------- */

/*
 * Processes of one kind that are asked about before the others count as denied:
 * a BPF program on the hook may deny single processes.
 */
#define TASKDIAG_DENIALS_CHECKED	4

static struct taskdiag_denial *find_denial(struct taskdiag_caller *caller,
					   const struct cred *tcred)
{
	struct taskdiag_denial *denial = caller->denials;

	for (; denial < caller->denials + caller->nr_denials; denial++)
		if (denial->cred == tcred || same_lsm_state(denial->cred, tcred))
			return denial;
	return NULL;
}

/**
 * taskdiag_note_denial - remember that security modules have denied a task
 * @caller: the caller, after taskdiag_caller_enter() in the same RCU section
 * @task: the task
 *
 * AppArmor and SELinux audit each denial.  A confined caller of a dump would
 * flood the log, at the expense of other records, if they were asked about each
 * task.  So after some denials, tasks of the same kind are denied without asking
 * for the rest of the dump.
 */
void taskdiag_note_denial(struct taskdiag_caller *caller,
			  struct task_struct *task)
{
	const struct cred *tcred = __task_cred(task);
	struct taskdiag_denial *denial = find_denial(caller, tcred);

	/* From now on the slow path asks. */
	caller->only_lsm = false;
	if (denial) {
		put_pid(denial->process);
		denial->process = get_pid(task_tgid(task));
		denial->nr++;
		return;
	}
	if (caller->nr_denials == TASKDIAG_DENIALS)
		return;
	tcred = get_cred_rcu(tcred);
	if (tcred)
		caller->denials[caller->nr_denials++] =
			(struct taskdiag_denial) {
				.cred = tcred,
				.process = get_pid(task_tgid(task)),
				.nr = 1,
			};
}

/* A task that passes the complete check shows that not all of its kind are denied. */
static void note_permission(struct taskdiag_caller *caller,
			    struct task_struct *task)
{
	struct taskdiag_denial *denial = find_denial(caller, __task_cred(task));

	if (denial)
		denial->mixed = true;
}

/**
 * taskdiag_lsm_permits_slow - taskdiag_lsm_permits() after a denial
 * @caller: the caller, after taskdiag_caller_enter() in the same RCU section
 * @task: the task to be seen
 *
 * Return: true if the security modules permit current to see @task.
 */
bool taskdiag_lsm_permits_slow(struct taskdiag_caller *caller,
			       struct task_struct *task)
{
	/* The sender's process is exempt from what denied others. */
	const bool self = task_tgid(task) == caller->process;
	struct taskdiag_denial *denial = NULL;

	if (!self)
		denial = find_denial(caller, __task_cred(task));
	/* The threads of a process that was denied are denied as well. */
	if (denial && !denial->mixed &&
	    (denial->process == task_tgid(task) ||
	     denial->nr >= TASKDIAG_DENIALS_CHECKED))
		return false;
	if (!security_ptrace_access_check(task, TASKDIAG_PTRACE_MODE))
		return true;
	if (!self)
		taskdiag_note_denial(caller, task);
	return false;
}

static noinline bool lsm_permits_override(struct taskdiag_caller *caller,
					  const struct taskdiag_credset *set,
					  struct task_struct *task)
{
	const struct cred *old;
	bool ret;

	old = override_creds(set->cred);
	ret = taskdiag_lsm_permits(caller, task);
	revert_creds(old);
	return ret;
}

static bool lsm_permits_set(struct taskdiag_caller *caller,
			    const struct taskdiag_credset *set,
			    struct task_struct *task)
{
	if (likely(!set->needs_override))
		return taskdiag_lsm_permits(caller, task);
	return lsm_permits_override(caller, set, task);
}

/* --- the check ----------------------------------------------------------- */

static bool same_ids(const struct cred *cred, const struct cred *tcred)
{
	return uid_eq(cred->fsuid, tcred->euid) &&
	       uid_eq(cred->fsuid, tcred->suid) &&
	       uid_eq(cred->fsuid, tcred->uid) &&
	       gid_eq(cred->fsgid, tcred->egid) &&
	       gid_eq(cred->fsgid, tcred->sgid) &&
	       gid_eq(cred->fsgid, tcred->gid);
}

/* task_still_dumpable() of kernel/ptrace.c. */
static bool dumpable_to(const struct taskdiag_credset *set,
			struct task_struct *task)
{
	struct mm_struct *mm;
	bool ret;

	task_lock(task);
	mm = task->mm;
	if (mm)
		ret = get_dumpable(mm) == SUID_DUMP_USER ||
		      has_cap(set, mm->user_ns);
	else
		ret = task->user_dumpable || has_cap(set, &init_user_ns);
	task_unlock(task);

	return ret;
}

/*
 * The check by ids, capabilities and dumpability.  CAP_SYS_PTRACE over the user
 * namespace of the task's credentials replaces equal ids; over that of its mm it
 * replaces dumpability.
 */
static noinline bool ids_permit_checked(struct taskdiag_credset *set,
					struct task_struct *task)
{
	const struct cred *tcred = __task_cred(task);

	if (!same_ids(set->cred, tcred) && !has_cap_over(set, tcred))
		return false;

	/*
	 * A task that drops privileges becomes undumpable first: a reader that
	 * sees its new credentials must see that too.  Pairs with the barrier
	 * in commit_creds(), as in __ptrace_may_access().
	 */
	smp_rmb();
	return dumpable_to(set, task);
}

static bool ids_permit(struct taskdiag_credset *set, struct task_struct *task)
{
	return set->cap_init_ns || ids_permit_checked(set, task);
}

/*
 * Denies most tasks where most are hidden, without the complete check.  False
 * for credentials with cap_init_ns, which have no cached namespace.
 */
static bool ids_deny_early(const struct taskdiag_credset *set,
			   struct task_struct *task)
{
	const struct cred *tcred = __task_cred(task);

	return set->ns == tcred->user_ns && !set->ns_capable &&
	       !same_ids(set->cred, tcred);
}

/*
 * All sets pass the check by ids before security modules are asked, as these may
 * audit a denial.
 */
static noinline bool all_permit(struct taskdiag_caller *caller,
				struct task_struct *task, bool self)
{
	struct taskdiag_credset *set, *end;
	bool first_checked = false;

	end = caller->credsets + caller->nr_credsets;
	for (set = caller->credsets; set < end; set++)
		if (!(self && set->own_process) && !ids_permit(set, task))
			return false;

	for (set = caller->credsets; set < end; set++) {
		if (self && set->own_process)
			continue;
		if (first_checked && set->lsm_implied)
			continue;
		if (!lsm_permits_set(caller, set, task))
			return false;
		first_checked |= set == caller->credsets;
	}
	if (unlikely(caller->nr_denials))
		note_permission(caller, task);
	return true;
}

/**
 * taskdiag_credsets_permit - the access check for any caller
 * @caller: the caller, after taskdiag_caller_enter() in the same RCU section
 * @task: the task to be seen
 *
 * Sender, reader and opener must all be allowed to see @task.  The only
 * exemption: a process may always see itself through its own request.  The
 * opener does not have this exemption.
 *
 * The opener's Landlock domain and Smack label are not considered: these
 * modules decide by current, see taskdiag_caller_is_current().
 *
 * Return: true if they are.
 */
bool taskdiag_credsets_permit(struct taskdiag_caller *caller,
			      struct task_struct *task)
{
	const bool self = task_tgid(task) == caller->process;
	struct taskdiag_credset *set = caller->credsets;

	if (unlikely(caller->nr_credsets != 1))
		return all_permit(caller, task, self);

	/* In most cases the sets are equal, so this set is the sender's. */
	if (self)
		return true;
	return !ids_deny_early(set, task) && ids_permit(set, task) &&
	       lsm_permits_set(caller, set, task);
}
