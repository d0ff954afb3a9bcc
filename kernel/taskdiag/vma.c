// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the groups VMA and VMA_STAT, the memory mappings of a process.
 *
 * The values are those of /proc/PID/maps and smaps (fs/proc/task_mmu.c).
 *
 * Depends on mm.c, vma_flags.c and vma_stat.c; must not depend on other groups.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/proc_fs.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "taskdiag.h"

/*
 * Bytes of address space that are reported before the mmap lock is dropped:
 * some milliseconds of work if all of them are resident.
 */
#define TASKDIAG_LOCK_BUDGET	SZ_256M

/* Factor for empty address space; the next piece may be resident. */
#define TASKDIAG_SPARSE_FACTOR	8

/*
 * Limits the work for a process that keeps adding mappings ahead of the dump.
 */
#define TASKDIAG_VMAS_EXTRA	1024

/* Minimum cost of a mapping, in bytes of address space. */
#define TASKDIAG_VMA_COST	(TASKDIAG_LOCK_BUDGET / 512)

/**
 * struct vma_name - name of a memory mapping
 * @text: the name, possibly in taskdiag_append_ctx::path; NULL if it has none
 * @size: length with the terminating NUL
 * @path: file whose path the name is; NULL if it is not a path
 * @deleted: TASK_DIAG_VMA_DELETED if the file was deleted, else 0
 */
struct vma_name {
	const char		*text;
	size_t			size;
	const struct path	*path;
	u64			deleted;
};

/**
 * struct vma_batch - the memory mappings of one message
 * @ctx: state of the current row
 * @skb: destination
 * @mm: address space of the row's task, with a user reference
 * @locked: the mmap lock is held
 * @iterating: @vmi is valid, as it was initialized under the current lock
 * @vmi: iterator over the mappings
 * @name: name of the last mapping; valid while the lock is held
 * @budget: bytes of address space until the lock must be dropped
 * @vma: the attribute TASK_DIAG_VMA; NULL if it was not requested
 * @want_stats: TASK_DIAG_VMA_STAT was requested
 * @nr: number of mappings in the message
 */
struct vma_batch {
	struct taskdiag_append_ctx	*ctx;
	struct sk_buff		*skb;
	struct mm_struct	*mm;
	bool			locked;
	bool			iterating;
	struct vma_iterator	vmi;
	struct vma_name	name;
	unsigned long		budget;
	struct nlattr		*vma;
	bool			want_stats;
	unsigned int		nr;
};

/* Take the mmap lock, unless it is held. */
static int batch_lock(struct vma_batch *batch)
{
	int err;

	if (batch->locked)
		return 0;
	err = taskdiag_mm_lock(batch->mm, &batch->ctx->target.timeout);
	if (err)
		return err;
	batch->locked = true;
	batch->iterating = false;
	batch->name.path = NULL;
	batch->budget = TASKDIAG_LOCK_BUDGET;
	return 0;
}

static void batch_unlock(struct vma_batch *batch)
{
	if (batch->locked)
		mmap_read_unlock(batch->mm);
	batch->locked = false;
}

/* Drop the mmap lock and take it again.  After an error it is not held. */
static int batch_relock(struct vma_batch *batch)
{
	batch_unlock(batch);
	cond_resched();
	if (signal_pending(current))
		return -EBUSY;
	return batch_lock(batch);
}

/*
 * d_path() writes to the end of @buf.  There is no name if the path is too
 * long.
 */
static void set_path_name(struct vma_name *name, const struct path *path,
			  char *buf)
{
	const char *text = d_path(path, buf, TASKDIAG_PATH_SIZE);

	name->text = IS_ERR(text) ? NULL : text;
	name->path = path;
}

/*
 * Set the name of @vma.  A program or library has several adjacent mappings of
 * one file: the path of the previous one is used again, unless the file was
 * deleted meanwhile.  A file that is renamed keeps the old path until the mmap
 * lock is dropped.
 */
