/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling the kernel something by a text in a file: a sysctl, a map of ids, a
 * file of a control group.
 */
#ifndef TASKDIAG_SETTING_H
#define TASKDIAG_SETTING_H

/* 0 or a negative errno; a file that is not there is not made. */
int setting_write(const char *path, const char *text);

/* The same for one below the folder @dir. */
int setting_write_at(int dir, const char *file, const char *text);

#endif /* TASKDIAG_SETTING_H */
