// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filters: each filter and each pair of filters, under each strategy, selects
 * exactly the tasks that a reader of the complete dump would select.
 * request_test tests malformed filters.
 */
#include <sched.h>
#include <sys/prctl.h>

#include "lib/cgroups.h"
#include "lib/namespace.h"
#include "lib/procfs.h"
#include "lib/procfs_mount.h"
#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

#define UID_A 3000
#define UID_B 3001
#define UID_NONE 54321
#define STATE(name) (1U << TASK_DIAG_##name)

/* Maximum number of pids in one attribute, whose length has 16 bits. */
#define MOST_PIDS ((0xffff - NLA_HDRLEN) / sizeof(__u32))

static const struct credentials user_a = {
	.uid = { UID_A, UID_A, UID_A, UID_A },
	.gid = { UID_A, UID_A, UID_A, UID_A },
};

/* The filter compares the effective uid. */
static const struct credentials user_b = {
	.uid = { UID_A, UID_B, UID_A, UID_A },
	.gid = { UID_A, UID_A, UID_A, UID_A },
};

static const struct task_spec kinds[] = {
	{ .name = "post 1", .creds = &user_a },
	{ .name = "postgres", .creds = &user_b, .threads = 2 },
	{ .name = "pos" },
	{ .name = "exactly fifteen", .state = POOL_STOPPED, .creds = &user_a },
	{ .name = "exactly fiftee", .state = POOL_STOPPED },
	{ .name = "post 2", .state = POOL_ZOMBIE, .creds = &user_b },
	{ .name = "\xff\x01odd", .state = POOL_TRACE_STOPPED },
	{ .name = "", .state = POOL_ZOMBIE },
	{ .name = "posts",
	  .threads = 3,
	  .threads_differ = true,
	  .creds = &user_a },
	{ .name = "parent", .children = 3, .threads = 1, .creds = &user_b },
	{ .name = "post exited", .state = POOL_LEADER_EXITED, .threads = 2 },
};

#define NR_KINDS ARRAY_SIZE(kinds)

/* Assigned in turn; the number of kinds and of cgroups are coprime. */
static const char * const groups[] = { "x", "x/y", "z", "/" };

/* Made once, before the tests. */
static struct task_pool pool;
static const char *group_of[4 * NR_KINDS];
static struct pid_set known;		/* tasks that do not change */
static unsigned int pid_max;		/* exclusive upper bound of pids */

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

static int make_pool(void)
{
	int proc = procfs_open(), err;
	size_t i, j;

	err = procfs_hide_others() ?: task_pool_begin(&pool);
	err = err ?: read_pid_max() ?: cgroups_begin() ?: cgroups_make("x") ?:
	      cgroups_make("x/y") ?: cgroups_make("z") ?: cgroups_make("empty");
	for (i = 0; !err && i < ARRAY_SIZE(group_of); i++) {
		err = task_pool_add(&pool, &kinds[i % NR_KINDS]);
		group_of[i] = groups[i % ARRAY_SIZE(groups)];
		/*
		 * Zombies cannot be moved, nor can processes whose leader is
		 * one.
		 */
		if (kinds[i % NR_KINDS].state == POOL_ZOMBIE ||
		    kinds[i % NR_KINDS].state == POOL_LEADER_EXITED)
			group_of[i] = "/";
		else
			err = err ?: cgroups_move(group_of[i],
						  pool.task[i].pid);
	}
	err = err ?: task_pool_settle(&pool);
	for (i = 0; !err && i < pool.nr; i++) {
		struct pid_set pids = {};

		err = pid_set_add(&pids, pool.task[i].pid) ?:
		      procfs_children(proc, pool.task[i].pid, &pids);
		if (pool.task[i].tracer)
			err = err ?: pid_set_add(&pids, pool.task[i].tracer);
		for (j = 0; !err && j < pids.nr; j++)
			err = procfs_threads(proc, pids.id[j], &known);
		pid_set_free(&pids);
	}
	close(proc);
	return err;
}

static void end_pool(void)
{
	cgroups_end();
	task_pool_end(&pool);
	pid_set_free(&known);
}

/* --- filters -------------------------------------------------------------- */

