/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag: the access check for callers with CAP_SYS_PTRACE over all tasks,
 * inline, as it consists of one call of the security modules' hook.  access.c
 * contains the check for other callers.
 */
#ifndef _KERNEL_TASKDIAG_ACCESS_H
#define _KERNEL_TASKDIAG_ACCESS_H

#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/security.h>

#include "taskdiag.h"

bool taskdiag_credsets_permit(struct taskdiag_caller *caller,
			      struct task_struct *task);
bool taskdiag_lsm_permits_slow(struct taskdiag_caller *caller,
			       struct task_struct *task);
void taskdiag_note_denial(struct taskdiag_caller *caller,
			  struct task_struct *task);

/*
 * A dump may check every task, so denials are not audited.  AppArmor and
 * SELinux ignore this flag, hence taskdiag_note_denial().
 */
#define TASKDIAG_PTRACE_MODE	(PTRACE_MODE_READ_FSCREDS | PTRACE_MODE_NOAUDIT)

/**
 * taskdiag_lsm_permits - call the hook of security modules for current
 * @caller: the caller, after taskdiag_access_enter() in the same RCU section
 * @task: the task to be seen
 *
 * Context: RCU read-side critical section.
 *
 * Return: true if the security modules permit current to see @task.
 */
static __always_inline bool taskdiag_lsm_permits(struct taskdiag_caller *caller,
						 struct task_struct *task)
{
	if (unlikely(caller->nr_denials))
		return taskdiag_lsm_permits_slow(caller, task);
	if (likely(!security_ptrace_access_check(task, TASKDIAG_PTRACE_MODE)))
		return true;
	taskdiag_note_denial(caller, task);
	return false;
}

/**
 * taskdiag_may_see - the access check that every complete row has passed
 * @caller: the caller, after taskdiag_access_enter() in the same RCU section
 * @task: the task to be seen
 *
 * Context: RCU read-side critical section.
 *
 * Return: true if @caller may see @task.
 */
static __always_inline bool taskdiag_may_see(struct taskdiag_caller *caller,
					     struct task_struct *task)
{
	if (caller->only_lsm && task_tgid(task) != caller->process) {
		if (likely(!security_ptrace_access_check(task,
							 TASKDIAG_PTRACE_MODE)))
			return true;
		taskdiag_note_denial(caller, task);
		return false;
	}
	return taskdiag_credsets_permit(caller, task);
}

/**
 * taskdiag_level_of - return the part of a task's row that the caller may read
 * @caller: the caller, after taskdiag_access_enter() in the same RCU section
 * @task: the task
 * @denied: receives TASK_DIAG_SHOW_* of the groups that may not be read, except
 *	at TASKDIAG_HIDDEN and TASKDIAG_UNDECIDED
 *
 * Context: RCU read-side critical section.
 *
 * Return: the level.
 */
static __always_inline enum taskdiag_level
taskdiag_level_of(struct taskdiag_caller *caller, struct task_struct *task,
		  u64 *denied)
{
	*denied = 0;
	if (taskdiag_may_see(caller, task))
		return TASKDIAG_FULL;
	if (caller->mount_level == TASKDIAG_HIDDEN)
		return TASKDIAG_HIDDEN;
	return taskdiag_mount_level(caller, task, denied);
}

#endif /* _KERNEL_TASKDIAG_ACCESS_H */
