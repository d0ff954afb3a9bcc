// SPDX-License-Identifier: MIT
//! An event: its kind, task and time.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use super::Events;
use crate::pid::Pid;
use crate::task::Comm;

/// An event of a task.
///
/// All pids and ids are those of the initial pid and user namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Time of the event, by `CLOCK_MONOTONIC` of the initial time namespace.
    /// For [`EventKind::Lost`], the time of its detection in the time namespace
    /// of the reader.
    pub time: Duration,
    /// CPU of the event; `None` if it concerns all CPUs. Events of one CPU are
    /// delivered in order, those of different CPUs may not be.
    pub cpu: Option<u32>,
    /// The kind of the event, with its task.
    pub kind: EventKind,
}

impl Event {
    /// Returns an event with these fields.
    #[must_use]
    pub const fn new(time: Duration, cpu: Option<u32>, kind: EventKind) -> Self {
        Self { time, cpu, kind }
    }

    /// Returns the process of the event; `None` for [`EventKind::Lost`].
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

/// The kind of an event, with its task. A task is the thread `pid` of the
/// process `tgid`; both are equal for the first thread of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A process or a thread started: see [`Self::is_of_process`].
    Fork {
        /// The new task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// Thread of its parent; for a thread, of the parent of its process.
        parent_pid: Pid,
        /// Process of its parent; for a thread, of the parent of its process.
        parent_tgid: Pid,
    },
    /// A process called `execve()`. Its other threads are gone, and this thread
    /// has the pid of the process from now on.
    Exec {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
    },
    /// The real or effective user id changed; the saved one is not reported.
    Uid {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// New real user id.
        ruid: u32,
        /// New effective user id.
        euid: u32,
    },
    /// The real or effective group id changed; the saved one is not reported.
    Gid {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// New real group id.
        rgid: u32,
        /// New effective group id.
        egid: u32,
    },
    /// A process created a session, whose id is its pid.
    Sid {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
    },
    /// A tracer attached to a task, or detached from it.
    Ptrace {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// Thread of the tracer, 0 if it detached.
        tracer_pid: Pid,
        /// Process of the tracer, 0 if it detached.
        tracer_tgid: Pid,
    },
    /// The name of a task was set, by itself or by another thread.
    Comm {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// The new name.
        comm: Comm,
    },
    /// A process is about to dump core.
    Coredump {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// Thread of its parent, 0 if that is not known.
        parent_pid: Pid,
        /// Process of its parent, 0 if that is not known.
        parent_tgid: Pid,
    },
    /// A task ended. It may still be a zombie, or be reaped already.
    ///
    /// A process may continue after the end of its first thread: it ends with
    /// its last thread, and with the status of that one.
    Exit {
        /// The task.
        pid: Pid,
        /// Its process.
        tgid: Pid,
        /// Exit code, or signal and whether core was dumped.
        status: ExitStatus,
        /// Signal that its parent receives; -1 for a thread, whose end is not
        /// signalled.
        exit_signal: i32,
        /// Thread of its parent, 0 if the task is gone already.
        parent_pid: Pid,
        /// Process of its parent, 0 if the task is gone already.
        parent_tgid: Pid,
    },
    /// Events were lost.
    Lost(Lost),
}

impl EventKind {
    /// Returns the task of the event and its process, `(pid, tgid)`; `None` for
    /// [`Self::Lost`].
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

    /// Whether the task is the first thread of its process. Then a fork is a
    /// new process, and an exit is that of the process unless other threads are
    /// left.
    #[must_use]
    pub const fn is_of_process(&self) -> bool {
        matches!(self.task(), Some((pid, tgid)) if pid == tgid)
    }

    /// Returns the kinds to which the event belongs: two for an exit with an
    /// error, none for a loss.
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
    /// The receive buffer was full (`ENOBUFS`): an unknown number of events of
    /// any CPU is lost.
    Overflow,
    /// The sequence numbers of a CPU have a gap.
    Gap {
        /// Number of lost events of that CPU.
        events: u32,
    },
    /// The kernel had stopped the delivery to all listeners, or may have, for
    /// an unknown time. Only [`EventSource::probe`](super::EventSource::probe)
    /// detects that.
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
    fn nonzero_exit_is_an_exit_as_well() {
        assert_eq!(exit(7, 7, 0).events(), Events::EXIT);
        for status in [1 << 8, 9, 0x80 | 11] {
            let events = exit(7, 7, status).events();
            assert_eq!(events, Events::EXIT | Events::NONZERO_EXIT);
        }
    }

    #[test]
    fn event_of_first_thread_is_of_the_process() {
        assert!(exit(7, 7, 0).is_of_process());
        assert!(!exit(8, 7, 0).is_of_process());
        assert!(!EventKind::Lost(Lost::Overflow).is_of_process());
        assert_eq!(exit(8, 7, 0).task(), Some((8, 7)));
    }

    #[test]
    fn loss_has_no_kind_and_no_process() {
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
