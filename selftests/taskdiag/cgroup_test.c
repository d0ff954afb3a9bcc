// SPDX-License-Identifier: GPL-2.0-only
/*
 * CGROUP: tasks in nested, threaded and removed cgroups, also as seen from a
 * cgroup namespace.  Each path must equal /proc/PID/cgroup for the same reader.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/cgroups.h"
#include "lib/fields.h"
#include "lib/procfs.h"
#include "lib/special_task.h"
#include "lib/taskdiag_test.h"

/* Maximum length of a path that procfs shows: PATH_MAX without the NUL. */
#define LONGEST 4095
#define LONG_NAME 200

static struct special_task in_root, in_a, in_b, in_a_b, deep, threaded, removed;
static struct task_pool pool;
static char deep_name[LONGEST + 1];

/* Make nested cgroups until the path has exactly @longest bytes. */
static int make_deep(size_t longest)
{
	size_t left = longest - strlen(cgroups_path()), at = 0;
	int dir = dup(cgroups_dir()), procs, err = 0;

	while (!err && left) {
		/*
		 * Each level is a slash and a name.  A remainder of one byte
		 * would be a slash without a name.
		 */
		size_t len = left > 2 * LONG_NAME ? LONG_NAME : left - 1;
		char name[2 * LONG_NAME];
		int next;

		if (len > 255)
			len = left / 2;
		memset(name, 'n', len);
		name[len] = '\0';
		if (mkdirat(dir, name, 0755))
			err = -errno;
		next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(dir);
		dir = next;
		at += sprintf(deep_name + at, "%s%s", at ? "/" : "", name);
		left -= len + 1;
	}
	if (err)
		return err;
	/* The path is too long for a single lookup. */
	procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (dprintf(procs, "%d", deep.pid) < 0)
		err = -errno;
	close(procs);
	close(dir);
	return err;
}

static int begin(struct special_task *s, const char *cgroup)
{
	int err = special_task_begin(s, NULL, NULL);

	if (err) {
		snprintf(pool.error, sizeof(pool.error), "%s", s->error);
		return err;
	}
	err = cgroups_move(cgroup, s->pid);
	if (err)
		snprintf(pool.error, sizeof(pool.error), "move to \"%s\": %s",
			 cgroup, strerror(-err));
	return err;
}

