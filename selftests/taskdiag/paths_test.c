// SPDX-License-Identifier: GPL-2.0-only
/*
 * PATHS: program, current directory and root directory of tasks, compared with
 * the links exe, cwd and root of /proc/PID.  Some of the files are deleted,
 * replaced or outside of the reader's root directory, or have long paths.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "lib/fields.h"
#include "lib/procfs.h"
#include "lib/task_events.h"
#include "lib/taskdiag_test.h"
#include "lib/test_tasks.h"
#include "lib/users.h"

#define SELF "/proc/self/exe"

/* A new tmpfs in a mount namespace of this program. */
#define BASE "/mnt"

#define DELETED " (deleted)"

/* Maximum length of a path that procfs shows. */
#define LONGEST ((size_t)PATH_MAX - 1)

static const char *const link_names[] = { "exe", "cwd", "root" };

/* --- special tasks -------------------------------------------------------- */

/* Make nested directories until the path has @longest bytes, and enter them. */
static int enter_deep(const char *base, size_t longest)
{
	size_t left = longest - strlen(base);

	if (mkdir(base, 0755) || chdir(base))
		return -errno;
	while (left) {
		/* Each level is a slash and a name. */
		size_t len = left > 2 * NAME_MAX ? 200 : left - 1;
		char name[2 * NAME_MAX];

		if (len > NAME_MAX)
			len = left / 2;
		memset(name, 'n', len);
		name[len] = '\0';
		if (mkdir(name, 0755) || chdir(name))
			return -errno;
		left -= len + 1;
	}
	return 0;
}

static int enter(const char *path)
{
	return mkdir(path, 0755) || chdir(path) ? -errno : 0;
}

static int in_directory(void *arg)
{
	return enter(BASE "/directory");
}

static int in_odd_directory(void *arg)
{
	return enter(BASE "/new\nline \\ \xff \x01");
}

static int in_deleted_directory(void *arg)
{
	const char *path = BASE "/doomed";
	int err = enter(path);

	return err ?: (rmdir(path) ? -errno : 0);
}

/* A name like that of a deleted directory. */
static int in_directory_named_deleted(void *arg)
{
	return enter(BASE "/named" DELETED);
}

static int in_chroot(void *arg)
{
	int err = enter(BASE "/jail");

	if (err)
		return err;
	return chroot(".") || enter("/inside") ? -errno : 0;
}

/* Make the root directory a subdirectory of the current one. */
static int outside_of_chroot(void *arg)
{
	const char *path = BASE "/jail-outside";

	return mkdir(path, 0755) || chdir(BASE) || chroot(path) ? -errno : 0;
}

static int in_deleted_root(void *arg)
{
	const char *path = BASE "/doomed-root";
	int above = open(BASE, O_PATH | O_CLOEXEC), err;

	err = enter(path);
	if (err)
		return err;
	if (chroot(".") || unlinkat(above, "doomed-root", AT_REMOVEDIR))
		return -errno;
	return 0;
}

static int mount_own(const char *path)
{
	if (mkdir(path, 0755) || unshare(CLONE_NEWNS) ||
	    mount("none", path, "tmpfs", 0, NULL) || chdir(path))
		return -errno;
	return mkdir("sub", 0755) || chdir("sub") ? -errno : 0;
}

/* Enter a file system that only the task's mount namespace contains. */
static int in_other_mount_namespace(void *arg)
{
	return mount_own(BASE "/mount");
}

/* Enter a file system, and unmount it. */
static int in_detached_mount(void *arg)
{
	const char *path = BASE "/unmounted";
	int err = mount_own(path);

	return err ?: (umount2(path, MNT_DETACH) ? -errno : 0);
}

/* procfs shows paths of at most PATH_MAX bytes, including the NUL. */
static int in_longest_directory(void *arg)
{
	return enter_deep(BASE "/longest", LONGEST);
}

static int in_too_long_directory(void *arg)
{
	return enter_deep(BASE "/too-long", LONGEST + 1);
}

static int in_far_too_long_directory(void *arg)
{
	return enter_deep(BASE "/far-too-long", 5 * PATH_MAX);
}

