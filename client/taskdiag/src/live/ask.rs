// SPDX-License-Identifier: MIT
//! Listening and asking: about those of whom events tell something, about those
//! of whom no event tells that they go, and about all after a loss.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use log::debug;

use super::Live;
use super::hints::{Hint, Hints};
use super::source::TaskSource;
use crate::error::Result;
use crate::events::EventSource;
use crate::pid::Pid;
use crate::request::{Request, Strategy};
use crate::task::Task;

/// How many events are taken in before what they say is looked at, so that
/// under a storm of them there is an end to it.
const BATCH: u64 = 4096;
/// How many of these there may be before all are asked about, which is more
/// than the usual receive buffer holds.
const BATCHES: usize = 8;
/// How many processes are asked about at once; a request has room for four
/// times as many.
const QUESTION: usize = 4096;
/// While all are told of, events are taken in after so many of them: the
/// receive buffer has to hold no more than come meanwhile.
const STRIDE: u64 = 64;

impl<T: TaskSource, E: EventSource> Live<T, E> {
    /// Takes in events: waits for the first, and not for those behind it.
    pub(super) fn listen(&mut self, timeout: Option<Duration>) -> Result<()> {
        self.more = listen(&mut self.events, &mut self.hints, timeout)?;
        Ok(())
    }

    /// Takes in all events that there are. If they come faster than they are
    /// taken in there is no end to it, and all are asked about instead.
    pub(super) fn listen_to_the_end(&mut self) -> Result<()> {
        for _ in 0..BATCHES {
            self.listen(Some(Duration::ZERO))?;
            if !self.more {
                return Ok(());
            }
        }
        self.hints.lost = true;
        Ok(())
    }

    /// Looks at all events that there are, and makes sure that there are any.
    pub(super) fn catch_up(&mut self) -> Result<()> {
        if let Err(error) = self.events.probe() {
            self.hints.lost = true;
            return Err(error);
        }
        self.listen_to_the_end()?;
        self.settle()?;
        // For the exits of those who were just found to be gone.
        self.listen(Some(Duration::ZERO))
    }

    /// Asks about everybody there is to ask about by now.
    pub(super) fn settle_due(&mut self) -> Result<()> {
        match self.rest.left(Instant::now()) {
            Some(Duration::ZERO) => self.sweep(false),
            _ => self.settle(),
        }
    }

    /// Asks, besides, about those of whom no event tells that they go.
    pub(super) fn sweep(&mut self, at_once: bool) -> Result<()> {
        let asked = self.table.restless().clone();
        self.sweep_those(asked.iter().copied(), at_once)?;
        let restless = self.table.restless();
        self.rest.asked(asked.difference(restless).next().is_some());
        self.set_rest();
        Ok(())
    }

    /// Likewise, but about these alone: when to ask about them all is not put
    /// off by it.
    pub(super) fn sweep_those(
        &mut self,
        pids: impl IntoIterator<Item = Pid>,
        at_once: bool,
    ) -> Result<()> {
        for pid in pids {
            if self.table.restless().contains(&pid) {
                let hint = self.hints.ask(pid);
                hint.later = true;
                hint.at_once = at_once;
            }
        }
        self.settle()
    }

    /// Asks about those of whom events tell something; about all, if some of
    /// these were lost.
    pub(super) fn settle(&mut self) -> Result<()> {
        let lost = std::mem::take(&mut self.hints.lost);
        let settled = self.ask(lost);
        if settled.is_err() {
            self.hints.lost |= lost;
        }
        self.set_rest();
        settled
    }

    fn set_rest(&mut self) {
        let new = self.table.take_stirred();
        match self.table.restless().len() {
            0 => self.rest.nobody(),
            count => self.rest.somebody(count, new, Instant::now()),
        }
    }

    fn ask(&mut self, lost: bool) -> Result<()> {
        if lost {
            self.take_stock()?;
        }
        // Whoever ends leaves children, about whom is to be asked next.
        while !self.hints.nothing_waits() {
            let hints = self.hints.take();
            let asked = self.ask_about(&hints, lost);
            if asked.is_err() {
                self.hints.put_back(&hints);
            }
            asked?;
        }
        Ok(())
    }

    /// Asks about all processes. Of those about whom something is told
    /// meanwhile there are hints.
    fn take_stock(&mut self) -> Result<()> {
        debug!("taking stock of all processes");
        self.stats.dumps += 1;
        self.table.begin_stock();
        let request = Request::new(Strategy::All).show(self.show);
        let mut heard = Ok(false);
        let mut told = 0;
        self.tasks.tell(&request, &mut |task| {
            self.table
                .learn(task.pid, Some(task), &Hint::default(), true);
            told += 1;
            if told % STRIDE == 0 && heard.is_ok() {
                heard = listen(&mut self.events, &mut self.hints, Some(Duration::ZERO));
            }
        })?;
        heard?;
        for pid in self.table.missing() {
            self.hints.ask(pid);
        }
        Ok(())
    }

    /// Asks about some processes, and notes who has to be asked about then.
    fn ask_about(&mut self, hints: &BTreeMap<Pid, Hint>, lost: bool) -> Result<()> {
        let worth =
            |(pid, hint): &(&Pid, &Hint)| hint.changed || self.table.shows_threads_end(**pid);
        let pids: Vec<Pid> = hints.iter().filter(worth).map(|(&pid, _)| pid).collect();
        let mut found = self.find(&pids)?;

        let mut parents = Vec::new();
        for pid in pids {
            if self
                .table
                .learn(pid, found.remove(&pid), &hints[&pid], lost)
            {
                parents.push(pid);
            }
        }
        for parent in parents {
            for child in self.table.children(parent) {
                self.hints.ask(child);
            }
        }
        Ok(())
    }

    /// Those of these processes that are there.
    fn find(&mut self, pids: &[Pid]) -> Result<BTreeMap<Pid, Task>> {
        let mut found = BTreeMap::new();
        for some in pids.chunks(QUESTION) {
            self.stats.questions += 1;
            self.stats.asked += some.len() as u64;
            let request = Request::new(Strategy::All)
                .show(self.show)
                .pids(some.iter().copied());
            self.tasks.tell(&request, &mut |task| {
                found.insert(task.pid, task);
            })?;
        }
        Ok(found)
    }
}

/// Takes in events: waits for the first, and not for those behind it. Tells
/// whether there may be more.
fn listen(
    events: &mut impl EventSource,
    hints: &mut Hints,
    mut timeout: Option<Duration>,
) -> Result<bool> {
    for _ in 0..BATCH {
        match events.next_event(timeout) {
            Ok(Some(event)) => hints.note(&event),
            Ok(None) => return Ok(false),
            Err(error) => {
                // Nobody knows what else could not be received.
                hints.lost = true;
                return Err(error);
            }
        }
        timeout = Some(Duration::ZERO);
    }
    Ok(true)
}
