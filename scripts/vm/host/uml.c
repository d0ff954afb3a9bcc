// SPDX-License-Identifier: GPL-2.0-only
/*
 * User-Mode Linux: its arguments, and the files that it leaves.
 */
#define _GNU_SOURCE
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>

#include "arguments.h"
#include "vm.h"

static void exec_uml(const struct vm *vm)
{
	struct arguments a = { .n = 0 };

	add_argument(&a, "%s", vm->kernel);
	add_argument(&a, "mem=%s", vm->memory);
	add_argument(&a, "rootfstype=hostfs");
	add_argument(&a, "rootflags=/");
	add_argument(&a, "rw");
	add_argument(&a, "init=%s", vm->init);
	add_argument(&a, "uml_dir=%s", vm->state_dir);
	add_argument(&a, "umid=%d", (int)getpid());
	add_argument(&a, "console=tty0");
	add_argument(&a, "con0=fd:%d", VM_FIRST_FD + VM_CONSOLE);
	for (int i = 0; i < LINES; i++)
		add_argument(&a, "ssl%d=fd:%d", i, VM_FIRST_FD + i);
	/* Early messages; the console repeats them when it starts. */
	add_argument(&a, "stderr=1");
	add_argument(&a, "ignore_loglevel");
	add_argument(&a, "oops=panic");
	for (size_t i = 0; i < vm->n_options; i++)
		add_argument(&a, "%s", vm->options[i]);

	/* The gap before a random heap would count as memory of the VM. */
	personality(ADDR_NO_RANDOMIZE);
	setenv("TMPDIR", vm->memory_dir, 1);
	execv(vm->kernel, a.list);
	warn("%s", vm->kernel);
}

static void remove_state(const struct vm *vm, pid_t pid)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d/pid", vm->state_dir, (int)pid);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%d", vm->state_dir, (int)pid);
	rmdir(path);
}

const struct vm_kind uml = { exec_uml, remove_state };
