// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag as a module: names of memory mappings, as /proc/PID/maps has them.
 *
 * A kernel that is built with task_diag shares the function of fs/proc instead.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>

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
