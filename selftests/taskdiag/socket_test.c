// SPDX-License-Identifier: GPL-2.0-only
/*
 * One socket, several hands: whoever opened it, whoever sent the request and
 * whoever reads.  That only the process that asked can make a dump go on, and
 * that nobody lends another their rights.
 */
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>

#include "identity.h"
#include "idset.h"
#include "taskdiag_test.h"

#define USER 1234
#define OTHER_USER 1235

/* Enough of each user's for several small datagrams. */
#define SLEEPERS 150

static const struct identity user = {
	.uid = { USER, USER, USER, USER },
	.gid = { USER, USER, USER, USER },
};

static const struct identity other_user = {
	.uid = { OTHER_USER, OTHER_USER, OTHER_USER, OTHER_USER },
	.gid = { OTHER_USER, OTHER_USER, OTHER_USER, OTHER_USER },
};

static const struct task_diag_pid all = {
	.show_flags = TD_BASE_CRED,
	.dump_strategy = TASK_DIAG_DUMP_ALL,
};

/* Made once, before the tests. */
static struct population pop;

static int make_population(void)
{
	const struct member_spec specs[] = {
		{ .who = &user }, { .who = &other_user },
	};
	int i, err;

	err = population_begin(&pop);
	for (i = 0; !err && i < 2 * SLEEPERS; i++)
		err = population_add(&pop, &specs[i % 2]);
	return err ?: population_settle(&pop);
}

FIXTURE(shared) {
	struct td_sock sock;
};

FIXTURE_SETUP(shared)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_SMALL));
}

FIXTURE_TEARDOWN(shared)
{
	td_close(&self->sock);
}

static void expect_exit_0(struct __test_metadata *_metadata, pid_t pid)
{
	int status = -1;

	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/*
 * Read on with what somebody else asked for.  One datagram was made when they
 * asked and is there for who takes it; then there is an end, and no row.
 */
static int read_on(struct td_sock *sock, const char **why)
{
	struct td_answer a;
	size_t queued;
	int err;

	td_expect(sock, &a, true);
	*why = "no datagram in the queue";
	err = td_receive_some(sock, &a, 1);
	if (err)
		goto out;
	err = -EPROTO;
	*why = "the first datagram was not rows only";
	queued = a.rows;
	if (!queued || a.end.type)
		goto out;
	*why = "nothing behind the first datagram";
	err = td_receive_some(sock, &a, 1);
	if (err)
		goto out;
	err = -EPROTO;
	*why = "rows for somebody who did not ask";
	if (a.rows != queued)
		goto out;
	*why = "no end with EPERM";
	if (a.fault[0] || a.end.type != NLMSG_DONE || a.end.error != EPERM)
		goto out;
	*why = "the end does not say why";
	if (!strstr(a.end.text, "process that asked"))
		goto out;
	*why = "something behind the end";
	if (td_receive_raw(sock, MSG_DONTWAIT) != -EAGAIN)
		goto out;
	err = 0;
out:
	td_answer_free(&a);
	return err;
}

TEST_F(shared, another_process_cannot_read_on)
{
	struct td_answer a;
	pid_t pid;

	ASSERT_EQ(0, td_ask(&self->sock, &all, NLM_F_DUMP, NULL));
	pid = fork();
	if (!pid) {
		const char *why = "";

		EXPECT_EQ(0, read_on(&self->sock, &why)) {
			TH_LOG("%s", why);
		}
		_exit(0);
	}
	expect_exit_0(_metadata, pid);

	/* That dump is over, and the next one is not harmed by it. */
	EXPECT_EQ(-EAGAIN, td_receive_raw(&self->sock, MSG_DONTWAIT));
	ASSERT_EQ(0, td_query(&self->sock, &all, NLM_F_DUMP, &a));
	ASSERT_GOOD(&a);
	EXPECT_LE(pop.nr, a.rows);
	td_answer_free(&a);
}

/* The parent of who asked is somebody else just as well. */
TEST_F(shared, a_parent_cannot_read_on)
{
	const char *why = "";
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(-td_ask(&self->sock, &all, NLM_F_DUMP, NULL));
	expect_exit_0(_metadata, pid);

	self->sock.seq++;
	EXPECT_EQ(0, read_on(&self->sock, &why)) {
		TH_LOG("%s", why);
	}
}

/* The descriptor and what td_expect() needs, as arguments of a program. */
#define READ_ON "--read-on"

static void exec_and_read_on(struct td_sock *sock)
{
	char fd[16], seq[16], portid[16], family[16];

	snprintf(fd, sizeof(fd), "%d", sock->fd);
	snprintf(seq, sizeof(seq), "%u", sock->seq);
	snprintf(portid, sizeof(portid), "%u", sock->portid);
	snprintf(family, sizeof(family), "%u", sock->family);
	execl("/proc/self/exe", "socket_test", READ_ON, fd, seq, portid, family,
	      (char *)NULL);
	_exit(126);
}

/* What is at the other end of it. */
static int main_read_on(char **arg)
{
	struct td_sock sock = {
		.fd = atoi(arg[0]),
		.seq = strtoul(arg[1], NULL, 10),
		.portid = strtoul(arg[2], NULL, 10),
		.family = strtoul(arg[3], NULL, 10),
		.size = TD_SMALL,
		.buf = malloc(TD_SMALL),
	};
	const char *why = "";

	if (!sock.buf || read_on(&sock, &why)) {
		fprintf(stderr, "# after execve(): %s\n", why);
		return 1;
	}
	return 0;
}

TEST_F(shared, another_program_cannot_read_on)
{
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct td_sock own;

		/* The very process that asked, but for execve(). */
		if (td_open(&own, TD_SMALL) ||
		    td_ask(&own, &all, NLM_F_DUMP, NULL))
			_exit(125);
		exec_and_read_on(&own);
	}
	expect_exit_0(_metadata, pid);
}

