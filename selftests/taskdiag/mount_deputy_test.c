// SPDX-License-Identifier: GPL-2.0-only
/*
 * Confused deputy with a procfs mount: nothing that a request gets by the mount
 * must exceed what each of sender, opener and reader could read there, no
 * matter how descriptors are passed and credentials or mounts change.  Each
 * test names the implementation that it catches.
 */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/landlock.h>

#include "lib/fd_passing.h"
#include "lib/file_transport.h"
#include "lib/landlock.h"
#include "lib/namespace.h"
#include "lib/procfs.h"
#include "lib/procfs_mount.h"
#include "lib/program.h"
#include "lib/setting.h"
#include "lib/taskdiag_test.h"
#include "lib/users.h"
#include "lib/visible_pids.h"

/* Tasks of each user: enough for several small datagrams. */
#define SLEEPERS 100

/* gid= of mounts. */
#define GROUP 3003

#define SYSCTL "/proc/sys/kernel/task_diag_strict"
#define PARAMETER "/sys/module/task_diag/parameters/strict"

static const struct credentials member = {
	.uid = USER_IDS,
	.gid = USER_IDS,
	.group = GROUP,
};

/* May change its groups, and may not trace others. */
static const struct credentials member_with_cap_setgid = {
	.uid = USER_IDS,
	.gid = USER_IDS,
	.group = GROUP,
	.permitted = CAP_BIT(CAP_SETGID),
	.effective = CAP_BIT(CAP_SETGID),
};

static const struct credentials user_with_cap_setgid = {
	.uid = USER_IDS,
	.gid = USER_IDS,
	.permitted = CAP_BIT(CAP_SETGID),
	.effective = CAP_BIT(CAP_SETGID),
};

static const struct credentials user_with_saved_other = {
	.uid = { USER, USER, OTHER_USER, USER },
	.gid = { USER, USER, OTHER_USER, USER },
};

/* May use any pid namespace, and may not trace others. */
static const struct credentials user_with_cap_sys_admin = {
	.uid = USER_IDS,
	.gid = USER_IDS,
	.permitted = CAP_BIT(CAP_SYS_ADMIN),
	.effective = CAP_BIT(CAP_SYS_ADMIN),
};

/*
 * Made once, before the tests.  The tasks of a test have higher pids than
 * these, so a dump reports these tasks first.
 */
static struct task_pool pool;

static int make_pool(void)
{
	return users_begin(&pool, SLEEPERS) ?: program_install();
}

/* The nth task of the user, of the other user and of root. */
static __u32 of_user(size_t nth)
{
	return pool.task[3 * nth].pid;
}

static __u32 of_other(size_t nth)
{
	return pool.task[3 * nth + 1].pid;
}

/* Send a request that names the mount @root, unless that is -1. */
static int send_by_mount(struct td_sock *sock, const struct task_diag_pid *kind,
			 int root)
{
	const struct td_filter attr = {
		.type = TASK_DIAG_CMD_ATTR_PROC_FD,
		.data = &root,
		.len = sizeof(root),
	};

	return td_send_filtered(sock, kind, NLM_F_DUMP, &attr, root >= 0);
}

static int dump_by_mount(struct td_sock *sock, const struct task_diag_pid *kind,
			 int root, struct td_answer *a)
{
	int err = send_by_mount(sock, kind, root);

	td_answer_init(sock, a, true);
	return err ?: td_receive(sock, a);
}

/*
 * Read a reply in two parts: the rows made by the request, and the rows made by
 * the reads.
 */
static void read_first(struct __test_metadata *_metadata, struct td_sock *sock,
		       struct td_answer *first)
{
	td_answer_init(sock, first, true);
	EXPECT_EQ(0, td_receive_datagram(sock, first, 1));
	/* The kernel does not open files of the mount in sendmsg(). */
	if (!first->rows)
		EXPECT_EQ(0, td_receive_datagram(sock, first, 1));
	EXPECT_LT(0U, first->rows);
	EXPECT_EQ(0, first->end.type);
}

static void read_rest(struct __test_metadata *_metadata, struct td_sock *sock,
		      struct td_answer *rest)
{
	td_answer_init(sock, rest, true);
	EXPECT_EQ(0, td_receive(sock, rest));
	EXPECT_STREQ("", rest->fault);
	EXPECT_EQ(0, rest->end.error) {
		TH_LOG("%s", rest->end.text);
	}
}

/* Number of rows of tasks of the pool that belong to the other user. */
static size_t count_others(const struct td_answer *a)
{
	size_t i, nr = 0;

	for (i = 0; i < SLEEPERS; i++)
		nr += !!td_find_row(a, of_other(i));
	return nr;
}

/*
 * Exactly the tasks that pass the access check: those of the user, and the
 * caller.  All their groups are there.
 */
static void expect_strict(struct __test_metadata *_metadata,
			  const struct td_answer *a)
{
	size_t i;

	EXPECT_STREQ("", a->fault);
	EXPECT_EQ(0, a->end.error) {
		TH_LOG("%s", a->end.text);
	}
	EXPECT_TRUE(rows_only_of(a, USER, 0));
	EXPECT_LE((size_t)SLEEPERS, a->rows);
	for (i = 0; i < a->rows; i++)
		EXPECT_EQ(0U, a->row[i].absent.denied);
}

