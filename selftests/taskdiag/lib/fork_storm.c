// SPDX-License-Identifier: GPL-2.0-only
/*
 * A storm of tasks.  Knows how tasks come and go; knows no task_diag.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork_storm.h"
#include "namespace.h"
#include "program.h"

#define BROOD 6

/* What the workers have to know; theirs alone after fork(). */
static pid_t highest_pid;
static __u64 round_nr;

/* From empty to full, so that a mixture of two is no name. */
static void change_name(void)
{
	static const char *const names[] = {
		"", "A", "BBBBBBBBBBBBBBB", "CCCCCCCC",
	};

	prctl(PR_SET_NAME, names[round_nr % 4]);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void fork_and_exit(void)
{
	pid_t pid;

	change_name();
	pid = vfork();
	if (!pid)
		_exit(0);
	reap(pid);
}

static void keep_a_brood(void)
{
	static pid_t child[BROOD];
	const int nth = round_nr % BROOD;

	if (child[nth] > 0)
		reap(child[nth]);
	child[nth] = fork();
	if (!child[nth]) {
		/* Some are running still when their turn comes, some zombies. */
		if (nth % 2)
			usleep(500);
		_exit(0);
	}
}

static void *come_and_go(void *arg)
{
	change_name();
	return arg;
}

static void make_threads(void)
{
	pthread_t thread[2];
	int i, nr = 0;

	while (nr < 2 && !pthread_create(&thread[nr], NULL, come_and_go, NULL))
		nr++;
	for (i = 0; i < nr; i++)
		pthread_join(thread[i], NULL);
}

static void start_a_program(void)
{
	pid_t pid = vfork();

	if (!pid) {
		program_run(CHURN_ROLE, NULL);
		_exit(1);
	}
	reap(pid);
}

static void *become_a_program(void *arg)
{
	program_run(CHURN_ROLE, NULL);
	_exit(1);
	return arg;
}

/* The thread takes the place of its leader, number and all. */
static void start_a_program_in_a_thread(void)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, become_a_program, NULL))
			_exit(1);
		for (;;)
			pause();
	}
	reap(pid);
}

static void leave_an_orphan(void)
{
	pid_t pid = fork();

	if (!pid) {
		if (!fork())
			usleep(200);
		_exit(0);
	}
	reap(pid);
}

static void rewind_numbers(void)
{
	namespace_next_pid(2 + rand() % highest_pid);
	usleep(2000);
}

static void (*const go[CHURN_WAYS])(void) = {
	[CHURN_FORK] = fork_and_exit,
	[CHURN_BROOD] = keep_a_brood,
	[CHURN_THREAD] = make_threads,
	[CHURN_EXEC] = start_a_program,
	[CHURN_THREAD_EXEC] = start_a_program_in_a_thread,
	[CHURN_ORPHAN] = leave_an_orphan,
	[CHURN_REWIND] = rewind_numbers,
};

static void work(enum churn_way way, struct churn_state *state)
{
	signal(SIGCHLD, SIG_DFL);
	srand(way);
	while (!__atomic_load_n(&state->stop, __ATOMIC_RELAXED)) {
		go[way]();
		__atomic_store_n(&state->rounds[way], ++round_nr,
				 __ATOMIC_RELAXED);
	}
	_exit(0);
}

/* The workers' parent, and that of their orphans, which it never hears of. */
static void be_root_of_all(struct churn_state *state)
{
	int way;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_IGN);
	for (way = 0; way < CHURN_WAYS; way++) {
		pid_t pid = fork();

		if (!pid)
			work(way, state);
		if (pid < 0)
			state->stop = true;
	}
	/* As there is nobody to hear of, this is to wait for all of them. */
	while (wait(NULL) > 0 || errno == EINTR)
		;
	_exit(0);
}

int churn_begin(struct churn *churn, pid_t highest)
{
	int err;

	highest_pid = highest;
	churn->state = mmap(NULL, sizeof(*churn->state), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (churn->state == MAP_FAILED)
		return -errno;
	/* Say so here if it cannot be done, and not in a worker. */
	err = namespace_next_pid(highest);
	if (err)
		return err;
	churn->root = fork();
	if (!churn->root)
		be_root_of_all(churn->state);
	return churn->root < 0 ? -errno : 0;
}

int churn_missed(const struct churn *churn)
{
	int way;

	for (way = 0; way < CHURN_WAYS; way++)
		if (!__atomic_load_n(&churn->state->rounds[way],
				     __ATOMIC_RELAXED))
			break;
	return way;
}

void churn_end(struct churn *churn)
{
	__atomic_store_n(&churn->state->stop, true, __ATOMIC_RELAXED);
	reap(churn->root);
	munmap(churn->state, sizeof(*churn->state));
	memset(churn, 0, sizeof(*churn));
}
