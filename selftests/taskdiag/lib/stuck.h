/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that waits in the kernel for a FUSE server while it holds its own
 * locks: a thread waits in page_mkwrite() with the mmap lock or the lock of the
 * mapping held for reading, and a second one in munmap() with the mmap lock
 * requested or held for writing.  A child that shares the memory holds its
 * exec_update_lock for writing, as it waits in execve() for the mmap lock.
 *
 * Depends on fuse.h and procfs; must not depend on task_diag.
 */
#ifndef TASKDIAG_STUCK_H
#define TASKDIAG_STUCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "fuse.h"

struct stuck_shared;

struct stuck {
	struct fuse fuse;
	pid_t pid;		/* the process */
	pid_t in_exec;		/* its child, a child of the caller; 0: none */
	struct stuck_shared *shared;
	char error[96];
};

/*
 * Return when all of them wait: 0, or a negative errno with a text in
 * stuck::error.  @with_exec: with the child in execve().  Requires root and a
 * mount namespace of the caller's own.
 */
int stuck_begin(struct stuck *s, bool with_exec);

/* Abort the FUSE connection, end and reap all of them. */
void stuck_end(struct stuck *s);

#endif /* TASKDIAG_STUCK_H */
