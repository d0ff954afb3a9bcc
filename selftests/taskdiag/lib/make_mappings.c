// SPDX-License-Identifier: GPL-2.0-only
/* Memory mappings of all kinds. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

#include "../../kselftest.h"
#include "make_mappings.h"
#include "special_task.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define SOME_PAGES 5
#define HUGE_SIZE (2UL << 20)

static size_t page(void)
{
	return sysconf(_SC_PAGESIZE);
}

static void *anon(size_t pages, int prot, int flags)
{
	void *memory = mmap(NULL, pages * page(), prot,
			    flags | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void *map_file(int fd, size_t pages, int prot, int flags, size_t first)
{
	void *memory = mmap(NULL, pages * page(), prot, flags, fd,
			    first * page());

	return memory == MAP_FAILED ? NULL : memory;
}

/* Make a new file of some pages in /tmp, or elsewhere if @path is absolute. */
static int new_file(const char *path)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);

	if (fd >= 0 && ftruncate(fd, SOME_PAGES * page())) {
		close(fd);
		return -1;
	}
	return fd;
}

static int make_protections(void)
{
	const int sharings[] = { MAP_PRIVATE, MAP_SHARED };
	size_t i;
	int prot;

	for (i = 0; i < ARRAY_SIZE(sharings); i++)
		for (prot = 0; prot <= (PROT_READ | PROT_WRITE | PROT_EXEC);
		     prot++)
			if (!anon(SOME_PAGES, prot, sharings[i]))
				return -errno;
	return 0;
}

static int make_kinds(void)
{
	const int prot = PROT_READ | PROT_WRITE;
	char *locked, *on_fault, *half;

	locked = anon(SOME_PAGES, prot, MAP_PRIVATE);
	on_fault = anon(SOME_PAGES, prot, MAP_PRIVATE);
	half = anon(SOME_PAGES, prot, MAP_PRIVATE);
	if (!locked || !on_fault || !half ||
	    mlock(locked + page(), 2 * page()) ||
	    syscall(SYS_mlock2, on_fault, SOME_PAGES * page(), MLOCK_ONFAULT) ||
	    mprotect(half + page(), page(), PROT_READ))
		return -errno;
	if (!anon(SOME_PAGES, prot, MAP_PRIVATE | MAP_GROWSDOWN) ||
	    !anon(SOME_PAGES, prot, MAP_PRIVATE | MAP_NORESERVE) ||
	    !anon(SOME_PAGES, prot, MAP_SHARED | MAP_LOCKED))
		return -errno;
	/* The heap, which may have been empty. */
	if (sbrk(3 * page()) == (void *)-1)
		return -errno;
	return 0;
}

static int make_advices(void)
{
	static const int advices[] = {
		MADV_SEQUENTIAL, MADV_RANDOM, MADV_DONTFORK, MADV_DONTDUMP,
		MADV_WIPEONFORK, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_MERGEABLE,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		char *memory = anon(SOME_PAGES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE);

		if (!memory)
			return -errno;
		/* EINVAL: not supported by this kernel. */
		if (madvise(memory + page(), 2 * page(), advices[i]) &&
		    errno != EINVAL)
			return -errno;
	}
	return 0;
}

static int make_names(void)
{
	static const char *const names[] = {
		"plain",
		"two words",
		"with (parens) and: signs",
		"heap",
		"12345678901234567890123456789012345678901234567890123456789012345678901234567",
	};
	const int sharings[] = { MAP_PRIVATE, MAP_SHARED };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		for (j = 0; j < ARRAY_SIZE(sharings); j++) {
			char *memory = anon(SOME_PAGES, PROT_READ | PROT_WRITE,
					    sharings[j]);

			if (!memory)
				return -errno;
			if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME,
				  memory + page(), 2 * page(), names[i]) &&
			    errno != EINVAL)
				return -errno;
		}
	}
	return 0;
}

