// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dumps: that each strategy brings exactly the tasks it names, in messages
 * that keep to the protocol, however they are received.  What the rows say
 * about a task is looked at elsewhere.
 */

#include "lib/procfs.h"
#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

/* Enough for several datagrams with either buffer. */
#define SLEEPERS 240

/* Tasks elsewhere in the system may come and go while two views are taken. */
#define ATTEMPTS 50

/* Made once, before the tests. */
static struct population pop;
static pid_t family;		/* has threads, and children of each */
static pid_t leader_gone;	/* has threads, but a zombie for a leader */
static pid_t zombie;
static pid_t childless;

static int make_member(const struct member_spec *spec, pid_t *pid)
{
	int err = population_add(&pop, spec);

	if (!err && pid)
		*pid = pop.member[pop.nr - 1].pid;
	return err;
}

static int make_population(void)
{
	const struct member_spec family_spec = {
		.name = "family", .threads = 3, .children = 10,
	};
	const struct member_spec leader_gone_spec = {
		.name = "leader gone", .pose = POSE_LEADER_GONE, .threads = 2,
		.children = 5,
	};
	const struct member_spec zombie_spec = { .pose = POSE_ZOMBIE };
	const struct member_spec childless_spec = {};
	unsigned int i;
	int err;

	err = population_begin(&pop);
	err = err ?: make_member(&family_spec, &family);
	err = err ?: make_member(&leader_gone_spec, &leader_gone);
	err = err ?: make_member(&zombie_spec, &zombie);
	for (i = 0; !err && i < SLEEPERS; i++) {
		const struct member_spec sleeper = { .threads = i % 3 };

		err = make_member(&sleeper, NULL);
	}
	err = err ?: make_member(&childless_spec, &childless);
	return err ?: population_settle(&pop);
}

FIXTURE(dump) {
	struct td_sock sock;
	int proc;
};

FIXTURE_VARIANT(dump) {
	size_t size;		/* of the receive buffer */
	size_t rows;		/* that fit it at the least */
};

FIXTURE_VARIANT_ADD(dump, in_32_kib) {
	.size = TD_LARGE,
	.rows = 150,
};

FIXTURE_VARIANT_ADD(dump, in_8_kib) {
	.size = TD_SMALL,
	.rows = 40,
};

FIXTURE_SETUP(dump)
{
	ASSERT_EQ(0, td_open(&self->sock, variant->size));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(dump)
{
	close(self->proc);
	td_close(&self->sock);
}

/* What procfs knows about the same question. */
typedef int (*procfs_view)(int proc, pid_t pid, struct idset *ids);

static int view_processes(int proc, pid_t pid, struct idset *ids)
{
	return procfs_processes(proc, ids);
}

static int view_all_threads(int proc, pid_t pid, struct idset *ids)
{
	struct idset pids = {};
	size_t i;
	int err;

	err = procfs_processes(proc, &pids);
	for (i = 0; !err && i < pids.nr; i++) {
		err = procfs_threads(proc, pids.id[i], ids);
		if (err == -ENOENT || err == -ESRCH)
			err = 0;
	}
	idset_free(&pids);
	return err;
}

/*
 * Dump between two looks at procfs that agree: then the dump has to agree
 * with both.
 */
static void same_as(struct __test_metadata *_metadata, struct td_sock *sock,
		    int proc, __u64 strategy, pid_t pid, procfs_view view,
		    size_t at_least)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = strategy,
		.pid = pid,
	};
	int attempt;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct idset before = {}, rows = {}, after = {};
		struct td_answer a;
		char text[200];
		bool quiet;

		ASSERT_EQ(0, view(proc, pid, &before));
		ASSERT_EQ(0, td_query(sock, &what, NLM_F_DUMP, &a));
		ASSERT_EQ(0, view(proc, pid, &after));
		ASSERT_GOOD(&a);
		ASSERT_EQ(0, view_of(&a, &rows));

		quiet = idset_equal(&before, &after);
		if (quiet) {
			EXPECT_TRUE(idset_equal(&before, &rows)) {
				idset_minus(&before, &rows, text, sizeof(text));
				TH_LOG("not dumped:%s", text);
				idset_minus(&rows, &before, text, sizeof(text));
				TH_LOG("not in procfs:%s", text);
			}
			/* Nothing is equal to nothing, too. */
			EXPECT_LE(at_least, rows.nr);
		}
		idset_free(&before);
		idset_free(&rows);
		idset_free(&after);
		td_answer_free(&a);
		if (quiet)
			return;
	}
	ASSERT_LT(attempt, ATTEMPTS) {
		TH_LOG("procfs never held still");
	}
}

