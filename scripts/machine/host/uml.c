// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts User-Mode Linux, and sees to it that nothing of it is left behind.
 *
 * It knows how the program is called and what processes it consists of.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "uml.h"

/* The machine's descriptors: its lines, and then its console. */
#define FIRST_FD 10

static pid_t keeper = -1;
static int keeper_pipe = -1;

static void exec_kernel(const struct uml *uml, const int their_ends[UML_ENDS])
{
	const struct rlimit no_core = { 0, 0 };
	char *arguments[40];
	int n = 0, null;

#define ARGUMENT(...) \
	do { \
		if (asprintf(&arguments[n++], __VA_ARGS__) < 0) \
			_exit(1); \
	} while (0)

	ARGUMENT("%s", uml->kernel);
	ARGUMENT("mem=%s", uml->memory);
	ARGUMENT("rootfstype=hostfs");
	ARGUMENT("rootflags=/");
	ARGUMENT("rw");
	ARGUMENT("init=%s", uml->init);
	ARGUMENT("uml_dir=%s", uml->state_folder);
	ARGUMENT("umid=%d", (int)getpid());
	ARGUMENT("console=tty0");
	ARGUMENT("con0=fd:%d", FIRST_FD + UML_CONSOLE);
	for (int i = 0; i < LINES; i++)
		ARGUMENT("ssl%d=fd:%d", i, FIRST_FD + i);
	/* Early messages; the console repeats them when it starts. */
	ARGUMENT("stderr=1");
	ARGUMENT("ignore_loglevel");
	ARGUMENT("oops=panic");
	arguments[n] = NULL;

	for (int i = 0; i < UML_ENDS; i++)
		if (dup2(their_ends[i], FIRST_FD + i) < 0)
			_exit(1);
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	close_range(3, FIRST_FD - 1, 0);
	close_range(FIRST_FD + UML_ENDS, ~0U, 0);
	dup2(FIRST_FD + UML_CONSOLE, 1);
	dup2(FIRST_FD + UML_CONSOLE, 2);
	setrlimit(RLIMIT_CORE, &no_core);
	/* The gap before a random heap would count as the machine's memory. */
	personality(ADDR_NO_RANDOMIZE);
	setenv("TMPDIR", uml->memory_folder, 1);
	if (chdir("/"))
		_exit(1);
	execv(uml->kernel, arguments);
	err(1, "%s", uml->kernel);
}

static void remove_state(const char *state_folder, pid_t machine)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d/pid", state_folder, (int)machine);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%d", state_folder, (int)machine);
	rmdir(path);
}

/*
 * The machine's own processes are traced by its first one, and a tracee whose
 * tracer is killed runs on -- untraced, on the host.  So the machine is only
 * ever killed as one process group, and this small process sees to that even
 * where nothing is left of its parent: it waits for the machine to end, or for
 * the pipe to its parent to close.
 */
static void keep(const struct uml *uml, int parent, const int ends[UML_ENDS],
		 const int their_ends[UML_ENDS])
{
	const pid_t master = getppid();
	sigset_t signals;
	pid_t machine;
	int events;

	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigfillset(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	events = signalfd(-1, &signals, SFD_CLOEXEC);
	machine = fork();
	if (machine < 0)
		_exit(1);
	if (!machine) {
		sigemptyset(&signals);
		sigprocmask(SIG_SETMASK, &signals, NULL);
		setpgid(0, 0);
		exec_kernel(uml, their_ends);
	}
	setpgid(machine, machine);
	for (int i = 0; i < UML_ENDS; i++) {
		close(their_ends[i]);
		close(ends[i]);
	}
	for (int i = 0; i < 3; i++)
		close(i);

	struct pollfd p[] = {
		{ .fd = parent, .events = POLLIN },
		{ .fd = events, .events = POLLIN },
	};
	do {
		poll(p, 2, -1);
	} while (!p[0].revents && !p[1].revents);
	kill(-machine, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	remove_state(uml->state_folder, machine);
	if (getppid() != master && uml->scrap)
		unlink(uml->scrap);
	_exit(0);
}

void uml_start(const struct uml *uml, int ends[UML_ENDS])
{
	int their_ends[UML_ENDS], pipe_ends[2];

	for (int i = 0; i < UML_ENDS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			err(MACHINE_FAILED, "socketpair");
		ends[i] = pair[0];
		/* Above the numbers that the machine expects its own at. */
		their_ends[i] = fcntl(pair[1], F_DUPFD_CLOEXEC, 100);
		close(pair[1]);
	}
	if (pipe2(pipe_ends, O_CLOEXEC))
		err(MACHINE_FAILED, "pipe");
	keeper = fork();
	if (keeper < 0)
		err(MACHINE_FAILED, "fork");
	if (!keeper) {
		close(pipe_ends[1]);
		keep(uml, pipe_ends[0], ends, their_ends);
	}
	close(pipe_ends[0]);
	keeper_pipe = pipe_ends[1];
	for (int i = 0; i < UML_ENDS; i++)
		close(their_ends[i]);
}

void uml_end(void)
{
	if (keeper_pipe >= 0)
		close(keeper_pipe);
	keeper_pipe = -1;
}

bool uml_is_gone(void)
{
	return waitpid(keeper, NULL, WNOHANG) == keeper;
}
