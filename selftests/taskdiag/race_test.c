// SPDX-License-Identifier: GPL-2.0-only
/*
 * One thing that happens in the middle of a dump, at a place that is known: a
 * second thread executes a program, a number is used again, relatives or the
 * one asked about exit.  Numbers are chosen, in a pid namespace of the test's
 * own, so that what happens lies before or behind the place the dump has come
 * to.  Each test names the implementation that it catches.
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

/* Small datagrams, of two dozen rows. */
#define BUFFER 4096

/* Numbers that the dump has come to when it is half read, and others. */
#define BEFORE 20
#define FILLERS_FROM 100
#define FILLERS 100
#define BEHIND 500

/* Of a family or process that takes several datagrams. */
#define RELATIVES 90

/* What a test is told by those it starts. */
static int said[2];

static void say(char what)
{
	if (write(said[1], &what, 1) != 1)
		_exit(1);
}

static void hear(struct __test_metadata *_metadata, char what)
{
	char heard = 0;

	ASSERT_EQ(1, read(said[0], &heard, 1));
	ASSERT_EQ(what, heard);
}

/* What they wait for to go on: a byte each. */
static int held[2];

static void wait_to_go_on(void)
{
	char byte;

	while (read(held[0], &byte, 1) < 0 && errno == EINTR)
		;
}

static void let_go(struct __test_metadata *_metadata, int how_many)
{
	while (how_many--)
		ASSERT_EQ(1, write(held[1], "", 1));
}

static void stay(void)
{
	for (;;)
		pause();
}

/* The role of a program that has been executed. */
#define STAY "--stay"

/* Have the next process or thread be @pid. */
static void next_is(struct __test_metadata *_metadata, pid_t pid)
{
	ASSERT_EQ(0, namespace_next_pid(pid));
}

/* Begin @play in a pid namespace of its own, as its first process. */
static void in_namespace(struct __test_metadata *_metadata,
			 void (*play)(struct __test_metadata *, const void *),
			 const void *variant)
{
	pid_t pid;

	ASSERT_EQ(0, pipe2(said, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(held, O_CLOEXEC));
	pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
	ASSERT_LE(0, pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ASSERT_EQ(0, namespace_mount_procfs());
		play(_metadata, variant);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(said[0]);
	close(said[1]);
	close(held[0]);
	close(held[1]);
}

/* Processes for a dump to be in the middle of. */
static void make_fillers(struct __test_metadata *_metadata)
{
	int i;

	next_is(_metadata, FILLERS_FROM);
	for (i = 0; i < FILLERS; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			stay();
	}
}

/* A child that is what @be makes of it, once it says that it is ready. */
static pid_t make_ready(struct __test_metadata *_metadata,
			void (*be)(void *arg), void *arg)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		be(arg);
	hear(_metadata, 'r');
	return pid;
}

/* A dump of which two datagrams have been made, and one has been read. */
static void dump_half(struct __test_metadata *_metadata, struct td_sock *sock,
		      __u64 strategy, pid_t pid, struct td_answer *a)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = strategy,
		.pid = pid,
	};

	ASSERT_EQ(0, td_ask(sock, &what, NLM_F_DUMP, NULL));
	td_expect(sock, a, true);
	ASSERT_EQ(0, td_receive_some(sock, a, 1));
	ASSERT_EQ(0, (int)a->end.type);
	ASSERT_LT(0U, a->rows);
}

static void dump_rest(struct __test_metadata *_metadata, struct td_sock *sock,
		      struct td_answer *a)
{
	struct idset pids = {};

	ASSERT_EQ(0, td_receive(sock, a));
	ASSERT_GOOD(a);
	EXPECT_EQ(0, view_of(a, &pids));
	idset_free(&pids);
}

static bool named(const struct td_row *row, const char *name)
{
	return row && !strcmp(row->base.comm, name);
}

/*
 * A second thread of a process executes a program, and takes its leader's
 * number over.  Catches a walk that goes on from a task that it has kept.
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

static void *execute(void *arg)
{
	say('t');
	wait_to_go_on();
	/* Where the program is to say that it runs. */
	if (dup2(said[1], STDOUT_FILENO) >= 0)
		program_run(STAY, NULL);
	_exit(1);
	return arg;
}

