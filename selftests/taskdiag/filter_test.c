// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filters: that each of them, and each two of them, under every strategy, leaves
 * exactly what a reader of the whole dump would pick out.  How malformed ones
 * are refused is looked at in request_test.
 */
#include <sched.h>
#include <sys/prctl.h>

#include "lib/cgroups.h"
#include "lib/namespace.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

#define UID_A 3000
#define UID_B 3001
#define UID_NONE 54321
#define STATE(name) (1U << TASK_DIAG_##name)

/* As many numbers as fit an attribute beside its header. */
#define MOST_PIDS ((0xffff - NLA_HDRLEN) / sizeof(__u32))

static const struct identity a = {
	.uid = { UID_A, UID_A, UID_A, UID_A },
	.gid = { UID_A, UID_A, UID_A, UID_A },
};

/* It is the effective one that counts. */
static const struct identity b = {
	.uid = { UID_A, UID_B, UID_A, UID_A },
	.gid = { UID_A, UID_A, UID_A, UID_A },
};

static const struct member_spec kinds[] = {
	{ .name = "post 1", .who = &a },
	{ .name = "postgres", .who = &b, .threads = 2 },
	{ .name = "pos" },
	{ .name = "exactly fifteen", .pose = POSE_STOPPED, .who = &a },
	{ .name = "exactly fiftee", .pose = POSE_STOPPED },
	{ .name = "post 2", .pose = POSE_ZOMBIE, .who = &b },
	{ .name = "\xff\x01odd", .pose = POSE_TRACE_STOPPED },
	{ .name = "", .pose = POSE_ZOMBIE },
	{ .name = "posts", .threads = 3, .threads_differ = true, .who = &a },
	{ .name = "parent", .children = 3, .threads = 1, .who = &b },
	{ .name = "post gone", .pose = POSE_LEADER_GONE, .threads = 2 },
};

#define NR_KINDS ARRAY_SIZE(kinds)

/* By turns: these numbers have no common factor with that of the kinds. */
static const char * const groups[] = { "x", "x/y", "z", "/" };

/* Made once, before the tests. */
static struct population pop;
static const char *group_of[4 * NR_KINDS];
static struct idset known;		/* tasks that keep still */
static unsigned int pid_max;		/* numbers are below it */

static int read_pid_max(void)
{
	FILE *file = fopen("/proc/sys/kernel/pid_max", "re");
	int found;

	if (!file)
		return -errno;
	found = fscanf(file, "%u", &pid_max);
	fclose(file);
	return found == 1 ? 0 : -EINVAL;
}

static int make_population(void)
{
	int proc = procfs_open(), err;
	size_t i, j;

	err = population_begin(&pop);
	err = err ?: read_pid_max() ?: cgroups_begin() ?: cgroups_make("x") ?:
	      cgroups_make("x/y") ?: cgroups_make("z") ?: cgroups_make("empty");
	for (i = 0; !err && i < ARRAY_SIZE(group_of); i++) {
		err = population_add(&pop, &kinds[i % NR_KINDS]);
		group_of[i] = groups[i % ARRAY_SIZE(groups)];
		/* Zombies stay where they are, leaders of others too. */
		if (kinds[i % NR_KINDS].pose == POSE_ZOMBIE ||
		    kinds[i % NR_KINDS].pose == POSE_LEADER_GONE)
			group_of[i] = "/";
		else
			err = err ?: cgroups_move(group_of[i],
						  pop.member[i].pid);
	}
	err = err ?: population_settle(&pop);
	for (i = 0; !err && i < pop.nr; i++) {
		struct idset pids = {};

		err = idset_add(&pids, pop.member[i].pid) ?:
		      procfs_children(proc, pop.member[i].pid, &pids);
		if (pop.member[i].tracer)
			err = err ?: idset_add(&pids, pop.member[i].tracer);
		for (j = 0; !err && j < pids.nr; j++)
			err = procfs_threads(proc, pids.id[j], &known);
		idset_free(&pids);
	}
	close(proc);
	return err;
}

