/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Executing the running program again in a role, as it is or as set-user-id
 * root.
 *
 * Depends on files, mounts and execve(); must not depend on task_diag.
 */
#ifndef TASKDIAG_PROGRAM_H
#define TASKDIAG_PROGRAM_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Install a set-user-id-root copy of the running program on a new file system,
 * in a new mount namespace.  Requires root.  Return 0 or a negative errno.
 */
int program_install(void);

/*
 * Execute the program, as it is or set-user-id root, with the arguments @role
 * and @args, which ends with NULL.  Return a negative errno on failure.
 */
int program_run(const char *role, const char *const args[]);
int program_run_setuid(const char *role, const char *const args[]);

/*
 * Encode bytes as hexadecimal text of 2 * @len digits and a NUL, and decode it.
 */
void program_encode(const void *bytes, size_t len, char *text);
int program_decode(const char *text, void *bytes, size_t size);

/*
 * A role that writes bytes, given as text, to standard error, like a program
 * that quotes an argument in an error message.  It must run set-user-id root,
 * started by @user.  Return an exit status: 0 for success.
 */
#define PROGRAM_WRITE_ERROR "--write-error"

int program_write_error(const char *text, uid_t user);

#endif /* TASKDIAG_PROGRAM_H */
