// SPDX-License-Identifier: GPL-2.0-only
/*
 * SCHED: each field of each task, compared with sched_getattr(2), ioprio_get(2)
 * and sched_getaffinity(2), and with /proc/PID/stat, status, autogroup and
 * timerslack_ns.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <linux/sched.h>

#include "lib/procfs.h"
#include "lib/taskdiag_test.h"
#include "lib/test_tasks.h"
#include "lib/users.h"

/* Names of the C library, whose headers contradict those of the kernel. */
#define DEADLINE 6

#ifndef SCHED_FLAG_UTIL_CLAMP
#define SCHED_FLAG_UTIL_CLAMP 0x60
#endif
#define KEEP_POLICY_AND_PARAMS 0x18

/* <linux/ioprio.h> */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO(class, level) ((class) << 13 | (level))
#define CLASS_RT 1
#define CLASS_BE 2
#define CLASS_IDLE 3

#define MS 1000000ULL
#define SLACK 123456ULL

/* More bits than any kernel has CPUs or memory nodes. */
#define BITS 16384

/* struct sched_attr of <linux/sched/types.h>, which not every system has. */
struct attr {
	__u32 size;
	__u32 policy;
	__u64 flags;
	__s32 nice;
	__u32 priority;
	__u64 runtime;
	__u64 deadline;
	__u64 period;
	__u32 util_min;
	__u32 util_max;
};

static int set_attr(pid_t tid, struct attr *attr)
{
	attr->size = sizeof(*attr);
	return syscall(SYS_sched_setattr, tid, attr, 0) ? -errno : 0;
}

/* --- special tasks -------------------------------------------------------- */

static int become_deadline(void *arg)
{
	struct attr attr = {
		.policy = DEADLINE,
		.flags = SCHED_FLAG_RESET_ON_FORK,
		.runtime = 2 * MS,
		.deadline = 50 * MS,
		.period = 100 * MS,
	};

	return set_attr(0, &attr);
}

static int become_fifo(void *arg)
{
	struct attr attr = { .policy = SCHED_FIFO, .priority = 7 };

	return set_attr(0, &attr);
}

static int become_rr(void *arg)
{
	struct attr attr = {
		.policy = SCHED_RR,
		.priority = 42,
		.flags = SCHED_FLAG_RESET_ON_FORK,
	};

	return set_attr(0, &attr);
}

static int become_batch(void *arg)
{
	struct attr attr = { .policy = SCHED_BATCH, .nice = 5 };

	return set_attr(0, &attr);
}

static int become_idle(void *arg)
{
	struct attr attr = { .policy = SCHED_IDLE };

	return set_attr(0, &attr);
}

static int become_nice(void *arg)
{
	struct attr attr = { .nice = -7 };

	return set_attr(0, &attr);
}

/* In a kernel without utilization clamping, the task is an ordinary one. */
static int clamp_utilization(void *arg)
{
	struct attr attr = {
		.flags = SCHED_FLAG_UTIL_CLAMP | KEEP_POLICY_AND_PARAMS,
		.util_min = 100,
		.util_max = 700,
	};
	int err = set_attr(0, &attr);

	return err == -EOPNOTSUPP ? 0 : err;
}

static int set_ioprio(int ioprio)
{
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, ioprio) ?
		-errno : 0;
}

static int set_ioprio_be(void *arg)
{
	return set_ioprio(IOPRIO(CLASS_BE, 7));
}

static int set_ioprio_rt(void *arg)
{
	return set_ioprio(IOPRIO(CLASS_RT, 3));
}

static int set_ioprio_idle(void *arg)
{
	return set_ioprio(IOPRIO(CLASS_IDLE, 0));
}

static int set_timer_slack(void *arg)
{
	return prctl(PR_SET_TIMERSLACK, SLACK) ? -errno : 0;
}

