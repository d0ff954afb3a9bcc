// SPDX-License-Identifier: MIT
//! The environment of a request, as far as its reply depends on it: the known tasks,
//! descriptors, pid namespaces, procfs mounts and features.

use super::{Mount, Query};
use taskdiag::abi;

/// The largest pid: `PID_MAX_LIMIT`.
pub(crate) const PID_MAX_LIMIT: u32 = 4 * 1024 * 1024;

/// Whether a request finds the task with a pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The task exists for the whole run and is visible.
    Present,
    /// During the whole run no task with the pid exists or none is visible.
    Absent,
    Unsure,
}

/// A pid namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PidNs {
    /// The pid namespace of the run and of most of its processes.
    Outer,
    /// The pid namespace of the contained processes, a child of [`Self::Outer`].
    Child,
    /// The pid namespace of a process that performs a case in new namespaces, a
    /// child of [`Self::Outer`].
    Inner,
    /// Any of these namespaces.
    Unknown,
}

impl PidNs {
    /// Whether the namespace equals `other` or is a descendant of it.
    pub(super) const fn is_within(self, other: Self) -> bool {
        matches!(
            (self, other),
            (_, Self::Outer) | (Self::Child, Self::Child) | (Self::Inner, Self::Inner)
        )
    }
}

/// The object that a descriptor number refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// No open file.
    Nothing,
    /// Neither a task, nor a pid namespace, nor the root directory of a procfs mount.
    Other,
    /// A file or namespace that is opened with `O_PATH`, and is not such a directory.
    Path,
    /// The root directory of a procfs mount.
    Mount {
        mount: Mount,
        /// Opened with `O_PATH`.
        path_only: bool,
    },
    /// A pidfd of the task with this pid in [`PidNs::Outer`].
    Task(u32),
    /// A pidfd of a task that has been reaped.
    EndedTask,
    PidNamespace(PidNs),
    Unsure,
}

/// Supported features: fields of `struct task_diag_features`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    pub(crate) groups: u64,
    pub(crate) strategies: u64,
    pub(crate) filters: u64,
    pub(crate) options: u64,
    /// Supported flags of memory mappings.
    pub(crate) vma_flags: u64,
    pub(crate) recv_min: u32,
}

impl Features {
    /// Whether the rule of `hidepid=ptraceable` applies whatever the mount.
    pub(crate) const fn is_strict(&self) -> bool {
        self.options & abi::TASK_DIAG_OPTION_STRICT != 0
    }

    /// Whether the features are equal, except for those that can change at any time.
    pub(crate) fn are(&self, other: &Self) -> bool {
        let constant = |features: &Self| Self {
            options: features.options & !abi::TASK_DIAG_OPTION_STRICT,
            ..*features
        };
        constant(self) == constant(other)
    }
}

/// The sender of a request, and the tasks and descriptors that it can name.
pub(crate) trait Environment {
    /// The family id.
    fn family(&self) -> u16;
    fn features(&self) -> Features;
    /// The pid namespace of a request without `TASK_DIAG_CMD_ATTR_PIDNS_FD`.
    fn pid_ns(&self) -> PidNs;
    /// The procfs mount that contains the transaction file.
    fn mount(&self) -> Option<Mount>;
    /// Whether the opener of the socket or file has the sender's credentials.
    fn has_credentials_of_opener(&self) -> bool;
    /// Whether the sender has `CAP_SYS_ADMIN` over every pid namespace.
    fn may_enter_any_pid_ns(&self) -> bool;
    /// Whether a request finds the task with this pid in its pid namespace.
    fn presence(&self, query: &Query, pid: u32) -> Presence;
    /// Returns the pid in the pid namespace of a request of the task with pid `outer`
    /// in [`PidNs::Outer`], if the task has one and is visible.
    fn translate(&self, query: &Query, outer: u32) -> (Presence, Option<u32>);
    fn opened(&self, number: u32) -> Opened;
    /// Whether a user id is valid in the sender's user namespace.
    fn has_uid(&self, uid: u32) -> Option<bool>;
    /// Whether the process that the request names as its source may have ended.
    fn source_may_be_gone(&self) -> bool;
}
