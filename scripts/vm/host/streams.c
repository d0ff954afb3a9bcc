// SPDX-License-Identifier: GPL-2.0-only
/*
 * Detects the kind of the caller's streams, and forwards their data.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>

#include "streams.h"

static bool same_file(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static bool is_null(int fd)
{
	struct stat mine, null;

	return fstat(fd, &mine) ||
	       (!stat("/dev/null", &null) && S_ISCHR(mine.st_mode) &&
		mine.st_rdev == null.st_rdev);
}

/*
 * A stream that is a terminal here is a terminal for the command.  Keys are
 * forwarded only if standard output is a terminal as well: in "scripts/run CMD |
 * less" they belong to less.
 */
struct streams streams_detect(void)
{
	struct streams s = { .terminal = -1 };
	bool tty[3];

	/* A closed stream becomes /dev/null; its number must not be reused. */
	while (open("/dev/null", O_RDWR | O_CLOEXEC) <= 2)
		;
	for (int i = 0; i < 3; i++) {
		tty[i] = isatty(i);
		s.kinds[i] = tty[i] ? STREAM_TERMINAL : STREAM_PIPE;
	}
	s.interactive = tty[0] && tty[1];
	if (!s.interactive && (tty[0] || is_null(0)))
		s.kinds[0] = STREAM_NOTHING;
	if (tty[1] || tty[2])
		s.terminal = tty[1] ? 1 : 2;
	if (!tty[1] && !tty[2] && same_file(1, 2))
		s.kinds[2] = STREAM_AS_OUTPUT;
	return s;
}

static struct termios before;
static bool is_raw;

void streams_make_raw(void)
{
	struct termios t;

	if (tcgetattr(0, &before))
		err(VM_FAILED, "terminal");
	t = before;
	cfmakeraw(&t);
	is_raw = !tcsetattr(0, TCSADRAIN, &t);
}

void streams_restore(void)
{
	if (is_raw)
		tcsetattr(0, TCSADRAIN, &before);
	is_raw = false;
}

void streams_forward_out(int from, int to)
{
	struct block block;

	while (receive_block(from, &block)) {
		if (!block.length)
			return;
		if (to < 0 || !write_all(to, block.bytes, block.length))
			break;
	}
	/* Without a reader, the command's writes fail. */
	shutdown(from, SHUT_RDWR);
}

#define ESCAPE 0x1d	/* Ctrl-] */

/* Returns whether Ctrl-] was pressed three times within about a second. */
static bool is_escape(const char *keys, ssize_t n)
{
	static time_t since;
	static int count;

	for (ssize_t i = 0; i < n; i++) {
		if (keys[i] != ESCAPE || time(NULL) > since + 1) {
			count = 0;
			since = time(NULL);
		}
		if (keys[i] == ESCAPE && ++count == 3)
			return true;
	}
	return false;
}

void streams_forward_in(int to, void (*escaped)(void))
{
	struct block block;
	ssize_t n;

	while ((n = read_some(0, block.bytes, BLOCK_MAX)) > 0) {
		if (is_raw && is_escape(block.bytes, n))
			escaped();
		block.length = n;
		if (!send_block(to, &block))
			return;
	}
	block.length = 0;
	send_block(to, &block);
}
