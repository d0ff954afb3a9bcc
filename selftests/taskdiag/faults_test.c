// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations and copies that fail, one after the other, at each place of a
 * request: the result is a clean error or the complete reply, and nothing
 * leaks.  The number of allocations is tested as well: a query for a hidden
 * task needs as many as a query for an unused pid.
 *
 * Requires a kernel with CONFIG_FAULT_INJECTION, CONFIG_FAILSLAB,
 * CONFIG_FAIL_PAGE_ALLOC, CONFIG_FAULT_INJECTION_USERCOPY and
 * CONFIG_FAULT_INJECTION_DEBUG_FS, and fails otherwise.  The program is built
 * and installed, but run_kselftest.sh does not start it by default.
 */
#include <fcntl.h>
#include <sched.h>

#include "lib/fd_passing.h"
#include "lib/namespace.h"
#include "lib/setting.h"
#include "lib/taskdiag_test.h"
#include "lib/users.h"
#include "lib/visible_pids.h"

/* Small datagrams, so that a dump of the namespace takes several of them. */
#define BUFFER 4096
#define DATAGRAMS 16
#define SLEEPERS 60

/* Upper bound of the allocations and copies of one request. */
#define MAX_ALLOCATIONS 1000

/* Number of passes over all allocations. */
#define ROUNDS 5

/* Number of dumps with random failures. */
#define DUMPS 300

#define TIMEOUT_SECONDS 600

#define DEBUGFS "/sys/kernel/debug/"

/* Make all allocations eligible for failure, without log messages. */
static void require_fault_injection(void)
{
	static const struct {
		const char *path;
		const char *text;
		const char *option;
	} settings[] = {
		{ DEBUGFS "failslab/ignore-gfp-wait", "N", "FAILSLAB" },
		{ DEBUGFS "failslab/verbose", "0", "FAILSLAB" },
		{
			DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N",
			"FAIL_PAGE_ALLOC"
		},
		{ DEBUGFS "fail_page_alloc/min-order", "0", "FAIL_PAGE_ALLOC" },
		{ DEBUGFS "fail_page_alloc/verbose", "0", "FAIL_PAGE_ALLOC" },
		{
			DEBUGFS "fail_usercopy/verbose", "0",
			"FAULT_INJECTION_USERCOPY"
		},
		{ "/proc/self/fail-nth", "0", "FAULT_INJECTION" },
	};
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		err = setting_write(settings[i].path, settings[i].text);
		if (err)
			ksft_exit_fail_msg("CONFIG_%s is off: write %s: %s\n",
					   settings[i].option,
					   settings[i].path, strerror(-err));
	}
}

/* The fail-nth file of this thread. */
static int fail_nth = -1;

static int open_fail_nth(void)
{
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return fail_nth < 0 ? -errno : 0;
}

static int fail_at(int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	return write(fail_nth, text, len) == len ? 0 : -errno;
}

/* Return the remaining count of fail-nth, or 0 if the failure has occurred. */
static int fail_nth_left(void)
{
	char text[16] = "";
	ssize_t got = pread(fail_nth, text, sizeof(text) - 1, 0);

	/* Reading the file is a copy as well, and can fail. */
	if (got < 0)
		return 1;
	fail_at(0);
	return atoi(text);
}

/* The reply, stored unparsed while allocations fail. */
struct received {
	int error;		/* first error of a system call */
	int nr;
	ssize_t len[DATAGRAMS];
	unsigned char bytes[DATAGRAMS][BUFFER];
};

static void send_and_receive(struct td_sock *sock, struct received *received,
			     const struct task_diag_pid *query, __u16 flags,
			     const struct ucred *as)
{
	received->nr = 0;
	received->error = -td_send_request(sock, query, flags, as);
	while (received->nr < DATAGRAMS) {
		const int nr = received->nr;
		ssize_t got = td_receive_raw(sock, MSG_DONTWAIT);

		if (got == -EAGAIN)
			break;
		if (got < 0) {
			if (!received->error)
				received->error = -got;
			continue;
		}
		memcpy(received->bytes[nr], sock->buf, got);
		received->len[nr] = got;
		received->nr++;
	}
}

