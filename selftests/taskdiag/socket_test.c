// SPDX-License-Identifier: GPL-2.0-only
/*
 * One socket with several readers: only the process that sent the request can
 * continue a dump, and only while it runs the program that sent it.
 */
#include <pthread.h>

#include "lib/program.h"
#include "lib/taskdiag_test.h"

/* Enough tasks for several small datagrams. */
#define SLEEPERS 150

/* Made once, before the tests. */
static struct task_pool pool;

static int make_pool(void)
{
	const struct task_spec sleeper = {};

	return task_pool_begin_with(&pool, &sleeper, 1, SLEEPERS);
}

FIXTURE(shared_socket) {
	struct td_sock sock;
};

FIXTURE_SETUP(shared_socket)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_SMALL));
}

FIXTURE_TEARDOWN(shared_socket)
{
	td_close(&self->sock);
}

/*
 * Continue a dump of another process.  One datagram was made by the request and
 * any reader gets it; then the dump ends without a row.
 */
static int read_rest(struct td_sock *sock, const char **why)
{
	struct td_answer a;
	size_t queued;
	int err;

	td_answer_init(sock, &a, true);
	*why = "no datagram in the queue";
	err = td_receive_datagram(sock, &a, 1);
	if (err)
		goto out;
	err = -EPROTO;
	*why = "the first datagram has more than rows";
	queued = a.rows;
	if (!queued || a.end.type)
		goto out;
	*why = "no datagram after the first one";
	err = td_receive_datagram(sock, &a, 1);
	if (err)
		goto out;
	err = -EPROTO;
	*why = "rows for a process other than the sender";
	if (a.rows != queued)
		goto out;
	*why = "no end with EPERM";
	if (a.fault[0] || a.end.type != NLMSG_DONE || a.end.error != EPERM)
		goto out;
	*why = "the end has no such extack";
	if (!strstr(a.end.text, "process that sent the request"))
		goto out;
	*why = "data after the end";
	if (td_receive_raw(sock, MSG_DONTWAIT) != -EAGAIN)
		goto out;
	err = 0;
out:
	td_answer_free(&a);
	return err;
}

TEST_F(shared_socket, other_process_gets_eperm)
{
	struct td_answer a;
	pid_t pid;

	ASSERT_EQ(0, td_send_request(&self->sock, &td_all, NLM_F_DUMP, NULL));
	pid = fork();
	if (!pid) {
		const char *why = "";

		EXPECT_EQ(0, read_rest(&self->sock, &why)) {
			TH_LOG("%s", why);
		}
		_exit(0);
	}
	EXPECT_EXIT_0(pid);

	/* That dump is over and does not affect the next one. */
	EXPECT_EQ(-EAGAIN, td_receive_raw(&self->sock, MSG_DONTWAIT));
	ASSERT_EQ(0, td_query(&self->sock, &td_all, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_LE(pool.nr, a.rows);
	td_answer_free(&a);
}

/* The parent of the sender is another process as well. */
TEST_F(shared_socket, parent_of_sender_gets_eperm)
{
	const char *why = "";
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(-td_send_request(&self->sock, &td_all, NLM_F_DUMP, NULL));
	EXPECT_EXIT_0(pid);

	self->sock.seq++;
	self->sock.show = td_all.show_flags;
	EXPECT_EQ(0, read_rest(&self->sock, &why)) {
		TH_LOG("%s", why);
	}
}

/* Role of an executed program that inherits the socket. */
#define READ_REST "--read-on"

static int exec_read_rest(const struct td_sock *sock)
{
	char text[2 * sizeof(*sock) + 1];
	const char * const args[] = { text, NULL };

	program_encode(sock, sizeof(*sock), text);
	return program_run(READ_REST, args);
}

static int main_read_rest(const char *text)
{
	struct td_sock inherited, sock;
	const char *why = "";

	if (program_decode(text, &inherited, sizeof(inherited)) !=
		    sizeof(inherited) ||
	    td_adopt(&sock, inherited.fd, &inherited))
		return 1;
	if (read_rest(&sock, &why)) {
		fprintf(stderr, "# after execve(): %s\n", why);
		return 1;
	}
	return 0;
}

TEST_F(shared_socket, read_after_execve_gets_eperm)
{
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct td_sock own;

		/* The process that sent the request, after execve(). */
		if (td_open(&own, TD_SMALL) ||
		    td_send_request(&own, &td_all, NLM_F_DUMP, NULL))
			_exit(1);
		_exit(-exec_read_rest(&own));
	}
	EXPECT_EXIT_0(pid);
}

struct thread_args {
	struct td_sock *sock;
	struct td_answer *answer;
	int err;
};

static void *read_in_thread(void *arg)
{
	struct thread_args *thread_args = arg;

	thread_args->err = td_receive(thread_args->sock, thread_args->answer);
	return NULL;
}

TEST_F(shared_socket, other_thread_continues_dump)
{
	struct td_answer a;
	struct thread_args thread_args = { &self->sock, &a, -1 };
	pthread_t thread;

	ASSERT_EQ(0, td_send_request(&self->sock, &td_all, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a, true);
	ASSERT_EQ(0,
		  pthread_create(&thread, NULL, read_in_thread, &thread_args));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, thread_args.err);
	ASSERT_SUCCESS(&a);
	EXPECT_LE(pool.nr, a.rows);
	EXPECT_LT(2U, a.receives);
	td_answer_free(&a);
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], READ_REST))
		return main_read_rest(argv[2]);
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
