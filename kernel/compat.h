/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task_diag as a module: what the kernel that it is loaded into does not offer.
 *
 * The compiler includes this file before each of the others (see Kbuild), which
 * are written for a kernel that has them built in and is as new as they are.
 * The first part is for names that no kernel exports to modules: compat.c finds
 * them once, when the module is loaded.  The second is for what older versions
 * of Linux do not have, or have in another form.
 */
#ifndef _KERNEL_TASKDIAG_COMPAT_H
#define _KERNEL_TASKDIAG_COMPAT_H

#include <linux/cred.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/security.h>
#include <linux/static_call.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/netlink.h>

/* --- what is not exported ------------------------------------------------ */

/*
 * Static calls are direct ones.  Besides being cheap, they can reach functions
 * that the kernel itself never calls indirectly, whose ENDBR it has therefore
 * taken away at boot.
 */
DECLARE_STATIC_CALL(compat_security_capable, security_capable);
DECLARE_STATIC_CALL(compat_security_ptrace_access_check,
		    security_ptrace_access_check);

extern rwlock_t *compat_tasklist_lock;
extern unsigned long *compat_total_forks;
extern int *compat_nr_threads;

#define security_capable	static_call(compat_security_capable)
#define security_ptrace_access_check \
	static_call(compat_security_ptrace_access_check)
#define tasklist_lock		(*compat_tasklist_lock)
#define total_forks		(*compat_total_forks)
#define nr_threads		(*compat_nr_threads)

/* --- loading and unloading ----------------------------------------------- */

/* The family's own, after all of the above has been found. */
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
	compat_set_text(extack, fmt, ##__VA_ARGS__)

__printf(2, 3) void compat_set_text(struct netlink_ext_ack *extack,
				    const char *fmt, ...);

#define NL_ASSERT_DUMP_CTX_FITS(type_name) \
	BUILD_BUG_ON(sizeof(type_name) > \
		     sizeof_field(struct netlink_callback, ctx))

#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
/* An operation was one structure for do and dump: compat.c merges them. */
#define genl_split_ops		genl_ops
#define split_ops		ops
#define n_split_ops		n_ops

/* As it was, for a constant structure. */
#undef GENL_REQ_ATTR_CHECK
#define GENL_REQ_ATTR_CHECK(info, attr) \
	NL_REQ_ATTR_CHECK((info)->extack, NULL, (info)->attrs, (attr))
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
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
