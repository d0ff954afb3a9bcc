/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * task_diag: facts about tasks as one binary stream.
 *
 * The one definition of every number and structure that crosses the
 * user-kernel boundary.  Numbers never change.  The structures of a reply only
 * grow at the end: a reader takes the part it knows, and takes what is missing
 * from a shorter one as zero.  The structure of the request stays as it is,
 * and grows by attributes beside it.
 */
#ifndef _UAPI_LINUX_TASKDIAG_H
#define _UAPI_LINUX_TASKDIAG_H

#include <linux/const.h>
#include <linux/types.h>

#define TASK_DIAG_GENL_NAME	"TASKDIAG"
#define TASK_DIAG_GENL_VERSION	1

enum {
	TASK_DIAG_CMD_UNSPEC,
	/*
	 * Request: TASK_DIAG_CMD_ATTR_GET.  Reply: one or more messages a
	 * task, each TASK_DIAG_MSG and then groups.  With NLM_F_DUMP any
	 * strategy; without it TASK_DIAG_DUMP_ONE only.
	 */
	TASK_DIAG_CMD_GET,

	__TASK_DIAG_CMD_MAX,
#define TASK_DIAG_CMD_MAX	(__TASK_DIAG_CMD_MAX - 1)
};

/*
 * The groups of facts, by bit in task_diag_pid::show_flags.  A group that the
 * running kernel was built without is refused with EOPNOTSUPP.
 */
enum {
	TASK_DIAG_GROUP_BASE,		/* struct task_diag_base */
	TASK_DIAG_GROUP_CRED,		/* struct task_diag_creds */
	TASK_DIAG_GROUP_STAT,
	TASK_DIAG_GROUP_VMA,
	TASK_DIAG_GROUP_VMA_STAT,

	__TASK_DIAG_GROUP_MAX,
#define TASK_DIAG_GROUP_MAX	(__TASK_DIAG_GROUP_MAX - 1)
};

#define TASK_DIAG_SHOW_BASE	_BITULL(TASK_DIAG_GROUP_BASE)
#define TASK_DIAG_SHOW_CRED	_BITULL(TASK_DIAG_GROUP_CRED)
#define TASK_DIAG_SHOW_STAT	_BITULL(TASK_DIAG_GROUP_STAT)
#define TASK_DIAG_SHOW_VMA	_BITULL(TASK_DIAG_GROUP_VMA)
#define TASK_DIAG_SHOW_VMA_STAT	_BITULL(TASK_DIAG_GROUP_VMA_STAT)

/*
 * Attributes: one set for request and reply.  1 to 15 belong to the protocol
 * itself; the group with bit N is attribute TASK_DIAG_ATTR_GROUPS + N.
 */
#define TASK_DIAG_ATTR_GROUPS	16

enum {
	TASK_DIAG_ATTR_UNSPEC,
	TASK_DIAG_CMD_ATTR_GET,		/* struct task_diag_pid, request only */
	TASK_DIAG_MSG,			/* struct task_diag_msg, reply only */
	TASK_DIAG_PAD,			/* aligns 64-bit payloads, skip it */

	TASK_DIAG_BASE = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_BASE,
	TASK_DIAG_CRED = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_CRED,
	TASK_DIAG_STAT = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_STAT,
	TASK_DIAG_VMA = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_VMA,
	TASK_DIAG_VMA_STAT = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_VMA_STAT,

	__TASK_DIAG_ATTR_MAX,
#define TASK_DIAG_ATTR_MAX	(__TASK_DIAG_ATTR_MAX - 1)
};

/* Which tasks: task_diag_pid::dump_strategy. */
enum {
	TASK_DIAG_DUMP_ALL,		/* every process; pid is ignored */
	TASK_DIAG_DUMP_ONE,		/* the process or thread pid */
	TASK_DIAG_DUMP_CHILDREN,	/* the children of process pid */
	TASK_DIAG_DUMP_THREAD,		/* the threads of process pid */
	TASK_DIAG_DUMP_ALL_THREAD,	/* every thread; pid is ignored */

