/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers: the messages of a reply, parsed into rows and checked against the
 * protocol.
 *
 * Depends on client.h and attr.h; must not depend on procfs or tests.
 */
#ifndef TASKDIAG_ANSWER_H
#define TASKDIAG_ANSWER_H

#include "attr.h"
#include "client.h"

/* The end of an answer: NLMSG_DONE or NLMSG_ERROR. */
struct td_end {
	__u16 type;		/* 0 before the end */
	int error;		/* a positive errno, 0 for success */
	char text[128];		/* of the extended ack, "" for none */
	__u32 offset;		/* of the offending attribute, 0: none */
	__u32 missing;		/* type of a missing attribute, 0: none */
};

/* The row of one task. */
struct td_row {
	struct task_diag_msg msg;
	__u64 groups;		/* TASK_DIAG_SHOW_* of the received groups */
	struct task_diag_base base;
	struct task_diag_creds cred;
	struct task_diag_stat stat;
	struct task_diag_files files;
	struct task_diag_ident ident;
	struct task_diag_ns ns;
	struct task_diag_io io;
	struct task_diag_signals signals;
	struct task_diag_limits limits;
	struct task_diag_oom oom;
	struct task_diag_sched sched;	/* without the bitmaps */
	unsigned int messages;	/* number of its messages */
	struct task_diag_absent absent;	/* all 0 if the row has none */
	bool complete;		/* no message may follow TASK_DIAG_ABSENT */
	bool more;		/* the last message had FLAG_MORE */
	size_t start;		/* position in td_answer::raw ... */
	size_t len;		/* ... and length of its attributes */
};

struct td_answer {
	__u32 seq;
	__u64 show;		/* groups of the request */
	bool dump;		/* the request had NLM_F_DUMP */
	struct td_row *row;
	size_t rows;
	size_t capacity;
	unsigned char *raw;
	size_t raw_len;
	size_t raw_capacity;
	unsigned int receives;
	struct td_end end;
	char fault[160];	/* first protocol violation, "" for none */
};

/* All functions return 0 or a negative errno unless noted. */

/* Prepare for the answer to the last request. */
void td_answer_init(const struct td_sock *s, struct td_answer *a, bool dump);
void td_answer_free(struct td_answer *a);

/*
 * Receive one datagram and add its messages to those of the @nr answers that
 * have their sequence numbers.
 */
int td_receive_datagram(struct td_sock *s, struct td_answer *answers,
			size_t nr);

/* Receive until the end of @a. */
int td_receive(struct td_sock *s, struct td_answer *a);

/* Send a request and receive its answer; @flags may include NLM_F_DUMP. */
int td_query(struct td_sock *s, const struct task_diag_pid *query, __u16 flags,
	     struct td_answer *a);

/* td_query() with filters. */
int td_query_filtered(struct td_sock *s, const struct task_diag_pid *query,
		      __u16 flags, const struct td_filter *filter, size_t nr,
		      struct td_answer *a);

/* Return the attributes of all messages of a row, for td_next_attr(). */
struct td_span td_row_attrs(const struct td_answer *a,
			    const struct td_row *row);

/* Return the row of task @pid, the last one if there are several, or NULL. */
const struct td_row *td_find_row(const struct td_answer *a, __u32 pid);

#endif /* TASKDIAG_ANSWER_H */
