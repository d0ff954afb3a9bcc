// SPDX-License-Identifier: GPL-2.0-only
/* The memory range that the kernel reports as the arguments of a process. */
#include <errno.h>
#include <sys/prctl.h>

#include "arg_range.h"

int arg_range_set(const char *start, size_t len)
{
	/* ARG_START must not exceed ARG_END at any time. */
	if (prctl(PR_SET_MM, PR_SET_MM_ARG_START, start, 0, 0) &&
	    prctl(PR_SET_MM, PR_SET_MM_ARG_END, start + len, 0, 0))
		return -errno;
	if (prctl(PR_SET_MM, PR_SET_MM_ARG_END, start + len, 0, 0) ||
	    prctl(PR_SET_MM, PR_SET_MM_ARG_START, start, 0, 0))
		return -errno;
	return 0;
}
