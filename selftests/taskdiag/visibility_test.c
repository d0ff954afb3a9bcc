// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who sees what: for each caller in a table, the tasks in a dump are those that
 * the same caller finds in a procfs mounted with hidepid=ptraceable, and what
 * it cannot find there is as if it did not exist.  From outside of any namespace
 * first, then from in pid and user namespaces.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/credentials.h"
#include "lib/namespace.h"
#include "lib/procfs.h"
#include "lib/program.h"
#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

/* Users, and their groups of the same numbers. */
#define ANN 3001
#define BOB 3002
#define GROUP 3003

#define ANN_IDS { ANN, ANN, ANN, ANN }
#define BOB_IDS { BOB, BOB, BOB, BOB }
#define GROUP_IDS { GROUP, GROUP, GROUP, GROUP }
#define ROOT_IDS { 0, 0, 0, 0 }

/* Tasks elsewhere in the system may come and go while two views are taken. */
#define ATTEMPTS 50

static const struct identity ann = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
};

static const struct identity bob = {
	.uid = BOB_IDS,
	.gid = BOB_IDS,
};

static const struct identity ann_in_another_group = {
	.uid = ANN_IDS,
	.gid = GROUP_IDS,
};

static const struct identity ann_with_another_egid = {
	.uid = ANN_IDS,
	.gid = { ANN, GROUP, ANN, ANN },
};

static const struct identity ann_undumpable = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
	.undumpable = true,
};

static const struct identity ann_with_a_capability = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
	.permitted = CAP_BIT(CAP_NET_RAW),
};

static const struct identity ann_as_root = {
	.uid = { ANN, 0, 0, 0 },
	.gid = ANN_IDS,
	.permitted = CAP_EVERY,
	.effective = CAP_EVERY,
};

static const struct identity ann_once_root = {
	.uid = { ANN, ANN, 0, ANN },
	.gid = ANN_IDS,
};

static const struct identity root_without_capabilities = {
	.uid = ROOT_IDS,
	.gid = ROOT_IDS,
};

/* Who is looked at, beside what the system has anyway. */
static const struct member_spec targets[] = {
	{ .who = &ann },
	{ .who = &ann, .threads = 2 },
	{ .who = &ann, .pose = POSE_STOPPED },
	{ .who = &ann, .pose = POSE_ZOMBIE },
	{ .who = &ann, .pose = POSE_LEADER_GONE, .threads = 2 },
	{ .who = &ann, .pose = POSE_TRACED },
	{ .who = &ann, .pose = POSE_TRACE_STOPPED },
	{ .who = &ann, .children = 2 },
	{ .who = &ann_in_another_group },
	{ .who = &ann_with_another_egid },
	{ .who = &ann_undumpable },
	{ .who = &ann_undumpable, .pose = POSE_ZOMBIE },
	{ .who = &ann_undumpable, .threads = 2 },
	{ .who = &ann_with_a_capability },
	{ .who = &ann_as_root },
	{ .who = &ann_as_root, .pose = POSE_ZOMBIE },
	{ .who = &ann_once_root },
	{ .who = &ann, .pose = POSE_SETUID },
	{ .who = &ann, .pose = POSE_IN_EXEC, .threads = 1 },
	{ .who = &ann_undumpable, .pose = POSE_IN_EXEC, .threads = 1 },
	{ .who = &bob },
	{ .who = &bob, .threads = 2 },
	{ .who = &bob, .pose = POSE_STOPPED },
	{ .who = &bob, .pose = POSE_ZOMBIE },
	{ .who = &bob, .pose = POSE_LEADER_GONE, .threads = 2 },
	{ .who = &bob, .children = 2 },
	{ .who = &bob, .pose = POSE_TRACED },
	{ .who = &bob, .pose = POSE_SETUID },
	{ .who = &bob, .pose = POSE_IN_EXEC, .threads = 1 },
	{ .who = &root_without_capabilities },
	{ .who = &root_without_capabilities, .pose = POSE_ZOMBIE },
	{},
	{ .pose = POSE_ZOMBIE },
};

/* Made once, before the tests. */
static struct population pop;

/* A root of procfs that hides, in a mount namespace of our own. */
static int mount_hiding_procfs(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, "hidepid=ptraceable"))
		return -errno;
	return 0;
}

