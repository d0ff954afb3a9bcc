// SPDX-License-Identifier: GPL-2.0-only
/* Namespaces for a test. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/sched.h>

#include "namespace.h"
#include "setting.h"

/* RCU and a work queue free namespaces late. */
#define RETRY_MS 60000

pid_t namespace_fork(__u64 flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : pid;
}

int namespace_become_root(void)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	char uid_map[32], gid_map[32];

	if (unshare(CLONE_NEWUSER))
		return -errno;
	snprintf(uid_map, sizeof(uid_map), "0 %u 1", uid);
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", gid);
	return setting_write("/proc/self/setgroups", "deny") ?:
	       setting_write("/proc/self/uid_map", uid_map) ?:
	       setting_write("/proc/self/gid_map", gid_map);
}

int namespace_limit(const char *type, unsigned int limit)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", type);
	snprintf(text, sizeof(text), "%u", limit);
	return setting_write(path, text);
}

static void be_init(unsigned int sleepers, int ready,
		    void (*init_fn)(void *arg), void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (sleepers--) {
		pid_t pid = fork();

		if (pid < 0)
			_exit(1);
		if (!pid)
			for (;;)
				pause();
	}
	if (init_fn)
		init_fn(arg);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

pid_t namespace_begin(__u64 flags, unsigned int sleepers,
		      void (*init_fn)(void *arg), void *arg)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	pid = namespace_fork(CLONE_NEWPID | flags);
	if (!pid) {
		close(ready[0]);
		be_init(sleepers, ready[1], init_fn, arg);
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1) {
		namespace_end(pid);
		pid = -ECHILD;
	}
	close(ready[0]);
	return pid;
}

pid_t namespace_begin_retry(__u64 flags, unsigned int sleepers,
			    void (*init_fn)(void *arg), void *arg)
{
	int timeout = RETRY_MS / 10;
	pid_t pid;

	do {
		pid = namespace_begin(flags, sleepers, init_fn, arg);
		if (pid != -ENOSPC)
			break;
		usleep(10 * 1000);
	} while (timeout--);
	return pid;
}

void namespace_end(pid_t init)
{
	kill(init, SIGKILL);
	while (waitpid(init, NULL, 0) < 0 && errno == EINTR)
		;
}

int namespace_mount_procfs(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, NULL))
		return -errno;
	return 0;
}

int namespace_next_pid(pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid - 1);
	return setting_write("/proc/sys/kernel/ns_last_pid", text);
}

int namespace_enter_limited(unsigned int limit)
{
	int err = namespace_become_root(), status = -1;
	pid_t pid;

	if (err)
		return err;
	pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
	if (pid < 0)
		return pid;
	if (pid) {
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			_exit(1);
		_exit(WEXITSTATUS(status));
	}
	return namespace_mount_procfs() ?: namespace_limit("pid", limit);
}
