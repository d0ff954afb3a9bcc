// SPDX-License-Identifier: GPL-2.0-only
/*
 * One event at a known point of a dump: a second thread calls execve(), a pid
 * is reused, relatives or the queried process exit.  Each test runs in a pid
 * namespace of its own and chooses the pids, so that the event concerns tasks
 * before or after the current position of the dump.  Each test names the
 * implementation that it catches.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "lib/namespace.h"
#include "lib/program.h"
#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

/* Small datagrams of about two dozen rows. */
#define BUFFER 4096

/* Pids that a half-read dump has already reported, and others. */
#define BEFORE 20
#define FILLERS_FROM 100
#define FILLERS 100
#define AFTER 500

/* Size of a family or process that takes several datagrams. */
#define RELATIVES 90

/* Events that the forked processes send to the test. */
static int event_pipe[2];

static void send_event(char event)
{
	if (write(event_pipe[1], &event, 1) != 1)
		_exit(1);
}

static void await_event(struct __test_metadata *_metadata, char event)
{
	char received = 0;

	ASSERT_EQ(1, read(event_pipe[0], &received, 1));
	ASSERT_EQ(event, received);
}

/* The forked processes continue when they read one byte each. */
static int release_pipe[2];

static void await_release(void)
{
	char byte;

	while (read(release_pipe[0], &byte, 1) < 0 && errno == EINTR)
		;
}

static void release(struct __test_metadata *_metadata, int how_many)
{
	while (how_many--)
		ASSERT_EQ(1, write(release_pipe[1], "", 1));
}

static void sleep_forever(void)
{
	for (;;)
		pause();
}

/* Role of an executed program that sleeps. */
#define SLEEP_ROLE "--stay"

/* Give the next process or thread pid @pid. */
static void set_next_pid(struct __test_metadata *_metadata, pid_t pid)
{
	ASSERT_EQ(0, namespace_next_pid(pid));
}

/* Run @scenario in a pid namespace of its own, as its first process. */
static void run_in_namespace(struct __test_metadata *_metadata,
			     void (*scenario)(struct __test_metadata *,
					      const void *),
			     const void *variant)
{
	pid_t pid;

	ASSERT_EQ(0, pipe2(event_pipe, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(release_pipe, O_CLOEXEC));
	pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
	ASSERT_LE(0, pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ASSERT_EQ(0, namespace_mount_procfs());
		scenario(_metadata, variant);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(event_pipe[0]);
	close(event_pipe[1]);
	close(release_pipe[0]);
	close(release_pipe[1]);
}

/* Make processes between the pids before and after the position of the dump. */
static void make_fillers(struct __test_metadata *_metadata)
{
	int i;

	set_next_pid(_metadata, FILLERS_FROM);
	for (i = 0; i < FILLERS; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			sleep_forever();
	}
}

/* Fork a child that runs @be, and wait until it is ready. */
static pid_t fork_ready(struct __test_metadata *_metadata,
			void (*be)(void *arg), void *arg)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		be(arg);
	await_event(_metadata, 'r');
	return pid;
}

/* Start a dump: two datagrams are made, one of them is read. */
static void dump_half(struct __test_metadata *_metadata, struct td_sock *sock,
		      __u64 strategy, pid_t pid, struct td_answer *a)
{
	const struct task_diag_pid event = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = strategy,
		.pid = pid,
	};

	ASSERT_EQ(0, td_send_request(sock, &event, NLM_F_DUMP, NULL));
	td_answer_init(sock, a, true);
	ASSERT_EQ(0, td_receive_datagram(sock, a, 1));
	ASSERT_EQ(0, (int)a->end.type);
	ASSERT_LT(0U, a->rows);
}

static void dump_rest(struct __test_metadata *_metadata, struct td_sock *sock,
		      struct td_answer *a)
{
	struct pid_set pids = {};

	ASSERT_EQ(0, td_receive(sock, a));
	ASSERT_SUCCESS(a);
	EXPECT_EQ(0, visible_pids_in(a, &pids));
	pid_set_free(&pids);
}

static bool has_name(const struct td_row *row, const char *name)
{
	return row && !strcmp(row->base.comm, name);
}

/*
 * A second thread of a process calls execve() and takes over the pid of its
 * leader.  Catches an iterator that continues from a stored task.
 */
FIXTURE(thread_exec) {
};

FIXTURE_VARIANT(thread_exec) {
	__u64 strategy;
};

