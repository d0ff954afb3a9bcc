// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag as a module: loading, unloading, and finding what is not exported.
 *
 * All of it happens once, when the module is loaded.  A group of facts that
 * needs a name which cannot be found is one that this kernel cannot tell.
 * Without the others the module is not loaded: they decide who may see what,
 * and what a dump promises.
 */
#include <linux/errno.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/taskdiag.h>

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/* --- names --------------------------------------------------------------- */

#ifdef CONFIG_VIRT_CPU_ACCOUNTING_GEN
#define COMPAT_TASK_TIMES(x) \
	x(task_cputime, TASK_DIAG_SHOW_STAT, "tell times") \
	x(task_gtime, TASK_DIAG_SHOW_STAT, "tell times")
#else
#define COMPAT_TASK_TIMES(x)
#endif

#ifdef __HAVE_ARCH_GATE_AREA
#define COMPAT_GET_GATE_VMA(x) \
	x(get_gate_vma, TASK_DIAG_SHOW_VMA, "tell the last area")
#else
#define COMPAT_GET_GATE_VMA(x)
#endif

#ifdef CONFIG_ANON_VMA_NAME
#define COMPAT_ANON_VMA_NAME(x) \
	x(anon_vma_name, TASK_DIAG_SHOW_VMA, "name areas")
#else
#define COMPAT_ANON_VMA_NAME(x)
#endif

/*
 * The name, the groups that need it, and what it is needed for.  Where no group
 * is named everything needs it.
 */
#define COMPAT_FUNCTIONS(x) \
	x(security_capable, 0, "judge who may see a task") \
	x(security_ptrace_access_check, 0, "ask the security modules") \
	x(cputime_adjust, TASK_DIAG_SHOW_STAT, "tell times") \
	x(thread_group_cputime_adjusted, TASK_DIAG_SHOW_STAT, "tell times") \
	x(__lock_task_sighand, TASK_DIAG_SHOW_STAT, "tell the terminal") \
	x(from_mnt_ns, TASK_DIAG_SHOW_NS, "tell the mount namespace") \
	x(pidfd_get_pid, 0, "find the task of a pidfd") \
	x(arch_vma_name, TASK_DIAG_SHOW_VMA, "name areas") \
	COMPAT_TASK_TIMES(x) \
	COMPAT_GET_GATE_VMA(x) \
	COMPAT_ANON_VMA_NAME(x)

/* Those of which the address is wanted, be it that of a function. */
#define COMPAT_VARIABLES(x) \
	x(simple_dname, TASK_DIAG_SHOW_VMA, "tell deleted files") \
	x(tasklist_lock, 0, "list the relatives of a task")

