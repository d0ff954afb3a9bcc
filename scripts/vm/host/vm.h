/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Start and end of a VM, independent of its kind.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../frames.h"

/* Our ends of the connections of the VM: its lines and its console. */
#define VM_CONSOLE LINES
#define VM_ENDS (LINES + 1)

/* First descriptor of the ends of the VM, in the same order. */
#define VM_FIRST_FD 10

#define VM_OPTIONS_MAX 60

struct vm {
	const struct vm_kind *kind;
	const char *kernel;		/* file to boot */
	const char *init;		/* first program in it */
	const char *memory;		/* size, such as "2G" */
	const char *memory_dir;	/* for the file with its memory */
	const char *state_dir;	/* for small files */
	const char *temporary_log;		/* log to remove if we are killed */
	const char *arguments;		/* appended to the kernel's command line */
	const char *options[VM_OPTIONS_MAX];	/* appended to the arguments of the program */
	size_t n_options;
};

struct vm_kind {
	/* Executes the VM in the calling process, whose descriptors are set up. */
	void (*exec)(const struct vm *vm);
	/* Removes files of the VM after its process has ended; may be NULL. */
	void (*clean_up)(const struct vm *vm, pid_t pid);
};

extern const struct vm_kind uml, qemu;

/* Starts the VM.  SIGCHLD reports its end. */
void vm_start(const struct vm *vm, int ends[VM_ENDS]);

/* Kills the VM.  SIGCHLD follows. */
void vm_end(void);

/* Returns whether the VM and all of its processes have ended; for SIGCHLD. */
bool vm_is_gone(void);

#endif
