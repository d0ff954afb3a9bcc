// SPDX-License-Identifier: GPL-2.0-only
/*
 * False SCM_CREDENTIALS: which values a sender may put there, and that they
 * select the pid namespace of the reply and nothing else. pidns_test.c tests
 * the names of processes in other namespaces.  Each test names the
 * implementation that it catches.
 */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>

#include "lib/namespace.h"
#include "lib/taskdiag_test.h"
#include "lib/users.h"
#include "lib/visible_pids.h"

/* Processes of a namespace: enough for several small datagrams. */
#define SLEEPERS 120

/* May send any ids, and may not see more because of that. */
static const struct credentials forger = {
	.uid = USER_IDS,
	.gid = USER_IDS,
	.permitted = CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID),
	.effective = CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID),
};

static struct task_pool pool;

static int make_pool(void)
{
	return users_begin(&pool, 1);
}

FIXTURE(scm_credentials) {
	struct td_sock sock;
};

FIXTURE_SETUP(scm_credentials)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_SMALL));
}

FIXTURE_TEARDOWN(scm_credentials)
{
	td_close(&self->sock);
}

/* The message does not reach the family, so nothing is received. */
static void expect_send_error(struct __test_metadata *_metadata,
			      struct td_sock *sock, const struct ucred *as,
			      int err)
{
	EXPECT_EQ(err, td_send_request(sock, &td_all, NLM_F_DUMP, as)) {
		TH_LOG("pid %d, uid %u, gid %u", as->pid, as->uid, as->gid);
	}
	EXPECT_EQ(-EAGAIN, td_receive_raw(sock, MSG_DONTWAIT));
}

