// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests: the constants of the family, and the error for each kind of invalid
 * request: the errno, a text that names the field, and the offset of the
 * attribute.
 */
#include <signal.h>
#include <sys/time.h>

#include "lib/taskdiag_test.h"

/* A request that is large enough for each defect. */
struct any_request {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	unsigned char attrs[128];
};

#define FIRST_ATTR NLMSG_LENGTH(GENL_HDRLEN)

/* Append an attribute with its padding.  Return its offset. */
static size_t put_attr(struct any_request *req, __u16 type, const void *data,
		       size_t len)
{
	size_t start = req->nlh.nlmsg_len;
	struct nlattr nla = { .nla_len = NLA_HDRLEN + len, .nla_type = type };
	unsigned char *to = (unsigned char *)req + start;

	memcpy(to, &nla, sizeof(nla));
	memcpy(to + NLA_HDRLEN, data, len);
	req->nlh.nlmsg_len += NLA_ALIGN(nla.nla_len);
	return start;
}

enum offending {
	OFFENDING_NONE,		/* netlink has no attribute to name */
	OFFENDING_FIRST,
	OFFENDING_SECOND,
};

TEST(abi_sizes_and_values_are_fixed)
{
	EXPECT_EQ(24U, sizeof(struct task_diag_pid));
	EXPECT_EQ(12U, sizeof(struct task_diag_msg));
	EXPECT_EQ(44U, sizeof(struct task_diag_base));
	EXPECT_EQ(84U, sizeof(struct task_diag_creds));
	EXPECT_EQ(1, TASK_DIAG_CMD_GET);
	EXPECT_EQ(1, TASK_DIAG_CMD_ATTR_GET);
	EXPECT_EQ(2, TASK_DIAG_MSG);
	EXPECT_EQ(3, TASK_DIAG_PAD);
	EXPECT_EQ(4, TASK_DIAG_FEATURES);
	EXPECT_EQ(5, TASK_DIAG_ABSENT);
	EXPECT_EQ(6, TASK_DIAG_CMD_ATTR_PIDNS_FD);
	EXPECT_EQ(7, TASK_DIAG_CMD_ATTR_PIDFD);
	EXPECT_EQ(32, TASK_DIAG_CMD_ATTR_UID);
	EXPECT_EQ(37, TASK_DIAG_CMD_ATTR_VMA_FLAGS);
	EXPECT_EQ(64, TASK_DIAG_BASE);
	EXPECT_EQ(65, TASK_DIAG_CRED);
	EXPECT_EQ(66, TASK_DIAG_STAT);
	EXPECT_EQ(67, TASK_DIAG_VMA);
	EXPECT_EQ(68, TASK_DIAG_VMA_STAT);
	EXPECT_EQ(73, TASK_DIAG_CGROUP);
	EXPECT_EQ(0, TASK_DIAG_DUMP_ALL);
	EXPECT_EQ(1, TASK_DIAG_DUMP_ONE);
	EXPECT_EQ(2, TASK_DIAG_DUMP_CHILDREN);
	EXPECT_EQ(3, TASK_DIAG_DUMP_THREAD);
	EXPECT_EQ(4, TASK_DIAG_DUMP_ALL_THREAD);
}

TEST(family_is_resolved_by_name)
{
	struct td_sock sock;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	EXPECT_EQ(TASK_DIAG_GENL_VERSION, (int)sock.version);
	EXPECT_EQ(0U, sock.hdrsize);
	EXPECT_GE(sock.family, GENL_MIN_ID);
	td_close(&sock);
}

/*
 * One defect per request.  Without the defect, the request queries process 1
 * and is valid with and without NLM_F_DUMP.
 */
struct defect {
	struct task_diag_pid query;
	int cmd_change;		/* added to the command */
	int len_change;		/* added to the length */
	__u8 genl_reserved;
	__u16 nlmsg_flags;	/* additional flags */
	bool no_attr;
	__u16 other_type;	/* type of the attribute, if not 0 */
	bool second;		/* append another attribute */
	__u16 second_type;
	const void *second_data;	/* NULL: "1234" */
	size_t second_len;
	unsigned int trailing;	/* extra bytes at the end */

	int error;
	const char *text;	/* NULL: netlink itself sets none */
	const char *and_text;
	enum offending offending;
	__u32 missing;
	const char *single_text;	/* if different without a dump */
	enum offending single_offending;	/* if different, too */
};

