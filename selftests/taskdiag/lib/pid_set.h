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

struct pid_set {
	__u32 *id;
	size_t nr;
	size_t capacity;
};

/* 0 or -ENOMEM; adding a number twice keeps one. */
int pid_set_add(struct pid_set *set, __u32 id);
bool pid_set_has(const struct pid_set *set, __u32 id);
bool pid_set_equal(const struct pid_set *a, const struct pid_set *b);
void pid_set_free(struct pid_set *set);

/*
 * The numbers of @a that @b lacks, as text for a person, as far as they fit;
 * "" if there are none.
 */
void pid_set_difference(const struct pid_set *a, const struct pid_set *b,
			char *text, size_t size);

#endif /* TASKDIAG_PID_SET_H */
