/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A specimen: one process, or program, with one peculiarity, which keeps still
 * until it is ended and does not outlive the process that made it.  Knows how
 * to make one and when procfs shows that it keeps still; knows no task_diag.
 */
#ifndef TASKDIAG_SPECIAL_TASK_H
#define TASKDIAG_SPECIAL_TASK_H

#include <sys/types.h>

/* What special_task_exec() wants first in an environment of the caller's choice. */
#define SPECIAL_TASK_MARK "TASKDIAG_SPECIMEN=1"

/*
 * What becomes of standard input and output in a specimen: it says on the one
 * that it is ready, and sleeps until the other ends.
 */
struct special_task {
	pid_t pid;
	int report;
	int lifeline;
	char error[96];		/* what went wrong */
};

/* What makes it peculiar, in its process: 0 or a negative errno. */
typedef int (*special_task_setup)(void *arg);

/* All return 0 or a negative errno, with a text in special::error. */

/* A fork of the caller that is made peculiar by @make. */
int special_task_begin(struct special_task *s, special_task_setup make,
		       void *arg);

/*
 * The running program once more, under another name or with other arguments;
 * @make, which may be NULL, runs before that and special_task_main() behind.
 * @env NULL: none but what special_task_main() needs.
 */
int special_task_exec(struct special_task *s, const char *path,
		      char *const argv[], char *const env[],
		      special_task_setup make, void *arg);

/*
 * Any other program: it has to write a newline to standard output when it is
 * ready, and to end when standard input does.
 */
int special_task_run(struct special_task *s, char *const argv[]);

/*
 * The first that main() has to do in a program that special_task_exec() is to run:
 * returns only if this process is none.  In one @make, if given, is called with
 * the arguments that main() has.
 */
void special_task_main(int argc, char **argv,
		       int (*make)(int argc, char **argv));

/* Let it go on to the next thing, if it has a next ... */
int special_task_proceed(struct special_task *s);

/* ... and wait until it is ready again; if that fails, it is ended. */
int special_task_await(struct special_task *s);

/* Wait until no task of it runs, and none has for a while. */
int special_task_settle(struct special_task *s);

/* End it and reap it. */
void special_task_end(struct special_task *s);

/*
 * In a specimen that has a next thing: say that this one is ready, and sleep
 * until told to proceed; does not return at the end.
 */
void special_task_ready(void);

/* In a specimen: a child that sleeps until it is over.  Or a negative errno. */
pid_t special_task_fork_child(void);

#endif /* TASKDIAG_SPECIAL_TASK_H */