/* Which numbers the two have, and what is asked meanwhile. */
struct thread_exec {
	__u64 strategy;
	pid_t leader;
	pid_t thread;
};

/* A process with a thread that will execute a program. */
static void be_executor(pid_t thread_number)
{
	pthread_t thread;

	prctl(PR_SET_NAME, "executor");
	if (namespace_next_pid(thread_number) ||
	    pthread_create(&thread, NULL, execute, NULL))
		_exit(1);
	stay();
}

static void play_thread_exec(struct __test_metadata *_metadata,
			     const void *arg)
{
	const struct thread_exec *is = arg;
	const bool leads = is->strategy == TASK_DIAG_DUMP_ALL;
	const struct td_row *row;
	struct td_sock sock;
	struct td_answer a;
	pid_t pid;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	next_is(_metadata, is->leader);
	pid = fork();
	if (!pid)
		be_executor(is->thread);
	ASSERT_EQ(is->leader, pid);
	hear(_metadata, 't');
	make_fillers(_metadata);

	dump_half(_metadata, &sock, is->strategy, 0, &a);
	/* The places are where they should be. */
	EXPECT_EQ(is->leader == BEFORE, !!td_find(&a, is->leader));
	EXPECT_EQ(!leads && is->thread < FILLERS_FROM,
		  !!td_find(&a, is->thread));
	let_go(_metadata, 1);
	hear(_metadata, 'p');
	dump_rest(_metadata, &sock, &a);

	/* The process is there once, as what it was when it was come to. */
	row = td_find(&a, is->leader);
	ASSERT_NE(NULL, row);
	EXPECT_EQ(is->leader, (pid_t)row->msg.tgid);
	EXPECT_EQ(is->leader == BEFORE, named(row, "executor"));
	EXPECT_EQ(!leads && is->thread < FILLERS_FROM,
		  !!td_find(&a, is->thread));
	EXPECT_LE(FILLERS + 2U, a.rows);
	td_answer_free(&a);
}

TEST_F(thread_exec, both_before_leave_one_process)
{
	const struct thread_exec is = { variant->strategy, BEFORE, BEFORE + 1 };

	in_namespace(_metadata, play_thread_exec, &is);
}

TEST_F(thread_exec, both_behind_leave_one_process)
{
	const struct thread_exec is = { variant->strategy, BEHIND, BEHIND + 1 };

	in_namespace(_metadata, play_thread_exec, &is);
}

TEST_F(thread_exec, leader_before_leaves_one_process)
{
	const struct thread_exec is = { variant->strategy, BEFORE, BEHIND };

	in_namespace(_metadata, play_thread_exec, &is);
}

TEST_F(thread_exec, leader_behind_leaves_one_process)
{
	const struct thread_exec is = { variant->strategy, BEHIND, BEFORE };

	in_namespace(_metadata, play_thread_exec, &is);
}

/*
 * A number that is used again.  Catches relatives that are kept as numbers: a
 * stranger would be among them.
 */
FIXTURE(reuse) {
};

struct reuse {
	__u64 strategy;
	pid_t number;
	const char *shown;	/* under that number in the end, NULL for nobody */
};

FIXTURE_VARIANT(reuse) {
	struct reuse is;
};

FIXTURE_VARIANT_ADD(reuse, all_before) {
	.is.strategy = TASK_DIAG_DUMP_ALL, .is.number = BEFORE, .is.shown = "old",
};

FIXTURE_VARIANT_ADD(reuse, all_behind) {
	.is.strategy = TASK_DIAG_DUMP_ALL, .is.number = BEHIND, .is.shown = "new",
};

FIXTURE_VARIANT_ADD(reuse, all_thread_before) {
	.is.strategy = TASK_DIAG_DUMP_ALL_THREAD, .is.number = BEFORE,
	.is.shown = "old",
};

