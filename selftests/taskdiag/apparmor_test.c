// SPDX-License-Identifier: GPL-2.0-only
/*
 * A security module that denies access.
 *
 * Under an AppArmor profile that denies ptrace-read, root with all capabilities
 * sees only itself.  The same applies if only the sender, only the opener of
 * the socket or only the reader is confined.
 *
 * Under profiles with rules for the files of procfs, such as those of container
 * managers, a dump that names a procfs mount contains the tasks and groups
 * whose files the caller can open.
 *
 * Requires a kernel with AppArmor enabled, and apparmor_parser, and fails
 * otherwise.  The program is built and installed, but run_kselftest.sh does not
 * start it by default.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <linux/audit.h>

#include "lib/fd_passing.h"
#include "lib/mount_rows.h"
#include "lib/namespace.h"
#include "lib/pid_set.h"
#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

#define DENY "taskdiag_test_deny"
#define ALLOW "taskdiag_test_allow"

/* AppArmor audits an access that no rule allows, unless a rule denies it. */
#define AUDIT "taskdiag_test_audit"

/* All permissions except ptrace. */
#define ALLOW_ALL_EXCEPT_PTRACE \
	"file, capability, network, mount, umount, pivot_root, signal,\n" \
	"unix, dbus, change_profile,\n"

#define PROFILE(name, rules) \
	"profile " name " flags=(attach_disconnected,mediate_deleted) {\n" \
	rules "}\n"

/*
 * Profiles with rules for procfs.  The first one has the rules for procfs and
 * ptrace of the usual profile of containers.
 */
#define CONTAINER "taskdiag_test_container"
#define NO_CMDLINE "taskdiag_test_no_cmdline"
#define NO_CMDLINE_NO_PTRACE "taskdiag_test_no_cmdline_no_ptrace"
#define NO_STATUS "taskdiag_test_no_status"
#define NO_MEMORY "taskdiag_test_no_memory"
#define OWNER_STAT "taskdiag_test_owner_stat"
#define OWNER_FILES "taskdiag_test_owner_files"
#define AGENT "taskdiag_test_agent"
#define SELF "taskdiag_test_self"

/* All permissions except those for files and ptrace. */
#define NO_FILES "capability, network, unix, signal, change_profile,\n"

static const char profiles[] =
	"abi <abi/3.0>,\n"
	PROFILE(DENY, ALLOW_ALL_EXCEPT_PTRACE "deny ptrace read,\n")
	PROFILE(ALLOW, ALLOW_ALL_EXCEPT_PTRACE "ptrace,\n")
	PROFILE(AUDIT, ALLOW_ALL_EXCEPT_PTRACE)
	PROFILE(CONTAINER,
		"network, capability, file, umount,\n"
		"signal (receive) peer=unconfined,\n"
		"signal (send, receive) peer=" CONTAINER ",\n"
		"deny /proc/* w,\n"
		"deny /proc/{[^1-9],[^1-9][^0-9]}/** w,\n"
		"deny /proc/[^1-9s][^0-9y][^0-9s]/** w,\n"
		"deny /proc/[^1-9][^0-9][^0-9][^0-9/]*/** w,\n"
		"deny /proc/sys/[^k]** w,\n"
		"deny /proc/sys/kernel/{?,??,[^s][^h][^m]**} w,\n"
		"deny /proc/sysrq-trigger rwklx,\n"
		"deny /proc/kcore rwklx,\n"
		"deny mount,\n"
		"ptrace (trace, read, tracedby, readby) peer=" CONTAINER ",\n")
	PROFILE(NO_CMDLINE, ALLOW_ALL_EXCEPT_PTRACE
		"ptrace, deny /proc/[0-9]*/cmdline r,\n")
	PROFILE(NO_CMDLINE_NO_PTRACE, ALLOW_ALL_EXCEPT_PTRACE
		"deny ptrace, deny /proc/[0-9]*/cmdline r,\n")
	PROFILE(NO_STATUS, ALLOW_ALL_EXCEPT_PTRACE
		"ptrace, deny /proc/[0-9]*/status r,\n")
	PROFILE(NO_MEMORY, ALLOW_ALL_EXCEPT_PTRACE
		"ptrace, deny /proc/[0-9]*/{maps,smaps} r,\n")
	PROFILE(OWNER_STAT, NO_FILES "ptrace, owner /proc/*/stat r,\n")
	PROFILE(OWNER_FILES, NO_FILES
		"ptrace, /proc/ r, owner /proc/[0-9]*/** r,\n")
	PROFILE(AGENT, NO_FILES
		"ptrace, /proc/ r, /proc/[0-9]*/task/ r,\n"
		"/proc/[0-9]*/{stat,status,cmdline,cgroup,limits} r,\n")
	PROFILE(SELF, NO_FILES "ptrace, /proc/self/** r,\n");

