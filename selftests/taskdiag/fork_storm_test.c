// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guarantees of a dump during a fork storm: a task that exists throughout is
 * reported exactly once, no task is reported twice, and all fields of a row
 * belong to one task.
 *
 * TASKDIAG_STORM_DUMPS sets the number of dumps per strategy.  The default of
 * 1000 takes minutes; use fewer with debug kernels.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "lib/fork_storm.h"
#include "lib/namespace.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

#define DUMPS "TASKDIAG_STORM_DUMPS"
#define DUMPS_DEFAULT 1000

/* Enough for these dumps on a slow machine. */
#define TIMEOUT_SECONDS 3600

/* Small datagrams: a dump with more datagrams overlaps with more forks. */
#define BUFFER 4096

/* Stable tasks, with unused pids between them for the storm. */
#define MEMBERS 60
#define STEP 20
#define HIGHEST (STEP * (MEMBERS + 20))

/* Tasks of the one family and of the one process that are queried. */
#define RELATIVES 60

#define MAX_STABLE 256

/* A task that exists before the first dump and after the last one. */
struct stable_task {
	__u32 pid;
	__u32 tgid;
	__u32 ppid;
	char name[TASK_DIAG_COMM_LEN];
};

/* Shared with the processes that make these tasks. */
struct stable_tasks {
	size_t nr;
	struct stable_task task[MAX_STABLE];
	bool ready;
	bool stop;		/* makers of short-lived tasks end */
};

static void add_stable_task(struct stable_tasks *stable_tasks, pid_t pid,
			    pid_t tgid, pid_t ppid, const char *name)
{
	struct stable_task *stable_task =
		&stable_tasks->task[stable_tasks->nr++];

	stable_task->pid = pid;
	stable_task->tgid = tgid;
	stable_task->ppid = ppid;
	snprintf(stable_task->name, sizeof(stable_task->name), "%s", name);
}

static unsigned int dump_count(void)
{
	const char *text = getenv(DUMPS);
	int dumps = text ? atoi(text) : 0;

	return dumps > 0 ? dumps : DUMPS_DEFAULT;
}

/*
 * Check what holds for each row in any state of its task: all pids are set, as
 * no task here has a parent, a session or a group outside, and the name is one
 * name.  Return a description of the error, or NULL.
 */
static const char *row_error(const struct td_row *row)
{
	const struct task_diag_base *base = &row->base;
	const size_t len = strnlen(base->comm, sizeof(base->comm));
	size_t i;

	if (!row->msg.pid || row->msg.pid != base->pid)
		return "invalid pid";
	if (!row->msg.tgid || row->msg.tgid != base->tgid)
		return "invalid tgid";
	if (!base->ppid && row->msg.tgid != 1)
		return "invalid ppid";
	/* The session and group of init are outside. */
	if (row->msg.tgid != 1 && base->state != TASK_DIAG_ZOMBIE &&
	    base->sid && !base->pgid)
		return "invalid pgid";
	if (base->state > TASK_DIAG_IDLE)
		return "invalid state";
	if (len == sizeof(base->comm))
		return "comm has no NUL";
	for (i = len; i < sizeof(base->comm); i++)
		if (base->comm[i])
			return "comm has bytes after its NUL";
	for (i = 1; i < len; i++)
		if ((base->comm[0] == 'B' || base->comm[0] == 'C') &&
		    base->comm[i] != base->comm[0])
			return "comm is a mixture of two names";
	return NULL;
}

/*
 * Check that @a contains each task in @stable_tasks and is valid.  @text
 * receives the first violation.
 */