FIXTURE_VARIANT_ADD(reuse, all_thread_behind) {
	.is.strategy = TASK_DIAG_DUMP_ALL_THREAD, .is.number = BEHIND,
	.is.shown = "new",
};

/* The relatives of the moment of the request: the new one is none of them. */
FIXTURE_VARIANT_ADD(reuse, children_behind) {
	.is.strategy = TASK_DIAG_DUMP_CHILDREN, .is.number = BEHIND,
};

FIXTURE_SETUP(reuse)
{
}

FIXTURE_TEARDOWN(reuse)
{
}

/* A child of ours that is called @name and has that number. */
static void make_child(struct __test_metadata *_metadata, pid_t number,
		       const char *name)
{
	pid_t pid;

	next_is(_metadata, number);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NAME, name);
		say('c');
		stay();
	}
	ASSERT_EQ(number, pid);
	hear(_metadata, 'c');
}

static void end_child(struct __test_metadata *_metadata, pid_t pid)
{
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}

static void play_reuse(struct __test_metadata *_metadata, const void *arg)
{
	const struct reuse *is = arg;
	const struct td_row *row;
	struct td_sock sock;
	struct td_answer a;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	/* Children come in the order they were made in. */
	if (is->number == BEFORE)
		make_child(_metadata, is->number, "old");
	make_fillers(_metadata);
	if (is->number == BEHIND)
		make_child(_metadata, is->number, "old");

	dump_half(_metadata, &sock, is->strategy, getpid(), &a);
	EXPECT_EQ(is->number == BEFORE, !!td_find(&a, is->number));
	end_child(_metadata, is->number);
	make_child(_metadata, is->number, "new");
	dump_rest(_metadata, &sock, &a);

	row = td_find(&a, is->number);
	EXPECT_EQ(!!is->shown, !!row);
	if (is->shown)
		EXPECT_TRUE(named(row, is->shown));
	EXPECT_LE((size_t)FILLERS, a.rows);
	td_answer_free(&a);
}

TEST_F(reuse, of_a_number_makes_no_other_of_a_task)
{
	in_namespace(_metadata, play_reuse, &variant->is);
}

/*
 * The same of the one who asks: a process that gets the number of one that has
 * asked and exited is not the one who asked.  Catches an asker that is known by
 * its number.
 */
FIXTURE(asker) {
};

FIXTURE_SETUP(asker)
{
}

FIXTURE_TEARDOWN(asker)
{
}

static void play_asker(struct __test_metadata *_metadata, const void *arg)
{
	const struct task_diag_pid all = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL,
	};
	struct td_sock sock;
	pid_t pid;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	make_fillers(_metadata);
	next_is(_metadata, BEHIND);
	pid = fork();
	if (!pid)
		_exit(-td_ask(&sock, &all, NLM_F_DUMP, NULL));
	ASSERT_EQ(BEHIND, pid);
	EXPECT_EXIT_0(pid);

	sock.seq++;
	sock.show = all.show_flags;
	next_is(_metadata, BEHIND);
	pid = fork();
	if (!pid) {
		struct td_answer a;
		size_t queued;

		td_expect(&sock, &a, true);
		EXPECT_EQ(0, td_receive_some(&sock, &a, 1));
		queued = a.rows;
		EXPECT_EQ(0, td_receive(&sock, &a));
		EXPECT_EQ(EPERM, a.end.error);
		EXPECT_EQ(queued, a.rows);
		_exit(0);
	}
	ASSERT_EQ(BEHIND, pid);
	EXPECT_EXIT_0(pid);
}

TEST_F(asker, is_more_than_a_number)
{
	in_namespace(_metadata, play_asker, NULL);
}

/*
 * Relatives, of whom every third, the first among them, exits in the middle.
 * Catches a walk by position: for each that has gone it misses one who stays.
 */
FIXTURE(siblings) {
};

FIXTURE_SETUP(siblings)
{
}

FIXTURE_TEARDOWN(siblings)
{
}

static bool is_leaving(int nth)
{
	return nth % 3 == 0;
}

