// SPDX-License-Identifier: GPL-2.0-only
/*
 * No part of a dump is lost silently, for any way of receiving it: buffers that
 * are too small, exact or very large, MSG_PEEK, several threads, signals, and a
 * socket with a minimal receive buffer.  Each test names the implementation
 * that it catches, or the behaviour of the socket layer that it relies on.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/time.h>

#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

/* Enough tasks for several datagrams of any size. */
#define SLEEPERS 150
#define THREADS 3		/* per process, without the leader */

static const struct task_diag_pid all = {
	.show_flags = TD_BASE_CRED,
	.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
};

/* Made once, before the tests. */
static struct task_pool pool;

static int make_pool(void)
{
	const struct task_spec spec = { .threads = THREADS };

	return task_pool_begin_with(&pool, &spec, 1, SLEEPERS);
}

/* Each task of the pool is reported once. */
static void expect_all(struct __test_metadata *_metadata,
		       const struct td_answer *a)
{
	struct pid_set pids = {};
	size_t i;

	EXPECT_STREQ("", a->fault);
	EXPECT_EQ(NLMSG_DONE, (int)a->end.type);
	EXPECT_EQ(0, a->end.error);
	EXPECT_EQ(0, visible_pids_in(a, &pids));
	EXPECT_LE((size_t)SLEEPERS * (THREADS + 1), pids.nr);
	for (i = 0; i < pool.nr; i++)
		EXPECT_TRUE(pid_set_has(&pids, pool.task[i].pid));
	pid_set_free(&pids);
}

static void expect_complete_dump(struct __test_metadata *_metadata,
				 struct td_sock *sock)
{
	struct td_answer a;

	ASSERT_EQ(0, td_query(sock, &all, NLM_F_DUMP, &a));
	expect_all(_metadata, &a);
	td_answer_free(&a);
}

FIXTURE(receive) {
	struct td_sock sock;
};

FIXTURE_SETUP(receive)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
}

FIXTURE_TEARDOWN(receive)
{
	td_close(&self->sock);
}

/* Totals of a dump. */
struct totals {
	size_t bytes;
	unsigned int datagrams;
	unsigned int cut;	/* datagrams with MSG_TRUNC */
};

/* Receive all datagrams with a buffer of @size bytes, without parsing them. */
static int drain(int fd, size_t size, int flags, struct totals *totals)
{
	char *buf = malloc(size ?: 1);
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	int err = buf ? 0 : -ENOMEM;

	*totals = (struct totals) {};
	while (!err) {
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t got = recvmsg(fd, &msg, flags | MSG_DONTWAIT);

		if (got < 0) {
			err = -errno;
			break;
		}
		totals->bytes += got;
		totals->datagrams++;
		totals->cut += !!(msg.msg_flags & MSG_TRUNC);
	}
	free(buf);
	return err == -EAGAIN ? 0 : err;
}

/*
 * The buffer is too small for any message.  The socket layer truncates and sets
 * MSG_TRUNC; the dump continues to its end.  Catches a dump that waits for a
 * larger buffer or never ends.
 */
