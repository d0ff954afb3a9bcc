// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dumps that are abandoned before their end, thousands of times: they must leak
 * nothing.  A leaked reference to a process, a pid namespace or credentials
 * would keep a namespace alive; the test allows one namespace at a time.  All
 * else is memory, whose growth has a bound.
 */
#include <sched.h>
#include <sys/fsuid.h>

#include "lib/namespace.h"
#include "lib/taskdiag_test.h"
#include "lib/users.h"

/* Small datagrams, so that a dump of the namespace takes several of them. */
#define BUFFER 4096
#define SLEEPERS 60

/*
 * Half-read dumps whose socket is closed; fewer rounds for each other ending.
 */
#define ROUNDS 10000
#define ROUNDS_PER_ENDING 700
#define ROUNDS_WITH_FORK 100

/* The first rounds fill caches that stay filled. */
#define WARM_UP_ROUNDS 500

/* Half of a leak of 64 bytes per round; no object is smaller than 64 bytes. */
#define GROWTH_KIB (ROUNDS * 64 / 1024 / 2)

/*
 * A leak shows in every run.  Memory that is freed late, as in the quarantine
 * of KASAN, stops growing.
 */
#define RUNS 4

/* Number of namespaces, made one after the other. */
#define NAMESPACES 3

#define TIMEOUT_SECONDS 600

/*
 * Return the lowest of several readings, in KiB: the kernel frees memory late.
 */
static long slab_kib(void)
{
	long lowest = -1;
	int i;

	for (i = 0; i < 20; i++) {
		FILE *file = fopen("/proc/meminfo", "re");
		char line[128];
		long kib;

		if (!file)
			return -1;
		while (fgets(line, sizeof(line), file))
			if (sscanf(line, "SUnreclaim: %ld", &kib) == 1 &&
			    (lowest < 0 || kib < lowest))
				lowest = kib;
		fclose(file);
		usleep(10000);
	}
	return lowest;
}

/* A way to abandon a dump, or a request that starts none. */
struct ending {
	const char *name;
	struct task_diag_pid query;
	__u16 flags;
	int reads;		/* datagrams, before the close */
	bool again;		/* send a second request, which is refused */
};

#define SHOW .query.show_flags = TD_BASE_CRED

/* Includes the appended groups: the current row holds references. */
#define SHOW_ALL .query.show_flags = ((2ULL << TASK_DIAG_GROUP_MAX) - 1)

static const struct ending half_read = {
	.name = "half read", SHOW, .flags = NLM_F_DUMP, .reads = 1,
};

/*
 * All of these run in the namespace, whose init has pid 1 and is the parent of
 * all.
 */
static const struct ending other_endings[] = {
	{ .name = "unread", SHOW, .flags = NLM_F_DUMP },
	{
		.name = "children, unread", SHOW, .flags = NLM_F_DUMP,
		.query.dump_strategy = TASK_DIAG_DUMP_CHILDREN, .query.pid = 1,
	},
	{
		.name = "children, half read", SHOW, .flags = NLM_F_DUMP,
		.query.dump_strategy = TASK_DIAG_DUMP_CHILDREN, .query.pid = 1,
		.reads = 1,
	},
	{
		.name = "threads", SHOW, .flags = NLM_F_DUMP,
		.query.dump_strategy = TASK_DIAG_DUMP_THREAD, .query.pid = 1,
	},
	{
		.name = "one", SHOW, .flags = NLM_F_DUMP,
		.query.dump_strategy = TASK_DIAG_DUMP_ONE, .query.pid = 1,
	},
	{
		.name = "one, single request", SHOW,
		.query.dump_strategy = TASK_DIAG_DUMP_ONE, .query.pid = 1,
	},
	{
		.name = "all, single request", SHOW,
	},
	{
		.name = "children, single request", SHOW,
		.query.dump_strategy = TASK_DIAG_DUMP_CHILDREN, .query.pid = 1,
	},
	{
		.name = "unused pid", SHOW, .flags = NLM_F_DUMP,
		.query.dump_strategy = TASK_DIAG_DUMP_ONE, .query.pid = 4000000,
	},
	{
		.name = "unknown strategy", SHOW, .flags = NLM_F_DUMP,
		.query.dump_strategy = 99,
	},
	{
		.name = "unknown group", .flags = NLM_F_DUMP,
		.query.show_flags = 1ULL << 63,
	},
	{
		.name = "twice", SHOW, .flags = NLM_F_DUMP, .again = true,
	},
	{
		.name = "all groups, unread", SHOW_ALL, .flags = NLM_F_DUMP,
	},
	{
		.name = "all groups, half read", SHOW_ALL, .flags = NLM_F_DUMP,
		.reads = 1,
	},
};