#define PARSER \
	"PATH=$PATH:/usr/sbin:/sbin apparmor_parser --replace --skip-cache"

static int load_profiles(void)
{
	FILE *parser = popen(PARSER, "we");

	if (!parser)
		return -errno;
	fputs(profiles, parser);
	return pclose(parser) ? -EINVAL : 0;
}

/* A confined task cannot remove its profile. */
static int confine_to(const char *profile)
{
	int fd = open("/proc/self/attr/apparmor/current", O_WRONLY | O_CLOEXEC);
	char text[64];
	int len;

	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "changeprofile %s", profile);
	len = write(fd, text, len) == len ? 0 : -errno;
	close(fd);
	return len;
}

static int list_processes(const char *procfs, struct pid_set *pids)
{
	DIR *dir = opendir(procfs);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		if (isdigit(entry->d_name[0]))
			err = pid_set_add(pids,
					  strtoul(entry->d_name, NULL, 10));
	}
	closedir(dir);
	return err;
}

/*
 * List the processes in a procfs that hides tasks which the caller may not see.
 */
static int pids_in_procfs(struct pid_set *pids)
{
	char path[] = "/tmp/taskdiag-proc-XXXXXX";
	int err;

	if (!mkdtemp(path) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", path, "proc", 0, "hidepid=ptraceable"))
		return -errno;
	err = list_processes(path, pids);
	umount(path);
	rmdir(path);
	return err;
}

FIXTURE(apparmor) {
	pid_t sleeper;
};

FIXTURE_SETUP(apparmor)
{
	self->sleeper = fork();
	ASSERT_LE(0, self->sleeper);
	if (!self->sleeper) {
		pause();
		_exit(0);
	}
}

FIXTURE_TEARDOWN(apparmor)
{
	kill(self->sleeper, SIGKILL);
	waitpid(self->sleeper, NULL, 0);
}

static bool contains_only(const struct pid_set *pids, pid_t pid)
{
	return pids->nr == 1 && pid_set_has(pids, pid);
}

/* If this fails, the other tests show nothing. */
TEST_F(apparmor, unconfined_caller_sees_other_processes)
{
	struct pid_set pids = {};

	ASSERT_EQ(0, visible_pids(&pids));
	EXPECT_TRUE(pid_set_has(&pids, self->sleeper));
	EXPECT_TRUE(pid_set_has(&pids, 1));
	EXPECT_TRUE(pid_set_has(&pids, getpid()));
}

TEST_F(apparmor, profile_that_allows_ptrace_read_hides_no_process)
{
	struct pid_set pids = {};

	ASSERT_EQ(0, confine_to(ALLOW));
	ASSERT_EQ(0, visible_pids(&pids));
	EXPECT_TRUE(pid_set_has(&pids, self->sleeper));
	EXPECT_TRUE(pid_set_has(&pids, 1));
}

TEST_F(apparmor, profile_that_denies_ptrace_read_hides_other_processes)
{
	struct pid_set pids = {}, of_procfs = {};

	ASSERT_EQ(0, confine_to(DENY));
	ASSERT_EQ(0, visible_pids(&pids));
	EXPECT_TRUE(contains_only(&pids, getpid())) {
		TH_LOG("received %zu rows", pids.nr);
	}
	ASSERT_EQ(0, pids_in_procfs(&of_procfs));
	EXPECT_TRUE(pid_set_equal(&pids, &of_procfs)) {
		TH_LOG("procfs shows %zu processes", of_procfs.nr);
	}
}

/* The errno and the message are equal as well. */
TEST_F(apparmor, hidden_process_gets_same_error_as_unused_pid)
{
	const __u64 strategies[] = { TASK_DIAG_DUMP_ONE,
				     TASK_DIAG_DUMP_CHILDREN,
				     TASK_DIAG_DUMP_THREAD };
	struct td_answer hidden, none;
	struct td_sock sock;
	size_t i;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	ASSERT_EQ(0, confine_to(DENY));
	for (i = 0; i < sizeof(strategies) / sizeof(*strategies); i++) {
		struct task_diag_pid query = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = strategies[i],
			.pid = self->sleeper,
		};

		ASSERT_EQ(0, td_query(&sock, &query, NLM_F_DUMP, &hidden));
		query.pid = 4194303;
		ASSERT_EQ(0, td_query(&sock, &query, NLM_F_DUMP, &none));
		EXPECT_EQ(ESRCH, hidden.end.error);
		EXPECT_EQ(none.end.error, hidden.end.error);
		EXPECT_STREQ(none.end.text, hidden.end.text);
		td_answer_free(&hidden);
		td_answer_free(&none);
	}
}

