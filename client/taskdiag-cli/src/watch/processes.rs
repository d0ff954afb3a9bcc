// SPDX-License-Identifier: MIT
//! The names and users of processes, which events do not tell.
//!
//! Kept from events where there are enough of them, else asked for when they
//! are wanted: of a process that has ended there may be nobody to ask about.

use std::collections::HashMap;

use taskdiag::events::{Event, EventKind, Events};
use taskdiag::{AnyTransport, Client, Comm, Pid, Request, Show, Strategy, Task};

use super::args::Watch;

const GROUPS: Show = Show::BASE.union(Show::CRED);

/// What is known of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProcessInfo {
    pub(super) comm: Comm,
    /// Its effective user.
    pub(super) uid: u32,
}

/// Those of all processes.
pub(super) struct ProcessTable {
    client: Client<AnyTransport>,
    /// `None` if it cannot be kept.
    processes: Option<HashMap<Pid, ProcessInfo>>,
}

impl ProcessTable {
    /// Asks about the processes there are, if the events that are listened to
    /// will tell of the others.
    pub(super) fn new(client: Client<AnyTransport>, subscribed: Events) -> taskdiag::Result<Self> {
        let mut table = Self {
            client,
            processes: subscribed.contains(Watch::TRACKING).then(HashMap::new),
        };
        table.query_all()?;
        Ok(table)
    }

    /// Who it happened to.
    pub(super) fn lookup(&mut self, event: &Event) -> Option<ProcessInfo> {
        let pid = event.tgid()?;
        match &self.processes {
            Some(processes) => processes.get(&pid).copied(),
            None => self.query(pid),
        }
    }

    /// What is to be known before an event is shown.
    pub(super) fn apply_before(&mut self, event: &Event) -> taskdiag::Result<()> {
        match event.kind {
            EventKind::Lost(_) => self.query_all()?,
            EventKind::Fork {
                tgid, parent_tgid, ..
            } if event.kind.is_of_process() => self.inherit(tgid, parent_tgid),
            EventKind::Exec { tgid, .. } => self.refresh(tgid),
            EventKind::Uid { tgid, euid, .. } if event.kind.is_of_process() => {
                self.update(tgid, |info| info.uid = euid);
            }
            _ => {}
        }
        Ok(())
    }

    /// What is to be known after it was.
    pub(super) fn apply_after(&mut self, event: &Event) {
        if !event.kind.is_of_process() {
            return;
        }
        match event.kind {
            EventKind::Comm { tgid, comm, .. } => self.update(tgid, |info| info.comm = comm),
            EventKind::Exit { tgid, .. } => {
                self.processes.as_mut().and_then(|all| all.remove(&tgid));
            }
            _ => {}
        }
    }

    /// A process is what its parent is, until it says otherwise.
    fn inherit(&mut self, pid: Pid, parent: Pid) {
        let Some(processes) = &mut self.processes else {
            return;
        };
        match processes.get(&parent).copied() {
            Some(info) => drop(processes.insert(pid, info)),
            None => self.refresh(pid),
        }
    }

    fn refresh(&mut self, pid: Pid) {
        if self.processes.is_none() {
            return;
        }
        // Who is gone already keeps the name it had.
        if let (Some(info), Some(processes)) = (self.query(pid), &mut self.processes) {
            processes.insert(pid, info);
        }
    }

    fn update(&mut self, pid: Pid, change: impl FnOnce(&mut ProcessInfo)) {
        if let Some(info) = self.processes.as_mut().and_then(|all| all.get_mut(&pid)) {
            change(info);
        }
    }

    fn query(&mut self, pid: Pid) -> Option<ProcessInfo> {
        info(&self.client.one(pid, GROUPS).ok()?)
    }

    fn query_all(&mut self) -> taskdiag::Result<()> {
        let Some(processes) = &mut self.processes else {
            return Ok(());
        };
        processes.clear();
        let request = Request::new(Strategy::All).show(GROUPS);
        for task in self.client.dump(&request)?.tasks() {
            let task = task?;
            if let Some(info) = info(&task) {
                processes.insert(task.tgid, info);
            }
        }
        Ok(())
    }
}

fn info(task: &Task) -> Option<ProcessInfo> {
    Some(ProcessInfo {
        comm: task.base?.comm,
        uid: task.cred.as_ref()?.euid,
    })
}
