// SPDX-License-Identifier: GPL-2.0-only
/*
 * Visibility: for each caller in a table, a dump has the tasks that the same
 * caller finds in a procfs mounted with hidepid=ptraceable, and other tasks are
 * indistinguishable from unused pids.  First outside all namespaces, then in
 * pid and user namespaces.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/credentials.h"
#include "lib/namespace.h"
#include "lib/procfs.h"
#include "lib/procfs_mount.h"
#include "lib/program.h"
#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

/* Users, and groups with the same ids. */
#define ANN 3001
#define BOB 3002
#define GROUP 3003

#define ANN_IDS { ANN, ANN, ANN, ANN }
#define BOB_IDS { BOB, BOB, BOB, BOB }
#define GROUP_IDS { GROUP, GROUP, GROUP, GROUP }
#define ROOT_IDS { 0, 0, 0, 0 }

/* Other tasks of the system may start or end between two listings. */
#define ATTEMPTS 50

static const struct credentials ann = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
};

static const struct credentials bob = {
	.uid = BOB_IDS,
	.gid = BOB_IDS,
};

static const struct credentials ann_in_another_group = {
	.uid = ANN_IDS,
	.gid = GROUP_IDS,
};

static const struct credentials ann_with_another_egid = {
	.uid = ANN_IDS,
	.gid = { ANN, GROUP, ANN, ANN },
};

static const struct credentials ann_undumpable = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
	.undumpable = true,
};

static const struct credentials ann_with_a_capability = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
	.permitted = CAP_BIT(CAP_NET_RAW),
};

static const struct credentials ann_as_root = {
	.uid = { ANN, 0, 0, 0 },
	.gid = ANN_IDS,
	.permitted = CAP_ALL,
	.effective = CAP_ALL,
};

static const struct credentials ann_with_saved_root = {
	.uid = { ANN, ANN, 0, ANN },
	.gid = ANN_IDS,
};

static const struct credentials root_without_capabilities = {
	.uid = ROOT_IDS,
	.gid = ROOT_IDS,
};

/* The tasks of the test, in addition to those of the system. */
static const struct task_spec targets[] = {
	{ .creds = &ann },
	{ .creds = &ann, .threads = 2 },
	{ .creds = &ann, .state = POOL_STOPPED },
	{ .creds = &ann, .state = POOL_ZOMBIE },
	{ .creds = &ann, .state = POOL_LEADER_EXITED, .threads = 2 },
	{ .creds = &ann, .state = POOL_TRACED },
	{ .creds = &ann, .state = POOL_TRACE_STOPPED },
	{ .creds = &ann, .children = 2 },
	{ .creds = &ann_in_another_group },
	{ .creds = &ann_with_another_egid },
	{ .creds = &ann_undumpable },
	{ .creds = &ann_undumpable, .state = POOL_ZOMBIE },
	{ .creds = &ann_undumpable, .threads = 2 },
	{ .creds = &ann_with_a_capability },
	{ .creds = &ann_as_root },
	{ .creds = &ann_as_root, .state = POOL_ZOMBIE },
	{ .creds = &ann_with_saved_root },
	{ .creds = &ann, .state = POOL_SETUID },
	{ .creds = &ann, .state = POOL_IN_EXEC, .threads = 1 },
	{ .creds = &ann_undumpable, .state = POOL_IN_EXEC, .threads = 1 },
	{ .creds = &bob },
	{ .creds = &bob, .threads = 2 },
	{ .creds = &bob, .state = POOL_STOPPED },
	{ .creds = &bob, .state = POOL_ZOMBIE },
	{ .creds = &bob, .state = POOL_LEADER_EXITED, .threads = 2 },
	{ .creds = &bob, .children = 2 },
	{ .creds = &bob, .state = POOL_TRACED },
	{ .creds = &bob, .state = POOL_SETUID },
	{ .creds = &bob, .state = POOL_IN_EXEC, .threads = 1 },
	{ .creds = &root_without_capabilities },
	{ .creds = &root_without_capabilities, .state = POOL_ZOMBIE },
	{},
	{ .state = POOL_ZOMBIE },
};