/* Enter a deleted directory whose path had @longest bytes. */
static int enter_deep_deleted(const char *base, size_t longest)
{
	int err = enter_deep(base, longest - 2), above;

	if (err)
		return err;
	above = open(".", O_PATH | O_CLOEXEC);
	err = enter("d");
	if (!err && unlinkat(above, "d", AT_REMOVEDIR))
		err = -errno;
	close(above);
	return err;
}

static int in_longest_deleted_directory(void *arg)
{
	return enter_deep_deleted(BASE "/longest-deleted",
				  LONGEST - strlen(DELETED));
}

static int in_too_long_deleted_directory(void *arg)
{
	return enter_deep_deleted(BASE "/too-long-deleted",
				  LONGEST - strlen(DELETED) + 1);
}

/* Both paths fill a message of the smallest buffer. */
static int in_longest_root(void *arg)
{
	int err = enter_deep(BASE "/longest-root", LONGEST);

	return err ?: (chroot(".") ? -errno : 0);
}

static void *enter_in_thread(void *arg)
{
	if (unshare(CLONE_FS) || enter(BASE "/thread"))
		abort();
	for (;;)
		pause();
	return NULL;
}

/* After unshare(CLONE_FS), a thread has its own directories. */
static int with_thread_elsewhere(void *arg)
{
	pthread_t thread;

	return -pthread_create(&thread, NULL, enter_in_thread, NULL);
}

static const struct test_task_kind kinds[] = {
	{ "directory", in_directory },
	{ "odd", in_odd_directory },
	{ "deleted", in_deleted_directory },
	{ "named deleted", in_directory_named_deleted },
	{ "chroot", in_chroot },
	{ "outside", outside_of_chroot },
	{ "deleted root", in_deleted_root },
	{ "namespace", in_other_mount_namespace },
	{ "detached", in_detached_mount },
	{ "longest", in_longest_directory },
	{ "too long", in_too_long_directory },
	{ "far too long", in_far_too_long_directory },
	{ "longest deleted", in_longest_deleted_directory },
	{ "too long deleted", in_too_long_deleted_directory },
	{ "longest root", in_longest_root },
	{ "thread", with_thread_elsewhere },
};

/* --- programs ------------------------------------------------------------- */

static int copy_self(int to)
{
	int from = open(SELF, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	off_t at = 0;

	if (from < 0)
		return -errno;
	if (fstat(from, &st))
		err = -errno;
	while (!err && at < st.st_size)
		if (sendfile(to, from, &at, st.st_size - at) <= 0)
			err = -EIO;
	close(from);
	return err;
}

/* Copy this program.  The file must not be open for writing when it runs. */
static int install(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	int err = fd < 0 ? -errno : copy_self(fd);

	close(fd);
	return err;
}

static struct test_tasks tasks;

static int run_program(const char *name, const char *path)
{
	char *const argv[] = { "program", NULL };
	char *const env[] = { SPECIAL_TASK_MARK, NULL };

	return test_tasks_add_exec(&tasks, name, path, argv, env, NULL);
}

/* Programs whose file is deleted, replaced, or never had a name. */
static int run_programs(void)
{
	int fd, program, err;
	char path[40];

	err = install(BASE "/program") ?: install(BASE "/deleted-program") ?:
	      install(BASE "/replaced-program") ?:
	      install(BASE "/program" DELETED) ?:
	      run_program("program", BASE "/program") ?:
	      run_program("deleted program", BASE "/deleted-program") ?:
	      run_program("replaced program", BASE "/replaced-program") ?:
	      run_program("program named deleted", BASE "/program" DELETED);
	if (err)
		return err;
	if (unlink(BASE "/deleted-program") ||
	    rename(BASE "/program", BASE "/replaced-program"))
		return -errno;

	fd = memfd_create("program", MFD_CLOEXEC);
	err = fd < 0 ? -errno : copy_self(fd);
	if (err)
		return err;
	/* execve() refuses a file that is open for writing. */
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	program = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), program);
	err = run_program("memfd", path);
	close(program);
	return err;
}

