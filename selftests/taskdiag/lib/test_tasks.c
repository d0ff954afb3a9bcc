// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../kselftest.h"
#include "test_tasks.h"

int cast_begin(struct cast *c, const struct member_spec specs[], size_t nr)
{
	return population_begin(&c->pop) ?:
	       population_add_all(&c->pop, specs, nr, 1);
}

int cast_begin_usual(struct cast *c)
{
	static const struct member_spec specs[] = {
		{ .name = "zombie", .pose = POSE_ZOMBIE },
		{ .name = "stopped", .pose = POSE_STOPPED, .threads = 1 },
		{ .name = "leader gone", .pose = POSE_LEADER_GONE, .threads = 2 },
	};

	return cast_begin(c, specs, ARRAY_SIZE(specs));
}

static struct specimen *next(struct cast *c)
{
	if (c->nr < CAST_SPECIMENS)
		return &c->specimen[c->nr];
	snprintf(c->pop.error, sizeof(c->pop.error),
		 "more than %d specimens", CAST_SPECIMENS);
	return NULL;
}

/* What became of the specimen behind the last. */
static int made(struct cast *c, const char *name, int err)
{
	if (err)
		snprintf(c->pop.error, sizeof(c->pop.error), "%s: %s", name,
			 c->specimen[c->nr].error);
	else
		c->name[c->nr++] = name;
	return err;
}

int cast_make(struct cast *c, const char *name, specimen_make make, void *arg)
{
	struct specimen *s = next(c);

	return s ? made(c, name, specimen_begin(s, make, arg)) : -ENOSPC;
}

int cast_make_all(struct cast *c, const struct cast_kind kinds[], size_t nr)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < nr; i++)
		err = cast_make(c, kinds[i].name, kinds[i].make, NULL);
	return err;
}

int cast_exec(struct cast *c, const char *name, const char *path,
	      char *const argv[], char *const env[], specimen_make make)
{
	struct specimen *s = next(c);

	return s ? made(c, name, specimen_exec(s, path, argv, env, make, NULL)) :
		   -ENOSPC;
}

static int run(struct cast *c, char *const argv[])
{
	struct specimen *s = next(c);

	if (!s)
		return -ENOSPC;
	if (made(c, argv[0], specimen_run(s, argv)))
		ksft_print_msg("no %s here: %s\n", argv[0], s->error);
	return 0;
}

int cast_run_all(struct cast *c, char *const programs[][CAST_ARGS], size_t nr)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < nr; i++)
		err = run(c, programs[i]);
	return err;
}

struct specimen *cast_find(struct cast *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nr; i++)
		if (!strcmp(c->name[i], name))
			return &c->specimen[i];
	return NULL;
}

pid_t cast_pid(struct cast *c, const char *name)
{
	struct specimen *s = cast_find(c, name);

	return s ? s->pid : 0;
}

void cast_end(struct cast *c)
{
	while (c->nr)
		specimen_end(&c->specimen[--c->nr]);
	population_end(&c->pop);
}