FIXTURE_VARIANT_ADD(thread_exec, all) {
	.strategy = TASK_DIAG_DUMP_ALL,
};

FIXTURE_VARIANT_ADD(thread_exec, all_thread) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD,
};

FIXTURE_SETUP(thread_exec)
{
}

FIXTURE_TEARDOWN(thread_exec)
{
}

static void *exec_thread(void *arg)
{
	send_event('t');
	await_release();
	/* The executed program reports on standard output that it runs. */
	if (dup2(event_pipe[1], STDOUT_FILENO) >= 0)
		program_run(SLEEP_ROLE, NULL);
	_exit(1);
	return arg;
}

/* The pids of the two threads, and the strategy of the dump. */
struct thread_exec {
	__u64 strategy;
	pid_t leader;
	pid_t thread;
};

/* A process with a thread that will call execve(). */
static void run_executor(pid_t thread_pid)
{
	pthread_t thread;

	prctl(PR_SET_NAME, "executor");
	if (namespace_next_pid(thread_pid) ||
	    pthread_create(&thread, NULL, exec_thread, NULL))
		_exit(1);
	sleep_forever();
}

static void scenario_thread_exec(struct __test_metadata *_metadata,
				 const void *arg)
{
	const struct thread_exec *param = arg;
	const bool leads = param->strategy == TASK_DIAG_DUMP_ALL;
	const struct td_row *row;
	struct td_sock sock;
	struct td_answer a;
	pid_t pid;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	set_next_pid(_metadata, param->leader);
	pid = fork();
	if (!pid)
		run_executor(param->thread);
	ASSERT_EQ(param->leader, pid);
	await_event(_metadata, 't');
	make_fillers(_metadata);

	dump_half(_metadata, &sock, param->strategy, 0, &a);
	/* Check the position of the dump. */
	EXPECT_EQ(param->leader == BEFORE, !!td_find_row(&a, param->leader));
	EXPECT_EQ(!leads && param->thread < FILLERS_FROM,
		  !!td_find_row(&a, param->thread));
	release(_metadata, 1);
	await_event(_metadata, 'p');
	dump_rest(_metadata, &sock, &a);

	/*
	 * The process has one row, with the state at the time the row was made.
	 */
	row = td_find_row(&a, param->leader);
	ASSERT_NE(NULL, row);
	EXPECT_EQ(param->leader, (pid_t)row->msg.tgid);
	EXPECT_EQ(param->leader == BEFORE, has_name(row, "executor"));
	EXPECT_EQ(!leads && param->thread < FILLERS_FROM,
		  !!td_find_row(&a, param->thread));
	EXPECT_LE(FILLERS + 2U, a.rows);
	td_answer_free(&a);
}

TEST_F(thread_exec, before_current_task_reports_process_once)
{
	const struct thread_exec param = { variant->strategy, BEFORE,
					   BEFORE + 1 };

	run_in_namespace(_metadata, scenario_thread_exec, &param);
}

TEST_F(thread_exec, after_current_task_reports_process_once)
{
	const struct thread_exec param = { variant->strategy, AFTER,
					   AFTER + 1 };

	run_in_namespace(_metadata, scenario_thread_exec, &param);
}

TEST_F(thread_exec, leader_before_current_task_reports_process_once)
{
	const struct thread_exec param = { variant->strategy, BEFORE, AFTER };

	run_in_namespace(_metadata, scenario_thread_exec, &param);
}

TEST_F(thread_exec, leader_after_current_task_reports_process_once)
{
	const struct thread_exec param = { variant->strategy, AFTER, BEFORE };

	run_in_namespace(_metadata, scenario_thread_exec, &param);
}

/*
 * A reused pid.  Catches relatives that are stored as pids: an unrelated task
 * would be reported among them.
 */
FIXTURE(reused_pid) {
};

struct reuse {
	__u64 strategy;
	pid_t wanted_pid;
	const char *shown;	/* expected name for the pid, or NULL */
};

FIXTURE_VARIANT(reused_pid) {
	struct reuse param;
};

FIXTURE_VARIANT_ADD(reused_pid, all_before) {
	.param.strategy = TASK_DIAG_DUMP_ALL,
	.param.wanted_pid = BEFORE,
	.param.shown = "old",
};

FIXTURE_VARIANT_ADD(reused_pid, all_after) {
	.param.strategy = TASK_DIAG_DUMP_ALL,
	.param.wanted_pid = AFTER,
	.param.shown = "new",
};

