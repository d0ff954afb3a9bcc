// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scans for memory leaks with kmemleak, and logs the results for the host.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leaks.h"

#define KMEMLEAK "/sys/kernel/debug/kmemleak"

/* kmemleak ignores objects that are younger than five seconds. */
#define AGE_SECONDS 6

/* Details of the first leaks; each has about ten lines. */
#define LINES_TO_SHOW 60

static void scan(int kmemleak)
{
	if (write(kmemleak, "scan", strlen("scan")) < 0)
		warn(KMEMLEAK);
}

/* The kernel has logged the number of leaks; logs their details. */
static void show(FILE *kmemleak)
{
	FILE *log = fopen("/dev/kmsg", "we");
	char *line = NULL;
	size_t size = 0;
	int lines = LINES_TO_SHOW;

	while (log && lines-- && getline(&line, &size, kmemleak) > 0) {
		fprintf(log, "kmemleak: %s", line);
		fflush(log);
	}
	free(line);
	if (log)
		fclose(log);
}

void leaks_report(void)
{
	int kmemleak = open(KMEMLEAK, O_RDWR | O_CLOEXEC);
	FILE *findings;

	if (kmemleak < 0)
		return;
	/*
	 * Objects that have changed since the last scan are only reported by
	 * the next one, so scan twice.
	 */
	sleep(AGE_SECONDS);
	scan(kmemleak);
	scan(kmemleak);
	findings = fdopen(kmemleak, "r");
	if (!findings) {
		warn(KMEMLEAK);
		return;
	}
	show(findings);
	fclose(findings);
}
