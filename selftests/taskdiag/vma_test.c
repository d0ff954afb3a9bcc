// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMA: mappings of all kinds, of programs and of a process with 60,000 of them;
 * each must equal /proc/PID/maps and the flags in smaps; over many messages;
 * and no row mixes the mappings of two programs.
 */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/test_tasks.h"
#include "lib/fields.h"
#include "lib/make_mappings.h"
#include "lib/expected_maps.h"
#include "lib/procfs.h"
#include "lib/procfs_mount.h"
#include "lib/program.h"
#include "lib/task_events.h"
#include "lib/taskdiag_test.h"
#include "lib/users.h"

#define SELF "/proc/self/exe"
#define COPY "/tmp/taskdiag-copy"
#define LONG_NAMES 12

/* Role of an executed program, in argv[1]. */
#define ROLE_MANY "many"		/* makes many mappings ... */
#define ROLE_EXEC "exec"		/* ... and calls execve() */
#define ROLE_SETUID "setuid"		/* ... and executes a setuid program */
#define ROLE_DELETED "deleted"		/* deletes its own file */

/* --- special tasks -------------------------------------------------------- */

static int setup_program(int argc, char **argv)
{
	static char * const env[] = { SPECIAL_TASK_MARK, NULL };
	static char * const plain[] = { "plain", NULL };
	const char *role = argc > 1 ? argv[1] : "";
	int err;

	if (!strcmp(role, ROLE_DELETED))
		return unlink(COPY) ? -errno : 0;
	if (!strcmp(role, ROLE_MANY))
		return make_many_mappings(NULL);
	if (strcmp(role, ROLE_EXEC) && strcmp(role, ROLE_SETUID))
		return 0;

	err = make_many_mappings(NULL);
	if (err)
		return err;
	special_task_ready();
	if (!strcmp(role, ROLE_SETUID))
		return program_run_setuid("plain", NULL);
	execve(SELF, plain, env);
	return -errno;
}

/* Copy this program; the copy is deleted while it runs. */
static int copy_self(void)
{
	char bytes[65536];
	int from = open(SELF, O_RDONLY | O_CLOEXEC);
	int to = open(COPY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	ssize_t got;

	if (from < 0 || to < 0)
		return -errno;
	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, got) != got)
			return -errno;
	close(from);
	close(to);
	return 0;
}

static const struct test_task_kind kinds[] = {
	{ "all kinds", make_mappings },
	{ "many", make_many_mappings },
};

static char * const programs[][TEST_TASKS_ARGS] = {
	{ "sh", "-c", "echo; read x" },
	{
		"python3", "-c",
		"import threading, socket, ctypes, mmap, json\n"
		"m = mmap.mmap(-1, 100000)\n"
		"s = socket.socket(); s.bind(('', 0)); s.listen()\n"
		"[threading.Thread(target=s.accept, daemon=True).start()\n"
		" for i in range(5)]\n"
		"print(flush=True); input()\n",
	},
};

static struct test_tasks tasks;

static int make_test_tasks(void)
{
	static const struct task_spec other = { .name = "other",
						.creds = &user };
	static char * const deleted_args[] = { "copy", ROLE_DELETED, NULL };
	static size_t long_nr = LONG_NAMES;
	int err;

	err = program_install() ?: procfs_hide_others();
	err = err ?: test_tasks_begin_common(&tasks);
	err = err ?: task_pool_add(&tasks.pool, &other);
	err = err ?: copy_self();
	err = err ?: test_tasks_add_all(&tasks, kinds, ARRAY_SIZE(kinds));
	err = err ?: test_tasks_add(&tasks, "long names", make_long_names,
				    &long_nr);
	if (!err)
		err = test_tasks_add_exec(&tasks, "deleted", COPY, deleted_args,
					  NULL, NULL);
	if (!err)
		err = test_tasks_add_programs(&tasks, programs,
					      ARRAY_SIZE(programs));
	return err ?: task_pool_settle(&tasks.pool);
}

static void end_test_tasks(void)
{
	test_tasks_end(&tasks);
}

/* --- tests ---------------------------------------------------------------- */

FIXTURE(vma) {
	struct td_sock sock;
	int proc;
};

