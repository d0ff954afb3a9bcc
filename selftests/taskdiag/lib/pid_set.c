// SPDX-License-Identifier: GPL-2.0-only
/* A sorted set of pids. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pid_set.h"

/* Return the position of @id, or the position to insert it at. */
static size_t pid_set_index(const struct pid_set *set, __u32 id)
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

int pid_set_add(struct pid_set *set, __u32 id)
{
	size_t place = pid_set_index(set, id);

	if (place < set->nr && set->id[place] == id)
		return 0;

	if (set->nr == set->capacity) {
		size_t capacity = set->capacity ? 2 * set->capacity : 64;
		__u32 *bigger = realloc(set->id, capacity * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		set->id = bigger;
		set->capacity = capacity;
	}
	memmove(&set->id[place + 1], &set->id[place],
		(set->nr - place) * sizeof(*set->id));
	set->id[place] = id;
	set->nr++;
	return 0;
}

bool pid_set_has(const struct pid_set *set, __u32 id)
{
	size_t place = pid_set_index(set, id);

	return place < set->nr && set->id[place] == id;
}

bool pid_set_equal(const struct pid_set *a, const struct pid_set *b)
{
	return a->nr == b->nr &&
	       (!a->nr || !memcmp(a->id, b->id, a->nr * sizeof(*a->id)));
}

void pid_set_free(struct pid_set *set)
{
	free(set->id);
	memset(set, 0, sizeof(*set));
}

void pid_set_difference(const struct pid_set *a, const struct pid_set *b,
			char *text, size_t size)
{
	size_t used = 0, i;

	text[0] = '\0';
	for (i = 0; i < a->nr && used < size; i++)
		if (!pid_set_has(b, a->id[i]))
			used += snprintf(text + used, size - used, " %u",
					 a->id[i]);
}
