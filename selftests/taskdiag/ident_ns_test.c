// SPDX-License-Identifier: GPL-2.0-only
/*
 * IDENT and NS: the identity of a task, compared with pidfds, and its
 * namespaces, all different, compared with /proc/PID/ns.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <linux/sched.h>

#include "lib/test_tasks.h"
#include "lib/namespace.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif
/* File system of pidfds whose inode is unique per task; <linux/magic.h>. */
#define PIDFS_MAGIC 0x50494446
#define IDENT_NS (TASK_DIAG_SHOW_IDENT | TASK_DIAG_SHOW_NS)
#define NS_PER_SEC 1000000000ULL

/* A field of struct task_diag_ns and the file that shows it. */
static const struct {
	const char *file;
	size_t offset;
	__u64 flag;		/* clone flag for a new one */
} namespaces[] = {
#define NAMESPACE(name, flag) \
	{ "ns/" #name, offsetof(struct task_diag_ns, name), flag }
	NAMESPACE(cgroup, CLONE_NEWCGROUP),
	NAMESPACE(ipc, CLONE_NEWIPC),
	NAMESPACE(mnt, CLONE_NEWNS),
	NAMESPACE(net, CLONE_NEWNET),
	NAMESPACE(pid, 0),
	NAMESPACE(pid_for_children, CLONE_NEWPID),
	NAMESPACE(time, 0),
	NAMESPACE(time_for_children, CLONE_NEWTIME),
	NAMESPACE(user, CLONE_NEWUSER),
	NAMESPACE(uts, CLONE_NEWUTS),
};

#define NR_NAMESPACES ARRAY_SIZE(namespaces)

/* --- special tasks -------------------------------------------------------- */

/* Each task has an argument of its own: the namespaces to unshare. */
static int unshare_namespaces(void *arg)
{
	const __u64 flags = *(const __u64 *)arg;

	/* Namespaces that the kernel does not have cannot be unshared. */
	return unshare(flags) && errno != EINVAL ? -errno : 0;
}

/* A new pid namespace is for children, and exists once the first child does. */
static int unshare_and_fork(void *arg)
{
	int err = unshare_namespaces(arg);
	pid_t pid;

	if (err)
		return err;
	pid = special_task_fork_child();
	return pid < 0 ? pid : 0;
}

struct ns_thread {
	sem_t ready;
	__u64 flags;
	int err;
};

static void *run_ns_thread(void *arg)
{
	struct ns_thread *ns_thread = arg;

	ns_thread->err = unshare_namespaces(&ns_thread->flags);
	sem_post(&ns_thread->ready);
	for (;;)
		pause();
	return NULL;
}

/* Threads unshare all namespaces that need not be shared in a process. */
static int start_ns_threads(void *arg)
{
	static struct ns_thread ns_threads[] = {
		{ .flags = CLONE_NEWNET }, { .flags = CLONE_NEWUTS },
		{ .flags = CLONE_NEWNS }, { .flags = CLONE_NEWIPC },
		{ .flags = 0 },
	};
	pthread_t thread;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ns_threads); i++) {
		int err;

		sem_init(&ns_threads[i].ready, 0, 0);
		err = pthread_create(&thread, NULL, run_ns_thread,
				     &ns_threads[i]);
		if (err)
			return -err;
		while (sem_wait(&ns_threads[i].ready))
			;
		if (ns_threads[i].err)
			return ns_threads[i].err;
	}
	return 0;
}

static struct test_tasks tasks;
static pid_t ns_init;		/* in its own pid and user namespace */

static int make_test_tasks(void)
{
	static const struct task_spec specs[] = {
		{ .name = "zombie", .state = POOL_ZOMBIE },
		{ .name = "stopped", .state = POOL_STOPPED, .threads = 1 },
		{ .name = "traced", .state = POOL_TRACED, .threads = 2 },
		{ .name = "leader exited",
		  .state = POOL_LEADER_EXITED,
		  .threads = 3 },
	};
	__u64 all = 0, pid_ns = CLONE_NEWPID;
	size_t i;
	int err;

	err = test_tasks_begin(&tasks, specs, ARRAY_SIZE(specs));
	for (i = 0; !err && i < NR_NAMESPACES; i++) {
		__u64 flag = namespaces[i].flag;

		err = test_tasks_add(&tasks, namespaces[i].file,
				     unshare_namespaces, &flag);
		/* unshare(CLONE_NEWTIME) fails without time namespaces. */
		if (flag != CLONE_NEWTIME)
			all |= flag;
	}
	if (!err)
		err = test_tasks_add(&tasks, "unshared all", unshare_and_fork,
				     &all);
	if (!err)
		err = test_tasks_add(&tasks, "unshared pid", unshare_and_fork,
				     &pid_ns);
	if (!err)
		err = test_tasks_add(&tasks, "threads", start_ns_threads,
				     NULL);
	if (err)
		return err;
	ns_init = namespace_begin(CLONE_NEWUSER | CLONE_NEWNET, 2, NULL, NULL);
	if (ns_init < 0)
		return ns_init;
	return task_pool_settle(&tasks.pool);
}