/* A confined opener restricts the requests of other senders over its socket. */
TEST_F(apparmor, confined_opener_hides_all_processes)
{
	struct td_sock *like = td_alloc_shared(sizeof(*like)), sock;
	struct pid_set pids = {};
	int ends[2], fd;
	pid_t child;

	ASSERT_NE(NULL, like);
	ASSERT_EQ(0, fd_passing_open(ends));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		ASSERT_EQ(0, confine_to(DENY));
		ASSERT_EQ(0, td_open(like, TD_LARGE));
		ASSERT_EQ(0, fd_passing_send(ends[1], like->fd));
		_exit(0);
	}
	EXPECT_EXIT_0(child);
	fd = fd_passing_receive(ends[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, td_adopt(&sock, fd, like));
	ASSERT_EQ(0, visible_pids_over(&sock, &pids));
	/*
	 * The sender does not see itself either: the opener is another process.
	 */
	EXPECT_EQ(0U, pids.nr) {
		TH_LOG("received %zu rows", pids.nr);
	}
}

/*
 * Catches a reader that is confined after the request and still gets rows of
 * other processes.
 */
TEST_F(apparmor, confined_reader_hides_other_processes)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL,
	};
	struct pid_set before = {}, after = {};
	struct td_answer a;
	struct td_sock sock;

	ASSERT_EQ(0, td_open(&sock, TD_SMALL));
	ASSERT_EQ(0, visible_pids_over(&sock, &before));
	ASSERT_TRUE(pid_set_has(&before, self->sleeper));
	ASSERT_EQ(0, td_send_request(&sock, &query, NLM_F_DUMP, NULL));
	ASSERT_EQ(0, confine_to(DENY));
	td_answer_init(&sock, &a, true);
	ASSERT_EQ(0, td_receive(&sock, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(0, visible_pids_in(&a, &after));
	/* Rows made by the request were made before the confinement. */
	EXPECT_TRUE(pid_set_has(&after, getpid()));
	EXPECT_FALSE(pid_set_has(&after, self->sleeper));
	EXPECT_LT(after.nr, before.nr);
	td_answer_free(&a);
}

/*
 * Number of processes with the same label, and a much lower number of records.
 */
#define AUDIT_TASKS 400
#define FEW_RECORDS (AUDIT_TASKS / 10)

/* After this time without a record, all records have arrived. */
#define QUIET_SECONDS 2

/* Sockets that receive the audit log and the number of lost records. */
struct audit {
	int log;
	int control;
};

static void audit_open(struct __test_metadata *_metadata, struct audit *audit)
{
	const struct timeval quiet = { .tv_sec = QUIET_SECONDS };
	const struct sockaddr_nl log = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1 << (AUDIT_NLGRP_READLOG - 1),
	};
	const int size = 16 << 20;

	audit->log = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	audit->control = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
				NETLINK_AUDIT);
	ASSERT_LE(0, audit->log);
	ASSERT_LE(0, audit->control);
	ASSERT_EQ(0, setsockopt(audit->log, SOL_SOCKET, SO_RCVBUFFORCE, &size,
				sizeof(size)));
	ASSERT_EQ(0, setsockopt(audit->log, SOL_SOCKET, SO_RCVTIMEO, &quiet,
				sizeof(quiet)));
	ASSERT_EQ(0, bind(audit->log, (const struct sockaddr *)&log,
			  sizeof(log)));
}