/* File names with unusual characters, and the same files deleted. */
static int make_files(void)
{
	static const char * const names[] = {
		"plain", "two words", "new\nline", "\n", "back\\slash\\012",
		"\xff\xfe not UTF-8", "was (deleted)", "[heap]", " ",
		"\t tab",
	};
	char dir[] = "/tmp/taskdiag-files-XXXXXX", path[64];
	int fd, deleted;
	size_t i;

	if (!mkdtemp(dir))
		return -errno;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		for (deleted = 0; deleted < 2; deleted++) {
			snprintf(path, sizeof(path), "%s/%s%s", dir,
				 names[i], deleted ? "!" : "");
			fd = new_file(path);
			if (fd < 0 ||
			    !map_file(fd, 2, PROT_READ, MAP_PRIVATE, 0) ||
			    !map_file(fd, 3, PROT_READ | PROT_WRITE,
				      MAP_SHARED, 2) ||
			    (deleted && unlink(path)))
				return -errno;
			close(fd);
		}
	}
	/* A read-only file: shared, without VM_MAYWRITE. */
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0400);
	if (fd < 0 || !map_file(fd, 1, PROT_READ, MAP_SHARED, 0))
		return -errno;
	close(fd);
	return 0;
}

static int make_odd_files(void)
{
	int memory = memfd_create("memory", MFD_CLOEXEC);
	int nameless = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int segment = shmget(IPC_PRIVATE, 3 * page(), IPC_CREAT | 0600);

	if (memory < 0 || ftruncate(memory, SOME_PAGES * page()) ||
	    !map_file(memory, 2, PROT_READ | PROT_WRITE, MAP_SHARED, 1) ||
	    !map_file(memory, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE, 3))
		return -errno;
	if (nameless < 0 || ftruncate(nameless, page()) ||
	    !map_file(nameless, 1, PROT_READ, MAP_PRIVATE, 0))
		return -errno;
	if (zero < 0 || !map_file(zero, 2, PROT_READ, MAP_PRIVATE, 0) ||
	    !map_file(zero, 2, PROT_READ, MAP_SHARED, 0))
		return -errno;
	if (program < 0 ||
	    !map_file(program, 2, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0))
		return -errno;
	if (segment >= 0) {
		if (shmat(segment, NULL, 0) == (void *)-1)
			return -errno;
		shmctl(segment, IPC_RMID, NULL);
	}
	close(memory);
	close(nameless);
	close(zero);
	close(program);
	return 0;
}

