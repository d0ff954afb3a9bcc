// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag as a module: symbols that the kernel does not export.
 *
 * They are looked up once, when the module is loaded.  The module does not
 * support an attribute group that needs a missing symbol.  It is not loaded if
 * a symbol is missing that the access check or the guarantees of a dump need.
 *
 * Depends on the kernel only; must not depend on the files of a built-in
 * task_diag.
 */
#include <linux/errno.h>
#include <linux/kprobes.h>
#include <linux/taskdiag.h>

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#ifdef CONFIG_VIRT_CPU_ACCOUNTING_GEN
#define COMPAT_TASK_TIMES(x) \
	x(task_cputime, TASK_DIAG_SHOW_STAT, "report times") \
	x(task_gtime, TASK_DIAG_SHOW_STAT, "report times")
#else
#define COMPAT_TASK_TIMES(x)
#endif

#ifdef __HAVE_ARCH_GATE_AREA
#define COMPAT_GET_GATE_VMA(x) \
	x(get_gate_vma, TASK_DIAG_SHOW_VMA, "report the gate area")
#else
#define COMPAT_GET_GATE_VMA(x)
#endif

#ifdef CONFIG_SWAP
#define COMPAT_SWAP_PAGES(x) \
	x(total_swap_pages, TASK_DIAG_SHOW_OOM, \
	  "report the score of the OOM killer")
#else
#define COMPAT_SWAP_PAGES(x)
#endif

#ifdef CONFIG_ANON_VMA_NAME
#define COMPAT_ANON_VMA_NAME(x) \
	x(anon_vma_name, TASK_DIAG_SHOW_VMA, "name memory mappings")
#else
#define COMPAT_ANON_VMA_NAME(x)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#define COMPAT_OF_VERSION(x) \
	x(lock_task_sighand, TASK_DIAG_SHOW_STAT | TASK_DIAG_SHOW_SIGNALS | \
	  TASK_DIAG_SHOW_SCHED, \
	  "report the terminal and signals") \
	x(dentry_open_nonotify, 0, "open files of a procfs mount")
#else
#define COMPAT_OF_VERSION(x) \
	x(__lock_task_sighand, TASK_DIAG_SHOW_STAT | TASK_DIAG_SHOW_SIGNALS | \
	  TASK_DIAG_SHOW_SCHED, \
	  "report the terminal and signals")
#endif

/*
 * Name of the function, TASK_DIAG_SHOW_* of the groups that need it, and their
 * purpose.  With 0 instead of groups, the whole module needs it.
 */
#define COMPAT_FUNCTIONS(x) \
	x(security_capable, 0, "check access to a task") \
	x(security_ptrace_access_check, 0, "call the security modules") \
	x(cputime_adjust, TASK_DIAG_SHOW_STAT, "report times") \
	x(thread_group_cputime_adjusted, TASK_DIAG_SHOW_STAT, "report times") \
	x(from_mnt_ns, TASK_DIAG_SHOW_NS, "report the mount namespace") \
	x(pidfd_get_pid, 0, "find the task of a pidfd") \
	x(groups_search, 0, "apply the gid= of procfs mounts") \
	x(security_task_getscheduler, TASK_DIAG_SHOW_SCHED, "report scheduling") \
	x(security_task_getioprio, TASK_DIAG_SHOW_SCHED, "report scheduling") \
	x(oom_badness, TASK_DIAG_SHOW_OOM, "report the score of the OOM killer") \
	x(get_task_exe_file, TASK_DIAG_SHOW_PATHS, "report programs") \
	x(arch_vma_name, TASK_DIAG_SHOW_VMA, "name memory mappings") \
	COMPAT_OF_VERSION(x) \
	COMPAT_TASK_TIMES(x) \
	COMPAT_GET_GATE_VMA(x) \
	COMPAT_ANON_VMA_NAME(x)

/* Instead of groups: task_diag does with less than the symbol. */
#define COMPAT_OPTIONAL		BIT_ULL(63)

#if defined(CONFIG_SECURITY) && LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#define COMPAT_LSM_NAMES(x) \
	x(lsm_active_cnt, COMPAT_OPTIONAL, "apply the hidepid= of procfs mounts") \
	x(lsm_idlist, COMPAT_OPTIONAL, "apply the hidepid= of procfs mounts")
#elif defined(CONFIG_SECURITY)
#define COMPAT_LSM_NAMES(x) \
	x(lsm_names, COMPAT_OPTIONAL, "apply the hidepid= of procfs mounts")
#else
#define COMPAT_LSM_NAMES(x)
#endif

