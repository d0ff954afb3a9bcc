// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/task-diag as a file: one transaction after the other, refused requests,
 * and access checks of reader and sender.  Programs that run over both
 * transports show that the replies are equal.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>

#define TD_USE_FILE true

#include "lib/namespace.h"
#include "lib/procfs_mount.h"
#include "lib/program.h"
#include "lib/file_transport.h"
#include "lib/taskdiag_test.h"
#include "lib/users.h"
#include "lib/visible_pids.h"

/* Tasks of each user; together they need several datagrams. */
#define SLEEPERS 100

/* Longer than the longest request that the file accepts. */
#define TOO_LONG (128 * 1024 + 1)

#define ABANDONED_DUMPS 10000

static struct task_pool pool;

static int make_pool(void)
{
	return users_begin(&pool, SLEEPERS) ?: program_install() ?:
	       procfs_hide_others();
}

/*
 * A request as written to the file; its contents are aligned to 4 bytes only.
 */
#pragma pack(push, 4)
struct request {
	struct nlmsghdr nlh;
	struct nlattr nla;
	struct task_diag_pid query;
};

#pragma pack(pop)

static struct request request_for(const struct task_diag_pid *query,
				  __u16 flags)
{
	return (struct request) {
		.nlh.nlmsg_len = sizeof(struct request),
		.nlh.nlmsg_type = TASK_DIAG_NLMSG_BASE + TASK_DIAG_CMD_GET,
		.nlh.nlmsg_flags = NLM_F_REQUEST | flags,
		.nlh.nlmsg_seq = 42,
		.nlh.nlmsg_pid = 99,
		.nla.nla_len = NLA_HDRLEN + sizeof(*query),
		.nla.nla_type = TASK_DIAG_CMD_ATTR_GET,
		.query = *query,
	};
}

/* Return 0 or a negative errno. */
static int write_file(int fd, const void *bytes, size_t len)
{
	return write(fd, bytes, len) == (ssize_t)len ? 0 : -errno;
}

static int write_request(int fd, const struct task_diag_pid *query, __u16 flags)
{
	const struct request request = request_for(query, flags);

	return write_file(fd, &request, sizeof(request));
}

static ssize_t read_file(int fd, void *buf, size_t size)
{
	ssize_t got = read(fd, buf, size);

	return got < 0 ? -errno : got;
}

FIXTURE(file) {
	int fd;
	struct td_sock sock;	/* the same file as a td_sock */
	unsigned char buf[TD_LARGE];
};

FIXTURE_SETUP(file)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->fd = self->sock.fd;
}

FIXTURE_TEARDOWN(file)
{
	td_close(&self->sock);
}

/*
 * --- transactions ----------------------------------------------------------
 */

static void expect_all_tasks(struct __test_metadata *_metadata,
			     const struct td_answer *a)
{
	struct pid_set pids = {};
	size_t i;

	EXPECT_STREQ("", a->fault);
	EXPECT_EQ(0, a->end.error);
	/* visible_pids_in() fails if a pid occurs twice. */
	EXPECT_EQ(0, visible_pids_in(a, &pids));
	for (i = 0; i < pool.nr; i++)
		EXPECT_TRUE(pid_set_has(&pids, pool.task[i].pid));
	pid_set_free(&pids);
}

TEST_F(file, read_without_request_returns_0)
{
	EXPECT_EQ(0, read_file(self->fd, self->buf, sizeof(self->buf)));
}

TEST_F(file, any_buffer_size_reports_all_tasks_once)
{
	/* From the size of one message to more than the whole reply. */
	const size_t sizes[] = { 192, 1000, 4096, TD_LARGE, 1 << 20 };
	struct td_answer a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct td_sock sock;

		ASSERT_EQ(0, td_open(&sock, sizes[i]));
		ASSERT_EQ(0, td_query(&sock, &td_all, NLM_F_DUMP, &a));
		expect_all_tasks(_metadata, &a);
		td_answer_free(&a);
		/* A second transaction over the same file. */
		EXPECT_EQ(0, read_file(sock.fd, self->buf, sizeof(self->buf)));
		ASSERT_EQ(0, td_query(&sock, &td_all, NLM_F_DUMP, &a));
		expect_all_tasks(_metadata, &a);
		td_answer_free(&a);
		td_close(&sock);
	}
}