struct threads_share {
	struct td_sock *sock;
	struct td_answer *answer;
	int err;
};

static void *read_in_thread(void *arg)
{
	struct threads_share *share = arg;

	share->err = td_receive(share->sock, share->answer);
	return NULL;
}

TEST_F(shared, another_thread_can_read_on)
{
	struct td_answer a;
	struct threads_share share = { &self->sock, &a, -1 };
	pthread_t thread;

	ASSERT_EQ(0, td_ask(&self->sock, &all, NLM_F_DUMP, NULL));
	td_expect(&self->sock, &a, true);
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_in_thread, &share));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, share.err);
	ASSERT_GOOD(&a);
	EXPECT_LE(pop.nr, a.rows);
	EXPECT_LT(2U, a.receives);
	td_answer_free(&a);
}

/* Is every row about a process of this user? */
static bool all_of_user(const struct td_answer *a, __u32 uid)
{
	size_t i;

	for (i = 0; i < a->rows; i++)
		if (a->row[i].cred.uid != uid || a->row[i].cred.euid != uid)
			return false;
	return true;
}

/*
 * Whoever is privileged and reads what another asked for, say because it is
 * its standard input, adds nothing to it: not even itself.
 */
TEST_F(shared, a_privileged_reader_lends_nothing)
{
	struct td_answer a;
	pid_t pid;

	pid = fork();
	if (!pid) {
		const char *step;

		if (identity_assume(&user, &step))
			_exit(125);
		_exit(-td_ask(&self->sock, &all, NLM_F_DUMP, NULL));
	}
	expect_exit_0(_metadata, pid);

	self->sock.seq++;
	td_expect(&self->sock, &a, true);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_STREQ("", a.fault);
	EXPECT_EQ(EPERM, a.end.error);
	EXPECT_LT(0U, a.rows);
	EXPECT_TRUE(all_of_user(&a, USER));
	EXPECT_EQ(NULL, td_find(&a, getpid()));
	td_answer_free(&a);
}

/* What a user sees over a socket of its own, on which two others are judged. */
static int user_view(const struct identity *who, struct idset *pids)
{
	struct td_answer a;
	struct td_sock own;
	const char *step;
	size_t i;
	int err;

	err = identity_assume(who, &step);
	if (err)
		return err;
	err = td_open(&own, TD_SMALL);
	if (err)
		return err;
	err = td_query(&own, &all, NLM_F_DUMP, &a);
	if (!err)
		err = -a.end.error;
	for (i = 0; !err && i < a.rows; i++)
		err = idset_add(pids, a.row[i].msg.pid);
	td_answer_free(&a);
	td_close(&own);
	return err;
}

static int rows_to_set(const struct td_answer *a, struct idset *pids)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < a->rows; i++)
		err = idset_add(pids, a->row[i].msg.pid);
	return err;
}

