// SPDX-License-Identifier: MIT
//! An event: what happened, to whom, and when.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use super::Events;
use crate::pid::Pid;
use crate::task::Comm;

/// Something that happened to a task.
///
/// All numbers are those of the initial pid and user namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// When it happened, by `CLOCK_MONOTONIC` of the initial time namespace; for
    /// what was lost, when that was noticed, by that of the reader's.
    pub time: Duration,
    /// The CPU it happened on; `None` for what concerns all of them. Events of
    /// one CPU come in their order, those of several may not.
    pub cpu: Option<u32>,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// An event of that time, CPU and kind.
    #[must_use]
    pub const fn new(time: Duration, cpu: Option<u32>, kind: EventKind) -> Self {
        Self { time, cpu, kind }
    }

    /// The process it happened to; `None` for what was lost.
    #[must_use]
    pub const fn tgid(&self) -> Option<Pid> {
        match self.kind.task() {
            Some((_, tgid)) => Some(tgid),
            None => None,
        }
    }

    /// Whether events were lost before this one.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        matches!(self.kind, EventKind::Lost(_))
    }
}

/// What happened. A task is a thread with the number `pid` of the process
/// `tgid`; of a process's first thread the two are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A process began, or a thread: [`Self::is_of_process`] tells.
    Fork {
        /// The new task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// Its parent's thread, of a thread that of its process.
        parent_pid: Pid,
        /// Its parent's process, of a thread that of its process.
        parent_tgid: Pid,
    },
    /// A process runs another program. Of its threads only this one is left,
    /// which has the number of the process from now on.
    Exec {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
    },
    /// A task has other user ids; the saved one is not told.
    Uid {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// Its real user id.
        ruid: u32,
        /// Its effective user id.
        euid: u32,
    },
    /// A task has other group ids; the saved one is not told.
    Gid {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// Its real group id.
        rgid: u32,
        /// Its effective group id.
        egid: u32,
    },
    /// A process began a session, which has its number.
    Sid {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
    },
    /// A tracer came to a task, or went.
    Ptrace {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// The tracer's thread, 0 if it went.
        tracer_pid: Pid,
        /// The tracer's process, 0 if it went.
        tracer_tgid: Pid,
    },
    /// A task was given another name, by itself or by another thread.
    Comm {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// Its name now.
        comm: Comm,
    },
    /// A process is about to dump core.
    Coredump {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// Its parent's thread, 0 if that is not known.
        parent_pid: Pid,
        /// Its parent's process, 0 if that is not known.
        parent_tgid: Pid,
    },
    /// A task ended. It may be a zombie at this time or be gone.
    ///
    /// When the first thread ends, its process may go on: it is over when none
    /// of its threads is left, and ends with the status of the last one.
    Exit {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// What it ended with: a code, or a signal and whether core was dumped.
        status: ExitStatus,
        /// The signal its parent gets; -1 for a thread, of which nobody is
        /// told.
        exit_signal: i32,
        /// Its parent's thread, 0 if the task is gone already.
        parent_pid: Pid,
        /// Its parent's process, 0 if the task is gone already.
        parent_tgid: Pid,
    },
    /// Events were lost.
    Lost(Lost),
}

impl EventKind {
    /// The task it happened to and its process, `(pid, tgid)`; `None` for what
    /// was lost.
    #[must_use]
    pub const fn task(&self) -> Option<(Pid, Pid)> {
        match *self {
            Self::Fork { pid, tgid, .. }
            | Self::Exec { pid, tgid }
            | Self::Uid { pid, tgid, .. }
            | Self::Gid { pid, tgid, .. }
            | Self::Sid { pid, tgid }
            | Self::Ptrace { pid, tgid, .. }
            | Self::Comm { pid, tgid, .. }
            | Self::Coredump { pid, tgid, .. }
            | Self::Exit { pid, tgid, .. } => Some((pid, tgid)),
            Self::Lost(_) => None,
        }
    }

    /// Whether it happened to a process's first thread: then a fork is a new
    /// process, and an exit that of a process, if it has no other threads
    /// left.
    #[must_use]
    pub const fn is_of_process(&self) -> bool {
        matches!(self.task(), Some((pid, tgid)) if pid == tgid)
    }

    /// The kinds it is of: an exit may be of two, what was lost is of none.
    #[must_use]
    pub fn events(&self) -> Events {
        match self {
            Self::Fork { .. } => Events::FORK,
            Self::Exec { .. } => Events::EXEC,
            Self::Uid { .. } => Events::UID,
            Self::Gid { .. } => Events::GID,
            Self::Sid { .. } => Events::SID,
            Self::Ptrace { .. } => Events::PTRACE,
            Self::Comm { .. } => Events::COMM,
            Self::Coredump { .. } => Events::COREDUMP,
            Self::Exit { status, .. } if status.success() => Events::EXIT,
            Self::Exit { .. } => Events::EXIT | Events::NONZERO_EXIT,
            Self::Lost(_) => Events::empty(),
        }
    }
}

/// How events were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// The receive buffer was full (`ENOBUFS`): some events of any CPU, nobody
    /// knows how many.
    Overflow,
    /// A CPU's sequence numbers have a gap.
    Gap {
        /// How many events of that CPU.
        events: u32,
    },
    /// Nobody was told of anything, or may not have been, for any time: see
    /// [`EventSource::probe`](super::EventSource::probe), which alone finds out.
    DeliveryStopped,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overflow => f.write_str("events were lost: the receive buffer was full"),
            Self::DeliveryStopped => {
                f.write_str("events may be missing: their delivery had stopped")
            }
            Self::Gap { events: 1 } => f.write_str("1 event was lost"),
            Self::Gap { events } => write!(f, "{events} events were lost"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn exit(pid: Pid, tgid: Pid, status: i32) -> EventKind {
        EventKind::Exit {
            pid,
            tgid,
            status: ExitStatus::from_raw(status),
            exit_signal: 17,
            parent_pid: 1,
            parent_tgid: 1,
        }
    }

    #[test]
    fn a_bad_exit_is_an_exit_as_well() {
        assert_eq!(exit(7, 7, 0).events(), Events::EXIT);
        for status in [1 << 8, 9, 0x80 | 11] {
            let events = exit(7, 7, status).events();
            assert_eq!(events, Events::EXIT | Events::NONZERO_EXIT);
        }
    }

    #[test]
    fn threads_and_processes_are_told_apart() {
        assert!(exit(7, 7, 0).is_of_process());
        assert!(!exit(8, 7, 0).is_of_process());
        assert!(!EventKind::Lost(Lost::Overflow).is_of_process());
        assert_eq!(exit(8, 7, 0).task(), Some((8, 7)));
    }

    #[test]
    fn what_was_lost_is_of_no_kind_and_happened_to_nobody() {
        let lost = Event::new(
            Duration::ZERO,
            Some(3),
            EventKind::Lost(Lost::Gap { events: 1 }),
        );
        assert!(lost.is_lost());
        assert_eq!(lost.tgid(), None);
        assert_eq!(lost.kind.events(), Events::empty());
    }
}
