// SPDX-License-Identifier: GPL-2.0-only
/*
 * NSPID: the pids of each task in each of its pid namespaces, compared with
 * NStgid, NSpid, NSpgid and NSsid of /proc/PID/status.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "lib/namespace.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"
#include "lib/test_tasks.h"

/* The initial namespace, and those that can be nested in it. */
#define LEVELS 33

#define DEEPEST "deepest"

/* --- special tasks -------------------------------------------------------- */

static void *sleep_thread(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

/*
 * Runs in the first process of a nested namespace: create @left further
 * namespaces, each in the one before, write to @ready when the last one exists,
 * and sleep.
 */
static void nest(unsigned int left, int ready)
{
	pthread_t thread;
	pid_t pid = 0;
	char ok = 1;

	for (; !pid; left--) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Some processes have a session of their own. */
		if (left % 4 == 0 && setsid() < 0)
			ok = 0;
		if (!ok || !left)
			break;
		pid = namespace_fork(CLONE_NEWPID);
	}
	if (!pid) {
		prctl(PR_SET_NAME, DEEPEST);
		if (pthread_create(&thread, NULL, sleep_thread, NULL))
			ok = 0;
	}
	/* Only the last process, or one that has failed, writes to @ready. */
	if (pid < 0)
		ok = 0;
	if (pid <= 0 && write(ready, &ok, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* @arg: number of nested namespaces. */
static int make_namespaces(void *arg)
{
	const unsigned int levels = *(const unsigned int *)arg;
	int ready[2], ret;
	char ok = 0;
	pid_t pid;

	if (pipe(ready))
		return -errno;
	pid = namespace_fork(CLONE_NEWPID);
	if (pid < 0)
		return pid;
	if (!pid)
		nest(levels - 1, ready[1]);
	close(ready[1]);
	ret = read(ready[0], &ok, 1);
	close(ready[0]);
	return ret == 1 && ok ? 0 : -EIO;
}

static struct test_tasks tasks;

static int make_test_tasks(void)
{
	unsigned int some = 3, all = LEVELS - 1;

	return test_tasks_begin_common(&tasks) ?:
	       test_tasks_add(&tasks, "some", make_namespaces, &some) ?:
	       test_tasks_add(&tasks, "all", make_namespaces, &all) ?:
	       task_pool_settle(&tasks.pool);
}

static void end_test_tasks(void)
{
	test_tasks_end(&tasks);
}

/* --- procfs reference ----------------------------------------------------- */

struct levels {
	struct task_diag_nspid at[LEVELS];
	size_t nr;
};

/* Store the numbers of a line at the offset @field of each level. */
static bool read_line(const char *status, const char *key, size_t field,
		      struct levels *levels)
{
	const char *text = procfs_value(status, key);
	size_t nr = 0;
	char *end;

	while (text && *text && *text != '\n' && nr < LEVELS) {
		__u32 pid = strtoul(text, &end, 10);

		if (end == text)
			break;
		memcpy((char *)&levels->at[nr++] + field, &pid, sizeof(pid));
		text = end;
	}
	if (levels->nr && levels->nr != nr)
		return false;
	levels->nr = nr;
	return nr;
}

static bool read_levels(const char *status, struct levels *levels)
{
#define LINE(key, field) \
	read_line(status, key, offsetof(struct task_diag_nspid, field), levels)

	memset(levels, 0, sizeof(*levels));
	return LINE("NStgid", tgid) && LINE("NSpid", pid) &&
	       LINE("NSpgid", pgid) && LINE("NSsid", sid);
#undef LINE
}

/* Copy the group of a row; no levels if it is missing or too long. */
static struct levels reported_levels(const struct td_answer *a,
				     const struct td_row *row)
{
	struct td_span span = td_row_attrs(a, row);
	struct levels levels = {};
	struct td_attr attr;

	while (td_next_attr(&span, &attr) > 0) {
		if (attr.type != TASK_DIAG_NSPID ||
		    attr.len > sizeof(levels.at) ||
		    attr.len % sizeof(levels.at[0]))
			continue;
		memcpy(levels.at, attr.data, attr.len);
		levels.nr = attr.len / sizeof(levels.at[0]);
	}
	return levels;
}

FIXTURE(nspid) {
	struct td_sock sock;
	int proc;
};

FIXTURE_SETUP(nspid)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(nspid)
{
	close(self->proc);
	td_close(&self->sock);
}

FIXTURE_VARIANT(nspid) {
	__u64 strategy;
};

FIXTURE_VARIANT_ADD(nspid, processes) {
	.strategy = TASK_DIAG_DUMP_ALL,
};

FIXTURE_VARIANT_ADD(nspid, threads) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD,
};

/* No other task starts or ends here, so compare all tasks of the system. */
TEST_F(nspid, every_task_equals_status)
{
	size_t i, compared = 0, deepest = 0, len;
	struct levels expected, reported;
	struct td_answer a;

	td_dump(_metadata, &self->sock, TASK_DIAG_SHOW_NSPID | TD_BASE_CRED,
		variant->strategy, 0, &a);
	for (i = 0; i < a.rows; i++) {
		const struct td_row *row = &a.row[i];
		char *status = procfs_file(self->proc, row->msg.pid, 0,
					   "status", &len);

		/* A kernel thread may have ended. */
		if (!status)
			continue;
		reported = reported_levels(&a, row);
		ASSERT_TRUE(read_levels(status, &expected));
		EXPECT_EQ(0, memcmp(&expected, &reported, sizeof(expected))) {
			TH_LOG("thread %u, %zu levels: %s", row->msg.pid,
			       reported.nr, status);
		}
		EXPECT_EQ(row->msg.pid, reported.at[0].pid);
		EXPECT_EQ(row->msg.tgid, reported.at[0].tgid);
		if (reported.nr > deepest)
			deepest = reported.nr;
		compared++;
		free(status);
	}
	EXPECT_EQ((size_t)LEVELS, deepest);
	EXPECT_LE(tasks.nr + tasks.pool.nr + LEVELS - 1 + 3, compared);
	td_answer_free(&a);
}

FIXTURE(single) {
	struct td_sock sock;
};

FIXTURE_SETUP(single)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
}

FIXTURE_TEARDOWN(single)
{
	td_close(&self->sock);
}

/* Uses single requests, which report NSPID as well. */
TEST_F(single, first_process_has_pid_1_in_the_innermost_namespace)
{
	struct levels reported = {};
	struct td_answer a, one;
	unsigned int found = 0;
	size_t i;

	td_dump(_metadata, &self->sock, TASK_DIAG_SHOW_BASE, TASK_DIAG_DUMP_ALL,
		0, &a);
	for (i = 0; i < a.rows; i++) {
		if (strcmp(a.row[i].base.comm, DEEPEST))
			continue;
		found++;
		td_get_row(_metadata, &self->sock, TASK_DIAG_SHOW_NSPID,
			   a.row[i].msg.pid, &one);
		reported = reported_levels(&one, &one.row[0]);
		ASSERT_LE(4U, reported.nr);
		EXPECT_EQ(1U, reported.at[reported.nr - 1].pid);
		EXPECT_EQ(1U, reported.at[reported.nr - 1].tgid);
		EXPECT_EQ(1U, reported.at[reported.nr - 1].sid);
		td_answer_free(&one);
	}
	EXPECT_EQ(2U, found);
	td_answer_free(&a);
}

/* The levels above the namespace of the request are not reported. */
TEST_F(single, levels_begin_with_the_namespace_of_the_request)
{
	pid_t child = namespace_fork(CLONE_NEWPID);

	ASSERT_LE(0, child);
	if (!child) {
		struct levels reported;
		struct td_sock sock;
		struct td_answer a;

		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		td_get_row(_metadata, &sock, TASK_DIAG_SHOW_NSPID, getpid(),
			   &a);
		reported = reported_levels(&a, &a.row[0]);
		EXPECT_EQ(1U, reported.nr);
		EXPECT_EQ(1U, reported.at[0].pid);
		/* Group and session belong to an outer namespace. */
		EXPECT_EQ(0U, reported.at[0].pgid);
		EXPECT_EQ(0U, reported.at[0].sid);
		_exit(!__test_passed(_metadata));
	}
	EXPECT_EXIT_0(child);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_test_tasks, end_test_tasks,
		       tasks.pool.error);
}
