// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that waits in the kernel for a FUSE server while it holds its own
 * locks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stuck.h"

#define PROGRAM "/bin/true"
#define STACK_SIZE 65536
#define AWAIT_SECONDS 30
#define LOOK_US 5000

/* Longer than the kernel throttles a task that dirties too many pages. */
#define SETTLED_CHECKS 80

/* Tasks of the process, in the order in which they start to wait. */
enum task {
	TASK_WRITER,		/* in page_mkwrite() */
	TASK_UNMAPPER,		/* in munmap() */
	TASK_IN_EXEC,		/* in execve() */
	TASKS,
};

/* Shared by the process and its maker. */
struct stuck_shared {
	int ready;		/* 1, or a negative errno */
	pid_t tid[TASKS];	/* 0 before the task is ready */
	int start[TASKS][2];	/* pipes: a task waits after reading */
};

static struct stuck_shared *shared;
static char *page;
static int file;
static void *unmapped;
static size_t page_size;

static int set_error(struct stuck *s, int err, const char *step)
{
	snprintf(s->error, sizeof(s->error), "%s: %s", step, strerror(-err));
	return err;
}

/* All pages that the task needs afterwards are present when this returns. */
static void report_ready(enum task task)
{
	char byte;

	__atomic_store_n(&shared->tid[task], syscall(SYS_gettid),
			 __ATOMIC_SEQ_CST);
	while (read(shared->start[task][0], &byte, 1) < 0 && errno == EINTR)
		;
}

static void *write_page(void *arg)
{
	report_ready(TASK_WRITER);
	/* The kernel can start writeback before this loop does. */
	for (;;) {
		__atomic_store_n(page, 1, __ATOMIC_SEQ_CST);
		sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	return arg;
}

static void *unmap(void *arg)
{
	/* The first call resolves the symbol. */
	munmap(unmapped, page_size);
	report_ready(TASK_UNMAPPER);
	/*
	 * With per-VMA locks the writer does not hold the mmap lock: unmap the
	 * same page, so that munmap() waits for the writer with the lock held.
	 */
	munmap(page, page_size);
	return arg;
}

static int call_execve(void *arg)
{
	/*
	 * On the stack, and the symbol resolved: a page fault after
	 * report_ready() would wait for the mmap lock.
	 */
	char name[] = PROGRAM;
	char *args[2];

	args[0] = name;
	args[1] = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execve("/nonexistent", args, args + 1);
	report_ready(TASK_IN_EXEC);
	execve(name, args, args + 1);
	_exit(!!arg);
}

static int fork_child(void)
{
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED)
		return -errno;
	memset(stack, 1, STACK_SIZE);
	return clone(call_execve, stack + STACK_SIZE,
		     CLONE_VM | CLONE_PARENT | SIGCHLD, NULL) < 0 ? -errno : 0;
}

/* Map the file, and make the tasks. */
static int make_tasks(const char *path, bool with_exec)
{
	pthread_t thread;

	/* Without O_CLOEXEC: execve() would wait for the server in close(). */
	file = open(path, O_RDWR);
	if (file < 0)
		return -errno;
	page_size = sysconf(_SC_PAGESIZE);
	page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file,
		    0);
	unmapped = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || unmapped == MAP_FAILED)
		return -errno;
	if (pthread_create(&thread, NULL, write_page, NULL) ||
	    pthread_create(&thread, NULL, unmap, NULL))
		return -EAGAIN;
	return with_exec ? fork_child() : 0;
}

