// SPDX-License-Identifier: GPL-2.0-only
/*
 * The iterator over the memory mappings of all processes.  Its entries have the
 * fields of TASK_DIAG_VMA, and a name only if the mapping is of a file.
 */
#include "kernel.h"

/* struct MappingEntry in benches/src/implementations/bpf.rs; the name follows. */
struct mapping {
	__u64 start, end, pgoff, ino;
	__u32 flags, dev, pid;
	__u32 name_len;		/* includes the NUL, rounded up to 8 */
};

#define MAX_NAME 4096

static char name[MAX_NAME];

SEC("iter/task_vma")
int mappings(struct bpf_iter__task_vma *ctx)
{
	const struct task_struct *task = ctx->task;
	const struct vm_area_struct *vma = ctx->vma;
	struct seq_file *seq = ctx->meta->seq;
	struct mapping m = {};
	struct file *file;
	long len = 0;

	if (!task || !vma)
		return 0;
	m.start = vma->vm_start;
	m.end = vma->vm_end;
	m.flags = vma->vm_flags;
	m.pid = task->tgid;
	file = vma->vm_file;
	if (file) {
		m.pgoff = vma->vm_pgoff << 12;
		m.ino = file->f_inode->i_ino;
		m.dev = file->f_inode->i_sb->s_dev;
		len = bpf_d_path(&file->f_path, name, sizeof(name) - 8);
		if (len < 0 || len > MAX_NAME - 8)
			len = 0;
		len = (len + 7) & (MAX_NAME - 8);
	}
	m.name_len = len;
	bpf_seq_write(seq, &m, sizeof(m));
	if (len)
		bpf_seq_write(seq, name, len);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
