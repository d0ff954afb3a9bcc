// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boots User-Mode Linux, has init.c run one command in it, and stands in for
 * that command on the host: standard input, output and error, the terminal,
 * signals, and the exit status.
 *
 * It knows frames.h, how User-Mode Linux is started, and what a kernel in
 * trouble prints; nothing about the project.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "frames.h"

/* The exit status where the machine failed, not the command. */
#define MACHINE_FAILED 125

/* The machine's descriptors: its lines, and then its console. */
#define FIRST_FD 10
#define CONSOLE LINES

/* Unless somebody wants the log, it is kept only where it explains something. */
static bool log_wanted;

static const char *kernel, *init_program, *log_path, *state_folder, *folder;
static const char *memory = "2G", *memory_folder;

static int ends[LINES + 1];	/* ours */
static pid_t keeper = -1;
static int keeper_pipe = -1;
static char *start_items;
static size_t start_length;

static int done;	/* an eventfd: how many threads have nothing left to do */

static void count_done(void)
{
	eventfd_write(done, 1);
}

/* ---------------------------------------------------------- the terminal */

static int terminal = -1;	/* where the machine's terminal is shown */
static bool interactive;	/* keys go to the machine as they are */
static struct termios terminal_before;

static void make_terminal_raw(void)
{
	struct termios t;

	if (tcgetattr(0, &terminal_before))
		err(MACHINE_FAILED, "terminal");
	t = terminal_before;
	cfmakeraw(&t);
	tcsetattr(0, TCSADRAIN, &t);
}

static void restore_terminal(void)
{
	if (interactive)
		tcsetattr(0, TCSADRAIN, &terminal_before);
}

__attribute__((noreturn)) static void finish(int status)
{
	restore_terminal();
	_exit(status);
}

/* For the time in which the terminal may be raw. */
__attribute__((format(printf, 1, 2)))
static void say(const char *format, ...)
{
	va_list list;

	restore_terminal();
	va_start(list, format);
	fputs("scripts/run: ", stderr);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
}

/* --------------------------------------------------------- what to start */

static void item(enum item kind, const char *text)
{
	size_t length = strlen(text) + 2;

	start_items = realloc(start_items, start_length + length);
	if (!start_items)
		err(MACHINE_FAILED, NULL);
	start_items[start_length] = kind;
	strcpy(start_items + start_length + 1, text);
	start_length += length;
}

static void stream_item(int stream, enum stream_kind kind)
{
	const char text[] = { '0' + stream, kind, '\0' };

	item(ITEM_STREAM, text);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static bool is_null(int fd)
{
	struct stat mine, null;

	return fstat(fd, &mine) ||
	       (!stat("/dev/null", &null) && S_ISCHR(mine.st_mode) &&
		mine.st_rdev == null.st_rdev);
}

/*
 * A stream that is a terminal here is one there.  Keys are passed on only
 * where standard output is a terminal, too: in "scripts/run CMD | less" they
 * are meant for less.
 */
static void describe_streams(void)
{
	bool tty[3];

	for (int i = 0; i < 3; i++)
		tty[i] = isatty(i);
	interactive = tty[0] && tty[1];
	if (tty[1] || tty[2])
		terminal = tty[1] ? 1 : 2;

	if (interactive)
		stream_item(0, STREAM_TERMINAL);
	else
		stream_item(0, tty[0] || is_null(0) ? STREAM_NOTHING :
						      STREAM_PIPE);
	stream_item(1, tty[1] ? STREAM_TERMINAL : STREAM_PIPE);
	if (tty[2])
		stream_item(2, STREAM_TERMINAL);
	else
		stream_item(2, !tty[1] && same_file(1, 2) ? STREAM_AS_OUTPUT :
							    STREAM_PIPE);
	if (terminal >= 0 && !interactive)
		item(ITEM_COOKED, "");
}

/* ----------------------------------------------------------- the machine */

static void exec_kernel(int their_ends[LINES + 1])
{
	char *arguments[40];
	int n = 0, null;
	const struct rlimit no_core = { 0, 0 };

#define ARGUMENT(...) \
	do { \
		if (asprintf(&arguments[n++], __VA_ARGS__) < 0) \
			_exit(MACHINE_FAILED); \
	} while (0)

	ARGUMENT("%s", kernel);
	ARGUMENT("mem=%s", memory);
	ARGUMENT("rootfstype=hostfs");
	ARGUMENT("rootflags=/");
	ARGUMENT("rw");
	ARGUMENT("init=%s", init_program);
	ARGUMENT("uml_dir=%s", state_folder);
	ARGUMENT("umid=%d", (int)getpid());
	ARGUMENT("console=tty0");
	ARGUMENT("con0=fd:%d", FIRST_FD + CONSOLE);
	for (int i = 0; i < LINES; i++)
		ARGUMENT("ssl%d=fd:%d", i, FIRST_FD + i);
	/* Early messages; the console repeats them when it starts. */
	ARGUMENT("stderr=1");
	ARGUMENT("ignore_loglevel");
	ARGUMENT("oops=panic");
	arguments[n] = NULL;

	for (int i = 0; i <= LINES; i++)
		if (dup2(their_ends[i], FIRST_FD + i) < 0)
			_exit(MACHINE_FAILED);
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	close_range(3, FIRST_FD - 1, 0);
	close_range(FIRST_FD + LINES + 1, ~0U, 0);
	dup2(FIRST_FD + CONSOLE, 1);
	dup2(FIRST_FD + CONSOLE, 2);
	setrlimit(RLIMIT_CORE, &no_core);
	setenv("TMPDIR", memory_folder, 1);
	if (chdir("/"))
		_exit(MACHINE_FAILED);
	execv(kernel, arguments);
	err(MACHINE_FAILED, "%s", kernel);
}

static void remove_state(pid_t machine)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d/pid", state_folder, (int)machine);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%d", state_folder, (int)machine);
	rmdir(path);
}

