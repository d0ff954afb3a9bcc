// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pid namespaces: the namespace whose pids a request and its reply use.  It is
 * that of the sender, or of the process that a privileged sender names by
 * SCM_CREDENTIALS.  The reference is a procfs mounted inside.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "lib/fd_passing.h"
#include "lib/pid_set.h"
#include "lib/namespace.h"
#include "lib/expected_task.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"
#include "lib/users.h"

/* Processes in a namespace, without its init. */
#define SLEEPERS 60

#define ATTEMPTS 50
#define TIMEOUT_SECONDS 20

static const struct credentials user_with_cap_sys_admin = {
	.uid = { USER, USER, USER, USER },
	.gid = { USER, USER, USER, USER },
	.permitted = CAP_BIT(CAP_SYS_ADMIN),
	.effective = CAP_BIT(CAP_SYS_ADMIN),
};

static const struct credentials root_without_cap_sys_admin = {
	.permitted = ~CAP_BIT(CAP_SYS_ADMIN),
	.effective = ~CAP_BIT(CAP_SYS_ADMIN),
};

/*
 * The owner of one of our user namespaces, with an fsuid that it does not map.
 */
static const struct credentials user_with_unmapped_fsuid = {
	.uid = { USER, USER, USER, OTHER_USER },
	.gid = { USER, USER, USER, USER },
};

/* State that the processes of a namespace report; shared with them. */
struct ns_state {
	sem_t init_is_ready;
	sem_t joiner_has_joined;
	sem_t joiner_is_ready;
	sem_t all_joined;
	int error;
	char step[96];
	pid_t init;		/* pid outside */
	pid_t family;		/* pid of a pool task, inside */
	pid_t joiner;		/* pid of the last joining process, inside */
};

/* A process that joins from outside, and the namespaces that it enters. */
struct join_args {
	int pid_ns;
	int user_ns;			/* -1: stays in its own */
	const struct credentials *creds;	/* NULL: root */
};

struct pidns {
	struct ns_state *ns_state;
	pid_t init;
	pid_t joiner_parent;		/* parent and tracer of joiner */
	int ns;			/* file of the namespace */
	int proc;		/* root of a procfs mounted inside */
};

/* Made once, before the tests. */
static struct pidns inner;

static struct ns_state *alloc_ns_state(void)
{
	struct ns_state *ns_state = mmap(NULL, sizeof(*ns_state),
					 PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (ns_state == MAP_FAILED)
		return NULL;
	sem_init(&ns_state->init_is_ready, 1, 0);
	sem_init(&ns_state->joiner_has_joined, 1, 0);
	sem_init(&ns_state->joiner_is_ready, 1, 0);
	sem_init(&ns_state->all_joined, 1, 0);
	return ns_state;
}

static void record_error(struct ns_state *ns_state, int error, const char *step)
{
	ns_state->error = error ?: EINVAL;
	snprintf(ns_state->step, sizeof(ns_state->step), "%s", step);
}

static int wait_for(struct ns_state *ns_state, sem_t *sem)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += TIMEOUT_SECONDS;
	while (sem_timedwait(sem, &limit)) {
		if (errno != EINTR) {
			record_error(ns_state, errno,
				     "wait for the namespace");
			break;
		}
	}
	return -ns_state->error;
}

static void sleep_forever(void)
{
	for (;;)
		pause();
}

/* Make known processes, one of which is the init of a nested namespace. */
static void populate(struct ns_state *ns_state)
{
	const struct task_spec family = {
		.name = "family", .threads = 2, .children = 3,
	};
	static struct task_pool pool;
	pid_t nested;
	int i, err;

	err = task_pool_begin(&pool);
	err = err ?: task_pool_add(&pool, &family);
	for (i = 0; !err && i < SLEEPERS; i++) {
		const struct task_spec spec = {
			.threads = i % 2,
			.state = i % 5 ? POOL_SLEEPING : POOL_ZOMBIE,
			.own_session = i % 3 == 0,
		};

		err = task_pool_add(&pool, &spec);
	}
	err = err ?: task_pool_settle(&pool);
	if (err) {
		record_error(ns_state, -err, pool.error);
		return;
	}
	ns_state->family = pool.task[0].pid;

	nested = namespace_fork(CLONE_NEWPID);
	if (nested < 0)
		record_error(ns_state, -nested, "make the nested namespace");
	if (!nested) {
		prctl(PR_SET_NAME, "nested");
		sleep_forever();
	}
}

