// SPDX-License-Identifier: GPL-2.0-only
/* Answers: the messages of a reply, parsed and checked. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kselftest.h"
#include "answer.h"

/* Record a protocol violation, unless there is an earlier one. */
__printf(2, 3)
static void td_fault(struct td_answer *a, const char *format, ...)
{
	va_list args;

	if (a->fault[0])
		return;
	va_start(args, format);
	vsnprintf(a->fault, sizeof(a->fault), format, args);
	va_end(args);
}

void td_answer_init(const struct td_sock *s, struct td_answer *a, bool dump)
{
	memset(a, 0, sizeof(*a));
	a->seq = s->seq;
	a->show = s->show;
	a->dump = dump;
}

void td_answer_free(struct td_answer *a)
{
	free(a->row);
	free(a->raw);
	memset(a, 0, sizeof(*a));
}

static void td_parse_extack(struct td_answer *a, struct td_span span)
{
	struct td_attr attr;
	int more;

	while ((more = td_next_attr(&span, &attr)) > 0) {
		switch (attr.type) {
		case NLMSGERR_ATTR_MSG:
			if (!attr.len || attr.data[attr.len - 1])
				td_fault(a, "extended ack text without a NUL");
			else
				snprintf(a->end.text, sizeof(a->end.text), "%s",
					 (const char *)attr.data);
			break;
		case NLMSGERR_ATTR_OFFS:
			a->end.offset = td_attr_u32(&attr);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			a->end.missing = td_attr_u32(&attr);
			break;
		}
	}
	if (more)
		td_fault(a, "malformed extended ack");
}

/*
 * Check that the last row is complete: each requested group is in the row or in
 * exactly one mask of TASK_DIAG_ABSENT.
 */
static void td_check_row(struct td_answer *a)
{
	const struct td_row *row = &a->row[a->rows - 1];
	const struct task_diag_absent *absent = &row->absent;
	const __u64 all = absent->gone | absent->denied | absent->busy |
			  absent->limit | absent->leader;
	const __u64 once = absent->gone ^ absent->denied ^ absent->busy ^
			   absent->limit ^ absent->leader;

	if (row->complete != !!all)
		td_fault(a, "row %u has an empty TASK_DIAG_ABSENT",
			 row->msg.pid);
	if (all != once)
		td_fault(a, "row %u lacks groups for two reasons",
			 row->msg.pid);
	if (all & ~a->show)
		td_fault(a, "row %u lacks groups %#llx that were not requested",
			 row->msg.pid, all & ~a->show);
	if ((row->groups | all) != a->show)
		td_fault(a, "row %u has groups %#llx of %#llx, and lacks %#llx",
			 row->msg.pid, row->groups, a->show, all);
}

static void td_parse_end(struct td_answer *a, const struct nlmsghdr *nlh)
{
	const unsigned char *data = NLMSG_DATA(nlh);
	size_t len = nlh->nlmsg_len - NLMSG_HDRLEN, head;
	int code = 0;

	/* A dump whose first allocation fails reports that and starts later. */
	if (a->end.type) {
		td_fault(a, "second end");
		return;
	}
	a->end.type = nlh->nlmsg_type;

	/* Both begin with the code; NETLINK_CAP_ACK omits the request. */
	head = nlh->nlmsg_type == NLMSG_DONE ? NLMSG_ALIGN(sizeof(code)) :
					       sizeof(struct nlmsgerr);
	if (len < head) {
		td_fault(a, "end message of %zu bytes", len);
		return;
	}
	memcpy(&code, data, sizeof(code));
	if (code > 0)
		td_fault(a, "positive error code %d", code);
	a->end.error = -code;
	if (!code && a->rows && a->row[a->rows - 1].more)
		td_fault(a, "end of the dump in the middle of row %u",
			 a->row[a->rows - 1].msg.pid);
	/* A dump that fails may end in the middle of a row. */
	if (a->rows && !code)
		td_check_row(a);

	if (nlh->nlmsg_type == NLMSG_DONE) {
		if (!a->dump)
			td_fault(a, "NLMSG_DONE without a dump");
		if (!(nlh->nlmsg_flags & NLM_F_MULTI))
			td_fault(a, "NLMSG_DONE without NLM_F_MULTI");
	}
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS) {
		struct td_span span = { data + head, len - head };

		td_parse_extack(a, span);
	}
}

