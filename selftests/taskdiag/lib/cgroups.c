// SPDX-License-Identifier: GPL-2.0-only
/* Temporary cgroups in the default hierarchy. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroups.h"
#include "setting.h"

static int root = -1, base_dir = -1;
static char path[32];		/* of the directory in the hierarchy */

int cgroups_begin(void)
{
	char where[] = "/tmp/taskdiag-cgroup-XXXXXX";

	if (!mkdtemp(where) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("cgroup2", where, "cgroup2", 0, NULL))
		return -errno;
	root = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Detach the mount, so that path lookups find the previous files. */
	umount2(where, MNT_DETACH);
	rmdir(where);
	if (root < 0)
		return -errno;
	snprintf(path, sizeof(path), "/taskdiag-%d", getpid());
	if (mkdirat(root, path + 1, 0755))
		return -errno;
	base_dir = openat(root, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return base_dir < 0 ? -errno : 0;
}

static int open_one(const char *name)
{
	if (!strcmp(name, "/"))
		return dup(root);
	return openat(base_dir, name[0] ? name : ".",
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int write_number(const char *name, const char *file, pid_t pid)
{
	int dir = open_one(name), err;
	char text[16];

	if (dir < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d", pid);
	err = setting_write_at(dir, file, text);
	close(dir);
	return err;
}

int cgroups_make(const char *name)
{
	return mkdirat(base_dir, name, 0755) ? -errno : 0;
}

int cgroups_remove(const char *name)
{
	return unlinkat(base_dir, name, AT_REMOVEDIR) ? -errno : 0;
}

int cgroups_move(const char *name, pid_t pid)
{
	return write_number(name, "cgroup.procs", pid);
}

int cgroups_move_thread(const char *name, pid_t tid)
{
	return write_number(name, "cgroup.threads", tid);
}

int cgroups_allow_threads(const char *name)
{
	int dir = open_one(name), err;

	if (dir < 0)
		return -errno;
	err = setting_write_at(dir, "cgroup.type", "threaded");
	close(dir);
	return err;
}

__u64 cgroups_id(const char *name)
{
	int dir = open_one(name);
	struct stat st = {};

	if (dir < 0)
		return 0;
	fstat(dir, &st);
	close(dir);
	return st.st_ino;
}

const char *cgroups_path(void)
{
	return path;
}

int cgroups_dir(void)
{
	return base_dir;
}

/* Move all tasks in @dir to the root. */
static void move_tasks_to_root(int dir)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *procs = fd < 0 ? NULL : fdopen(fd, "r");
	char line[16];

	while (procs && fgets(line, sizeof(line), procs))
		setting_write_at(root, "cgroup.procs", line);
	if (procs)
		fclose(procs);
}

static void remove_below(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		int child;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = openat(dir, entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (child < 0)
			continue;
		remove_below(child);
		move_tasks_to_root(child);
		close(child);
		unlinkat(dir, entry->d_name, AT_REMOVEDIR);
	}
	if (entries)
		closedir(entries);
}

void cgroups_end(void)
{
	if (base_dir >= 0) {
		remove_below(base_dir);
		move_tasks_to_root(base_dir);
		close(base_dir);
		unlinkat(root, path + 1, AT_REMOVEDIR);
	}
	if (root >= 0)
		close(root);
	root = -1;
	base_dir = -1;
}
