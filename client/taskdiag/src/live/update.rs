// SPDX-License-Identifier: MIT
//! Receives events, and queries processes: those that events name, zombies, and
//! all processes after a loss.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use log::debug;

use super::Live;
use super::pending::{PendingSet, PendingUpdate};
use super::source::TaskSource;
use crate::error::Result;
use crate::events::EventSource;
use crate::pid::Pid;
use crate::request::{Request, Strategy};
use crate::task::Task;

/// Events received before the processes that they name are queried. The limit
/// makes progress possible while events arrive without end.
const EVENT_BATCH: u64 = 4096;
/// Batches received before all processes are listed instead: more events than
/// the default receive buffer holds.
const MAX_BATCHES: usize = 8;
/// Pids per query; a request has space for four times as many.
const MAX_PIDS: usize = 4096;
/// While all processes are listed, events are received after every this many
/// tasks, so that the receive buffer does not overflow.
const TASKS_PER_DRAIN: u64 = 64;

impl<T: TaskSource, E: EventSource> Live<T, E> {
    /// Receives events: waits for the first, and takes the others that are
    /// queued.
    pub(super) fn receive_events(&mut self, timeout: Option<Duration>) -> Result<()> {
        self.more = receive_events(&mut self.events, &mut self.pending, timeout)?;
        Ok(())
    }

    /// Receives all queued events. If they arrive faster than they are
    /// received, a loss is assumed and all processes are listed instead.
    pub(super) fn drain_events(&mut self) -> Result<()> {
        for _ in 0..MAX_BATCHES {
            self.receive_events(Some(Duration::ZERO))?;
            if !self.more {
                return Ok(());
            }
        }
        self.pending.lost = true;
        Ok(())
    }

    /// Receives all events, makes sure that delivery has not stopped, and
    /// queries.
    pub(super) fn process_events(&mut self) -> Result<()> {
        if let Err(error) = self.events.probe() {
            self.pending.lost = true;
            return Err(error);
        }
        self.drain_events()?;
        self.update()?;
        // Receive the exits of the processes that were just found to be gone.
        self.receive_events(Some(Duration::ZERO))
    }

    /// Queries all processes whose query is due.
    pub(super) fn update_due(&mut self) -> Result<()> {
        match self.backoff.remaining(Instant::now()) {
            Some(Duration::ZERO) => self.recheck_all(false),
            _ => self.update(),
        }
    }

    /// Queries the pending processes, and all that disappear without an event.
    pub(super) fn recheck_all(&mut self, no_wait: bool) -> Result<()> {
        let asked = self.table.to_recheck().clone();
        self.recheck(asked.iter().copied(), no_wait)?;
        let to_recheck = self.table.to_recheck();
        self.backoff
            .rechecked(asked.difference(to_recheck).next().is_some());
        self.schedule_recheck();
        Ok(())
    }

    /// Queries the pending processes, and those of `pids` that disappear
    /// without an event. The schedule of [`Self::recheck_all`] does not change.
    pub(super) fn recheck(
        &mut self,
        pids: impl IntoIterator<Item = Pid>,
        no_wait: bool,
    ) -> Result<()> {
        for pid in pids {
            if self.table.to_recheck().contains(&pid) {
                let pending = self.pending.mark(pid);
                pending.is_retry = true;
                pending.no_wait = no_wait;
            }
        }
        self.update()
    }

    /// Queries the pending processes, or lists all processes after a loss.
    pub(super) fn update(&mut self) -> Result<()> {
        let lost = std::mem::take(&mut self.pending.lost);
        let updated = self.query_pending(lost);
        if updated.is_err() {
            self.pending.lost |= lost;
        }
        self.schedule_recheck();
        updated
    }

    fn schedule_recheck(&mut self) {
        let new = self.table.take_recheck_grew();
        match self.table.to_recheck().len() {
            0 => self.backoff.reset(),
            count => self.backoff.schedule(count, new, Instant::now()),
        }
    }

    fn query_pending(&mut self, lost: bool) -> Result<()> {
        if lost {
            self.relist()?;
        }
        // A process that has exited leaves children with another parent: query
        // them next.
        while !self.pending.has_no_process() {
            let pending = self.pending.take();
            let asked = self.query(&pending, lost);
            if asked.is_err() {
                self.pending.restore(&pending);
            }
            asked?;
        }
        Ok(())
    }

    /// Lists all processes. A process that changes meanwhile is pending
    /// afterwards.
    ///
    /// The children of a process that is found to have ended may have been
    /// listed before, with their former parent. The event of that end may have
    /// been the exit of another thread, which is ignored if the pid has a new
    /// process by then. So these children are queried again.
    fn relist(&mut self) -> Result<()> {
        debug!("listing all processes");
        self.stats.dumps += 1;
        self.table.begin_listing();
        let request = Request::new(Strategy::All).show(self.show);
        let mut drained = Ok(false);
        let mut listed = 0;
        let mut parents = Vec::new();
        self.tasks.list(&request, &mut |task| {
            let pid = task.pid;
            if self
                .table
                .apply(pid, Some(task), &PendingUpdate::default(), true)
            {
                parents.push(pid);
            }
            listed += 1;
            if listed % TASKS_PER_DRAIN == 0 && drained.is_ok() {
                drained = receive_events(&mut self.events, &mut self.pending, Some(Duration::ZERO));
            }
        })?;
        drained?;
        for pid in self.table.unlisted() {
            self.pending.mark(pid);
        }
        self.mark_children(parents);
        Ok(())
    }

    /// Adds the children of these processes to the pending set.
    fn mark_children(&mut self, parents: Vec<Pid>) {
        for parent in parents {
            for child in self.table.children(parent) {
                self.pending.mark(child);
            }
        }
    }

    /// Queries some processes, and marks the children of those that have
    /// exited.
    fn query(&mut self, pending: &BTreeMap<Pid, PendingUpdate>, lost: bool) -> Result<()> {
        let worth = |(pid, pending): &(&Pid, &PendingUpdate)| {
            pending.changed || self.table.thread_exit_matters(**pid)
        };
        let pids: Vec<Pid> = pending.iter().filter(worth).map(|(&pid, _)| pid).collect();
        let mut found = self.fetch(&pids)?;

        let mut parents = Vec::new();
        for pid in pids {
            if self
                .table
                .apply(pid, found.remove(&pid), &pending[&pid], lost)
            {
                parents.push(pid);
            }
        }
        self.mark_children(parents);
        Ok(())
    }

    /// Returns those of these processes that exist.
    fn fetch(&mut self, pids: &[Pid]) -> Result<BTreeMap<Pid, Task>> {
        let mut found = BTreeMap::new();
        for some in pids.chunks(MAX_PIDS) {
            self.stats.requests += 1;
            self.stats.requested += some.len() as u64;
            let request = Request::new(Strategy::All)
                .show(self.show)
                .pids(some.iter().copied());
            self.tasks.list(&request, &mut |task| {
                found.insert(task.pid, task);
            })?;
        }
        Ok(found)
    }
}

/// Receives events: waits for the first, and takes the others that are queued.
/// Returns whether more may be queued.
fn receive_events(
    events: &mut impl EventSource,
    pending: &mut PendingSet,
    mut timeout: Option<Duration>,
) -> Result<bool> {
    for _ in 0..EVENT_BATCH {
        match events.next_event(timeout) {
            Ok(Some(event)) => pending.note(&event),
            Ok(None) => return Ok(false),
            Err(error) => {
                // Unknown events may have been lost with the failed receive.
                pending.lost = true;
                return Err(error);
            }
        }
        timeout = Some(Duration::ZERO);
    }
    Ok(true)
}
