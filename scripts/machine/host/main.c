// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boots a machine, has the guest's init run one command in it, and stands in
 * for that command on the host: its streams, signals and exit status.
 *
 * This file knows who must be told what, and when; the others know how.
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
#include "machine.h"
#include "streams.h"

static struct machine machine = { .kind = &uml, .memory = "2G" };
static int ends[MACHINE_ENDS];
static struct streams streams;

/* --------------------------------------------------------- what to start */

static struct {
	char *items;
	size_t length;
} start;

static void item(enum item kind, const char *text)
{
	size_t length = strlen(text) + 2;

	start.items = realloc(start.items, start.length + length);
	if (!start.items)
		err(MACHINE_FAILED, NULL);
	start.items[start.length] = kind;
	memcpy(start.items + start.length + 1, text, length - 1);
	start.length += length;
}

/* The last items: what cannot be known before the machine is there. */
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

/* Eventfds: how many streams have ended, and whether the console has. */
static int streams_done, console_done;

struct outlet {
	int from, to;
};

static void *carry_out(void *argument)
{
	struct outlet *o = argument;

	streams_carry_out(o->from, o->to);
	eventfd_write(streams_done, 1);
	return NULL;
}

static void *carry_console(void *unused)
{
	console_carry(ends[MACHINE_CONSOLE]);
	eventfd_write(console_done, 1);
	return unused;
}

/* From the thread that reads the keys to the one that reads the signals. */
static void escape(void)
{
	kill(getpid(), SIGUSR1);
}

/* Never done: when the machine is gone, the caller may still be silent. */
static void *carry_in(void *unused)
{
	streams_carry_in(ends[LINE_IN], escape);
	return unused;
}

static void start_thread(void *(*f)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, f, argument))
		errx(MACHINE_FAILED, "cannot start a thread");
	pthread_detach(thread);
}

/* ------------------------------------------------------ from start to end */

#define GRACE_SECONDS 5	/* for a command that was told to end */

#define BOOTS_MAX 3

static bool emulator_fails;	/* now and then; told by whoever knows it */
static int boots = 1;
static int command_status = -1;
static int interrupted;	/* by this signal */
static bool started, alive = true;

static void send_window_size(void)
{
	struct winsize size;

	if (started && streams.terminal >= 0 &&
	    !ioctl(streams.terminal, TIOCGWINSZ, &size))
		send_frame(ends[LINE_CTL], FRAME_WINSIZE, &size, sizeof(size));
}

/* Returns false when there will be no more. */
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
		start_thread(carry_in, NULL);
		return true;
	case FRAME_ENDED:
		if (!read_all(ends[LINE_CTL], &status, sizeof(status)))
			return false;
		command_status = status;
		return true;
	}
	return false;
}

/* The first time it is for the command to decide; then the machine goes. */
static void interrupt(int number)
{
	if (!alive)
		_exit(128 + number);
	if (!started || interrupted)
		machine_end();
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
		if (machine_is_gone()) {
			alive = false;
			streams_restore();
		}
		break;
	case SIGWINCH:
		send_window_size();
		break;
	case SIGUSR1:	/* from carry_in(), the escape */
		interrupted = SIGTERM;
		machine_end();
		break;
	default:
		interrupt(info.ssi_signo);
	}
}

/* From now on these are read from the result, by whoever is ready for them. */
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

/* Subtracts what an eventfd has counted. */
static void count_down(int *busy, int fd)
{
	eventfd_t count;

	if (!eventfd_read(fd, &count))
		*busy -= count;
}

/* Until the machine is gone and everything it said has been passed on. */
static void attend(int signals)
{
	struct outlet outlets[] = {
		{ ends[LINE_OUT], 1 },
		{ ends[LINE_ERR], 2 },
		{ ends[LINE_TERM], streams.terminal },
	};
	int streams_busy = sizeof(outlets) / sizeof(*outlets), console_busy = 1;
	struct pollfd p[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = streams_done, .events = POLLIN },
		{ .fd = console_done, .events = POLLIN },
		{ .fd = ends[LINE_CTL], .events = POLLIN },
	};
	bool told = false;

	for (int i = 0; i < streams_busy; i++)
		start_thread(carry_out, &outlets[i]);
	start_thread(carry_console, NULL);

	while (alive || streams_busy || console_busy) {
		int n = poll(p, 4, alive && interrupted ? GRACE_SECONDS * 1000 :
							  -1);

		if (!n)
			machine_end();
		if (p[0].revents)
			receive_signal(signals);
		if (p[1].revents)
			count_down(&streams_busy, streams_done);
		if (p[2].revents)
			count_down(&console_busy, console_done);
		if (p[3].revents && !receive_frame())
			p[3].fd = -1;
		if (command_status >= 0 && !streams_busy && !told)
			told = send_frame(ends[LINE_CTL], FRAME_OFF, NULL, 0);
	}
}

