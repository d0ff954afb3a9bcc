// SPDX-License-Identifier: MIT
//! Rust mirror of `include/uapi/linux/taskdiag.h`: the same names, numbers and
//! structures.
//!
//! The header is authoritative. `tests/abi` compiles it with the C compiler and
//! compares every number, structure and field of this module with it, in both
//! directions. Structures that may grow are `#[non_exhaustive]`: start from
//! `Default` to fill one.
//!
//! Must not depend on other modules. The types that users of this crate need are
//! documented at [`crate::Base`], [`crate::Stat`] and the other groups,
//! [`crate::Strategy`] and [`crate::Filters`].

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Name of the family, which resolves to its id.
pub const TASK_DIAG_GENL_NAME: &str = "TASKDIAG";
/// The family's version.
pub const TASK_DIAG_GENL_VERSION: u8 = 1;

/// Unused.
pub const TASK_DIAG_CMD_UNSPEC: u8 = 0;
/// Requests tasks; also the command of their rows.
pub const TASK_DIAG_CMD_GET: u8 = 1;
/// Queries the supported features.
pub const TASK_DIAG_CMD_FEATURES: u8 = 2;
/// The highest command.
pub const TASK_DIAG_CMD_MAX: u8 = TASK_DIAG_CMD_FEATURES;

/// The transaction file's name in procfs.
pub const TASK_DIAG_PROC_NAME: &str = "task-diag";

/// `nlmsg_type` of a message of the transaction file is this plus the command.
pub const TASK_DIAG_NLMSG_BASE: u16 = 0x10;

/// Returns `nlmsg_type` of the transaction file's messages with this command.
#[must_use]
pub const fn task_diag_nlmsg(cmd: u8) -> u16 {
    TASK_DIAG_NLMSG_BASE + cmd as u16
}

/// Bit of the group BASE: [`TaskDiagBase`].
pub const TASK_DIAG_GROUP_BASE: u16 = 0;
/// Bit of the group CRED: [`TaskDiagCreds`].
pub const TASK_DIAG_GROUP_CRED: u16 = 1;
/// Bit of the group STAT: [`TaskDiagStat`].
pub const TASK_DIAG_GROUP_STAT: u16 = 2;
/// Bit of the group VMA: [`TaskDiagVma`], any number.
pub const TASK_DIAG_GROUP_VMA: u16 = 3;
/// Bit of the group VMA_STAT: [`TaskDiagVmaStat`], any number.
pub const TASK_DIAG_GROUP_VMA_STAT: u16 = 4;
/// Bit of the group CMDLINE: bytes.
pub const TASK_DIAG_GROUP_CMDLINE: u16 = 5;
/// Bit of the group FILES: [`TaskDiagFiles`].
pub const TASK_DIAG_GROUP_FILES: u16 = 6;
/// Bit of the group IDENT: [`TaskDiagIdent`].
pub const TASK_DIAG_GROUP_IDENT: u16 = 7;
/// Bit of the group NS: [`TaskDiagNs`].
pub const TASK_DIAG_GROUP_NS: u16 = 8;
/// Bit of the group CGROUP: [`TaskDiagCgroup`], and a path.
pub const TASK_DIAG_GROUP_CGROUP: u16 = 9;
/// Bit of the group IO: [`TaskDiagIo`].
pub const TASK_DIAG_GROUP_IO: u16 = 10;
/// Bit of the group SIGNALS: [`TaskDiagSignals`].
pub const TASK_DIAG_GROUP_SIGNALS: u16 = 11;
/// Bit of the group LIMITS: [`TaskDiagLimits`].
pub const TASK_DIAG_GROUP_LIMITS: u16 = 12;
/// Bit of the group OOM: [`TaskDiagOom`].
pub const TASK_DIAG_GROUP_OOM: u16 = 13;
/// Bit of the group PATHS: [`TaskDiagPath`], each with a path.
pub const TASK_DIAG_GROUP_PATHS: u16 = 14;
/// Bit of the group ENVIRON: bytes.
pub const TASK_DIAG_GROUP_ENVIRON: u16 = 15;
/// Bit of the group SCHED: [`TaskDiagSched`], and two bitmaps.
pub const TASK_DIAG_GROUP_SCHED: u16 = 16;
/// Bit of the group NSPID: one [`TaskDiagNspid`] per pid namespace.
pub const TASK_DIAG_GROUP_NSPID: u16 = 17;
/// The highest group.
pub const TASK_DIAG_GROUP_MAX: u16 = TASK_DIAG_GROUP_NSPID;

/// Requests the group BASE.
pub const TASK_DIAG_SHOW_BASE: u64 = 1 << TASK_DIAG_GROUP_BASE;
/// Requests the group CRED.
pub const TASK_DIAG_SHOW_CRED: u64 = 1 << TASK_DIAG_GROUP_CRED;
/// Requests the group STAT.
pub const TASK_DIAG_SHOW_STAT: u64 = 1 << TASK_DIAG_GROUP_STAT;
/// Requests the group VMA.
pub const TASK_DIAG_SHOW_VMA: u64 = 1 << TASK_DIAG_GROUP_VMA;
/// Requests the group VMA_STAT.
pub const TASK_DIAG_SHOW_VMA_STAT: u64 = 1 << TASK_DIAG_GROUP_VMA_STAT;
/// Requests the group CMDLINE.
pub const TASK_DIAG_SHOW_CMDLINE: u64 = 1 << TASK_DIAG_GROUP_CMDLINE;
/// Requests the group FILES.
pub const TASK_DIAG_SHOW_FILES: u64 = 1 << TASK_DIAG_GROUP_FILES;
/// Requests the group IDENT.
pub const TASK_DIAG_SHOW_IDENT: u64 = 1 << TASK_DIAG_GROUP_IDENT;
/// Requests the group NS.
pub const TASK_DIAG_SHOW_NS: u64 = 1 << TASK_DIAG_GROUP_NS;
/// Requests the group CGROUP.
pub const TASK_DIAG_SHOW_CGROUP: u64 = 1 << TASK_DIAG_GROUP_CGROUP;
/// Requests the group IO.
pub const TASK_DIAG_SHOW_IO: u64 = 1 << TASK_DIAG_GROUP_IO;
/// Requests the group SIGNALS.
pub const TASK_DIAG_SHOW_SIGNALS: u64 = 1 << TASK_DIAG_GROUP_SIGNALS;
/// Requests the group LIMITS.
pub const TASK_DIAG_SHOW_LIMITS: u64 = 1 << TASK_DIAG_GROUP_LIMITS;
/// Requests the group OOM.
pub const TASK_DIAG_SHOW_OOM: u64 = 1 << TASK_DIAG_GROUP_OOM;
/// Requests the group PATHS.
pub const TASK_DIAG_SHOW_PATHS: u64 = 1 << TASK_DIAG_GROUP_PATHS;
/// Requests the group ENVIRON.
pub const TASK_DIAG_SHOW_ENVIRON: u64 = 1 << TASK_DIAG_GROUP_ENVIRON;
/// Requests the group SCHED.
pub const TASK_DIAG_SHOW_SCHED: u64 = 1 << TASK_DIAG_GROUP_SCHED;
/// Requests the group NSPID.
pub const TASK_DIAG_SHOW_NSPID: u64 = 1 << TASK_DIAG_GROUP_NSPID;

