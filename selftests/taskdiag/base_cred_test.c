// SPDX-License-Identifier: GPL-2.0-only
/*
 * BASE and CRED: several hundred tasks that differ in all properties these
 * groups report; each field of each task must equal procfs.
 */
#include <sys/prctl.h>
#include <linux/securebits.h>

#include "lib/expected_task.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"

/* Number of processes of each kind below, each with ids of its own. */
#define GENERATIONS 15

/* No two fields of a generation share an id. */
#define FIRST_ID 20000

/*
 * A name has up to 15 bytes; the kernel truncates the last names of the list.
 */
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

/* Kinds of credentials; make_pool() sets the ids of each process. */
static const struct credentials credential_kinds[] = {
	{},
	{ .no_new_privs = true },
	{
		.permitted = CAP_ALL, .effective = CAP_ALL,
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
		.dropped = CAP_ALL,
		.securebits = SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP |
			      SECBIT_NO_SETUID_FIXUP_LOCKED,
		.no_new_privs = true,
	},
};

/* Kinds of processes; make_pool() sets their names and credentials in turn. */
static const struct task_spec kinds[] = {
	{ .state = POOL_SLEEPING },
	{ .state = POOL_SLEEPING, .own_session = true },
	{ .state = POOL_SLEEPING, .own_group = true },
	{ .state = POOL_SLEEPING, .threads = 3 },
	{ .state = POOL_SLEEPING, .threads = 3, .threads_differ = true },
	{ .state = POOL_SLEEPING, .own_session = true, .children = 2 },
	{ .state = POOL_SLEEPING, .threads = 1, .children = 4 },
	{ .state = POOL_STOPPED },
	{ .state = POOL_STOPPED, .threads = 2, .threads_differ = true },
	{ .state = POOL_ZOMBIE },
	{ .state = POOL_ZOMBIE, .own_group = true },
	{ .state = POOL_ZOMBIE, .own_session = true },
	{ .state = POOL_LEADER_EXITED, .threads = 2, .threads_differ = true },
	{ .state = POOL_LEADER_EXITED, .threads = 1, .children = 3 },
	{ .state = POOL_TRACED },
	{ .state = POOL_TRACED, .threads = 1 },
	{ .state = POOL_TRACE_STOPPED },
	{ .state = POOL_TRACE_STOPPED, .own_session = true },
};

/* Made once, before the tests. */
static struct task_pool pool;
static struct credentials *made_creds;	/* one per task, for specs */

static struct ids next_ids(void)
{
	static __u32 id = FIRST_ID;
	const struct ids ids = { id, id + 1, id + 2, id + 3 };

	id += 4;
	return ids;
}

static int make_pool(void)
{
	const size_t nr = GENERATIONS * ARRAY_SIZE(kinds);
	size_t i;
	int err;

	made_creds = calloc(nr, sizeof(*made_creds));
	if (!made_creds)
		return -ENOMEM;
	err = task_pool_begin(&pool);
	for (i = 0; !err && i < nr; i++) {
		struct task_spec spec = kinds[i % ARRAY_SIZE(kinds)];

		/* The array sizes are coprime, so all combinations occur. */
		made_creds[i] =
			credential_kinds[i % ARRAY_SIZE(credential_kinds)];
		made_creds[i].uid = next_ids();
		made_creds[i].gid = next_ids();
		spec.name = names[i % ARRAY_SIZE(names)];
		spec.creds = &made_creds[i];
		err = task_pool_add(&pool, &spec);
	}
	return err ?: task_pool_settle(&pool);
}

FIXTURE(base_cred) {
	struct td_sock sock;
	int proc;
};

FIXTURE_SETUP(base_cred)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(base_cred)
{
	close(self->proc);
	td_close(&self->sock);
}

/*
 * Return true if the task has not changed between two snapshots, except for its
 * state.
 */
static bool is_unchanged(const struct procfs_task *before,
			 const struct procfs_task *after)
{
	struct procfs_task a = *before, b = *after;

	a.base.state = 0;
	b.base.state = 0;
	/* procfs appends the current work of a kernel thread to its name. */
	if (a.kernel_thread) {
		memset(a.name, 0, sizeof(a.name));
		memset(b.name, 0, sizeof(b.name));
	}
	return !memcmp(&a, &b, sizeof(a));
}

