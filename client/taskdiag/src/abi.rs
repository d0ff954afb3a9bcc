// SPDX-License-Identifier: MIT
//! The Rust mirror of `include/uapi/linux/taskdiag.h`: the same names, the
//! same numbers, the same structures.
//!
//! The header is the truth. `tests/abi.rs` compiles it with the C compiler
//! and compares every size, offset and number with what stands here. This
//! module does no I/O and knows nothing of messages; what the numbers mean is
//! said in the header and, for users of this crate, at [`crate::Base`],
//! [`crate::Cred`], [`crate::Strategy`] and [`crate::Show`].

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The family's name, by which the kernel gives its number.
pub const TASK_DIAG_GENL_NAME: &str = "TASKDIAG";
/// The family's version.
pub const TASK_DIAG_GENL_VERSION: u8 = 1;

/// No command.
pub const TASK_DIAG_CMD_UNSPEC: u8 = 0;
/// Ask for tasks; also the command of every reply.
pub const TASK_DIAG_CMD_GET: u8 = 1;
/// The highest command.
pub const TASK_DIAG_CMD_MAX: u8 = TASK_DIAG_CMD_GET;

/// Bit of the group BASE: [`TaskDiagBase`].
pub const TASK_DIAG_GROUP_BASE: u16 = 0;
/// Bit of the group CRED: [`TaskDiagCreds`].
pub const TASK_DIAG_GROUP_CRED: u16 = 1;
/// Bit of the group STAT.
pub const TASK_DIAG_GROUP_STAT: u16 = 2;
/// Bit of the group VMA.
pub const TASK_DIAG_GROUP_VMA: u16 = 3;
/// Bit of the group VMA_STAT.
pub const TASK_DIAG_GROUP_VMA_STAT: u16 = 4;
/// The highest group.
pub const TASK_DIAG_GROUP_MAX: u16 = TASK_DIAG_GROUP_VMA_STAT;

/// Show the group BASE.
pub const TASK_DIAG_SHOW_BASE: u64 = 1 << TASK_DIAG_GROUP_BASE;
/// Show the group CRED.
pub const TASK_DIAG_SHOW_CRED: u64 = 1 << TASK_DIAG_GROUP_CRED;
/// Show the group STAT.
pub const TASK_DIAG_SHOW_STAT: u64 = 1 << TASK_DIAG_GROUP_STAT;
/// Show the group VMA.
pub const TASK_DIAG_SHOW_VMA: u64 = 1 << TASK_DIAG_GROUP_VMA;
/// Show the group VMA_STAT.
pub const TASK_DIAG_SHOW_VMA_STAT: u64 = 1 << TASK_DIAG_GROUP_VMA_STAT;

/// The attribute of the group with bit 0; bit N is this plus N.
pub const TASK_DIAG_ATTR_GROUPS: u16 = 16;

/// No attribute.
pub const TASK_DIAG_ATTR_UNSPEC: u16 = 0;
/// The request: [`TaskDiagPid`].
pub const TASK_DIAG_CMD_ATTR_GET: u16 = 1;
/// Which task a message is about: [`TaskDiagMsg`].
pub const TASK_DIAG_MSG: u16 = 2;
/// Aligns 64-bit payloads; carries nothing.
pub const TASK_DIAG_PAD: u16 = 3;
/// The group BASE: [`TaskDiagBase`].
pub const TASK_DIAG_BASE: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_BASE;
/// The group CRED: [`TaskDiagCreds`].
pub const TASK_DIAG_CRED: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_CRED;
/// The group STAT.
pub const TASK_DIAG_STAT: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_STAT;
/// The group VMA.
pub const TASK_DIAG_VMA: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_VMA;
/// The group VMA_STAT.
pub const TASK_DIAG_VMA_STAT: u16 = TASK_DIAG_ATTR_GROUPS + TASK_DIAG_GROUP_VMA_STAT;
/// The highest attribute.
pub const TASK_DIAG_ATTR_MAX: u16 = TASK_DIAG_VMA_STAT;

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
/// The highest strategy.
pub const TASK_DIAG_DUMP_MAX: u64 = TASK_DIAG_DUMP_ALL_THREAD;

/// In [`TaskDiagMsg::flags`]: goes on from the message before.
pub const TASK_DIAG_FLAG_CONT: u32 = 1 << 0;

/// Running or ready to run.
pub const TASK_DIAG_RUNNING: u8 = 0;
/// Asleep, a signal wakes it.
pub const TASK_DIAG_INTERRUPTIBLE: u8 = 1;
/// Asleep, a signal does not wake it.
pub const TASK_DIAG_UNINTERRUPTIBLE: u8 = 2;
/// Stopped by a signal.
pub const TASK_DIAG_STOPPED: u8 = 3;
/// Stopped by its tracer.
pub const TASK_DIAG_TRACE_STOP: u8 = 4;
/// Dead, about to go.
pub const TASK_DIAG_DEAD: u8 = 5;
/// Dead, its parent has not waited for it yet.
pub const TASK_DIAG_ZOMBIE: u8 = 6;
/// A parked kernel thread.
pub const TASK_DIAG_PARKED: u8 = 7;
/// An idle kernel thread.
pub const TASK_DIAG_IDLE: u8 = 8;

/// The room for a task's name, its NUL included.
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
    /// For ONE, CHILDREN and THREAD: the process or thread meant.
    pub pid: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// `struct task_diag_msg`: which task a message is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TaskDiagMsg {
    /// The task's (thread's) number.
    pub pid: u32,
    /// The number of its process.
    pub tgid: u32,
    /// `TASK_DIAG_FLAG_*`.
    pub flags: u32,
}

/// `struct task_diag_base`: who the task is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TaskDiagBase {
    /// The number of its process.
    pub tgid: u32,
    /// Its own number.
    pub pid: u32,
    /// The process number of its parent.
    pub ppid: u32,
    /// The number of the task that traces it, 0 if none does.
    pub tpid: u32,
    /// Its session.
    pub sid: u32,
    /// Its process group.
    pub pgid: u32,
    /// `TASK_DIAG_RUNNING` and kin.
    pub state: u8,
    /// Its name: any bytes, ended and padded with NULs.
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
    /// 1 if `execve` cannot grant privileges any more, else 0.
    pub no_new_privs: u32,
}

/// The name of an attribute's type, for messages to people.
#[must_use]
pub const fn attribute_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        TASK_DIAG_CMD_ATTR_GET => "TASK_DIAG_CMD_ATTR_GET",
        TASK_DIAG_MSG => "TASK_DIAG_MSG",
        TASK_DIAG_PAD => "TASK_DIAG_PAD",
        TASK_DIAG_BASE => "TASK_DIAG_BASE",
        TASK_DIAG_CRED => "TASK_DIAG_CRED",
        TASK_DIAG_STAT => "TASK_DIAG_STAT",
        TASK_DIAG_VMA => "TASK_DIAG_VMA",
        TASK_DIAG_VMA_STAT => "TASK_DIAG_VMA_STAT",
        _ => return None,
    })
}