static unsigned int audit_lost(struct __test_metadata *_metadata,
			       const struct audit *audit)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct nlmsghdr request = {
		.nlmsg_len = sizeof(request),
		.nlmsg_type = AUDIT_GET,
		.nlmsg_flags = NLM_F_REQUEST,
	};
	struct {
		struct nlmsghdr nlh;
		struct audit_status status;
	} reply = {};

	ASSERT_EQ((ssize_t)sizeof(request),
		  sendto(audit->control, &request, sizeof(request), 0,
			 (const struct sockaddr *)&kernel, sizeof(kernel)));
	ASSERT_LT((ssize_t)offsetof(struct audit_status, backlog),
		  recv(audit->control, &reply, sizeof(reply), 0));
	ASSERT_EQ(AUDIT_GET, reply.nlh.nlmsg_type);
	return reply.status.lost;
}

/* Read all records.  Return the number of ptrace denials in the profile. */
static unsigned int audit_count(const struct audit *audit)
{
	unsigned int nr = 0;
	char record[8192];
	ssize_t got;

	while ((got = recv(audit->log, record, sizeof(record) - 1, 0)) > 0 ||
	       (got < 0 && errno == ENOBUFS)) {
		if (got < (ssize_t)NLMSG_HDRLEN)
			continue;
		record[got] = '\0';
		if (strstr(record + NLMSG_HDRLEN, "operation=\"ptrace\"") &&
		    strstr(record + NLMSG_HDRLEN, AUDIT))
			nr++;
	}
	return nr;
}

static void read_environ(struct __test_metadata *_metadata, pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	EXPECT_GT(0, open(path, O_RDONLY | O_CLOEXEC));
}

static void dump_all(struct __test_metadata *_metadata)
{
	struct pid_set pids = {};

	ASSERT_EQ(0, visible_pids(&pids));
	EXPECT_TRUE(contains_only(&pids, getpid()));
}

/*
 * Return the number of records, lost ones included, that a confined child
 * causes when it reads the environment of task @pid or, if @pid is 0, dumps all
 * tasks.
 */
static unsigned int count_records(struct __test_metadata *_metadata,
				  const struct audit *audit, pid_t pid)
{
	unsigned int lost = audit_lost(_metadata, audit);
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		ASSERT_EQ(0, confine_to(AUDIT));
		if (pid)
			read_environ(_metadata, pid);
		else
			dump_all(_metadata);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
	return audit_count(audit) + audit_lost(_metadata, audit) - lost;
}

/* Catches a dump that calls the security module for each task of a label. */
TEST_F(apparmor, dump_by_confined_caller_is_audited_per_label)
{
	struct task_pool pool;
	struct task_spec spec = {};
	unsigned int records;
	struct audit audit;

	ASSERT_EQ(0, task_pool_begin(&pool));
	ASSERT_EQ(0, task_pool_add_all(&pool, &spec, 1, AUDIT_TASKS)) {
		TH_LOG("%s", pool.error);
	}
	audit_open(_metadata, &audit);
	audit_count(&audit);

	/* Otherwise the next check would show nothing. */
	EXPECT_LE(1U, count_records(_metadata, &audit, self->sleeper)) {
		TH_LOG("no record of a denial: is audit off?");
	}
	records = count_records(_metadata, &audit, 0);
	EXPECT_GT((unsigned int)FEW_RECORDS, records) {
		TH_LOG("%u records", records);
	}
	task_pool_end(&pool);
}

