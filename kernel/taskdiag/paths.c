// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the group PATHS, the links exe, cwd and root of /proc/PID.
 *
 * The access check of procfs for these links is taskdiag_may_see(), under
 * exec_update_lock.  Their text is that of readlink(2): d_path() for the current
 * process, in at most PATH_MAX bytes.
 *
 * Depends on access.c; must not depend on other groups.
 */
#include <linux/align.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/path.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "taskdiag.h"

#define TASKDIAG_NR_PATHS	(TASK_DIAG_PATH_MAX + 1)

static void get_exe(struct task_struct *task, struct path *path)
{
	struct file *file = get_task_exe_file(task);

	if (!file)
		return;
	*path = file->f_path;
	path_get(path);
	fput(file);
}

/*
 * Take references to the files of a task.  Return -ESTALE if the task has
 * released its address space, which precedes the release of its directories.
 */
static int get_paths(const struct taskdiag_append_ctx *ctx, struct path *paths)
{
	struct task_struct *task = ctx->target.task;

	get_exe(task, &paths[TASK_DIAG_PATH_EXE]);
	task_lock(task);
	if (task->fs) {
		get_fs_pwd(task->fs, &paths[TASK_DIAG_PATH_CWD]);
		get_fs_root(task->fs, &paths[TASK_DIAG_PATH_ROOT]);
	}
	task_unlock(task);
	return ctx->memory.expected && !READ_ONCE(task->mm) ? -ESTALE : 0;
}

/*
 * Write the path to the end of @buf, as do_proc_readlink() of fs/proc/base.c.
 * Return NULL if the task has no such file, or if the path is too long.
 */
static const char *text_of(const struct path *path, char *buf, u32 *flags)
{
	const char *text;
	bool deleted;

	if (!path->dentry)
		return NULL;
	/* Text and flag agree: repeat if the file is deleted meanwhile. */
	do {
		deleted = taskdiag_is_deleted(path);
		text = d_path(path, buf, PATH_MAX);
	} while (deleted != taskdiag_is_deleted(path));

	if (IS_ERR(text)) {
		*flags = TASK_DIAG_PATH_TOO_LONG;
		return NULL;
	}
	*flags = deleted ? TASK_DIAG_PATH_DELETED : 0;
	return text;
}

static int append_record(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			 const struct path *path)
{
	struct task_diag_path *to;
	size_t size = 0, len;
	const char *text;
	u32 flags = 0;

	text = text_of(path, ctx->path, &flags);
	if (text)
		size = strlen(text) + 1;
	len = ALIGN(sizeof(*to) + size, sizeof(u64));
	if (skb_tailroom(skb) < len)
		return -EMSGSIZE;

	to = __skb_put(skb, len);
	memset(to, 0, len);
	to->len = len;
	to->path_off = text ? sizeof(*to) : 0;
	to->kind = ctx->memory.path;
	to->flags = flags;
	if (text)
		memcpy(to + 1, text, size);
	return 0;
}

/* Append the records from ctx->memory.path on, as far as they fit. */
static int append_records(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			  const struct path *paths)
{
	unsigned int start = skb->len;
	struct nlattr *attr;
	int err = 0;

	if (skb_tailroom(skb) < NLA_HDRLEN)
		return -EMSGSIZE;
	attr = __nla_reserve(skb, TASK_DIAG_PATHS, 0);
	while (!err && ctx->memory.path < TASKDIAG_NR_PATHS) {
		err = append_record(ctx, skb, &paths[ctx->memory.path]);
		if (!err)
			ctx->memory.path++;
	}
	attr->nla_len = skb->len - start;
	if (attr->nla_len == NLA_HDRLEN)
		skb_trim(skb, start);
	return err;
}

/**
 * taskdiag_append_paths - append as many records of TASK_DIAG_PATHS as fit
 * @ctx: state of the current row
 * @skb: destination
 * @caller: the caller
 *
 * Context: Process context.  May sleep, within the time limits of the row.
 *
 * Return: 0, -EMSGSIZE if records follow, -ESTALE if the task has ended, or an
 * error of taskdiag_access_lock().
 */
int taskdiag_append_paths(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			  struct taskdiag_caller *caller)
{
	struct path paths[TASKDIAG_NR_PATHS] = {};
	unsigned int i;
	int err;

	err = taskdiag_access_lock(&ctx->target, caller);
	if (err)
		return err;
	err = get_paths(ctx, paths);
	taskdiag_access_unlock(&ctx->target);

	if (!err)
		err = append_records(ctx, skb, paths);
	for (i = 0; i < TASKDIAG_NR_PATHS; i++)
		path_put(&paths[i]);
	return err;
}
