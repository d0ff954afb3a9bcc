/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel has lost track of, where it can tell: kmemleak.
 */
#ifndef MACHINE_LEAKS_H
#define MACHINE_LEAKS_H

/*
 * Once nothing runs any more: has the kernel look for memory that nothing
 * points to, and say so in its log, which the host watches.  Takes some seconds
 * in a kernel that has kmemleak, and none in others.
 */
void leaks_report(void);

#endif
