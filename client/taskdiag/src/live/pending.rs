// SPDX-License-Identifier: MIT
//! The pending set: processes named by events and not yet queried. No I/O.
//!
//! Any number of events of a process results in one entry, so the size of the
//! set is bounded by the number of processes.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use crate::events::{Event, EventKind, Lost};
use crate::pid::Pid;

/// Exit of a thread: time and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExitRecord {
    pub(super) time: Duration,
    pub(super) status: ExitStatus,
}

impl ExitRecord {
    /// Returns the later of two exits.
    pub(super) fn later(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        [a, b].into_iter().flatten().max_by_key(|end| end.time)
    }
}

/// Summary of the events with one pid since the last query of that pid.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PendingUpdate {
    /// A field may have changed.
    pub(super) changed: bool,
    /// The entry repeats an earlier query.
    pub(super) is_retry: bool,
    /// The row is to be removed without waiting for the exit event.
    pub(super) no_wait: bool,
    /// Number of forks: processes that may have taken the pid since the last
    /// query.
    pub(super) forks: u32,
    /// Time of the last execve().
    pub(super) exec: Option<Duration>,
    /// Exits of first threads: one per process, and one more per execve() of
    /// another thread.
    pub(super) exits: u32,
    /// The last exit of a first thread.
    pub(super) leader_exit: Option<ExitRecord>,
    /// The last exit of another thread.
    pub(super) thread_exit: Option<ExitRecord>,
}

impl PendingUpdate {
    /// Returns the last exit of a process. An execve() of another thread ends
    /// the first thread, and the process continues.
    pub(super) fn process_exit(&self) -> Option<ExitRecord> {
        self.leader_exit
            .filter(|end| self.exec.is_none_or(|exec| exec < end.time))
    }

    /// Whether the exit event of the process, if it is gone, is still to come.
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

    /// Adds the events of an earlier entry.
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

/// The pending entries by pid, and counters.
#[derive(Debug, Default)]
pub(super) struct PendingSet {
    by_pid: BTreeMap<Pid, PendingUpdate>,
    /// Events were lost: any process may have changed.
    pub(super) lost: bool,
    /// Events received.
    pub(super) events: u64,
    /// Losses of events.
    pub(super) losses: u64,
    /// Losses that were stops of the delivery.
    pub(super) delivery_stops: u64,
}

impl PendingSet {
    /// Records an event. Rows are rows of processes: of the other threads, only
    /// the exit of the last one affects a row.
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

    /// Adds a process to the set and returns its entry.
    pub(super) fn mark(&mut self, pid: Pid) -> &mut PendingUpdate {
        let pending = self.by_pid.entry(pid).or_default();
        pending.changed = true;
        pending
    }

    /// Removes and returns all entries.
    pub(super) fn take(&mut self) -> BTreeMap<Pid, PendingUpdate> {
        std::mem::take(&mut self.by_pid)
    }

    /// Puts entries back whose query has failed.
    pub(super) fn restore(&mut self, before: &BTreeMap<Pid, PendingUpdate>) {
        for (&pid, pending) in before {
            self.by_pid.entry(pid).or_default().after(pending);
        }
    }

    /// Whether no process is pending; a loss may be.
    pub(super) fn has_no_process(&self) -> bool {
        self.by_pid.is_empty()
    }

    /// Whether neither a process nor a loss is pending.
    pub(super) fn is_empty(&self) -> bool {
        self.has_no_process() && !self.lost
    }
}
