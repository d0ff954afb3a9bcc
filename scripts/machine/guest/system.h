/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes a bare kernel with the host's files as root into a system.
 */
#ifndef MACHINE_SYSTEM_H
#define MACHINE_SYSTEM_H

#include <stddef.h>

#define FOLDERS_MAX 16

struct folders {
	const char *paths[FOLDERS_MAX];
	size_t n;
};

/* What must be there before anything else: devices, /proc, loopback. */
void system_set_up(void);

/*
 * The host's files become read-only but for the writable folders, and /tmp,
 * /run and /dev/shm fresh; the visible folders can be seen even below those.
 */
void system_set_up_files(const struct folders *writable,
			 const struct folders *visible);

#endif
