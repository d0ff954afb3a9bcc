// SPDX-License-Identifier: MIT
//! The group FILES: number of open files.

use crate::abi::{self, TaskDiagFiles};
use crate::daemon_protocol;

/// A task's open files, as in `/proc/PID/fd` and `/proc/PID/limits`.
///
/// From the kernel: `struct files_struct`, and `struct rlimit` of
/// `signal_struct`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Files {
    /// `RLIMIT_NOFILE`, [`u64::MAX`] if unlimited; `limits` Max open files. `None` if
    /// it is not known: procfs of a sandbox may lack it.
    pub limit_soft: Option<u64>,
    /// Upper bound of `RLIMIT_NOFILE`.
    pub limit_hard: Option<u64>,
    /// Number of descriptors in use: the entries of `fd/`. Without [`Self::counts`] if
    /// procfs lists the descriptors to the caller, but not their kinds.
    pub total: Option<u32>,
    /// Descriptors in use by kind; `None` for a task without a descriptor table, such
    /// as a zombie, and for a task whose descriptors the caller may not read: see
    /// [`Absent::denied`](crate::Absent::denied).
    pub counts: Option<FileCounts>,
}

/// Descriptors in use, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FileCounts {
    /// All descriptors in use: the entries of `fd/`.
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
}

impl From<TaskDiagFiles> for Files {
    #[inline]
    fn from(files: TaskDiagFiles) -> Self {
        let has_limits = files.valid & daemon_protocol::FILES_UNKNOWN_LIMITS == 0;
        let limit = |limit: u64| has_limits.then_some(limit);
        let counted = files.valid & abi::TASK_DIAG_FILES_VALID_COUNTS != 0;
        let has_total = counted || files.valid & daemon_protocol::FILES_VALID_TOTAL != 0;
        Self {
            limit_soft: limit(files.limit_soft),
            limit_hard: limit(files.limit_hard),
            total: has_total.then_some(files.total),
            counts: counted.then_some(FileCounts {
                total: files.total,
                regular: files.regular,
                socket: files.socket,
                pipe: files.pipe,
                eventfd: files.eventfd,
                epoll: files.epoll,
                other: files.other,
            }),
        }
    }
}

impl From<Files> for TaskDiagFiles {
    fn from(files: Files) -> Self {
        let counts = files.counts.unwrap_or_default();
        Self {
            limit_soft: files.limit_soft.unwrap_or_default(),
            limit_hard: files.limit_hard.unwrap_or_default(),
            total: files.total.unwrap_or(counts.total),
            regular: counts.regular,
            socket: counts.socket,
            pipe: counts.pipe,
            eventfd: counts.eventfd,
            epoll: counts.epoll,
            other: counts.other,
            valid: match (files.counts, files.total) {
                (Some(_), _) => abi::TASK_DIAG_FILES_VALID_COUNTS,
                (None, Some(_)) => daemon_protocol::FILES_VALID_TOTAL,
                (None, None) => 0,
            } | match files.limit_soft.and(files.limit_hard) {
                Some(_) => 0,
                None => daemon_protocol::FILES_UNKNOWN_LIMITS,
            },
        }
    }
}
