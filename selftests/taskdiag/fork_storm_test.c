// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a dump promises while everything around it moves: who is there all the
 * while is in it exactly once, nobody twice, and a row is all about one task.
 *
 * TASKDIAG_STORM_DUMPS is how many dumps of each strategy are looked at: 1000
 * unless told, which takes minutes; fewer are for kernels that check themselves.
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

/* Enough for these and a slow machine. */
#define TIMEOUT_SECONDS 3600

/* Small datagrams: the more of them a dump has, the more happens in between. */
#define BUFFER 4096

/* Who stays, with room between their numbers for those who come and go. */
#define MEMBERS 60
#define STEP 20
#define HIGHEST (STEP * (MEMBERS + 20))

/* Of the one family and the one process that are asked about. */
#define RELATIVES 60

#define MAX_KEPT 256

/* A task that is there from before the first dump until after the last. */
struct kept {
	__u32 pid;
	__u32 tgid;
	__u32 ppid;
	char name[TASK_DIAG_COMM_LEN];
};

/* Shared with those who make them. */
struct keep {
	size_t nr;
	struct kept task[MAX_KEPT];
	bool ready;
	bool stop;		/* for those who go on making others */
};

static void keep(struct keep *keep, pid_t pid, pid_t tgid, pid_t ppid,
		 const char *name)
{
	struct kept *kept = &keep->task[keep->nr++];

	kept->pid = pid;
	kept->tgid = tgid;
	kept->ppid = ppid;
	snprintf(kept->name, sizeof(kept->name), "%s", name);
}

static unsigned int dumps_wanted(void)
{
	const char *text = getenv(DUMPS);
	int dumps = text ? atoi(text) : 0;

	return dumps > 0 ? dumps : DUMPS_DEFAULT;
}

/*
 * What is true of every row, whatever its task was doing: all its numbers are
 * of somebody, as nobody here has a parent, a session or a group elsewhere, and
 * its name is one name.
 */
static const char *fault_of_row(const struct td_row *row)
{
	const struct task_diag_base *base = &row->base;
	const size_t len = strnlen(base->comm, sizeof(base->comm));
	size_t i;

	if (!row->msg.pid || row->msg.pid != base->pid)
		return "pid";
	if (!row->msg.tgid || row->msg.tgid != base->tgid)
		return "tgid";
	if (!base->ppid && row->msg.tgid != 1)
		return "ppid";
	/* Those of init are outside. */
	if (row->msg.tgid != 1 && base->state != TASK_DIAG_ZOMBIE &&
	    base->sid && !base->pgid)
		return "pgid";
	if (base->state > TASK_DIAG_IDLE)
		return "state";
	if (len == sizeof(base->comm))
		return "comm without an end";
	for (i = len; i < sizeof(base->comm); i++)
		if (base->comm[i])
			return "comm with something behind its end";
	for (i = 1; i < len; i++)
		if ((base->comm[0] == 'B' || base->comm[0] == 'C') &&
		    base->comm[i] != base->comm[0])
			return "comm of two";
	return NULL;
}

/* Hold an answer to the promises; what is broken goes to @text. */
static bool keeps_promises(const struct td_answer *a, const struct keep *keep,
			   char *text, size_t size)
{
	struct idset pids = {};
	const char *fault;
	size_t i;
	int err;

	text[0] = '\0';
	err = view_of(a, &pids);
	idset_free(&pids);
	if (a->fault[0])
		snprintf(text, size, "%s", a->fault);
	else if (a->end.type != (a->dump ? NLMSG_DONE : NLMSG_ERROR) ||
		 a->end.error)
		snprintf(text, size, "ended with %d: %s", a->end.error,
			 a->end.text);
	else if (err)
		snprintf(text, size, "rows as a set: %s", strerror(-err));

	for (i = 0; !text[0] && i < a->rows; i++) {
		fault = fault_of_row(&a->row[i]);
		if (fault)
			snprintf(text, size, "%s of %u, %.16s", fault,
				 a->row[i].msg.pid, a->row[i].base.comm);
	}
	for (i = 0; !text[0] && i < keep->nr; i++) {
		const struct kept *kept = &keep->task[i];
		const struct td_row *row = td_find(a, kept->pid);

		if (!row)
			snprintf(text, size, "%s, %u, is not there", kept->name,
				 kept->pid);
		else if (row->msg.tgid != kept->tgid ||
			 row->base.ppid != kept->ppid ||
			 strcmp(row->base.comm, kept->name))
			snprintf(text, size, "%u is not %s of %u and %u",
				 kept->pid, kept->name, kept->tgid, kept->ppid);
	}
	return !text[0];
}

static void wait_until_ready(struct __test_metadata *_metadata,
			     struct keep *keep)
{
	int patience = 10000;

