// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the groups CMDLINE, VMA and VMA_STAT.
 *
 * What they tell comes from the functions that /proc/PID/cmdline, maps and smaps
 * have for it, and to whom procfs would show these files: cmdline to whoever
 * sees the process at all, maps and smaps on PTRACE_MODE_READ_FSCREDS, both of
 * which are taskdiag_may_see().  It is asked again for each message, as a
 * process that had execve() give it more rights may not be seen any more.
 *
 * Between messages an mm is held, but not its memory: that goes with the last
 * process that uses it, however slowly a dump is read.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <net/netlink.h>

#include "taskdiag.h"

/* Less of it is not worth an attribute. */
#define TASKDIAG_CMDLINE_MIN	64

/*
 * execve() takes 6 MiB of arguments.  With prctl(PR_SET_MM) they can be said to
 * be all of the address space, and a dump cannot be told to leave one out.
 */
#define TASKDIAG_CMDLINE_MAX	SZ_8M

/*
 * How much address space is told of before others get the mmap lock: some
 * milliseconds' worth if all of it is resident.
 */
#define TASKDIAG_SPACE_AT_ONCE	SZ_256M

/* One that moves its areas ahead of us is not followed for ever. */
#define TASKDIAG_AREAS_MORE	1024

/* An area costs as much as this however small it is. */
#define TASKDIAG_AREA_COST	(TASKDIAG_SPACE_AT_ONCE / 512)

/* --- access ------------------------------------------------------------- */

/* Is @mm what the row is about?  The first one is. */
static bool is_same(struct taskdiag_memory *memory, struct mm_struct *mm)
{
	if (!memory->known) {
		memory->known = true;
		memory->mm = mm;
		if (mm)
			mmgrab(mm);
		return mm || !memory->expected;
	}
	return mm == memory->mm;
}

/*
 * Get hold of the memory that the row is about; NULL if the task had none to
 * begin with.  -ESTALE: it is gone, or not for the caller's eyes any more.
 */
static int hold_mm(struct taskdiag_cont *cont, struct taskdiag_caller *caller,
		   struct mm_struct **ret)
{
	struct mm_struct *mm;
	int err;

	err = taskdiag_cont_lock(cont, caller);
	if (err)
		return err;
	mm = get_task_mm(cont->task);
	taskdiag_cont_unlock(cont);

	if (is_same(&cont->memory, mm)) {
		*ret = mm;
		return 0;
	}
	if (mm)
		mmput_async(mm);
	return -ESTALE;
}

/* If we are the last, the end of it is not the reader's to wait for. */
static void drop_mm(struct mm_struct *mm)
{
	if (mm)
		mmput_async(mm);
}

/* --- CMDLINE ------------------------------------------------------------ */

/**
 * taskdiag_put_cmdline - put as much of TASK_DIAG_CMDLINE as fits
 * @cont: whose
 * @skb: where to
 * @caller: who asks
 *
 * Return: 0, -EMSGSIZE if there may be more, -ESTALE if it is gone, or an error.
 */
int taskdiag_put_cmdline(struct taskdiag_cont *cont, struct sk_buff *skb,
			 struct taskdiag_caller *caller)
{
	struct nlattr *attr;
	struct mm_struct *mm;
	struct iov_iter iter;
	struct kvec room;
	ssize_t got = 0;
	int err;

	if (cont->memory.args >= TASKDIAG_CMDLINE_MAX)
		return -ESTALE;
	if (skb_tailroom(skb) < nla_total_size(TASKDIAG_CMDLINE_MIN))
		return -EMSGSIZE;
	err = hold_mm(cont, caller, &mm);
	if (err)
		return err;