TEST_F(receive, tiny_buffer_gets_msg_trunc)
{
	static const size_t sizes[] = { 1, 4, sizeof(struct nlmsghdr) };
	struct totals whole, totals;
	size_t i;

	ASSERT_EQ(0, td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
	ASSERT_EQ(0, drain(self->sock.fd, TD_LARGE, 0, &whole));
	EXPECT_LT(1U, whole.datagrams);
	EXPECT_EQ(0U, whole.cut);

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0,
			  td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
		ASSERT_EQ(0, drain(self->sock.fd, sizes[i], 0, &totals));
		EXPECT_EQ(totals.datagrams, totals.cut);
		EXPECT_EQ(totals.datagrams * sizes[i], totals.bytes);

		/* With MSG_TRUNC, recv() returns the original length. */
		ASSERT_EQ(0,
			  td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
		ASSERT_EQ(0,
			  drain(self->sock.fd, sizes[i], MSG_TRUNC, &totals));
		EXPECT_EQ(totals.datagrams, totals.cut);
		EXPECT_EQ(whole.bytes, totals.bytes);
		expect_complete_dump(_metadata, &self->sock);
	}
}

/* A tiny buffer on a socket that has never received with a larger one. */
TEST_F(receive, tiny_buffer_on_new_socket_gets_msg_trunc)
{
	struct totals whole, totals;
	int fd;

	ASSERT_EQ(0, td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
	ASSERT_EQ(0, drain(self->sock.fd, TD_LARGE, 0, &whole));

	fd = self->sock.fd;
	self->sock.fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	ASSERT_LE(0, self->sock.fd);
	ASSERT_EQ(0, td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
	ASSERT_EQ(0, drain(self->sock.fd, 1, MSG_TRUNC, &totals));
	EXPECT_EQ(totals.datagrams, totals.cut);
	EXPECT_EQ(whole.bytes, totals.bytes);
	EXPECT_LT(whole.datagrams, totals.datagrams);
	close(fd);
}

/*
 * Query the length of the next datagram, and receive with a buffer of that
 * size.
 */
TEST_F(receive, buffer_of_exact_size_gets_complete_dump)
{
	const size_t size = self->sock.size;
	struct td_answer a;

	ASSERT_EQ(0, td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a, true);
	while (!a.end.type) {
		ssize_t len = recv(self->sock.fd, NULL, 0,
				   MSG_PEEK | MSG_TRUNC);

		ASSERT_LT(0, len);
		ASSERT_GE(size, (size_t)len);
		self->sock.size = len;
		ASSERT_EQ(0, td_receive_datagram(&self->sock, &a, 1));
	}
	self->sock.size = size;
	expect_all(_metadata, &a);
	td_answer_free(&a);
}

/* Catches datagrams that grow with the buffer without a bound. */
TEST_F(receive, buffer_of_1_mib_gets_datagrams_of_32_kib)
{
	struct td_sock huge;
	struct td_answer a;

	ASSERT_EQ(0, td_open(&huge, 1024 * 1024));
	ASSERT_EQ(0, td_query(&huge, &all, NLM_F_DUMP, &a));
	expect_all(_metadata, &a);
	/* Datagrams of just under 32 KiB, with rows of 168 bytes each. */
	EXPECT_LE(a.rows / 195, a.receives);
	td_answer_free(&a);
	td_close(&huge);
}

/*
 * MSG_PEEK makes the dump continue like a read does.  Catches rows that are
 * made again, and a queue without a bound.
 */
TEST_F(receive, msg_peek_loses_no_row)
{
	struct td_answer a;
	char byte;
	int i;

	ASSERT_EQ(0, td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a, true);
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(1, recv(self->sock.fd, &byte, 1, MSG_PEEK));
	while (!a.end.type) {
		for (i = 0; i < 5; i++)
			ASSERT_EQ(1, recv(self->sock.fd, &byte, 1, MSG_PEEK));
		ASSERT_EQ(0, td_receive_datagram(&self->sock, &a, 1));
	}
	expect_all(_metadata, &a);
	td_answer_free(&a);
}

/* Threads that read one dump together. */
#define READERS 4

struct reader {
	struct td_sock sock;
	struct td_answer answer;
	const bool *over;
	int err;
};

static void *run_reader(void *arg)
{
	struct reader *reader = arg;

	while (!__atomic_load_n(reader->over, __ATOMIC_ACQUIRE)) {
		int err =
			td_receive_datagram(&reader->sock, &reader->answer, 1);

		/*
		 * Another thread may have received the last datagram, or ended
		 * the dump: netlink_dump() returns EINVAL then.
		 */
		if (err && err != -EAGAIN && err != -EINVAL) {
			reader->err = err;
			break;
		}
		if (reader->answer.end.type)
			__atomic_store_n((bool *)reader->over, true,
					 __ATOMIC_RELEASE);
		sched_yield();
	}
	return NULL;
}

/* Catches dump state that is changed outside the lock of the socket. */
TEST_F(receive, threads_share_one_dump)
{
	const struct timeval short_timeout = { .tv_usec = 50 * 1000 };
	struct reader reader[READERS] = {};
	pthread_t thread[READERS];
	struct pid_set pids = {};
	bool over = false;
	size_t rows = 0;
	int i, ends = 0;

	ASSERT_EQ(0, setsockopt(self->sock.fd, SOL_SOCKET, SO_RCVTIMEO,
				&short_timeout, sizeof(short_timeout)));
	ASSERT_EQ(0, td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
	for (i = 0; i < READERS; i++) {
		ASSERT_EQ(0, td_adopt(&reader[i].sock, self->sock.fd,
				      &self->sock));
		td_answer_init(&self->sock, &reader[i].answer, true);
		reader[i].over = &over;
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, run_reader,
					    &reader[i]));
	}
	for (i = 0; i < READERS; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
		EXPECT_EQ(0, reader[i].err);
		EXPECT_STREQ("", reader[i].answer.fault);
		EXPECT_EQ(0, reader[i].answer.end.error);
		ends += !!reader[i].answer.end.type;
		rows += reader[i].answer.rows;
		EXPECT_EQ(0, visible_pids_in(&reader[i].answer, &pids));
	}
	EXPECT_EQ(1, ends);
	EXPECT_EQ(rows, pids.nr);
	EXPECT_LE((size_t)SLEEPERS * (THREADS + 1), rows);
	for (i = 0; i < (int)pool.nr; i++)
		EXPECT_TRUE(pid_set_has(&pids, pool.task[i].pid));
	pid_set_free(&pids);
}

/* Frequent signals.  Catches a dump that ends on a non-fatal signal. */
FIXTURE(signals) {
	struct td_sock sock;
};

FIXTURE_VARIANT(signals) {
	int flags;
};

FIXTURE_VARIANT_ADD(signals, sa_restart) { .flags = SA_RESTART };
FIXTURE_VARIANT_ADD(signals, without_sa_restart) { .flags = 0 };

FIXTURE_SETUP(signals)
{
	ASSERT_EQ(0, td_open(&self->sock, 4096));
}

FIXTURE_TEARDOWN(signals)
{
	td_close(&self->sock);
}

static int caught;

static void count_signal(int signal)
{
	__atomic_fetch_add(&caught, 1, __ATOMIC_RELAXED);
}

TEST_F(signals, during_dump_lose_no_row)
{
	const struct sigaction action = {
		.sa_handler = count_signal, .sa_flags = variant->flags,
	};
	const struct itimerval fast = {
		.it_interval = { .tv_usec = 200 },
		.it_value = { .tv_usec = 200 },
	};
	const struct itimerval never = {};
	int dumps = 0;

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &fast, NULL));
	/* Until enough signals have arrived during dumps. */
	while (dumps++ < 20 || __atomic_load_n(&caught, __ATOMIC_RELAXED) < 50)
		expect_complete_dump(_metadata, &self->sock);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
}