/* Return true if the process of @row is in cgroup @name or below it. */
static bool in_cgroup(const struct td_row *row, const char *name)
{
	size_t i;

	if (!strcmp(name, "/"))
		return true;
	for (i = 0; i < pool.nr; i++)
		if ((__u32)pool.task[i].pid == row->msg.tgid)
			return !strncmp(group_of[i], name, strlen(name));
	return false;
}

struct filter_case {
	__u16 type;
	__u32 value;		/* uid or set of states */
	const char *text;	/* comm or name of a cgroup */
	unsigned int step;	/* for pids: every step-th known task */
};

static const struct filter_case filter_cases[] = {
	{ TASK_DIAG_CMD_ATTR_UID, .value = 0 },
	{ TASK_DIAG_CMD_ATTR_UID, .value = UID_A },
	{ TASK_DIAG_CMD_ATTR_UID, .value = UID_B },
	{ TASK_DIAG_CMD_ATTR_UID, .value = UID_NONE },
	{ TASK_DIAG_CMD_ATTR_CGROUP, .text = "/" },
	{ TASK_DIAG_CMD_ATTR_CGROUP, .text = "x" },
	{ TASK_DIAG_CMD_ATTR_CGROUP, .text = "x/y" },
	{ TASK_DIAG_CMD_ATTR_CGROUP, .text = "z" },
	{ TASK_DIAG_CMD_ATTR_CGROUP, .text = "empty" },
	{ TASK_DIAG_CMD_ATTR_STATES, .value = STATE(ZOMBIE) },
	{ TASK_DIAG_CMD_ATTR_STATES, .value = STATE(STOPPED) },
	{ TASK_DIAG_CMD_ATTR_STATES, .value = STATE(INTERRUPTIBLE) },
	{ TASK_DIAG_CMD_ATTR_STATES, .value = STATE(TRACE_STOP) | STATE(DEAD) },
	{
		TASK_DIAG_CMD_ATTR_STATES,
		.value = STATE(ZOMBIE) | STATE(STOPPED) | STATE(TRACE_STOP),
	},
	{ TASK_DIAG_CMD_ATTR_STATES, .value = 2 * STATE(IDLE) - 1 },
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

/* The data of a filter attribute. */
struct filter_data {
	__u64 id;
	__u32 pids[1024];
	size_t nr;
};

/* Unordered pids with duplicates and one unused pid. */
static void fill_pids(const struct filter_case *filter_case,
		      struct filter_data *filter_data)
{
	size_t i;

	filter_data->nr = 0;
	filter_data->pids[filter_data->nr++] = td_unused_pid();
	for (i = known.nr; i-- > 0;)
		if (i % filter_case->step == 0)
			filter_data->pids[filter_data->nr++] = known.id[i];
	filter_data->pids[filter_data->nr++] = known.id[0];
	filter_data->pids[filter_data->nr++] = filter_data->pids[0];
}

static struct td_filter make_filter(const struct filter_case *filter_case,
				    struct filter_data *filter_data)
{
	struct td_filter filter = { .type = filter_case->type };

	switch (filter_case->type) {
	case TASK_DIAG_CMD_ATTR_CGROUP:
		filter_data->id = cgroups_id(filter_case->text);
		filter.data = &filter_data->id;
		filter.len = sizeof(filter_data->id);
		break;
	case TASK_DIAG_CMD_ATTR_COMM:
		filter.data = filter_case->text;
		filter.len = strlen(filter_case->text);
		break;
	case TASK_DIAG_CMD_ATTR_PIDS:
		fill_pids(filter_case, filter_data);
		filter.data = filter_data->pids;
		filter.len = filter_data->nr * sizeof(filter_data->pids[0]);
		break;
	default:
		filter.data = &filter_case->value;
		filter.len = sizeof(filter_case->value);
	}
	return filter;
}

static bool case_matches(const struct filter_case *filter_case,
			 const struct filter_data *filter_data,
			 const struct td_row *row)
{
	size_t i;

	switch (filter_case->type) {
	case TASK_DIAG_CMD_ATTR_UID:
		return row->cred.euid == filter_case->value;
	case TASK_DIAG_CMD_ATTR_CGROUP:
		return in_cgroup(row, filter_case->text);
	case TASK_DIAG_CMD_ATTR_STATES:
		return filter_case->value & 1U << row->base.state;
	case TASK_DIAG_CMD_ATTR_COMM:
		return !strncmp(row->base.comm, filter_case->text,
				strlen(filter_case->text));
	case TASK_DIAG_CMD_ATTR_PIDS:
		for (i = 0; i < filter_data->nr; i++)
			if (filter_data->pids[i] == row->msg.pid)
				return true;
		return false;
	}
	return false;
}

/* --- tests ---------------------------------------------------------------- */

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
 * Compare @picked with the rows of @whole that match both filters: for tasks
 * that do not change in both directions, for all others only that each reported
 * row matches.  Returns the number of matches.
 */
static size_t expect_filtered(struct __test_metadata *_metadata,
			      const struct td_answer *whole,
			      const struct td_answer *picked,
			      const struct filter_case *one,
			      const struct filter_case *two,
			      const struct filter_data *filter_datas)
{
	size_t i, nr = 0;

	for (i = 0; i < whole->rows; i++) {
		const struct td_row *row = &whole->row[i];
		const bool expected =
			case_matches(one, &filter_datas[0], row) &&
			case_matches(two, &filter_datas[1], row);

		if (!pid_set_has(&known, row->msg.pid))
			continue;
		EXPECT_EQ(expected, !!td_find_row(picked, row->msg.pid)) {
			TH_LOG("%u, \"%s\", state %u, euid %u: cases %zu and %zu",
			       row->msg.pid, row->base.comm, row->base.state,
			       row->cred.euid, one - filter_cases,
			       two - filter_cases);
		}
		nr += expected;
	}
	for (i = 0; i < picked->rows; i++) {
		const struct td_row *row = &picked->row[i];

		EXPECT_TRUE(case_matches(one, &filter_datas[0], row) &&
			    case_matches(two, &filter_datas[1], row)) {
			TH_LOG("%u, \"%s\", state %u, euid %u: cases %zu and %zu",
			       row->msg.pid, row->base.comm, row->base.state,
			       row->cred.euid, one - filter_cases,
			       two - filter_cases);
		}
	}
	return nr;
}

/* Test each pair of filters, including a filter with itself. */
static void test_all_pairs(struct __test_metadata *_metadata,
			   struct td_sock *sock,
			   const struct task_diag_pid *query, size_t at_least)
{
	static struct filter_data filter_datas[2];
	size_t i, j, combinations = 0, empty = 0, full = 0;
	struct td_answer whole;
	struct pid_set ids = {};

	ASSERT_EQ(0, td_query(sock, query, NLM_F_DUMP, &whole));
	ASSERT_SUCCESS(&whole);
	for (i = 0; i < ARRAY_SIZE(filter_cases); i++) {
		for (j = i; j < ARRAY_SIZE(filter_cases); j++) {
			const struct td_filter filters[] = {
				make_filter(&filter_cases[i], &filter_datas[0]),
				make_filter(&filter_cases[j], &filter_datas[1]),
			};
			struct td_answer picked;
			size_t nr;

			/* Of a duplicate attribute the last one counts. */
			if (i != j &&
			    filter_cases[i].type == filter_cases[j].type)
				continue;
			ASSERT_EQ(0, td_query_filtered(sock, query, NLM_F_DUMP,
						       filters, i == j ? 1 : 2,
						       &picked));
			ASSERT_SUCCESS(&picked);
			ASSERT_EQ(0, visible_pids_in(&picked, &ids));
			nr = expect_filtered(_metadata, &whole, &picked,
					     &filter_cases[i], &filter_cases[j],
					     filter_datas);
			empty += !nr;
			full += nr > 0;
			combinations++;
			pid_set_free(&ids);
			td_answer_free(&picked);
		}
	}
	EXPECT_LT(at_least, full);
	EXPECT_LT(0U, empty);
	TH_LOG("%zu filter pairs on %zu rows, %zu empty results", combinations,
	       whole.rows, empty);
	td_answer_free(&whole);
}

FIXTURE(filter_pair) {
	struct td_sock sock;
};

FIXTURE_VARIANT(filter_pair) {
	__u64 strategy;
	size_t task_index;		/* queried task, 0: pool.parent */
	size_t at_least;	/* minimum of non-empty results */
};

FIXTURE_VARIANT_ADD(filter_pair, all) {
	.strategy = TASK_DIAG_DUMP_ALL, .at_least = 100,
};

FIXTURE_VARIANT_ADD(filter_pair, all_thread) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD, .at_least = 100,
};