FIXTURE_VARIANT_ADD(reused_pid, all_thread_before) {
	.param.strategy = TASK_DIAG_DUMP_ALL_THREAD, .param.wanted_pid = BEFORE,
	.param.shown = "old",
};

FIXTURE_VARIANT_ADD(reused_pid, all_thread_after) {
	.param.strategy = TASK_DIAG_DUMP_ALL_THREAD, .param.wanted_pid = AFTER,
	.param.shown = "new",
};

/*
 * Relatives are those of the time of the request, so the new task has no row.
 */
FIXTURE_VARIANT_ADD(reused_pid, children_after) {
	.param.strategy = TASK_DIAG_DUMP_CHILDREN, .param.wanted_pid = AFTER,
};

FIXTURE_SETUP(reused_pid)
{
}

FIXTURE_TEARDOWN(reused_pid)
{
}

/* Make a child with the given pid and name. */
static void make_child(struct __test_metadata *_metadata, pid_t wanted_pid,
		       const char *name)
{
	pid_t pid;

	set_next_pid(_metadata, wanted_pid);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NAME, name);
		send_event('c');
		sleep_forever();
	}
	ASSERT_EQ(wanted_pid, pid);
	await_event(_metadata, 'c');
}

static void end_child(struct __test_metadata *_metadata, pid_t pid)
{
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}

static void scenario_reuse(struct __test_metadata *_metadata, const void *arg)
{
	const struct reuse *param = arg;
	const struct td_row *row;
	struct td_sock sock;
	struct td_answer a;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	/* Children are reported in the order of their creation. */
	if (param->wanted_pid == BEFORE)
		make_child(_metadata, param->wanted_pid, "old");
	make_fillers(_metadata);
	if (param->wanted_pid == AFTER)
		make_child(_metadata, param->wanted_pid, "old");

	dump_half(_metadata, &sock, param->strategy, getpid(), &a);
	EXPECT_EQ(param->wanted_pid == BEFORE,
		  !!td_find_row(&a, param->wanted_pid));
	end_child(_metadata, param->wanted_pid);
	make_child(_metadata, param->wanted_pid, "new");
	dump_rest(_metadata, &sock, &a);

	row = td_find_row(&a, param->wanted_pid);
	EXPECT_EQ(!!param->shown, !!row);
	if (param->shown)
		EXPECT_TRUE(has_name(row, param->shown));
	EXPECT_LE((size_t)FILLERS, a.rows);
	td_answer_free(&a);
}

TEST_F(reused_pid, is_not_taken_for_the_former_task)
{
	run_in_namespace(_metadata, scenario_reuse, &variant->param);
}

/*
 * A process gets the pid of a sender that has exited.  It must not be taken for
 * the sender.  Catches a sender that is identified by its pid.
 */
FIXTURE(reused_pid_of_sender) {
};

FIXTURE_SETUP(reused_pid_of_sender)
{
}

FIXTURE_TEARDOWN(reused_pid_of_sender)
{
}

static void scenario_sender(struct __test_metadata *_metadata, const void *arg)
{
	const struct task_diag_pid all = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL,
	};
	struct td_sock sock;
	pid_t pid;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	make_fillers(_metadata);
	set_next_pid(_metadata, AFTER);
	pid = fork();
	if (!pid)
		_exit(-td_send_request(&sock, &all, NLM_F_DUMP, NULL));
	ASSERT_EQ(AFTER, pid);
	EXPECT_EXIT_0(pid);

	sock.seq++;
	sock.show = all.show_flags;
	set_next_pid(_metadata, AFTER);
	pid = fork();
	if (!pid) {
		struct td_answer a;
		size_t queued;

		td_answer_init(&sock, &a, true);
		EXPECT_EQ(0, td_receive_datagram(&sock, &a, 1));
		queued = a.rows;
		EXPECT_EQ(0, td_receive(&sock, &a));
		EXPECT_EQ(EPERM, a.end.error);
		EXPECT_EQ(queued, a.rows);
		_exit(0);
	}
	ASSERT_EQ(AFTER, pid);
	EXPECT_EXIT_0(pid);
}

TEST_F(reused_pid_of_sender, gets_eperm)
{
	run_in_namespace(_metadata, scenario_sender, NULL);
}

/*
 * Every third of several relatives, the first one included, exits during the
 * dump.  Catches an iterator that continues by position: it would skip a
 * remaining relative for each one that exited.
 */
FIXTURE(exiting_siblings) {
};

FIXTURE_SETUP(exiting_siblings)
{
}