/* The first process of a namespace; all others in it end with it. */
static void run_init(struct ns_state *ns_state)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "init inside");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, "hidepid=ptraceable"))
		record_error(ns_state, errno, "mount a procfs inside");
	else
		populate(ns_state);
	sem_post(&ns_state->init_is_ready);
}

static void run_joiner(struct ns_state *ns_state, const struct join_args *to)
{
	const char *step = "setns into the user namespace";

	if ((to->creds && credentials_assume(to->creds, &step)) ||
	    (to->user_ns >= 0 && setns(to->user_ns, CLONE_NEWUSER)))
		record_error(ns_state, errno, step);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "joiner");
	ns_state->joiner = getpid();
	sem_post(&ns_state->joiner_has_joined);
	sleep_forever();
}

/*
 * Make a process join from outside.  Its parent, session, process group and
 * tracer have no pid inside.
 */
static void run_joiner_parent(struct ns_state *ns_state,
			      const struct join_args *to)
{
	pid_t joiner;

	if (setns(to->pid_ns, CLONE_NEWPID)) {
		record_error(ns_state, errno, "setns into the pid namespace");
		return;
	}
	joiner = fork();
	if (!joiner)
		run_joiner(ns_state, to);
	if (joiner < 0) {
		record_error(ns_state, errno, "fork of the joiner");
		return;
	}
	if (wait_for(ns_state, &ns_state->joiner_has_joined))
		return;
	if (ptrace(PTRACE_SEIZE, joiner, NULL, PTRACE_O_EXITKILL))
		record_error(ns_state, errno, "PTRACE_SEIZE of the joiner");
}

static pid_t start_joiner_parent(struct ns_state *ns_state,
				 const struct join_args *to)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_joiner_parent(ns_state, to);
		sem_post(&ns_state->joiner_is_ready);
		/* A namespace ends when all its processes are reaped. */
		while (waitpid(-1, NULL, __WALL) > 0)
			;
		sleep_forever();
	}
	if (pid < 0)
		record_error(ns_state, errno, "fork of the joiner's parent");
	else
		wait_for(ns_state, &ns_state->joiner_is_ready);
	return pid;
}

static int open_proc_file(pid_t pid, const char *file, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return open(path, flags | O_RDONLY | O_CLOEXEC);
}

static int make_namespace(struct pidns *pidns)
{
	struct join_args to = { .user_ns = -1 };
	struct ns_state *ns_state = alloc_ns_state();

	if (!ns_state)
		return -ENOMEM;
	pidns->ns_state = ns_state;
	pidns->init = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
	if (!pidns->init) {
		run_init(ns_state);
		sleep_forever();
	}
	if (pidns->init < 0) {
		record_error(ns_state, -pidns->init, "clone3 into a namespace");
		return -ns_state->error;
	}
	if (wait_for(ns_state, &ns_state->init_is_ready))
		return -ns_state->error;

	pidns->ns = open_proc_file(pidns->init, "ns/pid", 0);
	pidns->proc = open_proc_file(pidns->init, "root/proc", O_DIRECTORY);
	if (pidns->ns < 0 || pidns->proc < 0) {
		record_error(ns_state, errno, "open the namespace");
		return -ns_state->error;
	}
	to.pid_ns = pidns->ns;
	pidns->joiner_parent = start_joiner_parent(ns_state, &to);
	return -ns_state->error;
}

