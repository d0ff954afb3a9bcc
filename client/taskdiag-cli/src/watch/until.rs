// SPDX-License-Identifier: MIT
//! The end of a process: `--until`.
//!
//! Events tell of the end of threads. A process has the status of its first one,
//! and is not over before that, but it may be so long after: from then on the
//! kernel is asked at each end whether that was the last.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use nix::libc;
use taskdiag::events::{Event, EventKind};
use taskdiag::{AnySource, Client, Error, Pid, Show, State, Task};

use crate::exit::Failure;

const ASKED: Show = Show::BASE.union(Show::STAT).union(Show::IDENT);

/// A process whose end is waited for.
pub(super) struct Until {
    client: Client<AnySource>,
    pid: Pid,
    /// When it began, which tells it from a later one with its number.
    start: Option<u64>,
    /// Its first thread has ended.
    first_ended: bool,
}

impl Until {
    /// Looks for the process: there has to be one.
    pub(super) fn new(mut client: Client<AnySource>, pid: Pid) -> Result<Self, Failure> {
        let task = match client.one(pid, ASKED) {
            Ok(task) if task.tgid == pid && !is_over(&task) => task,
            Ok(_) => return Err(Failure::NoProcess(pid)),
            Err(error) if is_gone(&error) => return Err(Failure::NoProcess(pid)),
            Err(error) => return Err(Failure::Other(error)),
        };
        Ok(Self {
            client,
            pid,
            start: start(&task),
            first_ended: task.base.is_some_and(|base| is_dead(base.state)),
        })
    }

    /// The status it ended with, if this was its end.
    pub(super) fn status(&mut self, event: &Event) -> Result<Option<u8>, Failure> {
        match event.kind {
            EventKind::Exit {
                pid, tgid, status, ..
            } if tgid == self.pid => {
                self.first_ended |= pid == tgid;
                // Another thread may have been quick: its status is not wanted.
                let over = self.first_ended && self.is_over()?;
                Ok(over.then(|| as_shell(status)))
            }
            EventKind::Lost(_) if self.is_over()? => Err(Failure::LostEnd(self.pid)),
            _ => Ok(None),
        }
    }

    fn is_over(&mut self) -> Result<bool, Failure> {
        match self.client.one(self.pid, ASKED) {
            Ok(task) => Ok(start(&task) != self.start || is_over(&task)),
            Err(error) if is_gone(&error) => Ok(true),
            Err(error) => Err(Failure::Other(error)),
        }
    }
}

/// A zombie that is the last of its threads.
fn is_over(task: &Task) -> bool {
    task.base.is_some_and(|base| is_dead(base.state))
        && task.stat.as_ref().is_none_or(|stat| stat.num_threads <= 1)
}

fn is_dead(state: State) -> bool {
    matches!(state, State::Zombie | State::Dead)
}

fn start(task: &Task) -> Option<u64> {
    task.ident.map(|ident| ident.start_time)
}

fn is_gone(error: &Error) -> bool {
    error.errno() == Some(libc::ESRCH)
}

/// The exit status as shells tell it.
fn as_shell(status: ExitStatus) -> u8 {
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
    fn statuses_are_those_of_shells() {
        for (raw, status) in [
            (0, 0),
            (3 << 8, 3),
            (9, 137),
            (0x80 | 11, 139),
            (255 << 8, 255),
        ] {
            assert_eq!(as_shell(ExitStatus::from_raw(raw)), status);
        }
    }
}
