// SPDX-License-Identifier: GPL-2.0-only
/*
 * DESCENDANTS: the complete tree below a process, each task once, parents
 * before children; also while the tree changes, and without the branches below
 * a task that the caller may not see.
 */
#include <sched.h>
#include <sys/prctl.h>

#include "lib/fork_storm.h"
#include "lib/namespace.h"
#include "lib/procfs.h"
#include "lib/procfs_mount.h"
#include "lib/special_task.h"
#include "lib/taskdiag_test.h"
#include "lib/users.h"
#include "lib/visible_pids.h"

#define DEPTH 60
#define WIDTH 40
#define STORM_PIDS 400
#define STORM_DUMPS 400

/* --- special tasks -------------------------------------------------------- */

/*
 * Sleep until the parent or the whole tree ends.  A child of another user's
 * process gets no parent-death signal.
 */
static void sleep_until_end(void)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(STDIN_FILENO, &byte, 1) == 1)
		;
	_exit(0);
}

/*
 * Fork a child that runs @setup and then sleeps.  Return when the child and all
 * tasks below it are ready.
 */
static int fork_child(int (*setup)(void *arg), void *arg)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		close(ready[0]);
		if (setup && setup(arg))
			_exit(1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		close(ready[1]);
		sleep_until_end();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		return -ECHILD;
	close(ready[0]);
	return 0;
}

static int make_chain(void *arg)
{
	const size_t depth = (size_t)arg;

	return depth ? fork_child(make_chain, (void *)(depth - 1)) : 0;
}

static int make_siblings(void *arg)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < (size_t)arg; i++)
		err = fork_child(NULL, NULL);
	return err;
}

/* Three children per level; the lowest level has a zombie each. */
static int make_nested(void *arg)
{
	const size_t depth = (size_t)arg;
	size_t i;
	int err = 0;

	for (i = 0; !err && depth && i < 3; i++)
		err = fork_child(make_nested, (void *)(depth - 1));
	if (!err && depth == 1) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		err = pid < 0 ? -errno : 0;
	}
	return err;
}

static int assume(const struct credentials *creds)
{
	const char *step;

	return credentials_assume(creds, &step);
}

static int become_user_with_children(void *arg)
{
	return assume(&user) ?: make_siblings((void *)2);
}

static int become_other_user(void *arg)
{
	return assume(&other_user);
}

/*
 * Tree: root, a child of the user, a process of the other user, grandchildren
 * of the user.
 */
static int make_hidden_middle(void *arg)
{
	/* Fork as root, and change to the other user afterwards. */
	return fork_child(become_user_with_children, NULL) ?:
	       assume(&other_user);
}

static int make_hidden(void *arg)
{
	return fork_child(become_user_with_children, NULL) ?:
	       fork_child(make_hidden_middle, NULL) ?:
	       fork_child(become_other_user, NULL) ?: assume(&user);
}

enum tree { CHAIN, SIBLINGS, NESTED, HIDDEN, TREES };

static struct special_task trees[TREES];
static struct task_pool pool;
static pid_t family;			/* all of its threads have children */
static pid_t leader_gone;

static int make_pool(void)
{
	static const struct {
		special_task_setup make;
		size_t arg;
	} makes[] = {
		[CHAIN] = { make_chain, DEPTH },
		[SIBLINGS] = { make_siblings, WIDTH },
		[NESTED] = { make_nested, 4 },
		[HIDDEN] = { make_hidden, 0 },
	};
	static const struct task_spec specs[] = {
		{ .name = "family", .threads = 3, .children = 10 },
		{
			.name = "leader exited", .state = POOL_LEADER_EXITED,
			.threads = 2, .children = 5,
		},
		{ .name = "zombie", .state = POOL_ZOMBIE },
	};
	size_t i;
	int err;

	err = procfs_hide_others() ?: task_pool_begin(&pool);
	err = err ?: task_pool_add_all(&pool, specs, ARRAY_SIZE(specs), 1);
	for (i = 0; !err && i < TREES; i++) {
		err = special_task_begin(&trees[i], makes[i].make,
					 (void *)makes[i].arg);
		if (err)
			snprintf(pool.error, sizeof(pool.error), "tree %zu: %s",
				 i, trees[i].error);
	}
	if (err)
		return err;
	family = pool.task[0].pid;
	leader_gone = pool.task[1].pid;
	return task_pool_settle(&pool);
}