/*
 * The machine's own processes are traced by its first one, and a tracee whose
 * tracer is killed runs on -- untraced, on the host.  So the machine is only
 * ever killed as one process group, and this small process sees to that even
 * where nothing is left of its parent: it waits for the machine to end, or for
 * the pipe to its parent to close.
 */
__attribute__((noreturn))
static void keep(int parent, int their_ends[LINES + 1])
{
	const pid_t master = getppid();
	sigset_t signals;
	pid_t machine;
	int events;

	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* The others are blocked already, see watch_signals(). */
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	events = signalfd(-1, &signals, SFD_CLOEXEC);
	machine = fork();
	if (machine < 0)
		_exit(MACHINE_FAILED);
	if (!machine) {
		sigemptyset(&signals);
		sigprocmask(SIG_SETMASK, &signals, NULL);
		setpgid(0, 0);
		exec_kernel(their_ends);
	}
	setpgid(machine, machine);
	for (int i = 0; i <= LINES; i++) {
		close(their_ends[i]);
		close(ends[i]);
	}
	for (int i = 0; i < 3; i++)
		close(i);

	struct pollfd p[] = {
		{ .fd = parent, .events = POLLIN },
		{ .fd = events, .events = POLLIN },
	};
	do {
		poll(p, 2, -1);
	} while (!p[0].revents && !p[1].revents);
	kill(-machine, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	remove_state(machine);
	if (getppid() != master && !log_wanted)
		unlink(log_path);
	_exit(0);
}

static void start_machine(void)
{
	int their_ends[LINES + 1], pipe_ends[2];

	for (int i = 0; i <= LINES; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			err(MACHINE_FAILED, "socketpair");
		ends[i] = pair[0];
		/* Above the numbers that the machine expects its own at. */
		their_ends[i] = fcntl(pair[1], F_DUPFD_CLOEXEC, 100);
		close(pair[1]);
	}
	if (pipe2(pipe_ends, O_CLOEXEC))
		err(MACHINE_FAILED, "pipe");
	keeper = fork();
	if (keeper < 0)
		err(MACHINE_FAILED, "fork");
	if (!keeper) {
		close(pipe_ends[1]);
		keep(pipe_ends[0], their_ends);
	}
	close(pipe_ends[0]);
	keeper_pipe = pipe_ends[1];
	for (int i = 0; i <= LINES; i++)
		close(their_ends[i]);
}

static void end_machine(void)
{
	if (keeper_pipe >= 0)
		close(keeper_pipe);
	keeper_pipe = -1;
}

/* ----------------------------------------------------- the kernel's words */

static const char *const trouble[] = {
	"BUG:", "WARNING:", "INFO: ", "Oops", "Kernel panic", "KASAN:", "UBSAN:",
	"KFENCE:", "KCSAN:", "kmemleak:", "general protection fault",
	"unable to handle", "------------[ cut here ]", NULL
};

static const char *const harmless[] = {
	"Kernel memory leak detector", "INFO: lockdep is turned off", NULL
};

#define LAST_LINES 20
#define LINES_BEFORE 5	/* what led to the trouble */

static struct {
	FILE *file;
	long trouble_at;	/* where in the file, -1: nowhere */
	long last_lines;	/* where the last few begin */
} console = { .trouble_at = -1 };

static bool speaks_of(const char *line, const char *const *words)
{
	for (; *words; words++)
		if (strstr(line, *words))
			return true;
	return false;
}

static void *carry_console(void *unused)
{
	FILE *from = fdopen(ends[CONSOLE], "r");
	long starts[LAST_LINES] = { 0 };
	size_t size = 0, n = 0;
	char *line = NULL;

	while (from && getline(&line, &size, from) > 0) {
		starts[n++ % LAST_LINES] = ftell(console.file);
		console.last_lines = starts[n < LAST_LINES ? 0 : n % LAST_LINES];
		if (console.trouble_at < 0 && speaks_of(line, trouble) &&
		    !speaks_of(line, harmless))
			console.trouble_at = starts[n <= LINES_BEFORE ? 0 :
						    (n - 1 - LINES_BEFORE) % LAST_LINES];
		fputs(line, console.file);
		fflush(console.file);
	}
	free(line);
	count_done();
	return unused;
}

static void show_log_from(long offset, int lines)
{
	FILE *file = fopen(log_path, "r");
	size_t size = 0;
	char *line = NULL;

	if (!file || fseek(file, offset, SEEK_SET))
		return;
	while (lines-- && getline(&line, &size, file) > 0)
		fprintf(stderr, "    %s", line);
	free(line);
	fclose(file);
}

/* ----------------------------------------------------------- the streams */

struct outlet {
	int from, to;
};

static void *carry_out(void *argument)
{
	struct outlet *o = argument;
	char buffer[65536];
	ssize_t n;

	while ((n = read_some(o->from, buffer, sizeof(buffer))) > 0)
		if (o->to < 0 || !write_all(o->to, buffer, n))
			break;
	/* Where nobody reads any more, the command finds its stream broken. */
	shutdown(o->from, SHUT_RDWR);
	count_done();
	return NULL;
}

static void start_thread(void *(*f)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, f, argument))
		errx(MACHINE_FAILED, "cannot start a thread");
	pthread_detach(thread);
}

