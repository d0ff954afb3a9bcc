/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The groups of a row that are more than one structure: arguments, areas, the
 * path of a cgroup.  Takes them together over all messages of the row, and
 * holds them to the ABI.  Knows answers; knows no test and no procfs.
 */
#ifndef TASKDIAG_FIELDS_H
#define TASKDIAG_FIELDS_H

#include "taskdiag_nl.h"

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

/*
 * All return 0 or a negative errno: -ENOENT if the group did not come, -EBADMSG
 * with a @text for what breaks the ABI.
 */

/* The arguments; to be freed. */
int fields_cmdline(const struct td_answer *a, const struct td_row *row,
		   char **bytes, size_t *len);

int fields_cgroup(const struct td_answer *a, const struct td_row *row,
		  struct task_diag_cgroup *cgroup, const char **path,
		  char *text, size_t size);

/* What there is of VMA and VMA_STAT: ascending, none twice. */
int fields_mappings(const struct td_answer *a, const struct td_row *row,
		    struct mappings *mappings, char *text, size_t size);
void fields_mappings_free(struct mappings *mappings);

#endif /* TASKDIAG_FIELDS_H */