static void end_pool(void)
{
	size_t i;

	for (i = 0; i < TREES; i++)
		special_task_end(&trees[i]);
	task_pool_end(&pool);
}

/* Collect the descendants of @pid from procfs, recursively. */
static int descendants(int proc, pid_t pid, struct pid_set *pids)
{
	struct pid_set children = {};
	size_t i;
	int err;

	err = procfs_children(proc, pid, &children);
	for (i = 0; !err && i < children.nr; i++)
		err = pid_set_add(pids, children.id[i]) ?:
		      descendants(proc, children.id[i], pids);
	pid_set_free(&children);
	/* A zombie without threads has no children and no list of them. */
	return err == -ENOENT || err == -ESRCH ? 0 : err;
}

FIXTURE(descendants) {
	struct td_sock sock;
	int proc;
};

FIXTURE_VARIANT(descendants) {
	size_t size;		/* of the receive buffer */
};

FIXTURE_VARIANT_ADD(descendants, buffer_32_kib) {
	.size = TD_LARGE,
};

FIXTURE_VARIANT_ADD(descendants, buffer_8_kib) {
	.size = TD_SMALL,
};

FIXTURE_SETUP(descendants)
{
	ASSERT_EQ(0, td_open(&self->sock, variant->size));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(descendants)
{
	close(self->proc);
	td_close(&self->sock);
}

static void query_descendants(struct __test_metadata *_metadata,
			      struct td_sock *sock, pid_t pid,
			      struct td_answer *a)
{
	td_dump(_metadata, sock, TD_BASE_CRED, TASK_DIAG_DUMP_DESCENDANTS,
		pid, a);
}

/*
 * Check that the parent of each row came before; the first rows have parent
 * @root.
 */
static void expect_parents_first(struct __test_metadata *_metadata,
				 const struct td_answer *a, pid_t root)
{
	struct pid_set before = {};
	size_t i;

	ASSERT_EQ(0, pid_set_add(&before, root));
	for (i = 0; i < a->rows; i++) {
		const struct td_row *row = &a->row[i];

		EXPECT_TRUE(pid_set_has(&before, row->base.ppid)) {
			TH_LOG("process %u comes before its parent %u",
			       row->base.pid, row->base.ppid);
		}
		EXPECT_EQ(row->msg.pid, row->msg.tgid);
		ASSERT_EQ(0, pid_set_add(&before, row->base.pid));
	}
	/* No task has two rows, and the root has none. */
	EXPECT_EQ(a->rows + 1, before.nr);
	pid_set_free(&before);
}

static void expect_tree(struct __test_metadata *_metadata,
			struct td_sock *sock, int proc, pid_t pid,
			size_t expected_nr)
{
	struct pid_set expected = {}, reported = {};
	struct td_answer a;
	char text[200];

	ASSERT_EQ(0, descendants(proc, pid, &expected));
	query_descendants(_metadata, sock, pid, &a);
	ASSERT_EQ(0, visible_pids_in(&a, &reported));
	EXPECT_TRUE(pid_set_equal(&expected, &reported)) {
		pid_set_difference(&expected, &reported, text, sizeof(text));
		TH_LOG("not in the dump:%s", text);
		pid_set_difference(&reported, &expected, text, sizeof(text));
		TH_LOG("not in procfs:%s", text);
	}
	EXPECT_EQ(expected_nr, reported.nr);
	expect_parents_first(_metadata, &a, pid);
	pid_set_free(&expected);
	pid_set_free(&reported);
	td_answer_free(&a);
}

TEST_F(descendants, trees_of_all_shapes_are_complete)
{
	/* 3 + 9 + 27 + 81 processes, and a zombie below each of the 27. */
	const size_t nested = 3 + 9 + 27 + 81 + 27;

	expect_tree(_metadata, &self->sock, self->proc, trees[CHAIN].pid,
		    DEPTH);
	expect_tree(_metadata, &self->sock, self->proc, trees[SIBLINGS].pid,
		    WIDTH);
	expect_tree(_metadata, &self->sock, self->proc, trees[NESTED].pid,
		    nested);
}

TEST_F(descendants, children_of_all_threads_are_reported)
{
	expect_tree(_metadata, &self->sock, self->proc, family, 10);
	expect_tree(_metadata, &self->sock, self->proc, leader_gone, 5);
	expect_tree(_metadata, &self->sock, self->proc, pool.task[2].pid, 0);
}

/* A tid selects the process of the thread. */
TEST_F(descendants, tid_stands_for_its_process)
{
	struct pid_set tids = {};
	struct td_answer a;

	ASSERT_EQ(0, procfs_threads(self->proc, family, &tids));
	ASSERT_EQ(4U, tids.nr);
	query_descendants(_metadata, &self->sock, tids.id[2], &a);
	EXPECT_EQ(10U, a.rows);
	td_answer_free(&a);
	pid_set_free(&tids);
}

/* All processes descend from init or kthreadd. */
TEST_F(descendants, init_and_kthreadd_have_all_processes)
{
	const struct task_diag_pid all_processes = { .show_flags =
							     TD_BASE_CRED };
	struct td_answer all, user_side, kernel_side;

	query_descendants(_metadata, &self->sock, 1, &user_side);
	query_descendants(_metadata, &self->sock, 2, &kernel_side);
	ASSERT_EQ(0, td_query(&self->sock, &all_processes, NLM_F_DUMP, &all));
	ASSERT_SUCCESS(&all);
	EXPECT_LE(all.rows, user_side.rows + kernel_side.rows + 2 + 2);
	EXPECT_GE(all.rows + 2, user_side.rows + kernel_side.rows + 2);
	EXPECT_LT(3U, kernel_side.rows);
	expect_parents_first(_metadata, &user_side, 1);
	td_answer_free(&all);
	td_answer_free(&user_side);
	td_answer_free(&kernel_side);
}

TEST_F(descendants, unused_pid_gets_esrch)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_DESCENDANTS,
		.pid = td_unused_pid(),
	};
	const struct task_diag_pid none = {
		.dump_strategy = TASK_DIAG_DUMP_DESCENDANTS,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_STREQ("", a.fault);
	EXPECT_EQ(ESRCH, a.end.error);
	EXPECT_EXTACK_TEXT(&a, "pid: ");
	td_answer_free(&a);
	ASSERT_EQ(0, td_query(&self->sock, &none, NLM_F_DUMP, &a));
	ASSERT_STREQ("", a.fault);
	EXPECT_EQ(EINVAL, a.end.error);
	EXPECT_EXTACK_TEXT(&a, "pid: ");
	td_answer_free(&a);
}

