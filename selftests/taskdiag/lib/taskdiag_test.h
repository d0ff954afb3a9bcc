/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Common code of all test programs: preconditions, assertions about answers,
 * and main().
 *
 * Depends on the harness and on all helpers it includes.
 */
#ifndef TASKDIAG_TEST_H
#define TASKDIAG_TEST_H

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The harness does not compile cleanly with -Wextra: its wrappers have unused
 * parameters, and a local variable across setjmp().
 */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wclobbered"
#endif

#include "../../kselftest_harness.h"

/* For emulated machines. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#include "fields.h"
#include "credentials.h"
#include "task_pool.h"
#include "answer.h"

/* The Makefile builds some tests again for the file transport. */
#ifndef TD_USE_FILE
#define TD_USE_FILE false
#endif

#define TD_BASE_CRED (TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_CRED)

/* A query for BASE and CRED of all processes. */
static const struct task_diag_pid td_all = {
	.show_flags = TD_BASE_CRED,
	.dump_strategy = TASK_DIAG_DUMP_ALL,
};

/* The answer is complete, follows the protocol, and reports success. */
#define ASSERT_SUCCESS(answer) do { \
	const struct td_answer *__answer = (answer); \
	\
	ASSERT_STREQ("", __answer->fault); \
	ASSERT_EQ(0, __answer->end.error) { \
		TH_LOG("extack: %s", __answer->end.text); \
	} \
	ASSERT_EQ(__answer->dump ? NLMSG_DONE : NLMSG_ERROR, \
		  (int)__answer->end.type); \
} while (0)

/*
 * Before Linux 6.2, which the module supports, a family cannot set an extack
 * when it refuses to start a dump.
 */
static inline bool td_lacks_start_extack(const struct td_answer *a)
{
	unsigned int major, minor;
	struct utsname name;

	return a->dump && !td_use_file && a->end.type == NLMSG_ERROR &&
	       !a->end.text[0] && !a->end.offset && !a->end.missing &&
	       !uname(&name) &&
	       sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major < 6 || (major == 6 && minor < 2));
}

/* The extended ack contains @part in its text ... */
#define EXPECT_EXTACK_TEXT(answer, part) do { \
	const struct td_answer *__reported = (answer); \
	const char *__part = (part); \
	\
	EXPECT_TRUE(strstr(__reported->end.text, __part) || \
		    td_lacks_start_extack(__reported)) { \
		TH_LOG("no \"%s\" in extack \"%s\"", __part, \
		       __reported->end.text); \
	} \
} while (0)

/* ... and has this offset. */
#define EXPECT_EXTACK_OFFSET(answer, where) do { \
	const struct td_answer *__answer = (answer); \
	\
	if (!td_lacks_start_extack(__answer)) \
		EXPECT_EQ((where), __answer->end.offset); \
} while (0)

/* Dump successfully. */
static inline void td_dump(struct __test_metadata *_metadata,
			   struct td_sock *sock, __u64 show,
			   __u64 strategy, pid_t pid, struct td_answer *a)
{
	const struct task_diag_pid query = {
		.show_flags = show,
		.dump_strategy = strategy,
		.pid = pid,
	};

	ASSERT_EQ(0, td_query(sock, &query, NLM_F_DUMP, a));
	ASSERT_SUCCESS(a);
}

/* Query one row by a single request. */
static inline void td_get_row(struct __test_metadata *_metadata,
			      struct td_sock *sock, __u64 show, pid_t pid,
			      struct td_answer *a)
{
	const struct task_diag_pid query = {
		.show_flags = show,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = pid,
	};

	ASSERT_EQ(0, td_query(sock, &query, 0, a));
	ASSERT_SUCCESS(a);
	ASSERT_EQ(1U, a->rows);
}

/* Parse the mappings of a row, which must follow the ABI. */
static inline void td_get_mappings(struct __test_metadata *_metadata,
				   const struct td_answer *a,
				   const struct td_row *row,
				   struct mappings *mappings)
{
	char text[160] = "";

