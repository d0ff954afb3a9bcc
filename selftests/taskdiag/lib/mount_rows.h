/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Comparison of a dump with the procfs mount that it belongs to.  The rows must
 * be those of the tasks that the caller can list in the mount.  Each row must
 * contain the groups whose files the caller can read, and list all other groups
 * as denied.
 *
 * Depends on readable.h and taskdiag_test.h; must not depend on a test.
 */
#ifndef TASKDIAG_MOUNT_ROWS_H
#define TASKDIAG_MOUNT_ROWS_H

#include <stdbool.h>
#include <stdlib.h>

#include "procfs.h"
#include "readable.h"
#include "taskdiag_test.h"

/* Other tasks of the system may start, end or change during a comparison. */
#define MOUNT_ROWS_ATTEMPTS 200

/* Return true if slow system calls permit only dumps of all groups at once. */
static inline bool mount_rows_sampled(void)
{
	return getenv("TASKDIAG_SAMPLE_MOUNT_ACCESS");
}

/* A dump and the mount that it belongs to. */
struct request {
	const char *name;	/* of the transport */
	struct td_sock *sock;
	int proc_fd;		/* TASK_DIAG_CMD_ATTR_PROC_FD, -1: none */
	int root;		/* procfs with the expected tasks */
	__u64 show;
	__u64 strategy;
	pid_t pid;
	const struct td_filter *filter;	/* a further attribute, or NULL */
};

static inline int query(const struct request *r, __u16 flags,
			struct td_answer *a)
{
	const struct task_diag_pid kind = {
		.show_flags = r->show,
		.dump_strategy = r->strategy,
		.pid = r->pid,
	};
	struct td_filter attrs[2];
	size_t nr = 0;

	if (r->proc_fd >= 0)
		attrs[nr++] = (struct td_filter) {
			.type = TASK_DIAG_CMD_ATTR_PROC_FD,
			.data = &r->proc_fd,
			.len = sizeof(r->proc_fd),
		};
	if (r->filter)
		attrs[nr++] = *r->filter;
	return td_query_filtered(r->sock, &kind, flags, attrs, nr, a);
}

/* Return the caller's pid in the mount; 0 if Landlock hides it. */
static inline __u32 own_pid(int root)
{
	char text[16] = "";

	return readlinkat(root, "self", text, sizeof(text) - 1) > 0 ?
	       strtoul(text, NULL, 10) : 0;
}

/* Check that the values of a partial row are those of the files. */
static inline void expect_values(struct __test_metadata *_metadata,
				 const struct request *r,
				 const struct td_row *row)
{
	struct procfs_task task;

	EXPECT_EQ(0U, row->cred.valid);
	EXPECT_EQ(0U, row->cred.securebits);
	EXPECT_EQ(0U, row->stat.valid & TASK_DIAG_STAT_VALID_EXIT_CODE);
	if ((r->show & TD_BASE_CRED) != TD_BASE_CRED ||
	    procfs_read(r->root, row->msg.pid, 0, &task))
		return;
	/* A running task may change its state, and a kernel worker its name. */
	task.base.state = row->base.state;
	if (task.kernel_thread)
		memcpy(task.base.comm, row->base.comm, sizeof(row->base.comm));
	EXPECT_EQ(0, memcmp(&task.base, &row->base, sizeof(row->base))) {
		TH_LOG("%s: BASE of %u", r->name, row->msg.pid);
	}
	EXPECT_EQ(0, memcmp(&task.cred, &row->cred,
			    offsetof(struct task_diag_creds, securebits))) {
		TH_LOG("%s: CRED of %u", r->name, row->msg.pid);
	}
	EXPECT_EQ(task.cred.no_new_privs, row->cred.no_new_privs);
}

/* Compare the limits of FILES with "Max open files" of limits. */
static inline void expect_limits(struct __test_metadata *_metadata,
				 const struct request *r,
				 const struct td_row *row)
{
	static const char name[] = "Max open files";
	unsigned long long soft = 0, hard = 0;
	char *text, *end;
	size_t len;

	text = procfs_file(r->root, row->msg.pid, 0, "limits", &len);
	if (!text)
		return;
	end = strstr(text, name);
	if (end) {
		soft = strtoull(end + strlen(name), &end, 10);
		hard = strtoull(end, NULL, 10);
	}
	EXPECT_EQ(soft, row->files.limit_soft);
	EXPECT_EQ(hard, row->files.limit_hard);
	EXPECT_EQ(0U, row->files.valid);
	EXPECT_EQ(0U, row->files.total);
	free(text);
}

static inline void expect_row(struct __test_metadata *_metadata,
			      const struct request *r,
			      const struct readable_task *task,
			      const struct td_row *row)
{
	/* If the task passes the access check, FILES is complete or absent. */
	const bool partial = !(task->groups & TASK_DIAG_SHOW_NS);
	const __u64 limits = partial && task->limits ? TASK_DIAG_SHOW_FILES : 0;
	const __u64 groups = r->show & (task->groups | limits);
	const __u64 denied = r->show & ~task->groups;

	EXPECT_TRUE(groups == row->groups && denied == row->absent.denied) {
		TH_LOG("%s: pid %u has groups %#llx, denied %#llx instead of %#llx, %#llx",
		       r->name, task->pid, row->groups, row->absent.denied,
		       groups, denied);
	}
	if (partial && groups & READABLE_STATUS)
		expect_values(_metadata, r, row);
	if (denied & groups & TASK_DIAG_SHOW_FILES)
		expect_limits(_metadata, r, row);
}

