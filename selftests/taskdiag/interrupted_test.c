// SPDX-License-Identifier: GPL-2.0-only
/*
 * NLM_F_DUMP_INTR: libraries discard a dump with this flag.  Forks and exits
 * make a dump miss no task, so no message has the flag, however often tasks
 * fork and exit during the dump.
 */
#include "lib/taskdiag_test.h"

#define SLEEPERS 200
#define DUMPS 200

static struct task_pool pool;

static int make_pool(void)
{
	static const struct task_spec spec = { .threads = 1 };

	return task_pool_begin_with(&pool, &spec, 1, SLEEPERS);
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

/* Shared with the process that forks. */
struct forker {
	bool stop;
	unsigned long forks;
};

FIXTURE(dump_intr) {
	struct td_sock sock;
	struct forker *shared;
	pid_t forker;
};

FIXTURE_VARIANT(dump_intr) {
	__u64 strategy;
};

FIXTURE_VARIANT_ADD(dump_intr, all) {
	.strategy = TASK_DIAG_DUMP_ALL,
};

FIXTURE_VARIANT_ADD(dump_intr, all_thread) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD,
};

/* Fork and reap until @shared requests a stop or the parent has ended. */
static void fork_and_reap(struct forker *shared)
{
	const pid_t parent = getppid();

	while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST) &&
	       getppid() == parent) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid > 0 && waitpid(pid, NULL, 0) == pid)
			__atomic_add_fetch(&shared->forks, 1, __ATOMIC_SEQ_CST);
	}
	_exit(0);
}

FIXTURE_SETUP(dump_intr)
{
	/* A dump of many messages. */
	ASSERT_EQ(0, td_open(&self->sock, TD_SMALL));
	self->shared = td_alloc_shared(sizeof(*self->shared));
	ASSERT_NE(NULL, self->shared);
	self->forker = fork();
	ASSERT_LE(0, self->forker);
	if (!self->forker)
		fork_and_reap(self->shared);
}

FIXTURE_TEARDOWN(dump_intr)
{
	td_close(&self->sock);
	/* User-Mode Linux does not survive a SIGKILL during fork(). */
	__atomic_store_n(&self->shared->stop, true, __ATOMIC_SEQ_CST);
	EXPECT_EXIT_0(self->forker);
}

static unsigned long forks_of(const struct forker *shared)
{
	return __atomic_load_n(&shared->forks, __ATOMIC_SEQ_CST);
}

/* Wait until a task has been forked and reaped. */
static void await_fork(const struct forker *shared)
{
	const unsigned long before = forks_of(shared);

	while (forks_of(shared) == before)
		usleep(1000);
}

TEST_F(dump_intr, is_not_set_by_forks_and_exits)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = variant->strategy,
	};
	unsigned int i;

	for (i = 0; i < DUMPS; i++) {
		struct td_answer a;

		ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_DUMP,
					     NULL));
		td_answer_init(&self->sock, &a, true);
		ASSERT_EQ(0, td_receive_datagram(&self->sock, &a, 1));
		ASSERT_EQ(0, (int)a.end.type);
		await_fork(self->shared);
		ASSERT_EQ(0, td_receive(&self->sock, &a));
		/* td_receive() rejects messages with the flag. */
		ASSERT_SUCCESS(&a);
		EXPECT_LT((size_t)SLEEPERS, a.rows);
		td_answer_free(&a);
	}
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