/* List the tasks that this program has made; their states do not change. */
static int known_tasks(int proc, bool threads, struct pid_set *known)
{
	size_t i, j;
	int err = 0;

	for (i = 0; !err && i < pool.nr; i++) {
		const struct pool_task *pool_task = &pool.task[i];
		struct pid_set pids = {};

		err = pid_set_add(&pids, pool_task->pid);
		if (!err && pool_task->tracer)
			err = pid_set_add(&pids, pool_task->tracer);
		err = err ?: procfs_children(proc, pool_task->pid, &pids);
		for (j = 0; !err && j < pids.nr; j++)
			err = threads ?
				procfs_threads(proc, pids.id[j], known) :
				pid_set_add(known, pids.id[j]);
		pid_set_free(&pids);
	}
	return err;
}

/*
 * Compare each row with the snapshots before and after the dump, and check that
 * each task in both snapshots has a row.
 */
static void compare_all(struct __test_metadata *_metadata, struct td_sock *sock,
			int proc, bool threads)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = threads ? TASK_DIAG_DUMP_ALL_THREAD :
					   TASK_DIAG_DUMP_ALL,
	};
	struct procfs_snapshot before, after;
	size_t i, compared = 0, of_known = 0;
	struct pid_set known = {};
	struct td_answer a;
	char text[160];

	ASSERT_EQ(0, known_tasks(proc, threads, &known));
	ASSERT_EQ(0, procfs_snapshot(proc, threads, &before));
	ASSERT_EQ(0, td_query(sock, &query, NLM_F_DUMP, &a));
	ASSERT_EQ(0, procfs_snapshot(proc, threads, &after));
	ASSERT_SUCCESS(&a);

	for (i = 0; i < before.nr; i++) {
		const struct procfs_task *task = &before.task[i], *later;
		const __u32 pid = task->base.pid;
		const struct td_row *row = td_find_row(&a, pid);

		later = procfs_find(&after, pid);
		if (!later || !is_unchanged(task, later))
			continue;
		EXPECT_NE(NULL, row) {
			TH_LOG("no row of task %u, \"%s\"", pid, task->name);
		}
		if (!row)
			continue;
		EXPECT_TRUE(expected_task_matches(row, task,
						  pid_set_has(&known, pid),
						  text, sizeof(text)))
		{
			TH_LOG("%u of %u: %s", pid, task->base.tgid, text);
		}
		compared++;
		of_known += pid_set_has(&known, pid);
	}
	for (i = 0; i < a.rows; i++) {
		const __u32 pid = a.row[i].msg.pid;

		EXPECT_TRUE(procfs_find(&before, pid) ||
			    procfs_find(&after, pid)) {
			TH_LOG("task %u is not in procfs", pid);
		}
	}

	/*
	 * All test tasks were compared, and other tasks of the system as well.
	 */
	EXPECT_EQ(known.nr, of_known);
	EXPECT_LT(pool.nr, known.nr);
	EXPECT_LT(known.nr, compared);
	TH_LOG("compared %zu tasks, %zu of them test tasks", compared,
	       of_known);
	procfs_snapshot_free(&before);
	procfs_snapshot_free(&after);
	pid_set_free(&known);
	td_answer_free(&a);
}

TEST_F(base_cred, every_process_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc, false);
}

TEST_F(base_cred, every_thread_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc, true);
}

/* The row of a task is the same under each strategy. */
TEST_F(base_cred, one_equals_procfs)
{
	size_t i;

	for (i = 0; i < pool.nr; i++) {
		const struct task_diag_pid query = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
			.pid = pool.task[i].pid,
		};
		struct procfs_task task;
		struct td_answer a;
		char text[160];

		ASSERT_EQ(0, procfs_read(self->proc, query.pid, 0, &task));
		ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
		ASSERT_SUCCESS(&a);
		ASSERT_EQ(1U, a.rows);
		EXPECT_TRUE(expected_task_matches(&a.row[0], &task, true, text,
						  sizeof(text))) {
			TH_LOG("%u: %s", query.pid, text);
		}
		td_answer_free(&a);
	}
}

