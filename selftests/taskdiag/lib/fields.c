// SPDX-License-Identifier: GPL-2.0-only
/* Groups of a row with a variable size. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kselftest.h"
#include "fields.h"

/* The entries of both groups begin with their length. */
#define ENTRY_ALIGN 8

/* Buffer for an error message. */
struct error_text {
	char *text;
	size_t size;
};

__printf(2, 3)
static int protocol_error(const struct error_text *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(to->text, to->size, format, args);
	va_end(args);
	return -EBADMSG;
}

/* Join the bytes of all attributes of the group. */
static int join_bytes(const struct td_answer *a, const struct td_row *row,
		      __u16 type, char **bytes, size_t *len)
{
	struct td_span span = td_row_attrs(a, row);
	struct td_attr attr;

	*bytes = NULL;
	*len = 0;
	if (!(row->groups & 1ULL << (type - TASK_DIAG_ATTR_GROUPS)))
		return -ENOENT;
	/* The bytes cannot be longer than the row. */
	*bytes = malloc(row->len + 1);
	if (!*bytes)
		return -ENOMEM;
	while (td_next_attr(&span, &attr) > 0) {
		if (attr.type != type)
			continue;
		memcpy(*bytes + *len, attr.data, attr.len);
		*len += attr.len;
	}
	(*bytes)[*len] = '\0';
	return 0;
}

int fields_cmdline(const struct td_answer *a, const struct td_row *row,
		   char **bytes, size_t *len)
{
	return join_bytes(a, row, TASK_DIAG_CMDLINE, bytes, len);
}

int fields_environ(const struct td_answer *a, const struct td_row *row,
		   char **bytes, size_t *len)
{
	return join_bytes(a, row, TASK_DIAG_ENVIRON, bytes, len);
}

static int parse_path(struct paths *paths, const unsigned char *at, size_t left,
		      const struct error_text *to)
{
	struct task_diag_path head;
	const char *path = NULL;

	if (left < sizeof(head))
		return protocol_error(to, "path of %zu bytes", left);
	memcpy(&head, at, sizeof(head));
	if (head.len < sizeof(head) || head.len % ENTRY_ALIGN ||
	    head.len > left)
		return protocol_error(to, "path of %u bytes, %zu left",
				      head.len, left);
	if (head.kind != paths->nr)
		return protocol_error(to, "path of kind %u after %u others",
				      head.kind, paths->nr);
	if (head.flags & ~(TASK_DIAG_PATH_DELETED | TASK_DIAG_PATH_TOO_LONG))
		return protocol_error(to, "unknown flags %#x", head.flags);
	if (head.path_off) {
		if (head.path_off < sizeof(head) || head.path_off >= head.len ||
		    head.flags & TASK_DIAG_PATH_TOO_LONG)
			return protocol_error(to, "path_off %u of %u, flags %#x",
					      head.path_off, head.len,
					      head.flags);
		path = (const char *)at + head.path_off;
		if (!memchr(path, 0, head.len - head.path_off))
			return protocol_error(to, "path without a NUL");
		if (!path[0])
			return protocol_error(to, "empty path");
	} else if (head.flags & TASK_DIAG_PATH_DELETED) {
		return protocol_error(to, "no path is deleted");
	}
	paths->head[paths->nr] = head;
	paths->text[paths->nr] = path;
	paths->nr++;
	return 0;
}

int fields_paths(const struct td_answer *a, const struct td_row *row,
		 struct paths *paths, char *text, size_t size)
{
	const struct error_text to = { text, size };
	struct td_span span = td_row_attrs(a, row);
	struct td_attr attr;
	int err = 0;

	memset(paths, 0, sizeof(*paths));
	if (!(row->groups & TASK_DIAG_SHOW_PATHS))
		return -ENOENT;
	while (!err && td_next_attr(&span, &attr) > 0) {
		size_t at = 0;

		if (attr.type != TASK_DIAG_PATHS)
			continue;
		if (!attr.len)
			return protocol_error(&to, "PATHS without a record");
		while (!err && at < attr.len) {
			if (paths->nr > TASK_DIAG_PATH_MAX)
				return protocol_error(&to, "a fourth path");
			err = parse_path(paths, attr.data + at, attr.len - at,
					 &to);
			if (!err)
				at += paths->head[paths->nr - 1].len;
		}
	}
	if (!err && paths->nr <= TASK_DIAG_PATH_MAX)
		err = protocol_error(&to, "%u paths", paths->nr);
	return err;
}

int fields_cgroup(const struct td_answer *a, const struct td_row *row,
		  struct task_diag_cgroup *cgroup, const char **path,
		  char *text, size_t size)
{
	const struct error_text to = { text, size };
	struct td_span span = td_row_attrs(a, row);
	struct td_attr attr;

	do {
		if (td_next_attr(&span, &attr) <= 0)
			return -ENOENT;
	} while (attr.type != TASK_DIAG_CGROUP);

	if (attr.len < sizeof(*cgroup))
		return protocol_error(&to, "cgroup of %zu bytes", attr.len);
	memcpy(cgroup, attr.data, sizeof(*cgroup));
	if (cgroup->flags & ~TASK_DIAG_CGROUP_DELETED)
		return protocol_error(&to, "unknown flags %#x", cgroup->flags);
	if (cgroup->path_off < sizeof(*cgroup) || cgroup->path_off >= attr.len)
		return protocol_error(&to, "path_off %u of %zu",
				      cgroup->path_off, attr.len);
	*path = (const char *)attr.data + cgroup->path_off;
	if (!memchr(*path, 0, attr.len - cgroup->path_off))
		return protocol_error(&to, "path without a NUL");
	return 0;
}