/*
 * --- files of procfs -------------------------------------------------------
 */

#define ANN 3001
#define BOB 3002
/* gid= of mounts. */
#define GROUP 3003

#define ANN_IDS { ANN, ANN, ANN, ANN }
#define BOB_IDS { BOB, BOB, BOB, BOB }

static const struct credentials ann = { .uid = ANN_IDS, .gid = ANN_IDS };
static const struct credentials bob = { .uid = BOB_IDS, .gid = BOB_IDS };

static const struct credentials ann_in_group = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
	.group = GROUP,
};

static const struct credentials ann_undumpable = {
	.uid = ANN_IDS,
	.gid = ANN_IDS,
	.undumpable = true,
};

static const struct credentials root = {
	.permitted = CAP_ALL,
	.effective = CAP_ALL,
};

static const struct credentials root_without_cap_sys_ptrace = {
	.permitted = ~CAP_BIT(CAP_SYS_PTRACE),
	.effective = ~CAP_BIT(CAP_SYS_PTRACE),
};

static const struct task_spec targets[] = {
	{ .threads = 1, .children = 1 },
	{ .creds = &ann, .threads = 1, .children = 1 },
	{ .creds = &ann, .state = POOL_ZOMBIE },
	{ .creds = &ann_undumpable },
	{ .creds = &bob, .threads = 1 },
	{ .creds = &bob, .state = POOL_ZOMBIE },
};

FIXTURE(rules) {
	struct task_pool pool;
	int root;
};

FIXTURE_VARIANT(rules) {
	const char *profile;
	const char *options;	/* of the mount; NULL: hidepid=off */
	int file_error;		/* of opening the transaction file */
};

FIXTURE_VARIANT_ADD(rules, container) {
	.profile = CONTAINER, .file_error = -EACCES,
};

FIXTURE_VARIANT_ADD(rules, container_noaccess) {
	.profile = CONTAINER, .options = "hidepid=noaccess",
	.file_error = -EACCES,
};

FIXTURE_VARIANT_ADD(rules, container_invisible_gid) {
	.profile = CONTAINER, .options = "hidepid=invisible,gid=3003",
	.file_error = -EACCES,
};

FIXTURE_VARIANT_ADD(rules, container_ptraceable_subset) {
	.profile = CONTAINER, .options = "hidepid=ptraceable,subset=pid",
	.file_error = -ENOENT,
};

FIXTURE_VARIANT_ADD(rules, no_cmdline) { .profile = NO_CMDLINE };
FIXTURE_VARIANT_ADD(rules, no_cmdline_no_ptrace) {
	.profile = NO_CMDLINE_NO_PTRACE,
};

FIXTURE_VARIANT_ADD(rules, no_status) { .profile = NO_STATUS };
FIXTURE_VARIANT_ADD(rules, no_memory) { .profile = NO_MEMORY };
FIXTURE_VARIANT_ADD(rules, owner_stat) {
	.profile = OWNER_STAT, .file_error = -EACCES,
};

FIXTURE_VARIANT_ADD(rules, owner_files) {
	.profile = OWNER_FILES, .file_error = -EACCES,
};

FIXTURE_VARIANT_ADD(rules, agent) {
	.profile = AGENT, .file_error = -EACCES,
};

FIXTURE_VARIANT_ADD(rules, agent_invisible_gid) {
	.profile = AGENT, .options = "hidepid=invisible,gid=3003",
	.file_error = -EACCES,
};

FIXTURE_VARIANT_ADD(rules, self) {
	.profile = SELF, .file_error = -EACCES,
};

/* Mount a procfs on /proc, as the paths of a mount elsewhere match no rule. */
static int mount_procfs(const char *options)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, options))
		return -errno;
	return 0;
}

