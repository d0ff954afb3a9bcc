// SPDX-License-Identifier: MIT
//! Changes of a live table, as its caller receives them.

use std::process::ExitStatus;
use std::sync::Arc;

use crate::pid::Pid;
use crate::task::Task;

/// A change of a [`Live`](super::Live) table.
///
/// All changes since the creation, applied to an empty table, result in the
/// table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A process that was not in the table: a new one, or one that has become
    /// visible.
    Added(Arc<Task>),
    /// A process with at least one different field.
    Changed {
        /// The row before the change.
        old: Arc<Task>,
        /// The row after the change.
        new: Arc<Task>,
    },
    /// A process that is gone or no longer visible.
    Removed {
        /// The last known row.
        task: Arc<Task>,
        /// The exit status, or `None` if it is not known: the process continues
        /// to exist and is no longer visible, the event was lost, the process
        /// exited before the table was created, or the pid was reused and the
        /// event may belong to another process.
        exit: Option<ExitStatus>,
    },
}

impl Change {
    /// Returns the process, in its present or last known state.
    #[must_use]
    pub const fn task(&self) -> &Arc<Task> {
        match self {
            Self::Added(task) | Self::Changed { new: task, .. } | Self::Removed { task, .. } => {
                task
            }
        }
    }

    /// Returns the pid of the process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.task().pid
    }
}
