// SPDX-License-Identifier: GPL-2.0-only
/*
 * A population of tasks whose every property is known.  Knows how to make
 * tasks and when procfs shows them made; knows no task_diag.
 */
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

#define SETTLE_SECONDS 10

/* To a member: now. */
#define CUE SIGUSR1

/* What a member tells its maker once it is set up, or has failed to be. */
struct report {
	int error;
	pid_t thread;
	char step[32];
};

/* What a member and its threads have in common. */
struct making {
	const struct member_spec *spec;
	int report;		/* the pipe's end to write to */
	int lifeline;		/* the pipe's end to read from */
	pid_t target;		/* for a tracer: whom to trace */
	unsigned int thread;	/* which one is being started */
	sem_t started;
};

static void send_report(const struct making *making, int error,
			const char *step)
{
	struct report report = {
		.error = error,
		.thread = syscall(SYS_gettid),
	};

	snprintf(report.step, sizeof(report.step), "%s", step);
	/* Less than PIPE_BUF goes in one piece, and its loss is seen as EOF. */
	if (write(making->report, &report, sizeof(report)) != sizeof(report))
		_exit(1);
}

static void fail(const struct making *making, int error, const char *step)
{
	send_report(making, error, step);
	_exit(1);
}

/* The maker holds the other end: it closes it, or dies, and this returns. */
static void sleep_until_the_end(int lifeline)
{
	char never;

	while (read(lifeline, &never, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* The children that the @nth of the member's tasks has to start. */
static void start_children(const struct making *making, unsigned int nth)
{
	const struct member_spec *spec = making->spec;
	unsigned int i;

	for (i = nth; i < spec->children; i += spec->threads + 1) {
		pid_t pid = fork();

		if (pid < 0)
			fail(making, errno, "fork of a child");
		if (!pid) {
			close(making->report);
			sleep_until_the_end(making->lifeline);
		}
	}
}

/* Without a right to do so a task may still permute the ids it has. */
static void differ(const struct making *making, unsigned int nth)
{
	const struct ids *uid = &making->spec->who->uid;
	const struct ids *gid = &making->spec->who->gid;
	char name[16];

	snprintf(name, sizeof(name), "thread %u", nth);
	if (prctl(PR_SET_NAME, name))
		fail(making, errno, "PR_SET_NAME");
	if (nth % 2 && syscall(SYS_setresgid, gid->effective, gid->saved,
			       gid->real))
		fail(making, errno, "setresgid in a thread");
	if (syscall(SYS_setresuid, uid->saved, uid->real, uid->effective))
		fail(making, errno, "setresuid in a thread");
}

static void *member_thread(void *arg)
{
	struct making *making = arg;
	const unsigned int nth = making->thread;
	const int lifeline = making->lifeline;

	if (making->spec->threads_differ)
		differ(making, nth);
	start_children(making, nth);
	sem_post(&making->started);
	sleep_until_the_end(lifeline);
	return NULL;
}

static void start_threads(struct making *making)
{
	pthread_t thread;
	unsigned int i;
	int err;

	sem_init(&making->started, 0, 0);
	for (i = 1; i <= making->spec->threads; i++) {
		making->thread = i;
		err = pthread_create(&thread, NULL, member_thread, making);
		if (err)
			fail(making, err, "pthread_create");
		/* One at a time, so that making->thread is theirs to read. */
		while (sem_wait(&making->started))
			;
	}
}

static int keep_over_exec(int fd, char *text, size_t size)
{
	snprintf(text, size, "%d", fd);
	return fcntl(fd, F_SETFD, 0);
}

static void execute(const struct making *making,
		    int (*run)(const char *role, const char *const args[]))
{
	char report[16], lifeline[16];
	const char *const args[] = { report, lifeline, NULL };

	if (keep_over_exec(making->report, report, sizeof(report)) ||
	    keep_over_exec(making->lifeline, lifeline, sizeof(lifeline)))
		fail(making, errno, "descriptors for a program");
	fail(making, -run(POPULATION_ROLE, args), "execve");
}

int population_role(char **argv)
{
	const struct making making = {
		.report = atoi(argv[2]), .lifeline = atoi(argv[3]),
	};

	send_report(&making, 0, "");
	sleep_until_the_end(making.lifeline);
	return 1;
}

/* Its tracer says when; what comes of the execve() nobody gets to see. */
static void execute_when_told(const struct making *making, const sigset_t *cue)
{
	int signal;

	while (sigwait(cue, &signal))
		;
	execute(making, program_run);
}

static void live(struct making *making)
{
	const struct member_spec *spec = making->spec;
	const char *step;
	sigset_t cue;
	int err;

	sigemptyset(&cue);
	sigaddset(&cue, CUE);
	pthread_sigmask(SIG_BLOCK, &cue, NULL);
	if (spec->own_session && setsid() < 0)
		fail(making, errno, "setsid");
	if (spec->own_group && setpgid(0, 0))
		fail(making, errno, "setpgid");
	if (spec->who) {
		err = identity_assume(spec->who, &step);
		if (err)
			fail(making, -err, step);
	}
	/* Cleared by a change of credentials, hence only now. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		fail(making, errno, "PR_SET_PDEATHSIG");
	if (spec->name && prctl(PR_SET_NAME, spec->name))
		fail(making, errno, "PR_SET_NAME");
	start_threads(making);
	start_children(making, 0);
	if (spec->pose == POSE_SETUID)
		execute(making, program_run_setuid);
	send_report(making, 0, "");

	switch (spec->pose) {
	case POSE_IN_EXEC:
		execute_when_told(making, &cue);
		break;
	case POSE_STOPPED:
		raise(SIGSTOP);
		break;
	case POSE_ZOMBIE:
		_exit(0);
	case POSE_LEADER_GONE:
		/* The leader alone: exit() would end the threads as well. */
		syscall(SYS_exit, 0);
		break;
	default:
		break;
	}
	sleep_until_the_end(making->lifeline);
}

static void seize(const struct making *making, pid_t tid, int options)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_EXITKILL | options))
		fail(making, errno, "PTRACE_SEIZE");
}

