// SPDX-License-Identifier: GPL-2.0-only
/*
 * User-Mode Linux: how the program is called, and what it leaves behind.
 */
#define _GNU_SOURCE
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>

#include "arguments.h"
#include "machine.h"

static void become_uml(const struct machine *machine)
{
	struct arguments a = { .n = 0 };

	add_argument(&a, "%s", machine->kernel);
	add_argument(&a, "mem=%s", machine->memory);
	add_argument(&a, "rootfstype=hostfs");
	add_argument(&a, "rootflags=/");
	add_argument(&a, "rw");
	add_argument(&a, "init=%s", machine->init);
	add_argument(&a, "uml_dir=%s", machine->state_folder);
	add_argument(&a, "umid=%d", (int)getpid());
	add_argument(&a, "console=tty0");
	add_argument(&a, "con0=fd:%d", MACHINE_FIRST_FD + MACHINE_CONSOLE);
	for (int i = 0; i < LINES; i++)
		add_argument(&a, "ssl%d=fd:%d", i, MACHINE_FIRST_FD + i);
	/* Early messages; the console repeats them when it starts. */
	add_argument(&a, "stderr=1");
	add_argument(&a, "ignore_loglevel");
	add_argument(&a, "oops=panic");
	for (size_t i = 0; i < machine->n_options; i++)
		add_argument(&a, "%s", machine->options[i]);

	/* The gap before a random heap would count as the machine's memory. */
	personality(ADDR_NO_RANDOMIZE);
	setenv("TMPDIR", machine->memory_folder, 1);
	execv(machine->kernel, a.list);
	warn("%s", machine->kernel);
}

static void remove_state(const struct machine *machine, pid_t pid)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d/pid", machine->state_folder, (int)pid);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%d", machine->state_folder, (int)pid);
	rmdir(path);
}

const struct machine_kind uml = { become_uml, remove_state };
