// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attempts to detect a task that the caller may not see. visibility_test.c
 * shows for many callers that replies for hidden and unused pids are equal;
 * this program sends unusual requests and checks the datagram boundaries of
 * dumps.
 *
 * The time of a reply is not asserted: a bound that holds on a busy machine is
 * too wide to be useful. faults_test.c counts allocations instead: queries for
 * hidden and for unused pids make the same number.  The medians of the times
 * are logged for a human reader.
 */
#include <stdlib.h>
#include <time.h>

#include "lib/taskdiag_test.h"
#include "lib/users.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* Tasks of the user, before and after the hidden ones. */
#define SLEEPERS 60

/* More than the kernel scans in one step. */
#define HIDDEN_THREADS 1100

/* Repetitions of each query, for the median. */
#define REPEATED 201

static const struct task_spec big = {
	.creds = &other_user, .threads = HIDDEN_THREADS, .children = 40,
};

/* Made once, before the tests; none of these tasks belongs to the user. */
static struct task_pool hidden;

static int make_pool(void)
{
	const struct task_spec zombie = {
		.creds = &other_user, .state = POOL_ZOMBIE,
	};
	const struct task_spec roots = {};
	int err;

	err = task_pool_begin(&hidden);
	err = err ?: task_pool_add(&hidden, &big);
	err = err ?: task_pool_add(&hidden, &zombie);
	err = err ?: task_pool_add(&hidden, &roots);
	return err ?: task_pool_settle(&hidden);
}

/* Queries for one task, with and without NLM_F_DUMP. */
FIXTURE(hidden_pid) {
	struct td_sock sock;
	pid_t unused_pid;
};

FIXTURE_VARIANT(hidden_pid) {
	__u64 strategy;
	__u16 flags;
};

FIXTURE_VARIANT_ADD(hidden_pid, one_as_dump) {
	.strategy = TASK_DIAG_DUMP_ONE, .flags = NLM_F_DUMP,
};

FIXTURE_VARIANT_ADD(hidden_pid, children_as_dump) {
	.strategy = TASK_DIAG_DUMP_CHILDREN, .flags = NLM_F_DUMP,
};

FIXTURE_VARIANT_ADD(hidden_pid, threads_as_dump) {
	.strategy = TASK_DIAG_DUMP_THREAD, .flags = NLM_F_DUMP,
};

FIXTURE_VARIANT_ADD(hidden_pid, one_as_single_request) {
	.strategy = TASK_DIAG_DUMP_ONE,
};

FIXTURE_VARIANT_ADD(hidden_pid, one_as_single_request_with_ack) {
	.strategy = TASK_DIAG_DUMP_ONE, .flags = NLM_F_ACK,
};

/* Invalid requests, whose error must not depend on hidden tasks. */
FIXTURE_VARIANT_ADD(hidden_pid, children_as_single_request) {
	.strategy = TASK_DIAG_DUMP_CHILDREN,
};

FIXTURE_VARIANT_ADD(hidden_pid, threads_as_single_request) {
	.strategy = TASK_DIAG_DUMP_THREAD,
};

FIXTURE_SETUP(hidden_pid)
{
	self->unused_pid = td_unused_pid();
	ASSERT_LT(0, self->unused_pid);
	ASSERT_EQ(0, td_open(&self->sock, TD_SMALL));
}

FIXTURE_TEARDOWN(hidden_pid)
{
	td_close(&self->sock);
}

/*
 * Receive the complete reply.  It quotes the request: clear the pid in the
 * quote.
 */
static ssize_t query_raw(struct td_sock *sock, __u64 strategy, __u16 flags,
			 pid_t pid, unsigned char *bytes, size_t size)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = strategy,
		.pid = pid,
	};
	const size_t quoted = NLMSG_LENGTH(sizeof(struct nlmsgerr)) +
			      GENL_HDRLEN + NLA_HDRLEN +
			      offsetof(struct task_diag_pid, pid);
	const struct nlmsghdr *nlh = (const void *)bytes;
	const struct nlmsgerr *error = NLMSG_DATA(nlh);
	ssize_t got = td_query_raw(sock, &query, flags, bytes, size);

	if (got < 0)
		return got;
	if ((size_t)got < quoted + sizeof(query.pid))
		return -EMSGSIZE;
	if (nlh->nlmsg_type != NLMSG_ERROR || !error->error ||
	    memcmp(bytes + quoted, &query.pid, sizeof(query.pid)))
		return -EPROTO;
	memset(bytes + quoted, 0, sizeof(query.pid));
	return got;
}

/*
 * Fill @pids with hidden tasks: processes, a thread, kernel threads, a zombie.
 */
static int list_hidden(pid_t *pids, int max)
{
	int nr = 0;
	size_t i;

	pids[nr++] = 1;
	pids[nr++] = 2;
	/* Threads have the pids after that of their leader. */
	pids[nr++] = hidden.task[0].pid + HIDDEN_THREADS / 2;
	for (i = 0; i < hidden.nr && nr < max; i++)
		pids[nr++] = hidden.task[i].pid;
	return nr;
}

/*
 * The reply quotes the request completely, as NETLINK_CAP_ACK is off.  Catches
 * a further check of the request after a lookup that found a hidden task.
 */
