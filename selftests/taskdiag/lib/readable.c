// SPDX-License-Identifier: GPL-2.0-only
/* The reference of access. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "procfs.h"
#include "readable.h"

/* Return 0 if the first bytes of the file can be read, or -errno. */
static int try_read(int root, __u32 pid, const char *name)
{
	char path[64], text[256];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%u/%s", pid, name);
	fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int try_list(int root, __u32 pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%u/%s", pid, name);
	fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int try_link(int root, __u32 pid, const char *name)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "%u/%s", pid, name);
	return readlinkat(root, path, text, sizeof(text)) < 0 ? -errno : 0;
}

static bool is_gone(int err)
{
	return err == -ENOENT || err == -ESRCH;
}

bool readable_one(int root, __u32 pid, struct readable_task *task)
{
	struct procfs_task status;
	struct stat st;
	char name[16];
	int err;

	*task = (struct readable_task) { .pid = pid };
	snprintf(name, sizeof(name), "%u", pid);
	if (fstatat(root, name, &st, 0) && errno == ENOENT)
		return false;

	/* A process that cannot read these knows only the pid. */
	if (try_read(root, pid, "stat") || try_read(root, pid, "status"))
		return true;
	task->groups = READABLE_STATUS;
	/* -EAGAIN: the state or parent has changed, so the caller repeats. */
	if (!procfs_read(root, pid, 0, &status))
		task->ppid = status.base.ppid;
	if (!try_read(root, pid, "cmdline"))
		task->groups |= TASK_DIAG_SHOW_CMDLINE;
	if (!try_read(root, pid, "cgroup"))
		task->groups |= TASK_DIAG_SHOW_CGROUP;
	task->limits = !try_read(root, pid, "limits");
	if (task->limits)
		task->groups |= TASK_DIAG_SHOW_LIMITS;
	if (!try_read(root, pid, "oom_score") &&
	    !try_read(root, pid, "oom_score_adj"))
		task->groups |= TASK_DIAG_SHOW_OOM;
	if (!try_read(root, pid, "io"))
		task->groups |= TASK_DIAG_SHOW_IO;
	/*
	 * The kinds of open files are in fdinfo.  A caller with
	 * CAP_DAC_READ_SEARCH can also list fd.
	 */
	if (task->limits && !try_list(root, pid, "fdinfo"))
		task->groups |= TASK_DIAG_SHOW_FILES;
	/* A task need not have a program. */
	err = try_link(root, pid, "exe");
	if (!err || err == -ENOENT || err == -ENAMETOOLONG)
		task->groups |= TASK_DIAG_SHOW_PATHS;
	/* New kernels, such as 7.2, open it only if the task has memory. */
	err = try_read(root, pid, "environ");
	if (!err || err == -ESRCH)
		task->groups |= TASK_DIAG_SHOW_ENVIRON;
	/* A zombie has no other namespace. */
	if (!try_link(root, pid, "ns/user"))
		task->groups |= TASK_DIAG_SHOW_NS;
	if (!try_read(root, pid, "maps"))
		task->groups |= TASK_DIAG_SHOW_VMA;
	if (!try_read(root, pid, "smaps"))
		task->groups |= TASK_DIAG_SHOW_VMA_STAT;
	return true;
}

/*
 * Add the pids of the threads of all processes whose files are readable and
 * whose threads can be listed, and those of the other leaders.
 */
static int add_threads(int root, const struct pid_set *pids,
		       struct pid_set *tids)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < pids->nr; i++) {
		if (try_read(root, pids->id[i], "status"))
			err = pid_set_add(tids, pids->id[i]);
		else
			err = procfs_threads(root, pids->id[i], tids);
		if (err == -EACCES)
			err = pid_set_add(tids, pids->id[i]);
		if (is_gone(err))
			err = 0;
	}
	return err;
}

static int read_all(int root, const struct pid_set *pids, struct readable *r)
{
	size_t i;

	r->task = calloc(pids->nr + 1, sizeof(*r->task));
	if (!r->task)
		return -ENOMEM;
	for (i = 0; i < pids->nr; i++)
		if (readable_one(root, pids->id[i], &r->task[r->nr]))
			r->nr++;
	return 0;
}

int readable_take(int root, bool threads, struct readable *r)
{
	struct pid_set pids = {}, tids = {};
	int err;

	*r = (struct readable) {};
	err = procfs_processes(root, &pids);
	if (err == -EACCES || err == -EPERM)
		err = 0;
	if (!err && threads)
		err = add_threads(root, &pids, &tids);
	if (!err)
		err = read_all(root, threads ? &tids : &pids, r);
	pid_set_free(&pids);
	pid_set_free(&tids);
	return err;
}

void readable_free(struct readable *r)
{
	free(r->task);
	*r = (struct readable) {};
}

const struct readable_task *readable_find(const struct readable *r, __u32 pid)
{
	size_t i;

	for (i = 0; i < r->nr; i++)
		if (r->task[i].pid == pid)
			return &r->task[i];
	return NULL;
}

bool readable_equal(const struct readable *a, const struct readable *b)
{
	size_t i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++)
		if (a->task[i].pid != b->task[i].pid ||
		    a->task[i].ppid != b->task[i].ppid ||
		    a->task[i].groups != b->task[i].groups ||
		    a->task[i].limits != b->task[i].limits)
			return false;
	return true;
}

void readable_remove(struct readable *r, __u32 pid)
{
	size_t i, kept = 0;

	for (i = 0; i < r->nr; i++)
		if (r->task[i].pid != pid)
			r->task[kept++] = r->task[i];
	r->nr = kept;
}