FIXTURE_VARIANT_ADD(filter_pair, children) {
	.strategy = TASK_DIAG_DUMP_CHILDREN, .at_least = 100,
};

FIXTURE_VARIANT_ADD(filter_pair, descendants) {
	.strategy = TASK_DIAG_DUMP_DESCENDANTS, .at_least = 100,
};

FIXTURE_VARIANT_ADD(filter_pair, thread) {
	.strategy = TASK_DIAG_DUMP_THREAD, .task_index = 8, .at_least = 20,
};

FIXTURE_SETUP(filter_pair)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
}

FIXTURE_TEARDOWN(filter_pair)
{
	td_close(&self->sock);
}

TEST_F(filter_pair, selects_tasks_that_match_both)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = variant->strategy,
		.pid = variant->task_index ?
			       pool.task[variant->task_index].pid :
			       pool.parent,
	};

	test_all_pairs(_metadata, &self->sock, &query, variant->at_least);
}

/* ONE: the row of the task, or the same error as for an unused pid. */
TEST_F(filter, one_is_reported_or_gets_esrch)
{
	static struct filter_data filter_data;
	const struct task_diag_pid unused = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = td_unused_pid(),
	};
	static const __u16 flags[] = { 0, NLM_F_DUMP };
	size_t i, j, k, held = 0, missed = 0;
	struct td_answer none, a;

	for (k = 0; k < ARRAY_SIZE(flags); k++) {
		ASSERT_EQ(0, td_query(&self->sock, &unused, flags[k], &none));
		for (i = 0; i < NR_KINDS; i++) {
			const struct task_diag_pid query = {
				.show_flags = TD_BASE_CRED,
				.dump_strategy = TASK_DIAG_DUMP_ONE,
				.pid = pool.task[i].pid,
			};
			struct td_answer whole;

			ASSERT_EQ(0, td_query(&self->sock, &query, 0, &whole));
			ASSERT_SUCCESS(&whole);
			for (j = 0; j < ARRAY_SIZE(filter_cases); j++) {
				const struct filter_case *filter_case =
					&filter_cases[j];
				const struct td_filter filter =
					make_filter(filter_case, &filter_data);

				ASSERT_EQ(0, td_query_filtered(&self->sock,
							       &query, flags[k],
							       &filter, 1, &a));
				ASSERT_STREQ("", a.fault);
				if (case_matches(filter_case, &filter_data,
						 &whole.row[0])) {
					ASSERT_SUCCESS(&a);
					EXPECT_EQ(1U, a.rows);
					held++;
				} else {
					EXPECT_EQ(none.end.error, a.end.error);
					if (!td_lacks_start_extack(&none))
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

/* All filters in one request, in another order. */
TEST_F(filter, all_filters_combined_select_intersection)
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
	const struct task_diag_pid query = { .show_flags = TD_BASE_CRED };
	struct td_answer a;

	ASSERT_EQ(0, td_query_filtered(&self->sock, &query, NLM_F_DUMP, filters,
				       ARRAY_SIZE(filters), &a));
	ASSERT_SUCCESS(&a);
	/* "post 1" and "posts" of each generation. */
	EXPECT_EQ(2 * ARRAY_SIZE(group_of) / NR_KINDS, a.rows);
	td_answer_free(&a);
}

/* Pids wrap around to the lowest ones after pid_max. */
static __u32 pid_after(pid_t pid, size_t n)
{
	return (pid - 1 + n) % (pid_max - 1) + 1;
}

/* More than ten thousand unordered pids, most of them unused. */
TEST_F(filter, pids_takes_list_of_maximum_length)
{
	const size_t lens[] = { 10000, MOST_PIDS };
	static __u32 pids[MOST_PIDS];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		const struct td_filter filter = {
			TASK_DIAG_CMD_ATTR_PIDS, pids,
			lens[i] * sizeof(__u32),
		};
		const struct task_diag_pid query = { .show_flags =
							     TD_BASE_CRED };
		struct td_answer a;
		__u32 last = 0;

		/* 7919 is prime, so each pid occurs once. */
		for (j = 0; j < lens[i]; j++)
			pids[j] = pid_after(pool.task[0].pid,
					    j * 7919 % lens[i]);
		ASSERT_EQ(0, td_query_filtered(&self->sock, &query, NLM_F_DUMP,
					       &filter, 1, &a));
		ASSERT_SUCCESS(&a);
		for (j = 0; j < pool.nr; j++)
			EXPECT_NE(NULL, td_find_row(&a, pool.task[j].pid));
		for (j = 0; j < a.rows; j++) {
			EXPECT_LT(last, a.row[j].msg.pid);
			last = a.row[j].msg.pid;
		}
		td_answer_free(&a);
	}
}

/* With ALL a pid selects a process, with ALL_THREAD a thread. */
TEST_F(filter, pids_selects_threads_under_all_thread)
{
	const struct task_diag_pid processes = { .show_flags = TD_BASE_CRED };
	const struct task_diag_pid threads = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	struct td_filter filter = { .type = TASK_DIAG_CMD_ATTR_PIDS };
	struct pid_set tids = {};
	struct td_answer a;

	ASSERT_EQ(0, procfs_threads(self->proc, pool.task[1].pid, &tids));
	ASSERT_EQ(3U, tids.nr);
	filter.data = tids.id;
	filter.len = tids.nr * sizeof(__u32);
	ASSERT_EQ(0, td_query_filtered(&self->sock, &processes, NLM_F_DUMP,
				       &filter, 1, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_EQ(1U, a.rows);
	td_answer_free(&a);
	ASSERT_EQ(0, td_query_filtered(&self->sock, &threads, NLM_F_DUMP,
				       &filter, 1, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_EQ(3U, a.rows);
	td_answer_free(&a);
	pid_set_free(&tids);
}

/* The pids are those of the pid namespace of the request. */
TEST_F(filter, pids_are_those_of_pid_namespace_of_sender)
{
	pid_t child;

	/*
	 * The file has the pid namespace of its mount; proc_test covers that.
	 */
	if (td_use_file)
		SKIP(return, "the file uses the pid namespace of its mount");

	child = namespace_fork(CLONE_NEWPID);
	ASSERT_LE(0, child);
	if (!child) {
		const struct task_diag_pid query = { .show_flags =
							     TD_BASE_CRED };
		const __u32 pids[] = { 3, 1, 2, 500 };
		const struct td_filter filter = {
			TASK_DIAG_CMD_ATTR_PIDS, pids, sizeof(pids),
		};
		struct td_sock sock;
		struct td_answer a;
		pid_t second = fork();

		if (!second)
			for (;;)
				pause();
		EXPECT_EQ(2, second);
		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		ASSERT_EQ(0, td_query_filtered(&sock, &query, NLM_F_DUMP,
					       &filter, 1, &a));
		ASSERT_SUCCESS(&a);
		ASSERT_EQ(2U, a.rows);
		EXPECT_EQ(1U, a.row[0].msg.pid);
		EXPECT_EQ(2U, a.row[1].msg.pid);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/* The uid is one of the sender's user namespace. */
TEST_F(filter, uid_is_that_of_user_namespace_of_sender)
{
	pid_t child = td_fork_as(_metadata, &user_a);

	if (!child) {
		const struct task_diag_pid query = { .show_flags =
							     TD_BASE_CRED };
		__u32 uid = 0;
		const struct td_filter filter = {
			TASK_DIAG_CMD_ATTR_UID, &uid, sizeof(uid),
		};
		struct td_sock sock;
		struct td_answer answer;

		ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
		ASSERT_EQ(0, namespace_become_root());
		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		ASSERT_EQ(0, td_query_filtered(&sock, &query, NLM_F_DUMP,
					       &filter, 1, &answer));
		ASSERT_SUCCESS(&answer);
		/*
		 * The reply contains this process at least; all rows have uid
		 * 0.
		 */
		EXPECT_NE(NULL, td_find_row(&answer, getpid()));
		EXPECT_TRUE(rows_only_of(&answer, 0, 0));
		td_answer_free(&answer);

		uid = UID_A;
		ASSERT_EQ(0, td_query_filtered(&sock, &query, NLM_F_DUMP,
					       &filter, 1, &answer));
		ASSERT_STREQ("", answer.fault);
		EXPECT_EQ(EINVAL, answer.end.error);
		EXPECT_EXTACK_TEXT(&answer, "uid: ");
		EXPECT_EXTACK_OFFSET(&answer, sizeof(struct td_request));
		td_answer_free(&answer);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/* In a cgroup namespace, a cgroup outside does not exist. */
TEST_F(filter, cgroup_outside_cgroup_namespace_gets_enoent)
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
		const struct task_diag_pid query = { .show_flags =
							     TD_BASE_CRED };
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

			ASSERT_EQ(0,
				  td_query_filtered(&sock, &query, NLM_F_DUMP,
						    &filter, 1, &a));
			ASSERT_STREQ("", a.fault);
			EXPECT_EQ(seen[i].error, a.end.error);
			EXPECT_EQ(!seen[i].error, a.rows > 0);
			if (seen[i].error)
				EXPECT_EXTACK_TEXT(&a, "cgroup: ");
			td_answer_free(&a);
		}
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

TEST_F(filter, removed_cgroup_gets_enoent)
{
	const struct task_diag_pid query = { .show_flags = TD_BASE_CRED };
	struct td_answer a;
	__u64 id;
	const struct td_filter filter = {
		TASK_DIAG_CMD_ATTR_CGROUP, &id, sizeof(id),
	};

	ASSERT_EQ(0, cgroups_make("gone"));
	id = cgroups_id("gone");
	ASSERT_EQ(0, cgroups_remove("gone"));
	ASSERT_EQ(0, td_query_filtered(&self->sock, &query, NLM_F_DUMP, &filter,
				       1, &a));
	ASSERT_STREQ("", a.fault);
	EXPECT_EQ(ENOENT, a.end.error);
	EXPECT_EXTACK_TEXT(&a, "cgroup: ");
	td_answer_free(&a);
}

/* The cgroup is removed during the dump, which must still be complete. */
TEST_F(filter, cgroup_removed_during_dump_gives_complete_dump)
{
	const struct task_diag_pid query = { .show_flags = TD_BASE_CRED };
	struct td_answer a;
	__u64 id;
	const struct td_filter filter = {
		TASK_DIAG_CMD_ATTR_CGROUP, &id, sizeof(id),
	};
	int round;

	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, cgroups_make("going"));
		id = cgroups_id("going");
		ASSERT_EQ(0, td_send_filtered(&self->sock, &query, NLM_F_DUMP,
					      &filter, 1));
		td_answer_init(&self->sock, &a, true);
		ASSERT_EQ(0, cgroups_remove("going"));
		ASSERT_EQ(0, td_receive(&self->sock, &a));
		ASSERT_SUCCESS(&a);
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
	}
}

/* Filters report no task that a dump without filters hides. */
TEST_F(filter, hidden_tasks_stay_hidden)
{
	pid_t child = td_fork_as(_metadata, &user_a);

	if (!child) {
		const struct task_diag_pid query = { .show_flags =
							     TD_BASE_CRED };
		static struct filter_data filter_data;
		struct td_sock sock;
		struct pid_set all = {};
		size_t i, j;

		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		ASSERT_EQ(0, visible_pids_over(&sock, &all));
		for (i = 0; i < ARRAY_SIZE(filter_cases); i++) {
			const struct td_filter filter =
				make_filter(&filter_cases[i], &filter_data);
			struct td_answer answer;

			ASSERT_EQ(0,
				  td_query_filtered(&sock, &query, NLM_F_DUMP,
						    &filter, 1, &answer));
			ASSERT_SUCCESS(&answer);
			EXPECT_TRUE(rows_only_of(&answer, UID_A, 0));
			for (j = 0; j < answer.rows; j++)
				EXPECT_TRUE(pid_set_has(&all,
							answer.row[j].msg.pid));
			td_answer_free(&answer);
		}
		pid_set_free(&all);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/* The filters of a request do not affect the next request. */
TEST_F(filter, next_request_is_not_filtered)
{
	const struct task_diag_pid query = { .show_flags = TD_BASE_CRED };
	static struct filter_data filter_data;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(filter_cases); i++) {
		const struct td_filter filter =
			make_filter(&filter_cases[i], &filter_data);
		struct td_answer a;

		ASSERT_EQ(0, td_query_filtered(&self->sock, &query, NLM_F_DUMP,
					       &filter, 1, &a));
		td_answer_free(&a);
		ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
		ASSERT_SUCCESS(&a);
		EXPECT_LT(pool.nr, a.rows);
		td_answer_free(&a);
	}
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