static void end_population(void)
{
	cgroups_end();
	population_end(&pop);
	idset_free(&known);
}

/* ---------------------------------------------------------------- filters */

/* Is the process of @row in the cgroup @name or one below? */
static bool in_cgroup(const struct td_row *row, const char *name)
{
	size_t i;

	if (!strcmp(name, "/"))
		return true;
	for (i = 0; i < pop.nr; i++)
		if ((__u32)pop.member[i].pid == row->msg.tgid)
			return !strncmp(group_of[i], name, strlen(name));
	return false;
}

struct choice {
	__u16 type;
	__u32 number;		/* uid, states */
	const char *text;	/* comm, name of a cgroup */
	unsigned int step;	/* pids: every so many members */
};

static const struct choice choices[] = {
	{ TASK_DIAG_CMD_ATTR_UID, .number = 0 },
	{ TASK_DIAG_CMD_ATTR_UID, .number = UID_A },
	{ TASK_DIAG_CMD_ATTR_UID, .number = UID_B },
	{ TASK_DIAG_CMD_ATTR_UID, .number = UID_NONE },
	{ TASK_DIAG_CMD_ATTR_CGROUP, .text = "/" },
	{ TASK_DIAG_CMD_ATTR_CGROUP, .text = "x" },
	{ TASK_DIAG_CMD_ATTR_CGROUP, .text = "x/y" },
	{ TASK_DIAG_CMD_ATTR_CGROUP, .text = "z" },
	{ TASK_DIAG_CMD_ATTR_CGROUP, .text = "empty" },
	{ TASK_DIAG_CMD_ATTR_STATES, .number = STATE(ZOMBIE) },
	{ TASK_DIAG_CMD_ATTR_STATES, .number = STATE(STOPPED) },
	{ TASK_DIAG_CMD_ATTR_STATES, .number = STATE(INTERRUPTIBLE) },
	{ TASK_DIAG_CMD_ATTR_STATES, .number = STATE(TRACE_STOP) | STATE(DEAD) },
	{
		TASK_DIAG_CMD_ATTR_STATES,
		.number = STATE(ZOMBIE) | STATE(STOPPED) | STATE(TRACE_STOP),
	},
	{ TASK_DIAG_CMD_ATTR_STATES, .number = 2 * STATE(IDLE) - 1 },
	{ TASK_DIAG_CMD_ATTR_COMM, .text = "p" },
	{ TASK_DIAG_CMD_ATTR_COMM, .text = "post" },
	{ TASK_DIAG_CMD_ATTR_COMM, .text = "post 1" },
	{ TASK_DIAG_CMD_ATTR_COMM, .text = "exactly fifteen" },
	{ TASK_DIAG_CMD_ATTR_COMM, .text = "exactly fiftee" },
	{ TASK_DIAG_CMD_ATTR_COMM, .text = "\xff\x01" },
	{ TASK_DIAG_CMD_ATTR_COMM, .text = "no such name" },
	{ TASK_DIAG_CMD_ATTR_PIDS, .step = 1 },
	{ TASK_DIAG_CMD_ATTR_PIDS, .step = 3 },
	{ TASK_DIAG_CMD_ATTR_PIDS, .step = 1000 },
};

/* The bytes that a choice is made of. */
struct payload {
	__u64 id;
	__u32 pids[1024];
	size_t nr;
};

/* Out of order, some twice, and one that nobody has. */
static void choose_pids(const struct choice *choice, struct payload *payload)
{
	size_t i;

	payload->nr = 0;
	payload->pids[payload->nr++] = td_free_pid();
	for (i = known.nr; i-- > 0;)
		if (i % choice->step == 0)
			payload->pids[payload->nr++] = known.id[i];
	payload->pids[payload->nr++] = known.id[0];
	payload->pids[payload->nr++] = payload->pids[0];
}