static inline void expect_rows(struct __test_metadata *_metadata,
			       const struct request *r,
			       const struct readable *files,
			       const struct td_answer *a, __u32 self)
{
	size_t i;

	for (i = 0; i < files->nr; i++) {
		const __u32 pid = files->task[i].pid;
		const struct td_row *row = td_find_row(a, pid);

		EXPECT_NE(NULL, row) {
			TH_LOG("%s: pid %u only in procfs", r->name, pid);
		}
		if (row)
			expect_row(_metadata, r, &files->task[i], row);
	}
	for (i = 0; i < a->rows; i++) {
		const __u32 pid = a->row[i].msg.pid;

		if (pid == self) {
			EXPECT_EQ(0U, a->row[i].absent.denied &
				      ~OWNER_GROUPS);
			continue;
		}
		EXPECT_NE(NULL, readable_find(files, pid)) {
			TH_LOG("%s: pid %u only in the dump", r->name, pid);
		}
	}
}

/* Compare a dump with the files, unless these change meanwhile. */
static inline void compare(struct __test_metadata *_metadata,
			   const struct request *r)
{
	const bool threads = r->strategy == TASK_DIAG_DUMP_ALL_THREAD;
	const __u32 self = own_pid(r->root);
	int attempt;

	for (attempt = 0; attempt < MOUNT_ROWS_ATTEMPTS; attempt++) {
		struct readable before, after;
		struct td_answer a;
		bool unchanged;

		EXPECT_EQ(0, readable_take(r->root, threads, &before));
		EXPECT_EQ(0, query(r, NLM_F_DUMP, &a));
		EXPECT_EQ(0, readable_take(r->root, threads, &after));
		readable_remove(&before, self);
		readable_remove(&after, self);
		unchanged = readable_equal(&before, &after);
		if (unchanged) {
			EXPECT_STREQ("", a.fault);
			EXPECT_EQ(0, a.end.error) {
				TH_LOG("%s: %s", r->name, a.end.text);
			}
			expect_rows(_metadata, r, &before, &a, self);
			EXPECT_EQ(!!self, !!td_find_row(&a, self));
		}
		td_answer_free(&a);
		readable_free(&before);
		readable_free(&after);
		if (unchanged)
			break;
	}
	EXPECT_LT(attempt, MOUNT_ROWS_ATTEMPTS) {
		TH_LOG("procfs changed during every attempt");
	}
}

/* Compare rows of one message, of several messages, and of one group. */
static inline void compare_groups(struct __test_metadata *_metadata,
				  struct request *r)
{
	static const __u64 shows[] = {
		0,
		READABLE_STATUS | TASK_DIAG_SHOW_NS,
		TD_BASE_CRED,
		TASK_DIAG_SHOW_NS,
		TASK_DIAG_SHOW_CMDLINE,
		TASK_DIAG_SHOW_FILES,
		TASK_DIAG_SHOW_CGROUP,
		TASK_DIAG_SHOW_VMA,
		TASK_DIAG_SHOW_IO,
		TASK_DIAG_SHOW_LIMITS,
		TASK_DIAG_SHOW_OOM,
		TASK_DIAG_SHOW_PATHS,
		TASK_DIAG_SHOW_ENVIRON,
		TASK_DIAG_SHOW_SCHED,
		TASK_DIAG_SHOW_NSPID,
	};
	struct task_diag_features features;
	size_t i;

	EXPECT_EQ(0, td_features(r->sock, &features));
	r->strategy = TASK_DIAG_DUMP_ALL;
	for (i = 0; i < ARRAY_SIZE(shows) && !mount_rows_sampled(); i++) {
		r->show = shows[i] & features.groups;
		compare(_metadata, r);
	}
	r->show = features.groups;
	compare(_metadata, r);

	/* Some groups are in the row of the leader only. */
	r->show = (READABLE_STATUS | TASK_DIAG_SHOW_NS) & features.groups;
	r->strategy = TASK_DIAG_DUMP_ALL_THREAD;
	compare(_metadata, r);
}

static inline void compare_netlink(struct __test_metadata *_metadata,
				   int root_fd)
{
	struct request r = {
		.name = "netlink", .proc_fd = root_fd, .root = root_fd,
	};
	struct td_sock sock;

	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	r.sock = &sock;
	compare_groups(_metadata, &r);
	td_close(&sock);
}

static inline void compare_file(struct __test_metadata *_metadata, int root_fd,
				int error)
{
	struct request r = {
		.name = "file", .proc_fd = -1, .root = root_fd,
	};
	struct td_sock sock;
	int err = td_open_mount(&sock, root_fd, TD_LARGE);

	EXPECT_EQ(error, err);
	if (err)
		return;
	r.sock = &sock;
	compare_groups(_metadata, &r);
	td_close(&sock);
}

#endif /* TASKDIAG_MOUNT_ROWS_H */
