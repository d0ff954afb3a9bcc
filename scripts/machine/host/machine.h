/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine as something that can be started and ended, of either kind.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../frames.h"

/* Our ends of what the machine is connected to: its lines and its console. */
#define MACHINE_CONSOLE LINES
#define MACHINE_ENDS (LINES + 1)

/* The machine finds its own ends from this descriptor on, in that order. */
#define MACHINE_FIRST_FD 10

#define MACHINE_OPTIONS_MAX 60

struct machine {
	const struct machine_kind *kind;
	const char *kernel;		/* the file to boot */
	const char *init;		/* the first program in it */
	const char *memory;		/* a size, as "2G" */
	const char *memory_folder;	/* where its memory may be a file */
	const char *state_folder;	/* where it may keep small files */
	const char *scrap;		/* a file to remove if we are killed */
	const char *arguments;		/* more for the kernel's command line */
	const char *options[MACHINE_OPTIONS_MAX];	/* more, for its program */
	size_t n_options;
};

struct machine_kind {
	/* In a process for it, with its descriptors in place: does not return. */
	void (*become)(const struct machine *machine);
	/* When that process has ended; may be NULL. */
	void (*tidy)(const struct machine *machine, pid_t pid);
};

extern const struct machine_kind uml, qemu;

/* Starts the machine; it gives SIGCHLD when it is gone. */
void machine_start(const struct machine *machine, int ends[MACHINE_ENDS]);

/* Ends the machine, whatever it is doing; SIGCHLD follows. */
void machine_end(void);

/* For SIGCHLD: whether the machine, and everything it started, is gone. */
bool machine_is_gone(void);

#endif