	attr = __nla_reserve(skb, TASK_DIAG_CMDLINE, 0);
	room.iov_base = skb_tail_pointer(skb);
	room.iov_len = round_down(min(skb_tailroom(skb), U16_MAX - NLA_HDRLEN),
				  NLA_ALIGNTO);
	iov_iter_kvec(&iter, ITER_DEST, &room, 1, room.iov_len);
	if (mm)
		got = get_mm_cmdline(mm, &iter, &cont->memory.args);
	drop_mm(mm);
	if (got < 0)
		return got;

	attr->nla_len = nla_attr_size(got);
	skb_put(skb, got);
	skb_put_zero(skb, nla_padlen(got));
	cont->memory.args += got;
	return got == room.iov_len ? -EMSGSIZE : 0;
}

/* --- VMA and VMA_STAT --------------------------------------------------- */

/**
 * struct areas - a message's worth of areas
 * @cont: whose
 * @skb: where to
 * @mm: whose, with a user reference
 * @locked: we hold its mmap lock
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
	unsigned long		budget;
	struct nlattr		*vma;
	bool			want_stats;
	unsigned int		nr;
};

static int lock_areas(struct areas *areas)
{
	if (mmap_read_lock_killable(areas->mm))
		return -EINTR;
	areas->locked = true;
	areas->budget = TASKDIAG_SPACE_AT_ONCE;
	return 0;
}

static void unlock_areas(struct areas *areas)
{
	if (areas->locked)
		mmap_read_unlock(areas->mm);
	areas->locked = false;
}

/* Give others the lock.  After an error we do not have it back. */
static int breathe(struct areas *areas)
{
	unlock_areas(areas);
	cond_resched();
	if (fatal_signal_pending(current))
		return -EINTR;
	return lock_areas(areas);
}

static bool is_deleted(const struct path *path)
{
	const struct dentry *dentry = path->dentry;

	/* A memfd and its kin never had a name, and d_path() says the same. */
	return d_unlinked(dentry) ||
	       (dentry->d_op && dentry->d_op->d_dname == simple_dname);
}

/* VmFlags of /proc/PID/smaps, in the numbers of the ABI. */
static u64 flags_of(const struct vm_area_struct *vma)
{
	static const struct {
		vm_flags_t	from;
		u64		to;
	} map[] = {
		{ VM_READ,		TASK_DIAG_VMA_READ },
		{ VM_WRITE,		TASK_DIAG_VMA_WRITE },
		{ VM_EXEC,		TASK_DIAG_VMA_EXEC },
		{ VM_SHARED,		TASK_DIAG_VMA_SHARED },
		{ VM_MAYREAD,		TASK_DIAG_VMA_MAYREAD },
		{ VM_MAYWRITE,		TASK_DIAG_VMA_MAYWRITE },
		{ VM_MAYEXEC,		TASK_DIAG_VMA_MAYEXEC },
		{ VM_MAYSHARE,		TASK_DIAG_VMA_MAYSHARE },
		{ VM_GROWSDOWN,		TASK_DIAG_VMA_GROWSDOWN },
		{ VM_PFNMAP,		TASK_DIAG_VMA_PFNMAP },
		{ VM_LOCKED,		TASK_DIAG_VMA_LOCKED },
		{ VM_IO,		TASK_DIAG_VMA_IO },
		{ VM_SEQ_READ,		TASK_DIAG_VMA_SEQ_READ },
		{ VM_RAND_READ,		TASK_DIAG_VMA_RAND_READ },
		{ VM_DONTCOPY,		TASK_DIAG_VMA_DONTCOPY },
		{ VM_DONTEXPAND,	TASK_DIAG_VMA_DONTEXPAND },
		{ VM_ACCOUNT,		TASK_DIAG_VMA_ACCOUNT },
		{ VM_NORESERVE,		TASK_DIAG_VMA_NORESERVE },
		{ VM_HUGETLB,		TASK_DIAG_VMA_HUGETLB },
		{ VM_SYNC,		TASK_DIAG_VMA_SYNC },
		{ VM_WIPEONFORK,	TASK_DIAG_VMA_WIPEONFORK },
		{ VM_DONTDUMP,		TASK_DIAG_VMA_DONTDUMP },
		{ VM_MIXEDMAP,		TASK_DIAG_VMA_MIXEDMAP },
		{ VM_HUGEPAGE,		TASK_DIAG_VMA_HUGEPAGE },
		{ VM_NOHUGEPAGE,	TASK_DIAG_VMA_NOHUGEPAGE },
		{ VM_MERGEABLE,		TASK_DIAG_VMA_MERGEABLE },
		{ VM_LOCKONFAULT,	TASK_DIAG_VMA_LOCKONFAULT },
		{ VM_SOFTDIRTY,		TASK_DIAG_VMA_SOFTDIRTY },
		{ VM_UFFD_MISSING,	TASK_DIAG_VMA_UFFD_MISSING },
		{ VM_UFFD_MINOR,	TASK_DIAG_VMA_UFFD_MINOR },
		{ VM_UFFD_WP,		TASK_DIAG_VMA_UFFD_WP },
#ifdef CONFIG_64BIT
		{ VM_SEALED,		TASK_DIAG_VMA_SEALED },
#endif
	};
	u64 flags = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (vma->vm_flags & map[i].from)
			flags |= map[i].to;

	if (vma->vm_file) {
		flags |= TASK_DIAG_VMA_FILE;
		if (is_deleted(file_user_path(vma->vm_file)))
			flags |= TASK_DIAG_VMA_DELETED;
	}
	return flags;
}

