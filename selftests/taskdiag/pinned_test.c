// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unread dumps in the middle of a row whose task has ended: they must hold
 * neither the task nor its memory.  Both hold a reference to the user namespace
 * of the task, and the number of user namespaces is limited.
 */
#include <sched.h>
#include <sys/resource.h>

#include "lib/namespace.h"
#include "lib/special_task.h"
#include "lib/taskdiag_test.h"

#define SELF "/proc/self/exe"

/* User namespaces, each with a task, a socket and a dump. */
#define TASKS 8

/* More than fits the messages made before the dump is left unread. */
#define LONG_ARG (128 * 1024 - 1)
#define LONG_ARGS 4
#define READS 2

/* References are dropped by RCU and by a work queue. */
#define AWAIT_SECONDS 20
#define LOOK_US 10000

/* argv[1] of a task: enter the user namespace before or after execve(). */
#define BEFORE_EXEC "before"
#define AFTER_EXEC "after"

static int enter_user_ns(void *arg)
{
	const struct rlimit limit = {
		.rlim_cur = 64UL << 20, .rlim_max = RLIM_INFINITY,
	};

	if (setrlimit(RLIMIT_STACK, &limit))
		return -errno;
	return arg && unshare(CLONE_NEWUSER) ? -errno : 0;
}

static int setup_task(int argc, char **argv)
{
	if (argc < 2)
		return -EINVAL;
	if (strcmp(argv[1], AFTER_EXEC))
		return 0;
	return unshare(CLONE_NEWUSER) ? -errno : 0;
}

FIXTURE(unread_dump) {
	struct special_task task[TASKS];
	struct td_sock sock[TASKS];
	struct td_answer answer[TASKS];
};

FIXTURE_VARIANT(unread_dump) {
	const char *when;
};

/* The credentials of the task are in the namespace, its memory is not. */
FIXTURE_VARIANT_ADD(unread_dump, task) {
	.when = AFTER_EXEC,
};

FIXTURE_VARIANT_ADD(unread_dump, task_and_memory) {
	.when = BEFORE_EXEC,
};

FIXTURE_SETUP(unread_dump)
{
}

FIXTURE_TEARDOWN(unread_dump)
{
}

static int begin_task(struct special_task *task, const char *when)
{
	static char arg[LONG_ARG + 1];
	char *argv[LONG_ARGS + 3] = { "task", (char *)when };
	int i;

	memset(arg, 'a', LONG_ARG);
	for (i = 0; i < LONG_ARGS; i++)
		argv[2 + i] = arg;
	return special_task_exec(task, SELF, argv, NULL, enter_user_ns,
				 strcmp(when, BEFORE_EXEC) ? NULL : task);
}

/* Send a request for the task, and stop in the middle of its arguments. */
static void begin_dump(struct __test_metadata *_metadata, struct td_sock *sock,
		       struct td_answer *a, pid_t pid)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_CMDLINE,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = pid,
	};
	int i;

	ASSERT_EQ(0, td_open(sock, TD_SMALL));
	ASSERT_EQ(0, td_send_request(sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(sock, a, true);
	for (i = 0; i < READS; i++)
		ASSERT_EQ(0, td_receive_datagram(sock, a, 1));
	ASSERT_EQ(1U, a->rows);
	ASSERT_EQ(0, (int)a->end.type);
}

/*
 * Make @nr user namespaces that exist at the same time.  Return true if the
 * limit allows it.
 */
static bool can_make_user_ns(unsigned int nr)
{
	bool all = true;
	unsigned int i;
	pid_t pid[TASKS];

	for (i = 0; i < nr; i++) {
		pid[i] = namespace_fork(CLONE_NEWUSER);
		if (!pid[i])
			for (;;)
				pause();
		all = all && pid[i] > 0;
	}
	for (i = 0; i < nr; i++) {
		if (pid[i] > 0) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
	}
	return all;
}

static bool can_soon_make_user_ns(unsigned int nr)
{
	int left = AWAIT_SECONDS * (1000000 / LOOK_US);

	while (!can_make_user_ns(nr) && left--)
		usleep(LOOK_US);
	return left >= 0;
}

TEST_F(unread_dump, releases_exited_task)
{
	pid_t pid = fork();
	int i;

	ASSERT_LE(0, pid);
	if (pid) {
		EXPECT_EXIT_0(pid);
		return;
	}

	ASSERT_EQ(0, namespace_become_root());
	ASSERT_EQ(0, namespace_limit("user", TASKS));
	for (i = 0; i < TASKS; i++) {
		ASSERT_EQ(0, begin_task(&self->task[i], variant->when)) {
			TH_LOG("%s", self->task[i].error);
		}
		begin_dump(_metadata, &self->sock[i], &self->answer[i],
			   self->task[i].pid);
	}
	/* The limit applies. */
	EXPECT_FALSE(can_make_user_ns(1));

	for (i = 0; i < TASKS; i++)
		special_task_end(&self->task[i]);
	EXPECT_TRUE(can_soon_make_user_ns(TASKS)) {
		TH_LOG("unread dumps hold user namespaces of exited tasks");
	}

	/* The dumps continue where they stopped. */
	for (i = 0; i < TASKS; i++) {
		ASSERT_EQ(0, td_receive(&self->sock[i], &self->answer[i]));
		ASSERT_SUCCESS(&self->answer[i]);
		td_answer_free(&self->answer[i]);
		td_close(&self->sock[i]);
	}
	EXPECT_TRUE(can_soon_make_user_ns(TASKS));
	_exit(0);
}

int main(int argc, char **argv)
{
	special_task_main(argc, argv, setup_task);
	td_require_family_and_root();
	return test_harness_run(argc, argv);
}