/* Made once, before the tests. */
static struct task_pool pool;

static int make_pool(void)
{
	return task_pool_begin(&pool) ?: program_install() ?:
	       procfs_hide_others() ?:
	       task_pool_add_all(&pool, targets, ARRAY_SIZE(targets), 1) ?:
	       task_pool_settle(&pool);
}

/* The callers; procfs determines what each of them sees. */
FIXTURE(caller) {
	pid_t unused_pid;
};

FIXTURE_VARIANT(caller) {
	struct credentials creds;
	bool sees_all;
};

FIXTURE_VARIANT_ADD(caller, root) {
	.creds = {
		.uid = ROOT_IDS, .gid = ROOT_IDS,
		.permitted = CAP_ALL, .effective = CAP_ALL,
	},
	.sees_all = true,
};

FIXTURE_VARIANT_ADD(caller, root_without_cap_sys_ptrace) {
	.creds = {
		.uid = ROOT_IDS, .gid = ROOT_IDS,
		.permitted = ~CAP_BIT(CAP_SYS_PTRACE),
		.effective = ~CAP_BIT(CAP_SYS_PTRACE),
	},
};

FIXTURE_VARIANT_ADD(caller, root_without_capabilities) {
	.creds = { .uid = ROOT_IDS, .gid = ROOT_IDS },
};

FIXTURE_VARIANT_ADD(caller, ann) {
	.creds = { .uid = ANN_IDS, .gid = ANN_IDS },
};

FIXTURE_VARIANT_ADD(caller, bob) {
	.creds = { .uid = BOB_IDS, .gid = BOB_IDS },
};

/* A user that has no other process. */
FIXTURE_VARIANT_ADD(caller, user_without_processes) {
	.creds = { .uid = GROUP_IDS, .gid = GROUP_IDS },
};

/* A task always sees itself. */
FIXTURE_VARIANT_ADD(caller, ann_undumpable) {
	.creds = {
		.uid = ANN_IDS, .gid = ANN_IDS, .undumpable = true,
	},
};

FIXTURE_VARIANT_ADD(caller, ann_in_another_group) {
	.creds = { .uid = ANN_IDS, .gid = GROUP_IDS },
};

/* hidepid=2 would let group 0 see everything. */
FIXTURE_VARIANT_ADD(caller, ann_in_group_0) {
	.creds = { .uid = ANN_IDS, .gid = ROOT_IDS },
};

/* Only the file-system ids count. */
FIXTURE_VARIANT_ADD(caller, ann_with_fs_ids_of_bob) {
	.creds = {
		.uid = { ANN, ANN, ANN, BOB }, .gid = { ANN, ANN, ANN, BOB },
	},
};

FIXTURE_VARIANT_ADD(caller, bob_with_fs_ids_of_ann) {
	.creds = {
		.uid = { BOB, BOB, BOB, ANN }, .gid = { BOB, BOB, BOB, ANN },
	},
};

FIXTURE_VARIANT_ADD(caller, root_with_fs_uid_of_ann) {
	.creds = {
		.uid = { 0, 0, 0, ANN }, .gid = { 0, 0, 0, ANN },
	},
};

FIXTURE_VARIANT_ADD(caller, ann_with_another_fs_gid) {
	.creds = {
		.uid = ANN_IDS, .gid = { ANN, ANN, ANN, GROUP },
	},
};

FIXTURE_VARIANT_ADD(caller, ann_with_cap_sys_ptrace) {
	.creds = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = CAP_BIT(CAP_SYS_PTRACE),
		.effective = CAP_BIT(CAP_SYS_PTRACE),
	},
	.sees_all = true,
};