#define ESCAPE 0x1d	/* Ctrl-] */

/* Whether Ctrl-] was pressed three times within a second or so. */
static bool escaped(const char *keys, ssize_t n)
{
	static time_t since;
	static int count;

	for (ssize_t i = 0; i < n; i++) {
		if (keys[i] != ESCAPE || time(NULL) > since + 1) {
			count = 0;
			since = time(NULL);
		}
		if (keys[i] == ESCAPE && ++count == 3)
			return true;
	}
	return false;
}

static void *carry_in(void *unused)
{
	char buffer[16384];
	uint16_t length;
	ssize_t n;

	while ((n = read_some(0, buffer, sizeof(buffer))) > 0) {
		if (interactive && escaped(buffer, n))
			kill(getpid(), SIGUSR1);
		length = n;
		if (!write_all(ends[LINE_IN], &length, sizeof(length)) ||
		    !write_all(ends[LINE_IN], buffer, n))
			return unused;
	}
	length = 0;
	write_all(ends[LINE_IN], &length, sizeof(length));
	return unused;
}

/* ------------------------------------------------------ from start to end */

#define GRACE_SECONDS 5	/* for a command that was told to end */

static int command_status = -1;
static int interrupted;	/* by this signal */
static bool started, alive = true;

static void send_window_size(void)
{
	struct winsize size;

	if (started && terminal >= 0 && !ioctl(terminal, TIOCGWINSZ, &size))
		send_frame(ends[LINE_CTL], FRAME_WINSIZE, &size, sizeof(size));
}

