// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts a VM, and ends all of its processes with it.
 *
 * Depends on processes and descriptors; must not depend on the kind of the VM.
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

#include "vm.h"

static pid_t supervisor = -1;
static int supervisor_pipe = -1;

static void exec_vm(const struct vm *vm, const int their_ends[VM_ENDS])
{
	const struct rlimit no_core = { 0, 0 };

	for (int i = 0; i < VM_ENDS; i++)
		if (dup2(their_ends[i], VM_FIRST_FD + i) < 0)
			_exit(1);
	dup2(open("/dev/null", O_RDWR), 0);
	close_range(3, VM_FIRST_FD - 1, 0);
	close_range(VM_FIRST_FD + VM_ENDS, ~0U, 0);
	dup2(VM_FIRST_FD + VM_CONSOLE, 1);
	dup2(VM_FIRST_FD + VM_CONSOLE, 2);
	setrlimit(RLIMIT_CORE, &no_core);
	if (chdir("/"))
		_exit(1);
	vm->kind->exec(vm);
	_exit(1);
}

/*
 * Supervisor process.  The first process of User-Mode Linux traces the others,
 * and a tracee whose tracer is killed continues untraced on the host.  So a VM is
 * always killed as one process group.  The supervisor does this even if its
 * parent has been killed: it waits until the VM ends, or until the pipe to its
 * parent is closed.
 */
static void supervise(const struct vm *vm, int parent, const int ends[VM_ENDS],
		      const int their_ends[VM_ENDS])
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
		exec_vm(vm, their_ends);
	}
	setpgid(pid, pid);
	for (int i = 0; i < VM_ENDS; i++) {
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
	if (vm->kind->clean_up)
		vm->kind->clean_up(vm, pid);
	if (getppid() != master && vm->temporary_log)
		unlink(vm->temporary_log);
	_exit(0);
}

void vm_start(const struct vm *vm, int ends[VM_ENDS])
{
	int their_ends[VM_ENDS], pipe_ends[2];

	for (int i = 0; i < VM_ENDS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			err(VM_FAILED, "socketpair");
		ends[i] = pair[0];
		/* Above the numbers of the descriptors of the VM. */
		their_ends[i] = fcntl(pair[1], F_DUPFD_CLOEXEC, 100);
		close(pair[1]);
	}
	if (pipe2(pipe_ends, O_CLOEXEC))
		err(VM_FAILED, "pipe");
	supervisor = fork();
	if (supervisor < 0)
		err(VM_FAILED, "fork");
	if (!supervisor) {
		close(pipe_ends[1]);
		supervise(vm, pipe_ends[0], ends, their_ends);
	}
	close(pipe_ends[0]);
	supervisor_pipe = pipe_ends[1];
	for (int i = 0; i < VM_ENDS; i++)
		close(their_ends[i]);
}

void vm_end(void)
{
	if (supervisor_pipe >= 0)
		close(supervisor_pipe);
	supervisor_pipe = -1;
}

bool vm_is_gone(void)
{
	return waitpid(supervisor, NULL, WNOHANG) == supervisor;
}