static struct td_filter make_filter(const struct choice *choice,
				    struct payload *payload)
{
	struct td_filter filter = { .type = choice->type };

	switch (choice->type) {
	case TASK_DIAG_CMD_ATTR_CGROUP:
		payload->id = cgroups_id(choice->text);
		filter.data = &payload->id;
		filter.len = sizeof(payload->id);
		break;
	case TASK_DIAG_CMD_ATTR_COMM:
		filter.data = choice->text;
		filter.len = strlen(choice->text);
		break;
	case TASK_DIAG_CMD_ATTR_PIDS:
		choose_pids(choice, payload);
		filter.data = payload->pids;
		filter.len = payload->nr * sizeof(payload->pids[0]);
		break;
	default:
		filter.data = &choice->number;
		filter.len = sizeof(choice->number);
	}
	return filter;
}

static bool holds(const struct choice *choice, const struct payload *payload,
		  const struct td_row *row)
{
	size_t i;

	switch (choice->type) {
	case TASK_DIAG_CMD_ATTR_UID:
		return row->cred.euid == choice->number;
	case TASK_DIAG_CMD_ATTR_CGROUP:
		return in_cgroup(row, choice->text);
	case TASK_DIAG_CMD_ATTR_STATES:
		return choice->number & 1U << row->base.state;
	case TASK_DIAG_CMD_ATTR_COMM:
		return !strncmp(row->base.comm, choice->text,
				strlen(choice->text));
	case TASK_DIAG_CMD_ATTR_PIDS:
		for (i = 0; i < payload->nr; i++)
			if (payload->pids[i] == row->msg.pid)
				return true;
		return false;
	}
	return false;
}

/* ---------------------------------------------------------------- tests */

FIXTURE(filter) {
	struct td_sock sock;
	int proc;
};

FIXTURE_SETUP(filter)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(filter)
{
	close(self->proc);
	td_close(&self->sock);
}

/*
 * Pick out of @whole what both hold for, and compare: all that keep still are
 * there or not, and of the others none is there that should not.
 */
static size_t expect_picked(struct __test_metadata *_metadata,
			    const struct td_answer *whole,
			    const struct td_answer *picked,
			    const struct choice *one, const struct choice *two,
			    const struct payload *payloads)
{
	size_t i, nr = 0;

	for (i = 0; i < whole->rows; i++) {
		const struct td_row *row = &whole->row[i];
		const bool expected = holds(one, &payloads[0], row) &&
				      holds(two, &payloads[1], row);

		if (!idset_has(&known, row->msg.pid))
			continue;
		EXPECT_EQ(expected, !!td_find(picked, row->msg.pid)) {
			TH_LOG("%u, \"%s\", state %u, euid %u: %zu and %zu",
			       row->msg.pid, row->base.comm, row->base.state,
			       row->cred.euid, one - choices, two - choices);
		}
		nr += expected;
	}
	for (i = 0; i < picked->rows; i++) {
		const struct td_row *row = &picked->row[i];

		EXPECT_TRUE(holds(one, &payloads[0], row) &&
			    holds(two, &payloads[1], row)) {
			TH_LOG("%u, \"%s\", state %u, euid %u: %zu and %zu",
			       row->msg.pid, row->base.comm, row->base.state,
			       row->cred.euid, one - choices, two - choices);
		}
	}
	return nr;
}