FIXTURE_TEARDOWN(exiting_siblings)
{
}

static bool is_exiting(int nth)
{
	return nth % 3 == 0;
}

/*
 * Check that each relative has a row, except those that exited before the dump
 * reached them.
 */
static void expect_remaining(struct __test_metadata *_metadata,
			     const struct td_answer *a,
			     const pid_t relative[RELATIVES], size_t seen)
{
	size_t exiting = 0;
	int i;

	for (i = 0; i < RELATIVES; i++) {
		if (!is_exiting(i)) {
			EXPECT_NE(NULL, td_find_row(a, relative[i])) {
				TH_LOG("relative %d, %d", i, relative[i]);
			}
		} else if (td_find_row(a, relative[i])) {
			exiting++;
		}
	}
	/* Some of the exited relatives were reported, and some were not. */
	EXPECT_LT(0U, exiting);
	EXPECT_GT(RELATIVES / 3U, exiting);
	EXPECT_LE(seen, a->rows);
}

static void scenario_children(struct __test_metadata *_metadata,
			      const void *arg)
{
	const __u64 *strategy = arg;
	pid_t child[RELATIVES];
	struct td_sock sock;
	struct td_answer a;
	size_t seen;
	int i;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	for (i = 0; i < RELATIVES; i++) {
		child[i] = fork();
		ASSERT_LE(0, child[i]);
		if (!child[i])
			sleep_forever();
	}
	dump_half(_metadata, &sock, *strategy, getpid(), &a);
	seen = a.rows;
	for (i = 0; i < RELATIVES; i++)
		if (is_exiting(i))
			end_child(_metadata, child[i]);
	dump_rest(_metadata, &sock, &a);
	expect_remaining(_metadata, &a, child, seen);
	td_answer_free(&a);
}

TEST_F(exiting_siblings, leave_other_children_in_dump)
{
	const __u64 strategy = TASK_DIAG_DUMP_CHILDREN;

	run_in_namespace(_metadata, scenario_children, &strategy);
}

TEST_F(exiting_siblings, leave_other_processes_in_dump)
{
	const __u64 strategy = TASK_DIAG_DUMP_ALL;

	run_in_namespace(_metadata, scenario_children, &strategy);
}

struct thread_group {
	pid_t thread[RELATIVES];
	int nr;			/* index of the thread that is being started */
	sem_t started;
};

static void *run_group_thread(void *arg)
{
	struct thread_group *thread_group = arg;
	const int nth = thread_group->nr;

	thread_group->thread[nth] = syscall(SYS_gettid);
	sem_post(&thread_group->started);
	if (!is_exiting(nth))
		sleep_forever();
	await_release();
	return NULL;
}

/* A process with threads, of which some exit when released. */
static void run_thread_group(void *arg)
{
	struct thread_group *thread_group = arg;
	pthread_t thread[RELATIVES];
	int i;

	sem_init(&thread_group->started, 0, 0);
	for (i = 0; i < RELATIVES; i++) {
		thread_group->nr = i;
		/* One at a time, so that each thread can read its index. */
		if (pthread_create(&thread[i], NULL, run_group_thread,
				   thread_group))
			_exit(1);
		while (sem_wait(&thread_group->started))
			;
	}
	send_event('r');
	for (i = 0; i < RELATIVES; i++)
		if (is_exiting(i))
			pthread_join(thread[i], NULL);
	send_event('l');
	sleep_forever();
}

static void scenario_threads(struct __test_metadata *_metadata, const void *arg)
{
	struct thread_group *thread_group =
		td_alloc_shared(sizeof(*thread_group));
	struct td_sock sock;
	struct td_answer a;
	size_t seen;
	pid_t pid;

	ASSERT_NE(NULL, thread_group);
	ASSERT_EQ(0, td_open(&sock, BUFFER));
	pid = fork_ready(_metadata, run_thread_group, thread_group);
	dump_half(_metadata, &sock, TASK_DIAG_DUMP_THREAD, pid, &a);
	seen = a.rows;
	release(_metadata, RELATIVES / 3);
	await_event(_metadata, 'l');
	dump_rest(_metadata, &sock, &a);
	EXPECT_NE(NULL, td_find_row(&a, pid));
	expect_remaining(_metadata, &a, thread_group->thread, seen);
	td_answer_free(&a);
}

TEST_F(exiting_siblings, leave_other_threads_in_dump)
{
	run_in_namespace(_metadata, scenario_threads, NULL);
}