/* The message is too short to contain a command. */
TEST(message_without_genlmsghdr_gets_einval)
{
	const __u16 flags[] = { 0, NLM_F_DUMP };
	struct td_sock sock;
	size_t i;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		const struct nlmsghdr nlh = {
			.nlmsg_len = sizeof(nlh),
			.nlmsg_type = sock.family,
			.nlmsg_flags = NLM_F_REQUEST | flags[i],
			.nlmsg_seq = ++sock.seq,
		};
		struct td_answer a;

		ASSERT_EQ(0, td_send_bytes(&sock, &nlh, sizeof(nlh), NULL));
		td_answer_init(&sock, &a, flags[i]);
		ASSERT_EQ(0, td_receive(&sock, &a));
		ASSERT_STREQ("", a.fault);
		EXPECT_EQ(EINVAL, a.end.error);
		td_answer_free(&a);
	}
	td_close(&sock);
}

FIXTURE(refusal) {
	struct td_sock sock;
};

FIXTURE_VARIANT(refusal) {
	struct defect defect;
};

#define ASK_FOR(_show, _strategy, _pid) \
	.defect.query = { \
		.show_flags = (_show), \
		.dump_strategy = (_strategy), \
		.pid = (_pid), \
	}

#define ASK_RIGHT ASK_FOR(TD_BASE_CRED, TASK_DIAG_DUMP_ONE, 1)

/* show_flags */

FIXTURE_VARIANT_ADD(refusal, lowest_unknown_flag) {
	ASK_FOR(1ULL << (TASK_DIAG_GROUP_MAX + 1), TASK_DIAG_DUMP_ONE, 1),
	.defect.error = EINVAL,
	.defect.text = "show_flags",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, highest_unknown_flag) {
	ASK_FOR(1ULL << 63, TASK_DIAG_DUMP_ONE, 1),
	.defect.error = EINVAL,
	.defect.text = "show_flags",
	.defect.offending = OFFENDING_FIRST,
};

/* Lost if the mask were stored in 32 bits. */
FIXTURE_VARIANT_ADD(refusal, unknown_flag_with_known_flags) {
	ASK_FOR(TD_BASE_CRED | 1ULL << 32, TASK_DIAG_DUMP_ONE, 1),
	.defect.error = EINVAL,
	.defect.text = "show_flags",
	.defect.offending = OFFENDING_FIRST,
};

/* dump_strategy */

FIXTURE_VARIANT_ADD(refusal, lowest_unknown_strategy) {
	ASK_FOR(TD_BASE_CRED, TASK_DIAG_DUMP_MAX + 1, 1),
	.defect.error = EINVAL,
	.defect.text = "dump_strategy",
	.defect.offending = OFFENDING_FIRST,
};

/* Truncated to 32 bits this is TASK_DIAG_DUMP_ONE. */
FIXTURE_VARIANT_ADD(refusal, strategy_of_33_bits) {
	ASK_FOR(TD_BASE_CRED, 1ULL << 32 | TASK_DIAG_DUMP_ONE, 1),
	.defect.error = EINVAL,
	.defect.text = "dump_strategy",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, highest_strategy) {
	ASK_FOR(TD_BASE_CRED, ~0ULL, 1),
	.defect.error = EINVAL,
	.defect.text = "dump_strategy",
	.defect.offending = OFFENDING_FIRST,
};

/* pid: a single request may be refused for its strategy instead */

FIXTURE_VARIANT_ADD(refusal, one_of_pid_0) {
	ASK_FOR(TD_BASE_CRED, TASK_DIAG_DUMP_ONE, 0),
	.defect.error = EINVAL,
	.defect.text = "pid",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, children_of_pid_0) {
	ASK_FOR(TD_BASE_CRED, TASK_DIAG_DUMP_CHILDREN, 0),
	.defect.error = EINVAL,
	.defect.text = "pid",
	.defect.offending = OFFENDING_FIRST,
	.defect.single_text = "",
};

FIXTURE_VARIANT_ADD(refusal, threads_of_pid_0) {
	ASK_FOR(TD_BASE_CRED, TASK_DIAG_DUMP_THREAD, 0),
	.defect.error = EINVAL,
	.defect.text = "pid",
	.defect.offending = OFFENDING_FIRST,
	.defect.single_text = "",
};