static bool check_answer(const struct td_answer *a,
			 const struct stable_tasks *stable_tasks, char *text,
			 size_t size)
{
	struct pid_set pids = {};
	const char *fault;
	size_t i;
	int err;

	text[0] = '\0';
	err = visible_pids_in(a, &pids);
	pid_set_free(&pids);
	if (a->fault[0])
		snprintf(text, size, "%s", a->fault);
	else if (a->end.type != (a->dump ? NLMSG_DONE : NLMSG_ERROR) ||
		 a->end.error)
		snprintf(text, size, "dump ended with error %d: %s",
			 a->end.error, a->end.text);
	else if (err)
		snprintf(text, size, "set of pids: %s", strerror(-err));

	for (i = 0; !text[0] && i < a->rows; i++) {
		fault = row_error(&a->row[i]);
		if (fault)
			snprintf(text, size, "task %u, \"%.16s\": %s",
				 a->row[i].msg.pid, a->row[i].base.comm, fault);
	}
	for (i = 0; !text[0] && i < stable_tasks->nr; i++) {
		const struct stable_task *stable_task = &stable_tasks->task[i];
		const struct td_row *row = td_find_row(a, stable_task->pid);

		if (!row)
			snprintf(text, size, "task %u, \"%.16s\": no row",
				 stable_task->pid, stable_task->name);
		else if (row->msg.tgid != stable_task->tgid ||
			 row->base.ppid != stable_task->ppid ||
			 strcmp(row->base.comm, stable_task->name))
			snprintf(text, size,
				 "task %u, \"%.16s\": expected \"%.16s\", tgid %u and ppid %u",
				 stable_task->pid, row->base.comm,
				 stable_task->name, stable_task->tgid,
				 stable_task->ppid);
	}
	return !text[0];
}

static void await_ready(struct __test_metadata *_metadata,
			struct stable_tasks *stable_tasks)
{
	int timeout = 60000;	/* ms */

	while (!__atomic_load_n(&stable_tasks->ready, __ATOMIC_ACQUIRE) &&
	       timeout--)
		usleep(1000);
	ASSERT_LT(0, timeout);
}

static void ready(struct stable_tasks *stable_tasks)
{
	__atomic_store_n(&stable_tasks->ready, true, __ATOMIC_RELEASE);
}

static bool stopped(const struct stable_tasks *stable_tasks)
{
	return __atomic_load_n(&stable_tasks->stop, __ATOMIC_RELAXED);
}

/* Make processes, some with threads, whose pids are spread over the range. */
static void make_scattered_tasks(struct __test_metadata *_metadata,
				 struct stable_tasks *processes,
				 struct stable_tasks *threads)
{
	struct task_pool pool;
	int proc, i;
	size_t j;

	ASSERT_EQ(0, task_pool_begin(&pool));
	for (i = 0; i < MEMBERS; i++) {
		char name[TASK_DIAG_COMM_LEN];
		const struct task_spec spec = {
			.name = name, .threads = i % 3 ? 0 : 2,
		};

		snprintf(name, sizeof(name), "stable %d", i);
		ASSERT_EQ(0, namespace_next_pid(STEP * (i + 1)));
		ASSERT_EQ(0, task_pool_add(&pool, &spec)) {
			TH_LOG("%s", pool.error);
		}
	}
	/*
	 * The names are local variables, so settle before they go out of scope.
	 */
	ASSERT_EQ(0, task_pool_settle(&pool));

	proc = procfs_open();
	ASSERT_LE(0, proc);
	for (i = 0; i < MEMBERS; i++) {
		const pid_t pid = pool.task[i].pid;
		char name[TASK_DIAG_COMM_LEN];
		struct pid_set tids = {};

		ASSERT_EQ(STEP * (i + 1), pid);
		snprintf(name, sizeof(name), "stable %d", i);
		add_stable_task(processes, pid, pid, getpid(), name);
		ASSERT_EQ(0, procfs_threads(proc, pid, &tids));
		ASSERT_EQ(i % 3 ? 1U : 3U, tids.nr);
		for (j = 0; j < tids.nr; j++)
			add_stable_task(threads, tids.id[j], pid, getpid(),
					name);
		pid_set_free(&tids);
	}
	close(proc);
}

/*
 * Make children that stay.  The main thread has short-lived children, which
 * come first in the list, so that each exit moves the stable ones.
 */
static void *make_stable_children(void *arg)
{
	struct stable_tasks *children = arg;
	int i;

	for (i = 0; i < RELATIVES; i++) {
		const pid_t parent = getpid();
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		add_stable_task(children, pid, pid, parent, "family");
	}
	ready(children);
	for (;;)
		pause();
	return NULL;
}

#define SHORT_LIVED 8

static void run_family(struct stable_tasks *children)
{
	pid_t short_lived[SHORT_LIVED] = {};
	pthread_t thread;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "family");
	if (pthread_create(&thread, NULL, make_stable_children, children))
		_exit(1);
	for (i = 0; !stopped(children); i = (i + 1) % SHORT_LIVED) {
		if (short_lived[i] > 0)
			waitpid(short_lived[i], NULL, 0);
		short_lived[i] = fork();
		if (!short_lived[i])
			_exit(0);
		usleep(100);
	}
	_exit(0);
}

