// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists tasks with the code that YNL generates from taskdiag.yaml.
 *
 * Usage: ynl-client features
 *        ynl-client dump SHOW STRATEGY PID
 *        ynl-client do SHOW STRATEGY PID
 *
 * Prints one line per message: its attributes as NAME=BYTES, in hexadecimal.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/taskdiag.h>

#include "taskdiag-user.h"
#include "ynl.h"

#ifdef YNL_LENGTHS_IN_PRESENT
#define LENGTH(reply, name) ((reply)->_present.name##_len)
#else
#define LENGTH(reply, name) ((reply)->_len.name)
#endif

static void print_bytes(const char *name, const void *data, size_t len)
{
	const unsigned char *bytes = data;
	size_t i;

	if (!bytes)
		return;
	printf("%s=", name);
	for (i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	putchar(' ');
}

static void print_message(struct taskdiag_get_rsp *reply)
{
	print_bytes("msg", reply->msg, LENGTH(reply, msg));
	print_bytes("absent", reply->absent, LENGTH(reply, absent));
	print_bytes("base", reply->base, LENGTH(reply, base));
	print_bytes("cred", reply->cred, LENGTH(reply, cred));
	print_bytes("stat", reply->stat, LENGTH(reply, stat));
	print_bytes("vma", reply->vma, LENGTH(reply, vma));
	print_bytes("vma_stat", reply->vma_stat, LENGTH(reply, vma_stat));
	print_bytes("cmdline", reply->cmdline, LENGTH(reply, cmdline));
	print_bytes("files", reply->files, LENGTH(reply, files));
	print_bytes("ident", reply->ident, LENGTH(reply, ident));
	print_bytes("ns", reply->ns, LENGTH(reply, ns));
	print_bytes("cgroup", reply->cgroup, LENGTH(reply, cgroup));
	print_bytes("io", reply->io, LENGTH(reply, io));
	print_bytes("signals", reply->signals, LENGTH(reply, signals));
	print_bytes("limits", reply->limits, LENGTH(reply, limits));
	print_bytes("oom", reply->oom, LENGTH(reply, oom));
	print_bytes("paths", reply->paths, LENGTH(reply, paths));
	print_bytes("environ", reply->environ, LENGTH(reply, environ));
	print_bytes("sched", reply->sched, LENGTH(reply, sched));
	print_bytes("nspid", reply->nspid, LENGTH(reply, nspid));
	putchar('\n');
}

static bool dump(struct ynl_sock *ys, struct task_diag_pid *pid)
{
	struct taskdiag_get_req_dump *req = taskdiag_get_req_dump_alloc();
	struct taskdiag_get_list *list;

	taskdiag_get_req_dump_set_cmd_attr_get(req, pid, sizeof(*pid));
	list = taskdiag_get_dump(ys, req);
	taskdiag_get_req_dump_free(req);
	if (!list)
		return false;
	ynl_dump_foreach(list, reply)
		print_message(reply);
	taskdiag_get_list_free(list);
	return true;
}

static bool do_one(struct ynl_sock *ys, struct task_diag_pid *pid)
{
	struct taskdiag_get_req *req = taskdiag_get_req_alloc();
	struct taskdiag_get_rsp *reply;

	taskdiag_get_req_set_cmd_attr_get(req, pid, sizeof(*pid));
	reply = taskdiag_get(ys, req);
	taskdiag_get_req_free(req);
	if (!reply)
		return false;
	print_message(reply);
	taskdiag_get_rsp_free(reply);
	return true;
}

static bool features(struct ynl_sock *ys)
{
	struct taskdiag_features_rsp *reply = taskdiag_features(ys);

	if (!reply)
		return false;
	print_bytes("features", reply->features, LENGTH(reply, features));
	putchar('\n');
	taskdiag_features_rsp_free(reply);
	return true;
}

int main(int argc, char **argv)
{
	struct ynl_family family = ynl_taskdiag_family;
	struct task_diag_pid pid = {};
	struct ynl_error error;
	struct ynl_sock *ys;
	bool done;

	if (argc < 2)
		return 2;
	/* ynl-gen-c.py writes the name in lower case. */
	family.name = TASK_DIAG_GENL_NAME;
	ys = ynl_sock_create(&family, &error);
	if (!ys) {
		fprintf(stderr, "ynl-client: %s\n", error.msg);
		return 1;
	}
	if (argc == 5) {
		pid.show_flags = strtoull(argv[2], NULL, 0);
		pid.dump_strategy = strtoull(argv[3], NULL, 0);
		pid.pid = strtoul(argv[4], NULL, 0);
	}
	if (!strcmp(argv[1], "dump"))
		done = dump(ys, &pid);
	else if (!strcmp(argv[1], "do"))
		done = do_one(ys, &pid);
	else
		done = features(ys);
	if (!done)
		fprintf(stderr, "ynl-client: %s: %s\n",
			strerror(ys->err.code), ys->err.msg);
	ynl_sock_destroy(ys);
	return !done;
}