/// Number of the filter UID in [`TaskDiagFeatures::filters`].
pub const TASK_DIAG_FILTER_UID: u16 = 0;
/// Number of the filter CGROUP in [`TaskDiagFeatures::filters`].
pub const TASK_DIAG_FILTER_CGROUP: u16 = 1;
/// Number of the filter STATES in [`TaskDiagFeatures::filters`].
pub const TASK_DIAG_FILTER_STATES: u16 = 2;
/// Number of the filter COMM in [`TaskDiagFeatures::filters`].
pub const TASK_DIAG_FILTER_COMM: u16 = 3;
/// Number of the filter PIDS in [`TaskDiagFeatures::filters`].
pub const TASK_DIAG_FILTER_PIDS: u16 = 4;
/// Number of the filter VMA_FLAGS in [`TaskDiagFeatures::filters`].
pub const TASK_DIAG_FILTER_VMA_FLAGS: u16 = 5;
/// The highest filter.
pub const TASK_DIAG_FILTER_MAX: u16 = TASK_DIAG_FILTER_VMA_FLAGS;

/// Attribute of filter 0; filter N is this plus N.
pub const TASK_DIAG_ATTR_FILTERS: u16 = 32;
/// Attribute of group 0; group N is this plus N.
pub const TASK_DIAG_ATTR_GROUPS: u16 = 64;

/// Unused.
pub const TASK_DIAG_ATTR_UNSPEC: u16 = 0;
/// The request: [`TaskDiagPid`].
pub const TASK_DIAG_CMD_ATTR_GET: u16 = 1;
/// The task that a message describes: [`TaskDiagMsg`].
pub const TASK_DIAG_MSG: u16 = 2;
/// Aligns 64-bit payloads; no content.
pub const TASK_DIAG_PAD: u16 = 3;
/// The supported features: [`TaskDiagFeatures`].
pub const TASK_DIAG_FEATURES: u16 = 4;
/// The groups that a row lacks: [`TaskDiagAbsent`].
pub const TASK_DIAG_ABSENT: u16 = 5;
/// Option, a `u32`: report pids in the pid namespace of this descriptor.
pub const TASK_DIAG_CMD_ATTR_PIDNS_FD: u16 = 6;
/// Option, a `u32`: pidfd of the task that [`TaskDiagPid::pid`] names otherwise.
pub const TASK_DIAG_CMD_ATTR_PIDFD: u16 = 7;
/// Option, a `u32`: root directory of a procfs mount, whose pid namespace, `hidepid=`
/// and `gid=` apply.
pub const TASK_DIAG_CMD_ATTR_PROC_FD: u16 = 8;
/// Filter, a `u32`: effective user id.
pub const TASK_DIAG_CMD_ATTR_UID: u16 = TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_UID;
/// Filter, a `u64`: id of the task's cgroup, or of one of its ancestors.
pub const TASK_DIAG_CMD_ATTR_CGROUP: u16 = TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_CGROUP;
/// Filter, a `u32`: bit N for [`TaskDiagBase::state`] N.
pub const TASK_DIAG_CMD_ATTR_STATES: u16 = TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_STATES;
/// Filter, a string: prefix of the name.
pub const TASK_DIAG_CMD_ATTR_COMM: u16 = TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_COMM;
/// Filter, `u32`s: pids.
pub const TASK_DIAG_CMD_ATTR_PIDS: u16 = TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_PIDS;
/// Filter, a `u64`: `TASK_DIAG_VMA_*` flags that a memory mapping must all have.
pub const TASK_DIAG_CMD_ATTR_VMA_FLAGS: u16 = TASK_DIAG_ATTR_FILTERS + TASK_DIAG_FILTER_VMA_FLAGS;
/// The group BASE: [`TaskDiagBase`].
pub const TASK_DIAG_BASE: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_BASE;
/// The group CRED: [`TaskDiagCreds`].
pub const TASK_DIAG_CRED: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_CRED;
/// The group STAT: [`TaskDiagStat`].
pub const TASK_DIAG_STAT: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_STAT;
/// The group VMA: [`TaskDiagVma`], any number.
pub const TASK_DIAG_VMA: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_VMA;
/// The group VMA_STAT: [`TaskDiagVmaStat`], any number.
pub const TASK_DIAG_VMA_STAT: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_VMA_STAT;
/// The group CMDLINE: bytes.
pub const TASK_DIAG_CMDLINE: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_CMDLINE;
/// The group FILES: [`TaskDiagFiles`].
pub const TASK_DIAG_FILES: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_FILES;
/// The group IDENT: [`TaskDiagIdent`].
pub const TASK_DIAG_IDENT: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_IDENT;
/// The group NS: [`TaskDiagNs`].
pub const TASK_DIAG_NS: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_NS;
/// The group CGROUP: [`TaskDiagCgroup`], and a path.
pub const TASK_DIAG_CGROUP: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_CGROUP;
/// The group IO: [`TaskDiagIo`].
pub const TASK_DIAG_IO: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_IO;
/// The group SIGNALS: [`TaskDiagSignals`].
pub const TASK_DIAG_SIGNALS: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_SIGNALS;
/// The group LIMITS: [`TaskDiagLimits`].
pub const TASK_DIAG_LIMITS: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_LIMITS;
/// The group OOM: [`TaskDiagOom`].
pub const TASK_DIAG_OOM: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_OOM;
/// The group PATHS: [`TaskDiagPath`], each with a path.
pub const TASK_DIAG_PATHS: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_PATHS;
/// The group ENVIRON: bytes.
pub const TASK_DIAG_ENVIRON: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_ENVIRON;
/// The group SCHED: [`TaskDiagSched`], and two bitmaps.
pub const TASK_DIAG_SCHED: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_SCHED;
/// The group NSPID: one [`TaskDiagNspid`] per pid namespace.
pub const TASK_DIAG_NSPID: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_NSPID;
/// The highest attribute.
pub const TASK_DIAG_ATTR_MAX: u16 = TASK_DIAG_NSPID;

