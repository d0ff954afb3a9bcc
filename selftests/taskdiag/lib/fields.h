/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups of a row with a variable size: arguments, environment, mappings,
 * paths, and the path of a cgroup.  Joins their attributes from all messages of
 * the row and checks them against the ABI.
 *
 * Depends on answer.h; must not depend on procfs or tests.
 */
#ifndef TASKDIAG_FIELDS_H
#define TASKDIAG_FIELDS_H

#include "answer.h"

struct mapping {
	struct task_diag_vma vma;
	const char *name;		/* "" for none; in td_answer::raw */
};

struct mappings {
	struct mapping *mapping;
	size_t nr;
	struct task_diag_vma_stat *stat;
	size_t nr_stat;
};

struct paths {
	unsigned int nr;
	struct task_diag_path head[TASK_DIAG_PATH_MAX + 1];
	const char *text[TASK_DIAG_PATH_MAX + 1];	/* NULL: none */
};

/*
 * All functions return 0 or a negative errno: -ENOENT if the group is not in
 * the row, -EBADMSG with a @text for a violation of the ABI.
 */

/* Join the arguments or the environment; *@bytes is to be freed. */
int fields_cmdline(const struct td_answer *a, const struct td_row *row,
		   char **bytes, size_t *len);
int fields_environ(const struct td_answer *a, const struct td_row *row,
		   char **bytes, size_t *len);

/* Parse PATHS, which must have one record of each kind in ascending order. */
int fields_paths(const struct td_answer *a, const struct td_row *row,
		 struct paths *paths, char *text, size_t size);

int fields_cgroup(const struct td_answer *a, const struct td_row *row,
		  struct task_diag_cgroup *cgroup, const char **path,
		  char *text, size_t size);

/* Parse VMA and VMA_STAT, which must be ascending and without duplicates. */
int fields_mappings(const struct td_answer *a, const struct td_row *row,
		    struct mappings *mappings, char *text, size_t size);
void fields_mappings_free(struct mappings *mappings);

#endif /* TASKDIAG_FIELDS_H */
