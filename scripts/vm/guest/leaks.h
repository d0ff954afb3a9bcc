/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Search for memory leaks of the kernel.
 */
#ifndef VM_LEAKS_H
#define VM_LEAKS_H

/*
 * Scans for memory without a reference, and logs it in the kernel's log, which
 * the host reads.  Call it after all other processes have ended.  Takes some
 * seconds if the kernel has kmemleak, otherwise no time.
 */
void leaks_report(void);

#endif
