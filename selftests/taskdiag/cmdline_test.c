// SPDX-License-Identifier: GPL-2.0-only
/*
 * CMDLINE: no arguments, unusual arguments, overwritten and inaccessible ones,
 * and two megabytes of them, compared byte by byte with /proc/PID/cmdline; rows
 * of many messages; and programs that end during their row.
 */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/test_tasks.h"
#include "lib/arg_range.h"
#include "lib/fields.h"
#include "lib/procfs.h"
#include "lib/task_events.h"
#include "lib/taskdiag_test.h"

#define SELF "/proc/self/exe"

/*
 * Maximum length of one argument, NUL included, and a count of such arguments
 * that makes two megabytes.
 */
#define LONG_ARG (128 * 1024)
#define LONG_ARGS 16

/* Change that a program makes to its arguments; argv[1] names it. */
enum role {
	ROLE_NOTHING,
	ROLE_SHORT_TITLE,	/* shorter title, padded with NULs */
	ROLE_LONG_TITLE,	/* overwrites all arguments and what follows */
	ROLE_LONGEST_TITLE,	/* overwrites arguments and environment */
	ROLE_NO_END,		/* no final NUL, and a NUL after it */
	ROLE_MOVED,		/* arguments in other memory */
	ROLE_MOVED_TO_FILE,	/* in a file mapping; procfs does not read it */
	ROLE_MOVED_TO_NOTHING,	/* in unmapped memory */
	ROLE_MOVED_TO_HALF,	/* in partly unmapped memory */
	ROLE_EXEC,		/* calls execve() as its next step */
	ROLE_THREADS,
	ROLES,
};

/* --- special tasks -------------------------------------------------------- */