FIXTURE_VARIANT_ADD(refusal, descendants_of_pid_0) {
	ASK_FOR(TD_BASE_CRED, TASK_DIAG_DUMP_DESCENDANTS, 0),
	.defect.error = EINVAL,
	.defect.text = "pid",
	.defect.offending = OFFENDING_FIRST,
	.defect.single_text = "",
};

FIXTURE_VARIANT_ADD(refusal, one_of_pid_above_int_max) {
	ASK_FOR(TD_BASE_CRED, TASK_DIAG_DUMP_ONE, 1U << 31 | 1),
	.defect.error = EINVAL,
	.defect.text = "pid",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, children_of_pid_above_int_max) {
	ASK_FOR(TD_BASE_CRED, TASK_DIAG_DUMP_CHILDREN, 1U << 31 | 1),
	.defect.error = EINVAL,
	.defect.text = "pid",
	.defect.offending = OFFENDING_FIRST,
	.defect.single_text = "",
};

FIXTURE_VARIANT_ADD(refusal, threads_of_pid_above_int_max) {
	ASK_FOR(TD_BASE_CRED, TASK_DIAG_DUMP_THREAD, 1U << 31 | 1),
	.defect.error = EINVAL,
	.defect.text = "pid",
	.defect.offending = OFFENDING_FIRST,
	.defect.single_text = "",
};

FIXTURE_VARIANT_ADD(refusal, one_of_highest_pid) {
	ASK_FOR(TD_BASE_CRED, TASK_DIAG_DUMP_ONE, ~0U),
	.defect.error = EINVAL,
	.defect.text = "pid",
	.defect.offending = OFFENDING_FIRST,
};

/* reserved */

FIXTURE_VARIANT_ADD(refusal, reserved_bit) {
	.defect.query = {
		.dump_strategy = TASK_DIAG_DUMP_ONE, .pid = 1, .reserved = 1,
	},
	.defect.error = EINVAL,
	.defect.text = "reserved",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, highest_reserved_bit) {
	.defect.query = {
		.dump_strategy = TASK_DIAG_DUMP_ONE, .pid = 1,
		.reserved = 1U << 31,
	},
	.defect.error = EINVAL,
	.defect.text = "reserved",
	.defect.offending = OFFENDING_FIRST,
};

/* length of the structure */

FIXTURE_VARIANT_ADD(refusal, empty_structure) {
	ASK_RIGHT,
	.defect.len_change = -(int)sizeof(struct task_diag_pid),
	.defect.error = ERANGE,
	.defect.text = "size",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, structure_without_reserved) {
	ASK_RIGHT,
	.defect.len_change = -4,
	.defect.error = ERANGE,
	.defect.text = "size",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, structure_one_byte_short) {
	ASK_RIGHT,
	.defect.len_change = -1,
	.defect.error = ERANGE,
	.defect.text = "size",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, structure_one_byte_long) {
	ASK_RIGHT,
	.defect.len_change = 1,
	.defect.error = ERANGE,
	.defect.text = "size",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, structure_eight_bytes_long) {
	ASK_RIGHT,
	.defect.len_change = 8,
	.defect.error = ERANGE,
	.defect.text = "size",
	.defect.offending = OFFENDING_FIRST,
};

/* attributes */

FIXTURE_VARIANT_ADD(refusal, no_attribute) {
	ASK_RIGHT, .defect.no_attr = true,
	.defect.error = EINVAL, .defect.text = "TASK_DIAG_CMD_ATTR_GET",
	.defect.missing = TASK_DIAG_CMD_ATTR_GET,
};

FIXTURE_VARIANT_ADD(refusal, other_attribute_instead) {
	ASK_RIGHT,
	.defect.other_type = TASK_DIAG_ATTR_MAX + 1,
	.defect.error = EINVAL,
	.defect.text = "attribute",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, attribute_marked_as_nested) {
	ASK_RIGHT,
	.defect.other_type = TASK_DIAG_CMD_ATTR_GET | NLA_F_NESTED,
	.defect.error = EINVAL,
	.defect.text = "NLA_F_NESTED",
	.defect.offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, additional_attribute_0) {
	ASK_RIGHT,
	.defect.second = true,
	.defect.second_type = TASK_DIAG_ATTR_UNSPEC,
	.defect.error = EINVAL,
	.defect.text = "attribute",
	.defect.offending = OFFENDING_SECOND,
};