/* Open a socket without the family lookup and buffer of td_open(). */
static int open_socket(struct td_sock *sock)
{
	sock->fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	return sock->fd < 0 ? -errno : 0;
}

static int abandon(struct td_sock *sock, const struct ending *ending,
		   const struct ucred *as)
{
	int i, err;

	err = open_socket(sock);
	if (err)
		return err;
	err = td_send_request(sock, &ending->query, ending->flags, as);
	if (!err && ending->again)
		err = td_send_request(sock, &ending->query, ending->flags, as);
	for (i = 0; !err && i < ending->reads; i++) {
		ssize_t got = td_receive_raw(sock, 0);

		/*
		 * A datagram that is larger than the buffer has been consumed
		 * as well.
		 */
		err = got < 0 && got != -EMSGSIZE ? got : 0;
	}
	close(sock->fd);
	return err;
}

/* Set credentials that no other task has: only a reference keeps them alive. */
static void change_credentials(int round)
{
	setfsgid(USER + round % 2);
}

static void abandon_repeatedly(struct __test_metadata *_metadata,
			       const struct ending *ending,
			       const struct ucred *as, int rounds)
{
	struct td_sock sock, first;
	int i;

	ASSERT_EQ(0, td_open(&first, BUFFER));
	ASSERT_EQ(0, td_adopt(&sock, -1, &first));
	for (i = 0; i < rounds; i++) {
		change_credentials(i);
		ASSERT_EQ(0, abandon(&sock, ending, as)) {
			TH_LOG("%s, round %d", ending->name, i);
		}
	}
	td_close(&sock);
	td_close(&first);
}

/* The sender exits, which closes the socket. */
static void abandon_by_exit(struct __test_metadata *_metadata,
			    const struct ucred *as)
{
	struct td_sock sock;
	int i;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	for (i = 0; i < ROUNDS_WITH_FORK; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			struct td_sock own = sock;

			if (open_socket(&own) ||
			    td_send_request(&own, &half_read.query, NLM_F_DUMP,
					    as))
				_exit(1);
			_exit(td_receive_raw(&own, 0) < 0);
		}
		EXPECT_EXIT_0(pid);
	}
	td_close(&sock);
}

/* Another process reads, which ends the dump; no process reads that end. */
static void abandon_to_another(struct __test_metadata *_metadata,
			       const struct ucred *as)
{
	struct td_sock sock;
	int i;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	for (i = 0; i < ROUNDS_WITH_FORK; i++) {
		struct td_sock own = sock;
		pid_t pid;

		ASSERT_EQ(0, open_socket(&own));
		ASSERT_EQ(0, td_send_request(&own, &half_read.query, NLM_F_DUMP,
					     as));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(td_receive_raw(&own, 0) < 0);
		EXPECT_EXIT_0(pid);
		close(own.fd);
	}
	td_close(&sock);
}

static void abandon_with_all_endings(struct __test_metadata *_metadata,
				     const struct ucred *as, int rounds)
{
	size_t i;

	abandon_repeatedly(_metadata, &half_read, as, rounds);
	for (i = 0; i < ARRAY_SIZE(other_endings); i++)
		abandon_repeatedly(_metadata, &other_endings[i], as, rounds);
	abandon_by_exit(_metadata, as);
	abandon_to_another(_metadata, as);
}

FIXTURE(abandoned_dump) {
};

FIXTURE_SETUP(abandoned_dump)
{
}

FIXTURE_TEARDOWN(abandoned_dump)
{
}

static void repeat_half_read(struct __test_metadata *_metadata,
			     const struct ucred *as)
{
	abandon_repeatedly(_metadata, &half_read, as, ROUNDS);
}

