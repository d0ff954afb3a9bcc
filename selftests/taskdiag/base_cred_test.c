// SPDX-License-Identifier: GPL-2.0-only
/*
 * The oracle test: some hundreds of tasks, unlike each other in everything that
 * BASE and CRED tell, and every field of every one as procfs has it.
 */
#include <sys/prctl.h>
#include <linux/securebits.h>

#include "lib/expected_task.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"

/* How many times each kind of process below is made, under other ids. */
#define GENERATIONS 15

/* Ids that no two fields of a generation share. */
#define FIRST_ID 20000

/* 15 bytes are what fits; the last ones are cut off there. */
static const char * const names[] = {
	"plain",
	"with space",
	" leading",
	"trailing ",
	"(in parens)",
	"a) R 1 1 1 (b",
	"))))",
	"new\nline",
	"\n",
	"tab\tand\\slash",
	"\x01\x1b\x7f",
	"\xff\xfe\xc3(",
	"h\xc3\xa4lf way \xc3\xbc\xc3\xbc\xc3",
	"",
	"fifteen bytes!!",
	"sixteen bytes!!!",
	"far more than sixteen bytes",
};

/* Kinds of credentials; the ids are put in per process. */
static const struct identity identities[] = {
	{},
	{ .no_new_privs = true },
	{
		.permitted = CAP_EVERY, .effective = CAP_EVERY,
	},
	{
		.permitted = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_NET_RAW) |
			     CAP_BIT(CAP_CHECKPOINT_RESTORE),
		.effective = CAP_BIT(CAP_NET_RAW),
		.inheritable = CAP_BIT(CAP_CHOWN),
	},
	{
		.permitted = CAP_BIT(CAP_BPF) | CAP_BIT(CAP_KILL),
		.effective = CAP_BIT(CAP_BPF),
		.inheritable = CAP_BIT(CAP_BPF) | CAP_BIT(CAP_KILL),
		.ambient = CAP_BIT(CAP_KILL),
		.securebits = SECBIT_NO_CAP_AMBIENT_RAISE,
	},
	{
		.dropped = CAP_BIT(CAP_SYS_BOOT) | CAP_BIT(CAP_PERFMON),
		.securebits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED,
		.undumpable = true,
	},
	{
		.permitted = CAP_BIT(CAP_SETPCAP),
		.dropped = CAP_EVERY,
		.securebits = SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP |
			      SECBIT_NO_SETUID_FIXUP_LOCKED,
		.no_new_privs = true,
	},
};

/* Kinds of processes; name and credentials are put in by turns. */
static const struct member_spec kinds[] = {
	{ .pose = POSE_SLEEPS },
	{ .pose = POSE_SLEEPS, .own_session = true },
	{ .pose = POSE_SLEEPS, .own_group = true },
	{ .pose = POSE_SLEEPS, .threads = 3 },
	{ .pose = POSE_SLEEPS, .threads = 3, .threads_differ = true },
	{ .pose = POSE_SLEEPS, .own_session = true, .children = 2 },
	{ .pose = POSE_SLEEPS, .threads = 1, .children = 4 },
	{ .pose = POSE_STOPPED },
	{ .pose = POSE_STOPPED, .threads = 2, .threads_differ = true },
	{ .pose = POSE_ZOMBIE },
	{ .pose = POSE_ZOMBIE, .own_group = true },
	{ .pose = POSE_ZOMBIE, .own_session = true },
	{ .pose = POSE_LEADER_GONE, .threads = 2, .threads_differ = true },
	{ .pose = POSE_LEADER_GONE, .threads = 1, .children = 3 },
	{ .pose = POSE_TRACED },
	{ .pose = POSE_TRACED, .threads = 1 },
	{ .pose = POSE_TRACE_STOPPED },
	{ .pose = POSE_TRACE_STOPPED, .own_session = true },
};

/* Made once, before the tests. */
static struct population pop;
static struct identity *made;	/* one a member: specs point at them */

static struct ids next_ids(void)
{
	static __u32 id = FIRST_ID;
	const struct ids ids = { id, id + 1, id + 2, id + 3 };

	id += 4;
	return ids;
}

static int make_population(void)
{
	const size_t nr = GENERATIONS * ARRAY_SIZE(kinds);
	size_t i;
	int err;

	made = calloc(nr, sizeof(*made));
	if (!made)
		return -ENOMEM;
	err = population_begin(&pop);
	for (i = 0; !err && i < nr; i++) {
		struct member_spec spec = kinds[i % ARRAY_SIZE(kinds)];

		/* These counts have no common factor, so that all meet. */
		made[i] = identities[i % ARRAY_SIZE(identities)];
		made[i].uid = next_ids();
		made[i].gid = next_ids();
		spec.name = names[i % ARRAY_SIZE(names)];
		spec.who = &made[i];
		err = population_add(&pop, &spec);
	}
	return err ?: population_settle(&pop);
}

