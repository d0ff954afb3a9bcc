/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag as a module: replacements for interfaces that the running kernel
 * lacks.
 *
 * The compiler includes this file before the first line of each other file (see
 * Kbuild), so that these are written for the kernel version that contains them.
 * The first part is for symbols that the kernel does not export: symbols.c
 * looks them up when the module is loaded.  The last part is for older versions
 * of Linux.
 */
#ifndef _KERNEL_TASKDIAG_COMPAT_H
#define _KERNEL_TASKDIAG_COMPAT_H

/* First, as it rejects versions of Linux that are not supported. */
#include "../taskdiag/versions.h"

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernfs.h>
#include <linux/lsm_hooks.h>
#include <linux/mm.h>
#include <linux/mnt_namespace.h>
#include <linux/module.h>
#include <linux/oom.h>
#include <linux/sched.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#include <uapi/linux/lsm.h>
#endif

/* --- symbols that are not exported --------------------------------------- */

/*
 * Each symbol is also in a list of symbols.c, with the groups that need it.
 *
 * Static calls are direct calls, so they are cheap.  They can also call
 * functions that the kernel never calls indirectly, and whose ENDBR it has
 * therefore removed at boot.
 */
#define COMPAT_DECLARE(name)	DECLARE_STATIC_CALL(compat_##name, name)

COMPAT_DECLARE(security_capable);
COMPAT_DECLARE(security_ptrace_access_check);
COMPAT_DECLARE(cputime_adjust);
COMPAT_DECLARE(thread_group_cputime_adjusted);
COMPAT_DECLARE(from_mnt_ns);
COMPAT_DECLARE(groups_search);

#define security_capable	static_call(compat_security_capable)
#define security_ptrace_access_check \
	static_call(compat_security_ptrace_access_check)
#define cputime_adjust		static_call(compat_cputime_adjust)
#define thread_group_cputime_adjusted \
	static_call(compat_thread_group_cputime_adjusted)
#define from_mnt_ns		static_call(compat_from_mnt_ns)
#define groups_search		static_call(compat_groups_search)

#ifdef CONFIG_VIRT_CPU_ACCOUNTING_GEN
COMPAT_DECLARE(task_cputime);
COMPAT_DECLARE(task_gtime);

/* A macro with arguments, as struct task_cputime exists as well. */
#define task_cputime(task, utime, stime) \
	static_call(compat_task_cputime)(task, utime, stime)
#define task_gtime		static_call(compat_task_gtime)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
COMPAT_DECLARE(lock_task_sighand);
COMPAT_DECLARE(dentry_open_nonotify);

#define lock_task_sighand	static_call(compat_lock_task_sighand)
#define dentry_open_nonotify	static_call(compat_dentry_open_nonotify)
#else
COMPAT_DECLARE(__lock_task_sighand);
#define lock_task_sighand	static_call(compat___lock_task_sighand)
#endif

COMPAT_DECLARE(security_task_getscheduler);
COMPAT_DECLARE(security_task_getioprio);

#define security_task_getscheduler \
	static_call(compat_security_task_getscheduler)
#define security_task_getioprio	static_call(compat_security_task_getioprio)

COMPAT_DECLARE(oom_badness);
#define oom_badness		static_call(compat_oom_badness)

COMPAT_DECLARE(get_task_exe_file);
#define get_task_exe_file	static_call(compat_get_task_exe_file)

COMPAT_DECLARE(arch_vma_name);
COMPAT_DECLARE(pidfd_get_pid);

#define pidfd_get_pid		static_call(compat_pidfd_get_pid)
#define arch_vma_name		static_call(compat_arch_vma_name)

#ifdef __HAVE_ARCH_GATE_AREA
COMPAT_DECLARE(get_gate_vma);
#define get_gate_vma		static_call(compat_get_gate_vma)
#endif

#ifdef CONFIG_ANON_VMA_NAME
#include <linux/mm_inline.h>

COMPAT_DECLARE(anon_vma_name);
#define anon_vma_name		static_call(compat_anon_vma_name)
#endif

