// SPDX-License-Identifier: GPL-2.0-only
/* The task iterator, over all processes. */
#include "tasks.h"

SEC("iter/task")
int processes(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task && task->pid == task->tgid)
		append_task(ctx->meta->seq, task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
