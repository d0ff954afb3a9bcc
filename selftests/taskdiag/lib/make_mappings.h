/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Areas of memory of every kind: what a process can do to have lines in
 * /proc/PID/maps that are unlike each other.  Knows memory; knows no procfs and
 * no task_diag.
 */
#ifndef TASKDIAG_MAKE_MAPPINGS_H
#define TASKDIAG_MAKE_MAPPINGS_H

#include <stddef.h>

/* More areas than this a process may not have by default. */
#define MANY_MAPPINGS 60000

/* As long as a path may be for open(), with the NUL behind it. */
#define LONGEST_MAPPING_NAME 4095

/* For special_task_begin(); what a kernel does not have is left out. */

/* All protections, sharings, advices, names and kinds of files. */
int make_mappings(void *unused);

/* Resident pages: dirty and clean, own, shared and borrowed, locked, freed. */
int make_resident_pages(void *unused);

/* MANY_MAPPINGS areas. */
int make_many_mappings(void *unused);

/* As many files, their names as long as can be, as @nr, a size_t, says. */
int make_long_names(void *nr);

/* Huge pages; -ENOENT if this kernel gives none. */
int make_huge_pages(void *unused);

#endif /* TASKDIAG_MAKE_MAPPINGS_H */