FIXTURE_VARIANT_ADD(refusal, additional_unknown_attribute) {
	ASK_RIGHT,
	.defect.second = true,
	.defect.second_type = TASK_DIAG_ATTR_MAX + 1,
	.defect.error = EINVAL,
	.defect.text = "attribute",
	.defect.offending = OFFENDING_SECOND,
};

FIXTURE_VARIANT_ADD(refusal, additional_highest_attribute) {
	ASK_RIGHT,
	.defect.second = true,
	.defect.second_type = (__u16)NLA_TYPE_MASK,
	.defect.error = EINVAL,
	.defect.text = "attribute",
	.defect.offending = OFFENDING_SECOND,
};

FIXTURE_VARIANT_ADD(refusal, task_diag_msg_in_request) {
	ASK_RIGHT,
	.defect.second = true,
	.defect.second_type = TASK_DIAG_MSG,
	.defect.error = EINVAL,
	.defect.text = "attribute",
	.defect.offending = OFFENDING_SECOND,
};

FIXTURE_VARIANT_ADD(refusal, pad_in_request) {
	ASK_RIGHT,
	.defect.second = true,
	.defect.second_type = TASK_DIAG_PAD,
	.defect.error = EINVAL,
	.defect.text = "attribute",
	.defect.offending = OFFENDING_SECOND,
};

FIXTURE_VARIANT_ADD(refusal, group_in_request) {
	ASK_RIGHT,
	.defect.second = true,
	.defect.second_type = TASK_DIAG_CRED,
	.defect.error = EINVAL,
	.defect.text = "attribute",
	.defect.offending = OFFENDING_SECOND,
};

FIXTURE_VARIANT_ADD(refusal, one_trailing_byte) {
	ASK_RIGHT, .defect.trailing = 1,
	.defect.error = EINVAL, .defect.text = "leftover",
};

FIXTURE_VARIANT_ADD(refusal, four_trailing_bytes) {
	ASK_RIGHT, .defect.trailing = 4,
	.defect.error = EINVAL, .defect.text = "leftover",
};

/* filters */

#define SECOND(_type, _data, _len) \
	.defect.second = true, \
	.defect.second_type = TASK_DIAG_CMD_ATTR_##_type, \
	.defect.second_data = (_data), .defect.second_len = (_len), \
	.defect.offending = OFFENDING_SECOND

#define BESIDE(_type, _data, _len) \
	.defect.second = true, \
	.defect.second_type = TASK_DIAG_CMD_ATTR_##_type, \
	.defect.second_data = (_data), .defect.second_len = (_len), \
	.defect.offending = OFFENDING_SECOND, \
	ASK_RIGHT

#define WITH(_type, _data, _len) \
	BESIDE(_type, _data, _len), .defect.error = EINVAL

/* Attributes that the policy rejects by length. */
#define WITH_LENGTH(_type, _data, _len) \
	BESIDE(_type, _data, _len), .defect.error = ERANGE

#define WITH_U32(_type, ...) \
	WITH(_type, ((const __u32[]) { __VA_ARGS__ }), \
	     sizeof((const __u32[]) { __VA_ARGS__ }))

#define WITH_U64(_type, _value) \
	WITH(_type, (&(const __u64) { _value }), sizeof(__u64))

FIXTURE_VARIANT_ADD(refusal, empty_uid) {
	WITH(UID, "", 0), .defect.text = "length",
};

FIXTURE_VARIANT_ADD(refusal, uid_of_64_bits) {
	WITH_U64(UID, 0), .defect.text = "length",
};

FIXTURE_VARIANT_ADD(refusal, invalid_uid) {
	WITH_U32(UID, ~0U), .defect.text = "uid: ",
};

FIXTURE_VARIANT_ADD(refusal, cgroup_of_32_bits) {
	WITH_U32(CGROUP, 1), .defect.text = "length",
};

FIXTURE_VARIANT_ADD(refusal, nonexistent_cgroup) {
	BESIDE(CGROUP, (&(const __u64) { ~0ULL }), sizeof(__u64)),
	.defect.error = ENOENT, .defect.text = "cgroup: no such cgroup",
};

FIXTURE_VARIANT_ADD(refusal, states_of_64_bits) {
	WITH_U64(STATES, 1), .defect.text = "length",
};

FIXTURE_VARIANT_ADD(refusal, no_states) {
	WITH_U32(STATES, 0), .defect.text = "states: ",
};

