/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The entries of the task iterators: the fields of TASK_DIAG_BASE and
 * TASK_DIAG_CRED.  The iterators check no access rights, and report pids of the
 * initial pid namespace only.
 */
#ifndef BENCHES_BPF_TASKS_H
#define BENCHES_BPF_TASKS_H

#include "kernel.h"

/* struct Entry in benches/src/implementations/bpf.rs */
struct entry {
	__u64 caps[5];
	__u64 comm[2];
	__u32 tgid, pid, ppid, tpid, sid, pgid;
	__u32 uids[4], gids[4];
	__u32 state;		/* bits of task_struct */
	__u32 securebits;
	__u32 no_new_privs;
	__u32 pad;
};

static void append_task(struct seq_file *seq, const struct task_struct *task)
{
	const struct cred *cred = task->real_cred;
	const struct signal_struct *signal = task->signal;
	const __u64 *comm = (const __u64 *)&task->comm;
	struct entry e;

	e.tgid = task->tgid;
	e.pid = task->pid;
	e.ppid = task->real_parent->tgid;
	e.tpid = task->ptrace ? task->parent->pid : 0;
	e.sid = signal->pids[PIDTYPE_SID]->numbers[0].nr;
	e.pgid = signal->pids[PIDTYPE_PGID]->numbers[0].nr;
	e.state = task->__state | task->exit_state;
	e.comm[0] = comm[0];
	e.comm[1] = comm[1];
	e.uids[0] = cred->uid.val;
	e.uids[1] = cred->euid.val;
	e.uids[2] = cred->suid.val;
	e.uids[3] = cred->fsuid.val;
	e.gids[0] = cred->gid.val;
	e.gids[1] = cred->egid.val;
	e.gids[2] = cred->sgid.val;
	e.gids[3] = cred->fsgid.val;
	e.caps[0] = cred->cap_inheritable.val;
	e.caps[1] = cred->cap_permitted.val;
	e.caps[2] = cred->cap_effective.val;
	e.caps[3] = cred->cap_bset.val;
	e.caps[4] = cred->cap_ambient.val;
	e.securebits = cred->securebits;
	e.no_new_privs = task->atomic_flags & 1;
	e.pad = 0;
	bpf_seq_write(seq, &e, sizeof(e));
}

#endif
