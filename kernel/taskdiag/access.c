// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the access check.
 *
 * A task is reported completely only after it has passed taskdiag_may_see().
 * For other tasks, mount.c returns the part that a procfs mount shows.
 *
 * The rule is that of procfs mounted with hidepid=ptraceable, which is
 * ptrace_may_access(PTRACE_MODE_READ_FSCREDS), applied to explicit credentials
 * instead of current's.  A dump continues in the process that reads the socket,
 * and ptrace_may_access() uses current in several places that override_creds()
 * does not reach, for example for its exemption of the own process.
 *
 * Depends on mount.c, caller.c, wait.c and versions.h; must not depend on the
 * request or the reply.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/security.h>
#include <linux/user_namespace.h>

#include "access.h"
#include "taskdiag.h"
#include "versions.h"

#ifndef taskdiag_bpf_decides
#include <linux/lsm_hooks.h>
#include <uapi/linux/lsm.h>
#endif

/* --- sets of credentials ------------------------------------------------- */

/* Return true if @set has CAP_SYS_PTRACE over @ns; use the cache if possible. */
static bool has_cap(const struct taskdiag_credset *set,
		    struct user_namespace *ns)
{
	if (set->ns == ns)
		return set->ns_capable;
	return !security_capable(set->cred, ns, CAP_SYS_PTRACE,
				 CAP_OPT_NOAUDIT);
}

/*
 * Cache the result for the user namespace of a task's credentials, as most
 * tasks share one.  Within an RCU section the pointer cannot come to mean
 * another namespace: credentials found under RCU hold theirs until the section
 * ends.  (A namespace found in an mm would not do: it is freed at once.)
 */
static bool has_cap_over(struct taskdiag_credset *set, const struct cred *tcred)
{
	if (set->ns != tcred->user_ns) {
		set->ns_capable = has_cap(set, tcred->user_ns);
		set->ns = tcred->user_ns;
	}
	return set->ns_capable;
}

/* A BPF program on the hook can decide by any criterion. */
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
 * Return true if security modules permit @set every task that they permit
 * @first.  The decision of the modules in the kernel depends on their own
 * state, on capabilities, and, for the owner of a user namespace, on the
 * effective user id.
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
		if (taskdiag_same_creds(caller->credsets[i].cred, cred))
			return;

	set = &caller->credsets[caller->nr_credsets++];
	*set = (struct taskdiag_credset) {
		.cred		= cred,
		.own_process	= own_process,
		.needs_override	= !taskdiag_same_creds(cred, current_cred()),
		.cap_init_ns	= !security_capable(cred, &init_user_ns,
						    CAP_SYS_PTRACE,
						    CAP_OPT_NOAUDIT),
	};
	set->lsm_implied = implied_by(set, caller->credsets);
}

/**
 * taskdiag_access_enter - begin an RCU section of access checks
 * @caller: the caller
 *
 * The sender's process may have changed its credentials since the request, or
 * another of its threads may read: tasks that the reader may not see now are
 * not reported either.
 *
 * Context: RCU read-side critical section, which taskdiag_may_see() requires.
 */
void taskdiag_access_enter(struct taskdiag_caller *caller)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "needs one RCU section");

	caller->nr_credsets = 0;
	add_credset(caller, caller->sender, true);
	add_credset(caller, current_cred(), true);
	add_credset(caller, caller->opener, false);
	/* A single set equals current's credentials. */
	caller->only_lsm = caller->nr_credsets == 1 && !caller->nr_denials &&
			   caller->credsets->cap_init_ns;
	taskdiag_mount_enter(caller);
}

/* --- security modules ---------------------------------------------------- */

/*
 * Denials of one kind after which tasks of this kind are denied unchecked.  It
 * is more than one, as a BPF program on the hook may deny single processes.
 */
#define TASKDIAG_DENIALS_CHECKED	4

static struct taskdiag_denial *find_denial(struct taskdiag_caller *caller,
					   const struct cred *tcred)
{
	struct taskdiag_denial *denial = caller->denials;

	for (; denial < caller->denials + caller->nr_denials; denial++)
		if (denial->cred == tcred ||
		    taskdiag_same_lsm_state(denial->cred, tcred))
			return denial;
	return NULL;
}

