// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forks and reaps children as fast as it can until it receives SIGTERM.
 *
 * Usage: fork-storm FILE
 *
 * FILE always contains the number of forks so far as an unsigned long.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static bool terminated;

static void on_signal(int number)
{
	(void)number;
	__atomic_store_n(&terminated, true, __ATOMIC_RELAXED);
}

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
	/*
	 * With a handler: a fork that a fatal signal interrupts makes
	 * User-Mode Linux of 6.12 panic.
	 */
	signal(SIGTERM, on_signal);
	while (!__atomic_load_n(&terminated, __ATOMIC_RELAXED)) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		__atomic_add_fetch(forks, 1, __ATOMIC_RELAXED);
	}
	return 0;
}
