// SPDX-License-Identifier: GPL-2.0-only
/*
 * The groups of a row that are more than one structure.  Knows answers; knows
 * no test and no procfs.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kselftest.h"
#include "fields.h"

/* Both kinds of areas begin with how long they are. */
#define AREA_ALIGN 8

/* Where the complaint goes. */
struct complaint {
	char *text;
	size_t size;
};

__printf(2, 3)
static int bad(const struct complaint *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(to->text, to->size, format, args);
	va_end(args);
	return -EBADMSG;
}

int facts_cmdline(const struct td_answer *a, const struct td_row *row,
		  char **bytes, size_t *len)
{
	struct td_span span = td_attrs(a, row);
	struct td_attr attr;

	*bytes = NULL;
	*len = 0;
	if (!(row->groups & TASK_DIAG_SHOW_CMDLINE))
		return -ENOENT;
	/* No longer than the row as a whole. */
	*bytes = malloc(row->len + 1);
	if (!*bytes)
		return -ENOMEM;
	while (td_next_attr(&span, &attr) > 0) {
		if (attr.type != TASK_DIAG_CMDLINE)
			continue;
		memcpy(*bytes + *len, attr.data, attr.len);
		*len += attr.len;
	}
	(*bytes)[*len] = '\0';
	return 0;
}

int facts_cgroup(const struct td_answer *a, const struct td_row *row,
		 struct task_diag_cgroup *cgroup, const char **path,
		 char *text, size_t size)
{
	const struct complaint to = { text, size };
	struct td_span span = td_attrs(a, row);
	struct td_attr attr;

	do {
		if (td_next_attr(&span, &attr) <= 0)
			return -ENOENT;
	} while (attr.type != TASK_DIAG_CGROUP);

	if (attr.len < sizeof(*cgroup))
		return bad(&to, "cgroup of %zu bytes", attr.len);
	memcpy(cgroup, attr.data, sizeof(*cgroup));
	if (cgroup->flags & ~TASK_DIAG_CGROUP_DELETED)
		return bad(&to, "flags %#x", cgroup->flags);
	if (cgroup->path_off < sizeof(*cgroup) || cgroup->path_off >= attr.len)
		return bad(&to, "path_off %u of %zu", cgroup->path_off,
			   attr.len);
	*path = (const char *)attr.data + cgroup->path_off;
	if (!memchr(*path, 0, attr.len - cgroup->path_off))
		return bad(&to, "the path has no end");
	return 0;
}

/* Room for one more of @size bytes: a power of two, always. */
static void *room_for_one(void *array, size_t nr, size_t size)
{
	if (nr & (nr - 1))
		return array;
	return realloc(array, (nr ? 2 * nr : 1) * size);
}

static int take_area(struct areas *areas, const unsigned char *at, __u32 len,
		     const struct complaint *to)
{
	struct area *area;
	__u32 name_off;

	area = room_for_one(areas->area, areas->nr, sizeof(*area));
	if (!area)
		return -ENOMEM;
	areas->area = area;
	area += areas->nr;
	memcpy(&area->vma, at, sizeof(area->vma));
	area->name = "";

	name_off = area->vma.name_off;
	if (name_off) {
		if (name_off < sizeof(area->vma) || name_off >= len)
			return bad(to, "name_off %u of %u", name_off, len);
		area->name = (const char *)at + name_off;
		if (!memchr(area->name, 0, len - name_off))
			return bad(to, "a name has no end");
		if (!area->name[0])
			return bad(to, "a name that is empty");
	}
	if (area->vma.start >= area->vma.end)
		return bad(to, "an area from %#llx to %#llx", area->vma.start,
			   area->vma.end);
	if (areas->nr && area[-1].vma.end > area->vma.start)
		return bad(to, "%#llx behind %#llx", area->vma.start,
			   area[-1].vma.start);
	areas->nr++;
	return 0;
}

static int take_area_stat(struct areas *areas, const unsigned char *at,
			  __u32 len, const struct complaint *to)
{
	struct task_diag_vma_stat *stat;

	stat = room_for_one(areas->stat, areas->nr_stat, sizeof(*stat));
	if (!stat)
		return -ENOMEM;
	areas->stat = stat;
	stat += areas->nr_stat;
	memcpy(stat, at, sizeof(*stat));

	if (len != sizeof(*stat))
		return bad(to, "figures of %u bytes", len);
	if (stat->__pad)
		return bad(to, "the padding is not 0");
	if (areas->nr_stat && stat[-1].end > stat->start)
		return bad(to, "figures of %#llx behind %#llx", stat->start,
			   stat[-1].start);
	areas->nr_stat++;
	return 0;
}

static int take_attr(struct areas *areas, const struct td_attr *attr,
		     const struct complaint *to)
{
	const bool stat = attr->type == TASK_DIAG_VMA_STAT;
	const size_t least = stat ? sizeof(struct task_diag_vma_stat) :
				    sizeof(struct task_diag_vma);
	size_t at = 0;
	int err = 0;

	while (!err && at < attr->len) {
		__u32 len = 0;

		if (attr->len - at >= sizeof(len))
			memcpy(&len, attr->data + at, sizeof(len));
		if (len < least || len % AREA_ALIGN || len > attr->len - at)
			return bad(to, "an area of %u bytes of %zu", len,
				   attr->len - at);
		err = (stat ? take_area_stat : take_area)(areas,
							  attr->data + at, len,
							  to);
		at += len;
	}
	return err;
}

/* With both groups a message has the figures of exactly its areas. */
static int areas_match(const struct areas *areas, const struct complaint *to)
{
	size_t i;

	if (areas->nr != areas->nr_stat)
		return bad(to, "a message with %zu areas and figures of %zu",
			   areas->nr, areas->nr_stat);
	for (i = 0; i < areas->nr; i++)
		if (areas->area[i].vma.start != areas->stat[i].start ||
		    areas->area[i].vma.end != areas->stat[i].end)
			return bad(to, "figures of another area than %#llx",
				   areas->area[i].vma.start);
	return 0;
}

int facts_areas(const struct td_answer *a, const struct td_row *row,
		struct areas *areas, char *text, size_t size)
{
	const __u64 both = TASK_DIAG_SHOW_VMA | TASK_DIAG_SHOW_VMA_STAT;
	const struct complaint to = { text, size };
	struct td_span span = td_attrs(a, row);
	struct td_attr attr;
	int err = 0;

	memset(areas, 0, sizeof(*areas));
	if (!(row->groups & both))
		return -ENOENT;
	while (!err && td_next_attr(&span, &attr) > 0) {
		/* A message begins: the one before is complete. */
		if (attr.type == TASK_DIAG_MSG && (row->groups & both) == both)
			err = areas_match(areas, &to);
		if (attr.type == TASK_DIAG_VMA ||
		    attr.type == TASK_DIAG_VMA_STAT)
			err = take_attr(areas, &attr, &to);
	}
	if (!err && (row->groups & both) == both)
		err = areas_match(areas, &to);
	if (err)
		facts_areas_free(areas);
	return err;
}

void facts_areas_free(struct areas *areas)
{
	free(areas->area);
	free(areas->stat);
	memset(areas, 0, sizeof(*areas));
}
