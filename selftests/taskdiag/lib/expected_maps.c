// SPDX-License-Identifier: GPL-2.0-only
/* Expected memory mappings from procfs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kselftest.h"
#include "expected_maps.h"
#include "procfs.h"

/* The two letters of a flag in VmFlags. */
static const struct {
	char letters[3];
	__u64 flag;
} vm_flags[] = {
	{ "rd", TASK_DIAG_VMA_READ },
	{ "wr", TASK_DIAG_VMA_WRITE },
	{ "ex", TASK_DIAG_VMA_EXEC },
	{ "sh", TASK_DIAG_VMA_SHARED },
	{ "mr", TASK_DIAG_VMA_MAYREAD },
	{ "mw", TASK_DIAG_VMA_MAYWRITE },
	{ "me", TASK_DIAG_VMA_MAYEXEC },
	{ "ms", TASK_DIAG_VMA_MAYSHARE },
	{ "gd", TASK_DIAG_VMA_GROWSDOWN },
	{ "pf", TASK_DIAG_VMA_PFNMAP },
	{ "lo", TASK_DIAG_VMA_LOCKED },
	{ "io", TASK_DIAG_VMA_IO },
	{ "sr", TASK_DIAG_VMA_SEQ_READ },
	{ "rr", TASK_DIAG_VMA_RAND_READ },
	{ "dc", TASK_DIAG_VMA_DONTCOPY },
	{ "de", TASK_DIAG_VMA_DONTEXPAND },
	{ "lf", TASK_DIAG_VMA_LOCKONFAULT },
	{ "ac", TASK_DIAG_VMA_ACCOUNT },
	{ "nr", TASK_DIAG_VMA_NORESERVE },
	{ "ht", TASK_DIAG_VMA_HUGETLB },
	{ "sf", TASK_DIAG_VMA_SYNC },
	{ "wf", TASK_DIAG_VMA_WIPEONFORK },
	{ "dd", TASK_DIAG_VMA_DONTDUMP },
	{ "sd", TASK_DIAG_VMA_SOFTDIRTY },
	{ "mm", TASK_DIAG_VMA_MIXEDMAP },
	{ "hg", TASK_DIAG_VMA_HUGEPAGE },
	{ "nh", TASK_DIAG_VMA_NOHUGEPAGE },
	{ "mg", TASK_DIAG_VMA_MERGEABLE },
	{ "um", TASK_DIAG_VMA_UFFD_MISSING },
	{ "uw", TASK_DIAG_VMA_UFFD_WP },
	{ "ui", TASK_DIAG_VMA_UFFD_MINOR },
	{ "sl", TASK_DIAG_VMA_SEALED },
};

/* Linux 6.1 shows it as "??". */
#define VM_FLAGS_YOUNG TASK_DIAG_VMA_LOCKONFAULT

/* Key of the line in smaps that has a figure. */
static const struct figure {
	const char *key;
	size_t offset;
} figures[] = {
#define FIGURE(key, name) { key, offsetof(struct task_diag_vma_stat, name) }
	FIGURE("Rss", rss),
	FIGURE("Pss", pss),
	FIGURE("Pss_Dirty", pss_dirty),
	FIGURE("Shared_Clean", shared_clean),
	FIGURE("Shared_Dirty", shared_dirty),
	FIGURE("Private_Clean", private_clean),
	FIGURE("Private_Dirty", private_dirty),
	FIGURE("Referenced", referenced),
	FIGURE("Anonymous", anonymous),
	FIGURE("KSM", ksm),
	FIGURE("LazyFree", lazy_free),
	FIGURE("AnonHugePages", anon_thp),
	FIGURE("ShmemPmdMapped", shmem_thp),
	FIGURE("FilePmdMapped", file_thp),
	FIGURE("Shared_Hugetlb", shared_hugetlb),
	FIGURE("Private_Hugetlb", private_hugetlb),
	FIGURE("Swap", swap),
	FIGURE("SwapPss", swap_pss),
	FIGURE("Locked", locked),
};

