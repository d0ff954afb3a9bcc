// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dumps: each strategy reports exactly the tasks that it names, in messages
 * that follow the protocol, for each buffer size.  Other programs test the
 * contents of the rows.
 */

#include "lib/procfs.h"
#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

/* Enough tasks for several datagrams with either buffer. */
#define SLEEPERS 240

/* Other tasks of the system may start or end between two listings. */
#define ATTEMPTS 50

/* Made once, before the tests. */
static struct task_pool pool;
static pid_t family;		/* has threads, each with children */
static pid_t leader_gone;	/* has threads, and a zombie as leader */
static pid_t zombie;
static pid_t childless;

static int add_task(const struct task_spec *spec, pid_t *pid)
{
	int err = task_pool_add(&pool, spec);

	if (!err && pid)
		*pid = pool.task[pool.nr - 1].pid;
	return err;
}

static int make_pool(void)
{
	const struct task_spec family_spec = {
		.name = "family", .threads = 3, .children = 10,
	};
	const struct task_spec leader_gone_spec = {
		.name = "leader exited",
		.state = POOL_LEADER_EXITED,
		.threads = 2,
		.children = 5,
	};
	const struct task_spec zombie_spec = { .state = POOL_ZOMBIE };
	const struct task_spec childless_spec = {};
	unsigned int i;
	int err;

	err = task_pool_begin(&pool);
	err = err ?: add_task(&family_spec, &family);
	err = err ?: add_task(&leader_gone_spec, &leader_gone);
	err = err ?: add_task(&zombie_spec, &zombie);
	for (i = 0; !err && i < SLEEPERS; i++) {
		const struct task_spec sleeper = { .threads = i % 3 };

		err = add_task(&sleeper, NULL);
	}
	err = err ?: add_task(&childless_spec, &childless);
	return err ?: task_pool_settle(&pool);
}

FIXTURE(dump) {
	struct td_sock sock;
	int proc;
};

FIXTURE_VARIANT(dump) {
	size_t size;		/* of the receive buffer */
	size_t rows;		/* that fit at least */
};

FIXTURE_VARIANT_ADD(dump, buffer_32_kib) {
	.size = TD_LARGE,
	.rows = 150,
};

FIXTURE_VARIANT_ADD(dump, buffer_8_kib) {
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

/* A function that lists the tasks of a strategy from procfs. */
typedef int (*procfs_list_fn)(int proc, pid_t pid, struct pid_set *ids);

static int list_processes(int proc, pid_t pid, struct pid_set *ids)
{
	return procfs_processes(proc, ids);
}

static int list_all_threads(int proc, pid_t pid, struct pid_set *ids)
{
	struct pid_set pids = {};
	size_t i;
	int err;

	err = procfs_processes(proc, &pids);
	for (i = 0; !err && i < pids.nr; i++) {
		err = procfs_threads(proc, pids.id[i], ids);
		if (err == -ENOENT || err == -ESRCH)
			err = 0;
	}
	pid_set_free(&pids);
	return err;
}

/*
 * Dump between two listings of procfs.  If the listings are equal, the dump
 * must equal them.
 */
static void expect_same_pids(struct __test_metadata *_metadata,
			     struct td_sock *sock, int proc, __u64 strategy,
			     pid_t pid, procfs_list_fn list, size_t at_least)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = strategy,
		.pid = pid,
	};
	int attempt;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct pid_set before = {}, rows = {}, after = {};
		struct td_answer a;
		char text[200];
		bool unchanged;

		ASSERT_EQ(0, list(proc, pid, &before));
		ASSERT_EQ(0, td_query(sock, &query, NLM_F_DUMP, &a));
		ASSERT_EQ(0, list(proc, pid, &after));
		ASSERT_SUCCESS(&a);
		ASSERT_EQ(0, visible_pids_in(&a, &rows));

		unchanged = pid_set_equal(&before, &after);
		if (unchanged) {
			EXPECT_TRUE(pid_set_equal(&before, &rows)) {
				pid_set_difference(&before, &rows, text,
						   sizeof(text));
				TH_LOG("not in the dump:%s", text);
				pid_set_difference(&rows, &before, text,
						   sizeof(text));
				TH_LOG("not in procfs:%s", text);
			}
			/* Two empty sets would be equal as well. */
			EXPECT_LE(at_least, rows.nr);
		}
		pid_set_free(&before);
		pid_set_free(&rows);
		pid_set_free(&after);
		td_answer_free(&a);
		if (unchanged)
			return;
	}
	ASSERT_LT(attempt, ATTEMPTS) {
		TH_LOG("procfs changed during every attempt");
	}
}