FIXTURE_VARIANT_ADD(caller, ann_with_ambient_cap_sys_ptrace) {
	.creds = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = CAP_BIT(CAP_SYS_PTRACE),
		.effective = CAP_BIT(CAP_SYS_PTRACE),
		.inheritable = CAP_BIT(CAP_SYS_PTRACE),
		.ambient = CAP_BIT(CAP_SYS_PTRACE),
	},
	.sees_all = true,
};

FIXTURE_VARIANT_ADD(caller, ann_with_permitted_cap_sys_ptrace) {
	.creds = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = CAP_BIT(CAP_SYS_PTRACE),
	},
};

FIXTURE_VARIANT_ADD(caller, ann_with_other_capabilities) {
	.creds = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = ~CAP_BIT(CAP_SYS_PTRACE),
		.effective = ~CAP_BIT(CAP_SYS_PTRACE),
	},
};

/*
 * Equal to the permitted, but not to the effective, capabilities of a target.
 */
FIXTURE_VARIANT_ADD(caller, ann_with_cap_net_raw) {
	.creds = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = CAP_BIT(CAP_NET_RAW),
		.effective = CAP_BIT(CAP_NET_RAW),
	},
};

FIXTURE_SETUP(caller)
{
	/* Only root can distinguish an unused pid from a hidden one. */
	self->unused_pid = td_unused_pid();
	ASSERT_LT(0, self->unused_pid);
}

FIXTURE_TEARDOWN(caller)
{
}

/* The access check applies to the thread itself, not to its leader. */
static int visible_threads(int proc, const struct pid_set *tids,
			   struct pid_set *visible)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < tids->nr; i++) {
		struct stat st;
		char path[16];

		snprintf(path, sizeof(path), "%u", tids->id[i]);
		if (!fstatat(proc, path, &st, 0))
			err = pid_set_add(visible, tids->id[i]);
		else if (errno != ENOENT && errno != ESRCH)
			err = -errno;
	}
	return err;
}

/* List all threads of the pool, as root. */
static int list_pool_threads(struct pid_set *tids)
{
	int proc = procfs_open();
	int err = 0;
	size_t i;

	if (proc < 0)
		return -errno;
	for (i = 0; !err && i < pool.nr; i++)
		err = procfs_threads(proc, pool.task[i].pid, tids);
	close(proc);
	return err;
}

static int dump_to_set(struct td_sock *sock, __u64 strategy,
		       struct pid_set *ids, char *fault, size_t size)
{
	const struct task_diag_pid kind = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = strategy,
	};
	struct td_answer a;
	int err;

	err = td_query(sock, &kind, NLM_F_DUMP, &a);
	if (!err)
		err = -a.end.error;
	snprintf(fault, size, "%s", a.fault);
	err = err ?: visible_pids_in(&a, ids);
	td_answer_free(&a);
	return err;
}

/*
 * Runs in the caller: compare its own procfs with a dump over its own socket.
 * @seen receives the pids that both show.
 */
static void expect_procfs_pids(struct __test_metadata *_metadata,
			       struct pid_set *seen)
{
	struct td_sock sock;
	int proc, attempt;

	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	proc = procfs_open();
	EXPECT_LE(0, proc);
	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct pid_set before = {}, after = {};
		char text[200];
		bool unchanged;

		pid_set_free(seen);
		memset(seen, 0, sizeof(*seen));
		EXPECT_EQ(0, procfs_processes(proc, &before));
		EXPECT_EQ(0, dump_to_set(&sock, TASK_DIAG_DUMP_ALL, seen, text,
					 sizeof(text)));
		EXPECT_STREQ("", text);
		EXPECT_EQ(0, procfs_processes(proc, &after));
		unchanged = pid_set_equal(&before, &after);
		if (unchanged) {
			EXPECT_TRUE(pid_set_equal(&before, seen)) {
				pid_set_difference(&before, seen, text,
						   sizeof(text));
				TH_LOG("in procfs only:%s", text);
				pid_set_difference(seen, &before, text,
						   sizeof(text));
				TH_LOG("in the dump only:%s", text);
			}
		}
		pid_set_free(&before);
		pid_set_free(&after);
		if (unchanged)
			break;
	}
	EXPECT_LT(attempt, ATTEMPTS) {
		TH_LOG("procfs changed during every attempt");
	}
	EXPECT_TRUE(pid_set_has(seen, getpid()));
	close(proc);
	td_close(&sock);
}

