// SPDX-License-Identifier: GPL-2.0-only
/*
 * FILES: descriptors of all kinds, few and many, shared and not shared.  The
 * counts must equal those from the links in /proc/PID/fd.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "lib/test_tasks.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"

#define EVENTFD_LINK "anon_inode:[eventfd]"
#define EPOLL_LINK "anon_inode:[eventpoll]"

/* More than one growth step of a descriptor table, with holes. */
#define MANY 5000
#define MANY_STEP 3
#define SOFT 3001
#define HARD 40001

/* --- special tasks -------------------------------------------------------- */

/* Descriptors of the task "everything" other than 0, 1 and 2. */
static const struct task_diag_files all_kinds = {
	.regular = 5,
	.socket = 4,
	.pipe = 5,
	.eventfd = 3,
	.epoll = 2,
	.other = 8,
};

static int open_fifo(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/taskdiag-fifo-%d", getpid());
	if (mkfifo(path, 0600))
		return -1;
	fd = open(path, O_RDWR);
	unlink(path);
	return fd;
}

/* An anonymous inode like that of an eventfd, counted as other. */
static int open_inotify(void)
{
	return inotify_init();
}

static int open_all_kinds(void *arg)
{
	sigset_t set;
	int fd[27] = {}, nr_fds = 0, i;

	sigemptyset(&set);
	/* Regular files: named, unnamed, in memory, O_PATH, ... */
	fd[nr_fds++] = open("/proc/self/exe", O_RDONLY);
	fd[nr_fds++] = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	fd[nr_fds++] = memfd_create("memory", 0);
	fd[nr_fds++] = open("/proc/self/exe", O_PATH);
	/* ... and a namespace file, whose mode is that of a regular file. */
	fd[nr_fds++] = open("/proc/self/ns/net", O_RDONLY);
	/* Sockets */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, &fd[nr_fds]))
		return -errno;
	nr_fds += 2;
	fd[nr_fds++] = socket(AF_INET, SOCK_DGRAM, 0);
	fd[nr_fds++] = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	/* Pipes and a FIFO */
	if (pipe(&fd[nr_fds]) || pipe(&fd[nr_fds + 2]))
		return -errno;
	nr_fds += 4;
	fd[nr_fds++] = open_fifo();
	/* eventfds, one of them duplicated */
	fd[nr_fds++] = eventfd(0, 0);
	fd[nr_fds++] = eventfd(7, EFD_SEMAPHORE);
	fd[nr_fds] = dup(fd[nr_fds - 1]);
	nr_fds++;
	/* epoll */
	fd[nr_fds++] = epoll_create1(0);
	fd[nr_fds++] = epoll_create1(0);
	/* Others */
	fd[nr_fds++] = open("/", O_RDONLY | O_DIRECTORY);
	fd[nr_fds++] = open("/dev/null", O_RDWR);
	fd[nr_fds++] = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	fd[nr_fds++] = timerfd_create(CLOCK_MONOTONIC, 0);
	fd[nr_fds++] = signalfd(-1, &set, 0);
	fd[nr_fds++] = open_inotify();
	/*
	 * The inode of a pidfd has the mode of a regular file, but is not one.
	 */
	fd[nr_fds++] = syscall(SYS_pidfd_open, getpid(), 0);
	fd[nr_fds++] = open("/proc/self", O_PATH | O_NOFOLLOW);
	for (i = 0; i < nr_fds; i++)
		if (fd[i] < 0)
			return -EBADF;
	return 0;
}