TEST_F(dump, all_reports_every_process)
{
	expect_same_pids(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_ALL,
			 0, list_processes, pool.nr);
}

TEST_F(dump, all_thread_reports_every_thread)
{
	expect_same_pids(_metadata, &self->sock, self->proc,
			 TASK_DIAG_DUMP_ALL_THREAD, 0, list_all_threads,
			 2 * pool.nr);
}

TEST_F(dump, children_reports_children_of_every_thread)
{
	expect_same_pids(_metadata, &self->sock, self->proc,
			 TASK_DIAG_DUMP_CHILDREN, family, procfs_children, 10);
	expect_same_pids(_metadata, &self->sock, self->proc,
			 TASK_DIAG_DUMP_CHILDREN, leader_gone, procfs_children,
			 5);
	/* More children than any initial buffer size. */
	expect_same_pids(_metadata, &self->sock, self->proc,
			 TASK_DIAG_DUMP_CHILDREN, pool.parent, procfs_children,
			 pool.nr);
}

TEST_F(dump, thread_reports_threads_of_one_process)
{
	expect_same_pids(_metadata, &self->sock, self->proc,
			 TASK_DIAG_DUMP_THREAD, family, procfs_threads, 4);
	expect_same_pids(_metadata, &self->sock, self->proc,
			 TASK_DIAG_DUMP_THREAD, leader_gone, procfs_threads, 3);
	expect_same_pids(_metadata, &self->sock, self->proc,
			 TASK_DIAG_DUMP_THREAD, zombie, procfs_threads, 1);
	expect_same_pids(_metadata, &self->sock, self->proc,
			 TASK_DIAG_DUMP_THREAD, childless, procfs_threads, 1);
}

/* An empty dump is a valid reply. */
TEST_F(dump, process_without_children_gets_empty_dump)
{
	const pid_t pids[] = { zombie, childless };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		const struct task_diag_pid query = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = TASK_DIAG_DUMP_CHILDREN,
			.pid = pids[i],
		};
		struct td_answer a;

		ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
		ASSERT_SUCCESS(&a);
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
	}
}

TEST_F(dump, tid_stands_for_its_process)
{
	const __u64 strategies[] = {
		TASK_DIAG_DUMP_CHILDREN, TASK_DIAG_DUMP_THREAD,
	};
	const pid_t pids[] = { family, leader_gone };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		struct pid_set tids = {};

		ASSERT_EQ(0, procfs_threads(self->proc, pids[i], &tids));
		ASSERT_LT(1U, tids.nr);
		for (j = 0; j < tids.nr * ARRAY_SIZE(strategies); j++) {
			struct task_diag_pid query = {
				.show_flags = TD_BASE_CRED,
				.dump_strategy = strategies[j / tids.nr],
				.pid = pids[i],
			};
			struct pid_set by_leader = {}, by_thread = {};
			struct td_answer a;

			ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP,
					      &a));
			ASSERT_SUCCESS(&a);
			ASSERT_EQ(0, visible_pids_in(&a, &by_leader));
			td_answer_free(&a);

			query.pid = tids.id[j % tids.nr];
			ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP,
					      &a));
			ASSERT_SUCCESS(&a);
			ASSERT_EQ(0, visible_pids_in(&a, &by_thread));
			td_answer_free(&a);

			EXPECT_LT(0U, by_leader.nr);
			EXPECT_TRUE(pid_set_equal(&by_leader, &by_thread));
			pid_set_free(&by_leader);
			pid_set_free(&by_thread);
		}
		pid_set_free(&tids);
	}
}

/*
 * The row of one task is the same, byte by byte, as a dump and as a single
 * request.
 */
