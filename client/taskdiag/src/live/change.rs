// SPDX-License-Identifier: MIT
//! What the caller of a live table is told.

use std::process::ExitStatus;
use std::sync::Arc;

use crate::pid::Pid;
use crate::task::Task;

/// A change of a [`Live`](super::Live) table.
///
/// All changes from the first on, applied to an empty table, give the table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A process is there that was not: a new one, or one that was not to be
    /// seen before.
    Added(Arc<Task>),
    /// Something about a process is different.
    Changed {
        /// What was known of it.
        old: Arc<Task>,
        /// What is known now.
        new: Arc<Task>,
    },
    /// A process is gone, or not to be seen any more.
    Removed {
        /// What was known of it last.
        task: Arc<Task>,
        /// How it ended. `None` if that was not told (it lives on unseen, its
        /// event was lost, it had ended before the table was made), and where
        /// it may be another's, as the number was given out anew meanwhile.
        exit: Option<ExitStatus>,
    },
}

impl Change {
    /// The process that it is about, as it is now, or was last.
    #[must_use]
    pub const fn task(&self) -> &Arc<Task> {
        match self {
            Self::Added(task) | Self::Changed { new: task, .. } | Self::Removed { task, .. } => {
                task
            }
        }
    }

    /// The number of that process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.task().pid
    }
}
