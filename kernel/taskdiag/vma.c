// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the groups VMA and VMA_STAT, the areas of a task's memory.
 *
 * As /proc/PID/maps and smaps tell of them (fs/proc/task_mmu.c).  Who may see
 * them, and how the memory is held, is mm.c's to know.
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
 * How much address space is told of before others get the mmap lock: some
 * milliseconds' worth if all of it is resident.
 */
#define TASKDIAG_LOCK_BUDGET	SZ_256M

/* How much more of it while it is empty; the next piece may be resident. */
#define TASKDIAG_SPARSE_FACTOR	8

/* One that moves its areas ahead of us is not followed for ever. */
#define TASKDIAG_VMAS_EXTRA	1024

/* An area costs as much as this however small it is. */
#define TASKDIAG_VMA_COST	(TASKDIAG_LOCK_BUDGET / 512)

/**
 * struct vma_name - what an area is called
 * @text: its name, maybe in the row's room for a path; NULL if it has none
 * @size: with the NUL at its end
 * @path: the file that this is the path of; NULL if it is of none
 * @deleted: TASK_DIAG_VMA_DELETED, if the file was then
 */
struct vma_name {
	const char		*text;
	size_t			size;
	const struct path	*path;
	u64			deleted;
};

/**
 * struct vma_batch - a message's worth of areas
 * @multi: whose
 * @skb: where to
 * @mm: whose, with a user reference
 * @locked: we hold its mmap lock
 * @iterating: and have had an area from @vmi since we took it
 * @vmi: where we are among them
 * @name: of the last area that was told of, while we hold the lock
 * @budget: bytes of address space until we have to let go of it
 * @vma: the attribute TASK_DIAG_VMA; NULL if it was not asked for
 * @want_stats: TASK_DIAG_VMA_STAT was asked for
 * @nr: how many areas there are
 */
