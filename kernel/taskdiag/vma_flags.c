// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the flags of memory mappings, which are VmFlags of
 * /proc/PID/smaps.
 *
 * Depends on the kernel's memory mappings only; must not depend on the request
 * or the reply.
 */
#include <linux/fs.h>
#include <linux/mm.h>

#include "taskdiag.h"

/* @from and @to are constants: this compiles to a mask and at most a shift. */
static __always_inline u64 flag(vm_flags_t flags, vm_flags_t from, u64 to)
{
	return flags & from ? to : 0;
}

/* Flags that are common among mappings, set or not. */
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

/* Translate vm_flags into the flags of the ABI. */
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
 * taskdiag_vma_flags_supported - return the flags that this kernel reports
 *
 * Return: TASK_DIAG_VMA_*.
 */
u64 taskdiag_vma_flags_supported(void)
{
	return vm_flags_of(~(vm_flags_t)0) | TASK_DIAG_VMA_FILE |
	       TASK_DIAG_VMA_DELETED;
}

/**
 * taskdiag_vma_flags - return the flags of a memory mapping
 * @vma: the mapping
 *
 * Context: mmap lock held.
 *
 * Return: TASK_DIAG_VMA_*.
 */
u64 taskdiag_vma_flags(const struct vm_area_struct *vma)
{
	u64 flags = vm_flags_of(vma->vm_flags);

	if (vma->vm_file) {
		flags |= TASK_DIAG_VMA_FILE;
		if (taskdiag_is_deleted(file_user_path(vma->vm_file)))
			flags |= TASK_DIAG_VMA_DELETED;
	}
	return flags;
}