static int make_test_tasks(void)
{
	int err;

	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", BASE, "tmpfs", 0, "mode=755"))
		return -errno;
	err = test_tasks_begin_all(&tasks, kinds, ARRAY_SIZE(kinds), NULL, 0);
	if (err)
		return err;
	err = run_programs();
	if (err && !tasks.pool.error[0])
		snprintf(tasks.pool.error, sizeof(tasks.pool.error),
			 "programs");
	return err;
}

static void end_test_tasks(void)
{
	test_tasks_end(&tasks);
}

/* --- procfs reference ----------------------------------------------------- */

struct target {
	char text[2 * PATH_MAX];
	int error;		/* errno, 0 with @text */
};

static void read_target(int proc, const struct td_row *row, bool thread,
			unsigned int kind, struct target *target)
{
	char path[96];
	ssize_t len;

	if (thread)
		snprintf(path, sizeof(path), "%u/task/%u/%s", row->msg.tgid,
			 row->msg.pid, link_names[kind]);
	else
		snprintf(path, sizeof(path), "%u/%s", row->msg.tgid,
			 link_names[kind]);
	len = readlinkat(proc, path, target->text, sizeof(target->text) - 1);
	target->error = len < 0 ? errno : 0;
	target->text[len < 0 ? 0 : len] = '\0';
}

static void get_paths(struct __test_metadata *_metadata,
		      const struct td_answer *a, const struct td_row *row,
		      struct paths *paths)
{
	char text[160] = "";

	ASSERT_EQ(0, fields_paths(a, row, paths, text, sizeof(text))) {
		TH_LOG("%u: %s", row->msg.pid, text);
	}
}

static bool ends_deleted(const char *text)
{
	const size_t len = strlen(text), end = strlen(DELETED);

	return len > end && !strcmp(text + len - end, DELETED);
}

static void expect_procfs_paths(struct __test_metadata *_metadata, int proc,
				bool threads, const struct td_answer *a,
				const struct td_row *row)
{
	struct target target;
	struct paths paths;
	unsigned int kind;

	EXPECT_FALSE(row->complete);
	get_paths(_metadata, a, row, &paths);
	for (kind = 0; kind <= TASK_DIAG_PATH_MAX; kind++) {
		const char *text = paths.text[kind];
		const __u32 flags = paths.head[kind].flags;
		int error = 0;

		read_target(proc, row, threads, kind, &target);
		if (!text)
			error = flags & TASK_DIAG_PATH_TOO_LONG ? ENAMETOOLONG :
								  ENOENT;
		EXPECT_EQ(target.error, error) {
			TH_LOG("%s of %u: %s", link_names[kind], row->msg.pid,
			       target.text);
		}
		EXPECT_STREQ(target.text, text ?: "");
		if (flags & TASK_DIAG_PATH_DELETED)
			EXPECT_TRUE(text && ends_deleted(text));
	}
}

/* --- tests ---------------------------------------------------------------- */

FIXTURE(paths) {
	struct td_sock sock;
	int proc;
};

FIXTURE_VARIANT(paths) {
	size_t size;		/* of the receive buffer */
};

FIXTURE_VARIANT_ADD(paths, buffer_32_kib) {
	.size = TD_LARGE,
};

FIXTURE_VARIANT_ADD(paths, buffer_8_kib) {
	.size = TD_SMALL,
};

FIXTURE_SETUP(paths)
{
	ASSERT_EQ(0, td_open(&self->sock, variant->size));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(paths)
{
	close(self->proc);
	td_close(&self->sock);
}

static void query_paths(struct __test_metadata *_metadata, struct td_sock *sock,
			__u64 strategy, pid_t pid, struct td_answer *a)
{
	td_dump(_metadata, sock, TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_PATHS,
		strategy, pid, a);
}

static void compare_all(struct __test_metadata *_metadata, struct td_sock *sock,
			int proc, bool threads)
{
	struct td_answer a;
	size_t i;

	query_paths(_metadata, sock,
		    threads ? TASK_DIAG_DUMP_ALL_THREAD : TASK_DIAG_DUMP_ALL, 0,
		    &a);
	for (i = 0; i < a.rows; i++)
		expect_procfs_paths(_metadata, proc, threads, &a, &a.row[i]);
	EXPECT_LT(tasks.nr, a.rows);
	td_answer_free(&a);
}

/* Includes kernel threads and zombies. */
TEST_F(paths, every_process_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc, false);
}