static void set_name(struct vma_batch *batch, struct vm_area_struct *vma,
		     u64 flags)
{
	u64 deleted = flags & TASK_DIAG_VMA_DELETED;
	struct vma_name *name = &batch->name;
	char *buf = batch->ctx->path;
	const struct path *path;
	const char *text, *format;

	get_vma_name(vma, &path, &text, &format);
	if (path && path == name->path && deleted == name->deleted)
		return;

	*name = (struct vma_name) { .text = text, .deleted = deleted };
	if (path) {
		set_path_name(name, path, buf);
	} else if (format) {
		snprintf(buf, TASKDIAG_PATH_SIZE, format, text);
		name->text = buf;
	}
	if (name->text)
		name->size = strlen(name->text) + 1;
}

/*
 * Is there tailroom for a record of @len bytes, and for VMA_STAT with one more?
 */
static bool has_tailroom(const struct vma_batch *batch, size_t len)
{
	size_t tailroom = skb_tailroom(batch->skb);

	if (batch->want_stats) {
		if (batch->nr == TASKDIAG_VMA_STATS)
			return false;
		len += nla_total_size_64bit((batch->nr + 1) *
					    sizeof(*batch->ctx->stats));
	}
	if (batch->vma)
		tailroom = min_t(size_t, tailroom, (void *)batch->vma + U16_MAX -
				 (void *)skb_tail_pointer(batch->skb));
	return len <= tailroom;
}

/* Set the fields about the mapped file, for a record that begins at @start. */
static void fill_file(struct task_diag_vma *to,
		      const struct vm_area_struct *vma, unsigned long start)
{
	const struct inode *inode;

	if (!vma->vm_file) {
		to->pgoff = 0;
		to->ino = 0;
		to->dev_major = 0;
		to->dev_minor = 0;
		return;
	}
	inode = file_user_inode(vma->vm_file);
	to->pgoff = ((u64)vma->vm_pgoff << PAGE_SHIFT) +
		    (start - vma->vm_start);
	to->ino = inode->i_ino;
	to->dev_major = MAJOR(inode->i_sb->s_dev);
	to->dev_minor = MINOR(inode->i_sb->s_dev);
}

/* Records of TASK_DIAG_VMA begin at multiples of this. */
#define RECORD_ALIGN	sizeof(u64)

/* Append a record of @vma that begins at @start; NULL without tailroom. */
static struct task_diag_vma *append_vma(struct vma_batch *batch,
					struct vm_area_struct *vma,
					unsigned long start, u64 flags)
{
	const struct vma_name *name = &batch->name;
	struct task_diag_vma *to;
	size_t len;

	set_name(batch, vma, flags);
	len = ALIGN(sizeof(*to) + name->size, RECORD_ALIGN);
	if (!has_tailroom(batch, len))
		return NULL;

	/* Every byte is written below. */
	to = __skb_put(batch->skb, len);
	to->len = len;
	to->name_off = name->text ? sizeof(*to) : 0;
	to->start = start;
	to->end = vma->vm_end;
	to->flags = flags;
	fill_file(to, vma, start);
	if (name->text) {
		/* Clear the padding behind the name. */
		memset((void *)to + len - RECORD_ALIGN, 0, RECORD_ALIGN);
		memcpy(to + 1, name->text, name->size);
	}
	return to;
}

#ifdef CONFIG_PROC_PAGE_MONITOR
/*
 * Return the end of a piece of @vma.  A huge page is counted as a whole, so it
 * must not be part of two pieces: pieces end at multiples of @size.
 */
static unsigned long end_of_piece(struct vm_area_struct *vma,
				  unsigned long addr, unsigned long size)
{
	unsigned long end = round_down(addr, size) + size;

	return end > addr && end < vma->vm_end ? end : vma->vm_end;
}

