// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rival: the iterator over the areas of all processes, with the fields of
 * TASK_DIAG_VMA but for the names of what is no file.
 */
#include "kernel.h"

/* As struct AreaEntry in benches/src/rivals/bpf.rs; the name lies behind it. */
struct area {
	__u64 start, end, pgoff, ino;
	__u32 flags, dev, pid;
	__u32 name_len;		/* with its NUL, and rounded up to 8 */
};

#define LONGEST 4096

static char name[LONGEST];

SEC("iter/task_vma")
int areas(struct bpf_iter__task_vma *ctx)
{
	const struct task_struct *task = ctx->task;
	const struct vm_area_struct *vma = ctx->vma;
	struct seq_file *seq = ctx->meta->seq;
	struct area a = {};
	struct file *file;
	long len = 0;

	if (!task || !vma)
		return 0;
	a.start = vma->vm_start;
	a.end = vma->vm_end;
	a.flags = vma->vm_flags;
	a.pid = task->tgid;
	file = vma->vm_file;
	if (file) {
		a.pgoff = vma->vm_pgoff << 12;
		a.ino = file->f_inode->i_ino;
		a.dev = file->f_inode->i_sb->s_dev;
		len = bpf_d_path(&file->f_path, name, sizeof(name) - 8);
		if (len < 0 || len > LONGEST - 8)
			len = 0;
		len = (len + 7) & (LONGEST - 8);
	}
	a.name_len = len;
	bpf_seq_write(seq, &a, sizeof(a));
	if (len)
		bpf_seq_write(seq, name, len);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
