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
	/* What the kernel can tell.  Reply: TASK_DIAG_FEATURES. */
	TASK_DIAG_CMD_FEATURES,

	__TASK_DIAG_CMD_MAX,
#define TASK_DIAG_CMD_MAX	(__TASK_DIAG_CMD_MAX - 1)
};

/*
 * The transaction file /proc/task-diag: write one request, read messages until
 * there is no more, write the next.  They are those of the family but for the
 * generic-netlink header: nlmsg_type is TASK_DIAG_NLMSG_BASE + the command, and
 * the attributes follow at once.
 */
#define TASK_DIAG_PROC_NAME	"task-diag"
#define TASK_DIAG_NLMSG_BASE	0x10	/* NLMSG_MIN_TYPE */

/*
 * The groups of facts, by bit in task_diag_pid::show_flags.  A group that the
 * running kernel was built without is refused with EOPNOTSUPP.
 */
enum {
	TASK_DIAG_GROUP_BASE,		/* struct task_diag_base */
	TASK_DIAG_GROUP_CRED,		/* struct task_diag_creds */
	TASK_DIAG_GROUP_STAT,		/* struct task_diag_stat */
	TASK_DIAG_GROUP_VMA,		/* struct task_diag_vma, any number */
	TASK_DIAG_GROUP_VMA_STAT,	/* struct task_diag_vma_stat, likewise */
	TASK_DIAG_GROUP_CMDLINE,	/* bytes */
	TASK_DIAG_GROUP_FILES,		/* struct task_diag_files */
	TASK_DIAG_GROUP_IDENT,		/* struct task_diag_ident */
	TASK_DIAG_GROUP_NS,		/* struct task_diag_ns */
	TASK_DIAG_GROUP_CGROUP,		/* struct task_diag_cgroup, and a path */

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

	/*
	 * Filters, request only: of the tasks that the strategy names, those
	 * that all given filters hold for.
	 */
	TASK_DIAG_CMD_ATTR_UID,		/* u32: effective user id */
	TASK_DIAG_CMD_ATTR_CGROUP,	/* u64: id of a cgroup, or of one above */
	TASK_DIAG_CMD_ATTR_STATES,	/* u32: bit N for task_diag_base::state N */
	TASK_DIAG_CMD_ATTR_COMM,	/* bytes: how the name begins */
	TASK_DIAG_CMD_ATTR_PIDS,	/* u32[]: one of these tasks */
	/* Of the areas: u64, TASK_DIAG_VMA_* flags that are all set. */
	TASK_DIAG_CMD_ATTR_VMA_FLAGS,

