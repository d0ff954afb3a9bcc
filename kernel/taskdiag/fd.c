// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: descriptors in a request.
 *
 * The numbers refer to the sender's descriptors, so these functions run in its
 * context.
 *
 * Depends on the kernel's files and namespaces only; must not depend on
 * strategies or groups.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_ns.h>
#include <linux/sched.h>
#include <net/netlink.h>

#include "taskdiag.h"

/* Return true if @ns is @ancestor or a descendant of it. */
static bool is_within(const struct pid_namespace *ns,
		      const struct pid_namespace *ancestor)
{
	while (ns->level > ancestor->level)
		ns = ns->parent;
	return ns == ancestor;
}

/* The pid namespace of an nsfs file; NULL if @file is something else. */
static struct pid_namespace *pid_ns_of(const struct file *file)
{
	struct inode *inode = file_inode(file);
	struct ns_common *ns;

	if (inode->i_sb->s_magic != NSFS_MAGIC)
		return NULL;
	ns = get_proc_ns(inode);
	if (ns->ops->type != CLONE_NEWPID)
		return NULL;
	return container_of(ns, struct pid_namespace, ns);
}

/*
 * The pids in a namespace within the default one are also in /proc/PID/status
 * there (NSpid).  For any other namespace, sender and opener need the
 * capability that entering it requires.
 */
static bool may_use(struct pid_namespace *ns, const struct pid_namespace *def,
		    const struct file *opener)
{
	return is_within(ns, def) ||
	       (ns_capable(ns->user_ns, CAP_SYS_ADMIN) &&
		file_ns_capable(opener, ns->user_ns, CAP_SYS_ADMIN));
}

/**
 * taskdiag_fd_pid_ns - return the pid namespace that a request names
 * @attr: TASK_DIAG_CMD_ATTR_PIDNS_FD
 * @def: the pid namespace that the request has otherwise
 * @opener: the file that the request came through
 * @extack: receives the reason of an error
 *
 * Context: Process context of the sender.
 *
 * Return: a reference to the namespace or an error pointer.
 */
struct pid_namespace *taskdiag_fd_pid_ns(const struct nlattr *attr,
					 struct pid_namespace *def,
					 const struct file *opener,
					 struct netlink_ext_ack *extack)
{
	struct pid_namespace *ns;
	struct file *file;

	file = fget(nla_get_u32(attr));
	if (!file) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "pidns_fd: not open");
		return ERR_PTR(-EBADF);
	}

	ns = pid_ns_of(file);
	if (!ns) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "pidns_fd: not a pid namespace");
		ns = ERR_PTR(-EINVAL);
	} else if (!may_use(ns, def, opener)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "pidns_fd: needs CAP_SYS_ADMIN over the namespace");
		ns = ERR_PTR(-EPERM);
	} else {
		get_pid_ns(ns);
	}
	fput(file);
	return ns;
}

/**
 * taskdiag_fd_pid - return the task that a request names
 * @attr: TASK_DIAG_CMD_ATTR_PIDFD
 * @extack: receives the reason of an error
 *
 * Context: Process context of the sender.
 *
 * Return: a reference to the struct pid or an error pointer.
 */
struct pid *taskdiag_fd_pid(const struct nlattr *attr,
			    struct netlink_ext_ack *extack)
{
	unsigned int flags;
	struct pid *pid;

	pid = pidfd_get_pid(nla_get_u32(attr), &flags);
	if (IS_ERR(pid))
		NL_SET_ERR_MSG_ATTR(extack, attr, "pidfd: not a pidfd");
	return pid;
}
