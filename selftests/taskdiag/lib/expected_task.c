// SPDX-License-Identifier: GPL-2.0-only
/* Expected BASE and CRED from procfs. */
#include <stdio.h>
#include <string.h>

#include "../../kselftest.h"
#include "expected_task.h"

struct field {
	const char *name;
	size_t offset;
};

#define BASE(field) { #field, offsetof(struct task_diag_base, field) }
#define CRED(field) { #field, offsetof(struct task_diag_creds, field) }

/* All of these are __u32; a capability set has two. */
static const struct field base_fields[] = {
	BASE(tgid), BASE(pid), BASE(ppid), BASE(tpid), BASE(sid), BASE(pgid),
};

static const struct field cred_fields[] = {
	CRED(uid), CRED(euid), CRED(suid), CRED(fsuid),
	CRED(gid), CRED(egid), CRED(sgid), CRED(fsgid),
	CRED(cap_inheritable.cap[0]), CRED(cap_inheritable.cap[1]),
	CRED(cap_permitted.cap[0]), CRED(cap_permitted.cap[1]),
	CRED(cap_effective.cap[0]), CRED(cap_effective.cap[1]),
	CRED(cap_bset.cap[0]), CRED(cap_bset.cap[1]),
	CRED(cap_ambient.cap[0]), CRED(cap_ambient.cap[1]),
	CRED(no_new_privs),
};

static bool fields_agree(const void *row, const void *task,
			 const struct field *fields, size_t nr, char *text,
			 size_t size)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		__u32 reported, expected;

		memcpy(&reported, (const char *)row + fields[i].offset,
		       sizeof(reported));
		memcpy(&expected, (const char *)task + fields[i].offset,
		       sizeof(expected));
		if (reported == expected)
			continue;
		snprintf(text, size, "%s is %#x, in procfs %#x",
			 fields[i].name, reported, expected);
		return false;
	}
	return true;
}

/*
 * The names must be equal byte by byte, followed by NULs only.  For a kernel
 * thread, procfs shows the full name if it was truncated, and appends the
 * current work of a worker; the reported name must be the beginning of that.
 */
static bool name_agrees(const struct td_row *row,
			const struct procfs_task *task, char *text, size_t size)
{
	const char *comm = row->base.comm;
	size_t len = strnlen(comm, TASK_DIAG_COMM_LEN), i;

	if (len == TASK_DIAG_COMM_LEN) {
		snprintf(text, size, "comm without a NUL");
		return false;
	}
	for (i = len; i < TASK_DIAG_COMM_LEN; i++) {
		if (comm[i]) {
			snprintf(text, size, "comm with bytes after its NUL");
			return false;
		}
	}
	if (task->kernel_thread ? !strncmp(comm, task->name, len) && len :
				  !strcmp(comm, task->name))
		return true;
	snprintf(text, size, "comm is \"%s\", in procfs \"%s\"", comm,
		 task->name);
	return false;
}

bool expected_task_matches(const struct td_row *row,
			   const struct procfs_task *task, bool with_state,
			   char *text, size_t size)
{
	const __u64 groups = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_CRED;

	if ((row->groups & groups) != groups) {
		snprintf(text, size, "unexpected groups %#llx",
			 (unsigned long long)row->groups);
		return false;
	}
	if (with_state && row->base.state != task->base.state) {
		snprintf(text, size, "state is %u, in procfs %u",
			 row->base.state, task->base.state);
		return false;
	}
	if (row->base.__pad[0] || row->base.__pad[1] || row->base.__pad[2]) {
		snprintf(text, size, "padding is not 0");
		return false;
	}
	return fields_agree(&row->base, &task->base, base_fields,
			    ARRAY_SIZE(base_fields), text, size) &&
	       fields_agree(&row->cred, &task->cred, cred_fields,
			    ARRAY_SIZE(cred_fields), text, size) &&
	       name_agrees(row, task, text, size);
}