static void *sleep_forever(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

/*
 * Overwrite the arguments, and the environment after them, according to @role.
 */
static void overwrite_args(char **argv, enum role role)
{
	static const char title[] = "title: short";
	char *start = argv[0], *args_end, *env_end;
	int i;

	for (i = 0; argv[i + 1]; i++)
		;
	args_end = argv[i] + strlen(argv[i]) + 1;
	for (i = 0; environ[i + 1]; i++)
		;
	env_end = environ[i] + strlen(environ[i]) + 1;

	switch (role) {
	case ROLE_SHORT_TITLE:
		memset(start, 0, args_end - start);
		memcpy(start, title, sizeof(title));
		break;
	case ROLE_LONG_TITLE:
		memset(start, 't', args_end - start + 20);
		start[args_end - start + 20] = '\0';
		break;
	case ROLE_LONGEST_TITLE:
		memset(start, 'T', env_end - start);
		break;
	case ROLE_NO_END:
		args_end[-1] = 'e';
		args_end[0] = '\0';
		break;
	default:
		break;
	}
}

static int move_args(enum role role)
{
	const size_t page = sysconf(_SC_PAGESIZE), size = 4 * page;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, fd = -1, err;
	char *memory;

	if (role == ROLE_MOVED_TO_FILE) {
		fd = memfd_create("arguments", 0);
		if (fd < 0 || ftruncate(fd, size))
			return -errno;
		flags = MAP_SHARED;
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	memset(memory, 'm', size);
	memory[size - 1] = '\0';
	memory[page + 17] = '\0';
	err = arg_range_set(memory, size);
	if (err)
		return err;
	if (role == ROLE_MOVED_TO_NOTHING)
		munmap(memory, size);
	if (role == ROLE_MOVED_TO_HALF)
		munmap(memory + 2 * page, page);
	return 0;
}

/* Return two megabytes of arguments that consist of @letter. */
static char **long_args(const char *role, char letter)
{
	static char *argv[LONG_ARGS + 3];
	char *arg = malloc(LONG_ARG);
	int i;

	if (!arg)
		return NULL;
	memset(arg, letter, LONG_ARG - 1);
	arg[LONG_ARG - 1] = '\0';
	argv[0] = "long";
	argv[1] = (char *)role;
	for (i = 0; i < LONG_ARGS; i++)
		argv[2 + i] = arg;
	return argv;
}

static int allow_long_args(void *arg)
{
	const struct rlimit limit = {
		.rlim_cur = 64UL << 20, .rlim_max = RLIM_INFINITY,
	};

	return setrlimit(RLIMIT_STACK, &limit) ? -errno : 0;
}

static char role_name[ROLES][2];

static int exec_other_program(void)
{
	static char * const env[] = { SPECIAL_TASK_MARK, NULL };
	char **argv = long_args(role_name[ROLE_NOTHING], 'b');

	special_task_ready();
	if (!argv)
		return -ENOMEM;
	execve(SELF, argv, env);
	return -errno;
}

/* Runs in the executed program: change the arguments as argv[1] says. */
static int setup_program(int argc, char **argv)
{
	const enum role role = argc > 1 ? argv[1][0] - 'A' : ROLE_NOTHING;
	pthread_t thread;

	switch (role) {
	case ROLE_SHORT_TITLE:
	case ROLE_LONG_TITLE:
	case ROLE_LONGEST_TITLE:
	case ROLE_NO_END:
		overwrite_args(argv, role);
		return 0;
	case ROLE_MOVED:
	case ROLE_MOVED_TO_FILE:
	case ROLE_MOVED_TO_NOTHING:
	case ROLE_MOVED_TO_HALF:
		return move_args(role);
	case ROLE_EXEC:
		return exec_other_program();
	case ROLE_THREADS:
		return -(pthread_create(&thread, NULL, sleep_forever, NULL) ?:
			 pthread_create(&thread, NULL, sleep_forever, NULL));
	default:
		return 0;
	}
}

static char *const env[] = {
	SPECIAL_TASK_MARK,
	"PATH=/usr/bin:/bin",
	"HOME=/",
	"LANG=C",
	"LONG=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	NULL,
};

static char * const odd_args[][6] = {
	{ NULL },
	{ "", NULL },
	{ "", "", "", NULL },
	{ "plain", "", "two words", "new\nline", "\xff\xfe\x01", NULL },
	{ "one" },
};

static char * const programs[][TEST_TASKS_ARGS] = {
	{ "sh", "-c", "echo; read x" },
	{ "python3", "-c", "print(flush=True); input()" },
};

static struct test_tasks tasks;

static int make_test_tasks(void)
{
	char *argv[4] = { "program" };
	size_t i;
	int err;

	err = test_tasks_begin_common(&tasks);
	for (i = 0; !err && i < ROLES; i++) {
		argv[1] = role_name[i];
		argv[2] = "more";
		if (i != ROLE_EXEC)
			err = test_tasks_add_exec(&tasks, role_name[i], SELF,
						  argv, env, NULL);
	}
	for (i = 0; !err && i < ARRAY_SIZE(odd_args); i++)
		err = test_tasks_add_exec(&tasks, "odd", SELF, odd_args[i], env,
					  NULL);
	if (!err)
		err = test_tasks_add_programs(&tasks, programs,
					      ARRAY_SIZE(programs));
	if (!err)
		err = test_tasks_add_exec(&tasks, "longest", SELF,
					  long_args(role_name[ROLE_NOTHING],
						    'a'),
					  env, allow_long_args);
	return err ?: task_pool_settle(&tasks.pool);
}

static void end_test_tasks(void)
{
	test_tasks_end(&tasks);
}

/* --- tests ---------------------------------------------------------------- */

FIXTURE(cmdline) {
	struct td_sock sock;
	int proc;
};

FIXTURE_VARIANT(cmdline) {
	size_t size;		/* of the receive buffer */
};

FIXTURE_VARIANT_ADD(cmdline, buffer_32_kib) {
	.size = TD_LARGE,
};

FIXTURE_VARIANT_ADD(cmdline, buffer_8_kib) {
	.size = TD_SMALL,
};

FIXTURE_SETUP(cmdline)
{
	ASSERT_EQ(0, td_open(&self->sock, variant->size));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(cmdline)
{
	close(self->proc);
	td_close(&self->sock);
}

static void expect_procfs_cmdline(struct __test_metadata *_metadata, int proc,
				  const struct td_answer *a,
				  const struct td_row *row)
{
	char *reported = NULL, *expected;
	size_t len = 0, size = 0;

	expected = procfs_file(proc, row->msg.tgid, row->msg.pid, "cmdline",
			       &size);
	ASSERT_NE(NULL, expected);
	ASSERT_EQ(0, fields_cmdline(a, row, &reported, &len));
	EXPECT_FALSE(row->complete);
	EXPECT_EQ(size, len) {
		TH_LOG("%u of process %u: \"%.40s\", in procfs \"%.40s\"",
		       row->msg.pid, row->msg.tgid, reported, expected);
	}
	EXPECT_EQ(0, memcmp(reported, expected, len < size ? len : size)) {
		TH_LOG("%u of process %u: \"%.40s\", in procfs \"%.40s\"",
		       row->msg.pid, row->msg.tgid, reported, expected);
	}
	free(reported);
	free(expected);
}

static void query_cmdline(struct __test_metadata *_metadata,
			  struct td_sock *sock, __u64 strategy, pid_t pid,
			  struct td_answer *a)
{
	td_dump(_metadata, sock,
		TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_CMDLINE, strategy, pid, a);
}

/* Includes kernel threads, zombies and two megabytes of arguments. */
static void compare_all(struct __test_metadata *_metadata, struct td_sock *sock,
			int proc, __u64 strategy, size_t at_least)
{
	struct td_answer a;
	size_t i;

	query_cmdline(_metadata, sock, strategy, 0, &a);
	for (i = 0; i < a.rows; i++)
		expect_procfs_cmdline(_metadata, proc, &a, &a.row[i]);
	EXPECT_LT(at_least, a.rows);
	td_answer_free(&a);
}

TEST_F(cmdline, every_process_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_ALL,
		    tasks.nr);
}

TEST_F(cmdline, every_thread_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc,
		    TASK_DIAG_DUMP_ALL_THREAD, tasks.nr + 2);
}

TEST_F(cmdline, arguments_of_two_megabytes_are_complete)
{
	struct td_answer a;
	char *reported;
	size_t len;

	query_cmdline(_metadata, &self->sock, TASK_DIAG_DUMP_ONE,
		      test_tasks_pid(&tasks, "longest"), &a);
	ASSERT_EQ(1U, a.rows);
	expect_procfs_cmdline(_metadata, self->proc, &a, &a.row[0]);
	ASSERT_EQ(0, fields_cmdline(&a, &a.row[0], &reported, &len));
	EXPECT_EQ(sizeof("long") + sizeof("A") + LONG_ARGS * LONG_ARG, len);
	/* No message is larger than the receive buffer. */
	EXPECT_LT(len / self->sock.size, a.row[0].messages);
	free(reported);
	td_answer_free(&a);
}

/* Check that each test task has the arguments it was made with. */
TEST_F(cmdline, test_tasks_report_their_arguments)
{
	static const struct {
		enum role role;
		const char *begins;
		size_t at_least;
	} known[] = {
		{ ROLE_NOTHING, "program\0A\0more", 15 },
		{ ROLE_SHORT_TITLE, "title: short", 12 },
		{ ROLE_LONG_TITLE, "tttttttttttttttttttt", 35 },
		{ ROLE_LONGEST_TITLE, "TTTTTTTTTTTTTTTTTTTT", 100 },
		{ ROLE_MOVED, "mmmmmmmmmmmmmmmmmmmm", 16384 },
	};
	static const enum role none[] = {
		ROLE_MOVED_TO_FILE, ROLE_MOVED_TO_NOTHING,
	};
	struct td_answer a;
	char *reported;
	size_t len, i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		query_cmdline(_metadata, &self->sock, TASK_DIAG_DUMP_ONE,
			      test_tasks_pid(&tasks, role_name[known[i].role]),
			      &a);
		ASSERT_EQ(0, fields_cmdline(&a, &a.row[0], &reported, &len));
		EXPECT_STREQ(known[i].begins,
			     strncmp(known[i].begins, reported,
				     strlen(known[i].begins)) ?
			     reported : known[i].begins);
		EXPECT_LE(known[i].at_least, len);
		free(reported);
		td_answer_free(&a);
	}
	for (i = 0; i < ARRAY_SIZE(none); i++) {
		query_cmdline(_metadata, &self->sock, TASK_DIAG_DUMP_ONE,
			      test_tasks_pid(&tasks, role_name[none[i]]), &a);
		ASSERT_EQ(0, fields_cmdline(&a, &a.row[0], &reported, &len));
		EXPECT_EQ(0U, len);
		free(reported);
		td_answer_free(&a);
	}
}