TEST_F(file, reply_has_sequence_and_port_of_request)
{
	const struct nlmsghdr *nlh = (void *)self->buf;
	const struct task_diag_pid one = {
		.show_flags = TASK_DIAG_SHOW_BASE,
		.dump_strategy = TASK_DIAG_DUMP_ONE, .pid = getpid(),
	};
	ssize_t got, at;

	ASSERT_EQ(0, write_request(self->fd, &one, NLM_F_DUMP));
	got = read_file(self->fd, self->buf, sizeof(self->buf));
	ASSERT_LT(0, got);
	for (at = 0; at < got; at += NLMSG_ALIGN(nlh->nlmsg_len)) {
		nlh = (void *)(self->buf + at);
		EXPECT_EQ(42U, nlh->nlmsg_seq);
		EXPECT_EQ(99U, nlh->nlmsg_pid);
		EXPECT_TRUE(nlh->nlmsg_flags & NLM_F_MULTI);
	}
	EXPECT_EQ(NLMSG_DONE, (int)nlh->nlmsg_type);
	EXPECT_EQ(0, read_file(self->fd, self->buf, sizeof(self->buf)));
}

TEST_F(file, write_before_end_of_reply_gets_ebusy)
{
	ssize_t got;

	ASSERT_EQ(0, write_request(self->fd, &td_all, NLM_F_DUMP));
	EXPECT_EQ(-EBUSY, write_request(self->fd, &td_all, NLM_F_DUMP));
	got = read_file(self->fd, self->buf, 4096);
	EXPECT_LT(0, got);
	EXPECT_EQ(-EBUSY, write_request(self->fd, &td_all, NLM_F_DUMP));
	while (got > 0)
		got = read_file(self->fd, self->buf, sizeof(self->buf));
	EXPECT_EQ(0, got);
	EXPECT_EQ(0, write_request(self->fd, &td_all, NLM_F_DUMP));
}

TEST_F(file, read_with_too_small_buffer_gets_emsgsize)
{
	const size_t sizes[] = { 1, 4, NLMSG_HDRLEN, 64 };
	void *nowhere = mmap(NULL, sizeof(self->buf), PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct td_answer a;
	size_t i;

	ASSERT_NE(MAP_FAILED, nowhere);
	ASSERT_EQ(0, td_send_request(&self->sock, &td_all, NLM_F_DUMP, NULL));
	EXPECT_EQ(0, read_file(self->fd, self->buf, 0));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		EXPECT_EQ(-EMSGSIZE, read_file(self->fd, self->buf, sizes[i]));
	/* A read into inaccessible memory loses nothing either. */
	EXPECT_EQ(-EFAULT, read_file(self->fd, nowhere, sizeof(self->buf)));
	td_answer_init(&self->sock, &a, true);
	ASSERT_EQ(0, td_receive(&self->sock, &a));
	expect_all_tasks(_metadata, &a);
	td_answer_free(&a);
	munmap(nowhere, sizeof(self->buf));
}

TEST_F(file, end_of_dump_survives_too_small_read)
{
	const struct nlmsghdr *nlh = (void *)self->buf;
	const struct task_diag_pid none = {
		.dump_strategy = TASK_DIAG_DUMP_CHILDREN, .pid = getpid(),
	};

	/* The end of a dump is longer than a row without groups. */
	ASSERT_EQ(0, write_request(self->fd, &none, NLM_F_DUMP));
	EXPECT_EQ(-EMSGSIZE, read_file(self->fd, self->buf, NLMSG_HDRLEN));
	EXPECT_EQ((ssize_t)NLMSG_LENGTH(sizeof(int)),
		  read_file(self->fd, self->buf, sizeof(self->buf)));
	EXPECT_EQ(NLMSG_DONE, nlh->nlmsg_type);
	EXPECT_EQ(0, read_file(self->fd, self->buf, sizeof(self->buf)));
}

TEST_F(file, single_request_gets_one_message)
{
	const struct nlmsghdr *nlh = (void *)self->buf;
	struct task_diag_pid one = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE, .pid = getpid(),
	};
	ssize_t got;

	ASSERT_EQ(0, write_request(self->fd, &one, 0));
	EXPECT_EQ(-EBUSY, write_request(self->fd, &one, 0));
	got = read_file(self->fd, self->buf, sizeof(self->buf));
	EXPECT_EQ((ssize_t)nlh->nlmsg_len, got);
	EXPECT_EQ(TASK_DIAG_NLMSG_BASE + TASK_DIAG_CMD_GET, nlh->nlmsg_type);
	EXPECT_EQ(0, nlh->nlmsg_flags);
	EXPECT_EQ(0, read_file(self->fd, self->buf, sizeof(self->buf)));

	one.pid = td_unused_pid();
	EXPECT_EQ(-ESRCH, write_request(self->fd, &one, 0));
	EXPECT_EQ(-EINVAL, write_request(self->fd, &td_all, 0));
	one.pid = getpid();
	EXPECT_EQ(0, write_request(self->fd, &one, 0));
}