/*
 * A user sees, of its own process, the tasks that are reachable through visible
 * tasks: the first child and its two children.
 */
TEST_F(descendants, hidden_process_ends_its_branch)
{
	const pid_t root = trees[HIDDEN].pid;
	pid_t child;

	/*
	 * 3 children, 2 of the first child, 1 of the hidden child, and 2 of
	 * that one.
	 */
	expect_tree(_metadata, &self->sock, self->proc, root, 3 + 2 + 1 + 2);

	child = td_fork_as(_metadata, &user);
	if (!child) {
		struct td_sock sock;
		struct td_answer a;

		ASSERT_EQ(0, td_open(&sock, variant->size));
		query_descendants(_metadata, &sock, root, &a);
		EXPECT_EQ(3U, a.rows);
		EXPECT_TRUE(rows_only_of(&a, USER, 0));
		expect_parents_first(_metadata, &a, root);
		td_answer_free(&a);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/* A query for a hidden task must equal a query for an unused pid. */
TEST_F(descendants, hidden_pid_gets_same_error_as_unused_pid)
{
	pid_t child = td_fork_as(_metadata, &user);

	if (!child) {
		const pid_t pids[] = { trees[SIBLINGS].pid, td_unused_pid(),
				       1 };
		struct td_end ends[ARRAY_SIZE(pids)];
		struct td_sock sock;
		size_t i;

		memset(ends, 0, sizeof(ends));
		ASSERT_EQ(0, td_open(&sock, variant->size));
		for (i = 0; i < ARRAY_SIZE(pids); i++) {
			const struct task_diag_pid query = {
				.show_flags = TD_BASE_CRED,
				.dump_strategy = TASK_DIAG_DUMP_DESCENDANTS,
				.pid = pids[i],
			};
			struct td_answer a;

			ASSERT_EQ(0, td_query(&sock, &query, NLM_F_DUMP, &a));
			ASSERT_STREQ("", a.fault);
			EXPECT_EQ(ESRCH, a.end.error);
			ends[i] = a.end;
			td_answer_free(&a);
			EXPECT_EQ(0, memcmp(&ends[0], &ends[i],
					    sizeof(ends[0])));
		}
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/* Only the branches in the pid namespace of the request have pids. */
TEST_F(descendants, pid_namespace_hides_outside_branches)
{
	struct td_answer a;
	pid_t init;

	/*
	 * The file has the pid namespace of its mount; proc_test covers that.
	 */
	if (td_use_file)
		SKIP(return, "the file uses the pid namespace of its mount");

	init = namespace_begin(0, 5, NULL, NULL);
	ASSERT_LT(0, init);
	query_descendants(_metadata, &self->sock, init, &a);
	EXPECT_EQ(5U, a.rows);
	td_answer_free(&a);
	/* Inside the namespace, the init process has pid 1. */
	{
		const struct ucred as = { .pid = init };
		const struct task_diag_pid query = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = TASK_DIAG_DUMP_DESCENDANTS,
			.pid = 1,
		};

		ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_DUMP,
					     &as));
		td_answer_init(&self->sock, &a, true);
		ASSERT_EQ(0, td_receive(&self->sock, &a));
		ASSERT_SUCCESS(&a);
		EXPECT_EQ(5U, a.rows);
		expect_parents_first(_metadata, &a, 1);
		td_answer_free(&a);
	}
	namespace_end(init);
}

/* A branch that ends during the dump is left out; all others are complete. */
TEST_F(descendants, ending_branch_leaves_other_branches_complete)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_DESCENDANTS,
		.pid = getpid(),
	};
	struct special_task chain, row;
	struct pid_set stable = {};
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, special_task_begin(&chain, make_chain, (void *)DEPTH));
	ASSERT_EQ(0,
		  special_task_begin(&row, make_siblings, (void *)(4 * WIDTH)));
	ASSERT_EQ(0, descendants(self->proc, row.pid, &stable));
	ASSERT_EQ(4U * WIDTH, stable.nr);
	ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a, true);
	ASSERT_EQ(0, td_receive_datagram(&self->sock, &a, 1));
	special_task_end(&chain);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_SUCCESS(&a);
	for (i = 0; i < stable.nr; i++)
		EXPECT_NE(NULL, td_find_row(&a, stable.id[i]));
	td_answer_free(&a);
	special_task_end(&row);
	pid_set_free(&stable);
}