struct vma_batch {
	struct taskdiag_multi	*multi;
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

/* The mmap lock, unless it is held already. */
static int batch_lock(struct vma_batch *batch)
{
	int err;

	if (batch->locked)
		return 0;
	err = taskdiag_mm_lock(batch->multi, batch->mm);
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

/*
 * Drop the mmap lock so that others get it.  After an error it is not held
 * again.
 */
static int batch_relock(struct vma_batch *batch)
{
	batch_unlock(batch);
	cond_resched();
	if (signal_pending(current))
		return -EBUSY;
	return batch_lock(batch);
}

static bool is_deleted(const struct path *path)
{
	const struct dentry *dentry = path->dentry;

	/* A memfd and its kin never had a name, and d_path() says the same. */
	return d_unlinked(dentry) ||
	       (dentry->d_op && dentry->d_op->d_dname == simple_dname);
}

/* Constants all: a mask, and a shift where the two numbers differ. */
static __always_inline u64 flag(vm_flags_t flags, vm_flags_t from, u64 to)
{
	return flags & from ? to : 0;
}

/* What nearly every area has, or has not. */
#define TASKDIAG_VM_COMMON	(VM_READ | VM_WRITE | VM_EXEC | VM_MAYREAD | \
				 VM_MAYWRITE | VM_MAYEXEC | VM_MAYSHARE | \
				 VM_ACCOUNT | VM_SOFTDIRTY)

static u64 uncommon_flags(vm_flags_t vm_flags)
{
	u64 flags = 0;

	flags |= flag(vm_flags, VM_SHARED, TASK_DIAG_VMA_SHARED);
	flags |= flag(vm_flags, VM_GROWSDOWN, TASK_DIAG_VMA_GROWSDOWN);
	flags |= flag(vm_flags, VM_PFNMAP, TASK_DIAG_VMA_PFNMAP);
	flags |= flag(vm_flags, VM_LOCKED, TASK_DIAG_VMA_LOCKED);
	flags |= flag(vm_flags, VM_IO, TASK_DIAG_VMA_IO);
	flags |= flag(vm_flags, VM_SEQ_READ, TASK_DIAG_VMA_SEQ_READ);
	flags |= flag(vm_flags, VM_RAND_READ, TASK_DIAG_VMA_RAND_READ);
	flags |= flag(vm_flags, VM_DONTCOPY, TASK_DIAG_VMA_DONTCOPY);
	flags |= flag(vm_flags, VM_DONTEXPAND, TASK_DIAG_VMA_DONTEXPAND);
	flags |= flag(vm_flags, VM_NORESERVE, TASK_DIAG_VMA_NORESERVE);
	flags |= flag(vm_flags, VM_HUGETLB, TASK_DIAG_VMA_HUGETLB);
	flags |= flag(vm_flags, VM_SYNC, TASK_DIAG_VMA_SYNC);
	flags |= flag(vm_flags, VM_WIPEONFORK, TASK_DIAG_VMA_WIPEONFORK);
	flags |= flag(vm_flags, VM_DONTDUMP, TASK_DIAG_VMA_DONTDUMP);
	flags |= flag(vm_flags, VM_MIXEDMAP, TASK_DIAG_VMA_MIXEDMAP);
	flags |= flag(vm_flags, VM_HUGEPAGE, TASK_DIAG_VMA_HUGEPAGE);
	flags |= flag(vm_flags, VM_NOHUGEPAGE, TASK_DIAG_VMA_NOHUGEPAGE);
	flags |= flag(vm_flags, VM_MERGEABLE, TASK_DIAG_VMA_MERGEABLE);
	flags |= flag(vm_flags, VM_LOCKONFAULT, TASK_DIAG_VMA_LOCKONFAULT);
	flags |= flag(vm_flags, VM_UFFD_MISSING, TASK_DIAG_VMA_UFFD_MISSING);
	flags |= flag(vm_flags, VM_UFFD_MINOR, TASK_DIAG_VMA_UFFD_MINOR);
	flags |= flag(vm_flags, VM_UFFD_WP, TASK_DIAG_VMA_UFFD_WP);
#ifdef CONFIG_64BIT
	flags |= flag(vm_flags, VM_SEALED, TASK_DIAG_VMA_SEALED);
#endif
	return flags;
}

/* VmFlags of /proc/PID/smaps, in the numbers of the ABI. */
static __always_inline u64 vm_flags_of(vm_flags_t vm_flags)
{
	u64 flags = 0;

	flags |= flag(vm_flags, VM_READ, TASK_DIAG_VMA_READ);
	flags |= flag(vm_flags, VM_WRITE, TASK_DIAG_VMA_WRITE);
	flags |= flag(vm_flags, VM_EXEC, TASK_DIAG_VMA_EXEC);
	flags |= flag(vm_flags, VM_MAYREAD, TASK_DIAG_VMA_MAYREAD);
	flags |= flag(vm_flags, VM_MAYWRITE, TASK_DIAG_VMA_MAYWRITE);
	flags |= flag(vm_flags, VM_MAYEXEC, TASK_DIAG_VMA_MAYEXEC);
	flags |= flag(vm_flags, VM_MAYSHARE, TASK_DIAG_VMA_MAYSHARE);
	flags |= flag(vm_flags, VM_ACCOUNT, TASK_DIAG_VMA_ACCOUNT);
	flags |= flag(vm_flags, VM_SOFTDIRTY, TASK_DIAG_VMA_SOFTDIRTY);
	if (vm_flags & ~TASKDIAG_VM_COMMON)
		flags |= uncommon_flags(vm_flags);
	return flags;
}

/**
 * taskdiag_vma_flags - return the flags of memory mappings of this kernel
 *
 * Return: TASK_DIAG_VMA_*.
 */
u64 taskdiag_vma_flags(void)
{
	return vm_flags_of(~(vm_flags_t)0) | TASK_DIAG_VMA_FILE |
	       TASK_DIAG_VMA_DELETED;
}

static u64 flags_of(const struct vm_area_struct *vma)
{
	u64 flags = vm_flags_of(vma->vm_flags);

	if (vma->vm_file) {
		flags |= TASK_DIAG_VMA_FILE;
		if (is_deleted(file_user_path(vma->vm_file)))
			flags |= TASK_DIAG_VMA_DELETED;
	}
	return flags;
}

/* At the end of @buf; none if it is longer than a path can be. */
static void set_path_name(struct vma_name *name, const struct path *path,
			 char *buf)
{
	const char *text = d_path(path, buf, TASKDIAG_PATH_SIZE);

	name->text = IS_ERR(text) ? NULL : text;
	name->path = path;
}

/*
 * A program or library is some areas in a row, all of one file: the path that
 * the last one had is taken for all of them, unless the file was deleted
 * meanwhile.  Renamed, it has that name for as long as we hold the lock.
 */
static void set_name(struct vma_batch *batch, struct vm_area_struct *vma,
		      u64 flags)
{
	u64 deleted = flags & TASK_DIAG_VMA_DELETED;
	struct vma_name *name = &batch->name;
	char *buf = batch->multi->path;
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

/* Room for @len bytes of TASK_DIAG_VMA, and for the numbers to go with them? */
static bool has_tailroom(const struct vma_batch *batch, size_t len)
{
	size_t tailroom = skb_tailroom(batch->skb);

	if (batch->want_stats) {
		if (batch->nr == TASKDIAG_VMA_STATS)
			return false;
		len += nla_total_size_64bit((batch->nr + 1) *
					    sizeof(*batch->multi->stats));
	}
	if (batch->vma)
		tailroom = min_t(size_t, tailroom, (void *)batch->vma + U16_MAX -
					   (void *)skb_tail_pointer(batch->skb));
	return len <= tailroom;
}

/* What is mapped of which file, from @start on. */
static void fill_file(struct task_diag_vma *to, const struct vm_area_struct *vma,
		     unsigned long start)
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

/* Areas lie behind each other at multiples of this. */
#define RECORD_ALIGN	sizeof(u64)

/* The area is @vma from @start on. */
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

	/* All of it is written below, by field. */
	to = __skb_put(batch->skb, len);
	to->len = len;
	to->name_off = name->text ? sizeof(*to) : 0;
	to->start = start;
	to->end = vma->vm_end;
	to->flags = flags;
	fill_file(to, vma, start);
	if (name->text) {
		/* What is behind the name, up to the next area. */
		memset((void *)to + len - RECORD_ALIGN, 0, RECORD_ALIGN);
		memcpy(to + 1, name->text, name->size);
	}
	return to;
}

#ifdef CONFIG_PROC_PAGE_MONITOR
static void fill_stats(struct task_diag_vma_stat *to, unsigned long start,
		      unsigned long end, const struct mem_size_stats *mss)
{
	*to = (struct task_diag_vma_stat) {
		.len		= sizeof(*to),
		.start		= start,
		.end		= end,
		.rss		= mss->resident,
		.pss		= mss->pss >> PSS_SHIFT,
		.pss_dirty	= mss->pss_dirty >> PSS_SHIFT,
		.shared_clean	= mss->shared_clean,
		.shared_dirty	= mss->shared_dirty,
		.private_clean	= mss->private_clean,
		.private_dirty	= mss->private_dirty,
		.referenced	= mss->referenced,
		.anonymous	= mss->anonymous,
		.ksm		= mss->ksm,
		.lazy_free	= mss->lazyfree,
		.anon_thp	= mss->anonymous_thp,
		.shmem_thp	= mss->shmem_thp,
		.file_thp	= mss->file_thp,
		.shared_hugetlb	= mss->shared_hugetlb,
		.private_hugetlb = mss->private_hugetlb,
		.swap		= mss->swap,
		.swap_pss	= mss->swap_pss >> PSS_SHIFT,
		.locked		= mss->pss_locked >> PSS_SHIFT,
	};
}

/* A huge page counts whole: it must not be in two pieces. */
static unsigned long end_of_piece(struct vm_area_struct *vma,
				  unsigned long addr, unsigned long size)
{
	unsigned long end = round_down(addr, size) + size;

	return end > addr && end < vma->vm_end ? end : vma->vm_end;
}

/**
 * struct mapping - identity of a memory mapping while the mmap lock is dropped
 * @end: first address behind it
 * @flags: its vm_flags
 * @file: its file, to be compared only
 * @offset: page offset of address 0 in the file
 */
struct mapping {
	unsigned long		end;
	vm_flags_t		flags;
	const struct file	*file;
	unsigned long		offset;
};

static struct mapping mapping_of(const struct vm_area_struct *vma)
{
	return (struct mapping) {
		.end	= vma->vm_end,
		.flags	= vma->vm_flags,
		.file	= vma->vm_file,
		.offset	= vma->vm_pgoff - (vma->vm_start >> PAGE_SHIFT),
	};
}

static bool continues(const struct vm_area_struct *vma, unsigned long addr,
		      const struct mapping *before)
{
	struct mapping now;

	if (!vma || vma->vm_start > addr)
		return false;
	now = mapping_of(vma);
	return now.end == before->end && now.flags == before->flags &&
	       now.file == before->file &&
	       (!now.file || now.offset == before->offset);
}

/*
 * Count a large area in pieces, and drop the mmap lock between them.  @end
 * becomes the end of the last piece that was counted: the area may have changed
 * meanwhile, the lock may not be available, or a signal may be pending.  The
 * next record begins there.
 */
static void count_pieces(struct vma_batch *batch, struct vm_area_struct *vma,
			 unsigned long addr, unsigned long *end,
			 struct mem_size_stats *mss)
{
	const unsigned long min_size = max_t(unsigned long, TASKDIAG_LOCK_BUDGET,
					  vma_kernel_pagesize(vma));
	const struct mapping before = mapping_of(vma);
	unsigned long size = min_size, pages = 0;

