/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host's and the guest's program say to each other.
 *
 * The machine has five serial lines.  Each stream of the command has one of
 * its own, so that a reader who is slow on one never holds up another:
 *
 *   IN    host to guest: blocks, each an unsigned short and that many bytes;
 *         a block of length 0 is the end of the input
 *   OUT   guest to host: the bytes of standard output, as they are
 *   ERR   guest to host: the bytes of standard error, as they are
 *   TERM  guest to host: the bytes for the caller's terminal, as they are
 *   CTL   both ways: frames, each a struct frame and its payload
 *
 * Host and guest are one machine, so numbers travel as they lie in memory.
 */
#ifndef MACHINE_FRAMES_H
#define MACHINE_FRAMES_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* The exit status where the machine failed, not the command. */
#define MACHINE_FAILED 125

enum line { LINE_IN, LINE_OUT, LINE_ERR, LINE_TERM, LINE_CTL, LINES };

enum frame_type {
	FRAME_READY = 1,	/* guest: the lines are open */
	FRAME_START,		/* host: items, what to run */
	FRAME_SIGNAL,		/* host: an int, for the command */
	FRAME_WINSIZE,		/* host: struct winsize, of the terminal */
	FRAME_ENDED,		/* guest: an int, the command's exit status */
};

struct frame {
	unsigned int type;
	unsigned int length;
};

/*
 * START holds items: a letter and a string that ends in NUL.  Their order
 * counts only among items of one kind.
 */
enum item {
	ITEM_ARGUMENT = 'a',
	ITEM_VARIABLE = 'v',	/* NAME=value for the command's environment */
	ITEM_FOLDER = 'd',	/* where the command runs */
	ITEM_WRITABLE = 'w',	/* a folder of the host it may write to */
	ITEM_VISIBLE = 'k',	/* one to be seen even below a fresh /tmp */
	ITEM_PROGRAMS = 'p',	/* a folder to be first in PATH */
	ITEM_STREAM = 's',	/* "<0|1|2><n|p|t|o>", see enum stream_kind */
	ITEM_COOKED = 'c',	/* the caller's terminal turns \n into \r\n */
	ITEM_SIZE = 'z',	/* "ROWS COLUMNS" of the terminal */
};

enum stream_kind {
	STREAM_NOTHING = 'n',	/* /dev/null */
	STREAM_PIPE = 'p',	/* its own line */
	STREAM_TERMINAL = 't',	/* the terminal */
	STREAM_AS_OUTPUT = 'o',	/* standard error: the same as standard output */
};

/* Waits where a descriptor that was handed to us does not block. */
static inline bool wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

static inline ssize_t read_some(int fd, void *buffer, size_t size)
{
	for (;;) {
		ssize_t n = read(fd, buffer, size);

		if (n >= 0)
			return n;
		if (errno == EAGAIN) {
			if (!wait_for(fd, POLLIN))
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
}

static inline bool read_all(int fd, void *buffer, size_t size)
{
	char *at = buffer;

	while (size) {
		ssize_t n = read_some(fd, at, size);

		if (n <= 0)
			return false;
		at += n;
		size -= n;
	}
	return true;
}

static inline bool write_all(int fd, const void *buffer, size_t size)
{
	const char *at = buffer;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n >= 0) {
			at += n;
			size -= n;
		} else if (errno == EAGAIN) {
			if (!wait_for(fd, POLLOUT))
				return false;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

static inline bool send_frame(int fd, enum frame_type type, const void *payload,
			      size_t length)
{
	struct frame f = { .type = type, .length = length };

	return write_all(fd, &f, sizeof(f)) && write_all(fd, payload, length);
}

#endif
