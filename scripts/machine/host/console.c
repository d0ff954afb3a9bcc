// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps the kernel's messages and knows what a kernel in trouble prints.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../frames.h"
#include "console.h"

static const char *const trouble[] = {
	"BUG:", "WARNING:", "INFO: ", "Oops", "Kernel panic", "KASAN:", "UBSAN:",
	"KFENCE:", "KCSAN:", "kmemleak:", "general protection fault",
	"unable to handle", "------------[ cut here ]", NULL
};

static const char *const harmless[] = {
	"Kernel memory leak detector", "INFO: lockdep is turned off", NULL
};

#define LAST_LINES 20
#define LINES_BEFORE 5	/* what led to the trouble */
#define LINES_OF_TROUBLE 60

static struct {
	const char *path;
	FILE *file;
	long trouble_at;	/* where in the file, -1: nowhere */
	long last_lines;	/* where the last few begin */
} console = { .trouble_at = -1 };

void console_open(const char *path)
{
	console.path = path;
	console.file = fopen(path, "we");
	if (!console.file)
		err(MACHINE_FAILED, "%s", path);
}

static bool speaks_of(const char *line, const char *const *words)
{
	for (; *words; words++)
		if (strstr(line, *words))
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

void console_explain(const char *what)
{
	fprintf(stderr, "scripts/run: %s; from %s:\n", what, console.path);
	if (console.trouble_at >= 0)
		show_from(console.trouble_at, LINES_OF_TROUBLE);
	else
		show_from(console.last_lines, LAST_LINES);
}