static void end_process(pid_t pid)
{
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void end_namespace(struct pidns *pidns)
{
	end_process(pidns->joiner_parent);
	end_process(pidns->init);
}

FIXTURE(pidns) {
	struct td_sock sock;
	struct ucred as_inner;
};

FIXTURE_SETUP(pidns)
{
	const struct ucred as_inner = { .pid = inner.init };

	ASSERT_EQ(0, td_open(&self->sock, TD_SMALL));
	self->as_inner = as_inner;
}

FIXTURE_TEARDOWN(pidns)
{
	td_close(&self->sock);
}

/* Like td_query(), with a process named by SCM_CREDENTIALS. */
static int query_as(struct td_sock *sock, const struct task_diag_pid *query,
		    const struct ucred *as, struct td_answer *a)
{
	int err = td_send_request(sock, query, NLM_F_DUMP, as);

	td_answer_init(sock, a, true);
	return err ? err : td_receive(sock, a);
}

static bool same_pids(const struct procfs_snapshot *a,
		      const struct procfs_snapshot *b)
{
	size_t i;

	for (i = 0; a->nr == b->nr && i < a->nr; i++)
		if (a->task[i].base.pid != b->task[i].base.pid)
			return false;
	return a->nr == b->nr;
}

/* The dump must have exactly the tasks of a procfs, with equal fields. */
static void expect_procfs_tasks(struct __test_metadata *_metadata,
				struct td_sock *sock, const struct ucred *as,
				int proc, bool threads)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = threads ? TASK_DIAG_DUMP_ALL_THREAD :
					   TASK_DIAG_DUMP_ALL,
	};
	int attempt;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct procfs_snapshot before, after;
		struct td_answer a;
		char text[160];
		bool unchanged;
		size_t i;

		EXPECT_EQ(0, procfs_snapshot(proc, threads, &before));
		EXPECT_EQ(0, query_as(sock, &query, as, &a));
		EXPECT_EQ(0, procfs_snapshot(proc, threads, &after));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(0, a.end.error);

		unchanged = same_pids(&before, &after);
		for (i = 0; unchanged && i < before.nr; i++) {
			const struct procfs_task *task = &before.task[i];
			const struct td_row *row;

			row = td_find_row(&a, task->base.pid);
			EXPECT_NE(NULL, row) {
				TH_LOG("no row of task %u, \"%s\"",
				       task->base.pid, task->name);
			}
			if (!row)
				continue;
			EXPECT_TRUE(expected_task_matches(row, task, false,
							  text, sizeof(text)))
			{
				TH_LOG("%u: %s", task->base.pid, text);
			}
		}
		if (unchanged) {
			EXPECT_EQ(before.nr, a.rows);
			EXPECT_LT((size_t)SLEEPERS, a.rows);
		}
		procfs_snapshot_free(&before);
		procfs_snapshot_free(&after);
		td_answer_free(&a);
		if (unchanged)
			return;
	}
	EXPECT_LT(attempt, ATTEMPTS) {
		TH_LOG("procfs changed during every attempt");
	}
}

static void expect_one(struct __test_metadata *_metadata, struct td_sock *sock,
		       const struct ucred *as, pid_t pid, const char *name)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = pid,
	};
	struct td_answer a;

	EXPECT_EQ(0, query_as(sock, &query, as, &a));
	EXPECT_STREQ("", a.fault);
	if (name) {
		EXPECT_EQ(0, a.end.error);
		EXPECT_EQ(1U, a.rows);
		if (a.rows == 1) {
			EXPECT_EQ(pid, (pid_t)a.row[0].base.pid);
			EXPECT_STREQ(name, a.row[0].base.comm);
		}
	} else {
		EXPECT_EQ(ESRCH, a.end.error);
		EXPECT_EQ(0U, a.rows);
	}
	td_answer_free(&a);
}