/* A thread has the arguments of its process. */
TEST_F(cmdline, threads_report_arguments_of_their_process)
{
	struct td_answer a;
	size_t i;

	query_cmdline(_metadata, &self->sock, TASK_DIAG_DUMP_THREAD,
		      test_tasks_pid(&tasks, role_name[ROLE_THREADS]), &a);
	ASSERT_EQ(3U, a.rows);
	for (i = 0; i < a.rows; i++)
		expect_procfs_cmdline(_metadata, self->proc, &a, &a.row[i]);
	td_answer_free(&a);
}

/* All bytes are of one program: no letter other than @letter. */
static void expect_one_program(struct __test_metadata *_metadata,
			       const struct td_answer *a, char letter)
{
	const size_t all = sizeof("long") + sizeof("A") +
			   LONG_ARGS * (size_t)LONG_ARG;
	size_t len, i, other_letters = 0;
	char *reported;

	ASSERT_EQ(1U, a->rows);
	ASSERT_EQ(0, fields_cmdline(a, &a->row[0], &reported, &len));
	for (i = sizeof("long") + sizeof("A"); i < len; i++)
		other_letters += reported[i] != letter && reported[i] != '\0';
	EXPECT_EQ(0U, other_letters);
	EXPECT_EQ(a->row[0].absent.gone,
		  len < all ? TASK_DIAG_SHOW_CMDLINE : 0);
	free(reported);
}

