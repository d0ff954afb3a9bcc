// SPDX-License-Identifier: GPL-2.0-only
/*
 * A security module that objects: under a profile of AppArmor that denies
 * ptrace-read, root with every capability sees itself and nobody else.  So does
 * whoever has only one hand under that profile: the sender, the opener of the
 * socket, or the reader.
 *
 * Wants a kernel in which AppArmor is on, and apparmor_parser, and fails
 * without: it is built and installed, but not among the programs that
 * run_kselftest.sh starts by itself.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "handover.h"
#include "idset.h"
#include "taskdiag_test.h"
#include "view.h"

#define BLIND "taskdiag_test_blind"
#define SIGHTED "taskdiag_test_sighted"

/* All that there is to allow, but for one thing. */
#define ALL_BUT_PTRACE \
	"file, capability, network, mount, umount, pivot_root, signal,\n" \
	"unix, dbus, change_profile,\n"

static const char profiles[] =
	"abi <abi/3.0>,\n"
	"profile " BLIND " flags=(attach_disconnected) {\n"
	ALL_BUT_PTRACE "deny ptrace read,\n}\n"
	"profile " SIGHTED " flags=(attach_disconnected) {\n"
	ALL_BUT_PTRACE "ptrace,\n}\n";

#define PARSER "PATH=$PATH:/usr/sbin:/sbin apparmor_parser --replace --skip-cache"

static int load_profiles(void)
{
	FILE *parser = popen(PARSER, "we");

	if (!parser)
		return -errno;
	fputs(profiles, parser);
	return pclose(parser) ? -EINVAL : 0;
}

/* There is no way back. */
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

static int note_processes(const char *procfs, struct idset *pids)
{
	DIR *folder = opendir(procfs);
	struct dirent *entry;
	int err = 0;

	if (!folder)
		return -errno;
	while (!err && (entry = readdir(folder))) {
		if (isdigit(entry->d_name[0]))
			err = idset_add(pids, strtoul(entry->d_name, NULL, 10));
	}
	closedir(folder);
	return err;
}

/* The processes in a procfs that hides what the caller may not see. */
static int view_of_procfs(struct idset *pids)
{
	char path[] = "/tmp/taskdiag-proc-XXXXXX";
	int err;

	if (!mkdtemp(path) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", path, "proc", 0, "hidepid=ptraceable"))
		return -errno;
	err = note_processes(path, pids);
	umount(path);
	rmdir(path);
	return err;
}

FIXTURE(apparmor) {
	pid_t sleeper;
};

FIXTURE_SETUP(apparmor)
{
	ASSERT_EQ(0, load_profiles()) {
		TH_LOG("this test needs AppArmor and apparmor_parser");
	}
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

static bool sees_only(const struct idset *pids, pid_t pid)
{
	return pids->nr == 1 && idset_has(pids, pid);
}

/* Else the rest would say nothing. */
TEST_F(apparmor, who_is_not_confined_sees_others)
{
	struct idset pids = {};

	ASSERT_EQ(0, view_own(&pids));
	EXPECT_TRUE(idset_has(&pids, self->sleeper));
	EXPECT_TRUE(idset_has(&pids, 1));
	EXPECT_TRUE(idset_has(&pids, getpid()));
}

TEST_F(apparmor, a_profile_that_allows_it_hides_nobody)
{
	struct idset pids = {};

	ASSERT_EQ(0, confine_to(SIGHTED));
	ASSERT_EQ(0, view_own(&pids));
	EXPECT_TRUE(idset_has(&pids, self->sleeper));
	EXPECT_TRUE(idset_has(&pids, 1));
}

TEST_F(apparmor, a_profile_that_denies_it_hides_everybody)
{
	struct idset pids = {}, of_procfs = {};

	ASSERT_EQ(0, confine_to(BLIND));
	ASSERT_EQ(0, view_own(&pids));
	EXPECT_TRUE(sees_only(&pids, getpid())) {
		TH_LOG("%zu rows", pids.nr);
	}
	ASSERT_EQ(0, view_of_procfs(&of_procfs));
	EXPECT_TRUE(idset_equal(&pids, &of_procfs)) {
		TH_LOG("procfs has %zu", of_procfs.nr);
	}
}

/* As if there were none, to the errno and the text. */
TEST_F(apparmor, who_is_hidden_is_nobody)
{
	const __u64 strategies[] = { TASK_DIAG_DUMP_ONE,
				     TASK_DIAG_DUMP_CHILDREN,
				     TASK_DIAG_DUMP_THREAD };
	struct td_answer hidden, none;
	struct td_sock sock;
	size_t i;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	ASSERT_EQ(0, confine_to(BLIND));
	for (i = 0; i < sizeof(strategies) / sizeof(*strategies); i++) {
		struct task_diag_pid what = {
			.show_flags = TD_BASE_CRED,
			.dump_strategy = strategies[i],
			.pid = self->sleeper,
		};

		ASSERT_EQ(0, td_query(&sock, &what, NLM_F_DUMP, &hidden));
		what.pid = 4194303;
		ASSERT_EQ(0, td_query(&sock, &what, NLM_F_DUMP, &none));
		EXPECT_EQ(ESRCH, hidden.end.error);
		EXPECT_EQ(none.end.error, hidden.end.error);
		EXPECT_STREQ(none.end.text, hidden.end.text);
		td_answer_free(&hidden);
		td_answer_free(&none);
	}
}

/* The socket of somebody who is blind lends nobody's eyes to it. */
TEST_F(apparmor, the_opener_is_asked_too)
{
	struct td_sock *like = td_share(sizeof(*like)), sock;
	struct idset pids = {};
	int ends[2], fd;
	pid_t child;

	ASSERT_NE(NULL, like);
	ASSERT_EQ(0, handover_open(ends));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		ASSERT_EQ(0, confine_to(BLIND));
		ASSERT_EQ(0, td_open(like, TD_LARGE));
		ASSERT_EQ(0, handover_give(ends[1], like->fd));
		_exit(0);
	}
	EXPECT_EXIT_0(child);
	fd = handover_take(ends[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, td_adopt(&sock, fd, like));
	ASSERT_EQ(0, view_over(&sock, &pids));
	/* Ourselves neither: the opener is another process. */
	EXPECT_EQ(0U, pids.nr) {
		TH_LOG("%zu rows", pids.nr);
	}
}

/* Who goes blind between the request and the read reads no more of others. */
TEST_F(apparmor, the_reader_is_asked_too)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ALL,
	};
	struct idset before = {}, after = {};
	struct td_answer a;
	struct td_sock sock;

	ASSERT_EQ(0, td_open(&sock, TD_SMALL));
	ASSERT_EQ(0, view_over(&sock, &before));
	ASSERT_TRUE(idset_has(&before, self->sleeper));
	ASSERT_EQ(0, td_ask(&sock, &what, NLM_F_DUMP, NULL));
	ASSERT_EQ(0, confine_to(BLIND));
	td_expect(&sock, &a, true);
	ASSERT_EQ(0, td_receive(&sock, &a));
	ASSERT_GOOD(&a);
	ASSERT_EQ(0, view_of(&a, &after));
	/* What was put into the socket with the request is there, and we are. */
	EXPECT_TRUE(idset_has(&after, getpid()));
	EXPECT_FALSE(idset_has(&after, self->sleeper));
	EXPECT_LT(after.nr, before.nr);
	td_answer_free(&a);
}

int main(int argc, char **argv)
{
	td_need_kernel_and_root();
	return test_harness_run(argc, argv);
}
