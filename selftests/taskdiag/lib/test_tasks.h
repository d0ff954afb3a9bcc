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

#define TEST_TASKS_MAX 48

struct test_task_kind {
	const char *name;	/* as a specimen */
	special_task_setup make;
};

/* Arguments of a program, from its name on, with a NULL behind the last. */
#define TEST_TASKS_ARGS 4

struct test_tasks {
	struct task_pool pool;		/* what went wrong is in pop.error */
	size_t nr;
	const char *name[TEST_TASKS_MAX];
	struct special_task special[TEST_TASKS_MAX];
};

/*
 * All that return an int return 0 or a negative errno, with a text in
 * tasks::pop.error.  Names are those of the caller, and stay.
 */
int test_tasks_begin(struct test_tasks *c, const struct task_spec specs[],
		     size_t nr);

/* Likewise with a zombie, one stopped with a thread, and two without a leader. */
int test_tasks_begin_common(struct test_tasks *c);

/* One more specimen, by special_task_begin(). */
int test_tasks_add(struct test_tasks *c, const char *name,
		   special_task_setup make, void *arg);

/* One of each kind, likewise. */
int test_tasks_add_all(struct test_tasks *c,
		       const struct test_task_kind kinds[], size_t nr);

/* One more by special_task_exec(). */
int test_tasks_add_exec(struct test_tasks *c, const char *name,
			const char *path, char *const argv[], char *const env[],
			special_task_setup make);

/* One of each program by special_task_run(), but those that this machine lacks. */
int test_tasks_add_programs(struct test_tasks *c,
			    char *const programs[][TEST_TASKS_ARGS], size_t nr);

/* NULL or 0 for a name that nobody has. */
struct special_task *test_tasks_find(struct test_tasks *c, const char *name);
pid_t test_tasks_pid(struct test_tasks *c, const char *name);

/* End and reap them all. */
void test_tasks_end(struct test_tasks *c);

#endif /* TASKDIAG_TEST_TASKS_H */
