// SPDX-License-Identifier: GPL-2.0-only
/* A sorted set of task numbers.  Knows numbers only. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pid_set.h"

/* Where @id is, or would have to be put. */
static size_t idset_place(const struct idset *set, __u32 id)
{
	size_t low = 0, high = set->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->id[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int idset_add(struct idset *set, __u32 id)
{
	size_t place = idset_place(set, id);

	if (place < set->nr && set->id[place] == id)
		return 0;

	if (set->nr == set->room) {
		size_t room = set->room ? 2 * set->room : 64;
		__u32 *bigger = realloc(set->id, room * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		set->id = bigger;
		set->room = room;
	}
	memmove(&set->id[place + 1], &set->id[place],
		(set->nr - place) * sizeof(*set->id));
	set->id[place] = id;
	set->nr++;
	return 0;
}

bool idset_has(const struct idset *set, __u32 id)
{
	size_t place = idset_place(set, id);

	return place < set->nr && set->id[place] == id;
}

bool idset_equal(const struct idset *a, const struct idset *b)
{
	return a->nr == b->nr &&
	       (!a->nr || !memcmp(a->id, b->id, a->nr * sizeof(*a->id)));
}

void idset_free(struct idset *set)
{
	free(set->id);
	memset(set, 0, sizeof(*set));
}

void idset_minus(const struct idset *a, const struct idset *b, char *text,
		 size_t size)
{
	size_t used = 0, i;

	text[0] = '\0';
	for (i = 0; i < a->nr && used < size; i++)
		if (!idset_has(b, a->id[i]))
			used += snprintf(text + used, size - used, " %u",
					 a->id[i]);
}