static void *sleep_forever(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static int add_threads(void *arg)
{
	pthread_t thread;

	return -(pthread_create(&thread, NULL, sleep_forever, NULL) ?:
		 pthread_create(&thread, NULL, sleep_forever, NULL));
}

/* A process with two threads in two cgroups, and its leader in a third one. */
static int make_threaded_cgroup(void)
{
	struct pid_set tids = {};
	int proc = procfs_open();
	int err;

	err = cgroups_make("t") ?: cgroups_make("t/one") ?:
	      cgroups_make("t/two") ?: cgroups_allow_threads("t/one") ?:
	      cgroups_allow_threads("t/two") ?:
	      special_task_begin(&threaded, add_threads, NULL) ?:
	      cgroups_move("t", threaded.pid) ?:
	      procfs_threads(proc, threaded.pid, &tids);
	if (!err && tids.nr == 3)
		err = cgroups_move_thread("t/one", tids.id[1]) ?:
		      cgroups_move_thread("t/two", tids.id[2]);
	pid_set_free(&tids);
	close(proc);
	return err;
}

static int make_pool(void)
{
	int err;

	err = task_pool_begin(&pool);
	err = err ?: cgroups_begin();
	err = err ?: cgroups_make("a") ?: cgroups_make("b") ?:
	      cgroups_make("a/b") ?: cgroups_make("a/b with (blanks)") ?:
	      cgroups_make("doomed");
	if (err) {
		snprintf(pool.error, sizeof(pool.error), "cgroups: %s",
			 strerror(-err));
		return err;
	}
	return begin(&in_root, "/") ?: begin(&in_a, "a") ?:
	       begin(&in_b, "b") ?: begin(&in_a_b, "a/b with (blanks)") ?:
	       begin(&removed, "doomed") ?: begin(&deep, "a/b") ?:
	       make_deep(LONGEST) ?: make_threaded_cgroup();
}

static void end_pool(void)
{
	special_task_end(&in_root);
	special_task_end(&in_a);
	special_task_end(&in_b);
	special_task_end(&in_a_b);
	special_task_end(&deep);
	special_task_end(&threaded);
	special_task_end(&removed);
	cgroups_end();
	task_pool_end(&pool);
}

/*
 * Return the path in the default hierarchy, to be freed, or NULL if there is
 * none.
 */
static char *path_in_procfs(int proc, pid_t pid, pid_t tid)
{
	char *text, *at, *path;
	size_t len;

	text = procfs_file(proc, pid, tid, "cgroup", &len);
	if (!text)
		return NULL;
	at = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	if (!at) {
		free(text);
		return NULL;
	}
	at += at[0] == '\n' ? 4 : 3;
	path = strdup(at);
	free(text);
	/* A cgroup name cannot contain a newline. */
	path[strcspn(path, "\n")] = '\0';
	return path;
}

static void expect_procfs_cgroup(struct __test_metadata *_metadata, int proc,
				 const struct td_answer *a,
				 const struct td_row *row)
{
	struct task_diag_cgroup cgroup;
	const char *path = NULL;
	char text[160] = "";
	char *expected;

	expected = path_in_procfs(proc, row->msg.tgid, row->msg.pid);
	ASSERT_NE(NULL, expected);
	ASSERT_EQ(0, fields_cgroup(a, row, &cgroup, &path, text, sizeof(text)))
	{
		TH_LOG("%s", text);
	}
	EXPECT_STREQ(expected, path) {
		TH_LOG("thread %u of process %u", row->msg.pid, row->msg.tgid);
	}
	EXPECT_NE(0U, cgroup.id);
	free(expected);
}

FIXTURE(cgroup) {
	struct td_sock sock;
	int proc;
};

FIXTURE_SETUP(cgroup)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(cgroup)
{
	close(self->proc);
	td_close(&self->sock);
}

/* Query the cgroup of one process and return its path, to be freed. */
static char *query_one(struct __test_metadata *_metadata, struct td_sock *sock,
		       pid_t pid, __u64 *id)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_CGROUP,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = pid,
	};
	struct task_diag_cgroup cgroup = {};
	const char *path = "";
	char text[160] = "", *copy;
	struct td_answer a;

	ASSERT_EQ(0, td_query(sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(1U, a.rows);
	ASSERT_EQ(0, fields_cgroup(&a, &a.row[0], &cgroup, &path, text,
				   sizeof(text))) {
		TH_LOG("%s", text);
	}
	copy = strdup(path);
	*id = cgroup.id;
	td_answer_free(&a);
	return copy;
}

static void expect_cgroup(struct __test_metadata *_metadata,
			  struct td_sock *sock, pid_t pid, const char *name)
{
	char expected[2 * LONGEST];
	__u64 id = 0;
	char *path;

	snprintf(expected, sizeof(expected), "%s%s%s", cgroups_path(),
		 name[0] ? "/" : "", name);
	path = query_one(_metadata, sock, pid, &id);
	EXPECT_STREQ(expected, path);
	EXPECT_EQ(cgroups_id(name), id);
	free(path);
}

TEST_F(cgroup, test_tasks_report_their_cgroups)
{
	__u64 id = 0;
	char *path;

	expect_cgroup(_metadata, &self->sock, in_a.pid, "a");
	expect_cgroup(_metadata, &self->sock, in_b.pid, "b");
	expect_cgroup(_metadata, &self->sock, in_a_b.pid, "a/b with (blanks)");
	expect_cgroup(_metadata, &self->sock, threaded.pid, "t");
	path = query_one(_metadata, &self->sock, in_root.pid, &id);
	EXPECT_STREQ("/", path);
	EXPECT_EQ(cgroups_id("/"), id);
	free(path);
}

static void compare_all(struct __test_metadata *_metadata, struct td_sock *sock,
			int proc, __u64 strategy)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_CGROUP,
		.dump_strategy = strategy,
	};
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, td_query(sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_LT(7U, a.rows);
	for (i = 0; i < a.rows; i++)
		expect_procfs_cgroup(_metadata, proc, &a, &a.row[i]);
	td_answer_free(&a);
}

TEST_F(cgroup, every_task_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_ALL);
	compare_all(_metadata, &self->sock, self->proc,
		    TASK_DIAG_DUMP_ALL_THREAD);
}

/* The longest possible path, with the largest and the smallest buffer. */
TEST_F(cgroup, path_of_4095_bytes_is_complete)
{
	char expected[2 * LONGEST];
	struct td_sock small;
	__u64 id = 0;
	char *path;

	snprintf(expected, sizeof(expected), "%s/%s", cgroups_path(),
		 deep_name);
	ASSERT_EQ((size_t)LONGEST, strlen(expected));
	path = query_one(_metadata, &self->sock, deep.pid, &id);
	EXPECT_STREQ(expected, path);
	EXPECT_NE(0U, id);
	free(path);

	ASSERT_EQ(0, td_open(&small, TD_SMALL));
	path = query_one(_metadata, &small, deep.pid, &id);
	EXPECT_STREQ(expected, path);
	free(path);
	td_close(&small);
}

