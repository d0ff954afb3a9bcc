/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * task_diag: attributes of tasks as one binary stream.
 *
 * This file is the definition of the interface between kernel and user space.
 * Numbers never change.  Structures of a reply grow at the end only: a reader
 * uses the part that it knows, and treats fields behind the end of a shorter
 * structure as absent.  The structure of the request never grows: new
 * parameters are new attributes.
 *
 * Integers are in the byte order of the machine.  Attributes are aligned to 4
 * bytes only: a reader must copy payloads with 64-bit fields before it accesses
 * them.
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
	 * Report tasks.  Request: TASK_DIAG_CMD_ATTR_GET, plus options and
	 * filters.  Reply: one or more messages per task, each with
	 * TASK_DIAG_MSG first and groups behind it.  Without NLM_F_DUMP the
	 * strategy must be TASK_DIAG_DUMP_ONE.
	 */
	TASK_DIAG_CMD_GET,
	/* Report the supported features.  Reply: TASK_DIAG_FEATURES. */
	TASK_DIAG_CMD_FEATURES,

	__TASK_DIAG_CMD_MAX,
#define TASK_DIAG_CMD_MAX	(__TASK_DIAG_CMD_MAX - 1)
};

/*
 * The transaction file /proc/task-diag: write one request, read messages until
 * the end of the reply, write the next request.  The messages are those of the
 * family without the generic netlink header: nlmsg_type is TASK_DIAG_NLMSG_BASE
 * plus the command, and the attributes follow the netlink header.
 */
#define TASK_DIAG_PROC_NAME	"task-diag"
#define TASK_DIAG_NLMSG_BASE	0x10	/* NLMSG_MIN_TYPE */

/*
 * Attribute groups, by bit in task_diag_pid::show_flags.  A request for a group
 * that the running kernel does not provide fails with EOPNOTSUPP.
 */
enum {
	TASK_DIAG_GROUP_BASE,		/* struct task_diag_base */
	TASK_DIAG_GROUP_CRED,		/* struct task_diag_creds */
	TASK_DIAG_GROUP_STAT,		/* struct task_diag_stat */
	TASK_DIAG_GROUP_VMA,		/* struct task_diag_vma[] */
	TASK_DIAG_GROUP_VMA_STAT,	/* struct task_diag_vma_stat[] */
	TASK_DIAG_GROUP_CMDLINE,	/* bytes */
	TASK_DIAG_GROUP_FILES,		/* struct task_diag_files */
	TASK_DIAG_GROUP_IDENT,		/* struct task_diag_ident */
	TASK_DIAG_GROUP_NS,		/* struct task_diag_ns */
	TASK_DIAG_GROUP_CGROUP,		/* struct task_diag_cgroup, path */
	TASK_DIAG_GROUP_IO,		/* struct task_diag_io */
	TASK_DIAG_GROUP_SIGNALS,	/* struct task_diag_signals */
	TASK_DIAG_GROUP_LIMITS,		/* struct task_diag_limits */
	TASK_DIAG_GROUP_OOM,		/* struct task_diag_oom */
	TASK_DIAG_GROUP_PATHS,		/* struct task_diag_path[] */
	TASK_DIAG_GROUP_ENVIRON,	/* bytes */
	TASK_DIAG_GROUP_SCHED,		/* struct task_diag_sched, bitmaps */
	TASK_DIAG_GROUP_NSPID,		/* struct task_diag_nspid[] */

	__TASK_DIAG_GROUP_MAX,
#define TASK_DIAG_GROUP_MAX	(__TASK_DIAG_GROUP_MAX - 1)
};

#define TASK_DIAG_SHOW_BASE	_BITULL(TASK_DIAG_GROUP_BASE)
#define TASK_DIAG_SHOW_CRED	_BITULL(TASK_DIAG_GROUP_CRED)
#define TASK_DIAG_SHOW_STAT	_BITULL(TASK_DIAG_GROUP_STAT)
#define TASK_DIAG_SHOW_VMA	_BITULL(TASK_DIAG_GROUP_VMA)
#define TASK_DIAG_SHOW_VMA_STAT	_BITULL(TASK_DIAG_GROUP_VMA_STAT)
#define TASK_DIAG_SHOW_CMDLINE	_BITULL(TASK_DIAG_GROUP_CMDLINE)
#define TASK_DIAG_SHOW_FILES	_BITULL(TASK_DIAG_GROUP_FILES)
#define TASK_DIAG_SHOW_IDENT	_BITULL(TASK_DIAG_GROUP_IDENT)
#define TASK_DIAG_SHOW_NS	_BITULL(TASK_DIAG_GROUP_NS)
#define TASK_DIAG_SHOW_CGROUP	_BITULL(TASK_DIAG_GROUP_CGROUP)
#define TASK_DIAG_SHOW_IO	_BITULL(TASK_DIAG_GROUP_IO)
#define TASK_DIAG_SHOW_SIGNALS	_BITULL(TASK_DIAG_GROUP_SIGNALS)
#define TASK_DIAG_SHOW_LIMITS	_BITULL(TASK_DIAG_GROUP_LIMITS)
#define TASK_DIAG_SHOW_OOM	_BITULL(TASK_DIAG_GROUP_OOM)
#define TASK_DIAG_SHOW_PATHS	_BITULL(TASK_DIAG_GROUP_PATHS)
#define TASK_DIAG_SHOW_ENVIRON	_BITULL(TASK_DIAG_GROUP_ENVIRON)
#define TASK_DIAG_SHOW_SCHED	_BITULL(TASK_DIAG_GROUP_SCHED)
#define TASK_DIAG_SHOW_NSPID	_BITULL(TASK_DIAG_GROUP_NSPID)

