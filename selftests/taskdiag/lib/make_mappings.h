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
#define MAPPINGS_MANY 60000

/* As long as a path may be for open(), with the NUL behind it. */
#define MAPPINGS_LONGEST_NAME 4095

/* For specimen_begin(); what a kernel does not have is left out. */

/* All protections, sharings, advices, names and kinds of files. */
int mappings_make(void *unused);

/* Resident pages: dirty and clean, own, shared and borrowed, locked, freed. */
int mappings_fill(void *unused);

/* MAPPINGS_MANY areas. */
int mappings_make_many(void *unused);

/* As many files, their names as long as can be, as @nr, a size_t, says. */
int mappings_make_long(void *nr);

/* Huge pages; -ENOENT if this kernel gives none. */
int mappings_make_huge(void *unused);

#endif /* TASKDIAG_MAKE_MAPPINGS_H */
