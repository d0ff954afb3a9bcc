// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery of replies: to the socket that sent the request and to no other.  A
 * task with CAP_NET_ADMIN and CAP_NET_RAW and no other right has a netlink tap
 * (nlmon) in the network namespace of the socket.  The tap receives requests
 * and other families' replies, so that a missing row proves something.
 */
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <linux/filter.h>

#include "lib/fd_passing.h"
#include "lib/tap.h"
#include "lib/taskdiag_test.h"

/* Name of the test's task: in rows, and not in requests. */
#define SECRET "overhear me"

/* Several small datagrams of rows. */
#define SLEEPERS 200

#define NOBODY { 65534, 65534, 65534, 65534 }

static const struct credentials tapper = {
	.uid = NOBODY,
	.gid = NOBODY,
	.permitted = CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_NET_RAW),
	.effective = CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_NET_RAW),
};

static const struct task_diag_pid all = {
	.show_flags = TD_BASE_CRED | TASK_DIAG_SHOW_CMDLINE,
	.dump_strategy = TASK_DIAG_DUMP_ALL,
};

static struct task_pool pool;

static int make_pool(void)
{
	const struct task_spec sleeper = {};

	return task_pool_begin_with(&pool, &sleeper, 1, SLEEPERS);
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

FIXTURE(tap) {
	struct td_sock sock;
	int packets;		/* of the tap, -1 until open_tap() */
};

FIXTURE_SETUP(tap)
{
	self->packets = -1;
	ASSERT_EQ(0, prctl(PR_SET_NAME, SECRET));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, td_open(&self->sock, TD_SMALL));
}

FIXTURE_TEARDOWN(tap)
{
	td_close(&self->sock);
	if (self->packets >= 0)
		close(self->packets);
}

/* In the tapper: create a tap that is up and pass its packet socket. */
static int send_tap(int end)
{
	struct tap tap;

	return tap_create(&tap) ?: tap_set(&tap, true) ?:
	       fd_passing_send(end, tap.packets);
}

#define KERNEL_LACKS_TAPS 42