static void query_one(struct __test_metadata *_metadata, struct td_sock *sock,
		      pid_t tgid, pid_t tid)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = tid,
	};
	struct td_answer dump, plain;

	ASSERT_EQ(0, td_query(sock, &query, NLM_F_DUMP, &dump));
	ASSERT_SUCCESS(&dump);
	ASSERT_EQ(1U, dump.rows);
	EXPECT_EQ(tid, (pid_t)dump.row[0].msg.pid);
	EXPECT_EQ(tid, (pid_t)dump.row[0].base.pid);
	EXPECT_EQ(tgid, (pid_t)dump.row[0].msg.tgid);
	EXPECT_EQ(tgid, (pid_t)dump.row[0].base.tgid);

	ASSERT_EQ(0, td_query(sock, &query, 0, &plain));
	ASSERT_SUCCESS(&plain);
	ASSERT_EQ(1U, plain.rows);
	ASSERT_EQ(dump.raw_len, plain.raw_len);
	EXPECT_EQ(0, memcmp(dump.raw, plain.raw, dump.raw_len));
	td_answer_free(&dump);
	td_answer_free(&plain);
}

TEST_F(dump, one_reports_one_task)
{
	const pid_t pids[] = { family, leader_gone, zombie };
	size_t i, j, queried = 0;

	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		struct pid_set tids = {};

		ASSERT_EQ(0, procfs_threads(self->proc, pids[i], &tids));
		for (j = 0; j < tids.nr; j++, queried++)
			query_one(_metadata, &self->sock, pids[i],
				  tids.id[j]);
		pid_set_free(&tids);
	}
	EXPECT_EQ(4U + 3U + 1U, queried);
}

/* Without NLM_F_ACK, the row is the only message. */
TEST_F(dump, single_request_without_ack_gets_one_message)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	struct td_answer a;

	ASSERT_EQ(0, td_send_request(&self->sock, &query, 0, NULL));
	td_answer_init(&self->sock, &a, false);
	ASSERT_EQ(0, td_receive_datagram(&self->sock, &a, 1));
	EXPECT_STREQ("", a.fault);
	EXPECT_EQ(1U, a.rows);
	EXPECT_EQ(0, (int)a.end.type);
	EXPECT_EQ(-EAGAIN, td_receive_raw(&self->sock, MSG_DONTWAIT));
	td_answer_free(&a);
}

TEST_F(dump, unused_pid_gets_esrch)
{
	const __u64 strategies[] = {
		TASK_DIAG_DUMP_ONE, TASK_DIAG_DUMP_CHILDREN,
		TASK_DIAG_DUMP_THREAD,
	};
	const pid_t pid = td_unused_pid();
	size_t i;

	ASSERT_LT(0, pid);
	for (i = 0; i <= ARRAY_SIZE(strategies); i++) {
		/* The last round sends a single request. */
		const bool plain = i == ARRAY_SIZE(strategies);
		const struct task_diag_pid query = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = strategies[plain ? 0 : i],
			.pid = pid,
		};
		struct td_answer a;

		ASSERT_EQ(0, td_query(&self->sock, &query,
				      plain ? 0 : NLM_F_DUMP, &a));
		ASSERT_STREQ("", a.fault);
		EXPECT_EQ(NLMSG_ERROR, (int)a.end.type);
		EXPECT_EQ(ESRCH, a.end.error);
		EXPECT_EXTACK_TEXT(&a, "pid");
		EXPECT_EXTACK_OFFSET(&a, NLMSG_LENGTH(GENL_HDRLEN));
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
	}
}

TEST_F(dump, all_ignores_pid)
{
	struct task_diag_pid query = { .pid = ~0U };
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_LE(pool.nr, a.rows);
	td_answer_free(&a);

	query.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD;
	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_LE(2 * pool.nr, a.rows);
	td_answer_free(&a);
}

TEST_F(dump, all_is_ordered_by_pid)
{
	const __u64 strategies[] = {
		TASK_DIAG_DUMP_ALL, TASK_DIAG_DUMP_ALL_THREAD,
	};
	size_t i, row;

	for (i = 0; i < ARRAY_SIZE(strategies); i++) {
		const struct task_diag_pid query = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = strategies[i],
		};
		struct td_answer a;

		ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
		ASSERT_SUCCESS(&a);
		for (row = 1; row < a.rows; row++)
			ASSERT_LT(a.row[row - 1].msg.pid, a.row[row].msg.pid);
		/* The order was checked across several datagrams. */
		EXPECT_LT(1U, a.receives);
		td_answer_free(&a);
	}
}

