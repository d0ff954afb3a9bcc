// SPDX-License-Identifier: GPL-2.0-only
/*
 * STAT: real programs, and processes with unusual times, sizes, schedules or
 * terminals; each field of each task must equal procfs.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <linux/sched.h>

#include "lib/test_tasks.h"
#include "lib/expected_stat.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"
#include "lib/users.h"

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))
#define MIB (1024UL * 1024)
#define NS_PER_SEC 1000000000ULL

/* Properties of the special tasks, checked below. */
#define NICE (-7)
#define FIFO_PRIORITY 42
#define LOCKED_PAGES 3
#define ANON (5 * MIB)
#define SHMEM (3 * MIB)
#define PEAK (24 * MIB)
#define CHILD_FAULTS 700
#define BUSY_MS 60
#define SERVER_THREADS 6
#define EXIT_CODE 42

static __u64 clock_ns(clockid_t clock)
{
	struct timespec now = {};

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

/* --- special tasks -------------------------------------------------------- */

static void use_cpu(unsigned int ms)
{
	const __u64 end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + ms * 1000000ULL;

	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
		syscall(SYS_getppid);
}

/* Touch page by page, so that each page causes a fault. */
static void *touch(size_t size, int flags)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    flags | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	/* Fails if the kernel has no huge pages. */
	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	return memory;
}

static int set_policy(int policy, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	return sched_setscheduler(0, policy, &param) ? -errno : 0;
}

static int set_nice(void *arg)
{
	return setpriority(PRIO_PROCESS, 0, NICE) ? -errno : 0;
}

static int set_nice_19(void *arg)
{
	return setpriority(PRIO_PROCESS, 0, 19) ? -errno : 0;
}

static int set_fifo(void *arg)
{
	return set_policy(SCHED_FIFO, FIFO_PRIORITY);
}

static int set_round_robin(void *arg)
{
	return set_policy(SCHED_RR, 99);
}

static int set_batch(void *arg)
{
	return set_policy(SCHED_BATCH, 0);
}

static int set_idle(void *arg)
{
	return set_policy(SCHED_IDLE, 0);
}

/*
 * struct sched_attr of <linux/sched/types.h>, which the C library may define
 * too.
 */
static int set_deadline(void *arg)
{
	const struct {
		__u32 size;
		__u32 policy;
		__u64 flags;
		__s32 nice;
		__u32 priority;
		__u64 runtime;
		__u64 deadline;
		__u64 period;
	} attr = {
		.size = sizeof(attr),
		.policy = SCHED_DEADLINE,
		.runtime = 1000 * 1000,
		.deadline = 100 * 1000 * 1000,
		.period = 100 * 1000 * 1000,
	};

	return syscall(SYS_sched_setattr, 0, &attr, 0) ? -errno : 0;
}

static int lock_memory(void *arg)
{
	char *memory = touch(2 * LOCKED_PAGES * PAGE, MAP_PRIVATE);

	if (!memory)
		return -ENOMEM;
	return mlock(memory + PAGE, LOCKED_PAGES * PAGE) ? -errno : 0;
}

static int fill_memory(void *arg)
{
	void *peak = touch(PEAK, MAP_PRIVATE);

	if (!peak || munmap(peak, PEAK))
		return -ENOMEM;
	return touch(ANON, MAP_PRIVATE) && touch(SHMEM, MAP_SHARED) ? 0 :
								     -ENOMEM;
}

