// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag as a module: it can be unloaded at any time, except during a dump
 * or while /proc/task-diag is open; unloading then fails with an error.  No
 * dump that has started is cut off.
 *
 * Requires TASKDIAG_MODULE, the path of the module file, and that the module is
 * loaded, and fails otherwise.  The program is built and installed, but
 * run_kselftest.sh does not start it by default.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "lib/taskdiag_test.h"

#define MODULE "task_diag"
#define DUMPERS 4
#define STORM_SECONDS 20
/* Upper bound on a machine that needs long until each event has occurred. */
#define STORM_SECONDS_MAX 240
#define TIMEOUT_SECONDS 300

static int load(void)
{
	const char *path = getenv("TASKDIAG_MODULE");
	int fd, err;

	fd = open(path ? path : "", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

static int unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

/* Remaining users of the module get this time to release it. */
static int unload_soon(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int tries, err;

	for (tries = 0; tries < 1000; tries++) {
		err = unload();
		if (err != -EWOULDBLOCK)
			break;
		nanosleep(&pause, NULL);
	}
	return err;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static const struct task_diag_pid all_groups = {
	.show_flags = TD_BASE_CRED | TASK_DIAG_SHOW_STAT | TASK_DIAG_SHOW_VMA |
		      TASK_DIAG_SHOW_CMDLINE | TASK_DIAG_SHOW_FILES |
		      TASK_DIAG_SHOW_CGROUP | TASK_DIAG_SHOW_PATHS |
		      TASK_DIAG_SHOW_ENVIRON,
	.dump_strategy = TASK_DIAG_DUMP_ALL_THREAD,
};

/* Few groups, so that at times no dump is in progress. */
static const struct task_diag_pid few_groups = {
	.show_flags = TD_BASE_CRED,
	.dump_strategy = TASK_DIAG_DUMP_ALL,
};

FIXTURE(module) {
	struct td_sock sock;
};

/* The dump needs more than one message. */
FIXTURE_SETUP(module)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_SMALL));
	ASSERT_EQ(0,
		  td_send_request(&self->sock, &all_groups, NLM_F_DUMP, NULL));
}

/* Load the module again for the next test. */
FIXTURE_TEARDOWN(module)
{
	int err = load();

	EXPECT_TRUE(!err || err == -EEXIST);
}

TEST_F(module, unload_during_dump_gets_ewouldblock)
{
	struct td_answer a;

	EXPECT_EQ(-EWOULDBLOCK, unload());
	td_answer_init(&self->sock, &a, true);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_LT(0U, a.rows);
	td_answer_free(&a);
	EXPECT_EQ(0, unload_soon());
	td_close(&self->sock);
}

