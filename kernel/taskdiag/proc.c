// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the entry point /proc/task-diag.
 *
 * A transaction file: write one request, read the reply to its end, write the
 * next request.  Messages are those of the family without the generic netlink
 * header; the command is part of the message type.
 *
 * The access check depends on the credentials of the opener and of the writer.
 * Pids are those of the procfs mount's pid namespace, and the mount options
 * hidepid= and gid= decide about tasks that do not pass the access check.
 *
 * Depends on dump.c, row.c and caller.c; must not depend on a strategy or a
 * group.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/path.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/proc_fs.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <net/netlink.h>

#include "taskdiag.h"

/* Sufficient for all attributes of a request with their maximum lengths. */
#define TASKDIAG_PROC_REQUEST_MAX	SZ_128K

/* Bytes of rows made at a time, as in a netlink dump. */
#define TASKDIAG_PROC_BATCH		SKB_WITH_OVERHEAD(SZ_32K)

/* Space for NLMSG_DONE and the reason of an error. */
#define TASKDIAG_PROC_END		((size_t)SZ_512)

/* Anyone may open the file; the access check decides about each row. */
#define TASKDIAG_PROC_MODE		0666

/**
 * struct taskdiag_transaction - an open /proc/task-diag
 * @lock: protects the other fields; poll() reads @dump and @reply without it
 * @changed: wait queue of poll()
 * @request: header of the current request
 * @dump: its dump, until the reply has been read to its end; or NULL
 * @rows_done: all rows have been made, or an error has ended the dump
 * @end: 0 or that error, for NLMSG_DONE
 * @extack: reason of that error
 * @end_appended: the last message of the reply is in @reply
 * @reply: messages that have not been read yet, or NULL
 */
struct taskdiag_transaction {
	struct mutex		lock;	/* held by read() and write() */
	wait_queue_head_t	changed;
	struct nlmsghdr		request;
	struct taskdiag_dump	*dump;
	bool			rows_done;
	int			end;
	struct netlink_ext_ack	extack;
	bool			end_appended;
	struct sk_buff		*reply;
};

static void drop_reply(struct taskdiag_transaction *t)
{
	consume_skb(t->reply);
	t->reply = NULL;
}

static void end_transaction(struct taskdiag_transaction *t)
{
	drop_reply(t);
	if (t->dump)
		taskdiag_dump_close(t->dump);
	t->dump = NULL;
	wake_up_interruptible(&t->changed);
}

/* --- messages ------------------------------------------------------------ */

static struct nlmsghdr *append_header(const struct taskdiag_transaction *t,
				      struct sk_buff *skb, int type,
				      int payload, int flags)
{
	return nlmsg_put(skb, t->request.nlmsg_pid, t->request.nlmsg_seq, type,
			 payload, flags);
}

static size_t extack_size(const struct netlink_ext_ack *extack)
{
	return nla_total_size(strlen(extack->_msg ?: "") + 1) +
	       2 * nla_total_size(sizeof(u32));
}

/* Append the attributes of an extended ack, as netlink_ack_tlv_fill() does. */
static void append_extack(struct sk_buff *skb, struct nlmsghdr *nlh,
			  const struct netlink_ext_ack *extack,
			  const struct nlmsghdr *request)
{
	if (!extack->_msg)
		return;
	nla_put_string(skb, NLMSGERR_ATTR_MSG, extack->_msg);
	if (request && extack->bad_attr)
		nla_put_u32(skb, NLMSGERR_ATTR_OFFS,
			    (const void *)extack->bad_attr -
			    (const void *)request);
	if (extack->miss_type)
		nla_put_u32(skb, NLMSGERR_ATTR_MISS_TYPE, extack->miss_type);
	nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
	nlmsg_end(skb, nlh);
}

/* Make a reply with NLMSG_ERROR, which the writer may read or ignore. */
static void reply_error(struct taskdiag_transaction *t,
			const struct nlmsghdr *request, int err,
			const struct netlink_ext_ack *extack)
{
	struct nlmsgerr *error;
	struct nlmsghdr *nlh;
	struct sk_buff *skb;

	skb = nlmsg_new(sizeof(*error) + extack_size(extack),
			GFP_KERNEL_ACCOUNT);
	if (!skb)
		return;

	nlh = append_header(t, skb, NLMSG_ERROR, sizeof(*error), NLM_F_CAPPED);
	error = nlmsg_data(nlh);
	error->error = err;
	error->msg = *request;
	append_extack(skb, nlh, extack, request);
	t->reply = skb;
}