FIXTURE_VARIANT_ADD(refusal, lowest_unknown_state) {
	WITH_U32(STATES, 1 | 1U << (TASK_DIAG_IDLE + 1)),
	.defect.text = "reserved bit",
};

FIXTURE_VARIANT_ADD(refusal, highest_unknown_state) {
	WITH_U32(STATES, 1 | 1U << 31),
	.defect.text = "reserved bit",
};

FIXTURE_VARIANT_ADD(refusal, empty_comm) {
	WITH_LENGTH(COMM, "", 0), .defect.text = "policy",
};

FIXTURE_VARIANT_ADD(refusal, too_long_comm) {
	WITH_LENGTH(COMM, "0123456789abcdef", TASK_DIAG_COMM_LEN),
	.defect.text = "policy",
};

FIXTURE_VARIANT_ADD(refusal, comm_of_one_nul) {
	WITH(COMM, "", 1), .defect.text = "comm: empty",
};

FIXTURE_VARIANT_ADD(refusal, comm_with_inner_nul) {
	WITH(COMM, "in\0t", 4), .defect.text = "comm: ",
};

FIXTURE_VARIANT_ADD(refusal, empty_list_of_pids) {
	WITH(PIDS, "", 0), .defect.text = "pids: 0 bytes",
};

FIXTURE_VARIANT_ADD(refusal, list_of_pids_with_half_a_pid) {
	WITH(PIDS, "123456", 6), .defect.text = "pids: 6 bytes",
};

FIXTURE_VARIANT_ADD(refusal, list_of_pids_with_pid_0) {
	WITH_U32(PIDS, 1, 0), .defect.text = "pids: ",
};

FIXTURE_VARIANT_ADD(refusal, list_of_pids_with_highest_pid) {
	WITH_U32(PIDS, 1, ~0U, 2), .defect.text = "pids: ",
};

FIXTURE_VARIANT_ADD(refusal, vma_flags_of_32_bits) {
	WITH_U32(VMA_FLAGS, 1), .defect.text = "length",
};

FIXTURE_VARIANT_ADD(refusal, lowest_unknown_vma_flag) {
	WITH_U64(VMA_FLAGS, TASK_DIAG_VMA_SEALED << 1),
	.defect.text = "vma_flags: unknown bits 0x400000000",
};

FIXTURE_VARIANT_ADD(refusal, highest_unknown_vma_flag) {
	WITH_U64(VMA_FLAGS, 1ULL << 63),
	.defect.text = "vma_flags: unknown bits 0x8000000000000000",
};

FIXTURE_VARIANT_ADD(refusal, vma_flags_without_vma_group) {
	WITH_U64(VMA_FLAGS, TASK_DIAG_VMA_EXEC),
	.defect.text = "vma_flags: ",
};

/* options */

FIXTURE_VARIANT_ADD(refusal, pidfd_of_64_bits) {
	WITH_U64(PIDFD, 0), .defect.text = "length",
};

FIXTURE_VARIANT_ADD(refusal, pidfd_with_pid) {
	WITH_U32(PIDFD, 0), .defect.text = "pidfd: ",
};

FIXTURE_VARIANT_ADD(refusal, pidfd_not_open) {
	ASK_FOR(0, TASK_DIAG_DUMP_ONE, 0),
	SECOND(PIDFD, ((const __u32[]) { 1000 * 1000 }), sizeof(__u32)),
	.defect.error = EBADF, .defect.text = "pidfd: ",
};

FIXTURE_VARIANT_ADD(refusal, pidfd_for_all) {
	ASK_FOR(0, TASK_DIAG_DUMP_ALL, 0),
	SECOND(PIDFD, ((const __u32[]){ 0 }), sizeof(__u32)),
	.defect.error = EINVAL,
	.defect.text = "pidfd: ",
	.defect.single_text = "dump_strategy",
	.defect.single_offending = OFFENDING_FIRST,
};

FIXTURE_VARIANT_ADD(refusal, pidns_fd_of_64_bits) {
	WITH_U64(PIDNS_FD, 0), .defect.text = "length",
};

FIXTURE_VARIANT_ADD(refusal, pidns_fd_not_open) {
	BESIDE(PIDNS_FD, ((const __u32[]) { 1000 * 1000 }), sizeof(__u32)),
	.defect.error = EBADF, .defect.text = "pidns_fd: ",
};

