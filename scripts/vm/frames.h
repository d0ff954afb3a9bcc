/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Protocol between the program on the host and the init program of the VM.
 *
 * The VM has five lines.  Each stream of the command has its own line, so that a
 * slow reader of one stream does not delay another:
 *
 *   IN    host to VM: standard input
 *   OUT   VM to host: standard output
 *   ERR   VM to host: standard error
 *   TERM  VM to host: output for the caller's terminal
 *   CTL   both ways: frames, each a struct frame and its payload
 *
 * A stream is a sequence of blocks, each an unsigned short and that many bytes; a
 * block of length 0 ends the stream.  Not every kind of line reports when written
 * data has arrived, so the VM powers off only after it has received OFF.  The
 * host sends OFF after it has read the end of each stream.
 *
 * Host and VM use the same CPU, so numbers are in native byte order.
 */
#ifndef VM_FRAMES_H
#define VM_FRAMES_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* Exit status if the VM failed, as opposed to the command. */
#define VM_FAILED 125

enum line { LINE_IN, LINE_OUT, LINE_ERR, LINE_TERM, LINE_CTL, LINES };

enum frame_type {
	FRAME_READY = 1,	/* VM: the lines are open */
	FRAME_START,		/* host: items that describe the command */
	FRAME_SIGNAL,		/* host: an int, for the command */
	FRAME_WINSIZE,		/* host: struct winsize, of the terminal */
	FRAME_ENDED,		/* VM: an int, the command's exit status */
	FRAME_OFF,		/* host: all streams have been read to their end */
};

struct frame {
	unsigned int type;
	unsigned int length;
};

/*
 * START contains items: a letter and a NUL-terminated string.  The order is
 * significant only among items of one kind.
 */
enum item {
	ITEM_ARGUMENT = 'a',
	ITEM_VARIABLE = 'v',	/* NAME=value for the command's environment */
	ITEM_DIRECTORY = 'd',	/* current directory of the command */
	ITEM_WRITABLE = 'w',	/* directory of the host that it may write to */
	ITEM_VISIBLE = 'k',	/* directory that stays visible below the fresh /tmp */
	ITEM_PROGRAMS = 'p',	/* directory to be first in PATH */
	ITEM_STREAM = 's',	/* "<0|1|2><n|p|t|o>", see enum stream_kind */
	ITEM_COOKED = 'c',	/* the caller's terminal turns \n into \r\n */
	ITEM_SIZE = 'z',	/* "ROWS COLUMNS" of the terminal */
};

enum stream_kind {
	STREAM_NOTHING = 'n',	/* /dev/null */
	STREAM_PIPE = 'p',	/* line of this stream */
	STREAM_TERMINAL = 't',	/* the terminal */
	STREAM_AS_OUTPUT = 'o',	/* standard error: same file as standard output */
};

/*
 * Waits for @events on a non-blocking descriptor.  Returns false if they cannot
 * occur any more.
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

/* Maximum payload of a block. */
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
