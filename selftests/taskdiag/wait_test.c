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

static bool has_ended(pid_t child, int *status)
{
	int left = GUARD_SECONDS * (1000000 / POLL_US);
	pid_t got;

	while (!(got = waitpid(child, status, WNOHANG)) && left--)
		usleep(POLL_US);
	return got == child;
}

/*
 * Run @child_fn in a child.  If the child never ends, call @release, so that
 * the kernel can kill the child.
 */
static void run_in_child(struct __test_metadata *_metadata,
			 void (*child_fn)(struct __test_metadata *_metadata,
					  void *arg),
			 void *arg, void (*release)(void *of), void *of)
{
	int status = -1;
	pid_t child;

	progress->step = "start";
	fflush(NULL);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		child_fn(_metadata, arg);
		_exit(0);
	}
	if (!has_ended(child, &status)) {
		EXPECT_TRUE(false) {
			TH_LOG("still in this step after %d seconds: %s",
			       GUARD_SECONDS, progress->step);
		}
		release(of);
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

/* Send a request, which must not wait. */
static void send_request(struct __test_metadata *_metadata,
			 struct td_sock *sock,
			 const struct task_diag_pid *query, __u16 flags)
{
	long before, after;

	progress->step = "send the request";
	before = count_waits();
	ASSERT_EQ(0, td_send_request(sock, query, flags, NULL));
	after = count_waits();
	EXPECT_EQ(before, after) {
		TH_LOG("the sender has waited %ld times", after - before);
	}
	progress->step = "receive the reply";
}

/*
 * A request that involves no stuck task: the kernel then has allocated all that
 * the next request needs.
 */
static void warm_up(struct __test_metadata *_metadata, struct td_sock *sock,
		    __u64 show)
{
	struct td_answer a;

	progress->step = "warm up";
	td_dump(_metadata, sock, show, TASK_DIAG_DUMP_ONE, getpid(), &a);
	td_answer_free(&a);
}

/* Groups that a child requests, and the task whose row must be incomplete. */
struct expected {
	__u64 show;
	pid_t pid;
	__u64 busy;
};

static void expect_row(struct __test_metadata *_metadata,
		       const struct td_answer *a,
		       const struct expected *expected)
{
	const struct td_row *row = td_find_row(a, expected->pid);

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
static void dump_all(struct __test_metadata *_metadata, void *arg)
{
	const struct expected *expected = arg;
	const struct task_diag_pid query = {
		.show_flags = expected->show,
		.dump_strategy = TASK_DIAG_DUMP_ALL,
	};
	struct pid_set before = {}, after = {}, seen = {};
	struct td_answer a;
	struct td_sock sock;
	int proc = procfs_open();
	size_t i;

	ASSERT_LE(0, proc);
	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	warm_up(_metadata, &sock, expected->show);
	ASSERT_EQ(0, procfs_processes(proc, &before));
	send_request(_metadata, &sock, &query, NLM_F_DUMP);
	td_answer_init(&sock, &a, true);
	ASSERT_EQ(0, td_receive(&sock, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(0, procfs_processes(proc, &after));
	ASSERT_EQ(0, visible_pids_in(&a, &seen));
	for (i = 0; i < before.nr; i++)
		if (pid_set_has(&after, before.id[i]))
			EXPECT_TRUE(pid_set_has(&seen, before.id[i])) {
				TH_LOG("no row of task %u", before.id[i]);
			}
	expect_row(_metadata, &a, expected);
	td_answer_free(&a);
	td_close(&sock);
	close(proc);
}

/* Dump one task and check its row. */
static void dump_one(struct __test_metadata *_metadata, void *arg)
{
	const struct expected *expected = arg;
	const struct task_diag_pid query = {
		.show_flags = expected->show,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = expected->pid,
	};
	struct td_answer a;
	struct td_sock sock;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	warm_up(_metadata, &sock, expected->show);
	send_request(_metadata, &sock, &query, NLM_F_DUMP);
	td_answer_init(&sock, &a, true);
	ASSERT_EQ(0, td_receive(&sock, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(1U, a.rows);
	expect_row(_metadata, &a, expected);
	td_answer_free(&a);
	td_close(&sock);
}

/*
 * A request without NLM_F_DUMP is processed completely in the context of the
 * sender.
 */
static void request_one(struct __test_metadata *_metadata, void *arg)
{
	const struct expected *expected = arg;
	const struct task_diag_pid query = {
		.show_flags = expected->show,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = expected->pid,
	};
	struct td_answer a;
	struct td_sock sock;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	progress->step = "warm up";
	td_get_row(_metadata, &sock, expected->show, getpid(), &a);
	td_answer_free(&a);
	send_request(_metadata, &sock, &query, NLM_F_ACK);
	td_answer_init(&sock, &a, false);
	ASSERT_EQ(0, td_receive(&sock, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(1U, a.rows);
	expect_row(_metadata, &a, expected);
	td_answer_free(&a);
	td_close(&sock);
}

static void own_mounts(struct __test_metadata *_metadata)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
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

static void release_stuck(void *of)
{
	stuck_end(of);
}

FIXTURE(held_mmap_lock) {
	struct stuck stuck;
};

FIXTURE_VARIANT(held_mmap_lock) {
	__u64 group;
};

FIXTURE_VARIANT_ADD(held_mmap_lock, cmdline) {
	.group = TASK_DIAG_SHOW_CMDLINE,
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
		SKIP(return,
		     "the module of this kernel does not have the group");
	own_mounts(_metadata);
	ASSERT_EQ(0, stuck_begin(&self->stuck, false)) {
		TH_LOG("%s", self->stuck.error);
		stuck_end(&self->stuck);
	}
}

FIXTURE_TEARDOWN(held_mmap_lock)
{
	stuck_end(&self->stuck);
}

TEST_F(held_mmap_lock, leaves_dump_of_all_tasks_complete)
{
	struct expected expected = {
		.show = TASK_DIAG_SHOW_BASE | variant->group,
		.pid = self->stuck.pid,
		.busy = variant->group,
	};

	run_in_child(_metadata, dump_all, &expected, release_stuck,
		     &self->stuck);
}

TEST_F(held_mmap_lock, marks_group_busy_in_dump_of_task)
{
	struct expected expected = {
		.show = TASK_DIAG_SHOW_BASE | variant->group,
		.pid = self->stuck.pid,
		.busy = variant->group,
	};

	run_in_child(_metadata, dump_one, &expected, release_stuck,
		     &self->stuck);
}

static void resolve_family(struct __test_metadata *_metadata, void *arg)
{
	struct td_sock sock;

	progress->step = "resolve the family";
	EXPECT_EQ(0, td_open(&sock, TD_SMALL));
	td_close(&sock);
	EXPECT_EQ(NULL, arg);
}

/* Another process resolves the family between request and reply. */
static void dump_during_other_requests(struct __test_metadata *_metadata,
				       void *arg)
{
	const struct expected *expected = arg;
	const struct task_diag_pid query = {
		.show_flags = expected->show,
		.dump_strategy = TASK_DIAG_DUMP_ALL,
	};
	struct td_answer a;
	struct td_sock sock;
	pid_t child;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	warm_up(_metadata, &sock, expected->show);
	send_request(_metadata, &sock, &query, NLM_F_DUMP);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		resolve_family(_metadata, NULL);
		_exit(0);
	}
	EXPECT_EXIT_0(child);
	progress->step = "receive the reply";
	td_answer_init(&sock, &a, true);
	ASSERT_EQ(0, td_receive(&sock, &a));
	ASSERT_SUCCESS(&a);
	expect_row(_metadata, &a, expected);
	td_answer_free(&a);
	td_close(&sock);
}

TEST_F(held_mmap_lock, does_not_block_family_lookup)
{
	struct expected expected = {
		.show = TASK_DIAG_SHOW_BASE | variant->group,
		.pid = self->stuck.pid,
		.busy = variant->group,
	};

	run_in_child(_metadata, dump_during_other_requests, &expected,
		     release_stuck, &self->stuck);
	run_in_child(_metadata, resolve_family, NULL, release_stuck,
		     &self->stuck);
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

FIXTURE_SETUP(held_exec_update_lock)
{
	if (lacks_group(_metadata, variant->group))
		SKIP(return,
		     "the module of this kernel does not have the group");
	own_mounts(_metadata);
	ASSERT_EQ(0, stuck_begin(&self->stuck, true)) {
		TH_LOG("%s", self->stuck.error);
		stuck_end(&self->stuck);
	}
	self->expected = (struct expected) {
		.show = TASK_DIAG_SHOW_BASE | variant->group,
		.pid = self->stuck.in_exec,
		.busy = variant->group,
	};
}

FIXTURE_TEARDOWN(held_exec_update_lock)
{
	stuck_end(&self->stuck);
}

TEST_F(held_exec_update_lock, leaves_dump_of_all_tasks_complete)
{
	run_in_child(_metadata, dump_all, &self->expected, release_stuck,
		     &self->stuck);
}

TEST_F(held_exec_update_lock, marks_group_busy_in_dump_of_task)
{
	run_in_child(_metadata, dump_one, &self->expected, release_stuck,
		     &self->stuck);
}

/* FILES is the only group with a wait that such a request can include. */
TEST(single_request_for_task_in_execve_does_not_wait)
{
	static struct stuck stuck;
	struct expected expected = {
		.show = TASK_DIAG_SHOW_BASE | TASK_DIAG_SHOW_FILES,
		.busy = TASK_DIAG_SHOW_FILES,
	};

	own_mounts(_metadata);
	EXPECT_EQ(0, stuck_begin(&stuck, true)) {
		TH_LOG("%s", stuck.error);
	}
	expected.pid = stuck.in_exec;
	run_in_child(_metadata, request_one, &expected, release_stuck, &stuck);
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
static void read_during_signals(struct __test_metadata *_metadata, void *arg)
{
	const struct expected *expected = arg;
	const struct task_diag_pid query = {
		.show_flags = expected->show,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = expected->pid,
	};
	long before, waited[2];
	struct td_sock sock;
	int i;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	for (i = 0; i < 2; i++) {
		struct td_answer a;

		send_request(_metadata, &sock, &query, NLM_F_DUMP);
		td_answer_init(&sock, &a, true);
		set_timer(_metadata, i);
		before = count_waits();
		ASSERT_EQ(0, td_receive(&sock, &a));
		waited[i] = count_waits() - before;
		set_timer(_metadata, false);
		ASSERT_SUCCESS(&a);
		expect_row(_metadata, &a, expected);
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
	struct expected expected = {
		.show = TASK_DIAG_SHOW_BASE | variant->group,
		.pid = self->stuck.pid,
		.busy = variant->group,
	};

	run_in_child(_metadata, read_during_signals, &expected, release_stuck,
		     &self->stuck);
}

/* A process whose arguments are in a page that is never provided. */
FIXTURE(missing_page) {
	struct special_task task;
	struct expected expected;
};

static int set_arguments(const char *start, size_t len)
{
	/* ARG_START must not exceed ARG_END at any time. */
	if (prctl(PR_SET_MM, PR_SET_MM_ARG_START, start, 0, 0) &&
	    prctl(PR_SET_MM, PR_SET_MM_ARG_END, start + len, 0, 0))
		return -errno;
	if (prctl(PR_SET_MM, PR_SET_MM_ARG_END, start + len, 0, 0) ||
	    prctl(PR_SET_MM, PR_SET_MM_ARG_START, start, 0, 0))
		return -errno;
	return 0;
}

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
	return arg ? -EINVAL : set_arguments(memory, size);
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
	};
}

FIXTURE_TEARDOWN(missing_page)
{
	special_task_end(&self->task);
}

/* Closing the descriptor lets readers of the page continue. */
static void release_page(void *of)
{
	special_task_end(of);
}

TEST_F(missing_page, leaves_dump_of_all_tasks_complete)
{
	run_in_child(_metadata, dump_all, &self->expected, release_page,
		     &self->task);
}

TEST_F(missing_page, marks_cmdline_busy_in_dump_of_task)
{
	run_in_child(_metadata, dump_one, &self->expected, release_page,
		     &self->task);
}

int main(int argc, char **argv)
{
	td_require_family_and_root();
	progress = td_alloc_shared(sizeof(*progress));
	if (!progress)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	return test_harness_run(argc, argv);
}
