// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag as a module: loading and unloading.
 *
 * Depends on symbols.c, extack.c and the two entry points; must not depend on
 * other files.
 */
#include <linux/errno.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/taskdiag.h>

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/* --- the family ---------------------------------------------------------- */

/* From here on, the kernel's function. */
#undef genl_register_family

static struct genl_family *compat_family;

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)

/* Merge the two operations of a command, for do and for dump, into one. */
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

/**
 * compat_register_family - register the family, and remember it for unloading
 * @family: the family
 *
 * Return: 0 or an error.
 */
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
 * A dump can hold a reference to the module as soon as the family is
 * registered.  So loading must not fail after that: if the file cannot be
 * created, only the family is available.
 */
static int __init compat_init(void)
{
	int err;

	err = compat_find_symbols();
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

/* Each dump in progress and each open file holds a reference to the module. */
static void __exit compat_exit(void)
{
	if (compat_has_file)
		remove_proc_entry(TASK_DIAG_PROC_NAME, NULL);
	remove_family();
	compat_free_texts();
}
module_exit(compat_exit);

/* Looking up the family by name loads the module. */
MODULE_ALIAS_GENL_FAMILY(TASK_DIAG_GENL_NAME);
MODULE_DESCRIPTION("Attributes of tasks as one binary stream");
MODULE_LICENSE("GPL");
