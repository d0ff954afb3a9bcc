/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expected memory mappings: those of a process in /proc/PID/smaps, and their
 * comparison with VMA and VMA_STAT.
 *
 * Depends on procfs.h and the ABI structures; must not depend on netlink.
 */
#ifndef TASKDIAG_EXPECTED_MAPS_H
#define TASKDIAG_EXPECTED_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/taskdiag.h>

struct procfs_mapping {
	/*
	 * Flags: those that "VmFlags:" names, and FILE; without DELETED, which
	 * procfs shows only by a suffix of the name.
	 */
	struct task_diag_vma vma;
	bool unnamed;		/* has a name in newer kernels only */
	struct task_diag_vma_stat stat;	/* in bytes, multiples of 1 KiB */
	const char *name;		/* newlines as "\012" */
};

struct procfs_mappings {
	struct procfs_mapping *mapping;
	size_t nr;
	char *text;		/* storage of the names */
};

/* All functions return 0 or a negative errno unless noted. */
int expected_maps_read(int proc, pid_t pid, struct procfs_mappings *mappings);
void expected_maps_free(struct procfs_mappings *mappings);

/* Return the mapping that starts at @start, or NULL. */
const struct procfs_mapping *
expected_maps_find(const struct procfs_mappings *mappings, __u64 start);

/*
 * Return true if all that maps and VmFlags show is equal.  If not, @text
 * receives the difference.
 */
bool expected_maps_match(const struct task_diag_vma *vma, const char *name,
			 const struct procfs_mapping *mapping, char *text,
			 size_t size);

/*
 * Return true if the figures are equal, apart from the fraction of a KiB that
 * smaps omits.
 */
bool expected_smaps_match(const struct task_diag_vma_stat *stat,
			  const struct procfs_mapping *mapping, char *text,
			  size_t size);

/* Return true if the figures of two reads are equal. */
bool expected_smaps_unchanged(const struct procfs_mapping *one,
			      const struct procfs_mapping *other);

#endif /* TASKDIAG_EXPECTED_MAPS_H */
