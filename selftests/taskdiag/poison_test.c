// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uninitialised memory: in a kernel that fills memory with patterns before use,
 * each byte of each reply is searched for them.  Catches a byte that a fill
 * function, a header or padding leaves unset.
 *
 * Requires a kernel with CONFIG_SLUB_DEBUG_ON and with CONFIG_PAGE_POISONING in
 * effect, whose allocations are not zeroed, and fails otherwise.  The program
 * is built and installed, but run_kselftest.sh does not start it by default.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

#include "lib/namespace.h"
#include "lib/taskdiag_test.h"

/* Ids, names and pids here have no byte that is a pattern. */
#define USER 1234

/* Small replies come from slabs, the largest from pages. */
#define BUFFERS { 4096, 8192, 32768 }

#define MEMBERS 20

/* Pids below this have no byte that is a pattern. */
#define LOWEST_PATTERN 0x5a

/* This many equal bytes in a row do not occur by chance. */
#define RUN 4

static const struct credentials user = {
	.uid = { USER, USER, USER, USER },
	.gid = { USER, USER, USER, USER },
};

/*
 * Patterns of SLUB for objects in use, freed objects, their last byte and red
 * zones; of page poisoning; and of compilers for stack variables.
 */
static bool is_pattern(unsigned char byte)
{
	switch (byte) {
	case 0x5a:
	case 0x6b:
	case 0xa5:
	case 0xbb:
	case 0xcc:
	case 0xaa:
	case 0xfe:
		return true;
	}
	return false;
}

/* Return the position of @run equal pattern bytes in a row, or -1. */
static ssize_t find_pattern(const unsigned char *bytes, size_t len, size_t run)
{
	size_t i, same = 0;

	for (i = 0; i < len; i++) {
		if (!is_pattern(bytes[i]))
			same = 0;
		else
			same = same && bytes[i] == bytes[i - 1] ? same + 1 : 1;
		if (same == run)
			return i - run + 1;
	}
	return -1;
}

/* The beginning of the records of VMA and PATHS. */
struct record {
	__u32 len;
	__u32 text_off;
};

/*
 * Return true if the bytes after each name or path are zero up to the next
 * record.  The structure of a record has @size bytes.
 */
static bool records_are_padded(const unsigned char *bytes, size_t len,
			       size_t size)
{
	const struct record *record;
	size_t used;

	for (; len; bytes += record->len, len -= record->len) {
		record = (const void *)bytes;
		if (len < size || record->len < size || record->len > len ||
		    record->text_off >= record->len)
			return false;
		used = size;
		if (record->text_off)
			used = record->text_off +
			       strnlen((const char *)bytes + record->text_off,
				       record->len - record->text_off);
		for (; used < record->len; used++)
			if (bytes[used])
				return false;
	}
	return true;
}

/* Return true if the records of the attribute are padded with zeros. */
static bool attr_is_padded(const struct nlattr *nla)
{
	const unsigned char *bytes = (const unsigned char *)nla + NLA_HDRLEN;
	const size_t len = nla->nla_len - NLA_HDRLEN;

	if (nla->nla_type == TASK_DIAG_VMA)
		return records_are_padded(bytes, len,
					  sizeof(struct task_diag_vma));
	if (nla->nla_type == TASK_DIAG_PATHS)
		return records_are_padded(bytes, len,
					  sizeof(struct task_diag_path));
	return true;
}

/* Return true if the padding between attributes is zero. */
static bool pads_are_zero(const unsigned char *bytes, size_t len)
{
	while (len >= NLA_HDRLEN) {
		const struct nlattr *nla = (const void *)bytes;
		size_t used = nla->nla_len, whole = NLA_ALIGN(used);

		if (used < NLA_HDRLEN || used > len)
			return false;
		if (!attr_is_padded(nla))
			return false;
		for (; used < whole && used < len; used++)
			if (bytes[used])
				return false;
		if (whole >= len)
			break;
		bytes += whole;
		len -= whole;
	}
	return true;
}

static bool message_pads_are_zero(const struct td_sock *sock,
				  const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);
	const size_t head = NLMSG_LENGTH(GENL_HDRLEN);

	if (nlh->nlmsg_type != sock->family)
		return true;
	return nlh->nlmsg_len >= head && !genl->reserved &&
	       pads_are_zero((const unsigned char *)nlh + head,
			     nlh->nlmsg_len - head);
}

/*
 * Search one datagram.  A row of BASE and CRED must contain no pattern byte at
 * all.
 */