/*
 * Append NLMSG_DONE.  Return false if @skb has too little tailroom: the next
 * batch contains it then.
 */
static bool append_end(struct taskdiag_transaction *t, struct sk_buff *skb)
{
	struct nlmsghdr *nlh;

	if (skb_tailroom(skb) < nlmsg_total_size(sizeof(t->end)) +
	    extack_size(&t->extack))
		return false;

	nlh = append_header(t, skb, NLMSG_DONE, sizeof(t->end), NLM_F_MULTI);
	memcpy(nlmsg_data(nlh), &t->end, sizeof(t->end));
	if (t->end)
		append_extack(skb, nlh, &t->extack, NULL);
	return true;
}

static int make_template(struct taskdiag_transaction *t, int flags)
{
	struct taskdiag_dump *dump = t->dump;
	struct nlmsghdr *nlh;
	struct sk_buff *skb;

	skb = nlmsg_new(taskdiag_row_template_size(&dump->row),
			GFP_KERNEL_ACCOUNT);
	if (!skb)
		return -ENOMEM;
	dump->row.template = skb;

	nlh = append_header(t, skb, TASK_DIAG_NLMSG_BASE + TASK_DIAG_CMD_GET, 0,
			    flags);
	if (!nlh || taskdiag_row_append_template(&dump->row, skb))
		return -EMSGSIZE;
	nlmsg_end(skb, nlh);
	return 0;
}

/* --- write: a request ---------------------------------------------------- */

static int reply_features(struct taskdiag_transaction *t)
{
	struct task_diag_features features;
	struct nlmsghdr *nlh;
	struct sk_buff *skb;

	skb = nlmsg_new(nla_total_size_64bit(sizeof(features)),
			GFP_KERNEL_ACCOUNT);
	if (!skb)
		return -ENOMEM;

	taskdiag_dump_features(&features);
	nlh = append_header(t, skb, TASK_DIAG_NLMSG_BASE + TASK_DIAG_CMD_FEATURES,
			    0, 0);
	if (nla_put_64bit(skb, TASK_DIAG_FEATURES, sizeof(features), &features,
			  TASK_DIAG_PAD)) {
		kfree_skb(skb);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	t->reply = skb;
	return 0;
}

/* Make the reply to a request without NLM_F_DUMP now, as it may be an error. */
static int make_single_reply(struct taskdiag_transaction *t,
			     struct netlink_ext_ack *extack)
{
	struct sk_buff *skb;
	int err;

	skb = nlmsg_new(taskdiag_row_max_size(&t->dump->row),
			GFP_KERNEL_ACCOUNT);
	if (!skb)
		return -ENOMEM;

	err = taskdiag_dump_rows(t->dump, skb, true, extack);
	if (err) {
		kfree_skb(skb);
		return err;
	}
	t->reply = skb;
	t->end_appended = true;
	return 0;
}

/*
 * Return the root directory of the mount that contains the file.  A bind mount
 * of the file only shows no tasks, so it has none.
 */
static const struct path *mount_root(const struct file *file, struct path *root)
{
	const struct vfsmount *mnt = file->f_path.mnt;

	if (mnt->mnt_root != mnt->mnt_sb->s_root)
		return NULL;
	*root = (struct path) {
		.mnt	= file->f_path.mnt,
		.dentry	= mnt->mnt_root,
	};
	return root;
}

static int reply_get(struct taskdiag_transaction *t, struct file *file,
		     struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	struct pid_namespace *ns = proc_pid_ns(file_inode(file)->i_sb);
	bool is_dump = (t->request.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	struct taskdiag_dump *dump;
	struct path root;
	int err;

	if (NL_REQ_ATTR_CHECK(extack, NULL, attrs, TASK_DIAG_CMD_ATTR_GET)) {
		NL_SET_ERR_MSG(extack, "TASK_DIAG_CMD_ATTR_GET is missing");
		return -EINVAL;
	}
	if (attrs[TASK_DIAG_CMD_ATTR_PROC_FD]) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[TASK_DIAG_CMD_ATTR_PROC_FD],
				    "proc_fd: this file belongs to a mount");
		return -EINVAL;
	}

	dump = taskdiag_dump_open(attrs, file, get_pid_ns(ns),
				  mount_root(file, &root), is_dump, extack);
	if (IS_ERR(dump))
		return PTR_ERR(dump);

	t->dump = dump;
	t->rows_done = false;
	t->end_appended = false;
	err = make_template(t, is_dump ? NLM_F_MULTI : 0);
	if (!err && !is_dump)
		err = make_single_reply(t, extack);
	if (err)
		end_transaction(t);
	return err;
}

