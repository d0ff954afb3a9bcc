// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the layout of a row, and the table of attribute groups.
 *
 * A row consists of structures of fixed size, whose headers are composed once
 * per request, and of groups that are appended behind them.
 *
 * Depends on fill.c, stat.c, usage.c, sched.c, nspid.c, files.c, cgroup.c,
 * paths.c, cmdline.c and vma.c; must not depend on the iterator or the message
 * headers.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#include "fill.h"
#include "taskdiag.h"

/**
 * struct taskdiag_group - an attribute group
 * @name: suffix of its TASK_DIAG_SHOW_* constant
 * @size: size of its structure, or the largest size; 0 if there is none
 * @tail: returns the number of bytes behind the structure, if it has any
 * @has_u64: the structure has 64-bit fields, which must be aligned
 * @visits_threads: in a row of a process, @fill visits each of its threads
 * @fill: writes the structure, including every byte of padding.  Runs under RCU
 *	and must not sleep.
 * @append: appends the group's attributes behind the structures of the row.
 *	Waits for other tasks in taskdiag_wait() only; may sleep for memory and
 *	in cond_resched().  Returns 0 when the group is complete, -EMSGSIZE if
 *	the rest belongs to the next message, -ESTALE if the task has ended or
 *	called execve(), -EACCES if the access check no longer passes, -EPERM if
 *	the caller may not read the rest of the group, -EBUSY if
 *	another task does not release a lock or a page in time, -E2BIG if the
 *	group exceeds a limit, -ENXIO if the group belongs to the leader's row,
 *	or an error.
 *
 * A group with neither @fill nor @append is not supported by this kernel.
 */
struct taskdiag_group {
	const char	*name;
	size_t		size;
	size_t		(*tail)(void);
	bool		has_u64;
	bool		visits_threads;
	taskdiag_fill_fn	fill;
	int		(*append)(struct taskdiag_append_ctx *ctx,
				  struct sk_buff *skb,
				  struct taskdiag_caller *caller);
};

static const struct taskdiag_group groups[TASK_DIAG_GROUP_MAX + 1] = {
	[TASK_DIAG_GROUP_BASE] = {
		.name		= "BASE",
		.size		= sizeof(struct task_diag_base),
		.fill		= taskdiag_fill_base,
	},
	[TASK_DIAG_GROUP_CRED] = {
		.name		= "CRED",
		.size		= sizeof(struct task_diag_creds),
		.fill		= taskdiag_fill_cred,
	},
	[TASK_DIAG_GROUP_STAT] = {
		.name		= "STAT",
		.size		= sizeof(struct task_diag_stat),
		.has_u64	= true,
		.visits_threads	= true,
		.fill		= taskdiag_fill_stat,
	},
	[TASK_DIAG_GROUP_VMA] = {
		.name		= "VMA",
#ifdef CONFIG_TASKDIAG_MM
		.append		= taskdiag_append_vmas,
#endif
	},
	[TASK_DIAG_GROUP_VMA_STAT] = {
		.name		= "VMA_STAT",
#if defined(CONFIG_TASKDIAG_MM) && defined(CONFIG_PROC_PAGE_MONITOR)
		.append		= taskdiag_append_vmas,
#endif
	},
	[TASK_DIAG_GROUP_CMDLINE] = {
		.name		= "CMDLINE",
#ifdef CONFIG_TASKDIAG_MM
		.append		= taskdiag_append_cmdline,
#endif
	},
	[TASK_DIAG_GROUP_FILES] = {
		.name		= "FILES",
		.size		= sizeof(struct task_diag_files),
		.append		= taskdiag_append_files,
	},
	[TASK_DIAG_GROUP_IDENT] = {
		.name		= "IDENT",
		.size		= sizeof(struct task_diag_ident),
		.has_u64	= true,
		.fill		= taskdiag_fill_ident,
	},
	[TASK_DIAG_GROUP_NS] = {
		.name		= "NS",
		.size		= sizeof(struct task_diag_ns),
		.has_u64	= true,
		.fill		= taskdiag_fill_ns,
	},
	[TASK_DIAG_GROUP_CGROUP] = {
		.name		= "CGROUP",
#ifdef CONFIG_CGROUPS
		.append		= taskdiag_append_cgroup,
#endif
	},
	[TASK_DIAG_GROUP_IO] = {
		.name		= "IO",
		.size		= sizeof(struct task_diag_io),
		.has_u64	= true,
		.visits_threads	= true,
#ifdef CONFIG_TASK_IO_ACCOUNTING
		.fill		= taskdiag_fill_io,
#endif
	},
	[TASK_DIAG_GROUP_SIGNALS] = {
		.name		= "SIGNALS",
		.size		= sizeof(struct task_diag_signals),
		.has_u64	= true,
		.fill		= taskdiag_fill_signals,
	},
	[TASK_DIAG_GROUP_LIMITS] = {
		.name		= "LIMITS",
		.size		= sizeof(struct task_diag_limits),
		.has_u64	= true,
		.fill		= taskdiag_fill_limits,
	},
	[TASK_DIAG_GROUP_OOM] = {
		.name		= "OOM",
		.size		= sizeof(struct task_diag_oom),
		.fill		= taskdiag_fill_oom,
	},
	[TASK_DIAG_GROUP_PATHS] = {
		.name		= "PATHS",
		.append		= taskdiag_append_paths,
	},
	[TASK_DIAG_GROUP_ENVIRON] = {
		.name		= "ENVIRON",
#ifdef CONFIG_TASKDIAG_MM
		.append		= taskdiag_append_environ,
#endif
	},
	[TASK_DIAG_GROUP_SCHED] = {
		.name		= "SCHED",
		.size		= sizeof(struct task_diag_sched),
		.tail		= taskdiag_sched_bitmaps,
		.has_u64	= true,
		.fill		= taskdiag_fill_sched,
	},
	[TASK_DIAG_GROUP_NSPID] = {
		.name		= "NSPID",
		.size		= TASKDIAG_NSPID_MAX *
				  sizeof(struct task_diag_nspid),
		.append		= taskdiag_append_nspid,
	},
};

