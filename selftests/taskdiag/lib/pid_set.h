/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sorted set of pids, to compare two lists of the same tasks.
 *
 * Depends on the C library only.
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

/* Return 0 or -ENOMEM; adding a pid again is allowed. */
int pid_set_add(struct pid_set *set, __u32 id);
bool pid_set_has(const struct pid_set *set, __u32 id);
bool pid_set_equal(const struct pid_set *a, const struct pid_set *b);
void pid_set_free(struct pid_set *set);

/*
 * Write the pids of @a that are not in @b to @text, as far as they fit; "" if
 * there are none.
 */
void pid_set_difference(const struct pid_set *a, const struct pid_set *b,
			char *text, size_t size);

#endif /* TASKDIAG_PID_SET_H */