/* The groups with a fixed structure, and their place in struct td_row. */
static const struct {
	__u16 type;
	size_t size;
	size_t offset;
	bool has_tail;		/* other data follows the structure */
} td_structs[] = {
#define TD_STRUCT(group, type, member) \
	{ group, sizeof(struct type), offsetof(struct td_row, member), false }
#define TD_STRUCT_TAIL(group, type, member) \
	{ group, sizeof(struct type), offsetof(struct td_row, member), true }

	TD_STRUCT(TASK_DIAG_BASE, task_diag_base, base),
	TD_STRUCT(TASK_DIAG_CRED, task_diag_creds, cred),
	TD_STRUCT(TASK_DIAG_STAT, task_diag_stat, stat),
	TD_STRUCT(TASK_DIAG_FILES, task_diag_files, files),
	TD_STRUCT(TASK_DIAG_IDENT, task_diag_ident, ident),
	TD_STRUCT(TASK_DIAG_NS, task_diag_ns, ns),
	TD_STRUCT(TASK_DIAG_IO, task_diag_io, io),
	TD_STRUCT(TASK_DIAG_SIGNALS, task_diag_signals, signals),
	TD_STRUCT(TASK_DIAG_LIMITS, task_diag_limits, limits),
	TD_STRUCT(TASK_DIAG_OOM, task_diag_oom, oom),
	TD_STRUCT_TAIL(TASK_DIAG_SCHED, task_diag_sched, sched),
	TD_STRUCT(TASK_DIAG_ABSENT, task_diag_absent, absent),
};

/* Return true if the group may continue in further messages of a row. */
static bool td_spans_messages(__u16 type)
{
	return type == TASK_DIAG_VMA || type == TASK_DIAG_VMA_STAT ||
	       type == TASK_DIAG_CMDLINE || type == TASK_DIAG_PATHS ||
	       type == TASK_DIAG_ENVIRON;
}

/*
 * Return the rank of an attribute: groups are ordered by their bits, followed
 * by the appended groups and by TASK_DIAG_ABSENT.
 */
static unsigned int td_attr_order(__u16 type)
{
	static const __u16 last[] = {
		TASK_DIAG_CGROUP, TASK_DIAG_NSPID, TASK_DIAG_FILES,
		TASK_DIAG_PATHS, TASK_DIAG_CMDLINE, TASK_DIAG_ENVIRON,
		TASK_DIAG_VMA, TASK_DIAG_VMA_STAT, TASK_DIAG_ABSENT,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(last); i++)
		if (type == last[i])
			return TASK_DIAG_ATTR_MAX + 1 + i;
	return type;
}

static void td_parse_struct(struct td_answer *a, struct td_row *row,
			    const struct td_attr *attr)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(td_structs); i++) {
		if (td_structs[i].type != attr->type)
			continue;
		if (td_structs[i].has_tail ?
		    attr->len < td_structs[i].size :
		    attr->len != td_structs[i].size)
			td_fault(a, "group %u of %zu bytes", attr->type,
				 attr->len);
		td_attr_struct(attr, (char *)row + td_structs[i].offset,
			       td_structs[i].size);
	}
}

/* Parse the attributes of one message into @row. */
static void td_parse_attrs(struct td_answer *a, struct td_row *row,
			   struct td_span span)
{
	unsigned int last = TASK_DIAG_MSG;
	struct td_attr attr;
	__u64 group;
	int more;