static void end_test_tasks(void)
{
	namespace_end(ns_init);
	test_tasks_end(&tasks);
}

/* --- procfs reference ----------------------------------------------------- */

/*
 * Return the inode in "net:[4026531840]", or 0 if there is no such link or it
 * has no target.
 */
static __u32 namespace_inode(int proc, pid_t pid, pid_t tid, const char *file)
{
	char path[96], link[64];
	ssize_t len;
	char *at;

	snprintf(path, sizeof(path), "%d/task/%d/%s", pid, tid, file);
	len = readlinkat(proc, path, link, sizeof(link) - 1);
	if (len < 0)
		return 0;
	link[len] = '\0';
	at = strchr(link, '[');
	return at ? strtoul(at + 1, NULL, 10) : 0;
}

static __u32 reported_inode(const struct task_diag_ns *ns, size_t nr)
{
	__u32 inode;

	memcpy(&inode, (const char *)ns + namespaces[nr].offset, sizeof(inode));
	return inode;
}

/* Return 0 if all pidfds share an inode, and ~0 if the task does not exist. */
static __u64 pidfd_inode(pid_t pid, pid_t tid)
{
	int fd = syscall(SYS_pidfd_open, tid, pid == tid ? 0 : PIDFD_THREAD);
	struct statfs fs = {};
	struct stat st = {};

	if (fd < 0)
		return ~0ULL;
	fstatfs(fd, &fs);
	fstat(fd, &st);
	close(fd);
	return fs.f_type == PIDFS_MAGIC ? st.st_ino : 0;
}

FIXTURE(ident_ns) {
	struct td_sock sock;
	int proc;
};

FIXTURE_SETUP(ident_ns)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(ident_ns)
{
	close(self->proc);
	td_close(&self->sock);
}

static void compare_ns(struct __test_metadata *_metadata, int proc,
		       const struct td_row *row)
{
	const pid_t pid = row->msg.tgid, tid = row->msg.pid;
	size_t i;

	for (i = 0; i < NR_NAMESPACES; i++) {
		const char *file = namespaces[i].file;
		const __u32 expected = namespace_inode(proc, pid, tid, file);

		EXPECT_EQ(expected, reported_inode(&row->ns, i)) {
			TH_LOG("%s of thread %d of process %d", file, tid, pid);
		}
	}
}

static void compare_ident(struct __test_metadata *_metadata,
			  const struct td_row *row)
{
	const pid_t pid = row->msg.tgid, tid = row->msg.pid;

	EXPECT_EQ(pidfd_inode(pid, tid), row->ident.pidfd_ino) {
		TH_LOG("thread %d of process %d", tid, pid);
	}
	EXPECT_EQ(row->stat.start_time, row->ident.start_time);
	EXPECT_NE(0U, row->ident.start_time);
	EXPECT_EQ(pid == tid ? TASK_DIAG_IDENT_LEADER : 0UL,
		  (unsigned long)row->ident.flags);
	EXPECT_EQ(TASK_DIAG_IDENT_VALID_PIDFD_INO,
		  (unsigned long)row->ident.valid);
}

/* --- tests ---------------------------------------------------------------- */

/* No other task starts or ends here, so compare all tasks of the system. */
TEST_F(ident_ns, every_thread_equals_pidfd_and_procfs)
{
	const struct task_diag_pid query = {
		.show_flags = IDENT_NS | TASK_DIAG_SHOW_STAT,
		.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
	};
	size_t i, compared = 0;
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	for (i = 0; i < a.rows; i++) {
		const struct td_row *row = &a.row[i];

		ASSERT_EQ(query.show_flags, row->groups);
		/* A kernel thread may have ended. */
		if (pidfd_inode(row->msg.tgid, row->msg.pid) == ~0ULL)
			continue;
		compare_ident(_metadata, row);
		compare_ns(_metadata, self->proc, row);
		compared++;
	}
	EXPECT_LE(tasks.nr + 4 + 3 + 5 + tasks.pool.nr, compared);
	TH_LOG("compared %zu tasks", compared);
	td_answer_free(&a);
}

/* Namespaces of a thread are not in the row of its process. */
TEST_F(ident_ns, threads_report_their_own_namespaces)
{
	const struct task_diag_pid query = {
		.show_flags = IDENT_NS,
		.dump_strategy = TASK_DIAG_DUMP_THREAD,
		.pid = test_tasks_pid(&tasks, "threads"),
	};
	unsigned int others[NR_NAMESPACES] = {}, different = 0;
	struct td_answer a;
	size_t i, j;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(6U, a.rows);
	for (i = 1; i < a.rows; i++) {
		compare_ns(_metadata, self->proc, &a.row[i]);
		EXPECT_NE(a.row[0].ident.start_time,
			  a.row[i].ident.start_time);
		for (j = 0; j < NR_NAMESPACES; j++)
			others[j] += reported_inode(&a.row[0].ns, j) !=
				     reported_inode(&a.row[i].ns, j);
	}
	/* Four threads have unshared one namespace each. */
	for (j = 0; j < NR_NAMESPACES; j++) {
		EXPECT_GE(1U, others[j]);
		different += others[j];
	}
	EXPECT_EQ(4U, different);
	td_answer_free(&a);
}