FIXTURE_VARIANT(vma) {
	size_t size;		/* of the receive buffer */
};

FIXTURE_VARIANT_ADD(vma, buffer_32_kib) {
	.size = TD_LARGE,
};

FIXTURE_VARIANT_ADD(vma, buffer_8_kib) {
	.size = TD_SMALL,
};

FIXTURE_SETUP(vma)
{
	ASSERT_EQ(0, td_open(&self->sock, variant->size));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(vma)
{
	close(self->proc);
	td_close(&self->sock);
}

static void query_vmas(struct __test_metadata *_metadata, struct td_sock *sock,
		       __u64 strategy, pid_t pid, struct td_answer *a)
{
	td_dump(_metadata, sock,
		TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_VMA, strategy, pid, a);
}

/* Compare all mappings of the row, in order.  Returns their number. */
static size_t expect_procfs_mappings(struct __test_metadata *_metadata,
				     int proc, const struct td_answer *a,
				     const struct td_row *row)
{
	struct procfs_mappings expected;
	struct mappings mappings;
	char text[400] = "";
	size_t i, nr;

	ASSERT_EQ(0, expected_maps_read(proc, row->msg.tgid, &expected));
	if (!expected.nr && !(row->groups & TASK_DIAG_SHOW_VMA)) {
		expected_maps_free(&expected);
		return 0;
	}
	td_get_mappings(_metadata, a, row, &mappings);
	EXPECT_EQ(expected.nr, mappings.nr) {
		TH_LOG("number of mappings of task %u differs", row->msg.pid);
	}
	EXPECT_FALSE(row->complete);
	nr = mappings.nr < expected.nr ? mappings.nr : expected.nr;
	for (i = 0; i < nr; i++) {
		bool same = expected_maps_match(&mappings.mapping[i].vma,
						mappings.mapping[i].name,
						&expected.mapping[i], text,
						sizeof(text));

		EXPECT_TRUE(same) {
			TH_LOG("%u: %s", row->msg.pid, text);
		}
		/*
		 * Report the first difference only: later mappings are likely
		 * to be shifted.
		 */
		if (!same)
			break;
	}
	fields_mappings_free(&mappings);
	expected_maps_free(&expected);
	return nr;
}

TEST_F(vma, every_process_equals_procfs)
{
	struct td_answer a;
	size_t i, compared = 0;

	query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ALL, 0, &a);
	for (i = 0; i < a.rows; i++) {
		/* The mappings of this process grow while it reads. */
		if (a.row[i].msg.pid == (__u32)getpid())
			continue;
		compared += expect_procfs_mappings(_metadata, self->proc, &a,
						   &a.row[i]);
	}
	EXPECT_LT((size_t)MANY_MAPPINGS, compared);
	TH_LOG("compared %zu mappings", compared);
	td_answer_free(&a);
}

TEST_F(vma, mappings_of_every_kind_equal_procfs)
{
	struct td_answer a;

	query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ONE,
		   test_tasks_pid(&tasks, "all kinds"), &a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_LT(100U,
		  expect_procfs_mappings(_metadata, self->proc, &a, &a.row[0]));
	td_answer_free(&a);
}

TEST_F(vma, process_with_60000_mappings_equals_procfs)
{
	struct td_answer a;

	query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ONE,
		   test_tasks_pid(&tasks, "many"), &a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_LT((size_t)MANY_MAPPINGS,
		  expect_procfs_mappings(_metadata, self->proc, &a, &a.row[0]));
	EXPECT_LT(MANY_MAPPINGS * sizeof(struct task_diag_vma) / TD_LARGE,
		  a.row[0].messages);
	td_answer_free(&a);
}

/* One name is as long as the smallest message. */
TEST_F(vma, names_of_4095_bytes_are_complete)
{
	size_t i, seen = 0;
	struct mappings mappings;
	struct td_answer a;

	query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ONE,
		   test_tasks_pid(&tasks, "long names"), &a);
	ASSERT_EQ(1U, a.rows);
	expect_procfs_mappings(_metadata, self->proc, &a, &a.row[0]);
	td_get_mappings(_metadata, &a, &a.row[0], &mappings);
	for (i = 0; i < mappings.nr; i++)
		seen += strlen(mappings.mapping[i].name) ==
			LONGEST_MAPPING_NAME;
	EXPECT_EQ((size_t)LONG_NAMES, seen);
	fields_mappings_free(&mappings);
	td_answer_free(&a);
}