/* Parse the reply through a local socket, when no allocation fails. */
static int parse_received(const struct td_sock *sock, struct received *received,
			  bool dump, struct td_answer *a)
{
	struct td_sock replay;
	int ends[2], err, i;

	td_answer_init(sock, a, dump);
	err = fd_passing_open(ends);
	if (err)
		return err;
	err = td_adopt(&replay, ends[0], sock);
	for (i = 0; !err && i < received->nr; i++) {
		if (write(ends[1], received->bytes[i], received->len[i]) < 0)
			err = -errno;
		err = err ?: td_receive_datagram(&replay, a, 1);
	}
	td_close(&replay);
	close(ends[1]);
	return err;
}

static bool is_fault(int error)
{
	return error == ENOMEM || error == ENOBUFS || error == EFAULT;
}

/* Return true for a complete reply or an injected error. */
static bool is_complete_or_fault(const struct received *received,
				 const struct td_answer *a, size_t rows,
				 const char **why)
{
	struct pid_set pids = {};
	int twice = visible_pids_in(a, &pids);

	pid_set_free(&pids);
	*why = "a pid occurs twice";
	if (twice)
		return false;
	*why = "unexpected error";
	if ((received->error && !is_fault(received->error)) ||
	    (a->end.error && !is_fault(a->end.error)))
		return false;
	if (received->error || a->end.error)
		return true;
	*why = a->fault;
	if (a->fault[0])
		return false;
	*why = "neither an end nor an error";
	if (!a->end.type)
		return false;
	*why = "missing rows without an error";
	return a->rows == rows;
}

/* Requests from outside a namespace that has an init and SLEEPERS processes. */
struct request {
	const char *name;
	struct task_diag_pid query;
	__u16 flags;
	size_t rows;
};

#define SHOW .query.show_flags = TD_BASE_CRED
#define SHOW_LONG .query.show_flags = (TD_BASE_CRED | TASK_DIAG_SHOW_FILES | \
	TASK_DIAG_SHOW_CGROUP | TASK_DIAG_SHOW_CMDLINE | TASK_DIAG_SHOW_VMA | \
	TASK_DIAG_SHOW_PATHS | TASK_DIAG_SHOW_ENVIRON)

static const struct request requests[] = {
	{ .name = "all", SHOW, .flags = NLM_F_DUMP, .rows = SLEEPERS + 1 },
	{
		.name = "all threads",
		SHOW,
		.flags = NLM_F_DUMP,
		.query.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
		.rows = SLEEPERS + 1,
	},
	{
		.name = "children",
		SHOW,
		.flags = NLM_F_DUMP,
		.query.pid = 1,
		.query.dump_strategy = TASK_DIAG_DUMP_CHILDREN,
		.rows = SLEEPERS,
	},
	{
		.name = "threads",
		SHOW,
		.flags = NLM_F_DUMP,
		.query.pid = 1,
		.query.dump_strategy = TASK_DIAG_DUMP_THREAD,
		.rows = 1,
	},
	{
		.name = "one",
		SHOW,
		.flags = NLM_F_DUMP,
		.query.pid = 1,
		.query.dump_strategy = TASK_DIAG_DUMP_ONE,
		.rows = 1,
	},
	{
		.name = "one, appended groups",
		SHOW_LONG,
		.flags = NLM_F_DUMP,
		.query.dump_strategy = TASK_DIAG_DUMP_ONE,
		.query.pid = 1,
		.rows = 1,
	},
	{
		.name = "one, single request",
		SHOW,
		.flags = NLM_F_ACK,
		.query.pid = 1,
		.query.dump_strategy = TASK_DIAG_DUMP_ONE,
		.rows = 1,
	},
};

FIXTURE(failed_allocation) {
	struct received *received;
};

FIXTURE_SETUP(failed_allocation)
{
	self->received = td_alloc_shared(sizeof(*self->received));
	ASSERT_NE(NULL, self->received);
	/* Touch the pages now: page faults must not fail later. */
	memset(self->received, 1, sizeof(*self->received));
}

FIXTURE_TEARDOWN(failed_allocation)
{
	munmap(self->received, sizeof(*self->received));
}

/*
 * Fail allocation @nth once.  Return true if the request had that many.  Adds
 * to *@failed if the request failed.
 */
