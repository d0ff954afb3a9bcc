// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMA_STAT: resident pages of all kinds; each figure of each mapping must equal
 * /proc/PID/smaps; with and without VMA, over many messages.
 */
#include <sys/prctl.h>
#include <sys/time.h>

#include "lib/test_tasks.h"
#include "lib/fields.h"
#include "lib/make_mappings.h"
#include "lib/expected_maps.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"

#define BIG (512UL << 20)

/* --- special tasks -------------------------------------------------------- */

/* A large mapping in which every 17th page is resident. */
static int map_big(void *arg)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, BIG, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t at;

	if (memory == MAP_FAILED)
		return -errno;
	for (at = 0; at < BIG; at += 17 * page)
		memory[at] = 1;
	return 0;
}

static char * const programs[][TEST_TASKS_ARGS] = {
	{ "sh", "-c", "echo; read x" },
	{
		"python3", "-c",
		"import threading, socket, ctypes, mmap, json\n"
		"m = mmap.mmap(-1, 100000); m[5000:9000] = b'x' * 4000\n"
		"l = [str(i) for i in range(100000)]\n"
		"print(flush=True); input()\n",
	},
};

static const struct test_task_kind kinds[] = {
	{ "all kinds", make_mappings },
	{ "resident", make_resident_pages },
	{ "large", map_big },
	{ "many", make_many_mappings },
};

static struct test_tasks tasks;

static int make_test_tasks(void)
{
	return test_tasks_begin_all(&tasks, kinds, ARRAY_SIZE(kinds), programs,
				    ARRAY_SIZE(programs));
}

static void end_test_tasks(void)
{
	test_tasks_end(&tasks);
}

/* --- tests ---------------------------------------------------------------- */

FIXTURE(vma_stat) {
	struct td_sock sock;
	int proc;
};

FIXTURE_VARIANT(vma_stat) {
	size_t size;		/* of the receive buffer */
	__u64 show;
};

FIXTURE_VARIANT_ADD(vma_stat, alone_buffer_32_kib) {
	.size = TD_LARGE, .show = TASK_DIAG_SHOW_VMA_STAT,
};

FIXTURE_VARIANT_ADD(vma_stat, with_vma_buffer_32_kib) {
	.size = TD_LARGE,
	.show = TASK_DIAG_SHOW_VMA_STAT | TASK_DIAG_SHOW_VMA,
};

FIXTURE_VARIANT_ADD(vma_stat, with_all_groups_buffer_8_kib) {
	.size = TD_SMALL,
	.show = TASK_DIAG_SHOW_VMA_STAT | TASK_DIAG_SHOW_VMA | TD_BASE_CRED |
		TASK_DIAG_SHOW_CMDLINE | TASK_DIAG_SHOW_STAT |
		TASK_DIAG_SHOW_FILES | TASK_DIAG_SHOW_CGROUP |
		TASK_DIAG_SHOW_PATHS | TASK_DIAG_SHOW_ENVIRON,
};

