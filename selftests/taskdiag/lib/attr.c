// SPDX-License-Identifier: GPL-2.0-only
/* Netlink messages and attributes in a buffer, parsed one by one. */
#include <errno.h>
#include <string.h>

#include "attr.h"

int td_next_attr(struct td_span *span, struct td_attr *attr)
{
	struct nlattr nla;
	size_t step;

	if (!span->len)
		return 0;
	if (span->len < sizeof(nla))
		return -EBADMSG;
	memcpy(&nla, span->at, sizeof(nla));
	if (nla.nla_len < NLA_HDRLEN || nla.nla_len > span->len)
		return -EBADMSG;

	attr->type = nla.nla_type & NLA_TYPE_MASK;
	attr->data = span->at + NLA_HDRLEN;
	attr->len = nla.nla_len - NLA_HDRLEN;

	step = NLA_ALIGN(nla.nla_len);
	if (step > span->len)
		step = span->len;
	span->at += step;
	span->len -= step;
	return 1;
}

int td_next_message(struct td_span *span, const struct nlmsghdr **nlh)
{
	size_t step;

	if (!span->len)
		return 0;
	*nlh = (const void *)span->at;
	if (span->len < sizeof(**nlh) || (*nlh)->nlmsg_len < sizeof(**nlh) ||
	    (*nlh)->nlmsg_len > span->len)
		return -EBADMSG;

	step = NLMSG_ALIGN((*nlh)->nlmsg_len);
	if (step > span->len)
		step = span->len;
	span->at += step;
	span->len -= step;
	return 1;
}

__u32 td_attr_u32(const struct td_attr *attr)
{
	__u32 value = 0;

	memcpy(&value, attr->data,
	       attr->len < sizeof(value) ? attr->len : sizeof(value));
	return value;
}

__u16 td_attr_u16(const struct td_attr *attr)
{
	__u16 value = 0;

	memcpy(&value, attr->data,
	       attr->len < sizeof(value) ? attr->len : sizeof(value));
	return value;
}

void td_attr_struct(const struct td_attr *attr, void *out, size_t size)
{
	memset(out, 0, size);
	memcpy(out, attr->data, attr->len < size ? attr->len : size);
}
