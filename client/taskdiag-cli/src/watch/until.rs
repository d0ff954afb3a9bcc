// SPDX-License-Identifier: MIT
//! `--until`: waits for the exit of a process.
//!
//! Exit events are per thread. The exit status of a process is that of its first
//! thread, but the other threads may exit much later. After the exit of the first
//! thread, the kernel is therefore queried at each exit event of the process.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use nix::libc;
use taskdiag::events::{Event, EventKind};
use taskdiag::{AnySource, Client, Error, Pid, Show, State, Task};

use crate::exit::Failure;

const GROUPS: Show = Show::BASE.union(Show::STAT).union(Show::IDENT);

/// The process of `--until`.
pub(super) struct AwaitedProcess {
    client: Client<AnySource>,
    pid: Pid,
    /// Distinguishes the process from a later one with the same pid.
    start_time: Option<u64>,
    /// Whether the first thread has exited.
    leader_exited: bool,
}

impl AwaitedProcess {
    /// Queries the process.
    ///
    /// # Errors
    ///
    /// [`Failure::NoProcess`] if the process does not exist or has exited.
    pub(super) fn new(mut client: Client<AnySource>, pid: Pid) -> Result<Self, Failure> {
        let task = match client.one(pid, GROUPS) {
            Ok(task) if task.tgid == pid && !has_exited(&task) => task,
            Ok(_) => return Err(Failure::NoProcess(pid)),
            Err(error) if is_gone(&error) => return Err(Failure::NoProcess(pid)),
            Err(error) => return Err(Failure::Other(error)),
        };
        Ok(Self {
            client,
            pid,
            start_time: start_time(&task),
            leader_exited: task.base.is_some_and(|base| is_dead(base.state)),
        })
    }

    /// Returns the exit status if the event ended the process.
    pub(super) fn status(&mut self, event: &Event) -> Result<Option<u8>, Failure> {
        match event.kind {
            EventKind::Exit {
                pid, tgid, status, ..
            } if tgid == self.pid => {
                self.leader_exited |= pid == tgid;
                // Before the first thread exits, the status of another thread is not
                // that of the process.
                let exited = self.leader_exited && self.has_exited()?;
                Ok(exited.then(|| shell_status(status)))
            }
            EventKind::Lost(_) if self.has_exited()? => Err(Failure::ExitLost(self.pid)),
            _ => Ok(None),
        }
    }

    fn has_exited(&mut self) -> Result<bool, Failure> {
        match self.client.one(self.pid, GROUPS) {
            Ok(task) => Ok(start_time(&task) != self.start_time || has_exited(&task)),
            Err(error) if is_gone(&error) => Ok(true),
            Err(error) => Err(Failure::Other(error)),
        }
    }
}

/// Whether the first thread is dead and no other thread is left.
fn has_exited(task: &Task) -> bool {
    task.base.is_some_and(|base| is_dead(base.state))
        && task.stat.as_ref().is_none_or(|stat| stat.num_threads <= 1)
}

fn is_dead(state: State) -> bool {
    matches!(state, State::Zombie | State::Dead)
}

fn start_time(task: &Task) -> Option<u64> {
    task.ident.map(|ident| ident.start_time)
}

fn is_gone(error: &Error) -> bool {
    error.errno() == Some(libc::ESRCH)
}

/// Converts an exit status like a shell: 128 plus the signal number for a signal.
fn shell_status(status: ExitStatus) -> u8 {
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