	ASSERT_EQ(0, fields_mappings(a, row, mappings, text, sizeof(text))) {
		TH_LOG("%u: %s", row->msg.pid, text);
	}
}

/* The child has exited with status 0; it has logged any failure itself. */
#define EXPECT_EXIT_0(child) do { \
	pid_t __child = (child); \
	int __status = -1; \
	\
	EXPECT_LT(0, __child); \
	EXPECT_EQ(__child, waitpid(__child, &__status, 0)); \
	EXPECT_EQ(0, __status); \
} while (0)

/* Skip the program, with exit code 4, without the family or without root. */
static inline void td_require_family_and_root(void)
{
	struct td_sock sock;
	int err;

	td_use_file = TD_USE_FILE;
	if (geteuid())
		ksft_exit_skip("needs root\n");
	err = td_open(&sock, TD_LARGE);
	if (err == -ENOENT)
		ksft_exit_skip("this kernel has no %s\n", TD_USE_FILE ?
			       "/proc/task-diag: CONFIG_TASKDIAG_PROC is off" :
			       "TASKDIAG family: CONFIG_TASKDIAG_NETLINK is off");
	if (err)
		ksft_exit_fail_msg("open task_diag: %s\n",
				   strerror(-err));
	td_close(&sock);
}

/*
 * Return those of the groups @show that the module cannot report, as its kernel
 * does not export the required functions.  A kernel with task_diag built in
 * reports all groups.
 */
static inline __u64 td_module_missing_groups(struct td_sock *s, __u64 show)
{
	struct task_diag_features has;

	if (access("/sys/module/task_diag/initstate", F_OK) ||
	    td_features(s, &has))
		return 0;
	return show & ~has.groups;
}

/*
 * Run the tests in a child, so that this process can end the test tasks
 * afterwards: the harness exits by itself.
 */
static inline int td_run_tests(int argc, char **argv)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		exit(test_harness_run(argc, argv));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return KSFT_FAIL;
	return WEXITSTATUS(status);
}

/*
 * The rest of main() in a program whose tests need tasks that @make creates.
 * @make returns 0 or a negative errno, with a text in @error.  @end ends the
 * tasks, also after a failed @make.
 */
static inline int td_main(int argc, char **argv, int (*make)(void),
			  void (*end)(void), const char *error)
{
	int status, err;

	td_require_family_and_root();
	err = make();
	if (err) {
		ksft_print_msg("%s: %s\n", error, strerror(-err));
		end();
		ksft_exit_fail_msg("test tasks are missing\n");
	}
	status = td_run_tests(argc, argv);
	end();
	return status;
}

/* Assume the credentials @creds, or log the failure and exit. */
static inline void td_assume(struct __test_metadata *_metadata,
			     const struct credentials *creds)
{
	const char *step = "";
	int err = credentials_assume(creds, &step);

	EXPECT_EQ(0, err) {
		TH_LOG("%s: %s", step, strerror(-err));
		_exit(1);
	}
}

/* Fork a child with the credentials @creds; returns 0 there. */
static inline pid_t td_fork_as(struct __test_metadata *_metadata,
			       const struct credentials *creds)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		td_assume(_metadata, creds);
	return pid;
}

/* Zeroed memory that is shared with children; NULL on failure. */
static inline void *td_alloc_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* An unused pid: one just freed is reused last. */
static inline pid_t td_unused_pid(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid ? pid : 0;
}

/* read() into two buffers. */
static inline ssize_t td_readv(int fd, void *buf, size_t size)
{
	const struct iovec iov[] = {
		{ .iov_base = buf, .iov_len = size / 2 },
		{ .iov_base = (char *)buf + size / 2, .iov_len = size / 2 },
	};

	return readv(fd, iov, ARRAY_SIZE(iov));
}

#endif /* TASKDIAG_TEST_H */