/*
 * Return true if @seen contains the whole pool.  A caller that sees all or
 * nothing is a trivial case.
 */
static bool contains_all(const struct pid_set *seen, const struct task_pool *p)
{
	size_t i;

	for (i = 0; i < p->nr; i++)
		if (!pid_set_has(seen, p->task[i].pid))
			return false;
	return true;
}

static void compare_processes(struct __test_metadata *_metadata,
			      bool sees_all)
{
	struct pid_set seen = {};

	expect_procfs_pids(_metadata, &seen);
	EXPECT_EQ(sees_all, contains_all(&seen, &pool));
	EXPECT_EQ(sees_all, pid_set_has(&seen, 1));
	pid_set_free(&seen);
}

/* The threads of the pool are known and do not change. */
static void compare_threads(struct __test_metadata *_metadata,
			    const struct pid_set *tids)
{
	struct pid_set visible = {}, rows = {}, known_rows = {};
	struct td_sock sock;
	char text[200];
	size_t i;
	int proc;

	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	proc = procfs_open();
	EXPECT_LE(0, proc);
	EXPECT_EQ(0, visible_threads(proc, tids, &visible));
	EXPECT_EQ(0, dump_to_set(&sock, TASK_DIAG_DUMP_ALL_THREAD, &rows, text,
				 sizeof(text)));
	EXPECT_STREQ("", text);
	for (i = 0; i < tids->nr; i++)
		if (pid_set_has(&rows, tids->id[i]))
			EXPECT_EQ(0, pid_set_add(&known_rows, tids->id[i]));
	EXPECT_TRUE(pid_set_equal(&visible, &known_rows)) {
		pid_set_difference(&visible, &known_rows, text, sizeof(text));
		TH_LOG("in procfs only:%s", text);
		pid_set_difference(&known_rows, &visible, text, sizeof(text));
		TH_LOG("in the dump only:%s", text);
	}
}

/* The bytes of a reply; NETLINK_CAP_ACK excludes the request from them. */
static ssize_t query_raw(struct td_sock *sock, __u64 strategy, __u16 flags,
			 pid_t pid, unsigned char *bytes, size_t size)
{
	const struct task_diag_pid kind = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = strategy,
		.pid = pid,
	};

	return td_query_raw(sock, &kind, flags, bytes, size);
}

/*
 * The reply for a hidden pid equals the reply for an unused one, byte by byte.
 */
