// SPDX-License-Identifier: GPL-2.0-only
/* A pool of tasks with specified properties. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "task_pool.h"
#include "procfs.h"
#include "program.h"

#define SETTLE_SECONDS 60

/* A task calls execve() when it receives this signal. */
#define EXEC_SIGNAL SIGUSR1

/* Report of a task about its setup, to the parent. */
struct report {
	int error;
	pid_t thread;
	char step[32];
};

/* Data shared by a task and its threads. */
struct task_setup {
	const struct task_spec *spec;
	int report;		/* write end of the pipe */
	int end_pipe;		/* read end of the pipe */
	pid_t target;		/* for a tracer: its tracee */
	unsigned int thread;	/* index of the starting thread */
	sem_t started;
};

static void report_setup(const struct task_setup *task_setup, int error,
			 const char *step)
{
	struct report report = {
		.error = error,
		.thread = syscall(SYS_gettid),
	};

	snprintf(report.step, sizeof(report.step), "%s", step);
	/* A write below PIPE_BUF is atomic; the parent sees its loss as EOF. */
	if (write(task_setup->report, &report, sizeof(report)) !=
	    sizeof(report))
		_exit(1);
}

static void fail_setup(const struct task_setup *task_setup, int error,
		       const char *step)
{
	report_setup(task_setup, error, step);
	_exit(1);
}

/* Returns when the parent closes the other end, or dies. */
static void sleep_until_end(int end_pipe)
{
	char never;

	while (read(end_pipe, &never, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* Fork the children that the @nth thread of the task must make. */
static void start_children(const struct task_setup *task_setup,
			   unsigned int nth)
{
	const struct task_spec *spec = task_setup->spec;
	unsigned int i;

	for (i = nth; i < spec->children; i += spec->threads + 1) {
		pid_t pid = fork();

		if (pid < 0)
			fail_setup(task_setup, errno, "fork of a child");
		if (!pid) {
			close(task_setup->report);
			sleep_until_end(task_setup->end_pipe);
		}
	}
}

/* An unprivileged task may still permute its ids. */
static void set_thread_creds(const struct task_setup *task_setup,
			     unsigned int nth)
{
	const struct ids *uid = &task_setup->spec->creds->uid;
	const struct ids *gid = &task_setup->spec->creds->gid;
	char name[16];

	snprintf(name, sizeof(name), "thread %u", nth);
	if (prctl(PR_SET_NAME, name))
		fail_setup(task_setup, errno, "PR_SET_NAME");
	if (nth % 2 && syscall(SYS_setresgid, gid->effective, gid->saved,
			       gid->real))
		fail_setup(task_setup, errno, "setresgid in a thread");
	if (syscall(SYS_setresuid, uid->saved, uid->real, uid->effective))
		fail_setup(task_setup, errno, "setresuid in a thread");
}

static void *run_thread(void *arg)
{
	struct task_setup *task_setup = arg;
	const unsigned int nth = task_setup->thread;
	const int end_pipe = task_setup->end_pipe;

	if (task_setup->spec->threads_differ)
		set_thread_creds(task_setup, nth);
	start_children(task_setup, nth);
	sem_post(&task_setup->started);
	sleep_until_end(end_pipe);
	return NULL;
}

static void start_threads(struct task_setup *task_setup)
{
	pthread_t thread;
	unsigned int i;
	int err;

	sem_init(&task_setup->started, 0, 0);
	for (i = 1; i <= task_setup->spec->threads; i++) {
		task_setup->thread = i;
		err = pthread_create(&thread, NULL, run_thread, task_setup);
		if (err)
			fail_setup(task_setup, err, "pthread_create");
		/* One at a time, so that the thread can read its index. */
		while (sem_wait(&task_setup->started))
			;
	}
}

static int keep_over_exec(int fd, char *text, size_t size)
{
	snprintf(text, size, "%d", fd);
	return fcntl(fd, F_SETFD, 0);
}

static void exec_role(const struct task_setup *task_setup,
		      int (*run)(const char *role, const char *const args[]))
{
	char report[16], end_pipe[16];
	const char *const args[] = { report, end_pipe, NULL };

	if (keep_over_exec(task_setup->report, report, sizeof(report)) ||
	    keep_over_exec(task_setup->end_pipe, end_pipe, sizeof(end_pipe)))
		fail_setup(task_setup, errno, "descriptors for a program");
	fail_setup(task_setup, -run(TASK_POOL_ROLE, args), "execve");
}

int task_pool_role(char **argv)
{
	const struct task_setup task_setup = {
		.report = atoi(argv[2]), .end_pipe = atoi(argv[3]),
	};

	report_setup(&task_setup, 0, "");
	sleep_until_end(task_setup.end_pipe);
	return 1;
}

/* The tracer sends the signal; execve() never completes. */
static void exec_on_signal(const struct task_setup *task_setup,
			   const sigset_t *exec_signal)
{
	int signal;

	while (sigwait(exec_signal, &signal))
		;
	exec_role(task_setup, program_run);
}

static void run_task(struct task_setup *task_setup)
{
	const struct task_spec *spec = task_setup->spec;
	const char *step;
	sigset_t exec_signal;
	int err;

	sigemptyset(&exec_signal);
	sigaddset(&exec_signal, EXEC_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &exec_signal, NULL);
	if (spec->own_session && setsid() < 0)
		fail_setup(task_setup, errno, "setsid");
	if (spec->own_group && setpgid(0, 0))
		fail_setup(task_setup, errno, "setpgid");
	if (spec->creds) {
		err = credentials_assume(spec->creds, &step);
		if (err)
			fail_setup(task_setup, -err, step);
	}
	/* A change of credentials clears it, so set it after that. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		fail_setup(task_setup, errno, "PR_SET_PDEATHSIG");
	if (spec->name && prctl(PR_SET_NAME, spec->name))
		fail_setup(task_setup, errno, "PR_SET_NAME");
	start_threads(task_setup);
	start_children(task_setup, 0);
	if (spec->state == POOL_SETUID)
		exec_role(task_setup, program_run_setuid);
	report_setup(task_setup, 0, "");

	switch (spec->state) {
	case POOL_IN_EXEC:
		exec_on_signal(task_setup, &exec_signal);
		break;
	case POOL_STOPPED:
		raise(SIGSTOP);
		break;
	case POOL_ZOMBIE:
		_exit(0);
	case POOL_LEADER_EXITED:
		/*
		 * Exit the leader only: exit() would end the threads as well.
		 */
		syscall(SYS_exit, 0);
		break;
	default:
		break;
	}
	sleep_until_end(task_setup->end_pipe);
}

static void seize(const struct task_setup *task_setup, pid_t tid, int options)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_EXITKILL | options))
		fail_setup(task_setup, errno, "PTRACE_SEIZE");
}

