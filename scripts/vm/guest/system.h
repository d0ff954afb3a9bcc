/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets up devices and file systems of a VM whose root is the host's files.
 */
#ifndef VM_SYSTEM_H
#define VM_SYSTEM_H

#include <stddef.h>

#define DIRECTORIES_MAX 16

struct directories {
	const char *paths[DIRECTORIES_MAX];
	size_t n;
};

/* Sets up devices, /proc and loopback.  Call it first. */
void system_set_up(void);

/*
 * Makes the host's files read-only except the writable directories, and mounts
 * empty file systems on /tmp, /run and /dev/shm.  The visible directories stay
 * visible below these.
 */
void system_set_up_files(const struct directories *writable,
			 const struct directories *visible);

#endif