FIXTURE_VARIANT_ADD(refusal, absent_in_request) {
	ASK_RIGHT,
	.defect.second = true,
	.defect.second_type = TASK_DIAG_ABSENT,
	.defect.error = EINVAL,
	.defect.text = "attribute",
	.defect.offending = OFFENDING_SECOND,
};

FIXTURE_VARIANT_ADD(refusal, features_in_request) {
	ASK_RIGHT,
	.defect.second = true,
	.defect.second_type = TASK_DIAG_FEATURES,
	.defect.error = EINVAL,
	.defect.text = "attribute",
	.defect.offending = OFFENDING_SECOND,
};

/* headers */

FIXTURE_VARIANT_ADD(refusal, command_0) {
	ASK_RIGHT,
	.defect.cmd_change = TASK_DIAG_CMD_UNSPEC - TASK_DIAG_CMD_GET,
	.defect.error = EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(refusal, unknown_command) {
	ASK_RIGHT,
	.defect.cmd_change = TASK_DIAG_CMD_MAX + 1 - TASK_DIAG_CMD_GET,
	.defect.error = EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(refusal, genlmsghdr_reserved) {
	ASK_RIGHT, .defect.genl_reserved = 1,
	.defect.error = EINVAL, .defect.text = "genlmsghdr.reserved",
};

FIXTURE_VARIANT_ADD(refusal, reserved_message_flag) {
	ASK_RIGHT, .defect.nlmsg_flags = NLM_F_ATOMIC,
	.defect.error = EINVAL, .defect.text = "nlmsg_flags",
};

FIXTURE_SETUP(refusal)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
}

FIXTURE_TEARDOWN(refusal)
{
	td_close(&self->sock);
}

static void expect_refusal(struct __test_metadata *_metadata,
			   struct td_sock *sock, const struct defect *defect,
			   bool dump)
{
	const struct task_diag_pid right = {
		.show_flags = TD_BASE_CRED,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = 1,
	};
	/* Room for a structure that is longer than it should be. */
	unsigned char payload[sizeof(defect->query) + 8] = {};
	const __u16 flags = dump ? NLM_F_DUMP : 0;
	struct any_request req = {
		.nlh.nlmsg_len = FIRST_ATTR,
		.nlh.nlmsg_type = sock->family,
		.nlh.nlmsg_flags = NLM_F_REQUEST | flags | defect->nlmsg_flags,
		.nlh.nlmsg_seq = ++sock->seq,
		.genl.cmd = TASK_DIAG_CMD_GET + defect->cmd_change,
		.genl.version = TASK_DIAG_GENL_VERSION,
		.genl.reserved = defect->genl_reserved,
	};
	size_t offset[] = { [OFFENDING_NONE] = 0, [OFFENDING_FIRST] = 0,
			    [OFFENDING_SECOND] = 0 };
	const char *text = defect->text;
	struct td_answer a;

	memcpy(payload, &defect->query, sizeof(defect->query));
	if (!defect->no_attr)
		offset[OFFENDING_FIRST] =
			put_attr(&req,
				 defect->other_type ?: TASK_DIAG_CMD_ATTR_GET,
				 payload,
				 sizeof(defect->query) + defect->len_change);
	if (defect->second)
		offset[OFFENDING_SECOND] =
			put_attr(&req, defect->second_type,
				 defect->second_data ?: "1234",
				 defect->second_data ? defect->second_len : 4);
	req.nlh.nlmsg_len += defect->trailing;

	ASSERT_EQ(0, td_send_bytes(sock, &req, req.nlh.nlmsg_len, NULL));
	td_answer_init(sock, &a, dump);
	ASSERT_EQ(0, td_receive(sock, &a));

	ASSERT_STREQ("", a.fault);
	EXPECT_EQ(NLMSG_ERROR, (int)a.end.type);
	EXPECT_EQ(0U, a.rows);
	EXPECT_EQ(defect->error, a.end.error) {
		TH_LOG("extack: %s", a.end.text);
	}
	if (!dump && defect->single_text)
		text = defect->single_text;
	if (text)
		EXPECT_EXTACK_TEXT(&a, text);
	if (defect->and_text)
		EXPECT_EXTACK_TEXT(&a, defect->and_text);
	EXPECT_EXTACK_OFFSET(&a, offset[!dump && defect->single_offending ?
						defect->single_offending :
						defect->offending]);
	EXPECT_EQ(td_lacks_start_extack(&a) ? 0 : defect->missing,
		  a.end.missing);
	td_answer_free(&a);

	/*
	 * No further message arrives, and the socket accepts another request.
	 */
	EXPECT_EQ(-EAGAIN, td_receive_raw(sock, MSG_DONTWAIT));
	ASSERT_EQ(0, td_query(sock, &right, flags, &a));
	ASSERT_SUCCESS(&a);
	EXPECT_EQ(1U, a.rows);
	td_answer_free(&a);
}

TEST_F(refusal, dump_gets_errno_and_extack)
{
	expect_refusal(_metadata, &self->sock, &variant->defect, true);
}

TEST_F(refusal, single_request_gets_errno_and_extack)
{
	expect_refusal(_metadata, &self->sock, &variant->defect, false);
}

/*
 * Strategies that report several tasks require a dump; without NLM_F_DUMP they
 * are refused.
 */
FIXTURE(strategy) {
	struct td_sock sock;
};

FIXTURE_VARIANT(strategy) {
	__u64 strategy;
	bool needs_dump;
};

FIXTURE_VARIANT_ADD(strategy, all) {
	.strategy = TASK_DIAG_DUMP_ALL, .needs_dump = true,
};

FIXTURE_VARIANT_ADD(strategy, one) {
	.strategy = TASK_DIAG_DUMP_ONE, .needs_dump = false,
};

FIXTURE_VARIANT_ADD(strategy, children) {
	.strategy = TASK_DIAG_DUMP_CHILDREN, .needs_dump = true,
};

FIXTURE_VARIANT_ADD(strategy, thread) {
	.strategy = TASK_DIAG_DUMP_THREAD, .needs_dump = true,
};

FIXTURE_VARIANT_ADD(strategy, all_thread) {
	.strategy = TASK_DIAG_DUMP_ALL_THREAD, .needs_dump = true,
};

FIXTURE_VARIANT_ADD(strategy, descendants) {
	.strategy = TASK_DIAG_DUMP_DESCENDANTS, .needs_dump = true,
};

FIXTURE_SETUP(strategy)
{
	ASSERT_EQ(0, td_open(&self->sock, TD_LARGE));
}

FIXTURE_TEARDOWN(strategy)
{
	td_close(&self->sock);
}

TEST_F(strategy, dump_is_accepted)
{
	const struct task_diag_pid query = {
		.dump_strategy = variant->strategy,
		.pid = 1,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, NLM_F_DUMP, &a));
	ASSERT_SUCCESS(&a);
	td_answer_free(&a);
}