static void wait_for_stop(const struct task_setup *task_setup, pid_t tid)
{
	int status;

	if (waitpid(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		fail_setup(task_setup, errno, "wait for the trace stop");
}

/*
 * The highest tid is that of the newest thread, and not of the leader if there
 * are two.
 */
static pid_t last_thread(const struct task_setup *task_setup)
{
	int proc = procfs_open();
	struct pid_set tids = {};
	pid_t tid;

	if (proc < 0 || procfs_threads(proc, task_setup->target, &tids) ||
	    tids.nr < 2)
		fail_setup(task_setup, ESRCH, "thread that blocks execve()");
	tid = tids.id[tids.nr - 1];
	pid_set_free(&tids);
	close(proc);
	return tid;
}

/*
 * execve() ends the other threads, and a trace stop keeps one of them from
 * ending.
 */
static void block_exec(const struct task_setup *task_setup)
{
	const pid_t tid = last_thread(task_setup);

	seize(task_setup, tid, PTRACE_O_TRACEEXIT);
	if (kill(task_setup->target, EXEC_SIGNAL))
		fail_setup(task_setup, errno, "send the signal for execve()");
	wait_for_stop(task_setup, tid);
}

/*
 * The tracer is a thread other than the leader, so that tpid differs from its
 * process.
 */
static void *tracer_thread(void *arg)
{
	const struct task_setup *task_setup = arg;
	const int end_pipe = task_setup->end_pipe;

	switch (task_setup->spec->state) {
	case POOL_IN_EXEC:
		block_exec(task_setup);
		break;
	case POOL_TRACE_STOPPED:
		seize(task_setup, task_setup->target, 0);
		if (ptrace(PTRACE_INTERRUPT, task_setup->target, NULL, NULL))
			fail_setup(task_setup, errno, "PTRACE_INTERRUPT");
		wait_for_stop(task_setup, task_setup->target);
		break;
	default:
		seize(task_setup, task_setup->target, 0);
		break;
	}
	report_setup(task_setup, 0, "");
	sleep_until_end(end_pipe);
	return NULL;
}

static void trace(struct task_setup *task_setup)
{
	pthread_t thread;
	int err;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		fail_setup(task_setup, errno, "PR_SET_PDEATHSIG");
	err = pthread_create(&thread, NULL, tracer_thread, task_setup);
	if (err)
		fail_setup(task_setup, err, "pthread_create");
	sleep_until_end(task_setup->end_pipe);
}

static int set_error(struct task_pool *p, int error, const char *step)
{
	snprintf(p->error, sizeof(p->error), "%s: %s", step, strerror(error));
	return -error;
}

int task_pool_begin(struct task_pool *p)
{
	int ends[2];

	memset(p, 0, sizeof(*p));
	p->parent = getpid();
	p->end_pipe = -1;
	p->end_pipe_write = -1;
	/* Orphaned children of tasks become ours, to be reaped. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return set_error(p, errno, "PR_SET_CHILD_SUBREAPER");
	if (pipe2(ends, O_CLOEXEC))
		return set_error(p, errno, "pipe for the end");
	p->end_pipe = ends[0];
	p->end_pipe_write = ends[1];
	return 0;
}

/* Fork a process that runs @run, and wait for its report. */
static pid_t fork_reporting(struct task_pool *p, struct task_setup *task_setup,
			    void (*run)(struct task_setup *),
			    struct report *report)
{
	ssize_t got;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return set_error(p, errno, "pipe for a report");
	task_setup->report = ends[1];
	task_setup->end_pipe = p->end_pipe;

	/* Otherwise each child would print buffered output again. */
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(p->end_pipe_write);
		close(ends[0]);
		run(task_setup);
		_exit(1);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return set_error(p, errno, "fork of a task");
	}

	do {
		got = read(ends[0], report, sizeof(*report));
	} while (got < 0 && errno == EINTR);
	close(ends[0]);
	if (got == sizeof(*report) && !report->error)
		return pid;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (got != sizeof(*report))
		return set_error(p, ECHILD,
				 "a task died during its setup");
	return set_error(p, report->error, report->step);
}

static struct pool_task *new_task(struct task_pool *p)
{
	if (p->nr == p->capacity) {
		size_t capacity = p->capacity ? 2 * p->capacity : 64;
		struct pool_task *resized;

		resized = realloc(p->task, capacity * sizeof(*resized));
		if (!resized)
			return NULL;
		p->task = resized;
		p->capacity = capacity;
	}
	memset(&p->task[p->nr], 0, sizeof(*p->task));
	return &p->task[p->nr++];
}

static bool is_traced(const struct task_spec *spec)
{
	return spec->state == POOL_TRACED ||
	       spec->state == POOL_TRACE_STOPPED || spec->state == POOL_IN_EXEC;
}

int task_pool_add(struct task_pool *p, const struct task_spec *spec)
{
	struct task_setup task_setup = { .spec = spec };
	struct pool_task *pool_task;
	struct report report;
	pid_t pid;

	if (spec->threads_differ && !spec->creds)
		return set_error(p, EINVAL, "threads_differ requires creds");
	pool_task = new_task(p);
	if (!pool_task)
		return set_error(p, ENOMEM, "allocate a task");
	pool_task->spec = *spec;

	pid = fork_reporting(p, &task_setup, run_task, &report);
	if (pid < 0)
		return pid;
	pool_task->pid = pid;

	if (is_traced(spec)) {
		task_setup.target = pid;
		pid = fork_reporting(p, &task_setup, trace, &report);
		if (pid < 0)
			return pid;
		pool_task->tracer = pid;
		pool_task->tracer_thread = report.thread;
	}
	return 0;
}

int task_pool_add_all(struct task_pool *p, const struct task_spec specs[],
		      size_t nr, unsigned int each)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < nr * each; i++)
		err = task_pool_add(p, &specs[i % nr]);
	return err;
}