static int handle_request(struct taskdiag_transaction *t, struct file *file,
			  const struct nlmsghdr *request, size_t len,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[TASKDIAG_REQUEST_ATTRS];
	int err;

	if (request->nlmsg_len != len) {
		NL_SET_ERR_MSG_FMT(extack, "nlmsg_len: %u for %zu bytes",
				   request->nlmsg_len, len);
		return -EINVAL;
	}
	if (!(request->nlmsg_flags & NLM_F_REQUEST)) {
		NL_SET_ERR_MSG(extack, "nlmsg_flags: NLM_F_REQUEST is missing");
		return -EINVAL;
	}

	err = nla_parse(attrs, ARRAY_SIZE(attrs) - 1,
			nlmsg_attrdata(request, 0), nlmsg_attrlen(request, 0),
			taskdiag_request_policy, extack);
	if (err)
		return err;

	switch (request->nlmsg_type) {
	case TASK_DIAG_NLMSG_BASE + TASK_DIAG_CMD_GET:
		return reply_get(t, file, attrs, extack);
	case TASK_DIAG_NLMSG_BASE + TASK_DIAG_CMD_FEATURES:
		if (nlmsg_attrlen(request, 0)) {
			NL_SET_ERR_MSG(extack, "attributes: there are none");
			return -EINVAL;
		}
		return reply_features(t);
	}
	NL_SET_ERR_MSG_FMT(extack, "nlmsg_type: unknown type %u",
			   request->nlmsg_type);
	return -EOPNOTSUPP;
}

static int lock_transaction(struct taskdiag_transaction *t,
			    const struct file *file)
{
	if (file->f_flags & O_NONBLOCK)
		return mutex_trylock(&t->lock) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&t->lock) ? -ERESTARTSYS : 0;
}

static int begin_transaction(struct taskdiag_transaction *t, struct file *file,
			     const struct nlmsghdr *request, size_t len)
{
	struct netlink_ext_ack extack = {};
	int err;

	if (t->dump)
		return -EBUSY;

	drop_reply(t);
	t->request = *request;
	err = handle_request(t, file, request, len, &extack);
	if (err)
		reply_error(t, request, err, &extack);
	wake_up_interruptible(&t->changed);
	return err;
}

static ssize_t taskdiag_proc_write(struct file *file, const char __user *from,
				   size_t len, loff_t *pos)
{
	struct taskdiag_transaction *t = file->private_data;
	struct nlmsghdr *request;
	int err;

	if (len < sizeof(*request))
		return -EINVAL;
	if (len > TASKDIAG_PROC_REQUEST_MAX)
		return -EMSGSIZE;
	request = kvmalloc(len, GFP_KERNEL_ACCOUNT);
	if (!request)
		return -ENOMEM;

	err = copy_from_user(request, from, len) ? -EFAULT : 0;
	if (!err)
		err = lock_transaction(t, file);
	if (!err) {
		err = begin_transaction(t, file, request, len);
		mutex_unlock(&t->lock);
	}
	kvfree(request);
	return err ?: len;
}

/* --- read: the reply ----------------------------------------------------- */

static void make_rows(struct taskdiag_transaction *t, struct sk_buff *skb)
{
	int ret;

	memset(&t->extack, 0, sizeof(t->extack));
	ret = taskdiag_dump_rows(t->dump, skb, true, &t->extack);
	if (ret <= 0) {
		t->rows_done = true;
		t->end = ret;
	}
}

/*
 * Make the next rows, and NLMSG_DONE behind the last one.  Messages of a
 * multi-message row do not exceed the reader's buffer.
 */