/* Processes with one child each; shared with all of them. */
#define MIDDLES 150

struct branches {
	int ready;
	pid_t middle[MIDDLES];
	pid_t child[MIDDLES];
};

static void sleep_forever(void)
{
	for (;;)
		pause();
}

static void run_middle(struct branches *b, int nr)
{
	pid_t pid = fork();

	if (!pid)
		sleep_forever();
	b->middle[nr] = getpid();
	b->child[nr] = pid;
	__atomic_add_fetch(&b->ready, 1, __ATOMIC_SEQ_CST);
	sleep_forever();
}

/* The root ignores SIGCHLD, so its children are reaped as soon as they end. */
static void run_root(struct branches *b)
{
	int i;

	signal(SIGCHLD, SIG_IGN);
	for (i = 0; i < MIDDLES; i++)
		if (!fork())
			run_middle(b, i);
	sleep_forever();
}

/*
 * The tree is that of the time of the request.  Catches a parent that is looked
 * up when the row of its child is made.
 */
TEST_F(descendants, child_of_exited_process_is_reported)
{
	struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_DESCENDANTS,
	};
	struct branches *b = td_alloc_shared(sizeof(*b));
	struct td_answer a;
	size_t missing = 0;
	pid_t root;
	int i;

	ASSERT_NE(NULL, b);
	/* This process becomes the parent of orphaned descendants. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	root = fork();
	ASSERT_LE(0, root);
	if (!root)
		run_root(b);
	while (__atomic_load_n(&b->ready, __ATOMIC_SEQ_CST) < MIDDLES)
		usleep(1000);

	query.pid = root;
	ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_DUMP, NULL));
	td_answer_init(&self->sock, &a, true);
	for (i = 0; i < MIDDLES; i++)
		kill(b->middle[i], SIGKILL);
	for (i = 0; i < MIDDLES; i++)
		while (!kill(b->middle[i], 0))
			usleep(1000);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_SUCCESS(&a);
	/* The test shows nothing if the request has made all rows. */
	if (variant->size == TD_SMALL)
		EXPECT_GT(MIDDLES + MIDDLES / 2U, a.rows);
	for (i = 0; i < MIDDLES; i++)
		missing += !td_find_row(&a, b->child[i]);
	EXPECT_EQ(0U, missing);
	td_answer_free(&a);

	kill(root, SIGKILL);
	for (i = 0; i < MIDDLES; i++)
		kill(b->child[i], SIGKILL);
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

