// SPDX-License-Identifier: GPL-2.0-only
/*
 * First process of the VM that scripts/run boots: runs one command, forwards
 * its streams to the host over the lines of frames.h, and powers off.
 *
 * Depends on frames.h; must not depend on the project that uses the VM.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "../frames.h"
#include "leaks.h"
#include "system.h"

static int lines[LINES];

/* Contents of START. */
static struct {
	char **arguments;
	char **variables;
	const char *directory, *programs;
	struct directories writable, visible;
	size_t n_arguments, n_variables;
	enum stream_kind streams[3];
	bool cooked;
	struct winsize size;
} start = { .streams = { STREAM_NOTHING, STREAM_NOTHING, STREAM_NOTHING } };

static pid_t command;
static atomic_bool interrupted;	/* by a signal from the host */
static int terminal = -1;	/* master of the command's terminal */

#define PROGRAMS "/run/programs"

/* By a symbolic link: the path on the host may contain a colon. */
static void set_up_path(void)
{
	char *path;
	const char *rest = getenv("PATH");

	if (!start.programs)
		return;
	if (symlink(start.programs, PROGRAMS))
		warn(PROGRAMS);
	if (asprintf(&path, "%s:%s", PROGRAMS, rest && *rest ? rest :
		     "/usr/sbin:/usr/bin:/sbin:/bin") < 0)
		err(1, NULL);
	setenv("PATH", path, 1);
	free(path);
}

/* ------------------------------------------------------------- the lines */

#define TIMEOUT_MS 10000	/* for a line to be connected */

static int open_line(const char *name)
{
	int fd = -1;

	for (int ms = 0; fd < 0 && ms < TIMEOUT_MS; ms += 10) {
		fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			usleep(10000);
		else if (fd < 0)
			break;
	}
	if (fd < 0)
		err(1, "%s", name);
	return fd;
}

static void make_raw(int line)
{
	struct termios t;

	if (!isatty(line))
		return;
	if (tcgetattr(line, &t))
		err(1, "terminal line");
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL | CREAD;
	if (tcsetattr(line, TCSANOW, &t))
		err(1, "terminal line");
}

/* The host's end of a virtual port may be connected later than this one. */
static void wait_for_host(int line)
{
	struct pollfd p = { .fd = line, .events = POLLOUT };

	for (int ms = 0; ms < TIMEOUT_MS; ms += 10) {
		if (poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP))
			return;
		usleep(10000);
	}
	errx(1, "line: no host is connected");
}

/* Serial lines, unless the kernel's command line names other devices. */
static void open_lines(void)
{
	char *name = strdup(getenv("VM_LINES") ?: "/dev/ttyS0");
	char *digit = strchr(name, '\0') - 1;

	for (int i = 0; i < LINES; i++, ++*digit) {
		lines[i] = open_line(name);
		make_raw(lines[i]);
		wait_for_host(lines[i]);
	}
	free(name);
}

static void add(struct directories *list, const char *path)
{
	if (list->n == DIRECTORIES_MAX)
		errx(1, "more than %d directories", DIRECTORIES_MAX);
	list->paths[list->n++] = path;
}

static void push(char ***list, size_t *n, char *text)
{
	*list = realloc(*list, (*n + 2) * sizeof(**list));
	if (!*list)
		err(1, NULL);
	(*list)[(*n)++] = text;
	(*list)[*n] = NULL;
}

static void take_item(enum item kind, char *text)
{
	switch (kind) {
	case ITEM_ARGUMENT:
		push(&start.arguments, &start.n_arguments, text);
		break;
	case ITEM_VARIABLE:
		push(&start.variables, &start.n_variables, text);
		break;
	case ITEM_DIRECTORY:
		start.directory = text;
		break;
	case ITEM_WRITABLE:
		add(&start.writable, text);
		break;
	case ITEM_VISIBLE:
		add(&start.visible, text);
		break;
	case ITEM_PROGRAMS:
		start.programs = text;
		break;
	case ITEM_STREAM:
		start.streams[text[0] - '0'] = text[1];
		break;
	case ITEM_COOKED:
		start.cooked = true;
		break;
	case ITEM_SIZE:
		sscanf(text, "%hu %hu", &start.size.ws_row, &start.size.ws_col);
		break;
	default:
		errx(1, "unknown item '%c'", kind);
	}
}

static void receive_start(void)
{
	struct frame f;
	char *at, *end;

	if (!send_frame(lines[LINE_CTL], FRAME_READY, NULL, 0) ||
	    !read_all(lines[LINE_CTL], &f, sizeof(f)) || f.type != FRAME_START)
		errx(1, "no START frame from the host");
	at = malloc(f.length);
	if (!at || !read_all(lines[LINE_CTL], at, f.length))
		errx(1, "incomplete START frame");
	for (end = at + f.length; at < end; at += strlen(at) + 1)
		take_item(at[0], at + 1);
	if (!start.arguments || !start.variables || !start.directory)
		errx(1, "START frame: no command, environment or directory");
}

/* ----------------------------------------------------------- the streams */

/* Forwards an output of the command to a line, until its last writer closes it. */
struct output {
	int from, line;
	pthread_t thread;
	bool used;
};

static struct output outputs[3];

static void *forward_output(void *argument)
{
	struct output *o = argument;
	struct block block;
	ssize_t n;

	while ((n = read_some(o->from, block.bytes, BLOCK_MAX)) > 0) {
		block.length = n;
		if (!send_block(o->line, &block))
			break;
	}
	/* After a failed write, a write of the command fails as well. */
	if (o->from != terminal)
		close(o->from);
	return NULL;
}

