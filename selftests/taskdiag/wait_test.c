// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests about tasks whose locks or pages stay unavailable: the mmap lock and
 * the exec_update_lock of a process that waits for a FUSE server, and a page of
 * arguments that no userfaultfd handler provides.  The sender does not wait,
 * and the dump reports all other tasks.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <linux/userfaultfd.h>

#include "lib/arg_range.h"
#include "lib/pid_set.h"
#include "lib/procfs.h"
#include "lib/special_task.h"
#include "lib/stuck.h"
#include "lib/taskdiag_test.h"
#include "lib/visible_pids.h"

/* Only a request that never ends takes this long. */
#define GUARD_SECONDS 20
#define POLL_US 10000

/* Current step of a child that sends a request; shared. */
struct progress {
	const char *step;
};

static struct progress *progress;

/* Groups that a child requests, and the task whose row must be incomplete. */
struct expected {
	__u64 show;
	pid_t pid;
	__u64 busy;
	void (*release)(void *arg);	/* lets the task continue */
	void *arg;
};

static bool has_ended(pid_t child, int *status)
{
	int left = GUARD_SECONDS * (1000000 / POLL_US);
	pid_t got;

	while (!(got = waitpid(child, status, WNOHANG)) && left--)
		usleep(POLL_US);
	return got == child;
}

/*
 * Run @child_fn in a child.  If the child never ends, release the task, so that
 * the kernel can kill the child.
 */
static void run_in_child(struct __test_metadata *_metadata,
			 void (*child_fn)(struct __test_metadata *_metadata,
					  const struct expected *expected),
			 const struct expected *expected)
{
	int status = -1;
	pid_t child;

	progress->step = "start";
	fflush(NULL);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		child_fn(_metadata, expected);
		_exit(0);
	}

	if (!has_ended(child, &status)) {
		EXPECT_TRUE(false) {
			TH_LOG("still in this step after %d seconds: %s",
			       GUARD_SECONDS, progress->step);
		}
		expected->release(expected->arg);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		return;
	}
	EXPECT_EQ(0, status);
}

/* Voluntary context switches of the calling thread. */
static long count_waits(void)
{
	struct rusage usage = {};

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/*
 * Open a socket and send a request that involves no stuck task: the kernel then
 * has allocated all that the next request needs.
 */
static void open_and_warm_up(struct __test_metadata *_metadata,
			     struct td_sock *sock, __u64 show, bool dump)
{
	struct td_answer a;

	ASSERT_EQ(0, td_open(sock, TD_LARGE));
	progress->step = "warm up";
	if (dump)
		td_dump(_metadata, sock, show, TASK_DIAG_DUMP_ONE, getpid(),
			&a);
	else
		td_get_row(_metadata, sock, show, getpid(), &a);
	td_answer_free(&a);
}

/* Send a request, which must not wait. */
static void send_request(struct __test_metadata *_metadata,
			 struct td_sock *sock, const struct expected *expected,
			 __u64 strategy, __u16 flags, struct td_answer *a)
{
	const struct task_diag_pid query = {
		.show_flags = expected->show,
		.dump_strategy = strategy,
		.pid = strategy == TASK_DIAG_DUMP_ONE ? expected->pid : 0,
	};
	long before, after;

	progress->step = "send the request";
	before = count_waits();
	ASSERT_EQ(0, td_send_request(sock, &query, flags, NULL));
	after = count_waits();
	EXPECT_EQ(before, after) {
		TH_LOG("the sender has waited %ld times", after - before);
	}
	progress->step = "receive the reply";
	td_answer_init(sock, a, flags == NLM_F_DUMP);
}

/* Receive the reply and check the row of the task. */
static void receive_reply(struct __test_metadata *_metadata,
			  struct td_sock *sock, const struct expected *expected,
			  struct td_answer *a)
{
	const struct td_row *row;

	ASSERT_EQ(0, td_receive(sock, a));
	ASSERT_SUCCESS(a);
	row = td_find_row(a, expected->pid);
	ASSERT_NE(NULL, row);
	EXPECT_EQ(expected->show & ~expected->busy,
		  row->groups & ~expected->busy);
	EXPECT_EQ(expected->busy, row->absent.busy);
	EXPECT_EQ(0U, row->absent.gone);
	EXPECT_EQ(0U, row->absent.denied);
	EXPECT_EQ(0U, row->absent.limit);
	EXPECT_EQ(0U, row->absent.leader);
}

/* Each process that exists all the time has one row. */
static void dump_all(struct __test_metadata *_metadata,
		     const struct expected *expected)
{
	struct pid_set before = {}, after = {}, seen = {};
	struct td_answer a;
	struct td_sock sock;
	int proc = procfs_open();
	size_t i;

	ASSERT_LE(0, proc);
	open_and_warm_up(_metadata, &sock, expected->show, true);
	ASSERT_EQ(0, procfs_processes(proc, &before));
	send_request(_metadata, &sock, expected, TASK_DIAG_DUMP_ALL,
		     NLM_F_DUMP, &a);
	receive_reply(_metadata, &sock, expected, &a);
	ASSERT_EQ(0, procfs_processes(proc, &after));
	ASSERT_EQ(0, visible_pids_in(&a, &seen));
	for (i = 0; i < before.nr; i++)
		if (pid_set_has(&after, before.id[i]))
			EXPECT_TRUE(pid_set_has(&seen, before.id[i])) {
				TH_LOG("no row of task %u", before.id[i]);
			}
	td_answer_free(&a);
	td_close(&sock);
	close(proc);
}

static void query_one(struct __test_metadata *_metadata,
		      const struct expected *expected, __u16 flags)
{
	struct td_answer a;
	struct td_sock sock;

	open_and_warm_up(_metadata, &sock, expected->show,
			 flags == NLM_F_DUMP);
	send_request(_metadata, &sock, expected, TASK_DIAG_DUMP_ONE, flags, &a);
	receive_reply(_metadata, &sock, expected, &a);
	ASSERT_EQ(1U, a.rows);
	td_answer_free(&a);
	td_close(&sock);
}

static void dump_one(struct __test_metadata *_metadata,
		     const struct expected *expected)
{
	query_one(_metadata, expected, NLM_F_DUMP);
}

/*
 * A request without NLM_F_DUMP is processed completely in the context of the
 * sender.
 */
static void request_one(struct __test_metadata *_metadata,
			const struct expected *expected)
{
	query_one(_metadata, expected, NLM_F_ACK);
}

/* Return true if the kernel's module does not have the group. */
static bool lacks_group(struct __test_metadata *_metadata, __u64 group)
{
	struct td_sock sock;
	bool lacks;

	ASSERT_EQ(0, td_open(&sock, TD_SMALL));
	lacks = td_module_missing_groups(&sock, group);
	td_close(&sock);
	return lacks;
}

#define LACKS_GROUP "the module of this kernel does not have the group"

static void release_stuck(void *arg)
{
	stuck_end(arg);
}

/* Make the tasks wait, in a mount namespace of our own. */
static void begin_stuck(struct __test_metadata *_metadata, struct stuck *stuck,
			bool with_exec, __u64 group, struct expected *expected)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, stuck_begin(stuck, with_exec)) {
		TH_LOG("%s", stuck->error);
		stuck_end(stuck);
	}
	*expected = (struct expected) {
		.show = TASK_DIAG_SHOW_BASE | group,
		.pid = with_exec ? stuck->in_exec : stuck->pid,
		.busy = group,
		.release = release_stuck,
		.arg = stuck,
	};
}

