// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first process of the machine that scripts/run boots: runs one command,
 * carries its streams to the host over the serial lines, and powers off.
 *
 * It knows frames.h and nothing about the project.
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

/* What START asked for. */
static struct {
	char **arguments;
	char **variables;
	const char *folder, *programs;
	struct folders writable, visible;
	size_t n_arguments, n_variables;
	enum stream_kind streams[3];
	bool cooked;
	struct winsize size;
} start = { .streams = { STREAM_NOTHING, STREAM_NOTHING, STREAM_NOTHING } };

static pid_t command;
static atomic_bool hurried;	/* somebody waits for the command to end */
static int terminal = -1;	/* the master of the command's terminal */

#define PROGRAMS "/run/programs"

/* Under a name of our own: the host's may hold a colon. */
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

#define PATIENCE_MS 10000	/* with a line that is being plugged in */

static int open_line(const char *name)
{
	int fd = -1;

	for (int ms = 0; fd < 0 && ms < PATIENCE_MS; ms += 10) {
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

/* The other end of a virtual port may be plugged in after this one. */
static void wait_for_host(int line)
{
	struct pollfd p = { .fd = line, .events = POLLOUT };

	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP))
			return;
		usleep(10000);
	}
	errx(1, "a line without a host");
}

/* Serial lines, or others whose first one the kernel's command line names. */
static void open_lines(void)
{
	char *name = strdup(getenv("MACHINE_LINES") ?: "/dev/ttyS0");
	char *digit = strchr(name, '\0') - 1;

	for (int i = 0; i < LINES; i++, ++*digit) {
		lines[i] = open_line(name);
		make_raw(lines[i]);
		wait_for_host(lines[i]);
	}
	free(name);
}

static void add(struct folders *list, const char *path)
{
	if (list->n == FOLDERS_MAX)
		errx(1, "more than %d folders", FOLDERS_MAX);
	list->paths[list->n++] = path;
}

static void push(char ***list, size_t *n, char *what)
{
	*list = realloc(*list, (*n + 2) * sizeof(**list));
	if (!*list)
		err(1, NULL);
	(*list)[(*n)++] = what;
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
	case ITEM_FOLDER:
		start.folder = text;
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
		errx(1, "the host does not answer");
	at = malloc(f.length);
	if (!at || !read_all(lines[LINE_CTL], at, f.length))
		errx(1, "the host does not say what to run");
	for (end = at + f.length; at < end; at += strlen(at) + 1)
		take_item(at[0], at + 1);
	if (!start.arguments || !start.variables || !start.folder)
		errx(1, "the host does not say what to run, where, with what");
}

/* ----------------------------------------------------------- the streams */

/* Copies what the command writes to a line, until nobody can write any more. */
struct outlet {
	int from, line;
	pthread_t thread;
	bool used;
};

static struct outlet outlets[3];

static void *carry_out(void *argument)
{
	struct outlet *o = argument;
	struct block block;
	ssize_t n;

	while ((n = read_some(o->from, block.bytes, BLOCK_MAX)) > 0) {
		block.length = n;
		if (!send_block(o->line, &block))
			break;
	}
	/* After a failed write the command finds its own stream broken, too. */
	if (o->from != terminal)
		close(o->from);
	return NULL;
}

static void start_outlet(struct outlet *o, int from, enum line line)
{
	*o = (struct outlet){ .from = from, .line = lines[line], .used = true };
	if (pthread_create(&o->thread, NULL, carry_out, o))
		errx(1, "cannot start a thread");
}

static void finish_outlets(void)
{
	const struct block end = { .length = 0 };

	for (int i = 0; i < 3; i++)
		if (outlets[i].used)
			pthread_join(outlets[i].thread, NULL);
	send_block(lines[LINE_OUT], &end);
	send_block(lines[LINE_ERR], &end);
	send_block(lines[LINE_TERM], &end);
}

static void *carry_in(void *argument)
{
	int to = *(int *)argument;
	bool open = true;
	struct block block;

	while (receive_block(lines[LINE_IN], &block) && block.length) {
		/* A command that stopped reading must not stop the line. */
		if (open)
			open = write_all(to, block.bytes, block.length);
	}
	if (to != terminal)
		close(to);
	return NULL;
}

/* Until the host says that it has everything. */
static void *obey(void *unused)
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
			hurried = true;
			kill(-command, p.signal);
		} else if (f.type == FRAME_WINSIZE && terminal >= 0) {
			ioctl(terminal, TIOCSWINSZ, &p.size);
		}
	}
	return unused;
}

static bool wanted(enum stream_kind kind)
{
	for (int i = 0; i < 3; i++)
		if (start.streams[i] == kind)
			return true;
	return false;
}

/* Returns the command's end of a terminal of its own. */
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

/* Opens the command's three streams; ours go to threads. */
static void open_streams(int streams[3], int *slave)
{
	static int input;

	*slave = wanted(STREAM_TERMINAL) ? open_terminal() : -1;
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
				start_outlet(&outlets[i], ends[0],
					     i == 1 ? LINE_OUT : LINE_ERR);
			else
				input = ends[1];
			break;
		}
	}
	if (*slave >= 0)
		start_outlet(&outlets[0], terminal, LINE_TERM);
	if (start.streams[0] == STREAM_TERMINAL)
		input = terminal;
	if (start.streams[0] != STREAM_NOTHING) {
		pthread_t t;

		if (pthread_create(&t, NULL, carry_in, &input))
			errx(1, "cannot start a thread");
	}
}

/* ----------------------------------------------------------- the command */

static void run_command(const int streams[3], int slave)
{
	sigset_t none;
	int copies[3], status;

	/* Copies out of the way first: streams may be 0, 1 or 2 themselves. */
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
	if (chdir(start.folder))
		fprintf(stderr, "scripts/run: %s: %m\n", start.folder);
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
	 * The machine ends with its command.  What is left must go first: it
	 * may hold the other end of a pipe that is still to be emptied.
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
	if (pthread_create(&ctl, NULL, obey, NULL))
		errx(1, "cannot start a thread");

	status = wait_for_command();
	finish_outlets();
	if (!hurried)
		leaks_report();
	sync();
	send_frame(lines[LINE_CTL], FRAME_ENDED, &status, sizeof(status));
	pthread_join(ctl, NULL);
	reboot(RB_POWER_OFF);
	err(1, "power off");
}
