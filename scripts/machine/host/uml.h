/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User-Mode Linux as a machine that can be started and ended.
 */
#ifndef MACHINE_UML_H
#define MACHINE_UML_H

#include <stdbool.h>

#include "../frames.h"

/* Our ends of what the machine is connected to: its lines and its console. */
#define UML_CONSOLE LINES
#define UML_ENDS (LINES + 1)

struct uml {
	const char *kernel;		/* the program */
	const char *init;		/* the first program in it */
	const char *memory;		/* a size, as "2G" */
	const char *memory_folder;	/* where its memory may be a file */
	const char *state_folder;	/* where it may keep small files */
	const char *scrap;		/* a file to remove if we are killed */
};

/* Starts the machine; it gives SIGCHLD when it is gone. */
void uml_start(const struct uml *uml, int ends[UML_ENDS]);

/* Ends the machine, whatever it is doing; SIGCHLD follows. */
void uml_end(void);

/* For SIGCHLD: whether the machine, and everything it started, is gone. */
bool uml_is_gone(void);

#endif
