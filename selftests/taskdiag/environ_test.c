// SPDX-License-Identifier: GPL-2.0-only
/*
 * ENVIRON: no variables, unusual variables, overwritten and inaccessible ones,
 * and one megabyte of them, compared byte by byte with /proc/PID/environ; rows
 * of many messages; programs that end during their row; and readers that may
 * not open the file.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/arg_range.h"
#include "lib/fields.h"
#include "lib/procfs.h"
#include "lib/task_events.h"
#include "lib/taskdiag_test.h"
#include "lib/test_tasks.h"
#include "lib/users.h"

#define SELF "/proc/self/exe"

/*
 * Maximum length of one variable, NUL included, and a count of such variables
 * that makes one megabyte.
 */
#define LONG_VAR (128 * 1024)
#define LONG_VARS 8

/* Limit of the group: more than the 6 MiB that execve() accepts at most. */
#define BOUND (8UL << 20)

/* Change that a program makes to its environment; argv[1] names it. */
enum role {
	ROLE_NOTHING,
	ROLE_OVERWRITTEN,	/* other bytes, and no final NUL */
	ROLE_MOVED,		/* environment in other memory */
	ROLE_MOVED_TO_FILE,	/* in a file mapping; procfs does not read it */
	ROLE_MOVED_TO_NOTHING,	/* in unmapped memory */
	ROLE_MOVED_TO_HALF,	/* in partly unmapped memory */
	ROLE_EMPTY,		/* a range without bytes */
	ROLE_UNDUMPABLE,	/* root owns its files */
	ROLE_EXEC,		/* calls execve() as its next step */
	ROLE_THREADS,
	ROLES,
};

static char role_name[ROLES][2];

/* --- special tasks -------------------------------------------------------- */