FIXTURE_SETUP(vma_stat)
{
	ASSERT_EQ(0, td_open(&self->sock, variant->size));
	if (td_module_missing_groups(&self->sock, TASK_DIAG_SHOW_VMA_STAT))
		SKIP(return, "the module of this kernel has no group VMA_STAT");
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(vma_stat)
{
	close(self->proc);
	td_close(&self->sock);
}

/*
 * Compare each mapping whose figures are equal in two reads of smaps: pages of
 * files are shared with other processes.  Returns the number of compared
 * mappings.
 */
static size_t expect_procfs_figures(struct __test_metadata *_metadata,
				    const struct td_answer *a,
				    const struct td_row *row,
				    const struct procfs_mappings *before,
				    const struct procfs_mappings *after)
{
	size_t i, compared = 0;
	struct mappings mappings;
	char text[400];

	if (!before->nr && !(row->groups & TASK_DIAG_SHOW_VMA_STAT))
		return 0;
	td_get_mappings(_metadata, a, row, &mappings);
	EXPECT_FALSE(row->complete);
	EXPECT_EQ(before->nr, mappings.nr_stat) {
		TH_LOG("number of mappings of task %u differs", row->msg.pid);
	}
	for (i = 0; i < mappings.nr_stat; i++) {
		const __u64 start = mappings.stat[i].start;
		const struct procfs_mapping *first =
			expected_maps_find(before, start);
		const struct procfs_mapping *second =
			expected_maps_find(after, start);

		EXPECT_TRUE(first && second) {
			TH_LOG("task %u: procfs has no mapping at %#llx",
			       row->msg.pid, start);
		}
		if (!first || !second ||
		    !expected_smaps_unchanged(first, second))
			continue;
		EXPECT_TRUE(expected_smaps_match(&mappings.stat[i], first, text,
						 sizeof(text))) {
			TH_LOG("%u: %s", row->msg.pid, text);
		}
		compared++;
	}
	fields_mappings_free(&mappings);
	return compared;
}

static size_t compare_one(struct __test_metadata *_metadata,
			  struct td_sock *sock, int proc, __u64 show, pid_t pid)
{
	struct procfs_mappings before, after;
	struct td_answer a;
	size_t compared;

	ASSERT_EQ(0, expected_maps_read(proc, pid, &before));
	td_dump(_metadata, sock, show, TASK_DIAG_DUMP_ONE, pid, &a);
	ASSERT_EQ(1U, a.rows);
	ASSERT_EQ(0, expected_maps_read(proc, pid, &after));
	compared = expect_procfs_figures(_metadata, &a, &a.row[0], &before,
					 &after);
	expected_maps_free(&before);
	expected_maps_free(&after);
	td_answer_free(&a);
	return compared;
}

TEST_F(vma_stat, every_test_task_equals_procfs)
{
	size_t i;

	for (i = 0; i < tasks.nr; i++)
		EXPECT_LT(10U, compare_one(_metadata, &self->sock, self->proc,
					   variant->show,
					   tasks.special[i].pid));
	for (i = 0; i < tasks.pool.nr; i++)
		compare_one(_metadata, &self->sock, self->proc, variant->show,
			    tasks.pool.task[i].pid);
}

/* Dump all tasks at once: figures of different tasks must not be mixed. */
TEST_F(vma_stat, every_process_equals_procfs)
{
	size_t i, compared = 0;
	struct pid_set pids = {};
	struct procfs_mappings *before;
	struct td_answer a;

	ASSERT_EQ(0, procfs_processes(self->proc, &pids));
	before = calloc(pids.nr, sizeof(*before));
	ASSERT_NE(NULL, before);
	for (i = 0; i < pids.nr; i++)
		expected_maps_read(self->proc, pids.id[i], &before[i]);
	td_dump(_metadata, &self->sock, variant->show, TASK_DIAG_DUMP_ALL,
		0, &a);
	for (i = 0; i < pids.nr; i++) {
		const struct td_row *row = td_find_row(&a, pids.id[i]);
		struct procfs_mappings after;

		/* The mappings of this process grow while it reads. */
		if (row && pids.id[i] != (__u32)getpid() && pids.id[i] != 1) {
			ASSERT_EQ(0, expected_maps_read(self->proc, pids.id[i],
							&after));
			compared += expect_procfs_figures(_metadata, &a, row,
							  &before[i], &after);
			expected_maps_free(&after);
		}
		expected_maps_free(&before[i]);
	}
	EXPECT_LT((size_t)MANY_MAPPINGS, compared);
	TH_LOG("compared %zu mappings", compared);
	free(before);
	pid_set_free(&pids);
	td_answer_free(&a);
}

/* Check that the pages are of the kinds that the task has made. */
TEST_F(vma_stat, test_tasks_report_their_pages)
{
	struct task_diag_vma_stat total = {};
	struct mappings mappings;
	struct td_answer a;
	size_t i;

	td_dump(_metadata, &self->sock, variant->show, TASK_DIAG_DUMP_ONE,
		test_tasks_pid(&tasks, "resident"), &a);
	ASSERT_EQ(1U, a.rows);
	td_get_mappings(_metadata, &a, &a.row[0], &mappings);
	for (i = 0; i < mappings.nr_stat; i++) {
		const struct task_diag_vma_stat *stat = &mappings.stat[i];

		EXPECT_EQ(stat->rss, stat->shared_clean + stat->shared_dirty +
				     stat->private_clean + stat->private_dirty);
		EXPECT_LE(stat->pss, stat->rss);
		EXPECT_LE(stat->pss_dirty, stat->pss);
		EXPECT_LE(stat->rss, stat->end - stat->start);
		total.rss += stat->rss;
		total.pss += stat->pss;
		total.shared_clean += stat->shared_clean;
		total.shared_dirty += stat->shared_dirty;
		total.private_clean += stat->private_clean;
		total.private_dirty += stat->private_dirty;
		total.referenced += stat->referenced;
		total.anonymous += stat->anonymous;
		total.locked += stat->locked;
	}
	EXPECT_LT(0U, total.shared_clean);
	EXPECT_LT(0U, total.shared_dirty);
	EXPECT_LT(0U, total.private_clean);
	EXPECT_LT(0U, total.private_dirty);
	EXPECT_LT(0U, total.referenced);
	EXPECT_LT(0U, total.anonymous);
	EXPECT_LT(0U, total.locked);
	EXPECT_LT(total.pss, total.rss);
	fields_mappings_free(&mappings);
	td_answer_free(&a);
}

/* A mapping of many pages has one total per figure. */
TEST_F(vma_stat, large_mapping_has_one_total)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	const __u64 expected = (BIG / page + 16) / 17 * page;
	size_t i, seen = 0;
	struct mappings mappings;
	struct td_answer a;

	td_dump(_metadata, &self->sock, variant->show, TASK_DIAG_DUMP_ONE,
		test_tasks_pid(&tasks, "large"), &a);
	ASSERT_EQ(1U, a.rows);
	td_get_mappings(_metadata, &a, &a.row[0], &mappings);
	for (i = 0; i < mappings.nr_stat; i++) {
		const struct task_diag_vma_stat *stat = &mappings.stat[i];

		if (stat->end - stat->start < BIG)
			continue;
		EXPECT_LE(expected, stat->rss);
		EXPECT_LE(expected, stat->private_dirty);
		seen++;
	}
	EXPECT_EQ(1U, seen);
	fields_mappings_free(&mappings);
	td_answer_free(&a);
}