/* A new session has its own autogroup. */
static int set_autogroup(void *arg)
{
	int fd, err = 0;

	if (setsid() < 0)
		return -errno;
	fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (write(fd, "3", 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

static int pin_to_first_cpu(void *arg)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static sem_t thread_is_ready;
static int thread_error;

static void *run_thread(void *arg)
{
	thread_error = become_batch(NULL) ?: set_ioprio_be(NULL) ?:
		       set_timer_slack(NULL) ?: pin_to_first_cpu(NULL);
	sem_post(&thread_is_ready);
	for (;;)
		pause();
	return NULL;
}

/* Scheduling is a property of each thread. */
static int start_thread(void *arg)
{
	pthread_t thread;
	int err;

	sem_init(&thread_is_ready, 0, 0);
	err = pthread_create(&thread, NULL, run_thread, NULL);
	if (err)
		return -err;
	while (sem_wait(&thread_is_ready))
		;
	return thread_error;
}

static int become_user(void *arg)
{
	const char *step;

	return credentials_assume(&user, &step);
}

static const struct test_task_kind kinds[] = {
	{ "deadline", become_deadline },
	{ "fifo", become_fifo },
	{ "rr", become_rr },
	{ "batch", become_batch },
	{ "idle", become_idle },
	{ "nice", become_nice },
	{ "uclamp", clamp_utilization },
	{ "ioprio be", set_ioprio_be },
	{ "ioprio rt", set_ioprio_rt },
	{ "ioprio idle", set_ioprio_idle },
	{ "slack", set_timer_slack },
	{ "autogroup", set_autogroup },
	{ "affinity", pin_to_first_cpu },
	{ "thread", start_thread },
	{ "user", become_user },
};

static struct test_tasks tasks;

static int make_test_tasks(void)
{
	return test_tasks_begin_all(&tasks, kinds, ARRAY_SIZE(kinds), NULL, 0);
}

static void end_test_tasks(void)
{
	test_tasks_end(&tasks);
}

/* --- reference ------------------------------------------------------------ */

struct bits {
	__u64 word[BITS / 64];
};

/* Parse a list such as "0-3,8". */
static struct bits parse_list(const char *text)
{
	struct bits bits = {};

	while (text && *text >= '0' && *text <= '9') {
		unsigned long first, last;
		char *end;

		first = strtoul(text, &end, 10);
		last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < BITS; first++)
			bits.word[first / 64] |= 1ULL << first % 64;
		text = *end == ',' ? end + 1 : NULL;
	}
	return bits;
}

/* Copy a bitmap of the attribute; all bits are set if it is out of bounds. */
static struct bits bitmap_of(const struct td_attr *attr, __u32 off, __u32 len)
{
	struct bits bits = {};

	if (off + len > attr->len || len > sizeof(bits) || len % 8)
		memset(&bits, 0xff, sizeof(bits));
	else
		memcpy(&bits, attr->data + off, len);
	return bits;
}

static bool find_sched(const struct td_answer *a, const struct td_row *row,
		       struct td_attr *attr)
{
	struct td_span span = td_row_attrs(a, row);

	while (td_next_attr(&span, attr) > 0)
		if (attr->type == TASK_DIAG_SCHED)
			return true;
	return false;
}

/* Read a file of a thread from /proc/TID. */
static char *read_of_thread(int proc, pid_t tid, const char *name)
{
	size_t len;

	return procfs_file(proc, tid, 0, name, &len);
}

static bool has(const struct task_diag_sched *sched, __u32 valid)
{
	return sched->valid & valid;
}

/* --- comparison ----------------------------------------------------------- */

static void compare_attr(struct __test_metadata *_metadata, pid_t tid,
			 const struct task_diag_sched *sched)
{
	struct attr attr = {};

	ASSERT_EQ(0, syscall(SYS_sched_getattr, tid, &attr, sizeof(attr), 0));
	EXPECT_EQ(attr.policy, sched->policy);
	EXPECT_EQ(attr.priority, sched->rt_priority);
	ASSERT_TRUE(has(sched, TASK_DIAG_SCHED_VALID_FLAGS));
	EXPECT_EQ(attr.flags, sched->flags);
	EXPECT_EQ(attr.runtime, sched->runtime);
	EXPECT_EQ(attr.runtime != 0,
		  has(sched, TASK_DIAG_SCHED_VALID_RUNTIME));
	EXPECT_EQ(attr.deadline, sched->deadline);
	EXPECT_EQ(attr.period, sched->period);
	EXPECT_EQ(attr.policy == DEADLINE,
		  has(sched, TASK_DIAG_SCHED_VALID_DEADLINE));
	EXPECT_EQ(attr.util_min, sched->util_min);
	EXPECT_EQ(attr.util_max, sched->util_max);
	/* The upper bound is never 0 in a kernel that has it. */
	EXPECT_EQ(attr.util_max != 0,
		  has(sched, TASK_DIAG_SCHED_VALID_UCLAMP));
	if (attr.policy == SCHED_NORMAL || attr.policy == SCHED_BATCH)
		EXPECT_EQ(attr.nice, sched->nice);
}

/* Return the IO priority that the kernel derives from policy and nice. */
static __u32 default_ioprio(const struct task_diag_sched *sched)
{
	const int level = (sched->nice + 20) / 5;

	switch (sched->policy) {
	case SCHED_IDLE:
		return IOPRIO(CLASS_IDLE, level);
	case SCHED_FIFO:
	case SCHED_RR:
	case DEADLINE:
		return IOPRIO(CLASS_RT, level);
	}
	return IOPRIO(CLASS_BE, level);
}

static void compare_ioprio(struct __test_metadata *_metadata, pid_t tid,
			   const struct task_diag_sched *sched)
{
	const long ioprio = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, tid);

	ASSERT_LE(0, ioprio);
	ASSERT_TRUE(has(sched, TASK_DIAG_SCHED_VALID_IOPRIO));
	EXPECT_EQ(ioprio, (long)sched->ioprio);
	EXPECT_EQ(ioprio >> 13 ? (__u32)ioprio : default_ioprio(sched),
		  sched->ioprio_effective);
}

static void compare_files(struct __test_metadata *_metadata, int proc,
			  pid_t tid, const struct task_diag_sched *sched)
{
	char *slack = read_of_thread(proc, tid, "timerslack_ns");
	char *autogroup = read_of_thread(proc, tid, "autogroup");
	unsigned long long id;
	int nice;

	ASSERT_NE(NULL, slack);
	ASSERT_TRUE(has(sched, TASK_DIAG_SCHED_VALID_TIMER_SLACK));
	EXPECT_EQ(strtoull(slack, NULL, 10), sched->timer_slack);
	EXPECT_EQ(!!autogroup,
		  has(sched, TASK_DIAG_SCHED_VALID_AUTOGROUP));
	if (autogroup) {
		const int nr = sscanf(autogroup, "/autogroup-%llu nice %d", &id,
				      &nice);

		ASSERT_EQ(2, nr);
		EXPECT_EQ(id, sched->autogroup);
		EXPECT_EQ(nice, sched->autogroup_nice);
	}
	free(slack);
	free(autogroup);
}

static void compare_stat(struct __test_metadata *_metadata, int proc, pid_t tid,
			 const struct task_diag_sched *sched)
{
	char *stat = read_of_thread(proc, tid, "stat");
	const char *at = stat ? strrchr(stat, ')') : NULL;
	long field[42] = {};
	char *end;
	int i;

	ASSERT_NE(NULL, at);
	/* Skip ") S ": the fourth field follows. */
	at += 4;
	for (i = 4; i < 42; i++) {
		field[i] = strtol(at, &end, 10);
		at = end;
	}
	EXPECT_EQ(field[18], sched->priority);
	EXPECT_EQ(field[19], sched->nice);
	EXPECT_EQ(field[40], (long)sched->rt_priority);
	EXPECT_EQ(field[41], (long)sched->policy);
	free(stat);
}

static void compare_bitmaps(struct __test_metadata *_metadata, int proc,
			    pid_t tid, const struct td_attr *attr,
			    const struct task_diag_sched *sched)
{
	char *status = read_of_thread(proc, tid, "status");
	const char *cpus, *mems;
	struct bits expected, reported;

	ASSERT_NE(NULL, status);
	cpus = procfs_value(status, "Cpus_allowed_list");
	mems = procfs_value(status, "Mems_allowed_list");
	ASSERT_TRUE(has(sched, TASK_DIAG_SCHED_VALID_CPUS));
	reported = bitmap_of(attr, sched->cpus_off, sched->cpus_len);
	/* A kernel for one CPU has no Cpus_allowed_list. */
	expected = parse_list(cpus ? cpus + strspn(cpus, " \t") : "0");
	EXPECT_EQ(0, memcmp(&expected, &reported, sizeof(expected))) {
		TH_LOG("CPUs of %d: %.64s", tid, cpus);
	}
	reported = bitmap_of(attr, sched->mems_off, sched->mems_len);
	expected = parse_list(mems ? mems + strspn(mems, " \t") : "");
	EXPECT_EQ(0, memcmp(&expected, &reported, sizeof(expected))) {
		TH_LOG("memory nodes of %d: %.64s", tid, mems);
	}
	EXPECT_EQ(!!mems, has(sched, TASK_DIAG_SCHED_VALID_MEMS));
	/* The bitmaps follow the structure, and nothing follows them. */
	EXPECT_EQ(sizeof(*sched), sched->cpus_off);
	EXPECT_EQ(attr->len,
		  sizeof(*sched) + sched->cpus_len + sched->mems_len);
	free(status);
}

FIXTURE(sched) {
	struct td_sock sock;
	int proc;
};

FIXTURE_SETUP(sched)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(sched)
{
	close(self->proc);
	td_close(&self->sock);
}

FIXTURE_VARIANT(sched) {
	__u64 strategy;
	__u64 more;		/* groups besides SCHED */
};

FIXTURE_VARIANT_ADD(sched, processes) {
	.strategy = TASK_DIAG_DUMP_ALL,
};

FIXTURE_VARIANT_ADD(sched, threads) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD,
};