TEST_F(file, seek_gets_espipe)
{
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->fd, self->buf, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pwrite(self->fd, self->buf, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
}

static int poll_file(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&poll_fd, 1, 0) < 0 ? -errno : poll_fd.revents;
}

TEST_F(file, poll_reports_readable_and_writable)
{
	const struct task_diag_pid absent_task = {
		.dump_strategy = TASK_DIAG_DUMP_ONE, .pid = td_unused_pid(),
	};

	EXPECT_EQ(POLLOUT, poll_file(self->fd));
	ASSERT_EQ(0, write_request(self->fd, &td_all, NLM_F_DUMP));
	EXPECT_EQ(POLLIN, poll_file(self->fd));
	while (read_file(self->fd, self->buf, 1000) > 0)
		;
	EXPECT_EQ(POLLOUT, poll_file(self->fd));
	/* The error can be read, but a write may follow without that. */
	EXPECT_EQ(-ESRCH, write_request(self->fd, &absent_task, NLM_F_DUMP));
	EXPECT_EQ(POLLIN | POLLOUT, poll_file(self->fd));
	EXPECT_EQ(0, write_request(self->fd, &td_all, NLM_F_DUMP));
}

TEST_F(file, features_equal_those_of_netlink)
{
	struct task_diag_features here, there;
	struct td_sock sock;
	int err;

	ASSERT_EQ(0, td_features(&self->sock, &here));
	EXPECT_NE(0U, here.groups);
	td_use_file = false;
	err = td_open(&sock, TD_LARGE);
	td_use_file = true;
	if (err == -ENOENT || err == -EPROTONOSUPPORT)
		SKIP(return, "this kernel has no TASKDIAG family");
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, td_features(&sock, &there));
	EXPECT_EQ(0, memcmp(&here, &there, sizeof(here)));
	td_close(&sock);
}

static sig_atomic_t alarms;

static void count_alarm(int signal)
{
	alarms++;
}

