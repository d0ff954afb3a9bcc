// SPDX-License-Identifier: GPL-2.0-only
/* Two plain users.  Knows identities and populations only. */
#include "../../kselftest.h"
#include "users.h"

const struct identity user = {
	.uid = USER_IDS,
	.gid = USER_IDS,
};

const struct identity other_user = {
	.uid = OTHER_IDS,
	.gid = OTHER_IDS,
};

const struct identity user_once_root = {
	.uid = { USER, USER, 0, USER },
	.gid = USER_IDS,
	.permitted = CAP_EVERY,
};

int users_begin(struct population *p, unsigned int each)
{
	const struct member_spec specs[] = {
		{ .who = &user }, { .who = &other_user }, {},
	};

	return population_begin(p) ?:
	       population_add_all(p, specs, ARRAY_SIZE(specs), each) ?:
	       population_settle(p);
}
