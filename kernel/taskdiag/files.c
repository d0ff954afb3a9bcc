// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the group FILES.
 *
 * The access check of procfs for /proc/PID/fdinfo is taskdiag_may_see().  It is
 * repeated for each part of a large table, so the sum never includes the
 * descriptors of two programs.  /proc/PID/limits needs no such check.
 *
 * Depends on access.c; must not depend on other groups.
 */
#include <linux/dcache.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "taskdiag.h"

/* Descriptors that are counted before file_lock is dropped. */
#define TASKDIAG_FILES_PER_LOCK	1024

/*
 * Files on anon_inodefs share an inode.  They differ by the name that the
 * kernel gave them, which readlink(2) shows and which never changes.
 */
static void count_anon(struct task_diag_files *files, const char *name)
{
	if (!strcmp(name, "[eventfd]"))
		files->eventfd++;
	else if (!strcmp(name, "[eventpoll]"))
		files->epoll++;
	else
		files->other++;
}

static void count_file(struct task_diag_files *files, const struct file *file)
{
	const struct dentry *dentry = file->f_path.dentry;
	umode_t mode = file_inode(file)->i_mode;

	files->total++;
	if (dentry->d_sb->s_magic == ANON_INODE_FS_MAGIC)
		count_anon(files, dentry->d_name.name);
	else if (dentry->d_sb->s_magic == PID_FS_MAGIC)
		files->other++;	/* S_IFREG, but not in fstat(2) */
	else if (S_ISREG(mode))
		files->regular++;
	else if (S_ISSOCK(mode))
		files->socket++;
	else if (S_ISFIFO(mode))
		files->pipe++;
	else
		files->other++;
}

/*
 * Count open files from *@fd on.  Return false at the end of the table.
 * Context: file_lock held, so that no file is released.
 */
static bool count_open(struct task_diag_files *files,
		       struct files_struct *table, unsigned int *fd)
{
	unsigned int left = TASKDIAG_FILES_PER_LOCK;
	const struct fdtable *fdt = files_fdtable(table);
	const struct file *file;

	while (left--) {
		*fd = find_next_bit(fdt->open_fds, fdt->max_fds, *fd);
		if (*fd >= fdt->max_fds)
			return false;

		/* NULL: the file is still being opened. */
		file = rcu_dereference_check_fdtable(table, fdt->fd[*fd]);
		if (file)
			count_file(files, file);
		++*fd;
	}
	return true;
}

static void read_limits(struct task_diag_files *files,
			const struct task_struct *task)
{
	files->limit_soft = taskdiag_rlimit(task_rlimit(task, RLIMIT_NOFILE));
	files->limit_hard = taskdiag_rlimit(task_rlimit_max(task,
							    RLIMIT_NOFILE));
}

/*
 * Count some files, and read the limits.  Return 1 if more files follow from
 * *@fd on, 0 at the end, or -ESTALE if the task has released its table.
 */
static int count_locked(struct task_diag_files *files,
			struct taskdiag_append_ctx *ctx, unsigned int *fd)
{
	struct task_struct *task = ctx->target.task;
	struct files_struct *table;
	int ret = 0;

	read_limits(files, task);

	/* exit_files() releases the table under the lock. */
	task_lock(task);
	table = task->files;
	if (table) {
		files->valid = TASK_DIAG_FILES_VALID_COUNTS;
		spin_lock(&table->file_lock);
		ret = count_open(files, table, fd);
		spin_unlock(&table->file_lock);
	} else if (ctx->memory.expected) {
		ret = -ESTALE;
	}
	task_unlock(task);
	return ret;
}

static int put_files(struct sk_buff *skb, const struct task_diag_files *files)
{
	return nla_put_64bit(skb, TASK_DIAG_FILES, sizeof(*files), files,
			     TASK_DIAG_PAD);
}

static int append_limits(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			 struct taskdiag_caller *caller)
{
	struct task_diag_files files = {};
	int err;

	err = taskdiag_access_recheck(&ctx->target, caller);
	if (err)
		return err;
	read_limits(&files, ctx->target.task);
	return put_files(skb, &files) ?: -EPERM;
}

/**
 * taskdiag_append_files - append TASK_DIAG_FILES
 * @ctx: state of the current row
 * @skb: destination
 * @caller: the caller
 *
 * Context: Process context.  May sleep, within the time limits of the row.
 *
 * Return: 0, -EMSGSIZE if it does not fit, -ESTALE if the task has ended,
 * -EPERM if only the limits were appended, -EINTR after a fatal signal, or an
 * error of taskdiag_access_lock().
 */
int taskdiag_append_files(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			  struct taskdiag_caller *caller)
{
	struct task_diag_files files = {};
	unsigned int fd = 0;
	int ret;

	if (ctx->target.level != TASKDIAG_FULL)
		return append_limits(ctx, skb, caller);
	do {
		ret = taskdiag_access_lock(&ctx->target, caller);
		if (ret)
			return ret;
		ret = count_locked(&files, ctx, &fd);
		taskdiag_access_unlock(&ctx->target);
		if (ret < 0)
			return ret;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	} while (ret);

	return put_files(skb, &files);
}