/* Every row, but for those who have left and were not come to before. */
static void expect_those_who_stay(struct __test_metadata *_metadata,
				  const struct td_answer *a,
				  const pid_t relative[RELATIVES], size_t seen)
{
	size_t leaving = 0;
	int i;

	for (i = 0; i < RELATIVES; i++) {
		if (!is_leaving(i)) {
			EXPECT_NE(NULL, td_find(a, relative[i])) {
				TH_LOG("relative %d, %d", i, relative[i]);
			}
		} else if (td_find(a, relative[i])) {
			leaving++;
		}
	}
	/* They were there while they were, and some had gone. */
	EXPECT_LT(0U, leaving);
	EXPECT_GT(RELATIVES / 3U, leaving);
	EXPECT_LE(seen, a->rows);
}

static void play_children(struct __test_metadata *_metadata, const void *arg)
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
			stay();
	}
	dump_half(_metadata, &sock, *strategy, getpid(), &a);
	seen = a.rows;
	for (i = 0; i < RELATIVES; i++)
		if (is_leaving(i))
			end_child(_metadata, child[i]);
	dump_rest(_metadata, &sock, &a);
	expect_those_who_stay(_metadata, &a, child, seen);
	td_answer_free(&a);
}

TEST_F(siblings, who_exit_take_no_child_with_them)
{
	const __u64 strategy = TASK_DIAG_DUMP_CHILDREN;

	in_namespace(_metadata, play_children, &strategy);
}

TEST_F(siblings, who_exit_take_no_process_with_them)
{
	const __u64 strategy = TASK_DIAG_DUMP_ALL;

	in_namespace(_metadata, play_children, &strategy);
}

struct crowd {
	pid_t thread[RELATIVES];
	int nr;			/* of the one that is being started */
	sem_t started;
};

static void *be_one_of_a_crowd(void *arg)
{
	struct crowd *crowd = arg;
	const int nth = crowd->nr;

	crowd->thread[nth] = syscall(SYS_gettid);
	sem_post(&crowd->started);
	if (!is_leaving(nth))
		stay();
	wait_to_go_on();
	return NULL;
}

/* A process and its threads, of which some leave when they may. */
static void be_crowd(void *arg)
{
	struct crowd *crowd = arg;
	pthread_t thread[RELATIVES];
	int i;

	sem_init(&crowd->started, 0, 0);
	for (i = 0; i < RELATIVES; i++) {
		crowd->nr = i;
		/* One at a time, so that their number is theirs to read. */
		if (pthread_create(&thread[i], NULL, be_one_of_a_crowd, crowd))
			_exit(1);
		while (sem_wait(&crowd->started))
			;
	}
	say('r');
	for (i = 0; i < RELATIVES; i++)
		if (is_leaving(i))
			pthread_join(thread[i], NULL);
	say('l');
	stay();
}

static void play_threads(struct __test_metadata *_metadata, const void *arg)
{
	struct crowd *crowd = td_share(sizeof(*crowd));
	struct td_sock sock;
	struct td_answer a;
	size_t seen;
	pid_t pid;

	ASSERT_NE(NULL, crowd);
	ASSERT_EQ(0, td_open(&sock, BUFFER));
	pid = make_ready(_metadata, be_crowd, crowd);
	dump_half(_metadata, &sock, TASK_DIAG_DUMP_THREAD, pid, &a);
	seen = a.rows;
	let_go(_metadata, RELATIVES / 3);
	hear(_metadata, 'l');
	dump_rest(_metadata, &sock, &a);
	EXPECT_NE(NULL, td_find(&a, pid));
	expect_those_who_stay(_metadata, &a, crowd->thread, seen);
	td_answer_free(&a);
}

TEST_F(siblings, who_exit_take_no_thread_with_them)
{
	in_namespace(_metadata, play_threads, NULL);
}

/*
 * The one asked about exits in the middle.  Catches a dump that ends in an
 * error or early, or that looks the process up again.
 */
FIXTURE(asked_for) {
};

FIXTURE_SETUP(asked_for)
{
}

FIXTURE_TEARDOWN(asked_for)
{
}