static int make_population(void)
{
	return population_begin(&pop) ?: program_install() ?:
	       mount_hiding_procfs() ?:
	       population_add_all(&pop, targets, ARRAY_SIZE(targets), 1) ?:
	       population_settle(&pop);
}

/* The callers; what each sees is not said here but by procfs. */
FIXTURE(caller) {
	pid_t free_pid;
};

FIXTURE_VARIANT(caller) {
	struct identity who;
	bool sees_everything;
};

FIXTURE_VARIANT_ADD(caller, root) {
	.who = {
		.uid = ROOT_IDS, .gid = ROOT_IDS,
		.permitted = CAP_EVERY, .effective = CAP_EVERY,
	},
	.sees_everything = true,
};

FIXTURE_VARIANT_ADD(caller, root_without_cap_sys_ptrace) {
	.who = {
		.uid = ROOT_IDS, .gid = ROOT_IDS,
		.permitted = ~CAP_BIT(CAP_SYS_PTRACE),
		.effective = ~CAP_BIT(CAP_SYS_PTRACE),
	},
};

FIXTURE_VARIANT_ADD(caller, root_without_capabilities) {
	.who = { .uid = ROOT_IDS, .gid = ROOT_IDS },
};

FIXTURE_VARIANT_ADD(caller, ann) {
	.who = { .uid = ANN_IDS, .gid = ANN_IDS },
};

FIXTURE_VARIANT_ADD(caller, bob) {
	.who = { .uid = BOB_IDS, .gid = BOB_IDS },
};

/* A user with no process but its own. */
FIXTURE_VARIANT_ADD(caller, nobody_else) {
	.who = { .uid = GROUP_IDS, .gid = GROUP_IDS },
};

/* It sees itself all the same. */
FIXTURE_VARIANT_ADD(caller, ann_undumpable) {
	.who = {
		.uid = ANN_IDS, .gid = ANN_IDS, .undumpable = true,
	},
};

FIXTURE_VARIANT_ADD(caller, ann_in_another_group) {
	.who = { .uid = ANN_IDS, .gid = GROUP_IDS },
};

/* hidepid=2 would let group 0 see everything. */
FIXTURE_VARIANT_ADD(caller, ann_in_group_0) {
	.who = { .uid = ANN_IDS, .gid = ROOT_IDS },
};

/* It is the file-system ids that count, and no others. */
FIXTURE_VARIANT_ADD(caller, ann_with_the_fs_ids_of_bob) {
	.who = {
		.uid = { ANN, ANN, ANN, BOB }, .gid = { ANN, ANN, ANN, BOB },
	},
};

FIXTURE_VARIANT_ADD(caller, bob_with_the_fs_ids_of_ann) {
	.who = {
		.uid = { BOB, BOB, BOB, ANN }, .gid = { BOB, BOB, BOB, ANN },
	},
};

FIXTURE_VARIANT_ADD(caller, root_with_the_fs_uid_of_ann) {
	.who = {
		.uid = { 0, 0, 0, ANN }, .gid = { 0, 0, 0, ANN },
	},
};

FIXTURE_VARIANT_ADD(caller, ann_with_another_fs_gid) {
	.who = {
		.uid = ANN_IDS, .gid = { ANN, ANN, ANN, GROUP },
	},
};

FIXTURE_VARIANT_ADD(caller, ann_and_cap_sys_ptrace) {
	.who = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = CAP_BIT(CAP_SYS_PTRACE),
		.effective = CAP_BIT(CAP_SYS_PTRACE),
	},
	.sees_everything = true,
};

FIXTURE_VARIANT_ADD(caller, ann_and_ambient_cap_sys_ptrace) {
	.who = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = CAP_BIT(CAP_SYS_PTRACE),
		.effective = CAP_BIT(CAP_SYS_PTRACE),
		.inheritable = CAP_BIT(CAP_SYS_PTRACE),
		.ambient = CAP_BIT(CAP_SYS_PTRACE),
	},
	.sees_everything = true,
};

FIXTURE_VARIANT_ADD(caller, ann_and_permitted_cap_sys_ptrace) {
	.who = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = CAP_BIT(CAP_SYS_PTRACE),
	},
};

