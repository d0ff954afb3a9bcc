// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: who asks, and what they may see.
 *
 * Knows credentials, and neither the request nor the reply.  Everything that
 * tells one task from another to user space has passed taskdiag_may_see().
 *
 * The rule is the one of procfs mounted with hidepid=ptraceable, that is of
 * ptrace_may_access(PTRACE_MODE_READ_FSCREDS), asked about explicit
 * credentials instead of those of current.  It has to be: a dump goes on in
 * the context of whoever reads the socket, and ptrace_may_access() judges by
 * current in several places that override_creds() does not reach, such as
 * its exemption for the own process.
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
#include <linux/user_namespace.h>

#include "taskdiag_parts.h"
#include "taskdiag_caller.h"

/**
 * taskdiag_caller_pin - remember who asks
 * @caller: where to
 * @opener: credentials of whoever opened the descriptor
 * @ns: the pid namespace to answer in; its reference passes to @caller
 * @extack: what was wrong
 *
 * Called in the context of the sender.
 *
 * Return: 0, or an error; @caller is to be unpinned either way.
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
	 * A sandbox that gets its descriptor to somebody outside learns
	 * nothing from outside, not even the numbers that its own tasks have
	 * there.
	 */
	if (!current_in_userns(opener->user_ns)) {
		NL_SET_ERR_MSG(extack,
			       "it was opened in another user namespace");
		return -EPERM;
	}
	return 0;
}

void taskdiag_caller_unpin(struct taskdiag_caller *caller)
{
	put_cred(caller->sender);
	put_cred(caller->real_sender);
	put_cred(caller->opener);
	put_pid(caller->thread);
	put_pid(caller->process);
	put_pid_ns(caller->pid_ns);
	put_cgroup_ns(caller->cgroup_ns);
}

/**
 * taskdiag_caller_is_current - does current go on with its own request?
 * @caller: who asked
 *
 * A descriptor can be shared, so anybody may come to read on, and with the
 * read would start the work for the next rows.  That is for the process that
 * asked alone, and only as long as it runs the program that asked: a set-id
 * program must neither serve rows nor show itself to who started it.
 *
 * Some security modules (Landlock, Smack) judge by the objective credentials
 * of the task that asks, and those are whose context we are in: the threads
 * of the process may share the work only if theirs are those of the thread
 * that asked.
 *
 * Return: true if so.
 */
bool taskdiag_caller_is_current(const struct taskdiag_caller *caller)
{
	return task_tgid(current) == caller->process &&
	       READ_ONCE(current->self_exec_id) == caller->exec_id &&
	       (task_pid(current) == caller->thread ||
		current_real_cred() == caller->real_sender);
}

static bool judge_has_cap(const struct taskdiag_judge *judge,
			  struct user_namespace *ns)
{
	if (judge->ns == ns)
		return judge->ns_capable;
	return !security_capable(judge->cred, ns, CAP_SYS_PTRACE,
				 CAP_OPT_NOAUDIT);
}

/*
 * Remember the verdict for the user namespace of a task's credentials: most
 * tasks share theirs.  The pointer cannot come to stand for another
 * namespace, as credentials found under RCU hold theirs until the RCU
 * section has ended, and the memory ends with it.  (A namespace found in an
 * mm would not do: that one is freed at once.)
 */
static bool judge_has_cap_over(struct taskdiag_judge *judge,
			       const struct cred *tcred)
{
	if (judge->ns != tcred->user_ns) {
		judge->ns_capable = judge_has_cap(judge, tcred->user_ns);
		judge->ns = tcred->user_ns;
	}
	return judge->ns_capable;
}

static void add_judge(struct taskdiag_caller *caller, const struct cred *cred,
		      bool own_process)
{
	struct taskdiag_judge *judge;
	unsigned int i;

	for (i = 0; i < caller->nr_judges; i++)
		if (caller->judges[i].cred == cred)
			return;

	judge = &caller->judges[caller->nr_judges++];
	*judge = (struct taskdiag_judge) {
		.cred		= cred,
		.own_process	= own_process,
		.foreign	= cred != current_cred(),
		.everywhere	= !security_capable(cred, &init_user_ns,
						    CAP_SYS_PTRACE,
						    CAP_OPT_NOAUDIT),
	};
}