TEST_F(dump, all_is_every_process)
{
	same_as(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_ALL, 0,
		view_processes, pop.nr);
}

TEST_F(dump, all_thread_is_every_thread)
{
	same_as(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_ALL_THREAD,
		0, view_all_threads, 2 * pop.nr);
}

TEST_F(dump, children_are_those_of_every_thread)
{
	same_as(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_CHILDREN,
		family, procfs_children, 10);
	same_as(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_CHILDREN,
		leader_gone, procfs_children, 5);
	/* Many: more than any first guess at their number. */
	same_as(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_CHILDREN,
		pop.maker, procfs_children, pop.nr);
}

TEST_F(dump, threads_are_those_of_one_process)
{
	same_as(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_THREAD,
		family, procfs_threads, 4);
	same_as(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_THREAD,
		leader_gone, procfs_threads, 3);
	same_as(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_THREAD,
		zombie, procfs_threads, 1);
	same_as(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_THREAD,
		childless, procfs_threads, 1);
}

/* An empty answer is an answer. */
TEST_F(dump, nobody_has_children)
{
	const pid_t pids[] = { zombie, childless };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		const struct task_diag_pid what = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = TASK_DIAG_DUMP_CHILDREN,
			.pid = pids[i],
		};
		struct td_answer a;

		ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP, &a));
		ASSERT_GOOD(&a);
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
	}
}

TEST_F(dump, a_thread_stands_for_its_process)
{
	const __u64 strategies[] = {
		TASK_DIAG_DUMP_CHILDREN, TASK_DIAG_DUMP_THREAD,
	};
	const pid_t pids[] = { family, leader_gone };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		struct idset tids = {};

		ASSERT_EQ(0, procfs_threads(self->proc, pids[i], &tids));
		ASSERT_LT(1U, tids.nr);
		for (j = 0; j < tids.nr * ARRAY_SIZE(strategies); j++) {
			struct task_diag_pid what = {
				.show_flags = TD_BASE_CRED,
				.dump_strategy = strategies[j / tids.nr],
				.pid = pids[i],
			};
			struct idset by_leader = {}, by_thread = {};
			struct td_answer a;

			ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP,
					      &a));
			ASSERT_GOOD(&a);
			ASSERT_EQ(0, view_of(&a, &by_leader));
			td_answer_free(&a);

			what.pid = tids.id[j % tids.nr];
			ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP,
					      &a));
			ASSERT_GOOD(&a);
			ASSERT_EQ(0, view_of(&a, &by_thread));
			td_answer_free(&a);

			EXPECT_LT(0U, by_leader.nr);
			EXPECT_TRUE(idset_equal(&by_leader, &by_thread));
			idset_free(&by_leader);
			idset_free(&by_thread);
		}
		idset_free(&tids);
	}
}

/* Plain or as a dump, the answer about one task is the same to the byte. */
static void ask_for_one(struct __test_metadata *_metadata, struct td_sock *sock,
			pid_t tgid, pid_t tid)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = tid,
	};
	struct td_answer dump, plain;

	ASSERT_EQ(0, td_query(sock, &what, NLM_F_DUMP, &dump));
	ASSERT_GOOD(&dump);
	ASSERT_EQ(1U, dump.rows);
	EXPECT_EQ(tid, (pid_t)dump.row[0].msg.pid);
	EXPECT_EQ(tid, (pid_t)dump.row[0].base.pid);
	EXPECT_EQ(tgid, (pid_t)dump.row[0].msg.tgid);
	EXPECT_EQ(tgid, (pid_t)dump.row[0].base.tgid);

	ASSERT_EQ(0, td_query(sock, &what, 0, &plain));
	ASSERT_GOOD(&plain);
	ASSERT_EQ(1U, plain.rows);
	ASSERT_EQ(dump.raw_len, plain.raw_len);
	EXPECT_EQ(0, memcmp(dump.raw, plain.raw, dump.raw_len));
	td_answer_free(&dump);
	td_answer_free(&plain);
}

TEST_F(dump, one_is_one)
{
	const pid_t pids[] = { family, leader_gone, zombie };
	size_t i, j, asked = 0;

	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		struct idset tids = {};

		ASSERT_EQ(0, procfs_threads(self->proc, pids[i], &tids));
		for (j = 0; j < tids.nr; j++, asked++)
			ask_for_one(_metadata, &self->sock, pids[i],
				    tids.id[j]);
		idset_free(&tids);
	}
	EXPECT_EQ(4U + 3U + 1U, asked);
}