/* All tasks of the pool are there. */
static void expect_all(struct __test_metadata *_metadata,
		       const struct td_answer *a)
{
	size_t i;

	EXPECT_STREQ("", a->fault);
	EXPECT_EQ(0, a->end.error) {
		TH_LOG("%s", a->end.text);
	}
	for (i = 0; i < pool.nr; i++)
		EXPECT_NE(NULL, td_find_row(a, pool.task[i].pid));
}

/*
 * --- descriptors -----------------------------------------------------------
 */

FIXTURE(descriptor) {
	struct td_sock sock;
	int root;
	int closed;
};

FIXTURE_SETUP(descriptor)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->root = procfs_mount("hidepid=off");
	ASSERT_LE(0, self->root);
	self->closed = dup(self->root);
	ASSERT_EQ(0, close(self->closed));
}

FIXTURE_TEARDOWN(descriptor)
{
	td_close(&self->sock);
	close(self->root);
}

/* The request fails, and names the attribute. */
static void expect_error(struct __test_metadata *_metadata,
			 struct td_sock *sock, int fd, int error)
{
	const struct task_diag_pid self = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	const struct td_filter attr = {
		.type = TASK_DIAG_CMD_ATTR_PROC_FD,
		.data = &fd,
		.len = sizeof(fd),
	};
	static const __u16 flags[] = { 0, NLM_F_DUMP };
	struct td_answer a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(0, td_query_filtered(sock, &self, flags[i], &attr, 1,
					       &a));
		EXPECT_STREQ("", a.fault);
		/* A single request cannot name a mount at all. */
		EXPECT_EQ(flags[i] ? error : EINVAL, a.end.error);
		EXPECT_EQ(0U, a.rows);
		EXPECT_EXTACK_TEXT(&a, "proc_fd: ");
		EXPECT_EXTACK_OFFSET(&a, sizeof(struct td_request));
		td_answer_free(&a);
	}
}

/* Catches any other descriptor that is accepted as the root of a mount. */
TEST_F(descriptor, that_is_no_procfs_root_gets_einval)
{
	static const struct {
		const char *path;
		int flags;
	} files[] = {
		{ "/proc/version", O_RDONLY },
		{ "/proc/self", O_RDONLY | O_DIRECTORY },
		{ "/proc/self", O_PATH | O_NOFOLLOW },
		{ "/proc/self/task", O_RDONLY | O_DIRECTORY },
		{ "/proc/sys", O_RDONLY | O_DIRECTORY },
		{ "/proc/sys", O_PATH },
		{ "/proc/self/ns/pid", O_RDONLY },
		{ "/proc/task-diag", O_PATH },
		{ "/", O_RDONLY | O_DIRECTORY },
		{ "/sys", O_RDONLY | O_DIRECTORY },
		{ "/dev/null", O_RDWR },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		int fd = open(files[i].path, files[i].flags | O_CLOEXEC);

		if (fd < 0 && errno == ENOENT)
			continue;
		ASSERT_LE(0, fd);
		expect_error(_metadata, &self->sock, fd, EINVAL);
		close(fd);
	}
	expect_error(_metadata, &self->sock, self->sock.fd, EINVAL);
}

/* The bind mount of a directory has another root than its file system. */
TEST_F(descriptor, of_bind_mount_below_root_gets_einval)
{
	int fd = syscall(SYS_open_tree, AT_FDCWD, "/proc/sys",
			 OPEN_TREE_CLONE | O_CLOEXEC);

	ASSERT_LE(0, fd);
	expect_error(_metadata, &self->sock, fd, EINVAL);
	close(fd);
}

TEST_F(descriptor, that_is_not_open_gets_ebadf)
{
	expect_error(_metadata, &self->sock, self->closed, EBADF);
	expect_error(_metadata, &self->sock, -1, EBADF);
	expect_error(_metadata, &self->sock, AT_FDCWD, EBADF);
	expect_error(_metadata, &self->sock, 0x7fffffff, EBADF);
}

TEST_F(descriptor, with_pidns_fd_gets_einval)
{
	int ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	const struct td_filter attrs[] = {
		{ TASK_DIAG_CMD_ATTR_PIDNS_FD, &ns, sizeof(ns) },
		{ TASK_DIAG_CMD_ATTR_PROC_FD, &self->root, sizeof(int) },
	};
	struct td_answer a;

	ASSERT_LE(0, ns);
	ASSERT_EQ(0, td_query_filtered(&self->sock, &td_all, NLM_F_DUMP, attrs,
				       ARRAY_SIZE(attrs), &a));
	EXPECT_EQ(EINVAL, a.end.error);
	EXPECT_EXTACK_TEXT(&a, "proc_fd: cannot be combined with pidns_fd");
	td_answer_free(&a);
	close(ns);
}