/* Its address is compared; it is not called. */
char *simple_dname(struct dentry *dentry, char *buffer, int buflen);
extern typeof(simple_dname) *compat_simple_dname;
#define simple_dname		compat_simple_dname

#ifdef CONFIG_SWAP
#include <linux/swap.h>

extern typeof(total_swap_pages) *compat_total_swap_pages;

#define total_swap_pages	(*compat_total_swap_pages)
#endif

extern rwlock_t *compat_tasklist_lock;

#define tasklist_lock		(*compat_tasklist_lock)

/* TASK_DIAG_SHOW_* of the groups that need a symbol which was not found. */
extern u64 compat_unsupported_groups;

#define taskdiag_unsupported_groups	compat_unsupported_groups

/* --- functions that patches add to the kernel ----------------------------- */

/*
 * The size of cred::security is not exported.  The allocation is zeroed, so
 * equal states have equal allocations.
 */
static inline bool security_same_cred_state(const struct cred *a,
					    const struct cred *b)
{
#ifdef CONFIG_SECURITY
	if (a->security == b->security)
		return true;
	return ksize(a->security) == ksize(b->security) &&
	       !memcmp(a->security, b->security, ksize(a->security));
#else
	return true;
#endif
}

/* The list of active security modules is not exported. */
#define taskdiag_bpf_decides	IS_ENABLED(CONFIG_BPF_LSM)

#ifndef CONFIG_SECURITY
static inline bool taskdiag_label_decides(void)
{
	return false;
}
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
/* Ids of the active security modules; NULL if a symbol was not found. */
extern unsigned int *compat_lsm_active_cnt;
extern const struct lsm_id *(*compat_lsm_idlist)[];

static inline bool taskdiag_label_decides(void)
{
	unsigned int i;

	if (!compat_lsm_active_cnt || !compat_lsm_idlist)
		return true;
	for (i = 0; i < *compat_lsm_active_cnt; i++)
		if ((*compat_lsm_idlist)[i]->id == LSM_ID_SELINUX ||
		    (*compat_lsm_idlist)[i]->id == LSM_ID_SMACK)
			return true;
	return false;
}
#else
/*
 * The names of the active security modules, separated by commas; NULL if the
 * symbol was not found.
 */
extern char **compat_lsm_names;

static inline bool taskdiag_label_decides(void)
{
	return !compat_lsm_names || !*compat_lsm_names ||
	       strstr(*compat_lsm_names, "selinux") ||
	       strstr(*compat_lsm_names, "smack");
}
#endif

#define taskdiag_label_decides	taskdiag_label_decides

/* vma_name.c */
void get_vma_name(struct vm_area_struct *vma, const struct path **path,
		  const char **name, const char **name_fmt);

/* The functions of fs/proc that count pages for smaps are static. */
#undef CONFIG_PROC_PAGE_MONITOR

/* --- delivery of replies ------------------------------------------------- */

/* taps.c; not needed on a kernel with NETLINK_SKB_NO_TAP. */
#ifndef NETLINK_SKB_NO_TAP
int compat_reply(const struct sk_buff *request, struct sk_buff *reply);
int compat_deliver(struct sk_buff *skb, struct netlink_callback *cb, int ret);

#define taskdiag_nl_reply(request, info, reply) compat_reply(request, reply)
#define taskdiag_nl_deliver	compat_deliver
#endif

/* --- loading and unloading ----------------------------------------------- */

int compat_find_symbols(void);
void compat_free_texts(void);

/* Initialization of /proc/task-diag, after compat_find_symbols(). */
int compat_proc_init(void);

#undef fs_initcall
#define fs_initcall(fn) \
	int __init compat_proc_init(void) \
	{ \
		return fn(); \
	}

/* Initialization of the family. */
int compat_family_init(void);

#undef device_initcall
#define device_initcall(fn) \
	int __init compat_family_init(void) \
	{ \
		return fn(); \
	}

int compat_register_family(struct genl_family *family);

#define genl_register_family	compat_register_family

/* --- older versions of Linux --------------------------------------------- */