static int map_program(void *arg)
{
	const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	off_t size;
	void *memory;

	if (fd < 0)
		return -errno;
	size = lseek(fd, 0, SEEK_END);
	memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	/* Drop the page cache as far as possible, and read the pages again. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return madvise(memory, size, MADV_POPULATE_READ) ? -errno : 0;
}

/* The figures of a parent include its reaped children and grandchildren. */
static int reap_children(void *arg)
{
	int i;

	for (i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (!pid) {
			if (!touch(CHILD_FAULTS * PAGE, MAP_PRIVATE))
				_exit(1);
			use_cpu(BUSY_MS);
			if (!i) {
				pid = fork();
				if (!pid) {
					use_cpu(BUSY_MS);
					_exit(0);
				}
				waitpid(pid, NULL, 0);
			}
			_exit(0);
		}
		if (waitpid(pid, NULL, 0) != pid)
			return -errno;
	}
	return 0;
}

/* No process waits for these children, so no figures include them. */
static int autoreap_children(void *arg)
{
	signal(SIGCHLD, SIG_IGN);
	return reap_children(arg) == -ECHILD ? 0 : -EINVAL;
}

static int use_cpu_time(void *arg)
{
	use_cpu(2 * BUSY_MS);
	return 0;
}

/* Each thread has its own CPU clock; several have a schedule of their own. */
struct server {
	sem_t started;
	int listener;
	int epoll;
	unsigned int nth;
};

static void *serve(void *arg)
{
	struct server *server = arg;
	const unsigned int nth = server->nth;
	struct epoll_event event;

	setpriority(PRIO_PROCESS, syscall(SYS_gettid), 3 * nth);
	if (nth == 1)
		set_policy(SCHED_FIFO, 7);
	if (nth == 2) {
		char *memory = touch(50 * PAGE, MAP_PRIVATE);

		if (memory)
			munmap(memory, 50 * PAGE);
	}
	sem_post(&server->started);
	for (;;) {
		if (nth % 2)
			accept(server->listener, NULL, NULL);
		else
			epoll_wait(server->epoll, &event, 1, -1);
	}
	return NULL;
}

static int start_server(void *arg)
{
	static struct server server;
	struct sockaddr_in any = { .sin_family = AF_INET };
	pthread_t thread;

	sem_init(&server.started, 0, 0);
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server.listener < 0 || server.epoll < 0 ||
	    bind(server.listener, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(server.listener, 5))
		return -errno;
	for (; server.nth < SERVER_THREADS; server.nth++) {
		int err = pthread_create(&thread, NULL, serve, &server);

		if (err)
			return -err;
		while (sem_wait(&server.started))
			;
	}
	return 0;
}

/* The figures of a process include its ended threads. */
static void *use_resources(void *arg)
{
	touch(CHILD_FAULTS * PAGE, MAP_PRIVATE);
	use_cpu(BUSY_MS);
	return NULL;
}

static int join_threads(void *arg)
{
	pthread_t thread;
	int i, err = 0;

	for (i = 0; !err && i < 2; i++)
		err = pthread_create(&thread, NULL, use_resources, NULL) ?:
		      pthread_join(thread, NULL);
	return -err;
}

/* The descriptors stay open, as closing them would end the terminal. */
static int take_terminal(void)
{
	const int master = posix_openpt(O_RDWR | O_NOCTTY);
	int slave;

	if (master < 0 || grantpt(master) || unlockpt(master) || setsid() < 0)
		return -errno;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0 || ioctl(slave, TIOCSCTTY, 0))
		return -errno;
	return slave;
}

static int open_terminal(void *arg)
{
	const int tty = take_terminal();

	return tty < 0 ? tty : 0;
}

static int leave_foreground(void *arg)
{
	const int tty = take_terminal();
	pid_t pid;

	if (tty < 0)
		return tty;
	pid = special_task_fork_child();
	if (pid < 0)
		return pid;
	if (setpgid(pid, pid) || tcsetpgrp(tty, pid))
		return -errno;
	return 0;
}

static int end_foreground_group(void *arg)
{
	const int tty = take_terminal();
	int status;
	pid_t pid;

	if (tty < 0)
		return tty;
	/* A foreground group that has ended. */
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		for (;;)
			pause();
	if (setpgid(pid, pid) || tcsetpgrp(tty, pid) || kill(pid, SIGKILL) ||
	    waitpid(pid, &status, 0) != pid)
		return -errno;
	return 0;
}

/* The use of a capability sets a flag of the task. */
static int use_capability(void *arg)
{
	return setpriority(PRIO_PROCESS, 0, -1) ? -errno : 0;
}

static const struct test_task_kind kinds[] = {
	{ "plain", NULL },
	{ "nice", set_nice },
	{ "nicest", set_nice_19 },
	{ "fifo", set_fifo },
	{ "round robin", set_round_robin },
	{ "batch", set_batch },
	{ "idle", set_idle },
	{ "deadline", set_deadline },
	{ "locked", lock_memory },
	{ "full", fill_memory },
	{ "mapped", map_program },
	{ "parent", reap_children },
	{ "autoreaping parent", autoreap_children },
	{ "busy", use_cpu_time },
	{ "server", start_server },
	{ "joined threads", join_threads },
	{ "terminal", open_terminal },
	{ "background", leave_foreground },
	{ "foreground ended", end_foreground_group },
	{ "root", use_capability },
};