/* Size of the group's payload, which is constant while the kernel runs. */
static size_t payload_size(const struct taskdiag_group *group)
{
	return group->size + (group->tail ? group->tail() : 0);
}

static bool is_supported(unsigned int bit)
{
	return (groups[bit].fill || groups[bit].append) &&
	       !(taskdiag_unsupported_groups & BIT_ULL(bit));
}

/**
 * taskdiag_row_groups - return the groups of this kernel
 *
 * Return: TASK_DIAG_SHOW_*.
 */
u64 taskdiag_row_groups(void)
{
	unsigned int bit;
	u64 all = 0;

	for (bit = 0; bit <= TASK_DIAG_GROUP_MAX; bit++)
		if (is_supported(bit))
			all |= BIT_ULL(bit);
	return all;
}

/*
 * The order of appended groups.  Groups that do not wait come first, so that
 * their access check is close to that of the template.  VMA appends VMA_STAT as
 * well, message by message.
 */
static const unsigned int append_order[] = {
	TASK_DIAG_GROUP_CGROUP,
	TASK_DIAG_GROUP_NSPID,
	TASK_DIAG_GROUP_FILES,
	TASK_DIAG_GROUP_PATHS,
	TASK_DIAG_GROUP_CMDLINE,
	TASK_DIAG_GROUP_ENVIRON,
	TASK_DIAG_GROUP_VMA,
	TASK_DIAG_GROUP_VMA_STAT,
};

static void choose_appended(struct taskdiag_row *row)
{
	const struct taskdiag_group *group, *last = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(append_order); i++) {
		group = &groups[append_order[i]];
		if (!(row->show_flags & BIT_ULL(append_order[i])))
			continue;
		if (!last || last->append != group->append)
			row->appended[row->nr_appended++] = group;
		row->append_flags[row->nr_appended - 1] |=
			BIT_ULL(append_order[i]);
		last = group;
	}
}

/**
 * taskdiag_row_init - choose the groups of a request
 * @row: the layout, zeroed
 * @show_flags: TASK_DIAG_SHOW_*
 * @is_dump: the reply may have any number of messages, instead of exactly one
 * @extack: receives the reason of an error
 *
 * Return: 0 or an error.
 */
int taskdiag_row_init(struct taskdiag_row *row, u64 show_flags, bool is_dump,
		      struct netlink_ext_ack *extack)
{
	u64 unknown = show_flags & ~GENMASK_ULL(TASK_DIAG_GROUP_MAX, 0);
	unsigned int bit;