TEST_F(hidden_pid, with_quoted_request_gets_same_reply_as_unused_pid)
{
	const int off = 0;
	pid_t pids[16], pid;
	int nr, i;

	nr = list_hidden(pids, ARRAY_SIZE(pids));
	ASSERT_EQ(0, setsockopt(self->sock.fd, SOL_NETLINK, NETLINK_CAP_ACK,
				&off, sizeof(off)));
	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		unsigned char absent[512], there[512];
		ssize_t len;

		len = query_raw(&self->sock, variant->strategy, variant->flags,
				self->unused_pid, absent, sizeof(absent));
		EXPECT_LT(0, len);
		for (i = 0; i < nr; i++) {
			EXPECT_EQ(len, query_raw(&self->sock, variant->strategy,
						 variant->flags, pids[i], there,
						 sizeof(there)));
			EXPECT_EQ(0, memcmp(absent, there, len));
		}
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

static int by_time(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static __u64 nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* The queries take turns, so that other load affects all of them equally. */
static void log_times(struct __test_metadata *_metadata, struct td_sock *sock,
		      __u64 strategy, __u16 flags, const pid_t pids[3])
{
	static __u64 elapsed[3][REPEATED];
	unsigned char bytes[512];
	int i, which;

	for (i = 0; i < REPEATED; i++) {
		for (which = 0; which < 3; which++) {
			__u64 start = nanoseconds();

			ASSERT_LT(0, query_raw(sock, strategy, flags,
					       pids[which], bytes,
					       sizeof(bytes)));
			elapsed[which][i] = nanoseconds() - start;
		}
	}
	for (which = 0; which < 3; which++)
		qsort(elapsed[which], REPEATED, sizeof(elapsed[which][0]),
		      by_time);
	TH_LOG("medians in ns: unused %llu, zombie %llu, with %d threads %llu",
	       elapsed[0][REPEATED / 2], elapsed[1][REPEATED / 2],
	       HIDDEN_THREADS, elapsed[2][REPEATED / 2]);
}

TEST_F(hidden_pid, reply_times_are_logged)
{
	const int off = 0;
	const pid_t pids[] = {
		self->unused_pid, hidden.task[1].pid, hidden.task[0].pid,
	};
	pid_t pid;

	ASSERT_EQ(0, setsockopt(self->sock.fd, SOL_NETLINK, NETLINK_CAP_ACK,
				&off, sizeof(off)));
	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		log_times(_metadata, &self->sock, variant->strategy,
			  variant->flags, pids);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/*
 * A dump with thousands of hidden tasks, and one without them.  Catches
 * datagrams that end where the scan over hidden tasks paused.
 */
FIXTURE(hidden_tasks) {
	struct td_sock sock;
};

FIXTURE_VARIANT(hidden_tasks) {
	__u64 strategy;
};

FIXTURE_VARIANT_ADD(hidden_tasks, processes) { .strategy = TASK_DIAG_DUMP_ALL };
FIXTURE_VARIANT_ADD(hidden_tasks, threads) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD,
};

FIXTURE_SETUP(hidden_tasks)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_SMALL));
}

FIXTURE_TEARDOWN(hidden_tasks)
{
	td_close(&self->sock);
}

#define DATAGRAMS 16

/* Number of rows per datagram. */
struct shape {
	int nr;
	size_t rows[DATAGRAMS];
};

static int take_shape(struct td_sock *sock, __u64 strategy,
		      struct shape *shape)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = strategy,
	};
	struct td_answer a;
	int err;

	err = td_send_request(sock, &query, NLM_F_DUMP, NULL);
	td_answer_init(sock, &a, true);
	while (!err && !a.end.type) {
		const size_t before = a.rows;

		if (shape->nr == DATAGRAMS)
			return -E2BIG;
		err = td_receive_datagram(sock, &a, 1);
		shape->rows[shape->nr++] = a.rows - before;
	}
	err = err ?: -a.end.error;
	td_answer_free(&a);
	return err;
}

/* Take the shape of a dump by the user. */
static void take_shape_as_user(struct __test_metadata *_metadata,
			       struct td_sock *sock, __u64 strategy,
			       struct shape *shape)
{
	pid_t pid = td_fork_as(_metadata, &user);

	if (!pid) {
		EXPECT_EQ(0, take_shape(sock, strategy, shape));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

static void begin_pool(struct __test_metadata *_metadata,
		       struct task_pool *target_pool,
		       const struct task_spec *spec, int times)
{
	ASSERT_EQ(0, task_pool_begin(target_pool));
	ASSERT_EQ(0, task_pool_add_all(target_pool, spec, 1, times)) {
		TH_LOG("%s", target_pool->error);
	}
}

TEST_F(hidden_tasks, do_not_change_datagram_boundaries)
{
	const struct task_spec sleeper = { .creds = &user };
	struct task_pool before, hidden_pool, after;
	struct shape *with, *without;
	int i;

	with = td_alloc_shared(2 * sizeof(*with));
	ASSERT_NE(NULL, with);
	without = with + 1;

	/* The pids are in this order. */
	begin_pool(_metadata, &before, &sleeper, SLEEPERS);
	begin_pool(_metadata, &hidden_pool, &big, 1);
	begin_pool(_metadata, &after, &sleeper, SLEEPERS);
	take_shape_as_user(_metadata, &self->sock, variant->strategy, with);
	task_pool_end(&hidden_pool);
	take_shape_as_user(_metadata, &self->sock, variant->strategy, without);

	EXPECT_LT(2, with->nr);
	EXPECT_EQ(with->nr, without->nr);
	for (i = 0; i < DATAGRAMS; i++)
		EXPECT_EQ(with->rows[i], without->rows[i]);
	task_pool_end(&after);
	task_pool_end(&before);
	munmap(with, 2 * sizeof(*with));
}

static void end_pool(void)
{
	task_pool_end(&hidden);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_pool, end_pool, hidden.error);
}
