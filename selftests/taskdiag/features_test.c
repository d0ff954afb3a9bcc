// SPDX-License-Identifier: GPL-2.0-only
/*
 * FEATURES: the kernel supports all features that it reports, and refuses
 * others with an extack that names them.
 */
#include "lib/taskdiag_test.h"
#include "lib/users.h"

/* Group names by number. */
static const char * const group_names[] = {
	[TASK_DIAG_GROUP_BASE] = "BASE",
	[TASK_DIAG_GROUP_CRED] = "CRED",
	[TASK_DIAG_GROUP_STAT] = "STAT",
	[TASK_DIAG_GROUP_VMA] = "VMA",
	[TASK_DIAG_GROUP_VMA_STAT] = "VMA_STAT",
	[TASK_DIAG_GROUP_CMDLINE] = "CMDLINE",
	[TASK_DIAG_GROUP_FILES] = "FILES",
	[TASK_DIAG_GROUP_IDENT] = "IDENT",
	[TASK_DIAG_GROUP_NS] = "NS",
	[TASK_DIAG_GROUP_CGROUP] = "CGROUP",
	[TASK_DIAG_GROUP_IO] = "IO",
	[TASK_DIAG_GROUP_SIGNALS] = "SIGNALS",
	[TASK_DIAG_GROUP_LIMITS] = "LIMITS",
	[TASK_DIAG_GROUP_OOM] = "OOM",
	[TASK_DIAG_GROUP_PATHS] = "PATHS",
	[TASK_DIAG_GROUP_ENVIRON] = "ENVIRON",
	[TASK_DIAG_GROUP_SCHED] = "SCHED",
	[TASK_DIAG_GROUP_NSPID] = "NSPID",
};

/* A uid, a set of states and a pid that are valid on any system. */
static const __u32 one_u32 = 1;
/* The id of the root cgroup, and a VMA flag. */
static const __u64 one_u64 = 1;

static const struct {
	const char *name;
	const void *data;
	size_t len;
} filters[] = {
	[TASK_DIAG_FILTER_UID] = { "uid", &one_u32, sizeof(one_u32) },
	[TASK_DIAG_FILTER_CGROUP] = { "cgroup", &one_u64, sizeof(one_u64) },
	[TASK_DIAG_FILTER_STATES] = { "states", &one_u32, sizeof(one_u32) },
	[TASK_DIAG_FILTER_COMM] = { "comm", "x", 1 },
	[TASK_DIAG_FILTER_PIDS] = { "pids", &one_u32, sizeof(one_u32) },
	[TASK_DIAG_FILTER_VMA_FLAGS] = {
		"vma_flags", &one_u64, sizeof(one_u64),
	},
};

FIXTURE(features) {
	struct td_sock sock;
	struct task_diag_features has;
};

FIXTURE_SETUP(features)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
	ASSERT_EQ(0, td_features(&self->sock, &self->has));
}

FIXTURE_TEARDOWN(features)
{
	td_close(&self->sock);
}

/* Groups and strategies of the first version are supported. */
TEST_F(features, first_groups_and_strategies_are_supported)
{
	const __u64 strategies = 2 * (1ULL << TASK_DIAG_DUMP_ALL_THREAD) - 1;

	EXPECT_EQ(TD_BASE_CRED, self->has.groups & TD_BASE_CRED);
	EXPECT_EQ(strategies, self->has.strategies & strategies);
}

/* No bit is set that the header does not define. */
TEST_F(features, no_undefined_bit_is_set)
{
	EXPECT_EQ(0U, self->has.groups >> ARRAY_SIZE(group_names));
	EXPECT_EQ(0U, self->has.strategies >> (TASK_DIAG_DUMP_MAX + 1));
	EXPECT_EQ(0U, self->has.filters >> ARRAY_SIZE(filters));
	/* TASK_DIAG_OPTION_STRICT depends on the administrator. */
	EXPECT_EQ(TASK_DIAG_OPTION_PIDNS_FD | TASK_DIAG_OPTION_PIDFD |
		  TASK_DIAG_OPTION_PROC_FD,
		  self->has.options & ~TASK_DIAG_OPTION_STRICT);
	EXPECT_LE(4096U, self->has.recv_min);
	EXPECT_EQ(0U, self->has.__pad);
}

static void expect_supported(struct __test_metadata *_metadata,
			     const struct td_answer *a, bool has,
			     int error, const char *text,
			     const char *name)
{
	ASSERT_STREQ("", a->fault);
	EXPECT_EQ(has ? 0 : error, a->end.error) {
		TH_LOG("%s: %s", name, a->end.text);
	}
	if (has)
		return;
	EXPECT_EXTACK_TEXT(a, text);
	EXPECT_EXTACK_TEXT(a, name);
}

