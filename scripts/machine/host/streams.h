/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The caller's standard input, output and error, and its terminal.
 */
#ifndef MACHINE_STREAMS_H
#define MACHINE_STREAMS_H

#include <stdbool.h>
#include <sys/ioctl.h>

#include "../frames.h"

struct streams {
	enum stream_kind kinds[3];
	int terminal;		/* where the machine's terminal is shown, or -1 */
	bool interactive;	/* keys go to the machine as they are */
};

/* What the caller has; also makes sure that there are three of them. */
struct streams streams_look(void);

/* In raw mode every key is the machine's, Ctrl-C included. */
void streams_make_raw(void);
void streams_restore(void);

/* Carry, each until its end; Ctrl-] three times, from a raw terminal, escapes. */
void streams_carry_out(int from, int to);
void streams_carry_in(int to, void (*escaped)(void));

#endif
