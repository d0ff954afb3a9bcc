// SPDX-License-Identifier: GPL-2.0-only
/*
 * Logs the kernel's messages and recognises reports of bugs in them.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../frames.h"
#include "console.h"

/* Beginnings of reports, as whole words: "DEBUG:" does not match "BUG:". */
static const char *const bug_reports[] = {
	/* general; lockdep and RCU use them as well */
	"BUG:", "BUG ", "WARNING:", "INFO: ", "Oops", "Kernel panic",
	"int3: 0000",
	"------------[ cut here ]", "general protection fault",
	"unable to handle",
	/* names of checkers */
	"KASAN:", "KFENCE:", "KCSAN:", "KMSAN:", "UBSAN:", "ODEBUG:",
	/* memory: leaks and overwritten memory */
	"kmemleak:", "Poison overwritten", "Redzone", "Padding overwritten",
	"pagealloc:", "refcount_t:",
	/* locks and contexts, whose reports have no common beginning */
	"possible recursive locking detected",
	"possible circular locking dependency detected",
	"possible irq lock inversion dependency detected",
	"suspicious RCU usage", "inconsistent lock state",
	"bad unlock balance detected", "held lock freed",
	"lock held when returning to user space",
	"sleeping function called from invalid context",
	"scheduling while atomic", "blocked for more than",
	"detected stall", "turning off the locking correctness validator",
	/* a reference that is not released */
	"unregister_netdevice: waiting", NULL
};

/* A breakpoint that no debugger has set. */
static const char *const stray_breakpoint[] = { "int3: 0000", NULL };

static const char *const harmless[] = {
	"Kernel memory leak detector initialized",
	"INFO: lockdep is turned off", NULL
};

#define LAST_LINES 20
#define LINES_BEFORE 5	/* context before a report */
#define LINES_OF_REPORT 60

static struct {
	const char *path;
	FILE *file;
	long report_at;	/* offset in the file, -1: none */
	long last_lines;	/* offset of the last LAST_LINES lines */
	bool stray_breakpoint;	/* the first report is one */
} console = { .report_at = -1 };

void console_open(const char *path)
{
	console.path = path;
	console.file = fopen(path, "we");
	if (!console.file)
		err(VM_FAILED, "%s", path);
}

static bool contains(const char *line, const char *words)
{
	const char *at = line;

	while ((at = strstr(at, words))) {
		if (at == line || !isalnum((unsigned char)at[-1]))
			return true;
		at++;
	}
	return false;
}

static bool matches_any(const char *line, const char *const *subjects)
{
	for (; *subjects; subjects++)
		if (contains(line, *subjects))
			return true;
	return false;
}

void console_log(int fd)
{
	FILE *from = fdopen(fd, "r");
	long starts[LAST_LINES] = { 0 };
	size_t size = 0, n = 0;
	char *line = NULL;

	while (from && getline(&line, &size, from) > 0) {
		starts[n++ % LAST_LINES] = ftell(console.file);
		console.last_lines = starts[n < LAST_LINES ? 0 : n % LAST_LINES];
		if (console.report_at < 0 && matches_any(line, bug_reports) &&
		    !matches_any(line, harmless)) {
			size_t first = n > LINES_BEFORE ? n - LINES_BEFORE : 1;

			console.report_at = starts[(first - 1) % LAST_LINES];
			console.stray_breakpoint = matches_any(line, stray_breakpoint);
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

bool console_has_bug_report(void)
{
	return console.report_at >= 0;
}

bool console_has_stray_breakpoint(void)
{
	return console.stray_breakpoint;
}

void console_explain(const char *what)
{
	fprintf(stderr, "scripts/run: %s; from %s:\n", what, console.path);
	if (console.report_at >= 0)
		show_from(console.report_at, LINES_OF_REPORT);
	else
		show_from(console.last_lines, LAST_LINES);
}