/* Filters, by bit in task_diag_features::filters.  There are at most 32. */
enum {
	TASK_DIAG_FILTER_UID,
	TASK_DIAG_FILTER_CGROUP,
	TASK_DIAG_FILTER_STATES,
	TASK_DIAG_FILTER_COMM,
	TASK_DIAG_FILTER_PIDS,
	TASK_DIAG_FILTER_VMA_FLAGS,

	__TASK_DIAG_FILTER_MAX,
#define TASK_DIAG_FILTER_MAX	(__TASK_DIAG_FILTER_MAX - 1)
};

/*
 * Attributes: one set for request and reply.  Numbers below
 * TASK_DIAG_ATTR_FILTERS belong to the protocol, filter N is attribute
 * TASK_DIAG_ATTR_FILTERS + N, group N is attribute TASK_DIAG_ATTR_GROUPS + N.
 */
#define TASK_DIAG_ATTR_FILTERS	32
#define TASK_DIAG_ATTR_GROUPS	64

enum {
	TASK_DIAG_ATTR_UNSPEC,
	TASK_DIAG_CMD_ATTR_GET,		/* struct task_diag_pid, request only */
	TASK_DIAG_MSG,			/* struct task_diag_msg, reply only */
	TASK_DIAG_PAD,			/* aligns 64-bit payloads, no content */
	TASK_DIAG_FEATURES,		/* struct task_diag_features, reply only */
	TASK_DIAG_ABSENT,		/* struct task_diag_absent, reply only */

	/* Options, request only.  Descriptors are the sender's. */
	/* u32: report pids in the pid namespace of this nsfs descriptor */
	TASK_DIAG_CMD_ATTR_PIDNS_FD,
	/* u32: pidfd of the task that task_diag_pid::pid names otherwise */
	TASK_DIAG_CMD_ATTR_PIDFD,
	/*
	 * u32: root directory of a procfs mount.  Report pids in the mount's
	 * pid namespace, and the tasks and groups that the mount's hidepid= and
	 * gid= let the sender read.  Not for the transaction file, which
	 * belongs to a mount.
	 */
	TASK_DIAG_CMD_ATTR_PROC_FD,

	/*
	 * Filters, request only: report only tasks of the strategy that match
	 * all filters.
	 */
	/* u32: effective user id */
	TASK_DIAG_CMD_ATTR_UID =
		TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_UID,
	/* u64: id of the task's cgroup, or of one of its ancestors */
	TASK_DIAG_CMD_ATTR_CGROUP =
		TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_CGROUP,
	/* u32: bit N for task_diag_base::state N */
	TASK_DIAG_CMD_ATTR_STATES =
		TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_STATES,
	/* string: prefix of the name */
	TASK_DIAG_CMD_ATTR_COMM =
		TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_COMM,
	/* u32[]: 1 to 16382 pids, in any order */
	TASK_DIAG_CMD_ATTR_PIDS =
		TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_PIDS,
	/* u64: TASK_DIAG_VMA_* flags that a memory mapping must all have */
	TASK_DIAG_CMD_ATTR_VMA_FLAGS =
		TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_VMA_FLAGS,

	TASK_DIAG_BASE = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_BASE,
	TASK_DIAG_CRED = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_CRED,
	TASK_DIAG_STAT = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_STAT,
	TASK_DIAG_VMA = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_VMA,
	TASK_DIAG_VMA_STAT = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_VMA_STAT,
	TASK_DIAG_CMDLINE = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_CMDLINE,
	TASK_DIAG_FILES = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_FILES,
	TASK_DIAG_IDENT = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_IDENT,
	TASK_DIAG_NS = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_NS,
	TASK_DIAG_CGROUP = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_CGROUP,
	TASK_DIAG_IO = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_IO,
	TASK_DIAG_SIGNALS = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_SIGNALS,
	TASK_DIAG_LIMITS = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_LIMITS,
	TASK_DIAG_OOM = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_OOM,
	TASK_DIAG_PATHS = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_PATHS,
	TASK_DIAG_ENVIRON = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_ENVIRON,
	TASK_DIAG_SCHED = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_SCHED,
	TASK_DIAG_NSPID = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_NSPID,

	__TASK_DIAG_ATTR_MAX,
#define TASK_DIAG_ATTR_MAX	(__TASK_DIAG_ATTR_MAX - 1)
};

/* The tasks to report: task_diag_pid::dump_strategy. */
enum {
	TASK_DIAG_DUMP_ALL,		/* all processes; pid is ignored */
	TASK_DIAG_DUMP_ONE,		/* the process or thread pid */
	TASK_DIAG_DUMP_CHILDREN,	/* the children of process pid */
	TASK_DIAG_DUMP_THREAD,		/* the threads of process pid */
	TASK_DIAG_DUMP_ALL_THREAD,	/* all threads; pid is ignored */
	/*
	 * The children of process pid, their children, and so on; a parent
	 * precedes its children.
	 */
	TASK_DIAG_DUMP_DESCENDANTS,