/* Return true if the ids equal the requested ones. */
static bool ids_are(const struct ids *ids, __u32 real, __u32 effective,
		    __u32 saved, __u32 fs)
{
	return ids->real == real && ids->effective == effective &&
	       ids->saved == saved && ids->fs == fs;
}

/*
 * Compare with the specification: this covers what procfs does not show and
 * checks that the test tasks are set up as specified.
 */
TEST_F(base_cred, test_tasks_report_their_specification)
{
	static const __u8 states[] = {
		[POOL_SLEEPING] = TASK_DIAG_INTERRUPTIBLE,
		[POOL_STOPPED] = TASK_DIAG_STOPPED,
		[POOL_ZOMBIE] = TASK_DIAG_ZOMBIE,
		[POOL_LEADER_EXITED] = TASK_DIAG_ZOMBIE,
		[POOL_TRACED] = TASK_DIAG_INTERRUPTIBLE,
		[POOL_TRACE_STOPPED] = TASK_DIAG_TRACE_STOP,
	};
	const struct task_diag_pid query = { .show_flags = TD_BASE_CRED };
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	for (i = 0; i < pool.nr; i++) {
		const struct pool_task *pool_task = &pool.task[i];
		const struct td_row *row = td_find_row(&a, pool_task->pid);
		const struct task_spec *spec = &pool_task->spec;
		const struct credentials *creds = spec->creds;
		char name[TASK_DIAG_COMM_LEN] = {};

		ASSERT_NE(NULL, row);
		snprintf(name, sizeof(name), "%s", spec->name);
		EXPECT_EQ(0, memcmp(name, row->base.comm, sizeof(name)));
		EXPECT_EQ(states[spec->state], row->base.state);
		EXPECT_EQ(pool.parent, (pid_t)row->base.ppid);
		EXPECT_EQ(pool_task->tracer_thread, (pid_t)row->base.tpid);
		EXPECT_EQ(spec->own_session,
			  row->base.sid == (__u32)pool_task->pid);
		EXPECT_EQ(spec->own_session || spec->own_group,
			  row->base.pgid == (__u32)pool_task->pid);
		EXPECT_TRUE(ids_are(&creds->uid, row->cred.uid, row->cred.euid,
				    row->cred.suid, row->cred.fsuid));
		EXPECT_TRUE(ids_are(&creds->gid, row->cred.gid, row->cred.egid,
				    row->cred.sgid, row->cred.fsgid));
		EXPECT_EQ(creds->securebits, row->cred.securebits);
		EXPECT_EQ((__u32)creds->no_new_privs, row->cred.no_new_privs);
	}
	td_answer_free(&a);
}

/*
 * A thread has its own name and credentials, and the parent, session and group
 * of its process.
 */
TEST_F(base_cred, threads_report_their_own_name_and_credentials)
{
	size_t i, j, differing = 0;

	for (i = 0; i < pool.nr; i++) {
		const struct pool_task *pool_task = &pool.task[i];
		const struct task_diag_pid query = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = TASK_DIAG_DUMP_THREAD,
			.pid = pool_task->pid,
		};
		const struct td_row *leader;
		struct td_answer a;

		if (!pool_task->spec.threads_differ)
			continue;
		ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
		ASSERT_SUCCESS(&a);
		ASSERT_EQ(1U + pool_task->spec.threads, a.rows);
		leader = td_find_row(&a, pool_task->pid);
		ASSERT_NE(NULL, leader);
		for (j = 0; j < a.rows; j++) {
			const struct td_row *row = &a.row[j];

			EXPECT_EQ(pool_task->pid, (pid_t)row->base.tgid);
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

/* Bytes of a longer previous name must not follow a shorter name. */
TEST_F(base_cred, shorter_name_has_no_rest_of_longer_name)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_BASE,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	static const char expected[TASK_DIAG_COMM_LEN] = "x";
	struct td_answer a;

	ASSERT_EQ(0, prctl(PR_SET_NAME, "fifteen bytes!!"));
	ASSERT_EQ(0, prctl(PR_SET_NAME, "x"));
	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_EQ(0, memcmp(expected, a.row[0].base.comm, sizeof(expected)));
	td_answer_free(&a);
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