static void search_datagram(struct __test_metadata *_metadata,
			    const struct td_sock *sock,
			    const unsigned char *bytes, size_t len, size_t run)
{
	const struct nlmsghdr *nlh = (const void *)bytes;
	ssize_t at = find_pattern(bytes, len, run);
	size_t left = len;

	EXPECT_EQ(-1, at) {
		TH_LOG("pattern 0x%02x at byte %zd of %zu", bytes[at], at, len);
	}
	for (; NLMSG_OK(nlh, left); nlh = NLMSG_NEXT(nlh, left))
		EXPECT_TRUE(message_pads_are_zero(sock, nlh)) {
			TH_LOG("padding is not 0 in the message at %zu of %zu",
			       (size_t)((const unsigned char *)nlh - bytes),
			       len);
		}
}

/*
 * When the first datagram arrives, the rest is queued or is made by the read.
 */
static size_t search_answer(struct __test_metadata *_metadata,
			    struct td_sock *sock, size_t run)
{
	size_t found = 0;
	ssize_t got;

	while ((got = td_receive_raw(sock, MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *nlh = (const void *)sock->buf;
		bool row = nlh->nlmsg_type == sock->family;

		/* Error texts contain any letter, and "k" is 0x6b. */
		search_datagram(_metadata, sock, sock->buf, got,
				row ? run : RUN);
		found += row;
	}
	EXPECT_EQ(-EAGAIN, got);
	return found;
}

static size_t query_and_search(struct __test_metadata *_metadata,
			       struct td_sock *sock,
			       const struct task_diag_pid *query, __u16 flags,
			       size_t run)
{
	/* The sequence number must not be a pattern either. */
	sock->seq = 0;
	EXPECT_EQ(0, td_send_request(sock, query, flags, NULL));
	return search_answer(_metadata, sock, run);
}

/* Make tasks whose pids, names and ids have no pattern byte. */
static void make_patternless_tasks(struct __test_metadata *_metadata,
				   struct task_pool *pool)
{
	const struct task_spec specs[] = {
		{ .name = "tame", .creds = &user },
		{ .name = "tame", .creds = &user, .threads = 1 },
		{ .name = "tame", .state = POOL_ZOMBIE },
		{ .name = "tame", .children = 1 },
		{ .name = "tame", .state = POOL_STOPPED },
	};
	int i;

	EXPECT_EQ(0, namespace_mount_procfs());
	EXPECT_EQ(0, prctl(PR_SET_NAME, "init"));
	EXPECT_EQ(0, task_pool_begin(pool));
	for (i = 0; i < MEMBERS; i++)
		EXPECT_EQ(0, task_pool_add(pool,
					   &specs[i % ARRAY_SIZE(specs)])) {
			TH_LOG("%s", pool->error);
		}
	EXPECT_EQ(0, task_pool_settle(pool)) {
		TH_LOG("%s", pool->error);
	}
	EXPECT_GT(LOWEST_PATTERN, pool->task[pool->nr - 1].pid + 2);
}

/* Groups that continue over several messages or have no fixed size. */
#define LONG_GROUPS (TASK_DIAG_SHOW_VMA | TASK_DIAG_SHOW_VMA_STAT | \
		     TASK_DIAG_SHOW_CMDLINE | TASK_DIAG_SHOW_CGROUP | \
		     TASK_DIAG_SHOW_PATHS | TASK_DIAG_SHOW_ENVIRON)

/* All requests that report tasks. */
static const struct {
	__u64 strategy;
	__u16 flags;
} requests[] = {
	{ TASK_DIAG_DUMP_ALL, NLM_F_DUMP },
	{ TASK_DIAG_DUMP_ALL_THREAD, NLM_F_DUMP },
	{ TASK_DIAG_DUMP_CHILDREN, NLM_F_DUMP },
	{ TASK_DIAG_DUMP_DESCENDANTS, NLM_F_DUMP },
	{ TASK_DIAG_DUMP_THREAD, NLM_F_DUMP },
	{ TASK_DIAG_DUMP_ONE, NLM_F_DUMP },
	{ TASK_DIAG_DUMP_ONE, 0 },
	{ TASK_DIAG_DUMP_ONE, NLM_F_ACK },
};

static void query_all(struct __test_metadata *_metadata,
		      struct td_sock *sock, __u64 show, size_t run)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		const bool dump = requests[i].flags == NLM_F_DUMP;
		const struct task_diag_pid query = {
			.show_flags = dump ? show : show & ~LONG_GROUPS,
			.dump_strategy = requests[i].strategy,
			.pid = 1,
		};