/* Check all strategies from the view inside. */
static void expect_inner_view(struct __test_metadata *_metadata,
			      struct td_sock *sock, const struct ucred *as)
{
	const struct task_diag_pid children = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_CHILDREN,
		.pid = inner.ns_state->family,
	};
	const struct task_diag_pid threads = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_THREAD,
		.pid = inner.ns_state->family,
	};
	struct pid_set expected = {};
	struct td_answer a;
	size_t i;

	expect_procfs_tasks(_metadata, sock, as, inner.proc, false);
	expect_procfs_tasks(_metadata, sock, as, inner.proc, true);

	expect_one(_metadata, sock, as, 1, "init inside");
	expect_one(_metadata, sock, as, inner.ns_state->family, "family");
	expect_one(_metadata, sock, as, inner.ns_state->joiner, "joiner");
	/* A pid of the outer namespace, far above the pids inside. */
	expect_one(_metadata, sock, as, inner.joiner_parent, NULL);

	EXPECT_EQ(0, query_as(sock, &children, as, &a));
	EXPECT_EQ(0, procfs_children(inner.proc, inner.ns_state->family,
				     &expected));
	EXPECT_EQ(3U, expected.nr);
	EXPECT_EQ(expected.nr, a.rows);
	for (i = 0; i < a.rows; i++) {
		EXPECT_TRUE(pid_set_has(&expected, a.row[i].msg.pid));
		EXPECT_EQ(children.pid, a.row[i].base.ppid);
	}
	td_answer_free(&a);

	pid_set_free(&expected);
	EXPECT_EQ(0, query_as(sock, &threads, as, &a));
	EXPECT_EQ(0, procfs_threads(inner.proc, inner.ns_state->family,
				    &expected));
	EXPECT_EQ(3U, expected.nr);
	EXPECT_EQ(expected.nr, a.rows);
	for (i = 0; i < a.rows; i++) {
		EXPECT_TRUE(pid_set_has(&expected, a.row[i].msg.pid));
		EXPECT_EQ(threads.pid, a.row[i].msg.tgid);
	}
	td_answer_free(&a);
	pid_set_free(&expected);
}

/* Fork a process that is inside the namespace; returns 0 only there. */
static pid_t fork_inside(struct __test_metadata *_metadata)
{
	int status = -1;
	pid_t pid;

	pid = fork();
	if (pid)
		return pid;
	/* The namespace is that of children forked from now on. */
	if (setns(inner.ns, CLONE_NEWPID))
		_exit(1);
	pid = fork();
	if (!pid)
		return 0;
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		_exit(1);
	_exit(WEXITSTATUS(status));
}

/* The tests below rely on this. */
TEST_F(pidns, pids_inside_and_outside_differ)
{
	struct pid_set inside = {};

	ASSERT_EQ(0, procfs_processes(inner.proc, &inside));
	EXPECT_LT((size_t)SLEEPERS, inside.nr);
	EXPECT_TRUE(pid_set_has(&inside, 1));
	EXPECT_FALSE(pid_set_has(&inside, inner.joiner_parent));
	EXPECT_NE(1, inner.init);
	pid_set_free(&inside);
}

