/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A specimen: one process, or program, with one peculiarity, which keeps still
 * until it is ended and does not outlive the process that made it.  Knows how
 * to make one and when procfs shows that it keeps still; knows no task_diag.
 */
#ifndef TASKDIAG_SPECIAL_TASK_H
#define TASKDIAG_SPECIAL_TASK_H

#include <sys/types.h>

/* What specimen_exec() wants first in an environment of the caller's choice. */
#define SPECIMEN_MARK "TASKDIAG_SPECIMEN=1"

/*
 * What becomes of standard input and output in a specimen: it says on the one
 * that it is ready, and sleeps until the other ends.
 */
struct specimen {
	pid_t pid;
	int report;
	int lifeline;
	char error[96];		/* what went wrong */
};

/* What makes it peculiar, in its process: 0 or a negative errno. */
typedef int (*specimen_make)(void *arg);

/* All return 0 or a negative errno, with a text in specimen::error. */

/* A fork of the caller that is made peculiar by @make. */
int specimen_begin(struct specimen *s, specimen_make make, void *arg);

/*
 * The running program once more, under another name or with other arguments;
 * @make, which may be NULL, runs before that and specimen_be_one() behind.
 * @env NULL: none but what specimen_be_one() needs.
 */
int specimen_exec(struct specimen *s, const char *path, char *const argv[],
		  char *const env[], specimen_make make, void *arg);

/*
 * Any other program: it has to write a newline to standard output when it is
 * ready, and to end when standard input does.
 */
int specimen_run(struct specimen *s, char *const argv[]);

/*
 * The first that main() has to do in a program that specimen_exec() is to run:
 * returns only if this process is none.  In one @make, if given, is called with
 * the arguments that main() has.
 */
void specimen_be_one(int argc, char **argv, int (*make)(int argc, char **argv));

/* Let it go on to the next thing, if it has a next ... */
int specimen_proceed(struct specimen *s);

/* ... and wait until it is ready again; if that fails, it is ended. */
int specimen_await(struct specimen *s);

/* Wait until no task of it runs, and none has for a while. */
int specimen_settle(struct specimen *s);

/* End it and reap it. */
void specimen_end(struct specimen *s);

/*
 * In a specimen that has a next thing: say that this one is ready, and sleep
 * until told to proceed; does not return at the end.
 */
void specimen_be_ready(void);

/* In a specimen: a child that sleeps until it is over.  Or a negative errno. */
pid_t specimen_fork_sleeper(void);

#endif /* TASKDIAG_SPECIAL_TASK_H */
