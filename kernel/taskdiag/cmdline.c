// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the groups CMDLINE and ENVIRON, the bytes of /proc/PID/cmdline and
 * environ.
 *
 * Depends on mm.c and wait.c; must not depend on other groups.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "taskdiag.h"

/* A smaller part of a group is left to the next message. */
#define TASKDIAG_BYTES_MIN	64

/*
 * execve() takes 6 MiB of arguments and environment.  With prctl(PR_SET_MM) a
 * process can declare its whole address space to be one of them, and a dump
 * cannot leave it out.
 */
#define TASKDIAG_BYTES_MAX	SZ_8M

/*
 * Return the page at @addr with a reference.  As in procfs, only anonymous
 * memory is read: another user may control the pages of a file.
 */
static struct page *get_page_at(struct taskdiag_append_ctx *ctx,
				struct mm_struct *mm, unsigned long addr)
{
	struct page *page;
	int locked, err;
	long got;

	for (;;) {
		err = taskdiag_mm_lock(mm, &ctx->target.timeout);
		if (err)
			return ERR_PTR(err);

		locked = 1;
		got = get_user_pages_remote(mm, addr, 1,
					    FOLL_ANON | FOLL_NOWAIT, &page,
					    &locked);
		if (locked)
			mmap_read_unlock(mm);
		if (got == 1)
			return page;
		if (got < 0)
			return ERR_PTR(-EFAULT);

		/* It is being read from swap, or a userfaultfd provides it. */
		err = taskdiag_wait(&ctx->target.timeout);
		if (err)
			return ERR_PTR(err);
	}
}

/*
 * Copy up to @len bytes from @addr.  *@done becomes their number, which is
 * smaller if the memory behind them is not readable, or after an error.
 */
static int read_memory(struct taskdiag_append_ctx *ctx, struct mm_struct *mm,
		       unsigned long addr, void *to, size_t len, size_t *done)
{
	struct page *page;
	size_t part;

	for (*done = 0; *done < len; *done += part) {
		page = get_page_at(ctx, mm, addr + *done);
		if (IS_ERR(page))
			return PTR_ERR(page) == -EFAULT ? 0 : PTR_ERR(page);
		part = min(len - *done,
			   PAGE_SIZE - offset_in_page(addr + *done));
		memcpy_from_page(to + *done, page,
				 offset_in_page(addr + *done), part);
		put_page(page);
	}
	return 0;
}

/* --- the command line ---------------------------------------------------- */

/**
 * struct args - position of a command line in the address space
 * @start: first byte
 * @end: end, as set by execve()
 * @limit: end of the memory that a longer title may occupy: the end of the
 *	environment if that follows immediately
 */
struct args {
	unsigned long	start;
	unsigned long	end;
	unsigned long	limit;
};

/* Return false if the command line does not exist or is not set up yet. */
static bool find_args(struct mm_struct *mm, struct args *args)
{
	unsigned long env_start, env_end;

	/* execve() sets env_end last. */
	if (!mm->env_end)
		return false;

	spin_lock(&mm->arg_lock);
	args->start = mm->arg_start;
	args->end = mm->arg_end;
	env_start = mm->env_start;
	env_end = mm->env_end;
	spin_unlock(&mm->arg_lock);

	args->limit = args->end;
	if (env_start == args->end && env_end > env_start)
		args->limit = env_end;
	return args->start < args->end;
}

/*
 * Read a title set by setproctitle(3): one string of at most a page, which may
 * extend into the environment.
 */
