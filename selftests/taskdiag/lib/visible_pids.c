// SPDX-License-Identifier: GPL-2.0-only
/*
 * What somebody sees: the tasks of a dump as a set of numbers.  Knows answers
 * and sets; knows no test.
 */
#include <errno.h>

#include "visible_pids.h"

int view_of(const struct td_answer *a, struct idset *pids)
{
	size_t i, before = pids->nr;
	int err = 0;

	for (i = 0; !err && i < a->rows; i++)
		err = idset_add(pids, a->row[i].msg.pid);
	if (!err && pids->nr != before + a->rows)
		err = -EEXIST;
	return err;
}

int view_over(struct td_sock *sock, struct idset *pids)
{
	const struct task_diag_pid all = {
		.dump_strategy = TASK_DIAG_DUMP_ALL,
	};
	struct td_answer a;
	int err;

	err = td_query(sock, &all, NLM_F_DUMP, &a);
	if (!err && a.fault[0])
		err = -EPROTO;
	if (!err)
		err = -a.end.error;
	if (!err)
		err = view_of(&a, pids);
	td_answer_free(&a);
	return err;
}

int view_own(struct idset *pids)
{
	struct td_sock sock;
	int err;

	err = td_open(&sock, TD_SMALL);
	if (err)
		return err;
	err = view_over(&sock, pids);
	td_close(&sock);
	return err;
}

static bool all_are(const struct task_diag_creds *cred, __u32 uid)
{
	return cred->uid == uid && cred->euid == uid && cred->suid == uid &&
	       cred->fsuid == uid;
}

bool view_only_of(const struct td_answer *a, __u32 uid, pid_t but)
{
	size_t i;

	for (i = 0; i < a->rows; i++)
		if (a->row[i].msg.tgid != (__u32)but &&
		    !all_are(&a->row[i].cred, uid))
			return false;
	return true;
}
