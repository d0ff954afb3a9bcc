// SPDX-License-Identifier: MIT
//! One of the tasks that are asked for, by its numbers.

use crate::pid::Pid;

/// A task to tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) pid: Pid,
    pub(super) tgid: Pid,
    /// It stands for its process.
    pub(super) whole: bool,
}

impl Member {
    pub(super) const fn process(pid: Pid) -> Self {
        Self {
            pid,
            tgid: pid,
            whole: true,
        }
    }

    pub(super) const fn thread(pid: Pid, tgid: Pid) -> Self {
        Self {
            pid,
            tgid,
            whole: false,
        }
    }

    /// Its own number, and that of its process.
    pub(super) const fn numbers(self) -> (Pid, Pid) {
        (self.pid, self.tgid)
    }
}
