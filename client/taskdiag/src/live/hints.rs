// SPDX-License-Identifier: MIT
//! What events say of processes until these are asked about: no I/O.
//!
//! However many events there are of a process, there is one hint of it, so
//! what waits to be asked is bounded by the number of processes.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use crate::events::{Event, EventKind, Lost};
use crate::pid::Pid;

/// How a thread ended, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) time: Duration,
    pub(super) status: ExitStatus,
}

impl End {
    /// The later of the two.
    pub(super) fn later(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        [a, b].into_iter().flatten().max_by_key(|end| end.time)
    }
}

/// What was said of the processes with one number since it was asked about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hint {
    /// Something may be different.
    pub(super) changed: bool,
    /// Some time has passed since it was asked about last.
    pub(super) later: bool,
    /// Nobody waits for an exit any more.
    pub(super) at_once: bool,
    /// Whoever has the number now may have taken it while nobody looked.
    pub(super) forks: u32,
    /// When one of them began to run another program last.
    pub(super) exec: Option<Duration>,
    /// Exits of first threads: one a process, but for the above.
    pub(super) exits: u32,
    /// The last of these.
    pub(super) end: Option<End>,
    /// The last exit of another thread.
    pub(super) thread_end: Option<End>,
}

impl Hint {
    /// How the last process to end did so. Where a thread starts another
    /// program, the first thread ends and the process goes on.
    pub(super) fn process_end(&self) -> Option<End> {
        self.end
            .filter(|end| self.exec.is_none_or(|exec| exec < end.time))
    }

    /// Whether there is more to come, if the process is gone: its exit.
    pub(super) fn awaits_exit(&self) -> bool {
        !self.at_once && self.forks == 0 && self.process_end().is_none()
    }

    fn exit(&mut self, first: bool, end: End) {
        let last = if first {
            self.changed = true;
            self.exits = self.exits.saturating_add(1);
            &mut self.end
        } else {
            &mut self.thread_end
        };
        *last = End::later(*last, Some(end));
    }

    /// Adds what was said before.
    fn after(&mut self, before: &Self) {
        self.changed |= before.changed;
        self.later |= before.later;
        self.at_once |= before.at_once;
        self.forks = self.forks.saturating_add(before.forks);
        self.exec = self.exec.max(before.exec);
        self.exits = self.exits.saturating_add(before.exits);
        self.end = End::later(before.end, self.end);
        self.thread_end = End::later(before.thread_end, self.thread_end);
    }
}

/// The hints that nothing was asked about yet, by process number.
#[derive(Debug, Default)]
pub(super) struct Hints {
    waiting: BTreeMap<Pid, Hint>,
    /// Some were lost: anybody may be different.
    pub(super) lost: bool,
    /// Events noted.
    pub(super) events: u64,
    /// Losses noted.
    pub(super) losses: u64,
    /// Silences among them.
    pub(super) silences: u64,
}

impl Hints {
    /// Notes what an event says. Rows are those of processes: what happens to
    /// their other threads does not show in them, but that the last one ends.
    pub(super) fn note(&mut self, event: &Event) {
        if event.is_lost() {
            self.lost = true;
            self.losses += 1;
            self.silences += u64::from(event.kind == EventKind::Lost(Lost::Silence));
        }
        let Some((pid, tgid)) = event.kind.task() else {
            return;
        };
        self.events += 1;
        match event.kind {
            EventKind::Exit { status, .. } => {
                let time = event.time;
                let hint = self.waiting.entry(tgid).or_default();
                hint.exit(pid == tgid, End { time, status });
            }
            EventKind::Fork { .. } if pid == tgid => {
                let hint = self.ask(tgid);
                hint.forks = hint.forks.saturating_add(1);
            }
            EventKind::Exec { .. } => {
                let hint = self.ask(tgid);
                hint.exec = hint.exec.max(Some(event.time));
            }
            EventKind::Coredump { .. } => {}
            _ if pid == tgid => {
                self.ask(tgid);
            }
            _ => {}
        }
    }

    /// Wants this process asked about.
    pub(super) fn ask(&mut self, pid: Pid) -> &mut Hint {
        let hint = self.waiting.entry(pid).or_default();
        hint.changed = true;
        hint
    }

    /// Takes them all.
    pub(super) fn take(&mut self) -> BTreeMap<Pid, Hint> {
        std::mem::take(&mut self.waiting)
    }

    /// Gives back what was taken, as it could not be asked about.
    pub(super) fn put_back(&mut self, before: &BTreeMap<Pid, Hint>) {
        for (&pid, hint) in before {
            self.waiting.entry(pid).or_default().after(hint);
        }
    }

    /// Whether nobody is to be asked about, but for what was lost.
    pub(super) fn nothing_waits(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether nobody is to be asked about.
    pub(super) fn is_empty(&self) -> bool {
        self.nothing_waits() && !self.lost
    }
}
