// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the group CGROUP.
 */
#include <linux/cgroup.h>
#include <linux/kernfs.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "taskdiag.h"

/*
 * The path of @cgrp as it is seen in @ns, at @path; NULL if it is longer than
 * procfs could tell.
 *
 * Under RCU, in which a task's css_set keeps its cgroup, and that its node; the
 * names of nodes have a lock of their own.  So the lock of all cgroups, which
 * procfs takes and which every fork wants, can be left alone.
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
 * taskdiag_append_cgroup - put TASK_DIAG_CGROUP
 * @multi: whose
 * @skb: where to
 * @caller: who asks
 *
 * Return: 0, -EMSGSIZE if it does not fit, or an error of
 * taskdiag_multi_recheck().
 */
int taskdiag_append_cgroup(struct taskdiag_multi *multi, struct sk_buff *skb,
			struct taskdiag_caller *caller)
{
	struct task_diag_cgroup head = {};
	struct cgroup *cgrp;
	struct nlattr *attr;
	const char *path;
	size_t len;
	int err;

	err = taskdiag_multi_recheck(multi, caller);
	if (err)
		return err;

	rcu_read_lock();
	cgrp = task_dfl_cgroup(multi->task);
	head.id = cgroup_id(cgrp);
	path = path_of(cgrp, caller->cgroup_ns, multi->path, &head.flags);
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
