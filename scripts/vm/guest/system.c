// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounts, devices, loopback, host name.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system.h"

static void attach(const char *type, const char *where, unsigned long flags,
		   const char *options)
{
	mkdir(where, 0755);
	if (mount(type, where, type, flags, options) && errno != EBUSY)
		warn("mount %s on %s", type, where);
}

static void set_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		warn("loopback");
	if (fd >= 0)
		close(fd);
}

void system_set_up(void)
{
	const unsigned long safe = MS_NOSUID | MS_NOEXEC;

	attach("devtmpfs", "/dev", MS_NOSUID, "mode=755");
	attach("proc", "/proc", safe | MS_NODEV, NULL);
	attach("sysfs", "/sys", safe | MS_NODEV, NULL);
	attach("devpts", "/dev/pts", safe, "gid=5,mode=620,ptmxmode=666");
	attach("mqueue", "/dev/mqueue", safe | MS_NODEV, NULL);
	attach("debugfs", "/sys/kernel/debug", safe | MS_NODEV, NULL);
	attach("securityfs", "/sys/kernel/security", safe | MS_NODEV, NULL);
	attach("cgroup2", "/sys/fs/cgroup", safe | MS_NODEV, NULL);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	set_up_loopback();
	if (sethostname("taskdiag", strlen("taskdiag")))
		warn("host name");
}

static void make_directories(char *path)
{
	for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	mkdir(path, 0755);
}

static int clone_tree(const char *path)
{
	int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		warn("%s", path);
	return tree;
}

static void attach_tree(int tree, const char *path)
{
	char *copy = strdup(path);

	if (tree < 0)
		return;
	make_directories(copy);
	if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH))
		warn("%s", path);
	close(tree);
	free(copy);
}

static void clone_all(const struct directories *directories, int *trees)
{
	for (size_t i = 0; i < directories->n; i++)
		trees[i] = clone_tree(directories->paths[i]);
}

static void attach_all(const struct directories *directories, const int *trees)
{
	for (size_t i = 0; i < directories->n; i++)
		attach_tree(trees[i], directories->paths[i]);
}

/* The directories may be below the fresh file systems, so clone them first. */
void system_set_up_files(const struct directories *writable,
			 const struct directories *visible)
{
	int writable_trees[DIRECTORIES_MAX], visible_trees[DIRECTORIES_MAX];

	clone_all(writable, writable_trees);
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
		warn("read-only root");
	clone_all(visible, visible_trees);

	attach("tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777");
	attach("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755");
	attach("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");

	attach_all(visible, visible_trees);
	attach_all(writable, writable_trees);
}
