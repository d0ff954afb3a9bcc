// SPDX-License-Identifier: GPL-2.0-only
/*
 * IO, SIGNALS, LIMITS and OOM: each field of each task, compared with
 * /proc/PID/io, status, limits, oom_score and oom_score_adj.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lib/procfs.h"
#include "lib/taskdiag_test.h"
#include "lib/test_tasks.h"

#define USAGE (TASK_DIAG_SHOW_IO | TASK_DIAG_SHOW_SIGNALS | \
	       TASK_DIAG_SHOW_LIMITS | TASK_DIAG_SHOW_OOM)

/* --- special tasks -------------------------------------------------------- */

static void handler(int sig)
{
}

/* Read and write different numbers of bytes in different numbers of calls. */
static int do_io(void *arg)
{
	char buf[1000] = {};
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int i;

	if (zero < 0 || null < 0)
		return -errno;
	for (i = 0; i < 7; i++)
		if (read(zero, buf, 500 + i) != 500 + i)
			return -EIO;
	for (i = 0; i < 5; i++)
		if (write(null, buf, 900 + i) != 900 + i)
			return -EIO;
	close(zero);
	close(null);
	return 0;
}

static void *io_thread(void *arg)
{
	return do_io(arg) ? arg : NULL;
}

/* The process has the sum of all threads, also of one that has ended. */
static int do_io_in_thread(void *arg)
{
	pthread_t thread;
	int err;

	err = pthread_create(&thread, NULL, io_thread, NULL);
	return err ? -err : -pthread_join(thread, NULL);
}

static int set_signals(void *arg)
{
	union sigval value = {};
	sigset_t set;
	int i;

	signal(SIGUSR1, handler);
	signal(SIGRTMAX, handler);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMAX - 1);
	sigprocmask(SIG_SETMASK, &set, NULL);
	for (i = 0; i < 3; i++)
		if (sigqueue(getpid(), SIGRTMAX - 1, value))
			return -errno;
	return syscall(SYS_tkill, getpid(), SIGUSR2) ? -errno : 0;
}

/* Each limit has values of its own where the kernel permits it. */
static int set_limits(void *arg)
{
	static const int limits[] = {
		RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_CORE, RLIMIT_RSS,
		RLIMIT_NPROC, RLIMIT_NOFILE, RLIMIT_MEMLOCK, RLIMIT_LOCKS,
		RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE, RLIMIT_NICE,
		RLIMIT_RTPRIO, RLIMIT_RTTIME,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct rlimit limit = { 100000 + i, 200000 + i };

		if (setrlimit(limits[i], &limit))
			return -errno;
	}
	return 0;
}

static int set_oom_score_adj(void *arg)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, "-321", 4) != 4)
		err = -errno;
	close(fd);
	return err;
}

static const struct test_task_kind kinds[] = {
	{ "io", do_io },
	{ "io_thread", do_io_in_thread },
	{ "signals", set_signals },
	{ "limits", set_limits },
	{ "oom", set_oom_score_adj },
};

static struct test_tasks tasks;

static int make_test_tasks(void)
{
	return test_tasks_begin_all(&tasks, kinds, ARRAY_SIZE(kinds), NULL, 0);
}

static void end_test_tasks(void)
{
	test_tasks_end(&tasks);
}

/* --- procfs reference ----------------------------------------------------- */

static char *read_file(int proc, const struct td_row *row, pid_t tid,
		       const char *name)
{
	size_t len;

	return procfs_file(proc, row->msg.tgid, tid, name, &len);
}

static __u64 number_of(const char *text, const char *name, int base)
{
	const char *value = procfs_value(text, name);

	return value ? strtoull(value, NULL, base) : ~0ULL;
}

static __u64 limit_at(const char *text)
{
	text += strspn(text, " ");
	return strncmp(text, "unlimited", 9) ? strtoull(text, NULL, 10) : ~0ULL;
}

/* Names have 25 characters, and values 20, each followed by a space. */
static void read_limits(const char *text, struct task_diag_limits *limits)
{
	const char *line = text;
	size_t i;

	memset(limits, 0xff, sizeof(*limits));
	for (i = 0; i < TASK_DIAG_RLIMITS; i++) {
		line = strchr(line, '\n');
		if (!line || strlen(line) < 70)
			return;
		line++;
		limits->limit[i].soft = limit_at(line + 26);
		limits->limit[i].hard = limit_at(line + 47);
	}
}

/* --- comparison ----------------------------------------------------------- */

static void compare_io(struct __test_metadata *_metadata, int proc, pid_t tid,
		       const struct td_row *row)
{
	const struct task_diag_io *io = &row->io;
	char *text = read_file(proc, row, tid, "io");

	ASSERT_NE(NULL, text);
	EXPECT_EQ(number_of(text, "rchar", 10), io->rchar);
	EXPECT_EQ(number_of(text, "wchar", 10), io->wchar);
	EXPECT_EQ(number_of(text, "syscr", 10), io->syscr);
	EXPECT_EQ(number_of(text, "syscw", 10), io->syscw);
	EXPECT_EQ(number_of(text, "read_bytes", 10), io->read_bytes);
	EXPECT_EQ(number_of(text, "write_bytes", 10), io->write_bytes);
	EXPECT_EQ(number_of(text, "cancelled_write_bytes", 10),
		  io->cancelled_write_bytes);
	free(text);
}

