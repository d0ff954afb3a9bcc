// SPDX-License-Identifier: GPL-2.0-only
/* The pids of a dump as a set. */
#include <errno.h>

#include "visible_pids.h"

int visible_pids_in(const struct td_answer *a, struct pid_set *pids)
{
	size_t i, before = pids->nr;
	int err = 0;

	for (i = 0; !err && i < a->rows; i++)
		err = pid_set_add(pids, a->row[i].msg.pid);
	if (!err && pids->nr != before + a->rows)
		err = -EEXIST;
	return err;
}

int visible_pids_over(struct td_sock *sock, struct pid_set *pids)
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
		err = visible_pids_in(&a, pids);
	td_answer_free(&a);
	return err;
}

int visible_pids(struct pid_set *pids)
{
	struct td_sock sock;
	int err;

	err = td_open(&sock, TD_SMALL);
	if (err)
		return err;
	err = visible_pids_over(&sock, pids);
	td_close(&sock);
	return err;
}

static bool has_uid(const struct task_diag_creds *cred, __u32 uid)
{
	return cred->uid == uid && cred->euid == uid && cred->suid == uid &&
	       cred->fsuid == uid;
}

bool rows_only_of(const struct td_answer *a, __u32 uid, pid_t except_pid)
{
	size_t i;

	for (i = 0; i < a->rows; i++)
		if (a->row[i].msg.tgid != (__u32)except_pid &&
		    !has_uid(&a->row[i].cred, uid))
			return false;
	return true;
}
