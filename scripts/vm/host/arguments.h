/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Argument list of a program that is about to be executed.
 */
#ifndef VM_ARGUMENTS_H
#define VM_ARGUMENTS_H

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define ARGUMENTS_MAX 120

struct arguments {
	char *list[ARGUMENTS_MAX + 1];	/* ends in NULL */
	size_t n;
};

[[gnu::format(printf, 2, 3)]]
static inline void add_argument(struct arguments *arguments, const char *format,
				...)
{
	va_list values;

	va_start(values, format);
	if (arguments->n == ARGUMENTS_MAX ||
	    vasprintf(&arguments->list[arguments->n++], format, values) < 0)
		_exit(1);
	va_end(values);
}

#endif