TEST_F_TIMEOUT(file, dump_during_signals_is_complete, 300)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = {};
	const struct sigaction count = { .sa_handler = count_alarm };
	struct td_answer a;
	int i;

	ASSERT_EQ(0, sigaction(SIGALRM, &count, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	for (i = 0; i < 1000 && (i < 20 || alarms < 20); i++) {
		ASSERT_EQ(0, td_query(&self->sock, &td_all, NLM_F_DUMP, &a));
		expect_all_tasks(_metadata, &a);
		td_answer_free(&a);
	}
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	EXPECT_LE(20, alarms);
}

/* Several threads read one reply: each message goes to one of them. */
#define THREADS 4

struct reader_thread {
	struct td_sock sock;
	struct td_answer a;
	int err;
	pthread_t thread;
};

static void *run_reader(void *arg)
{
	struct reader_thread *reader_thread = arg;

	/* The thread that gets the end stops; the others read 0. */
	do {
		reader_thread->err = td_receive_datagram(&reader_thread->sock,
							 &reader_thread->a, 1);
	} while (!reader_thread->err && !reader_thread->a.end.type);
	if (reader_thread->err == -EAGAIN)
		reader_thread->err = 0;
	return NULL;
}

TEST_F(file, threads_share_one_dump)
{
	struct reader_thread reader_thread[THREADS] = {};
	struct pid_set pids = {};
	size_t i, j, ends = 0;

	self->sock.size = 1000;
	ASSERT_EQ(0, td_send_request(&self->sock, &td_all, NLM_F_DUMP, NULL));
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, td_adopt(&reader_thread[i].sock, self->fd,
				      &self->sock));
		td_answer_init(&reader_thread[i].sock, &reader_thread[i].a,
			       true);
	}
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&reader_thread[i].thread, NULL,
					    run_reader, &reader_thread[i]));
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(reader_thread[i].thread, NULL));
		EXPECT_EQ(0, reader_thread[i].err);
		EXPECT_STREQ("", reader_thread[i].a.fault);
		ends += reader_thread[i].a.end.type == NLMSG_DONE;
		for (j = 0; j < reader_thread[i].a.rows; j++) {
			const __u32 pid = reader_thread[i].a.row[j].msg.pid;

			EXPECT_FALSE(pid_set_has(&pids, pid));
			EXPECT_EQ(0, pid_set_add(&pids, pid));
		}
		td_answer_free(&reader_thread[i].a);
		free(reader_thread[i].sock.buf);
	}
	EXPECT_EQ(1U, ends);
	for (i = 0; i < pool.nr; i++)
		EXPECT_TRUE(pid_set_has(&pids, pool.task[i].pid));
	pid_set_free(&pids);
}

/*
 * --- refused requests ------------------------------------------------------
 */

FIXTURE(refusal) {
	struct td_sock sock;
};

FIXTURE_VARIANT(refusal) {
	void (*break_request)(struct request *request);
	size_t len;		/* of the write; 0: the whole request */
	int error;
	const char *text;	/* NULL: nothing can be read */
	__u32 offset;		/* of the offending attribute */
};

static void break_nothing(struct request *request)
{
}

static void break_len(struct request *request)
{
	request->nlh.nlmsg_len++;
}

static void break_flags(struct request *request)
{
	request->nlh.nlmsg_flags &= ~NLM_F_REQUEST;
}

static void break_type(struct request *request)
{
	request->nlh.nlmsg_type = TASK_DIAG_NLMSG_BASE + TASK_DIAG_CMD_MAX + 1;
}

static void break_type_to_noop(struct request *request)
{
	request->nlh.nlmsg_type = NLMSG_NOOP;
}

static void break_features(struct request *request)
{
	request->nlh.nlmsg_type = TASK_DIAG_NLMSG_BASE + TASK_DIAG_CMD_FEATURES;
}

static void break_attribute(struct request *request)
{
	request->nla.nla_type = TASK_DIAG_ATTR_MAX + 1;
}

static void break_missing(struct request *request)
{
	request->nla.nla_type = TASK_DIAG_CMD_ATTR_PIDS;
}

static void break_attribute_len(struct request *request)
{
	request->nla.nla_len = 3;
}

static void break_groups(struct request *request)
{
	request->query.show_flags = 1ULL << 63;
}

static void break_strategy(struct request *request)
{
	request->query.dump_strategy = TASK_DIAG_DUMP_MAX + 1;
}

static void break_pid(struct request *request)
{
	request->query.dump_strategy = TASK_DIAG_DUMP_CHILDREN;
	request->query.pid = td_unused_pid();
}

