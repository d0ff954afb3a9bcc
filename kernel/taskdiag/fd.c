// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: descriptors in a request.
 *
 * The numbers refer to the sender's descriptors, so these functions run in its
 * context.
 *
 * Depends on caller.c and versions.h; must not depend on strategies or groups.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_ns.h>
#include <linux/sched.h>
#include <net/netlink.h>

#include "taskdiag.h"
#include "versions.h"

/* The pid namespace of an nsfs file; NULL if @file is something else. */
static struct pid_namespace *pid_ns_of(const struct file *file)
{
	struct inode *inode = file_inode(file);
	struct ns_common *ns;

	if (inode->i_sb->s_magic != NSFS_MAGIC)
		return NULL;
	ns = get_proc_ns(inode);
	if (taskdiag_ns_type(ns) != CLONE_NEWPID)
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
	return taskdiag_pid_ns_is_within(ns, def) ||
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

static bool is_proc_root(const struct path *path)
{
	const struct super_block *sb = path->dentry->d_sb;

	return sb->s_magic == PROC_SUPER_MAGIC && path->dentry == sb->s_root;
}

/**
 * taskdiag_fd_proc - return the procfs mount that a request names
 * @attr: TASK_DIAG_CMD_ATTR_PROC_FD
 * @opener: credentials of the process that opened the descriptor of the request
 * @root: receives the root directory of the mount, with a reference
 * @extack: receives the reason of an error
 *
 * The opener can read the first rows, which sendmsg() makes, without a
 * descriptor of the mount.  A sender with credentials of its own must therefore
 * not name a mount on a socket of the opener.
 *
 * Context: Process context of the sender.
 *
 * Return: 0 or an error.
 */
int taskdiag_fd_proc(const struct nlattr *attr, const struct cred *opener,
		     struct path *root, struct netlink_ext_ack *extack)
{
	struct file *file;
	int err = 0;

	if (!taskdiag_same_creds(opener, current_cred())) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "proc_fd: the socket's opener has other credentials");
		return -EPERM;
	}
	/* With O_PATH as well: the files below are opened when needed. */
	file = fget_raw(nla_get_u32(attr));
	if (!file) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "proc_fd: not open");
		return -EBADF;
	}

	if (is_proc_root(&file->f_path)) {
		*root = file->f_path;
		path_get(root);
	} else {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "proc_fd: not the root directory of a procfs mount");
		err = -EINVAL;
	}
	fput(file);
	return err;
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