static __u64 figure_of(const struct task_diag_vma_stat *stat, size_t nr)
{
	__u64 value;

	memcpy(&value, (const char *)stat + figures[nr].offset, sizeof(value));
	return value;
}

/*
 * Parse "7f0c6000-7f0c8000 rw-p 00001000 08:01 4711      /path".  Only such
 * lines begin with a hexadecimal number and a dash.
 */
static bool parse_head(char *line, struct procfs_mapping *mapping)
{
	struct task_diag_vma *vma = &mapping->vma;
	unsigned long long start, end, pgoff, ino;
	unsigned int major, minor;
	int used = 0;
	char *name;

	if (sscanf(line, "%llx-%llx %*4s %llx %x:%x %llu%n", &start, &end,
		   &pgoff, &major, &minor, &ino, &used) != 6 || !used)
		return false;
	memset(mapping, 0, sizeof(*mapping));
	vma->start = start;
	vma->end = end;
	vma->pgoff = pgoff;
	vma->dev_major = major;
	vma->dev_minor = minor;
	vma->ino = ino;
	if (major || minor || ino)
		vma->flags |= TASK_DIAG_VMA_FILE;
	mapping->stat.start = start;
	mapping->stat.end = end;

	name = line + used;
	name += strspn(name, " ");
	mapping->name = name;
	return true;
}

static int parse_flags(const char *value, struct procfs_mapping *mapping)
{
	char letters[3];
	int used;
	size_t i;

	while (sscanf(value, " %2s%n", letters, &used) == 1) {
		mapping->unnamed |= !strcmp(letters, "??");
		for (i = 0; i < ARRAY_SIZE(vm_flags); i++)
			if (!strcmp(letters, vm_flags[i].letters))
				mapping->vma.flags |= vm_flags[i].flag;
		value += used;
	}
	return 0;
}

static void parse_figure(const char *line, const char *colon,
			 struct procfs_mapping *mapping)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(figures); i++) {
		const char *key = figures[i].key;
		__u64 value;

		if (strlen(key) != (size_t)(colon - line) ||
		    strncmp(key, line, colon - line))
			continue;
		value = strtoull(colon + 1, NULL, 10) * 1024;
		memcpy((char *)&mapping->stat + figures[i].offset, &value,
		       sizeof(value));
	}
}

int expected_maps_read(int proc, pid_t pid, struct procfs_mappings *mappings)
{
	struct procfs_mapping *mapping = NULL;
	size_t len, capacity = 0;
	char *line, *next;

	memset(mappings, 0, sizeof(*mappings));
	mappings->text = procfs_file(proc, pid, 0, "smaps", &len);
	if (!mappings->text)
		return -errno;
	for (line = mappings->text; *line; line = next) {
		char *end = strchr(line, '\n'), *colon;

		if (!end)
			return -EBADMSG;
		*end = '\0';
		next = end + 1;
		if (mappings->nr == capacity) {
			capacity = capacity ? 2 * capacity : 64;
			mapping = realloc(mappings->mapping,
					  capacity * sizeof(*mapping));
			if (!mapping)
				return -ENOMEM;
			mappings->mapping = mapping;
		}
		if (parse_head(line, &mappings->mapping[mappings->nr])) {
			mapping = &mappings->mapping[mappings->nr++];
			continue;
		}
		colon = strchr(line, ':');
		if (!mappings->nr || !colon)
			return -EBADMSG;
		mapping = &mappings->mapping[mappings->nr - 1];
		if (!strncmp(line, "VmFlags", colon - line))
			parse_flags(colon + 1, mapping);
		else
			parse_figure(line, colon, mapping);
	}
	return 0;
}

void expected_maps_free(struct procfs_mappings *mappings)
{
	free(mappings->mapping);
	free(mappings->text);
	memset(mappings, 0, sizeof(*mappings));
}

