// SPDX-License-Identifier: MIT
//! What events say of processes until these are asked about: no I/O.
//!
//! However many events there are of a process, there is one pending of it, so
//! what waits to be asked is bounded by the number of processes.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use crate::events::{Event, EventKind, Lost};
use crate::pid::Pid;

/// How a thread ended, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExitRecord {
    pub(super) time: Duration,
    pub(super) status: ExitStatus,
}

impl ExitRecord {
    /// The later of the two.
    pub(super) fn later(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        [a, b].into_iter().flatten().max_by_key(|end| end.time)
    }
}

/// What was said of the processes with one number since it was asked about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PendingUpdate {
    /// Something may be different.
    pub(super) changed: bool,
    /// Some time has passed since it was asked about last.
    pub(super) is_retry: bool,
    /// Nobody waits for an exit any more.
    pub(super) no_wait: bool,
    /// Whoever has the number now may have taken it while nobody looked.
    pub(super) forks: u32,
    /// When one of them began to run another program last.
    pub(super) exec: Option<Duration>,
    /// Exits of first threads: one a process, but for the above.
    pub(super) exits: u32,
    /// The last of these.
    pub(super) leader_exit: Option<ExitRecord>,
    /// The last exit of another thread.
    pub(super) thread_exit: Option<ExitRecord>,
}

impl PendingUpdate {
    /// How the last process to end did so. Where a thread starts another
    /// program, the first thread ends and the process goes on.
    pub(super) fn process_exit(&self) -> Option<ExitRecord> {
        self.leader_exit
            .filter(|end| self.exec.is_none_or(|exec| exec < end.time))
    }

    /// Whether there is more to come, if the process is gone: its exit.
    pub(super) fn awaits_exit(&self) -> bool {
        !self.no_wait && self.forks == 0 && self.process_exit().is_none()
    }

    fn exit(&mut self, first: bool, end: ExitRecord) {
        let last = if first {
            self.changed = true;
            self.exits = self.exits.saturating_add(1);
            &mut self.leader_exit
        } else {
            &mut self.thread_exit
        };
        *last = ExitRecord::later(*last, Some(end));
    }

    /// Adds what was said before.
    fn after(&mut self, before: &Self) {
        self.changed |= before.changed;
        self.is_retry |= before.is_retry;
        self.no_wait |= before.no_wait;
        self.forks = self.forks.saturating_add(before.forks);
        self.exec = self.exec.max(before.exec);
        self.exits = self.exits.saturating_add(before.exits);
        self.leader_exit = ExitRecord::later(before.leader_exit, self.leader_exit);
        self.thread_exit = ExitRecord::later(before.thread_exit, self.thread_exit);
    }
}

/// The pending that nothing was asked about yet, by process number.
#[derive(Debug, Default)]
pub(super) struct PendingSet {
    by_pid: BTreeMap<Pid, PendingUpdate>,
    /// Some were lost: anybody may be different.
    pub(super) lost: bool,
    /// Events noted.
    pub(super) events: u64,
    /// Losses noted.
    pub(super) losses: u64,
    /// Silences among them.
    pub(super) delivery_stops: u64,
}

impl PendingSet {
    /// Notes what an event says. Rows are those of processes: what happens to
    /// their other threads does not show in them, but that the last one ends.
    pub(super) fn note(&mut self, event: &Event) {
        if event.is_lost() {
            self.lost = true;
            self.losses += 1;
            self.delivery_stops += u64::from(event.kind == EventKind::Lost(Lost::DeliveryStopped));
        }
        let Some((pid, tgid)) = event.kind.task() else {
            return;
        };
        self.events += 1;
        match event.kind {
            EventKind::Exit { status, .. } => {
                let time = event.time;
                let pending = self.by_pid.entry(tgid).or_default();
                pending.exit(pid == tgid, ExitRecord { time, status });
            }
            EventKind::Fork { .. } if pid == tgid => {
                let pending = self.mark(tgid);
                pending.forks = pending.forks.saturating_add(1);
            }
            EventKind::Exec { .. } => {
                let pending = self.mark(tgid);
                pending.exec = pending.exec.max(Some(event.time));
            }
            EventKind::Coredump { .. } => {}
            _ if pid == tgid => {
                self.mark(tgid);
            }
            _ => {}
        }
    }

    /// Wants this process asked about.
    pub(super) fn mark(&mut self, pid: Pid) -> &mut PendingUpdate {
        let pending = self.by_pid.entry(pid).or_default();
        pending.changed = true;
        pending
    }

    /// Takes them all.
    pub(super) fn take(&mut self) -> BTreeMap<Pid, PendingUpdate> {
        std::mem::take(&mut self.by_pid)
    }

    /// Gives back what was taken, as it could not be asked about.
    pub(super) fn restore(&mut self, before: &BTreeMap<Pid, PendingUpdate>) {
        for (&pid, pending) in before {
            self.by_pid.entry(pid).or_default().after(pending);
        }
    }

    /// Whether nobody is to be asked about, but for what was lost.
    pub(super) fn has_no_process(&self) -> bool {
        self.by_pid.is_empty()
    }

    /// Whether nobody is to be asked about.
    pub(super) fn is_empty(&self) -> bool {
        self.has_no_process() && !self.lost
    }
}