	__TASK_DIAG_DUMP_MAX,
#define TASK_DIAG_DUMP_MAX	(__TASK_DIAG_DUMP_MAX - 1)
};

/**
 * struct task_diag_pid - the request
 * @show_flags: TASK_DIAG_SHOW_*, the groups to report; 0 for TASK_DIAG_MSG only
 * @dump_strategy: TASK_DIAG_DUMP_*, the tasks to report
 * @pid: for ONE, CHILDREN and THREAD the process or thread meant, as a number
 *	in the pid namespace that the request is made for
 * @reserved: must be 0
 */
struct task_diag_pid {
	__u64	show_flags;
	__u64	dump_strategy;
	__u32	pid;
	__u32	reserved;
};

/* task_diag_msg::flags */
#define TASK_DIAG_FLAG_CONT	_BITUL(0)	/* goes on from the message before */

/**
 * struct task_diag_msg - which task a message is about
 * @pid: the task's (thread's) number
 * @tgid: the number of its process
 * @flags: TASK_DIAG_FLAG_*
 */
struct task_diag_msg {
	__u32	pid;
	__u32	tgid;
	__u32	flags;
};

/* task_diag_base::state, in the order of the letters "RSDTtXZPI". */
enum {
	TASK_DIAG_RUNNING,
	TASK_DIAG_INTERRUPTIBLE,
	TASK_DIAG_UNINTERRUPTIBLE,
	TASK_DIAG_STOPPED,
	TASK_DIAG_TRACE_STOP,
	TASK_DIAG_DEAD,
	TASK_DIAG_ZOMBIE,
	TASK_DIAG_PARKED,
	TASK_DIAG_IDLE,
};

#define TASK_DIAG_COMM_LEN	16

/**
 * struct task_diag_base - TASK_DIAG_BASE: who the task is
 * @tgid: the number of its process
 * @pid: its own number
 * @ppid: the process number of its parent
 * @tpid: the number of the task that traces it, 0 if none does
 * @sid: its session
 * @pgid: its process group
 * @state: TASK_DIAG_RUNNING and kin
 * @comm: its name: any bytes, ended and padded with NULs
 * @__pad: 0
 *
 * All numbers are those of the request's pid namespace; 0 stands for what has
 * no number there.
 */
struct task_diag_base {
	__u32	tgid;
	__u32	pid;
	__u32	ppid;
	__u32	tpid;
	__u32	sid;
	__u32	pgid;
	__u8	state;
	char	comm[TASK_DIAG_COMM_LEN];
	__u8	__pad[3];
};

/**
 * struct task_diag_caps - a capability set
 * @cap: the low and the high 32 bits; capability N is bit N % 32 of word N / 32
 */
struct task_diag_caps {
	__u32	cap[2];
};

/**
 * struct task_diag_creds - TASK_DIAG_CRED: the task's credentials
 * @uid: real user id
 * @euid: effective user id
 * @suid: saved user id
 * @fsuid: user id for file access
 * @gid: real group id
 * @egid: effective group id
 * @sgid: saved group id
 * @fsgid: group id for file access
 * @cap_inheritable: inheritable capabilities
 * @cap_permitted: permitted capabilities
 * @cap_effective: effective capabilities
 * @cap_bset: the capability bounding set
 * @cap_ambient: ambient capabilities
 * @securebits: SECBIT_* of <linux/securebits.h>
 * @no_new_privs: 1 if execve() cannot grant privileges any more, else 0
 *
 * Ids are those of the sender's user namespace; an id without a mapping there
 * is the overflow id.
 */
struct task_diag_creds {
	__u32	uid;
	__u32	euid;
	__u32	suid;
	__u32	fsuid;
	__u32	gid;
	__u32	egid;
	__u32	sgid;
	__u32	fsgid;
	struct task_diag_caps	cap_inheritable;
	struct task_diag_caps	cap_permitted;
	struct task_diag_caps	cap_effective;
	struct task_diag_caps	cap_bset;
	struct task_diag_caps	cap_ambient;
	__u32	securebits;
	__u32	no_new_privs;
};

#endif /* _UAPI_LINUX_TASKDIAG_H */