/* The socket stays open, and the family no longer exists. */
TEST_F(module, unload_after_dump_succeeds)
{
	struct td_answer a;
	struct td_sock sock;

	td_answer_init(&self->sock, &a, true);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	td_answer_free(&a);

	ASSERT_EQ(0, unload_soon());
	ASSERT_EQ(0, td_query(&self->sock, &all_groups, NLM_F_DUMP, &a));
	EXPECT_EQ(ENOENT, a.end.error);
	td_answer_free(&a);
	EXPECT_EQ(-ENOENT, td_open(&sock, TD_SMALL));

	ASSERT_EQ(0, load());
	ASSERT_EQ(0, td_open(&sock, TD_SMALL));
	ASSERT_EQ(0, td_query(&sock, &all_groups, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	td_answer_free(&a);
	td_close(&sock);
	td_close(&self->sock);
}

TEST_F(module, unload_after_socket_is_closed_succeeds)
{
	EXPECT_EQ(-EWOULDBLOCK, unload());
	td_close(&self->sock);
	EXPECT_EQ(0, unload_soon());
}

TEST_F(module, unload_after_reader_is_killed_succeeds)
{
	int ends[2];
	char byte;
	pid_t child;

	td_close(&self->sock);
	ASSERT_EQ(0, pipe(ends));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (td_open(&self->sock, TD_SMALL) ||
		    td_send_request(&self->sock, &all_groups, NLM_F_DUMP,
				    NULL) ||
		    write(ends[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	ASSERT_EQ(1, read(ends[0], &byte, 1));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_EQ(0, unload_soon());
}

/* Close the dump of the fixture. */
static void close_dump(struct __test_metadata *_metadata,
		       struct td_sock *sock)
{
	EXPECT_EQ(-EWOULDBLOCK, unload());
	td_close(sock);
}

/* The reply belongs to the socket, and is freed without the module. */
TEST_F(module, unread_reply_holds_no_reference)
{
	const struct task_diag_pid own = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	struct td_sock socks[2];
	struct td_answer a;
	unsigned int i;

	close_dump(_metadata, &self->sock);
	for (i = 0; i < ARRAY_SIZE(socks); i++) {
		ASSERT_EQ(0, td_open(&socks[i], TD_SMALL));
		ASSERT_EQ(0, td_send_request(&socks[i], &own, NLM_F_ACK, NULL));
	}
	ASSERT_EQ(0, unload_soon());
	td_answer_init(&socks[0], &a, false);
	ASSERT_EQ(0, td_receive(&socks[0], &a));
	ASSERT_SUCCESS(&a);
	EXPECT_EQ(1U, a.rows);
	td_answer_free(&a);
	for (i = 0; i < ARRAY_SIZE(socks); i++)
		td_close(&socks[i]);
}

static int open_file(void)
{
	return open("/proc/" TASK_DIAG_PROC_NAME, O_RDWR | O_CLOEXEC);
}

TEST_F(module, unload_with_open_file_gets_ewouldblock)
{
	int fd;

	close_dump(_metadata, &self->sock);
	fd = open_file();
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	close(fd);
	EXPECT_EQ(0, unload_soon());
}

/* A task that sleeps in poll() is on a wait queue of the module. */
TEST_F(module, unload_with_polled_file_gets_ewouldblock)
{
	struct pollfd file = { .events = POLLIN };
	pid_t child;

	close_dump(_metadata, &self->sock);
	file.fd = open_file();
	ASSERT_LE(0, file.fd);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		poll(&file, 1, -1);
		_exit(0);
	}
	close(file.fd);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_EQ(0, unload_soon());
}

TEST_F(module, unload_removes_the_file)
{
	struct td_sock file;
	struct td_answer a;

	close_dump(_metadata, &self->sock);
	ASSERT_EQ(0, unload_soon());
	EXPECT_EQ(-1, open_file());
	EXPECT_EQ(ENOENT, errno);

	ASSERT_EQ(0, load());
	td_use_file = true;
	ASSERT_EQ(0, td_open(&file, TD_SMALL));
	ASSERT_EQ(0, td_query(&file, &all_groups, NLM_F_DUMP, &a));
	EXPECT_EQ(0, a.end.error);
	EXPECT_LT(0U, a.rows);
	td_answer_free(&a);
	td_close(&file);
	td_use_file = false;
	EXPECT_EQ(0, unload_soon());
}

/*
 * --- unloading during dumps -------------------------------------------------
 */

/* Counts of one dumping process; shared. */
struct dump_count {
	unsigned int complete;	/* dumps */
	unsigned int abandoned;	/* read partly */
	unsigned int refused_opens;
	char text[160];		/* first violation */
};

/* Every third dump is not read to its end. */
static int dump_once(struct dump_count *dump_count, unsigned int nth)
{
	struct td_answer a;
	struct td_sock sock;
	int err;

	/* Alternate between netlink and the file. */
	td_use_file = nth / 3 % 2;
	err = td_open(&sock, TD_SMALL);
	if (err)
		return err;
	err = td_send_request(&sock, &few_groups, NLM_F_DUMP, NULL);
	td_answer_init(&sock, &a, true);
	if (!err && nth % 3) {
		err = td_receive(&sock, &a);
		if (a.fault[0])
			snprintf(dump_count->text, sizeof(dump_count->text),
				 "%s", a.fault);
		else if (a.rows && a.end.error)
			snprintf(dump_count->text, sizeof(dump_count->text),
				 "dump cut off after %zu rows", a.rows);
		err = err ? err : -a.end.error;
		dump_count->complete += !err;
	} else if (!err) {
		dump_count->abandoned++;
	}
	td_answer_free(&a);
	td_close(&sock);
	return err;
}

static void dump_until_error(struct dump_count *dump_count)
{
	unsigned int nth;
	int err;

	for (nth = 0; !dump_count->text[0]; nth++) {
		err = dump_once(dump_count, nth);
		/*
		 * Unloaded, or being unloaded, for which netlink itself returns
		 * an error.
		 */
		if (err == -ENOENT || err == -EPROTONOSUPPORT)
			dump_count->refused_opens++;
		else if (err)
			snprintf(dump_count->text, sizeof(dump_count->text),
				 "%s", strerror(-err));
	}
}

static struct dump_count total_of(const struct dump_count *counts)
{
	struct dump_count total = {};
	size_t i;

	for (i = 0; i < DUMPERS; i++) {
		total.complete += counts[i].complete;
		total.abandoned += counts[i].abandoned;
		total.refused_opens += counts[i].refused_opens;
	}
	return total;
}

/* Number of unloads, and of refused unloads. */
struct unloads {
	unsigned int unloaded;
	unsigned int refused;
};

static bool all_happened(const struct dump_count *counts,
			 const struct unloads *unloads)
{
	const struct dump_count total = total_of(counts);

	return total.complete && total.abandoned && total.refused_opens &&
	       unloads->unloaded && unloads->refused;
}

/* Unload and load the module once, unless it is in use. */
static int unload_and_load(struct unloads *unloads)
{
	int err = unload();

	if (err == -EWOULDBLOCK) {
		unloads->refused++;
		return 0;
	}
	if (err)
		return err;
	unloads->unloaded++;
	return load();
}

TEST_F_TIMEOUT(module,
	       unload_and_load_during_dumps_cuts_no_dump_off, TIMEOUT_SECONDS)
{
	struct dump_count *dump_count = td_alloc_shared(DUMPERS *
							sizeof(*dump_count)),
			  total;
	struct unloads unloads = {};
	const double begin = now();
	pid_t dumper[DUMPERS];
	unsigned int i;
	int err = 0;

	ASSERT_NE(NULL, dump_count);
	td_close(&self->sock);
	for (i = 0; i < DUMPERS; i++) {
		dumper[i] = fork();
		ASSERT_LE(0, dumper[i]);
		if (!dumper[i]) {
			dump_until_error(&dump_count[i]);
			_exit(0);
		}
	}

	while (!err && (now() < begin + STORM_SECONDS ||
			(now() < begin + STORM_SECONDS_MAX &&
			 !all_happened(dump_count, &unloads)))) {
		err = unload_and_load(&unloads);
		sched_yield();
	}
	EXPECT_EQ(0, err);

	for (i = 0; i < DUMPERS; i++) {
		kill(dumper[i], SIGKILL);
		EXPECT_EQ(dumper[i], waitpid(dumper[i], NULL, 0));
		EXPECT_STREQ("", dump_count[i].text);
	}
	total = total_of(dump_count);
	TH_LOG("dumps: %u complete, %u abandoned, %u refused; unloads: %u, %u refused",
	       total.complete, total.abandoned, total.refused_opens,
	       unloads.unloaded, unloads.refused);
	EXPECT_TRUE(all_happened(dump_count, &unloads));
	EXPECT_EQ(0, unload_soon());
}

int main(int argc, char **argv)
{
	td_require_family_and_root();
	return test_harness_run(argc, argv);
}