		EXPECT_LT(0U, query_and_search(_metadata, sock, &query,
					       requests[i].flags, run)) {
			TH_LOG("no row for strategy %u, show_flags 0x%llx",
			       (unsigned int)query.dump_strategy,
			       (unsigned long long)show);
		}
	}
}

/*
 * All groups of this kernel, except those that a small buffer may not request.
 */
static __u64 all_groups(struct __test_metadata *_metadata, struct td_sock *sock)
{
	struct task_diag_features features = {};

	EXPECT_EQ(0, td_features(sock, &features));
	return sock->size < TD_SMALL ? features.groups & ~LONG_GROUPS :
				       features.groups;
}

static void query_invalid(struct __test_metadata *_metadata,
			  struct td_sock *sock)
{
	static const struct task_diag_pid wrong[] = {
		{ .dump_strategy = TASK_DIAG_DUMP_ONE, .pid = 3000 },
		{ .dump_strategy = TASK_DIAG_DUMP_CHILDREN, .pid = 3000 },
		{ .dump_strategy = TASK_DIAG_DUMP_THREAD, .pid = 3000 },
		{ .dump_strategy = TASK_DIAG_DUMP_ONE },
		{ .dump_strategy = 77 },
		{ .show_flags = 1ULL << 63 },
		{ .reserved = 1 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_EQ(0U, query_and_search(_metadata, sock, &wrong[i],
					       NLM_F_DUMP, RUN));
		EXPECT_EQ(0U, query_and_search(_metadata, sock, &wrong[i], 0,
					       RUN));
	}
}

static void send_raw(struct __test_metadata *_metadata, struct td_sock *sock,
		     struct td_request *request, size_t len)
{
	request->nlh.nlmsg_len = len;
	EXPECT_EQ(0, td_send_bytes(sock, request, len, NULL));
	EXPECT_EQ(0U, search_answer(_metadata, sock, RUN));
}

/*
 * Errors of the family and of generic netlink, for requests truncated to all
 * lengths.
 */
static void query_truncated(struct __test_metadata *_metadata,
			    struct td_sock *sock)
{
	const struct task_diag_pid query = { .show_flags = TD_BASE_CRED };
	struct td_request request;
	size_t len;

	for (len = NLMSG_HDRLEN; len < sizeof(request); len += 4) {
		td_make_request(sock, &query, NLM_F_DUMP | NLM_F_ACK, &request);
		if (len < sizeof(request) - sizeof(query))
			memset((unsigned char *)&request + len, 0,
			       sizeof(request) - len);
		send_raw(_metadata, sock, &request, len);
	}
}

FIXTURE(poison) {
};

FIXTURE_SETUP(poison)
{
}

FIXTURE_TEARDOWN(poison)
{
}

TEST_F(poison, pattern_is_in_no_reply)
{
	static const size_t sizes[] = BUFFERS;
	pid_t pid = namespace_fork(CLONE_NEWPID | CLONE_NEWNS);
	struct task_pool pool;
	struct td_sock sock;
	__u64 groups;
	size_t i;

	ASSERT_LE(0, pid);
	if (pid) {
		EXPECT_EXIT_0(pid);
		return;
	}
	make_patternless_tasks(_metadata, &pool);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(0, td_open(&sock, sizes[i]));
		groups = all_groups(_metadata, &sock);
		EXPECT_EQ(TD_BASE_CRED, groups & TD_BASE_CRED);

		query_all(_metadata, &sock, 0, 1);
		query_all(_metadata, &sock, TASK_DIAG_SHOW_BASE, 1);
		query_all(_metadata, &sock, TASK_DIAG_SHOW_CRED, 1);
		query_all(_metadata, &sock, TD_BASE_CRED, 1);
		query_all(_metadata, &sock, groups, RUN);
		query_invalid(_metadata, &sock);
		query_truncated(_metadata, &sock);
		td_close(&sock);
	}
	/* All tasks here end with this process. */
	_exit(0);
}

static void require_poison(void)
{
	static const char setting[] = "/sys/kernel/slab/kmalloc-1k/poison";
	int fd = open(setting, O_RDONLY | O_CLOEXEC);
	char text[2] = "";

	if (fd < 0 || read(fd, text, 1) != 1 || text[0] != '1')
		ksft_exit_fail_msg("CONFIG_SLUB_DEBUG_ON is off: %s\n",
				   setting);
	close(fd);
}

int main(int argc, char **argv)
{
	td_require_family_and_root();
	require_poison();
	return test_harness_run(argc, argv);
}