/* Other programs, if they are installed. */
static char * const programs[][TEST_TASKS_ARGS] = {
	{ "sh", "-c", "echo; read x" },
	{
		"python3", "-c",
		"import threading, socket, gc\n"
		"s = socket.socket(); s.bind(('', 0)); s.listen()\n"
		"[threading.Thread(target=s.accept, daemon=True).start()\n"
		" for i in range(5)]\n"
		"m = [str(i) for i in range(200000)]\n"
		"print(flush=True); input()\n",
	},
};

static struct test_tasks tasks;
static pid_t exited, killed;
static __u64 before_all, after_all;	/* CLOCK_BOOTTIME */

/*
 * Zombies with other exit signals than SIGCHLD; no process waits for them here.
 */
static pid_t make_zombie(int exit_signal, int code, int kill_by)
{
	struct clone_args args = { .exit_signal = exit_signal };
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid) {
		if (kill_by)
			raise(kill_by);
		_exit(code);
	}
	return pid;
}

static int make_test_tasks(void)
{
	static const struct task_spec specs[] = {
		{ .name = "zombie", .state = POOL_ZOMBIE },
		{ .name = "stopped", .state = POOL_STOPPED, .threads = 1 },
		{ .name = "traced", .state = POOL_TRACED, .threads = 2 },
		{ .name = "trace stop", .state = POOL_TRACE_STOPPED },
		{ .name = "leader exited",
		  .state = POOL_LEADER_EXITED,
		  .threads = 3 },
		{ .name = "user", .creds = &user, .threads = 1, .children = 2 },
	};
	int err;

	before_all = clock_ns(CLOCK_BOOTTIME);
	err = test_tasks_begin(&tasks, specs, ARRAY_SIZE(specs));
	err = err ?: test_tasks_add_all(&tasks, kinds, ARRAY_SIZE(kinds));
	if (!err)
		err = test_tasks_add_programs(&tasks, programs,
					      ARRAY_SIZE(programs));
	if (err)
		return err;
	signal(SIGUSR1, SIG_IGN);
	exited = make_zombie(SIGUSR1, EXIT_CODE, 0);
	killed = make_zombie(0, 0, SIGKILL);
	if (exited < 0 || killed < 0)
		return -EAGAIN;
	after_all = clock_ns(CLOCK_BOOTTIME);
	return task_pool_settle(&tasks.pool);
}

static void end_test_tasks(void)
{
	waitpid(exited, NULL, __WALL);
	waitpid(killed, NULL, __WALL);
	test_tasks_end(&tasks);
}

static pid_t pool_task_pid(enum pool_state state)
{
	size_t i;

	for (i = 0; i < tasks.pool.nr; i++)
		if (tasks.pool.task[i].spec.state == state)
			return tasks.pool.task[i].pid;
	return 0;
}

/* All processes that do not change. */
static int known_processes(struct pid_set *known)
{
	size_t i;
	int err;

	err = pid_set_add(known, exited) ?: pid_set_add(known, killed);
	for (i = 0; !err && i < tasks.nr; i++)
		err = pid_set_add(known, tasks.special[i].pid);
	for (i = 0; !err && i < tasks.pool.nr; i++) {
		err = pid_set_add(known, tasks.pool.task[i].pid);
		if (!err && tasks.pool.task[i].tracer)
			err = pid_set_add(known, tasks.pool.task[i].tracer);
	}
	return err;
}

/* --- tests ---------------------------------------------------------------- */

FIXTURE(stat) {
	struct td_sock sock;
	struct pid_set known;
	int proc;
};

FIXTURE_SETUP(stat)
{
	memset(&self->known, 0, sizeof(self->known));
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	ASSERT_EQ(0, known_processes(&self->known));
	self->proc = procfs_open();
	ASSERT_LE(0, self->proc);
}

FIXTURE_TEARDOWN(stat)
{
	close(self->proc);
	pid_set_free(&self->known);
	td_close(&self->sock);
}

