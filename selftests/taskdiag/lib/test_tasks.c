// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../kselftest.h"
#include "test_tasks.h"

int test_tasks_begin(struct test_tasks *c, const struct task_spec specs[],
		     size_t nr)
{
	return task_pool_begin(&c->pool) ?:
	       task_pool_add_all(&c->pool, specs, nr, 1);
}

int test_tasks_begin_common(struct test_tasks *c)
{
	static const struct task_spec specs[] = {
		{ .name = "zombie", .state = POOL_ZOMBIE },
		{ .name = "stopped", .state = POOL_STOPPED, .threads = 1 },
		{ .name = "leader exited",
		  .state = POOL_LEADER_EXITED,
		  .threads = 2 },
	};

	return test_tasks_begin(c, specs, ARRAY_SIZE(specs));
}

static struct special_task *next_task(struct test_tasks *c)
{
	if (c->nr < TEST_TASKS_MAX)
		return &c->special[c->nr];
	snprintf(c->pool.error, sizeof(c->pool.error),
		 "more than %d special tasks", TEST_TASKS_MAX);
	return NULL;
}

/* Register the new special task under @name, or store its error. */
static int finish_add(struct test_tasks *c, const char *name, int err)
{
	if (err)
		snprintf(c->pool.error, sizeof(c->pool.error), "%s: %s", name,
			 c->special[c->nr].error);
	else
		c->name[c->nr++] = name;
	return err;
}

int test_tasks_add(struct test_tasks *c, const char *name,
		   special_task_setup make, void *arg)
{
	struct special_task *s = next_task(c);

	return s ? finish_add(c, name, special_task_begin(s, make, arg)) :
		   -ENOSPC;
}

int test_tasks_add_all(struct test_tasks *c,
		       const struct test_task_kind kinds[], size_t nr)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < nr; i++)
		err = test_tasks_add(c, kinds[i].name, kinds[i].make, NULL);
	return err;
}

int test_tasks_add_exec(struct test_tasks *c, const char *name,
			const char *path, char *const argv[], char *const env[],
			special_task_setup make)
{
	struct special_task *s = next_task(c);

	return s ? finish_add(c, name,
			      special_task_exec(s, path, argv, env, make,
						NULL)) :
		   -ENOSPC;
}

static int add_program(struct test_tasks *c, char *const argv[])
{
	struct special_task *s = next_task(c);

	if (!s)
		return -ENOSPC;
	if (finish_add(c, argv[0], special_task_run(s, argv)))
		ksft_print_msg("skip program %s: %s\n", argv[0], s->error);
	return 0;
}

int test_tasks_add_programs(struct test_tasks *c,
			    char *const programs[][TEST_TASKS_ARGS], size_t nr)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < nr; i++)
		err = add_program(c, programs[i]);
	return err;
}

int test_tasks_begin_all(struct test_tasks *c,
			 const struct test_task_kind kinds[], size_t nr_kinds,
			 char *const programs[][TEST_TASKS_ARGS],
			 size_t nr_programs)
{
	return test_tasks_begin_common(c) ?:
	       test_tasks_add_all(c, kinds, nr_kinds) ?:
	       test_tasks_add_programs(c, programs, nr_programs) ?:
	       task_pool_settle(&c->pool);
}

struct special_task *test_tasks_find(struct test_tasks *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nr; i++)
		if (!strcmp(c->name[i], name))
			return &c->special[i];
	return NULL;
}

pid_t test_tasks_pid(struct test_tasks *c, const char *name)
{
	struct special_task *s = test_tasks_find(c, name);

	return s ? s->pid : 0;
}

bool test_tasks_has(const struct test_tasks *c, pid_t pid)
{
	size_t i;

	for (i = 0; i < c->nr; i++)
		if (c->special[i].pid == pid)
			return true;
	for (i = 0; i < c->pool.nr; i++)
		if (c->pool.task[i].pid == pid)
			return true;
	return false;
}

void test_tasks_end(struct test_tasks *c)
{
	while (c->nr)
		special_task_end(&c->special[--c->nr]);
	task_pool_end(&c->pool);
}
