// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the group CGROUP.
 *
 * Depends on access.c; must not depend on other groups.
 */
#include <linux/cgroup.h>
#include <linux/kernfs.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "taskdiag.h"

/*
 * Write the path of @cgrp, relative to the root of @ns, to @path.  Return NULL
 * if it is longer than PATH_MAX, which procfs does not report either.
 *
 * Under RCU, the task's css_set keeps its cgroup and kernfs node, and names of
 * nodes have a lock of their own.  So this function does not need css_set_lock,
 * which procfs takes and which each fork needs.
 */
static const char *path_of(struct cgroup *cgrp, struct cgroup_namespace *ns,
			   char *path, u32 *flags)
{
	struct cgroup *root = ns->root_cset->dfl_cgrp;

	/* A zombie can outlive its cgroup. */
	if (!(READ_ONCE(cgrp->self.flags) & CSS_ONLINE))
		*flags |= TASK_DIAG_CGROUP_DELETED;
	if (kernfs_path_from_node(cgrp->kn, root->kn, path, PATH_MAX) < 0)
		return NULL;
	if (*flags & TASK_DIAG_CGROUP_DELETED)
		strcat(path, TASKDIAG_DELETED);
	return path;
}

/**
 * taskdiag_append_cgroup - append TASK_DIAG_CGROUP
 * @ctx: state of the current row
 * @skb: destination
 * @caller: the caller
 *
 * Return: 0, -EMSGSIZE if it does not fit, or an error of
 * taskdiag_access_recheck().
 */
int taskdiag_append_cgroup(struct taskdiag_append_ctx *ctx, struct sk_buff *skb,
			   struct taskdiag_caller *caller)
{
	struct task_diag_cgroup head = {};
	struct cgroup *cgrp;
	struct nlattr *attr;
	const char *path;
	size_t len;
	int err;

	err = taskdiag_access_recheck(&ctx->target, caller);
	if (err)
		return err;

	rcu_read_lock();
	cgrp = task_dfl_cgroup(ctx->target.task);
	head.id = cgroup_id(cgrp);
	path = path_of(cgrp, caller->cgroup_ns, ctx->path, &head.flags);
	rcu_read_unlock();

	len = path ? strlen(path) + 1 : 0;
	head.path_off = path ? sizeof(head) : 0;
	attr = nla_reserve_64bit(skb, TASK_DIAG_CGROUP, sizeof(head) + len,
				 TASK_DIAG_PAD);
	if (!attr)
		return -EMSGSIZE;
	memcpy(nla_data(attr), &head, sizeof(head));
	if (path)
		memcpy(nla_data(attr) + sizeof(head), path, len);
	return 0;
}