/**
 * taskdiag_note_denial - remember that security modules have denied a task
 * @caller: the caller, after taskdiag_access_enter() in the same RCU section
 * @task: the task
 *
 * AppArmor and SELinux audit each denial.  If they checked each task, a dump of
 * a confined caller would flood the log, at the expense of other records.  So
 * after %TASKDIAG_DENIALS_CHECKED denials, tasks of the same kind are denied
 * without a check for the rest of the dump.
 */
void taskdiag_note_denial(struct taskdiag_caller *caller,
			  struct task_struct *task)
{
	const struct cred *tcred = __task_cred(task);
	struct taskdiag_denial *denial = find_denial(caller, tcred);

	/* taskdiag_lsm_permits_slow() runs from now on. */
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

/* A task passed the complete check, so not all tasks of its kind are denied. */
static void note_permission(struct taskdiag_caller *caller,
			    struct task_struct *task)
{
	struct taskdiag_denial *denial = find_denial(caller, __task_cred(task));

	if (denial)
		denial->mixed = true;
}

/**
 * taskdiag_lsm_permits_slow - taskdiag_lsm_permits() after a denial
 * @caller: the caller, after taskdiag_access_enter() in the same RCU section
 * @task: the task to be seen
 *
 * Context: RCU read-side critical section.
 *
 * Return: true if the security modules permit current to see @task.
 */
bool taskdiag_lsm_permits_slow(struct taskdiag_caller *caller,
			       struct task_struct *task)
{
	/* Denials of other processes do not apply to the sender's process. */
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

static bool has_cap_in(const void *set, struct user_namespace *ns)
{
	return has_cap(set, ns);
}

/*
 * The check by ids, capabilities and dumpability.  CAP_SYS_PTRACE over the user
 * namespace of the task's credentials replaces equal ids; over the one that its
 * program was executed in, it replaces dumpability.
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
	return taskdiag_dumpable_to(task, has_cap_in, set);
}

static bool ids_permit(struct taskdiag_credset *set, struct task_struct *task)
{
	return set->cap_init_ns || ids_permit_checked(set, task);
}

/*
 * Deny a task with other ids in the cached user namespace, without the complete
 * check: where most tasks are hidden, this is the common case.  Return false
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
 * All sets must pass the check by ids before the security modules are called,
 * as these may audit a denial.
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
 * @caller: the caller, after taskdiag_access_enter() in the same RCU section
 * @task: the task to be seen
 *
 * Sender, reader and opener must all be allowed to see @task.  The only
 * exemption: a process may always see itself through its own request.  The
 * opener does not have this exemption.
 *
 * The opener's Landlock domain and Smack label are not considered: these
 * modules decide by current, see taskdiag_caller_is_current().
 *
 * Context: RCU read-side critical section.
 *
 * Return: true if all of them may see @task.
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

/* --- files that only their owner may open -------------------------------- */

/* As capable_wrt_inode_uidgid() for the read permission of a file. */
static bool reads_files_of(const struct cred *cred, kuid_t owner)
{
	struct user_namespace *ns = cred->user_ns;

	return uid_eq(cred->fsuid, owner) ||
	       (kuid_has_mapping(ns, owner) &&
		(!security_capable(cred, ns, CAP_DAC_READ_SEARCH,
				   CAP_OPT_NOAUDIT) ||
		 !security_capable(cred, ns, CAP_DAC_OVERRIDE,
				   CAP_OPT_NOAUDIT)));
}

/**
 * taskdiag_owner_denied - return the groups that only the owner may read
 * @caller: the caller, after taskdiag_access_enter() in the same RCU section
 * @task: a task that is at least readable for the caller
 *
 * /proc/PID/io and environ have the mode 0400, and root owns the files of a zombie
 * and of a process that is not dumpable.
 *
 * Context: RCU read-side critical section.
 *
 * Return: TASK_DIAG_SHOW_*.
 */
u64 taskdiag_owner_denied(const struct taskdiag_caller *caller,
			  struct task_struct *task)
{
	const kuid_t owner = taskdiag_proc_uid(task);
	unsigned int i;

	for (i = 0; i < caller->nr_credsets; i++)
		if (!reads_files_of(caller->credsets[i].cred, owner))
			return TASKDIAG_OWNER_GROUPS;
	return 0;
}

/* --- scheduling ---------------------------------------------------------- */

/**
 * taskdiag_may_see_timer_slack - apply the rule of /proc/PID/timerslack_ns
 * @caller: the caller, after taskdiag_access_enter() in the same RCU section
 * @task: the task
 *
 * Context: RCU read-side critical section.
 *
 * Return: true if each set of credentials has CAP_SYS_NICE over the task, or
 * belongs to this thread.
 */
bool taskdiag_may_see_timer_slack(const struct taskdiag_caller *caller,
				  struct task_struct *task)
{
	struct user_namespace *ns = __task_cred(task)->user_ns;
	const struct taskdiag_credset *set, *end;