/* All endings together take as many rounds as half_read. */
static void repeat_all_endings(struct __test_metadata *_metadata,
			       const struct ucred *as)
{
	abandon_with_all_endings(_metadata, as, ROUNDS_PER_ENDING);
}

static void expect_no_growth(struct __test_metadata *_metadata,
			     const struct ucred *as,
			     void (*repeat)(struct __test_metadata *,
					    const struct ucred *))
{
	long before, after = slab_kib();
	int run;

	ASSERT_LT(0, after);
	for (run = 0; run < RUNS; run++) {
		before = after;
		repeat(_metadata, as);
		after = slab_kib();
		TH_LOG("%ld KiB of slabs before, %ld KiB after", before, after);
		if (after < before + GROWTH_KIB)
			break;
	}
	EXPECT_GT(RUNS, run);
}

/*
 * Catches a dump that does not free its memory, row template or credentials
 * when it is abandoned.
 */
TEST_F_TIMEOUT(abandoned_dump,
	       repeated_10000_times_leaks_no_memory, TIMEOUT_SECONDS)
{
	struct ucred as = {};

	as.pid = namespace_begin(0, SLEEPERS, NULL, NULL);
	ASSERT_LT(0, as.pid);
	abandon_with_all_endings(_metadata, &as, WARM_UP_ROUNDS);
	expect_no_growth(_metadata, &as, repeat_half_read);
	expect_no_growth(_metadata, &as, repeat_all_endings);
	namespace_end(as.pid);
}

static void abandon_inside(void *arg)
{
	struct __test_metadata *_metadata = arg;

	abandon_with_all_endings(_metadata, NULL, 20);
}

/*
 * The limit is one namespace.  The next one can start only when nothing holds a
 * reference to the previous one.
 */
static void make_namespaces_in_turn(struct __test_metadata *_metadata,
				    __u64 flags)
{
	pid_t init;
	int i;

	ASSERT_EQ(0, namespace_become_root());
	ASSERT_EQ(0, namespace_limit("pid", 1));
	if (flags & CLONE_NEWUSER)
		ASSERT_EQ(0, namespace_limit("user", 1));

	for (i = 0; i < NAMESPACES; i++) {
		init = namespace_begin_retry(flags, SLEEPERS,
					     abandon_inside, _metadata);
		ASSERT_LT(0, init) {
			TH_LOG("namespace %d: %s", i, strerror(-init));
		}
		/* This shows that the limit applies. */
		EXPECT_EQ(-ENOSPC, namespace_fork(CLONE_NEWPID));
		namespace_end(init);
	}
}

/* Catches a leaked reference to a process or to its namespace. */
TEST_F_TIMEOUT(abandoned_dump,
	       inside_pid_namespace_releases_namespace, TIMEOUT_SECONDS)
{
	pid_t pid = td_fork_as(_metadata, &user);

	if (!pid) {
		make_namespaces_in_turn(_metadata, 0);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* Catches a leaked reference to credentials. */
TEST_F_TIMEOUT(abandoned_dump,
	       inside_user_namespace_releases_namespace, TIMEOUT_SECONDS)
{
	pid_t pid = td_fork_as(_metadata, &user);

	if (!pid) {
		make_namespaces_in_turn(_metadata, CLONE_NEWUSER);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/*
 * The sender is outside: the dump refers to the namespace by SCM_CREDENTIALS.
 */
TEST_F_TIMEOUT(abandoned_dump,
	       outside_pid_namespace_releases_namespace, TIMEOUT_SECONDS)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		int i;

		/*
		 * A limit for this test alone: its own namespace and one below.
		 */
		ASSERT_EQ(0, namespace_enter_limited(2));
		for (i = 0; i < NAMESPACES; i++) {
			struct ucred as = {};

			as.pid = namespace_begin_retry(0, SLEEPERS,
						       NULL, NULL);
			ASSERT_LT(0, as.pid) {
				TH_LOG("namespace %d: %s", i,
				       strerror(-as.pid));
			}
			abandon_with_all_endings(_metadata, &as, 20);
			EXPECT_EQ(-ENOSPC, namespace_fork(CLONE_NEWPID));
			namespace_end(as.pid);
		}
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

int main(int argc, char **argv)
{
	td_require_family_and_root();
	return test_harness_run(argc, argv);
}
