// SPDX-License-Identifier: GPL-2.0-only
/* Two unprivileged users. */
#include "../../kselftest.h"
#include "users.h"

const struct credentials user = {
	.uid = USER_IDS,
	.gid = USER_IDS,
};

const struct credentials other_user = {
	.uid = OTHER_IDS,
	.gid = OTHER_IDS,
};

const struct credentials user_with_saved_root = {
	.uid = { USER, USER, 0, USER },
	.gid = USER_IDS,
	.permitted = CAP_ALL,
};

int users_begin(struct task_pool *p, unsigned int each)
{
	const struct task_spec specs[] = {
		{ .creds = &user }, { .creds = &other_user }, {},
	};

	return task_pool_begin_with(p, specs, ARRAY_SIZE(specs), each);
}