	__TASK_DIAG_DUMP_MAX,
#define TASK_DIAG_DUMP_MAX	(__TASK_DIAG_DUMP_MAX - 1)
};

/**
 * struct task_diag_pid - TASK_DIAG_CMD_ATTR_GET: the request
 * @show_flags: TASK_DIAG_SHOW_*, the groups to report; 0: TASK_DIAG_MSG only
 * @dump_strategy: TASK_DIAG_DUMP_*, the tasks to report
 * @pid: process or thread that ONE, CHILDREN, THREAD and DESCENDANTS refer to,
 *	in the pid namespace of the request; 0 with TASK_DIAG_CMD_ATTR_PIDFD
 * @reserved: must be 0
 */
struct task_diag_pid {
	__u64	show_flags;
	__u64	dump_strategy;
	__u32	pid;
	__u32	reserved;
};

/*
 * task_diag_msg::flags.  The kernel never sets bits 16 to 31: they are for
 * programs that forward messages.
 */
#define TASK_DIAG_FLAG_CONT	_BITUL(0)	/* continues the previous message */
#define TASK_DIAG_FLAG_MORE	_BITUL(1)	/* the next message continues it */

/**
 * struct task_diag_msg - TASK_DIAG_MSG: the task that a message describes
 * @pid: pid of the task (thread)
 * @tgid: pid of its process
 * @flags: TASK_DIAG_FLAG_*
 *
 * A row consists of one or more messages.  Its last message is the one without
 * TASK_DIAG_FLAG_MORE.  If a dump ends with an error before, the row is
 * incomplete.
 */
struct task_diag_msg {
	__u32	pid;
	__u32	tgid;
	__u32	flags;
};

/**
 * struct task_diag_absent - TASK_DIAG_ABSENT: groups that a row lacks
 * @gone: the task has ended, or has called execve(), since its row was begun
 * @denied: the caller may see the task, or could see it when the row was begun,
 *	but may not read these groups
 * @busy: another task held a lock or a page for too long, or a signal
 *	interrupted the caller
 * @limit: the group is larger than the kernel's limit for one task
 * @leader: reported only in the row of the thread group's leader
 *
 * Masks of TASK_DIAG_SHOW_*.  Each group of the request is either complete in
 * the messages of a row or part of one of these masks.  In the second case its
 * attributes are missing or incomplete.  Rows with all groups complete have no
 * TASK_DIAG_ABSENT; other rows have it in their last message.
 */
struct task_diag_absent {
	__u64	gone;
	__u64	denied;
	__u64	busy;
	__u64	limit;
	__u64	leader;
};

/* task_diag_base::state, in the order of procfs's letters "RSDTtXZPI". */
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
 * struct task_diag_base - TASK_DIAG_BASE: identifiers, state and name
 * @tgid: pid of the task's process
 * @pid: pid of the task
 * @ppid: pid of the parent process
 * @tpid: pid of the task that traces this one; 0: not traced
 * @sid: session id
 * @pgid: process group id
 * @state: TASK_DIAG_RUNNING to TASK_DIAG_IDLE
 * @comm: the name, unescaped: any bytes, terminated and padded with NULs; of a
 *	kernel thread only its first 15 bytes, without the suffix that procfs adds
 * @__pad: 0
 *
 * All pids are in the pid namespace of the request; 0 is a task without a pid
 * there.  The values are those of Tgid, Pid, PPid, TracerPid and State in
 * /proc/PID/status, and of session and pgrp in /proc/PID/stat.
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

/* task_diag_creds::valid */
#define TASK_DIAG_CRED_VALID_SECUREBITS	_BITUL(0)

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
 * @no_new_privs: 1 if execve() can no longer grant privileges, else 0
 * @valid: TASK_DIAG_CRED_VALID_*; a field without such a bit is always valid
 *
 * Ids are in the sender's user namespace; an id without a mapping there is
 * reported as the overflow id.
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
	__u32	valid;
};

/* task_diag_stat::valid */
/* vsize, rss_anon, rss_file, rss_shmem, rss_peak, swap, text, data, locked */
#define TASK_DIAG_STAT_VALID_MEMORY		_BITUL(0)
#define TASK_DIAG_STAT_VALID_RUN_DELAY		_BITUL(1)
#define TASK_DIAG_STAT_VALID_BLKIO_DELAY	_BITUL(2)
#define TASK_DIAG_STAT_VALID_EXIT_CODE		_BITUL(3)