/* Symbols whose address is needed; simple_dname() is a function. */
#define COMPAT_VARIABLES(x) \
	COMPAT_LSM_NAMES(x) \
	COMPAT_SWAP_PAGES(x) \
	x(simple_dname, TASK_DIAG_SHOW_VMA | TASK_DIAG_SHOW_PATHS, \
	  "report deleted files") \
	x(tasklist_lock, 0, "list the relatives of a task")

/* The functions are not called before they have been found. */
#define DEFINE_FUNCTION(_name, _groups, _purpose) \
	DEFINE_STATIC_CALL_NULL(compat_##_name, \
				STATIC_CALL_TRAMP(compat_##_name));
#define DEFINE_VARIABLE(_name, _groups, _purpose) \
	typeof(compat_##_name) compat_##_name;

COMPAT_FUNCTIONS(DEFINE_FUNCTION)
COMPAT_VARIABLES(DEFINE_VARIABLE)

u64 compat_unsupported_groups;

/**
 * struct compat_symbol - a symbol that the kernel does not export
 * @name: its name
 * @purpose: function of task_diag that needs it, for the kernel log
 * @groups: TASK_DIAG_SHOW_* of the groups that need it; 0: all of task_diag;
 *	or COMPAT_OPTIONAL
 * @variable: receives its address, if it is a variable
 * @key: static call whose target it becomes, if it is a function
 * @tramp: trampoline of this static call
 */
struct compat_symbol {
	const char		*name;
	const char		*purpose;
	u64			groups;
	void			**variable;
	struct static_call_key	*key;
	void			*tramp;
};

#define LIST_FUNCTION(_name, _groups, _purpose) { \
	.name		= #_name, \
	.purpose	= _purpose, \
	.groups		= _groups, \
	.key		= &STATIC_CALL_KEY(compat_##_name), \
	.tramp		= STATIC_CALL_TRAMP_ADDR(compat_##_name), \
},

#define LIST_VARIABLE(_name, _groups, _purpose) { \
	.name		= #_name, \
	.purpose	= _purpose, \
	.groups		= _groups, \
	.variable	= (void **)&compat_##_name, \
},

static const struct compat_symbol compat_symbols[] __initconst = {
	COMPAT_FUNCTIONS(LIST_FUNCTION)
	COMPAT_VARIABLES(LIST_VARIABLE)
};

static unsigned long no_lookup(const char *name)
{
	return 0;
}

DEFINE_STATIC_CALL(compat_lookup, no_lookup);

/*
 * kallsyms_lookup_name() is not exported either, but a kprobe contains its
 * address.  This may be behind an ENDBR at the function's entry, which does not
 * matter to a static call, as that is direct.  The probe is never armed.
 */
static int __init find_lookup(void)
{
	struct kprobe probe = {
		.symbol_name	= "kallsyms_lookup_name",
		.flags		= KPROBE_FLAG_DISABLED,
	};
	int err;

	err = register_kprobe(&probe);
	if (err) {
		pr_err("cannot find kallsyms_lookup_name, error %d: not loaded\n",
		       err);
		return err;
	}
	static_call_update(compat_lookup, (void *)probe.addr);
	unregister_kprobe(&probe);
	return 0;
}

static int __init handle_missing(const struct compat_symbol *symbol)
{
	if (!symbol->groups) {
		pr_err("cannot %s without the symbol %s: not loaded\n",
		       symbol->purpose, symbol->name);
		return -ENOENT;
	}
	if (symbol->groups == COMPAT_OPTIONAL) {
		pr_notice("cannot %s without the symbol %s\n",
			  symbol->purpose, symbol->name);
		return 0;
	}
	pr_notice("cannot %s without the symbol %s: groups 0x%llx are not supported\n",
		  symbol->purpose, symbol->name, symbol->groups);
	compat_unsupported_groups |= symbol->groups;
	return 0;
}

static int __init find_symbol(const struct compat_symbol *symbol)
{
	void *address = (void *)static_call(compat_lookup)(symbol->name);

	if (!address)
		return handle_missing(symbol);
	if (symbol->variable)
		*symbol->variable = address;
	else
		__static_call_update(symbol->key, symbol->tramp, address);
	return 0;
}

/**
 * compat_find_symbols - look up all symbols that are not exported
 *
 * Return: 0, or an error if task_diag cannot work on this kernel.
 */
int __init compat_find_symbols(void)
{
	unsigned int i;
	int err;

	err = find_lookup();
	for (i = 0; !err && i < ARRAY_SIZE(compat_symbols); i++)
		err = find_symbol(&compat_symbols[i]);
	return err;
}
