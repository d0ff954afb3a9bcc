// SPDX-License-Identifier: MIT
//! The group IDENT: distinguishes a task from all others.

use crate::abi::{self, TaskDiagIdent};

/// Distinguishes a task from all others, also from later ones with its pid.
///
/// Pid and start time together are nearly unique; the inode number of a task's
/// pidfds is unique since boot. All readers receive the same values for a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Ident {
    /// Start of the task: nanoseconds since boot, in the initial time namespace.
    /// [`Stat::start_time`](crate::Stat::start_time) is in the reader's.
    pub start_time: u64,
    /// Inode number of its pidfds, as `fstat(2)` reports it; `None` if the
    /// kernel has no inode numbers of their own for pidfds. `struct pid::ino`,
    /// since Linux 6.9.
    pub pidfd_ino: Option<u64>,
    /// Whether it is the leader of its thread group. `thread_group_leader()`.
    pub leader: bool,
}

impl From<TaskDiagIdent> for Ident {
    #[inline]
    fn from(ident: TaskDiagIdent) -> Self {
        let numbered = ident.valid & abi::TASK_DIAG_IDENT_VALID_PIDFD_INO != 0;
        Self {
            start_time: ident.start_time,
            pidfd_ino: numbered.then_some(ident.pidfd_ino),
            leader: ident.flags & abi::TASK_DIAG_IDENT_LEADER != 0,
        }
    }
}

impl From<Ident> for TaskDiagIdent {
    fn from(ident: Ident) -> Self {
        Self {
            start_time: ident.start_time,
            pidfd_ino: ident.pidfd_ino.unwrap_or_default(),
            flags: match ident.leader {
                true => abi::TASK_DIAG_IDENT_LEADER,
                false => 0,
            },
            valid: match ident.pidfd_ino {
                Some(_) => abi::TASK_DIAG_IDENT_VALID_PIDFD_INO,
                None => 0,
            },
        }
    }
}