/*
 * A socket whose buffer holds one datagram at most.  Replies that do not fit
 * are lost; the socket layer reports that by ENOBUFS, and task_diag must not
 * suppress it.
 */
FIXTURE(small_rcvbuf) {
	struct td_sock sock;
};

FIXTURE_SETUP(small_rcvbuf)
{
	const int size = 0;

	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	/* The minimum that the kernel allows. */
	ASSERT_EQ(0, setsockopt(self->sock.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
}

FIXTURE_TEARDOWN(small_rcvbuf)
{
	td_close(&self->sock);
}

/*
 * The next datagram is made after the previous one was read, so it always fits.
 */
TEST_F(small_rcvbuf, dump_is_complete)
{
	expect_complete_dump(_metadata, &self->sock);
	expect_complete_dump(_metadata, &self->sock);
}

/* Replies that are not read. */
TEST_F(small_rcvbuf, lost_replies_get_enobufs)
{
	const struct task_diag_pid one = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	const int requests = 100;
	int answers = 0, lost = 0, i;
	ssize_t got;

	for (i = 0; i < requests; i++)
		ASSERT_EQ(0, td_send_request(&self->sock, &one, 0, NULL));
	for (;;) {
		got = td_receive_raw(&self->sock, MSG_DONTWAIT);
		if (got == -EAGAIN)
			break;
		if (got == -ENOBUFS) {
			lost++;
			continue;
		}
		ASSERT_LT(0, got);
		answers++;
	}
	EXPECT_LT(0, answers);
	EXPECT_GT(requests, answers);
	EXPECT_LT(0, lost);

	/* The socket works as before afterwards. */
	expect_complete_dump(_metadata, &self->sock);
}

/*
 * A dump request while an unread reply fills the buffer of the socket.  The
 * socket layer reports ENOBUFS and continues the dump when there is space
 * again; a client that stops at the error discards a complete dump.
 */
TEST_F(small_rcvbuf, dump_after_unread_reply_is_complete_or_gets_enobufs)
{
	const struct task_diag_pid one = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	struct td_answer a[2];
	bool enobufs = false;
	int err;

	ASSERT_EQ(0, td_send_request(&self->sock, &one, 0, NULL));
	td_answer_init(&self->sock, &a[0], false);
	ASSERT_EQ(0, td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a[1], true);
	ASSERT_EQ(0, fcntl(self->sock.fd, F_SETFL, O_NONBLOCK));
	while ((err = td_receive_datagram(&self->sock, a, 2)) != -EAGAIN) {
		ASSERT_TRUE(!err || err == -ENOBUFS);
		enobufs = enobufs || err == -ENOBUFS ||
			  a[1].end.error == ENOBUFS;
	}
	EXPECT_EQ(1U, a[0].rows);
	if (!enobufs)
		expect_all(_metadata, &a[1]);
	td_answer_free(&a[0]);
	td_answer_free(&a[1]);
	expect_complete_dump(_metadata, &self->sock);
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