static int read_title(struct taskdiag_append_ctx *ctx, struct mm_struct *mm,
		      const struct args *args, void *to, size_t len,
		      size_t *done)
{
	size_t pos = ctx->memory.args, got, end;
	char *page;
	int err;

	*done = 0;
	page = (char *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;

	err = read_memory(ctx, mm, args->start, page, PAGE_SIZE, &got);
	end = strnlen(page, got);
	if (end < got)
		end++;
	end = min(end, args->limit - args->start);
	if (!err && pos < end) {
		*done = min(len, end - pos);
		memcpy(to, page + pos, *done);
	}
	free_page((unsigned long)page);
	return err;
}

/*
 * Read the next bytes of the command line: those that get_mm_cmdline() of
 * fs/proc/base.c reads.
 */
static int read_args(struct taskdiag_append_ctx *ctx, struct mm_struct *mm,
		     void *to, size_t len, size_t *done)
{
	unsigned long pos = ctx->memory.args;
	struct args args;
	size_t got;
	char last;
	int err;

	*done = 0;
	if (!find_args(mm, &args) || pos >= args.limit - args.start)
		return 0;

	/* A process that has set a title has overwritten the final NUL. */
	err = read_memory(ctx, mm, args.end - 1, &last, 1, &got);
	if (err)
		return err;
	if (got && last)
		return read_title(ctx, mm, &args, to, len, done);
	if (pos >= args.end - args.start)
		return 0;
	return read_memory(ctx, mm, args.start + pos, to,
			   min(len, args.end - args.start - pos), done);
}

/* --- the environment ----------------------------------------------------- */

/* Read the next bytes of the environment, as environ_read() of fs/proc/base.c. */
static int read_environ(struct taskdiag_append_ctx *ctx, struct mm_struct *mm,
			void *to, size_t len, size_t *done)
{
	unsigned long start, end, pos = ctx->memory.environ;

	*done = 0;
	/* execve() sets env_end last. */
	if (!mm->env_end)
		return 0;

	spin_lock(&mm->arg_lock);
	start = mm->env_start;
	end = mm->env_end;
	spin_unlock(&mm->arg_lock);

	if (start >= end || pos >= end - start)
		return 0;
	return read_memory(ctx, mm, start + pos, to,
			   min(len, end - start - pos), done);
}

/* --- attributes ---------------------------------------------------------- */

typedef int (*read_bytes_fn)(struct taskdiag_append_ctx *ctx,
			     struct mm_struct *mm, void *to, size_t len,
			     size_t *done);

/*
 * Append as many bytes as fit, from *@pos on.  Return 0, -EMSGSIZE if there may
 * be more, -EBUSY if a lock or a page was not available in time, -E2BIG if there
 * are too many, or an error of taskdiag_mm_hold().
 */
static int append_bytes(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			struct taskdiag_caller *caller, int type, size_t *pos,
			read_bytes_fn read)
{
	size_t tailroom, done = 0;
	struct nlattr *attr;
	struct mm_struct *mm;
	int err;

	if (*pos >= TASKDIAG_BYTES_MAX)
		return -E2BIG;
	if (skb_tailroom(skb) < nla_total_size(TASKDIAG_BYTES_MIN))
		return -EMSGSIZE;
	err = taskdiag_mm_hold(&ctx->target, ctx->memory.expected, caller, &mm);
	if (err)
		return err;

	attr = __nla_reserve(skb, type, 0);
	tailroom = round_down(min(skb_tailroom(skb), U16_MAX - NLA_HDRLEN),
			      NLA_ALIGNTO);
	if (mm)
		err = read(ctx, mm, skb_tail_pointer(skb), tailroom, &done);
	taskdiag_mm_drop(mm);

	/* After an error, keep the bytes read before it. */
	if (err && !done) {
		skb_trim(skb, skb->len - NLA_HDRLEN);
		return err;
	}
	attr->nla_len = nla_attr_size(done);
	skb_put(skb, done);
	skb_put_zero(skb, nla_padlen(done));
	*pos += done;
	if (err)
		return err;
	return done == tailroom ? -EMSGSIZE : 0;
}

/**
 * taskdiag_append_cmdline - append as much of TASK_DIAG_CMDLINE as fits
 * @ctx: state of the current row
 * @skb: destination
 * @caller: the caller
 *
 * Context: Process context.  May sleep, within the time limits of the row.
 *
 * Return: the result of append_bytes().
 */
int taskdiag_append_cmdline(struct taskdiag_append_ctx *ctx,
			    struct sk_buff *skb, struct taskdiag_caller *caller)
{
	return append_bytes(ctx, skb, caller, TASK_DIAG_CMDLINE,
			    &ctx->memory.args, read_args);
}

/**
 * taskdiag_append_environ - append as much of TASK_DIAG_ENVIRON as fits
 * @ctx: state of the current row
 * @skb: destination
 * @caller: the caller
 *
 * Context: Process context.  May sleep, within the time limits of the row.
 *
 * Return: the result of append_bytes().
 */
int taskdiag_append_environ(struct taskdiag_append_ctx *ctx,
			    struct sk_buff *skb, struct taskdiag_caller *caller)
{
	return append_bytes(ctx, skb, caller, TASK_DIAG_ENVIRON,
			    &ctx->memory.environ, read_environ);
}