static void expect_hidden_equals_absent(struct __test_metadata *_metadata,
					const struct pid_set *tids,
					pid_t unused_pid, bool sees_all)
{
	static const struct {
		__u64 strategy;
		__u16 flags;
	} requests[] = {
		{ TASK_DIAG_DUMP_ONE, 0 },
		{ TASK_DIAG_DUMP_ONE, NLM_F_DUMP },
		{ TASK_DIAG_DUMP_CHILDREN, NLM_F_DUMP },
		{ TASK_DIAG_DUMP_THREAD, NLM_F_DUMP },
	};
	unsigned char absent[512], hidden[512];
	struct pid_set visible = {};
	struct td_sock sock;
	size_t i, nr, compared = 0;
	int proc;

	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	proc = procfs_open();
	EXPECT_LE(0, proc);
	EXPECT_EQ(0, visible_threads(proc, tids, &visible));
	for (nr = 0; nr < ARRAY_SIZE(requests); nr++) {
		const __u64 strategy = requests[nr].strategy;
		const __u16 flags = requests[nr].flags;
		const struct nlmsghdr *nlh = (const void *)absent;
		const struct nlmsgerr *error = NLMSG_DATA(nlh);
		ssize_t len;

		len = query_raw(&sock, strategy, flags, unused_pid, absent,
				sizeof(absent));
		EXPECT_LE((ssize_t)NLMSG_LENGTH(sizeof(*error)), len);
		EXPECT_EQ(NLMSG_ERROR, (int)nlh->nlmsg_type);
		EXPECT_EQ(-ESRCH, error->error);

		for (i = 0; i < tids->nr; i++) {
			ssize_t hidden_len;

			if (pid_set_has(&visible, tids->id[i]))
				continue;
			hidden_len = query_raw(&sock, strategy, flags,
					       tids->id[i], hidden,
					       sizeof(hidden));
			EXPECT_EQ(len, hidden_len);
			EXPECT_EQ(0, memcmp(absent, hidden, len));
			compared++;
		}
	}
	EXPECT_EQ(sees_all, !compared);
}

/* Fork a child that has the credentials of the caller.  Returns 0 there. */
static pid_t start_caller(struct __test_metadata *_metadata,
			  const struct credentials *creds)
{
	pid_t pid = fork();
	const char *step = "";

	ASSERT_LE(0, pid);
	if (!pid) {
		if (!credentials_assume(creds, &step))
			return 0;
		TH_LOG("%s: %s", step, strerror(errno));
		_exit(1);
	}
	return pid;
}