/* Its name, at @buf or elsewhere; NULL if it has none, or one out of bounds. */
static const char *name_of(struct vm_area_struct *vma, char *buf)
{
	const char *name, *format;
	const struct path *path;

	get_vma_name(vma, &path, &name, &format);
	if (path) {
		name = d_path(path, buf, TASKDIAG_PATH_SIZE);
		return IS_ERR(name) ? NULL : name;
	}
	if (!format)
		return name;
	snprintf(buf, TASKDIAG_PATH_SIZE, format, name);
	return buf;
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

/* The area is @vma from @start on. */
static struct task_diag_vma *put_vma(struct areas *areas,
				     struct vm_area_struct *vma,
				     unsigned long start, u64 flags)
{
	const char *name = name_of(vma, areas->cont->path);
	size_t name_len = name ? strlen(name) + 1 : 0;
	size_t len = ALIGN(sizeof(struct task_diag_vma) + name_len, 8);
	struct task_diag_vma *to;

	if (!has_room(areas, len))
		return NULL;

	to = skb_put_zero(areas->skb, len);
	to->len = len;
	to->start = start;
	to->end = vma->vm_end;
	to->flags = flags;
	if (vma->vm_file) {
		const struct inode *inode = file_user_inode(vma->vm_file);

		to->pgoff = ((u64)vma->vm_pgoff << PAGE_SHIFT) +
			    (start - vma->vm_start);
		to->ino = inode->i_ino;
		to->dev_major = MAJOR(inode->i_sb->s_dev);
		to->dev_minor = MINOR(inode->i_sb->s_dev);
	}
	if (name) {
		to->name_off = sizeof(*to);
		memcpy(to + 1, name, name_len);
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

/* A huge page counts whole: let none be in two pieces. */
static unsigned long end_of_piece(struct vm_area_struct *vma,
				  unsigned long addr)
{
	unsigned long size = max_t(unsigned long, TASKDIAG_SPACE_AT_ONCE,
				   vma_kernel_pagesize(vma));
	unsigned long end = round_down(addr, size) + size;

	return end > addr && end < vma->vm_end ? end : vma->vm_end;
}

/* Does the area that was [.., @end) with @flags go on at @addr? */
static bool goes_on(struct vm_area_struct *vma, unsigned long addr,
		    unsigned long end, vm_flags_t flags)
{
	return vma && vma->vm_start <= addr && vma->vm_end == end &&
	       vma->vm_flags == flags;
}

/*
 * Count a large area in pieces, and let go of the mmap lock between them.  If
 * it changes meanwhile it ends, for us, where it has been counted to: @end.
 */
static int count_pieces(struct areas *areas, struct vm_area_struct *vma,
			unsigned long addr, unsigned long *end,
			struct mem_size_stats *mss)
{
	vm_flags_t flags = vma->vm_flags;

	for (;;) {
		unsigned long next = end_of_piece(vma, addr);
		int err;

		smap_gather_stats(vma, mss, addr, next);
		if (next == *end)
			return 0;

		addr = next;
		err = breathe(areas);
		if (err)
			return err;
		vma = find_vma(areas->mm, addr);
		if (!goes_on(vma, addr, *end, flags)) {
			*end = addr;
			return 0;
		}
	}
}

/* As smaps does it, but for what takes long.  0 as a start means all to it. */
static int count_area(struct areas *areas, struct vm_area_struct *vma,
		      unsigned long start, unsigned long *end)
{
	struct mem_size_stats mss = {};
	int err = 0;

	if (start == vma->vm_start &&
	    (!start || *end - start <= TASKDIAG_SPACE_AT_ONCE)) {
		areas->budget -= min(areas->budget, *end - start);
		smap_gather_stats(vma, &mss, 0, 0);
	} else {
		err = count_pieces(areas, vma, start, end, &mss);
	}
	if (!err)
		put_stats(&areas->cont->stats[areas->nr], start, *end, &mss);
	return err;
}
#else
static int count_area(struct areas *areas, struct vm_area_struct *vma,
		      unsigned long start, unsigned long *end)
{
	return 0;
}
#endif

/* Tell of @vma from @start on; @end becomes how far that was. */
static int put_area(struct areas *areas, struct vm_area_struct *vma,
		    unsigned long start, unsigned long *end)
{
	u64 wanted = areas->cont->vma_flags;
	struct task_diag_vma *to = NULL;
	u64 flags = flags_of(vma);
	int err;

	if ((flags & wanted) != wanted)
		return 0;

	if (areas->vma)
		to = put_vma(areas, vma, start, flags);
	if (areas->vma ? !to : !has_room(areas, 0))
		return -EMSGSIZE;

	if (areas->want_stats) {
		err = count_area(areas, vma, start, end);
		if (err)
			return err;
		if (to)
			to->end = *end;
	}
	areas->nr++;
	return 0;
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

	while ((vma = find_vma(areas->mm, memory->addr))) {
		unsigned long start = max(vma->vm_start, memory->addr);
		unsigned long end = vma->vm_end;
		int err;

		if (!memory->areas)
			return -ESTALE;
		err = put_area(areas, vma, start, &end);
		if (err)
			return err;
		memory->areas--;
		memory->addr = end;

		areas->budget -= min(areas->budget, TASKDIAG_AREA_COST);
		if (!areas->budget)
			err = breathe(areas);
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
 * Return: 0, -EMSGSIZE if there is more, -ESTALE if it is gone, or an error.
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
		return 0;
	if (cont->want_vma)
		areas.vma = nla_reserve_64bit(skb, TASK_DIAG_VMA, 0,
					      TASK_DIAG_PAD);
	if ((cont->want_vma && !areas.vma) || !has_room(&areas, 0)) {
		skb_trim(skb, start);
		return -EMSGSIZE;
	}

	err = hold_mm(cont, caller, &areas.mm);
	if (err) {
		skb_trim(skb, start);
		return err;
	}
	if (areas.mm)
		err = put_areas(&areas);
	drop_mm(areas.mm);

	/* What has been told of is to be sent, if it is anything. */
	if (!err || ((err == -EMSGSIZE || err == -ESTALE) && areas.nr))
		close_attributes(&areas);
	else
		skb_trim(skb, start);
	return err;
}
