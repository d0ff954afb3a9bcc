// SPDX-License-Identifier: MIT
//! The group IDENT: what tells a task from a later one with its number.

use crate::abi::{self, TaskDiagIdent};

/// This task, and no later one that has its number.
///
/// Number and start time together are as good as unique; the inode of a
/// task's pidfds is unique since the kernel was booted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Ident {
    /// When it started: nanoseconds since boot, as in
    /// [`Stat::start_time`](crate::Stat::start_time).
    pub start_time: u64,
    /// Inode number of its pidfds, as `fstat(2)` tells it; `None` where they
    /// have none of their own. `struct pid::ino`, since Linux 6.9.
    pub pidfd_ino: Option<u64>,
    /// Whether it leads its thread group. `thread_group_leader()`.
    pub leader: bool,
}

impl From<TaskDiagIdent> for Ident {
    #[inline]
    fn from(ident: TaskDiagIdent) -> Self {
        Self {
            start_time: ident.start_time,
            pidfd_ino: Some(ident.pidfd_ino).filter(|&ino| ino != 0),
            leader: ident.flags & abi::TASK_DIAG_IDENT_LEADER != 0,
        }
    }
}