/* Each special task differs in the one namespace that it has unshared. */
TEST_F(ident_ns, unshared_namespace_alone_differs)
{
	const bool time = !access("/proc/self/ns/time", F_OK);
	size_t i, j;

	for (i = 0; i < NR_NAMESPACES; i++) {
		const struct task_diag_pid query = {
			.show_flags = IDENT_NS,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
			.pid = tasks.special[i].pid,
		};
		const struct task_diag_pid self_too = {
			.show_flags = IDENT_NS,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
			.pid = getpid(),
		};
		struct td_answer a, own;

		ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
		ASSERT_SUCCESS(&a);
		ASSERT_EQ(0, td_query(&self->sock, &self_too, 0, &own));
		ASSERT_SUCCESS(&own);
		for (j = 0; j < NR_NAMESPACES; j++) {
			const bool other = i == j && namespaces[i].flag &&
				(time || namespaces[i].flag != CLONE_NEWTIME);

			EXPECT_EQ(other, reported_inode(&a.row[0].ns, j) !=
					 reported_inode(&own.row[0].ns, j)) {
				TH_LOG("%s of the task that unshared %s",
				       namespaces[j].file, namespaces[i].file);
			}
		}
		td_answer_free(&a);
		td_answer_free(&own);
	}
}

/* The identity belongs to one task, not to a later task with the same pid. */
TEST_F(ident_ns, reused_pid_has_other_identity)
{
	struct task_diag_pid query = {
		.show_flags = IDENT_NS,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
	};
	const struct timespec moment = { .tv_nsec = 1000 * 1000 };
	struct task_diag_ident first = {};
	int round;

	for (round = 0; round < 2; round++) {
		struct special_task s;
		struct td_answer a;

		if (round)
			ASSERT_EQ(0, namespace_next_pid(query.pid));
		ASSERT_EQ(0, special_task_begin(&s, NULL, NULL));
		if (round)
			ASSERT_EQ(query.pid, (__u32)s.pid);
		query.pid = s.pid;
		ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
		ASSERT_SUCCESS(&a);
		EXPECT_EQ(pidfd_inode(s.pid, s.pid), a.row[0].ident.pidfd_ino);
		if (round) {
			EXPECT_LT(first.start_time,
				  a.row[0].ident.start_time);
			if (first.pidfd_ino)
				EXPECT_NE(first.pidfd_ino,
					  a.row[0].ident.pidfd_ino);
		}
		first = a.row[0].ident;
		td_answer_free(&a);
		special_task_end(&s);
		nanosleep(&moment, NULL);
	}
}

/*
 * All readers receive the same identity; other times depend on the namespace.
 */
TEST_F(ident_ns, identity_is_equal_in_all_time_namespaces)
{
	const struct task_diag_pid query = {
		.show_flags = IDENT_NS | TASK_DIAG_SHOW_STAT,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = tasks.special[0].pid,
	};
	static const char offset[] = "boottime 100 0";
	struct td_answer a;
	__u64 start;
	pid_t child;
	int fd;

	if (access("/proc/self/ns/time", F_OK))
		SKIP(return, "this kernel has no time namespaces");

	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	ASSERT_SUCCESS(&a);
	start = a.row[0].ident.start_time;
	td_answer_free(&a);

	ASSERT_EQ(0, unshare(CLONE_NEWTIME));
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)strlen(offset), write(fd, offset, strlen(offset)));
	close(fd);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct td_sock sock;

		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		ASSERT_EQ(0, td_query(&sock, &query, 0, &a));
		ASSERT_SUCCESS(&a);
		EXPECT_EQ(start, a.row[0].ident.start_time);
		EXPECT_EQ(start + 100 * NS_PER_SEC, a.row[0].stat.start_time);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/* Zombies have dropped most namespaces. */
TEST_F(ident_ns, zombie_equals_procfs)
{
	const struct task_diag_pid query = {
		.show_flags = IDENT_NS | TASK_DIAG_SHOW_STAT,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = tasks.pool.task[0].pid,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	ASSERT_SUCCESS(&a);
	compare_ident(_metadata, &a.row[0]);
	compare_ns(_metadata, self->proc, &a.row[0]);
	EXPECT_EQ(0U, a.row[0].ns.net);
	EXPECT_NE(0U, a.row[0].ns.user);
	td_answer_free(&a);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_test_tasks, end_test_tasks,
		       tasks.pool.error);
}