/* Receive one datagram, run @event, and receive the rest. */
static void interrupt_dump(struct __test_metadata *_metadata,
			   struct td_sock *sock, struct special_task *s,
			   event_fn event, bool *cut)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_CMDLINE,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = s->pid,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_send_request(sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(sock, &a, true);
	ASSERT_EQ(0, td_receive_datagram(sock, &a, 1));
	event(_metadata, s);
	ASSERT_EQ(0, td_receive(sock, &a));
	ASSERT_SUCCESS(&a);
	expect_one_program(_metadata, &a, 'a');
	*cut = a.row[0].absent.gone == TASK_DIAG_SHOW_CMDLINE;
	td_answer_free(&a);
}

TEST_F(cmdline, execve_during_row_marks_cmdline_gone)
{
	struct special_task s;
	struct td_answer a;
	bool cut = false;

	ASSERT_EQ(0, special_task_exec(&s, SELF,
				       long_args(role_name[ROLE_EXEC], 'a'),
				       env, allow_long_args, NULL));
	interrupt_dump(_metadata, &self->sock, &s, exec_task, &cut);
	/*
	 * Most of the arguments were not yet read, and the row cannot continue.
	 */
	EXPECT_TRUE(cut);
	query_cmdline(_metadata, &self->sock, TASK_DIAG_DUMP_ONE, s.pid, &a);
	expect_one_program(_metadata, &a, 'b');
	EXPECT_FALSE(a.row[0].complete);
	td_answer_free(&a);
	special_task_end(&s);
}

TEST_F(cmdline, exit_during_row_marks_cmdline_gone)
{
	static const event_fn ends[] = { kill_task, reap_task };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		struct special_task s;
		bool cut = false;
		int err;

		err = special_task_exec(&s, SELF,
					long_args(role_name[ROLE_NOTHING], 'a'),
					env, allow_long_args, NULL);
		ASSERT_EQ(0, err);
		interrupt_dump(_metadata, &self->sock, &s, ends[i], &cut);
		EXPECT_TRUE(cut);
		special_task_end(&s);
	}
}

/* More than the 6 MiB that execve() accepts at most. */
#define BOUND (8UL << 20)
#define ENDLESS (64UL << 30)

/* All of this memory is zeros, which are valid arguments. */
static int set_endless_args(void *unused)
{
	char *memory = mmap(NULL, ENDLESS, PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? -errno : arg_range_set(memory, ENDLESS);
}

/* Catches a row that a process can make as long as its address space. */
TEST_F(cmdline, endless_arguments_stop_at_limit)
{
	struct special_task s;
	struct td_answer a;
	struct td_attr attr;
	struct td_span span;
	size_t len = 0;

	ASSERT_EQ(0, special_task_begin(&s, set_endless_args, NULL)) {
		TH_LOG("%s", s.error);
	}
	query_cmdline(_metadata, &self->sock, TASK_DIAG_DUMP_ONE, s.pid, &a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_EQ(TASK_DIAG_SHOW_CMDLINE, a.row[0].absent.limit);
	span = td_row_attrs(&a, &a.row[0]);
	while (td_next_attr(&span, &attr) > 0)
		if (attr.type == TASK_DIAG_CMDLINE)
			len += attr.len;
	EXPECT_LE(BOUND, len);
	EXPECT_GT(BOUND + TD_LARGE, len);
	td_answer_free(&a);
	special_task_end(&s);
}

/* Arguments have no fixed size, so a single request cannot include them. */
TEST_F(cmdline, request_without_dump_gets_einval)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_CMDLINE,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = test_tasks_pid(&tasks, "longest"),
	};
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	ASSERT_STREQ("", a.fault);
	EXPECT_EQ(EINVAL, a.end.error);
	EXPECT_TRUE(!!strstr(a.end.text, "show_flags"));
	EXPECT_TRUE(!!strstr(a.end.text, "CMDLINE"));
	EXPECT_TRUE(!!strstr(a.end.text, "NLM_F_DUMP"));
	EXPECT_EQ(0U, a.rows);
	td_answer_free(&a);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ROLES; i++)
		role_name[i][0] = 'A' + i;
	special_task_main(argc, argv, setup_program);
	return td_main(argc, argv, make_test_tasks, end_test_tasks,
		       tasks.pool.error);
}
