// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps the kernel's messages and knows what a kernel in trouble prints.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../frames.h"
#include "console.h"

/* What begins a report.  A word is one by itself: "DEBUG:" is no "BUG:". */
static const char *const trouble[] = {
	/* of anything: lockdep and RCU begin their reports with these, too */
	"BUG:", "BUG ", "WARNING:", "INFO: ", "Oops", "Kernel panic",
	"int3: 0000",
	"------------[ cut here ]", "general protection fault",
	"unable to handle",
	/* what a checker is called */
	"KASAN:", "KFENCE:", "KCSAN:", "KMSAN:", "UBSAN:", "ODEBUG:",
	/* memory: leaks, and what was overwritten */
	"kmemleak:", "Poison overwritten", "Redzone", "Padding overwritten",
	"pagealloc:", "refcount_t:",
	/* locks and contexts, where a report is known by its subject alone */
	"possible recursive locking detected",
	"possible circular locking dependency detected",
	"possible irq lock inversion dependency detected",
	"suspicious RCU usage", "inconsistent lock state",
	"bad unlock balance detected", "held lock freed",
	"lock held when returning to user space",
	"sleeping function called from invalid context",
	"scheduling while atomic", "blocked for more than",
	"detected stall", "turning off the locking correctness validator",
	/* what cannot go, as somebody holds it */
	"unregister_netdevice: waiting", NULL
};

/* A breakpoint that nobody has set. */
static const char *const stray_breakpoint[] = { "int3: 0000", NULL };

static const char *const harmless[] = {
	"Kernel memory leak detector initialized",
	"INFO: lockdep is turned off", NULL
};

#define LAST_LINES 20
#define LINES_BEFORE 5	/* what led to the trouble */
#define LINES_OF_TROUBLE 60

static struct {
	const char *path;
	FILE *file;
	long trouble_at;	/* where in the file, -1: nowhere */
	long last_lines;	/* where the last few begin */
	bool stray_breakpoint;	/* that is what the trouble began with */
} console = { .trouble_at = -1 };

void console_open(const char *path)
{
	console.path = path;
	console.file = fopen(path, "we");
	if (!console.file)
		err(MACHINE_FAILED, "%s", path);
}

static bool has(const char *line, const char *words)
{
	const char *at = line;

	while ((at = strstr(at, words))) {
		if (at == line || !isalnum((unsigned char)at[-1]))
			return true;
		at++;
	}
	return false;
}

static bool speaks_of(const char *line, const char *const *subjects)
{
	for (; *subjects; subjects++)
		if (has(line, *subjects))
			return true;
	return false;
}

void console_carry(int fd)
{
	FILE *from = fdopen(fd, "r");
	long starts[LAST_LINES] = { 0 };
	size_t size = 0, n = 0;
	char *line = NULL;

	while (from && getline(&line, &size, from) > 0) {
		starts[n++ % LAST_LINES] = ftell(console.file);
		console.last_lines = starts[n < LAST_LINES ? 0 : n % LAST_LINES];
		if (console.trouble_at < 0 && speaks_of(line, trouble) &&
		    !speaks_of(line, harmless)) {
			size_t first = n > LINES_BEFORE ? n - LINES_BEFORE : 1;

			console.trouble_at = starts[(first - 1) % LAST_LINES];
			console.stray_breakpoint = speaks_of(line, stray_breakpoint);
		}
		fputs(line, console.file);
		fflush(console.file);
	}
	free(line);
}

static void show_from(long offset, int lines)
{
	FILE *file = fopen(console.path, "r");
	size_t size = 0;
	char *line = NULL;

	if (!file || fseek(file, offset, SEEK_SET))
		return;
	while (lines-- && getline(&line, &size, file) > 0)
		fprintf(stderr, "    %s", line);
	free(line);
	fclose(file);
}

bool console_shows_trouble(void)
{
	return console.trouble_at >= 0;
}

bool console_shows_stray_breakpoint(void)
{
	return console.stray_breakpoint;
}

void console_explain(const char *what)
{
	fprintf(stderr, "scripts/run: %s; from %s:\n", what, console.path);
	if (console.trouble_at >= 0)
		show_from(console.trouble_at, LINES_OF_TROUBLE);
	else
		show_from(console.last_lines, LAST_LINES);
}