/* Query one row of @pid, with the figures of the process. */
static void query_one(struct __test_metadata *_metadata, struct td_sock *sock,
		      pid_t pid, struct task_diag_stat *stat)
{
	struct td_answer a;

	td_get_row(_metadata, sock, TASK_DIAG_SHOW_STAT, pid, &a);
	ASSERT_EQ(TASK_DIAG_SHOW_STAT, a.row[0].groups);
	*stat = a.row[0].stat;
	td_answer_free(&a);
}

/* Figures of one task from procfs; arrays are ordered by pid. */
struct stat_entry {
	__u32 pid;
	__u32 tgid;
	struct task_diag_stat stat;
};

static size_t read_all(int proc, bool threads, struct stat_entry *entries,
		       size_t capacity)
{
	struct pid_set pids = {};
	size_t i, j, nr = 0;

	procfs_processes(proc, &pids);
	for (i = 0; i < pids.nr; i++) {
		struct pid_set tids = {};

		if (threads)
			procfs_threads(proc, pids.id[i], &tids);
		else
			pid_set_add(&tids, pids.id[i]);
		for (j = 0; j < tids.nr && nr < capacity; j++) {
			entries[nr].pid = tids.id[j];
			entries[nr].tgid = pids.id[i];
			if (!expected_stat_read(proc, pids.id[i],
						threads ? tids.id[j] : 0,
						&entries[nr].stat))
				nr++;
		}
		pid_set_free(&tids);
	}
	pid_set_free(&pids);
	return nr;
}

static const struct stat_entry *find_entry(const struct stat_entry *entries,
					   size_t nr, __u32 pid)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (entries[i].pid == pid)
			return &entries[i];
	return NULL;
}

#define MOST_TASKS 2048

/* Compare all tasks of the system, kernel threads included. */
static void compare_all(struct __test_metadata *_metadata, struct td_sock *sock,
			int proc, const struct pid_set *known, bool threads)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_STAT,
		.dump_strategy = threads ? TASK_DIAG_DUMP_ALL_THREAD :
					   TASK_DIAG_DUMP_ALL,
	};
	size_t i, nr_before, nr_after, compared = 0, of_known = 0;
	struct stat_entry *before, *after;
	struct td_answer a;
	char text[160];

	before = calloc(2 * MOST_TASKS, sizeof(*before));
	ASSERT_NE(NULL, before);
	after = before + MOST_TASKS;
	nr_before = read_all(proc, threads, before, MOST_TASKS);
	ASSERT_EQ(0, td_query(sock, &query, NLM_F_DUMP, &a));
	nr_after = read_all(proc, threads, after, MOST_TASKS);
	ASSERT_SUCCESS(&a);

	for (i = 0; i < nr_before; i++) {
		const struct stat_entry *then = &before[i];
		const struct stat_entry *now =
			find_entry(after, nr_after, then->pid);
		const struct td_row *row = td_find_row(&a, then->pid);
		const bool still = pid_set_has(known, then->tgid);

		if (!now)
			continue;
		EXPECT_NE(NULL, row) {
			TH_LOG("no row of task %u", then->pid);
		}
		if (!row)
			continue;
		EXPECT_TRUE(expected_stat_matches(&row->stat, &then->stat,
						  &now->stat, still, text,
						  sizeof(text))) {
			TH_LOG("thread %u of process %u: %s", then->pid,
			       then->tgid, text);
		}
		compared++;
		of_known += still;
	}
	EXPECT_LE(known->nr + (threads ? SERVER_THREADS : 0), of_known);
	/* There are others: kernel threads at least. */
	EXPECT_LT(of_known, compared);
	TH_LOG("compared %zu tasks, %zu of them test tasks", compared,
	       of_known);
	free(before);
	td_answer_free(&a);
}

TEST_F(stat, every_process_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc, &self->known, false);
}

TEST_F(stat, every_thread_equals_procfs)
{
	compare_all(_metadata, &self->sock, self->proc, &self->known, true);
}

