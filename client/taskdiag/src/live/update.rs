// SPDX-License-Identifier: MIT
//! Listening and asking: about those of whom events tell something, about those
//! of whom no event tells that they go, and about all after a loss.

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

/// How many events are taken in before what they say is looked at, so that
/// under a storm of them there is an end to it.
const EVENT_BATCH: u64 = 4096;
/// How many of these there may be before all are asked about, which is more
/// than the usual receive buffer holds.
const MAX_BATCHES: usize = 8;
/// How many processes are asked about at once; a request has room for four
/// times as many.
const MAX_PIDS: usize = 4096;
/// While all are told of, events are taken in after so many of them: the
/// receive buffer has to hold no more than come meanwhile.
const TASKS_PER_DRAIN: u64 = 64;

impl<T: TaskSource, E: EventSource> Live<T, E> {
    /// Takes in events: waits for the first, and not for those behind it.
    pub(super) fn receive_events(&mut self, timeout: Option<Duration>) -> Result<()> {
        self.more = receive_events(&mut self.events, &mut self.pending, timeout)?;
        Ok(())
    }

    /// Takes in all events that there are. If they come faster than they are
    /// taken in there is no end to it, and all are asked about instead.
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

    /// Looks at all events that there are, and makes sure that there are any.
    pub(super) fn process_events(&mut self) -> Result<()> {
        if let Err(error) = self.events.probe() {
            self.pending.lost = true;
            return Err(error);
        }
        self.drain_events()?;
        self.update()?;
        // For the exits of those who were just found to be gone.
        self.receive_events(Some(Duration::ZERO))
    }

    /// Asks about everybody there is to ask about by now.
    pub(super) fn update_due(&mut self) -> Result<()> {
        match self.backoff.remaining(Instant::now()) {
            Some(Duration::ZERO) => self.recheck_all(false),
            _ => self.update(),
        }
    }

    /// Asks, besides, about those of whom no event tells that they go.
    pub(super) fn recheck_all(&mut self, no_wait: bool) -> Result<()> {
        let asked = self.table.to_recheck().clone();
        self.recheck(asked.iter().copied(), no_wait)?;
        let to_recheck = self.table.to_recheck();
        self.backoff
            .rechecked(asked.difference(to_recheck).next().is_some());
        self.schedule_recheck();
        Ok(())
    }

    /// Likewise, but about these alone: when to ask about them all is not put
    /// off by it.
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

    /// Asks about those of whom events tell something; about all, if some of
    /// these were lost.
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
        // Whoever ends leaves children, about whom is to be asked next.
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

    /// Asks about all processes. Of those about whom something is told
    /// meanwhile there are pending.
    fn relist(&mut self) -> Result<()> {
        debug!("taking generation of all processes");
        self.stats.dumps += 1;
        self.table.begin_listing();
        let request = Request::new(Strategy::All).show(self.show);
        let mut drained = Ok(false);
        let mut listed = 0;
        self.tasks.list(&request, &mut |task| {
            self.table
                .apply(task.pid, Some(task), &PendingUpdate::default(), true);
            listed += 1;
            if listed % TASKS_PER_DRAIN == 0 && drained.is_ok() {
                drained = receive_events(&mut self.events, &mut self.pending, Some(Duration::ZERO));
            }
        })?;
        drained?;
        for pid in self.table.unlisted() {
            self.pending.mark(pid);
        }
        Ok(())
    }

    /// Asks about some processes, and notes who has to be asked about then.
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
        for parent in parents {
            for child in self.table.children(parent) {
                self.pending.mark(child);
            }
        }
        Ok(())
    }

    /// Those of these processes that are there.
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

/// Takes in events: waits for the first, and not for those behind it. Tells
/// whether there may be more.
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
                // Nobody knows what else could not be received.
                pending.lost = true;
                return Err(error);
            }
        }
        timeout = Some(Duration::ZERO);
    }
    Ok(true)
}
