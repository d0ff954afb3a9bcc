/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fields of kernel structures that the BPF programs read.  The offset of each
 * field is read from the kernel's BTF when a program is loaded.
 */
#ifndef BENCHES_BPF_KERNEL_H
#define BENCHES_BPF_KERNEL_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct upid {
	int nr;
};

struct pid {
	struct upid numbers[1];
};

enum { PIDTYPE_PGID = 2, PIDTYPE_SID = 3 };

struct signal_struct {
	struct pid *pids[4];
};

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

typedef struct {
	__u64 val;
} kernel_cap_t;

struct cred {
	kuid_t uid, euid, suid, fsuid;
	kgid_t gid, egid, sgid, fsgid;
	unsigned int securebits;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective, cap_bset,
		cap_ambient;
};

struct task_struct {
	unsigned int __state;
	int exit_state;
	int pid, tgid;
	unsigned int ptrace;
	unsigned long atomic_flags;
	struct task_struct *real_parent, *parent;
	struct signal_struct *signal;
	const struct cred *real_cred;
	char comm[16];
};

struct path {
	void *dentry;
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_pgoff, vm_flags;
	struct file *vm_file;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};

#pragma clang attribute pop

#endif
