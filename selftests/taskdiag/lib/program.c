// SPDX-License-Identifier: GPL-2.0-only
/* Executing the running program again in a role. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

#define SELF "/proc/self/exe"
#define MOUNT_POINT "/tmp"
#define SETUID_COPY MOUNT_POINT "/taskdiag-setuid"
#define MAX_ARGS 8

static int copy_self(int to)
{
	struct stat st;
	int from = open(SELF, O_RDONLY | O_CLOEXEC), err = 0;
	off_t at = 0;

	if (from < 0)
		return -errno;
	if (fstat(from, &st))
		err = -errno;
	while (!err && at < st.st_size) {
		ssize_t sent = sendfile(to, from, &at, st.st_size - at);

		if (sent <= 0)
			err = sent ? -errno : -EIO;
	}
	close(from);
	return err;
}

int program_install(void)
{
	int to, err;

	/* An existing file system may be mounted nosuid. */
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", MOUNT_POINT, "tmpfs", MS_NODEV, "mode=755"))
		return -errno;

	to = open(SETUID_COPY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (to < 0)
		return -errno;
	err = copy_self(to);
	if (!err && (fchown(to, 0, 0) || fchmod(to, 04755)))
		err = -errno;
	close(to);
	return err;
}

static int run(const char *path, const char *role, const char *const args[])
{
	const char *argv[MAX_ARGS + 3] = { "taskdiag-program", role };
	int i;

	for (i = 0; args && args[i]; i++) {
		if (i == MAX_ARGS)
			return -E2BIG;
		argv[i + 2] = args[i];
	}
	execv(path, (char *const *)argv);
	return -errno;
}

int program_run(const char *role, const char *const args[])
{
	return run(SELF, role, args);
}

int program_run_setuid(const char *role, const char *const args[])
{
	return run(SETUID_COPY, role, args);
}

void program_encode(const void *bytes, size_t len, char *text)
{
	const unsigned char *byte = bytes;
	size_t i;

	text[0] = '\0';
	for (i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", byte[i]);
}

int program_decode(const char *text, void *bytes, size_t size)
{
	unsigned char *byte = bytes;
	size_t len = strlen(text) / 2, i;

	if (len > size)
		return -EMSGSIZE;
	for (i = 0; i < len; i++)
		if (sscanf(text + 2 * i, "%2hhx", &byte[i]) != 1)
			return -EINVAL;
	return len;
}

int program_write_error(const char *text, uid_t user)
{
	unsigned char bytes[128];
	int len = program_decode(text, bytes, sizeof(bytes));

	if (geteuid() || getuid() != user)
		return 2;
	return write(STDERR_FILENO, bytes, len) == len ? 0 : 3;
}
