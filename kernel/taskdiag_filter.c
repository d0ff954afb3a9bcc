// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: of the tasks that the strategy names, those that are wanted.
 *
 * A filter is an attribute beside the request, and one row of the table here:
 * how to take it in, and how to ask it about a task.  Only tasks that may be
 * seen are asked about, as otherwise the time it takes would tell of others.
 * The list of pids is not asked about tasks but walked: see taskdiag_walk.c.
 */
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/bsearch.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/threads.h>
#include <linux/uidgid.h>
#include <net/netlink.h>

#include "taskdiag_parts.h"

/**
 * struct filter_kind - a filter
 * @name: what extended acks call it
 * @size: of its payload; 0 if that differs
 * @take: takes its payload in
 * @holds: asks it about a task; NULL: it is not about tasks one by one
 */
struct filter_kind {
	const char	*name;
	size_t		size;
	int		(*take)(struct taskdiag_filter *filter,
				const struct nlattr *attr,
				const struct taskdiag_caller *caller,
				struct netlink_ext_ack *extack);
	taskdiag_holds_fn holds;
};

/* --- effective user id --------------------------------------------------- */

static int take_uid(struct taskdiag_filter *filter, const struct nlattr *attr,
		    const struct taskdiag_caller *caller,
		    struct netlink_ext_ack *extack)
{
	filter->uid = make_kuid(caller->sender->user_ns, nla_get_u32(attr));
	if (uid_valid(filter->uid))
		return 0;

	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "uid: no such id in the user namespace");
	return -EINVAL;
}

static bool uid_holds(const struct taskdiag_filter *filter,
		      const struct taskdiag_hit *hit)
{
	return uid_eq(__task_cred(hit->task)->euid, filter->uid);
}

/* --- cgroup -------------------------------------------------------------- */

#ifdef CONFIG_CGROUPS
static int take_cgroup(struct taskdiag_filter *filter,
		       const struct nlattr *attr,
		       const struct taskdiag_caller *caller,
		       struct netlink_ext_ack *extack)
{
	struct cgroup *cgroup;

	/* What is outside of the sender's cgroup namespace is not found. */
	cgroup = cgroup_get_from_id(nla_get_u64(attr));
	if (!IS_ERR(cgroup)) {
		filter->cgroup = cgroup;
		return 0;
	}

	NL_SET_ERR_MSG_ATTR(extack, attr, "cgroup: no such cgroup");
	return -ENOENT;
}

static bool cgroup_holds(const struct taskdiag_filter *filter,
			 const struct taskdiag_hit *hit)
{
	return task_under_cgroup_hierarchy(hit->task, filter->cgroup);
}

static void put_cgroup(struct taskdiag_filter *filter)
{
	if (filter->cgroup)
		cgroup_put(filter->cgroup);
}
#else
static void put_cgroup(struct taskdiag_filter *filter)
{
}
#endif

/* --- state --------------------------------------------------------------- */

static int take_states(struct taskdiag_filter *filter,
		       const struct nlattr *attr,
		       const struct taskdiag_caller *caller,
		       struct netlink_ext_ack *extack)
{
	u32 unknown;

	filter->states = nla_get_u32(attr);
	unknown = filter->states & ~GENMASK(TASK_DIAG_IDLE, 0);
	if (unknown) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"states: unknown bits 0x%x", unknown);
		return -EINVAL;
	}
	if (!filter->states) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "states: none");
		return -EINVAL;
	}
	return 0;
}

static bool state_holds(const struct taskdiag_filter *filter,
			const struct taskdiag_hit *hit)
{
	return filter->states & BIT(hit->state);
}

/* --- name ---------------------------------------------------------------- */

static int take_comm(struct taskdiag_filter *filter, const struct nlattr *attr,
		     const struct taskdiag_caller *caller,
		     struct netlink_ext_ack *extack)
{
	size_t len = nla_len(attr);

	if (!len || len >= sizeof(filter->comm)) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"comm: %zu bytes instead of 1 to %zu",
					len, sizeof(filter->comm) - 1);
		return -EINVAL;
	}
	if (memchr(nla_data(attr), '\0', len)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "comm: no name has a NUL");
		return -EINVAL;
	}
	filter->comm_len = len;
	memcpy(filter->comm, nla_data(attr), len);
	return 0;
}

static bool comm_holds(const struct taskdiag_filter *filter,
		       const struct taskdiag_hit *hit)
{
	bool ret;

	task_lock(hit->task);
	ret = !memcmp(hit->task->comm, filter->comm, filter->comm_len);
	task_unlock(hit->task);
	return ret;
}

/* --- pids ---------------------------------------------------------------- */

static int cmp_numbers(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* Put them in order, each once. */
static void arrange(struct taskdiag_numbers *list)
{
	unsigned int i, nr = 0;

	sort(list->numbers, list->nr, sizeof(u32), cmp_numbers, NULL);
	for (i = 0; i < list->nr; i++)
		if (!i || list->numbers[i] != list->numbers[nr - 1])
			list->numbers[nr++] = list->numbers[i];
	list->nr = nr;
}

static int take_pids(struct taskdiag_filter *filter, const struct nlattr *attr,
		     const struct taskdiag_caller *caller,
		     struct netlink_ext_ack *extack)
{
	struct taskdiag_numbers *list = &filter->pids;
	size_t len = nla_len(attr);

	if (!len || len % sizeof(u32)) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"pids: %zu bytes are no list of u32",
					len);
		return -EINVAL;
	}

	list->numbers = kvmemdup(nla_data(attr), len, GFP_KERNEL_ACCOUNT);
	if (!list->numbers)
		return -ENOMEM;
	list->nr = len / sizeof(u32);
	arrange(list);

	if (!list->numbers[0] || list->numbers[list->nr - 1] > PID_MAX_LIMIT) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "pids: not the number of a task");
		return -EINVAL;
	}
	return 0;
}