/* Mappings excluded by a filter are excluded from both groups. */
TEST_F(vma_stat, flag_filter_selects_mappings)
{
	static const __u64 flags = TASK_DIAG_VMA_FILE | TASK_DIAG_VMA_WRITE;
	const struct td_filter filter = {
		TASK_DIAG_CMD_ATTR_VMA_FLAGS, &flags, sizeof(flags),
	};
	const struct task_diag_pid query = {
		.show_flags = variant->show,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = test_tasks_pid(&tasks, "all kinds"),
	};
	struct procfs_mappings expected;
	size_t i, nr = 0;
	struct mappings mappings;
	struct td_answer a;

	ASSERT_EQ(0, expected_maps_read(self->proc, query.pid, &expected));
	ASSERT_EQ(0, td_query_filtered(&self->sock, &query, NLM_F_DUMP, &filter,
				       1, &a));
	ASSERT_SUCCESS(&a);
	td_get_mappings(_metadata, &a, &a.row[0], &mappings);
	for (i = 0; i < expected.nr; i++) {
		if ((expected.mapping[i].vma.flags & flags) != flags)
			continue;
		ASSERT_LT(nr, mappings.nr_stat);
		EXPECT_EQ(expected.mapping[i].vma.start,
			  mappings.stat[nr].start);
		nr++;
	}
	EXPECT_EQ(nr, mappings.nr_stat);
	EXPECT_LT(20U, nr);
	fields_mappings_free(&mappings);
	expected_maps_free(&expected);
	td_answer_free(&a);
}

