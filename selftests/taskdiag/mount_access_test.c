// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access by the procfs mount of a request: for each caller, mount and
 * transport, a dump has the tasks that the same caller can list in that mount,
 * with the groups whose files it can read there, and names all others as
 * denied.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <linux/landlock.h>

#include "lib/credentials.h"
#include "lib/fd_passing.h"
#include "lib/landlock.h"
#include "lib/mount_rows.h"
#include "lib/namespace.h"
#include "lib/procfs.h"
#include "lib/procfs_mount.h"
#include "lib/program.h"
#include "lib/readable.h"
#include "lib/taskdiag_test.h"

/* Users, and groups with the same ids. */
#define ANN 3001
#define BOB 3002
/* gid= of mounts. */
#define GROUP 3003

#define ANN_IDS { ANN, ANN, ANN, ANN }
#define BOB_IDS { BOB, BOB, BOB, BOB }

static const struct credentials ann = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
};

static const struct credentials ann_undumpable = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
	.undumpable = true,
};

static const struct credentials ann_in_group = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
	.group = GROUP,
};

static const struct credentials ann_with_fsgid = {
	.uid = ANN_IDS,
	.gid = { ANN, ANN, ANN, GROUP },
};

static const struct credentials bob = {
	.uid = BOB_IDS,
	.gid = BOB_IDS,
};

static const struct credentials root = {
	.permitted = CAP_ALL,
	.effective = CAP_ALL,
};

static const struct credentials root_without_cap_sys_ptrace = {
	.permitted = ~CAP_BIT(CAP_SYS_PTRACE),
	.effective = ~CAP_BIT(CAP_SYS_PTRACE),
};

/* The tasks of the test, in addition to those of the system. */
static const struct task_spec targets[] = {
	{ .creds = &ann, .threads = 2, .children = 2 },
	{ .creds = &ann, .state = POOL_STOPPED },
	{ .creds = &ann, .state = POOL_ZOMBIE },
	{ .creds = &ann, .state = POOL_LEADER_EXITED, .threads = 2 },
	{ .creds = &ann_undumpable, .threads = 1, .children = 1 },
	{ .creds = &ann_undumpable, .state = POOL_ZOMBIE },
	{ .creds = &ann, .state = POOL_SETUID },
	{ .creds = &bob, .threads = 2, .children = 2 },
	{ .creds = &bob, .state = POOL_ZOMBIE },
	{ .creds = &bob, .state = POOL_LEADER_EXITED, .threads = 2 },
	{ .creds = &bob, .state = POOL_TRACED },
	{ .threads = 1 },
	{ .state = POOL_ZOMBIE },
};

/* Made once, before the tests. */
static struct task_pool pool;

static int make_pool(void)
{
	return task_pool_begin(&pool) ?: program_install() ?:
	       task_pool_add_all(&pool, targets, ARRAY_SIZE(targets), 1) ?:
	       task_pool_settle(&pool);
}

FIXTURE(mount) {
	int root;		/* root directory of the mount */
	int strict;		/* of a mount with hidepid=ptraceable */
	pid_t init;		/* of the child namespace, or 0 */
	pid_t unused_pid;
};

FIXTURE_VARIANT(mount) {
	const char *options;
	bool child_ns;		/* shows a child of the callers' namespace */
	bool subset;		/* has no transaction file */
	bool sampled;		/* is tested in slow kernels as well */
};

FIXTURE_VARIANT_ADD(mount, off) {
	.options = "hidepid=off", .sampled = true,
};

FIXTURE_VARIANT_ADD(mount, off_gid) { .options = "hidepid=off,gid=3003" };
FIXTURE_VARIANT_ADD(mount, noaccess) { .options = "hidepid=noaccess" };
FIXTURE_VARIANT_ADD(mount, noaccess_gid) {
	.options = "hidepid=noaccess,gid=3003", .sampled = true,
};

FIXTURE_VARIANT_ADD(mount, invisible) { .options = "hidepid=invisible" };
FIXTURE_VARIANT_ADD(mount, invisible_gid) {
	.options = "hidepid=invisible,gid=3003", .sampled = true,
};

FIXTURE_VARIANT_ADD(mount, ptraceable) {
	.options = "hidepid=ptraceable", .sampled = true,
};

FIXTURE_VARIANT_ADD(mount, ptraceable_gid) {
	.options = "hidepid=ptraceable,gid=3003",
};