/* The transaction file belongs to a mount. */
TEST_F(descriptor, in_transaction_file_gets_einval)
{
	struct td_sock file;
	int err = td_open_mount(&file, self->root, TD_LARGE);

	if (err == -ENOENT)
		SKIP(return, "this kernel has no /proc/task-diag");
	ASSERT_EQ(0, err);
	expect_error(_metadata, &file, self->root, EINVAL);
	td_close(&file);
}

TEST_F(descriptor, may_have_any_mode)
{
	const int flags[] = { O_PATH, O_RDONLY | O_DIRECTORY };
	struct td_answer a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = openat(self->root, ".", flags[i] | O_CLOEXEC);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, dump_by_mount(&self->sock, &td_all, fd, &a));
		expect_all(_metadata, &a);
		td_answer_free(&a);
		close(fd);
	}
}

/*
 * Catches a kernel that opens files of a task which passes the access check for
 * a caller that no security module confines: a later step would return the row.
 */
TEST_F(descriptor, of_unconfined_caller_gets_traceable_task_at_once)
{
	const struct task_diag_pid one = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = of_user(0),
	};
	pid_t pid = td_fork_as(_metadata, &user);

	if (!pid) {
		struct td_answer a;
		struct td_sock sock;

		EXPECT_EQ(0, td_open(&sock, TD_LARGE));
		EXPECT_EQ(0, send_by_mount(&sock, &one, self->root));
		td_answer_init(&sock, &a, true);
		EXPECT_EQ(0, td_receive_datagram(&sock, &a, 1));
		EXPECT_EQ(1U, a.rows);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/*
 * --- other openers ---------------------------------------------------------
 */

/* Runs in the opener: pass a descriptor of its own. */
static void pass_socket(struct __test_metadata *_metadata, int end,
			struct td_sock *shared)
{
	EXPECT_EQ(0, td_open(shared, TD_LARGE));
	EXPECT_EQ(0, fd_passing_send(end, shared->fd));
}

/* Runs in the sender, whose socket another user has opened. */
static void send_over_passed_socket(struct __test_metadata *_metadata,
				    int end, const struct td_sock *shared,
				    int root)
{
	int fd = fd_passing_receive(end);
	struct td_sock sock;

	EXPECT_LE(0, fd);
	EXPECT_EQ(0, td_adopt(&sock, fd, shared));
	expect_error(_metadata, &sock, root, EPERM);
}

static void use_socket_of(struct __test_metadata *_metadata,
			  const struct credentials *opener,
			  const struct credentials *sender, int root)
{
	struct td_sock *shared = td_alloc_shared(sizeof(*shared));
	int ends[2];
	pid_t pid;

	ASSERT_NE(NULL, shared);
	ASSERT_EQ(0, fd_passing_open(ends));
	pid = td_fork_as(_metadata, opener);
	if (!pid) {
		pass_socket(_metadata, ends[1], shared);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	pid = td_fork_as(_metadata, sender);
	if (!pid) {
		send_over_passed_socket(_metadata, ends[0], shared, root);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(ends[0]);
	close(ends[1]);
}

/*
 * The opener can read the rows that the request makes, and may have no way to
 * that mount.  Catches a kernel that checks the credentials of the sender only.
 */
TEST_F(descriptor, over_socket_of_other_credentials_gets_eperm)
{
	static const struct credentials root = {
		.permitted = CAP_ALL, .effective = CAP_ALL,
	};

	use_socket_of(_metadata, &other_user, &user, self->root);
	use_socket_of(_metadata, &user, &root, self->root);
	use_socket_of(_metadata, &root, &user, self->root);
	use_socket_of(_metadata, &member, &user, self->root);
	use_socket_of(_metadata, &user, &member, self->root);
}

/* As above; the sandbox that the opener is in denies it to read the mount. */
TEST_F(descriptor, over_socket_from_sandbox_gets_eperm)
{
	struct td_sock *shared = td_alloc_shared(sizeof(*shared));
	struct td_sock sock;
	struct td_answer a;
	int ends[2], fd;
	pid_t pid;

	if (!landlock_exists())
		SKIP(return, "this kernel has no Landlock");
	ASSERT_NE(NULL, shared);
	ASSERT_EQ(0, fd_passing_open(ends));
	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		EXPECT_EQ(0, landlock_enter(-1, 0));
		pass_socket(_metadata, ends[1], shared);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	fd = fd_passing_receive(ends[0]);
	ASSERT_LE(0, fd);
	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		EXPECT_EQ(0, td_adopt(&sock, fd, shared));
		EXPECT_EQ(0, dump_by_mount(&sock, &td_all, self->root, &a));
		EXPECT_EQ(EPERM, a.end.error);
		EXPECT_EQ(0U, a.rows);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

/* A request for one task, as bytes for a program to write. */
struct written {
	struct td_request request;
	struct nlattr nla;
	__u32 fd;
};

/*
 * Let a set-user-id program, started by the user, write the request to the
 * user's socket, and receive the reply.
 */
static ssize_t write_by_program(struct __test_metadata *_metadata,
				struct td_sock *sock, pid_t pid, int root)
{
	const struct task_diag_pid one = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = pid,
	};
	struct written written = {
		.nla.nla_len = NLA_HDRLEN + sizeof(written.fd),
		.nla.nla_type = TASK_DIAG_CMD_ATTR_PROC_FD,
		.fd = root,
	};
	char text[2 * sizeof(written) + 1];
	const char *const args[] = { text, NULL };
	pid_t child;

	td_make_request(sock, &one, NLM_F_DUMP, &written.request);
	written.request.nlh.nlmsg_len = sizeof(written);
	written.request.nlh.nlmsg_seq = 0;
	program_encode(&written, sizeof(written), text);
	child = fork();
	if (!child) {
		/* The mount is open in the program as well. */
		if (dup2(sock->fd, STDERR_FILENO) < 0 ||
		    fcntl(root, F_SETFD, 0))
			_exit(1);
		_exit(-program_run_setuid(PROGRAM_WRITE_ERROR, args));
	}
	EXPECT_EXIT_0(child);
	return td_receive_raw(sock, MSG_DONTWAIT);
}

/* Catches a kernel that serves the program, or lets its user learn anything. */
TEST_F(descriptor, named_by_setuid_program_gets_eperm)
{
	const pid_t pids[] = { 1, of_other(0), of_user(0), td_unused_pid() };
	int root = procfs_mount("hidepid=ptraceable");
	pid_t pid;

	ASSERT_LE(0, root);
	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		unsigned char first[256];
		ssize_t len = 0;
		size_t i;

		td_close(&self->sock);
		EXPECT_EQ(0, td_open(&self->sock, TD_LARGE));
		for (i = 0; i < ARRAY_SIZE(pids); i++) {
			const struct nlmsghdr *nlh =
				(const void *)self->sock.buf;
			const struct nlmsgerr *error = NLMSG_DATA(nlh);
			ssize_t got = write_by_program(_metadata, &self->sock,
						       pids[i], root);

			EXPECT_LT((ssize_t)NLMSG_LENGTH(sizeof(*error)), got);
			EXPECT_GT((ssize_t)sizeof(first), got);
			if (got < 0 || got > (ssize_t)sizeof(first))
				continue;
			EXPECT_EQ(NLMSG_ERROR, (int)nlh->nlmsg_type);
			EXPECT_EQ(-EPERM, error->error);
			if (!i)
				memcpy(first, nlh, len = got);
			EXPECT_EQ(len, got);
			EXPECT_EQ(0, memcmp(first, nlh, len));
		}
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(root);
}

/*
 * --- transaction files -----------------------------------------------------
 */

FIXTURE(file) {
	char dir[sizeof("/tmp/taskdiag-proc-XXXXXX")];
	char path[64];		/* of the file in that mount */
};

FIXTURE_VARIANT(file) {
	const char *options;
};

FIXTURE_VARIANT_ADD(file, off) { .options = "hidepid=off" };
FIXTURE_VARIANT_ADD(file, invisible_gid) {
	.options = "hidepid=invisible,gid=3003",
};

FIXTURE_SETUP(file)
{
	struct td_sock sock;
	int root;

	snprintf(self->dir, sizeof(self->dir), "/tmp/taskdiag-proc-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, chmod(self->dir, 0755));
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("proc", self->dir, "proc", 0, variant->options));
	snprintf(self->path, sizeof(self->path), "%s/" TASK_DIAG_PROC_NAME,
		 self->dir);
	root = open(self->dir, O_PATH | O_CLOEXEC);
	if (td_open_mount(&sock, root, TD_SMALL))
		SKIP(return, "this kernel has no /proc/task-diag");
	td_close(&sock);
	close(root);
}

FIXTURE_TEARDOWN(file)
{
	umount2(self->dir, MNT_DETACH);
	rmdir(self->dir);
}

static int open_at(struct td_sock *sock, const char *dir, size_t size)
{
	int root = open(dir, O_PATH | O_CLOEXEC), err;

	if (root < 0)
		return -errno;
	err = td_open_mount(sock, root, size);
	close(root);
	return err;
}

/* Which processes are members of the mount's group, and the result. */
static void share_file(struct __test_metadata *_metadata, const char *dir,
		       const struct credentials *opener,
		       const struct credentials *sender, bool sees_others)
{
	struct td_sock *shared = td_alloc_shared(sizeof(*shared));
	int ends[2];
	pid_t pid;

	ASSERT_NE(NULL, shared);
	ASSERT_EQ(0, fd_passing_open(ends));
	pid = td_fork_as(_metadata, opener);
	if (!pid) {
		EXPECT_EQ(0, open_at(shared, dir, TD_LARGE));
		EXPECT_EQ(0, fd_passing_send(ends[1], shared->fd));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	pid = td_fork_as(_metadata, sender);
	if (!pid) {
		int fd = fd_passing_receive(ends[0]);
		struct td_answer a;
		struct td_sock sock;

		EXPECT_LE(0, fd);
		EXPECT_EQ(0, td_adopt(&sock, fd, shared));
		EXPECT_EQ(0, td_query(&sock, &td_all, NLM_F_DUMP, &a));
		if (sees_others)
			expect_all(_metadata, &a);
		else
			expect_strict(_metadata, &a);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(ends[0]);
	close(ends[1]);
}

/* Catches a kernel that asks only the sender, or only the opener, for gid=. */
TEST_F(file, shows_others_if_sender_and_opener_are_members)
{
	const bool off = !strcmp(variant->options, "hidepid=off");

	share_file(_metadata, self->dir, &member, &member, true);
	share_file(_metadata, self->dir, &member, &user, off);
	share_file(_metadata, self->dir, &user, &member, off);
	share_file(_metadata, self->dir, &user, &user, off);
}

static void expect_rows_of_file(struct __test_metadata *_metadata,
				const char *path, bool strict)
{
	struct td_sock sock;
	struct td_answer a;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	EXPECT_LE(0, fd);
	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	/* As td_open_mount(), for a file that may have any name. */
	td_close(&sock);
	EXPECT_EQ(0, open_at(&sock, "/proc", TD_LARGE));
	EXPECT_LE(0, dup2(fd, sock.fd));
	EXPECT_EQ(0, td_query(&sock, &td_all, NLM_F_DUMP, &a));
	if (strict)
		expect_strict(_metadata, &a);
	else
		expect_all(_metadata, &a);
	td_answer_free(&a);
	td_close(&sock);
	close(fd);
}

/*
 * A sandbox may contain the file and no other one of that mount.  Catches a
 * kernel that takes the options of the file system.
 */
TEST_F(file, bind_mounted_alone_shows_ptraceable_tasks)
{
	char target[] = "/tmp/taskdiag-file-XXXXXX";
	int fd = mkstemp(target);
	pid_t pid;

	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, mount(self->path, target, NULL, MS_BIND, NULL));
	pid = td_fork_as(_metadata, &member);
	if (!pid) {
		expect_rows_of_file(_metadata, self->path, false);
		expect_rows_of_file(_metadata, target, true);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	umount2(target, MNT_DETACH);
	unlink(target);
}

/* The bind mount of the whole file system shows its files. */
TEST_F(file, in_bind_mount_of_root_follows_options)
{
	char dir[] = "/tmp/taskdiag-bind-XXXXXX", path[64];
	pid_t pid;

	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, mount(self->dir, dir, NULL, MS_BIND, NULL));
	snprintf(path, sizeof(path), "%s/" TASK_DIAG_PROC_NAME, dir);
	pid = td_fork_as(_metadata, &member);
	if (!pid) {
		expect_rows_of_file(_metadata, path, false);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

/*
 * A lazily unmounted file system still has files, so the dump is complete.
 * Catches a reference that is not held.
 */
TEST_F(file, unmounted_during_dump_reports_all_tasks)
{
	struct td_answer first, rest;
	struct td_sock sock;
	pid_t pid;

	pid = td_fork_as(_metadata, &member);
	if (!pid) {
		EXPECT_EQ(0, open_at(&sock, self->dir, TD_SMALL));
		EXPECT_EQ(0, td_send_request(&sock, &td_all, NLM_F_DUMP, NULL));
		read_first(_metadata, &sock, &first);
		/* It is the other process's turn. */
		raise(SIGSTOP);
		read_rest(_metadata, &sock, &rest);
		EXPECT_EQ((size_t)SLEEPERS,
			  count_others(&first) + count_others(&rest));
		EXPECT_LT(0U, count_others(&rest));
		_exit(0);
	}
	EXPECT_EQ(pid, waitpid(pid, NULL, WUNTRACED));
	EXPECT_EQ(0, umount2(self->dir, MNT_DETACH));
	EXPECT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EXIT_0(pid);
}

/* Runs in the first process of the child namespace. */
static void make_child_ns(void *arg)
{
	const int *end = arg;
	int root = procfs_mount("hidepid=off");

	if (root < 0 || fd_passing_send(*end, root))
		_exit(1);
}

/*
 * The mount shows a child namespace and none of the tasks outside.  Catches
 * options that are applied to another namespace.
 */
TEST_F(file, with_pid_namespace_outside_mount_shows_ptraceable_tasks)
{
	int ends[2], root, ns;
	pid_t init, later, pid;

	ASSERT_EQ(0, fd_passing_open(ends));
	init = namespace_begin_retry(0, 1, make_child_ns, &ends[1]);
	ASSERT_LT(0, init);
	root = fd_passing_receive(ends[0]);
	ASSERT_LE(0, root);
	later = td_fork_as(_metadata, &other_user);
	if (!later) {
		pause();
		_exit(0);
	}
	ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, ns);
	pid = td_fork_as(_metadata, &user_with_cap_sys_admin);
	if (!pid) {
		/* The files of the first task exist below the mount. */
		const __u32 pids[] = { init, later };
		const struct td_filter attrs[] = {
			{ TASK_DIAG_CMD_ATTR_PIDNS_FD, &ns, sizeof(ns) },
			{ TASK_DIAG_CMD_ATTR_PIDS, pids, sizeof(pids) },
		};
		struct td_answer a;
		struct td_sock sock;

		EXPECT_EQ(0, td_open_mount(&sock, root, TD_LARGE));
		EXPECT_EQ(0, td_query_filtered(&sock, &td_all, NLM_F_DUMP,
					       attrs, 2, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(0, a.end.error);
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
		EXPECT_EQ(0, td_query_filtered(&sock, &td_all, NLM_F_DUMP,
					       attrs, 1, &a));
		EXPECT_NE(NULL, td_find_row(&a, of_user(0)));
		EXPECT_EQ(0U, count_others(&a));
		EXPECT_EQ(NULL, td_find_row(&a, 1));
		td_answer_free(&a);

		/* The tasks below the mount are world-readable. */
		EXPECT_EQ(0, td_query(&sock, &td_all, NLM_F_DUMP, &a));
		EXPECT_EQ(2U, a.rows);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	kill(later, SIGKILL);
	waitpid(later, NULL, 0);
	namespace_end(init);
	close(root);
	close(ns);
}

/*
 * --- changes during a dump -------------------------------------------------
 */

FIXTURE(change) {
};

FIXTURE_VARIANT(change) {
	bool file;
};

FIXTURE_VARIANT_ADD(change, netlink) {};
FIXTURE_VARIANT_ADD(change, file) { .file = true };

FIXTURE_SETUP(change)
{
}

FIXTURE_TEARDOWN(change)
{
}

/* Open a transport, and send a request that belongs to the mount. */
static void begin_dump(struct __test_metadata *_metadata, bool file,
		       struct td_sock *sock, const struct task_diag_pid *kind,
		       int root, struct td_answer *first)
{
	EXPECT_EQ(0, file ? td_open_mount(sock, root, TD_SMALL) :
			    td_open(sock, TD_SMALL));
	EXPECT_EQ(0, send_by_mount(sock, kind, file ? -1 : root));
	read_first(_metadata, sock, first);
}

/* As begin_dump() for a mount that shows tasks of the other user. */
static void begin_shown_dump(struct __test_metadata *_metadata, bool file,
			     struct td_sock *sock, int root,
			     struct td_answer *first)
{
	begin_dump(_metadata, file, sock, &td_all, root, first);
	/* A stock kernel has messages full of kernel threads before them. */
	while (!first->end.type && !count_others(first))
		ASSERT_EQ(0, td_receive_datagram(sock, first, 1));
}

/* Catches options that are applied to the credentials of the request only. */
TEST_F(change, leaving_group_hides_tasks)
{
	int root = procfs_mount("hidepid=invisible,gid=3003");
	pid_t pid;

	ASSERT_LE(0, root);
	pid = td_fork_as(_metadata, &member_with_cap_setgid);
	if (!pid) {
		struct td_answer first, rest;
		struct td_sock sock;

		begin_shown_dump(_metadata, variant->file, &sock, root, &first);
		EXPECT_LT(0U, count_others(&first));
		EXPECT_EQ(0, syscall(SYS_setgroups, 0, NULL));
		/* Netlink has made the second datagram already. */
		if (!variant->file)
			EXPECT_EQ(0, td_receive_datagram(&sock, &first, 1));
		read_rest(_metadata, &sock, &rest);
		EXPECT_EQ(0U, count_others(&rest));
		EXPECT_TRUE(rows_only_of(&rest, USER, 0));
		EXPECT_LT(0U, rest.rows);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(root);
}

/* Catches options that are applied to the credentials of the reader only. */
TEST_F(change, joining_group_adds_no_row)
{
	static const gid_t group = GROUP;
	int root = procfs_mount("hidepid=invisible,gid=3003");
	pid_t pid;

	ASSERT_LE(0, root);
	pid = td_fork_as(_metadata, &user_with_cap_setgid);
	if (!pid) {
		struct td_answer first, rest;
		struct td_sock sock;

		begin_dump(_metadata, variant->file, &sock, &td_all, root,
			   &first);
		EXPECT_EQ(0U, count_others(&first));
		EXPECT_EQ(0, syscall(SYS_setgroups, 1, &group));
		read_rest(_metadata, &sock, &rest);
		EXPECT_EQ(0U, count_others(&rest));
		EXPECT_LT(0U, rest.rows);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(root);
}

/*
 * The process changes from one user to another.  Catches an access check of the
 * gated groups with one of the two credentials only.
 */
TEST_F(change, changing_user_denies_groups_of_both)
{
	const struct task_diag_pid kind = {
		.show_flags = TD_BASE_CRED | TASK_DIAG_SHOW_NS,
		.dump_strategy = TASK_DIAG_DUMP_ALL,
	};
	int root = procfs_mount("hidepid=off");
	pid_t pid;

	ASSERT_LE(0, root);
	pid = td_fork_as(_metadata, &user_with_saved_other);
	if (!pid) {
		struct td_answer first, rest;
		struct td_sock sock;
		size_t i;

		begin_dump(_metadata, variant->file, &sock, &kind, root,
			   &first);
		EXPECT_EQ(0, setresgid(OTHER_USER, OTHER_USER, OTHER_USER));
		EXPECT_EQ(0, setresuid(OTHER_USER, OTHER_USER, OTHER_USER));
		if (!variant->file)
			EXPECT_EQ(0, td_receive_datagram(&sock, &first, 1));
		read_rest(_metadata, &sock, &rest);
		EXPECT_LT(0U, count_others(&rest));
		for (i = 0; i < rest.rows; i++) {
			const bool self = rest.row[i].msg.pid ==
					  (__u32)getpid();

			EXPECT_EQ(self ? 0 : TASK_DIAG_SHOW_NS,
				  rest.row[i].absent.denied);
		}
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(root);
}

/*
 * Catches results of opening files that are used for other credentials than
 * those that opened them.
 */
TEST_F(change, entering_sandbox_hides_tasks)
{
	int root = procfs_mount("hidepid=off");
	pid_t pid;

	if (!landlock_exists())
		SKIP(return, "this kernel has no Landlock");
	ASSERT_LE(0, root);
	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		struct td_answer first, rest;
		struct td_sock sock;

		begin_shown_dump(_metadata, variant->file, &sock, root, &first);
		EXPECT_LT(0U, count_others(&first));
		EXPECT_EQ(0, landlock_enter(-1, 0));
		if (!variant->file)
			EXPECT_EQ(0, td_receive_datagram(&sock, &first, 1));
		read_rest(_metadata, &sock, &rest);
		EXPECT_EQ(1U, rest.rows);
		EXPECT_NE(NULL, td_find_row(&rest, getpid()));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(root);
}

/* Runs in the user, while root changes the mount. */
static void read_around_stop(struct __test_metadata *_metadata, bool file,
			     int root, bool shown, struct td_answer *first,
			     struct td_answer *rest)
{
	struct td_sock sock;

	if (shown)
		begin_shown_dump(_metadata, file, &sock, root, first);
	else
		begin_dump(_metadata, file, &sock, &td_all, root, first);
	/* It is the other process's turn. */
	raise(SIGSTOP);
	if (!file)
		EXPECT_EQ(0, td_receive_datagram(&sock, first, 1));
	read_rest(_metadata, &sock, rest);
}

/* A change of the mount's options between two parts of a reply. */
struct remount {
	const char *before;
	const char *after;
	bool shown;		/* @before shows tasks of the other user */
	void (*check)(struct __test_metadata *_metadata,
		      const struct td_answer *first,
		      const struct td_answer *rest);
};

static void read_around_remount(struct __test_metadata *_metadata, bool file,
				const struct remount *remount)
{
	int root = procfs_mount(remount->before);
	pid_t pid;

	ASSERT_LE(0, root);
	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		struct td_answer first, rest;

		read_around_stop(_metadata, file, root, remount->shown, &first,
				 &rest);
		remount->check(_metadata, &first, &rest);
		_exit(0);
	}
	EXPECT_EQ(pid, waitpid(pid, NULL, WUNTRACED));
	EXPECT_EQ(0, procfs_reconfigure(root, remount->after));
	EXPECT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EXIT_0(pid);
	close(root);
}

static void expect_hidden(struct __test_metadata *_metadata,
			  const struct td_answer *first,
			  const struct td_answer *rest)
{
	EXPECT_LT(0U, count_others(first));
	EXPECT_EQ(0U, count_others(rest));
	EXPECT_TRUE(rows_only_of(rest, USER, 0));
}

/* Catches options that are read once per request. */
TEST_F(change, hiding_remount_hides_tasks)
{
	static const char * const options[] = {
		"hidepid=invisible", "hidepid=ptraceable",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		const struct remount remount = {
			.before = "hidepid=off",
			.after = options[i],
			.shown = true,
			.check = expect_hidden,
		};

		read_around_remount(_metadata, variant->file, &remount);
	}
}

static void expect_listed(struct __test_metadata *_metadata,
			  const struct td_answer *first,
			  const struct td_answer *rest)
{
	size_t i;

	EXPECT_LT(0U, count_others(rest));
	for (i = 0; i < SLEEPERS; i++) {
		const struct td_row *row = td_find_row(rest, of_other(i));

		if (row)
			EXPECT_EQ(TD_BASE_CRED, row->absent.denied);
	}
}

TEST_F(change, remount_without_access_lists_tasks)
{
	static const struct remount remount = {
		.before = "hidepid=off",
		.after = "hidepid=noaccess",
		.shown = true,
		.check = expect_listed,
	};

	read_around_remount(_metadata, variant->file, &remount);
}

static void expect_shown(struct __test_metadata *_metadata,
			 const struct td_answer *first,
			 const struct td_answer *rest)
{
	EXPECT_EQ(0U, count_others(first));
	EXPECT_LT(0U, count_others(rest));
}

/* As a process that reads the directory meanwhile. */
TEST_F(change, showing_remount_shows_tasks)
{
	static const struct remount remount = {
		.before = "hidepid=invisible",
		.after = "hidepid=off",
		.check = expect_shown,
	};

	read_around_remount(_metadata, variant->file, &remount);
}

/*
 * The task may not be traced any more when the rest of its mappings is read.
 * Catches a repeated check that accepts any level.
 */
TEST_F(change, task_that_becomes_undumpable_denies_rest_of_row)
{
	int root = procfs_mount("hidepid=off"), page = getpagesize(), i;
	const struct task_diag_pid kind = {
		.show_flags = TASK_DIAG_SHOW_VMA,
	};
	pid_t target, pid;

	ASSERT_LE(0, root);
	target = td_fork_as(_metadata, &user);
	if (!target) {
		char *area = mmap(NULL, 2000 * page, PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (i = 0; i < 2000; i += 2)
			mprotect(area + i * page, page, PROT_NONE);
		raise(SIGSTOP);
		prctl(PR_SET_DUMPABLE, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	EXPECT_EQ(target, waitpid(target, NULL, WUNTRACED));
	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		/* The first one decides what files of other tasks show. */
		const __u32 pids[] = { 1, target };
		const struct td_filter attrs[] = {
			{ TASK_DIAG_CMD_ATTR_PIDS, pids, sizeof(pids) },
			{ TASK_DIAG_CMD_ATTR_PROC_FD, &root, sizeof(root) },
		};
		struct td_answer a;
		struct td_sock sock;

		EXPECT_EQ(0, variant->file ?
			     td_open_mount(&sock, root, TD_SMALL) :
			     td_open(&sock, TD_SMALL));
		EXPECT_EQ(0, td_send_filtered(&sock, &kind, NLM_F_DUMP, attrs,
					      variant->file ? 1 : 2));
		read_first(_metadata, &sock, &a);
		/* Netlink begins the second row with the second datagram. */
		if (a.rows < 2)
			EXPECT_EQ(0, td_receive_datagram(&sock, &a, 1));
		EXPECT_EQ(0, a.end.type);
		raise(SIGSTOP);
		EXPECT_EQ(0, td_receive(&sock, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(0, a.end.error);
		EXPECT_EQ(2U, a.rows);
		EXPECT_LT(1U, a.row[1].messages);
		EXPECT_EQ(TASK_DIAG_SHOW_VMA, a.row[1].absent.denied);
		_exit(0);
	}
	EXPECT_EQ(pid, waitpid(pid, NULL, WUNTRACED));
	EXPECT_EQ(0, kill(target, SIGCONT));
	EXPECT_EQ(target, waitpid(target, NULL, WUNTRACED));
	EXPECT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EXIT_0(pid);
	kill(target, SIGKILL);
	waitpid(target, NULL, 0);
	close(root);
}

/*
 * --- the strict rule -------------------------------------------------------
 */

FIXTURE(strict) {
	struct td_sock sock;
	int root;
};

static int set_strict(bool strict)
{
	const char *text = strict ? "1" : "0";

	return setting_write(SYSCTL, text) ?
	       setting_write(PARAMETER, text) : 0;
}

FIXTURE_SETUP(strict)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->root = procfs_mount("hidepid=off");
	ASSERT_LE(0, self->root);
}

FIXTURE_TEARDOWN(strict)
{
	set_strict(false);
	td_close(&self->sock);
	close(self->root);
}

static void expect_by_rule(struct __test_metadata *_metadata, int root,
			   bool strict)
{
	pid_t pid = td_fork_as(_metadata, &user);

	if (!pid) {
		struct td_answer a;
		struct td_sock sock;

		EXPECT_EQ(0, td_open(&sock, TD_LARGE));
		EXPECT_EQ(0, dump_by_mount(&sock, &td_all, root, &a));
		if (strict)
			expect_strict(_metadata, &a);
		else
			expect_all(_metadata, &a);
		td_answer_free(&a);
		td_close(&sock);
		if (td_open_mount(&sock, root, TD_LARGE))
			_exit(0);
		EXPECT_EQ(0, td_query(&sock, &td_all, NLM_F_DUMP, &a));
		if (strict)
			expect_strict(_metadata, &a);
		else
			expect_all(_metadata, &a);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

static bool reports_strict(struct __test_metadata *_metadata,
			   struct td_sock *sock)
{
	struct task_diag_features features = {};

	EXPECT_EQ(0, td_features(sock, &features));
	EXPECT_NE(0U, features.options & TASK_DIAG_OPTION_PROC_FD);
	return features.options & TASK_DIAG_OPTION_STRICT;
}

/* Catches a switch without effect, and one that the features do not report. */
TEST_F(strict, switch_hides_tasks_of_any_mount)
{
	EXPECT_FALSE(reports_strict(_metadata, &self->sock));
	expect_by_rule(_metadata, self->root, false);
	ASSERT_EQ(0, set_strict(true));
	EXPECT_TRUE(reports_strict(_metadata, &self->sock));
	expect_by_rule(_metadata, self->root, true);
	ASSERT_EQ(0, set_strict(false));
	EXPECT_FALSE(reports_strict(_metadata, &self->sock));
	expect_by_rule(_metadata, self->root, false);
}

TEST_F(strict, switch_needs_root)
{
	pid_t pid = td_fork_as(_metadata, &user);

	if (!pid) {
		EXPECT_NE(0, set_strict(true));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], PROGRAM_WRITE_ERROR))
		return program_write_error(argv[2], USER);
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