static bool fail_once(struct __test_metadata *_metadata,
		      const struct request *request, int nth,
		      const struct ucred *as, struct received *received,
		      int *failed)
{
	const bool dump = request->flags == NLM_F_DUMP;
	struct td_sock sock;
	struct td_answer a;
	const char *why;
	int left;

	/*
	 * A dump that cannot continue blocks its socket, so use a new socket
	 * each time.
	 */
	ASSERT_EQ(0, td_open(&sock, BUFFER));
	ASSERT_EQ(0, fail_at(nth));
	send_and_receive(&sock, received, &request->query, request->flags, as);
	left = fail_nth_left();

	ASSERT_EQ(0, parse_received(&sock, received, dump, &a));
	EXPECT_TRUE(is_complete_or_fault(received, &a, request->rows, &why)) {
		TH_LOG("%s, allocation %d: %s (%s, end %d: %s, %zu rows)",
		       request->name, nth, why, strerror(received->error),
		       a.end.error, a.end.text, a.rows);
	}
	*failed += received->error || a.end.error;
	td_answer_free(&a);
	td_close(&sock);
	return !left;
}

static void fail_each_allocation(struct __test_metadata *_metadata,
				 const struct ucred *as,
				 struct received *received, bool log)
{
	size_t i;
	int nth, failed;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		failed = 0;
		for (nth = 1; nth < MAX_ALLOCATIONS; nth++)
			if (!fail_once(_metadata, &requests[i], nth, as,
				       received, &failed))
				break;
		if (log)
			TH_LOG("%s: %d allocations, %d errors",
			       requests[i].name, nth - 1, failed);
		/* Otherwise nothing has been tested. */
		EXPECT_LT(5, nth);
		EXPECT_GT(MAX_ALLOCATIONS, nth);
		EXPECT_LT(0, failed);
	}
}

/*
 * Fail one allocation after the other, in a pid namespace that must be freed
 * before the next one can be made.  Catches an error path that does not undo
 * the earlier steps.
 */
TEST_F_TIMEOUT(failed_allocation,
	       one_by_one_is_reported_and_leaks_nothing, TIMEOUT_SECONDS)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		struct ucred as = {};
		int i;

		/*
		 * A limit for this test alone: its own namespace and one below.
		 */
		ASSERT_EQ(0, namespace_enter_limited(2));
		ASSERT_EQ(0, open_fail_nth());
		for (i = 0; i < ROUNDS; i++) {
			as.pid = namespace_begin_retry(0, SLEEPERS,
						       NULL, NULL);
			ASSERT_LT(0, as.pid) {
				TH_LOG("namespace %d: %s", i,
				       strerror(-as.pid));
			}
			fail_each_allocation(_metadata, &as, self->received,
					     !i);
			EXPECT_EQ(-ENOSPC, namespace_fork(CLONE_NEWPID));
			namespace_end(as.pid);
		}
		as.pid = namespace_begin_retry(0, 1, NULL, NULL);
		EXPECT_LT(0, as.pid);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* Fail allocations at random, several at a time. */
static int fail_at_random(const char *percent)
{
	static const char *const knobs[] = { "failslab", "fail_page_alloc" };
	char path[64];
	size_t i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(knobs); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s/task-filter",
			 knobs[i]);
		err = setting_write(path, "Y");
		snprintf(path, sizeof(path), DEBUGFS "%s/times", knobs[i]);
		err = err ?: setting_write(path, "-1");
		snprintf(path, sizeof(path), DEBUGFS "%s/probability",
			 knobs[i]);
		err = err ?: setting_write(path, percent);
	}
	return err;
}

TEST_F_TIMEOUT(failed_allocation, at_random_is_reported, TIMEOUT_SECONDS)
{
	struct ucred as = {};
	int i, failed = 0, whole = 0;

	as.pid = namespace_begin(0, SLEEPERS, NULL, NULL);
	ASSERT_LT(0, as.pid);
	ASSERT_EQ(0, fail_at_random("10"));
	for (i = 0; i < DUMPS; i++) {
		const struct request *request =
			&requests[i % ARRAY_SIZE(requests)];
		const bool dump = request->flags == NLM_F_DUMP;
		struct td_sock sock;
		struct td_answer a;
		const char *why;

		ASSERT_EQ(0, td_open(&sock, BUFFER));
		ASSERT_EQ(0, setting_write("/proc/self/make-it-fail", "1"));
		send_and_receive(&sock, self->received, &request->query,
				 request->flags, &as);
		while (setting_write("/proc/self/make-it-fail", "0"))
			;
		ASSERT_EQ(0, parse_received(&sock, self->received, dump, &a));
		EXPECT_TRUE(is_complete_or_fault(self->received, &a,
						 request->rows, &why))
		{
			TH_LOG("%s: %s", request->name, why);
		}
		if (self->received->error || a.end.error)
			failed++;
		else
			whole++;
		td_answer_free(&a);
		td_close(&sock);
	}
	ASSERT_EQ(0, fail_at_random("0"));
	TH_LOG("%d complete answers, %d errors", whole, failed);
	EXPECT_LT(0, failed);
	EXPECT_LT(0, whole);
	namespace_end(as.pid);
}

