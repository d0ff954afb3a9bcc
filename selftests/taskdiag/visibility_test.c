// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who sees what: for each caller in a table, the tasks in a dump are those that
 * the same caller finds in a procfs mounted with hidepid=ptraceable, and what
 * it cannot find there is as if it did not exist.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "identity.h"
#include "procfs.h"
#include "taskdiag_test.h"
#include "view.h"

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
	{ .who = &bob },
	{ .who = &bob, .threads = 2 },
	{ .who = &bob, .pose = POSE_STOPPED },
	{ .who = &bob, .pose = POSE_ZOMBIE },
	{ .who = &bob, .pose = POSE_LEADER_GONE, .threads = 2 },
	{ .who = &bob, .children = 2 },
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
	size_t i;
	int err;

	err = population_begin(&pop);
	for (i = 0; !err && i < ARRAY_SIZE(targets); i++)
		err = population_add(&pop, &targets[i]);
	return err ?: population_settle(&pop);
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
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
 * procfs and its own socket.
 */
static void same_processes(struct __test_metadata *_metadata,
			   bool sees_everything)
{
	struct td_sock sock;
	int proc, attempt;

	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT_LE(0, proc);
	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct idset before = {}, rows = {}, after = {};
		char text[200];
		size_t i, hidden = 0;

		EXPECT_EQ(0, procfs_processes(proc, &before));
		EXPECT_EQ(0, dump_to_set(&sock, TASK_DIAG_DUMP_ALL, &rows, text,
					 sizeof(text)));
		EXPECT_STREQ("", text);
		EXPECT_EQ(0, procfs_processes(proc, &after));
		if (!idset_equal(&before, &after)) {
			idset_free(&before);
			idset_free(&rows);
			idset_free(&after);
			continue;
		}

		EXPECT_TRUE(idset_equal(&before, &rows)) {
			idset_minus(&before, &rows, text, sizeof(text));
			TH_LOG("in procfs alone:%s", text);
			idset_minus(&rows, &before, text, sizeof(text));
			TH_LOG("in the dump alone:%s", text);
		}
		/* Both ways of being trivial: to see nothing, or everything. */
		EXPECT_TRUE(idset_has(&rows, getpid()));
		for (i = 0; i < pop.nr; i++)
			hidden += !idset_has(&rows, pop.member[i].pid);
		EXPECT_EQ(sees_everything, !hidden);
		EXPECT_EQ(sees_everything, idset_has(&rows, 1));
		break;
	}
	EXPECT_LT(attempt, ATTEMPTS) {
		TH_LOG("procfs never held still");
	}
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
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
	ssize_t got;
	int err;

	sock->seq = 0;
	err = td_ask(sock, &what, flags, NULL);
	if (err)
		return err;
	got = td_receive_raw(sock, 0);
	if (got < 0)
		return got;
	if ((size_t)got > size)
		return -EMSGSIZE;
	memcpy(bytes, sock->buf, got);
	return td_receive_raw(sock, MSG_DONTWAIT) == -EAGAIN ? got : -EBADMSG;
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
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

int main(int argc, char **argv)
{
	int err, status;

	td_need_kernel_and_root();
	err = mount_hiding_procfs();
	if (err)
		ksft_exit_fail_msg("cannot mount a procfs that hides: %s\n",
				   strerror(-err));
	if (make_population())
		ksft_exit_fail_msg("%s\n", pop.error);
	status = td_run_tests(argc, argv);
	population_end(&pop);
	return status;
}