TEST_F(shared, a_privileged_opener_lends_nothing)
{
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct idset own = {}, borrowed = {};
		struct td_answer a;

		/* self->sock is root's. */
		EXPECT_EQ(0, user_view(&user, &own));
		EXPECT_EQ(0, td_query(&self->sock, &all, NLM_F_DUMP, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(0, a.end.error);
		EXPECT_EQ(0, rows_to_set(&a, &borrowed));
		EXPECT_LE((size_t)SLEEPERS, own.nr);
		EXPECT_TRUE(idset_equal(&own, &borrowed));
		EXPECT_TRUE(all_of_user(&a, USER));
		_exit(0);
	}
	expect_exit_0(_metadata, pid);
}

/*
 * The reverse: a privileged process sends, say because somebody made the
 * socket its standard output, and learns what the opener could have learnt.
 */
TEST_F(shared, an_unprivileged_opener_is_the_limit)
{
	struct {
		sem_t opened;
		sem_t done;
		int err;
		struct td_sock sock;
	} *common;
	struct idset expected = {}, seen = {};
	struct td_sock sock;
	struct td_answer a;
	int pidfd;
	size_t i;
	pid_t pid;

	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, common);
	sem_init(&common->opened, 1, 0);
	sem_init(&common->done, 1, 0);

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		const char *step;

		common->err = identity_assume(&user, &step) ?:
			      td_open(&common->sock, TD_SMALL);
		sem_post(&common->opened);
		sem_wait(&common->done);
		_exit(0);
	}
	sem_wait(&common->opened);
	ASSERT_EQ(0, common->err);
	sock = common->sock;
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_LE(0, pidfd);
	sock.fd = syscall(SYS_pidfd_getfd, pidfd, sock.fd, 0);
	ASSERT_LE(0, sock.fd);
	sock.buf = malloc(sock.size);
	ASSERT_NE(NULL, sock.buf);

	ASSERT_EQ(0, td_query(&sock, &all, NLM_F_DUMP, &a));
	ASSERT_GOOD(&a);
	EXPECT_TRUE(all_of_user(&a, USER));
	EXPECT_EQ(NULL, td_find(&a, getpid()));

	/* Every process of the user, the one that opened included. */
	ASSERT_EQ(0, rows_to_set(&a, &seen));
	ASSERT_EQ(0, idset_add(&expected, pid));
	for (i = 0; i < pop.nr; i++)
		if (pop.member[i].spec.who == &user)
			ASSERT_EQ(0, idset_add(&expected,
					       pop.member[i].pid));
	EXPECT_TRUE(idset_equal(&expected, &seen));

	sem_post(&common->done);
	expect_exit_0(_metadata, pid);
	td_answer_free(&a);
	td_close(&sock);
	close(pidfd);
	idset_free(&expected);
	idset_free(&seen);
}

/*
 * Credentials given up after the request do not help the dump along: what
 * comes from then on is what the poorer ones may see.
 */
TEST_F(shared, giving_up_rights_midway_narrows_the_dump)
{
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct td_answer first, rest;
		struct td_sock own;
		const char *step;

		EXPECT_EQ(0, td_open(&own, TD_SMALL));
		EXPECT_EQ(0, td_ask(&own, &all, NLM_F_DUMP, NULL));
		td_expect(&own, &first, true);
		td_expect(&own, &rest, true);
		EXPECT_EQ(0, identity_assume(&user, &step));
		/* Made with root's rights, at the request. */
		EXPECT_EQ(0, td_receive_some(&own, &first, 1));
		EXPECT_FALSE(all_of_user(&first, USER));
		EXPECT_EQ(0, td_receive(&own, &rest));
		EXPECT_STREQ("", rest.fault);
		EXPECT_EQ(0, rest.end.error);
		EXPECT_LT(0U, rest.rows);
		EXPECT_TRUE(all_of_user(&rest, USER));
		_exit(0);
	}
	expect_exit_0(_metadata, pid);
}

int main(int argc, char **argv)
{
	int status;

	if (argc == 6 && !strcmp(argv[1], READ_ON))
		return main_read_on(argv + 2);
	td_need_kernel_and_root();
	if (make_population())
		ksft_exit_fail_msg("%s\n", pop.error);
	status = td_run_tests(argc, argv);
	population_end(&pop);
	return status;
}