/* Nothing calls them before they have been found. */
#define DEFINE_FUNCTION(_name, _groups, _purpose) \
	DEFINE_STATIC_CALL_NULL(compat_##_name, \
				STATIC_CALL_TRAMP(compat_##_name));
#define DEFINE_VARIABLE(_name, _groups, _purpose) \
	typeof(compat_##_name) compat_##_name;

COMPAT_FUNCTIONS(DEFINE_FUNCTION)
COMPAT_VARIABLES(DEFINE_VARIABLE)

u64 compat_unsupported_groups;

/**
 * struct compat_name - something that the kernel does not export
 * @name: its name
 * @purpose: what is impossible without it
 * @groups: the groups of facts that need it; 0 for all that there is
 * @variable: where its address goes, if it is a variable
 * @key: whose target it becomes, if it is a function
 * @tramp: likewise
 */
struct compat_name {
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

static const struct compat_name compat_names[] __initconst = {
	COMPAT_FUNCTIONS(LIST_FUNCTION)
	COMPAT_VARIABLES(LIST_VARIABLE)
};

static unsigned long no_lookup(const char *name)
{
	return 0;
}

DEFINE_STATIC_CALL(compat_lookup, no_lookup);

/*
 * kallsyms_lookup_name() is not exported either, but a probe knows where it is.
 * That may be behind an ENDBR at its entry, which is all the same to the direct
 * call that a static call is.  The probe is never armed.
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

static int __init handle_missing(const struct compat_name *name)
{
	if (!name->groups) {
		pr_err("cannot %s, as this kernel hides %s: not loaded\n",
		       name->purpose, name->name);
		return -ENOENT;
	}
	pr_notice("cannot %s, as this kernel hides %s: groups 0x%llx are not supported\n",
		  name->purpose, name->name, name->groups);
	compat_unsupported_groups |= name->groups;
	return 0;
}

static int __init find_name(const struct compat_name *name)
{
	void *address = (void *)static_call(compat_lookup)(name->name);

	if (!address)
		return handle_missing(name);
	if (name->variable)
		*name->variable = address;
	else
		__static_call_update(name->key, name->tramp, address);
	return 0;
}

static int __init find_names(void)
{
	unsigned int i;
	int err;

	err = find_lookup();
	for (i = 0; !err && i < ARRAY_SIZE(compat_names); i++)
		err = find_name(&compat_names[i]);
	return err;
}

/* --- the family ---------------------------------------------------------- */

/* The kernel's own from here on. */
#undef genl_register_family

static struct genl_family *compat_family;

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)

/* One operation for each command, out of one for do and one for dump. */
static int __init merge_ops(struct genl_family *family)
{
	struct genl_ops *merged;
	unsigned int i, n = 0;

	merged = kcalloc(family->n_ops, sizeof(*merged), GFP_KERNEL);
	if (!merged)
		return -ENOMEM;

	for (i = 0; i < family->n_ops; i++) {
		const struct genl_ops *op = &family->ops[i];

		if (!n || merged[n - 1].cmd != op->cmd) {
			merged[n++] = *op;
			continue;
		}
		merged[n - 1].start = op->start;
		merged[n - 1].dumpit = op->dumpit;
		merged[n - 1].done = op->done;
		merged[n - 1].flags |= op->flags;
	}
	family->ops = merged;
	family->n_ops = n;
	return 0;
}

static void free_ops(const struct genl_family *family)
{
	kfree(family->ops);
}

#else

static int __init merge_ops(struct genl_family *family)
{
	return 0;
}

static void free_ops(const struct genl_family *family)
{
}

#endif

int __init compat_register_family(struct genl_family *family)
{
	int err;

	err = merge_ops(family);
	if (err)
		return err;
	err = genl_register_family(family);
	if (err)
		free_ops(family);
	else
		compat_family = family;
	return err;
}

/* --- texts of an extack -------------------------------------------------- */

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)

/*
 * They are read when the request is being answered, by code that frees nothing.
 * So each text is made once and kept.  There are numbers in them which the
 * sender chooses: after so many texts the format has to do, as it is.
 */
#define COMPAT_TEXTS	64

static DEFINE_MUTEX(texts_lock);
static const char *texts[COMPAT_TEXTS];
static unsigned int nr_texts;

static const char *cache_text(const char *text)
{
	unsigned int i;

	for (i = 0; i < nr_texts; i++)
		if (!strcmp(texts[i], text))
			break;
	if (i == COMPAT_TEXTS)
		return NULL;
	if (i == nr_texts) {
		texts[i] = kstrdup(text, GFP_KERNEL);
		nr_texts += !!texts[i];
	}
	return texts[i];
}

void compat_set_text(struct netlink_ext_ack *extack, const struct nlattr *attr,
		     const char *fmt, ...)
{
	const char *kept;
	char text[96];
	va_list args;

	if (!extack)
		return;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	mutex_lock(&texts_lock);
	kept = cache_text(text);
	mutex_unlock(&texts_lock);
	extack->_msg = kept ?: fmt;
	if (attr)
		NL_SET_BAD_ATTR(extack, attr);
}

static void free_texts(void)
{
	while (nr_texts)
		kfree(texts[--nr_texts]);
}

#else

static void free_texts(void)
{
}

#endif

/* --- loading and unloading ----------------------------------------------- */

static void remove_family(void)
{
	genl_unregister_family(compat_family);
	free_ops(compat_family);
}

#ifndef CONFIG_PROC_FS
int __init compat_proc_init(void)
{
	return -EOPNOTSUPP;
}
#endif

static bool compat_has_file;

/*
 * Once the family is public, a dump can hold a reference to the module, so that
 * nothing may fail after that: without memory for the file there is none.
 */
static int __init compat_init(void)
{
	int err;

	err = find_names();
	if (err)
		return err;
	err = compat_family_init();
	if (err)
		return err;
	compat_has_file = !compat_proc_init();
	if (!compat_has_file)
		pr_notice("cannot create /proc/%s\n", TASK_DIAG_PROC_NAME);
	return 0;
}
module_init(compat_init);

/* Every dump under way and every open file holds a reference to the module. */
static void __exit compat_exit(void)
{
	if (compat_has_file)
		remove_proc_entry(TASK_DIAG_PROC_NAME, NULL);
	remove_family();
	free_texts();
}
module_exit(compat_exit);

/* Who looks the family up has it loaded. */
MODULE_ALIAS_GENL_FAMILY(TASK_DIAG_GENL_NAME);
MODULE_DESCRIPTION("Facts about tasks as one binary stream");
MODULE_LICENSE("GPL");