static int make_reply(struct taskdiag_transaction *t, size_t limit)
{
	size_t min_size = max(taskdiag_row_max_size(&t->dump->row),
			      TASKDIAG_PROC_END);
	size_t size = clamp(round_down(limit, 8), min_size,
			    TASKDIAG_PROC_BATCH);
	struct sk_buff *skb;

	skb = alloc_skb(size, GFP_KERNEL_ACCOUNT);
	if (!skb)
		return -ENOMEM;
	/* alloc_skb() has rounded up the size. */
	skb_reserve(skb, skb_tailroom(skb) - size);

	if (!t->rows_done)
		make_rows(t, skb);
	if (t->rows_done)
		t->end_appended = append_end(t, skb);
	t->reply = skb;
	return 0;
}

/* Return the length of the messages that fit a buffer of @limit bytes. */
static size_t whole_messages(const struct sk_buff *skb, size_t limit)
{
	size_t len = 0;

	while (len < skb->len) {
		const struct nlmsghdr *nlh = (void *)skb->data + len;
		size_t next = len + NLMSG_ALIGN(nlh->nlmsg_len);

		if (next > limit)
			break;
		len = next;
	}
	return len;
}

static ssize_t copy_messages(struct taskdiag_transaction *t, char __user *to,
			     size_t limit)
{
	size_t len = whole_messages(t->reply, limit);

	/* The message is not lost: a larger buffer receives it. */
	if (!len)
		return -EMSGSIZE;
	if (copy_to_user(to, t->reply->data, len))
		return -EFAULT;

	skb_pull(t->reply, len);
	if (!t->reply->len) {
		drop_reply(t);
		if (!t->dump || t->end_appended)
			end_transaction(t);
	}
	return len;
}

static ssize_t read_reply(struct taskdiag_transaction *t, char __user *to,
			  size_t limit)
{
	int err;

	/* As over netlink, a read by another process ends the dump. */
	if (t->dump && !taskdiag_caller_is_current(&t->dump->caller)) {
		end_transaction(t);
		return -EPERM;
	}

	if (t->dump && !t->reply) {
		err = make_reply(t, limit);
		if (err)
			return err;
	}
	return t->reply ? copy_messages(t, to, limit) : 0;
}

static ssize_t taskdiag_proc_read(struct file *file, char __user *to,
				  size_t limit, loff_t *pos)
{
	struct taskdiag_transaction *t = file->private_data;
	ssize_t ret;

	if (!limit)
		return 0;
	ret = lock_transaction(t, file);
	if (ret)
		return ret;
	ret = read_reply(t, to, limit);
	mutex_unlock(&t->lock);
	return ret;
}

/* --- the file ------------------------------------------------------------ */

static __poll_t taskdiag_proc_poll(struct file *file,
				   struct poll_table_struct *table)
{
	struct taskdiag_transaction *t = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &t->changed, table);
	if (!READ_ONCE(t->dump))
		events |= EPOLLOUT | EPOLLWRNORM;
	if (READ_ONCE(t->dump) || READ_ONCE(t->reply))
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

static int taskdiag_proc_open(struct inode *inode, struct file *file)
{
	struct taskdiag_transaction *t;

	/*
	 * remove_proc_entry() releases open files, which would free the wait
	 * queue of a task that sleeps in poll().
	 */
	if (!try_module_get(THIS_MODULE))
		return -ENOENT;
	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t) {
		module_put(THIS_MODULE);
		return -ENOMEM;
	}
	mutex_init(&t->lock);
	init_waitqueue_head(&t->changed);
	file->private_data = t;
	return stream_open(inode, file);
}

static int taskdiag_proc_release(struct inode *inode, struct file *file)
{
	struct taskdiag_transaction *t = file->private_data;

	end_transaction(t);
	kfree(t);
	/* remove_proc_entry() waits until this function has returned. */
	module_put(THIS_MODULE);
	return 0;
}

static const struct proc_ops taskdiag_proc_ops = {
	.proc_open	= taskdiag_proc_open,
	.proc_read	= taskdiag_proc_read,
	.proc_write	= taskdiag_proc_write,
	.proc_poll	= taskdiag_proc_poll,
	.proc_release	= taskdiag_proc_release,
};

static int __init taskdiag_proc_init(void)
{
	return proc_create(TASK_DIAG_PROC_NAME, TASKDIAG_PROC_MODE, NULL,
			   &taskdiag_proc_ops) ? 0 : -ENOMEM;
}
fs_initcall(taskdiag_proc_init);