/**
 * taskdiag_numbers_have - is a number in a list?
 * @list: the list
 * @number: the number
 *
 * Return: true if so.
 */
bool taskdiag_numbers_have(const struct taskdiag_numbers *list, u32 number)
{
	return bsearch(&number, list->numbers, list->nr, sizeof(number),
		       cmp_numbers);
}

/* --- areas --------------------------------------------------------------- */

static int take_vma_flags(struct taskdiag_filter *filter,
			  const struct nlattr *attr,
			  const struct taskdiag_caller *caller,
			  struct netlink_ext_ack *extack)
{
	u64 unknown;

	filter->vma_flags = nla_get_u64(attr);
	unknown = filter->vma_flags &
		  ~GENMASK_ULL(ilog2(TASK_DIAG_VMA_SEALED), 0);
	if (unknown) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"vma_flags: unknown bits 0x%llx",
					unknown);
		return -EINVAL;
	}
	return 0;
}

/* ------------------------------------------------------------------------- */

static const struct filter_kind kinds[TASKDIAG_REQUEST_ATTRS] = {
	[TASK_DIAG_CMD_ATTR_UID] = {
		"uid", sizeof(u32), take_uid, uid_holds,
	},
#ifdef CONFIG_CGROUPS
	[TASK_DIAG_CMD_ATTR_CGROUP] = {
		"cgroup", sizeof(u64), take_cgroup, cgroup_holds,
	},
#else
	[TASK_DIAG_CMD_ATTR_CGROUP]	= { "cgroup" },
#endif
	[TASK_DIAG_CMD_ATTR_STATES] = {
		"states", sizeof(u32), take_states, state_holds,
	},
	[TASK_DIAG_CMD_ATTR_COMM]	= { "comm", 0, take_comm, comm_holds },
	[TASK_DIAG_CMD_ATTR_PIDS]	= { "pids", 0, take_pids },
	[TASK_DIAG_CMD_ATTR_VMA_FLAGS] = {
		"vma_flags", sizeof(u64), take_vma_flags,
	},
};

/**
 * taskdiag_filter_kinds - which filters there are
 * @groups: TASK_DIAG_SHOW_* of the groups there are
 *
 * Return: bit N for TASK_DIAG_CMD_ATTR_* of number N.
 */
u64 taskdiag_filter_kinds(u64 groups)
{
	unsigned int type;
	u64 all = 0;

	for (type = 0; type < ARRAY_SIZE(kinds); type++)
		if (kinds[type].take)
			all |= BIT_ULL(type);
	if (!(groups & TASKDIAG_SHOW_AREAS))
		all &= ~BIT_ULL(TASK_DIAG_CMD_ATTR_VMA_FLAGS);
	return all;
}

static int take(struct taskdiag_filter *filter, const struct filter_kind *kind,
		const struct nlattr *attr,
		const struct taskdiag_caller *caller,
		struct netlink_ext_ack *extack)
{
	int err;

	if (!kind->take) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"%s: no such filter in this kernel",
					kind->name);
		return -EOPNOTSUPP;
	}
	if (kind->size && nla_len(attr) != kind->size) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"%s: %d bytes instead of %zu",
					kind->name, nla_len(attr), kind->size);
		return -EINVAL;
	}

	err = kind->take(filter, attr, caller, extack);
	if (!err && kind->holds)
		filter->holds[filter->nr_holds++] = kind->holds;
	return err;
}

/**
 * taskdiag_filter_init - take the filters of a request in
 * @filter: zeroed
 * @attrs: the request's attributes by number, up to TASKDIAG_REQUEST_ATTRS
 * @show_flags: TASK_DIAG_SHOW_*
 * @caller: who asks
 * @extack: what was wrong, and with which attribute
 *
 * Called in the context of the sender.
 *
 * Return: 0 or an error.
 */
int taskdiag_filter_init(struct taskdiag_filter *filter,
			 struct nlattr *const *attrs, u64 show_flags,
			 const struct taskdiag_caller *caller,
			 struct netlink_ext_ack *extack)
{
	const struct nlattr *areas = attrs[TASK_DIAG_CMD_ATTR_VMA_FLAGS];
	unsigned int type;
	int err;

	for (type = 0; type < ARRAY_SIZE(kinds); type++) {
		if (!attrs[type] || !kinds[type].name)
			continue;
		err = take(filter, &kinds[type], attrs[type], caller, extack);
		if (err)
			return err;
	}

	if (areas && !(show_flags & TASKDIAG_SHOW_AREAS)) {
		NL_SET_ERR_MSG_ATTR(extack, areas,
				    "vma_flags: show_flags asks for no areas");
		return -EINVAL;
	}
	return 0;
}

void taskdiag_filter_release(struct taskdiag_filter *filter)
{
	put_cgroup(filter);
	kvfree(filter->pids.numbers);
}
