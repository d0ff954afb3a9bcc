// SPDX-License-Identifier: GPL-2.0-only
/* Entering a Landlock sandbox. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/landlock.h>

#include "landlock.h"

bool landlock_exists(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0,
		       LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

int landlock_enter(int dir, __u64 allowed)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE |
				     LANDLOCK_ACCESS_FS_WRITE_FILE |
				     LANDLOCK_ACCESS_FS_READ_DIR,
	};
	const struct landlock_path_beneath_attr beneath = {
		.allowed_access = allowed,
		.parent_fd = dir,
	};
	int fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if ((allowed && syscall(SYS_landlock_add_rule, fd,
				LANDLOCK_RULE_PATH_BENEATH, &beneath, 0)) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_landlock_restrict_self, fd, 0))
		err = -errno;
	close(fd);
	return err;
}