	if (unknown) {
		NL_SET_ERR_MSG_FMT(extack, "show_flags: unknown bits 0x%llx",
				   unknown);
		return -EINVAL;
	}

	for (bit = 0; bit <= TASK_DIAG_GROUP_MAX; bit++) {
		if (!(show_flags & BIT_ULL(bit)))
			continue;
		if (!is_supported(bit)) {
			NL_SET_ERR_MSG_FMT(extack,
					   "show_flags: group %s not supported by this kernel",
					   groups[bit].name);
			return -EOPNOTSUPP;
		}
		if (!groups[bit].size && !is_dump) {
			NL_SET_ERR_MSG_FMT(extack,
					   "show_flags: %s needs NLM_F_DUMP",
					   groups[bit].name);
			return -EINVAL;
		}
		row->visits_threads |= groups[bit].visits_threads;
	}
	row->show_flags = show_flags;
	choose_appended(row);
	return 0;
}

/**
 * taskdiag_row_release - release the template
 * @row: the layout
 */
void taskdiag_row_release(struct taskdiag_row *row)
{
	consume_skb(row->template);
}

/* Return true if the template contains the structure of the group. */
static bool is_filled(const struct taskdiag_row *row, unsigned int bit)
{
	return (row->show_flags & BIT_ULL(bit)) && groups[bit].fill;
}

/**
 * taskdiag_row_template_size - return the size of the template's attributes
 * @row: the layout, after taskdiag_row_init()
 *
 * Return: upper bound of the size in bytes.
 */
size_t taskdiag_row_template_size(const struct taskdiag_row *row)
{
	size_t size = nla_total_size(sizeof(struct task_diag_msg)) +
		      nla_total_size(0);
	unsigned int bit;

	for (bit = 0; bit <= TASK_DIAG_GROUP_MAX; bit++)
		if (is_filled(row, bit))
			size += nla_total_size_64bit(payload_size(&groups[bit]));
	return size;
}

/**
 * taskdiag_row_max_size - return the size of a buffer for any message of a row
 * @row: the layout, after taskdiag_row_append_template()
 *
 * Return: the size in bytes.
 */
size_t taskdiag_row_max_size(const struct taskdiag_row *row)
{
	size_t size = row->template->len +
		      nla_total_size_64bit(sizeof(struct task_diag_absent));
	unsigned int i;

	for (i = 0; i < row->nr_appended; i++) {
		if (!row->appended[i]->size)
			return SKB_WITH_OVERHEAD(TASKDIAG_RECV_MIN);
		size += nla_total_size_64bit(row->appended[i]->size);
	}
	return size;
}

static int reserve(struct sk_buff *skb, int type, size_t size, bool align,
		   unsigned int *offset)
{
	struct nlattr *attr;

	if (align)
		attr = nla_reserve_64bit(skb, type, size, TASK_DIAG_PAD);
	else
		attr = nla_reserve(skb, type, size);
	if (!attr)
		return -EMSGSIZE;
	memset(nla_data(attr), 0, size);
	*offset = (u8 *)nla_data(attr) - skb->data;
	return 0;
}

/*
 * Pad the row to a multiple of 8 bytes if 64-bit fields must be aligned, so
 * that the offsets of the first row suit the rows behind it as well.
 */
static int reserve_tail(struct sk_buff *skb)
{
	if (IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) ||
	    IS_ALIGNED(skb->len, sizeof(u64)))
		return 0;
	return nla_reserve(skb, TASK_DIAG_PAD, 0) ? 0 : -EMSGSIZE;
}

static int add_part(struct taskdiag_row *row, struct sk_buff *skb,
		    unsigned int bit)
{
	struct taskdiag_part *part = &row->parts[row->nr_parts++];
	const struct taskdiag_group *group = &groups[bit];
	unsigned int end = skb->len;
	int err;

	err = reserve(skb, TASK_DIAG_ATTR_GROUPS + bit, payload_size(group),
		      group->has_u64, &part->offset);
	if (err)
		return err;
	part->headers = part->offset - end;
	part->bit = bit;
	part->fill = group->fill;
	return 0;
}

/*
 * Fast path: the attributes BASE and CRED behind the struct task_diag_msg,
 * which most requests contain.  The compiler knows their offsets, so they are
 * written without reading taskdiag_row::parts.
 */
