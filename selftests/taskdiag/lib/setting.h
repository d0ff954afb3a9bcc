/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing a text to a kernel file: a sysctl, an id map or a cgroup file.
 *
 * Depends on the C library only.
 */
#ifndef TASKDIAG_SETTING_H
#define TASKDIAG_SETTING_H

/* Return 0 or a negative errno; a missing file is not created. */
int setting_write(const char *path, const char *text);

/* setting_write() for a file below the directory @dir. */
int setting_write_at(int dir, const char *file, const char *text);

#endif /* TASKDIAG_SETTING_H */