static void *sleep_forever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *exit_at_once(void *arg)
{
	return arg;
}

/*
 * A process whose threads stay, except for one short-lived thread after the
 * other.
 */
static void run_thread_group(struct stable_tasks *threads)
{
	struct pid_set tids = {};
	pthread_t thread;
	size_t i;
	int proc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "thread group");
	for (i = 1; i < RELATIVES; i++)
		if (pthread_create(&thread, NULL, sleep_forever, NULL))
			_exit(1);
	proc = procfs_open();
	if (proc < 0 || procfs_threads(proc, getpid(), &tids))
		_exit(1);
	for (i = 0; i < tids.nr; i++)
		add_stable_task(threads, tids.id[i], getpid(), getppid(),
				"thread group");
	ready(threads);
	while (!stopped(threads))
		if (!pthread_create(&thread, NULL, exit_at_once, NULL))
			pthread_join(thread, NULL);
	_exit(0);
}

/* All stable tasks of a storm, and the storm. */
struct storm_tasks {
	struct stable_tasks *processes;
	struct stable_tasks *threads;
	struct stable_tasks *children;
	struct stable_tasks *thread_group;
	pid_t family;
	pid_t thread_group_pid;
	struct fork_storm storm;
};

static struct stable_tasks *new_stable_tasks(struct __test_metadata *_metadata)
{
	struct stable_tasks *stable_tasks =
		td_alloc_shared(sizeof(*stable_tasks));

	ASSERT_NE(NULL, stable_tasks);
	return stable_tasks;
}

/* Runs in a pid namespace of its own: all tasks end with its first process. */
static void begin_storm(struct __test_metadata *_metadata,
			struct storm_tasks *tasks)
{
	memset(tasks, 0, sizeof(*tasks));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ASSERT_EQ(0, namespace_mount_procfs());
	tasks->processes = new_stable_tasks(_metadata);
	tasks->threads = new_stable_tasks(_metadata);
	tasks->children = new_stable_tasks(_metadata);
	tasks->thread_group = new_stable_tasks(_metadata);

	make_scattered_tasks(_metadata, tasks->processes, tasks->threads);
	tasks->family = fork();
	ASSERT_LE(0, tasks->family);
	if (!tasks->family)
		run_family(tasks->children);
	tasks->thread_group_pid = fork();
	ASSERT_LE(0, tasks->thread_group_pid);
	if (!tasks->thread_group_pid)
		run_thread_group(tasks->thread_group);
	await_ready(_metadata, tasks->children);
	await_ready(_metadata, tasks->thread_group);
	ASSERT_EQ(0, fork_storm_begin(&tasks->storm, HIGHEST));
}

/*
 * Wait until each worker of the storm has run, even if the dumps were faster.
 * Killing a task during fork() is not possible: see fork_storm_end().
 */
static void end_storm(struct __test_metadata *_metadata,
		      struct storm_tasks *tasks)
{
	int timeout = 60000;	/* ms */

	while (fork_storm_idle_worker(&tasks->storm) != STORM_WORKERS &&
	       timeout--)
		usleep(1000);
	EXPECT_EQ(STORM_WORKERS, fork_storm_idle_worker(&tasks->storm)) {
		TH_LOG("a worker of the fork storm has not run");
	}
	fork_storm_end(&tasks->storm);
	tasks->children->stop = true;
	tasks->thread_group->stop = true;
	EXPECT_EXIT_0(tasks->family);
	EXPECT_EXIT_0(tasks->thread_group_pid);
}

FIXTURE(fork_storm) {
};

FIXTURE_VARIANT(fork_storm) {
	__u64 strategy;
	bool several;		/* datagrams, with forks between them */
};

FIXTURE_VARIANT_ADD(fork_storm, all) {
	.strategy = TASK_DIAG_DUMP_ALL, .several = true,
};

FIXTURE_VARIANT_ADD(fork_storm, all_thread) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD, .several = true,
};

FIXTURE_VARIANT_ADD(fork_storm, children) {
	.strategy = TASK_DIAG_DUMP_CHILDREN, .several = true,
};

FIXTURE_VARIANT_ADD(fork_storm, thread) {
	.strategy = TASK_DIAG_DUMP_THREAD, .several = true,
};

FIXTURE_VARIANT_ADD(fork_storm, one) {
	.strategy = TASK_DIAG_DUMP_ONE,
};

FIXTURE_SETUP(fork_storm)
{
}

