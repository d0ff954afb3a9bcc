// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: access to a task's address space.
 *
 * The access check of procfs for maps and smaps is PTRACE_MODE_READ_FSCREDS;
 * for cmdline it is visibility.  Both are taskdiag_may_see().  The check is
 * repeated for each message, as execve() may have given the process more
 * rights.
 *
 * This code does not block on other tasks: it tries locks and pages repeatedly,
 * within the time limits of the row.  Between messages it holds no reference to
 * the address space.
 *
 * Depends on access.c and wait.c; must not depend on a group.
 */
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>

#include "taskdiag.h"

/**
 * taskdiag_mm_hold - take a reference to the address space of the current row
 * @target: the task of the row
 * @expected: the task had an address space when the row was begun
 * @caller: the caller
 * @ret: receives the address space; NULL if the task had none when the row was
 *	begun
 *
 * Context: Process context.  May sleep, within the time limits of the row.
 *
 * Return: 0, -ESTALE if the task has released it, or an error of
 * taskdiag_access_lock().
 */
int taskdiag_mm_hold(struct taskdiag_target *target, bool expected,
		     struct taskdiag_caller *caller, struct mm_struct **ret)
{
	struct mm_struct *mm;
	int err;

	err = taskdiag_access_lock(target, caller);
	if (err)
		return err;
	mm = get_task_mm(target->task);
	taskdiag_access_unlock(target);

	if (!mm && expected)
		return -ESTALE;
	*ret = mm;
	return 0;
}

/**
 * taskdiag_mm_drop - drop a reference of taskdiag_mm_hold()
 * @mm: the address space, or NULL
 *
 * If it is the last one, the caller does not wait until the memory is freed.
 */
void taskdiag_mm_drop(struct mm_struct *mm)
{
	if (mm)
		mmput_async(mm);
}

/**
 * taskdiag_mm_lock - take the mmap lock for reading
 * @mm: address space of the row's task
 * @timeout: time limits of the row and of the dump
 *
 * Context: Process context.  May sleep, within the time limits of the row.
 *
 * Return: 0, or an error of taskdiag_wait().
 */
int taskdiag_mm_lock(struct mm_struct *mm, struct taskdiag_timeout *timeout)
{
	int err;

	while (!mmap_read_trylock(mm)) {
		err = taskdiag_wait(timeout);
		if (err)
			return err;
	}
	return 0;
}