/* Without NLM_F_ACK the row is all there is. */
TEST_F(dump, a_plain_answer_is_one_message)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	struct td_answer a;

	ASSERT_EQ(0, td_ask(&self->sock, &what, 0, NULL));
	td_expect(&self->sock, &a, false);
	ASSERT_EQ(0, td_receive_some(&self->sock, &a, 1));
	EXPECT_STREQ("", a.fault);
	EXPECT_EQ(1U, a.rows);
	EXPECT_EQ(0, (int)a.end.type);
	EXPECT_EQ(-EAGAIN, td_receive_raw(&self->sock, MSG_DONTWAIT));
	td_answer_free(&a);
}

TEST_F(dump, a_free_number_is_no_task)
{
	const __u64 strategies[] = {
		TASK_DIAG_DUMP_ONE, TASK_DIAG_DUMP_CHILDREN,
		TASK_DIAG_DUMP_THREAD,
	};
	const pid_t pid = td_free_pid();
	size_t i;

	ASSERT_LT(0, pid);
	for (i = 0; i <= ARRAY_SIZE(strategies); i++) {
		/* The last time round as a plain request. */
		const bool plain = i == ARRAY_SIZE(strategies);
		const struct task_diag_pid what = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = strategies[plain ? 0 : i],
			.pid = pid,
		};
		struct td_answer a;

		ASSERT_EQ(0, td_query(&self->sock, &what,
				      plain ? 0 : NLM_F_DUMP, &a));
		ASSERT_STREQ("", a.fault);
		EXPECT_EQ(NLMSG_ERROR, (int)a.end.type);
		EXPECT_EQ(ESRCH, a.end.error);
		EXPECT_SAYS(&a, "pid");
		EXPECT_BLAMES(&a, NLMSG_LENGTH(GENL_HDRLEN));
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
	}
}

TEST_F(dump, all_ignores_the_pid)
{
	struct task_diag_pid what = { .pid = ~0U };
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP, &a));
	ASSERT_GOOD(&a);
	EXPECT_LE(pop.nr, a.rows);
	td_answer_free(&a);

	what.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD;
	ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP, &a));
	ASSERT_GOOD(&a);
	EXPECT_LE(2 * pop.nr, a.rows);
	td_answer_free(&a);
}

TEST_F(dump, all_comes_in_the_order_of_numbers)
{
	const __u64 strategies[] = {
		TASK_DIAG_DUMP_ALL, TASK_DIAG_DUMP_ALL_THREAD,
	};
	size_t i, row;

	for (i = 0; i < ARRAY_SIZE(strategies); i++) {
		const struct task_diag_pid what = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = strategies[i],
		};
		struct td_answer a;

		ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP, &a));
		ASSERT_GOOD(&a);
		for (row = 1; row < a.rows; row++)
			ASSERT_LT(a.row[row - 1].msg.pid, a.row[row].msg.pid);
		/* So the order has had datagrams to break at. */
		EXPECT_LT(1U, a.receives);
		td_answer_free(&a);
	}
}

/* Every mask with every strategy: MSG and these groups, and nothing else. */
TEST_F(dump, a_row_holds_what_was_asked_for)
{
	__u64 strategy, show;
	size_t row;

	for (strategy = 0; strategy <= TASK_DIAG_DUMP_MAX; strategy++) {
		for (show = 0; show <= TD_BASE_CRED; show++) {
			const struct task_diag_pid what = {
				.show_flags = show,
				.dump_strategy = strategy,
				.pid = family,
			};
			struct td_answer a;

			ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP,
					      &a));
			ASSERT_GOOD(&a);
			ASSERT_LT(0U, a.rows);
			for (row = 0; row < a.rows; row++) {
				const struct td_row *r = &a.row[row];

				ASSERT_EQ(show, r->groups);
				ASSERT_EQ(0U, r->msg.flags);
				ASSERT_NE(0U, r->msg.pid);
				ASSERT_NE(0U, r->msg.tgid);
				if (strategy == TASK_DIAG_DUMP_ALL ||
				    strategy == TASK_DIAG_DUMP_CHILDREN)
					ASSERT_EQ(r->msg.pid, r->msg.tgid);
				if (!(show & TASK_DIAG_SHOW_BASE))
					continue;
				ASSERT_EQ(r->msg.pid, r->base.pid);
				ASSERT_EQ(r->msg.tgid, r->base.tgid);
			}
			td_answer_free(&a);
		}
	}
}

