// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag as a module: replies that no netlink tap receives, on a kernel that
 * delivers every message to the taps (nlmon) of its network namespace.
 *
 * Netlink passes a message to the taps right before it queues the message at
 * the receiver's socket.  Here replies are queued without netlink, so that the
 * taps have no part in it.  Requests could be refused while there is a tap, but
 * that would not be enough: netlink_dump() delivers after the last look that a
 * family can take, and a tap that comes up just then would have to wait, with
 * RTNL held, for every task that may be in between.
 *
 * Depends on sockets; must not depend on the contents of a message.
 */
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/skbuff.h>
#include <net/sock.h>

#ifndef NETLINK_SKB_NO_TAP

/* What netlink_unicast() and netlink_dump() do with @skb, except for taps. */
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

/**
 * compat_deliver - deliver the rows that a dumpit operation has made
 * @skb: rows, in the buffer of netlink_dump()
 * @ret: what the operation is about to return
 *
 * netlink_dump() goes on with an empty buffer.  If the dump ends with these
 * rows, netlink_dump() writes NLMSG_DONE to it, so the rows are copied.  If the
 * dump does not, the buffer is marked as one from an emergency reserve, so that
 * sk_filter() makes netlink_dump() drop it, and counts it as PFMemallocDrop.
 *
 * Return: what the operation returns instead.
 */
int compat_deliver(struct sk_buff *skb, int ret)
{
	struct sock *sk = skb->sk;
	struct sk_buff *rows;

	if (!skb->len)
		return ret;
	rows = ret > 0 ? skb_clone(skb, GFP_KERNEL) :
			 skb_copy_expand(skb, 0, 0, GFP_KERNEL);
	skb_trim(skb, 0);
	if (!rows)
		return -ENOMEM;
	queue_message(sk, rows);
	if (ret > 0)
		skb->pfmemalloc = true;
	return ret;
}

#endif /* NETLINK_SKB_NO_TAP */
