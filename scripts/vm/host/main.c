// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boots a VM whose init runs one command, and represents this command on the
 * host: forwards its streams and signals, and returns its exit status.
 *
 * Contains the order of events; console.c, streams.c and vm.c contain the steps.
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "console.h"
#include "vm.h"
#include "streams.h"

static struct vm vm = { .kind = &uml, .memory = "2G" };
static int ends[VM_ENDS];
static struct streams streams;

/* ------------------------------------------------------ the START frame */

static struct {
	char *items;
	size_t length;
} start;

static void item(enum item kind, const char *text)
{
	size_t length = strlen(text) + 2;

	start.items = realloc(start.items, start.length + length);
	if (!start.items)
		err(VM_FAILED, NULL);
	start.items[start.length] = kind;
	memcpy(start.items + start.length + 1, text, length - 1);
	start.length += length;
}

/* Adds the last items, which are not known before the VM has booted. */
static void describe_streams(void)
{
	struct winsize size;
	char text[40];

	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%d%c", i, streams.kinds[i]);
		item(ITEM_STREAM, text);
	}
	if (streams.terminal >= 0 && !streams.interactive)
		item(ITEM_COOKED, "");
	if (streams.terminal >= 0 && !ioctl(streams.terminal, TIOCGWINSZ, &size)) {
		snprintf(text, sizeof(text), "%d %d", size.ws_row, size.ws_col);
		item(ITEM_SIZE, text);
	}
}

/* ----------------------------------------------------------- the threads */

/* Eventfds: number of streams that have ended, and end of the console. */
static int streams_done, console_done;

struct output {
	int from, to;
};

static void *forward_output(void *argument)
{
	struct output *o = argument;

	streams_forward_out(o->from, o->to);
	eventfd_write(streams_done, 1);
	return NULL;
}

static void *log_console(void *unused)
{
	console_log(ends[VM_CONSOLE]);
	eventfd_write(console_done, 1);
	return unused;
}

/* Called in the thread that reads keys; handled in the one that reads signals. */
static void escape(void)
{
	kill(getpid(), SIGUSR1);
}

/* Not waited for: at the end of the VM it may still block in a read. */
static void *forward_input(void *unused)
{
	streams_forward_in(ends[LINE_IN], escape);
	return unused;
}

static void start_thread(void *(*f)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, f, argument))
		errx(VM_FAILED, "cannot start a thread");
	pthread_detach(thread);
}

/* ------------------------------------------------------ from start to end */

#define GRACE_SECONDS 5	/* for the command to end after a signal */

#define BOOTS_MAX 3

static bool emulator_is_faulty;	/* see may_boot_again() */
static int boots = 1;
static int command_status = -1;
static int interrupted;	/* number of the signal */
static bool started, alive = true;

static void send_window_size(void)
{
	struct winsize size;

	if (started && streams.terminal >= 0 &&
	    !ioctl(streams.terminal, TIOCGWINSZ, &size))
		send_frame(ends[LINE_CTL], FRAME_WINSIZE, &size, sizeof(size));
}

/* Returns false after the last frame. */
static bool receive_frame(void)
{
	struct frame f;
	int status;

	if (!read_all(ends[LINE_CTL], &f, sizeof(f)))
		return false;
	switch (f.type) {
	case FRAME_READY:
		describe_streams();
		send_frame(ends[LINE_CTL], FRAME_START, start.items, start.length);
		started = true;
		start_thread(forward_input, NULL);
		return true;
	case FRAME_ENDED:
		if (!read_all(ends[LINE_CTL], &status, sizeof(status)))
			return false;
		command_status = status;
		return true;
	}
	return false;
}

/* The first signal goes to the command; the second one ends the VM. */
static void interrupt(int number)
{
	if (!alive)
		_exit(128 + number);
	if (!started || interrupted)
		vm_end();
	else
		send_frame(ends[LINE_CTL], FRAME_SIGNAL, &number, sizeof(number));
	interrupted = number;
}

static void receive_signal(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		if (vm_is_gone()) {
			alive = false;
			streams_restore();
		}
		break;
	case SIGWINCH:
		send_window_size();
		break;
	case SIGUSR1:	/* from escape() */
		interrupted = SIGTERM;
		vm_end();
		break;
	default:
		interrupt(info.ssi_signo);
	}
}

