// SPDX-License-Identifier: GPL-2.0-only
/* Expected STAT from procfs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../kselftest.h"
#include "expected_stat.h"
#include "procfs.h"

/* Field numbers of /proc/PID/stat, as in proc(5). */
enum {
	STAT_TTY = 7, STAT_TTY_PGRP, STAT_FLAGS, STAT_MIN_FLT, STAT_CMIN_FLT,
	STAT_MAJ_FLT, STAT_CMAJ_FLT, STAT_UTIME, STAT_STIME, STAT_CUTIME,
	STAT_CSTIME, STAT_PRIORITY, STAT_NICE, STAT_NUM_THREADS,
	STAT_START_TIME = 22, STAT_VSIZE, STAT_RSS,
	STAT_EXIT_SIGNAL = 38, STAT_PROCESSOR, STAT_RT_PRIORITY, STAT_POLICY,
	STAT_BLKIO_DELAY, STAT_GTIME, STAT_CGTIME,
	STAT_EXIT_CODE = 52,
	STAT_FIELDS,
};

enum unit { ONE, KIB, TICK };

/* How to compare a field. */
static const struct field {
	const char *name;
	size_t offset;
	size_t size;
	enum unit unit;		/* unit that procfs rounds down to */
	bool grows;		/* never decreases */
} fields[] = {
#define WIDE(field, unit, grows) \
	{ #field, offsetof(struct task_diag_stat, field), 8, unit, grows }
#define NARROW(field) \
	{ #field, offsetof(struct task_diag_stat, field), 4, ONE, false }

	WIDE(start_time, TICK, false),
	WIDE(utime, TICK, true),
	WIDE(stime, TICK, true),
	WIDE(gtime, TICK, true),
	WIDE(cutime, TICK, true),
	WIDE(cstime, TICK, true),
	WIDE(cgtime, TICK, true),
	WIDE(min_flt, ONE, true),
	WIDE(maj_flt, ONE, true),
	WIDE(cmin_flt, ONE, true),
	WIDE(cmaj_flt, ONE, true),
	WIDE(nvcsw, ONE, true),
	WIDE(nivcsw, ONE, true),
	WIDE(run_delay, ONE, true),
	WIDE(blkio_delay, TICK, true),
	WIDE(vsize, ONE, false),
	WIDE(rss_anon, KIB, false),
	WIDE(rss_file, KIB, false),
	WIDE(rss_shmem, KIB, false),
	WIDE(rss_peak, KIB, false),
	WIDE(swap, KIB, false),
	WIDE(text, KIB, false),
	WIDE(data, KIB, false),
	WIDE(locked, KIB, false),
	NARROW(flags),
	NARROW(tty),
	NARROW(tty_pgrp),
	NARROW(priority),
	NARROW(nice),
	NARROW(rt_priority),
	NARROW(policy),
	NARROW(num_threads),
	NARROW(processor),
	NARROW(exit_signal),
	NARROW(exit_code),
	NARROW(valid),
};

static __u64 unit_size(enum unit unit)
{
	switch (unit) {
	case KIB:
		return 1024;
	case TICK:
		return 1000 * 1000 * 1000 / sysconf(_SC_CLK_TCK);
	default:
		return 1;
	}
}

static int read_stat(int proc, pid_t pid, pid_t tid,
		     struct task_diag_stat *stat, __u64 *rss)
{
	const __u64 tick = unit_size(TICK);
	long long field[STAT_FIELDS] = {};
	char *text, *at;
	bool exited;
	size_t len;
	int i;

	text = procfs_file(proc, pid, tid, "stat", &len);
	if (!text)
		return -errno;
	/*
	 * Field 2, the name, ends with the last parenthesis; field 3 is a
	 * letter.
	 */
	at = strrchr(text, ')') + sizeof(") ") - 1;
	exited = *at == 'Z' || *at == 'X';
	at++;
	for (i = 4; i < STAT_FIELDS; i++)
		/* The largest values are addresses, which are not used. */
		field[i] = strtoll(at, &at, 10);
	free(text);

	stat->tty = field[STAT_TTY];
	stat->tty_pgrp = field[STAT_TTY_PGRP];
	stat->flags = field[STAT_FLAGS];
	stat->min_flt = field[STAT_MIN_FLT];
	stat->cmin_flt = field[STAT_CMIN_FLT];
	stat->maj_flt = field[STAT_MAJ_FLT];
	stat->cmaj_flt = field[STAT_CMAJ_FLT];
	stat->utime = field[STAT_UTIME] * tick;
	stat->stime = field[STAT_STIME] * tick;
	stat->cutime = field[STAT_CUTIME] * tick;
	stat->cstime = field[STAT_CSTIME] * tick;
	stat->priority = field[STAT_PRIORITY];
	stat->nice = field[STAT_NICE];
	stat->num_threads = field[STAT_NUM_THREADS];
	stat->start_time = field[STAT_START_TIME] * tick;
	stat->vsize = field[STAT_VSIZE];
	*rss = field[STAT_RSS] * sysconf(_SC_PAGESIZE);
	stat->exit_signal = field[STAT_EXIT_SIGNAL];
	stat->processor = field[STAT_PROCESSOR];
	stat->rt_priority = field[STAT_RT_PRIORITY];
	stat->policy = field[STAT_POLICY];
	stat->blkio_delay = field[STAT_BLKIO_DELAY] * tick;
	stat->gtime = field[STAT_GTIME] * tick;
	stat->cgtime = field[STAT_CGTIME] * tick;
	stat->exit_code = field[STAT_EXIT_CODE];
	/* A process has exited when its last thread has. */
	if (exited && (tid || stat->num_threads < 2))
		stat->valid |= TASK_DIAG_STAT_VALID_EXIT_CODE;
	return 0;
}

/*
 * Return the number after "Key:", or 0 if the line is missing, as for a task
 * without memory.
 */
static __u64 status_number(const char *status, const char *key)
{
	const char *value = procfs_value(status, key);

	return value ? strtoull(value, NULL, 10) : 0;
}

static int read_status(int proc, pid_t pid, pid_t tid,
		       struct task_diag_stat *stat)
{
	size_t len;
	char *text;

	text = procfs_file(proc, pid, tid, "status", &len);
	if (!text)
		return -errno;
	stat->rss_anon = status_number(text, "RssAnon") * 1024;
	stat->rss_file = status_number(text, "RssFile") * 1024;
	stat->rss_shmem = status_number(text, "RssShmem") * 1024;
	stat->rss_peak = status_number(text, "VmHWM") * 1024;
	stat->swap = status_number(text, "VmSwap") * 1024;
	stat->text = status_number(text, "VmExe") * 1024;
	stat->data = (status_number(text, "VmData") +
		      status_number(text, "VmStk")) * 1024;
	stat->locked = status_number(text, "VmLck") * 1024;
	if (strstr(text, "\nVmSize:"))
		stat->valid |= TASK_DIAG_STAT_VALID_MEMORY;
	stat->nvcsw = status_number(text, "voluntary_ctxt_switches");
	stat->nivcsw = status_number(text, "nonvoluntary_ctxt_switches");
	free(text);
	return 0;
}

/*
 * Sizes that two files show must be equal in both.  Only stat does not sum up
 * the per-CPU counters.
 */
static int check_statm(int proc, pid_t pid, pid_t tid,
		       const struct task_diag_stat *stat, __u64 rss)
{
	const __u64 page = sysconf(_SC_PAGESIZE);
	const __u64 shared = stat->rss_file + stat->rss_shmem;
	const bool rough = sysconf(_SC_NPROCESSORS_CONF) > 1;
	unsigned long long size, resident, share, text, data;
	char *statm;
	size_t len;
	int got;

	statm = procfs_file(proc, pid, tid, "statm", &len);
	if (!statm)
		return -errno;
	got = sscanf(statm, "%llu %llu %llu %llu %*u %llu", &size, &resident,
		     &share, &text, &data);
	free(statm);
	if (got != 5)
		return -EBADMSG;
	if (size * page != stat->vsize || share * page != shared ||
	    resident * page != stat->rss_anon + shared ||
	    data * page != stat->data || (!rough && resident * page != rss))
		return -EAGAIN;
	return 0;
}

static int read_schedstat(int proc, pid_t pid, pid_t tid,
			  struct task_diag_stat *stat)
{
	unsigned long long run_delay = 0;
	size_t len;
	char *text;
	int got;

	text = procfs_file(proc, pid, tid, "schedstat", &len);
	/* A kernel without scheduler statistics has no such file. */
	if (!text)
		return errno == ENOENT ? 0 : -errno;
	got = sscanf(text, "%*u %llu", &run_delay);
	free(text);
	stat->run_delay = run_delay;
	stat->valid |= TASK_DIAG_STAT_VALID_RUN_DELAY;
	return got == 1 ? 0 : -EBADMSG;
}

int expected_stat_read(int proc, pid_t pid, pid_t tid,
		       struct task_diag_stat *stat)
{
	__u64 rss = 0;

	memset(stat, 0, sizeof(*stat));
	return read_stat(proc, pid, tid, stat, &rss) ?:
	       read_status(proc, pid, tid, stat) ?:
	       check_statm(proc, pid, tid, stat, rss) ?:
	       read_schedstat(proc, pid, tid, stat);
}

/*
 * Convert signed fields without sign extension; this is sufficient for
 * equality.
 */
static __u64 value(const struct task_diag_stat *stat, const struct field *field)
{
	__u64 wide = 0;
	__u32 narrow;

	if (field->size == sizeof(wide)) {
		memcpy(&wide, (const char *)stat + field->offset, sizeof(wide));
		return wide / unit_size(field->unit);
	}
	memcpy(&narrow, (const char *)stat + field->offset, sizeof(narrow));
	/* procfs does not show whether block-device delays are counted. */
	if (field->offset == offsetof(struct task_diag_stat, valid))
		narrow &= ~TASK_DIAG_STAT_VALID_BLKIO_DELAY;
	return narrow;
}

static bool field_agrees(const struct field *field, __u64 reported,
			 __u64 before, __u64 after, bool still)
{
	if (before == after)
		return reported == before || (!still && !field->grows);
	if (field->grows)
		return before <= reported && reported <= after;
	return !still;
}

bool expected_stat_matches(const struct task_diag_stat *reported,
			   const struct task_diag_stat *before,
			   const struct task_diag_stat *after, bool still,
			   char *text, size_t size)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *field = &fields[i];
		const __u64 is = value(reported, field);
		const __u64 was = value(before, field);
		const __u64 will = value(after, field);

		if (field_agrees(field, is, was, will, still))
			continue;
		snprintf(text, size, "%s is %llu, in procfs %llu and %llu",
			 field->name, is, was, will);
		return false;
	}
	return true;
}
