// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the filters of a request.
 *
 * A filter is an attribute of the request, and an entry of the table
 * filter_kinds with a function that parses it and one that tests a task.  Only
 * visible tasks are tested, as the time of a test would reveal others.  With
 * ALL and ALL_THREAD, iter.c iterates over the list of pids only.
 *
 * Depends on vma_flags.c; must not depend on the iterator or a group.
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

#include "taskdiag.h"

/**
 * struct filter_kind - a filter
 * @name: its name in extended acks
 * @parse: stores its payload, whose type and length the policy has checked;
 *	NULL if this kernel does not have the filter
 * @matches: tests a task; NULL if the filter does not select tasks
 */
struct filter_kind {
	const char	*name;
	int		(*parse)(struct taskdiag_filter *filter,
				 const struct nlattr *attr,
				 const struct taskdiag_caller *caller,
				 struct netlink_ext_ack *extack);
	taskdiag_match_fn matches;
};

/* --- effective user id --------------------------------------------------- */

static int parse_uid(struct taskdiag_filter *filter, const struct nlattr *attr,
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

static bool uid_matches(const struct taskdiag_filter *filter,
			const struct taskdiag_item *item)
{
	return uid_eq(__task_cred(item->task)->euid, filter->uid);
}

/* --- cgroup -------------------------------------------------------------- */

#ifdef CONFIG_CGROUPS
static int parse_cgroup(struct taskdiag_filter *filter,
			const struct nlattr *attr,
			const struct taskdiag_caller *caller,
			struct netlink_ext_ack *extack)
{
	struct cgroup *cgroup;

	/* Finds only cgroups in the sender's cgroup namespace. */
	cgroup = cgroup_get_from_id(nla_get_u64(attr));
	if (!IS_ERR(cgroup)) {
		filter->cgroup = cgroup;
		return 0;
	}

	NL_SET_ERR_MSG_ATTR(extack, attr, "cgroup: no such cgroup");
	return -ENOENT;
}

static bool cgroup_matches(const struct taskdiag_filter *filter,
			   const struct taskdiag_item *item)
{
	return task_under_cgroup_hierarchy(item->task, filter->cgroup);
}

static void release_cgroup(struct taskdiag_filter *filter)
{
	if (filter->cgroup)
		cgroup_put(filter->cgroup);
}
#else
static void release_cgroup(struct taskdiag_filter *filter)
{
}
#endif

/* --- state --------------------------------------------------------------- */

static int parse_states(struct taskdiag_filter *filter,
			const struct nlattr *attr,
			const struct taskdiag_caller *caller,
			struct netlink_ext_ack *extack)
{
	filter->states = nla_get_u32(attr);
	if (filter->states)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "states: no state is selected");
	return -EINVAL;
}

static bool state_matches(const struct taskdiag_filter *filter,
			  const struct taskdiag_item *item)
{
	return filter->states & BIT(item->state);
}

/* --- name ---------------------------------------------------------------- */

static int parse_comm(struct taskdiag_filter *filter, const struct nlattr *attr,
		      const struct taskdiag_caller *caller,
		      struct netlink_ext_ack *extack)
{
	const char *prefix = nla_data(attr);
	size_t len = nla_len(attr);

	/* Strings may end with a NUL. */
	if (len && !prefix[len - 1])
		len--;
	if (!len) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "comm: empty");
		return -EINVAL;
	}
	if (memchr(prefix, '\0', len)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "comm: contains a NUL");
		return -EINVAL;
	}
	filter->comm_len = len;
	memcpy(filter->comm, prefix, len);
	return 0;
}

static bool comm_matches(const struct taskdiag_filter *filter,
			 const struct taskdiag_item *item)
{
	bool ret;

	task_lock(item->task);
	ret = !memcmp(item->task->comm, filter->comm, filter->comm_len);
	task_unlock(item->task);
	return ret;
}

/* --- pids ---------------------------------------------------------------- */

static int cmp_pids(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* Sort the list and remove duplicates. */
static void sort_pids(struct taskdiag_pids *list)
{
	unsigned int i, nr = 0;

	sort(list->pids, list->nr, sizeof(u32), cmp_pids, NULL);
	for (i = 0; i < list->nr; i++)
		if (!i || list->pids[i] != list->pids[nr - 1])
			list->pids[nr++] = list->pids[i];
	list->nr = nr;
}

static int parse_pids(struct taskdiag_filter *filter, const struct nlattr *attr,
		      const struct taskdiag_caller *caller,
		      struct netlink_ext_ack *extack)
{
	struct taskdiag_pids *list = &filter->pids;
	size_t len = nla_len(attr);

	if (!len || len % sizeof(u32)) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"pids: %zu bytes are not a list of u32",
					len);
		return -EINVAL;
	}

	list->pids = kvmemdup(nla_data(attr), len, TASKDIAG_GFP);
	if (!list->pids)
		return -ENOMEM;
	list->nr = len / sizeof(u32);
	sort_pids(list);

	if (!list->pids[0] || list->pids[list->nr - 1] > PID_MAX_LIMIT) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "pids: contains a number that no task can have");
		return -EINVAL;
	}
	return 0;
}