/* Request each group bit in a dump. */
TEST_F(features, unsupported_group_is_refused_by_name)
{
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		const struct task_diag_pid query = {
			.show_flags = 1ULL << bit,
			.dump_strategy = TASK_DIAG_DUMP_ONE,
			.pid = getpid(),
		};
		const bool known = bit < ARRAY_SIZE(group_names);
		struct td_answer a;

		ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
		expect_supported(_metadata, &a, self->has.groups >> bit & 1,
				 known ? EOPNOTSUPP : EINVAL, "show_flags: ",
				 known ? group_names[bit] : "");
		if (self->has.groups >> bit & 1) {
			ASSERT_EQ(1U, a.rows);
			EXPECT_EQ(query.show_flags, a.row[0].groups);
		}
		td_answer_free(&a);
	}
}

TEST_F(features, unsupported_strategy_is_refused)
{
	__u64 strategy;

	for (strategy = 0; strategy < 64; strategy++) {
		const struct task_diag_pid query = {
			.show_flags = TASK_DIAG_SHOW_BASE,
			.dump_strategy = strategy,
			.pid = getpid(),
		};
		const bool known = strategy <= TASK_DIAG_DUMP_MAX;
		struct td_answer a;

		ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
		expect_supported(_metadata, &a,
				 self->has.strategies >> strategy & 1,
				 known ? EOPNOTSUPP : EINVAL,
				 "dump_strategy: ", "");
		td_answer_free(&a);
	}
}

TEST_F(features, unsupported_filter_is_refused_by_name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(filters); i++) {
		const struct td_filter filter = {
			TASK_DIAG_ATTR_FILTERS + i, filters[i].data,
			filters[i].len,
		};
		const struct task_diag_pid query = {
			.show_flags = i == TASK_DIAG_FILTER_VMA_FLAGS ?
				      TASK_DIAG_SHOW_VMA : TASK_DIAG_SHOW_BASE,
			.dump_strategy = TASK_DIAG_DUMP_CHILDREN,
			.pid = getpid(),
		};
		struct td_answer a;

		/* The filter requires the VMA group. */
		if (query.show_flags & ~self->has.groups) {
			EXPECT_EQ(0U, self->has.filters >> i & 1);
			continue;
		}
		ASSERT_EQ(0, td_query_filtered(&self->sock, &query, NLM_F_DUMP,
					       &filter, 1, &a));
		expect_supported(_metadata, &a,
				 self->has.filters >> i & 1,
				 EOPNOTSUPP, filters[i].name,
				 filters[i].name);
		td_answer_free(&a);
	}
}

/* FEATURES describes the kernel, so all users get the same reply. */
TEST_F(features, unprivileged_user_gets_same_reply)
{
	pid_t child = td_fork_as(_metadata, &user);

	if (!child) {
		struct task_diag_features has;
		struct td_sock sock;

		ASSERT_EQ(0, td_open(&sock, TD_LARGE));
		ASSERT_EQ(0, td_features(&sock, &has));
		EXPECT_EQ(0, memcmp(&has, &self->has, sizeof(has)));
		_exit(0);
	}
	EXPECT_EXIT_0(child);
}

/* The request takes no attributes, and has a single reply. */
TEST_F(features, request_with_attributes_or_dump_is_refused)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr nla;
		__u32 uid;
	} request = {
		.nlh.nlmsg_type = self->sock.family,
		.genl.cmd = TASK_DIAG_CMD_FEATURES,
		.genl.version = TASK_DIAG_GENL_VERSION,
		.nla.nla_len = NLA_HDRLEN + sizeof(request.uid),
	};
	static const struct {
		__u16 attr;
		__u16 flags;
		int error;
	} malformed[] = {
		{ TASK_DIAG_CMD_ATTR_UID, 0, EINVAL },
		{ TASK_DIAG_FEATURES, 0, EINVAL },
		{ TASK_DIAG_ATTR_MAX + 1, 0, EINVAL },
		{ 0, NLM_F_DUMP, EOPNOTSUPP },
	};
	struct task_diag_features has;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(malformed); i++) {
		struct td_answer a;

		request.nla.nla_type = malformed[i].attr;
		request.nlh.nlmsg_len = malformed[i].attr ?
						sizeof(request) :
						NLMSG_LENGTH(GENL_HDRLEN);
		request.nlh.nlmsg_flags = NLM_F_REQUEST | malformed[i].flags;
		request.nlh.nlmsg_seq = ++self->sock.seq;
		ASSERT_EQ(0, td_send_bytes(&self->sock, &request,
					   request.nlh.nlmsg_len, NULL));
		td_answer_init(&self->sock, &a, false);
		ASSERT_EQ(0, td_receive(&self->sock, &a));
		EXPECT_EQ(malformed[i].error, a.end.error) {
			TH_LOG("%zu: %s", i, a.end.text);
		}
		td_answer_free(&a);
	}
	ASSERT_EQ(0, td_features(&self->sock, &has));
	EXPECT_EQ(0, memcmp(&has, &self->has, sizeof(has)));
}

int main(int argc, char **argv)
{
	td_require_family_and_root();
	return test_harness_run(argc, argv);
}