FIXTURE_VARIANT_ADD(caller, ann_and_other_capabilities) {
	.who = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = ~CAP_BIT(CAP_SYS_PTRACE),
		.effective = ~CAP_BIT(CAP_SYS_PTRACE),
	},
};

/* As many as the capabilities of a target, but not the effective ones. */
FIXTURE_VARIANT_ADD(caller, ann_and_cap_net_raw) {
	.who = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = CAP_BIT(CAP_NET_RAW),
		.effective = CAP_BIT(CAP_NET_RAW),
	},
};

FIXTURE_SETUP(caller)
{
	/* Root alone can tell a free number from a hidden one. */
	self->free_pid = td_free_pid();
	ASSERT_LT(0, self->free_pid);
}

FIXTURE_TEARDOWN(caller)
{
}

/* Only this thread of all: the task's own access decides, not its leader's. */
static int visible_threads(int proc, const struct idset *tids,
			   struct idset *visible)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < tids->nr; i++) {
		struct stat st;
		char path[16];

		snprintf(path, sizeof(path), "%u", tids->id[i]);
		if (!fstatat(proc, path, &st, 0))
			err = idset_add(visible, tids->id[i]);
		else if (errno != ENOENT && errno != ESRCH)
			err = -errno;
	}
	return err;
}

/* Every thread of the population, by root's eyes. */
static int known_threads(struct idset *tids)
{
	int proc = procfs_open();
	int err = 0;
	size_t i;

	if (proc < 0)
		return -errno;
	for (i = 0; !err && i < pop.nr; i++)
		err = procfs_threads(proc, pop.member[i].pid, tids);
	close(proc);
	return err;
}

static int dump_to_set(struct td_sock *sock, __u64 strategy, struct idset *ids,
		       char *fault, size_t size)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = strategy,
	};
	struct td_answer a;
	int err;

	err = td_query(sock, &what, NLM_F_DUMP, &a);
	if (!err)
		err = -a.end.error;
	snprintf(fault, size, "%s", a.fault);
	err = err ?: view_of(&a, ids);
	td_answer_free(&a);
	return err;
}

/*
 * In a process that is the caller: all that it does is seen through its own
 * procfs and its own socket.  What both show is left in @seen.
 */
static void same_as_procfs(struct __test_metadata *_metadata,
			   struct idset *seen)
{
	struct td_sock sock;
	int proc, attempt;

	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	proc = procfs_open();
	EXPECT_LE(0, proc);
	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct idset before = {}, after = {};
		char text[200];
		bool still;

		idset_free(seen);
		memset(seen, 0, sizeof(*seen));
		EXPECT_EQ(0, procfs_processes(proc, &before));
		EXPECT_EQ(0, dump_to_set(&sock, TASK_DIAG_DUMP_ALL, seen, text,
					 sizeof(text)));
		EXPECT_STREQ("", text);
		EXPECT_EQ(0, procfs_processes(proc, &after));
		still = idset_equal(&before, &after);
		if (still) {
			EXPECT_TRUE(idset_equal(&before, seen)) {
				idset_minus(&before, seen, text, sizeof(text));
				TH_LOG("in procfs alone:%s", text);
				idset_minus(seen, &before, text, sizeof(text));
				TH_LOG("in the dump alone:%s", text);
			}
		}
		idset_free(&before);
		idset_free(&after);
		if (still)
			break;
	}
	EXPECT_LT(attempt, ATTEMPTS) {
		TH_LOG("procfs never held still");
	}
	EXPECT_TRUE(idset_has(seen, getpid()));
	close(proc);
	td_close(&sock);
}

/* Both ways of being trivial: to see nothing, or everything. */
static bool sees_all_of(const struct idset *seen, const struct population *p)
{
	size_t i;

	for (i = 0; i < p->nr; i++)
		if (!idset_has(seen, p->member[i].pid))
			return false;
	return true;
}

static void same_processes(struct __test_metadata *_metadata,
			   bool sees_everything)
{
	struct idset seen = {};

	same_as_procfs(_metadata, &seen);
	EXPECT_EQ(sees_everything, sees_all_of(&seen, &pop));
	EXPECT_EQ(sees_everything, idset_has(&seen, 1));
	idset_free(&seen);
}