/**
 * struct task_diag_stat - TASK_DIAG_STAT: times and sizes
 * @start_time: start of the task in nanoseconds since boot, in the time
 *	namespace of the reader (starttime of stat, without rounding)
 * @utime: nanoseconds in user mode (utime of stat)
 * @stime: nanoseconds in kernel mode (stime of stat)
 * @gtime: nanoseconds spent running a virtual CPU, part of @utime (guest_time
 *	of stat)
 * @cutime: sum of @utime of children that were waited for
 * @cstime: sum of @stime of children that were waited for
 * @cgtime: sum of @gtime of children that were waited for
 * @min_flt: number of page faults without I/O (minflt of stat)
 * @maj_flt: number of page faults with I/O (majflt of stat)
 * @cmin_flt: sum of @min_flt of children that were waited for
 * @cmaj_flt: sum of @maj_flt of children that were waited for
 * @nvcsw: number of voluntary context switches of this thread
 *	(voluntary_ctxt_switches of status)
 * @nivcsw: number of involuntary context switches of this thread
 *	(nonvoluntary_ctxt_switches of status)
 * @run_delay: nanoseconds that this thread was runnable and waited for a CPU
 *	(second field of schedstat)
 * @blkio_delay: nanoseconds that this thread waited for block devices
 *	(delayacct_blkio_ticks of stat)
 * @vsize: bytes of address space (VmSize of status)
 * @rss_anon: resident bytes of anonymous memory (RssAnon of status)
 * @rss_file: resident bytes of mapped files (RssFile of status)
 * @rss_shmem: resident bytes of shared memory (RssShmem of status)
 * @rss_peak: maximum of the sum of @rss_anon, @rss_file and @rss_shmem (VmHWM
 *	of status)
 * @swap: bytes of anonymous memory that are swapped out (VmSwap of status)
 * @text: bytes of the program's code (VmExe of status)
 * @data: bytes of private writable mappings and stack (sixth field of statm)
 * @locked: bytes locked into memory (VmLck of status)
 * @flags: PF_* flags of the kernel, whose meaning depends on its version (flags
 *	of stat)
 * @tty: controlling terminal, encoded as st_rdev of stat(2); 0: none (tty_nr of
 *	stat)
 * @tty_pgrp: foreground process group of the terminal; 0: no pid in the pid
 *	namespace; -1: no terminal (tpgid of stat)
 * @priority: kernel priority: 0 to 39 for nice -20 to 19, below 0 for real time
 *	(priority of stat)
 * @nice: nice value, -20 to 19
 * @rt_priority: real-time priority, 1 to 99; 0: not real time
 * @policy: SCHED_* of <linux/sched.h>
 * @num_threads: number of threads of the task's process
 * @processor: CPU that the task ran on last
 * @exit_signal: signal that the parent receives when the task ends; -1 for a
 *	thread
 * @exit_code: status of a task that has ended or is exiting, as in wait(2); valid
 *	for such tasks only
 * @valid: TASK_DIAG_STAT_VALID_*; a field without such a bit is always valid
 *
 * Files in parentheses are in /proc/PID.  Values are those of the process in
 * rows of processes, and those of /proc/PID/task/TID in rows of threads.  With
 * TASK_DIAG_DUMP_THREAD and ALL_THREAD all rows are rows of threads; with ONE,
 * a row is a row of a thread if its task is not the leader of its thread group.
 */
struct task_diag_stat {
	__u64	start_time;
	__u64	utime;
	__u64	stime;
	__u64	gtime;
	__u64	cutime;
	__u64	cstime;
	__u64	cgtime;
	__u64	min_flt;
	__u64	maj_flt;
	__u64	cmin_flt;
	__u64	cmaj_flt;
	__u64	nvcsw;
	__u64	nivcsw;
	__u64	run_delay;
	__u64	blkio_delay;
	__u64	vsize;
	__u64	rss_anon;
	__u64	rss_file;
	__u64	rss_shmem;
	__u64	rss_peak;
	__u64	swap;
	__u64	text;
	__u64	data;
	__u64	locked;
	__u32	flags;
	__u32	tty;
	__s32	tty_pgrp;
	__s32	priority;
	__s32	nice;
	__u32	rt_priority;
	__u32	policy;
	__u32	num_threads;
	__u32	processor;
	__s32	exit_signal;
	__s32	exit_code;
	__u32	valid;
};

/*
 * task_diag_vma::flags, and TASK_DIAG_CMD_ATTR_VMA_FLAGS.  Flags without a
 * comment are the VM_* flags of the same name, which /proc/PID/smaps shows as
 * VmFlags.
 */
#define TASK_DIAG_VMA_READ		_BITULL(0)
#define TASK_DIAG_VMA_WRITE		_BITULL(1)
#define TASK_DIAG_VMA_EXEC		_BITULL(2)
#define TASK_DIAG_VMA_SHARED		_BITULL(3)
#define TASK_DIAG_VMA_FILE		_BITULL(4)	/* maps a file */
#define TASK_DIAG_VMA_DELETED		_BITULL(5)	/* the file is deleted */
#define TASK_DIAG_VMA_MAYREAD		_BITULL(6)
#define TASK_DIAG_VMA_MAYWRITE		_BITULL(7)
#define TASK_DIAG_VMA_MAYEXEC		_BITULL(8)
#define TASK_DIAG_VMA_MAYSHARE		_BITULL(9)	/* 's' in maps, not 'p' */
#define TASK_DIAG_VMA_GROWSDOWN		_BITULL(10)
#define TASK_DIAG_VMA_PFNMAP		_BITULL(11)
#define TASK_DIAG_VMA_LOCKED		_BITULL(12)
#define TASK_DIAG_VMA_IO		_BITULL(13)
#define TASK_DIAG_VMA_SEQ_READ		_BITULL(14)
#define TASK_DIAG_VMA_RAND_READ		_BITULL(15)
#define TASK_DIAG_VMA_DONTCOPY		_BITULL(16)
#define TASK_DIAG_VMA_DONTEXPAND	_BITULL(17)
#define TASK_DIAG_VMA_ACCOUNT		_BITULL(18)
#define TASK_DIAG_VMA_NORESERVE		_BITULL(19)
#define TASK_DIAG_VMA_HUGETLB		_BITULL(20)
#define TASK_DIAG_VMA_SYNC		_BITULL(21)
#define TASK_DIAG_VMA_WIPEONFORK	_BITULL(22)
#define TASK_DIAG_VMA_DONTDUMP		_BITULL(23)
#define TASK_DIAG_VMA_MIXEDMAP		_BITULL(24)
#define TASK_DIAG_VMA_HUGEPAGE		_BITULL(25)
#define TASK_DIAG_VMA_NOHUGEPAGE	_BITULL(26)
#define TASK_DIAG_VMA_MERGEABLE		_BITULL(27)
#define TASK_DIAG_VMA_LOCKONFAULT	_BITULL(28)
#define TASK_DIAG_VMA_SOFTDIRTY		_BITULL(29)
#define TASK_DIAG_VMA_UFFD_MISSING	_BITULL(30)
#define TASK_DIAG_VMA_UFFD_MINOR	_BITULL(31)
#define TASK_DIAG_VMA_UFFD_WP		_BITULL(32)
#define TASK_DIAG_VMA_SEALED		_BITULL(33)