/*
 * Return true if the leader is in state @leader and all other threads in state
 * @threads.
 */
static bool process_settled(int proc, pid_t pid, __u8 leader, __u8 threads)
{
	struct pid_set tids = {};
	bool settled;
	size_t i;

	settled = !procfs_threads(proc, pid, &tids) && tids.nr;
	for (i = 0; settled && i < tids.nr; i++) {
		bool leads = tids.id[i] == (__u32)pid;
		struct procfs_task task;

		settled = !procfs_read(proc, pid, tids.id[i], &task) &&
			  task.base.state == (leads ? leader : threads);
	}
	pid_set_free(&tids);
	return settled;
}

static bool task_settled(const struct pool_task *pool_task, int proc)
{
	static const __u8 states[][2] = {
		[POOL_SLEEPING] = {
			TASK_DIAG_INTERRUPTIBLE, TASK_DIAG_INTERRUPTIBLE,
		},
		[POOL_STOPPED] = {
			TASK_DIAG_STOPPED, TASK_DIAG_STOPPED,
		},
		[POOL_ZOMBIE] = {
			TASK_DIAG_ZOMBIE, TASK_DIAG_ZOMBIE,
		},
		[POOL_LEADER_EXITED] = {
			TASK_DIAG_ZOMBIE, TASK_DIAG_INTERRUPTIBLE,
		},
		[POOL_TRACED] = {
			TASK_DIAG_INTERRUPTIBLE, TASK_DIAG_INTERRUPTIBLE,
		},
		[POOL_TRACE_STOPPED] = {
			TASK_DIAG_TRACE_STOP, TASK_DIAG_INTERRUPTIBLE,
		},
		[POOL_SETUID] = {
			TASK_DIAG_INTERRUPTIBLE, TASK_DIAG_INTERRUPTIBLE,
		},
		[POOL_IN_EXEC] = {
			TASK_DIAG_UNINTERRUPTIBLE, TASK_DIAG_TRACE_STOP,
		},
	};
	const __u8 *state = states[pool_task->spec.state];
	struct pid_set children = {};
	bool settled;
	size_t i;

	settled = process_settled(proc, pool_task->pid, state[0], state[1]) &&
		  (!pool_task->tracer ||
		   process_settled(proc, pool_task->tracer,
				   TASK_DIAG_INTERRUPTIBLE,
				   TASK_DIAG_INTERRUPTIBLE)) &&
		  !procfs_children(proc, pool_task->pid, &children);
	for (i = 0; settled && i < children.nr; i++)
		settled = process_settled(proc, children.id[i],
					  TASK_DIAG_INTERRUPTIBLE,
					  TASK_DIAG_INTERRUPTIBLE);
	pid_set_free(&children);
	return settled;
}