/// Every process.
pub const TASK_DIAG_DUMP_ALL: u64 = 0;
/// One process or thread.
pub const TASK_DIAG_DUMP_ONE: u64 = 1;
/// The children of a process.
pub const TASK_DIAG_DUMP_CHILDREN: u64 = 2;
/// The threads of a process.
pub const TASK_DIAG_DUMP_THREAD: u64 = 3;
/// Every thread.
pub const TASK_DIAG_DUMP_ALL_THREAD: u64 = 4;
/// The children of a process, theirs, and so on.
pub const TASK_DIAG_DUMP_DESCENDANTS: u64 = 5;
/// The highest strategy.
pub const TASK_DIAG_DUMP_MAX: u64 = TASK_DIAG_DUMP_DESCENDANTS;

/// In [`TaskDiagMsg::flags`]: continues the previous message.
pub const TASK_DIAG_FLAG_CONT: u32 = 1 << 0;
/// In [`TaskDiagMsg::flags`]: the next message continues it.
pub const TASK_DIAG_FLAG_MORE: u32 = 1 << 1;

/// Running or ready to run.
pub const TASK_DIAG_RUNNING: u8 = 0;
/// Asleep; a signal wakes it.
pub const TASK_DIAG_INTERRUPTIBLE: u8 = 1;
/// Asleep; signals do not wake it.
pub const TASK_DIAG_UNINTERRUPTIBLE: u8 = 2;
/// Stopped by a signal.
pub const TASK_DIAG_STOPPED: u8 = 3;
/// Stopped by its tracer.
pub const TASK_DIAG_TRACE_STOP: u8 = 4;
/// Dead, about to be released.
pub const TASK_DIAG_DEAD: u8 = 5;
/// Dead; its parent has not waited for it yet.
pub const TASK_DIAG_ZOMBIE: u8 = 6;
/// A parked kernel thread.
pub const TASK_DIAG_PARKED: u8 = 7;
/// An idle kernel thread.
pub const TASK_DIAG_IDLE: u8 = 8;

/// May be read.
pub const TASK_DIAG_VMA_READ: u64 = 1 << 0;
/// May be written.
pub const TASK_DIAG_VMA_WRITE: u64 = 1 << 1;
/// May be executed.
pub const TASK_DIAG_VMA_EXEC: u64 = 1 << 2;
/// Shared.
pub const TASK_DIAG_VMA_SHARED: u64 = 1 << 3;
/// Maps a file.
pub const TASK_DIAG_VMA_FILE: u64 = 1 << 4;
/// Maps a deleted file.
pub const TASK_DIAG_VMA_DELETED: u64 = 1 << 5;
/// May be made readable.
pub const TASK_DIAG_VMA_MAYREAD: u64 = 1 << 6;
/// May be made writable.
pub const TASK_DIAG_VMA_MAYWRITE: u64 = 1 << 7;
/// May be made executable.
pub const TASK_DIAG_VMA_MAYEXEC: u64 = 1 << 8;
/// `s` in `maps`, not `p`.
pub const TASK_DIAG_VMA_MAYSHARE: u64 = 1 << 9;
/// Grows towards lower addresses.
pub const TASK_DIAG_VMA_GROWSDOWN: u64 = 1 << 10;
/// Page frames without `struct page`.
pub const TASK_DIAG_VMA_PFNMAP: u64 = 1 << 11;
/// Locked into memory.
pub const TASK_DIAG_VMA_LOCKED: u64 = 1 << 12;
/// Device memory.
pub const TASK_DIAG_VMA_IO: u64 = 1 << 13;
/// Advised sequential reads.
pub const TASK_DIAG_VMA_SEQ_READ: u64 = 1 << 14;
/// Advised random reads.
pub const TASK_DIAG_VMA_RAND_READ: u64 = 1 << 15;
/// Not copied by a fork.
pub const TASK_DIAG_VMA_DONTCOPY: u64 = 1 << 16;
/// Cannot grow by `mremap`.
pub const TASK_DIAG_VMA_DONTEXPAND: u64 = 1 << 17;
/// Counts as committed memory.
pub const TASK_DIAG_VMA_ACCOUNT: u64 = 1 << 18;
/// Swap space is not reserved.
pub const TASK_DIAG_VMA_NORESERVE: u64 = 1 << 19;
/// Pages of hugetlbfs.
pub const TASK_DIAG_VMA_HUGETLB: u64 = 1 << 20;
/// Page faults are synchronous.
pub const TASK_DIAG_VMA_SYNC: u64 = 1 << 21;
/// Zero in the child after a fork.
pub const TASK_DIAG_VMA_WIPEONFORK: u64 = 1 << 22;
/// Not in core dumps.
pub const TASK_DIAG_VMA_DONTDUMP: u64 = 1 << 23;
/// Page frames with and without `struct page`.
pub const TASK_DIAG_VMA_MIXEDMAP: u64 = 1 << 24;
/// Advised to take huge pages.
pub const TASK_DIAG_VMA_HUGEPAGE: u64 = 1 << 25;
/// Advised not to take huge pages.
pub const TASK_DIAG_VMA_NOHUGEPAGE: u64 = 1 << 26;
/// Equal pages may be merged (KSM).
pub const TASK_DIAG_VMA_MERGEABLE: u64 = 1 << 27;
/// Pages are locked when they are faulted in.
pub const TASK_DIAG_VMA_LOCKONFAULT: u64 = 1 << 28;
/// Written to since the soft-dirty bits were cleared.
pub const TASK_DIAG_VMA_SOFTDIRTY: u64 = 1 << 29;
/// userfaultfd reports missing pages.
pub const TASK_DIAG_VMA_UFFD_MISSING: u64 = 1 << 30;
/// userfaultfd reports minor faults.
pub const TASK_DIAG_VMA_UFFD_MINOR: u64 = 1 << 31;
/// userfaultfd reports writes.
pub const TASK_DIAG_VMA_UFFD_WP: u64 = 1 << 32;
/// Sealed by `mseal`.
pub const TASK_DIAG_VMA_SEALED: u64 = 1 << 33;

