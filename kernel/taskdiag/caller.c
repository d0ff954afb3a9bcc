// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the credentials of the caller, pinned when the request arrives.
 *
 * Depends on the kernel's credentials only; must not depend on the access
 * check, the request or the reply.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <net/netlink.h>

#include "taskdiag.h"

/* --- equal credentials --------------------------------------------------- */

static bool same_groups(const struct group_info *a, const struct group_info *b)
{
	return a == b ||
	       (a->ngroups == b->ngroups &&
		!memcmp(a->gid, b->gid, a->ngroups * sizeof(*a->gid)));
}

/**
 * taskdiag_same_lsm_state - compare credentials as security modules do
 * @a: credentials
 * @b: credentials
 *
 * Return: true if security modules treat @a and @b equally, provided that their
 * ids are equal.
 */
bool taskdiag_same_lsm_state(const struct cred *a, const struct cred *b)
{
	return a->user_ns == b->user_ns &&
	       !memcmp(&a->cap_permitted, &b->cap_permitted,
		       sizeof(a->cap_permitted)) &&
	       security_same_cred_state(a, b);
}

/**
 * taskdiag_same_creds - compare all fields that an access check uses
 * @a: credentials
 * @b: credentials
 *
 * fork() and, in each thread of a process, the C library's setresuid() make
 * copies, so pointers differ where the credentials do not.
 *
 * Return: true if all of these fields are equal.
 */
bool taskdiag_same_creds(const struct cred *a, const struct cred *b)
{
	return a == b ||
	       (uid_eq(a->uid, b->uid) && uid_eq(a->euid, b->euid) &&
		uid_eq(a->suid, b->suid) && uid_eq(a->fsuid, b->fsuid) &&
		gid_eq(a->gid, b->gid) && gid_eq(a->egid, b->egid) &&
		gid_eq(a->sgid, b->sgid) && gid_eq(a->fsgid, b->fsgid) &&
		!memcmp(&a->cap_effective, &b->cap_effective,
			sizeof(a->cap_effective)) &&
		same_groups(a->group_info, b->group_info) &&
		taskdiag_same_lsm_state(a, b));
}

/* --- pinning ------------------------------------------------------------- */

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

/**
 * taskdiag_caller_unpin - drop the references of taskdiag_caller_pin()
 * @caller: the caller
 */
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
 * Any process that shares the descriptor can read from it, and a read makes the
 * next rows.  Only the sender's process may continue, and only while it runs
 * the program that sent the request: a set-id program must neither make rows
 * nor reveal itself to the process that started it.
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
		taskdiag_same_creds(current_real_cred(), caller->real_sender));
}