TEST_F(paths, every_thread_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc, true);
}

/* Paths are relative to the root directory of the reader. */
TEST_F(paths, reader_in_chroot_gets_procfs_of_its_root)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		struct td_sock sock;

		EXPECT_EQ(0, chroot(BASE "/jail"));
		EXPECT_EQ(0, td_open(&sock, variant->size));
		compare_all(_metadata, &sock, self->proc, false);
		td_close(&sock);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

static void query_task(struct __test_metadata *_metadata, struct td_sock *sock,
		       pid_t pid, struct td_answer *a, struct paths *paths)
{
	ASSERT_LT(0, pid);
	query_paths(_metadata, sock, TASK_DIAG_DUMP_ONE, pid, a);
	ASSERT_EQ(1U, a->rows);
	get_paths(_metadata, a, &a->row[0], paths);
}

/* Check that each test task has the paths and flags it was made with. */
TEST_F(paths, test_tasks_report_their_paths)
{
	static const struct {
		const char *name;
		unsigned int kind;
		__u32 flags;
		const char *path;	/* NULL: not compared */
	} known[] = {
		{ "directory", TASK_DIAG_PATH_CWD, 0, BASE "/directory" },
		{ "directory", TASK_DIAG_PATH_ROOT, 0, "/" },
		{ "odd", TASK_DIAG_PATH_CWD, 0, BASE "/new\nline \\ \xff \x01" },
		{ "deleted", TASK_DIAG_PATH_CWD, TASK_DIAG_PATH_DELETED,
		  BASE "/doomed" DELETED },
		{ "named deleted", TASK_DIAG_PATH_CWD, 0,
		  BASE "/named" DELETED },
		{ "chroot", TASK_DIAG_PATH_ROOT, 0, BASE "/jail" },
		{ "chroot", TASK_DIAG_PATH_CWD, 0, BASE "/jail/inside" },
		{ "outside", TASK_DIAG_PATH_ROOT, 0, BASE "/jail-outside" },
		{ "outside", TASK_DIAG_PATH_CWD, 0, BASE },
		{ "deleted root", TASK_DIAG_PATH_ROOT, TASK_DIAG_PATH_DELETED,
		  BASE "/doomed-root" DELETED },
		{ "namespace", TASK_DIAG_PATH_CWD, 0, BASE "/mount/sub" },
		{ "detached", TASK_DIAG_PATH_CWD, 0, "/sub" },
		{ "longest", TASK_DIAG_PATH_CWD, 0, NULL },
		{ "too long", TASK_DIAG_PATH_CWD, TASK_DIAG_PATH_TOO_LONG,
		  NULL },
		{ "far too long", TASK_DIAG_PATH_CWD, TASK_DIAG_PATH_TOO_LONG,
		  NULL },
		{ "longest deleted", TASK_DIAG_PATH_CWD, TASK_DIAG_PATH_DELETED,
		  NULL },
		{ "too long deleted", TASK_DIAG_PATH_CWD,
		  TASK_DIAG_PATH_TOO_LONG, NULL },
		{ "program", TASK_DIAG_PATH_EXE, 0, BASE "/replaced-program" },
		{ "replaced program", TASK_DIAG_PATH_EXE,
		  TASK_DIAG_PATH_DELETED, BASE "/replaced-program" DELETED },
		{ "deleted program", TASK_DIAG_PATH_EXE, TASK_DIAG_PATH_DELETED,
		  BASE "/deleted-program" DELETED },
		{ "program named deleted", TASK_DIAG_PATH_EXE, 0,
		  BASE "/program" DELETED },
		{ "memfd", TASK_DIAG_PATH_EXE, TASK_DIAG_PATH_DELETED,
		  "/memfd:program" DELETED },
	};
	struct td_answer a;
	struct paths paths;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		const unsigned int kind = known[i].kind;
		const __u32 flags = known[i].flags;

		query_task(_metadata, &self->sock,
			   test_tasks_pid(&tasks, known[i].name), &a, &paths);
		EXPECT_EQ(flags, paths.head[kind].flags) {
			TH_LOG("%s of %s", link_names[kind], known[i].name);
		}
		EXPECT_EQ(!(flags & TASK_DIAG_PATH_TOO_LONG),
			  !!paths.text[kind]);
		if (known[i].path)
			EXPECT_STREQ(known[i].path, paths.text[kind] ?: "");
		if (!known[i].path && paths.text[kind])
			EXPECT_EQ(LONGEST, strlen(paths.text[kind]));
		td_answer_free(&a);
	}
}

