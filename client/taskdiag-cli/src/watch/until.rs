// SPDX-License-Identifier: MIT
//! `--until`: waits for the end of a process.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Instant;

use taskdiag::Pid;
use taskdiag::events::ProcessHandle;

use crate::exit::Failure;

use super::ends::{EVENT_DELAY, Life, Lookup as _};
use super::processes::LifeQuery;

/// The process of `--until`.
pub(super) struct AwaitedProcess {
    pub(super) pid: Pid,
    /// Distinguishes the process from a later one with the same pid.
    start_time: Option<u64>,
    /// Shows the end of the process even if events are lost.
    handle: Option<ProcessHandle>,
    /// The end of the wait for the exit event of a process that has ended.
    limit: Option<Instant>,
}

/// The process of `--until` at the start.
pub(super) enum Awaited {
    /// It runs.
    Running(AwaitedProcess),
    /// It is a zombie, with this status for `watch`.
    Ended(u8),
}

impl AwaitedProcess {
    /// Queries the process.
    ///
    /// # Errors
    ///
    /// [`Failure::NoProcess`] if the process does not exist, and
    /// [`Failure::ExitUnreadable`] for a zombie of another user.
    pub(super) fn find(pid: Pid, query: &mut LifeQuery) -> Result<Awaited, Failure> {
        // Without pidfds, events alone show the end.
        let handle = ProcessHandle::open(pid).ok().flatten();
        match query.query(pid).map_err(Failure::Other)? {
            (Life::Running, start_time) => Ok(Awaited::Running(Self {
                pid,
                start_time,
                handle,
                limit: None,
            })),
            (Life::Ended(Some(status)), _) => Ok(Awaited::Ended(shell_status(status))),
            (Life::Ended(None), _) => Err(Failure::ExitUnreadable(pid)),
            (Life::Gone, _) => Err(Failure::NoProcess(pid)),
        }
    }

    /// Returns a descriptor that is readable when the process has ended.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        let handle = self.handle.as_ref().filter(|_| self.limit.is_none());
        handle.map(|handle| handle.as_fd())
    }

    /// Returns the end of the wait for the exit event.
    pub(super) fn limit(&self) -> Option<Instant> {
        self.limit
    }

    /// Checks after a loss of events whether the process has ended.
    pub(super) fn check(&mut self, query: &mut LifeQuery) {
        if query.life(self.pid, self.start_time) != Life::Running {
            self.start_limit();
        }
    }

    /// Returns the exit status if the process has ended and its exit event does not
    /// arrive.
    pub(super) fn status_without_event(
        &mut self,
        query: &mut LifeQuery,
    ) -> Result<Option<u8>, Failure> {
        if let Some(handle) = &self.handle {
            if handle.has_ended().map_err(Failure::Other)? {
                self.start_limit();
            }
        }
        if self.limit.is_none_or(|limit| Instant::now() < limit) {
            return Ok(None);
        }
        match query.life(self.pid, self.start_time) {
            Life::Ended(Some(status)) => Ok(Some(shell_status(status))),
            Life::Ended(None) => Err(Failure::ExitUnreadable(self.pid)),
            Life::Running | Life::Gone => Err(Failure::ExitLost(self.pid)),
        }
    }

    fn start_limit(&mut self) {
        self.limit
            .get_or_insert_with(|| Instant::now() + EVENT_DELAY);
    }
}

/// Converts an exit status like a shell: 128 plus the signal number for a signal.
pub(super) fn shell_status(status: ExitStatus) -> u8 {
    let status = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    status
        .and_then(|status| status.try_into().ok())
        .unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_equals_that_of_a_shell() {
        for (raw, status) in [
            (0, 0),
            (3 << 8, 3),
            (9, 137),
            (0x80 | 11, 139),
            (255 << 8, 255),
        ] {
            assert_eq!(shell_status(ExitStatus::from_raw(raw)), status);
        }
    }
}
