// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag as a module: what a kernel built with it shares of fs/proc.
 *
 * The command line and the names of areas, as /proc/PID/cmdline and maps have
 * them.  In a stock kernel they belong to fs/proc alone, so here is the same
 * again, out of what compat.c has found.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uio.h>

/* --- the command line ---------------------------------------------------- */

/**
 * struct args - where a process has its command line
 * @start: its first byte
 * @end: behind its last one, as it was when the program was started
 * @limit: how far it may have been overwritten: to the end of the environment,
 *	if that lies right behind
 */
struct args {
	unsigned long	start;
	unsigned long	end;
	unsigned long	limit;
};

static struct args find_args(struct mm_struct *mm)
{
	unsigned long env_start, env_end;
	struct args args;

	spin_lock(&mm->arg_lock);
	args.start = mm->arg_start;
	args.end = mm->arg_end;
	env_start = mm->env_start;
	env_end = mm->env_end;
	spin_unlock(&mm->arg_lock);

	args.limit = args.end;
	if (env_start == args.end && env_end > env_start)
		args.limit = env_end;
	return args;
}

static int read_memory(struct mm_struct *mm, unsigned long addr, void *to,
		       size_t len)
{
	return access_remote_vm(mm, addr, to, len, FOLL_ANON);
}

/* Who has set a title of its own has overwritten the NUL at the end. */
static bool has_title(struct mm_struct *mm, const struct args *args)
{
	char last;

	return read_memory(mm, args->end - 1, &last, 1) == 1 && last;
}

/* A title is one string of a page at most. */
static ssize_t put_title(struct mm_struct *mm, struct iov_iter *to,
			 const struct args *args, size_t pos, char *page)
{
	int got = read_memory(mm, args->start, page, PAGE_SIZE);
	size_t len;

	if (got <= 0)
		return 0;
	len = strnlen(page, got);
	if (len < got)
		len++;
	if (pos >= len)
		return 0;
	return copy_to_iter(page + pos, min(len - pos, args->limit -
						       args->start - pos), to);
}

static ssize_t put_args(struct mm_struct *mm, struct iov_iter *to,
			const struct args *args, size_t pos, char *page)
{
	unsigned long addr = args->start + pos;
	ssize_t sum = 0;

	while (addr < args->end && iov_iter_count(to)) {
		int got = read_memory(mm, addr, page,
				      min3(args->end - addr, PAGE_SIZE,
					   iov_iter_count(to)));

		if (got <= 0)
			break;
		sum += copy_to_iter(page, got, to);
		addr += got;
	}
	return sum;
}

/**
 * get_mm_cmdline - what /proc/PID/cmdline shows
 * @mm: whose, with a user reference
 * @to: where to, in the kernel's own memory
 * @ppos: from which byte on; stays as it is
 *
 * Return: how many bytes it was, 0 at the end, or an error.
 */
ssize_t get_mm_cmdline(struct mm_struct *mm, struct iov_iter *to, loff_t *ppos)
{
	struct args args;
	ssize_t ret;
	char *page;

	/* The last of it to be set up. */
	if (!mm->env_end)
		return 0;
	args = find_args(mm);
	if (args.start >= args.end || *ppos >= args.limit - args.start)
		return 0;

	page = (char *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	if (has_title(mm, &args))
		ret = put_title(mm, to, &args, *ppos, page);
	else
		ret = put_args(mm, to, &args, *ppos, page);
	free_page((unsigned long)page);
	return ret;
}

/* --- the names of areas -------------------------------------------------- */

/* Those without a file that the kernel itself has given a name. */
static const char *own_name(struct vm_area_struct *vma)
{
	const char *name = NULL;

	if (vma->vm_ops && vma->vm_ops->name)
		name = vma->vm_ops->name(vma);
	if (!name)
		name = arch_vma_name(vma);
	if (name)
		return name;

	if (!vma->vm_mm)
		return "[vdso]";
	if (vma_is_initial_heap(vma))
		return "[heap]";
	if (vma_is_initial_stack(vma))
		return "[stack]";
	return NULL;
}

/**
 * get_vma_name - what /proc/PID/maps calls an area
 * @vma: the area, which stays while the mmap lock is held
 * @path: the file it maps, to be shown by its path
 * @name: or else its name, NULL if it has none
 * @name_fmt: and how to print the name, NULL to print it as it is
 */
void get_vma_name(struct vm_area_struct *vma, const struct path **path,
		  const char **name, const char **name_fmt)
{
	const struct anon_vma_name *given =
		vma->vm_mm ? anon_vma_name(vma) : NULL;

	*path = NULL;
	*name = NULL;
	*name_fmt = NULL;

	if (vma->vm_file && !given)
		*path = file_user_path(vma->vm_file);
	else if (!vma->vm_file)
		*name = own_name(vma);

	if (given && !*name) {
		*name_fmt = vma->vm_file ? "[anon_shmem:%s]" : "[anon:%s]";
		*name = given->name;
	}
}