TEST_F(pidns, sender_inside_sees_inside_only)
{
	pid_t pid = fork_inside(_metadata);

	if (!pid) {
		struct td_sock own;

		EXPECT_EQ(0, td_open(&own, TD_SMALL));
		expect_inner_view(_metadata, &own, NULL);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* The namespace is that of the sender, not that of the socket. */
TEST_F(pidns, socket_from_outside_shows_inside_only)
{
	pid_t pid = fork_inside(_metadata);

	if (!pid) {
		expect_inner_view(_metadata, &self->sock, NULL);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

TEST_F(pidns, sender_outside_can_name_process_inside)
{
	expect_inner_view(_metadata, &self->sock, &self->as_inner);
}

TEST_F(pidns, single_request_can_name_process_inside)
{
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = 1,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_send_request(&self->sock, &query, NLM_F_ACK,
				     &self->as_inner));
	td_answer_init(&self->sock, &a, false);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_EQ(1U, a.row[0].base.pid);
	EXPECT_STREQ("init inside", a.row[0].base.comm);
	td_answer_free(&a);
}

/* Naming a process of the sender's own namespace changes nothing. */
TEST_F(pidns, naming_process_of_same_namespace_changes_nothing)
{
	const struct ucred as[] = {
		{ .pid = getpid() },
		{ .pid = getppid() },
		{ .pid = inner.joiner_parent },
		{ .pid = 1 },
	};
	int proc = procfs_open();
	size_t i;

	ASSERT_LE(0, proc);
	for (i = 0; i < ARRAY_SIZE(as); i++) {
		expect_procfs_tasks(_metadata, &self->sock, &as[i], proc,
				    false);
		expect_one(_metadata, &self->sock, &as[i], inner.init,
			   "init inside");
	}
	close(proc);
}

TEST_F(pidns, outside_parent_session_group_tracer_are_0)
{
	const struct task_diag_pid all = { .show_flags = TD_BASE_CRED };
	const struct td_row *joiner, *init;
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, query_as(&self->sock, &all, &self->as_inner, &a));
	ASSERT_SUCCESS(&a);
	joiner = td_find_row(&a, inner.ns_state->joiner);
	ASSERT_NE(NULL, joiner);
	EXPECT_EQ(0U, joiner->base.ppid);
	EXPECT_EQ(0U, joiner->base.tpid);
	EXPECT_EQ(0U, joiner->base.sid);
	EXPECT_EQ(0U, joiner->base.pgid);
	init = td_find_row(&a, 1);
	ASSERT_NE(NULL, init);
	EXPECT_EQ(0U, init->base.ppid);
	/* All other processes have a parent inside. */
	for (i = 0; i < a.rows; i++)
		if (&a.row[i] != joiner && &a.row[i] != init)
			EXPECT_NE(0U, a.row[i].base.ppid);
	td_answer_free(&a);

	/* Outside, these processes have pids. */
	ASSERT_EQ(0, query_as(&self->sock, &all, NULL, &a));
	ASSERT_SUCCESS(&a);
	joiner = NULL;
	for (i = 0; i < a.rows; i++)
		if (!strcmp(a.row[i].base.comm, "joiner"))
			joiner = &a.row[i];
	ASSERT_NE(NULL, joiner);
	EXPECT_EQ(inner.joiner_parent, (pid_t)joiner->base.ppid);
	EXPECT_EQ(inner.joiner_parent, (pid_t)joiner->base.tpid);
	EXPECT_NE(0U, joiner->base.sid);
	EXPECT_NE(0U, joiner->base.pgid);
	td_answer_free(&a);
}

/* A nested namespace, two levels below, has a single process. */
TEST_F(pidns, nested_namespace_shows_its_only_process)
{
	const struct task_diag_pid all = { .show_flags = TD_BASE_CRED };
	struct ucred as = {};
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, query_as(&self->sock, &all, NULL, &a));
	ASSERT_SUCCESS(&a);
	for (i = 0; i < a.rows; i++)
		if (!strcmp(a.row[i].base.comm, "nested"))
			as.pid = a.row[i].msg.pid;
	td_answer_free(&a);
	ASSERT_NE(0, as.pid);

	ASSERT_EQ(0, query_as(&self->sock, &all, &as, &a));
	ASSERT_SUCCESS(&a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_EQ(1U, a.row[0].msg.pid);
	EXPECT_EQ(1U, a.row[0].base.pid);
	EXPECT_EQ(0U, a.row[0].base.ppid);
	EXPECT_STREQ("nested", a.row[0].base.comm);
	td_answer_free(&a);
}

TEST_F(pidns, naming_unused_pid_gets_esrch)
{
	const struct task_diag_pid all = {};
	const struct ucred as[] = {
		{ .pid = 0 }, { .pid = -1 }, { .pid = td_unused_pid() },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(as); i++) {
		EXPECT_EQ(-ESRCH, td_send_request(&self->sock, &all, NLM_F_DUMP,
						  &as[i]));
		EXPECT_EQ(-EAGAIN, td_receive_raw(&self->sock, MSG_DONTWAIT));
	}
}

TEST_F(pidns, naming_other_process_without_cap_sys_admin_gets_eperm)
{
	const struct credentials *creds[] = { &user,
					      &root_without_cap_sys_admin };
	const struct task_diag_pid all = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(creds); i++) {
		pid_t pid = fork();

		if (!pid) {
			const struct ucred myself = {
				.pid = getpid(),
				.uid = creds[i]->uid.real,
				.gid = creds[i]->gid.real,
			};
			struct ucred as = myself;
			const char *step = "";
			struct td_answer a;

			EXPECT_EQ(0, credentials_assume(creds[i], &step)) {
				TH_LOG("%s", step);
			}
			as.pid = inner.init;
			EXPECT_EQ(-EPERM, td_send_request(&self->sock, &all,
							  NLM_F_DUMP, &as));
			as.pid = getppid();
			EXPECT_EQ(-EPERM, td_send_request(&self->sock, &all,
							  NLM_F_DUMP, &as));
			/* Any sender may send its true ids. */
			EXPECT_EQ(0, query_as(&self->sock, &all, &myself, &a));
			EXPECT_STREQ("", a.fault);
			EXPECT_EQ(0, a.end.error);
			EXPECT_LT(0U, a.rows);
			td_answer_free(&a);
			_exit(0);
		}
		EXPECT_EXIT_0(pid);
	}
}

TEST_F(pidns, false_ids_get_eperm)
{
	const struct task_diag_pid all = {};
	pid_t pid = fork();

	if (!pid) {
		const struct ucred as[] = {
			{ .pid = getpid(), .uid = 0, .gid = USER },
			{ .pid = getpid(), .uid = USER, .gid = 0 },
		};
		const char *step = "";
		size_t i;

		EXPECT_EQ(0, credentials_assume(&user, &step)) {
			TH_LOG("%s", step);
		}
		for (i = 0; i < ARRAY_SIZE(as); i++)
			EXPECT_EQ(-EPERM, td_send_request(&self->sock, &all,
							  NLM_F_DUMP, &as[i]));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* Selecting the pid namespace gives no right to see its tasks. */
TEST_F(pidns, naming_process_gives_no_rights)
{
	const struct task_diag_pid all = { .show_flags = TD_BASE_CRED };
	pid_t pid = fork();

	if (!pid) {
		struct ucred as = {
			.pid = inner.init, .uid = USER, .gid = USER,
		};
		const char *step = "";
		struct td_answer a;

		EXPECT_EQ(0,
			  credentials_assume(&user_with_cap_sys_admin, &step))
		{
			TH_LOG("%s", step);
		}
		EXPECT_EQ(0, query_as(&self->sock, &all, &as, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(0, a.end.error);
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
		expect_one(_metadata, &self->sock, &as, 1, NULL);

		/*
		 * CAP_SYS_ADMIN does not allow other ids in the message either.
		 */
		as.uid = 0;
		as.gid = 0;
		EXPECT_EQ(-EPERM,
			  td_send_request(&self->sock, &all, NLM_F_DUMP, &as));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* Credentials belong to a thread, descriptors to the process. */
static void *open_as_user(void *arg)
{
	const char *step;

	if (credentials_assume(&user, &step))
		return (void *)step;
	return td_open(arg, TD_SMALL) ? (void *)"td_open" : NULL;
}

/* The opener needs the right to name a process as well as the sender. */
TEST_F(pidns, unprivileged_opener_cannot_name_process)
{
	const struct task_diag_pid all = { .show_flags = TD_BASE_CRED };
	struct td_sock sock;
	pthread_t thread;
	struct td_answer a;
	void *failed;

	ASSERT_EQ(0, pthread_create(&thread, NULL, open_as_user, &sock));
	ASSERT_EQ(0, pthread_join(thread, &failed));
	ASSERT_EQ(NULL, failed);

	ASSERT_EQ(0, query_as(&sock, &all, &self->as_inner, &a));
	ASSERT_STREQ("", a.fault);
	EXPECT_EQ(EPERM, a.end.error);
	EXPECT_EXTACK_TEXT(&a, "SCM_CREDENTIALS");
	EXPECT_EQ(0U, a.rows);
	td_answer_free(&a);

	/* Apart from that, the socket works like any other. */
	ASSERT_EQ(0, query_as(&sock, &all, NULL, &a));
	ASSERT_SUCCESS(&a);
	td_answer_free(&a);
	td_close(&sock);
}

static __u32 overflow_id(struct __test_metadata *_metadata)
{
	unsigned int id = 0;
	FILE *file = fopen("/proc/sys/kernel/overflowuid", "re");

	EXPECT_NE(NULL, file);
	if (file) {
		EXPECT_EQ(1, fscanf(file, "%u", &id));
		fclose(file);
	}
	return id;
}

/* Root of a namespace made by an unprivileged user, sending inside it. */
static void run_user_ns_root(struct __test_metadata *_metadata,
			     struct ns_state *ns_state)
{
	const struct task_diag_pid all = { .show_flags = TD_BASE_CRED };
	const __u32 overflow = overflow_id(_metadata);
	size_t i, known = 0, joiners = 0;
	struct td_sock sock;
	struct td_answer a;
	int proc;

	run_init(ns_state);
	EXPECT_EQ(0, wait_for(ns_state, &ns_state->all_joined));
	proc = procfs_open();
	EXPECT_LE(0, proc);
	EXPECT_EQ(0, td_open(&sock, TD_SMALL));
	expect_procfs_tasks(_metadata, &sock, NULL, proc, false);
	expect_procfs_tasks(_metadata, &sock, NULL, proc, true);
	expect_one(_metadata, &sock, NULL, 1, "init inside");
	expect_one(_metadata, &sock, NULL, ns_state->joiner, "joiner");

	/*
	 * The ids are those of this user namespace as far as it maps them.  The
	 * joining process that did not enter it has the same ids and is hidden.
	 */
	EXPECT_EQ(0, td_query(&sock, &all, NLM_F_DUMP, &a));
	for (i = 0; i < a.rows; i++) {
		const struct task_diag_creds *cred = &a.row[i].cred;

		EXPECT_EQ(0U, cred->uid);
		EXPECT_EQ(0U, cred->gid);
		if (!strcmp(a.row[i].base.comm, "joiner")) {
			EXPECT_EQ(overflow, cred->fsuid);
			joiners++;
		} else {
			EXPECT_EQ(0U, cred->fsuid);
			known++;
		}
	}
	EXPECT_EQ(1U, joiners);
	EXPECT_LT((size_t)SLEEPERS, known);
	td_answer_free(&a);
}

/*
 * Do all that run_user_ns_root() needs with the rights of an unprivileged user.
 */
static void run_plain_user(struct __test_metadata *_metadata,
			   struct ns_state *ns_state)
{
	const char *step = "";
	int status = -1;
	pid_t pid;

	EXPECT_EQ(0, credentials_assume(&user, &step)) {
		TH_LOG("%s", step);
	}
	EXPECT_EQ(0, namespace_become_root());
	EXPECT_EQ(0, unshare(CLONE_NEWNET));
	pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
	EXPECT_LE(0, pid);
	if (!pid) {
		run_user_ns_root(_metadata, ns_state);
		_exit(0);
	}
	ns_state->init = pid;
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(pidns, namespaces_of_unprivileged_user_equal_procfs)
{
	struct ns_state *ns_state = alloc_ns_state();
	struct join_args to = { .creds = &user_with_unmapped_fsuid };
	pid_t user_pid, joiner_parent[2];
	int user_ns;

	ASSERT_NE(NULL, ns_state);
	user_pid = fork();
	if (!user_pid) {
		run_plain_user(_metadata, ns_state);
		_exit(0);
	}

	EXPECT_EQ(0, wait_for(ns_state, &ns_state->init_is_ready)) {
		TH_LOG("%s: %s", ns_state->step, strerror(ns_state->error));
	}
	to.pid_ns = open_proc_file(ns_state->init, "ns/pid", 0);
	user_ns = open_proc_file(ns_state->init, "ns/user", 0);
	EXPECT_LE(0, to.pid_ns);
	EXPECT_LE(0, user_ns);

	to.user_ns = -1;
	joiner_parent[0] = start_joiner_parent(ns_state, &to);
	to.user_ns = user_ns;
	joiner_parent[1] = start_joiner_parent(ns_state, &to);
	EXPECT_EQ(0, ns_state->error) {
		TH_LOG("%s: %s", ns_state->step, strerror(ns_state->error));
	}
	sem_post(&ns_state->all_joined);

	EXPECT_EXIT_0(user_pid);
	end_process(joiner_parent[0]);
	end_process(joiner_parent[1]);
	close(to.pid_ns);
	close(user_ns);
}

/* Query the first process of the outer namespace @ns. */
static void expect_named_outside(struct __test_metadata *_metadata,
				 struct td_sock *sock, int ns, int error)
{
	static const __u16 flags[] = { 0, NLM_F_DUMP };
	const struct task_diag_pid one = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = 1,
	};
	const struct td_filter attr = {
		.type = TASK_DIAG_CMD_ATTR_PIDNS_FD,
		.data = &ns,
		.len = sizeof(ns),
	};
	struct td_answer a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(0, td_query_filtered(sock, &one, flags[i], &attr, 1,
					       &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(error, a.end.error);
		EXPECT_EQ(error ? 0U : 1U, a.rows);
		if (error)
			EXPECT_EXTACK_TEXT(&a, "pidns_fd: needs CAP_SYS_ADMIN");
		td_answer_free(&a);
	}
}

/* Runs in a child namespace of @ns. */
static void name_outside_as(struct __test_metadata *_metadata,
			    const struct credentials *opener,
			    const struct credentials *sender, int ns, int error)
{
	struct td_sock *shared = td_alloc_shared(sizeof(*shared)), sock;
	int ends[2], fd;
	pid_t pid;

	EXPECT_NE(NULL, shared);
	EXPECT_EQ(0, fd_passing_open(ends));
	pid = td_fork_as(_metadata, opener);
	if (!pid) {
		EXPECT_EQ(0, td_open(shared, TD_LARGE));
		EXPECT_EQ(0, fd_passing_send(ends[1], shared->fd));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	fd = fd_passing_receive(ends[0]);
	EXPECT_LE(0, fd);
	pid = td_fork_as(_metadata, sender);
	if (!pid) {
		EXPECT_EQ(0, td_adopt(&sock, fd, shared));
		expect_named_outside(_metadata, &sock, ns, error);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

/*
 * Catches a kernel that accepts a descriptor of any namespace, or that checks
 * only the sender or only the opener.
 */
TEST_F(pidns, descriptor_of_outer_namespace_needs_cap_sys_admin)
{
	static const struct credentials root = {
		.permitted = CAP_ALL, .effective = CAP_ALL,
	};
	int ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	ASSERT_LE(0, ns);
	pid = namespace_fork(CLONE_NEWPID);
	ASSERT_LE(0, pid);
	if (!pid) {
		name_outside_as(_metadata, &root, &root, ns, 0);
		name_outside_as(_metadata, &user, &user, ns, EPERM);
		name_outside_as(_metadata, &user, &root, ns, EPERM);
		name_outside_as(_metadata, &root, &user, ns, EPERM);
		name_outside_as(_metadata, &root_without_cap_sys_admin, &root,
				ns, EPERM);
		name_outside_as(_metadata, &root, &root_without_cap_sys_admin,
				ns, EPERM);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
	close(ns);
}

int main(int argc, char **argv)
{
	int status;

	td_require_family_and_root();
	if (make_namespace(&inner))
		ksft_exit_fail_msg("%s: %s\n", inner.ns_state->step,
				   strerror(inner.ns_state->error));
	status = td_run_tests(argc, argv);
	end_namespace(&inner);
	return status;
}