/* The population's threads are known, and do not come and go. */
static void same_threads(struct __test_metadata *_metadata,
			 const struct idset *tids)
{
	struct idset visible = {}, rows = {}, known_rows = {};
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
		if (idset_has(&rows, tids->id[i]))
			EXPECT_EQ(0, idset_add(&known_rows, tids->id[i]));
	EXPECT_TRUE(idset_equal(&visible, &known_rows)) {
		idset_minus(&visible, &known_rows, text, sizeof(text));
		TH_LOG("in procfs alone:%s", text);
		idset_minus(&known_rows, &visible, text, sizeof(text));
		TH_LOG("in the dump alone:%s", text);
	}
}

/* The bytes of an answer; NETLINK_CAP_ACK keeps the request out of them. */
static ssize_t ask_raw(struct td_sock *sock, __u64 strategy, __u16 flags,
		       pid_t pid, unsigned char *bytes, size_t size)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = strategy,
		.pid = pid,
	};

	return td_query_raw(sock, &what, flags, bytes, size);
}

/* A hidden number answers with the very bytes of a free one. */
static void hidden_is_absent(struct __test_metadata *_metadata,
			     const struct idset *tids, pid_t free_pid,
			     bool sees_everything)
{
	static const struct {
		__u64 strategy;
		__u16 flags;
	} ways[] = {
		{ TASK_DIAG_DUMP_ONE, 0 },
		{ TASK_DIAG_DUMP_ONE, NLM_F_DUMP },
		{ TASK_DIAG_DUMP_CHILDREN, NLM_F_DUMP },
		{ TASK_DIAG_DUMP_THREAD, NLM_F_DUMP },
	};
	unsigned char absent[512], hidden[512];
	struct idset visible = {};
	struct td_sock sock;
	size_t i, way, compared = 0;
	int proc;

	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	proc = procfs_open();
	EXPECT_LE(0, proc);
	EXPECT_EQ(0, visible_threads(proc, tids, &visible));
	for (way = 0; way < ARRAY_SIZE(ways); way++) {
		const __u64 strategy = ways[way].strategy;
		const __u16 flags = ways[way].flags;
		const struct nlmsghdr *nlh = (const void *)absent;
		const struct nlmsgerr *error = NLMSG_DATA(nlh);
		ssize_t len;

		len = ask_raw(&sock, strategy, flags, free_pid, absent,
			      sizeof(absent));
		EXPECT_LE((ssize_t)NLMSG_LENGTH(sizeof(*error)), len);
		EXPECT_EQ(NLMSG_ERROR, (int)nlh->nlmsg_type);
		EXPECT_EQ(-ESRCH, error->error);

		for (i = 0; i < tids->nr; i++) {
			ssize_t hidden_len;

			if (idset_has(&visible, tids->id[i]))
				continue;
			hidden_len = ask_raw(&sock, strategy, flags,
					     tids->id[i], hidden,
					     sizeof(hidden));
			EXPECT_EQ(len, hidden_len);
			EXPECT_EQ(0, memcmp(absent, hidden, len));
			compared++;
		}
	}
	EXPECT_EQ(sees_everything, !compared);
}

/* Become the caller in a child, and say there what is wrong. */
static pid_t start_caller(struct __test_metadata *_metadata,
			  const struct identity *who)
{
	pid_t pid = fork();
	const char *step = "";

	ASSERT_LE(0, pid);
	if (!pid) {
		if (!identity_assume(who, &step))
			return 0;
		TH_LOG("%s: %s", step, strerror(errno));
		_exit(1);
	}
	return pid;
}