/**
 * struct task_diag_vma - TASK_DIAG_VMA: a memory mapping of a process
 * @len: bytes from here to the next record of the attribute, a multiple of 8
 * @name_off: offset of the name in this record; 0: no name
 * @start: first address
 * @end: first address behind the mapping
 * @pgoff: offset of the mapping in the mapped file, in bytes
 * @ino: inode number of the mapped file
 * @flags: TASK_DIAG_VMA_*
 * @dev_major: major device number of the mapped file
 * @dev_minor: minor device number of the mapped file
 *
 * @pgoff, @ino, @dev_major and @dev_minor are valid with TASK_DIAG_VMA_FILE.
 *
 * The name ends with a NUL.  Its text is that of /proc/PID/maps: a path, with
 * " (deleted)" behind it where TASK_DIAG_VMA_DELETED is set, or one of "[heap]",
 * "[stack]", "[vdso]", "[anon:NAME]" and so on.  Its bytes are not escaped,
 * while maps writes "\012" for a newline.  An attribute contains any number of
 * records in ascending order.  A mapping that changes while it is reported, or
 * that is too large to be examined in one piece, may be reported as several
 * records, each of which begins where the previous one ends.
 */
struct task_diag_vma {
	__u32	len;
	__u32	name_off;
	__u64	start;
	__u64	end;
	__u64	pgoff;
	__u64	ino;
	__u64	flags;
	__u32	dev_major;
	__u32	dev_minor;
};

/**
 * struct task_diag_vma_stat - TASK_DIAG_VMA_STAT: memory use of a mapping
 * @len: bytes from here to the next record of the attribute, a multiple of 8
 * @__pad: 0
 * @start: first address, as in the corresponding struct task_diag_vma
 * @end: first address behind it
 * @rss: resident (Rss)
 * @pss: resident, each page divided by the number of its mappings (Pss)
 * @pss_dirty: dirty part of @pss (Pss_Dirty)
 * @shared_clean: resident, mapped more than once, clean (Shared_Clean)
 * @shared_dirty: resident, mapped more than once, dirty (Shared_Dirty)
 * @private_clean: resident, mapped once, clean (Private_Clean)
 * @private_dirty: resident, mapped once, dirty (Private_Dirty)
 * @referenced: resident and recently accessed (Referenced)
 * @anonymous: resident anonymous memory (Anonymous)
 * @ksm: merged with equal pages by KSM (KSM)
 * @lazy_free: released by madvise(2), not yet reclaimed (LazyFree)
 * @anon_thp: in anonymous transparent huge pages (AnonHugePages)
 * @shmem_thp: in huge pages of shared memory (ShmemPmdMapped)
 * @file_thp: in huge pages of files (FilePmdMapped)
 * @shared_hugetlb: in hugetlbfs pages mapped more than once (Shared_Hugetlb)
 * @private_hugetlb: in hugetlbfs pages mapped once (Private_Hugetlb)
 * @swap: swapped out (Swap)
 * @swap_pss: swapped out, each page divided by the number of its mappings
 *	(SwapPss)
 * @locked: @pss if the mapping is locked into memory, else 0 (Locked)
 *
 * All fields from @rss on are sizes in bytes.  Names in parentheses are those
 * of /proc/PID/smaps, which has the sizes in KiB.
 */
struct task_diag_vma_stat {
	__u32	len;
	__u32	__pad;
	__u64	start;
	__u64	end;
	__u64	rss;
	__u64	pss;
	__u64	pss_dirty;
	__u64	shared_clean;
	__u64	shared_dirty;
	__u64	private_clean;
	__u64	private_dirty;
	__u64	referenced;
	__u64	anonymous;
	__u64	ksm;
	__u64	lazy_free;
	__u64	anon_thp;
	__u64	shmem_thp;
	__u64	file_thp;
	__u64	shared_hugetlb;
	__u64	private_hugetlb;
	__u64	swap;
	__u64	swap_pss;
	__u64	locked;
};

/* task_diag_files::valid */
/* total, regular, socket, pipe, eventfd, epoll, other */
#define TASK_DIAG_FILES_VALID_COUNTS	_BITUL(0)