TEST_F(strategy, single_request_is_accepted_for_one_only)
{
	const struct task_diag_pid query = {
		.dump_strategy = variant->strategy,
		.pid = 1,
	};
	struct td_answer a;

	ASSERT_EQ(0, td_query(&self->sock, &query, 0, &a));
	if (variant->needs_dump) {
		ASSERT_STREQ("", a.fault);
		EXPECT_EQ(EINVAL, a.end.error);
		EXPECT_TRUE(!!strstr(a.end.text, "dump_strategy"));
		EXPECT_TRUE(!!strstr(a.end.text, "NLM_F_DUMP"));
		EXPECT_EQ(FIRST_ATTR, a.end.offset);
		EXPECT_EQ(0U, a.rows);
	} else {
		ASSERT_SUCCESS(&a);
		EXPECT_EQ(1U, a.rows);
	}
	td_answer_free(&a);
}

static void ignore(int signal)
{
	(void)signal;
}

/*
 * A pending signal ends one step of a dump, and must not end a single request.
 */
TEST(single_request_with_pending_signal_is_answered)
{
	const struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = {};
	const struct sigaction action = {
		.sa_handler = ignore, .sa_flags = SA_RESTART,
	};
	const struct task_diag_pid query = {
		.show_flags = TD_BASE_CRED | TASK_DIAG_SHOW_FILES,
		.dump_strategy = TASK_DIAG_DUMP_ONE,
		.pid = getpid(),
	};
	struct td_sock sock;
	int i;

	ASSERT_EQ(0, td_open(&sock, TD_LARGE));
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	for (i = 0; i < 2000; i++) {
		struct td_answer a;

		ASSERT_EQ(0, td_query(&sock, &query, 0, &a));
		ASSERT_SUCCESS(&a);
		ASSERT_EQ(1U, a.rows);
		td_answer_free(&a);
	}
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	td_close(&sock);
}

int main(int argc, char **argv)
{
	td_require_family_and_root();
	return test_harness_run(argc, argv);
}