FIXTURE_VARIANT_ADD(sched, behind_base_and_cred) {
	.strategy = TASK_DIAG_DUMP_ALL,
	.more = TD_BASE_CRED | TASK_DIAG_SHOW_OOM,
};

FIXTURE_VARIANT_ADD(sched, before_appended_groups) {
	.strategy = TASK_DIAG_DUMP_ALL,
	.more = TASK_DIAG_SHOW_CMDLINE | TASK_DIAG_SHOW_FILES,
};

TEST_F(sched, test_tasks_equal_system_calls_and_procfs)
{
	struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_SCHED | variant->more,
		.dump_strategy = variant->strategy,
	};
	size_t i, compared = 0;
	struct td_answer a;

	query.show_flags &= ~td_module_missing_groups(&self->sock,
						      variant->more);
	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	for (i = 0; i < a.rows; i++) {
		const struct td_row *row = &a.row[i];
		const pid_t tid = row->msg.pid;
		struct td_attr attr;

		ASSERT_NE(0ULL, row->groups & TASK_DIAG_SHOW_SCHED);
		/* The scheduling of other tasks may change meanwhile. */
		if (!test_tasks_has(&tasks, row->msg.tgid))
			continue;
		ASSERT_TRUE(find_sched(&a, row, &attr));
		compare_attr(_metadata, tid, &row->sched);
		compare_ioprio(_metadata, tid, &row->sched);
		compare_files(_metadata, self->proc, tid, &row->sched);
		compare_stat(_metadata, self->proc, tid, &row->sched);
		compare_bitmaps(_metadata, self->proc, tid, &attr, &row->sched);
		compared++;
	}
	EXPECT_LE(ARRAY_SIZE(kinds) + tasks.pool.nr, compared);
	td_answer_free(&a);
}