	while (!__atomic_load_n(&keep->ready, __ATOMIC_ACQUIRE) && patience--)
		usleep(1000);
	ASSERT_LT(0, patience);
}

static void ready(struct keep *keep)
{
	__atomic_store_n(&keep->ready, true, __ATOMIC_RELEASE);
}

static bool stopped(const struct keep *keep)
{
	return __atomic_load_n(&keep->stop, __ATOMIC_RELAXED);
}

/* Processes, some with threads, scattered over all numbers. */
static void scatter(struct __test_metadata *_metadata, struct keep *processes,
		    struct keep *threads)
{
	struct population pop;
	int proc, i;
	size_t j;

	ASSERT_EQ(0, population_begin(&pop));
	for (i = 0; i < MEMBERS; i++) {
		char name[TASK_DIAG_COMM_LEN];
		const struct member_spec spec = {
			.name = name, .threads = i % 3 ? 0 : 2,
		};

		snprintf(name, sizeof(name), "kept %d", i);
		ASSERT_EQ(0, namespace_next_pid(STEP * (i + 1)));
		ASSERT_EQ(0, population_add(&pop, &spec)) {
			TH_LOG("%s", pop.error);
		}
	}
	/* Names are told apart no more: the specifications are gone. */
	ASSERT_EQ(0, population_settle(&pop));

	proc = procfs_open();
	ASSERT_LE(0, proc);
	for (i = 0; i < MEMBERS; i++) {
		const pid_t pid = pop.member[i].pid;
		char name[TASK_DIAG_COMM_LEN];
		struct idset tids = {};

		ASSERT_EQ(STEP * (i + 1), pid);
		snprintf(name, sizeof(name), "kept %d", i);
		keep(processes, pid, pid, getpid(), name);
		ASSERT_EQ(0, procfs_threads(proc, pid, &tids));
		ASSERT_EQ(i % 3 ? 1U : 3U, tids.nr);
		for (j = 0; j < tids.nr; j++)
			keep(threads, tids.id[j], pid, getpid(), name);
		idset_free(&tids);
	}
	close(proc);
}

/*
 * A family whose children stay, but for those of another thread of the same
 * parent.  These come first, so that each that exits moves the others on in the
 * list.
 */
static void *have_children_that_stay(void *arg)
{
	struct keep *children = arg;
	int i;

	for (i = 0; i < RELATIVES; i++) {
		const pid_t parent = getpid();
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		keep(children, pid, pid, parent, "family");
	}
	ready(children);
	for (;;)
		pause();
	return NULL;
}

#define PASSING 8

static void be_family(struct keep *children)
{
	pid_t passing[PASSING] = {};
	pthread_t thread;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "family");
	if (pthread_create(&thread, NULL, have_children_that_stay, children))
		_exit(1);
	for (i = 0; !stopped(children); i = (i + 1) % PASSING) {
		if (passing[i] > 0)
			waitpid(passing[i], NULL, 0);
		passing[i] = fork();
		if (!passing[i])
			_exit(0);
		usleep(100);
	}
	_exit(0);
}

static void *stay(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *pass(void *arg)
{
	return arg;
}

/* A process whose threads stay, but for one after the other. */
static void be_crowd(struct keep *threads)
{
	struct idset tids = {};
	pthread_t thread;
	size_t i;
	int proc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "crowd");
	for (i = 1; i < RELATIVES; i++)
		if (pthread_create(&thread, NULL, stay, NULL))
			_exit(1);
	proc = procfs_open();
	if (proc < 0 || procfs_threads(proc, getpid(), &tids))
		_exit(1);
	for (i = 0; i < tids.nr; i++)
		keep(threads, tids.id[i], getpid(), getppid(), "crowd");
	ready(threads);
	while (!stopped(threads))
		if (!pthread_create(&thread, NULL, pass, NULL))
			pthread_join(thread, NULL);
	_exit(0);
}

/* Everybody there is in a storm. */
struct cast {
	struct keep *processes;
	struct keep *threads;
	struct keep *children;
	struct keep *crowd;
	pid_t family;
	pid_t crowd_pid;
	struct churn churn;
};

static struct keep *new_keep(struct __test_metadata *_metadata)
{
	struct keep *keep = td_share(sizeof(*keep));

	ASSERT_NE(NULL, keep);
	return keep;
}

/* In a pid namespace of its own, with whose first process all of it ends. */
static void raise_storm(struct __test_metadata *_metadata, struct cast *cast)
{
	memset(cast, 0, sizeof(*cast));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ASSERT_EQ(0, namespace_mount_procfs());
	cast->processes = new_keep(_metadata);
	cast->threads = new_keep(_metadata);
	cast->children = new_keep(_metadata);
	cast->crowd = new_keep(_metadata);

	scatter(_metadata, cast->processes, cast->threads);
	cast->family = fork();
	ASSERT_LE(0, cast->family);
	if (!cast->family)
		be_family(cast->children);
	cast->crowd_pid = fork();
	ASSERT_LE(0, cast->crowd_pid);
	if (!cast->crowd_pid)
		be_crowd(cast->crowd);
	wait_until_ready(_metadata, cast->children);
	wait_until_ready(_metadata, cast->crowd);
	ASSERT_EQ(0, churn_begin(&cast->churn, HIGHEST));
}