FIXTURE_TEARDOWN(fork_storm)
{
}

/* Dump, and yield the processor between the datagrams. */
static int dump_in_storm(struct td_sock *sock,
			 const struct task_diag_pid *query, struct td_answer *a)
{
	int err;

	err = td_send_request(sock, query, NLM_F_DUMP, NULL);
	td_answer_init(sock, a, true);
	while (!err && !a->end.type) {
		sched_yield();
		err = td_receive_datagram(sock, a, 1);
	}
	return err;
}

/*
 * Set query number @nth of a strategy, and the tasks that must be in the reply.
 */
static void choose_query(const struct storm_tasks *tasks, __u64 strategy,
			 unsigned int nth, struct task_diag_pid *query,
			 struct stable_tasks *expected)
{
	query->show_flags = TD_BASE_CRED;
	query->dump_strategy = strategy;
	switch (strategy) {
	case TASK_DIAG_DUMP_ALL:
		*expected = *tasks->processes;
		break;
	case TASK_DIAG_DUMP_ALL_THREAD:
		*expected = *tasks->threads;
		break;
	case TASK_DIAG_DUMP_CHILDREN:
		*expected = *tasks->children;
		query->pid = tasks->family;
		break;
	case TASK_DIAG_DUMP_THREAD:
		*expected = *tasks->thread_group;
		query->pid = tasks->thread_group_pid;
		break;
	case TASK_DIAG_DUMP_ONE:
		expected->nr = 1;
		expected->task[0] =
			tasks->threads->task[nth % tasks->threads->nr];
		query->pid = expected->task[0].pid;
		break;
	}
}

/* Number of forks since boot; 0 if procfs does not show it. */
static unsigned long forks(void)
{
	unsigned long nr = 0;
	char line[256];
	FILE *stat;

	stat = fopen("/proc/stat", "r");
	if (!stat)
		return 0;
	while (fgets(line, sizeof(line), stat))
		if (sscanf(line, "processes %lu", &nr) == 1)
			break;
	fclose(stat);
	return nr;
}

static void dump_and_check(struct __test_metadata *_metadata, __u64 strategy,
			   bool several)
{
	const unsigned int dumps = dump_count();
	unsigned int i, with_forks = 0, rows = 0, receives = 0;
	struct td_sock sock;
	struct storm_tasks tasks;
	bool ok = true;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	begin_storm(_metadata, &tasks);
	for (i = 0; ok && i < dumps; i++) {
		struct task_diag_pid query = {};
		const unsigned long before = forks();
		static struct stable_tasks expected;
		struct td_answer a;
		char text[160];

		choose_query(&tasks, strategy, i, &query, &expected);
		EXPECT_EQ(0, dump_in_storm(&sock, &query, &a));
		ok = check_answer(&a, &expected, text, sizeof(text));
		EXPECT_TRUE(ok) {
			TH_LOG("dump %u: %s", i, text);
		}
		with_forks += forks() != before;
		rows += a.rows;
		receives += a.receives;
		td_answer_free(&a);
	}
	TH_LOG("%u dumps, forks during %u of them, %u rows, %u receives", dumps,
	       with_forks, rows, receives);
	/*
	 * Without forks during dumps the test proves nothing.  A dump of a
	 * family takes only a few receives, and on a VM with more processors
	 * than the host has, the fork storm may pause for as long.
	 */
	if (several)
		EXPECT_LE(dumps / 20, with_forks);
	end_storm(_metadata, &tasks);
}

/*
 * Query arbitrary pids, alternately as a dump and as a single request: the
 * reply is a valid row or ESRCH.
 */
static void query_any_pid(struct __test_metadata *_metadata)
{
	const unsigned int times = 50 * dump_count();
	unsigned int i, found = 0;
	struct td_sock sock;
	struct storm_tasks tasks;
	bool ok = true;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	begin_storm(_metadata, &tasks);
	for (i = 0; ok && i < times; i++) {
		const struct task_diag_pid query = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
			.pid = 1 + i * 7 % HIGHEST,
		};
		static const struct stable_tasks no_stable_tasks;
		struct td_answer a;
		char text[160];

		EXPECT_EQ(0, td_query(&sock, &query, i % 2 ? NLM_F_DUMP : 0,
				      &a));
		ok = a.end.error == ESRCH ? !a.fault[0] && !a.rows :
		     check_answer(&a, &no_stable_tasks, text, sizeof(text)) &&
		     a.rows == 1 && a.row[0].msg.pid == query.pid;
		EXPECT_TRUE(ok) {
			TH_LOG("pid %u: %zu rows, error %d, %s, %s", query.pid,
			       a.rows, a.end.error, a.fault, text);
		}
		found += a.rows;
		td_answer_free(&a);
		if (i % 16 == 0)
			sched_yield();
	}
	EXPECT_LT(0U, found);
	EXPECT_GT(times, found);
	end_storm(_metadata, &tasks);
}