FIXTURE(held_mmap_lock) {
	struct stuck stuck;
	struct expected expected;
};

FIXTURE_VARIANT(held_mmap_lock) {
	__u64 group;
};

FIXTURE_VARIANT_ADD(held_mmap_lock, cmdline) {
	.group = TASK_DIAG_SHOW_CMDLINE,
};

FIXTURE_VARIANT_ADD(held_mmap_lock, environ) {
	.group = TASK_DIAG_SHOW_ENVIRON,
};

FIXTURE_VARIANT_ADD(held_mmap_lock, vma) {
	.group = TASK_DIAG_SHOW_VMA,
};

FIXTURE_VARIANT_ADD(held_mmap_lock, vma_stat) {
	.group = TASK_DIAG_SHOW_VMA_STAT,
};

FIXTURE_SETUP(held_mmap_lock)
{
	if (lacks_group(_metadata, variant->group))
		SKIP(return, LACKS_GROUP);
	begin_stuck(_metadata, &self->stuck, false, variant->group,
		    &self->expected);
}

FIXTURE_TEARDOWN(held_mmap_lock)
{
	stuck_end(&self->stuck);
}

TEST_F(held_mmap_lock, leaves_dump_of_all_tasks_complete)
{
	run_in_child(_metadata, dump_all, &self->expected);
}

TEST_F(held_mmap_lock, marks_group_busy_in_dump_of_task)
{
	run_in_child(_metadata, dump_one, &self->expected);
}

static void resolve_family(struct __test_metadata *_metadata,
			   const struct expected *unused)
{
	struct td_sock sock;

	progress->step = "resolve the family";
	EXPECT_EQ(0, td_open(&sock, TD_SMALL));
	td_close(&sock);
}

/* Another process resolves the family between request and reply. */
static void dump_during_other_requests(struct __test_metadata *_metadata,
				       const struct expected *expected)
{
	struct td_answer a;
	struct td_sock sock;
	pid_t child;

	open_and_warm_up(_metadata, &sock, expected->show, true);
	send_request(_metadata, &sock, expected, TASK_DIAG_DUMP_ALL,
		     NLM_F_DUMP, &a);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		resolve_family(_metadata, expected);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
	progress->step = "receive the reply";
	receive_reply(_metadata, &sock, expected, &a);
	td_answer_free(&a);
	td_close(&sock);
}

TEST_F(held_mmap_lock, does_not_block_family_lookup)
{
	run_in_child(_metadata, dump_during_other_requests, &self->expected);
	run_in_child(_metadata, resolve_family, &self->expected);
}