static void compare_signals(struct __test_metadata *_metadata, int proc,
			    pid_t tid, const struct td_row *row)
{
	const struct task_diag_signals *signals = &row->signals;
	char *text = read_file(proc, row, tid, "status");
	const char *queue;

	ASSERT_NE(NULL, text);
	EXPECT_EQ(number_of(text, "SigPnd", 16), signals->pending);
	EXPECT_EQ(number_of(text, "ShdPnd", 16), signals->shared_pending);
	EXPECT_EQ(number_of(text, "SigBlk", 16), signals->blocked);
	EXPECT_EQ(number_of(text, "SigIgn", 16), signals->ignored);
	EXPECT_EQ(number_of(text, "SigCgt", 16), signals->caught);
	queue = procfs_value(text, "SigQ");
	ASSERT_NE(NULL, queue);
	EXPECT_EQ(strtoul(queue, NULL, 10), signals->queued);
	EXPECT_EQ(strtoull(strchr(queue, '/') + 1, NULL, 10),
		  signals->queue_limit);
	EXPECT_EQ(0U, signals->__pad);
	free(text);
}

static void compare_limits(struct __test_metadata *_metadata, int proc,
			   pid_t tid, const struct td_row *row)
{
	char *text = read_file(proc, row, tid, "limits");
	struct task_diag_limits expected;

	ASSERT_NE(NULL, text);
	read_limits(text, &expected);
	EXPECT_EQ(0, memcmp(&expected, &row->limits, sizeof(expected))) {
		TH_LOG("limits of %d: %s", row->msg.pid, text);
	}
	free(text);
}

static void compare_oom(struct __test_metadata *_metadata, int proc, pid_t tid,
			const struct td_row *row)
{
	char *adj = read_file(proc, row, tid, "oom_score_adj");
	char *score = read_file(proc, row, tid, "oom_score");

	ASSERT_NE(NULL, adj);
	ASSERT_NE(NULL, score);
	EXPECT_EQ(strtol(adj, NULL, 10), row->oom.score_adj);
	EXPECT_EQ(strtoul(score, NULL, 10), row->oom.score);
	free(adj);
	free(score);
}

FIXTURE(usage) {
	struct td_sock sock;
	int proc;
};

FIXTURE_SETUP(usage)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(usage)
{
	close(self->proc);
	td_close(&self->sock);
}

FIXTURE_VARIANT(usage) {
	__u64 strategy;
};

FIXTURE_VARIANT_ADD(usage, processes) {
	.strategy = TASK_DIAG_DUMP_ALL,
};

FIXTURE_VARIANT_ADD(usage, threads) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD,
};

TEST_F(usage, test_tasks_equal_procfs)
{
	const struct task_diag_pid query = {
		.show_flags = USAGE | TASK_DIAG_SHOW_BASE,
		.dump_strategy = variant->strategy,
	};
	const bool threads = variant->strategy == TASK_DIAG_DUMP_ALL_THREAD;
	size_t i, compared = 0;
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	for (i = 0; i < a.rows; i++) {
		const struct td_row *row = &a.row[i];
		const pid_t tid = threads ? row->msg.pid : 0;

		ASSERT_EQ(query.show_flags, row->groups);
		/* The values of other processes may change meanwhile. */
		if (!test_tasks_has(&tasks, row->msg.tgid))
			continue;
		compare_io(_metadata, self->proc, tid, row);
		compare_signals(_metadata, self->proc, tid, row);
		compare_limits(_metadata, self->proc, tid, row);
		compare_oom(_metadata, self->proc, tid, row);
		compared++;
	}
	EXPECT_LE(ARRAY_SIZE(kinds) + tasks.pool.nr, compared);
	td_answer_free(&a);
}

/* The special tasks have the values that they have set. */
TEST_F(usage, special_tasks_have_their_values)
{
	struct task_diag_pid query = {
		.show_flags = USAGE,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = test_tasks_pid(&tasks, "signals"),
	};
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_EQ(1ULL << (SIGUSR2 - 1), a.row[0].signals.pending);
	EXPECT_EQ(1ULL << (SIGRTMAX - 2), a.row[0].signals.shared_pending);
	EXPECT_NE(0ULL, a.row[0].signals.caught & 1ULL << (SIGUSR1 - 1));
	EXPECT_NE(0ULL, a.row[0].signals.caught & 1ULL << (SIGRTMAX - 1));
	EXPECT_NE(0ULL, a.row[0].signals.ignored & 1ULL << (SIGHUP - 1));
	EXPECT_LE(4U, a.row[0].signals.queued);
	td_answer_free(&a);

	query.pid = test_tasks_pid(&tasks, "limits");
	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_EQ(100000U, a.row[0].limits.limit[RLIMIT_CPU].soft);
	EXPECT_EQ(200012U, a.row[0].limits.limit[RLIMIT_RTTIME].hard);
	td_answer_free(&a);

	query.pid = test_tasks_pid(&tasks, "oom");
	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_EQ(-321, a.row[0].oom.score_adj);
	td_answer_free(&a);

	query.pid = test_tasks_pid(&tasks, "io_thread");
	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_LE(7U * 500, a.row[0].io.rchar);
	EXPECT_LE(5U, a.row[0].io.syscw);
	td_answer_free(&a);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_test_tasks, end_test_tasks,
		       tasks.pool.error);
}