static void be_parent(void *arg)
{
	pid_t *child = arg;
	int i;

	for (i = 0; i < RELATIVES; i++) {
		pid_t pid = fork();

		if (!pid)
			stay();
		if (pid < 0)
			_exit(1);
		child[i] = pid;
	}
	say('r');
	stay();
}

/* A child that has been adopted stays in the dump, with its new parent. */
static void play_parent(struct __test_metadata *_metadata, const void *arg)
{
	pid_t *child = td_share(RELATIVES * sizeof(*child));
	struct td_sock sock;
	struct td_answer a;
	pid_t parent;
	int i;

	ASSERT_NE(NULL, child);
	ASSERT_EQ(0, td_open(&sock, BUFFER));
	parent = make_ready(_metadata, be_parent, child);
	dump_half(_metadata, &sock, TASK_DIAG_DUMP_CHILDREN, parent, &a);
	end_child(_metadata, parent);
	dump_rest(_metadata, &sock, &a);

	EXPECT_EQ((size_t)RELATIVES, a.rows);
	for (i = 0; i < RELATIVES; i++)
		EXPECT_NE(NULL, td_find(&a, child[i]));
	EXPECT_EQ((__u32)parent, a.row[0].base.ppid);
	EXPECT_EQ(1U, a.row[RELATIVES - 1].base.ppid);
	td_answer_free(&a);
}

TEST_F(asked_for, may_exit_and_leave_children)
{
	in_namespace(_metadata, play_parent, NULL);
}

/* Threads go with it: what is left of the dump is its end. */
static void play_process(struct __test_metadata *_metadata, const void *arg)
{
	struct crowd *crowd = td_share(sizeof(*crowd));
	struct td_sock sock;
	struct td_answer a;
	pid_t pid;

	ASSERT_NE(NULL, crowd);
	ASSERT_EQ(0, td_open(&sock, BUFFER));
	pid = make_ready(_metadata, be_crowd, crowd);
	dump_half(_metadata, &sock, TASK_DIAG_DUMP_THREAD, pid, &a);
	end_child(_metadata, pid);
	dump_rest(_metadata, &sock, &a);
	EXPECT_NE(NULL, td_find(&a, pid));
	EXPECT_GT((size_t)RELATIVES, a.rows);
	td_answer_free(&a);
}

TEST_F(asked_for, may_exit_with_all_its_threads)
{
	in_namespace(_metadata, play_process, NULL);
}

/* One of the threads executes a program: the process is what is left of it. */
static void *execute_in_crowd(void *arg)
{
	wait_to_go_on();
	if (dup2(said[1], STDOUT_FILENO) >= 0)
		program_run(STAY, NULL);
	_exit(1);
	return arg;
}

static void be_crowd_that_executes(void *arg)
{
	pthread_t thread;
	int i;

	for (i = 0; i < RELATIVES; i++)
		if (pthread_create(&thread, NULL, execute_in_crowd, NULL))
			_exit(1);
	say('r');
	stay();
}

static void play_program(struct __test_metadata *_metadata, const void *arg)
{
	struct td_sock sock;
	struct td_answer a;
	size_t seen;
	pid_t pid;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	pid = make_ready(_metadata, be_crowd_that_executes, NULL);
	dump_half(_metadata, &sock, TASK_DIAG_DUMP_THREAD, pid, &a);
	seen = a.rows;
	let_go(_metadata, 1);
	hear(_metadata, 'p');
	dump_rest(_metadata, &sock, &a);
	EXPECT_NE(NULL, td_find(&a, pid));
	/* One more datagram had been made when the first was read. */
	EXPECT_LE(seen, a.rows);
	EXPECT_GE(2 * seen, a.rows);
	td_answer_free(&a);
}

TEST_F(asked_for, may_go_on_as_another_program)
{
	in_namespace(_metadata, play_program, NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], STAY)) {
		if (write(STDOUT_FILENO, "p", 1) != 1)
			return 1;
		stay();
	}
	td_need_kernel_and_root();
	return test_harness_run(argc, argv);
}