/* Sealed mappings and userfaultfd, on newer kernels. */
static int make_newer_kinds(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	char *sealed = anon(2, PROT_READ, MAP_PRIVATE);
	char *filled = anon(2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	struct uffdio_register range = {
		.range.start = (unsigned long)filled,
		.range.len = 2 * page(),
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd;

	if (!sealed || !filled)
		return -errno;
	syscall(SYS_mseal, sealed, 2 * page(), 0);
	/* Keep the descriptor open: closing it would unregister the mapping. */
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd >= 0 && !ioctl(uffd, UFFDIO_API, &api))
		ioctl(uffd, UFFDIO_REGISTER, &range);
	return 0;
}

int make_mappings(void *unused)
{
	(void)unused;
	return make_protections() ?: make_kinds() ?: make_advices() ?:
	       make_names() ?: make_files() ?: make_odd_files() ?:
	       make_newer_kinds();
}

static int share_with_a_child(void)
{
	char *memory = anon(8, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	pid_t pid;

	if (!memory)
		return -errno;
	memset(memory, 'c', 8 * page());
	pid = special_task_fork_child();
	if (pid < 0)
		return pid;
	/* Writing to some pages makes private copies of them. */
	memset(memory, 'p', 3 * page());
	return 0;
}

static int fill_files(void)
{
	char path[] = "/tmp/taskdiag-fill-XXXXXX", bytes[4096];
	int fd = mkostemp(path, O_CLOEXEC), program, i;
	char *own, *shared;

	if (fd < 0)
		return -errno;
	unlink(path);
	memset(bytes, 'f', sizeof(bytes));
	for (i = 0; i < 64; i++)
		if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
			return -errno;
	own = map_file(fd, 16, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	shared = map_file(fd, 16, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	if (!own || !shared)
		return -errno;
	if (madvise(own, 10 * page(), MADV_POPULATE_READ) ||
	    madvise(shared + 3 * page(), 10 * page(), MADV_POPULATE_READ))
		return -errno;
	own[2 * page()] = 1;
	shared[5 * page()] = 1;
	close(fd);

	/* Clean pages that no other process has: the end of a program. */
	program = open("/bin/sh", O_RDONLY | O_CLOEXEC);
	own = map_file(program, 3, PROT_READ, MAP_PRIVATE,
		       lseek(program, 0, SEEK_END) / page() - 3);
	if (!own || madvise(own, 3 * page(), MADV_POPULATE_READ))
		return -errno;
	close(program);
	return 0;
}

int make_resident_pages(void *unused)
{
	const int prot = PROT_READ | PROT_WRITE;
	char *own = anon(20, prot, MAP_PRIVATE);
	char *shared = anon(20, prot, MAP_SHARED);
	char *zeroes = anon(20, PROT_READ, MAP_PRIVATE);
	char *locked = anon(20, prot, MAP_PRIVATE);
	char *given = anon(20, prot, MAP_PRIVATE);
	size_t i;

	(void)unused;
	if (!own || !shared || !zeroes || !locked || !given)
		return -errno;
	for (i = 0; i < 20; i += 2) {
		own[i * page()] = 1;
		shared[i * page()] = 1;
	}
	memset(given, 'g', 20 * page());
	if (madvise(zeroes, 10 * page(), MADV_POPULATE_READ) ||
	    mlock(locked + 2 * page(), 7 * page()) ||
	    madvise(given + page(), 5 * page(), MADV_FREE))
		return -errno;
	return fill_files() ?: share_with_a_child();
}

int make_many_mappings(void *unused)
{
	char *memory = anon(MANY_MAPPINGS, PROT_NONE, MAP_PRIVATE);
	size_t i;

	(void)unused;
	if (!memory)
		return -errno;
	/* Alternating protections make every page a separate mapping. */
	for (i = 0; i < MANY_MAPPINGS; i += 2)
		if (mprotect(memory + i * page(), page(), PROT_READ))
			return -errno;
	return 0;
}

int make_long_names(void *nr)
{
	char dir[] = "/tmp/taskdiag-long-XXXXXX", name[256];
	const size_t files = *(const size_t *)nr;
	size_t left, i;

	if (!mkdtemp(dir) || chdir(dir))
		return -errno;
	/*
	 * Add directories until a name of 1 to 255 bytes gives the exact
	 * length.
	 */
	left = LONGEST_MAPPING_NAME - strlen(dir);
	while (left > 256) {
		const size_t len = left > 255 + 3 ? 200 : 100;

		memset(name, 'd', len);
		name[len] = '\0';
		if (mkdir(name, 0700) || chdir(name))
			return -errno;
		left -= len + 1;
	}
	for (i = 0; i < files; i++) {
		int fd;

		snprintf(name, sizeof(name), "%zu", i);
		memset(name + strlen(name), 'f', sizeof(name) - strlen(name));
		name[left - 1] = '\0';
		fd = new_file(name);
		/*
		 * A gap in the offsets keeps two mappings of a file separate.
		 */
		if (fd < 0 ||
		    !map_file(fd, 1, PROT_READ, MAP_PRIVATE, i % SOME_PAGES))
			return -errno;
		close(fd);
	}
	return chdir("/") ? -errno : 0;
}

int make_huge_pages(void *unused)
{
	char *thp = mmap(NULL, 4 * HUGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *tlb = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	bool any = false;

	(void)unused;
	if (thp == MAP_FAILED)
		return -errno;
	if (!madvise(thp, 4 * HUGE_SIZE, MADV_HUGEPAGE)) {
		memset(thp, 'h', 4 * HUGE_SIZE);
		any = true;
	}
	if (tlb != MAP_FAILED) {
		tlb[0] = 1;
		any = true;
	}
	return any ? 0 : -ENOENT;
}
