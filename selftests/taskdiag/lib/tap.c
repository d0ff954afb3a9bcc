// SPDX-License-Identifier: GPL-2.0-only
/* A netlink tap: an nlmon device with a packet socket on it. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/taskdiag.h>

#include "tap.h"

#define TAP_NAME "taskdiag-tap"
#define TAP_KIND "nlmon"

/* Room for all that is received between two calls of tap_drain(). */
#define TAP_QUEUE (16 << 20)
/* Larger than any datagram of a dump. */
#define TAP_DATAGRAM 65536

struct link_request {
	struct nlmsghdr nlh;
	struct ifinfomsg info;
	unsigned char attrs[128];
};

static struct nlattr *put_attr(struct link_request *request, __u16 type,
			       const void *data, size_t len)
{
	struct nlattr *nla = (void *)((unsigned char *)request +
				      NLMSG_ALIGN(request->nlh.nlmsg_len));

	nla->nla_type = type;
	nla->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy(nla + 1, data, len);
	request->nlh.nlmsg_len = NLMSG_ALIGN(request->nlh.nlmsg_len) +
				 NLA_ALIGN(nla->nla_len);
	return nla;
}

/* Send @request and receive the reply.  Return its error or 0. */
static int exchange(int route, struct link_request *request)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr ack;
		unsigned char rest[512];
	} reply;
	ssize_t got;

	request->nlh.nlmsg_type = RTM_NEWLINK;
	request->nlh.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(route, request, request->nlh.nlmsg_len, 0) < 0)
		return -errno;
	got = recv(route, &reply, sizeof(reply), 0);
	if (got < 0)
		return -errno;
	if (got < (ssize_t)NLMSG_LENGTH(sizeof(reply.ack)) ||
	    reply.nlh.nlmsg_type != NLMSG_ERROR)
		return -EBADMSG;
	return reply.ack.error;
}

static int create_device(int route)
{
	struct link_request request = {
		.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(request.info)),
		.nlh.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL,
	};
	struct nlattr *link;

	put_attr(&request, IFLA_IFNAME, TAP_NAME, sizeof(TAP_NAME));
	link = put_attr(&request, IFLA_LINKINFO, NULL, 0);
	put_attr(&request, IFLA_INFO_KIND, TAP_KIND, sizeof(TAP_KIND));
	link->nla_len = (unsigned char *)&request + request.nlh.nlmsg_len -
			(unsigned char *)link;
	return exchange(route, &request);
}

static int open_packets(int index)
{
	const struct sockaddr_ll where = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = index,
	};
	const int size = TAP_QUEUE;
	int fd, err;

	/*
	 * No protocol until the bind, so that the socket receives from no other
	 * device.
	 */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (const void *)&where, sizeof(where))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int tap_create(struct tap *tap)
{
	int err;

	tap->route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (tap->route < 0)
		return -errno;
	err = create_device(tap->route);
	if (err)
		return err;
	tap->index = if_nametoindex(TAP_NAME);
	if (!tap->index)
		return -errno;
	tap->packets = open_packets(tap->index);
	return tap->packets < 0 ? tap->packets : 0;
}

int tap_set(const struct tap *tap, bool up)
{
	struct link_request request = {
		.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(request.info)),
		.info.ifi_index = tap->index,
		.info.ifi_flags = up ? IFF_UP : 0,
		.info.ifi_change = IFF_UP,
	};

	return exchange(tap->route, &request);
}

static void count_message(const struct nlmsghdr *nlh, __u16 family,
			  struct tap_count *count)
{
	const bool request = nlh->nlmsg_flags & NLM_F_REQUEST;
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);

	count->messages++;
	if (nlh->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN))
		return;
	if (nlh->nlmsg_type == GENL_ID_CTRL && !request)
		count->families++;
	if (nlh->nlmsg_type != family)
		return;
	if (request)
		count->requests++;
	else if (genl->cmd == TASK_DIAG_CMD_GET)
		count->rows++;
}

static void count_datagram(const unsigned char *bytes, size_t len,
			   __u16 family, const char *secret,
			   struct tap_count *count)
{
	const struct nlmsghdr *nlh;

	count->secrets += !!memmem(bytes, len, secret, strlen(secret));
	while (len >= NLMSG_HDRLEN) {
		nlh = (const void *)bytes;
		if (nlh->nlmsg_len < NLMSG_HDRLEN || nlh->nlmsg_len > len)
			break;
		count_message(nlh, family, count);
		if (NLMSG_ALIGN(nlh->nlmsg_len) >= len)
			break;
		bytes += NLMSG_ALIGN(nlh->nlmsg_len);
		len -= NLMSG_ALIGN(nlh->nlmsg_len);
	}
}

int tap_drain(int packets, __u16 family, const char *secret,
	      struct tap_count *count)
{
	unsigned char *bytes = malloc(TAP_DATAGRAM);
	ssize_t got = 0;
	int err = 0;

	if (!bytes)
		return -ENOMEM;
	while (!err) {
		got = recv(packets, bytes, TAP_DATAGRAM, MSG_DONTWAIT);
		if (got >= 0)
			count_datagram(bytes, got, family, secret, count);
		/* The socket reports once that its device has gone down. */
		else if (errno != ENETDOWN && errno != EINTR)
			err = -errno;
	}
	free(bytes);
	return err == -EAGAIN ? 0 : err;
}