/* Both the name and the flag of each of its mappings say that it is deleted. */
TEST_F(vma, deleted_program_has_deleted_flag)
{
	size_t i, seen = 0;
	struct mappings mappings;
	struct td_answer a;

	query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ONE,
		   test_tasks_pid(&tasks, "deleted"), &a);
	ASSERT_EQ(1U, a.rows);
	expect_procfs_mappings(_metadata, self->proc, &a, &a.row[0]);
	td_get_mappings(_metadata, &a, &a.row[0], &mappings);
	for (i = 0; i < mappings.nr; i++) {
		if (strcmp(mappings.mapping[i].name, COPY " (deleted)"))
			continue;
		EXPECT_NE(0U, mappings.mapping[i].vma.flags &
				      TASK_DIAG_VMA_DELETED);
		seen++;
	}
	EXPECT_LT(1U, seen);
	fields_mappings_free(&mappings);
	td_answer_free(&a);
}

/* A deleted file differs from a file whose name ends in "(deleted)". */
TEST_F(vma, name_ending_in_deleted_has_no_deleted_flag)
{
	static const char suffix[] = "was (deleted)";
	size_t i, called = 0, deleted_too = 0, zero = 0, memory = 0;
	struct mappings mappings;
	struct td_answer a;

	query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ONE,
		   test_tasks_pid(&tasks, "all kinds"), &a);
	ASSERT_EQ(1U, a.rows);
	td_get_mappings(_metadata, &a, &a.row[0], &mappings);
	for (i = 0; i < mappings.nr; i++) {
		const struct mapping *mapping = &mappings.mapping[i];
		const bool flag = mapping->vma.flags & TASK_DIAG_VMA_DELETED;
		const char *at = strstr(mapping->name, suffix);

		if (at && !at[strlen(suffix)]) {
			EXPECT_FALSE(flag);
			called++;
		} else if (at) {
			EXPECT_TRUE(flag);
			deleted_too++;
		} else if (!strcmp(mapping->name, "/dev/zero (deleted)")) {
			EXPECT_TRUE(flag);
			zero++;
		} else if (!strcmp(mapping->name, "/memfd:memory (deleted)")) {
			EXPECT_TRUE(flag);
			memory++;
		}
	}
	EXPECT_EQ(2U, called);
	EXPECT_EQ(2U, deleted_too);
	EXPECT_LT(0U, zero);
	EXPECT_EQ(2U, memory);
	fields_mappings_free(&mappings);
	td_answer_free(&a);
}

/* Threads share the memory of their leader, so it is reported once. */
TEST_F(vma, mappings_are_reported_for_leader_only)
{
	size_t i, with = 0, without = 0;
	struct td_answer a;

	query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ALL_THREAD, 0, &a);
	for (i = 0; i < a.rows; i++) {
		const struct td_row *row = &a.row[i];
		struct mappings mappings = {};
		char text[160];

		if (row->groups & TASK_DIAG_SHOW_VMA)
			ASSERT_EQ(0, fields_mappings(&a, row, &mappings, text,
						     sizeof(text)));
		if (row->msg.pid != row->msg.tgid) {
			EXPECT_EQ(0U, mappings.nr);
			without++;
		} else {
			with += mappings.nr > 0;
		}
		fields_mappings_free(&mappings);
	}
	EXPECT_LT(tasks.nr, with);
	EXPECT_LT(1U, without);
	td_answer_free(&a);
}

TEST_F(vma, request_without_dump_gets_einval)
{
	static const struct {
		__u64 show;
		const char *name;
	} groups[] = {
		{ TASK_DIAG_SHOW_VMA, "VMA" },
		{ TASK_DIAG_SHOW_VMA_STAT, "VMA_STAT" },
	};
	struct td_answer a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		const struct task_diag_pid query = {
			.show_flags = groups[i].show,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
			.pid = test_tasks_pid(&tasks, "all kinds"),
		};

		if (td_module_missing_groups(&self->sock, groups[i].show))
			continue;
		ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
		ASSERT_STREQ("", a.fault);
		EXPECT_EQ(EINVAL, a.end.error);
		EXPECT_TRUE(!!strstr(a.end.text, "show_flags"));
		EXPECT_TRUE(!!strstr(a.end.text, groups[i].name));
		EXPECT_TRUE(!!strstr(a.end.text, "NLM_F_DUMP"));
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
	}
}