/// [`TaskDiagIdent::flags`]: the task is the leader of its thread group.
pub const TASK_DIAG_IDENT_LEADER: u32 = 1 << 0;

/// [`TaskDiagIdent::valid`]: [`TaskDiagIdent::pidfd_ino`].
pub const TASK_DIAG_IDENT_VALID_PIDFD_INO: u32 = 1 << 0;

/// [`TaskDiagStat::valid`]: `vsize`, `rss_anon`, `rss_file`, `rss_shmem`,
/// `rss_peak`, `swap`, `text`, `data`, `locked`.
pub const TASK_DIAG_STAT_VALID_MEMORY: u32 = 1 << 0;
/// [`TaskDiagStat::valid`]: [`TaskDiagStat::run_delay`].
pub const TASK_DIAG_STAT_VALID_RUN_DELAY: u32 = 1 << 1;
/// [`TaskDiagStat::valid`]: [`TaskDiagStat::blkio_delay`].
pub const TASK_DIAG_STAT_VALID_BLKIO_DELAY: u32 = 1 << 2;
/// [`TaskDiagStat::valid`]: [`TaskDiagStat::exit_code`].
pub const TASK_DIAG_STAT_VALID_EXIT_CODE: u32 = 1 << 3;

/// [`TaskDiagFiles::valid`]: all fields except the limits.
pub const TASK_DIAG_FILES_VALID_COUNTS: u32 = 1 << 0;

/// Bit in [`TaskDiagNs::valid`] of [`TaskDiagNs::cgroup`].
pub const TASK_DIAG_NS_CGROUP: u32 = 0;
/// Bit in [`TaskDiagNs::valid`] of [`TaskDiagNs::ipc`].
pub const TASK_DIAG_NS_IPC: u32 = 1;
/// Bit in [`TaskDiagNs::valid`] of [`TaskDiagNs::mnt`].
pub const TASK_DIAG_NS_MNT: u32 = 2;
/// Bit in [`TaskDiagNs::valid`] of [`TaskDiagNs::net`].
pub const TASK_DIAG_NS_NET: u32 = 3;
/// Bit in [`TaskDiagNs::valid`] of [`TaskDiagNs::pid`].
pub const TASK_DIAG_NS_PID: u32 = 4;
/// Bit in [`TaskDiagNs::valid`] of [`TaskDiagNs::pid_for_children`].
pub const TASK_DIAG_NS_PID_FOR_CHILDREN: u32 = 5;
/// Bit in [`TaskDiagNs::valid`] of [`TaskDiagNs::time`].
pub const TASK_DIAG_NS_TIME: u32 = 6;
/// Bit in [`TaskDiagNs::valid`] of [`TaskDiagNs::time_for_children`].
pub const TASK_DIAG_NS_TIME_FOR_CHILDREN: u32 = 7;
/// Bit in [`TaskDiagNs::valid`] of [`TaskDiagNs::user`].
pub const TASK_DIAG_NS_USER: u32 = 8;
/// Bit in [`TaskDiagNs::valid`] of [`TaskDiagNs::uts`].
pub const TASK_DIAG_NS_UTS: u32 = 9;
/// The highest bit of an inode number.
pub const TASK_DIAG_NS_MAX: u32 = TASK_DIAG_NS_UTS;
/// Bit N of an inode number is bit N plus this of the namespace's id.
pub const TASK_DIAG_NS_IDS: u32 = 32;

/// [`TaskDiagCgroup::flags`]: the cgroup is removed.
pub const TASK_DIAG_CGROUP_DELETED: u32 = 1 << 0;

/// [`TaskDiagPath::kind`]: the program.
pub const TASK_DIAG_PATH_EXE: u32 = 0;
/// [`TaskDiagPath::kind`]: the current directory.
pub const TASK_DIAG_PATH_CWD: u32 = 1;
/// [`TaskDiagPath::kind`]: the root directory.
pub const TASK_DIAG_PATH_ROOT: u32 = 2;
/// The highest kind of a path.
pub const TASK_DIAG_PATH_MAX: u32 = TASK_DIAG_PATH_ROOT;
/// [`TaskDiagPath::flags`]: the file is deleted.
pub const TASK_DIAG_PATH_DELETED: u32 = 1 << 0;
/// [`TaskDiagPath::flags`]: the path exceeds `PATH_MAX`.
pub const TASK_DIAG_PATH_TOO_LONG: u32 = 1 << 1;

