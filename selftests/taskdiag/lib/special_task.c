// SPDX-License-Identifier: GPL-2.0-only
/* Special tasks. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "procfs.h"
#include "special_task.h"

#define SETTLE_SECONDS 60
#define QUIET_CHECKS 3
#define LOOK_NS (4 * 1000 * 1000)

static int set_error(struct special_task *s, int error, const char *step)
{
	snprintf(s->error, sizeof(s->error), "%s: %s", step, strerror(error));
	return -error;
}

/* Report on standard output: a newline, or the error. */
static void report(int err)
{
	char line[64];
	int len;

	len = snprintf(line, sizeof(line), "%s\n", err ? strerror(-err) : "");
	if (write(STDOUT_FILENO, line, len) != len || err)
		_exit(1);
}

/*
 * Sleep until special_task_proceed().  Does not return if the task is to end.
 */
static void await_proceed(void)
{
	char proceed;
	ssize_t got;

	do {
		got = read(STDIN_FILENO, &proceed, 1);
	} while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(0);
}

void special_task_ready(void)
{
	report(0);
	await_proceed();
}

static void sleep_until_end(void)
{
	report(0);
	for (;;)
		await_proceed();
}

void special_task_main(int argc, char **argv,
		       int (*make)(int argc, char **argv))
{
	static const char mark[] = SPECIAL_TASK_MARK;

	if (!environ || !environ[0] || strcmp(environ[0], mark))
		return;
	/* execve() of a set-user-id program clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (make) {
		int err = make(argc, argv);

		if (err)
			report(err);
	}
	sleep_until_end();
}

/* Fork with pipes for standard input and output; returns 0 in the child. */
static pid_t fork_with_pipes(struct special_task *s)
{
	int report[2], input[2];
	pid_t pid;

	memset(s, 0, sizeof(*s));
	if (pipe2(report, O_CLOEXEC))
		return set_error(s, errno, "pipe for the report");
	if (pipe2(input, O_CLOEXEC)) {
		close(report[0]);
		close(report[1]);
		return set_error(s, errno, "pipe for standard input");
	}

	/* Otherwise the child would print buffered output again. */
	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (dup2(input[0], STDIN_FILENO) < 0 ||
		    dup2(report[1], STDOUT_FILENO) < 0)
			_exit(1);
		/*
		 * A pipe of another task ends only if no other process has it
		 * open.
		 */
		if (close_range(STDERR_FILENO + 1, ~0U, 0))
			_exit(1);
		return 0;
	}
	close(input[0]);
	close(report[1]);
	s->report = report[0];
	s->input = input[1];
	s->pid = pid;
	if (pid < 0) {
		close(s->report);
		close(s->input);
		s->pid = 0;
		return set_error(s, errno, "fork");
	}
	return pid;
}

/* Read a line of the report; an empty line means success. */
static int read_report(struct special_task *s)
{
	char line[64];
	size_t used = 0;
	ssize_t got;

	do {
		got = read(s->report, line + used, 1);
		if (got == 1 && line[used] == '\n') {
			line[used] = '\0';
			if (!used)
				return 0;
			snprintf(s->error, sizeof(s->error),
				 "in the special task: %s", line);
			return -ECHILD;
		}
		if (got == 1 && used < sizeof(line) - 1)
			used++;
	} while (got == 1 || (got < 0 && errno == EINTR));
	return set_error(s, ECHILD,
			 "the special task died before it was ready");
}

int special_task_await(struct special_task *s)
{
	int err = read_report(s) ?: special_task_settle(s);

	if (err) {
		char error[sizeof(s->error)];

		memcpy(error, s->error, sizeof(error));
		special_task_end(s);
		memcpy(s->error, error, sizeof(error));
	}
	return err;
}

int special_task_begin(struct special_task *s, special_task_setup make,
		       void *arg)
{
	pid_t pid = fork_with_pipes(s);

	if (!pid) {
		int err = make ? make(arg) : 0;

		if (err)
			report(err);
		sleep_until_end();
	}
	return pid < 0 ? pid : special_task_await(s);
}

int special_task_exec(struct special_task *s, const char *path,
		      char *const argv[], char *const env[],
		      special_task_setup make, void *arg)
{
	static char * const mark[] = { SPECIAL_TASK_MARK, NULL };
	pid_t pid = fork_with_pipes(s);

	if (!pid) {
		int err = make ? make(arg) : 0;

		if (!err) {
			execve(path, argv, env ?: mark);
			err = -errno;
		}
		report(err);
	}
	return pid < 0 ? pid : special_task_await(s);
}

int special_task_run(struct special_task *s, char *const argv[])
{
	pid_t pid = fork_with_pipes(s);

	if (!pid) {
		execvp(argv[0], argv);
		report(-errno);
	}
	return pid < 0 ? pid : special_task_await(s);
}

int special_task_proceed(struct special_task *s)
{
	if (write(s->input, "", 1) != 1)
		return set_error(s, errno, "write to the special task");
	return 0;
}

/*
 * Return the number of times that all threads have slept, -EAGAIN if one is
 * awake.
 */
static long long sleeps(int proc, pid_t pid)
{
	struct pid_set tids = {};
	long long sum = 0;
	size_t i;
	int err;

	err = procfs_threads(proc, pid, &tids);
	for (i = 0; !err && i < tids.nr; i++) {
		struct procfs_task task;
		const char *value;
		char *status;
		size_t len;

		err = procfs_read(proc, pid, tids.id[i], &task);
		if (!err && task.base.state == TASK_DIAG_RUNNING)
			err = -EAGAIN;
		if (err)
			break;
		status = procfs_file(proc, pid, tids.id[i], "status", &len);
		if (!status) {
			err = -errno;
			break;
		}
		value = strstr(status, "\nvoluntary_ctxt_switches:");
		sum += value ? strtoll(strchr(value, ':') + 1, NULL, 10) : 0;
		free(status);
	}
	pid_set_free(&tids);
	return err ?: sum;
}

int special_task_settle(struct special_task *s)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	const int timeout = SETTLE_SECONDS * (1000 * 1000 * 1000 / LOOK_NS);
	long long before = -1, now;
	int proc, look, quiet = 0;

	proc = procfs_open();
	if (proc < 0)
		return set_error(s, errno, "open /proc");
	for (look = 0; look < timeout && quiet < QUIET_CHECKS; look++) {
		now = sleeps(proc, s->pid);
		quiet = now >= 0 && now == before ? quiet + 1 : 0;
		before = now;
		nanosleep(&pause, NULL);
	}
	close(proc);
	if (quiet < QUIET_CHECKS)
		return set_error(s, ETIMEDOUT,
				 "the special task does not settle");
	return 0;
}

void special_task_end(struct special_task *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		while (waitpid(s->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		close(s->report);
		close(s->input);
	}
	memset(s, 0, sizeof(*s));
}

pid_t special_task_fork_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid < 0 ? -errno : pid;
}