TEST_F(caller, sees_the_processes_of_procfs)
{
	pid_t pid = start_caller(_metadata, &variant->who);

	if (!pid) {
		same_processes(_metadata, variant->sees_everything);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

TEST_F(caller, sees_the_threads_of_procfs)
{
	struct idset tids = {};
	pid_t pid;

	ASSERT_EQ(0, known_threads(&tids));
	ASSERT_LT(pop.nr, tids.nr);
	pid = start_caller(_metadata, &variant->who);
	if (!pid) {
		same_threads(_metadata, &tids);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	idset_free(&tids);
}

TEST_F(caller, cannot_tell_hidden_from_absent)
{
	struct idset tids = {};
	pid_t pid;

	ASSERT_EQ(0, known_threads(&tids));
	pid = start_caller(_metadata, &variant->who);
	if (!pid) {
		hidden_is_absent(_metadata, &tids, self->free_pid,
				 variant->sees_everything);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	idset_free(&tids);
}

/*
 * Root of a user namespace of its own, by way of who made it: over its own
 * tasks, and those of the namespace above.
 */
FIXTURE(user_ns) {
};

FIXTURE_VARIANT(user_ns) {
	struct identity who;
};

FIXTURE_VARIANT_ADD(user_ns, of_ann) {
	.who = { .uid = ANN_IDS, .gid = ANN_IDS },
};

FIXTURE_VARIANT_ADD(user_ns, of_bob) {
	.who = { .uid = BOB_IDS, .gid = BOB_IDS },
};

/* Who maps root wants CAP_SETFCAP above. */
FIXTURE_VARIANT_ADD(user_ns, of_root) {
	.who = {
		.uid = ROOT_IDS, .gid = ROOT_IDS,
		.permitted = CAP_EVERY, .effective = CAP_EVERY,
	},
};

FIXTURE_SETUP(user_ns)
{
}

FIXTURE_TEARDOWN(user_ns)
{
}

#define COMPANY_ROLE "--company"

/* What there is inside, beside the one who looks. */
enum company {
	COMPANY_FORKED,		/* with the memory of outside */
	COMPANY_UNDUMPABLE,	/* likewise, and nobody is to see it */
	COMPANY_EXECUTED,	/* with memory of inside, which nobody is to see */
	COMPANY_OF_A_USER_NS,	/* root of one further down */
	COMPANY_OF_A_PID_NS,	/* the first of one */
	COMPANY_SIZE,
};

static void say_ready_and_stay(int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int be_executed_company(char **argv)
{
	prctl(PR_SET_DUMPABLE, 0);
	say_ready_and_stay(atoi(argv[2]));
	return 1;
}

static void be_company(enum company what, int ready)
{
	char text[16];
	const char *const args[] = { text, NULL };

	switch (what) {
	case COMPANY_UNDUMPABLE:
		prctl(PR_SET_DUMPABLE, 0);
		break;
	case COMPANY_EXECUTED:
		snprintf(text, sizeof(text), "%d", ready);
		program_run(COMPANY_ROLE, args);
		_exit(1);
	case COMPANY_OF_A_USER_NS:
		if (namespace_be_root())
			_exit(1);
		break;
	default:
		break;
	}
	say_ready_and_stay(ready);
}

static void keep_company(struct __test_metadata *_metadata,
			 pid_t pids[COMPANY_SIZE])
{
	int ready[2], i;
	char byte;

	EXPECT_EQ(0, pipe(ready));
	for (i = 0; i < COMPANY_SIZE; i++) {
		pids[i] = namespace_fork(i == COMPANY_OF_A_PID_NS ?
					 CLONE_NEWPID : 0);
		EXPECT_LE(0, pids[i]);
		if (!pids[i])
			be_company(i, ready[1]);
		EXPECT_EQ(1, read(ready[0], &byte, 1));
	}
}

TEST_F(user_ns, root_sees_what_procfs_shows_it)
{
	pid_t pid = start_caller(_metadata, &variant->who);

	if (!pid) {
		pid_t company[COMPANY_SIZE];
		struct idset seen = {};

		EXPECT_EQ(0, namespace_be_root());
		keep_company(_metadata, company);
		same_as_procfs(_metadata, &seen);
		/* Its capability counts, inside and nowhere else. */
		EXPECT_TRUE(idset_has(&seen, company[COMPANY_EXECUTED]));
		EXPECT_FALSE(sees_all_of(&seen, &pop));
		EXPECT_FALSE(idset_has(&seen, 1));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/*
 * In pid namespaces, one in the other: made by root, so that the user namespace
 * is that of outside, or by a user in one of its own.
 */
FIXTURE(pid_ns) {
};

FIXTURE_VARIANT(pid_ns) {
	int level;		/* where the caller is: 1, or 2 in 1 */
	bool own_user_ns;
	struct identity who;	/* if not */
	bool sees_everything;
};

FIXTURE_VARIANT_ADD(pid_ns, child_of_root_by_root) {
	.level = 1, .sees_everything = true,
	.who = { .permitted = CAP_EVERY, .effective = CAP_EVERY },
};

FIXTURE_VARIANT_ADD(pid_ns, child_of_root_by_ann) {
	.level = 1, .who = { .uid = ANN_IDS, .gid = ANN_IDS },
};

FIXTURE_VARIANT_ADD(pid_ns, child_of_root_by_ann_and_cap_sys_ptrace) {
	.level = 1, .sees_everything = true,
	.who = {
		.uid = ANN_IDS, .gid = ANN_IDS,
		.permitted = CAP_BIT(CAP_SYS_PTRACE),
		.effective = CAP_BIT(CAP_SYS_PTRACE),
	},
};

FIXTURE_VARIANT_ADD(pid_ns, grandchild_of_root_by_root) {
	.level = 2, .sees_everything = true,
	.who = { .permitted = CAP_EVERY, .effective = CAP_EVERY },
};

FIXTURE_VARIANT_ADD(pid_ns, grandchild_of_root_by_ann) {
	.level = 2, .who = { .uid = ANN_IDS, .gid = ANN_IDS },
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

/* Ids other than its own a user cannot give anybody. */
static const struct member_spec of_root[] = {
	{ .who = &ann }, { .who = &ann, .threads = 2 },
	{ .who = &ann_undumpable }, { .who = &ann, .pose = POSE_ZOMBIE },
	{ .who = &bob }, { .who = &bob, .pose = POSE_STOPPED }, {},
};

static const struct member_spec of_a_user[] = {
	{}, { .threads = 2 }, { .pose = POSE_ZOMBIE }, { .pose = POSE_STOPPED },
};

static void populate_level(struct __test_metadata *_metadata,
			   bool own_user_ns, struct population *here)
{
	const struct member_spec *specs = own_user_ns ? of_a_user : of_root;
	const size_t nr = own_user_ns ? ARRAY_SIZE(of_a_user) :
					ARRAY_SIZE(of_root);

	EXPECT_EQ(0, mount_hiding_procfs());
	EXPECT_EQ(0, population_begin(here));
	EXPECT_EQ(0, population_add_all(here, specs, nr, 1)) {
		TH_LOG("%s", here->error);
	}
	EXPECT_EQ(0, population_settle(here)) {
		TH_LOG("%s", here->error);
	}
}

static void look_around(struct __test_metadata *_metadata,
			const struct identity *who, bool sees_everything,
			const struct population *here)
{
	pid_t pid = fork();
	struct idset seen = {};

	EXPECT_LE(0, pid);
	if (pid) {
		EXPECT_EXIT_0(pid);
		return;
	}
	if (who)
		td_become(_metadata, who);
	same_as_procfs(_metadata, &seen);
	if (who)
		EXPECT_EQ(sees_everything, sees_all_of(&seen, here));
	_exit(0);
}

/* A child that is the first process of the next level.  0 there. */
static pid_t go_down(struct __test_metadata *_metadata, bool own_user_ns,
		     struct population *here)
{
	pid_t pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);

	EXPECT_LE(0, pid);
	if (!pid)
		populate_level(_metadata, own_user_ns, here);
	return pid;
}

TEST_F(pid_ns, shows_what_its_procfs_shows)
{
	const struct identity *who =
		variant->own_user_ns ? NULL : &variant->who;
	struct population here;
	int level;
	pid_t pid;

	pid = who ? fork() : td_fork_as(_metadata, &ann);
	ASSERT_LE(0, pid);
	if (pid) {
		EXPECT_EXIT_0(pid);
		return;
	}
	if (!who)
		EXPECT_EQ(0, namespace_be_root());
	for (level = 0; level < variant->level; level++) {
		pid = go_down(_metadata, variant->own_user_ns, &here);
		if (pid) {
			EXPECT_EXIT_0(pid);
			_exit(0);
		}
	}
	/* There is something below, too. */
	EXPECT_LT(0, namespace_begin(0, 3, NULL, NULL));
	look_around(_metadata, who, variant->sees_everything, &here);
	/* What is here, and below, ends with us. */
	_exit(0);
}

static void end_population(void)
{
	population_end(&pop);
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], POPULATION_ROLE))
		return population_role(argv);
	if (argc > 2 && !strcmp(argv[1], COMPANY_ROLE))
		return be_executed_company(argv);
	return td_main(argc, argv, make_population, end_population, pop.error);
}