/* A file that a task does not have differs from an empty path. */
TEST_F(paths, kernel_thread_has_no_program_and_zombie_no_paths)
{
	struct td_answer a;
	struct paths paths;
	size_t i, zombies = 0;

	query_task(_metadata, &self->sock, 2, &a, &paths);
	EXPECT_EQ(NULL, paths.text[TASK_DIAG_PATH_EXE]);
	EXPECT_STREQ("/", paths.text[TASK_DIAG_PATH_CWD] ?: "");
	EXPECT_STREQ("/", paths.text[TASK_DIAG_PATH_ROOT] ?: "");
	td_answer_free(&a);

	for (i = 0; i < tasks.pool.nr; i++) {
		unsigned int kind;

		if (tasks.pool.task[i].spec.state != POOL_ZOMBIE)
			continue;
		query_task(_metadata, &self->sock, tasks.pool.task[i].pid, &a,
			   &paths);
		for (kind = 0; kind <= TASK_DIAG_PATH_MAX; kind++) {
			EXPECT_EQ(NULL, paths.text[kind]);
			EXPECT_EQ(0U, paths.head[kind].flags);
		}
		td_answer_free(&a);
		zombies++;
	}
	EXPECT_LT(0U, zombies);
}

/* Two paths of PATH_MAX bytes exceed the smallest buffer. */
TEST_F(paths, longest_paths_continue_in_next_message)
{
	const pid_t pid = test_tasks_pid(&tasks, "longest root");
	struct td_answer a;
	struct paths paths;

	query_task(_metadata, &self->sock, pid, &a, &paths);
	EXPECT_EQ(LONGEST, strlen(paths.text[TASK_DIAG_PATH_CWD] ?: ""));
	EXPECT_EQ(LONGEST, strlen(paths.text[TASK_DIAG_PATH_ROOT] ?: ""));
	if (variant->size == TD_SMALL)
		EXPECT_LE(3U, a.row[0].messages);
	expect_procfs_paths(_metadata, self->proc, false, &a, &a.row[0]);
	td_answer_free(&a);
}

/* The datagram that is made by the request contains no appended group. */
TEST_F(paths, exit_during_row_marks_paths_gone)
{
	static const event_fn ends[] = { kill_task, reap_task };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		struct special_task s;
		struct td_answer a;
		struct task_diag_pid query = {
			.show_flags = TASK_DIAG_SHOW_BASE |
				      TASK_DIAG_SHOW_PATHS,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
		};

		ASSERT_EQ(0, special_task_begin(&s, NULL, NULL));
		query.pid = s.pid;
		ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_DUMP,
					     NULL));
		td_answer_init(&self->sock, &a, true);
		ends[i](_metadata, &s);
		ASSERT_EQ(0, td_receive(&self->sock, &a));
		ASSERT_SUCCESS(&a);
		EXPECT_EQ(TASK_DIAG_SHOW_PATHS, a.row[0].absent.gone);
		EXPECT_EQ(TASK_DIAG_SHOW_BASE, a.row[0].groups);
		td_answer_free(&a);
		special_task_end(&s);
	}
}

/* Paths have no fixed size, so a single request cannot include them. */
TEST_F(paths, request_without_dump_gets_einval)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_PATHS,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	ASSERT_STREQ("", a.fault);
	EXPECT_EQ(EINVAL, a.end.error);
	EXPECT_TRUE(!!strstr(a.end.text, "PATHS needs NLM_F_DUMP"));
	EXPECT_EQ(0U, a.rows);
	td_answer_free(&a);
}

int main(int argc, char **argv)
{
	special_task_main(argc, argv, NULL);
	return td_main(argc, argv, make_test_tasks, end_test_tasks,
		       tasks.pool.error);
}
