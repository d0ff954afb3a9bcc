/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A FUSE file system with one file, whose server answers every request except
 * writes.  A page of the file under writeback stays there until fuse_end().
 *
 * Depends on /dev/fuse; must not depend on task_diag.
 */
#ifndef TASKDIAG_FUSE_H
#define TASKDIAG_FUSE_H

#include <stddef.h>
#include <sys/types.h>

struct fuse_seen;

struct fuse {
	pid_t server;
	char mount[32];
	char file[48];		/* path of the file, in @mount */
	struct fuse_seen *seen;
};

/* Both return 0 or a negative errno. */

/*
 * Mount the file system in the caller's mount namespace.  The server does not
 * outlive the calling thread.
 */
int fuse_begin(struct fuse *f);

/* Wait until the server has received a write request. */
int fuse_await_write(struct fuse *f);

/*
 * End the server.  The kernel then aborts the connection: all requests fail,
 * and all tasks that wait for one continue.
 */
void fuse_end(struct fuse *f);

#endif /* TASKDIAG_FUSE_H */