	while ((more = td_next_attr(&span, &attr)) > 0) {
		if (attr.type == TASK_DIAG_PAD || attr.type == TASK_DIAG_MSG)
			continue;
		if (attr.type < TASK_DIAG_ATTR_GROUPS &&
		    attr.type != TASK_DIAG_ABSENT) {
			td_fault(a, "attribute %u in a reply", attr.type);
			continue;
		}
		if (td_attr_order(attr.type) < td_attr_order(last))
			td_fault(a, "group %u after group %u", attr.type, last);
		last = attr.type;
		if (attr.type == TASK_DIAG_ABSENT) {
			row->complete = true;
			td_parse_struct(a, row, &attr);
			continue;
		}
		group = 1ULL << (attr.type - TASK_DIAG_ATTR_GROUPS);
		if (row->groups & group && !td_spans_messages(attr.type))
			td_fault(a, "group %u twice", attr.type);
		row->groups |= group;
		td_parse_struct(a, row, &attr);
	}
	if (more)
		td_fault(a, "malformed attributes");
}

static struct td_row *td_new_row(struct td_answer *a)
{
	if (a->rows)
		td_check_row(a);
	if (a->rows == a->capacity) {
		size_t capacity = a->capacity ? 2 * a->capacity : 64;
		struct td_row *bigger =
			realloc(a->row, capacity * sizeof(*bigger));

		if (!bigger)
			return NULL;
		a->row = bigger;
		a->capacity = capacity;
	}
	memset(&a->row[a->rows], 0, sizeof(*a->row));
	return &a->row[a->rows++];
}

static int td_append_raw(struct td_answer *a, struct td_row *row,
			 struct td_span span)
{
	if (a->raw_len + span.len > a->raw_capacity) {
		size_t capacity = 2 * (a->raw_len + span.len);
		unsigned char *bigger = realloc(a->raw, capacity);

		if (!bigger)
			return -ENOMEM;
		a->raw = bigger;
		a->raw_capacity = capacity;
	}
	memcpy(a->raw + a->raw_len, span.at, span.len);
	if (!row->len)
		row->start = a->raw_len;
	row->len += span.len;
	a->raw_len += span.len;
	return 0;
}

static int td_parse_task(struct td_answer *a, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);
	struct td_span span, rest;
	struct task_diag_msg msg;
	struct td_attr first;
	struct td_row *row;

	if (nlh->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN)) {
		td_fault(a, "task message of %u bytes", nlh->nlmsg_len);
		return 0;
	}
	if (genl->cmd != TASK_DIAG_CMD_GET ||
	    genl->version != TASK_DIAG_GENL_VERSION || genl->reserved)
		td_fault(a, "command %u, version %u, reserved %u", genl->cmd,
			 genl->version, genl->reserved);
	if (!(nlh->nlmsg_flags & NLM_F_MULTI) != !a->dump)
		td_fault(a, "message flags %#x in a %s", nlh->nlmsg_flags,
			 a->dump ? "dump" : "single reply");
	if (a->end.type)
		td_fault(a, "row after the end");

	span.at = (const unsigned char *)genl + GENL_HDRLEN;
	span.len = nlh->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	/* A dump by a procfs mount may have a message without attributes. */
	if (!span.len && a->dump) {
		if (a->rows && a->row[a->rows - 1].more)
			td_fault(a, "message without attributes in row %u",
				 a->row[a->rows - 1].msg.pid);
		return 0;
	}
	rest = span;
	if (td_next_attr(&rest, &first) <= 0 || first.type != TASK_DIAG_MSG ||
	    first.len != sizeof(msg)) {
		td_fault(a, "message without TASK_DIAG_MSG at its start");
		return 0;
	}
	td_attr_struct(&first, &msg, sizeof(msg));
	if (msg.flags & ~(TASK_DIAG_FLAG_CONT | TASK_DIAG_FLAG_MORE))
		td_fault(a, "unknown message flags %#x", msg.flags);

	if (msg.flags & TASK_DIAG_FLAG_CONT) {
		row = a->rows ? &a->row[a->rows - 1] : NULL;
		if (!row || row->msg.pid != msg.pid ||
		    row->msg.tgid != msg.tgid) {
			td_fault(a, "row %u continues without a start",
				 msg.pid);
			return 0;
		}
		if (!row->more)
			td_fault(a, "row %u continues after its last message",
				 msg.pid);
	} else {
		if (a->rows && a->row[a->rows - 1].more)
			td_fault(a, "row %u does not continue",
				 a->row[a->rows - 1].msg.pid);
		row = td_new_row(a);
		if (!row)
			return -ENOMEM;
		row->msg = msg;
	}
	row->more = msg.flags & TASK_DIAG_FLAG_MORE;
	if (row->complete)
		td_fault(a, "row %u continues after TASK_DIAG_ABSENT", msg.pid);
	row->messages++;
	td_parse_attrs(a, row, rest);
	return td_append_raw(a, row, span);
}

