// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU: a PC whose root is the host's files, with one virtual port per line.
 *
 * Options that depend on the kernel and on the host (initramfs, accelerator,
 * processors) come from scripts/lib/qemu.sh.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>

#include "arguments.h"
#include "vm.h"

#define PROGRAM "qemu-system-x86_64"

/* Port 0 is reserved for consoles. */
static void add_lines(struct arguments *a)
{
	add_argument(a, "-device");
	add_argument(a, "virtio-serial-pci,max_ports=%d", LINES + 1);
	for (int i = 0; i < LINES; i++) {
		add_argument(a, "-chardev");
		add_argument(a, "socket,id=line%d,fd=%d", i, VM_FIRST_FD + i);
		add_argument(a, "-device");
		add_argument(a, "virtserialport,chardev=line%d,nr=%d", i, i + 1);
	}
}

static void add_console(struct arguments *a)
{
	add_argument(a, "-chardev");
	add_argument(a, "socket,id=console,fd=%d",
		     VM_FIRST_FD + VM_CONSOLE);
	add_argument(a, "-serial");
	add_argument(a, "chardev:console");
}

static void add_root(struct arguments *a)
{
	add_argument(a, "-fsdev");
	add_argument(a, "local,id=root,path=/,security_model=none,multidevs=remap");
	add_argument(a, "-device");
	add_argument(a, "virtio-9p-pci,fsdev=root,mount_tag=root");
}

/*
 * Variables of boot.c and init.c, a panic as the end, and long timeouts: virtual
 * processors wait on a busy host.
 */
#define FOR_INIT "rdinit=/init VM_INIT=%s VM_LINES=/dev/vport0p1"
#define FOR_KERNEL "console=ttyS0 ignore_loglevel oops=panic panic=-1 " \
	"no_timer_check watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"

static void add_kernel(struct arguments *a, const struct vm *vm)
{
	add_argument(a, "-kernel");
	add_argument(a, "%s", vm->kernel);
	add_argument(a, "-append");
	add_argument(a, FOR_INIT " " FOR_KERNEL " %s", vm->init,
		     vm->arguments ? vm->arguments : "");
}

static void exec_qemu(const struct vm *vm)
{
	struct arguments a = { .n = 0 };

	add_argument(&a, PROGRAM);
	add_argument(&a, "-nodefaults");
	add_argument(&a, "-no-user-config");
	add_argument(&a, "-display");
	add_argument(&a, "none");
	add_argument(&a, "-no-reboot");
	add_argument(&a, "-m");
	add_argument(&a, "%s", vm->memory);
	add_console(&a);
	add_lines(&a);
	add_root(&a);
	add_kernel(&a, vm);
	for (size_t i = 0; i < vm->n_options; i++)
		add_argument(&a, "%s", vm->options[i]);
	execvp(PROGRAM, a.list);
	warn(PROGRAM);
}

const struct vm_kind qemu = { exec_qemu, NULL };
