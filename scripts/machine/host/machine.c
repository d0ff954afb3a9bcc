// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts a machine, and sees to it that nothing of it is left behind.
 *
 * It knows processes and descriptors, and not what kind of machine it is.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "machine.h"

static pid_t keeper = -1;
static int keeper_pipe = -1;

static void become_machine(const struct machine *machine,
			   const int their_ends[MACHINE_ENDS])
{
	const struct rlimit no_core = { 0, 0 };

	for (int i = 0; i < MACHINE_ENDS; i++)
		if (dup2(their_ends[i], MACHINE_FIRST_FD + i) < 0)
			_exit(1);
	dup2(open("/dev/null", O_RDWR), 0);
	close_range(3, MACHINE_FIRST_FD - 1, 0);
	close_range(MACHINE_FIRST_FD + MACHINE_ENDS, ~0U, 0);
	dup2(MACHINE_FIRST_FD + MACHINE_CONSOLE, 1);
	dup2(MACHINE_FIRST_FD + MACHINE_CONSOLE, 2);
	setrlimit(RLIMIT_CORE, &no_core);
	if (chdir("/"))
		_exit(1);
	machine->kind->become(machine);
	_exit(1);
}

/*
 * The processes of User-Mode Linux are traced by its first one, and a tracee
 * whose tracer is killed runs on -- untraced, on the host.  So a machine is
 * only ever killed as one process group, and this small process sees to that
 * even where nothing is left of its parent: it waits for the machine to end, or
 * for the pipe to its parent to close.
 */
static void keep(const struct machine *machine, int parent, const int ends[MACHINE_ENDS],
		 const int their_ends[MACHINE_ENDS])
{
	const pid_t master = getppid();
	sigset_t signals;
	pid_t pid;
	int events;

	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigfillset(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	events = signalfd(-1, &signals, SFD_CLOEXEC);
	pid = fork();
	if (pid < 0)
		_exit(1);
	if (!pid) {
		sigemptyset(&signals);
		sigprocmask(SIG_SETMASK, &signals, NULL);
		setpgid(0, 0);
		become_machine(machine, their_ends);
	}
	setpgid(pid, pid);
	for (int i = 0; i < MACHINE_ENDS; i++) {
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
	kill(-pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (machine->kind->tidy)
		machine->kind->tidy(machine, pid);
	if (getppid() != master && machine->scrap)
		unlink(machine->scrap);
	_exit(0);
}

void machine_start(const struct machine *machine, int ends[MACHINE_ENDS])
{
	int their_ends[MACHINE_ENDS], pipe_ends[2];

	for (int i = 0; i < MACHINE_ENDS; i++) {
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
		keep(machine, pipe_ends[0], ends, their_ends);
	}
	close(pipe_ends[0]);
	keeper_pipe = pipe_ends[1];
	for (int i = 0; i < MACHINE_ENDS; i++)
		close(their_ends[i]);
}

void machine_end(void)
{
	if (keeper_pipe >= 0)
		close(keeper_pipe);
	keeper_pipe = -1;
}

bool machine_is_gone(void)
{
	return waitpid(keeper, NULL, WNOHANG) == keeper;
}
