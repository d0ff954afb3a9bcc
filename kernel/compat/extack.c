// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag as a module: formatted texts of extended acks, on kernels that
 * store only a pointer to a constant string.
 *
 * Depends on the kernel only; must not depend on the files of a built-in
 * task_diag.
 */
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/netlink.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)

/*
 * Netlink reads the text when it composes the error message, and frees nothing.
 * So each text is stored once and kept until the module is unloaded.  Texts
 * contain numbers that the sender chooses: if this many texts are stored, the
 * format string is used instead.
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

/**
 * compat_set_text - set the text of an extended ack
 * @extack: extended ack, or NULL
 * @attr: attribute that the error refers to, or NULL
 * @fmt: format of the text
 *
 * Context: Process context.  May sleep.
 */
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

void compat_free_texts(void)
{
	while (nr_texts)
		kfree(texts[--nr_texts]);
}

#else

void compat_free_texts(void)
{
}

#endif