FIXTURE(held_exec_update_lock) {
	struct stuck stuck;
	struct expected expected;
};

FIXTURE_VARIANT(held_exec_update_lock) {
	__u64 group;
};

FIXTURE_VARIANT_ADD(held_exec_update_lock, files) {
	.group = TASK_DIAG_SHOW_FILES,
};

FIXTURE_VARIANT_ADD(held_exec_update_lock, cmdline) {
	.group = TASK_DIAG_SHOW_CMDLINE,
};

FIXTURE_VARIANT_ADD(held_exec_update_lock, environ) {
	.group = TASK_DIAG_SHOW_ENVIRON,
};

FIXTURE_VARIANT_ADD(held_exec_update_lock, paths) {
	.group = TASK_DIAG_SHOW_PATHS,
};

FIXTURE_SETUP(held_exec_update_lock)
{
	if (lacks_group(_metadata, variant->group))
		SKIP(return, LACKS_GROUP);
	begin_stuck(_metadata, &self->stuck, true, variant->group,
		    &self->expected);
}

FIXTURE_TEARDOWN(held_exec_update_lock)
{
	stuck_end(&self->stuck);
}

TEST_F(held_exec_update_lock, leaves_dump_of_all_tasks_complete)
{
	run_in_child(_metadata, dump_all, &self->expected);
}

TEST_F(held_exec_update_lock, marks_group_busy_in_dump_of_task)
{
	run_in_child(_metadata, dump_one, &self->expected);
}

/* FILES is the only group with a wait that such a request can include. */
TEST(single_request_for_task_in_execve_does_not_wait)
{
	static struct stuck stuck;
	struct expected expected;

	begin_stuck(_metadata, &stuck, true, TASK_DIAG_SHOW_FILES, &expected);
	run_in_child(_metadata, request_one, &expected);
	stuck_end(&stuck);
}

static void on_alarm(int sig)
{
}

/* A signal every millisecond, or none. */
static void set_timer(struct __test_metadata *_metadata, bool on)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval interval = {
		.it_interval.tv_usec = on ? 1000 : 0,
		.it_value.tv_usec = on ? 1000 : 0,
	};

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &interval, NULL));
}

/* How often a reader waits for the task, with and without signals. */
static void read_during_signals(struct __test_metadata *_metadata,
				const struct expected *expected)
{
	long before, waited[2];
	struct td_sock sock;
	int i;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	for (i = 0; i < 2; i++) {
		struct td_answer a;

		send_request(_metadata, &sock, expected, TASK_DIAG_DUMP_ONE,
			     NLM_F_DUMP, &a);
		set_timer(_metadata, i);
		before = count_waits();
		receive_reply(_metadata, &sock, expected, &a);
		waited[i] = count_waits() - before;
		set_timer(_metadata, false);
		td_answer_free(&a);
	}
	EXPECT_LT(2 * waited[1], waited[0]) {
		TH_LOG("%ld waits without signals, %ld with signals",
		       waited[0], waited[1]);
	}
	td_close(&sock);
}

TEST_F(held_mmap_lock, wait_ends_on_signal)
{
	run_in_child(_metadata, read_during_signals, &self->expected);
}

/* A process whose arguments are in a page that is never provided. */
FIXTURE(missing_page) {
	struct special_task task;
	struct expected expected;
};

static int have_missing_arguments(void *arg)
{
	const size_t size = 2 * sysconf(_SC_PAGESIZE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register registration = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	void *memory;
	int fd;

	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/*
	 * Without UFFD_USER_MODE_ONLY, so that it applies to kernel accesses
	 * too.
	 */
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (memory == MAP_FAILED || fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -errno;
	registration.range.start = (unsigned long)memory;
	registration.range.len = size;
	if (ioctl(fd, UFFDIO_REGISTER, &registration))
		return -errno;
	return arg ? -EINVAL : arg_range_set(memory, size);
}

/* Closing the descriptor lets readers of the page continue. */
static void release_page(void *arg)
{
	special_task_end(arg);
}

FIXTURE_SETUP(missing_page)
{
	ASSERT_EQ(0, special_task_begin(&self->task, have_missing_arguments,
					NULL)) {
		TH_LOG("%s (CONFIG_USERFAULTFD)", self->task.error);
	}
	self->expected = (struct expected) {
		.show = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_CMDLINE,
		.pid = self->task.pid,
		.busy = TASK_DIAG_SHOW_CMDLINE,
		.release = release_page,
		.arg = &self->task,
	};
}

FIXTURE_TEARDOWN(missing_page)
{
	special_task_end(&self->task);
}

TEST_F(missing_page, leaves_dump_of_all_tasks_complete)
{
	run_in_child(_metadata, dump_all, &self->expected);
}

TEST_F(missing_page, marks_cmdline_busy_in_dump_of_task)
{
	run_in_child(_metadata, dump_one, &self->expected);
}

int main(int argc, char **argv)
{
	td_require_family_and_root();
	progress = td_alloc_shared(sizeof(*progress));
	if (!progress)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	return test_harness_run(argc, argv);
}