static struct td_answer *td_answer_for(struct td_answer *answers, size_t nr,
				       __u32 seq)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (answers[i].seq == seq)
			return &answers[i];
	td_fault(&answers[0], "message with sequence number %u", seq);
	return NULL;
}

int td_receive_datagram(struct td_sock *s, struct td_answer *answers, size_t nr)
{
	ssize_t got = td_receive_raw(s, 0);
	const struct nlmsghdr *nlh;
	struct td_span span;
	size_t i;
	int more;

	if (got < 0)
		return got;
	for (i = 0; i < nr; i++)
		answers[i].receives++;

	span.at = s->buf;
	span.len = got;
	while ((more = td_next_message(&span, &nlh)) > 0) {
		struct td_answer *a =
			td_answer_for(answers, nr, nlh->nlmsg_seq);

		if (!a)
			continue;
		if (nlh->nlmsg_pid != s->portid)
			td_fault(a, "message for port %u", nlh->nlmsg_pid);
		/* In errors this bit has another meaning. */
		if (nlh->nlmsg_type != NLMSG_ERROR &&
		    nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			td_fault(a, "NLM_F_DUMP_INTR");

		if (nlh->nlmsg_type == NLMSG_DONE ||
		    nlh->nlmsg_type == NLMSG_ERROR) {
			td_parse_end(a, nlh);
		} else if (nlh->nlmsg_type == s->family) {
			int err = td_parse_task(a, nlh);

			if (err)
				return err;
		} else {
			td_fault(a, "message of type %u", nlh->nlmsg_type);
		}
	}
	if (more)
		td_fault(&answers[0], "%zu bytes after the last message",
			 span.len);
	return 0;
}

int td_receive(struct td_sock *s, struct td_answer *a)
{
	int err = 0;

	while (!err && !a->end.type)
		err = td_receive_datagram(s, a, 1);
	return err;
}

int td_query(struct td_sock *s, const struct task_diag_pid *query, __u16 flags,
	     struct td_answer *a)
{
	bool dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err;

	/* The reply to a single request ends with its ack. */
	err = td_send_request(s, query, dump ? flags : flags | NLM_F_ACK, NULL);
	td_answer_init(s, a, dump);
	return err ? err : td_receive(s, a);
}

int td_query_filtered(struct td_sock *s, const struct task_diag_pid *query,
		      __u16 flags, const struct td_filter *filter, size_t nr,
		      struct td_answer *a)
{
	bool dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err;

	err = td_send_filtered(s, query, dump ? flags : flags | NLM_F_ACK,
			       filter, nr);
	td_answer_init(s, a, dump);
	return err ? err : td_receive(s, a);
}

struct td_span td_row_attrs(const struct td_answer *a, const struct td_row *row)
{
	return (struct td_span) { a->raw + row->start, row->len };
}

const struct td_row *td_find_row(const struct td_answer *a, __u32 pid)
{
	size_t i;

	for (i = a->rows; i-- > 0;)
		if (a->row[i].msg.pid == pid)
			return &a->row[i];
	return NULL;
}
