// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the entry point over generic netlink, the family TASKDIAG.
 *
 * The directory taskdiag/ contains the rest; taskdiag/taskdiag.h lists its
 * files.
 *
 * The opener of the socket and the process that a message names as its source
 * affect access.  Both are determined here, in the context of the sender.
 *
 * Depends on dump.c, row.c and versions.h; must not depend on a strategy or a group.
 */
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/init.h>
#include <linux/net.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "taskdiag/taskdiag.h"
#include "taskdiag/versions.h"

static struct genl_family taskdiag_nl_family;

/*
 * The access check is done for the receiver and not for the opener of a netlink
 * tap (nlmon), so rows are not delivered to taps.  On a kernel without
 * NETLINK_SKB_NO_TAP, the module uses the functions of compat/taps.c instead.
 */
#ifndef taskdiag_nl_reply
static int taskdiag_nl_reply(const struct sk_buff *request,
			     struct genl_info *info, struct sk_buff *reply)
{
	NETLINK_CB(reply).flags |= NETLINK_SKB_NO_TAP;
	return genlmsg_reply(reply, info);
}

static int taskdiag_nl_deliver(struct sk_buff *skb, struct netlink_callback *cb,
			       int ret)
{
	NETLINK_CB(skb).flags |= NETLINK_SKB_NO_TAP;
	return ret;
}
#endif

/* No attributes: a request that is rejected today can get a meaning later. */
static const struct nla_policy taskdiag_nl_features_policy[] = {
	[TASK_DIAG_CMD_ATTR_GET] = { .type = NLA_REJECT },
};

/**
 * struct taskdiag_nl_dump_ctx - state of a netlink dump
 * @dump: the dump
 * @started: the first step, in the context of the sender, is complete
 */
struct taskdiag_nl_dump_ctx {
	struct taskdiag_dump	*dump;
	bool			started;
};

static struct taskdiag_nl_dump_ctx *
taskdiag_nl_dump_ctx(struct netlink_callback *cb)
{
	TASKDIAG_ASSERT_CTX_FITS(struct taskdiag_nl_dump_ctx);

	return (struct taskdiag_nl_dump_ctx *)cb->ctx;
}

/*
 * Return the pid namespace of the process that a message names as its source:
 * the sender, or a process that a privileged sender names.  The socket layer
 * has checked that the sender has CAP_SYS_ADMIN in the second case.  The opener
 * of the socket needs it as well: an unprivileged opener could pass the socket
 * to a privileged sender.
 */
static struct pid_namespace *
taskdiag_nl_get_pid_ns(const struct sk_buff *skb, const struct file *file,
		       struct netlink_ext_ack *extack)
{
	struct pid_namespace *own = task_active_pid_ns(current);
	struct pid_namespace *ns = NULL;
	struct pid *pid;

	rcu_read_lock();
	pid = find_vpid(NETLINK_CB(skb).creds.pid);
	if (pid && pid_task(pid, PIDTYPE_PID))
		ns = get_pid_ns(ns_of_pid(pid));
	rcu_read_unlock();

	if (!ns) {
		NL_SET_ERR_MSG(extack, "SCM_CREDENTIALS: no such process");
		return ERR_PTR(-ESRCH);
	}
	if (ns != own && !file_ns_capable(file, own->user_ns, CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(extack,
			       "SCM_CREDENTIALS: the socket's opener may not choose a namespace");
		put_pid_ns(ns);
		return ERR_PTR(-EPERM);
	}
	return ns;
}

static int taskdiag_nl_put_template(struct taskdiag_dump *dump,
				    const struct genl_info *info, int flags)
{
	struct sk_buff *skb;
	void *hdr;

	skb = genlmsg_new(taskdiag_row_template_size(&dump->row), TASKDIAG_GFP);
	if (!skb)
		return -ENOMEM;
	dump->row.template = skb;

	hdr = genlmsg_put(skb, info->snd_portid, info->snd_seq,
			  &taskdiag_nl_family, flags, TASK_DIAG_CMD_GET);
	if (!hdr || taskdiag_row_append_template(&dump->row, skb))
		return -EMSGSIZE;
	genlmsg_end(skb, hdr);
	return 0;
}

static struct taskdiag_dump *taskdiag_nl_open(const struct sk_buff *skb,
					      const struct genl_info *info,
					      int flags)
{
	const struct socket *sock = NETLINK_CB(skb).sk->sk_socket;
	struct taskdiag_dump *dump;
	struct pid_namespace *ns;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, TASK_DIAG_CMD_ATTR_GET)) {
		NL_SET_ERR_MSG(info->extack, "TASK_DIAG_CMD_ATTR_GET is missing");
		return ERR_PTR(-EINVAL);
	}
	if (!sock || !sock->file) {
		NL_SET_ERR_MSG(info->extack,
			       "the kernel's own sockets have no opener");
		return ERR_PTR(-EPERM);
	}
	/*
	 * A netlink tap (nlmon) receives requests and errors, although not
	 * rows.  The owner of the network namespace can open a tap there, so
	 * it must be the sender's user namespace or an ancestor.
	 */
	if (!current_in_userns(sock_net(sock->sk)->user_ns)) {
		NL_SET_ERR_MSG(info->extack,
			       "the network namespace belongs to another user namespace");
		return ERR_PTR(-EPERM);
	}

	ns = taskdiag_nl_get_pid_ns(skb, sock->file, info->extack);
	if (IS_ERR(ns))
		return ERR_CAST(ns);
	dump = taskdiag_dump_open(info->attrs, sock->file, ns, NULL,
				  flags & NLM_F_MULTI, info->extack);
	if (IS_ERR(dump))
		return dump;

	err = taskdiag_nl_put_template(dump, info, flags);
	if (err) {
		taskdiag_dump_close(dump);
		return ERR_PTR(err);
	}
	return dump;
}

