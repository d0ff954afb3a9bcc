/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test tasks of a program: a task pool, and special tasks with names.
 *
 * Depends on task_pool.h and special_task.h; must not depend on task_diag.
 */
#ifndef TASKDIAG_TEST_TASKS_H
#define TASKDIAG_TEST_TASKS_H

#include <stddef.h>
#include <sys/types.h>

#include "task_pool.h"
#include "special_task.h"

#define TEST_TASKS_MAX 48

struct test_task_kind {
	const char *name;	/* of the special task */
	special_task_setup make;
};

/* Arguments of a program, with its name first and NULL after the last. */
#define TEST_TASKS_ARGS 4

struct test_tasks {
	struct task_pool pool;		/* errors are in pool.error */
	size_t nr;
	const char *name[TEST_TASKS_MAX];
	struct special_task special[TEST_TASKS_MAX];
};

/*
 * Functions that return an int return 0 or a negative errno, with a text in
 * test_tasks::pool.error.  Names must outlive the test tasks.
 */
int test_tasks_begin(struct test_tasks *c, const struct task_spec specs[],
		     size_t nr);

/*
 * test_tasks_begin() with a zombie, a stopped process with a thread, and a
 * process whose leader has exited.
 */
int test_tasks_begin_common(struct test_tasks *c);

/* Add a special task by special_task_begin(). */
int test_tasks_add(struct test_tasks *c, const char *name,
		   special_task_setup make, void *arg);

/* Add one special task of each kind. */
int test_tasks_add_all(struct test_tasks *c,
		       const struct test_task_kind kinds[], size_t nr);

/* Add a special task by special_task_exec(). */
int test_tasks_add_exec(struct test_tasks *c, const char *name,
			const char *path, char *const argv[], char *const env[],
			special_task_setup make);

/*
 * Add each program by special_task_run(), except those that are not installed.
 */
int test_tasks_add_programs(struct test_tasks *c,
			    char *const programs[][TEST_TASKS_ARGS], size_t nr);

/* test_tasks_begin_common(), all kinds and programs, then settle the pool. */
int test_tasks_begin_all(struct test_tasks *c,
			 const struct test_task_kind kinds[], size_t nr_kinds,
			 char *const programs[][TEST_TASKS_ARGS],
			 size_t nr_programs);

/* Return NULL or 0 if no task has this name. */
struct special_task *test_tasks_find(struct test_tasks *c, const char *name);
pid_t test_tasks_pid(struct test_tasks *c, const char *name);

/* Return whether a test task has this pid. */
bool test_tasks_has(const struct test_tasks *c, pid_t pid);

/* End and reap all of them. */
void test_tasks_end(struct test_tasks *c);

#endif /* TASKDIAG_TEST_TASKS_H */