/*
 * Count a large mapping in pieces, and drop the mmap lock between them.  *@end
 * becomes the end of the last counted piece: the mapping may have changed
 * meanwhile, the lock may not be available, or a signal may be pending.  The
 * next record begins there.
 */
static void count_pieces(struct vma_batch *batch, struct vm_area_struct *vma,
			 unsigned long addr, unsigned long *end,
			 struct mem_size_stats *mss)
{
	const unsigned long min_size = max_t(unsigned long, TASKDIAG_LOCK_BUDGET,
					     vma_kernel_pagesize(vma));
	const struct taskdiag_mapping before = taskdiag_mapping_of(vma);
	unsigned long size = min_size, pages = 0;

	for (;;) {
		unsigned long next = end_of_piece(vma, addr, size);

		smap_gather_stats(vma, mss, addr, next);
		if (next == *end)
			return;

		/* Empty address space costs little and can be large. */
		size = min_size;
		if (mss->resident + mss->swap == pages && vma_is_anonymous(vma))
			size *= TASKDIAG_SPARSE_FACTOR;
		pages = mss->resident + mss->swap;

		addr = next;
		if (batch_relock(batch))
			break;
		vma = find_vma(batch->mm, addr);
		if (!taskdiag_mapping_continues(vma, addr, &before))
			break;
	}
	*end = addr;
}

/*
 * Count a mapping as smaps does, a large one in pieces.  smap_gather_stats()
 * takes the start 0 for the whole mapping, so a mapping at 0 is counted at
 * once.
 */
static void count_vma(struct vma_batch *batch, struct vm_area_struct *vma,
		      unsigned long start, unsigned long *end)
{
	struct mem_size_stats mss = {};

	if (start == vma->vm_start &&
	    (!start || *end - start <= TASKDIAG_LOCK_BUDGET)) {
		batch->budget -= min(batch->budget, *end - start);
		smap_gather_stats(vma, &mss, 0, 0);
	} else {
		count_pieces(batch, vma, start, end, &mss);
	}
	taskdiag_fill_vma_stat(&batch->ctx->stats[batch->nr], start, *end, &mss);
}
#else
static void count_vma(struct vma_batch *batch, struct vm_area_struct *vma,
		      unsigned long start, unsigned long *end)
{
}
#endif

/*
 * Append the records of @vma from @start on, if it has the flags of the filter.
 * *@end becomes the end of the record.
 */
static int append_record(struct vma_batch *batch, struct vm_area_struct *vma,
			 unsigned long start, unsigned long *end)
{
	u64 wanted = batch->ctx->vma_flags;
	struct task_diag_vma *to = NULL;
	u64 flags = taskdiag_vma_flags(vma);

	if ((flags & wanted) != wanted)
		return 0;

	if (batch->vma)
		to = append_vma(batch, vma, start, flags);
	if (batch->vma ? !to : !has_tailroom(batch, 0))
		return -EMSGSIZE;

	if (batch->want_stats) {
		count_vma(batch, vma, start, end);
		if (to)
			to->end = *end;
	}
	batch->nr++;
	return 0;
}

/* Return the mapping at the row's address, or the first one behind it. */
static struct vm_area_struct *next_vma(struct vma_batch *batch)
{
	/* The iterator is valid only while the lock is held. */
	if (!batch->iterating)
		vma_iter_init(&batch->vmi, batch->mm, batch->ctx->memory.addr);
	batch->iterating = true;
	return vma_next(&batch->vmi);
}

/*
 * Append all mappings from the row's address on.  The record of a mapping that
 * has grown downwards meanwhile, or was merged with a lower one, begins at the
 * row's address, so that no address is reported twice.
 */
