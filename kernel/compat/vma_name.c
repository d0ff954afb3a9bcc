// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag as a module: names of memory mappings, as /proc/PID/maps has them.
 *
 * A built-in task_diag uses the function of fs/proc, which a patch makes global.
 *
 * Depends on the kernel only; must not depend on the files of a built-in
 * task_diag.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>

/* Return the name that the kernel gives to a mapping without a file. */
static const char *special_name(struct vm_area_struct *vma)
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
 * get_vma_name - return the name of a memory mapping in /proc/PID/maps
 * @vma: the mapping
 * @path: receives the mapped file, whose path is the name, or NULL
 * @name: receives the name if @path is NULL; NULL if it has none
 * @name_fmt: receives the format of @name; NULL to print it as it is
 *
 * Context: mmap lock of @vma->vm_mm held.
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
		*name = special_name(vma);

	if (given && !*name) {
		*name_fmt = vma->vm_file ? "[anon_shmem:%s]" : "[anon:%s]";
		*name = given->name;
	}
}