/**
 * struct task_diag_files - TASK_DIAG_FILES: open files
 * @limit_soft: soft limit of RLIMIT_NOFILE; all bits set: unlimited
 * @limit_hard: hard limit of RLIMIT_NOFILE; all bits set: unlimited
 * @total: number of open descriptors, as in /proc/PID/fd
 * @regular: number of descriptors of regular files
 * @socket: number of descriptors of sockets
 * @pipe: number of descriptors of pipes and FIFOs
 * @eventfd: number of descriptors of eventfds
 * @epoll: number of descriptors of epoll instances
 * @other: number of all other descriptors
 * @valid: TASK_DIAG_FILES_VALID_*; a field without such a bit is always valid
 */
struct task_diag_files {
	__u64	limit_soft;
	__u64	limit_hard;
	__u32	total;
	__u32	regular;
	__u32	socket;
	__u32	pipe;
	__u32	eventfd;
	__u32	epoll;
	__u32	other;
	__u32	valid;
};

/* task_diag_ident::flags */
#define TASK_DIAG_IDENT_LEADER	_BITUL(0)	/* leader of its thread group */

/* task_diag_ident::valid */
#define TASK_DIAG_IDENT_VALID_PIDFD_INO	_BITUL(0)

/**
 * struct task_diag_ident - TASK_DIAG_IDENT: distinguishes a task from all
 * others
 * @start_time: start of the task in nanoseconds since boot, in the initial time
 *	namespace
 * @pidfd_ino: inode number of the task's pidfds, as in fstat(2)
 * @flags: TASK_DIAG_IDENT_*
 * @valid: TASK_DIAG_IDENT_VALID_*; a field without such a bit is always valid
 *
 * All readers receive the same values for a task.
 */
struct task_diag_ident {
	__u64	start_time;
	__u64	pidfd_ino;
	__u32	flags;
	__u32	valid;
};

/*
 * task_diag_ns::valid: bit N for the inode number of namespace N, bit
 * TASK_DIAG_NS_IDS + N for its id.
 */
enum {
	TASK_DIAG_NS_CGROUP,
	TASK_DIAG_NS_IPC,
	TASK_DIAG_NS_MNT,
	TASK_DIAG_NS_NET,
	TASK_DIAG_NS_PID,
	TASK_DIAG_NS_PID_FOR_CHILDREN,
	TASK_DIAG_NS_TIME,
	TASK_DIAG_NS_TIME_FOR_CHILDREN,
	TASK_DIAG_NS_USER,
	TASK_DIAG_NS_UTS,

	__TASK_DIAG_NS_MAX,
#define TASK_DIAG_NS_MAX	(__TASK_DIAG_NS_MAX - 1)
};

#define TASK_DIAG_NS_IDS	32

/**
 * struct task_diag_ns - TASK_DIAG_NS: namespaces of a task
 * @valid: which of the other fields are valid; a field that is not is 0
 * @cgroup: inode number of /proc/PID/ns/cgroup
 * @ipc: inode number of /proc/PID/ns/ipc
 * @mnt: inode number of /proc/PID/ns/mnt
 * @net: inode number of /proc/PID/ns/net
 * @pid: inode number of /proc/PID/ns/pid
 * @pid_for_children: inode number of /proc/PID/ns/pid_for_children
 * @time: inode number of /proc/PID/ns/time
 * @time_for_children: inode number of /proc/PID/ns/time_for_children
 * @user: inode number of /proc/PID/ns/user
 * @uts: inode number of /proc/PID/ns/uts
 * @cgroup_id: id of that namespace, never reused
 * @ipc_id: id of that namespace, never reused
 * @mnt_id: id of that namespace, never reused
 * @net_id: id of that namespace, never reused
 * @pid_id: id of that namespace, never reused
 * @pid_for_children_id: id of that namespace, never reused
 * @time_id: id of that namespace, never reused
 * @time_for_children_id: id of that namespace, never reused
 * @user_id: id of that namespace, never reused
 * @uts_id: id of that namespace, never reused
 *
 * A field is not valid if the kernel does not have the namespace or the id, or
 * if the task no longer has the namespace.  The fields of pid_for_children are
 * also not valid while that namespace has no first process.
 */
struct task_diag_ns {
	__u64	valid;
	__u32	cgroup;
	__u32	ipc;
	__u32	mnt;
	__u32	net;
	__u32	pid;
	__u32	pid_for_children;
	__u32	time;
	__u32	time_for_children;
	__u32	user;
	__u32	uts;
	__u64	cgroup_id;
	__u64	ipc_id;
	__u64	mnt_id;
	__u64	net_id;
	__u64	pid_id;
	__u64	pid_for_children_id;
	__u64	time_id;
	__u64	time_for_children_id;
	__u64	user_id;
	__u64	uts_id;
};

/* task_diag_cgroup::flags */
#define TASK_DIAG_CGROUP_DELETED	_BITUL(0)	/* the cgroup is removed */

/**
 * struct task_diag_cgroup - TASK_DIAG_CGROUP: cgroup of a task
 * @id: id of its cgroup in the default hierarchy
 * @path_off: offset of the path behind the start of this structure; 0: no path,
 *	as it is longer than PATH_MAX
 * @flags: TASK_DIAG_CGROUP_*
 *
 * The path ends with a NUL.  It is relative to the root of the sender's cgroup
 * namespace, as in the line "0::" of /proc/PID/cgroup, with " (deleted)" behind
 * it where TASK_DIAG_CGROUP_DELETED is set.
 */
