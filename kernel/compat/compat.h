/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag as a module: what the kernel that it is loaded into does not offer.
 *
 * The compiler includes this file before each of the others (see Kbuild), which
 * are written for a kernel that has them built in and is as new as they are.
 * The first part is for names that no kernel exports to modules: compat/module.c finds
 * them once, when the module is loaded.  The second is for what older versions
 * of Linux do not have, or have in another form.
 */
#ifndef _KERNEL_TASKDIAG_COMPAT_H
#define _KERNEL_TASKDIAG_COMPAT_H

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernfs.h>
#include <linux/mm.h>
#include <linux/mnt_namespace.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/netlink.h>

/* --- what is not exported ------------------------------------------------ */

/*
 * Each name stands in the list of compat/module.c as well, where it says what cannot
 * be done without it.
 *
 * Static calls are direct ones.  Besides being cheap, they can reach functions
 * that the kernel itself never calls indirectly, whose ENDBR it has therefore
 * taken away at boot.
 */
#define COMPAT_DECLARE(name)	DECLARE_STATIC_CALL(compat_##name, name)

COMPAT_DECLARE(security_capable);
COMPAT_DECLARE(security_ptrace_access_check);
COMPAT_DECLARE(cputime_adjust);
COMPAT_DECLARE(thread_group_cputime_adjusted);
COMPAT_DECLARE(__lock_task_sighand);
COMPAT_DECLARE(from_mnt_ns);

#define security_capable	static_call(compat_security_capable)
#define security_ptrace_access_check \
	static_call(compat_security_ptrace_access_check)
#define cputime_adjust		static_call(compat_cputime_adjust)
#define thread_group_cputime_adjusted \
	static_call(compat_thread_group_cputime_adjusted)
#define lock_task_sighand	static_call(compat___lock_task_sighand)
#define from_mnt_ns		static_call(compat_from_mnt_ns)

#ifdef CONFIG_VIRT_CPU_ACCOUNTING_GEN
COMPAT_DECLARE(task_cputime);
COMPAT_DECLARE(task_gtime);

/* There is a structure of that name, too. */
#define task_cputime(task, utime, stime) \
	static_call(compat_task_cputime)(task, utime, stime)
#define task_gtime		static_call(compat_task_gtime)
#endif

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

/* Nobody calls it here: it is known by its address. */
char *simple_dname(struct dentry *dentry, char *buffer, int buflen);
extern typeof(simple_dname) *compat_simple_dname;
#define simple_dname		compat_simple_dname

extern rwlock_t *compat_tasklist_lock;

#define tasklist_lock		(*compat_tasklist_lock)

/* TASK_DIAG_SHOW_* of what cannot be told without names that were not found. */
extern u64 compat_unsupported_groups;

#define taskdiag_unsupported_groups	compat_unsupported_groups

/* --- functions that patches add to the kernel ----------------------------- */

/*
 * The size of the security modules' part of struct cred is not known here.  Its
 * allocation is zeroed, so equal parts have equal allocations.
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

/* In compat/vma_name.c. */
void get_vma_name(struct vm_area_struct *vma, const struct path **path,
		  const char **name, const char **name_fmt);

/* What smaps adds up page by page cannot be had in a few lines. */
#undef CONFIG_PROC_PAGE_MONITOR

/* --- delivery of replies ------------------------------------------------- */

/* A kernel with NETLINK_SKB_NO_TAP needs none of compat/taps.c. */
#ifndef NETLINK_SKB_NO_TAP
int compat_reply(const struct sk_buff *request, struct sk_buff *reply);
int compat_deliver(struct sk_buff *skb, struct netlink_callback *cb, int ret);

#define taskdiag_nl_reply(request, info, reply) compat_reply(request, reply)
#define taskdiag_nl_deliver	compat_deliver
#endif

/* --- loading and unloading ----------------------------------------------- */

/* Initialization of /proc/task-diag, after all of the above has been found. */
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

/* --- what older versions lack -------------------------------------------- */

/* A mapping could not be sealed. */
#ifndef VM_SEALED
#define VM_SEALED		VM_NONE
#endif

/* A task without an mm was not asked whether it had been dumpable. */
#ifndef COMPAT_HAS_USER_DUMPABLE
#define user_dumpable		flags | true
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)

/* It was two 32-bit words, the low one first. */
#ifdef __BIG_ENDIAN
#error "capability sets need another translation here"
#endif
typedef union {
	struct kernel_cap_struct	words;
	u64				val;
} compat_cap_t __attribute__((__transparent_union__));

#define kernel_cap_t		compat_cap_t

/* An extack could not hold a text of its own. */
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

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
/* The counters of a process were one number each, and not one a processor. */
#define get_mm_counter_sum	get_mm_counter

/* An operation was one structure for do and dump: compat/module.c merges them. */
#define genl_split_ops		genl_ops
#define split_ops		ops
#define n_split_ops		n_ops

/* As it was, for a constant structure. */
#undef GENL_REQ_ATTR_CHECK
#define GENL_REQ_ATTR_CHECK(info, attr) \
	NL_REQ_ATTR_CHECK((info)->extack, NULL, (info)->attrs, (attr))
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
/* Pidfds did not have a number of their own. */
#define taskdiag_pidfd_ino(pid)	0
#define PID_FS_MAGIC		0x50494446

static inline void *kvmemdup(const void *src, size_t len, gfp_t gfp)
{
	void *copy = kvmalloc(len, gfp);

	return copy ? memcpy(copy, src, len) : NULL;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
/* What did not fit was cut off, and its length returned. */
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
/* The file below, where one file system lies over another, was shown so far. */
#define file_user_path(file)	(&(file)->f_path)
#define file_user_inode(file)	file_inode(file)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
/* It could return the memory mappings of the pages. */
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