FIXTURE_VARIANT_ADD(refusal, empty_write) {
	.break_request = break_nothing,
	.len = -1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refusal, truncated_header) {
	.break_request = break_nothing,
	.len = NLMSG_HDRLEN - 1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refusal, oversized_write) {
	.break_request = break_nothing,
	.len = TOO_LONG,
	.error = EMSGSIZE,
};

FIXTURE_VARIANT_ADD(refusal, truncated_request) {
	.break_request = break_nothing,
	.len = sizeof(struct request) - 4,
	.error = EINVAL,
	.text = "nlmsg_len: 44 for 40 bytes",
};

FIXTURE_VARIANT_ADD(refusal, nlmsg_len_mismatch) {
	.break_request = break_len,
	.error = EINVAL,
	.text = "nlmsg_len: 45 for 44 bytes",
};

FIXTURE_VARIANT_ADD(refusal, missing_nlm_f_request) {
	.break_request = break_flags,
	.error = EINVAL,
	.text = "NLM_F_REQUEST",
};

FIXTURE_VARIANT_ADD(refusal, unknown_command) {
	.break_request = break_type,
	.error = EOPNOTSUPP,
	.text = "nlmsg_type: ",
};

FIXTURE_VARIANT_ADD(refusal, nlmsg_noop) {
	.break_request = break_type_to_noop,
	.error = EOPNOTSUPP,
	.text = "nlmsg_type: ",
};

FIXTURE_VARIANT_ADD(refusal, features_with_attributes) {
	.break_request = break_features,
	.error = EINVAL,
	.text = "attributes",
};

FIXTURE_VARIANT_ADD(refusal, unknown_attribute) {
	.break_request = break_attribute,
	.error = EINVAL,
	.text = "attribute",
	.offset = NLMSG_HDRLEN,
};

FIXTURE_VARIANT_ADD(refusal, missing_cmd_attr_get) {
	.break_request = break_missing,
	.error = EINVAL,
	.text = "TASK_DIAG_CMD_ATTR_GET is missing",
};

FIXTURE_VARIANT_ADD(refusal, malformed_attribute) {
	.break_request = break_attribute_len,
	.error = EINVAL,
	.text = "leftover",
};

FIXTURE_VARIANT_ADD(refusal, unknown_group) {
	.break_request = break_groups,
	.error = EINVAL,
	.text = "show_flags: ",
	.offset = NLMSG_HDRLEN,
};

FIXTURE_VARIANT_ADD(refusal, unknown_strategy) {
	.break_request = break_strategy,
	.error = EINVAL,
	.text = "dump_strategy: ",
	.offset = NLMSG_HDRLEN,
};

FIXTURE_VARIANT_ADD(refusal, unused_pid) {
	.break_request = break_pid,
	.error = ESRCH,
	.text = "pid: no such task",
	.offset = NLMSG_HDRLEN,
};

FIXTURE_SETUP(refusal)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_SMALL));
}

FIXTURE_TEARDOWN(refusal)
{
	td_close(&self->sock);
}