static void *sleep_forever(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static int overwrite(void)
{
	char *end;
	int i;

	for (i = 0; environ[i + 1]; i++)
		;
	end = environ[i] + strlen(environ[i]) + 1;
	memset(environ[0], 'o', end - environ[0]);
	return 0;
}

static int move(enum role role)
{
	const size_t page = sysconf(_SC_PAGESIZE), size = 4 * page;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, fd = -1, err;
	char *memory;

	if (role == ROLE_MOVED_TO_FILE) {
		fd = memfd_create("environment", 0);
		if (fd < 0 || ftruncate(fd, size))
			return -errno;
		flags = MAP_SHARED;
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	memset(memory, 'm', size);
	memory[page + 17] = '\0';
	/* The range begins and ends within a page. */
	err = env_range_set(memory + 5, role == ROLE_EMPTY ? 0 : size - 12);
	if (err)
		return err;
	if (role == ROLE_MOVED_TO_NOTHING)
		munmap(memory, size);
	if (role == ROLE_MOVED_TO_HALF)
		munmap(memory + 2 * page, page);
	return 0;
}

/* Return one megabyte of variables that consist of @letter. */
static char **long_env(char letter)
{
	static char *env[LONG_VARS + 2];
	char *var = malloc(LONG_VAR);
	int i;

	if (!var)
		return NULL;
	memset(var, letter, LONG_VAR - 1);
	var[LONG_VAR - 1] = '\0';
	env[0] = SPECIAL_TASK_MARK;
	for (i = 0; i < LONG_VARS; i++)
		env[1 + i] = var;
	return env;
}

static char *argv_of(enum role role, char **argv)
{
	argv[0] = "program";
	argv[1] = role_name[role];
	argv[2] = NULL;
	return argv[1];
}

static int allow_long_env(void *arg)
{
	const struct rlimit limit = {
		.rlim_cur = 64UL << 20, .rlim_max = RLIM_INFINITY,
	};

	return setrlimit(RLIMIT_STACK, &limit) ? -errno : 0;
}

static int exec_other_program(void)
{
	char **env = long_env('b'), *argv[3];

	special_task_ready();
	if (!env)
		return -ENOMEM;
	argv_of(ROLE_NOTHING, argv);
	execve(SELF, argv, env);
	return -errno;
}

/* Runs in the executed program: change the environment as argv[1] says. */
static int setup_program(int argc, char **argv)
{
	const enum role role = argc > 1 ? argv[1][0] - 'A' : ROLE_NOTHING;
	pthread_t thread;

	switch (role) {
	case ROLE_OVERWRITTEN:
		return overwrite();
	case ROLE_MOVED:
	case ROLE_MOVED_TO_FILE:
	case ROLE_MOVED_TO_NOTHING:
	case ROLE_MOVED_TO_HALF:
	case ROLE_EMPTY:
		return move(role);
	case ROLE_UNDUMPABLE:
		return prctl(PR_SET_DUMPABLE, 0) ? -errno : 0;
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
	SPECIAL_TASK_MARK, "PATH=/usr/bin:/bin", "HOME=/", NULL,
};

static char *const odd_env[] = {
	SPECIAL_TASK_MARK, "", "NAME", "=value", "A=new\nline", "A=\xff\xfe\x01",
	"A=two words", "", NULL,
};

static int become_user(void *arg)
{
	const char *step;

	return credentials_assume(arg, &step);
}

static struct test_tasks tasks;
static struct special_task of_user;

static int make_test_tasks(void)
{
	char *argv[3];
	size_t i;
	int err;

	err = test_tasks_begin_common(&tasks);
	for (i = 0; !err && i < ROLES; i++) {
		argv_of(i, argv);
		if (i != ROLE_EXEC)
			err = test_tasks_add_exec(&tasks, role_name[i], SELF,
						  argv, env, NULL);
	}
	argv_of(ROLE_NOTHING, argv);
	if (!err)
		err = test_tasks_add_exec(&tasks, "odd", SELF, argv, odd_env,
					  NULL);
	if (!err)
		err = test_tasks_add_exec(&tasks, "longest", SELF, argv,
					  long_env('a'), allow_long_env);
	if (!err) {
		err = special_task_begin(&of_user, become_user, (void *)&user);
		if (err)
			snprintf(tasks.pool.error, sizeof(tasks.pool.error),
				 "%s", of_user.error);
	}
	return err ?: task_pool_settle(&tasks.pool);
}

static void end_test_tasks(void)
{
	special_task_end(&of_user);
	test_tasks_end(&tasks);
}

/* --- tests ---------------------------------------------------------------- */

FIXTURE(environ) {
	struct td_sock sock;
	int proc;
};

FIXTURE_VARIANT(environ) {
	size_t size;		/* of the receive buffer */
};

FIXTURE_VARIANT_ADD(environ, buffer_32_kib) {
	.size = TD_LARGE,
};

FIXTURE_VARIANT_ADD(environ, buffer_8_kib) {
	.size = TD_SMALL,
};

FIXTURE_SETUP(environ)
{
	ASSERT_EQ(0, td_open(&self->sock, variant->size));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(environ)
{
	close(self->proc);
	td_close(&self->sock);
}

/*
 * Read the whole file.  A read that reaches unreadable memory returns nothing,
 * not even the bytes before it: read the last bytes one by one.
 */
static char *read_environ(int proc, const struct td_row *row, size_t *len)
{
	size_t capacity = 2 * BOUND;
	char path[96], *text;
	ssize_t got;
	int fd;

	*len = 0;
	snprintf(path, sizeof(path), "%u/task/%u/environ", row->msg.tgid,
		 row->msg.pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = malloc(capacity);
	while (text) {
		got = pread(fd, text + *len, LONG_VAR, *len);
		if (got <= 0)
			got = pread(fd, text + *len, 1, *len);
		if (got <= 0 || *len + got > capacity - LONG_VAR)
			break;
		*len += got;
	}
	close(fd);
	return text;
}

static void expect_procfs_environ(struct __test_metadata *_metadata, int proc,
				  const struct td_answer *a,
				  const struct td_row *row)
{
	char *reported = NULL, *expected;
	size_t len = 0, size = 0;

	expected = read_environ(proc, row, &size);
	/* New kernels, such as 7.2, open it only if the task has memory. */
	ASSERT_TRUE(expected || errno == ESRCH);
	ASSERT_EQ(0, fields_environ(a, row, &reported, &len));
	EXPECT_FALSE(row->complete);
	EXPECT_EQ(size, len) {
		TH_LOG("%u of process %u: \"%.40s\"", row->msg.pid,
		       row->msg.tgid, reported);
	}
	if (expected)
		EXPECT_EQ(0, memcmp(reported, expected,
				    len < size ? len : size)) {
			TH_LOG("%u of process %u: \"%.40s\"", row->msg.pid,
			       row->msg.tgid, reported);
		}
	free(reported);
	free(expected);
}

static void query_environ(struct __test_metadata *_metadata,
			  struct td_sock *sock, __u64 strategy, pid_t pid,
			  struct td_answer *a)
{
	td_dump(_metadata, sock,
		TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_ENVIRON, strategy, pid, a);
}

/* Includes kernel threads, zombies and one megabyte of variables. */
static void compare_all(struct __test_metadata *_metadata, struct td_sock *sock,
			int proc, __u64 strategy, size_t at_least)
{
	struct td_answer a;
	size_t i;

	query_environ(_metadata, sock, strategy, 0, &a);
	for (i = 0; i < a.rows; i++)
		expect_procfs_environ(_metadata, proc, &a, &a.row[i]);
	EXPECT_LT(at_least, a.rows);
	td_answer_free(&a);
}

TEST_F(environ, every_process_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_ALL,
		    tasks.nr);
}

TEST_F(environ, every_thread_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc,
		    TASK_DIAG_DUMP_ALL_THREAD, tasks.nr + 2);
}

TEST_F(environ, environment_of_one_megabyte_is_complete)
{
	struct td_answer a;
	char *reported;
	size_t len;

	query_environ(_metadata, &self->sock, TASK_DIAG_DUMP_ONE,
		      test_tasks_pid(&tasks, "longest"), &a);
	ASSERT_EQ(1U, a.rows);
	expect_procfs_environ(_metadata, self->proc, &a, &a.row[0]);
	ASSERT_EQ(0, fields_environ(&a, &a.row[0], &reported, &len));
	EXPECT_EQ(sizeof(SPECIAL_TASK_MARK) + LONG_VARS * LONG_VAR, len);
	/* No message is larger than the receive buffer. */
	EXPECT_LT(len / self->sock.size, a.row[0].messages);
	free(reported);
	td_answer_free(&a);
}

/* Check that each test task has the environment it was made with. */
TEST_F(environ, test_tasks_report_their_environment)
{
	static const char plain[] = SPECIAL_TASK_MARK "\0PATH=/usr/bin:/bin\0"
				    "HOME=/";
	static const char odd[] = SPECIAL_TASK_MARK "\0\0NAME\0=value\0"
				  "A=new\nline\0A=\xff\xfe\x01\0A=two words\0";
	const struct {
		const char *name;
		const char *begins;
		size_t prefix;
		size_t len;
	} known[] = {
		{ role_name[ROLE_NOTHING], plain, sizeof(plain), sizeof(plain) },
		{ role_name[ROLE_UNDUMPABLE], plain, sizeof(plain),
		  sizeof(plain) },
		{ role_name[ROLE_OVERWRITTEN], "oooooooooooooooooooo", 20,
		  sizeof(plain) },
		{ role_name[ROLE_MOVED], "mmmmmmmmmmmmmmmmmmmm", 20,
		  4 * sysconf(_SC_PAGESIZE) - 12 },
		{ role_name[ROLE_MOVED_TO_HALF], "mmmmmmmmmmmmmmmmmmmm", 20,
		  2 * sysconf(_SC_PAGESIZE) - 5 },
		{ role_name[ROLE_MOVED_TO_FILE], "", 0, 0 },
		{ role_name[ROLE_MOVED_TO_NOTHING], "", 0, 0 },
		{ role_name[ROLE_EMPTY], "", 0, 0 },
		{ "odd", odd, sizeof(odd), sizeof(odd) },
	};
	struct td_answer a;
	char *reported;
	size_t len, i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		query_environ(_metadata, &self->sock, TASK_DIAG_DUMP_ONE,
			      test_tasks_pid(&tasks, known[i].name), &a);
		ASSERT_EQ(0, fields_environ(&a, &a.row[0], &reported, &len));
		EXPECT_EQ(known[i].len, len) {
			TH_LOG("environment of %s", known[i].name);
		}
		ASSERT_LE(known[i].prefix, len);
		EXPECT_EQ(0, memcmp(known[i].begins, reported,
				    known[i].prefix)) {
			TH_LOG("environment of %s: %s", known[i].name,
			       reported);
		}
		free(reported);
		td_answer_free(&a);
	}
}

/* A thread has the environment of its process. */
TEST_F(environ, threads_report_environment_of_their_process)
{
	struct td_answer a;
	size_t i;

	query_environ(_metadata, &self->sock, TASK_DIAG_DUMP_THREAD,
		      test_tasks_pid(&tasks, role_name[ROLE_THREADS]), &a);
	ASSERT_EQ(3U, a.rows);
	for (i = 0; i < a.rows; i++)
		expect_procfs_environ(_metadata, self->proc, &a, &a.row[i]);
	td_answer_free(&a);
}

/* --- programs that end during their row ----------------------------------- */

/* Check that all bytes are of one program: no letter except @letter. */
static void expect_one_program(struct __test_metadata *_metadata,
			       const struct td_answer *a, char letter)
{
	const size_t all = sizeof(SPECIAL_TASK_MARK) +
			   LONG_VARS * (size_t)LONG_VAR;
	size_t len, i, other_letters = 0;
	char *reported;

	ASSERT_EQ(1U, a->rows);
	ASSERT_EQ(0, fields_environ(a, &a->row[0], &reported, &len));
	for (i = sizeof(SPECIAL_TASK_MARK); i < len; i++)
		other_letters += reported[i] != letter && reported[i] != '\0';
	EXPECT_EQ(0U, other_letters);
	EXPECT_EQ(a->row[0].absent.gone,
		  len < all ? TASK_DIAG_SHOW_ENVIRON : 0);
	free(reported);
}

/* Receive two datagrams, run @event, and receive the rest. */
static void interrupt_dump(struct __test_metadata *_metadata,
			   struct td_sock *sock, struct special_task *s,
			   event_fn event)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_ENVIRON,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = s->pid,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_send_request(sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(sock, &a, true);
	/* The first datagram contains no appended group. */
	ASSERT_EQ(0, td_receive_datagram(sock, &a, 1));
	ASSERT_EQ(0, td_receive_datagram(sock, &a, 1));
	event(_metadata, s);
	ASSERT_EQ(0, td_receive(sock, &a));
	ASSERT_SUCCESS(&a);
	expect_one_program(_metadata, &a, 'a');
	/* Most of the bytes were not yet read, and the row cannot continue. */
	EXPECT_EQ(TASK_DIAG_SHOW_ENVIRON, a.row[0].absent.gone);
	td_answer_free(&a);
}

TEST_F(environ, execve_during_row_marks_environ_gone)
{
	struct special_task s;
	struct td_answer a;
	char *argv[3];

	argv_of(ROLE_EXEC, argv);
	ASSERT_EQ(0, special_task_exec(&s, SELF, argv, long_env('a'),
				       allow_long_env, NULL));
	interrupt_dump(_metadata, &self->sock, &s, exec_task);
	query_environ(_metadata, &self->sock, TASK_DIAG_DUMP_ONE, s.pid, &a);
	expect_one_program(_metadata, &a, 'b');
	EXPECT_FALSE(a.row[0].complete);
	td_answer_free(&a);
	special_task_end(&s);
}

TEST_F(environ, exit_during_row_marks_environ_gone)
{
	static const event_fn ends[] = { kill_task, reap_task };
	char *argv[3];
	size_t i;

	argv_of(ROLE_NOTHING, argv);
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		struct special_task s;

		ASSERT_EQ(0, special_task_exec(&s, SELF, argv, long_env('a'),
					       allow_long_env, NULL));
		interrupt_dump(_metadata, &self->sock, &s, ends[i]);
		special_task_end(&s);
	}
}

/* --- limits --------------------------------------------------------------- */

#define ENDLESS (64UL << 30)

/* All of this memory is zeros, which are a valid environment. */
static int set_endless_environ(void *unused)
{
	char *memory = mmap(NULL, ENDLESS, PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? -errno : env_range_set(memory, ENDLESS);
}

/* Catches a row that a process can make as long as its address space. */
TEST_F(environ, endless_environment_stops_at_limit)
{
	struct special_task s;
	struct td_answer a;
	char *reported;
	size_t len;

	ASSERT_EQ(0, special_task_begin(&s, set_endless_environ, NULL)) {
		TH_LOG("%s", s.error);
	}
	query_environ(_metadata, &self->sock, TASK_DIAG_DUMP_ONE, s.pid, &a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_EQ(TASK_DIAG_SHOW_ENVIRON, a.row[0].absent.limit);
	ASSERT_EQ(0, fields_environ(&a, &a.row[0], &reported, &len));
	EXPECT_LE(BOUND, len);
	EXPECT_GT(BOUND + TD_LARGE, len);
	free(reported);
	td_answer_free(&a);
	special_task_end(&s);
}

/* An environment has no fixed size, so a single request cannot include it. */
TEST_F(environ, request_without_dump_gets_einval)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_ENVIRON,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = test_tasks_pid(&tasks, "longest"),
	};
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	ASSERT_STREQ("", a.fault);
	EXPECT_EQ(EINVAL, a.end.error);
	EXPECT_TRUE(!!strstr(a.end.text, "ENVIRON needs NLM_F_DUMP"));
	EXPECT_EQ(0U, a.rows);
	td_answer_free(&a);
}

/* --- access --------------------------------------------------------------- */

#define TRACER_CAPS	CAP_BIT(CAP_SYS_PTRACE)
#define FILE_CAPS	(TRACER_CAPS | CAP_BIT(CAP_DAC_READ_SEARCH))

FIXTURE(reader) {
	int proc;
};

FIXTURE_VARIANT(reader) {
	struct credentials creds;
	bool sees_all;		/* passes the access check for all tasks */
	bool reads_all;		/* may open all files as well */
};

FIXTURE_VARIANT_ADD(reader, user) {
	.creds = { .uid = USER_IDS, .gid = USER_IDS },
};

/* The file has the mode 0400, which this reader cannot override. */
FIXTURE_VARIANT_ADD(reader, user_with_cap_sys_ptrace) {
	.creds = { .uid = USER_IDS, .gid = USER_IDS,
		   .permitted = TRACER_CAPS, .effective = TRACER_CAPS },
	.sees_all = true,
};

FIXTURE_VARIANT_ADD(reader, user_with_cap_dac_read_search) {
	.creds = { .uid = USER_IDS, .gid = USER_IDS,
		   .permitted = FILE_CAPS, .effective = FILE_CAPS },
	.sees_all = true,
	.reads_all = true,
};

FIXTURE_SETUP(reader)
{
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(reader)
{
	close(self->proc);
}

/* Return true if the reader may open the environment of a task. */
static bool may_open(int proc, const struct td_row *row)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%u/environ", row->msg.pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ESRCH;
	close(fd);
	return true;
}

static void compare_access(struct __test_metadata *_metadata, int proc,
			   bool sees_all, bool reads_all)
{
	size_t i, readable = 0;
	struct td_sock sock;
	struct td_answer a;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	query_environ(_metadata, &sock, TASK_DIAG_DUMP_ALL, 0, &a);
	for (i = 0; i < a.rows; i++) {
		const struct td_row *row = &a.row[i];
		const bool open = may_open(proc, row);

		EXPECT_EQ(open ? 0 : TASK_DIAG_SHOW_ENVIRON,
			  row->absent.denied) {
			TH_LOG("pid %u", row->msg.pid);
		}
		EXPECT_EQ(open, !!(row->groups & TASK_DIAG_SHOW_ENVIRON));
		if (open)
			expect_procfs_environ(_metadata, proc, &a, row);
		readable += open;
	}
	EXPECT_EQ(sees_all, a.rows > tasks.nr);
	EXPECT_EQ(reads_all || !sees_all, readable == a.rows);
	EXPECT_NE(NULL, td_find_row(&a, of_user.pid));
	EXPECT_LT(0U, readable);
	td_answer_free(&a);
	td_close(&sock);
}

TEST_F(reader, gets_environ_only_if_it_may_open_the_file)
{
	pid_t pid = td_fork_as(_metadata, &variant->creds);

	if (!pid) {
		compare_access(_metadata, self->proc, variant->sees_all,
			       variant->reads_all);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
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
