/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The running program once more, to be executed in a role: as it is, or
 * set-user-id root.  Knows files, mounts and execve(); knows neither sockets
 * nor what the roles do.
 */
#ifndef TASKDIAG_PROGRAM_H
#define TASKDIAG_PROGRAM_H

#include <stddef.h>

/*
 * Put a set-user-id-root copy of the running program on a file system of our
 * own, in a mount namespace of our own.  0 or a negative errno; wants root.
 */
int program_install(void);

/*
 * Execute the program, as it is or set-user-id root, with @role and then
 * @args, up to a NULL, as its arguments.  Returns only if that fails, with a
 * negative errno.
 */
int program_run(const char *role, const char *const args[]);
int program_run_setuid(const char *role, const char *const args[]);

/* Bytes as an argument: @text is @len * 2 digits and a NUL, and back again. */
void program_encode(const void *bytes, size_t len, char *text);
int program_decode(const char *text, void *bytes, size_t size);

#endif /* TASKDIAG_PROGRAM_H */
