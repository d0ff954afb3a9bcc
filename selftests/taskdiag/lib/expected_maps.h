/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle of memory: the areas of a process as /proc/PID/smaps has them.
 * Knows procfs and the ABI structures; knows no socket.
 */
#ifndef TASKDIAG_EXPECTED_MAPS_H
#define TASKDIAG_EXPECTED_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/taskdiag.h>

struct procfs_mapping {
	/*
	 * Flags: those that "VmFlags:" has a name for, and FILE; without
	 * DELETED, which no file shows but by what the name ends with.
	 */
	struct task_diag_vma vma;
	bool unnamed;		/* and one has a name in younger kernels only */
	struct task_diag_vma_stat stat;	/* in bytes, but of whole KiB */
	const char *name;		/* newlines as "\012" */
};

struct procfs_mappings {
	struct procfs_mapping *mapping;
	size_t nr;
	char *text;		/* where the names are */
};

/* All return 0 or a negative errno unless they say more. */
int expected_maps_read(int proc, pid_t pid, struct procfs_mappings *mappings);
void expected_maps_free(struct procfs_mappings *mappings);

/* The area with this address, NULL if there is none. */
const struct procfs_mapping *
expected_maps_find(const struct procfs_mappings *mappings, __u64 start);

/* Is it the same area, in all that maps and VmFlags show? */
bool expected_maps_match(const struct task_diag_vma *vma, const char *name,
			 const struct procfs_mapping *mapping, char *text,
			 size_t size);

/* Are these its figures, but for the part of a KiB that smaps leaves out? */
bool expected_smaps_match(const struct task_diag_vma_stat *stat,
			  const struct procfs_mapping *mapping, char *text,
			  size_t size);

/* Has nothing moved between the two? */
bool expected_smaps_unchanged(const struct procfs_mapping *one,
			      const struct procfs_mapping *other);

#endif /* TASKDIAG_EXPECTED_MAPS_H */