static int set_timeout_error(struct task_pool *p, size_t nr)
{
	char step[64];

	snprintf(step, sizeof(step), "settle task %zu, pid %d, state %d", nr,
		 p->task[nr].pid, p->task[nr].spec.state);
	return set_error(p, ETIMEDOUT, step);
}

int task_pool_settle(struct task_pool *p)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	struct timespec now, limit;
	int proc, err = 0;
	size_t i;

	proc = procfs_open();
	if (proc < 0)
		return set_error(p, errno, "open /proc");
	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += SETTLE_SECONDS;

	for (i = 0; !err && i < p->nr; i++) {
		while (!err && !task_settled(&p->task[i], proc)) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (now.tv_sec > limit.tv_sec)
				err = set_timeout_error(p, i);
			nanosleep(&pause, NULL);
		}
	}
	close(proc);
	return err;
}

int task_pool_begin_with(struct task_pool *p, const struct task_spec specs[],
			 size_t nr, unsigned int each)
{
	return task_pool_begin(p) ?: task_pool_add_all(p, specs, nr, each) ?:
	       task_pool_settle(p);
}

/* The children of tasks need a moment to see the end of the pipe. */
static void reap_orphans(void)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	int timeout = 2000;
	pid_t pid;

	do {
		pid = waitpid(-1, NULL, WNOHANG | __WALL);
		if (!pid)
			nanosleep(&pause, NULL);
	} while (pid > 0 || (!pid && timeout--));
}

void task_pool_end(struct task_pool *p)
{
	size_t i;

	if (p->end_pipe_write >= 0)
		close(p->end_pipe_write);
	if (p->end_pipe >= 0)
		close(p->end_pipe);
	/*
	 * The tracer first: a traced task cannot be reaped before it is gone.
	 */
	for (i = 0; i < p->nr; i++) {
		if (p->task[i].tracer > 0)
			kill(p->task[i].tracer, SIGKILL);
		if (p->task[i].pid > 0)
			kill(p->task[i].pid, SIGKILL);
	}
	for (i = 0; i < p->nr; i++) {
		if (p->task[i].tracer > 0)
			waitpid(p->task[i].tracer, NULL, __WALL);
		if (p->task[i].pid > 0)
			waitpid(p->task[i].pid, NULL, __WALL);
	}
	reap_orphans();
	free(p->task);
	memset(p, 0, sizeof(*p));
	p->end_pipe = -1;
	p->end_pipe_write = -1;
}