/* Blocks the signals and returns a signalfd that reports them. */
static int watch_signals(void)
{
	const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				SIGWINCH, SIGCHLD, SIGUSR1 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(watched) / sizeof(*watched); i++)
		sigaddset(&set, watched[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Subtracts the count of an eventfd. */
static void count_down(int *busy, int fd)
{
	eventfd_t count;

	if (!eventfd_read(fd, &count))
		*busy -= count;
}

/* Returns after the VM has ended and all of its output has been forwarded. */
static void forward_until_end(int signals)
{
	struct output outputs[] = {
		{ ends[LINE_OUT], 1 },
		{ ends[LINE_ERR], 2 },
		{ ends[LINE_TERM], streams.terminal },
	};
	int streams_busy = sizeof(outputs) / sizeof(*outputs), console_busy = 1;
	struct pollfd p[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = streams_done, .events = POLLIN },
		{ .fd = console_done, .events = POLLIN },
		{ .fd = ends[LINE_CTL], .events = POLLIN },
	};
	bool off_sent = false;

	for (int i = 0; i < streams_busy; i++)
		start_thread(forward_output, &outputs[i]);
	start_thread(log_console, NULL);

	while (alive || streams_busy || console_busy) {
		int n = poll(p, 4, alive && interrupted ? GRACE_SECONDS * 1000 :
							  -1);

		if (!n)
			vm_end();
		if (p[0].revents)
			receive_signal(signals);
		if (p[1].revents)
			count_down(&streams_busy, streams_done);
		if (p[2].revents)
			count_down(&console_busy, console_done);
		if (p[3].revents && !receive_frame())
			p[3].fd = -1;
		if (command_status >= 0 && !streams_busy && !off_sent)
			off_sent = send_frame(ends[LINE_CTL], FRAME_OFF, NULL, 0);
	}
}

/*
 * While Linux patches an instruction, it is a breakpoint.  QEMU before 8.1 can
 * execute this breakpoint after the instruction has been patched (fixed by its
 * commit deba78709ae8).  Booting again is safe if the command has not started.
 */
static bool may_boot_again(void)
{
	return emulator_is_faulty && console_has_stray_breakpoint() && !started &&
	       !interrupted && boots < BOOTS_MAX;
}

/* Executes this program again, with the number of boots as first option. */
static void boot_again(int argc, char **argv)
{
	char *again[argc + 2], option[24];
	int n = 0;

	snprintf(option, sizeof(option), "--boots=%d", boots + 1);
	again[n++] = argv[0];
	again[n++] = option;
	/* Omit the option of the previous call. */
	for (int i = boots > 1 ? 2 : 1; i < argc; i++)
		again[n++] = argv[i];
	again[n] = NULL;
	console_explain("a patched instruction ran as a breakpoint, as in QEMU before 8.1");
	fprintf(stderr, "scripts/run: booting again\n");
	execv("/proc/self/exe", again);
	err(VM_FAILED, "cannot boot again");
}

/* Prints the reason of a failure of the VM, and returns the exit status. */
static int exit_status(bool *explained)
{
	*explained = true;
	if (console_has_bug_report()) {
		console_explain("the kernel reported a bug");
		return VM_FAILED;
	}
	if (command_status < 0 && !interrupted) {
		console_explain("the VM ended before the command");
		return VM_FAILED;
	}
	*explained = false;
	return command_status >= 0 ? command_status : 128 + interrupted;
}

/* ------------------------------------------------------------- the options */

static const char *log_path;

static void parse_options(int argc, char **argv)
{
	const struct option options[] = {
		{ "qemu", no_argument, NULL, 'q' },
		{ "option", required_argument, NULL, 'o' },
		{ "arguments", required_argument, NULL, 'A' },
		{ "kernel", required_argument, NULL, 'K' },
		{ "init", required_argument, NULL, 'i' },
		{ "memory", required_argument, NULL, 'm' },
		{ "memory-dir", required_argument, NULL, 'M' },
		{ "state-dir", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'l' },
		{ "boots", required_argument, NULL, 'b' },
		{ "faulty-emulator", no_argument, NULL, 'e' },
		{ "directory", required_argument, NULL, ITEM_DIRECTORY },
		{ "writable", required_argument, NULL, ITEM_WRITABLE },
		{ "visible", required_argument, NULL, ITEM_VISIBLE },
		{ "programs", required_argument, NULL, ITEM_PROGRAMS },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 'q':
			vm.kind = &qemu;
			break;
		case 'o':
			if (vm.n_options == VM_OPTIONS_MAX)
				errx(2, "host: too many options");
			vm.options[vm.n_options++] = optarg;
			break;
		case 'A':
			vm.arguments = optarg;
			break;
		case 'K':
			vm.kernel = optarg;
			break;
		case 'i':
			vm.init = optarg;
			break;
		case 'm':
			vm.memory = optarg;
			break;
		case 'M':
			vm.memory_dir = optarg;
			break;
		case 's':
			vm.state_dir = optarg;
			break;
		case 'l':
			log_path = optarg;
			break;
		case 'b':
			boots = atoi(optarg);
			break;
		case 'e':
			emulator_is_faulty = true;
			break;
		case ITEM_DIRECTORY:
		case ITEM_WRITABLE:
		case ITEM_VISIBLE:
		case ITEM_PROGRAMS:
			item(option, optarg);
			break;
		default:
			exit(2);
		}
	}
	if (!vm.kernel || !vm.init || !vm.memory_dir ||
	    !vm.state_dir || optind == argc)
		errx(2, "host: missing options; scripts/run calls this program");
	for (int i = optind; i < argc; i++)
		item(ITEM_ARGUMENT, argv[i]);
	for (char **v = environ; *v; v++)
		item(ITEM_VARIABLE, *v);
}

/* Without --log, the log is kept only if its end is printed. */
static void choose_log(void)
{
	char *path;

	if (log_path)
		return;
	if (asprintf(&path, "%s/kernel-%d.log", vm.state_dir, (int)getpid()) < 0)
		err(VM_FAILED, NULL);
	log_path = path;
	vm.temporary_log = path;
}

int main(int argc, char **argv)
{
	int signals, status;
	bool explained;

	streams = streams_detect();
	parse_options(argc, argv);
	choose_log();
	console_open(log_path);
	streams_done = eventfd(0, EFD_CLOEXEC);
	console_done = eventfd(0, EFD_CLOEXEC);
	signals = watch_signals();
	vm_start(&vm, ends);
	if (streams.interactive)
		streams_make_raw();
	forward_until_end(signals);
	if (may_boot_again())
		boot_again(argc, argv);
	status = exit_status(&explained);
	if (vm.temporary_log && !explained)
		unlink(vm.temporary_log);
	return status;
}