/* The filter selects the mappings that have all requested flags. */
TEST_F(vma, flag_filter_selects_mappings)
{
	static const __u64 flags[] = {
		TASK_DIAG_VMA_EXEC, TASK_DIAG_VMA_FILE,
		TASK_DIAG_VMA_EXEC | TASK_DIAG_VMA_FILE,
		TASK_DIAG_VMA_WRITE | TASK_DIAG_VMA_SHARED,
		TASK_DIAG_VMA_DELETED, TASK_DIAG_VMA_LOCKED,
		TASK_DIAG_VMA_DONTCOPY, TASK_DIAG_VMA_GROWSDOWN,
		TASK_DIAG_VMA_READ | TASK_DIAG_VMA_HUGETLB, 0,
	};
	const pid_t pids[] = {
		test_tasks_pid(&tasks, "all kinds"),
		test_tasks_pid(&tasks, "many"),
		test_tasks_pid(&tasks, "deleted"),
	};
	struct mappings all, some;
	struct td_answer a;
	size_t i, j, at, nr;

	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		const struct task_diag_pid query = {
			.show_flags = TASK_DIAG_SHOW_VMA,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
			.pid = pids[i],
		};
		struct td_answer whole;

		query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ONE, pids[i],
			   &whole);
		td_get_mappings(_metadata, &whole, &whole.row[0], &all);
		for (j = 0; j < ARRAY_SIZE(flags); j++) {
			const struct td_filter filter = {
				TASK_DIAG_CMD_ATTR_VMA_FLAGS, &flags[j],
				sizeof(flags[j]),
			};
			char text[160] = "";

			ASSERT_EQ(0, td_query_filtered(&self->sock, &query,
						       NLM_F_DUMP, &filter, 1,
						       &a));
			ASSERT_SUCCESS(&a);
			/* The task has a row even if no mapping matches. */
			ASSERT_EQ(1U, a.rows);
			memset(&some, 0, sizeof(some));
			if (a.row[0].groups & TASK_DIAG_SHOW_VMA)
				ASSERT_EQ(0,
					  fields_mappings(&a, &a.row[0], &some,
							  text, sizeof(text)));
			for (nr = at = 0; at < all.nr; at++) {
				const struct mapping *mapping =
					&all.mapping[at];

				if ((mapping->vma.flags & flags[j]) != flags[j])
					continue;
				if (nr < some.nr)
					EXPECT_EQ(0,
						  memcmp(&mapping->vma,
							 &some.mapping[nr].vma,
							 sizeof(mapping->vma)));
				nr++;
			}
			EXPECT_EQ(nr, some.nr) {
				TH_LOG("flags %#llx", flags[j]);
			}
			fields_mappings_free(&some);
			td_answer_free(&a);
		}
		fields_mappings_free(&all);
		td_answer_free(&whole);
	}
}

/*
 * --- events during a row ----------------------------------------------------
 */

/*
 * All mappings in the row belong to the old program, and the row is marked as
 * incomplete.
 */
static void expect_old_mappings(struct __test_metadata *_metadata,
				const struct td_answer *a,
				const struct procfs_mappings *old)
{
	struct mappings mappings;
	char text[400];
	size_t i;

	ASSERT_EQ(1U, a->rows);
	td_get_mappings(_metadata, a, &a->row[0], &mappings);
	EXPECT_EQ(TASK_DIAG_SHOW_VMA, a->row[0].absent.gone);
	EXPECT_LT(0U, mappings.nr);
	EXPECT_GT(old->nr, mappings.nr);
	for (i = 0; i < mappings.nr && i < old->nr; i++) {
		bool same = expected_maps_match(&mappings.mapping[i].vma,
						mappings.mapping[i].name,
						&old->mapping[i], text,
						sizeof(text));

		EXPECT_TRUE(same) {
			TH_LOG("%s", text);
		}
		if (!same)
			break;
	}
	fields_mappings_free(&mappings);
}