FIXTURE_SETUP(rules)
{
	ASSERT_EQ(0, mount_procfs(variant->options ?: "hidepid=off"));
	self->root = open("/proc", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, self->root);
	ASSERT_EQ(0, task_pool_begin_with(&self->pool, targets,
					  ARRAY_SIZE(targets), 1)) {
		TH_LOG("%s", self->pool.error);
	}
}

FIXTURE_TEARDOWN(rules)
{
	task_pool_end(&self->pool);
	close(self->root);
}

/* Fork a task with the confinement of the caller. */
static pid_t fork_inside(struct __test_metadata *_metadata)
{
	pid_t pid = fork();

	EXPECT_LE(0, pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void compare_confined(struct __test_metadata *_metadata,
			     const struct credentials *creds, int root_fd,
			     const char *profile, int file_error)
{
	pid_t pid = td_fork_as(_metadata, creds);

	if (!pid) {
		EXPECT_EQ(0, confine_to(profile));
		pid = fork_inside(_metadata);
		compare_netlink(_metadata, root_fd);
		compare_file(_metadata, root_fd, file_error);
		kill(pid, SIGKILL);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

#define COMPARE_CONFINED(creds) \
	compare_confined(_metadata, (creds), self->root, variant->profile, \
			 variant->file_error)

TEST_F(rules, root_gets_rows_by_files)
{
	COMPARE_CONFINED(&root);
}

TEST_F(rules, root_without_cap_sys_ptrace_gets_rows_by_files)
{
	COMPARE_CONFINED(&root_without_cap_sys_ptrace);
}

TEST_F(rules, user_gets_rows_by_files)
{
	COMPARE_CONFINED(&ann);
}

TEST_F(rules, group_member_gets_rows_by_files)
{
	COMPARE_CONFINED(&ann_in_group);
}

/* Runs as the first process of a container: compare its dumps with /proc. */
static void be_container(struct __test_metadata *_metadata,
			 const char *options)
{
	struct task_pool pool;
	struct td_answer a;
	struct td_sock sock;
	int fd, root_fd;

	EXPECT_EQ(0, mount("proc", "/proc", "proc", 0, options));
	EXPECT_EQ(0, task_pool_begin_with(&pool, targets, ARRAY_SIZE(targets),
					  1));
	root_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT_LE(0, root_fd);
	td_assume(_metadata, &root_without_cap_sys_ptrace);
	EXPECT_EQ(0, confine_to(CONTAINER));
	fork_inside(_metadata);

	/* The transaction file can be opened for reading only. */
	fd = open("/proc/" TASK_DIAG_PROC_NAME, O_RDONLY | O_CLOEXEC);
	EXPECT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, "", 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, open("/proc/" TASK_DIAG_PROC_NAME, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(EACCES, errno);

	compare_netlink(_metadata, root_fd);

	/* Require another task: two empty lists would be equal. */
	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	EXPECT_EQ(0, query(&(struct request) {
			.sock = &sock,
			.proc_fd = root_fd,
			.show = TASK_DIAG_SHOW_CMDLINE,
			.strategy = TASK_DIAG_DUMP_ALL,
		}, NLM_F_DUMP, &a));
	EXPECT_NE(NULL, td_find_row(&a, pool.task[4].pid));
	td_answer_free(&a);
	_exit(0);
}

/*
 * In a container with the usual profile, replies over netlink to requests with
 * a descriptor of /proc are complete.
 */
TEST_F(apparmor, container_gets_rows_of_its_procfs)
{
	static const char * const options[] = {
		"hidepid=off", "hidepid=noaccess",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		pid_t pid;

		pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
		ASSERT_LE(0, pid);
		if (!pid) {
			EXPECT_EQ(0, mount(NULL, "/", NULL,
					   MS_REC | MS_PRIVATE, NULL));
			be_container(_metadata, options[i]);
		}
		EXPECT_EXIT_0(pid);
	}
}

int main(int argc, char **argv)
{
	td_require_family_and_root();
	if (load_profiles())
		ksft_exit_fail_msg("load profiles: AppArmor or apparmor_parser is missing\n");
	return test_harness_run(argc, argv);
}