/*
 * During a fork storm each task that stays is reported once, after its parent,
 * in every dump.
 */
static void dump_in_storm(struct __test_metadata *_metadata)
{
	struct special_task nested;
	struct pid_set stable = {};
	struct fork_storm storm;
	struct td_sock sock;
	size_t i, j;
	int proc;

	ASSERT_EQ(0, namespace_mount_procfs());
	proc = procfs_open();
	ASSERT_EQ(0, special_task_begin(&nested, make_nested, (void *)3));
	ASSERT_EQ(0, descendants(proc, nested.pid, &stable));
	ASSERT_EQ(0, fork_storm_begin(&storm, STORM_PIDS));
	ASSERT_EQ(0, td_open(&sock, TD_SMALL));
	/* Continue until every worker of the storm has run. */
	for (i = 0;
	     i < STORM_DUMPS || fork_storm_idle_worker(&storm) < STORM_WORKERS;
	     i++) {
		struct pid_set reported = {};
		struct td_answer a;

		query_descendants(_metadata, &sock, 1, &a);
		/* visible_pids_in() fails if a pid occurs twice. */
		ASSERT_EQ(0, visible_pids_in(&a, &reported));
		for (j = 0; j < stable.nr; j++)
			EXPECT_TRUE(pid_set_has(&reported, stable.id[j]));
		pid_set_free(&reported);
		td_answer_free(&a);

		query_descendants(_metadata, &sock, nested.pid, &a);
		ASSERT_EQ(0, visible_pids_in(&a, &reported));
		EXPECT_TRUE(pid_set_equal(&stable, &reported));
		expect_parents_first(_metadata, &a, nested.pid);
		pid_set_free(&reported);
		td_answer_free(&a);
	}
	fork_storm_end(&storm);
	td_close(&sock);
	special_task_end(&nested);
	pid_set_free(&stable);
	close(proc);
}

FIXTURE(fork_storm) {
	pid_t root;
};

FIXTURE_SETUP(fork_storm)
{
	self->root = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
	ASSERT_LE(0, self->root);
	if (!self->root) {
		dump_in_storm(_metadata);
		_exit(0);
	}
}

FIXTURE_TEARDOWN(fork_storm)
{
}

TEST_F_TIMEOUT(fork_storm, stable_tasks_are_reported_once, 300)
{
	EXPECT_EXIT_0(self->root);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], FORK_STORM_ROLE))
		return 0;
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
