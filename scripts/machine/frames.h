/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host's and the guest's program say to each other.
 *
 * The machine has five lines.  Each stream of the command has one of its own,
 * so that a reader who is slow on one never holds up another:
 *
 *   IN    host to guest: standard input
 *   OUT   guest to host: standard output
 *   ERR   guest to host: standard error
 *   TERM  guest to host: what is for the caller's terminal
 *   CTL   both ways: frames, each a struct frame and its payload
 *
 * A stream travels as blocks, each an unsigned short and that many bytes; a
 * block of length 0 is its end.  Not every kind of line can say when what was
 * written has arrived, so the guest powers off only when the host says OFF,
 * after the ends of its streams.
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
	FRAME_OFF,		/* host: everything has arrived */
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

/*
 * Waits where a descriptor does not block.  False if what is waited for will
 * not come.
 */
static inline bool wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (poll(&p, 1, -1) < 0)
		return errno == EINTR;
	return p.revents & events;
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

/* The most that fits a block, with its length in front in one buffer. */
#define BLOCK_MAX 16384

struct block {
	unsigned short length;
	char bytes[BLOCK_MAX];
};

/* A block of length 0 ends the stream. */
static inline bool send_block(int fd, const struct block *block)
{
	return write_all(fd, block, sizeof(block->length) + block->length);
}

static inline bool receive_block(int fd, struct block *block)
{
	return read_all(fd, &block->length, sizeof(block->length)) &&
	       block->length <= sizeof(block->bytes) &&
	       read_all(fd, block->bytes, block->length);
}

static inline bool send_frame(int fd, enum frame_type type, const void *payload,
			      size_t length)
{
	struct frame f = { .type = type, .length = length };

	return write_all(fd, &f, sizeof(f)) && write_all(fd, payload, length);
}

#endif