TEST_F(caller, sees_processes_shown_by_procfs)
{
	pid_t pid = start_caller(_metadata, &variant->creds);

	if (!pid) {
		compare_processes(_metadata, variant->sees_all);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

TEST_F(caller, sees_threads_shown_by_procfs)
{
	struct pid_set tids = {};
	pid_t pid;

	ASSERT_EQ(0, list_pool_threads(&tids));
	ASSERT_LT(pool.nr, tids.nr);
	pid = start_caller(_metadata, &variant->creds);
	if (!pid) {
		compare_threads(_metadata, &tids);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	pid_set_free(&tids);
}

TEST_F(caller, gets_same_reply_for_hidden_and_unused_pid)
{
	struct pid_set tids = {};
	pid_t pid;

	ASSERT_EQ(0, list_pool_threads(&tids));
	pid = start_caller(_metadata, &variant->creds);
	if (!pid) {
		expect_hidden_equals_absent(_metadata, &tids, self->unused_pid,
					    variant->sees_all);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	pid_set_free(&tids);
}

/*
 * Root of a user namespace of its own, made by different users: it must see its
 * own tasks, and none of the parent namespace.
 */
FIXTURE(user_ns) {
};

FIXTURE_VARIANT(user_ns) {
	struct credentials creds;
};

FIXTURE_VARIANT_ADD(user_ns, of_ann) {
	.creds = { .uid = ANN_IDS, .gid = ANN_IDS },
};

FIXTURE_VARIANT_ADD(user_ns, of_bob) {
	.creds = { .uid = BOB_IDS, .gid = BOB_IDS },
};

/* Mapping root requires CAP_SETFCAP in the parent namespace. */
FIXTURE_VARIANT_ADD(user_ns, of_root) {
	.creds = {
		.uid = ROOT_IDS, .gid = ROOT_IDS,
		.permitted = CAP_ALL, .effective = CAP_ALL,
	},
};

FIXTURE_SETUP(user_ns)
{
}

FIXTURE_TEARDOWN(user_ns)
{
}

#define CHILD_ROLE "--ns-child"

/* Processes inside the namespace, apart from the caller. */
enum ns_child {
	CHILD_FORKED,		/* with the memory of a process outside */
	CHILD_UNDUMPABLE,	/* the same memory, not dumpable */
	CHILD_EXECUTED,	/* with memory of its own, not dumpable */
	CHILD_IN_USER_NS,	/* root of a nested user namespace */
	CHILD_IN_PID_NS,	/* init of a pid namespace */
	NR_CHILDREN,
};

static void report_ready_and_sleep(int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int main_executed_child(char **argv)
{
	prctl(PR_SET_DUMPABLE, 0);
	report_ready_and_sleep(atoi(argv[2]));
	return 1;
}

static void run_ns_child(enum ns_child kind, int ready)
{
	char text[16];
	const char *const args[] = { text, NULL };

	switch (kind) {
	case CHILD_UNDUMPABLE:
		prctl(PR_SET_DUMPABLE, 0);
		break;
	case CHILD_EXECUTED:
		snprintf(text, sizeof(text), "%d", ready);
		program_run(CHILD_ROLE, args);
		_exit(1);
	case CHILD_IN_USER_NS:
		if (namespace_become_root())
			_exit(1);
		break;
	default:
		break;
	}
	report_ready_and_sleep(ready);
}

static void fork_ns_children(struct __test_metadata *_metadata,
			     pid_t pids[NR_CHILDREN])
{
	int ready[2], i;
	char byte;

	EXPECT_EQ(0, pipe(ready));
	for (i = 0; i < NR_CHILDREN; i++) {
		pids[i] = namespace_fork(i == CHILD_IN_PID_NS ?
					 CLONE_NEWPID : 0);
		EXPECT_LE(0, pids[i]);
		if (!pids[i])
			run_ns_child(i, ready[1]);
		EXPECT_EQ(1, read(ready[0], &byte, 1));
	}
}

TEST_F(user_ns, root_sees_processes_shown_by_procfs)
{
	pid_t pid = start_caller(_metadata, &variant->creds);

	if (!pid) {
		pid_t ns_child[NR_CHILDREN];
		struct pid_set seen = {};

		EXPECT_EQ(0, namespace_become_root());
		fork_ns_children(_metadata, ns_child);
		expect_procfs_pids(_metadata, &seen);
		/*
		 * Its capability counts inside the namespace and nowhere else.
		 */
		EXPECT_TRUE(pid_set_has(&seen, ns_child[CHILD_EXECUTED]));
		EXPECT_FALSE(contains_all(&seen, &pool));
		EXPECT_FALSE(pid_set_has(&seen, 1));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/*
 * Nested pid namespaces: made by root, in the initial user namespace, or by a
 * user in a user namespace of its own.
 */
FIXTURE(pid_ns) {
};

FIXTURE_VARIANT(pid_ns) {
	int level;		/* nesting level of the caller, 1 or 2 */
	bool own_user_ns;
	struct credentials creds;	/* unless own_user_ns */
	bool sees_all;
};

FIXTURE_VARIANT_ADD(pid_ns, child_of_root_by_root) {
	.level = 1, .sees_all = true,
	.creds = { .permitted = CAP_ALL, .effective = CAP_ALL },
};

FIXTURE_VARIANT_ADD(pid_ns, child_of_root_by_ann) {
	.level = 1, .creds = { .uid = ANN_IDS, .gid = ANN_IDS },
};

FIXTURE_VARIANT_ADD(pid_ns, child_of_root_by_ann_with_cap_sys_ptrace) {
	.level = 1, .sees_all = true,
	.creds = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = CAP_BIT(CAP_SYS_PTRACE),
		.effective = CAP_BIT(CAP_SYS_PTRACE),
	},
};

FIXTURE_VARIANT_ADD(pid_ns, grandchild_of_root_by_root) {
	.level = 2, .sees_all = true,
	.creds = { .permitted = CAP_ALL, .effective = CAP_ALL },
};

FIXTURE_VARIANT_ADD(pid_ns, grandchild_of_root_by_ann) {
	.level = 2, .creds = { .uid = ANN_IDS, .gid = ANN_IDS },
};

FIXTURE_VARIANT_ADD(pid_ns, child_of_a_user_by_its_root) {
	.level = 1, .own_user_ns = true,
};

FIXTURE_VARIANT_ADD(pid_ns, grandchild_of_a_user_by_its_root) {
	.level = 2, .own_user_ns = true,
};

FIXTURE_SETUP(pid_ns)
{
}

FIXTURE_TEARDOWN(pid_ns)
{
}

/* An unprivileged user can make tasks with its own ids only. */
static const struct task_spec root_specs[] = {
	{ .creds = &ann }, { .creds = &ann, .threads = 2 },
	{ .creds = &ann_undumpable }, { .creds = &ann, .state = POOL_ZOMBIE },
	{ .creds = &bob }, { .creds = &bob, .state = POOL_STOPPED }, {},
};

static const struct task_spec user_specs[] = {
	{},
	{ .threads = 2 },
	{ .state = POOL_ZOMBIE },
	{ .state = POOL_STOPPED },
};

static void fill_level(struct __test_metadata *_metadata,
		       bool own_user_ns, struct task_pool *level_pool)
{
	const struct task_spec *specs = own_user_ns ? user_specs : root_specs;
	const size_t nr = own_user_ns ? ARRAY_SIZE(user_specs) :
					ARRAY_SIZE(root_specs);

	EXPECT_EQ(0, procfs_hide_others());
	EXPECT_EQ(0, task_pool_begin(level_pool));
	EXPECT_EQ(0, task_pool_add_all(level_pool, specs, nr, 1)) {
		TH_LOG("%s", level_pool->error);
	}
	EXPECT_EQ(0, task_pool_settle(level_pool)) {
		TH_LOG("%s", level_pool->error);
	}
}

static void expect_visible_level(struct __test_metadata *_metadata,
				 const struct credentials *creds, bool sees_all,
				 const struct task_pool *level_pool)
{
	pid_t pid = fork();
	struct pid_set seen = {};

	EXPECT_LE(0, pid);
	if (pid) {
		EXPECT_EXIT_0(pid);
		return;
	}
	if (creds)
		td_assume(_metadata, creds);
	expect_procfs_pids(_metadata, &seen);
	if (creds)
		EXPECT_EQ(sees_all, contains_all(&seen, level_pool));
	_exit(0);
}

/*
 * Fork a child that is the first process of the next level.  Returns 0 there.
 */
static pid_t fork_level(struct __test_metadata *_metadata, bool own_user_ns,
			struct task_pool *level_pool)
{
	pid_t pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);

	EXPECT_LE(0, pid);
	if (!pid)
		fill_level(_metadata, own_user_ns, level_pool);
	return pid;
}

TEST_F(pid_ns, caller_sees_processes_shown_by_procfs)
{
	const struct credentials *creds =
		variant->own_user_ns ? NULL : &variant->creds;
	struct task_pool level_pool;
	int level;
	pid_t pid;

	pid = creds ? fork() : td_fork_as(_metadata, &ann);
	ASSERT_LE(0, pid);
	if (pid) {
		EXPECT_EXIT_0(pid);
		return;
	}
	if (!creds)
		EXPECT_EQ(0, namespace_become_root());
	for (level = 0; level < variant->level; level++) {
		pid = fork_level(_metadata, variant->own_user_ns, &level_pool);
		if (pid) {
			EXPECT_EXIT_0(pid);
			_exit(0);
		}
	}
	/* There is a namespace below as well. */
	EXPECT_LT(0, namespace_begin(0, 3, NULL, NULL));
	expect_visible_level(_metadata, creds, variant->sees_all, &level_pool);
	/* All tasks of this and lower levels end with this process. */
	_exit(0);
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], TASK_POOL_ROLE))
		return task_pool_role(argv);
	if (argc > 2 && !strcmp(argv[1], CHILD_ROLE))
		return main_executed_child(argv);
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