TEST_F_TIMEOUT(fork_storm,
	       stable_tasks_are_reported_exactly_once, TIMEOUT_SECONDS)
{
	pid_t pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);

	ASSERT_LE(0, pid);
	if (!pid) {
		dump_and_check(_metadata, variant->strategy, variant->several);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

FIXTURE(any_pid) {
};

FIXTURE_SETUP(any_pid)
{
}

FIXTURE_TEARDOWN(any_pid)
{
}

TEST_F_TIMEOUT(any_pid, is_reported_or_gets_esrch, TIMEOUT_SECONDS)
{
	pid_t pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);

	ASSERT_LE(0, pid);
	if (!pid) {
		query_any_pid(_metadata);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* Concurrent dumps do not affect each other. */
FIXTURE(concurrent_dumps) {
};

FIXTURE_SETUP(concurrent_dumps)
{
}

FIXTURE_TEARDOWN(concurrent_dumps)
{
}

#define PROCESSES 8
#define SOCKETS 8		/* per process */

struct dumper {
	const struct storm_tasks *tasks;
	unsigned int nth;
	unsigned int dumps;
	char text[160];
};

static void *dump_many_times(void *arg)
{
	static const __u64 strategies[] = {
		TASK_DIAG_DUMP_ALL, TASK_DIAG_DUMP_ALL_THREAD,
		TASK_DIAG_DUMP_CHILDREN, TASK_DIAG_DUMP_THREAD,
	};
	struct stable_tasks *expected = calloc(1, sizeof(*expected));
	struct dumper *dumper = arg;
	struct td_sock sock;
	unsigned int i;
	bool ok = true;

	if (!expected || td_open(&sock, BUFFER)) {
		snprintf(dumper->text, sizeof(dumper->text), "open the socket");
		return NULL;
	}
	for (i = 0; ok && i < dumper->dumps; i++) {
		const unsigned int nth = dumper->nth + i;
		struct task_diag_pid query = {};
		struct td_answer a;
		int err;

		choose_query(dumper->tasks,
			     strategies[nth % ARRAY_SIZE(strategies)], nth,
			     &query, expected);
		err = dump_in_storm(&sock, &query, &a);
		if (err)
			snprintf(dumper->text, sizeof(dumper->text), "%s",
				 strerror(-err));
		ok = !err && check_answer(&a, expected, dumper->text,
					  sizeof(dumper->text));
		td_answer_free(&a);
	}
	td_close(&sock);
	free(expected);
	return NULL;
}

static void dump_in_threads(struct __test_metadata *_metadata,
			    const struct storm_tasks *tasks,
			    unsigned int process)
{
	struct dumper dumper[SOCKETS];
	pthread_t thread[SOCKETS];
	int i;

	for (i = 0; i < SOCKETS; i++) {
		dumper[i] = (struct dumper) {
			.tasks = tasks,
			.nth = process * SOCKETS + i,
			.dumps = 1 + dump_count() / 20,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, dump_many_times,
					    &dumper[i]));
	}
	for (i = 0; i < SOCKETS; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
		EXPECT_STREQ("", dumper[i].text);
	}
}

static void dump_in_processes(struct __test_metadata *_metadata)
{
	pid_t pid[PROCESSES];
	struct storm_tasks tasks;
	int i;

	begin_storm(_metadata, &tasks);
	for (i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i]) {
			dump_in_threads(_metadata, &tasks, i);
			_exit(0);
		}
	}
	for (i = 0; i < PROCESSES; i++)
		EXPECT_EXIT_0(pid[i]);
	end_storm(_metadata, &tasks);
}

TEST_F_TIMEOUT(concurrent_dumps, on_64_sockets_are_complete, TIMEOUT_SECONDS)
{
	pid_t pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);

	ASSERT_LE(0, pid);
	if (!pid) {
		dump_in_processes(_metadata);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], FORK_STORM_ROLE))
		return 0;
	td_require_family_and_root();
	return test_harness_run(argc, argv);
}
