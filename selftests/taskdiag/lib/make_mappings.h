/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory mappings of all kinds, for lines in /proc/PID/maps that differ in
 * every respect.
 *
 * Depends on special_task.h; must not depend on procfs or task_diag.
 */
#ifndef TASKDIAG_MAKE_MAPPINGS_H
#define TASKDIAG_MAKE_MAPPINGS_H

#include <stddef.h>

/* A process may not have more mappings than about this by default. */
#define MANY_MAPPINGS 60000

/* Maximum length of a path for open(), without its NUL. */
#define LONGEST_MAPPING_NAME 4095

/*
 * Functions for special_task_begin().  They skip kinds that the kernel does not
 * support.
 */

/* All protections, kinds of sharing, advice, names and kinds of files. */
int make_mappings(void *unused);

/* Resident pages: dirty, clean, private, shared, locked and freed ones. */
int make_resident_pages(void *unused);

/* Make MANY_MAPPINGS mappings. */
int make_many_mappings(void *unused);

/* Map *@nr files, a size_t, with names of maximum length. */
int make_long_names(void *nr);

/* Huge pages; -ENOENT if the kernel provides none. */
int make_huge_pages(void *unused);

#endif /* TASKDIAG_MAKE_MAPPINGS_H */