/*
 * The number of allocations and copies measures the work of a request.  Catches
 * relatives that are listed before the access check of the queried task.
 */
FIXTURE(allocations) {
	struct td_sock sock;
	struct received *received;
	struct task_pool hidden;
};

FIXTURE_VARIANT(allocations) {
	__u64 strategy;
	__u16 flags;
};

FIXTURE_VARIANT_ADD(allocations, one_as_dump) {
	.strategy = TASK_DIAG_DUMP_ONE, .flags = NLM_F_DUMP,
};

FIXTURE_VARIANT_ADD(allocations, children_as_dump) {
	.strategy = TASK_DIAG_DUMP_CHILDREN, .flags = NLM_F_DUMP,
};

FIXTURE_VARIANT_ADD(allocations, threads_as_dump) {
	.strategy = TASK_DIAG_DUMP_THREAD, .flags = NLM_F_DUMP,
};

FIXTURE_VARIANT_ADD(allocations, one_as_single_request) {
	.strategy = TASK_DIAG_DUMP_ONE,
};

FIXTURE_SETUP(allocations)
{
	const struct task_spec big = {
		.creds = &other_user, .threads = 40, .children = 40,
	};

	ASSERT_EQ(0, td_open(&self->sock, BUFFER));
	self->received = td_alloc_shared(sizeof(*self->received));
	ASSERT_NE(NULL, self->received);
	memset(self->received, 1, sizeof(*self->received));
	ASSERT_EQ(0, task_pool_begin(&self->hidden));
	ASSERT_EQ(0, task_pool_add(&self->hidden, &big)) {
		TH_LOG("%s", self->hidden.error);
	}
}

FIXTURE_TEARDOWN(allocations)
{
	task_pool_end(&self->hidden);
	munmap(self->received, sizeof(*self->received));
	td_close(&self->sock);
}

/*
 * Sometimes an allocation needs another one to refill a cache; the lowest count
 * does not include it.
 */
#define TRIES 16

static int count_allocations(struct td_sock *sock, struct received *received,
			     const struct task_diag_pid *query, __u16 flags)
{
	int i, cost, lowest = MAX_ALLOCATIONS;

	for (i = 0; i < TRIES; i++) {
		int err = fail_at(MAX_ALLOCATIONS);

		if (err)
			return err;
		send_and_receive(sock, received, query, flags, NULL);
		cost = MAX_ALLOCATIONS - fail_nth_left();
		if (cost < lowest)
			lowest = cost;
	}
	return lowest;
}

TEST_F(allocations, hidden_pid_needs_as_many_as_unused_pid)
{
	const pid_t pids[] = {
		td_unused_pid(), 1, self->hidden.task[0].pid, td_unused_pid(),
	};
	pid_t pid = td_fork_as(_metadata, &user);

	if (!pid) {
		struct task_diag_pid query = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = variant->strategy,
		};
		int cost[ARRAY_SIZE(pids)];
		size_t i;

		EXPECT_EQ(0, open_fail_nth());
		for (i = 0; i < ARRAY_SIZE(pids); i++) {
			query.pid = pids[i];
			cost[i] = count_allocations(&self->sock, self->received,
						    &query, variant->flags);
			EXPECT_EQ(0, self->received->error);
			EXPECT_EQ(1, self->received->nr);
			EXPECT_LT(0, cost[i]);
			EXPECT_EQ(cost[0], cost[i]);
		}
		/*
		 * The count is a measure: a query for a visible task needs
		 * more.
		 */
		query.pid = getpid();
		EXPECT_LT(cost[0],
			  count_allocations(&self->sock, self->received, &query,
					    variant->flags));
		TH_LOG("%d", cost[0]);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

int main(int argc, char **argv)
{
	td_require_family_and_root();
	require_fault_injection();
	return test_harness_run(argc, argv);
}