/*
 * It has to have blown from all sides, however soon the dumps were through.
 * Nobody is to be killed while it forks: see churn_end().
 */
static void calm_down(struct __test_metadata *_metadata, struct cast *cast)
{
	int patience = 10000;

	while (churn_missed(&cast->churn) != CHURN_WAYS && patience--)
		usleep(1000);
	EXPECT_EQ(CHURN_WAYS, churn_missed(&cast->churn)) {
		TH_LOG("nobody has come and gone this way");
	}
	churn_end(&cast->churn);
	cast->children->stop = true;
	cast->crowd->stop = true;
	EXPECT_EXIT_0(cast->family);
	EXPECT_EXIT_0(cast->crowd_pid);
}

FIXTURE(storm) {
};

FIXTURE_VARIANT(storm) {
	__u64 strategy;
	bool several;		/* datagrams, between which something moves */
};

FIXTURE_VARIANT_ADD(storm, all) {
	.strategy = TASK_DIAG_DUMP_ALL, .several = true,
};

FIXTURE_VARIANT_ADD(storm, all_thread) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD, .several = true,
};

FIXTURE_VARIANT_ADD(storm, children) {
	.strategy = TASK_DIAG_DUMP_CHILDREN, .several = true,
};

FIXTURE_VARIANT_ADD(storm, thread) {
	.strategy = TASK_DIAG_DUMP_THREAD, .several = true,
};

FIXTURE_VARIANT_ADD(storm, one) {
	.strategy = TASK_DIAG_DUMP_ONE,
};

FIXTURE_SETUP(storm)
{
}

FIXTURE_TEARDOWN(storm)
{
}

/* One dump, with a chance for all others between any two of its datagrams. */
static int dump_in_storm(struct td_sock *sock, const struct task_diag_pid *what,
			 struct td_answer *a)
{
	int err;

	err = td_ask(sock, what, NLM_F_DUMP, NULL);
	td_expect(sock, a, true);
	while (!err && !a->end.type) {
		sched_yield();
		err = td_receive_some(sock, a, 1);
	}
	return err;
}

/* What is asked the nth time, and who has to be in the answer. */
static void choose(const struct cast *cast, __u64 strategy, unsigned int nth,
		   struct task_diag_pid *what, struct keep *expected)
{
	what->show_flags = TD_BASE_CRED;
	what->dump_strategy = strategy;
	switch (strategy) {
	case TASK_DIAG_DUMP_ALL:
		*expected = *cast->processes;
		break;
	case TASK_DIAG_DUMP_ALL_THREAD:
		*expected = *cast->threads;
		break;
	case TASK_DIAG_DUMP_CHILDREN:
		*expected = *cast->children;
		what->pid = cast->family;
		break;
	case TASK_DIAG_DUMP_THREAD:
		*expected = *cast->crowd;
		what->pid = cast->crowd_pid;
		break;
	case TASK_DIAG_DUMP_ONE:
		expected->nr = 1;
		expected->task[0] = cast->threads->task[nth % cast->threads->nr];
		what->pid = expected->task[0].pid;
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
	const unsigned int dumps = dumps_wanted();
	unsigned int i, disturbed = 0, rows = 0, receives = 0;
	struct td_sock sock;
	struct cast cast;
	bool good = true;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	raise_storm(_metadata, &cast);
	for (i = 0; good && i < dumps; i++) {
		struct task_diag_pid what = {};
		const unsigned long before = forks();
		static struct keep expected;
		struct td_answer a;
		char text[160];

		choose(&cast, strategy, i, &what, &expected);
		EXPECT_EQ(0, dump_in_storm(&sock, &what, &a));
		good = keeps_promises(&a, &expected, text, sizeof(text));
		EXPECT_TRUE(good) {
			TH_LOG("dump %u: %s", i, text);
		}
		disturbed += forks() != before;
		rows += a.rows;
		receives += a.receives;
		td_answer_free(&a);
	}
	TH_LOG("%u dumps, forks during %u of them, %u rows, %u receives", dumps,
	       disturbed, rows, receives);
	/*
	 * Without forks during dumps the test proves nothing.  A dump of a
	 * family takes only a few receives, and on a VM with more processors
	 * than the host has, the fork storm may pause for as long.
	 */
	if (several)
		EXPECT_LE(dumps / 20, disturbed);
	calm_down(_metadata, &cast);
}

/*
 * Numbers of anybody, by turns as a dump and plainly: somebody or nobody, and
 * nothing in between.
 */
static void ask_for_anybody(struct __test_metadata *_metadata)
{
	const unsigned int times = 50 * dumps_wanted();
	unsigned int i, found = 0;
	struct td_sock sock;
	struct cast cast;
	bool good = true;

	ASSERT_EQ(0, td_open(&sock, BUFFER));
	raise_storm(_metadata, &cast);
	for (i = 0; good && i < times; i++) {
		const struct task_diag_pid what = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
			.pid = 1 + i * 7 % HIGHEST,
		};
		static const struct keep nobody;
		struct td_answer a;
		char text[160];

		EXPECT_EQ(0, td_query(&sock, &what, i % 2 ? NLM_F_DUMP : 0,
				      &a));
		good = a.end.error == ESRCH ? !a.fault[0] && !a.rows :
		       keeps_promises(&a, &nobody, text, sizeof(text)) &&
		       a.rows == 1 && a.row[0].msg.pid == what.pid;
		EXPECT_TRUE(good) {
			TH_LOG("%u: %zu rows, error %d, %s, %s", what.pid,
			       a.rows, a.end.error, a.fault, text);
		}
		found += a.rows;
		td_answer_free(&a);
		if (i % 16 == 0)
			sched_yield();
	}
	EXPECT_LT(0U, found);
	EXPECT_GT(times, found);
	calm_down(_metadata, &cast);
}

