/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output of the clients: one line per message with its attributes as
 * TYPE=BYTES, in decimal and in hexadecimal.
 */
#ifndef TASKDIAG_PRINT_H
#define TASKDIAG_PRINT_H

#include <stddef.h>
#include <stdio.h>

static inline void print_attribute(unsigned int type, const void *data,
				   size_t len)
{
	const unsigned char *bytes = data;
	size_t i;

	printf("%u=", type);
	for (i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	putchar(' ');
}

#endif