static int tapper_status(struct __test_metadata *_metadata, pid_t pid)
{
	int status = -1;

	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int exit_status(int err)
{
	if (err == -EOPNOTSUPP || err == -EAFNOSUPPORT)
		return KERNEL_LACKS_TAPS;
	return err ? 1 : 0;
}

/* Return false if the kernel has no nlmon or no AF_PACKET. */
static bool open_tap(struct __test_metadata *_metadata, int *packets)
{
	int ends[2], status;
	pid_t pid;

	ASSERT_EQ(0, fd_passing_open(ends));
	pid = td_fork_as(_metadata, &tapper);
	if (!pid)
		_exit(exit_status(send_tap(ends[1])));
	status = tapper_status(_metadata, pid);
	if (status == KERNEL_LACKS_TAPS)
		return false;
	ASSERT_EQ(0, status);
	*packets = fd_passing_receive(ends[0]);
	ASSERT_LE(0, *packets);
	close(ends[0]);
	close(ends[1]);
	return true;
}

#define NO_TAPS "this kernel has no nlmon or no AF_PACKET"

/* Check that the tap works, has the requests and no row of their replies. */
static void expect_no_rows_in_tap(struct __test_metadata *_metadata,
				  const struct td_sock *sock, int packets,
				  unsigned int requests)
{
	struct tap_count count = {};
	struct td_sock other;

	/* The reply of nlctrl to the query for the family's id. */
	ASSERT_EQ(0, td_open(&other, TD_SMALL));
	td_close(&other);

	ASSERT_EQ(0, tap_drain(packets, sock->family, SECRET, &count));
	EXPECT_LT(0U, count.families);
	EXPECT_EQ(requests, count.requests);
	EXPECT_EQ(0U, count.rows);
	EXPECT_EQ(0U, count.secrets);
}

TEST_F(tap, receives_no_row_of_dump)
{
	struct td_answer a;

	if (!open_tap(_metadata, &self->packets))
		SKIP(return, NO_TAPS);
	td_dump(_metadata, &self->sock, all.show_flags,
		all.dump_strategy, 0, &a);
	EXPECT_LT((size_t)SLEEPERS, a.rows);
	EXPECT_TRUE(!!td_find_row(&a, getpid()));
	EXPECT_LT(1U, a.receives);
	td_answer_free(&a);
	expect_no_rows_in_tap(_metadata, &self->sock, self->packets, 1);
}

/* Rows of a fixed size are made by another code path. */
TEST_F(tap, receives_no_row_of_dump_of_fixed_groups)
{
	struct td_answer a;

	if (!open_tap(_metadata, &self->packets))
		SKIP(return, NO_TAPS);
	td_dump(_metadata, &self->sock, td_all.show_flags,
		td_all.dump_strategy, 0, &a);
	EXPECT_LT((size_t)SLEEPERS, a.rows);
	td_answer_free(&a);
	expect_no_rows_in_tap(_metadata, &self->sock, self->packets, 1);
}

TEST_F(tap, receives_no_row_of_single_request)
{
	struct td_answer a;

	if (!open_tap(_metadata, &self->packets))
		SKIP(return, NO_TAPS);
	td_get_row(_metadata, &self->sock, TD_BASE_CRED, getpid(), &a);
	td_answer_free(&a);
	expect_no_rows_in_tap(_metadata, &self->sock, self->packets, 1);
}

TEST_F(tap, opened_during_dump_receives_no_row)
{
	struct td_answer a;

	ASSERT_EQ(0, td_send_request(&self->sock, &all, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a, true);
	ASSERT_EQ(0, td_receive_datagram(&self->sock, &a, 1));
	ASSERT_EQ(0, (int)a.end.type);

	if (!open_tap(_metadata, &self->packets))
		SKIP(return, NO_TAPS);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_LT((size_t)SLEEPERS, a.rows);
	td_answer_free(&a);
	expect_no_rows_in_tap(_metadata, &self->sock, self->packets, 0);
}

/*
 * A request through the file uses no netlink, so the tap receives not even the
 * request.
 */
TEST_F(tap, receives_nothing_of_proc_task_diag)
{
	struct td_sock file;
	struct td_answer a;
	int err;

	if (!open_tap(_metadata, &self->packets))
		SKIP(return, NO_TAPS);
	td_use_file = true;
	err = td_open(&file, TD_SMALL);
	td_use_file = false;
	if (err == -ENOENT)
		SKIP(return, "this kernel has no /proc/task-diag");
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, td_query(&file, &all, NLM_F_DUMP, &a));
	EXPECT_EQ(0, a.end.error);
	EXPECT_LT((size_t)SLEEPERS, a.rows);
	td_answer_free(&a);
	td_close(&file);
	expect_no_rows_in_tap(_metadata, &self->sock, self->packets, 0);
}

/*
 * --- a tap that is toggled --------------------------------------------------
 */

#define TOGGLES 300U
#define MESSAGES 100U

/* Shared with the tapper. */
struct race {
	struct tap_count count;
	unsigned int toggles;
	bool over;
};

/* Every other time stay up until a message has arrived. */
static int up_and_down(const struct tap *tap, unsigned int nth)
{
	struct pollfd packets = { .fd = tap->packets, .events = POLLIN };
	int err;

	err = tap_set(tap, true);
	if (!err && nth % 2)
		poll(&packets, 1, 10);
	return err ?: tap_set(tap, false);
}

/* Toggle until the tap has been up often, and up during requests. */
static int toggle_tap(struct race *race, __u16 family)
{
	struct tap tap;
	int err;

	err = tap_create(&tap);
	while (!err && (race->toggles < TOGGLES ||
			race->count.requests < MESSAGES)) {
		err = up_and_down(&tap, race->toggles) ?:
		      tap_drain(tap.packets, family, SECRET, &race->count);
		race->toggles++;
	}
	return err;
}

TEST_F(tap, toggled_during_requests_receives_no_row)
{
	struct race *race = td_alloc_shared(sizeof(*race));
	unsigned int nth, status;
	struct td_answer a;
	pid_t pid;

	ASSERT_NE(NULL, race);
	pid = td_fork_as(_metadata, &tapper);
	if (!pid) {
		status = exit_status(toggle_tap(race, self->sock.family));
		__atomic_store_n(&race->over, true, __ATOMIC_RELEASE);
		_exit(status);
	}
	for (nth = 0; !__atomic_load_n(&race->over, __ATOMIC_ACQUIRE); nth++) {
		if (nth % 2)
			td_dump(_metadata, &self->sock,
				td_all.show_flags,
				td_all.dump_strategy, 0, &a);
		else
			td_get_row(_metadata, &self->sock, TD_BASE_CRED,
				   getpid(), &a);
		td_answer_free(&a);
	}
	status = tapper_status(_metadata, pid);
	if (status == KERNEL_LACKS_TAPS)
		SKIP(return, NO_TAPS);
	EXPECT_EQ(0U, status);
	TH_LOG("sent %u requests, the tap received %u; it was up %u times",
	       nth, race->count.requests, race->toggles);
	EXPECT_LE(MESSAGES, race->count.requests);
	EXPECT_EQ(0U, race->count.rows);
	EXPECT_EQ(0U, race->count.secrets);
}

/*
 * --- limits of the socket ---------------------------------------------------
 */

/*
 * As with any other netlink message, replies count towards the receive buffer,
 * and are dropped beyond it.
 */
TEST(receive_buffer_bounds_unread_replies)
{
	const struct task_diag_pid own = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	const int size = 8192;
	unsigned int i, received = 0;
	struct td_sock sock;
	bool overrun = false;
	ssize_t got;

	ASSERT_EQ(0, td_open(&sock, TD_SMALL));
	ASSERT_EQ(0, setsockopt(sock.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	for (i = 0; i < 500; i++)
		ASSERT_EQ(0, td_send_request(&sock, &own, 0, NULL));
	for (;;) {
		got = td_receive_raw(&sock, MSG_DONTWAIT);
		if (got == -EAGAIN)
			break;
		overrun |= got == -ENOBUFS;
		received += got > 0;
		ASSERT_TRUE(got > 0 || got == -ENOBUFS);
	}
	EXPECT_TRUE(overrun);
	EXPECT_LT(0U, received);
	EXPECT_GT(100U, received);
	td_close(&sock);
}

TEST(socket_filter_applies_to_replies)
{
	struct sock_filter none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	const struct sock_fprog filter = { 1, none };
	const struct task_diag_pid own = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	struct td_sock sock;

	ASSERT_EQ(0, td_open(&sock, TD_SMALL));
	ASSERT_EQ(0, setsockopt(sock.fd, SOL_SOCKET, SO_ATTACH_FILTER,
				&filter, sizeof(filter)));
	EXPECT_EQ(0, td_send_request(&sock, &own, 0, NULL));
	EXPECT_EQ(-EAGAIN, td_receive_raw(&sock, MSG_DONTWAIT));
	EXPECT_EQ(0, td_send_request(&sock, &all, NLM_F_DUMP, NULL));
	EXPECT_EQ(-EAGAIN, td_receive_raw(&sock, MSG_DONTWAIT));
	td_close(&sock);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