TEST_F(dump, datagrams_are_as_large_as_the_buffer)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP, &a));
	ASSERT_GOOD(&a);
	/* The last one need not be full, and the end may come by itself. */
	EXPECT_LE(a.receives, a.rows / variant->rows + 2);
	td_answer_free(&a);
}

/* A socket has one dump at a time; the one under way is not disturbed. */
TEST_F(dump, a_second_dump_finds_the_socket_busy)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	struct td_answer a[2];
	struct idset rows = {};
	size_t i;

	ASSERT_EQ(0, td_ask(&self->sock, &what, NLM_F_DUMP, NULL));
	td_expect(&self->sock, &a[0], true);
	ASSERT_EQ(0, td_ask(&self->sock, &what, NLM_F_DUMP, NULL));
	td_expect(&self->sock, &a[1], true);
	while (!a[0].end.type || !a[1].end.type)
		ASSERT_EQ(0, td_receive_some(&self->sock, a, 2));

	ASSERT_GOOD(&a[0]);
	ASSERT_EQ(0, view_of(&a[0], &rows));
	for (i = 0; i < pop.nr; i++)
		EXPECT_TRUE(idset_has(&rows, pop.member[i].pid));
	ASSERT_STREQ("", a[1].fault);
	EXPECT_EQ(EBUSY, a[1].end.error);
	EXPECT_EQ(0U, a[1].rows);

	/* Not for ever. */
	td_answer_free(&a[1]);
	ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP, &a[1]));
	ASSERT_GOOD(&a[1]);
	EXPECT_LE(2 * pop.nr, a[1].rows);
	idset_free(&rows);
	td_answer_free(&a[0]);
	td_answer_free(&a[1]);
}

/* A plain request goes between the messages of a dump. */
TEST_F(dump, a_plain_request_during_a_dump)
{
	const struct task_diag_pid all = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	const struct task_diag_pid one = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = zombie,
	};
	struct td_answer a[2];

	ASSERT_EQ(0, td_ask(&self->sock, &all, NLM_F_DUMP, NULL));
	td_expect(&self->sock, &a[0], true);
	ASSERT_EQ(0, td_ask(&self->sock, &one, NLM_F_ACK, NULL));
	td_expect(&self->sock, &a[1], false);
	while (!a[0].end.type || !a[1].end.type)
		ASSERT_EQ(0, td_receive_some(&self->sock, a, 2));

	ASSERT_GOOD(&a[0]);
	ASSERT_GOOD(&a[1]);
	EXPECT_LE(2 * pop.nr, a[0].rows);
	ASSERT_EQ(1U, a[1].rows);
	EXPECT_EQ(one.pid, a[1].row[0].msg.pid);
	td_answer_free(&a[0]);
	td_answer_free(&a[1]);
}

TEST_F(dump, an_abandoned_dump_ends_with_its_socket)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	struct td_sock sock;
	struct td_answer a;
	int read;

	/* Closed after the request, and after one datagram. */
	for (read = 0; read < 2; read++) {
		ASSERT_EQ(0, td_open(&sock, variant->size));
		ASSERT_EQ(0, td_ask(&sock, &what, NLM_F_DUMP, NULL));
		td_expect(&sock, &a, true);
		if (read)
			ASSERT_EQ(0, td_receive_some(&sock, &a, 1));
		EXPECT_EQ(0, (int)a.end.type);
		td_answer_free(&a);
		td_close(&sock);
	}

	ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP, &a));
	ASSERT_GOOD(&a);
	td_answer_free(&a);
}

/* Fork and reap: the two ways in which the table of tasks moves. */
static void move_the_table(struct __test_metadata *_metadata)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}

/* td_receive() rejects messages with NLM_F_DUMP_INTR. */
TEST_F(dump, that_loses_nothing_is_not_marked_as_interrupted)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_ask(&self->sock, &what, NLM_F_DUMP, NULL));
	td_expect(&self->sock, &a, true);
	ASSERT_EQ(0, td_receive_some(&self->sock, &a, 1));
	ASSERT_EQ(0, (int)a.end.type);
	move_the_table(_metadata);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_GOOD(&a);
	td_answer_free(&a);
}

static void end_population(void)
{
	population_end(&pop);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_population, end_population, pop.error);
}
