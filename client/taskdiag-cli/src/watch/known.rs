// SPDX-License-Identifier: MIT
//! The names and users of processes, which events do not tell.
//!
//! Kept from events where there are enough of them, else asked for when they
//! are wanted: of a process that has ended there may be nobody to ask about.

use std::collections::HashMap;

use taskdiag::events::{Event, EventKind, Events};
use taskdiag::{AnySource, Client, Comm, Pid, Request, Show, Strategy, Task};

use super::args::Watch;

const ASKED: Show = Show::BASE.union(Show::CRED);

/// What is known of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) comm: Comm,
    /// Its effective user.
    pub(super) uid: u32,
}

/// Those of all processes.
pub(super) struct Known {
    client: Client<AnySource>,
    /// `None` if it cannot be kept.
    processes: Option<HashMap<Pid, Facts>>,
}

impl Known {
    /// Asks about the processes there are, if the events that are listened to
    /// will tell of the others.
    pub(super) fn new(client: Client<AnySource>, heard: Events) -> taskdiag::Result<Self> {
        let mut known = Self {
            client,
            processes: heard.contains(Watch::KNOWN_BY).then(HashMap::new),
        };
        known.ask_all()?;
        Ok(known)
    }

    /// Who it happened to.
    pub(super) fn of(&mut self, event: &Event) -> Option<Facts> {
        let pid = event.tgid()?;
        match &self.processes {
            Some(processes) => processes.get(&pid).copied(),
            None => self.ask(pid),
        }
    }

    /// What is to be known before an event is shown.
    pub(super) fn before(&mut self, event: &Event) -> taskdiag::Result<()> {
        match event.kind {
            EventKind::Lost(_) => self.ask_all()?,
            EventKind::Fork {
                tgid, parent_tgid, ..
            } if event.kind.is_of_process() => self.begin(tgid, parent_tgid),
            EventKind::Exec { tgid, .. } => self.renew(tgid),
            EventKind::Uid { tgid, euid, .. } if event.kind.is_of_process() => {
                self.change(tgid, |facts| facts.uid = euid);
            }
            _ => {}
        }
        Ok(())
    }

    /// What is to be known after it was.
    pub(super) fn after(&mut self, event: &Event) {
        if !event.kind.is_of_process() {
            return;
        }
        match event.kind {
            EventKind::Comm { tgid, comm, .. } => self.change(tgid, |facts| facts.comm = comm),
            EventKind::Exit { tgid, .. } => {
                self.processes.as_mut().and_then(|all| all.remove(&tgid));
            }
            _ => {}
        }
    }

    /// A process is what its parent is, until it says otherwise.
    fn begin(&mut self, pid: Pid, parent: Pid) {
        let Some(processes) = &mut self.processes else {
            return;
        };
        match processes.get(&parent).copied() {
            Some(facts) => drop(processes.insert(pid, facts)),
            None => self.renew(pid),
        }
    }

    fn renew(&mut self, pid: Pid) {
        if self.processes.is_none() {
            return;
        }
        // Who is gone already keeps the name it had.
        if let (Some(facts), Some(processes)) = (self.ask(pid), &mut self.processes) {
            processes.insert(pid, facts);
        }
    }

    fn change(&mut self, pid: Pid, change: impl FnOnce(&mut Facts)) {
        if let Some(facts) = self.processes.as_mut().and_then(|all| all.get_mut(&pid)) {
            change(facts);
        }
    }

    fn ask(&mut self, pid: Pid) -> Option<Facts> {
        facts(&self.client.one(pid, ASKED).ok()?)
    }

    fn ask_all(&mut self) -> taskdiag::Result<()> {
        let Some(processes) = &mut self.processes else {
            return Ok(());
        };
        processes.clear();
        let request = Request::new(Strategy::All).show(ASKED);
        for task in self.client.dump(&request)?.tasks() {
            let task = task?;
            if let Some(facts) = facts(&task) {
                processes.insert(task.tgid, facts);
            }
        }
        Ok(())
    }
}

fn facts(task: &Task) -> Option<Facts> {
    Some(Facts {
        comm: task.base?.comm,
        uid: task.cred.as_ref()?.euid,
    })
}
