/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log file of the kernel's messages, and reports of bugs in them.
 */
#ifndef VM_CONSOLE_H
#define VM_CONSOLE_H

#include <stdbool.h>

void console_open(const char *path);

/* Copies messages to the file until the VM ends. */
void console_log(int from);

/* Returns whether the kernel reported a bug.  Call it after console_log(). */
bool console_has_bug_report(void);

/* Returns whether the first report is a breakpoint that no debugger has set. */
bool console_has_stray_breakpoint(void);

/* Prints the report, or else the last lines, on standard error. */
void console_explain(const char *what);

#endif