/* Linux without mseal(2) */
#ifndef VM_SEALED
#define VM_SEALED		VM_NONE
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)

/* A capability set was an array of two 32-bit words, the low one first. */
#ifdef __BIG_ENDIAN
#error "capability sets need another translation here"
#endif
typedef union {
	struct kernel_cap_struct	words;
	u64				val;
} compat_cap_t __attribute__((__transparent_union__));

#define kernel_cap_t		compat_cap_t

/* An extended ack could not contain a formatted text: see extack.c. */
#define NL_SET_ERR_MSG_FMT(extack, fmt, ...) \
	compat_set_text(extack, NULL, fmt, ##__VA_ARGS__)
#define NL_SET_ERR_MSG_ATTR_FMT(extack, attr, fmt, ...) \
	compat_set_text(extack, attr, fmt, ##__VA_ARGS__)

__printf(3, 4) void compat_set_text(struct netlink_ext_ack *extack,
				    const struct nlattr *attr,
				    const char *fmt, ...);

#define NL_ASSERT_DUMP_CTX_FITS(type_name) \
	BUILD_BUG_ON(sizeof(type_name) > \
		     sizeof_field(struct netlink_callback, ctx))

#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
/* Functions of file systems had a user namespace as parameter. */
#define mnt_idmap		mnt_user_ns
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
/* It was exported, but declared in fs/internal.h. */
int vfs_path_lookup(struct dentry *dentry, struct vfsmount *mnt,
		    const char *name, unsigned int flags, struct path *path);

/* The counters of an mm were not counted per CPU. */
#define get_mm_counter_sum	get_mm_counter

/* A command had one structure for do and dump: module.c merges the two. */
#define genl_split_ops		genl_ops
#define split_ops		ops
#define n_split_ops		n_ops

/* A later version, which accepts a constant structure. */
#undef GENL_REQ_ATTR_CHECK
#define GENL_REQ_ATTR_CHECK(info, attr) \
	NL_REQ_ATTR_CHECK((info)->extack, NULL, (info)->attrs, (attr))
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
/* Pidfds did not have a file system of their own. */
#define PID_FS_MAGIC		0x50494446

static inline void *kvmemdup(const void *src, size_t len, gfp_t gfp)
{
	void *copy = kvmalloc(len, gfp);

	return copy ? memcpy(copy, src, len) : NULL;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
/* A path that was too long was truncated, and its length returned. */
static inline int compat_kernfs_path_from_node(struct kernfs_node *to,
					       struct kernfs_node *from,
					       char *buf, size_t size)
{
	int len = kernfs_path_from_node(to, from, buf, size);

	return len >= (int)size ? -E2BIG : len;
}

#define kernfs_path_from_node	compat_kernfs_path_from_node
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
/* On stacked file systems, the lower file was shown. */
#define file_user_path(file)	(&(file)->f_path)
#define file_user_inode(file)	file_inode(file)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
/* It had a parameter that received the memory mappings of the pages. */
#define get_user_pages_remote(mm, start, nr, flags, pages, locked) \
	get_user_pages_remote(mm, start, nr, flags, pages, NULL, locked)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
static inline bool vma_is_initial_heap(const struct vm_area_struct *vma)
{
	return vma->vm_start <= vma->vm_mm->brk &&
	       vma->vm_end >= vma->vm_mm->start_brk;
}

static inline bool vma_is_initial_stack(const struct vm_area_struct *vma)
{
	return vma->vm_start <= vma->vm_mm->start_stack &&
	       vma->vm_end >= vma->vm_mm->start_stack;
}

#define genl_info_dump(cb) \
	(&(struct genl_info) { \
		.snd_seq	= (cb)->nlh->nlmsg_seq, \
		.snd_portid	= NETLINK_CB((cb)->skb).portid, \
		.nlhdr		= (struct nlmsghdr *)(cb)->nlh, \
		.attrs		= genl_dumpit_info(cb)->attrs, \
		.extack		= (cb)->extack, \
	})
#endif

#endif /* _KERNEL_TASKDIAG_COMPAT_H */
