// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pid namespaces: in whose numbers a request is made and answered.  That of the
 * sender, or of the process that a privileged sender names as the source.  The
 * oracle is a procfs mounted inside.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "lib/pid_set.h"
#include "lib/namespace.h"
#include "lib/expected_task.h"
#include "lib/procfs.h"
#include "lib/taskdiag_test.h"
#include "lib/users.h"

/* In a namespace, beside its init. */
#define SLEEPERS 60

#define ATTEMPTS 50
#define PATIENCE_SECONDS 20

static const struct identity user_with_cap_sys_admin = {
	.uid = { USER, USER, USER, USER },
	.gid = { USER, USER, USER, USER },
	.permitted = CAP_BIT(CAP_SYS_ADMIN),
	.effective = CAP_BIT(CAP_SYS_ADMIN),
};

static const struct identity root_without_cap_sys_admin = {
	.permitted = ~CAP_BIT(CAP_SYS_ADMIN),
	.effective = ~CAP_BIT(CAP_SYS_ADMIN),
};

/* The one who owns a user namespace of ours, with an id that it does not map. */
static const struct identity user_with_a_strange_fsuid = {
	.uid = { USER, USER, USER, OTHER_USER },
	.gid = { USER, USER, USER, USER },
};

/* What the processes of a namespace tell; shared with them. */
struct news {
	sem_t init_is_ready;
	sem_t guest_is_in;
	sem_t guest_is_ready;
	sem_t guests_are_all_in;
	int error;
	char step[96];
	pid_t init;		/* by its number outside */
	pid_t family;		/* a member, by its number inside */
	pid_t guest;		/* who came in from outside last, likewise */
};

/* Who is to come in from outside, and how far. */
struct invitation {
	int pid_ns;
	int user_ns;			/* -1 for the one it is in already */
	const struct identity *who;	/* NULL for root */
};

struct pidns {
	struct news *news;
	pid_t init;
	pid_t host;		/* who brought the guest in, and traces it */
	int ns;			/* the namespace */
	int proc;		/* the root of a procfs mounted inside */
};

/* Made once, before the tests. */
static struct pidns inner;

static struct news *share_news(void)
{
	struct news *news = mmap(NULL, sizeof(*news), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (news == MAP_FAILED)
		return NULL;
	sem_init(&news->init_is_ready, 1, 0);
	sem_init(&news->guest_is_in, 1, 0);
	sem_init(&news->guest_is_ready, 1, 0);
	sem_init(&news->guests_are_all_in, 1, 0);
	return news;
}

static void tell_failure(struct news *news, int error, const char *step)
{
	news->error = error ?: EINVAL;
	snprintf(news->step, sizeof(news->step), "%s", step);
}

static int wait_for(struct news *news, sem_t *sem)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += PATIENCE_SECONDS;
	while (sem_timedwait(sem, &limit)) {
		if (errno != EINTR) {
			tell_failure(news, errno, "waiting for the namespace");
			break;
		}
	}
	return -news->error;
}

static void sleep_for_good(void)
{
	for (;;)
		pause();
}

/* Known processes, of which one leads a namespace in the namespace. */
static void populate(struct news *news)
{
	const struct member_spec family = {
		.name = "family", .threads = 2, .children = 3,
	};
	static struct population pop;
	pid_t nested;
	int i, err;

	err = population_begin(&pop);
	err = err ?: population_add(&pop, &family);
	for (i = 0; !err && i < SLEEPERS; i++) {
		const struct member_spec spec = {
			.threads = i % 2,
			.pose = i % 5 ? POSE_SLEEPS : POSE_ZOMBIE,
			.own_session = i % 3 == 0,
		};

		err = population_add(&pop, &spec);
	}
	err = err ?: population_settle(&pop);
	if (err) {
		tell_failure(news, -err, pop.error);
		return;
	}
	news->family = pop.member[0].pid;

	nested = namespace_fork(CLONE_NEWPID);
	if (nested < 0)
		tell_failure(news, -nested, "a namespace in the namespace");
	if (!nested) {
		prctl(PR_SET_NAME, "nested");
		sleep_for_good();
	}
}