	end = caller->credsets + caller->nr_credsets;
	for (set = caller->credsets; set < end; set++)
		if (!(set->own_process && task == current) &&
		    security_capable(set->cred, ns, CAP_SYS_NICE,
				     CAP_OPT_NOAUDIT))
			return false;
	return true;
}

static bool lsm_shows_sched_to_current(struct task_struct *task)
{
	return !security_task_getscheduler(task) &&
	       !security_task_getioprio(task);
}

static noinline bool
lsm_shows_sched_override(const struct taskdiag_credset *set,
			 struct task_struct *task)
{
	const struct cred *old;
	bool ret;

	old = override_creds(set->cred);
	ret = lsm_shows_sched_to_current(task);
	revert_creds(old);
	return ret;
}

/**
 * taskdiag_lsm_shows_sched - call the hooks of sched_getattr() and ioprio_get()
 * @caller: the caller, after taskdiag_access_enter() in the same RCU section
 * @task: the task
 *
 * Context: RCU read-side critical section.
 *
 * Return: true if the security modules permit both system calls.
 */
bool taskdiag_lsm_shows_sched(const struct taskdiag_caller *caller,
			      struct task_struct *task)
{
	const struct taskdiag_credset *set, *end;
	bool ret;

	end = caller->credsets + caller->nr_credsets;
	for (set = caller->credsets; set < end; set++) {
		ret = set->needs_override ?
			lsm_shows_sched_override(set, task) :
			lsm_shows_sched_to_current(task);
		if (!ret)
			return false;
	}
	return true;
}

/* --- the check during a multi-message row -------------------------------- */

/**
 * taskdiag_access_recheck - repeat the access check for the task of a row
 * @target: the task of the row
 * @caller: the caller
 *
 * execve() and credential changes may have taken away the right to read as much
 * of the task as when the row was begun.
 *
 * Context: Any; @target->task is referenced.  Without exec_update_lock the
 * result can be outdated on return.
 *
 * Return: 0, -ESTALE if the task runs another program, or -EACCES if the caller
 * may no longer read as much of it.
 */
int taskdiag_access_recheck(struct taskdiag_target *target,
			    struct taskdiag_caller *caller)
{
	enum taskdiag_level level;
	bool probed;
	u64 denied;

	if (READ_ONCE(target->task->self_exec_id) != target->exec_id)
		return -ESTALE;

	rcu_read_lock();
	taskdiag_access_enter(caller);
	level = taskdiag_level_of(caller, target->task, &denied);
	/* A change of credentials, which may confine, discards the probes. */
	probed = caller->prober || task_tgid(target->task) == caller->process;
	rcu_read_unlock();
	if (level == TASKDIAG_UNDECIDED || level < target->level)
		return -EACCES;
	if (level == TASKDIAG_FULL && caller->checks_files && !probed)
		return -EACCES;
	return 0;
}

/**
 * taskdiag_access_lock - prevent execve() and repeat the access check
 * @target: the task of the row
 * @caller: the caller
 *
 * Between the switch to the address space of a new program and the commit of
 * its credentials, execve() holds exec_update_lock for writing.
 *
 * Context: Process context.  May sleep, within @target->timeout.
 *
 * Return: 0 with exec_update_lock held for reading, an error of
 * taskdiag_access_recheck(), or -EBUSY.
 */
int taskdiag_access_lock(struct taskdiag_target *target,
			 struct taskdiag_caller *caller)
{
	int err;

	while (!down_read_trylock(&target->task->signal->exec_update_lock)) {
		err = taskdiag_wait(&target->timeout);
		if (err)
			return err;
	}
	err = taskdiag_access_recheck(target, caller);
	if (err)
		taskdiag_access_unlock(target);
	return err;
}

/**
 * taskdiag_access_unlock - allow execve() again
 * @target: the task of the row, after taskdiag_access_lock()
 */
void taskdiag_access_unlock(struct taskdiag_target *target)
{
	up_read(&target->task->signal->exec_update_lock);
}