static int open_many(void *arg)
{
	const struct rlimit limit = {
		.rlim_cur = MANY * MANY_STEP + 100,
		.rlim_max = MANY * MANY_STEP + 200,
	};
	int i, fd = eventfd(0, 0);

	if (fd < 0 || setrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	for (i = 1; i <= MANY; i++)
		if (dup2(fd, 50 + i * MANY_STEP) < 0)
			return -errno;
	return 0;
}

static int open_and_close_many(void *arg)
{
	int i, err = open_many(arg);

	/* The table keeps its size, and has one descriptor at its end. */
	for (i = 1; i < MANY; i++)
		close(50 + i * MANY_STEP);
	return err;
}

static int set_limits(void *arg)
{
	const struct rlimit limit = { .rlim_cur = SOFT, .rlim_max = HARD };

	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

static int open_nothing(void *arg)
{
	return close(STDERR_FILENO) ? -errno : 0;
}

static sem_t thread_ready;

static void *unshare_files(void *arg)
{
	int i;

	if (!unshare(CLONE_FILES))
		for (i = 0; i < 7; i++)
			eventfd(0, 0);
	sem_post(&thread_ready);
	for (;;)
		pause();
	return NULL;
}

static void *share_files(void *arg)
{
	sem_post(&thread_ready);
	for (;;)
		pause();
	return NULL;
}

static int start_file_threads(void *arg)
{
	pthread_t thread;

	sem_init(&thread_ready, 0, 0);
	if (pthread_create(&thread, NULL, unshare_files, NULL))
		return -EAGAIN;
	sem_wait(&thread_ready);
	if (pthread_create(&thread, NULL, share_files, NULL))
		return -EAGAIN;
	sem_wait(&thread_ready);
	return 0;
}

static const struct test_task_kind kinds[] = {
	{ "plain", NULL },
	{ "everything", open_all_kinds },
	{ "many", open_many },
	{ "had many", open_and_close_many },
	{ "limits", set_limits },
	{ "nothing", open_nothing },
	{ "threads", start_file_threads },
};

static char * const programs[][TEST_TASKS_ARGS] = {
	{ "sh", "-c", "exec 7</dev/null 8<&7; echo; read x" },
	{
		"python3", "-c",
		"import socket, select, os, tempfile\n"
		"s = [socket.socket() for i in range(20)]\n"
		"p = [os.pipe() for i in range(10)]\n"
		"e = select.epoll()\n"
		"f = tempfile.TemporaryFile()\n"
		"print(flush=True); input()\n",
	},
};

static struct test_tasks tasks;

static int make_test_tasks(void)
{
	return test_tasks_begin_all(&tasks, kinds, ARRAY_SIZE(kinds), programs,
				    ARRAY_SIZE(programs));
}

static void end_test_tasks(void)
{
	test_tasks_end(&tasks);
}

/* --- procfs reference ----------------------------------------------------- */

static void count_one(int dir, const char *name, struct task_diag_files *files)
{
	struct stat st = {};
	char link[64];
	ssize_t len;

	len = readlinkat(dir, name, link, sizeof(link) - 1);
	if (len < 0 || fstatat(dir, name, &st, 0))
		return;
	link[len] = '\0';

	files->total++;
	if (S_ISREG(st.st_mode))
		files->regular++;
	else if (S_ISSOCK(st.st_mode))
		files->socket++;
	else if (S_ISFIFO(st.st_mode))
		files->pipe++;
	else if (!strcmp(link, EVENTFD_LINK))
		files->eventfd++;
	else if (!strcmp(link, EPOLL_LINK))
		files->epoll++;
	else
		files->other++;
}

/* The directory of a task without files, such as a zombie, cannot be opened. */
static int count_files(int proc, pid_t pid, pid_t tid,
		       struct task_diag_files *files)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%d/task/%d/fd", pid, tid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			count_one(fd, entry->d_name, files);
	closedir(dir);
	return 0;
}

static __u64 limit_value(char **nr_fds)
{
	static const char unlimited[] = "unlimited";

	*nr_fds += strspn(*nr_fds, " ");
	if (!strncmp(*nr_fds, unlimited, strlen(unlimited))) {
		*nr_fds += strlen(unlimited);
		return RLIM_INFINITY;
	}
	return strtoull(*nr_fds, nr_fds, 10);
}

static int read_limits(int proc, pid_t pid, pid_t tid,
		       struct task_diag_files *files)
{
	static const char key[] = "Max open files";
	char *text, *nr_fds;
	size_t len;

	text = procfs_file(proc, pid, tid, "limits", &len);
	if (!text)
		return -errno;
	nr_fds = strstr(text, key);
	if (nr_fds) {
		nr_fds += strlen(key);
		files->limit_soft = limit_value(&nr_fds);
		files->limit_hard = limit_value(&nr_fds);
	}
	free(text);
	return 0;
}

/* FDSize is 0 for a task without a descriptor table. */
static int read_validity(int proc, pid_t pid, pid_t tid,
			 struct task_diag_files *files)
{
	static const char key[] = "\nFDSize:";
	char *text, *nr_fds;
	size_t len;

	text = procfs_file(proc, pid, tid, "status", &len);
	if (!text)
		return -errno;
	nr_fds = strstr(text, key);
	if (nr_fds && strtoul(nr_fds + strlen(key), NULL, 10))
		files->valid = TASK_DIAG_FILES_VALID_COUNTS;
	free(text);
	return 0;
}

static int files_in_procfs(int proc, pid_t pid, pid_t tid,
			   struct task_diag_files *files)
{
	memset(files, 0, sizeof(*files));
	return count_files(proc, pid, tid, files) ?:
	       read_limits(proc, pid, tid, files) ?:
	       read_validity(proc, pid, tid, files);
}

static void log_files(struct __test_metadata *_metadata, const char *where,
		      const struct task_diag_files *files)
{
	TH_LOG("%s: %u of %llu, %llu: regular %u, socket %u, pipe %u", where,
	       files->total, files->limit_soft, files->limit_hard,
	       files->regular, files->socket, files->pipe);
	TH_LOG("%s: eventfd %u, epoll %u, other %u", where, files->eventfd,
	       files->epoll, files->other);
}

static void expect_procfs_files(struct __test_metadata *_metadata, int proc,
				const struct td_row *row)
{
	const struct task_diag_files *files = &row->files;
	struct task_diag_files expected;

	ASSERT_EQ(0, files_in_procfs(proc, row->msg.tgid, row->msg.pid,
				     &expected));
	EXPECT_EQ(0, memcmp(&expected, files, sizeof(expected))) {
		TH_LOG("thread %u of process %u", row->msg.pid, row->msg.tgid);
		log_files(_metadata, "in procfs", &expected);
		log_files(_metadata, "in the row", files);
	}
}

FIXTURE(files) {
	struct td_sock sock;
	int proc;
};

FIXTURE_SETUP(files)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(files)
{
	close(self->proc);
	td_close(&self->sock);
}

/* A single request: of the appended groups it may include FILES only. */
static void query_one(struct __test_metadata *_metadata, struct td_sock *sock,
		      pid_t pid, struct task_diag_files *files)
{
	struct td_answer a;

	td_get_row(_metadata, sock, TASK_DIAG_SHOW_FILES, pid, &a);
	*files = a.row[0].files;
	td_answer_free(&a);
}

/* --- tests ---------------------------------------------------------------- */

static void compare_all(struct __test_metadata *_metadata, struct td_sock *sock,
			int proc, __u64 strategy, size_t at_least)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_FILES,
		.dump_strategy = strategy,
	};
	struct td_answer a;
	size_t i, compared = 0;

	ASSERT_EQ(0, td_query(sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	for (i = 0; i < a.rows; i++) {
		const struct td_row *row = &a.row[i];

		/* This process has just opened another directory. */
		if (row->msg.tgid == (__u32)getpid() ||
		    row->base.state == TASK_DIAG_RUNNING)
			continue;
		/* The descriptors of init may change at any time. */
		if (row->msg.tgid == 1)
			continue;
		expect_procfs_files(_metadata, proc, row);
		compared++;
	}
	EXPECT_LT(at_least, compared);
	TH_LOG("compared %zu tasks", compared);
	td_answer_free(&a);
}

TEST_F(files, every_process_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc, TASK_DIAG_DUMP_ALL,
		    tasks.nr + tasks.pool.nr);
}