/* The first process of a namespace: all others in it end with it. */
static void be_init(struct news *news)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "init inside");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, "hidepid=ptraceable"))
		tell_failure(news, errno, "a procfs inside");
	else
		populate(news);
	sem_post(&news->init_is_ready);
}

static void be_guest(struct news *news, const struct invitation *to)
{
	const char *step = "setns into the user namespace";

	if ((to->who && identity_assume(to->who, &step)) ||
	    (to->user_ns >= 0 && setns(to->user_ns, CLONE_NEWUSER)))
		tell_failure(news, errno, step);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "guest");
	news->guest = getpid();
	sem_post(&news->guest_is_in);
	sleep_for_good();
}

/*
 * Bring a process in from outside.  Its parent, its session, its process group
 * and the one that traces it have no number there.
 */
static void be_host(struct news *news, const struct invitation *to)
{
	pid_t guest;

	if (setns(to->pid_ns, CLONE_NEWPID)) {
		tell_failure(news, errno, "setns for the guest");
		return;
	}
	guest = fork();
	if (!guest)
		be_guest(news, to);
	if (guest < 0) {
		tell_failure(news, errno, "fork of the guest");
		return;
	}
	if (wait_for(news, &news->guest_is_in))
		return;
	if (ptrace(PTRACE_SEIZE, guest, NULL, PTRACE_O_EXITKILL))
		tell_failure(news, errno, "PTRACE_SEIZE of the guest");
}

static pid_t start_host(struct news *news, const struct invitation *to)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_host(news, to);
		sem_post(&news->guest_is_ready);
		/* A namespace ends when all who died in it have been reaped. */
		while (waitpid(-1, NULL, __WALL) > 0)
			;
		sleep_for_good();
	}
	if (pid < 0)
		tell_failure(news, errno, "fork of the host");
	else
		wait_for(news, &news->guest_is_ready);
	return pid;
}

static int open_of(pid_t pid, const char *what, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	return open(path, flags | O_RDONLY | O_CLOEXEC);
}

static int make_namespace(struct pidns *pidns)
{
	struct invitation to = { .user_ns = -1 };
	struct news *news = share_news();

	if (!news)
		return -ENOMEM;
	pidns->news = news;
	pidns->init = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
	if (!pidns->init) {
		be_init(news);
		sleep_for_good();
	}
	if (pidns->init < 0) {
		tell_failure(news, -pidns->init, "clone3 into a namespace");
		return -news->error;
	}
	if (wait_for(news, &news->init_is_ready))
		return -news->error;

	pidns->ns = open_of(pidns->init, "ns/pid", 0);
	pidns->proc = open_of(pidns->init, "root/proc", O_DIRECTORY);
	if (pidns->ns < 0 || pidns->proc < 0) {
		tell_failure(news, errno, "open the namespace");
		return -news->error;
	}
	to.pid_ns = pidns->ns;
	pidns->host = start_host(news, &to);
	return -news->error;
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
	end_process(pidns->host);
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

/* As td_query(), with a process named as the source. */
static int query_as(struct td_sock *sock, const struct task_diag_pid *what,
		    const struct ucred *as, struct td_answer *a)
{
	int err = td_ask(sock, what, NLM_F_DUMP, as);

	td_expect(sock, a, true);
	return err ? err : td_receive(sock, a);
}

static bool same_tasks(const struct procfs_snapshot *a,
		       const struct procfs_snapshot *b)
{
	size_t i;

	for (i = 0; a->nr == b->nr && i < a->nr; i++)
		if (a->task[i].base.pid != b->task[i].base.pid)
			return false;
	return a->nr == b->nr;
}

/* Exactly the tasks of a procfs, and about each exactly what is there. */
static void same_as_procfs(struct __test_metadata *_metadata,
			   struct td_sock *sock, const struct ucred *as,
			   int proc, bool threads)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = threads ? TASK_DIAG_DUMP_ALL_THREAD :
					   TASK_DIAG_DUMP_ALL,
	};
	int attempt;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct procfs_snapshot before, after;
		struct td_answer a;
		char text[160];
		bool quiet;
		size_t i;

		EXPECT_EQ(0, procfs_snapshot(proc, threads, &before));
		EXPECT_EQ(0, query_as(sock, &what, as, &a));
		EXPECT_EQ(0, procfs_snapshot(proc, threads, &after));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(0, a.end.error);

		quiet = same_tasks(&before, &after);
		for (i = 0; quiet && i < before.nr; i++) {
			const struct procfs_task *task = &before.task[i];
			const struct td_row *row;

			row = td_find(&a, task->base.pid);
			EXPECT_NE(NULL, row) {
				TH_LOG("%u, \"%s\", is not dumped",
				       task->base.pid, task->name);
			}
			if (!row)
				continue;
			EXPECT_TRUE(oracle_agrees(row, task, false, text,
						  sizeof(text))) {
				TH_LOG("%u: %s", task->base.pid, text);
			}
		}
		if (quiet) {
			EXPECT_EQ(before.nr, a.rows);
			EXPECT_LT((size_t)SLEEPERS, a.rows);
		}
		procfs_snapshot_free(&before);
		procfs_snapshot_free(&after);
		td_answer_free(&a);
		if (quiet)
			return;
	}
	EXPECT_LT(attempt, ATTEMPTS) {
		TH_LOG("procfs never held still");
	}
}