TEST_F(vma_stat, huge_pages_equal_procfs)
{
	struct special_task s;

	if (special_task_begin(&s, make_huge_pages, NULL))
		SKIP(return, "this kernel has no huge pages: %s", s.error);
	EXPECT_LT(10U, compare_one(_metadata, &self->sock, self->proc,
				   variant->show, s.pid));
	special_task_end(&s);
}

/*
 * A process maps and unmaps memory while the dump sums up a large mapping: its
 * calls are not blocked for long, and the mappings that stay are reported.
 */
TEST_F(vma_stat, changing_process_keeps_large_mapping)
{
	int round;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (map_big(NULL))
			_exit(1);
		for (;;) {
			void *memory = mmap(NULL, 40960, PROT_READ,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			munmap(memory, 40960);
		}
	}
	for (round = 0; round < 20; round++) {
		size_t i, seen = 0;
		struct mappings mappings;
		struct td_answer a;

		td_dump(_metadata, &self->sock, variant->show,
			TASK_DIAG_DUMP_ONE, pid, &a);
		ASSERT_EQ(1U, a.rows);
		td_get_mappings(_metadata, &a, &a.row[0], &mappings);
		for (i = 0; i < mappings.nr_stat; i++)
			seen += mappings.stat[i].end - mappings.stat[i].start >=
				BIG;
		/* The first rounds may run before the large mapping exists. */
		EXPECT_GE(1U, seen);
		EXPECT_TRUE(seen || round <= 10);
		fields_mappings_free(&mappings);
		td_answer_free(&a);
		usleep(10000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Mappings whose pages are all resident, which take a while to sum up. */
#define PARTS 64U
#define PART (2UL << 20)

static int map_parts(void *arg)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	unsigned int i;

	for (i = 0; i < PARTS; i++) {
		/* The last page separates the mapping from the next one. */
		char *memory = mmap(NULL, PART + page, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED ||
		    mprotect(memory + PART, page, PROT_NONE))
			return -errno;
		/*
		 * Huge pages would be summed up too fast; some kernels have
		 * none.
		 */
		madvise(memory, PART, MADV_NOHUGEPAGE);
		memset(memory, 1, PART);
	}
	return arg ? -EINVAL : 0;
}

static void on_alarm(int sig)
{
}

static void set_alarms(struct __test_metadata *_metadata, long usec)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval interval = {
		.it_interval.tv_usec = usec,
		.it_value.tv_usec = usec,
	};

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &interval, NULL));
}

/*
 * Return the number of messages of the row; all of its mappings must be there.
 */
static unsigned int count_messages(struct __test_metadata *_metadata,
				   struct td_sock *sock, __u64 show, pid_t pid)
{
	unsigned int messages, parts = 0;
	struct mappings mappings;
	struct td_answer a;
	size_t i;

	td_dump(_metadata, sock, show, TASK_DIAG_DUMP_ONE, pid, &a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_FALSE(a.row[0].complete);
	td_get_mappings(_metadata, &a, &a.row[0], &mappings);
	for (i = 0; i < mappings.nr_stat; i++)
		parts += mappings.stat[i].rss == PART;
	EXPECT_EQ(PARTS, parts);
	messages = a.row[0].messages;
	fields_mappings_free(&mappings);
	td_answer_free(&a);
	return messages;
}

#define ATTEMPTS 200

/* Catches a row that the reader cannot interrupt except by SIGKILL. */
TEST_F(vma_stat, signals_split_row_into_more_messages)
{
	unsigned int without, with = 0, i;
	struct special_task s;

	ASSERT_EQ(0, special_task_begin(&s, map_parts, NULL));
	without = count_messages(_metadata, &self->sock, variant->show, s.pid);
	set_alarms(_metadata, 200);
	/*
	 * Timers expire on ticks, and a row may be over before the next tick.
	 */
	for (i = 0; i < ATTEMPTS && with <= without; i++)
		with = count_messages(_metadata, &self->sock, variant->show,
				      s.pid);
	set_alarms(_metadata, 0);
	EXPECT_LT(without, with);
	special_task_end(&s);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_test_tasks, end_test_tasks,
		       tasks.pool.error);
}