	for (;;) {
		unsigned long next = end_of_piece(vma, addr, size);

		smap_gather_stats(vma, mss, addr, next);
		if (next == *end)
			return;

		/* Empty address space costs little, and there can be much. */
		size = min_size;
		if (mss->resident + mss->swap == pages && vma_is_anonymous(vma))
			size *= TASKDIAG_SPARSE_FACTOR;
		pages = mss->resident + mss->swap;

		addr = next;
		if (batch_relock(batch))
			break;
		vma = find_vma(batch->mm, addr);
		if (!continues(vma, addr, &before))
			break;
	}
	*end = addr;
}

/* As smaps does it, but for what takes long.  0 as a start means all to it. */
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
	fill_stats(&batch->multi->stats[batch->nr], start, *end, &mss);
}
#else
static void count_vma(struct vma_batch *batch, struct vm_area_struct *vma,
		       unsigned long start, unsigned long *end)
{
}
#endif

/* Tell of @vma from @start on; @end becomes how far that was. */
static int append_record(struct vma_batch *batch, struct vm_area_struct *vma,
		    unsigned long start, unsigned long *end)
{
	u64 wanted = batch->multi->vma_flags;
	struct task_diag_vma *to = NULL;
	u64 flags = flags_of(vma);

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

/* The area at the row's address, or the first one behind it. */
static struct vm_area_struct *next_vma(struct vma_batch *batch)
{
	/* What the iterator knows holds no longer than the lock. */
	if (!batch->iterating)
		vma_iter_init(&batch->vmi, batch->mm, batch->multi->memory.addr);
	batch->iterating = true;
	return vma_next(&batch->vmi);
}

/*
 * All areas from the row's address on.  One that has grown below it since, or
 * was merged with one below, begins at that address: none is told of twice.
 */
static int append_mapped(struct vma_batch *batch)
{
	struct taskdiag_memory *memory = &batch->multi->memory;
	struct vm_area_struct *vma;

	if (!memory->addr)
		memory->vmas_left = 2 * batch->mm->map_count + TASKDIAG_VMAS_EXTRA;

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

		/* Deliver the part so far, if there is any. */
		if (batch->nr && signal_pending(current))
			return -EMSGSIZE;
		batch->budget -= min(batch->budget, TASKDIAG_VMA_COST);
		err = batch->budget ? batch_lock(batch) : batch_relock(batch);
		if (err)
			return err;
	}
	return 0;
}