TEST_F(refusal, reports_errno_and_extack_and_accepts_next_request)
{
	const size_t len = variant->len == (size_t)-1 ? 0 :
			   variant->len ?: sizeof(struct request);
	struct request *request = calloc(1, TOO_LONG);
	struct td_answer a;

	ASSERT_NE(NULL, request);
	*request = request_for(&td_all, NLM_F_DUMP);
	variant->break_request(request);
	EXPECT_EQ(-variant->error, write(self->sock.fd, request, len) < 0 ?
		  -errno : 0);
	free(request);

	if (variant->text) {
		self->sock.seq = 42;
		td_answer_init(&self->sock, &a, true);
		/* The reply repeats it. */
		self->sock.portid = 99;
		EXPECT_EQ(0, td_receive(&self->sock, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(variant->error, a.end.error);
		EXPECT_TRUE(!!strstr(a.end.text, variant->text)) {
			TH_LOG("extack: %s", a.end.text);
		}
		EXPECT_EQ(variant->offset ? variant->offset + GENL_HDRLEN : 0,
			  a.end.offset);
		td_answer_free(&a);
		self->sock.portid = 0;
	}
	EXPECT_EQ(-EAGAIN, td_receive_raw(&self->sock, 0));
	ASSERT_EQ(0, td_query(&self->sock, &td_all, NLM_F_DUMP, &a));
	expect_all_tasks(_metadata, &a);
	td_answer_free(&a);
}

/*
 * --- access control --------------------------------------------------------
 */

/*
 * A user sends a request through a file that root opened and both have, and
 * root reads.  Catches rows that are made with the rights of the reader.
 */
FIXTURE(privileged_reader) {
	int fd;
	struct td_sock sock;
	unsigned char buf[TD_LARGE];
};

FIXTURE_VARIANT(privileged_reader) {
	ssize_t (*read)(int fd, void *buf, size_t size);
};

FIXTURE_VARIANT_ADD(privileged_reader, by_read) { .read = read };
FIXTURE_VARIANT_ADD(privileged_reader, by_readv) { .read = td_readv };

FIXTURE_SETUP(privileged_reader)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	self->fd = self->sock.fd;
}

FIXTURE_TEARDOWN(privileged_reader)
{
	td_close(&self->sock);
}

TEST_F(privileged_reader, gets_eperm_and_adds_no_row)
{
	struct td_answer a;
	pid_t pid;

	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		EXPECT_EQ(0, td_send_request(&self->sock, &td_all, NLM_F_DUMP,
					     NULL));
		/* It is the other process's turn. */
		raise(SIGSTOP);
		EXPECT_EQ(-EAGAIN, td_receive_raw(&self->sock, 0));
		EXPECT_EQ(0, td_query(&self->sock, &td_all, NLM_F_DUMP, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_EQ(0, a.end.error);
		EXPECT_LE((size_t)SLEEPERS, a.rows);
		EXPECT_TRUE(rows_only_of(&a, USER, 0));
		_exit(0);
	}

	EXPECT_EQ(pid, waitpid(pid, NULL, WUNTRACED));
	EXPECT_EQ(-EBUSY, write_request(self->fd, &td_all, NLM_F_DUMP));
	EXPECT_EQ(-1, variant->read(self->fd, self->buf, sizeof(self->buf)));
	EXPECT_EQ(EPERM, errno);
	/* The failed read has ended the dump. */
	EXPECT_EQ(0, read_file(self->fd, self->buf, sizeof(self->buf)));
	EXPECT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EXIT_0(pid);
}

/* Catches a check with the rights of the opener only. */
TEST_F(file, file_of_root_shows_what_sender_may_see)
{
	pid_t pid = td_fork_as(_metadata, &user);

	if (!pid) {
		struct td_answer a;

		EXPECT_EQ(0, td_query(&self->sock, &td_all, NLM_F_DUMP, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_LE((size_t)SLEEPERS, a.rows);
		EXPECT_TRUE(rows_only_of(&a, USER, 0));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/*
 * Rights that the process has dropped no longer apply, also to an earlier
 * request.
 */
TEST_F(file, dropping_rights_during_dump_hides_tasks)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		struct td_answer a;

		EXPECT_EQ(0, td_send_request(&self->sock, &td_all, NLM_F_DUMP,
					     NULL));
		td_assume(_metadata, &user);
		td_answer_init(&self->sock, &a, true);
		EXPECT_EQ(0, td_receive(&self->sock, &a));
		EXPECT_EQ(0, a.end.error);
		EXPECT_LE((size_t)SLEEPERS, a.rows);
		EXPECT_TRUE(rows_only_of(&a, USER, 0));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* Catches credentials that are looked up again by each read. */
TEST_F(file, gaining_rights_during_dump_adds_no_row)
{
	pid_t pid = td_fork_as(_metadata, &user_with_saved_root);

	if (!pid) {
		struct td_answer a;

		EXPECT_EQ(0, td_send_request(&self->sock, &td_all, NLM_F_DUMP,
					     NULL));
		EXPECT_EQ(0, setresuid(-1, 0, -1));
		td_answer_init(&self->sock, &a, true);
		EXPECT_EQ(0, td_receive(&self->sock, &a));
		EXPECT_EQ(0, a.end.error);
		EXPECT_LE((size_t)SLEEPERS, a.rows);
		EXPECT_TRUE(rows_only_of(&a, USER, getpid()));
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/* This program acts as one of two set-user-id programs. */
#define COPY_INPUT "--copy-input"

/* Like cat: returns 0 if the read fails with EPERM. */
static int main_copy_input(void)
{
	unsigned char buf[TD_LARGE];
	ssize_t got;

	if (geteuid() || getuid() != USER)
		return 2;
	got = read_file(STDIN_FILENO, buf, sizeof(buf));
	return got == -EPERM ? 0 : 3;
}

/* Catches a dump that continues after execve(). */
TEST_F(file, read_after_execve_gets_eperm)
{
	pid_t pid = td_fork_as(_metadata, &user);

	if (!pid) {
		int fd = open(TD_FILE, O_RDWR);

		if (fd < 0 || write_request(fd, &td_all, NLM_F_DUMP) ||
		    dup2(fd, STDIN_FILENO) < 0)
			_exit(1);
		_exit(-program_run_setuid(COPY_INPUT, NULL));
	}
	EXPECT_EXIT_0(pid);
}

/*
 * A set-user-id program writes bytes chosen by its user.  Catches a check with
 * the rights of the writer only: the replies for a hidden pid and for an unused
 * one would differ.
 */
TEST_F(file, write_by_setuid_program_fails)
{
	const pid_t pids[] = { 1, pool.task[2].pid, td_unused_pid() };
	size_t i;
	pid_t pid;

	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		for (i = 0; i < ARRAY_SIZE(pids); i++) {
			const struct task_diag_pid one = {
				.show_flags = TD_BASE_CRED,
				.dump_strategy = TASK_DIAG_DUMP_ONE,
				.pid = pids[i],
			};
			const struct request request = request_for(&one, 0);
			char text[2 * sizeof(request) + 1];
			const char *const role = PROGRAM_WRITE_ERROR;
			const char *const args[] = { text, NULL };
			int fd = open(TD_FILE, O_RDWR), status = -1;

			program_encode(&request, sizeof(request), text);
			if (!fork()) {
				if (dup2(fd, STDERR_FILENO) < 0)
					_exit(1);
				_exit(-program_run_setuid(role, args));
			}
			wait(&status);
			EXPECT_EQ(3, WEXITSTATUS(status));
			close(fd);
		}
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

/*
 * --- mounts ----------------------------------------------------------------
 */

FIXTURE(mount) {
	char dir[sizeof("/tmp/taskdiag-proc-XXXXXX")];
};

FIXTURE_VARIANT(mount) {
	const char *options;
	bool absent;
	bool listed;		/* tasks of others have a row ... */
	__u64 denied;		/* ... without these groups */
};

FIXTURE_VARIANT_ADD(mount, hidepid_0) {
	.options = "hidepid=0", .listed = true,
};

FIXTURE_VARIANT_ADD(mount, hidepid_1) {
	.options = "hidepid=1", .listed = true, .denied = TD_BASE_CRED,
};

FIXTURE_VARIANT_ADD(mount, hidepid_2) { .options = "hidepid=2" };

/* The group of the user. */
FIXTURE_VARIANT_ADD(mount, hidepid_2_gid) {
	.options = "hidepid=2,gid=1234", .listed = true,
};

FIXTURE_VARIANT_ADD(mount, hidepid_ptraceable) {
	.options = "hidepid=ptraceable",
};

FIXTURE_VARIANT_ADD(mount, subset_pid) {
	.options = "subset=pid", .absent = true,
};

FIXTURE_SETUP(mount)
{
	snprintf(self->dir, sizeof(self->dir), "/tmp/taskdiag-proc-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, chmod(self->dir, 0755));
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("proc", self->dir, "proc", 0, variant->options));
}

FIXTURE_TEARDOWN(mount)
{
	umount2(self->dir, MNT_DETACH);
	rmdir(self->dir);
}

/* mount_access_test.c compares all groups for many callers. */
TEST_F(mount, options_decide_about_tasks_of_others)
{
	char path[64];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/" TASK_DIAG_PROC_NAME, self->dir);
	pid = td_fork_as(_metadata, &user);
	if (!pid) {
		struct td_sock sock;
		struct td_answer a;
		int fd = open(path, O_RDWR);
		size_t i;

		EXPECT_EQ(variant->absent, fd < 0);
		if (fd < 0)
			_exit(errno != ENOENT);
		EXPECT_EQ(0, td_open(&sock, TD_LARGE));
		EXPECT_LE(0, dup2(fd, sock.fd));
		EXPECT_EQ(0, td_query(&sock, &td_all, NLM_F_DUMP, &a));
		EXPECT_STREQ("", a.fault);
		EXPECT_LE((size_t)SLEEPERS, a.rows);
		if (!variant->listed)
			EXPECT_TRUE(rows_only_of(&a, USER, 0));
		for (i = 0; i < pool.nr; i++) {
			const struct td_row *row =
				td_find_row(&a, pool.task[i].pid);

			EXPECT_EQ(variant->listed || i % 3 == 0, !!row);
			if (row)
				EXPECT_EQ(i % 3 ? variant->denied : 0,
					  row->absent.denied);
		}
		_exit(0);
	}
	EXPECT_EXIT_0(pid);
}

static void mount_namespace_procfs(void *unused)
{
	namespace_mount_procfs();
}

/* Catches pids of the namespace of the reader or of the opener. */
TEST(pids_are_those_of_pid_namespace_of_mount)
{
	pid_t init =
		namespace_begin(CLONE_NEWNS, 3, mount_namespace_procfs, NULL);
	struct td_sock sock;
	struct td_answer a;
	char path[64];
	__u32 pid;
	int fd;

	ASSERT_LT(0, init);
	snprintf(path, sizeof(path), "/proc/%d/root" TD_FILE, init);
	fd = open(path, O_RDWR);
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, td_open(&sock, TD_LARGE));
	EXPECT_LE(0, dup2(fd, sock.fd));
	EXPECT_EQ(0, td_query(&sock, &td_all, NLM_F_DUMP, &a));
	EXPECT_STREQ("", a.fault);
	EXPECT_EQ(4U, a.rows);
	for (pid = 1; pid <= a.rows; pid++)
		EXPECT_NE(NULL, td_find_row(&a, pid));
	td_answer_free(&a);

	/*
	 * An open file holds the pid namespace, and its processes can still
	 * end.
	 */
	EXPECT_EQ(0, td_send_request(&sock, &td_all, NLM_F_DUMP, NULL));
	namespace_end(init);
	td_answer_init(&sock, &a, true);
	EXPECT_EQ(0, td_receive(&sock, &a));
	EXPECT_STREQ("", a.fault);
	EXPECT_EQ(0U, a.rows);
	td_answer_free(&a);
	td_close(&sock);
	close(fd);
}

/*
 * --- abandoned dumps -------------------------------------------------------
 */

/*
 * kmemleak in the debug kernel reports a leak; without it only a large one
 * shows.
 */
TEST_F_TIMEOUT(file, abandoned_dumps_leak_no_memory, 300)
{
	unsigned char buf[4096];
	int i;

	for (i = 0; i < ABANDONED_DUMPS; i++) {
		int fd = open(TD_FILE, O_RDWR);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, write_request(fd, &td_all, NLM_F_DUMP));
		if (i % 2)
			ASSERT_LT(0, read_file(fd, buf, sizeof(buf)));
		close(fd);
	}
}

static void end_pool(void)
{
	task_pool_end(&pool);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], COPY_INPUT))
		return main_copy_input();
	if (argc == 3 && !strcmp(argv[1], PROGRAM_WRITE_ERROR))
		return program_write_error(argv[2], USER);
	return td_main(argc, argv, make_pool, end_pool, pool.error);
}
