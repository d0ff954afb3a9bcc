/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events that end a special task while its row is being reported.
 *
 * Depends on special_task.h and the harness.
 */
#ifndef TASKDIAG_TASK_EVENTS_H
#define TASKDIAG_TASK_EVENTS_H

#include <signal.h>
#include <sys/wait.h>

#include "special_task.h"
#include "taskdiag_test.h"

typedef void (*event_fn)(struct __test_metadata *_metadata,
			 struct special_task *s);

/* The task calls execve(). */
static inline void exec_task(struct __test_metadata *_metadata,
			     struct special_task *s)
{
	ASSERT_EQ(0, special_task_proceed(s));
	ASSERT_EQ(0, special_task_await(s));
}

/* The task becomes a zombie. */
static inline void kill_task(struct __test_metadata *_metadata,
			     struct special_task *s)
{
	siginfo_t info;

	ASSERT_EQ(0, kill(s->pid, SIGKILL));
	ASSERT_EQ(0, waitid(P_PID, s->pid, &info, WEXITED | WNOWAIT));
}

/* The task no longer exists. */
static inline void reap_task(struct __test_metadata *_metadata,
			     struct special_task *s)
{
	special_task_end(s);
}

#endif /* TASKDIAG_TASK_EVENTS_H */
