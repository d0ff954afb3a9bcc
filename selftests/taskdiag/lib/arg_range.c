// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory ranges that the kernel reports as arguments and environment of a
 * process.
 */
#include <errno.h>
#include <sys/prctl.h>

#include "arg_range.h"

/* The start of a range must not exceed its end at any time. */
static int set_range(int start_option, int end_option, const char *start,
		     size_t len)
{
	if (prctl(PR_SET_MM, start_option, start, 0, 0) &&
	    prctl(PR_SET_MM, end_option, start + len, 0, 0))
		return -errno;
	if (prctl(PR_SET_MM, end_option, start + len, 0, 0) ||
	    prctl(PR_SET_MM, start_option, start, 0, 0))
		return -errno;
	return 0;
}

int arg_range_set(const char *start, size_t len)
{
	return set_range(PR_SET_MM_ARG_START, PR_SET_MM_ARG_END, start, len);
}

int env_range_set(const char *start, size_t len)
{
	return set_range(PR_SET_MM_ENV_START, PR_SET_MM_ENV_END, start, len);
}