static void start_output(struct output *o, int from, enum line line)
{
	*o = (struct output){ .from = from, .line = lines[line], .used = true };
	if (pthread_create(&o->thread, NULL, forward_output, o))
		errx(1, "cannot start a thread");
}

static void finish_outputs(void)
{
	const struct block end = { .length = 0 };

	for (int i = 0; i < 3; i++)
		if (outputs[i].used)
			pthread_join(outputs[i].thread, NULL);
	send_block(lines[LINE_OUT], &end);
	send_block(lines[LINE_ERR], &end);
	send_block(lines[LINE_TERM], &end);
}

static void *forward_input(void *argument)
{
	int to = *(int *)argument;
	bool open = true;
	struct block block;

	while (receive_block(lines[LINE_IN], &block) && block.length) {
		/* Read on if the command does not: the host must not block. */
		if (open)
			open = write_all(to, block.bytes, block.length);
	}
	if (to != terminal)
		close(to);
	return NULL;
}

/* Handles frames until OFF. */
static void *handle_frames(void *unused)
{
	struct frame f;
	union {
		int signal;
		struct winsize size;
	} p;

	while (read_all(lines[LINE_CTL], &f, sizeof(f)) &&
	       f.type != FRAME_OFF && f.length <= sizeof(p) &&
	       read_all(lines[LINE_CTL], &p, f.length)) {
		if (f.type == FRAME_SIGNAL && command > 0) {
			interrupted = true;
			kill(-command, p.signal);
		} else if (f.type == FRAME_WINSIZE && terminal >= 0) {
			ioctl(terminal, TIOCSWINSZ, &p.size);
		}
	}
	return unused;
}

static bool is_used(enum stream_kind kind)
{
	for (int i = 0; i < 3; i++)
		if (start.streams[i] == kind)
			return true;
	return false;
}

/* Opens a terminal and returns the command's end of it. */
static int open_terminal(void)
{
	struct termios t;
	int slave;

	terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0 || grantpt(terminal) || unlockpt(terminal))
		err(1, "terminal");
	slave = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &t))
		err(1, "terminal");
	t.c_iflag |= IUTF8;
	if (start.cooked)
		t.c_oflag &= ~OPOST;
	tcsetattr(slave, TCSANOW, &t);
	ioctl(slave, TIOCSWINSZ, &start.size);
	return slave;
}

/* Opens the command's three streams, and starts a thread for each of our ends. */
static void open_streams(int streams[3], int *slave)
{
	static int input;

	*slave = is_used(STREAM_TERMINAL) ? open_terminal() : -1;
	for (int i = 0; i < 3; i++) {
		int ends[2];

		switch (start.streams[i]) {
		case STREAM_NOTHING:
			streams[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
			break;
		case STREAM_TERMINAL:
			streams[i] = *slave;
			break;
		case STREAM_AS_OUTPUT:
			streams[i] = streams[1];
			break;
		case STREAM_PIPE:
			if (pipe2(ends, O_CLOEXEC))
				err(1, "pipe");
			streams[i] = ends[i ? 1 : 0];
			if (i)
				start_output(&outputs[i], ends[0],
					     i == 1 ? LINE_OUT : LINE_ERR);
			else
				input = ends[1];
			break;
		}
	}
	if (*slave >= 0)
		start_output(&outputs[0], terminal, LINE_TERM);
	if (start.streams[0] == STREAM_TERMINAL)
		input = terminal;
	if (start.streams[0] != STREAM_NOTHING) {
		pthread_t t;

		if (pthread_create(&t, NULL, forward_input, &input))
			errx(1, "cannot start a thread");
	}
}

/* ----------------------------------------------------------- the command */

static void run_command(const int streams[3], int slave)
{
	sigset_t none;
	int copies[3], status;

	/* Copy first: the streams may have the numbers 0, 1 or 2. */
	for (int i = 0; i < 3; i++)
		copies[i] = fcntl(streams[i], F_DUPFD_CLOEXEC, 3);
	for (int i = 0; i < 3; i++)
		dup2(copies[i], i);
	setsid();
	if (slave >= 0)
		ioctl(slave, TIOCSCTTY, 0);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir(start.directory))
		fprintf(stderr, "scripts/run: %s: %m\n", start.directory);
	execvp(start.arguments[0], start.arguments);
	status = errno == ENOENT ? 127 : 126;
	fprintf(stderr, "scripts/run: %s: %m\n", start.arguments[0]);
	_exit(status);
}

static int wait_for_command(void)
{
	int status;
	pid_t pid;

	while ((pid = wait(&status)) != command)
		if (pid < 0 && errno != EINTR)
			err(1, "wait");
	/*
	 * The VM ends with its command.  End the other processes first: they
	 * may hold the other end of a pipe that is still to be read.
	 */
	kill(-1, SIGKILL);
	while (wait(NULL) > 0)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

int main(void)
{
	int streams[3], slave;
	pthread_t ctl;
	int status;

	signal(SIGPIPE, SIG_IGN);
	umask(0);
	system_set_up();
	open_lines();
	receive_start();
	system_set_up_files(&start.writable, &start.visible);
	umask(022);
	environ = start.variables;
	set_up_path();

	open_streams(streams, &slave);
	command = fork();
	if (command < 0)
		err(1, "fork");
	if (!command)
		run_command(streams, slave);
	for (int i = 0; i < 3; i++)
		close(streams[i]);
	if (pthread_create(&ctl, NULL, handle_frames, NULL))
		errx(1, "cannot start a thread");

	status = wait_for_command();
	finish_outputs();
	if (!interrupted)
		leaks_report();
	sync();
	send_frame(lines[LINE_CTL], FRAME_ENDED, &status, sizeof(status));
	pthread_join(ctl, NULL);
	reboot(RB_POWER_OFF);
	err(1, "power off");
}
