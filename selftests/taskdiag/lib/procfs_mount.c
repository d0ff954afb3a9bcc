// SPDX-License-Identifier: GPL-2.0-only
/* Mounts of procfs. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "procfs_mount.h"

#define MAX_OPTIONS 128

/* fsconfig() each option of @options. */
static int set_options(int fs, const char *options)
{
	char text[MAX_OPTIONS], *name, *value, *end = NULL;

	if (snprintf(text, sizeof(text), "%s", options) >= (int)sizeof(text))
		return -E2BIG;
	for (name = strtok_r(text, ",", &end); name;
	     name = strtok_r(NULL, ",", &end)) {
		value = strchr(name, '=');
		if (!value)
			return -EINVAL;
		*value++ = '\0';
		if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, name, value,
			    0))
			return -errno;
	}
	return 0;
}

int procfs_mount(const char *options)
{
	int fs = syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
	int root = -1, err;

	if (fs < 0)
		return -errno;
	err = set_options(fs, options);
	if (!err && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL,
			    0))
		err = -errno;
	if (!err) {
		root = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
		if (root < 0)
			err = -errno;
	}
	close(fs);
	return err ?: root;
}

int procfs_reconfigure(int root, const char *options)
{
	int fs = syscall(SYS_fspick, root, "",
			 FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
	int err;

	if (fs < 0)
		return -errno;
	err = set_options(fs, options);
	if (!err && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL,
			    NULL, 0))
		err = -errno;
	close(fs);
	return err;
}

int procfs_hide_others(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, "hidepid=ptraceable"))
		return -errno;
	return 0;
}