const struct procfs_mapping *
expected_maps_find(const struct procfs_mappings *mappings, __u64 start)
{
	size_t low = 0, high = mappings->nr;

	while (low < high) {
		const size_t middle = (low + high) / 2;
		const struct procfs_mapping *mapping =
			&mappings->mapping[middle];

		if (mapping->vma.start == start)
			return mapping;
		if (mapping->vma.start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Compare with the escaped form that procfs prints. */
static bool names_match(const char *name, const char *shown)
{
	for (; *name; name++) {
		if (*name == '\n') {
			if (strncmp(shown, "\\012", 4))
				return false;
			shown += 4;
		} else if (*name != *shown++) {
			return false;
		}
	}
	return !*shown;
}

static bool ends_with(const char *name, const char *end)
{
	const size_t len = strlen(name), tail = strlen(end);

	return len >= tail && !strcmp(name + len - tail, end);
}

bool expected_maps_match(const struct task_diag_vma *vma, const char *name,
			 const struct procfs_mapping *mapping, char *text,
			 size_t size)
{
	const struct task_diag_vma *other = &mapping->vma;
	const __u64 unknown = mapping->unnamed ? VM_FLAGS_YOUNG : 0;
	const __u64 flags = vma->flags & ~(TASK_DIAG_VMA_DELETED | unknown);

	if (vma->start != other->start || vma->end != other->end)
		snprintf(text, size, "%llx-%llx, in procfs %llx-%llx %s",
			 vma->start, vma->end, other->start, other->end,
			 mapping->name);
	else if (vma->pgoff != other->pgoff || vma->ino != other->ino ||
		 vma->dev_major != other->dev_major ||
		 vma->dev_minor != other->dev_minor)
		snprintf(text, size,
			 "%llx: %llx of %u:%u %llu, in procfs %llx of %u:%u %llu",
			 vma->start, vma->pgoff, vma->dev_major,
			 vma->dev_minor, vma->ino, other->pgoff,
			 other->dev_major, other->dev_minor, other->ino);
	else if (flags != other->flags)
		snprintf(text, size, "%llx: flags %#llx, in procfs %#llx, %s",
			 vma->start, flags, other->flags, mapping->name);
	else if (!names_match(name, mapping->name))
		snprintf(text, size, "%llx: \"%.60s\", in procfs \"%.60s\"",
			 vma->start, name, mapping->name);
	else if (vma->flags & TASK_DIAG_VMA_DELETED &&
		 (!(ends_with(name, " (deleted)") || name[0] == '[') ||
		  !(flags & TASK_DIAG_VMA_FILE)))
		snprintf(text, size, "%llx: flag deleted, name %.60s",
			 vma->start, name);
	else
		return true;
	return false;
}

bool expected_smaps_match(const struct task_diag_vma_stat *stat,
			  const struct procfs_mapping *mapping, char *text,
			  size_t size)
{
	size_t i;

	if (stat->start != mapping->stat.start ||
	    stat->end != mapping->stat.end) {
		snprintf(text, size, "%llx-%llx, in procfs %llx-%llx",
			 stat->start, stat->end, mapping->stat.start,
			 mapping->stat.end);
		return false;
	}
	for (i = 0; i < ARRAY_SIZE(figures); i++) {
		const __u64 reported = figure_of(stat, i) / 1024 * 1024;
		const __u64 expected = figure_of(&mapping->stat, i);

		if (reported == expected)
			continue;
		snprintf(text, size, "%llx: %s is %llu, in procfs %llu, %s",
			 stat->start, figures[i].key, reported, expected,
			 mapping->name);
		return false;
	}
	return true;
}

bool expected_smaps_unchanged(const struct procfs_mapping *one,
			      const struct procfs_mapping *other)
{
	return !memcmp(&one->stat, &other->stat, sizeof(one->stat));
}