/* Each strategy reports either figures of processes or figures of threads. */
TEST_F(stat, strategy_selects_process_or_thread_figures)
{
	const pid_t pids[] = {
		test_tasks_pid(&tasks, "server"),
		test_tasks_pid(&tasks, "joined threads"),
		pool_task_pid(POOL_LEADER_EXITED),
		pool_task_pid(POOL_STOPPED),
	};
	struct task_diag_stat whole, thread;
	size_t i, j, differing = 0;
	struct td_answer a;
	char text[160];

	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		const struct task_diag_pid threads = {
			.show_flags = TASK_DIAG_SHOW_STAT,
			.dump_strategy = TASK_DIAG_DUMP_THREAD,
			.pid = pids[i],
		};
		const struct task_diag_pid children = {
			.show_flags = TASK_DIAG_SHOW_STAT,
			.dump_strategy = TASK_DIAG_DUMP_CHILDREN,
			.pid = tasks.pool.parent,
		};
		const struct td_row *row;

		ASSERT_EQ(0,
			  expected_stat_read(self->proc, pids[i], 0, &whole));
		query_one(_metadata, &self->sock, pids[i], &thread);
		EXPECT_TRUE(expected_stat_matches(&thread, &whole, &whole, true,
						  text, sizeof(text))) {
			TH_LOG("ONE %d: %s", pids[i], text);
		}

		ASSERT_EQ(0, td_query(&self->sock, &children, NLM_F_DUMP, &a));
		ASSERT_SUCCESS(&a);
		row = td_find_row(&a, pids[i]);
		ASSERT_NE(NULL, row);
		EXPECT_TRUE(expected_stat_matches(&row->stat, &whole, &whole,
						  true, text, sizeof(text)))
		{
			TH_LOG("CHILDREN %d: %s", pids[i], text);
		}
		td_answer_free(&a);

		ASSERT_EQ(0, td_query(&self->sock, &threads, NLM_F_DUMP, &a));
		ASSERT_SUCCESS(&a);
		for (j = 0; j < a.rows; j++) {
			const pid_t tid = a.row[j].msg.pid;
			struct task_diag_stat one;

			row = &a.row[j];
			ASSERT_EQ(0, expected_stat_read(self->proc, pids[i],
							tid, &thread));
			EXPECT_TRUE(expected_stat_matches(&row->stat, &thread,
							  &thread, true, text,
							  sizeof(text))) {
				TH_LOG("THREAD %d: %s", tid, text);
			}
			if (tid != pids[i]) {
				query_one(_metadata, &self->sock, tid, &one);
				EXPECT_EQ(0, memcmp(&one, &row->stat,
						    sizeof(one)));
			} else {
				differing += thread.min_flt != whole.min_flt;
			}
		}
		td_answer_free(&a);
	}
	/*
	 * Otherwise process and thread figures were equal and the test shows
	 * nothing.
	 */
	EXPECT_LT(0U, differing);
}

/* procfs rounds times down to ticks; STAT has nanoseconds. */
TEST_F(stat, cpu_times_have_nanosecond_resolution)
{
	const pid_t pid = test_tasks_pid(&tasks, "busy");
	struct timespec used = {};
	struct task_diag_stat stat;
	clockid_t clock;
	__u64 expected;

	ASSERT_EQ(0, clock_getcpuclockid(pid, &clock));
	query_one(_metadata, &self->sock, pid, &stat);
	ASSERT_EQ(0, clock_gettime(clock, &used));
	expected = used.tv_sec * NS_PER_SEC + used.tv_nsec;
	EXPECT_LE(2 * BUSY_MS * 1000000ULL, stat.utime + stat.stime);
	/*
	 * Some kernels sum user and system time from other clocks than this
	 * one.
	 */
	EXPECT_LE(stat.utime + stat.stime, expected + 2000000);
	EXPECT_LE(expected, stat.utime + stat.stime + 2000000);
}

TEST_F(stat, start_time_is_within_creation_interval)
{
	struct task_diag_stat stat, last = {};
	size_t i;

	for (i = 0; i < tasks.nr; i++) {
		query_one(_metadata, &self->sock, tasks.special[i].pid, &stat);
		EXPECT_LT(before_all, stat.start_time);
		EXPECT_LT(stat.start_time, after_all);
		/* They were made one after the other. */
		EXPECT_LT(last.start_time, stat.start_time);
		last = stat;
	}
}

/*
 * Check that the special tasks have their properties, and the figures that
 * procfs rounds.
 */