static void interrupt_dump(struct __test_metadata *_metadata,
			   struct td_sock *sock, int proc,
			   struct special_task *s, event_fn event)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_VMA,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = s->pid,
	};
	struct procfs_mappings old;
	struct td_answer a;

	ASSERT_EQ(0, expected_maps_read(proc, s->pid, &old));
	ASSERT_EQ(0, td_send_request(sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(sock, &a, true);
	ASSERT_EQ(0, td_receive_datagram(sock, &a, 1));
	event(_metadata, s);
	ASSERT_EQ(0, td_receive(sock, &a));
	ASSERT_SUCCESS(&a);
	expect_old_mappings(_metadata, &a, &old);
	expected_maps_free(&old);
	td_answer_free(&a);
}

TEST_F(vma, execve_during_row_marks_vma_gone)
{
	static char * const argv[] = { "many", ROLE_EXEC, NULL };
	struct special_task s;
	struct td_answer a;

	ASSERT_EQ(0, special_task_exec(&s, SELF, argv, NULL, NULL, NULL));
	interrupt_dump(_metadata, &self->sock, self->proc, &s, exec_task);
	/*
	 * A new query reports the mappings of the new program, and only these.
	 */
	query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ONE, s.pid, &a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_GT(1000U,
		  expect_procfs_mappings(_metadata, self->proc, &a, &a.row[0]));
	td_answer_free(&a);
	special_task_end(&s);
}

TEST_F(vma, exit_during_row_marks_vma_gone)
{
	static char * const argv[] = { "many", ROLE_MANY, NULL };
	static const event_fn ends[] = { kill_task, reap_task };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		struct special_task s;

		ASSERT_EQ(0,
			  special_task_exec(&s, SELF, argv, NULL, NULL, NULL));
		interrupt_dump(_metadata, &self->sock, self->proc, &s, ends[i]);
		special_task_end(&s);
	}
}

/* The rows of other tasks are not affected. */
TEST_F(vma, exit_during_row_leaves_other_rows_complete)
{
	static char * const argv[] = { "many", ROLE_MANY, NULL };
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_VMA,
		.dump_strategy = TASK_DIAG_DUMP_CHILDREN,
		.pid = getpid(),
	};
	struct special_task s, other;
	const struct td_row *row;
	struct td_answer a;

	ASSERT_EQ(0, special_task_exec(&s, SELF, argv, NULL, NULL, NULL));
	ASSERT_EQ(0, special_task_begin(&other, NULL, NULL));
	ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a, true);
	ASSERT_EQ(0, td_receive_datagram(&self->sock, &a, 1));
	kill_task(_metadata, &s);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(2U, a.rows);
	EXPECT_EQ(TASK_DIAG_SHOW_VMA, a.row[0].absent.gone);
	row = td_find_row(&a, other.pid);
	ASSERT_NE(NULL, row);
	expect_procfs_mappings(_metadata, self->proc, &a, row);
	td_answer_free(&a);
	special_task_end(&s);
	special_task_end(&other);
}

/* Mappings that stay ahead of the reader, this many at a time. */
#define AHEAD 2048
#define AHEAD_STEP (16UL << 20)
#define AHEAD_FROM 0x100000000UL
#define AHEAD_TIMES 200