/**
 * taskdiag_caller_enter - get ready to judge tasks
 * @caller: who asks
 *
 * Starts an RCU section's worth of taskdiag_may_see().  The process that
 * asked may have changed its credentials since, or another of its threads may
 * read: what the reader may not see now, it does not get either.
 */
void taskdiag_caller_enter(struct taskdiag_caller *caller)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "needs one RCU section");

	caller->nr_judges = 0;
	add_judge(caller, caller->sender, true);
	add_judge(caller, current_cred(), true);
	add_judge(caller, caller->opener, false);
	/* One alone is current's own, which modules judge by anyhow. */
	caller->only_modules = caller->nr_judges == 1 &&
			       caller->judges->everywhere;
}

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
static bool dumpable_to(const struct taskdiag_judge *judge,
			struct task_struct *task)
{
	struct mm_struct *mm;
	bool ret;

	task_lock(task);
	mm = task->mm;
	if (mm)
		ret = get_dumpable(mm) == SUID_DUMP_USER ||
		      judge_has_cap(judge, mm->user_ns);
	else
		ret = task->user_dumpable ||
		      judge_has_cap(judge, &init_user_ns);
	task_unlock(task);

	return ret;
}

static noinline bool lsm_permits_other(const struct taskdiag_judge *judge,
				       struct task_struct *task)
{
	const struct cred *old;
	bool ret;

	old = override_creds(judge->cred);
	ret = taskdiag_modules_permit(task);
	revert_creds(old);
	return ret;
}

static bool lsm_permits(const struct taskdiag_judge *judge,
			struct task_struct *task)
{
	if (likely(!judge->foreign))
		return taskdiag_modules_permit(task);
	return lsm_permits_other(judge, task);
}

/*
 * What there is to ask of who does not hold the capability over every user
 * namespace: it would stand in for the ids of the task, over the namespace of
 * its credentials, and for being dumpable, over that of its mm.
 */
static noinline bool ids_permit(struct taskdiag_judge *judge,
				struct task_struct *task)
{
	const struct cred *tcred = __task_cred(task);

	if (!same_ids(judge->cred, tcred) && !judge_has_cap_over(judge, tcred))
		return false;

	/*
	 * A task that drops privileges becomes undumpable first: see its new
	 * credentials, see that too.  Pairs with the barrier in
	 * commit_creds(), as in __ptrace_may_access().
	 */
	smp_rmb();
	return dumpable_to(judge, task);
}

static noinline bool judge_permits(struct taskdiag_judge *judge,
				   struct task_struct *task)
{
	return (judge->everywhere || ids_permit(judge, task)) &&
	       lsm_permits(judge, task);
}

/*
 * The answer to most tasks where most are hidden, without the question whole.
 * Who may see them everywhere has not come here.
 */
static bool judge_denies_at_sight(const struct taskdiag_judge *judge,
				  struct task_struct *task)
{
	const struct cred *tcred = __task_cred(task);

	return judge->ns == tcred->user_ns && !judge->ns_capable &&
	       !same_ids(judge->cred, tcred);
}

static noinline bool all_permit(struct taskdiag_caller *caller,
				struct task_struct *task, bool self)
{
	struct taskdiag_judge *judge = caller->judges;
	unsigned int i;

	for (i = 0; i < caller->nr_judges; i++, judge++) {
		if (self && judge->own_process)
			continue;
		if (!judge_permits(judge, task))
			return false;
	}
	return true;
}

/**
 * taskdiag_judges_permit - the access check, whoever asks
 * @caller: who asks, after taskdiag_caller_enter() in the same RCU section
 * @task: about whom
 *
 * Everybody who had a hand in the request has to be allowed to see @task.  A
 * process may always see itself, but through its own request only: the one
 * exemption, and whoever opened the descriptor does not have it.
 *
 * What an opener's Landlock domain or Smack label would say is not heard:
 * these modules ask about current, see taskdiag_caller_is_current().
 *
 * Return: true if so.
 */
bool taskdiag_judges_permit(struct taskdiag_caller *caller,
			    struct task_struct *task)
{
	const bool self = task_tgid(task) == caller->process;

	if (unlikely(caller->nr_judges != 1))
		return all_permit(caller, task, self);

	/* Mostly all of them are one, who can only be the sender. */
	if (self)
		return true;
	if (judge_denies_at_sight(caller->judges, task))
		return false;
	return judge_permits(caller->judges, task);
}