struct task_diag_cgroup {
	__u64	id;
	__u32	path_off;
	__u32	flags;
};

/**
 * struct task_diag_io - TASK_DIAG_IO: input and output
 * @rchar: bytes that read(2) and similar system calls returned
 * @wchar: bytes that write(2) and similar system calls took
 * @syscr: number of read(2) and similar system calls
 * @syscw: number of write(2) and similar system calls
 * @read_bytes: bytes fetched from storage
 * @write_bytes: bytes to be written to storage
 * @cancelled_write_bytes: bytes of @write_bytes that were not written, as the
 *	file was truncated or removed before
 *
 * The values of /proc/PID/io in rows of processes, which include the threads
 * that have ended, and those of /proc/PID/task/TID/io in rows of threads.
 */
struct task_diag_io {
	__u64	rchar;
	__u64	wchar;
	__u64	syscr;
	__u64	syscw;
	__u64	read_bytes;
	__u64	write_bytes;
	__u64	cancelled_write_bytes;
};

/**
 * struct task_diag_signals - TASK_DIAG_SIGNALS: signals
 * @pending: pending for this thread (SigPnd)
 * @shared_pending: pending for the process (ShdPnd)
 * @blocked: blocked by this thread (SigBlk)
 * @ignored: ignored by the process (SigIgn)
 * @caught: signals with a handler in the process (SigCgt)
 * @queue_limit: limit of @queued; all bits set: unlimited (second number of
 *	SigQ)
 * @queued: number of signals queued for all processes of the task's real user
 *	id (first number of SigQ)
 * @__pad: 0
 *
 * Signal N is bit N - 1 of a mask.  Names in parentheses are those of
 * /proc/PID/status.
 */
struct task_diag_signals {
	__u64	pending;
	__u64	shared_pending;
	__u64	blocked;
	__u64	ignored;
	__u64	caught;
	__u64	queue_limit;
	__u32	queued;
	__u32	__pad;
};

/**
 * struct task_diag_rlimit - a resource limit
 * @soft: the soft limit; all bits set: unlimited
 * @hard: the hard limit; all bits set: unlimited
 */
struct task_diag_rlimit {
	__u64	soft;
	__u64	hard;
};

#define TASK_DIAG_RLIMITS	16

/**
 * struct task_diag_limits - TASK_DIAG_LIMITS: resource limits of a process
 * @limit: by number RLIMIT_* of <asm/resource.h>
 *
 * The values of /proc/PID/limits, in the units of setrlimit(2).
 */
struct task_diag_limits {
	struct task_diag_rlimit	limit[TASK_DIAG_RLIMITS];
};

/**
 * struct task_diag_oom - TASK_DIAG_OOM: order in which the OOM killer chooses
 * @score_adj: -1000 to 1000, added to the score (/proc/PID/oom_score_adj)
 * @score: 0 to 2000; the process with the highest score is killed first
 *	(/proc/PID/oom_score)
 */
struct task_diag_oom {
	__s32	score_adj;
	__u32	score;
};

/* task_diag_path::kind, by the name of the link in /proc/PID. */
enum {
	TASK_DIAG_PATH_EXE,	/* the program */
	TASK_DIAG_PATH_CWD,	/* the current directory */
	TASK_DIAG_PATH_ROOT,	/* the root directory */

	__TASK_DIAG_PATH_MAX,
#define TASK_DIAG_PATH_MAX	(__TASK_DIAG_PATH_MAX - 1)
};

/* task_diag_path::flags */
#define TASK_DIAG_PATH_DELETED	_BITUL(0)	/* the file is deleted */
#define TASK_DIAG_PATH_TOO_LONG	_BITUL(1)	/* it exceeds PATH_MAX */

/**
 * struct task_diag_path - TASK_DIAG_PATHS: a path of a task
 * @len: bytes from here to the next record of the attribute, a multiple of 8
 * @path_off: offset of the path in this record; 0: the task has no such file, or
 *	the path has TASK_DIAG_PATH_TOO_LONG
 * @kind: TASK_DIAG_PATH_*
 * @flags: TASK_DIAG_PATH_DELETED or TASK_DIAG_PATH_TOO_LONG
 *
 * Each row has one record of each kind, in ascending order.  The path ends with
 * a NUL.  Its text is that of the link in /proc/PID for the reader: relative to
 * the reader's root directory, or to the root of its mount tree if the file is
 * outside of the reader's root directory, with " (deleted)" behind it where
 * TASK_DIAG_PATH_DELETED is set.  Its bytes are not escaped.  A kernel thread
 * has no program, and a zombie has none of the three.
 */
struct task_diag_path {
	__u32	len;
	__u32	path_off;
	__u32	kind;
	__u32	flags;
};

/* task_diag_sched::valid */
#define TASK_DIAG_SCHED_VALID_FLAGS	_BITUL(0)
#define TASK_DIAG_SCHED_VALID_RUNTIME	_BITUL(1)
#define TASK_DIAG_SCHED_VALID_DEADLINE	_BITUL(2)	/* deadline, period */
#define TASK_DIAG_SCHED_VALID_UCLAMP	_BITUL(3)	/* util_min, util_max */
/* ioprio, ioprio_effective */
#define TASK_DIAG_SCHED_VALID_IOPRIO	_BITUL(4)
#define TASK_DIAG_SCHED_VALID_TIMER_SLACK	_BITUL(5)
/* autogroup, autogroup_nice */
#define TASK_DIAG_SCHED_VALID_AUTOGROUP	_BITUL(6)
#define TASK_DIAG_SCHED_VALID_CPUS	_BITUL(7)
#define TASK_DIAG_SCHED_VALID_MEMS	_BITUL(8)

