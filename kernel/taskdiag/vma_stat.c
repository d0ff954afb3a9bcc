// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the memory use of a mapping, as /proc/PID/smaps has it.
 *
 * Depends on the kernel's memory mappings only; must not depend on the request
 * or the reply.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/proc_fs.h>

#include "taskdiag.h"

/**
 * taskdiag_fill_vma_stat - write a record of VMA_STAT
 * @to: the record
 * @start: first address
 * @end: first address behind the range
 * @mss: counts of the range
 */
void taskdiag_fill_vma_stat(struct task_diag_vma_stat *to, unsigned long start,
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

/**
 * taskdiag_mapping_of - return the identity of a memory mapping
 * @vma: the mapping
 *
 * Context: mmap lock held.
 *
 * Return: the identity.
 */
struct taskdiag_mapping taskdiag_mapping_of(const struct vm_area_struct *vma)
{
	return (struct taskdiag_mapping) {
		.end	= vma->vm_end,
		.flags	= vma->vm_flags,
		.file	= vma->vm_file,
		.offset	= vma->vm_pgoff - (vma->vm_start >> PAGE_SHIFT),
	};
}

/**
 * taskdiag_mapping_continues - check that a mapping has not changed
 * @vma: mapping at @addr or behind it, or NULL
 * @addr: address up to which the mapping has been counted
 * @before: identity of the mapping before the mmap lock was dropped
 *
 * Context: mmap lock held.
 *
 * Return: true if @vma contains @addr and is the same mapping.
 */
bool taskdiag_mapping_continues(const struct vm_area_struct *vma,
				unsigned long addr,
				const struct taskdiag_mapping *before)
{
	struct taskdiag_mapping now;

	if (!vma || vma->vm_start > addr)
		return false;
	now = taskdiag_mapping_of(vma);
	return now.end == before->end && now.flags == before->flags &&
	       now.file == before->file &&
	       (!now.file || now.offset == before->offset);
}