static int map_ahead(unsigned long time)
{
	char *at = (char *)(AHEAD_FROM + time * AHEAD_STEP);
	const size_t page = sysconf(_SC_PAGESIZE);
	size_t i;

	if (time && munmap(at - AHEAD_STEP, AHEAD * page))
		return -errno;
	if (mmap(at, AHEAD * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != at)
		return -errno;
	/* Neighbours with different protections are separate mappings. */
	for (i = 0; i < AHEAD; i += 2)
		if (mprotect(at + i * page, page, PROT_READ))
			return -errno;
	return 0;
}

/* Map ahead each time the test says so. */
static int map_ahead_of_reader(void *unused)
{
	unsigned long time = 0;
	char byte;

	do {
		if (map_ahead(time++))
			return -errno;
		if (write(STDOUT_FILENO, "\n", 1) != 1)
			return -errno;
	} while (read(STDIN_FILENO, &byte, 1) == 1);
	return 0;
}

/* Catches a row that continues as long as there are further mappings. */
TEST_F(vma, endless_mappings_stop_at_limit)
{
	struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_VMA,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
	};
	struct special_task s;
	struct td_answer a;
	char byte;
	int i;

	ASSERT_EQ(0, special_task_begin(&s, map_ahead_of_reader, NULL)) {
		TH_LOG("%s", s.error);
	}
	query.pid = s.pid;
	ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a, true);
	for (i = 0; i < AHEAD_TIMES && !a.end.type; i++) {
		ASSERT_EQ(0, td_receive_datagram(&self->sock, &a, 1));
		ASSERT_EQ(0, special_task_proceed(&s));
		ASSERT_EQ(1, read(s.report, &byte, 1));
	}
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_EQ(TASK_DIAG_SHOW_VMA, a.row[0].absent.limit);
	EXPECT_LT(2, i);
	td_answer_free(&a);
	special_task_end(&s);
}

/* The file alternates between these names of different length. */
#define HERE	"/tmp/taskdiag-here"
#define THERE	"/tmp/taskdiag-elsewhere"

/* Number of adjacent mappings of the file. */
#define OF_FILE	3U

/* Sends a byte when it starts to rename the file, which it does forever. */
static void run_renamer(int ready)
{
	const long page = sysconf(_SC_PAGESIZE);
	int fd = open(HERE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char *memory;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0 || ftruncate(fd, OF_FILE * page))
		_exit(1);
	memory = mmap(NULL, OF_FILE * page, PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED ||
	    mprotect(memory + page, page, PROT_READ | PROT_WRITE) ||
	    write(ready, "r", 1) != 1)
		_exit(1);
	for (;;)
		if (rename(HERE, THERE) || rename(THERE, HERE))
			_exit(1);
}

/*
 * The name of each mapping is one of the two names.  Catches a path that is
 * cached for too long.
 */
TEST_F(vma, renamed_file_has_one_of_its_names)
{
	int round, ready[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		run_renamer(ready[1]);
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	close(ready[0]);
	for (round = 0; round < 300; round++) {
		struct mappings mappings;
		struct td_answer a;
		size_t i, seen = 0;

		query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ONE, pid, &a);
		ASSERT_EQ(1U, a.rows);
		td_get_mappings(_metadata, &a, &a.row[0], &mappings);
		for (i = 0; i < mappings.nr; i++) {
			const struct mapping *mapping = &mappings.mapping[i];

			if (strncmp(mapping->name, "/tmp/taskdiag-", 14))
				continue;
			EXPECT_TRUE(!strcmp(mapping->name, HERE) ||
				    !strcmp(mapping->name, THERE)) {
				TH_LOG("unexpected name %s", mapping->name);
			}
			EXPECT_EQ(0U, mapping->vma.flags &
				      TASK_DIAG_VMA_DELETED);
			seen++;
		}
		EXPECT_EQ(OF_FILE, seen);
		fields_mappings_free(&mappings);
		td_answer_free(&a);
	}
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_TRUE(!unlink(HERE) || !unlink(THERE));
}

/*
 * A process that changes its mappings all the time.  Mappings that stay are
 * reported once each; the others may or may not be reported.
 */
