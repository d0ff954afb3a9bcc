// SPDX-License-Identifier: GPL-2.0-only
/* A fork storm. */
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

/* Set before fork(); each worker has its own copy. */
static pid_t highest_pid;
static __u64 round_nr;

/*
 * The name is one repeated letter, so that a mixture of two names can be
 * detected.
 */
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

static void fork_children(void)
{
	static pid_t child[BROOD];
	const int nth = round_nr % BROOD;

	if (child[nth] > 0)
		reap(child[nth]);
	child[nth] = fork();
	if (!child[nth]) {
		/*
		 * Some children are still running when their turn comes, some
		 * are zombies.
		 */
		if (nth % 2)
			usleep(500);
		_exit(0);
	}
}

static void *run_thread(void *arg)
{
	change_name();
	return arg;
}

static void make_threads(void)
{
	pthread_t thread[2];
	int i, nr = 0;

	while (nr < 2 && !pthread_create(&thread[nr], NULL, run_thread, NULL))
		nr++;
	for (i = 0; i < nr; i++)
		pthread_join(thread[i], NULL);
}

static void exec_program(void)
{
	pid_t pid = vfork();

	if (!pid) {
		program_run(FORK_STORM_ROLE, NULL);
		_exit(1);
	}
	reap(pid);
}

static void *exec_thread(void *arg)
{
	program_run(FORK_STORM_ROLE, NULL);
	_exit(1);
	return arg;
}

/* The thread takes over the pid of its leader. */
static void exec_in_thread(void)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, exec_thread, NULL))
			_exit(1);
		for (;;)
			pause();
	}
	reap(pid);
}

static void make_orphan(void)
{
	pid_t pid = fork();

	if (!pid) {
		if (!fork())
			usleep(200);
		_exit(0);
	}
	reap(pid);
}

static void use_low_pids(void)
{
	namespace_next_pid(2 + rand() % highest_pid);
	usleep(2000);
}

static void (*const work_fns[STORM_WORKERS])(void) = {
	[STORM_FORK] = fork_and_exit,
	[STORM_CHILDREN] = fork_children,
	[STORM_THREADS] = make_threads,
	[STORM_EXEC] = exec_program,
	[STORM_THREAD_EXEC] = exec_in_thread,
	[STORM_ORPHANS] = make_orphan,
	[STORM_LOW_PIDS] = use_low_pids,
};

static void run_worker(enum storm_worker worker, struct fork_storm_state *state)
{
	signal(SIGCHLD, SIG_DFL);
	srand(worker);
	while (!__atomic_load_n(&state->stop, __ATOMIC_RELAXED)) {
		work_fns[worker]();
		__atomic_store_n(&state->rounds[worker], ++round_nr,
				 __ATOMIC_RELAXED);
	}
	_exit(0);
}

/*
 * The parent of the workers, which also reaps their orphans: it ignores
 * SIGCHLD.
 */
static void run_root(struct fork_storm_state *state)
{
	int worker;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_IGN);
	for (worker = 0; worker < STORM_WORKERS; worker++) {
		pid_t pid = fork();

		if (!pid)
			run_worker(worker, state);
		if (pid < 0)
			state->stop = true;
	}
	/* With SIGCHLD ignored, this waits until all children have ended. */
	while (wait(NULL) > 0 || errno == EINTR)
		;
	_exit(0);
}

int fork_storm_begin(struct fork_storm *storm, pid_t highest)
{
	int err;

	highest_pid = highest;
	storm->state = mmap(NULL, sizeof(*storm->state), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (storm->state == MAP_FAILED)
		return -errno;
	/*
	 * Report the error here if the pid cannot be set, and not in a worker.
	 */
	err = namespace_next_pid(highest);
	if (err)
		return err;
	storm->root = fork();
	if (!storm->root)
		run_root(storm->state);
	return storm->root < 0 ? -errno : 0;
}

int fork_storm_idle_worker(const struct fork_storm *storm)
{
	int worker;

	for (worker = 0; worker < STORM_WORKERS; worker++)
		if (!__atomic_load_n(&storm->state->rounds[worker],
				     __ATOMIC_RELAXED))
			break;
	return worker;
}

void fork_storm_end(struct fork_storm *storm)
{
	__atomic_store_n(&storm->state->stop, true, __ATOMIC_RELAXED);
	reap(storm->root);
	munmap(storm->state, sizeof(*storm->state));
	memset(storm, 0, sizeof(*storm));
}
