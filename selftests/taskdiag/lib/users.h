/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two unprivileged users that no other process of the system has.
 *
 * Depends on credentials.h and task_pool.h.
 */
#ifndef TASKDIAG_USERS_H
#define TASKDIAG_USERS_H

#include "credentials.h"
#include "task_pool.h"

#define USER 1234
#define OTHER_USER 1235

#define USER_IDS { USER, USER, USER, USER }
#define OTHER_IDS { OTHER_USER, OTHER_USER, OTHER_USER, OTHER_USER }

extern const struct credentials user;
extern const struct credentials other_user;

/* A set-user-id-root program that has temporarily dropped its rights. */
extern const struct credentials user_with_saved_root;

/*
 * Start a pool of @each sleeping tasks of the user, of the other user and of
 * root, in turn, and settle it.
 */
int users_begin(struct task_pool *p, unsigned int each);

#endif /* TASKDIAG_USERS_H */