struct fast_path_attrs {
	struct nlattr		base_attr;
	struct task_diag_base	base;
	struct nlattr		cred_attr;
	struct task_diag_creds	cred;
};

#define NR_FAST_PATH_PARTS	2

static bool has_fast_path(const struct taskdiag_row *row)
{
	const struct taskdiag_part *parts = row->parts;

	return row->nr_parts >= NR_FAST_PATH_PARTS &&
	       parts[0].fill == taskdiag_fill_base &&
	       parts[1].fill == taskdiag_fill_cred;
}

static struct nlattr attr_of(int type, size_t size)
{
	return (struct nlattr) {
		.nla_len	= nla_attr_size(size),
		.nla_type	= type,
	};
}

static __always_inline void fill_fast_path(void *to,
					   const struct taskdiag_item *item,
					   const struct taskdiag_caller *caller)
{
	struct fast_path_attrs *parts = to;

	/* The offsets must be those of nla_reserve(). */
	BUILD_BUG_ON(offsetof(struct fast_path_attrs, cred_attr) !=
		     nla_total_size(sizeof(parts->base)));
	BUILD_BUG_ON(sizeof(*parts) !=
		     nla_total_size(sizeof(parts->base)) +
		     nla_total_size(sizeof(parts->cred)));

	parts->base_attr = attr_of(TASK_DIAG_BASE, sizeof(parts->base));
	taskdiag_fill_base(&parts->base, item, caller);
	parts->cred_attr = attr_of(TASK_DIAG_CRED, sizeof(parts->cred));
	taskdiag_fill_cred(&parts->cred, item, caller);
}

/* TASK_DIAG_SHOW_* of the groups in the template. */
static u64 filled_groups(const struct taskdiag_row *row)
{
	unsigned int bit;
	u64 mask = 0;

	for (bit = 0; bit <= TASK_DIAG_GROUP_MAX; bit++)
		if (is_filled(row, bit))
			mask |= BIT_ULL(bit);
	return mask;
}

/**
 * taskdiag_row_append_template - append the attributes of a row to its template
 * @row: the layout, after taskdiag_row_init()
 * @skb: message with its headers only; becomes the template
 *
 * Return: 0 or an error.
 */
int taskdiag_row_append_template(struct taskdiag_row *row, struct sk_buff *skb)
{
	bool any_u64 = false;
	unsigned int bit, end;
	int err;

	err = reserve(skb, TASK_DIAG_MSG, sizeof(struct task_diag_msg), false,
		      &row->msg_offset);
	for (bit = 0; !err && bit <= TASK_DIAG_GROUP_MAX; bit++) {
		if (!is_filled(row, bit))
			continue;
		err = add_part(row, skb, bit);
		any_u64 |= groups[bit].has_u64;
	}
	row->needs_check = filled_groups(row) & TASKDIAG_PTRACE_GROUPS;
	/* With appended groups, the last message lists the denied groups. */
	row->layout_groups = row->nr_appended ? filled_groups(row) :
						row->show_flags;
	row->fast_path = has_fast_path(row);
	end = skb->len;
	if (!err && any_u64)
		err = reserve_tail(skb);
	row->tail = skb->len - end;
	row->more = row->nr_parts > NR_FAST_PATH_PARTS || row->tail;
	return err;
}

/*
 * Copy headers from the template.  Their length is nearly always @expected, a
 * constant, for which the compiler does not call memcpy().
 */
static __always_inline void copy_headers(void *to, const void *template,
					 unsigned int at, unsigned int len,
					 unsigned int expected)
{
	if (likely(len == expected))
		memcpy(to + at, template + at, expected);
	else
		memcpy(to + at, template + at, len);
}

/* Write all parts from @part on, and the padding behind the last one. */
static noinline void fill_parts(const struct taskdiag_row *row,
				const struct taskdiag_part *part, void *to,
				const struct taskdiag_item *item,
				const struct taskdiag_caller *caller)
{
	const struct taskdiag_part *const end = row->parts + row->nr_parts;
	const void *template = row->template->data;

	for (; part < end; part++) {
		copy_headers(to, template, part->offset - part->headers,
			     part->headers, NLA_HDRLEN);
		part->fill(to + part->offset, item, caller);
	}
	if (row->tail)
		copy_headers(to, template, row->template->len - row->tail,
			     row->tail, NLA_HDRLEN);
}

