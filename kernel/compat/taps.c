// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag as a module: replies that no netlink tap receives, on a kernel that
 * delivers every message to the taps (nlmon) of its network namespace.
 *
 * Netlink passes a message to the taps right before it queues the message at
 * the receiver's socket.  These functions queue replies without netlink, so
 * taps do not receive them.  Rejecting requests while a tap exists would not
 * suffice: netlink_dump() delivers after the dumpit operation, so a tap can be
 * added after the family's last check.  To prevent this, adding a tap would
 * have to wait, with RTNL held, for each task that may be between the two.
 *
 * Depends on sockets; must not depend on the contents of a message.
 */
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/netlink.h>
#include <net/sock.h>

#ifndef NETLINK_SKB_NO_TAP

/* Queue @skb as netlink_unicast() and netlink_dump() do, but not at taps. */
static void queue_message(struct sock *sk, struct sk_buff *skb)
{
	/* A socket filter must not find the uninitialized headroom. */
	skb_reset_network_header(skb);
	skb_reset_mac_header(skb);

	if (sk_filter(sk, skb)) {
		kfree_skb(skb);
		return;
	}
	skb_set_owner_r(skb, sk);
	skb_queue_tail(&sk->sk_receive_queue, skb);
	sk->sk_data_ready(sk);
}

/**
 * compat_reply - deliver the reply to a request without %NLM_F_DUMP
 * @request: message that is being handled
 * @reply: reply, consumed
 *
 * Return: 0, or -ENOBUFS if the receive buffer is full.  Netlink reports that
 * to the receiver when it finds no space for the error either.
 */
int compat_reply(const struct sk_buff *request, struct sk_buff *reply)
{
	struct sock *sk = NETLINK_CB(request).sk;
	unsigned int queued = atomic_read(&sk->sk_rmem_alloc);

	if (queued && queued + reply->truesize > READ_ONCE(sk->sk_rcvbuf)) {
		kfree_skb(reply);
		return -ENOBUFS;
	}
	queue_message(sk, reply);
	return 0;
}

/* Append the end of a dump that has not failed, as netlink_dump_done() does. */
static bool put_done(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlmsghdr *nlh;

	nlh = nlmsg_put_answer(skb, cb, NLMSG_DONE, sizeof(int),
			       NLM_F_MULTI | cb->answer_flags);
	if (!nlh)
		return false;
	memset(nlmsg_data(nlh), 0, sizeof(int));
	return true;
}

/**
 * compat_deliver - deliver the rows that a dumpit operation has made
 * @skb: rows, in the buffer of netlink_dump()
 * @cb: state of the dump
 * @ret: return value of the operation
 *
 * The rows are queued in a clone of the buffer.  netlink_dump() continues with
 * an empty buffer, into which it writes NLMSG_DONE after the last rows: behind
 * the rows, as the clone shares them.  If there is nothing to write, the buffer
 * is marked as one from an emergency reserve, so that sk_filter() makes
 * netlink_dump() drop it, and counts it as PFMemallocDrop.
 *
 * Return: new return value of the operation.
 */
int compat_deliver(struct sk_buff *skb, struct netlink_callback *cb, int ret)
{
	const int end_size = nlmsg_total_size(sizeof(int));
	struct sock *sk = skb->sk;
	struct sk_buff *rows;
	bool done;

	if (!skb->len)
		return ret;
	/* netlink_dump() writes one as well. */
	done = !ret && skb_tailroom(skb) >= 2 * end_size && put_done(skb, cb);

	rows = skb_clone(skb, GFP_KERNEL);
	if (!rows) {
		/* There must be space for the end of the dump. */
		skb_trim(skb, 0);
		return -ENOMEM;
	}
	skb_pull(skb, skb->len);
	/* No filter may read the rows as headers of what follows. */
	skb_reset_network_header(skb);
	skb_reset_mac_header(skb);
	if (ret > 0 || done || skb_tailroom(skb) < end_size)
		skb->pfmemalloc = true;
	queue_message(sk, rows);
	return ret;
}

#endif /* NETLINK_SKB_NO_TAP */