/* Each two choices, of which the one may be the other. */
static void pick_all(struct __test_metadata *_metadata, struct td_sock *sock,
		     const struct task_diag_pid *what, size_t at_least)
{
	static struct payload payloads[2];
	size_t i, j, picks = 0, empty = 0, full = 0;
	struct td_answer whole;
	struct idset ids = {};

	ASSERT_EQ(0, td_query(sock, what, NLM_F_DUMP, &whole));
	ASSERT_GOOD(&whole);
	for (i = 0; i < ARRAY_SIZE(choices); i++) {
		for (j = i; j < ARRAY_SIZE(choices); j++) {
			const struct td_filter filters[] = {
				make_filter(&choices[i], &payloads[0]),
				make_filter(&choices[j], &payloads[1]),
			};
			struct td_answer picked;
			size_t nr;

			/* Of an attribute given twice the last counts. */
			if (i != j && choices[i].type == choices[j].type)
				continue;
			ASSERT_EQ(0, td_query_for(sock, what, NLM_F_DUMP,
						  filters, i == j ? 1 : 2,
						  &picked));
			ASSERT_GOOD(&picked);
			ASSERT_EQ(0, view_of(&picked, &ids));
			nr = expect_picked(_metadata, &whole, &picked,
					   &choices[i], &choices[j], payloads);
			empty += !nr;
			full += nr > 0;
			picks++;
			idset_free(&ids);
			td_answer_free(&picked);
		}
	}
	EXPECT_LT(at_least, full);
	EXPECT_LT(0U, empty);
	TH_LOG("%zu picks of %zu rows, %zu empty", picks, whole.rows, empty);
	td_answer_free(&whole);
}

FIXTURE(picks) {
	struct td_sock sock;
};

FIXTURE_VARIANT(picks) {
	__u64 strategy;
	size_t member;		/* that is meant, if one is */
	size_t at_least;	/* so many picks bring something */
};

FIXTURE_VARIANT_ADD(picks, all) {
	.strategy = TASK_DIAG_DUMP_ALL, .at_least = 100,
};

FIXTURE_VARIANT_ADD(picks, all_thread) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD, .at_least = 100,
};

FIXTURE_VARIANT_ADD(picks, children) {
	.strategy = TASK_DIAG_DUMP_CHILDREN, .at_least = 100,
};

FIXTURE_VARIANT_ADD(picks, descendants) {
	.strategy = TASK_DIAG_DUMP_DESCENDANTS, .at_least = 100,
};

FIXTURE_VARIANT_ADD(picks, thread) {
	.strategy = TASK_DIAG_DUMP_THREAD, .member = 8, .at_least = 20,
};

FIXTURE_SETUP(picks)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
}

FIXTURE_TEARDOWN(picks)
{
	td_close(&self->sock);
}

TEST_F(picks, each_two)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = variant->strategy,
		.pid = variant->member ? pop.member[variant->member].pid :
					 pop.maker,
	};

	pick_all(_metadata, &self->sock, &what, variant->at_least);
}

/* ONE: the task, or the answer for a number that nobody has. */
TEST_F(filter, of_one)
{
	static struct payload payload;
	const struct task_diag_pid nobody = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = td_free_pid(),
	};
	static const __u16 flags[] = { 0, NLM_F_DUMP };
	size_t i, j, k, held = 0, missed = 0;
	struct td_answer none, a;

	for (k = 0; k < ARRAY_SIZE(flags); k++) {
		ASSERT_EQ(0, td_query(&self->sock, &nobody, flags[k], &none));
		for (i = 0; i < NR_KINDS; i++) {
			const struct task_diag_pid what = {
				.show_flags = TD_BASE_CRED,
				.dump_strategy = TASK_DIAG_DUMP_ONE,
				.pid = pop.member[i].pid,
			};
			struct td_answer whole;

			ASSERT_EQ(0, td_query(&self->sock, &what, 0, &whole));
			ASSERT_GOOD(&whole);
			for (j = 0; j < ARRAY_SIZE(choices); j++) {
				const struct choice *choice = &choices[j];
				const struct td_filter filter =
					make_filter(choice, &payload);

				ASSERT_EQ(0, td_query_for(&self->sock, &what,
							  flags[k], &filter, 1,
							  &a));
				ASSERT_STREQ("", a.fault);
				if (holds(choice, &payload, &whole.row[0])) {
					ASSERT_GOOD(&a);
					EXPECT_EQ(1U, a.rows);
					held++;
				} else {
					EXPECT_EQ(none.end.error, a.end.error);
					if (!td_had_no_say(&none))
						EXPECT_STREQ(none.end.text,
							     a.end.text);
					EXPECT_EQ(0U, a.rows);
					missed++;
				}
				td_answer_free(&a);
			}
			td_answer_free(&whole);
		}
		EXPECT_EQ(ESRCH, none.end.error);
		td_answer_free(&none);
	}
	EXPECT_LT(50U, held);
	EXPECT_LT(50U, missed);
}

