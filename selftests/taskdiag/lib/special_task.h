/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A special task: a process or program with one unusual property.  It does not
 * change until it is ended, and ends with its parent.
 *
 * Depends on procfs.h; must not depend on task_diag.
 */
#ifndef TASKDIAG_SPECIAL_TASK_H
#define TASKDIAG_SPECIAL_TASK_H

#include <sys/types.h>

/* An environment passed to special_task_exec() must begin with this. */
#define SPECIAL_TASK_MARK "TASKDIAG_SPECIAL=1"

/*
 * A special task reports on its standard output that it is ready, and sleeps
 * until its standard input is closed.
 */
struct special_task {
	pid_t pid;
	int report;
	int input;
	char error[96];		/* what failed */
};

/*
 * Set up the property, in the process of the task.  Return 0 or a negative
 * errno.
 */
typedef int (*special_task_setup)(void *arg);

/*
 * All functions return 0 or a negative errno, with a text in
 * special_task::error.
 */

/* Fork a child that runs @make. */
int special_task_begin(struct special_task *s, special_task_setup make,
		       void *arg);

/*
 * Execute the running program again, with another name or other arguments.
 * @make, which may be NULL, runs before execve(), special_task_main() after it.
 * @env NULL: only the variable that special_task_main() needs.
 */
int special_task_exec(struct special_task *s, const char *path,
		      char *const argv[], char *const env[],
		      special_task_setup make, void *arg);

/*
 * Run any other program: it must write a newline to standard output when it is
 * ready, and end when standard input is closed.
 */
int special_task_run(struct special_task *s, char *const argv[]);

/*
 * main() of a program used with special_task_exec() must call this first.  It
 * returns only if the process is not a special task.  In a special task, @make,
 * if given, is called with the arguments of main().
 */
void special_task_main(int argc, char **argv,
		       int (*make)(int argc, char **argv));

/* Let the task continue with its next step, if it has one ... */
int special_task_proceed(struct special_task *s);

/* ... and wait until it is ready again; ends the task on failure. */
int special_task_await(struct special_task *s);

/* Wait until no thread of the task has run for a while. */
int special_task_settle(struct special_task *s);

/* End and reap the task. */
void special_task_end(struct special_task *s);

/*
 * In a special task with a next step: report that this step is ready, and sleep
 * until special_task_proceed().  Does not return if the task is to end.
 */
void special_task_ready(void);

/*
 * In a special task: fork a child that sleeps until the task ends.  Return its
 * pid or a negative errno.
 */
pid_t special_task_fork_child(void);

#endif /* TASKDIAG_SPECIAL_TASK_H */
