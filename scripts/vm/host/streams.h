/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The caller's standard input, output and error, and its terminal.
 */
#ifndef VM_STREAMS_H
#define VM_STREAMS_H

#include <stdbool.h>
#include <sys/ioctl.h>

#include "../frames.h"

struct streams {
	enum stream_kind kinds[3];
	int terminal;		/* descriptor that shows the VM's terminal, or -1 */
	bool interactive;	/* keys are forwarded unchanged */
};

/* Returns the caller's streams.  Opens /dev/null for closed ones. */
struct streams streams_detect(void);

/* In raw mode every key is forwarded, including Ctrl-C. */
void streams_make_raw(void);
void streams_restore(void);

/* Forward a stream to its end.  Three times Ctrl-], on a raw terminal, escapes. */
void streams_forward_out(int from, int to);
void streams_forward_in(int to, void (*escaped)(void));

#endif
