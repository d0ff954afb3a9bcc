// SPDX-License-Identifier: GPL-2.0-only
/* Writing a text to a kernel file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "setting.h"

int setting_write_at(int dir, const char *file, const char *text)
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int setting_write(const char *path, const char *text)
{
	return setting_write_at(AT_FDCWD, path, text);
}
