/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own messages: kept in a file, and watched for trouble.
 */
#ifndef MACHINE_CONSOLE_H
#define MACHINE_CONSOLE_H

#include <stdbool.h>

void console_open(const char *path);

/* Carries messages to the file until there will be no more. */
void console_carry(int from);

/* After that: whether the kernel reported a bug of its own. */
bool console_shows_trouble(void);

/* Whether that began with a breakpoint that nobody had set. */
bool console_shows_stray_breakpoint(void);

/* Shows the trouble, or else the end, on standard error. */
void console_explain(const char *what);

#endif
