/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TASKDIAG family over a bare netlink socket: send any bytes, receive an
 * answer and hold it to the protocol.  Knows netlink and the ABI header; knows
 * no test and no procfs.
 */
#ifndef TASKDIAG_NL_H
#define TASKDIAG_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskdiag.h>

/* The kernel fills dump messages up to the largest buffer it was offered. */
#define TD_LARGE	32768
#define TD_SMALL	8192

struct td_sock {
	int fd;
	bool file;		/* it is /proc/task-diag: see taskdiag_file.h */
	bool ack_due;		/* from the file, which has no such message ... */
	__u32 seq_due;		/* ... with this sequence number */
	size_t size;		/* of what is received at a time */
	unsigned char *buf;
	__u32 portid;
	__u32 seq;		/* of the last request ... */
	__u64 show;		/* ... and its groups */
	__u16 family;
	__u32 version;
	__u32 hdrsize;
};

/* A request as it goes over the wire. */
struct td_request {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	struct nlattr nla;
	struct task_diag_pid query;
};

/* Something beside struct task_diag_pid in a request. */
struct td_filter {
	__u16 type;		/* TASK_DIAG_CMD_ATTR_* */
	const void *data;
	size_t len;
};

/* A piece of a message: attributes are cut off its front one by one. */
struct td_span {
	const unsigned char *at;
	size_t len;
};

struct td_attr {
	__u16 type;
	const unsigned char *data;
	size_t len;
};

/* How an answer ended: by NLMSG_DONE or by NLMSG_ERROR. */
struct td_end {
	__u16 type;		/* 0 while it has not */
	int error;		/* a positive errno, 0 for success */
	char text[128];		/* of the extended ack, "" for none */
	__u32 offset;		/* of the attribute blamed, 0 for none */
	__u32 missing;		/* the attribute type missed, 0 for none */
};

/* One task, with what was said about it. */
struct td_row {
	struct task_diag_msg msg;
	__u64 groups;		/* TASK_DIAG_SHOW_* of the groups that came */
	struct task_diag_base base;
	struct task_diag_creds cred;
	struct task_diag_stat stat;
	struct task_diag_files files;
	struct task_diag_ident ident;
	struct task_diag_ns ns;
	unsigned int messages;	/* it came in */
	struct task_diag_absent absent;	/* all 0 unless the row had one */
	bool complete;		/* no message may follow TASK_DIAG_ABSENT */
	bool more;		/* TASK_DIAG_FLAG_MORE was in the last message */
	size_t start;		/* its attributes in td_answer::raw ... */
	size_t len;		/* ... and how many bytes they are */
};

struct td_answer {
	__u32 seq;
	__u64 show;		/* groups of the request */
	bool dump;		/* asked with NLM_F_DUMP */
	struct td_row *row;
	size_t rows;
	size_t capacity;
	unsigned char *raw;
	size_t raw_len;
	size_t raw_capacity;
	unsigned int receives;
	struct td_end end;
	char fault[160];	/* the first breach of protocol, "" for none */
};

/* All of these return 0 or a negative errno unless they say more. */

/* -ENOENT where the kernel has no such family, or no such file. */
int td_open(struct td_sock *s, size_t size);

/* What td_open() opens: set by a test program that is about the file. */
extern bool td_use_file;
void td_close(struct td_sock *s);

/* Go on with a descriptor that somebody else opened, and @like described. */
int td_adopt(struct td_sock *s, int fd, const struct td_sock *like);

/* Send @len bytes as they are; @as, if given, goes along as SCM_CREDENTIALS. */
int td_send_bytes(struct td_sock *s, const void *bytes, size_t len,
		  const struct ucred *as);

/* Make a well-formed request under the next sequence number. */
void td_make_request(struct td_sock *s, const struct task_diag_pid *query,
		     __u16 flags, struct td_request *request);

/* Make and send it. */
int td_send_request(struct td_sock *s, const struct task_diag_pid *query,
		    __u16 flags, const struct ucred *as);

/* The same with filters. */
int td_send_filtered(struct td_sock *s, const struct task_diag_pid *query,
		     __u16 flags, const struct td_filter *filter, size_t nr);

/* Receive one datagram as it is; the number of bytes or a negative errno. */
ssize_t td_receive_raw(struct td_sock *s, int flags);

/* Make ready to receive the answer to the request sent last. */
void td_answer_init(const struct td_sock *s, struct td_answer *a, bool dump);
void td_answer_free(struct td_answer *a);

/*
 * Receive one datagram and put its messages to the answers, told apart by
 * their sequence numbers.
 */
int td_receive_datagram(struct td_sock *s, struct td_answer *answers,
			size_t nr);

/* Receive until @a has ended. */
int td_receive(struct td_sock *s, struct td_answer *a);

/* td_send_request(), td_answer_init() and td_receive(); @flags may hold NLM_F_DUMP. */
int td_query(struct td_sock *s, const struct task_diag_pid *query, __u16 flags,
	     struct td_answer *a);

/*
 * The bytes of an answer of one datagram, to a request that has the same
 * sequence number always: how many, or a negative errno, of which -EMSGSIZE says
 * that they are more than @size, and -EBADMSG that another datagram came.
 */
ssize_t td_query_raw(struct td_sock *s, const struct task_diag_pid *query,
		     __u16 flags, unsigned char *bytes, size_t size);

/* The same as td_query() with filters. */
int td_query_filtered(struct td_sock *s, const struct task_diag_pid *query,
		      __u16 flags, const struct td_filter *filter, size_t nr,
		      struct td_answer *a);

/* TASK_DIAG_CMD_FEATURES; what the kernel refuses is -errno. */
int td_features(struct td_sock *s, struct task_diag_features *features);

/*
 * The attributes of all messages of a row, and the next of them: 1 for one, 0
 * at the end, -EBADMSG for bytes that are none.
 */
struct td_span td_row_attrs(const struct td_answer *a,
			    const struct td_row *row);
int td_next_attr(struct td_span *span, struct td_attr *attr);

/* The row about task @pid, NULL if there is none; the last if several. */
const struct td_row *td_find_row(const struct td_answer *a, __u32 pid);

#endif /* TASKDIAG_NL_H */