/* Catches ids that are taken from the message. */
TEST_F(scm_credentials, ids_of_other_users_show_no_more)
{
	pid_t pid = td_fork_as(_metadata, &forger);

	if (!pid) {
		const struct ucred as[] = {
			{ .pid = getpid(), .uid = 0, .gid = 0 },
			{ .pid = getpid(),
			  .uid = OTHER_USER,
			  .gid = OTHER_USER },
		};
		struct td_answer a;
		size_t i;

		for (i = 0; i < ARRAY_SIZE(as); i++) {
			EXPECT_EQ(0, td_send_request(&self->sock, &td_all,
						     NLM_F_DUMP, &as[i]));
			td_answer_init(&self->sock, &a, true);
			EXPECT_EQ(0, td_receive(&self->sock, &a));
			EXPECT_STREQ("", a.fault);
			EXPECT_EQ(0, a.end.error);
			EXPECT_LE(2U, a.rows);
			EXPECT_TRUE(rows_only_of(&a, USER, 0));
			td_answer_free(&a);
		}
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/*
 * Unused pids, sent with and without the right to name a process.  Without the
 * right, used and unused pids get the same error, hidden or not.
 */
TEST_F(scm_credentials, unused_pid_cannot_be_sent)
{
	const struct ucred creds[] = {
		{ .pid = 0 }, { .pid = -1 }, { .pid = INT_MIN },
		{ .pid = INT_MAX }, { .pid = 4 * 1024 * 1024 + 1 },
		{ .pid = td_unused_pid() },
		/* Pids in use: a visible task, and a hidden one. */
		{ .pid = pool.task[0].pid }, { .pid = 1 },
	};
	const size_t nr_unused = ARRAY_SIZE(creds) - 2;
	size_t i;
	pid_t pid;

	for (i = 0; i < nr_unused; i++)
		expect_send_error(_metadata, &self->sock, &creds[i], -ESRCH);

	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		for (i = 0; i < ARRAY_SIZE(creds); i++) {
			struct ucred as = creds[i];

			as.uid = USER;
			as.gid = USER;
			expect_send_error(_metadata, &self->sock, &as, -EPERM);
		}
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* Capabilities over a user namespace do not reach beyond it. */
TEST_F(scm_credentials, user_namespace_root_naming_outside_pid_gets_eperm)
{
	pid_t pid = td_fork_as(_metadata, &user);

	if (!pid) {
		struct ucred as = { .pid = getppid() };

		/*
		 * Capabilities over the user namespace, not over the pid
		 * namespace.
		 */
		EXPECT_EQ(0, namespace_become_root());
		expect_send_error(_metadata, &self->sock, &as, -EPERM);
		as.pid = pool.task[0].pid;
		expect_send_error(_metadata, &self->sock, &as, -EPERM);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* No namespace maps user -1. */
TEST_F(scm_credentials, unmapped_ids_get_einval)
{
	const struct ucred as[] = {
		{ .pid = getpid(), .uid = -1 }, { .pid = getpid(), .gid = -1 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(as); i++)
		expect_send_error(_metadata, &self->sock, &as[i], -EINVAL);
}

/*
 * A struct pid can outlive its process, for example as a session.  The socket
 * layer finds it; the family must find no process: this also happens if a
 * process exits after its pid was sent.  Catches a struct pid that is taken for
 * a process.
 */
TEST_F(scm_credentials, pid_of_exited_process_gets_esrch)
{
	const struct task_diag_pid one = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = 1,
	};
	int ends[2], dump;
	pid_t leader, other;
	struct ucred as = {};
	char byte;

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	leader = fork();
	ASSERT_LE(0, leader);
	if (!leader) {
		if (setsid() < 0)
			_exit(1);
		other = fork();
		if (!other) {
			/* Stays in the session until the pipe is closed. */
			close(ends[1]);
			_exit(read(ends[0], &byte, 1));
		}
		_exit(other < 0);
	}
	close(ends[0]);

	/* A zombie still exists and has a pid namespace. */
	ASSERT_EQ(0, waitid(P_PID, leader, NULL, WEXITED | WNOWAIT));
	as.pid = leader;
	EXPECT_EQ(0, td_send_request(&self->sock, &one, NLM_F_ACK, &as));
	EXPECT_LT(0, td_receive_raw(&self->sock, 0));
	EXPECT_LT(0, td_receive_raw(&self->sock, 0));
	EXPECT_EXIT_0(leader);

	for (dump = 0; dump < 2; dump++) {
		struct td_answer a;

		EXPECT_EQ(0, td_send_request(&self->sock, dump ? &td_all : &one,
					     dump ? NLM_F_DUMP : 0, &as));
		td_answer_init(&self->sock, &a, dump);
		EXPECT_EQ(0, td_receive(&self->sock, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(NLMSG_ERROR, (int)a.end.type);
		EXPECT_EQ(ESRCH, a.end.error);
		EXPECT_EXTACK_TEXT(&a, "SCM_CREDENTIALS: no such process");
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
	}
	close(ends[1]);
}

/* Make processes in a pid namespace; its init ends when @end is closed. */
static void fill_namespace(int begin, int end)
{
	char byte = 0;
	int i;

	for (i = 0; i < SLEEPERS; i++) {
		pid_t pid = fork();

		if (!pid)
			for (;;)
				pause();
		if (pid < 0)
			_exit(1);
	}
	if (write(begin, &byte, 1) != 1)
		_exit(1);
	_exit(read(end, &byte, 1));
}

/*
 * The named process, and its whole namespace, exits after the request.  Catches
 * a namespace that is looked up again by pid, or that is not referenced.
 */
TEST_F(scm_credentials, dump_survives_exit_of_named_process)
{
	int begin[2], end[2];
	struct ucred as = {};
	struct td_answer a;
	struct pid_set pids = {};
	size_t before, i;
	char byte;

	ASSERT_EQ(0, pipe2(begin, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(end, O_CLOEXEC));
	as.pid = namespace_fork(CLONE_NEWPID);
	ASSERT_LE(0, as.pid);
	if (!as.pid) {
		close(end[1]);
		fill_namespace(begin[1], end[0]);
	}
	ASSERT_EQ(1, read(begin[0], &byte, 1));

	ASSERT_EQ(0, td_send_request(&self->sock, &td_all, NLM_F_DUMP, &as));
	td_answer_init(&self->sock, &a, true);
	ASSERT_EQ(0, td_receive_datagram(&self->sock, &a, 1));
	before = a.rows;
	close(end[1]);
	EXPECT_EXIT_0(as.pid);

	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_EQ(0, visible_pids_in(&a, &pids));
	/*
	 * One datagram was made when the first was read, then follows the end:
	 * no task of another namespace is reported instead.
	 */
	EXPECT_LT(before, a.rows);
	EXPECT_GT(SLEEPERS + 1U, a.rows);
	for (i = 0; i < pids.nr; i++)
		EXPECT_EQ(i + 1, pids.id[i]);

	td_answer_free(&a);
	EXPECT_EQ(-ESRCH,
		  td_send_request(&self->sock, &td_all, NLM_F_DUMP, &as));
	pid_set_free(&pids);
	close(begin[0]);
	close(begin[1]);
	close(end[0]);
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
