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
#define TASKDIAG_SPACE_AT_ONCE	SZ_256M

/* How much more of it while it is empty; the next piece may be resident. */
#define TASKDIAG_SPARSE_FACTOR	8

/* One that moves its areas ahead of us is not followed for ever. */
#define TASKDIAG_AREAS_MORE	1024

/* An area costs as much as this however small it is. */
#define TASKDIAG_AREA_COST	(TASKDIAG_SPACE_AT_ONCE / 512)

/**
 * struct area_name - what an area is called
 * @text: its name, maybe in the row's room for a path; NULL if it has none
 * @size: with the NUL at its end
 * @path: the file that this is the path of; NULL if it is of none
 * @deleted: TASK_DIAG_VMA_DELETED, if the file was then
 */
struct area_name {
	const char		*text;
	size_t			size;
	const struct path	*path;
	u64			deleted;
};

/**
 * struct areas - a message's worth of areas
 * @cont: whose
 * @skb: where to
 * @mm: whose, with a user reference
 * @locked: we hold its mmap lock
 * @walking: and have had an area from @vmi since we took it
 * @vmi: where we are among them
 * @name: of the last area that was told of, while we hold the lock
 * @budget: bytes of address space until we have to let go of it
 * @vma: the attribute TASK_DIAG_VMA; NULL if it was not asked for
 * @want_stats: TASK_DIAG_VMA_STAT was asked for
 * @nr: how many areas there are
 */
struct areas {
	struct taskdiag_cont	*cont;
	struct sk_buff		*skb;
	struct mm_struct	*mm;
	bool			locked;
	bool			walking;
	struct vma_iterator	vmi;
	struct area_name	name;
	unsigned long		budget;
	struct nlattr		*vma;
	bool			want_stats;
	unsigned int		nr;
};

/* The mmap lock, unless it is held already. */
static int lock_areas(struct areas *areas)
{
	int err;

	if (areas->locked)
		return 0;
	err = taskdiag_mm_lock(areas->cont, areas->mm);
	if (err)
		return err;
	areas->locked = true;
	areas->walking = false;
	areas->name.path = NULL;
	areas->budget = TASKDIAG_SPACE_AT_ONCE;
	return 0;
}

static void unlock_areas(struct areas *areas)
{
	if (areas->locked)
		mmap_read_unlock(areas->mm);
	areas->locked = false;
}

/*
 * Drop the mmap lock so that others get it.  After an error it is not held
 * again.
 */
static int relock_areas(struct areas *areas)
{
	unlock_areas(areas);
	cond_resched();
	if (signal_pending(current))
		return -EBUSY;
	return lock_areas(areas);
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
#define TASKDIAG_VM_USUAL	(VM_READ | VM_WRITE | VM_EXEC | VM_MAYREAD | \
				 VM_MAYWRITE | VM_MAYEXEC | VM_MAYSHARE | \
				 VM_ACCOUNT | VM_SOFTDIRTY)

