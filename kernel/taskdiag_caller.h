/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag: the access check, inline as far as it is one question to the
 * security modules.  taskdiag_caller.c has the others.
 */
#ifndef _KERNEL_TASKDIAG_CALLER_H
#define _KERNEL_TASKDIAG_CALLER_H

#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/security.h>

#include "taskdiag_parts.h"

bool taskdiag_judges_permit(struct taskdiag_caller *caller,
			    struct task_struct *task);

/*
 * A dump may come to every task there is: a denial is nothing to audit.
 * AppArmor and SELinux do so all the same.
 */
#define TASKDIAG_PTRACE_MODE	(PTRACE_MODE_READ_FSCREDS | PTRACE_MODE_NOAUDIT)

/* What the security modules say of current's own credentials. */
static __always_inline bool taskdiag_modules_permit(struct task_struct *task)
{
	return !security_ptrace_access_check(task, TASKDIAG_PTRACE_MODE);
}

/**
 * taskdiag_may_see - the access check that every row has passed
 * @caller: who asks, after taskdiag_caller_enter() in the same RCU section
 * @task: about whom
 *
 * Who may see every task is left with a question to the security modules; the
 * process that asks sees itself without, and all others are asked more.
 *
 * Return: true if so.
 */
static __always_inline bool taskdiag_may_see(struct taskdiag_caller *caller,
					     struct task_struct *task)
{
	if (caller->only_modules && task_tgid(task) != caller->process)
		return taskdiag_modules_permit(task);
	return taskdiag_judges_permit(caller, task);
}

#endif /* _KERNEL_TASKDIAG_CALLER_H */