/// [`TaskDiagFeatures::options`]: [`TASK_DIAG_CMD_ATTR_PIDNS_FD`].
pub const TASK_DIAG_OPTION_PIDNS_FD: u64 = 1 << 0;
/// [`TaskDiagFeatures::options`]: [`TASK_DIAG_CMD_ATTR_PIDFD`].
pub const TASK_DIAG_OPTION_PIDFD: u64 = 1 << 1;
/// [`TaskDiagFeatures::options`]: [`TASK_DIAG_CMD_ATTR_PROC_FD`].
pub const TASK_DIAG_OPTION_PROC_FD: u64 = 1 << 2;
/// [`TaskDiagFeatures::options`]: the rule of `hidepid=ptraceable` applies whatever the
/// mount.
pub const TASK_DIAG_OPTION_STRICT: u64 = 1 << 3;

/// [`TaskDiagCreds::valid`]: [`TaskDiagCreds::securebits`].
pub const TASK_DIAG_CRED_VALID_SECUREBITS: u32 = 1 << 0;

/// [`TaskDiagSched::valid`]: `flags`.
pub const TASK_DIAG_SCHED_VALID_FLAGS: u32 = 1 << 0;
/// [`TaskDiagSched::valid`]: `runtime`.
pub const TASK_DIAG_SCHED_VALID_RUNTIME: u32 = 1 << 1;
/// [`TaskDiagSched::valid`]: `deadline`, `period`.
pub const TASK_DIAG_SCHED_VALID_DEADLINE: u32 = 1 << 2;
/// [`TaskDiagSched::valid`]: `util_min`, `util_max`.
pub const TASK_DIAG_SCHED_VALID_UCLAMP: u32 = 1 << 3;
/// [`TaskDiagSched::valid`]: `ioprio`, `ioprio_effective`.
pub const TASK_DIAG_SCHED_VALID_IOPRIO: u32 = 1 << 4;
/// [`TaskDiagSched::valid`]: `timer_slack`.
pub const TASK_DIAG_SCHED_VALID_TIMER_SLACK: u32 = 1 << 5;
/// [`TaskDiagSched::valid`]: `autogroup`, `autogroup_nice`.
pub const TASK_DIAG_SCHED_VALID_AUTOGROUP: u32 = 1 << 6;
/// [`TaskDiagSched::valid`]: `cpus_off`, `cpus_len`.
pub const TASK_DIAG_SCHED_VALID_CPUS: u32 = 1 << 7;
/// [`TaskDiagSched::valid`]: `mems_off`, `mems_len`.
pub const TASK_DIAG_SCHED_VALID_MEMS: u32 = 1 << 8;

/// Length of a task's name with its NUL.
pub const TASK_DIAG_COMM_LEN: usize = 16;

/// `struct task_diag_pid`: the request.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TaskDiagPid {
    /// `TASK_DIAG_SHOW_*`, the groups to report.
    pub show_flags: u64,
    /// `TASK_DIAG_DUMP_*`, the tasks to report.
    pub dump_strategy: u64,
    /// Process or thread that ONE, CHILDREN, THREAD and DESCENDANTS refer to;
    /// 0 with [`TASK_DIAG_CMD_ATTR_PIDFD`].
    pub pid: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// `struct task_diag_absent`: groups that a row lacks, as masks of
/// `TASK_DIAG_SHOW_*`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagAbsent {
    /// The task has ended, or has called `execve`, since its row was begun.
    pub gone: u64,
    /// The caller may see the task but may not read these groups.
    pub denied: u64,
    /// Another task held a lock or a page for too long, or a signal interrupted
    /// the caller.
    pub busy: u64,
    /// There is more than the kernel reports of one task.
    pub limit: u64,
    /// Reported only in the row of the thread group's leader.
    pub leader: u64,
}

/// `struct task_diag_msg`: the task that a message describes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagMsg {
    /// Pid of the task (thread).
    pub pid: u32,
    /// Pid of its process.
    pub tgid: u32,
    /// `TASK_DIAG_FLAG_*`.
    pub flags: u32,
}

/// `struct task_diag_base`: identifiers, state and name.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagBase {
    /// Pid of its process.
    pub tgid: u32,
    /// Pid of the task.
    pub pid: u32,
    /// Pid of the parent process.
    pub ppid: u32,
    /// Pid of the task that traces it; 0: not traced.
    pub tpid: u32,
    /// Session id.
    pub sid: u32,
    /// Process group id.
    pub pgid: u32,
    /// `TASK_DIAG_RUNNING` and the other states.
    pub state: u8,
    /// Name: any bytes, padded with NULs.
    pub comm: [u8; TASK_DIAG_COMM_LEN],
    /// `__pad`: 0.
    pub pad: [u8; 3],
}

/// `struct task_diag_caps`: a capability set, low word first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TaskDiagCaps {
    /// Capability N is bit N % 32 of word N / 32.
    pub cap: [u32; 2],
}

/// `struct task_diag_creds`: the task's credentials.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagCreds {
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Saved user id.
    pub suid: u32,
    /// User id for file access.
    pub fsuid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Saved group id.
    pub sgid: u32,
    /// Group id for file access.
    pub fsgid: u32,
    /// Inheritable capabilities.
    pub cap_inheritable: TaskDiagCaps,
    /// Permitted capabilities.
    pub cap_permitted: TaskDiagCaps,
    /// Effective capabilities.
    pub cap_effective: TaskDiagCaps,
    /// The capability bounding set.
    pub cap_bset: TaskDiagCaps,
    /// Ambient capabilities.
    pub cap_ambient: TaskDiagCaps,
    /// `SECBIT_*` of `<linux/securebits.h>`.
    pub securebits: u32,
    /// 1 if `execve` can no longer grant privileges, else 0.
    pub no_new_privs: u32,
    /// `TASK_DIAG_CRED_VALID_*`; a field without such a bit is always valid.
    pub valid: u32,
}