static void run_stuck(const char *path, bool with_exec)
{
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "stuck");
	err = make_tasks(path, with_exec);
	__atomic_store_n(&shared->ready, err ?: 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

static bool await(const int *value)
{
	int left = AWAIT_SECONDS * (1000000 / LOOK_US);

	while (!__atomic_load_n(value, __ATOMIC_SEQ_CST) && left--)
		usleep(LOOK_US);
	return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}

/* Fields of /proc/PID/task/TID/status. */
struct status {
	char state;
	unsigned long switches;	/* voluntary ones */
};

/* Reading the file "stat" instead would wait for the exec_update_lock. */
static struct status status_of(pid_t pid, pid_t tid)
{
	struct status status = { .state = '?' };
	char path[64], line[128];
	FILE *from;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	from = fopen(path, "re");
	if (!from)
		return status;
	while (fgets(line, sizeof(line), from)) {
		if (sscanf(line, "State: %c", &status.state) == 1)
			continue;
		if (sscanf(line, "voluntary_ctxt_switches: %lu",
			   &status.switches) == 1)
			break;
	}
	fclose(from);
	return status;
}

/* Wait until the task has been in an uninterruptible sleep for a while. */
static bool await_sleep(pid_t pid, pid_t tid)
{
	int left = AWAIT_SECONDS * (1000000 / LOOK_US), quiet = 0;
	struct status before = {};

	while (quiet < SETTLED_CHECKS && left--) {
		const struct status now = status_of(pid, tid);

		if (now.state == 'D' && now.switches == before.switches)
			quiet++;
		else
			quiet = 0;
		before = now;
		usleep(LOOK_US);
	}
	return quiet == SETTLED_CHECKS;
}

/*
 * Return when all tasks are ready.  None may start to wait before: a task that
 * is not ready can need the mmap lock, and would wait for the first one.
 */
static int await_ready(struct stuck *s, bool with_exec)
{
	const int tasks = with_exec ? TASKS : TASK_IN_EXEC;
	int i;

	if (!await(&s->shared->ready))
		return set_error(s, -ETIMEDOUT, "map a file of FUSE");
	if (s->shared->ready < 0)
		return set_error(s, s->shared->ready, "map a file of FUSE");
	for (i = 0; i < tasks; i++)
		if (!await(&s->shared->tid[i]))
			return set_error(s, -ETIMEDOUT, "make the tasks");
	return 0;
}

/* Let task @nr start to wait, and return when it does. */
static int start(struct stuck *s, enum task nr, const char *step)
{
	const pid_t tid = s->shared->tid[nr];

	if (write(s->shared->start[nr][1], "", 1) != 1)
		return set_error(s, -errno, step);
	if (!await_sleep(nr == TASK_IN_EXEC ? tid : s->pid, tid))
		return set_error(s, -ETIMEDOUT, step);
	return 0;
}

int stuck_begin(struct stuck *s, bool with_exec)
{
	int err, i;

	memset(s, 0, sizeof(*s));
	err = fuse_begin(&s->fuse);
	if (err)
		return set_error(s, err, "mount FUSE (CONFIG_FUSE_FS)");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return set_error(s, -errno, "mmap");
	s->shared = shared;
	for (i = 0; i < TASKS; i++)
		if (pipe2(shared->start[i], O_CLOEXEC))
			return set_error(s, -errno, "pipe2");

	fflush(NULL);
	s->pid = fork();
	if (!s->pid)
		run_stuck(s->fuse.file, with_exec);
	if (s->pid < 0)
		return set_error(s, -errno, "fork");
	err = await_ready(s, with_exec);
	s->in_exec = shared->tid[TASK_IN_EXEC];
	if (err)
		return err;

	err = start(s, TASK_WRITER, "wait in page_mkwrite()");
	if (!err && fuse_await_write(&s->fuse))
		err = set_error(s, -ETIMEDOUT, "start writeback");
	err = err ?: start(s, TASK_UNMAPPER, "wait in munmap()");
	if (with_exec)
		err = err ?: start(s, TASK_IN_EXEC, "wait in execve()");
	return err;
}

static void reap(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void stuck_end(struct stuck *s)
{
	int i, j;

	/* In this order: tasks in page_mkwrite() ignore SIGKILL. */
	fuse_end(&s->fuse);
	reap(s->in_exec);
	reap(s->pid);
	if (s->shared) {
		for (i = 0; i < TASKS; i++)
			for (j = 0; j < 2; j++)
				if (s->shared->start[i][j])
					close(s->shared->start[i][j]);
		munmap(s->shared, sizeof(*s->shared));
	}
	memset(s, 0, sizeof(*s));
}