static void wait_for_stop(const struct making *making, pid_t tid)
{
	int status;

	if (waitpid(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		fail(making, errno, "wait for the trace stop");
}

/* The highest is the thread made last, and not the leader if there are two. */
static pid_t last_thread(const struct making *making)
{
	int proc = procfs_open();
	struct idset tids = {};
	pid_t tid;

	if (proc < 0 || procfs_threads(proc, making->target, &tids) ||
	    tids.nr < 2)
		fail(making, ESRCH, "a thread to hold up execve()");
	tid = tids.id[tids.nr - 1];
	idset_free(&tids);
	close(proc);
	return tid;
}

/* execve() ends the other threads, and one of them takes its time to end. */
static void hold_up_exec(const struct making *making)
{
	const pid_t tid = last_thread(making);

	seize(making, tid, PTRACE_O_TRACEEXIT);
	if (kill(making->target, CUE))
		fail(making, errno, "tell to execute");
	wait_for_stop(making, tid);
}

/* A thread and not the leader, so that its number is not its process's. */
static void *tracer_thread(void *arg)
{
	const struct making *making = arg;
	const int lifeline = making->lifeline;

	switch (making->spec->pose) {
	case POSE_IN_EXEC:
		hold_up_exec(making);
		break;
	case POSE_TRACE_STOPPED:
		seize(making, making->target, 0);
		if (ptrace(PTRACE_INTERRUPT, making->target, NULL, NULL))
			fail(making, errno, "PTRACE_INTERRUPT");
		wait_for_stop(making, making->target);
		break;
	default:
		seize(making, making->target, 0);
		break;
	}
	send_report(making, 0, "");
	sleep_until_the_end(lifeline);
	return NULL;
}

static void trace(struct making *making)
{
	pthread_t thread;
	int err;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		fail(making, errno, "PR_SET_PDEATHSIG");
	err = pthread_create(&thread, NULL, tracer_thread, making);
	if (err)
		fail(making, err, "pthread_create");
	sleep_until_the_end(making->lifeline);
}

static int explain(struct population *p, int error, const char *step)
{
	snprintf(p->error, sizeof(p->error), "%s: %s", step, strerror(error));
	return -error;
}

int population_begin(struct population *p)
{
	int ends[2];

	memset(p, 0, sizeof(*p));
	p->maker = getpid();
	p->lifeline = -1;
	p->lifeline_end = -1;
	/* Orphaned children of members come to us, to be reaped. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return explain(p, errno, "PR_SET_CHILD_SUBREAPER");
	if (pipe2(ends, O_CLOEXEC))
		return explain(p, errno, "pipe of the lifeline");
	p->lifeline = ends[0];
	p->lifeline_end = ends[1];
	return 0;
}

/* Fork a process that leads @life, and wait for its report. */
static pid_t make(struct population *p, struct making *making,
		  void (*life)(struct making *), struct report *report)
{
	ssize_t got;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return explain(p, errno, "pipe for a report");
	making->report = ends[1];
	making->lifeline = p->lifeline;

	/* What stdio holds back would come out once more in each child. */
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(p->lifeline_end);
		close(ends[0]);
		life(making);
		_exit(1);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return explain(p, errno, "fork of a member");
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
		return explain(p, ECHILD, "a member died while it was set up");
	return explain(p, report->error, report->step);
}

static struct member *new_member(struct population *p)
{
	if (p->nr == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		struct member *bigger;

		bigger = realloc(p->member, room * sizeof(*bigger));
		if (!bigger)
			return NULL;
		p->member = bigger;
		p->room = room;
	}
	memset(&p->member[p->nr], 0, sizeof(*p->member));
	return &p->member[p->nr++];
}

static bool is_traced(const struct member_spec *spec)
{
	return spec->pose == POSE_TRACED ||
	       spec->pose == POSE_TRACE_STOPPED || spec->pose == POSE_IN_EXEC;
}

int population_add(struct population *p, const struct member_spec *spec)
{
	struct making making = { .spec = spec };
	struct member *member;
	struct report report;
	pid_t pid;

	if (spec->threads_differ && !spec->who)
		return explain(p, EINVAL, "threads differ from whom?");
	member = new_member(p);
	if (!member)
		return explain(p, ENOMEM, "a new member");
	member->spec = *spec;

	pid = make(p, &making, live, &report);
	if (pid < 0)
		return pid;
	member->pid = pid;

	if (is_traced(spec)) {
		making.target = pid;
		pid = make(p, &making, trace, &report);
		if (pid < 0)
			return pid;
		member->tracer = pid;
		member->tracer_thread = report.thread;
	}
	return 0;
}

int population_add_all(struct population *p, const struct member_spec specs[],
		       size_t nr, unsigned int each)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < nr * each; i++)
		err = population_add(p, &specs[i % nr]);
	return err;
}

/* Is the process in the given state, and nothing but its leader elsewhere? */
static bool process_settled(int proc, pid_t pid, __u8 leader, __u8 others)
{
	struct idset tids = {};
	bool settled;
	size_t i;

	settled = !procfs_threads(proc, pid, &tids) && tids.nr;
	for (i = 0; settled && i < tids.nr; i++) {
		bool leads = tids.id[i] == (__u32)pid;
		struct procfs_task task;

		settled = !procfs_read(proc, pid, tids.id[i], &task) &&
			  task.base.state == (leads ? leader : others);
	}
	idset_free(&tids);
	return settled;
}

static bool member_settled(const struct member *member, int proc)
{
	static const __u8 states[][2] = {
		[POSE_SLEEPS] = {
			TASK_DIAG_INTERRUPTIBLE, TASK_DIAG_INTERRUPTIBLE,
		},
		[POSE_STOPPED] = {
			TASK_DIAG_STOPPED, TASK_DIAG_STOPPED,
		},
		[POSE_ZOMBIE] = {
			TASK_DIAG_ZOMBIE, TASK_DIAG_ZOMBIE,
		},
		[POSE_LEADER_GONE] = {
			TASK_DIAG_ZOMBIE, TASK_DIAG_INTERRUPTIBLE,
		},
		[POSE_TRACED] = {
			TASK_DIAG_INTERRUPTIBLE, TASK_DIAG_INTERRUPTIBLE,
		},
		[POSE_TRACE_STOPPED] = {
			TASK_DIAG_TRACE_STOP, TASK_DIAG_INTERRUPTIBLE,
		},
		[POSE_SETUID] = {
			TASK_DIAG_INTERRUPTIBLE, TASK_DIAG_INTERRUPTIBLE,
		},
		[POSE_IN_EXEC] = {
			TASK_DIAG_UNINTERRUPTIBLE, TASK_DIAG_TRACE_STOP,
		},
	};
	const __u8 *state = states[member->spec.pose];
	struct idset children = {};
	bool settled;
	size_t i;

	settled = process_settled(proc, member->pid, state[0], state[1]) &&
		  (!member->tracer ||
		   process_settled(proc, member->tracer,
				   TASK_DIAG_INTERRUPTIBLE,
				   TASK_DIAG_INTERRUPTIBLE)) &&
		  !procfs_children(proc, member->pid, &children);
	for (i = 0; settled && i < children.nr; i++)
		settled = process_settled(proc, children.id[i],
					  TASK_DIAG_INTERRUPTIBLE,
					  TASK_DIAG_INTERRUPTIBLE);
	idset_free(&children);
	return settled;
}

static int restless(struct population *p, size_t nr)
{
	char step[64];

	snprintf(step, sizeof(step), "member %zu, pid %d, in pose %d", nr,
		 p->member[nr].pid, p->member[nr].spec.pose);
	return explain(p, ETIMEDOUT, step);
}

int population_settle(struct population *p)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	struct timespec now, limit;
	int proc, err = 0;
	size_t i;

	proc = procfs_open();
	if (proc < 0)
		return explain(p, errno, "open /proc");
	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += SETTLE_SECONDS;

	for (i = 0; !err && i < p->nr; i++) {
		while (!err && !member_settled(&p->member[i], proc)) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (now.tv_sec > limit.tv_sec)
				err = restless(p, i);
			nanosleep(&pause, NULL);
		}
	}
	close(proc);
	return err;
}

/* The children of members need a moment to notice that it is over. */
static void reap_orphans(void)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	int patience = 2000;
	pid_t pid;

	do {
		pid = waitpid(-1, NULL, WNOHANG | __WALL);
		if (!pid)
			nanosleep(&pause, NULL);
	} while (pid > 0 || (!pid && patience--));
}

void population_end(struct population *p)
{
	size_t i;

	if (p->lifeline_end >= 0)
		close(p->lifeline_end);
	if (p->lifeline >= 0)
		close(p->lifeline);
	/* A tracer first: until it is gone its tracee is not ours to reap. */
	for (i = 0; i < p->nr; i++) {
		if (p->member[i].tracer > 0)
			kill(p->member[i].tracer, SIGKILL);
		if (p->member[i].pid > 0)
			kill(p->member[i].pid, SIGKILL);
	}
	for (i = 0; i < p->nr; i++) {
		if (p->member[i].tracer > 0)
			waitpid(p->member[i].tracer, NULL, __WALL);
		if (p->member[i].pid > 0)
			waitpid(p->member[i].pid, NULL, __WALL);
	}
	reap_orphans();
	free(p->member);
	memset(p, 0, sizeof(*p));
	p->lifeline = -1;
	p->lifeline_end = -1;
}