/**
 * struct task_diag_sched - TASK_DIAG_SCHED: scheduling of a thread
 * @flags: SCHED_FLAG_* of <linux/sched.h>, as sched_getattr(2) returns them
 * @runtime: nanoseconds: the budget of SCHED_DEADLINE per period, the time
 *	slice of other policies without a real-time priority (sched_runtime of
 *	sched_getattr(2))
 * @deadline: nanoseconds after which the budget must have been used
 *	(sched_deadline)
 * @period: nanoseconds of a period (sched_period)
 * @timer_slack: nanoseconds that the kernel may delay timers (timerslack_ns)
 * @autogroup: number of the autogroup of the process (autogroup)
 * @policy: SCHED_* of <linux/sched.h> (policy of stat)
 * @nice: nice value, -20 to 19 (nice of stat)
 * @priority: kernel priority: 0 to 39 for nice -20 to 19, below 0 for real time
 *	(priority of stat)
 * @rt_priority: real-time priority, 1 to 99; 0: not real time (rt_priority of
 *	stat)
 * @autogroup_nice: nice value of the autogroup (autogroup)
 * @util_min: lower bound of the utilization, 0 to 1024, as requested by
 *	sched_setattr(2) (sched_util_min)
 * @util_max: upper bound of the utilization, 0 to 1024, as requested by
 *	sched_setattr(2) (sched_util_max)
 * @ioprio: IO priority as ioprio_get(2) returns it, see IOPRIO_PRIO_CLASS() of
 *	<linux/ioprio.h>; class IOPRIO_CLASS_NONE: not set
 * @ioprio_effective: IO priority in use; equal to @ioprio, or derived from
 *	@policy and @nice if that is not set
 * @cpus_off: offset of the bitmap of CPUs behind the start of this structure
 * @cpus_len: bytes of this bitmap
 * @mems_off: offset of the bitmap of memory nodes behind the start of this
 *	structure
 * @mems_len: bytes of this bitmap
 * @valid: TASK_DIAG_SCHED_VALID_*; a field without such a bit is always valid
 *
 * Names in parentheses are those of files in /proc/PID, and of struct
 * sched_attr.  The bitmap of CPUs contains the CPUs that the thread may run on
 * (Cpus_allowed of status), that of memory nodes the nodes that it may allocate
 * memory on (Mems_allowed of status).  A bitmap is an array of __u64: bit N is
 * bit N % 64 of word N / 64.  It has a bit for each number that a CPU or a node
 * of the running kernel can have.  A bitmap that is not valid has the length 0.
 */
struct task_diag_sched {
	__u64	flags;
	__u64	runtime;
	__u64	deadline;
	__u64	period;
	__u64	timer_slack;
	__u64	autogroup;
	__u32	policy;
	__s32	nice;
	__s32	priority;
	__u32	rt_priority;
	__s32	autogroup_nice;
	__u32	util_min;
	__u32	util_max;
	__u32	ioprio;
	__u32	ioprio_effective;
	__u32	cpus_off;
	__u32	cpus_len;
	__u32	mems_off;
	__u32	mems_len;
	__u32	valid;
};

/**
 * struct task_diag_nspid - TASK_DIAG_NSPID: pids in one pid namespace
 * @tgid: pid of the task's process (NStgid)
 * @pid: pid of the task (NSpid)
 * @pgid: process group id (NSpgid)
 * @sid: session id (NSsid)
 *
 * The attribute has a structure for each pid namespace of the task, from the
 * namespace of the request down to the innermost one.  There are at most 33, and
 * the structure never grows.  0 is a group or a session without an id there.
 * Names in parentheses are those of /proc/PID/status.
 */
struct task_diag_nspid {
	__u32	tgid;
	__u32	pid;
	__u32	pgid;
	__u32	sid;
};

/* task_diag_features::options */
#define TASK_DIAG_OPTION_PIDNS_FD	_BITULL(0)
#define TASK_DIAG_OPTION_PIDFD		_BITULL(1)
#define TASK_DIAG_OPTION_PROC_FD	_BITULL(2)
/*
 * Not an attribute: the rule of hidepid=ptraceable applies whatever the mount,
 * because the administrator or a security module requires it.
 */
#define TASK_DIAG_OPTION_STRICT		_BITULL(3)

/**
 * struct task_diag_features - TASK_DIAG_FEATURES: supported features
 * @groups: bit N: group TASK_DIAG_GROUP_* with number N
 * @strategies: bit N: strategy TASK_DIAG_DUMP_* with number N
 * @filters: bit N: filter TASK_DIAG_FILTER_* with number N
 * @options: TASK_DIAG_OPTION_*
 * @vma_flags: TASK_DIAG_VMA_* that this kernel reports
 * @recv_min: bytes of a receive buffer that can hold every message
 * @__pad: 0
 */
struct task_diag_features {
	__u64	groups;
	__u64	strategies;
	__u64	filters;
	__u64	options;
	__u64	vma_flags;
	__u32	recv_min;
	__u32	__pad;
};

#endif /* _UAPI_LINUX_TASKDIAG_H */
