/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sorted set of task numbers: what two views of the same tasks are compared
 * by.  Knows numbers only, not where they come from.
 */
#ifndef TASKDIAG_PID_SET_H
#define TASKDIAG_PID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct idset {
	__u32 *id;
	size_t nr;
	size_t room;
};

/* 0 or -ENOMEM; adding a number twice keeps one. */
int idset_add(struct idset *set, __u32 id);
bool idset_has(const struct idset *set, __u32 id);
bool idset_equal(const struct idset *a, const struct idset *b);
void idset_free(struct idset *set);

/*
 * The numbers of @a that @b lacks, as text for a person, as far as they fit;
 * "" if there are none.
 */
void idset_minus(const struct idset *a, const struct idset *b, char *text,
		 size_t size);

#endif /* TASKDIAG_PID_SET_H */