TEST_F(files, every_thread_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc,
		    TASK_DIAG_DUMP_ALL_THREAD,
		    tasks.nr + 2 + tasks.pool.nr + 3);
}

TEST_F(files, test_tasks_report_their_descriptors)
{
	struct task_diag_files plain, files;

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "plain"),
		  &plain);
	EXPECT_LE(3U, plain.total);
	EXPECT_EQ(plain.total, plain.regular + plain.socket + plain.pipe +
			       plain.eventfd + plain.epoll + plain.other);

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "everything"),
		  &files);
	EXPECT_EQ(all_kinds.regular, files.regular - plain.regular);
	EXPECT_EQ(all_kinds.socket, files.socket - plain.socket);
	EXPECT_EQ(all_kinds.pipe, files.pipe - plain.pipe);
	EXPECT_EQ(all_kinds.eventfd, files.eventfd - plain.eventfd);
	EXPECT_EQ(all_kinds.epoll, files.epoll - plain.epoll);
	EXPECT_EQ(all_kinds.other, files.other - plain.other);
	EXPECT_EQ(27U, files.total - plain.total);

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "many"),
		  &files);
	EXPECT_EQ(MANY + 1U, files.eventfd);
	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "had many"),
		  &files);
	EXPECT_EQ(2U, files.eventfd);
	EXPECT_EQ(MANY * MANY_STEP + 100U, files.limit_soft);
	EXPECT_EQ(MANY * MANY_STEP + 200U, files.limit_hard);

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "limits"),
		  &files);
	EXPECT_EQ((__u64)SOFT, files.limit_soft);
	EXPECT_EQ((__u64)HARD, files.limit_hard);
	EXPECT_EQ(plain.total, files.total);

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "nothing"),
		  &files);
	EXPECT_EQ(plain.total - 1, files.total);
	query_one(_metadata, &self->sock, tasks.pool.task[0].pid, &files);
	EXPECT_EQ(0U, files.total);
}

TEST_F(files, threads_report_shared_and_unshared_tables)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_FILES,
		.dump_strategy = TASK_DIAG_DUMP_THREAD,
		.pid = test_tasks_pid(&tasks, "threads"),
	};
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(3U, a.rows);
	for (i = 0; i < a.rows; i++)
		expect_procfs_files(_metadata, self->proc, &a.row[i]);
	EXPECT_EQ(a.row[0].files.total + 7, a.row[1].files.total);
	EXPECT_EQ(a.row[0].files.total, a.row[2].files.total);
	td_answer_free(&a);
}

/* A descriptor table that grows and shrinks while it is counted. */
TEST_F(files, changing_table_has_consistent_counts)
{
	int round;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		const struct rlimit limit = {
			.rlim_cur = 20000, .rlim_max = 20000,
		};
		int i;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setrlimit(RLIMIT_NOFILE, &limit);
		for (;;) {
			for (i = 100; i < 20000; i = i * 3 / 2)
				dup2(0, i);
			if (unshare(CLONE_FILES))
				_exit(1);
			syscall(SYS_close_range, 100, ~0U, 0);
		}
	}
	for (round = 0; round < 300; round++) {
		struct task_diag_files files;

		query_one(_metadata, &self->sock, pid, &files);
		EXPECT_EQ(files.total, files.regular + files.socket +
				       files.pipe + files.eventfd +
				       files.epoll + files.other);
		EXPECT_GE(200U, files.total);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_test_tasks, end_test_tasks,
		       tasks.pool.error);
}