static int append_mapped(struct vma_batch *batch)
{
	struct taskdiag_memory *memory = &batch->ctx->memory;
	struct vm_area_struct *vma;

	if (!memory->addr)
		memory->vmas_left = 2 * batch->mm->map_count +
				    TASKDIAG_VMAS_EXTRA;

	while ((vma = next_vma(batch))) {
		unsigned long start = max(vma->vm_start, memory->addr);
		unsigned long end = vma->vm_end;
		int err;

		if (!memory->vmas_left)
			return -E2BIG;
		err = append_record(batch, vma, start, &end);
		if (err)
			return err;
		memory->vmas_left--;
		memory->addr = end;

		/* Deliver the records of this message before the signal. */
		if (batch->nr && signal_pending(current))
			return -EMSGSIZE;
		batch->budget -= min(batch->budget, TASKDIAG_VMA_COST);
		err = batch->budget ? batch_lock(batch) : batch_relock(batch);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Append the gate area, such as [vsyscall], which procfs shows in each process.
 */
static int append_gate(struct vma_batch *batch)
{
	struct vm_area_struct *vma = get_gate_vma(batch->mm);
	unsigned long end;

	if (!vma)
		return 0;
	end = vma->vm_end;
	return append_record(batch, vma, vma->vm_start, &end);
}

static int append_all(struct vma_batch *batch)
{
	int err;

	err = batch_lock(batch);
	if (!err)
		err = append_mapped(batch);
	if (!err)
		err = append_gate(batch);
	batch_unlock(batch);
	return err;
}

/* Complete the attributes; has_tailroom() has reserved space for VMA_STAT. */
static void end_attributes(struct vma_batch *batch)
{
	struct sk_buff *skb = batch->skb;
	struct nlattr *attr;

	if (batch->vma)
		batch->vma->nla_len = skb_tail_pointer(skb) -
				      (unsigned char *)batch->vma;
	if (batch->want_stats) {
		attr = __nla_reserve_64bit(skb, TASK_DIAG_VMA_STAT, batch->nr *
					   sizeof(*batch->ctx->stats),
					   TASK_DIAG_PAD);
		memcpy(nla_data(attr), batch->ctx->stats, nla_len(attr));
	}
}

/**
 * taskdiag_append_vmas - append as much of TASK_DIAG_VMA and VMA_STAT as fits
 * @ctx: state of the current row
 * @skb: destination
 * @caller: the caller
 *
 * Both attributes of a message describe the same mappings.  They are empty if
 * the process has none.
 *
 * Context: Process context.  May sleep, within the time limits of the row.
 *
 * Return: 0, -EMSGSIZE if there is more, -EBUSY if the mmap lock was not
 * available in time, -E2BIG if there are too many, -ENXIO for a thread other
 * than the leader, -EPERM without the access check, or an error of
 * taskdiag_mm_hold().
 */
int taskdiag_append_vmas(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			 struct taskdiag_caller *caller)
{
	struct vma_batch batch = {
		.ctx		= ctx,
		.skb		= skb,
		.want_stats	= ctx->stats,
	};
	unsigned int start = skb->len;
	int err;

	if (!ctx->memory.leader)
		return -ENXIO;
	if (ctx->want_vma)
		batch.vma = nla_reserve_64bit(skb, TASK_DIAG_VMA, 0,
					      TASK_DIAG_PAD);
	if ((ctx->want_vma && !batch.vma) || !has_tailroom(&batch, 0)) {
		skb_trim(skb, start);
		return -EMSGSIZE;
	}

	err = taskdiag_mm_hold(&ctx->target, ctx->memory.expected, caller,
			       &batch.mm);
	if (err) {
		skb_trim(skb, start);
		return err;
	}
	/* A task without memory may have begun to run a program. */
	if (batch.mm)
		err = ctx->target.level == TASKDIAG_FULL ? append_all(&batch) :
							   -EPERM;
	taskdiag_mm_drop(batch.mm);

	/* After an error, keep the records appended before it. */
	if (!err || ((err == -EMSGSIZE || err == -EBUSY || err == -E2BIG) &&
		     batch.nr))
		end_attributes(&batch);
	else
		skb_trim(skb, start);
	return err;
}