FIXTURE(oracle) {
	struct td_sock sock;
	int proc;
};

FIXTURE_SETUP(oracle)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(oracle)
{
	close(self->proc);
	td_close(&self->sock);
}

/* Did the task keep still between the two snapshots, its state aside? */
static bool kept_still(const struct procfs_task *before,
		       const struct procfs_task *after)
{
	struct procfs_task a = *before, b = *after;

	a.base.state = 0;
	b.base.state = 0;
	/* What a kernel thread is doing is part of its name in procfs. */
	if (a.kernel_thread) {
		memset(a.name, 0, sizeof(a.name));
		memset(b.name, 0, sizeof(b.name));
	}
	return !memcmp(&a, &b, sizeof(a));
}

/* The tasks that were made for this, whose state is known to stay. */
static int known_tasks(int proc, bool threads, struct idset *known)
{
	size_t i, j;
	int err = 0;

	for (i = 0; !err && i < pop.nr; i++) {
		const struct member *member = &pop.member[i];
		struct idset pids = {};

		err = idset_add(&pids, member->pid);
		if (!err && member->tracer)
			err = idset_add(&pids, member->tracer);
		err = err ?: procfs_children(proc, member->pid, &pids);
		for (j = 0; !err && j < pids.nr; j++)
			err = threads ?
				procfs_threads(proc, pids.id[j], known) :
				idset_add(known, pids.id[j]);
		idset_free(&pids);
	}
	return err;
}

/* Every row between two snapshots, and every task in both of them. */
static void compare_all(struct __test_metadata *_metadata, struct td_sock *sock,
			int proc, bool threads)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = threads ? TASK_DIAG_DUMP_ALL_THREAD :
					   TASK_DIAG_DUMP_ALL,
	};
	struct procfs_snapshot before, after;
	size_t i, compared = 0, of_known = 0;
	struct idset known = {};
	struct td_answer a;
	char text[160];

	ASSERT_EQ(0, known_tasks(proc, threads, &known));
	ASSERT_EQ(0, procfs_snapshot(proc, threads, &before));
	ASSERT_EQ(0, td_query(sock, &what, NLM_F_DUMP, &a));
	ASSERT_EQ(0, procfs_snapshot(proc, threads, &after));
	ASSERT_GOOD(&a);

	for (i = 0; i < before.nr; i++) {
		const struct procfs_task *task = &before.task[i], *later;
		const __u32 pid = task->base.pid;
		const struct td_row *row = td_find(&a, pid);

		later = procfs_find(&after, pid);
		if (!later || !kept_still(task, later))
			continue;
		EXPECT_NE(NULL, row) {
			TH_LOG("%u, \"%s\", is not dumped", pid, task->name);
		}
		if (!row)
			continue;
		EXPECT_TRUE(oracle_agrees(row, task, idset_has(&known, pid),
					  text, sizeof(text))) {
			TH_LOG("%u of %u: %s", pid, task->base.tgid, text);
		}
		compared++;
		of_known += idset_has(&known, pid);
	}
	for (i = 0; i < a.rows; i++) {
		const __u32 pid = a.row[i].msg.pid;

		EXPECT_TRUE(procfs_find(&before, pid) ||
			    procfs_find(&after, pid)) {
			TH_LOG("%u is not in procfs", pid);
		}
	}

	/* All that was made was compared, and the system is more than that. */
	EXPECT_EQ(known.nr, of_known);
	EXPECT_LT(pop.nr, known.nr);
	EXPECT_LT(known.nr, compared);
	TH_LOG("compared %zu tasks, %zu of them made for this", compared,
	       of_known);
	procfs_snapshot_free(&before);
	procfs_snapshot_free(&after);
	idset_free(&known);
	td_answer_free(&a);
}

TEST_F(oracle, every_process)
{
	compare_all(_metadata, &self->sock, self->proc, false);
}

TEST_F(oracle, every_thread)
{
	compare_all(_metadata, &self->sock, self->proc, true);
}

/* What a strategy has to say about a task does not depend on the strategy. */
TEST_F(oracle, one_by_one)
{
	size_t i;

	for (i = 0; i < pop.nr; i++) {
		const struct task_diag_pid what = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
			.pid = pop.member[i].pid,
		};
		struct procfs_task task;
		struct td_answer a;
		char text[160];

		ASSERT_EQ(0, procfs_read(self->proc, what.pid, 0, &task));
		ASSERT_EQ(0, td_query(&self->sock, &what, 0, &a));
		ASSERT_GOOD(&a);
		ASSERT_EQ(1U, a.rows);
		EXPECT_TRUE(oracle_agrees(&a.row[0], &task, true, text,
					  sizeof(text))) {
			TH_LOG("%u: %s", what.pid, text);
		}
		td_answer_free(&a);
	}
}