TEST_F(cgroup, threads_report_their_own_cgroup)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_CGROUP,
		.dump_strategy = TASK_DIAG_DUMP_THREAD,
		.pid = threaded.pid,
	};
	static const char * const names[] = { "t", "t/one", "t/two" };
	struct task_diag_cgroup cgroup;
	char text[160] = "";
	const char *path;
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(3U, a.rows);
	for (i = 0; i < a.rows; i++) {
		ASSERT_EQ(0, fields_cgroup(&a, &a.row[i], &cgroup, &path, text,
					   sizeof(text)));
		EXPECT_EQ(cgroups_id(names[i]), cgroup.id);
		expect_procfs_cgroup(_metadata, self->proc, &a, &a.row[i]);
	}
	td_answer_free(&a);
}

/*
 * The view from a container: the root of the namespace is "/", cgroups outside
 * have "..".
 */
TEST_F(cgroup, paths_are_relative_to_cgroup_namespace_of_sender)
{
	static const struct {
		struct special_task *s;
		const char *path;
	} seen[] = {
		{ &in_a, "/" },
		{ &in_a_b, "/b with (blanks)" },
		{ &in_b, "/../b" },
		{ &in_root, "/../.." },
	};
	pid_t child = fork();
	size_t i;

	ASSERT_LE(0, child);
	if (!child) {
		struct td_sock sock;

		ASSERT_EQ(0, cgroups_move("a", getpid()));
		ASSERT_EQ(0, unshare(CLONE_NEWCGROUP));
		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		for (i = 0; i < ARRAY_SIZE(seen); i++) {
			__u64 id = 0;
			char *path = query_one(_metadata, &sock, seen[i].s->pid,
					       &id);

			EXPECT_STREQ(seen[i].path, path);
			free(path);
		}
		compare_all(_metadata, &sock, self->proc, TASK_DIAG_DUMP_ALL);
		td_close(&sock);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
	/* The namespace is that of the sender; the socket stores none. */
	compare_all(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_ALL);
}

/* A zombie stays in its cgroup, even after the cgroup is removed. */
TEST_F(cgroup, zombie_in_removed_cgroup_equals_procfs)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_CGROUP,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = removed.pid,
	};
	struct td_answer a;

	kill(removed.pid, SIGKILL);
	/*
	 * The process is a child of our parent, so poll until it is a zombie.
	 */
	for (;;) {
		struct procfs_task task;

		ASSERT_EQ(0, procfs_read(self->proc, removed.pid, 0, &task));
		if (task.base.state == TASK_DIAG_ZOMBIE)
			break;
		usleep(1000);
	}
	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(1U, a.rows);
	expect_procfs_cgroup(_metadata, self->proc, &a, &a.row[0]);
	td_answer_free(&a);

	ASSERT_EQ(0, cgroups_remove("doomed"));
	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(1U, a.rows);
	expect_procfs_cgroup(_metadata, self->proc, &a, &a.row[0]);
	td_answer_free(&a);
}

/*
 * A process that moves between two cgroups during the queries reports one of
 * them, with id and path of the same cgroup.
 */
TEST_F(cgroup, moving_process_reports_one_of_its_cgroups)
{
	const __u64 ids[] = { cgroups_id("a"), cgroups_id("b") };
	char paths[2][64];
	unsigned int seen[2] = {};
	pid_t mover = fork();
	int round;

	ASSERT_LE(0, mover);
	if (!mover) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			cgroups_move("a", in_b.pid);
			cgroups_move("b", in_b.pid);
		}
	}
	snprintf(paths[0], sizeof(paths[0]), "%s/a", cgroups_path());
	snprintf(paths[1], sizeof(paths[1]), "%s/b", cgroups_path());
	for (round = 0; round < 2000; round++) {
		__u64 id = 0;
		char *path = query_one(_metadata, &self->sock, in_b.pid, &id);
		int which = id == ids[0] ? 0 : 1;

		ASSERT_EQ(ids[which], id);
		EXPECT_STREQ(paths[which], path);
		seen[which]++;
		free(path);
		if (!(round % 10))
			sched_yield();
	}
	kill(mover, SIGKILL);
	waitpid(mover, NULL, 0);
	ASSERT_EQ(0, cgroups_move("b", in_b.pid));
	TH_LOG("seen %u times in a, %u times in b", seen[0], seen[1]);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