/*
 * Grow the array for one more entry of @size bytes; its capacity is a power of
 * two.
 */
static void *grow_array(void *array, size_t nr, size_t size)
{
	if (nr & (nr - 1))
		return array;
	return realloc(array, (nr ? 2 * nr : 1) * size);
}

static int parse_mapping(struct mappings *mappings, const unsigned char *at,
			 __u32 len, const struct error_text *to)
{
	struct mapping *mapping;
	__u32 name_off;

	mapping = grow_array(mappings->mapping, mappings->nr, sizeof(*mapping));
	if (!mapping)
		return -ENOMEM;
	mappings->mapping = mapping;
	mapping += mappings->nr;
	memcpy(&mapping->vma, at, sizeof(mapping->vma));
	mapping->name = "";

	name_off = mapping->vma.name_off;
	if (name_off) {
		if (name_off < sizeof(mapping->vma) || name_off >= len)
			return protocol_error(to, "name_off %u of %u", name_off,
					      len);
		mapping->name = (const char *)at + name_off;
		if (!memchr(mapping->name, 0, len - name_off))
			return protocol_error(to, "name without a NUL");
		if (!mapping->name[0])
			return protocol_error(to, "empty name");
	}
	if (mapping->vma.start >= mapping->vma.end)
		return protocol_error(to, "mapping from %#llx to %#llx",
				      mapping->vma.start, mapping->vma.end);
	if (mappings->nr && mapping[-1].vma.end > mapping->vma.start)
		return protocol_error(to, "mapping %#llx after %#llx",
				      mapping->vma.start,
				      mapping[-1].vma.start);
	mappings->nr++;
	return 0;
}

static int parse_mapping_stat(struct mappings *mappings,
			      const unsigned char *at, __u32 len,
			      const struct error_text *to)
{
	struct task_diag_vma_stat *stat;

	stat = grow_array(mappings->stat, mappings->nr_stat, sizeof(*stat));
	if (!stat)
		return -ENOMEM;
	mappings->stat = stat;
	stat += mappings->nr_stat;
	memcpy(stat, at, sizeof(*stat));

	if (len != sizeof(*stat))
		return protocol_error(to, "VMA_STAT entry of %u bytes", len);
	if (stat->__pad)
		return protocol_error(to, "padding is not 0");
	if (mappings->nr_stat && stat[-1].end > stat->start)
		return protocol_error(to, "figures of %#llx after %#llx",
				      stat->start, stat[-1].start);
	mappings->nr_stat++;
	return 0;
}

static int parse_attr(struct mappings *mappings, const struct td_attr *attr,
		      const struct error_text *to)
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
		if (len < least || len % ENTRY_ALIGN || len > attr->len - at)
			return protocol_error(to, "entry of %u bytes, %zu left",
					      len, attr->len - at);
		if (stat)
			err = parse_mapping_stat(mappings, attr->data + at, len,
						 to);
		else
			err = parse_mapping(mappings, attr->data + at, len, to);
		at += len;
	}
	return err;
}

/* With both groups, each message has figures of exactly its mappings. */
static int mappings_match(const struct mappings *mappings,
			  const struct error_text *to)
{
	size_t i;

	if (mappings->nr != mappings->nr_stat)
		return protocol_error(to, "%zu mappings and figures of %zu",
				      mappings->nr, mappings->nr_stat);
	for (i = 0; i < mappings->nr; i++)
		if (mappings->mapping[i].vma.start != mappings->stat[i].start ||
		    mappings->mapping[i].vma.end != mappings->stat[i].end)
			return protocol_error(to, "no figures of mapping %#llx",
					      mappings->mapping[i].vma.start);
	return 0;
}

int fields_mappings(const struct td_answer *a, const struct td_row *row,
		    struct mappings *mappings, char *text, size_t size)
{
	const __u64 both = TASK_DIAG_SHOW_VMA | TASK_DIAG_SHOW_VMA_STAT;
	const struct error_text to = { text, size };
	struct td_span span = td_row_attrs(a, row);
	struct td_attr attr;
	int err = 0;

	memset(mappings, 0, sizeof(*mappings));
	if (!(row->groups & both))
		return -ENOENT;
	while (!err && td_next_attr(&span, &attr) > 0) {
		/* A new message starts, so the previous one is complete. */
		if (attr.type == TASK_DIAG_MSG && (row->groups & both) == both)
			err = mappings_match(mappings, &to);
		if (attr.type == TASK_DIAG_VMA ||
		    attr.type == TASK_DIAG_VMA_STAT)
			err = parse_attr(mappings, &attr, &to);
	}
	if (!err && (row->groups & both) == both)
		err = mappings_match(mappings, &to);
	if (err)
		fields_mappings_free(mappings);
	return err;
}

void fields_mappings_free(struct mappings *mappings)
{
	free(mappings->mapping);
	free(mappings->stat);
	memset(mappings, 0, sizeof(*mappings));
}