TEST_F_TIMEOUT(storm, has_who_stays_exactly_once, TIMEOUT_SECONDS)
{
	pid_t pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);

	ASSERT_LE(0, pid);
	if (!pid) {
		dump_and_check(_metadata, variant->strategy, variant->several);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

FIXTURE(anybody) {
};

FIXTURE_SETUP(anybody)
{
}

FIXTURE_TEARDOWN(anybody)
{
}

TEST_F_TIMEOUT(anybody, is_there_or_not, TIMEOUT_SECONDS)
{
	pid_t pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);

	ASSERT_LE(0, pid);
	if (!pid) {
		ask_for_anybody(_metadata);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* Many at once: no dump knows of the others. */
FIXTURE(sockets) {
};

FIXTURE_SETUP(sockets)
{
}

FIXTURE_TEARDOWN(sockets)
{
}

#define PROCESSES 8
#define SOCKETS 8		/* of each */

struct dumper {
	const struct cast *cast;
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
	struct keep *expected = calloc(1, sizeof(*expected));
	struct dumper *dumper = arg;
	struct td_sock sock;
	unsigned int i;
	bool good = true;

	if (!expected || td_open(&sock, BUFFER)) {
		snprintf(dumper->text, sizeof(dumper->text), "cannot begin");
		return NULL;
	}
	for (i = 0; good && i < dumper->dumps; i++) {
		const unsigned int nth = dumper->nth + i;
		struct task_diag_pid what = {};
		struct td_answer a;
		int err;

		choose(dumper->cast, strategies[nth % ARRAY_SIZE(strategies)],
		       nth, &what, expected);
		err = dump_in_storm(&sock, &what, &a);
		if (err)
			snprintf(dumper->text, sizeof(dumper->text), "%s",
				 strerror(-err));
		good = !err && keeps_promises(&a, expected, dumper->text,
					      sizeof(dumper->text));
		td_answer_free(&a);
	}
	td_close(&sock);
	free(expected);
	return NULL;
}

static void dump_in_threads(struct __test_metadata *_metadata,
			    const struct cast *cast, unsigned int process)
{
	struct dumper dumper[SOCKETS];
	pthread_t thread[SOCKETS];
	int i;

	for (i = 0; i < SOCKETS; i++) {
		dumper[i] = (struct dumper) {
			.cast = cast,
			.nth = process * SOCKETS + i,
			.dumps = 1 + dumps_wanted() / 20,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, dump_many_times,
					    &dumper[i]));
	}
	for (i = 0; i < SOCKETS; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
		EXPECT_STREQ("", dumper[i].text);
	}
}

static void dump_everywhere(struct __test_metadata *_metadata)
{
	pid_t pid[PROCESSES];
	struct cast cast;
	int i;

	raise_storm(_metadata, &cast);
	for (i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i]) {
			dump_in_threads(_metadata, &cast, i);
			_exit(0);
		}
	}
	for (i = 0; i < PROCESSES; i++)
		EXPECT_EXIT_0(pid[i]);
	calm_down(_metadata, &cast);
}

TEST_F_TIMEOUT(sockets, sixty_four_at_once, TIMEOUT_SECONDS)
{
	pid_t pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);

	ASSERT_LE(0, pid);
	if (!pid) {
		dump_everywhere(_metadata);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], CHURN_ROLE))
		return 0;
	td_need_kernel_and_root();
	return test_harness_run(argc, argv);
}