FIXTURE_VARIANT_ADD(mount, subset) {
	.options = "hidepid=off,subset=pid", .subset = true, .sampled = true,
};

FIXTURE_VARIANT_ADD(mount, noaccess_subset) {
	.options = "hidepid=noaccess,subset=pid", .subset = true,
};

FIXTURE_VARIANT_ADD(mount, child_ns_off) {
	.options = "hidepid=off", .child_ns = true,
};

FIXTURE_VARIANT_ADD(mount, child_ns_noaccess_gid) {
	.options = "hidepid=noaccess,gid=3003", .child_ns = true,
};

FIXTURE_VARIANT_ADD(mount, child_ns_invisible_gid) {
	.options = "hidepid=invisible,gid=3003", .child_ns = true,
	.sampled = true,
};

FIXTURE_VARIANT_ADD(mount, child_ns_ptraceable) {
	.options = "hidepid=ptraceable", .child_ns = true,
};

/* Runs in the first process of the child namespace. */
struct child_ns {
	const char *options;
	int end;		/* sends the root directory of the mount */
};

static void make_child_ns(void *arg)
{
	const struct child_ns *child_ns = arg;
	static struct task_pool inside;
	int fd;

	fd = procfs_mount(child_ns->options);
	if (fd < 0 || namespace_mount_procfs() ||
	    task_pool_begin_with(&inside, targets, ARRAY_SIZE(targets), 1) ||
	    fd_passing_send(child_ns->end, fd))
		_exit(1);
}

FIXTURE_SETUP(mount)
{
	struct child_ns child_ns = { .options = variant->options };
	int ends[2];

	if (mount_rows_sampled() && !variant->sampled)
		SKIP(return, "takes half an hour in this kernel unless it is named");
	self->strict = procfs_mount("hidepid=ptraceable");
	ASSERT_LE(0, self->strict);
	self->unused_pid = td_unused_pid();
	if (!variant->child_ns) {
		self->root = procfs_mount(variant->options);
		ASSERT_LE(0, self->root);
		return;
	}
	ASSERT_EQ(0, fd_passing_open(ends));
	child_ns.end = ends[1];
	self->init = namespace_begin_retry(CLONE_NEWNS, 0, make_child_ns,
					   &child_ns);
	ASSERT_LT(0, self->init);
	self->root = fd_passing_receive(ends[0]);
	ASSERT_LE(0, self->root);
	close(ends[0]);
	close(ends[1]);
}

FIXTURE_TEARDOWN(mount)
{
	close(self->root);
	close(self->strict);
	if (self->init)
		namespace_end(self->init);
}

/*
 * --- comparison ------------------------------------------------------------
 */

/*
 * Without a descriptor, the rule of hidepid=ptraceable in the caller's pid
 * namespace applies.
 */
static void compare_strict(struct __test_metadata *_metadata, int strict)
{
	struct request r = {
		.name = "strict", .proc_fd = -1, .root = strict,
	};
	struct td_sock sock;

	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	r.sock = &sock;
	compare_groups(_metadata, &r);
	td_close(&sock);
}

