// SPDX-License-Identifier: MIT
//! A task of a dump, by its pids.

use crate::pid::Pid;

/// A task to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) pid: Pid,
    pub(super) tgid: Pid,
    /// The row is that of the process, whose values sum up its threads.
    pub(super) is_process: bool,
}

impl Target {
    pub(super) const fn process(pid: Pid) -> Self {
        Self {
            pid,
            tgid: pid,
            is_process: true,
        }
    }

    pub(super) const fn thread(pid: Pid, tgid: Pid) -> Self {
        Self {
            pid,
            tgid,
            is_process: false,
        }
    }

    pub(super) const fn is_leader(self) -> bool {
        self.pid == self.tgid
    }
}
