/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two plain users, whom nobody else in the system is, to be and to look at.
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

/* Of a set-user-id-root program that has given up its rights for a while. */
extern const struct credentials user_with_saved_root;

/*
 * Begin a population of @each who sleep of the user, of the other and of root,
 * by turns, and wait for task_pool_settle().
 */
int users_begin(struct task_pool *p, unsigned int each);

#endif /* TASKDIAG_USERS_H */