	TASK_DIAG_FEATURES,		/* struct task_diag_features, reply only */

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
	/* children of process pid, theirs, and so on; parents come first */
	TASK_DIAG_DUMP_DESCENDANTS,

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
/* It ended or became another program while it was told of: what is behind is missing. */
#define TASK_DIAG_FLAG_CUT	_BITUL(1)
/*
 * Not of the kernel's, but of a daemon that keeps the row current by events:
 * what no event tells is TASK_DIAG_UNKNOWN, or as it was last read.
 */
#define TASK_DIAG_FLAG_KEPT	_BITUL(2)

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

#define TASK_DIAG_UNKNOWN	255	/* with TASK_DIAG_FLAG_KEPT alone */

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

/**
 * struct task_diag_stat - TASK_DIAG_STAT: times and sizes
 * @start_time: when it started: nanoseconds since boot, in the time namespace
 *	of whoever reads
 * @utime: nanoseconds in user mode
 * @stime: nanoseconds in kernel mode
 * @gtime: nanoseconds as a guest's virtual processor, part of @utime
 * @cutime: @utime of the children that were waited for
 * @cstime: @stime of these
 * @cgtime: @gtime of these
 * @min_flt: page faults that needed no input
 * @maj_flt: page faults that needed input
 * @cmin_flt: @min_flt of the children that were waited for
 * @cmaj_flt: @maj_flt of these
 * @nvcsw: context switches that it asked for, of the thread alone
 * @nivcsw: context switches that it did not ask for, of the thread alone
 * @run_delay: nanoseconds waited for a processor, of the thread alone; 0 if
 *	the kernel does not count them
 * @blkio_delay: nanoseconds waited for block devices, of the thread alone;
 *	0 if the kernel does not count them
 * @vsize: bytes of address space
 * @rss_anon: bytes of anonymous memory that are resident
 * @rss_file: bytes of files that are resident
 * @rss_shmem: bytes of shared memory that are resident
 * @rss_peak: the most that the three together have been
 * @swap: bytes of anonymous memory that are swapped out
 * @text: bytes of the program's code
 * @data: bytes of private writable areas and stack
 * @locked: bytes that are locked into memory
 * @flags: PF_* of the kernel's <linux/sched.h>
 * @tty: its terminal, as stat(2) encodes device numbers; 0 for none
 * @tty_pgrp: the foreground process group of the terminal; 0 if it has no
 *	number in the pid namespace, -1 without a terminal
 * @priority: the kernel's priority: 0 to 39 for nice -20 to 19, below 0 for
 *	real time
 * @nice: -20 to 19
 * @rt_priority: 1 to 99, and 0 if not real time
 * @policy: SCHED_* of <linux/sched.h>
 * @num_threads: threads of its process
 * @processor: where it ran last
 * @exit_signal: the signal that its parent gets when it ends, -1 for a thread
 * @exit_code: how it ended, as of wait(2), or is about to
 * @__pad: 0
 *
 * As in /proc/PID/stat where the row is a process's, and as in
 * /proc/PID/task/TID/stat where it is a thread's: with TASK_DIAG_DUMP_THREAD
 * and ALL_THREAD every row is a thread's, with ONE those are that are not
 * about a thread group's leader.
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
	__u32	__pad;
};

/* task_diag_vma::flags, and TASK_DIAG_CMD_ATTR_VMA_FLAGS */
#define TASK_DIAG_VMA_READ		_BITULL(0)
#define TASK_DIAG_VMA_WRITE		_BITULL(1)
#define TASK_DIAG_VMA_EXEC		_BITULL(2)
#define TASK_DIAG_VMA_SHARED		_BITULL(3)
#define TASK_DIAG_VMA_FILE		_BITULL(4)	/* it maps a file */
#define TASK_DIAG_VMA_DELETED		_BITULL(5)	/* which has no name any more */
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
 * struct task_diag_vma - TASK_DIAG_VMA: an area of a process's memory
 * @len: bytes from here to the next area of the attribute, a multiple of 8
 * @name_off: where in these bytes the name begins, which ends with a NUL; 0 if
 *	there is none
 * @start: first address
 * @end: first address behind it
 * @pgoff: of the file mapped: where in it the area begins, in bytes
 * @ino: of the file mapped: its inode
 * @flags: TASK_DIAG_VMA_*
 * @dev_major: of the file mapped: its device
 * @dev_minor: likewise
 *
 * The name is as in /proc/PID/maps: a path, with " (deleted)" behind it where
 * TASK_DIAG_VMA_DELETED is set, or one of "[heap]", "[stack]", "[vdso]",
 * "[anon:NAME]" and the like; but of any bytes, where maps writes "\012" for
 * a newline.  An attribute holds any number of areas in ascending order.
 *
 * Areas are those of a process: no row of a thread other than the leader has
 * any.
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
 * struct task_diag_vma_stat - TASK_DIAG_VMA_STAT: what is there of an area
 * @len: bytes from here to the next area of the attribute, a multiple of 8
 * @__pad: 0
 * @start: first address of the area, as of struct task_diag_vma
 * @end: first address behind it
 * @rss: resident
 * @pss: resident, each page divided by the number of its users
 * @pss_dirty: of these, what is dirty
 * @shared_clean: resident, with other users, clean
 * @shared_dirty: resident, with other users, dirty
 * @private_clean: resident, without other users, clean
 * @private_dirty: resident, without other users, dirty
 * @referenced: resident and lately used
 * @anonymous: resident and no file's
 * @ksm: merged with the same content elsewhere
 * @lazy_free: given back by madvise(2), and not yet taken
 * @anon_thp: in anonymous transparent huge pages
 * @shmem_thp: in shared memory's huge pages
 * @file_thp: in files' huge pages
 * @shared_hugetlb: in pages of hugetlbfs with other users
 * @private_hugetlb: in pages of hugetlbfs without
 * @swap: swapped out
 * @swap_pss: swapped out, each page divided by the number of its users
 * @locked: @pss, if the area is locked into memory
 *
 * Bytes, as in /proc/PID/smaps.
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

/**
 * struct task_diag_files - TASK_DIAG_FILES: open files
 * @limit_soft: RLIMIT_NOFILE
 * @limit_hard: how far it may be raised
 * @total: descriptors in use
 * @regular: of these, regular files
 * @socket: sockets
 * @pipe: pipes and FIFOs
 * @eventfd: eventfds
 * @epoll: epoll instances
 * @other: all else
 * @__pad: 0
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
	__u32	__pad;
};

/* task_diag_ident::flags */
#define TASK_DIAG_IDENT_LEADER	_BITUL(0)	/* of its thread group */

/**
 * struct task_diag_ident - TASK_DIAG_IDENT: this task, and no later one
 * @start_time: as in struct task_diag_stat
 * @pidfd_ino: inode number of its pidfds; 0 where they have none of their own
 * @flags: TASK_DIAG_IDENT_*
 * @__pad: 0
 */
struct task_diag_ident {
	__u64	start_time;
	__u64	pidfd_ino;
	__u32	flags;
	__u32	__pad;
};

/**
 * struct task_diag_ns - TASK_DIAG_NS: inode numbers of its namespaces
 * @cgroup: as of /proc/PID/ns/cgroup
 * @ipc: likewise
 * @mnt: likewise
 * @net: likewise
 * @pid: likewise
 * @pid_for_children: likewise
 * @time: likewise
 * @time_for_children: likewise
 * @user: likewise
 * @uts: likewise
 *
 * 0 stands for what the kernel does not have or the task has no more.
 */
struct task_diag_ns {
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
};

/**
 * struct task_diag_cgroup - TASK_DIAG_CGROUP: its cgroup
 * @id: of the cgroup in the default hierarchy
 * @path_off: where from here its path begins, which ends with a NUL
 * @__pad: 0
 *
 * The path is relative to the root of the caller's cgroup namespace, as in
 * the line "0::" of /proc/PID/cgroup.
 */
struct task_diag_cgroup {
	__u64	id;
	__u32	path_off;
	__u32	__pad;
};

/**
 * struct task_diag_features - TASK_DIAG_FEATURES: what the kernel can tell
 * @groups: bit N: the group TASK_DIAG_GROUP_* of number N
 * @strategies: bit N: the strategy TASK_DIAG_DUMP_* of number N
 * @filters: bit N: the attribute TASK_DIAG_CMD_ATTR_* of number N
 */
struct task_diag_features {
	__u64	groups;
	__u64	strategies;
	__u64	filters;
};

#endif /* _UAPI_LINUX_TASKDIAG_H */
