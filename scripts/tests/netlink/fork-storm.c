// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forks and reaps children as fast as it can until it is killed.
 *
 * Usage: fork-storm FILE
 *
 * FILE always contains the number of forks so far as an unsigned long.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long *forks;
	int fd;

	if (argc != 2)
		return 2;
	fd = open(argv[1], O_RDWR);
	if (fd < 0 || ftruncate(fd, sizeof(*forks)))
		return 1;
	forks = mmap(NULL, sizeof(*forks), PROT_READ | PROT_WRITE, MAP_SHARED,
		     fd, 0);
	if (forks == MAP_FAILED)
		return 1;
	for (;;) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		__atomic_add_fetch(forks, 1, __ATOMIC_RELAXED);
	}
}