TEST_F(stat, test_tasks_report_their_properties)
{
	struct task_diag_stat stat, other;

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "plain"),
		  &stat);
	EXPECT_EQ(0, stat.nice);
	EXPECT_EQ(20, stat.priority);
	EXPECT_EQ((__u32)SCHED_NORMAL, stat.policy);
	EXPECT_EQ(0U, stat.rt_priority);
	EXPECT_EQ(1U, stat.num_threads);
	EXPECT_EQ(SIGCHLD, stat.exit_signal);
	EXPECT_EQ(-1, stat.tty_pgrp);
	EXPECT_EQ(0U, stat.tty);
	EXPECT_EQ(0U, stat.locked);
	EXPECT_LT(0U, stat.text);
	EXPECT_LT(0U, stat.nvcsw);
	EXPECT_LT(stat.rss_anon + stat.rss_file, stat.vsize);
	EXPECT_EQ(0U, stat.cutime + stat.cstime + stat.cmin_flt);

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "nice"),
		  &stat);
	EXPECT_EQ(NICE, stat.nice);
	EXPECT_EQ(20 + NICE, stat.priority);
	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "nicest"),
		  &stat);
	EXPECT_EQ(19, stat.nice);
	EXPECT_EQ(39, stat.priority);

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "fifo"),
		  &stat);
	EXPECT_EQ((__u32)SCHED_FIFO, stat.policy);
	EXPECT_EQ((__u32)FIFO_PRIORITY, stat.rt_priority);
	EXPECT_EQ(-1 - FIFO_PRIORITY, stat.priority);
	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "round robin"),
		  &stat);
	EXPECT_EQ((__u32)SCHED_RR, stat.policy);
	EXPECT_EQ(99U, stat.rt_priority);
	EXPECT_EQ(-100, stat.priority);
	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "batch"),
		  &stat);
	EXPECT_EQ((__u32)SCHED_BATCH, stat.policy);
	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "idle"),
		  &stat);
	EXPECT_EQ((__u32)SCHED_IDLE, stat.policy);
	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "deadline"),
		  &stat);
	EXPECT_EQ((__u32)SCHED_DEADLINE, stat.policy);
	EXPECT_EQ(-101, stat.priority);

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "locked"),
		  &stat);
	EXPECT_EQ(LOCKED_PAGES * PAGE, stat.locked);

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "full"),
		  &stat);
	EXPECT_LE(ANON, stat.rss_anon);
	EXPECT_LE(SHMEM, stat.rss_shmem);
	EXPECT_LE(PEAK, stat.rss_peak);
	EXPECT_GT(PEAK, stat.rss_anon);
	EXPECT_LE(ANON, stat.data);
	EXPECT_LE(PEAK / PAGE + ANON / PAGE, stat.min_flt);

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "parent"),
		  &stat);
	EXPECT_LE(3U * CHILD_FAULTS, stat.cmin_flt);
	EXPECT_GT(3U * CHILD_FAULTS, stat.min_flt);
	/* Four children in total; on some machines time advances in ticks. */
	EXPECT_LE(2 * BUSY_MS * 1000000ULL, stat.cutime + stat.cstime);
	query_one(_metadata, &self->sock,
		  test_tasks_pid(&tasks, "autoreaping parent"), &stat);
	EXPECT_EQ(0U, stat.cutime + stat.cstime + stat.cmin_flt);

	query_one(_metadata, &self->sock,
		  test_tasks_pid(&tasks, "joined threads"), &stat);
	EXPECT_LE(2U * CHILD_FAULTS, stat.min_flt);
	EXPECT_LE(BUSY_MS * 1000000ULL, stat.utime + stat.stime);
	EXPECT_EQ(1U, stat.num_threads);
	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "server"),
		  &stat);
	EXPECT_EQ(1U + SERVER_THREADS, stat.num_threads);

	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "terminal"),
		  &stat);
	EXPECT_EQ(136U, stat.tty >> 8 & 0xfff);
	EXPECT_EQ(test_tasks_pid(&tasks, "terminal"), stat.tty_pgrp);
	query_one(_metadata, &self->sock, test_tasks_pid(&tasks, "background"),
		  &other);
	EXPECT_NE(stat.tty, other.tty);
	EXPECT_NE(test_tasks_pid(&tasks, "background"), other.tty_pgrp);
	EXPECT_LT(0, other.tty_pgrp);
	query_one(_metadata, &self->sock,
		  test_tasks_pid(&tasks, "foreground ended"), &stat);
	EXPECT_LT(0U, stat.tty);

	query_one(_metadata, &self->sock, exited, &stat);
	EXPECT_EQ(EXIT_CODE << 8, stat.exit_code);
	EXPECT_EQ(SIGUSR1, stat.exit_signal);
	EXPECT_EQ(0U, stat.vsize + stat.rss_anon + stat.rss_file);
	query_one(_metadata, &self->sock, killed, &stat);
	EXPECT_EQ(SIGKILL, stat.exit_code);
	EXPECT_EQ(0, stat.exit_signal);

	query_one(_metadata, &self->sock, pool_task_pid(POOL_LEADER_EXITED),
		  &stat);
	EXPECT_EQ(4U, stat.num_threads);
}