FIXTURE(single) {
	struct td_sock sock;
	int proc;
};

FIXTURE_SETUP(single)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(single)
{
	close(self->proc);
	td_close(&self->sock);
}

static struct task_diag_sched sched_of(struct __test_metadata *_metadata,
				       struct td_sock *sock, const char *name)
{
	struct task_diag_sched sched;
	struct td_answer a;

	td_get_row(_metadata, sock, TASK_DIAG_SHOW_SCHED,
		   test_tasks_pid(&tasks, name), &a);
	sched = a.row[0].sched;
	td_answer_free(&a);
	return sched;
}

/* The special tasks have the values that they have set. */
TEST_F(single, special_tasks_have_their_values)
{
	struct task_diag_sched sched;
	struct td_answer a;
	struct td_attr attr;

	sched = sched_of(_metadata, &self->sock, "deadline");
	EXPECT_EQ(DEADLINE, (int)sched.policy);
	EXPECT_EQ(2 * MS, sched.runtime);
	EXPECT_EQ(50 * MS, sched.deadline);
	EXPECT_EQ(100 * MS, sched.period);
	EXPECT_EQ(SCHED_FLAG_RESET_ON_FORK, (int)sched.flags);
	sched = sched_of(_metadata, &self->sock, "rr");
	EXPECT_EQ(SCHED_RR, (int)sched.policy);
	EXPECT_EQ(42U, sched.rt_priority);
	EXPECT_EQ(-43, sched.priority);
	EXPECT_EQ(SCHED_FLAG_RESET_ON_FORK, (int)sched.flags);
	sched = sched_of(_metadata, &self->sock, "nice");
	EXPECT_EQ(-7, sched.nice);
	EXPECT_EQ(13, sched.priority);
	EXPECT_EQ(IOPRIO(CLASS_BE, 2), (int)sched.ioprio_effective);
	EXPECT_EQ(0U, sched.ioprio >> 13);
	sched = sched_of(_metadata, &self->sock, "idle");
	EXPECT_EQ(CLASS_IDLE, (int)sched.ioprio_effective >> 13);
	sched = sched_of(_metadata, &self->sock, "ioprio rt");
	EXPECT_EQ(IOPRIO(CLASS_RT, 3), (int)sched.ioprio);
	EXPECT_EQ(IOPRIO(CLASS_RT, 3), (int)sched.ioprio_effective);
	sched = sched_of(_metadata, &self->sock, "slack");
	EXPECT_EQ(SLACK, sched.timer_slack);
	sched = sched_of(_metadata, &self->sock, "autogroup");
	if (sched.valid & TASK_DIAG_SCHED_VALID_AUTOGROUP) {
		EXPECT_EQ(3, sched.autogroup_nice);
		EXPECT_NE(0U, sched.autogroup);
	}
	sched = sched_of(_metadata, &self->sock, "uclamp");
	if (sched.valid & TASK_DIAG_SCHED_VALID_UCLAMP) {
		EXPECT_EQ(100U, sched.util_min);
		EXPECT_EQ(700U, sched.util_max);
	}
	td_get_row(_metadata, &self->sock, TASK_DIAG_SHOW_SCHED,
		   test_tasks_pid(&tasks, "affinity"), &a);
	ASSERT_TRUE(find_sched(&a, &a.row[0], &attr));
	EXPECT_EQ(1U, bitmap_of(&attr, sched.cpus_off,
				sched.cpus_len).word[0]);
	td_answer_free(&a);
}

