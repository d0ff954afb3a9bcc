// SPDX-License-Identifier: GPL-2.0-only
/*
 * First program of a VM whose kernel needs modules to reach its root.  Loads
 * the modules of /modules in the order of their names, mounts the host's files,
 * and executes the program named by VM_INIT there.
 *
 * Linked statically: the initramfs has no libraries.
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
#define TIMEOUT_MS 10000	/* for a device to be set up */

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

/* cache=loose: only the VM writes to these files while it runs. */
static void mount_root(void)
{
	int ms = 0;

	mkdir(ROOT, 0755);
	while (mount("root", ROOT, "9p", 0,
		     "trans=virtio,version=9p2000.L,msize=512000,cache=loose")) {
		if (errno != ENOENT || ms > TIMEOUT_MS)
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
	const char *init = getenv("VM_INIT");

	if (!init)
		errx(1, "no VM_INIT on the kernel's command line");
	load_modules();
	mount_root();
	enter_root();
	execl(init, init, NULL);
	err(1, "%s", init);
}