/*
 * Threads have no exit signal, but a schedule and context switches of their
 * own.
 */
TEST_F(stat, threads_report_their_own_figures)
{
	const struct task_diag_pid query = {
		.show_flags = TASK_DIAG_SHOW_STAT,
		.dump_strategy = TASK_DIAG_DUMP_THREAD,
		.pid = test_tasks_pid(&tasks, "server"),
	};
	unsigned int fifo = 0, nice = 0;
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(1U + SERVER_THREADS, a.rows);
	for (i = 0; i < a.rows; i++) {
		const struct td_row *row = &a.row[i];

		EXPECT_EQ(row->msg.pid == row->msg.tgid ? SIGCHLD : -1,
			  row->stat.exit_signal);
		EXPECT_EQ(1U + SERVER_THREADS, row->stat.num_threads);
		fifo += row->stat.policy == SCHED_FIFO;
		nice += row->stat.nice > 0;
		EXPECT_EQ(a.row[0].stat.vsize, row->stat.vsize);
	}
	EXPECT_EQ(1U, fifo);
	EXPECT_LE(SERVER_THREADS - 2U, nice);
	td_answer_free(&a);
}

/* Without memory of their own all sizes are 0, also with a borrowed mm. */
TEST_F(stat, kernel_threads_report_sizes_of_0)
{
	const struct task_diag_pid query = { .show_flags =
						     TASK_DIAG_SHOW_STAT };
	struct procfs_snapshot shot;
	size_t i, seen = 0;
	struct td_answer a;

	ASSERT_EQ(0, procfs_snapshot(self->proc, false, &shot));
	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	for (i = 0; i < a.rows; i++) {
		const struct procfs_task *task =
			procfs_find(&shot, a.row[i].msg.pid);
		const struct task_diag_stat *stat = &a.row[i].stat;

		if (!task || !task->kernel_thread)
			continue;
		EXPECT_EQ(0U, stat->vsize | stat->rss_anon | stat->rss_file |
			      stat->rss_shmem | stat->rss_peak | stat->swap |
			      stat->text | stat->data | stat->locked);
		seen++;
	}
	EXPECT_LT(3U, seen);
	procfs_snapshot_free(&shot);
	td_answer_free(&a);
}

/* A user gets the figures of its own tasks and no other row. */
TEST_F(stat, unprivileged_user_sees_own_processes)
{
	pid_t child = td_fork_as(_metadata, &user);

	if (!child) {
		const struct task_diag_pid query = {
			.show_flags = TD_BASE_CRED | TASK_DIAG_SHOW_STAT,
		};
		struct task_diag_stat expected;
		struct td_sock sock;
		struct td_answer a;
		char text[160];
		size_t i;

		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		ASSERT_EQ(0, td_query(&sock, &query, NLM_F_DUMP, &a));
		ASSERT_SUCCESS(&a);
		/* This process, the pool task and its two children. */
		EXPECT_EQ(4U, a.rows);
		for (i = 0; i < a.rows; i++) {
			const pid_t pid = a.row[i].msg.pid;

			EXPECT_EQ((__u32)USER, a.row[i].cred.uid);
			if (pid == getpid())
				continue;
			ASSERT_EQ(0, expected_stat_read(self->proc, pid, 0,
							&expected));
			EXPECT_TRUE(expected_stat_matches(&a.row[i].stat,
							  &expected, &expected,
							  true, text,
							  sizeof(text))) {
				TH_LOG("%d: %s", pid, text);
			}
		}
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

int main(int argc, char **argv)
{
	return td_main(argc, argv, make_test_tasks, end_test_tasks,
		       tasks.pool.error);
}
