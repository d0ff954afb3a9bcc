// SPDX-License-Identifier: GPL-2.0-only
/* The procfs reference. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfs.h"

/* From <linux/sched.h>; in the ninth field of /proc/PID/stat. */
#define PF_KTHREAD 0x00200000

/* task_diag_base::state is the index of its letter. */
static const char state_letters[] = "RSDTtXZPI";

int procfs_open(void)
{
	return open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * Read a small file completely, with a NUL appended.  Return its length or
 * -errno.
 */
static ssize_t procfs_read_file(int proc, const char *path, char *text,
				size_t size)
{
	size_t used = 0;
	ssize_t got;
	int fd;

	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		got = read(fd, text + used, size - 1 - used);
		if (got > 0)
			used += got;
	} while (got > 0);
	if (got < 0)
		got = -errno;
	close(fd);
	if (got < 0)
		return got;
	if (used == size - 1)
		return -EFBIG;
	text[used] = '\0';
	return used;
}

/* List the numeric names in a directory. */
static int procfs_list_pids(int proc, const char *path, struct pid_set *pids)
{
	struct dirent *entry;
	int fd, err = 0;
	DIR *dir;

	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	while (!err && (errno = 0, entry = readdir(dir))) {
		char *end;
		unsigned long number = strtoul(entry->d_name, &end, 10);

		if (number && !*end)
			err = pid_set_add(pids, number);
	}
	if (!err && errno)
		err = -errno;
	closedir(dir);
	return err;
}

int procfs_processes(int proc, struct pid_set *pids)
{
	return procfs_list_pids(proc, ".", pids);
}

int procfs_threads(int proc, pid_t pid, struct pid_set *tids)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/task", pid);
	return procfs_list_pids(proc, path, tids);
}

int procfs_children(int proc, pid_t pid, struct pid_set *pids)
{
	struct pid_set tids = {};
	size_t i;
	int err;

	err = procfs_threads(proc, pid, &tids);
	for (i = 0; !err && i < tids.nr; i++) {
		char path[64], text[16384], *at = text, *end;
		ssize_t got;

		snprintf(path, sizeof(path), "%d/task/%u/children", pid,
			 tids.id[i]);
		got = procfs_read_file(proc, path, text, sizeof(text));
		if (got < 0)
			err = got;
		while (!err) {
			unsigned long child = strtoul(at, &end, 10);

			if (end == at)
				break;
			err = pid_set_add(pids, child);
			at = end;
		}
	}
	pid_set_free(&tids);
	return err;
}

/* Return the text after "Key:" in a status file. */
static const char *status_value(const char *status, const char *key)
{
	size_t len = strlen(key);

	/* The name comes first and contains no unescaped newline. */
	while (status) {
		if (!strncmp(status, key, len) && status[len] == ':')
			return status + len + 1;
		status = strchr(status, '\n');
		if (status)
			status++;
	}
	return NULL;
}

static int status_numbers(const char *status, const char *key, int radix,
			  unsigned long long *out, int nr)
{
	const char *value = status_value(status, key);
	int i;

	if (!value)
		return -EBADMSG;
	for (i = 0; i < nr; i++) {
		char *end;

		out[i] = strtoull(value, &end, radix);
		if (end == value)
			return -EBADMSG;
		value = end;
	}
	return 0;
}

static int status_number(const char *status, const char *key, __u32 *out)
{
	unsigned long long value = 0;
	int err = status_numbers(status, key, 10, &value, 1);

	*out = value;
	return err;
}

static int status_ids(const char *status, const char *key, __u32 *real,
		      __u32 *effective, __u32 *saved, __u32 *fs)
{
	unsigned long long id[4] = {};
	int err = status_numbers(status, key, 10, id, 4);

	*real = id[0];
	*effective = id[1];
	*saved = id[2];
	*fs = id[3];
	return err;
}

static int status_caps(const char *status, const char *key,
		       struct task_diag_caps *caps)
{
	unsigned long long set = 0;
	int err = status_numbers(status, key, 16, &set, 1);

	caps->cap[0] = set;
	caps->cap[1] = set >> 32;
	return err;
}

static int parse_status(const char *status, struct procfs_task *task)
{
	struct task_diag_creds *cred = &task->cred;
	struct task_diag_base *base = &task->base;
	int err = 0;

	err = err ?: status_number(status, "Tgid", &base->tgid);
	err = err ?: status_number(status, "Pid", &base->pid);
	err = err ?: status_number(status, "PPid", &base->ppid);
	err = err ?: status_number(status, "TracerPid", &base->tpid);
	err = err ?: status_ids(status, "Uid", &cred->uid, &cred->euid,
				&cred->suid, &cred->fsuid);
	err = err ?: status_ids(status, "Gid", &cred->gid, &cred->egid,
				&cred->sgid, &cred->fsgid);
	err = err ?: status_caps(status, "CapInh", &cred->cap_inheritable);
	err = err ?: status_caps(status, "CapPrm", &cred->cap_permitted);
	err = err ?: status_caps(status, "CapEff", &cred->cap_effective);
	err = err ?: status_caps(status, "CapBnd", &cred->cap_bset);
	err = err ?: status_caps(status, "CapAmb", &cred->cap_ambient);
	err = err ?: status_number(status, "NoNewPrivs", &cred->no_new_privs);
	return err;
}