/* The area of no process that procfs shows in each, such as [vsyscall]. */
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

/* has_tailroom() has kept some for this. */
static void end_attributes(struct vma_batch *batch)
{
	struct sk_buff *skb = batch->skb;
	struct nlattr *attr;

	if (batch->vma)
		batch->vma->nla_len = skb_tail_pointer(skb) -
				      (unsigned char *)batch->vma;
	if (batch->want_stats) {
		attr = __nla_reserve_64bit(skb, TASK_DIAG_VMA_STAT, batch->nr *
					   sizeof(*batch->multi->stats),
					   TASK_DIAG_PAD);
		memcpy(nla_data(attr), batch->multi->stats, nla_len(attr));
	}
}

/**
 * taskdiag_append_vmas - put as much of TASK_DIAG_VMA and VMA_STAT as fits
 * @multi: whose
 * @skb: where to
 * @caller: who asks
 *
 * Both are about the same areas in each message.  A process without any has
 * attributes without any.
 *
 * Return: 0, -EMSGSIZE if there is more, -EBUSY if the mmap lock was not
 * available in time, -E2BIG if there are too many, -ENXIO for a thread other than
 * the leader, or an error of taskdiag_mm_hold().
 */
int taskdiag_append_vmas(struct taskdiag_multi *multi, struct sk_buff *skb,
		       struct taskdiag_caller *caller)
{
	struct vma_batch batch = {
		.multi		= multi,
		.skb		= skb,
		.want_stats	= multi->stats,
	};
	unsigned int start = skb->len;
	int err;

	if (!multi->memory.leader)
		return -ENXIO;
	if (multi->want_vma)
		batch.vma = nla_reserve_64bit(skb, TASK_DIAG_VMA, 0,
					      TASK_DIAG_PAD);
	if ((multi->want_vma && !batch.vma) || !has_tailroom(&batch, 0)) {
		skb_trim(skb, start);
		return -EMSGSIZE;
	}

	err = taskdiag_mm_hold(multi, caller, &batch.mm);
	if (err) {
		skb_trim(skb, start);
		return err;
	}
	if (batch.mm)
		err = append_all(&batch);
	taskdiag_mm_drop(batch.mm);

	/* After an error the records so far are kept, if there are any. */
	if (!err || ((err == -EMSGSIZE || err == -EBUSY || err == -E2BIG) &&
		     batch.nr))
		end_attributes(&batch);
	else
		skb_trim(skb, start);
	return err;
}