/* All at once, and in any order. */
TEST_F(filter, all_of_them)
{
	const __u32 uid = UID_A, states = STATE(INTERRUPTIBLE);
	const __u64 cgroup = cgroups_id("/");
	const struct td_filter filters[] = {
		{ TASK_DIAG_CMD_ATTR_PIDS, known.id, known.nr * sizeof(__u32) },
		{ TASK_DIAG_CMD_ATTR_COMM, "post", 4 },
		{ TASK_DIAG_CMD_ATTR_STATES, &states, sizeof(states) },
		{ TASK_DIAG_CMD_ATTR_CGROUP, &cgroup, sizeof(cgroup) },
		{ TASK_DIAG_CMD_ATTR_UID, &uid, sizeof(uid) },
	};
	const struct task_diag_pid what = { .show_flags = TD_BASE_CRED };
	struct td_answer a;

	ASSERT_EQ(0, td_query_for(&self->sock, &what, NLM_F_DUMP, filters,
				  ARRAY_SIZE(filters), &a));
	ASSERT_GOOD(&a);
	/* "post 1" and "posts", of each generation. */
	EXPECT_EQ(2 * ARRAY_SIZE(group_of) / NR_KINDS, a.rows);
	td_answer_free(&a);
}

/* After the last number the first ones follow, as on a machine that had many. */
static __u32 number_after(pid_t pid, size_t n)
{
	return (pid - 1 + n) % (pid_max - 1) + 1;
}

/* Ten thousand numbers and more, in no order, nearly all of them nobody's. */
TEST_F(filter, a_list_of_many_numbers)
{
	const size_t lens[] = { 10000, MOST_PIDS };
	static __u32 numbers[MOST_PIDS];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		const struct td_filter filter = {
			TASK_DIAG_CMD_ATTR_PIDS, numbers,
			lens[i] * sizeof(__u32),
		};
		const struct task_diag_pid what = { .show_flags = TD_BASE_CRED };
		struct td_answer a;
		__u32 last = 0;

		/* 7919 is prime, and so all are there once. */
		for (j = 0; j < lens[i]; j++)
			numbers[j] = number_after(pop.member[0].pid,
						  j * 7919 % lens[i]);
		ASSERT_EQ(0, td_query_for(&self->sock, &what, NLM_F_DUMP,
					  &filter, 1, &a));
		ASSERT_GOOD(&a);
		for (j = 0; j < pop.nr; j++)
			EXPECT_NE(NULL, td_find(&a, pop.member[j].pid));
		for (j = 0; j < a.rows; j++) {
			EXPECT_LT(last, a.row[j].msg.pid);
			last = a.row[j].msg.pid;
		}
		td_answer_free(&a);
	}
}

/* With ALL a number is that of a process, with ALL_THREAD that of a thread. */
TEST_F(filter, a_list_of_threads)
{
	const struct task_diag_pid processes = { .show_flags = TD_BASE_CRED };
	const struct task_diag_pid threads = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	struct td_filter filter = { .type = TASK_DIAG_CMD_ATTR_PIDS };
	struct idset tids = {};
	struct td_answer a;

	ASSERT_EQ(0, procfs_threads(self->proc, pop.member[1].pid, &tids));
	ASSERT_EQ(3U, tids.nr);
	filter.data = tids.id;
	filter.len = tids.nr * sizeof(__u32);
	ASSERT_EQ(0, td_query_for(&self->sock, &processes, NLM_F_DUMP, &filter,
				  1, &a));
	ASSERT_GOOD(&a);
	EXPECT_EQ(1U, a.rows);
	td_answer_free(&a);
	ASSERT_EQ(0, td_query_for(&self->sock, &threads, NLM_F_DUMP, &filter, 1,
				  &a));
	ASSERT_GOOD(&a);
	EXPECT_EQ(3U, a.rows);
	td_answer_free(&a);
	idset_free(&tids);
}

