/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory ranges that the kernel reports as arguments and environment of a
 * process.
 *
 * Depends on system calls only.
 */
#ifndef TASKDIAG_ARG_RANGE_H
#define TASKDIAG_ARG_RANGE_H

#include <stddef.h>

/* Set a range of the calling process.  Return 0 or a negative errno. */
int arg_range_set(const char *start, size_t len);
int env_range_set(const char *start, size_t len);

#endif /* TASKDIAG_ARG_RANGE_H */