static int taskdiag_nl_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *proc_fd = info->attrs[TASK_DIAG_CMD_ATTR_PROC_FD];
	struct taskdiag_dump *dump;
	struct sk_buff *reply;
	int err;

	/* Opening files of the mount may wait, and this runs under cb_lock. */
	if (proc_fd) {
		NL_SET_ERR_MSG_ATTR(info->extack, proc_fd,
				    "proc_fd: needs NLM_F_DUMP");
		return -EINVAL;
	}
	dump = taskdiag_nl_open(skb, info, 0);
	if (IS_ERR(dump))
		return PTR_ERR(dump);

	reply = nlmsg_new(taskdiag_row_max_size(&dump->row), GFP_KERNEL);
	if (!reply) {
		err = -ENOMEM;
		goto out;
	}
	err = taskdiag_dump_rows(dump, reply, false, info->extack);
	if (err)
		nlmsg_free(reply);
	else
		err = taskdiag_nl_reply(skb, info, reply);
out:
	taskdiag_dump_close(dump);
	return err;
}

static int taskdiag_nl_get_start(struct netlink_callback *cb)
{
	struct taskdiag_nl_dump_ctx *ctx = taskdiag_nl_dump_ctx(cb);
	struct taskdiag_dump *dump;

	dump = taskdiag_nl_open(cb->skb, genl_info_dump(cb), NLM_F_MULTI);
	if (IS_ERR(dump))
		return PTR_ERR(dump);
	ctx->dump = dump;
	return 0;
}

/*
 * The first step runs in sendmsg(), under the lock that all generic netlink
 * families share, and that is taken for writing to register a family.  All
 * other steps run in recvmsg(), under the socket's own mutex.
 */
static int taskdiag_nl_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct taskdiag_nl_dump_ctx *ctx = taskdiag_nl_dump_ctx(cb);
	bool may_wait = ctx->started;
	int ret;

	/*
	 * Once the reader's buffer is known to hold any message, an @skb that
	 * is smaller because memory is fragmented must not cause an error.
	 */
	if (skb_tailroom(skb) >= SKB_WITH_OVERHEAD(TASKDIAG_RECV_MIN))
		cb->min_dump_alloc = SKB_WITH_OVERHEAD(TASKDIAG_RECV_MIN);

	/* The buffer has the length of the reader's, so it may be unaligned. */
	if (!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS)) {
		skb_reserve(skb, -(unsigned long)skb->data % sizeof(u64));
		/* A socket filter must not read the bytes skipped. */
		skb_reset_network_header(skb);
		skb_reset_mac_header(skb);
	}

	ctx->started = true;
	ret = taskdiag_dump_rows(ctx->dump, skb, may_wait, cb->extack);
	return taskdiag_nl_deliver(skb, cb, ret);
}

static int taskdiag_nl_get_done(struct netlink_callback *cb)
{
	taskdiag_dump_close(taskdiag_nl_dump_ctx(cb)->dump);
	return 0;
}

static int taskdiag_nl_features_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	struct task_diag_features features;
	struct sk_buff *reply;
	void *hdr;

	taskdiag_dump_features(&features);

	reply = genlmsg_new(nla_total_size_64bit(sizeof(features)), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	hdr = genlmsg_put_reply(reply, info, &taskdiag_nl_family, 0,
				TASK_DIAG_CMD_FEATURES);
	if (!hdr || nla_put_64bit(reply, TASK_DIAG_FEATURES, sizeof(features),
				  &features, TASK_DIAG_PAD)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

static const struct genl_split_ops taskdiag_nl_ops[] = {
	{
		.cmd		= TASK_DIAG_CMD_GET,
		.doit		= taskdiag_nl_get_doit,
		.policy		= taskdiag_request_policy,
		.maxattr	= TASKDIAG_REQUEST_ATTRS - 1,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TASK_DIAG_CMD_GET,
		.start		= taskdiag_nl_get_start,
		.dumpit		= taskdiag_nl_get_dumpit,
		.done		= taskdiag_nl_get_done,
		.policy		= taskdiag_request_policy,
		.maxattr	= TASKDIAG_REQUEST_ATTRS - 1,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= TASK_DIAG_CMD_FEATURES,
		.doit		= taskdiag_nl_features_doit,
		.policy		= taskdiag_nl_features_policy,
		.maxattr	= ARRAY_SIZE(taskdiag_nl_features_policy) - 1,
		.flags		= GENL_CMD_CAP_DO,
	},
};

static struct genl_family taskdiag_nl_family __ro_after_init = {
	.name		= TASK_DIAG_GENL_NAME,
	.version	= TASK_DIAG_GENL_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= taskdiag_nl_ops,
	.n_split_ops	= ARRAY_SIZE(taskdiag_nl_ops),
};

static int __init taskdiag_nl_init(void)
{
	return genl_register_family(&taskdiag_nl_family);
}
device_initcall(taskdiag_nl_init);