/*
 * QEMU before 8.1 can run an instruction that Linux has just patched as the
 * breakpoint that it was while that went on (mended by its deba78709ae8).  As
 * long as nothing of the caller's has happened, nothing of it is lost.
 */
static bool may_boot_again(void)
{
	return emulator_fails && console_shows_stray_breakpoint() && !started &&
	       !interrupted && boots < BOOTS_MAX;
}

/* As a program that knows nothing of this time but that it has been. */
static void boot_again(int argc, char **argv)
{
	char *again[argc + 2], option[24];
	int n = 0;

	snprintf(option, sizeof(option), "--boots=%d", boots + 1);
	again[n++] = argv[0];
	again[n++] = option;
	/* The last time's stands first. */
	for (int i = boots > 1 ? 2 : 1; i < argc; i++)
		again[n++] = argv[i];
	again[n] = NULL;
	console_explain("a patched instruction ran as a breakpoint, as in QEMU before 8.1");
	fprintf(stderr, "scripts/run: booting again\n");
	execv("/proc/self/exe", again);
	err(MACHINE_FAILED, "cannot boot again");
}

/* Says what went wrong, if anything did, and returns the exit status. */
static int verdict(bool *explained)
{
	*explained = true;
	if (console_shows_trouble()) {
		console_explain("the kernel is in trouble");
		return MACHINE_FAILED;
	}
	if (command_status < 0 && !interrupted) {
		console_explain("the machine ended before the command did");
		return MACHINE_FAILED;
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
		{ "memory-folder", required_argument, NULL, 'M' },
		{ "state-folder", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'l' },
		{ "boots", required_argument, NULL, 'b' },
		{ "emulator-fails", no_argument, NULL, 'e' },
		{ "folder", required_argument, NULL, ITEM_FOLDER },
		{ "writable", required_argument, NULL, ITEM_WRITABLE },
		{ "visible", required_argument, NULL, ITEM_VISIBLE },
		{ "programs", required_argument, NULL, ITEM_PROGRAMS },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 'q':
			machine.kind = &qemu;
			break;
		case 'o':
			if (machine.n_options == MACHINE_OPTIONS_MAX)
				errx(2, "host: too many options");
			machine.options[machine.n_options++] = optarg;
			break;
		case 'A':
			machine.arguments = optarg;
			break;
		case 'K':
			machine.kernel = optarg;
			break;
		case 'i':
			machine.init = optarg;
			break;
		case 'm':
			machine.memory = optarg;
			break;
		case 'M':
			machine.memory_folder = optarg;
			break;
		case 's':
			machine.state_folder = optarg;
			break;
		case 'l':
			log_path = optarg;
			break;
		case 'b':
			boots = atoi(optarg);
			break;
		case 'e':
			emulator_fails = true;
			break;
		case ITEM_FOLDER:
		case ITEM_WRITABLE:
		case ITEM_VISIBLE:
		case ITEM_PROGRAMS:
			item(option, optarg);
			break;
		default:
			exit(2);
		}
	}
	if (!machine.kernel || !machine.init || !machine.memory_folder ||
	    !machine.state_folder || optind == argc)
		errx(2, "host: incomplete; it is for scripts/run to call");
	for (int i = optind; i < argc; i++)
		item(ITEM_ARGUMENT, argv[i]);
	for (char **v = environ; *v; v++)
		item(ITEM_VARIABLE, *v);
}

/* Unless somebody wants the log, it is kept only where it explains something. */
static void choose_log(void)
{
	char *path;

	if (log_path)
		return;
	if (asprintf(&path, "%s/kernel-%d.log", machine.state_folder, (int)getpid()) < 0)
		err(MACHINE_FAILED, NULL);
	log_path = path;
	machine.scrap = path;
}

int main(int argc, char **argv)
{
	int signals, status;
	bool explained;

	streams = streams_look();
	parse_options(argc, argv);
	choose_log();
	console_open(log_path);
	streams_done = eventfd(0, EFD_CLOEXEC);
	console_done = eventfd(0, EFD_CLOEXEC);
	signals = watch_signals();
	machine_start(&machine, ends);
	if (streams.interactive)
		streams_make_raw();
	attend(signals);
	if (may_boot_again())
		boot_again(argc, argv);
	status = verdict(&explained);
	if (machine.scrap && !explained)
		unlink(machine.scrap);
	return status;
}