/// `struct task_diag_stat`: times and sizes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagStat {
    /// Start of the task: nanoseconds since boot, in the time namespace of the
    /// reader.
    pub start_time: u64,
    /// Nanoseconds in user mode.
    pub utime: u64,
    /// Nanoseconds in kernel mode.
    pub stime: u64,
    /// Nanoseconds that it ran a virtual CPU, part of `utime`.
    pub gtime: u64,
    /// `utime` of the children that were waited for.
    pub cutime: u64,
    /// `stime` of the children that were waited for.
    pub cstime: u64,
    /// `gtime` of the children that were waited for.
    pub cgtime: u64,
    /// Page faults without input.
    pub min_flt: u64,
    /// Page faults with input.
    pub maj_flt: u64,
    /// `min_flt` of the children that were waited for.
    pub cmin_flt: u64,
    /// `maj_flt` of the children that were waited for.
    pub cmaj_flt: u64,
    /// Voluntary context switches of this thread.
    pub nvcsw: u64,
    /// Involuntary context switches of this thread.
    pub nivcsw: u64,
    /// Nanoseconds that this thread waited for a CPU.
    pub run_delay: u64,
    /// Nanoseconds that this thread waited for block devices.
    pub blkio_delay: u64,
    /// Bytes of address space.
    pub vsize: u64,
    /// Resident anonymous memory, in bytes.
    pub rss_anon: u64,
    /// Resident memory of files, in bytes.
    pub rss_file: u64,
    /// Resident shared memory, in bytes.
    pub rss_shmem: u64,
    /// Maximum of the sum of `rss_anon`, `rss_file` and `rss_shmem`, in bytes.
    pub rss_peak: u64,
    /// Swapped-out anonymous memory, in bytes.
    pub swap: u64,
    /// Code of the program, in bytes.
    pub text: u64,
    /// Private writable memory mappings and stack, in bytes.
    pub data: u64,
    /// Memory locked into RAM, in bytes.
    pub locked: u64,
    /// `PF_*` of the kernel's `<linux/sched.h>`.
    pub flags: u32,
    /// Controlling terminal, encoded as by stat(2); 0: none.
    pub tty: u32,
    /// Foreground process group of the terminal; 0: no pid in the pid namespace;
    /// -1: no terminal.
    pub tty_pgrp: i32,
    /// Priority: 0 to 39 for nice -20 to 19, below 0 for real time.
    pub priority: i32,
    /// -20 to 19.
    pub nice: i32,
    /// 1 to 99; 0: not real time.
    pub rt_priority: u32,
    /// `SCHED_*` of `<linux/sched.h>`.
    pub policy: u32,
    /// Threads of its process.
    pub num_threads: u32,
    /// CPU that it ran on last.
    pub processor: u32,
    /// Signal that the parent receives when the task ends; -1 for a thread.
    pub exit_signal: i32,
    /// wait(2) status of a task that has ended or is about to.
    pub exit_code: i32,
    /// `TASK_DIAG_STAT_VALID_*`.
    pub valid: u32,
}

/// `struct task_diag_vma`: a memory mapping of a process, followed by its name.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagVma {
    /// Bytes to the next record, a multiple of 8.
    pub len: u32,
    /// Offset in the record of the name, which ends with a NUL; 0: no name.
    pub name_off: u32,
    /// First address.
    pub start: u64,
    /// First address behind the mapping.
    pub end: u64,
    /// Offset of the mapping in the mapped file, in bytes.
    pub pgoff: u64,
    /// Inode number of the mapped file.
    pub ino: u64,
    /// `TASK_DIAG_VMA_*`.
    pub flags: u64,
    /// Major device number of the mapped file.
    pub dev_major: u32,
    /// Minor device number of the mapped file.
    pub dev_minor: u32,
}

/// `struct task_diag_vma_stat`: memory use of a mapping.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagVmaStat {
    /// Bytes to the next record, a multiple of 8.
    pub len: u32,
    /// `__pad`: 0.
    pub pad: u32,
    /// First address of the mapping, as [`TaskDiagVma::start`].
    pub start: u64,
    /// First address behind the mapping.
    pub end: u64,
    /// Resident bytes.
    pub rss: u64,
    /// Resident, each page divided by the number of its users.
    pub pss: u64,
    /// Dirty part of `pss`.
    pub pss_dirty: u64,
    /// Resident, with other users, clean.
    pub shared_clean: u64,
    /// Resident, with other users, dirty.
    pub shared_dirty: u64,
    /// Resident, without other users, clean.
    pub private_clean: u64,
    /// Resident, without other users, dirty.
    pub private_dirty: u64,
    /// Recently used.
    pub referenced: u64,
    /// Resident, belongs to no file.
    pub anonymous: u64,
    /// Merged with equal pages elsewhere.
    pub ksm: u64,
    /// Released by madvise(2), not yet reclaimed.
    pub lazy_free: u64,
    /// In anonymous transparent huge pages.
    pub anon_thp: u64,
    /// Shared memory in huge pages.
    pub shmem_thp: u64,
    /// Files in huge pages.
    pub file_thp: u64,
    /// In pages of hugetlbfs with other users.
    pub shared_hugetlb: u64,
    /// In pages of hugetlbfs without other users.
    pub private_hugetlb: u64,
    /// Swapped out.
    pub swap: u64,
    /// Swapped out, each page divided by the number of its users.
    pub swap_pss: u64,
    /// `pss` if the mapping is locked into memory, otherwise 0.
    pub locked: u64,
}

