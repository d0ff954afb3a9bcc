// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces of one's own: to fork into, to be root of, to choose numbers in.
 * Knows namespaces and procfs; knows no task_diag.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/sched.h>

#include "namespace.h"

pid_t namespace_fork(__u64 flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : pid;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int namespace_be_root(void)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	char uid_map[32], gid_map[32];

	if (unshare(CLONE_NEWUSER))
		return -errno;
	snprintf(uid_map, sizeof(uid_map), "0 %u 1", uid);
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", gid);
	return write_text("/proc/self/setgroups", "deny") ?:
	       write_text("/proc/self/uid_map", uid_map) ?:
	       write_text("/proc/self/gid_map", gid_map);
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
	return write_text("/proc/sys/kernel/ns_last_pid", text);
}