static void one_is(struct __test_metadata *_metadata, struct td_sock *sock,
		   const struct ucred *as, pid_t pid, const char *name)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = pid,
	};
	struct td_answer a;

	EXPECT_EQ(0, query_as(sock, &what, as, &a));
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

/* All strategies, asked as seen from inside. */
static void sees_inside(struct __test_metadata *_metadata, struct td_sock *sock,
			const struct ucred *as)
{
	const struct task_diag_pid children = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_CHILDREN,
		.pid = inner.news->family,
	};
	const struct task_diag_pid threads = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_THREAD,
		.pid = inner.news->family,
	};
	struct idset expected = {};
	struct td_answer a;
	size_t i;

	same_as_procfs(_metadata, sock, as, inner.proc, false);
	same_as_procfs(_metadata, sock, as, inner.proc, true);

	one_is(_metadata, sock, as, 1, "init inside");
	one_is(_metadata, sock, as, inner.news->family, "family");
	one_is(_metadata, sock, as, inner.news->guest, "guest");
	/* A number of the outer namespace, where it is far from the lowest. */
	one_is(_metadata, sock, as, inner.host, NULL);

	EXPECT_EQ(0, query_as(sock, &children, as, &a));
	EXPECT_EQ(0, procfs_children(inner.proc, inner.news->family,
				     &expected));
	EXPECT_EQ(3U, expected.nr);
	EXPECT_EQ(expected.nr, a.rows);
	for (i = 0; i < a.rows; i++) {
		EXPECT_TRUE(idset_has(&expected, a.row[i].msg.pid));
		EXPECT_EQ(children.pid, a.row[i].base.ppid);
	}
	td_answer_free(&a);

	idset_free(&expected);
	EXPECT_EQ(0, query_as(sock, &threads, as, &a));
	EXPECT_EQ(0, procfs_threads(inner.proc, inner.news->family, &expected));
	EXPECT_EQ(3U, expected.nr);
	EXPECT_EQ(expected.nr, a.rows);
	for (i = 0; i < a.rows; i++) {
		EXPECT_TRUE(idset_has(&expected, a.row[i].msg.pid));
		EXPECT_EQ(threads.pid, a.row[i].msg.tgid);
	}
	td_answer_free(&a);
	idset_free(&expected);
}

/* Go on as a process inside; returns 0 there, and only there. */
static pid_t enter(struct __test_metadata *_metadata)
{
	int status = -1;
	pid_t pid;

	pid = fork();
	if (pid)
		return pid;
	/* The namespace is that of children born from now on. */
	if (setns(inner.ns, CLONE_NEWPID))
		_exit(1);
	pid = fork();
	if (!pid)
		return 0;
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		_exit(1);
	_exit(WEXITSTATUS(status));
}

