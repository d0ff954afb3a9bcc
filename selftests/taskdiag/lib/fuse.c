// SPDX-License-Identifier: GPL-2.0-only
/*
 * A FUSE file system with one file, whose server answers every request except
 * writes.
 *
 * Depends on /dev/fuse; must not depend on task_diag.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/fuse.h>

#include "fuse.h"

#define FILE_NAME "file"
#define FILE_NODE 2
#define FILE_SIZE 65536
#define CACHED_SECONDS 3600
#define LARGEST_READ 131072

#define AWAIT_SECONDS 30
#define LOOK_US 5000

/* Shared with the server. */
struct fuse_seen {
	int mounted;		/* 1, or a negative errno */
	unsigned int writes;
};

struct request {
	struct fuse_in_header in;
	unsigned char body[LARGEST_READ];
};

static void answer(int fd, const struct request *request, int err,
		   const void *body, size_t size)
{
	struct fuse_out_header out = {
		.len = sizeof(out) + size,
		.error = err,
		.unique = request->in.unique,
	};
	const struct iovec iov[] = {
		{ .iov_base = &out, .iov_len = sizeof(out) },
		{ .iov_base = (void *)body, .iov_len = size },
	};

	if (writev(fd, iov, size ? 2 : 1) < 0 && errno != ENOENT)
		_exit(1);
}

static struct fuse_attr attributes(__u64 node)
{
	const bool is_file = node == FILE_NODE;

	return (struct fuse_attr) {
		.ino = node,
		.size = is_file ? FILE_SIZE : 0,
		.mode = is_file ? S_IFREG | 0666 : S_IFDIR | 0777,
		.nlink = is_file ? 1 : 2,
	};
}

static void answer_init(int fd, const struct request *request)
{
	const struct fuse_init_in *in = (const void *)request->body;
	const struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = in->minor < FUSE_KERNEL_MINOR_VERSION ?
			 in->minor : FUSE_KERNEL_MINOR_VERSION,
		.max_write = 4096,
		.max_background = 16,
		.congestion_threshold = 12,
	};

	answer(fd, request, 0, &out, sizeof(out));
}

static void answer_lookup(int fd, const struct request *request)
{
	const struct fuse_entry_out out = {
		.nodeid = FILE_NODE,
		.entry_valid = CACHED_SECONDS,
		.attr_valid = CACHED_SECONDS,
		.attr = attributes(FILE_NODE),
	};

	if (strcmp((const char *)request->body, FILE_NAME))
		answer(fd, request, -ENOENT, NULL, 0);
	else
		answer(fd, request, 0, &out, sizeof(out));
}

static void answer_attributes(int fd, const struct request *request)
{
	const struct fuse_attr_out out = {
		.attr_valid = CACHED_SECONDS,
		.attr = attributes(request->in.nodeid),
	};

	answer(fd, request, 0, &out, sizeof(out));
}

static void answer_read(int fd, const struct request *request)
{
	const struct fuse_read_in *in = (const void *)request->body;
	static const unsigned char zeros[LARGEST_READ];

	answer(fd, request, 0, zeros,
	       in->size < sizeof(zeros) ? in->size : sizeof(zeros));
}

static void answer_request(int fd, const struct request *request,
			   struct fuse_seen *seen)
{
	static const struct fuse_open_out opened = { .fh = 1 };

	switch (request->in.opcode) {
	case FUSE_INIT:
		answer_init(fd, request);
		break;
	case FUSE_LOOKUP:
		answer_lookup(fd, request);
		break;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		answer_attributes(fd, request);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer(fd, request, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		answer_read(fd, request);
		break;
	case FUSE_WRITE:
		__atomic_add_fetch(&seen->writes, 1, __ATOMIC_SEQ_CST);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		answer(fd, request, 0, NULL, 0);
		break;
	default:
		answer(fd, request, -EOPNOTSUPP, NULL, 0);
	}
}

static int mount_it(const char *path)
{
	char options[96];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
	return mount("taskdiag", path, "fuse", MS_NOSUID | MS_NODEV, options) ?
	       -errno : fd;
}

static void serve(const struct fuse *f)
{
	static struct request request;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = mount_it(f->mount);
	__atomic_store_n(&f->seen->mounted, fd < 0 ? fd : 1, __ATOMIC_SEQ_CST);
	if (fd < 0)
		_exit(1);
	for (;;) {
		if (read(fd, &request, sizeof(request)) >= 0)
			answer_request(fd, &request, f->seen);
		else if (errno != EINTR && errno != ENOENT && errno != EAGAIN)
			_exit(0);
	}
}

static bool await(const int *value)
{
	int left = AWAIT_SECONDS * (1000000 / LOOK_US);

	while (!__atomic_load_n(value, __ATOMIC_SEQ_CST) && left--)
		usleep(LOOK_US);
	return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}

int fuse_begin(struct fuse *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->mount, sizeof(f->mount), "/tmp/taskdiag-fuse-XXXXXX");
	if (!mkdtemp(f->mount))
		return -errno;
	snprintf(f->file, sizeof(f->file), "%s/%s", f->mount, FILE_NAME);
	f->seen = mmap(NULL, sizeof(*f->seen), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (f->seen == MAP_FAILED)
		return -errno;

	fflush(NULL);
	f->server = fork();
	if (!f->server)
		serve(f);
	if (f->server < 0)
		return -errno;
	if (!await(&f->seen->mounted))
		return -ETIMEDOUT;
	return f->seen->mounted < 0 ? f->seen->mounted : 0;
}

int fuse_await_write(struct fuse *f)
{
	return await((const int *)&f->seen->writes) ? 0 : -ETIMEDOUT;
}

void fuse_end(struct fuse *f)
{
	if (f->server > 0) {
		kill(f->server, SIGKILL);
		waitpid(f->server, NULL, 0);
	}
	umount2(f->mount, MNT_DETACH);
	rmdir(f->mount);
	if (f->seen)
		munmap(f->seen, sizeof(*f->seen));
	memset(f, 0, sizeof(*f));
}
