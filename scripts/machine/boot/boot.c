// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first program of a machine whose kernel needs modules to reach its root:
 * loads those in /modules, in the order of their names, mounts the host's
 * files, and gives way to the program named by MACHINE_INIT there.
 *
 * It is all there is in the initramfs, so it is linked statically.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULES "/modules"
#define ROOT "/host"
#define PATIENCE_MS 10000	/* with a device that is being set up */

static void load(const char *name)
{
	int fd = openat(AT_FDCWD, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		err(1, "module %s", name);
	close(fd);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void load_modules(void)
{
	struct dirent **entries;
	int n;

	if (chdir(MODULES))
		err(1, MODULES);
	n = scandir(".", &entries, is_visible, alphasort);
	for (int i = 0; i < n; i++)
		load(entries[i]->d_name);
}

/* All that is not written through the machine stays as it is meanwhile. */
static void mount_root(void)
{
	int ms = 0;

	mkdir(ROOT, 0755);
	while (mount("root", ROOT, "9p", 0,
		     "trans=virtio,version=9p2000.L,msize=512000,cache=loose")) {
		if (errno != ENOENT || ms > PATIENCE_MS)
			err(1, "the host's files");
		usleep(10000);
		ms += 10;
	}
}

static void enter_root(void)
{
	if (chdir(ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		err(1, "entering the host's files");
}

int main(void)
{
	const char *init = getenv("MACHINE_INIT");

	if (!init)
		errx(1, "no MACHINE_INIT on the kernel's command line");
	load_modules();
	mount_root();
	enter_root();
	execl(init, init, NULL);
	err(1, "%s", init);
}