static bool pids_match(const struct taskdiag_filter *filter,
		       const struct taskdiag_item *item)
{
	const struct taskdiag_pids *list = &filter->pids;
	u32 pid = item->pid;

	return bsearch(&pid, list->pids, list->nr, sizeof(pid), cmp_pids);
}

/* --- flags of memory mappings -------------------------------------------- */

static int parse_vma_flags(struct taskdiag_filter *filter,
			   const struct nlattr *attr,
			   const struct taskdiag_caller *caller,
			   struct netlink_ext_ack *extack)
{
	const u64 known = GENMASK_ULL(ilog2(TASK_DIAG_VMA_SEALED), 0);

	filter->vma_flags = nla_get_u64(attr);
	if (filter->vma_flags & ~known) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"vma_flags: unknown bits 0x%llx",
					filter->vma_flags & ~known);
		return -EINVAL;
	}
	if (filter->vma_flags & ~taskdiag_vma_flags_supported()) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"vma_flags: bits 0x%llx not supported by this kernel",
					filter->vma_flags &
					~taskdiag_vma_flags_supported());
		return -EOPNOTSUPP;
	}
	return 0;
}

/* --- the table ----------------------------------------------------------- */

static const struct filter_kind filter_kinds[__TASK_DIAG_FILTER_MAX] = {
	[TASK_DIAG_FILTER_UID]		= { "uid", parse_uid, uid_matches },
#ifdef CONFIG_CGROUPS
	[TASK_DIAG_FILTER_CGROUP]	= { "cgroup", parse_cgroup, cgroup_matches },
#else
	[TASK_DIAG_FILTER_CGROUP]	= { "cgroup" },
#endif
	[TASK_DIAG_FILTER_STATES]	= { "states", parse_states, state_matches },
	[TASK_DIAG_FILTER_COMM]		= { "comm", parse_comm, comm_matches },
	[TASK_DIAG_FILTER_PIDS]		= { "pids", parse_pids, pids_match },
	[TASK_DIAG_FILTER_VMA_FLAGS]	= { "vma_flags", parse_vma_flags },
};

/**
 * taskdiag_filter_supported - return the filters of this kernel
 * @groups: TASK_DIAG_SHOW_* of the groups of this kernel
 *
 * Return: bit N for TASK_DIAG_FILTER_* with number N.
 */
u64 taskdiag_filter_supported(u64 groups)
{
	unsigned int nr;
	u64 all = 0;

	for (nr = 0; nr < ARRAY_SIZE(filter_kinds); nr++)
		if (filter_kinds[nr].parse)
			all |= BIT_ULL(nr);
	if (!(groups & TASKDIAG_SHOW_VMAS))
		all &= ~BIT_ULL(TASK_DIAG_FILTER_VMA_FLAGS);
	return all;
}

static int parse(struct taskdiag_filter *filter, const struct filter_kind *kind,
		 const struct nlattr *attr,
		 const struct taskdiag_caller *caller,
		 struct netlink_ext_ack *extack)
{
	int err;

	if (!kind->parse) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"%s: filter not supported by this kernel",
					kind->name);
		return -EOPNOTSUPP;
	}
	err = kind->parse(filter, attr, caller, extack);
	if (!err && kind->matches)
		filter->matches[filter->nr_matches++] = kind->matches;
	return err;
}

/**
 * taskdiag_filter_init - parse the filters of a request
 * @filter: destination, zeroed
 * @attrs: the request's attributes by number, up to TASKDIAG_REQUEST_ATTRS
 * @show_flags: TASK_DIAG_SHOW_*
 * @caller: the caller
 * @extack: receives the reason of an error, and the attribute
 *
 * Context: Process context of the sender.  May sleep.
 *
 * Return: 0 or an error; @filter must be released in both cases.
 */
int taskdiag_filter_init(struct taskdiag_filter *filter,
			 struct nlattr *const *attrs, u64 show_flags,
			 const struct taskdiag_caller *caller,
			 struct netlink_ext_ack *extack)
{
	const struct nlattr *vma_flags = attrs[TASK_DIAG_CMD_ATTR_VMA_FLAGS];
	const struct nlattr *attr;
	unsigned int nr;
	int err;

	for (nr = 0; nr < ARRAY_SIZE(filter_kinds); nr++) {
		attr = attrs[TASK_DIAG_ATTR_FILTERS + nr];
		if (!attr)
			continue;
		err = parse(filter, &filter_kinds[nr], attr, caller, extack);
		if (err)
			return err;
	}

	if (vma_flags && !(show_flags & TASKDIAG_SHOW_VMAS)) {
		NL_SET_ERR_MSG_ATTR(extack, vma_flags,
				    "vma_flags: needs VMA or VMA_STAT in show_flags");
		return -EINVAL;
	}
	return 0;
}

/**
 * taskdiag_filter_release - release the references of the filters
 * @filter: the filters
 */
void taskdiag_filter_release(struct taskdiag_filter *filter)
{
	release_cgroup(filter);
	kvfree(filter->pids.pids);
}