/* --- access --------------------------------------------------------------- */

static void expect_slack(struct __test_metadata *_metadata,
			 struct td_sock *sock, pid_t pid, bool shown)
{
	struct td_answer a;

	td_get_row(_metadata, sock, TASK_DIAG_SHOW_SCHED, pid, &a);
	EXPECT_EQ(shown, has(&a.row[0].sched,
			     TASK_DIAG_SCHED_VALID_TIMER_SLACK)) {
		TH_LOG("timer slack of %d for %d", pid, getpid());
	}
	if (!shown)
		EXPECT_EQ(0U, a.row[0].sched.timer_slack);
	/* All other fields equal the results of the system calls. */
	compare_attr(_metadata, pid, &a.row[0].sched);
	compare_ioprio(_metadata, pid, &a.row[0].sched);
	td_answer_free(&a);
}

/* The rule of /proc/PID/timerslack_ns: CAP_SYS_NICE, or the thread itself. */
TEST_F(single, timer_slack_needs_cap_sys_nice)
{
	struct credentials nice = user;
	const pid_t other = test_tasks_pid(&tasks, "user");
	struct td_sock sock;
	pid_t child;

	expect_slack(_metadata, &self->sock, other, true);

	child = td_fork_as(_metadata, &user);
	if (!child) {
		char *slack = read_of_thread(self->proc, other,
					     "timerslack_ns");

		EXPECT_EQ(NULL, slack);
		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		expect_slack(_metadata, &sock, other, false);
		expect_slack(_metadata, &sock, getpid(), true);
		_exit(!__test_passed(_metadata));
	}
	EXPECT_EXIT_0(child);

	/* A socket of root does not give the right to the sender. */
	child = td_fork_as(_metadata, &user);
	if (!child) {
		expect_slack(_metadata, &self->sock, other, false);
		_exit(!__test_passed(_metadata));
	}
	EXPECT_EXIT_0(child);

	nice.permitted = CAP_BIT(CAP_SYS_NICE);
	nice.effective = CAP_BIT(CAP_SYS_NICE);
	child = td_fork_as(_metadata, &nice);
	if (!child) {
		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		expect_slack(_metadata, &sock, getpid(), true);
		expect_slack(_metadata, &sock, other, true);
		_exit(!__test_passed(_metadata));
	}
	EXPECT_EXIT_0(child);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_test_tasks, end_test_tasks,
		       tasks.pool.error);
}