/* Returns false when there will be no more. */
static bool receive_frame(void)
{
	struct frame f;
	int32_t status;

	if (!read_all(ends[LINE_CTL], &f, sizeof(f)))
		return false;
	switch (f.type) {
	case FRAME_READY:
		send_frame(ends[LINE_CTL], FRAME_START, start_items, start_length);
		started = true;
		send_window_size();
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
static void interrupt(int32_t number)
{
	if (!alive)
		finish(128 + number);
	if (!started || interrupted)
		end_machine();
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
		if (waitpid(keeper, NULL, WNOHANG) == keeper)
			alive = false;
		break;
	case SIGWINCH:
		send_window_size();
		break;
	case SIGUSR1:	/* from carry_in(), the escape */
		interrupted = SIGTERM;
		end_machine();
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

/* Until the machine is gone and everything it said has been passed on. */
static void attend(int signals)
{
	struct outlet outlets[] = {
		{ ends[LINE_OUT], 1 },
		{ ends[LINE_ERR], 2 },
		{ ends[LINE_TERM], terminal },
	};
	int busy = sizeof(outlets) / sizeof(*outlets) + 1;
	struct pollfd p[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = done, .events = POLLIN },
		{ .fd = ends[LINE_CTL], .events = POLLIN },
	};

	for (size_t i = 0; i < sizeof(outlets) / sizeof(*outlets); i++)
		start_thread(carry_out, &outlets[i]);
	start_thread(carry_console, NULL);

	while (alive || busy) {
		eventfd_t count;
		int n = poll(p, 3, alive && interrupted ? GRACE_SECONDS * 1000 :
							  -1);

		if (!n)
			end_machine();
		if (p[0].revents)
			receive_signal(signals);
		if (p[1].revents && !eventfd_read(done, &count))
			busy -= count;
		if (p[2].revents && !receive_frame())
			p[2].fd = -1;
	}
}

static bool explained;	/* something, with the log */

static void open_log(void)
{
	log_wanted = log_path;
	if (!log_wanted &&
	    asprintf((char **)&log_path, "%s/kernel-%d.log", state_folder,
		     (int)getpid()) < 0)
		err(MACHINE_FAILED, NULL);
	console.file = fopen(log_path, "we");
	if (!console.file)
		err(MACHINE_FAILED, "%s", log_path);
}

static int explain(long from, int lines)
{
	explained = true;
	show_log_from(from, lines);
	return MACHINE_FAILED;
}

/* Says what went wrong, if anything did, and returns the exit status. */
static int verdict(void)
{
	if (console.trouble_at >= 0) {
		say("the kernel is in trouble, see %s; from there:",
		    log_path);
		return explain(console.trouble_at, 60);
	}
	if (command_status >= 0)
		return command_status;
	if (interrupted)
		return 128 + interrupted;
	say("the machine ended before the command did, see %s; at its end:",
	    log_path);
	return explain(console.last_lines, -1);
}

/* ------------------------------------------------------------- the options */

static void parse_options(int argc, char **argv)
{
	const struct option options[] = {
		{ "kernel", required_argument, NULL, 'K' },
		{ "init", required_argument, NULL, 'i' },
		{ "memory", required_argument, NULL, 'm' },
		{ "memory-folder", required_argument, NULL, 'M' },
		{ "state-folder", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'l' },
		{ "folder", required_argument, NULL, ITEM_FOLDER },
		{ "writable", required_argument, NULL, ITEM_WRITABLE },
		{ "visible", required_argument, NULL, ITEM_VISIBLE },
		{ "programs", required_argument, NULL, ITEM_PROGRAMS },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 'K':
			kernel = optarg;
			break;
		case 'i':
			init_program = optarg;
			break;
		case 'm':
			memory = optarg;
			break;
		case 'M':
			memory_folder = optarg;
			break;
		case 's':
			state_folder = optarg;
			break;
		case 'l':
			log_path = optarg;
			break;
		case ITEM_FOLDER:
			folder = optarg;
			/* fall through */
		case ITEM_WRITABLE:
		case ITEM_VISIBLE:
		case ITEM_PROGRAMS:
			item(option, optarg);
			break;
		default:
			exit(2);
		}
	}
	if (!kernel || !init_program || !memory_folder || !state_folder ||
	    !folder || optind == argc)
		errx(2, "host: incomplete; it is for scripts/run to call");
	for (int i = optind; i < argc; i++)
		item(ITEM_ARGUMENT, argv[i]);
	for (char **v = environ; *v; v++)
		item(ITEM_VARIABLE, *v);
}

int main(int argc, char **argv)
{
	int signals, status;

	parse_options(argc, argv);
	describe_streams();
	open_log();
	done = eventfd(0, EFD_CLOEXEC);
	signals = watch_signals();
	start_machine();
	if (interactive)
		make_terminal_raw();
	attend(signals);
	restore_terminal();
	status = verdict();
	if (!log_wanted && !explained)
		unlink(log_path);
	return status;
}