TEST_F(vma, changing_process_has_ordered_mappings)
{
	struct procfs_mappings before;
	int round;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		unsigned int i = 0;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (make_mappings(NULL))
			_exit(1);
		for (;;) {
			const size_t size = 4096UL * (1 + i++ % 7);
			void *memory = mmap(NULL, size, PROT_READ,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (i % 3)
				munmap(memory, size);
			if (i % 3000 == 0)
				break;
		}
		for (;;)
			pause();
	}
	for (round = 0; round < 30; round++) {
		struct mappings mappings;
		struct td_answer a;

		query_vmas(_metadata, &self->sock, TASK_DIAG_DUMP_ONE, pid, &a);
		ASSERT_EQ(1U, a.rows);
		/*
		 * td_get_mappings() checks the order and that no mapping occurs
		 * twice.
		 */
		td_get_mappings(_metadata, &a, &a.row[0], &mappings);
		EXPECT_FALSE(a.row[0].complete);
		fields_mappings_free(&mappings);
		td_answer_free(&a);
	}
	ASSERT_EQ(0, expected_maps_read(self->proc, pid, &before));
	EXPECT_LT(20U, before.nr);
	expected_maps_free(&before);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/*
 * --- access control ---------------------------------------------------------
 */

/* A user gets only the mappings of tasks that it may see. */
TEST_F(vma, user_gets_no_mappings_of_hidden_processes)
{
	const pid_t other = tasks.pool.task[tasks.pool.nr - 1].pid;
	pid_t child = td_fork_as(_metadata, &user);

	if (!child) {
		const struct task_diag_pid all = {
			.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_VMA,
		};
		const struct task_diag_pid one = {
			.show_flags = TASK_DIAG_SHOW_VMA,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
			.pid = test_tasks_pid(&tasks, "all kinds"),
		};
		struct td_sock sock;
		struct td_answer a;
		size_t i;

		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		ASSERT_EQ(0, td_query(&sock, &all, NLM_F_DUMP, &a));
		ASSERT_SUCCESS(&a);
		EXPECT_NE(NULL, td_find_row(&a, other));
		for (i = 0; i < a.rows; i++) {
			EXPECT_TRUE(a.row[i].msg.pid == (__u32)other ||
				    a.row[i].msg.pid == (__u32)getpid());
			if (a.row[i].msg.pid == (__u32)other)
				expect_procfs_mappings(_metadata, self->proc,
						       &a, &a.row[i]);
		}
		td_answer_free(&a);
		ASSERT_EQ(0, td_query(&sock, &one, NLM_F_DUMP, &a));
		ASSERT_STREQ("", a.fault);
		EXPECT_EQ(ESRCH, a.end.error);
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
		td_close(&sock);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/*
 * A process of the user executes a set-user-id program during its row: no byte
 * of the new program may be reported.
 */
TEST_F(vma, setuid_exec_during_row_marks_vma_gone)
{
	static char * const argv[] = { "many", ROLE_SETUID, NULL };
	pid_t child;

	child = td_fork_as(_metadata, &user);
	if (!child) {
		const struct task_diag_pid query = {
			.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_VMA,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
		};
		struct task_diag_pid then = query;
		struct procfs_mappings old;
		struct td_sock sock;
		struct special_task s;
		struct td_answer a;
		int err, timeout = 60000;

		ASSERT_EQ(0, td_open(&sock, variant->size));
		err = special_task_exec(&s, SELF, argv, NULL, NULL, NULL);
		ASSERT_EQ(0, err) {
			TH_LOG("%s", s.error);
		}
		then.pid = s.pid;
		ASSERT_EQ(0, expected_maps_read(self->proc, s.pid, &old));
		ASSERT_EQ(0, td_send_request(&sock, &then, NLM_F_DUMP, NULL));
		td_answer_init(&sock, &a, true);
		ASSERT_EQ(0, td_receive_datagram(&sock, &a, 1));
		ASSERT_EQ(0, special_task_proceed(&s));
		/* Our access to its maps ends when it has become root's. */
		while (timeout--) {
			char *text;
			size_t len;

			text = procfs_file(self->proc, s.pid, 0, "maps", &len);
			if (!text)
				break;
			free(text);
			usleep(1000);
		}
		ASSERT_LT(0, timeout);
		ASSERT_EQ(0, td_receive(&sock, &a));
		ASSERT_SUCCESS(&a);
		expect_old_mappings(_metadata, &a, &old);
		td_answer_free(&a);

		ASSERT_EQ(0, td_query(&sock, &then, NLM_F_DUMP, &a));
		EXPECT_EQ(ESRCH, a.end.error);
		td_answer_free(&a);
		/*
		 * Closing the pipe ends the process, whatever its user id is.
		 */
		close(s.input);
		waitpid(s.pid, NULL, 0);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

int main(int argc, char **argv)
{
	special_task_main(argc, argv, setup_program);
	return td_main(argc, argv, make_test_tasks, end_test_tasks,
		       tasks.pool.error);
}