/// `struct task_diag_files`: open files.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagFiles {
    /// Soft limit of RLIMIT_NOFILE.
    pub limit_soft: u64,
    /// Hard limit of RLIMIT_NOFILE.
    pub limit_hard: u64,
    /// Descriptors in use.
    pub total: u32,
    /// Descriptors of regular files.
    pub regular: u32,
    /// Descriptors of sockets.
    pub socket: u32,
    /// Descriptors of pipes and FIFOs.
    pub pipe: u32,
    /// Descriptors of eventfds.
    pub eventfd: u32,
    /// Descriptors of epoll instances.
    pub epoll: u32,
    /// All other descriptors.
    pub other: u32,
    /// `TASK_DIAG_FILES_VALID_*`.
    pub valid: u32,
}

/// `struct task_diag_ident`: distinguishes a task from all others.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagIdent {
    /// Start of the task: nanoseconds since boot, in the initial time namespace.
    pub start_time: u64,
    /// Inode number of its pidfds.
    pub pidfd_ino: u64,
    /// `TASK_DIAG_IDENT_LEADER`.
    pub flags: u32,
    /// `TASK_DIAG_IDENT_VALID_*`.
    pub valid: u32,
}

/// `struct task_diag_ns`: namespaces of a task. A field that is not valid is 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagNs {
    /// Bit `TASK_DIAG_NS_*` of each valid inode number, and that plus
    /// [`TASK_DIAG_NS_IDS`] of each valid id.
    pub valid: u64,
    /// Inode number of `/proc/PID/ns/cgroup`.
    pub cgroup: u32,
    /// Inode number of `/proc/PID/ns/ipc`.
    pub ipc: u32,
    /// Inode number of `/proc/PID/ns/mnt`.
    pub mnt: u32,
    /// Inode number of `/proc/PID/ns/net`.
    pub net: u32,
    /// Inode number of `/proc/PID/ns/pid`.
    pub pid: u32,
    /// Inode number of `/proc/PID/ns/pid_for_children`.
    pub pid_for_children: u32,
    /// Inode number of `/proc/PID/ns/time`.
    pub time: u32,
    /// Inode number of `/proc/PID/ns/time_for_children`.
    pub time_for_children: u32,
    /// Inode number of `/proc/PID/ns/user`.
    pub user: u32,
    /// Inode number of `/proc/PID/ns/uts`.
    pub uts: u32,
    /// Id of the namespace [`Self::cgroup`], never reused.
    pub cgroup_id: u64,
    /// Id of the namespace [`Self::ipc`], never reused.
    pub ipc_id: u64,
    /// Id of the namespace [`Self::mnt`], never reused.
    pub mnt_id: u64,
    /// Id of the namespace [`Self::net`], never reused.
    pub net_id: u64,
    /// Id of the namespace [`Self::pid`], never reused.
    pub pid_id: u64,
    /// Id of the namespace [`Self::pid_for_children`], never reused.
    pub pid_for_children_id: u64,
    /// Id of the namespace [`Self::time`], never reused.
    pub time_id: u64,
    /// Id of the namespace [`Self::time_for_children`], never reused.
    pub time_for_children_id: u64,
    /// Id of the namespace [`Self::user`], never reused.
    pub user_id: u64,
    /// Id of the namespace [`Self::uts`], never reused.
    pub uts_id: u64,
}

/// `struct task_diag_cgroup`: the cgroup of a task, followed by its path.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagCgroup {
    /// Id of the cgroup in the default hierarchy.
    pub id: u64,
    /// Offset of the path, which ends with a NUL, from the start of this
    /// structure; 0: no path, as it is longer than `PATH_MAX`.
    pub path_off: u32,
    /// `TASK_DIAG_CGROUP_*`.
    pub flags: u32,
}

/// `struct task_diag_io`: input and output.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagIo {
    /// Bytes that `read(2)` and similar system calls returned.
    pub rchar: u64,
    /// Bytes that `write(2)` and similar system calls took.
    pub wchar: u64,
    /// Number of `read(2)` and similar system calls.
    pub syscr: u64,
    /// Number of `write(2)` and similar system calls.
    pub syscw: u64,
    /// Bytes fetched from storage.
    pub read_bytes: u64,
    /// Bytes to be written to storage.
    pub write_bytes: u64,
    /// Bytes of `write_bytes` that were not written.
    pub cancelled_write_bytes: u64,
}

/// `struct task_diag_signals`: signals. Signal N is bit N - 1 of a mask.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagSignals {
    /// Pending for the thread.
    pub pending: u64,
    /// Pending for the process.
    pub shared_pending: u64,
    /// Blocked by the thread.
    pub blocked: u64,
    /// Ignored by the process.
    pub ignored: u64,
    /// With a handler in the process.
    pub caught: u64,
    /// Limit of `queued`; `u64::MAX`: unlimited.
    pub queue_limit: u64,
    /// Signals queued for all processes of the real user id.
    pub queued: u32,
    /// `__pad`: 0.
    pub pad: u32,
}

/// `struct task_diag_rlimit`: a resource limit; `u64::MAX`: unlimited.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TaskDiagRlimit {
    /// The soft limit.
    pub soft: u64,
    /// The hard limit.
    pub hard: u64,
}

/// Number of resource limits.
pub const TASK_DIAG_RLIMITS: usize = 16;

/// `struct task_diag_limits`: resource limits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagLimits {
    /// By number `RLIMIT_*`.
    pub limit: [TaskDiagRlimit; TASK_DIAG_RLIMITS],
}

/// `struct task_diag_oom`: order in which the OOM killer chooses.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagOom {
    /// -1000 to 1000, added to the score.
    pub score_adj: i32,
    /// 0 to 2000.
    pub score: u32,
}

/// `struct task_diag_path`: a path of a task, which follows.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagPath {
    /// Bytes to the next record of the attribute, a multiple of 8.
    pub len: u32,
    /// Offset of the path, which ends with a NUL, in the record; 0: no path.
    pub path_off: u32,
    /// `TASK_DIAG_PATH_EXE` to `TASK_DIAG_PATH_MAX`.
    pub kind: u32,
    /// `TASK_DIAG_PATH_DELETED` or `TASK_DIAG_PATH_TOO_LONG`.
    pub flags: u32,
}