/* What the tests below rest on. */
TEST_F(pidns, the_numbers_do_differ)
{
	struct idset inside = {};

	ASSERT_EQ(0, procfs_processes(inner.proc, &inside));
	EXPECT_LT((size_t)SLEEPERS, inside.nr);
	EXPECT_TRUE(idset_has(&inside, 1));
	EXPECT_FALSE(idset_has(&inside, inner.host));
	EXPECT_NE(1, inner.init);
	idset_free(&inside);
}

TEST_F(pidns, a_sender_inside_sees_inside)
{
	pid_t pid = enter(_metadata);

	if (!pid) {
		struct td_sock own;

		EXPECT_EQ(0, td_open(&own, TD_SMALL));
		sees_inside(_metadata, &own, NULL);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* It is the sender that counts, wherever the socket is from. */
TEST_F(pidns, a_socket_from_outside_does_not_help_out)
{
	pid_t pid = enter(_metadata);

	if (!pid) {
		sees_inside(_metadata, &self->sock, NULL);
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

TEST_F(pidns, a_sender_outside_can_ask_as_seen_from_inside)
{
	sees_inside(_metadata, &self->sock, &self->as_inner);
}

TEST_F(pidns, one_as_seen_from_inside_without_a_dump)
{
	const struct task_diag_pid what = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = 1,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_ask(&self->sock, &what, NLM_F_ACK, &self->as_inner));
	td_expect(&self->sock, &a, false);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	ASSERT_GOOD(&a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_EQ(1U, a.row[0].base.pid);
	EXPECT_STREQ("init inside", a.row[0].base.comm);
	td_answer_free(&a);
}

/* Naming a process of one's own namespace changes nothing. */
TEST_F(pidns, as_seen_from_a_neighbour)
{
	const struct ucred as[] = {
		{ .pid = getpid() }, { .pid = getppid() }, { .pid = inner.host },
		{ .pid = 1 },
	};
	int proc = procfs_open();
	size_t i;

	ASSERT_LE(0, proc);
	for (i = 0; i < ARRAY_SIZE(as); i++) {
		same_as_procfs(_metadata, &self->sock, &as[i], proc, false);
		one_is(_metadata, &self->sock, &as[i], inner.init,
		       "init inside");
	}
	close(proc);
}

TEST_F(pidns, strangers_have_no_number)
{
	const struct task_diag_pid all = { .show_flags = TD_BASE_CRED };
	const struct td_row *guest, *init;
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, query_as(&self->sock, &all, &self->as_inner, &a));
	ASSERT_GOOD(&a);
	guest = td_find(&a, inner.news->guest);
	ASSERT_NE(NULL, guest);
	EXPECT_EQ(0U, guest->base.ppid);
	EXPECT_EQ(0U, guest->base.tpid);
	EXPECT_EQ(0U, guest->base.sid);
	EXPECT_EQ(0U, guest->base.pgid);
	init = td_find(&a, 1);
	ASSERT_NE(NULL, init);
	EXPECT_EQ(0U, init->base.ppid);
	/* Of all others the parents are inside. */
	for (i = 0; i < a.rows; i++)
		if (&a.row[i] != guest && &a.row[i] != init)
			EXPECT_NE(0U, a.row[i].base.ppid);
	td_answer_free(&a);

	/* They do have numbers outside. */
	ASSERT_EQ(0, query_as(&self->sock, &all, NULL, &a));
	ASSERT_GOOD(&a);
	guest = NULL;
	for (i = 0; i < a.rows; i++)
		if (!strcmp(a.row[i].base.comm, "guest"))
			guest = &a.row[i];
	ASSERT_NE(NULL, guest);
	EXPECT_EQ(inner.host, (pid_t)guest->base.ppid);
	EXPECT_EQ(inner.host, (pid_t)guest->base.tpid);
	EXPECT_NE(0U, guest->base.sid);
	EXPECT_NE(0U, guest->base.pgid);
	td_answer_free(&a);
}

/* A namespace in the namespace, two levels down, is all of one process. */
TEST_F(pidns, as_seen_from_two_levels_down)
{
	const struct task_diag_pid all = { .show_flags = TD_BASE_CRED };
	struct ucred as = {};
	struct td_answer a;
	size_t i;

	ASSERT_EQ(0, query_as(&self->sock, &all, NULL, &a));
	ASSERT_GOOD(&a);
	for (i = 0; i < a.rows; i++)
		if (!strcmp(a.row[i].base.comm, "nested"))
			as.pid = a.row[i].msg.pid;
	td_answer_free(&a);
	ASSERT_NE(0, as.pid);

	ASSERT_EQ(0, query_as(&self->sock, &all, &as, &a));
	ASSERT_GOOD(&a);
	ASSERT_EQ(1U, a.rows);
	EXPECT_EQ(1U, a.row[0].msg.pid);
	EXPECT_EQ(1U, a.row[0].base.pid);
	EXPECT_EQ(0U, a.row[0].base.ppid);
	EXPECT_STREQ("nested", a.row[0].base.comm);
	td_answer_free(&a);
}

TEST_F(pidns, nobody_is_no_source)
{
	const struct task_diag_pid all = {};
	const struct ucred as[] = {
		{ .pid = 0 }, { .pid = -1 }, { .pid = td_free_pid() },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(as); i++) {
		EXPECT_EQ(-ESRCH, td_ask(&self->sock, &all, NLM_F_DUMP,
					 &as[i]));
		EXPECT_EQ(-EAGAIN, td_receive_raw(&self->sock, MSG_DONTWAIT));
	}
}

TEST_F(pidns, others_cannot_name_a_source)
{
	const struct identity *who[] = { &user, &root_without_cap_sys_admin };
	const struct task_diag_pid all = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(who); i++) {
		pid_t pid = fork();

		if (!pid) {
			const struct ucred myself = {
				.pid = getpid(),
				.uid = who[i]->uid.real,
				.gid = who[i]->gid.real,
			};
			struct ucred as = myself;
			const char *step = "";
			struct td_answer a;

			EXPECT_EQ(0, identity_assume(who[i], &step)) {
				TH_LOG("%s", step);
			}
			as.pid = inner.init;
			EXPECT_EQ(-EPERM, td_ask(&self->sock, &all, NLM_F_DUMP,
						 &as));
			as.pid = getppid();
			EXPECT_EQ(-EPERM, td_ask(&self->sock, &all, NLM_F_DUMP,
						 &as));
			/* The truth may be told by anybody. */
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

TEST_F(pidns, a_false_user_is_refused)
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

		EXPECT_EQ(0, identity_assume(&user, &step)) {
			TH_LOG("%s", step);
		}
		for (i = 0; i < ARRAY_SIZE(as); i++)
			EXPECT_EQ(-EPERM, td_ask(&self->sock, &all, NLM_F_DUMP,
						 &as[i]));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* To choose the numbers is not to see whom they belong to. */
TEST_F(pidns, a_source_lends_no_rights)
{
	const struct task_diag_pid all = { .show_flags = TD_BASE_CRED };
	pid_t pid = fork();

	if (!pid) {
		struct ucred as = {
			.pid = inner.init, .uid = USER, .gid = USER,
		};
		const char *step = "";
		struct td_answer a;

		EXPECT_EQ(0, identity_assume(&user_with_cap_sys_admin, &step)) {
			TH_LOG("%s", step);
		}
		EXPECT_EQ(0, query_as(&self->sock, &all, &as, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(0, a.end.error);
		EXPECT_EQ(0U, a.rows);
		td_answer_free(&a);
		one_is(_metadata, &self->sock, &as, 1, NULL);

		/* Nor is to choose the ids of the message. */
		as.uid = 0;
		as.gid = 0;
		EXPECT_EQ(-EPERM, td_ask(&self->sock, &all, NLM_F_DUMP, &as));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* A thread, because credentials are a thread's, and descriptors are not. */
static void *open_as_user(void *arg)
{
	const char *step;

	if (identity_assume(&user, &step))
		return (void *)step;
	return td_open(arg, TD_SMALL) ? (void *)"td_open" : NULL;
}

/* The right to choose has to be the opener's as well as the sender's. */
TEST_F(pidns, an_unprivileged_opener_cannot_be_used_to_choose)
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
	EXPECT_SAYS(&a, "SCM_CREDENTIALS");
	EXPECT_EQ(0U, a.rows);
	td_answer_free(&a);

	/* But for that it is a socket like any other. */
	ASSERT_EQ(0, query_as(&sock, &all, NULL, &a));
	ASSERT_GOOD(&a);
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

/* The root of a namespace that a plain user made, asking in it. */
static void root_of_its_own(struct __test_metadata *_metadata,
			    struct news *news)
{
	const struct task_diag_pid all = { .show_flags = TD_BASE_CRED };
	const __u32 overflow = overflow_id(_metadata);
	size_t i, known = 0, guests = 0;
	struct td_sock sock;
	struct td_answer a;
	int proc;

	be_init(news);
	EXPECT_EQ(0, wait_for(news, &news->guests_are_all_in));
	proc = procfs_open();
	EXPECT_LE(0, proc);
	EXPECT_EQ(0, td_open(&sock, TD_SMALL));
	same_as_procfs(_metadata, &sock, NULL, proc, false);
	same_as_procfs(_metadata, &sock, NULL, proc, true);
	one_is(_metadata, &sock, NULL, 1, "init inside");
	one_is(_metadata, &sock, NULL, news->guest, "guest");

	/*
	 * Ids are those of this user namespace, as far as it knows them.  The
	 * guest that did not enter it has the same ones, and is not ours.
	 */
	EXPECT_EQ(0, td_query(&sock, &all, NLM_F_DUMP, &a));
	for (i = 0; i < a.rows; i++) {
		const struct task_diag_creds *cred = &a.row[i].cred;

		EXPECT_EQ(0U, cred->uid);
		EXPECT_EQ(0U, cred->gid);
		if (!strcmp(a.row[i].base.comm, "guest")) {
			EXPECT_EQ(overflow, cred->fsuid);
			guests++;
		} else {
			EXPECT_EQ(0U, cred->fsuid);
			known++;
		}
	}
	EXPECT_EQ(1U, guests);
	EXPECT_LT((size_t)SLEEPERS, known);
	td_answer_free(&a);
}

/* Does all with a plain user's rights that root_of_its_own() needs. */
static void be_plain_user(struct __test_metadata *_metadata, struct news *news)
{
	const char *step = "";
	int status = -1;
	pid_t pid;

	EXPECT_EQ(0, identity_assume(&user, &step)) {
		TH_LOG("%s", step);
	}
	EXPECT_EQ(0, namespace_be_root());
	EXPECT_EQ(0, unshare(CLONE_NEWNET));
	pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
	EXPECT_LE(0, pid);
	if (!pid) {
		root_of_its_own(_metadata, news);
		_exit(0);
	}
	news->init = pid;
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(pidns, in_the_namespaces_of_a_plain_user)
{
	struct news *news = share_news();
	struct invitation to = { .who = &user_with_a_strange_fsuid };
	pid_t user_pid, host[2];
	int user_ns;

	ASSERT_NE(NULL, news);
	user_pid = fork();
	if (!user_pid) {
		be_plain_user(_metadata, news);
		_exit(0);
	}

	EXPECT_EQ(0, wait_for(news, &news->init_is_ready)) {
		TH_LOG("%s: %s", news->step, strerror(news->error));
	}
	to.pid_ns = open_of(news->init, "ns/pid", 0);
	user_ns = open_of(news->init, "ns/user", 0);
	EXPECT_LE(0, to.pid_ns);
	EXPECT_LE(0, user_ns);

	to.user_ns = -1;
	host[0] = start_host(news, &to);
	to.user_ns = user_ns;
	host[1] = start_host(news, &to);
	EXPECT_EQ(0, news->error) {
		TH_LOG("%s: %s", news->step, strerror(news->error));
	}
	sem_post(&news->guests_are_all_in);

	EXPECT_EXIT_0(user_pid);
	end_process(host[0]);
	end_process(host[1]);
	close(to.pid_ns);
	close(user_ns);
}

int main(int argc, char **argv)
{
	int status;

	td_need_kernel_and_root();
	if (make_namespace(&inner))
		ksft_exit_fail_msg("%s: %s\n", inner.news->step,
				   strerror(inner.news->error));
	status = td_run_tests(argc, argv);
	end_namespace(&inner);
	return status;
}