/*
 * The queried process exits during the dump.  Catches a dump that ends with an
 * error or too early, or that looks up the process again.
 */
FIXTURE(queried_process) {
};

FIXTURE_SETUP(queried_process)
{
}

FIXTURE_TEARDOWN(queried_process)
{
}

static void run_parent(void *arg)
{
	pid_t *child = arg;
	int i;

	for (i = 0; i < RELATIVES; i++) {
		pid_t pid = fork();

		if (!pid)
			sleep_forever();
		if (pid < 0)
			_exit(1);
		child[i] = pid;
	}
	send_event('r');
	sleep_forever();
}

/* A child that has a new parent stays in the dump, with that parent. */
static void scenario_parent(struct __test_metadata *_metadata, const void *arg)
{
	pid_t *child = td_alloc_shared(RELATIVES * sizeof(*child));
	struct td_sock sock;
	struct td_answer a;
	pid_t parent;
	int i;

	ASSERT_NE(NULL, child);
	ASSERT_EQ(0, td_open(&sock, BUFFER));
	parent = fork_ready(_metadata, run_parent, child);
	dump_half(_metadata, &sock, TASK_DIAG_DUMP_CHILDREN, parent, &a);
	end_child(_metadata, parent);
	dump_rest(_metadata, &sock, &a);

	EXPECT_EQ((size_t)RELATIVES, a.rows);
	for (i = 0; i < RELATIVES; i++)
		EXPECT_NE(NULL, td_find_row(&a, child[i]));
	EXPECT_EQ((__u32)parent, a.row[0].base.ppid);
	EXPECT_EQ(1U, a.row[RELATIVES - 1].base.ppid);
	td_answer_free(&a);
}

TEST_F(queried_process, exiting_keeps_its_children_in_dump)
{
	run_in_namespace(_metadata, scenario_parent, NULL);
}

/* The threads exit with the process, so only the end of the dump remains. */
static void scenario_process(struct __test_metadata *_metadata, const void *arg)
{
	struct thread_group *thread_group =
		td_alloc_shared(sizeof(*thread_group));
	struct td_sock sock;
	struct td_answer a;
	pid_t pid;

	ASSERT_NE(NULL, thread_group);
	ASSERT_EQ(0, td_open(&sock, BUFFER));
	pid = fork_ready(_metadata, run_thread_group, thread_group);
	dump_half(_metadata, &sock, TASK_DIAG_DUMP_THREAD, pid, &a);
	end_child(_metadata, pid);
	dump_rest(_metadata, &sock, &a);
	EXPECT_NE(NULL, td_find_row(&a, pid));
	EXPECT_GT((size_t)RELATIVES, a.rows);
	td_answer_free(&a);
}

TEST_F(queried_process, exiting_with_its_threads_ends_dump)
{
	run_in_namespace(_metadata, scenario_process, NULL);
}

/* One thread calls execve(), and the others end. */
static void *exec_in_group(void *arg)
{
	await_release();
	if (dup2(event_pipe[1], STDOUT_FILENO) >= 0)
		program_run(SLEEP_ROLE, NULL);
	_exit(1);
	return arg;
}

static void run_exec_group(void *arg)
{
	pthread_t thread;
	int i;

	for (i = 0; i < RELATIVES; i++)
		if (pthread_create(&thread, NULL, exec_in_group, NULL))
			_exit(1);
	send_event('r');
	sleep_forever();
}

static void scenario_exec(struct __test_metadata *_metadata, const void *arg)
{
	struct td_sock sock;
	struct td_answer a;
	size_t seen;
	pid_t pid;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	pid = fork_ready(_metadata, run_exec_group, NULL);
	dump_half(_metadata, &sock, TASK_DIAG_DUMP_THREAD, pid, &a);
	seen = a.rows;
	release(_metadata, 1);
	await_event(_metadata, 'p');
	dump_rest(_metadata, &sock, &a);
	EXPECT_NE(NULL, td_find_row(&a, pid));
	/* One more datagram was made when the first one was read. */
	EXPECT_LE(seen, a.rows);
	EXPECT_GE(2 * seen, a.rows);
	td_answer_free(&a);
}

TEST_F(queried_process, calling_execve_ends_dump_of_threads)
{
	run_in_namespace(_metadata, scenario_exec, NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], SLEEP_ROLE)) {
		if (write(STDOUT_FILENO, "p", 1) != 1)
			return 1;
		sleep_forever();
	}
	td_require_family_and_root();
	return test_harness_run(argc, argv);
}
