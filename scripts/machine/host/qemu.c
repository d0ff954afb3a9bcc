// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU: a PC whose root is the host's files, with a virtual port for each line.
 *
 * What depends on the kernel and on the host (initramfs, accelerator,
 * processors) comes as options from who knows them, scripts/lib/qemu.sh.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>

#include "arguments.h"
#include "machine.h"

#define PROGRAM "qemu-system-x86_64"

/* Port 0 is for consoles. */
static void add_lines(struct arguments *a)
{
	add_argument(a, "-device");
	add_argument(a, "virtio-serial-pci,max_ports=%d", LINES + 1);
	for (int i = 0; i < LINES; i++) {
		add_argument(a, "-chardev");
		add_argument(a, "socket,id=line%d,fd=%d", i, MACHINE_FIRST_FD + i);
		add_argument(a, "-device");
		add_argument(a, "virtserialport,chardev=line%d,nr=%d", i, i + 1);
	}
}

static void add_console(struct arguments *a)
{
	add_argument(a, "-chardev");
	add_argument(a, "socket,id=console,fd=%d",
		     MACHINE_FIRST_FD + MACHINE_CONSOLE);
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
 * What boot.c and init.c look for, what makes a panic the end, and patience
 * with processors that a busy host lets wait.
 */
#define FOR_INIT "rdinit=/init MACHINE_INIT=%s MACHINE_LINES=/dev/vport0p1"
#define FOR_KERNEL "console=ttyS0 ignore_loglevel oops=panic panic=-1 " \
	"no_timer_check watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"

static void add_kernel(struct arguments *a, const struct machine *machine)
{
	add_argument(a, "-kernel");
	add_argument(a, "%s", machine->kernel);
	add_argument(a, "-append");
	add_argument(a, FOR_INIT " " FOR_KERNEL " %s", machine->init,
		     machine->arguments ? machine->arguments : "");
}

static void become_qemu(const struct machine *machine)
{
	struct arguments a = { .n = 0 };

	add_argument(&a, PROGRAM);
	add_argument(&a, "-nodefaults");
	add_argument(&a, "-no-user-config");
	add_argument(&a, "-display");
	add_argument(&a, "none");
	add_argument(&a, "-no-reboot");
	add_argument(&a, "-m");
	add_argument(&a, "%s", machine->memory);
	add_console(&a);
	add_lines(&a);
	add_root(&a);
	add_kernel(&a, machine);
	for (size_t i = 0; i < machine->n_options; i++)
		add_argument(&a, "%s", machine->options[i]);
	execvp(PROGRAM, a.list);
	warn(PROGRAM);
}

const struct machine_kind qemu = { become_qemu, NULL };