/* Are all the ids those that were asked for? */
static bool ids_are(const struct ids *ids, __u32 real, __u32 effective,
		    __u32 saved, __u32 fs)
{
	return ids->real == real && ids->effective == effective &&
	       ids->saved == saved && ids->fs == fs;
}

/*
 * The same against the specification: what procfs does not show, and that the
 * population is what it claims to be.
 */
TEST_F(oracle, as_they_were_made)
{
	static const __u8 states[] = {
		[POSE_SLEEPS] = TASK_DIAG_INTERRUPTIBLE,
		[POSE_STOPPED] = TASK_DIAG_STOPPED,
		[POSE_ZOMBIE] = TASK_DIAG_ZOMBIE,
		[POSE_LEADER_GONE] = TASK_DIAG_ZOMBIE,
		[POSE_TRACED] = TASK_DIAG_INTERRUPTIBLE,
		[POSE_TRACE_STOPPED] = TASK_DIAG_TRACE_STOP,
	};
	const struct task_diag_pid what = { .show_flags = TD_BASE_CRED };
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP, &a));
	ASSERT_GOOD(&a);
	for (i = 0; i < pop.nr; i++) {
		const struct member *member = &pop.member[i];
		const struct td_row *row = td_find(&a, member->pid);
		const struct member_spec *spec = &member->spec;
		const struct identity *who = spec->who;
		char name[TASK_DIAG_COMM_LEN] = {};

		ASSERT_NE(NULL, row);
		snprintf(name, sizeof(name), "%s", spec->name);
		EXPECT_EQ(0, memcmp(name, row->base.comm, sizeof(name)));
		EXPECT_EQ(states[spec->pose], row->base.state);
		EXPECT_EQ(pop.maker, (pid_t)row->base.ppid);
		EXPECT_EQ(member->tracer_thread, (pid_t)row->base.tpid);
		EXPECT_EQ(spec->own_session,
			  row->base.sid == (__u32)member->pid);
		EXPECT_EQ(spec->own_session || spec->own_group,
			  row->base.pgid == (__u32)member->pid);
		EXPECT_TRUE(ids_are(&who->uid, row->cred.uid, row->cred.euid,
				    row->cred.suid, row->cred.fsuid));
		EXPECT_TRUE(ids_are(&who->gid, row->cred.gid, row->cred.egid,
				    row->cred.sgid, row->cred.fsgid));
		EXPECT_EQ(who->securebits, row->cred.securebits);
		EXPECT_EQ((__u32)who->no_new_privs, row->cred.no_new_privs);
	}
	td_answer_free(&a);
}

/* A thread has a name and credentials of its own, and its process's relatives. */
TEST_F(oracle, threads_differ)
{
	size_t i, j, differing = 0;

	for (i = 0; i < pop.nr; i++) {
		const struct member *member = &pop.member[i];
		const struct task_diag_pid what = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = TASK_DIAG_DUMP_THREAD,
			.pid = member->pid,
		};
		const struct td_row *leader;
		struct td_answer a;

		if (!member->spec.threads_differ)
			continue;
		ASSERT_EQ(0, td_query(&self->sock, &what, NLM_F_DUMP, &a));
		ASSERT_GOOD(&a);
		ASSERT_EQ(1U + member->spec.threads, a.rows);
		leader = td_find(&a, member->pid);
		ASSERT_NE(NULL, leader);
		for (j = 0; j < a.rows; j++) {
			const struct td_row *row = &a.row[j];

			EXPECT_EQ(member->pid, (pid_t)row->base.tgid);
			EXPECT_EQ(leader->base.ppid, row->base.ppid);
			EXPECT_EQ(leader->base.sid, row->base.sid);
			EXPECT_EQ(leader->base.pgid, row->base.pgid);
			if (row == leader)
				continue;
			EXPECT_EQ(0, strncmp("thread ", row->base.comm, 7));
			EXPECT_NE(leader->cred.uid, row->cred.uid);
			EXPECT_EQ(leader->cred.uid, row->cred.euid);
			differing++;
		}
		td_answer_free(&a);
	}
	EXPECT_LT(0U, differing);
}

/* What a longer name has left behind in memory is not part of a shorter one. */
TEST_F(oracle, nothing_is_left_of_a_longer_name)
{
	const struct task_diag_pid what = {
		.show_flags = TASK_DIAG_SHOW_BASE,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	static const char expected[TASK_DIAG_COMM_LEN] = "x";
	struct td_answer a;

	ASSERT_EQ(0, prctl(PR_SET_NAME, "fifteen bytes!!"));
	ASSERT_EQ(0, prctl(PR_SET_NAME, "x"));
	ASSERT_EQ(0, td_query(&self->sock, &what, 0, &a));
	ASSERT_GOOD(&a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_EQ(0, memcmp(expected, a.row[0].base.comm, sizeof(expected)));
	td_answer_free(&a);
}

static void end_population(void)
{
	population_end(&pop);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_population, end_population, pop.error);
}