/* The numbers are those of the pid namespace that the request is made for. */
TEST_F(filter, numbers_of_a_pid_namespace)
{
	pid_t child;

	/* The numbers are those of the mount, which proc_test looks at. */
	if (td_through_file)
		SKIP(return, "the file has no namespace of its sender");

	child = namespace_fork(CLONE_NEWPID);
	ASSERT_LE(0, child);
	if (!child) {
		const struct task_diag_pid what = { .show_flags = TD_BASE_CRED };
		const __u32 numbers[] = { 3, 1, 2, 500 };
		const struct td_filter filter = {
			TASK_DIAG_CMD_ATTR_PIDS, numbers, sizeof(numbers),
		};
		struct td_sock sock;
		struct td_answer a;
		pid_t second = fork();

		if (!second)
			for (;;)
				pause();
		EXPECT_EQ(2, second);
		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		ASSERT_EQ(0, td_query_for(&sock, &what, NLM_F_DUMP, &filter, 1,
					  &a));
		ASSERT_GOOD(&a);
		ASSERT_EQ(2U, a.rows);
		EXPECT_EQ(1U, a.row[0].msg.pid);
		EXPECT_EQ(2U, a.row[1].msg.pid);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/* The id is one of the sender's user namespace. */
TEST_F(filter, an_id_of_a_user_namespace)
{
	pid_t child = td_fork_as(_metadata, &a);

	if (!child) {
		const struct task_diag_pid what = { .show_flags = TD_BASE_CRED };
		__u32 uid = 0;
		const struct td_filter filter = {
			TASK_DIAG_CMD_ATTR_UID, &uid, sizeof(uid),
		};
		struct td_sock sock;
		struct td_answer answer;

		ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
		ASSERT_EQ(0, namespace_be_root());
		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		ASSERT_EQ(0, td_query_for(&sock, &what, NLM_F_DUMP, &filter, 1,
					  &answer));
		ASSERT_GOOD(&answer);
		/* Itself, if nobody else: and all of them root, as it is. */
		EXPECT_NE(NULL, td_find(&answer, getpid()));
		EXPECT_TRUE(view_only_of(&answer, 0, 0));
		td_answer_free(&answer);

		uid = UID_A;
		ASSERT_EQ(0, td_query_for(&sock, &what, NLM_F_DUMP, &filter, 1,
					  &answer));
		ASSERT_STREQ("", answer.fault);
		EXPECT_EQ(EINVAL, answer.end.error);
		EXPECT_SAYS(&answer, "uid: ");
		EXPECT_BLAMES(&answer, sizeof(struct td_request));
		td_answer_free(&answer);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/* A cgroup elsewhere does not exist in a cgroup namespace. */
TEST_F(filter, a_cgroup_of_a_cgroup_namespace)
{
	static const struct {
		const char *name;
		int error;
	} seen[] = {
		{ "x", 0 }, { "x/y", 0 }, { "z", ENOENT }, { "/", ENOENT },
	};
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		const struct task_diag_pid what = { .show_flags = TD_BASE_CRED };
		struct td_sock sock;
		struct td_answer a;
		size_t i;

		ASSERT_EQ(0, cgroups_move("x", getpid()));
		ASSERT_EQ(0, unshare(CLONE_NEWCGROUP));
		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		for (i = 0; i < ARRAY_SIZE(seen); i++) {
			const __u64 id = cgroups_id(seen[i].name);
			const struct td_filter filter = {
				TASK_DIAG_CMD_ATTR_CGROUP, &id, sizeof(id),
			};

			ASSERT_EQ(0, td_query_for(&sock, &what, NLM_F_DUMP,
						  &filter, 1, &a));
			ASSERT_STREQ("", a.fault);
			EXPECT_EQ(seen[i].error, a.end.error);
			EXPECT_EQ(!seen[i].error, a.rows > 0);
			if (seen[i].error)
				EXPECT_SAYS(&a, "cgroup: ");
			td_answer_free(&a);
		}
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

TEST_F(filter, a_cgroup_that_was_removed)
{
	const struct task_diag_pid what = { .show_flags = TD_BASE_CRED };
	struct td_answer a;
	__u64 id;
	const struct td_filter filter = {
		TASK_DIAG_CMD_ATTR_CGROUP, &id, sizeof(id),
	};

	ASSERT_EQ(0, cgroups_make("gone"));
	id = cgroups_id("gone");
	ASSERT_EQ(0, cgroups_remove("gone"));
	ASSERT_EQ(0, td_query_for(&self->sock, &what, NLM_F_DUMP, &filter, 1,
				  &a));
	ASSERT_STREQ("", a.fault);
	EXPECT_EQ(ENOENT, a.end.error);
	EXPECT_SAYS(&a, "cgroup: ");
	td_answer_free(&a);
}

/* It is removed while the dump is under way: the rest is told all the same. */
TEST_F(filter, a_cgroup_that_goes_away_meanwhile)
{
	const struct task_diag_pid what = { .show_flags = TD_BASE_CRED };
	struct td_answer a;
	__u64 id;
	const struct td_filter filter = {
		TASK_DIAG_CMD_ATTR_CGROUP, &id, sizeof(id),
	};
	int round;

	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, cgroups_make("going"));
		id = cgroups_id("going");
		ASSERT_EQ(0, td_ask_for(&self->sock, &what, NLM_F_DUMP, &filter,
					1));
		td_expect(&self->sock, &a, true);
		ASSERT_EQ(0, cgroups_remove("going"));
		ASSERT_EQ(0, td_receive(&self->sock, &a));
		ASSERT_GOOD(&a);
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
	}
}

/* Filters show nobody who could not be seen without. */
TEST_F(filter, those_who_may_not_be_seen)
{
	pid_t child = td_fork_as(_metadata, &a);

	if (!child) {
		const struct task_diag_pid what = { .show_flags = TD_BASE_CRED };
		static struct payload payload;
		struct td_sock sock;
		struct idset all = {};
		size_t i, j;

		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		ASSERT_EQ(0, view_over(&sock, &all));
		for (i = 0; i < ARRAY_SIZE(choices); i++) {
			const struct td_filter filter =
				make_filter(&choices[i], &payload);
			struct td_answer answer;

			ASSERT_EQ(0, td_query_for(&sock, &what, NLM_F_DUMP,
						  &filter, 1, &answer));
			ASSERT_GOOD(&answer);
			EXPECT_TRUE(view_only_of(&answer, UID_A, 0));
			for (j = 0; j < answer.rows; j++)
				EXPECT_TRUE(idset_has(&all,
						      answer.row[j].msg.pid));
			td_answer_free(&answer);
		}
		idset_free(&all);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/* What one asks for leaves nothing behind for the next. */
TEST_F(filter, a_request_later)
{
	const struct task_diag_pid what = { .show_flags = TD_BASE_CRED };
	static struct payload payload;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(choices); i++) {
		const struct td_filter filter =
			make_filter(&choices[i], &payload);
		struct td_answer a;

		ASSERT_EQ(0, td_query_for(&self->sock, &what, NLM_F_DUMP,
					  &filter, 1, &a));
		td_answer_free(&a);
		ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP, &a));
		ASSERT_GOOD(&a);
		EXPECT_LT(pop.nr, a.rows);
		td_answer_free(&a);
	}
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_population, end_population, pop.error);
}