static u64 unusual_flags(vm_flags_t vm_flags)
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
	if (vm_flags & ~TASKDIAG_VM_USUAL)
		flags |= unusual_flags(vm_flags);
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
static void name_by_path(struct area_name *name, const struct path *path,
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
static void find_name(struct areas *areas, struct vm_area_struct *vma,
		      u64 flags)
{
	u64 deleted = flags & TASK_DIAG_VMA_DELETED;
	struct area_name *name = &areas->name;
	char *buf = areas->cont->path;
	const struct path *path;
	const char *text, *format;

	get_vma_name(vma, &path, &text, &format);
	if (path && path == name->path && deleted == name->deleted)
		return;

	*name = (struct area_name) { .text = text, .deleted = deleted };
	if (path) {
		name_by_path(name, path, buf);
	} else if (format) {
		snprintf(buf, TASKDIAG_PATH_SIZE, format, text);
		name->text = buf;
	}
	if (name->text)
		name->size = strlen(name->text) + 1;
}

/* Room for @len bytes of TASK_DIAG_VMA, and for the numbers to go with them? */
static bool has_room(const struct areas *areas, size_t len)
{
	size_t room = skb_tailroom(areas->skb);

	if (areas->want_stats) {
		if (areas->nr == TASKDIAG_STATS)
			return false;
		len += nla_total_size_64bit((areas->nr + 1) *
					    sizeof(*areas->cont->stats));
	}
	if (areas->vma)
		room = min_t(size_t, room, (void *)areas->vma + U16_MAX -
					   (void *)skb_tail_pointer(areas->skb));
	return len <= room;
}

/* What is mapped of which file, from @start on. */
static void put_file(struct task_diag_vma *to, const struct vm_area_struct *vma,
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
#define AREA_ALIGN	sizeof(u64)

/* The area is @vma from @start on. */
static struct task_diag_vma *put_vma(struct areas *areas,
				     struct vm_area_struct *vma,
				     unsigned long start, u64 flags)
{
	const struct area_name *name = &areas->name;
	struct task_diag_vma *to;
	size_t len;

	find_name(areas, vma, flags);
	len = ALIGN(sizeof(*to) + name->size, AREA_ALIGN);
	if (!has_room(areas, len))
		return NULL;

	/* All of it is written below, by field. */
	to = __skb_put(areas->skb, len);
	to->len = len;
	to->name_off = name->text ? sizeof(*to) : 0;
	to->start = start;
	to->end = vma->vm_end;
	to->flags = flags;
	put_file(to, vma, start);
	if (name->text) {
		/* What is behind the name, up to the next area. */
		memset((void *)to + len - AREA_ALIGN, 0, AREA_ALIGN);
		memcpy(to + 1, name->text, name->size);
	}
	return to;
}

#ifdef CONFIG_PROC_PAGE_MONITOR
static void put_stats(struct task_diag_vma_stat *to, unsigned long start,
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
static void count_pieces(struct areas *areas, struct vm_area_struct *vma,
			 unsigned long addr, unsigned long *end,
			 struct mem_size_stats *mss)
{
	const unsigned long least = max_t(unsigned long, TASKDIAG_SPACE_AT_ONCE,
					  vma_kernel_pagesize(vma));
	const struct mapping before = mapping_of(vma);
	unsigned long size = least, pages = 0;

	for (;;) {
		unsigned long next = end_of_piece(vma, addr, size);

		smap_gather_stats(vma, mss, addr, next);
		if (next == *end)
			return;

		/* Empty address space costs little, and there can be much. */
		size = least;
		if (mss->resident + mss->swap == pages && vma_is_anonymous(vma))
			size *= TASKDIAG_SPARSE_FACTOR;
		pages = mss->resident + mss->swap;

		addr = next;
		if (relock_areas(areas))
			break;
		vma = find_vma(areas->mm, addr);
		if (!continues(vma, addr, &before))
			break;
	}
	*end = addr;
}

/* As smaps does it, but for what takes long.  0 as a start means all to it. */
static void count_area(struct areas *areas, struct vm_area_struct *vma,
		       unsigned long start, unsigned long *end)
{
	struct mem_size_stats mss = {};

	if (start == vma->vm_start &&
	    (!start || *end - start <= TASKDIAG_SPACE_AT_ONCE)) {
		areas->budget -= min(areas->budget, *end - start);
		smap_gather_stats(vma, &mss, 0, 0);
	} else {
		count_pieces(areas, vma, start, end, &mss);
	}
	put_stats(&areas->cont->stats[areas->nr], start, *end, &mss);
}
#else
static void count_area(struct areas *areas, struct vm_area_struct *vma,
		       unsigned long start, unsigned long *end)
{
}
#endif

/* Tell of @vma from @start on; @end becomes how far that was. */
static int put_area(struct areas *areas, struct vm_area_struct *vma,
		    unsigned long start, unsigned long *end)
{
	u64 wanted = areas->cont->vma_flags;
	struct task_diag_vma *to = NULL;
	u64 flags = flags_of(vma);

	if ((flags & wanted) != wanted)
		return 0;

	if (areas->vma)
		to = put_vma(areas, vma, start, flags);
	if (areas->vma ? !to : !has_room(areas, 0))
		return -EMSGSIZE;

	if (areas->want_stats) {
		count_area(areas, vma, start, end);
		if (to)
			to->end = *end;
	}
	areas->nr++;
	return 0;
}

/* The area at the row's address, or the first one behind it. */
static struct vm_area_struct *next_area(struct areas *areas)
{
	/* What the iterator knows holds no longer than the lock. */
	if (!areas->walking)
		vma_iter_init(&areas->vmi, areas->mm, areas->cont->memory.addr);
	areas->walking = true;
	return vma_next(&areas->vmi);
}

/*
 * All areas from the row's address on.  One that has grown below it since, or
 * was merged with one below, begins at that address: none is told of twice.
 */
static int put_mapped(struct areas *areas)
{
	struct taskdiag_memory *memory = &areas->cont->memory;
	struct vm_area_struct *vma;

	if (!memory->addr)
		memory->areas = 2 * areas->mm->map_count + TASKDIAG_AREAS_MORE;

	while ((vma = next_area(areas))) {
		unsigned long start = max(vma->vm_start, memory->addr);
		unsigned long end = vma->vm_end;
		int err;

		if (!memory->areas)
			return -E2BIG;
		err = put_area(areas, vma, start, &end);
		if (err)
			return err;
		memory->areas--;
		memory->addr = end;

		/* Deliver the part so far, if there is any. */
		if (areas->nr && signal_pending(current))
			return -EMSGSIZE;
		areas->budget -= min(areas->budget, TASKDIAG_AREA_COST);
		err = areas->budget ? lock_areas(areas) : relock_areas(areas);
		if (err)
			return err;
	}
	return 0;
}

/* The area of no process that procfs shows in each, such as [vsyscall]. */
static int put_gate(struct areas *areas)
{
	struct vm_area_struct *vma = get_gate_vma(areas->mm);
	unsigned long end;

	if (!vma)
		return 0;
	end = vma->vm_end;
	return put_area(areas, vma, vma->vm_start, &end);
}

static int put_areas(struct areas *areas)
{
	int err;

	err = lock_areas(areas);
	if (!err)
		err = put_mapped(areas);
	if (!err)
		err = put_gate(areas);
	unlock_areas(areas);
	return err;
}

/* has_room() has kept some for this. */
static void close_attributes(struct areas *areas)
{
	struct sk_buff *skb = areas->skb;
	struct nlattr *attr;

	if (areas->vma)
		areas->vma->nla_len = skb_tail_pointer(skb) -
				      (unsigned char *)areas->vma;
	if (areas->want_stats) {
		attr = __nla_reserve_64bit(skb, TASK_DIAG_VMA_STAT, areas->nr *
					   sizeof(*areas->cont->stats),
					   TASK_DIAG_PAD);
		memcpy(nla_data(attr), areas->cont->stats, nla_len(attr));
	}
}

/**
 * taskdiag_put_areas - put as much of TASK_DIAG_VMA and VMA_STAT as fits
 * @cont: whose
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
int taskdiag_put_areas(struct taskdiag_cont *cont, struct sk_buff *skb,
		       struct taskdiag_caller *caller)
{
	struct areas areas = {
		.cont		= cont,
		.skb		= skb,
		.want_stats	= cont->stats,
	};
	unsigned int start = skb->len;
	int err;

	if (!cont->memory.whole)
		return -ENXIO;
	if (cont->want_vma)
		areas.vma = nla_reserve_64bit(skb, TASK_DIAG_VMA, 0,
					      TASK_DIAG_PAD);
	if ((cont->want_vma && !areas.vma) || !has_room(&areas, 0)) {
		skb_trim(skb, start);
		return -EMSGSIZE;
	}

	err = taskdiag_mm_hold(cont, caller, &areas.mm);
	if (err) {
		skb_trim(skb, start);
		return err;
	}
	if (areas.mm)
		err = put_areas(&areas);
	taskdiag_mm_drop(areas.mm);

	/* After an error the records so far are kept, if there are any. */
	if (!err || ((err == -EMSGSIZE || err == -EBUSY || err == -E2BIG) &&
		     areas.nr))
		close_attributes(&areas);
	else
		skb_trim(skb, start);
	return err;
}