static int parse_stat(const char *stat, struct procfs_task *task)
{
	/* The name may contain any byte, so it ends at the last parenthesis. */
	const char *open = strchr(stat, '('), *close = strrchr(stat, ')');
	struct task_diag_base *base = &task->base;
	unsigned int ppid, flags;
	const char *letter;
	int pgid, sid;
	size_t len;
	char state;

	if (!open || !close || (size_t)(close - open) > sizeof(task->name))
		return -EBADMSG;
	len = close - open - 1;
	memcpy(task->name, open + 1, len);
	memcpy(base->comm, task->name,
	       len < TASK_DIAG_COMM_LEN ? len : TASK_DIAG_COMM_LEN - 1);

	if (sscanf(close + 1, " %c %u %d %d %*d %*d %u", &state, &ppid, &pgid,
		   &sid, &flags) != 5)
		return -EBADMSG;
	letter = strchr(state_letters, state);
	if (!letter)
		return -EBADMSG;
	if (ppid != base->ppid)
		return -EAGAIN;
	base->state = letter - state_letters;
	base->pgid = pgid;
	base->sid = sid;
	task->kernel_thread = flags & PF_KTHREAD;
	return 0;
}

int procfs_read(int proc, pid_t pid, pid_t tid, struct procfs_task *task)
{
	char path[64], text[8192];
	ssize_t got;
	int err;

	memset(task, 0, sizeof(*task));

	if (tid)
		snprintf(path, sizeof(path), "%d/task/%d/status", pid, tid);
	else
		snprintf(path, sizeof(path), "%d/status", pid);
	got = procfs_read_file(proc, path, text, sizeof(text));
	if (got < 0)
		return got;
	err = parse_status(text, task);
	if (err)
		return err;

	if (tid)
		snprintf(path, sizeof(path), "%d/task/%d/stat", pid, tid);
	else
		snprintf(path, sizeof(path), "%d/stat", pid);
	got = procfs_read_file(proc, path, text, sizeof(text));
	if (got < 0)
		return got;
	return parse_stat(text, task);
}

char *procfs_file(int proc, pid_t pid, pid_t tid, const char *name,
		  size_t *len)
{
	size_t used = 0, capacity = 16384;
	char path[96], *text, *bigger;
	ssize_t got = -1;
	int fd, error;

	if (tid)
		snprintf(path, sizeof(path), "%d/task/%d/%s", pid, tid, name);
	else
		snprintf(path, sizeof(path), "%d/%s", pid, name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = malloc(capacity);
	while (text) {
		got = read(fd, text + used, capacity - 1 - used);
		if (got <= 0)
			break;
		used += got;
		if (used < capacity - 1)
			continue;
		capacity *= 2;
		bigger = realloc(text, capacity);
		if (!bigger)
			free(text);
		text = bigger;
	}
	error = errno;
	close(fd);
	if (text && got < 0) {
		free(text);
		text = NULL;
	}
	errno = error;
	if (!text)
		return NULL;
	text[used] = '\0';
	*len = used;
	return text;
}

static int snapshot_add(struct procfs_snapshot *shot, size_t *capacity,
			const struct procfs_task *task)
{
	if (shot->nr == *capacity) {
		size_t wider = *capacity ? 2 * *capacity : 64;
		struct procfs_task *bigger;

		bigger = realloc(shot->task, wider * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		shot->task = bigger;
		*capacity = wider;
	}
	shot->task[shot->nr++] = *task;
	return 0;
}

static int compare_tasks(const void *a, const void *b)
{
	const struct procfs_task *one = a, *other = b;

	return (one->base.pid > other->base.pid) -
	       (one->base.pid < other->base.pid);
}

/* A task may end, or change between its two files; both are ignored. */
static bool task_has_changed(int err)
{
	return err == -ESRCH || err == -ENOENT || err == -EAGAIN;
}

int procfs_snapshot(int proc, bool threads, struct procfs_snapshot *shot)
{
	struct pid_set pids = {};
	size_t capacity = 0, i, j;
	int err;

	memset(shot, 0, sizeof(*shot));
	err = procfs_processes(proc, &pids);
	for (i = 0; !err && i < pids.nr; i++) {
		struct pid_set tids = {};

		if (threads)
			err = procfs_threads(proc, pids.id[i], &tids);
		else
			err = pid_set_add(&tids, 0);
		for (j = 0; !err && j < tids.nr; j++) {
			struct procfs_task task;

			err = procfs_read(proc, pids.id[i], tids.id[j], &task);
			if (!err)
				err = snapshot_add(shot, &capacity, &task);
			else if (task_has_changed(err))
				err = 0;
		}
		pid_set_free(&tids);
		if (task_has_changed(err))
			err = 0;
	}
	pid_set_free(&pids);
	if (!err && shot->nr)
		qsort(shot->task, shot->nr, sizeof(*shot->task), compare_tasks);
	return err;
}

const char *procfs_value(const char *text, const char *key)
{
	const size_t len = strlen(key);

	while (text && (strncmp(text, key, len) || text[len] != ':')) {
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return text ? text + len + 1 : NULL;
}

void procfs_snapshot_free(struct procfs_snapshot *shot)
{
	free(shot->task);
	memset(shot, 0, sizeof(*shot));
}

const struct procfs_task *procfs_find(const struct procfs_snapshot *shot,
				      __u32 pid)
{
	struct procfs_task key = { .base.pid = pid };

	if (!shot->nr)
		return NULL;
	return bsearch(&key, shot->task, shot->nr, sizeof(*shot->task),
		       compare_tasks);
}