/* Write the headers of the message, and the struct task_diag_msg. */
static __always_inline struct task_diag_msg *
fill_msg(const struct taskdiag_row *row, void *to,
	 const struct taskdiag_item *item)
{
	struct task_diag_msg *msg = to + row->msg_offset;

	/* The expected length is that of the family's messages. */
	copy_headers(to, row->template->data, 0, row->msg_offset,
		     NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN);
	*msg = (struct task_diag_msg) {
		.pid	= item->pid,
		.tgid	= item->tgid,
	};
	return msg;
}

/**
 * taskdiag_row_fill - write the row of a task
 * @row: the layout, after taskdiag_row_append_template()
 * @to: destination, with the length of the template
 * @item: the task
 * @caller: the caller
 *
 * Context: RCU section of @item.
 */
void taskdiag_row_fill(const struct taskdiag_row *row, void *to,
		       const struct taskdiag_item *item,
		       const struct taskdiag_caller *caller)
{
	const struct taskdiag_part *part = row->parts;
	struct task_diag_msg *msg;

	msg = fill_msg(row, to, item);
	if (likely(row->fast_path)) {
		fill_fast_path(msg + 1, item, caller);
		if (likely(!row->more))
			return;
		part += NR_FAST_PATH_PARTS;
	}
	fill_parts(row, part, to, item, caller);
}

/*
 * Append the header of an attribute to *@len bytes at @to, as
 * nla_reserve_64bit() does in an skb.  Return the payload.
 */
static void *append_attr(void *to, unsigned int *len, int type, size_t size,
			 bool align)
{
	void *payload;

	if (align && !IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	    !IS_ALIGNED(*len + NLA_HDRLEN, sizeof(u64))) {
		*(struct nlattr *)(to + *len) = attr_of(TASK_DIAG_PAD, 0);
		*len += NLA_HDRLEN;
	}
	*(struct nlattr *)(to + *len) = attr_of(type, size);
	payload = to + *len + NLA_HDRLEN;
	*len += nla_total_size(size);
	return payload;
}

/**
 * taskdiag_row_fill_partial - write the row of a task without denied groups
 * @row: the layout, after taskdiag_row_append_template()
 * @to: destination
 * @size: size of the destination
 * @item: the task
 * @caller: the caller
 *
 * Without appended groups, the row ends with the list of the denied ones.
 *
 * Context: RCU section of @item.
 *
 * Return: length of the row, or 0 if @size is too small.
 */
unsigned int taskdiag_row_fill_partial(const struct taskdiag_row *row,
				       void *to, unsigned int size,
				       const struct taskdiag_item *item,
				       const struct taskdiag_caller *caller)
{
	const struct taskdiag_part *part, *end = row->parts + row->nr_parts;
	unsigned int len = row->msg_offset + sizeof(struct task_diag_msg);
	struct task_diag_absent absent = {};
	struct nlmsghdr *nlh = to;
	void *payload;

	if (size < row->template->len + nla_total_size_64bit(sizeof(absent)))
		return 0;
	fill_msg(row, to, item);
	for (part = row->parts; part < end; part++) {
		const struct taskdiag_group *group = &groups[part->bit];

		if (item->denied & BIT_ULL(part->bit))
			continue;
		payload = append_attr(to, &len,
				      TASK_DIAG_ATTR_GROUPS + part->bit,
				      payload_size(group), group->has_u64);
		part->fill(payload, item, caller);
	}
	if (!row->nr_appended) {
		absent.denied = item->denied & row->show_flags;
		payload = append_attr(to, &len, TASK_DIAG_ABSENT,
				      sizeof(absent), true);
		memcpy(payload, &absent, sizeof(absent));
	}
	nlh->nlmsg_len = len;
	return len;
}

/**
 * taskdiag_row_append - append a group behind the template's attributes
 * @row: the layout, after taskdiag_row_init()
 * @step: index of the group in @row->appended
 * @ctx: state of the row's appended groups
 * @skb: destination
 * @caller: the caller
 *
 * Context: Process context.  May sleep, within the time limits of the row.
 *
 * Return: the result of taskdiag_group::append.
 */
int taskdiag_row_append(const struct taskdiag_row *row, unsigned int step,
			struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			struct taskdiag_caller *caller)
{
	return row->appended[step]->append(ctx, skb, caller);
}