/*
 * Each mask with each strategy: rows contain MSG, the requested groups and
 * nothing else.
 */
TEST_F(dump, rows_contain_requested_groups_only)
{
	__u64 strategy, show;
	size_t row;

	for (strategy = 0; strategy <= TASK_DIAG_DUMP_MAX; strategy++) {
		for (show = 0; show <= TD_BASE_CRED; show++) {
			const struct task_diag_pid query = {
				.show_flags = show,
				.dump_strategy = strategy,
				.pid = family,
			};
			struct td_answer a;

			ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP,
					      &a));
			ASSERT_SUCCESS(&a);
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

TEST_F(dump, datagrams_fill_the_receive_buffer)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	/*
	 * The last datagram may be partial, and the end may have its own
	 * datagram.
	 */
	EXPECT_LE(a.receives, a.rows / variant->rows + 2);
	td_answer_free(&a);
}

/* A socket has one dump at a time; a second request does not disturb it. */
TEST_F(dump, second_dump_gets_ebusy)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	struct td_answer a[2];
	struct pid_set rows = {};
	size_t i;

	ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a[0], true);
	ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a[1], true);
	while (!a[0].end.type || !a[1].end.type)
		ASSERT_EQ(0, td_receive_datagram(&self->sock, a, 2));

	ASSERT_SUCCESS(&a[0]);
	ASSERT_EQ(0, visible_pids_in(&a[0], &rows));
	for (i = 0; i < pool.nr; i++)
		EXPECT_TRUE(pid_set_has(&rows, pool.task[i].pid));
	ASSERT_STREQ("", a[1].fault);
	EXPECT_EQ(EBUSY, a[1].end.error);
	EXPECT_EQ(0U, a[1].rows);

	/* The socket accepts a new dump afterwards. */
	td_answer_free(&a[1]);
	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a[1]));
	ASSERT_SUCCESS(&a[1]);
	EXPECT_LE(2 * pool.nr, a[1].rows);
	pid_set_free(&rows);
	td_answer_free(&a[0]);
	td_answer_free(&a[1]);
}

/* A reply to a single request may come between the messages of a dump. */
TEST_F(dump, single_request_during_dump_is_answered)
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

	ASSERT_EQ(0, td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a[0], true);
	ASSERT_EQ(0, td_send_request(&self->sock, &one, NLM_F_ACK, NULL));
	td_answer_init(&self->sock, &a[1], false);
	while (!a[0].end.type || !a[1].end.type)
		ASSERT_EQ(0, td_receive_datagram(&self->sock, a, 2));

	ASSERT_SUCCESS(&a[0]);
	ASSERT_SUCCESS(&a[1]);
	EXPECT_LE(2 * pool.nr, a[0].rows);
	ASSERT_EQ(1U, a[1].rows);
	EXPECT_EQ(one.pid, a[1].row[0].msg.pid);
	td_answer_free(&a[0]);
	td_answer_free(&a[1]);
}

TEST_F(dump, closing_the_socket_ends_the_dump)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	struct td_sock sock;
	struct td_answer a;
	int read;

	/* Close the socket after the request, and after one datagram. */
	for (read = 0; read < 2; read++) {
		ASSERT_EQ(0, td_open(&sock, variant->size));
		ASSERT_EQ(0, td_send_request(&sock, &query, NLM_F_DUMP, NULL));
		td_answer_init(&sock, &a, true);
		if (read)
			ASSERT_EQ(0, td_receive_datagram(&sock, &a, 1));
		EXPECT_EQ(0, (int)a.end.type);
		td_answer_free(&a);
		td_close(&sock);
	}

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	td_answer_free(&a);
}

/* Fork and reap a child: the two events that change the task list. */
static void fork_and_reap(struct __test_metadata *_metadata)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}

/* td_receive() rejects messages with NLM_F_DUMP_INTR. */
TEST_F(dump, fork_and_exit_during_dump_sets_no_dump_intr)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a, true);
	ASSERT_EQ(0, td_receive_datagram(&self->sock, &a, 1));
	ASSERT_EQ(0, (int)a.end.type);
	fork_and_reap(_metadata);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_SUCCESS(&a);
	td_answer_free(&a);
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