static void compare_as(struct __test_metadata *_metadata,
		       const struct credentials *creds, int root_fd,
		       int strict, bool subset)
{
	pid_t pid = td_fork_as(_metadata, creds);

	if (!pid) {
		compare_netlink(_metadata, root_fd);
		compare_file(_metadata, root_fd, subset ? -ENOENT : 0);
		compare_strict(_metadata, strict);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

#define COMPARE_AS(creds) \
	compare_as(_metadata, (creds), self->root, self->strict, \
		   variant->subset)

/*
 * --- callers ---------------------------------------------------------------
 */

TEST_F(mount, root_gets_rows_by_mount)
{
	COMPARE_AS(&root);
}

TEST_F(mount, root_without_cap_sys_ptrace_gets_rows_by_mount)
{
	COMPARE_AS(&root_without_cap_sys_ptrace);
}

TEST_F(mount, user_gets_rows_by_mount)
{
	COMPARE_AS(&ann);
}

TEST_F(mount, undumpable_user_gets_rows_by_mount)
{
	COMPARE_AS(&ann_undumpable);
}

TEST_F(mount, group_member_gets_rows_by_mount)
{
	COMPARE_AS(&ann_in_group);
}

TEST_F(mount, fsgid_member_gets_rows_by_mount)
{
	COMPARE_AS(&ann_with_fsgid);
}

/* Fork the first process of a new user and pid namespace; returns 0 there. */
static pid_t fork_into_namespaces(struct __test_metadata *_metadata)
{
	pid_t pid;

	EXPECT_EQ(0, namespace_become_root());
	pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
	EXPECT_LE(0, pid);
	return pid;
}

/* The mount is one of a foreign pid namespace. */
TEST_F(mount, root_of_user_namespace_gets_rows_by_mount_outside)
{
	pid_t pid = td_fork_as(_metadata, &ann);

	if (!pid) {
		pid = fork_into_namespaces(_metadata);
		if (!pid) {
			compare_netlink(_metadata, self->root);
			compare_file(_metadata, self->root,
				     variant->subset ? -ENOENT : 0);
			_exit(0);
		}
		EXPECT_EXIT_0(pid);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

static const struct task_spec inside[] = {
	{}, { .threads = 2, .children = 1 }, { .state = POOL_ZOMBIE },
};

/* A process below has no capability over the namespace. */
static void compare_in_nested_namespace(struct __test_metadata *_metadata,
					int root_fd, bool subset)
{
	pid_t pid = fork();

	EXPECT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(0, namespace_become_root());
		compare_netlink(_metadata, root_fd);
		compare_file(_metadata, root_fd, subset ? -ENOENT : 0);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

TEST_F(mount, user_namespaces_get_rows_by_mount_inside)
{
	struct task_pool pool_inside;
	char options[64];
	const char *gid;
	pid_t pid;
	int fd, len;

	/* The namespace maps one group only. */
	gid = strstr(variant->options, "gid=");
	len = gid ? gid - variant->options : (int)strlen(variant->options);
	snprintf(options, sizeof(options), "%.*s%s", len, variant->options,
		 gid ? "gid=0" : "");

	pid = td_fork_as(_metadata, &ann);
	if (!pid) {
		pid = fork_into_namespaces(_metadata);
		if (!pid) {
			EXPECT_EQ(0, namespace_mount_procfs());
			EXPECT_EQ(0, task_pool_begin_with(&pool_inside, inside,
							  ARRAY_SIZE(inside),
							  1));
			fd = procfs_mount(options);
			EXPECT_LE(0, fd);
			compare_netlink(_metadata, fd);
			compare_in_nested_namespace(_metadata, fd,
						    variant->subset);
			_exit(0);
		}
		EXPECT_EXIT_0(pid);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* Fork a task that a process in a sandbox may trace. */
static pid_t fork_inside(struct __test_metadata *_metadata)
{
	pid_t pid = fork();

	EXPECT_LE(0, pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void compare_in_sandbox(struct __test_metadata *_metadata,
			       const struct credentials *creds, int root_fd,
			       __u64 allowed, int error)
{
	pid_t pid = td_fork_as(_metadata, creds);

	if (!pid) {
		EXPECT_EQ(0, landlock_enter(root_fd, allowed));
		pid = fork_inside(_metadata);
		compare_netlink(_metadata, root_fd);
		compare_file(_metadata, root_fd, error);
		kill(pid, SIGKILL);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* Landlock allows to open files below the mount ... */
TEST_F(mount, sandbox_with_read_access_gets_rows_by_mount)
{
	const __u64 all = LANDLOCK_ACCESS_FS_READ_FILE |
			  LANDLOCK_ACCESS_FS_WRITE_FILE |
			  LANDLOCK_ACCESS_FS_READ_DIR;
	const int error = variant->subset ? -ENOENT : 0;

	if (!landlock_exists())
		SKIP(return, "this kernel has no Landlock");
	compare_in_sandbox(_metadata, &ann, self->root, all, error);
	compare_in_sandbox(_metadata, &ann_in_group, self->root, all, error);
	compare_in_sandbox(_metadata, &root, self->root, all, error);
}

/* ... or to list its directories ... */
TEST_F(mount, sandbox_with_list_access_gets_pids)
{
	const int error = variant->subset ? -ENOENT : -EACCES;

	if (!landlock_exists())
		SKIP(return, "this kernel has no Landlock");
	compare_in_sandbox(_metadata, &ann, self->root,
			   LANDLOCK_ACCESS_FS_READ_DIR, error);
	compare_in_sandbox(_metadata, &root, self->root,
			   LANDLOCK_ACCESS_FS_READ_DIR, error);
}

/* ... or nothing. */
TEST_F(mount, sandbox_without_access_gets_own_row_only)
{
	const int error = variant->subset ? -ENOENT : -EACCES;

	if (!landlock_exists())
		SKIP(return, "this kernel has no Landlock");
	compare_in_sandbox(_metadata, &ann, self->root, 0, error);
	compare_in_sandbox(_metadata, &ann_in_group, self->root, 0, error);
	compare_in_sandbox(_metadata, &root, self->root, 0, error);
}

/* Check that the ends of two replies without rows are equal. */
static void expect_same_end(struct __test_metadata *_metadata,
			    const struct request *hidden,
			    const struct request *unused)
{
	struct td_answer a, b;

	EXPECT_EQ(0, query(hidden, NLM_F_DUMP, &a));
	EXPECT_EQ(0, query(unused, NLM_F_DUMP, &b));
	EXPECT_STREQ("", a.fault);
	EXPECT_EQ(0U, a.rows);
	EXPECT_EQ(ESRCH, a.end.error) {
		TH_LOG("%s, strategy %llu, pid %d", hidden->name,
		       hidden->strategy, hidden->pid);
	}
	EXPECT_EQ(b.end.error, a.end.error);
	EXPECT_EQ(b.end.type, a.end.type);
	EXPECT_EQ(b.end.offset, a.end.offset);
	EXPECT_STREQ(b.end.text, a.end.text);
	EXPECT_EQ(b.receives, a.receives);
	td_answer_free(&a);
	td_answer_free(&b);
}

static void expect_hidden(struct __test_metadata *_metadata,
			  const struct request *request, pid_t pid,
			  pid_t unused_pid)
{
	static const __u64 strategies[] = {
		TASK_DIAG_DUMP_ONE, TASK_DIAG_DUMP_CHILDREN,
		TASK_DIAG_DUMP_THREAD, TASK_DIAG_DUMP_DESCENDANTS,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(strategies); i++) {
		struct request hidden = *request, unused;

		hidden.strategy = strategies[i];
		hidden.pid = pid;
		unused = hidden;
		unused.pid = unused_pid;
		expect_same_end(_metadata, &hidden, &unused);
	}
}

/*
 * Catches an error in another step of the dump, or no error, for a task whose
 * files are hidden by the sandbox only.
 */
TEST_F(mount, sandbox_without_access_gets_same_reply_for_hidden_and_unused_pid)
{
	const pid_t others[] = { pool.task[0].pid, pool.task[7].pid };
	pid_t pid;

	if (!landlock_exists())
		SKIP(return, "this kernel has no Landlock");
	if (variant->child_ns)
		SKIP(return, "the pool is not in this mount");
	pid = td_fork_as(_metadata, &ann);
	if (!pid) {
		struct request r = {
			.name = "netlink", .proc_fd = self->root,
			.root = self->root, .show = TD_BASE_CRED,
		};
		struct td_sock sock, file;
		bool has_file;
		size_t i;

		has_file = !td_open_mount(&file, self->root, TD_LARGE);
		EXPECT_EQ(!variant->subset, has_file);
		EXPECT_EQ(0, landlock_enter(-1, 0));
		EXPECT_EQ(0, td_open(&sock, TD_LARGE));
		pid = fork_inside(_metadata);
		for (i = 0; i < ARRAY_SIZE(others); i++) {
			r.sock = &sock;
			expect_hidden(_metadata, &r, others[i],
				      self->unused_pid);
			expect_hidden(_metadata, &r, pid, self->unused_pid);
			if (!has_file)
				continue;
			r.sock = &file;
			r.proc_fd = -1;
			expect_hidden(_metadata, &r, others[i],
				      self->unused_pid);
			r.proc_fd = self->root;
		}
		kill(pid, SIGKILL);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/*
 * --- strategies and filters ------------------------------------------------
 */

/* Runs in the caller. */
struct strategies {
	struct request request;
	struct readable processes;
	struct readable threads;
	pid_t unused_pid;
};

static bool is_readable(const struct readable_task *task)
{
	return task && task->groups & READABLE_STATUS;
}

/* The expected rows as a set of pids; NULL: the reply is ESRCH. */
static void expect_pids(struct __test_metadata *_metadata,
			const struct request *r, const struct readable *all,
			const struct pid_set *pids)
{
	struct td_answer a;
	size_t i;

	EXPECT_EQ(0, query(r, NLM_F_DUMP, &a));
	EXPECT_STREQ("", a.fault);
	EXPECT_EQ(pids ? 0 : ESRCH, a.end.error) {
		TH_LOG("strategy %llu, pid %d: %s", r->strategy, r->pid,
		       a.end.text);
	}
	EXPECT_EQ(pids ? pids->nr : 0, a.rows) {
		TH_LOG("strategy %llu, pid %d", r->strategy, r->pid);
	}
	for (i = 0; pids && i < a.rows; i++) {
		const __u32 pid = a.row[i].msg.pid;
		const struct readable_task *task = readable_find(all, pid);

		EXPECT_TRUE(pid_set_has(pids, pid)) {
			TH_LOG("strategy %llu, pid %d: row of %u", r->strategy,
			       r->pid, pid);
		}
		if (task)
			expect_row(_metadata, r, task, &a.row[i]);
	}
	td_answer_free(&a);
}

/* Return true if @pid is a child of @parent, as far as files show it. */
static bool is_child(const struct readable_task *task, __u32 parent)
{
	return is_readable(task) && task->ppid == parent;
}

static void add_children(const struct readable *all, __u32 parent,
			 struct pid_set *pids)
{
	size_t i;

	for (i = 0; i < all->nr; i++)
		if (is_child(&all->task[i], parent))
			pid_set_add(pids, all->task[i].pid);
}

/* A parent that is not readable has no known children. */
static void add_descendants(const struct readable *all, __u32 parent,
			    struct pid_set *pids)
{
	size_t i;

	for (i = 0; i < all->nr; i++)
		if (is_child(&all->task[i], parent)) {
			pid_set_add(pids, all->task[i].pid);
			add_descendants(all, all->task[i].pid, pids);
		}
}

static void expect_one(struct __test_metadata *_metadata,
		       struct strategies *s, const struct readable_task *task)
{
	struct pid_set pids = {};
	struct td_answer a;

	s->request.strategy = TASK_DIAG_DUMP_ONE;
	if (task)
		pid_set_add(&pids, task->pid);
	expect_pids(_metadata, &s->request, &s->threads,
		    task ? &pids : NULL);

	/* A single request gets an equal row or error; over netlink, none. */
	EXPECT_EQ(0, query(&s->request, 0, &a));
	EXPECT_STREQ("", a.fault);
	if (s->request.proc_fd >= 0) {
		EXPECT_EQ(EINVAL, a.end.error);
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
		pid_set_free(&pids);
		return;
	}
	EXPECT_EQ(task ? 0 : ESRCH, a.end.error);
	EXPECT_EQ(task ? 1U : 0U, a.rows);
	if (task && a.rows)
		expect_row(_metadata, &s->request, task, &a.row[0]);
	td_answer_free(&a);
	pid_set_free(&pids);
}

static void expect_threads(struct __test_metadata *_metadata,
			   struct strategies *s,
			   const struct readable_task *task)
{
	struct pid_set pids = {};

	s->request.strategy = TASK_DIAG_DUMP_THREAD;
	if (is_readable(task))
		procfs_threads(s->request.root, task->pid, &pids);
	expect_pids(_metadata, &s->request, &s->threads, task ? &pids : NULL);
	pid_set_free(&pids);
}

static void expect_relatives(struct __test_metadata *_metadata,
			     struct strategies *s,
			     const struct readable_task *task)
{
	struct pid_set children = {}, descendants = {};

	if (task) {
		add_children(&s->processes, task->pid, &children);
		add_descendants(&s->processes, task->pid, &descendants);
	}
	s->request.strategy = TASK_DIAG_DUMP_CHILDREN;
	expect_pids(_metadata, &s->request, &s->processes,
		    task ? &children : NULL);
	s->request.strategy = TASK_DIAG_DUMP_DESCENDANTS;
	expect_pids(_metadata, &s->request, &s->processes,
		    task ? &descendants : NULL);
	pid_set_free(&children);
	pid_set_free(&descendants);
}

/* The pids of the pool and of its children, as root. */
static int list_pool(struct pid_set *pids)
{
	int proc = procfs_open(), err = 0;
	size_t i;

	if (proc < 0)
		return -errno;
	for (i = 0; !err && i < pool.nr; i++) {
		err = pid_set_add(pids, pool.task[i].pid) ?:
		      procfs_children(proc, pool.task[i].pid, pids);
	}
	close(proc);
	return err;
}

static void compare_strategies(struct __test_metadata *_metadata,
			       struct strategies *s,
			       const struct pid_set *pids)
{
	size_t i;

	for (i = 0; i < pids->nr; i++) {
		const struct readable_task *task =
			readable_find(&s->processes, pids->id[i]);

		s->request.pid = pids->id[i];
		s->request.show = TD_BASE_CRED | TASK_DIAG_SHOW_NS;
		expect_one(_metadata, s, task);
		expect_threads(_metadata, s, task);
		expect_relatives(_metadata, s, task);
		s->request.show |= TASK_DIAG_SHOW_CMDLINE;
		expect_threads(_metadata, s, task);
		s->request.show |= TASK_DIAG_SHOW_FILES;
		expect_relatives(_metadata, s, task);
	}
}

static void begin_strategies(struct __test_metadata *_metadata,
			     struct strategies *s, struct td_sock *sock,
			     int root_fd)
{
	*s = (struct strategies) {
		.request = {
			.name = "netlink",
			.sock = sock,
			.proc_fd = root_fd,
			.root = root_fd,
		},
	};
	EXPECT_EQ(0, td_open(sock, TD_LARGE));
	EXPECT_EQ(0, readable_take(root_fd, false, &s->processes));
	EXPECT_EQ(0, readable_take(root_fd, true, &s->threads));
}

static void strategies_as(struct __test_metadata *_metadata,
			  const struct credentials *creds, int root_fd)
{
	struct pid_set pids = {};
	pid_t pid;

	EXPECT_EQ(0, list_pool(&pids));
	EXPECT_EQ(0, pid_set_add(&pids, td_unused_pid()));
	pid = td_fork_as(_metadata, creds);
	if (!pid) {
		struct strategies s;
		struct td_sock sock;

		begin_strategies(_metadata, &s, &sock, root_fd);
		compare_strategies(_metadata, &s, &pids);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	pid_set_free(&pids);
}

TEST_F(mount, strategies_follow_readable_files)
{
	if (variant->child_ns)
		SKIP(return, "the pool is not in this mount");
	strategies_as(_metadata, &ann, self->root);
	strategies_as(_metadata, &ann_in_group, self->root);
	strategies_as(_metadata, &root_without_cap_sys_ptrace, self->root);
}

/* Filters that need a file of the task do not select a task without one. */
static void compare_filters(struct __test_metadata *_metadata,
			    struct strategies *s)
{
	const __u32 uid = BOB, states = (1 << (TASK_DIAG_IDLE + 1)) - 1;
	const struct td_filter filters[] = {
		{ TASK_DIAG_CMD_ATTR_UID, &uid, sizeof(uid) },
		{ TASK_DIAG_CMD_ATTR_STATES, &states, sizeof(states) },
		{ TASK_DIAG_CMD_ATTR_COMM, "mount_access", 12 },
	};
	struct td_answer a;
	size_t i, j;

	s->request.strategy = TASK_DIAG_DUMP_ALL;
	s->request.show = 0;
	for (i = 0; i < ARRAY_SIZE(filters); i++) {
		s->request.filter = &filters[i];
		EXPECT_EQ(0, query(&s->request, NLM_F_DUMP, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(0, a.end.error);
		for (j = 0; j < a.rows; j++)
			EXPECT_TRUE(is_readable(readable_find(&s->processes,
							      a.row[j].msg.pid))) {
				TH_LOG("filter %u selects pid %u",
				       filters[i].type, a.row[j].msg.pid);
			}
		td_answer_free(&a);
	}
}

static void compare_pid_filter(struct __test_metadata *_metadata,
			       struct strategies *s,
			       const struct pid_set *pids)
{
	const struct td_filter filter = {
		TASK_DIAG_CMD_ATTR_PIDS, pids->id, pids->nr * sizeof(*pids->id),
	};
	struct pid_set expected = {};
	size_t i;

	for (i = 0; i < pids->nr; i++)
		if (readable_find(&s->processes, pids->id[i]))
			pid_set_add(&expected, pids->id[i]);
	s->request.filter = &filter;
	expect_pids(_metadata, &s->request, &s->processes, &expected);
	pid_set_free(&expected);
}

TEST_F(mount, filters_follow_readable_files)
{
	struct pid_set pids = {};
	pid_t pid;

	if (variant->child_ns)
		SKIP(return, "the pool is not in this mount");
	EXPECT_EQ(0, list_pool(&pids));
	pid = td_fork_as(_metadata, &ann);
	if (!pid) {
		struct strategies s;
		struct td_sock sock;

		begin_strategies(_metadata, &s, &sock, self->root);
		compare_filters(_metadata, &s);
		compare_pid_filter(_metadata, &s, &pids);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	pid_set_free(&pids);
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], TASK_POOL_ROLE))
		return task_pool_role(argv);
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
