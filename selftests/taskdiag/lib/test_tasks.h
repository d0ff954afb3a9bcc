/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who the tests of a program look at: a population, and specimens by name.
 * Knows how to make them all and how to end them all; knows no task_diag.
 */
#ifndef TASKDIAG_TEST_TASKS_H
#define TASKDIAG_TEST_TASKS_H

#include <stddef.h>
#include <sys/types.h>

#include "task_pool.h"
#include "special_task.h"

#define CAST_SPECIMENS 48

struct cast_kind {
	const char *name;	/* as a specimen */
	specimen_make make;
};

/* Arguments of a program, from its name on, with a NULL behind the last. */
#define CAST_ARGS 4

struct cast {
	struct population pop;		/* what went wrong is in pop.error */
	size_t nr;
	const char *name[CAST_SPECIMENS];
	struct specimen specimen[CAST_SPECIMENS];
};

/*
 * All that return an int return 0 or a negative errno, with a text in
 * cast::pop.error.  Names are those of the caller, and stay.
 */
int cast_begin(struct cast *c, const struct member_spec specs[], size_t nr);

/* Likewise with a zombie, one stopped with a thread, and two without a leader. */
int cast_begin_usual(struct cast *c);

/* One more specimen, by specimen_begin(). */
int cast_make(struct cast *c, const char *name, specimen_make make, void *arg);

/* One of each kind, likewise. */
int cast_make_all(struct cast *c, const struct cast_kind kinds[], size_t nr);

/* One more by specimen_exec(). */
int cast_exec(struct cast *c, const char *name, const char *path,
	      char *const argv[], char *const env[], specimen_make make);

/* One of each program by specimen_run(), but those that this machine lacks. */
int cast_run_all(struct cast *c, char *const programs[][CAST_ARGS], size_t nr);

/* NULL or 0 for a name that nobody has. */
struct specimen *cast_find(struct cast *c, const char *name);
pid_t cast_pid(struct cast *c, const char *name);

/* End and reap them all. */
void cast_end(struct cast *c);

#endif /* TASKDIAG_TEST_TASKS_H */