/// `struct task_diag_sched`: scheduling of a thread. Two bitmaps follow it: bit N is
/// bit N % 64 of the 64-bit word N / 64.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagSched {
    /// `SCHED_FLAG_*` of `<linux/sched.h>`.
    pub flags: u64,
    /// Nanoseconds: budget per period, or time slice.
    pub runtime: u64,
    /// Nanoseconds after which the budget must have been used.
    pub deadline: u64,
    /// Nanoseconds of a period.
    pub period: u64,
    /// Nanoseconds that the kernel may delay timers.
    pub timer_slack: u64,
    /// Number of the autogroup of the process.
    pub autogroup: u64,
    /// `SCHED_*` of `<linux/sched.h>`.
    pub policy: u32,
    /// Nice value, -20 to 19.
    pub nice: i32,
    /// Kernel priority.
    pub priority: i32,
    /// Real-time priority, 1 to 99; 0: not real time.
    pub rt_priority: u32,
    /// Nice value of the autogroup.
    pub autogroup_nice: i32,
    /// Requested lower bound of the utilization, 0 to 1024.
    pub util_min: u32,
    /// Requested upper bound of the utilization, 0 to 1024.
    pub util_max: u32,
    /// IO priority as `ioprio_get(2)` returns it.
    pub ioprio: u32,
    /// IO priority in use.
    pub ioprio_effective: u32,
    /// Offset of the bitmap of CPUs behind the start of this structure.
    pub cpus_off: u32,
    /// Bytes of this bitmap.
    pub cpus_len: u32,
    /// Offset of the bitmap of memory nodes behind the start of this structure.
    pub mems_off: u32,
    /// Bytes of this bitmap.
    pub mems_len: u32,
    /// `TASK_DIAG_SCHED_VALID_*`; a field without such a bit is always valid.
    pub valid: u32,
}

/// `struct task_diag_nspid`: pids in one pid namespace.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TaskDiagNspid {
    /// Pid of the task's process.
    pub tgid: u32,
    /// Pid of the task.
    pub pid: u32,
    /// Process group id.
    pub pgid: u32,
    /// Session id.
    pub sid: u32,
}

/// `struct task_diag_features`: supported features.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[non_exhaustive]
pub struct TaskDiagFeatures {
    /// Bit N: group `TASK_DIAG_GROUP_*` with number N.
    pub groups: u64,
    /// Bit N: strategy `TASK_DIAG_DUMP_*` with number N.
    pub strategies: u64,
    /// Bit N: filter `TASK_DIAG_FILTER_*` with number N.
    pub filters: u64,
    /// `TASK_DIAG_OPTION_*`.
    pub options: u64,
    /// `TASK_DIAG_VMA_*` that this kernel reports.
    pub vma_flags: u64,
    /// Bytes of a receive buffer that can hold every message.
    pub recv_min: u32,
    /// `__pad`: 0.
    pub pad: u32,
}

/// Returns the name of an attribute type, for messages to users.
#[must_use]
pub const fn attribute_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        TASK_DIAG_CMD_ATTR_GET => "TASK_DIAG_CMD_ATTR_GET",
        TASK_DIAG_MSG => "TASK_DIAG_MSG",
        TASK_DIAG_PAD => "TASK_DIAG_PAD",
        TASK_DIAG_FEATURES => "TASK_DIAG_FEATURES",
        TASK_DIAG_ABSENT => "TASK_DIAG_ABSENT",
        TASK_DIAG_CMD_ATTR_PIDNS_FD => "TASK_DIAG_CMD_ATTR_PIDNS_FD",
        TASK_DIAG_CMD_ATTR_PIDFD => "TASK_DIAG_CMD_ATTR_PIDFD",
        TASK_DIAG_CMD_ATTR_PROC_FD => "TASK_DIAG_CMD_ATTR_PROC_FD",
        TASK_DIAG_CMD_ATTR_UID => "TASK_DIAG_CMD_ATTR_UID",
        TASK_DIAG_CMD_ATTR_CGROUP => "TASK_DIAG_CMD_ATTR_CGROUP",
        TASK_DIAG_CMD_ATTR_STATES => "TASK_DIAG_CMD_ATTR_STATES",
        TASK_DIAG_CMD_ATTR_COMM => "TASK_DIAG_CMD_ATTR_COMM",
        TASK_DIAG_CMD_ATTR_PIDS => "TASK_DIAG_CMD_ATTR_PIDS",
        TASK_DIAG_CMD_ATTR_VMA_FLAGS => "TASK_DIAG_CMD_ATTR_VMA_FLAGS",
        TASK_DIAG_BASE => "TASK_DIAG_BASE",
        TASK_DIAG_CRED => "TASK_DIAG_CRED",
        TASK_DIAG_STAT => "TASK_DIAG_STAT",
        TASK_DIAG_VMA => "TASK_DIAG_VMA",
        TASK_DIAG_VMA_STAT => "TASK_DIAG_VMA_STAT",
        TASK_DIAG_CMDLINE => "TASK_DIAG_CMDLINE",
        TASK_DIAG_FILES => "TASK_DIAG_FILES",
        TASK_DIAG_IDENT => "TASK_DIAG_IDENT",
        TASK_DIAG_NS => "TASK_DIAG_NS",
        TASK_DIAG_CGROUP => "TASK_DIAG_CGROUP",
        TASK_DIAG_IO => "TASK_DIAG_IO",
        TASK_DIAG_SIGNALS => "TASK_DIAG_SIGNALS",
        TASK_DIAG_LIMITS => "TASK_DIAG_LIMITS",
        TASK_DIAG_OOM => "TASK_DIAG_OOM",
        TASK_DIAG_PATHS => "TASK_DIAG_PATHS",
        TASK_DIAG_ENVIRON => "TASK_DIAG_ENVIRON",
        TASK_DIAG_SCHED => "TASK_DIAG_SCHED",
        TASK_DIAG_NSPID => "TASK_DIAG_NSPID",
        _ => return None,
    })
}
