// SPDX-License-Identifier: MIT
//! Names and users of processes, which events do not contain.
//!
//! If the subscribed events contain all changes, a table of all processes is kept
//! up to date. Otherwise each process is queried when its event is shown; this
//! fails for a process that has already exited.

use std::collections::HashMap;

use taskdiag::events::{Event, EventKind, Events};
use taskdiag::{AnySource, Client, Comm, Pid, Request, Show, Strategy, Task};

use super::args::Watch;

const GROUPS: Show = Show::BASE.union(Show::CRED);

/// Name and user of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProcessInfo {
    pub(super) comm: Comm,
    /// Effective user id.
    pub(super) uid: u32,
}

/// Names and users of all processes.
pub(super) struct ProcessTable {
    client: Client<AnySource>,
    /// `None` if the subscribed events do not contain all changes.
    processes: Option<HashMap<Pid, ProcessInfo>>,
}

impl ProcessTable {
    /// Queries all processes, if the subscribed events contain all later changes.
    pub(super) fn new(client: Client<AnySource>, subscribed: Events) -> taskdiag::Result<Self> {
        let mut table = Self {
            client,
            processes: subscribed.contains(Watch::TRACKING).then(HashMap::new),
        };
        table.query_all()?;
        Ok(table)
    }

    /// Returns name and user of the process of an event, if known.
    pub(super) fn lookup(&mut self, event: &Event) -> Option<ProcessInfo> {
        let pid = event.tgid()?;
        match &self.processes {
            Some(processes) => processes.get(&pid).copied(),
            None => self.query(pid),
        }
    }

    /// Applies the changes of an event that take effect before it is shown.
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

    /// Applies the changes of an event that take effect after it is shown.
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

    /// Copies name and user of the parent to a new process.
    fn inherit(&mut self, pid: Pid, parent: Pid) {
        let Some(processes) = &mut self.processes else {
            return;
        };
        match processes.get(&parent).copied() {
            Some(info) => drop(processes.insert(pid, info)),
            None => self.refresh(pid),
        }
    }

    /// Queries a process again, for example after execve().
    fn refresh(&mut self, pid: Pid) {
        if self.processes.is_none() {
            return;
        }
        // If the process has exited, keep its previous name.
        if let (Some(info), Some(processes)) = (self.query(pid), &mut self.processes) {
            processes.insert(pid, info);
        }
    }

    fn update(&mut self, pid: Pid, change: impl FnOnce(&mut ProcessInfo)) {
        if let Some(info) = self.processes.as_mut().and_then(|all| all.get_mut(&pid)) {
            change(info);
        }
    }

    /// Queries one process.
    fn query(&mut self, pid: Pid) -> Option<ProcessInfo> {
        info(&self.client.one(pid, GROUPS).ok()?)
    }

    /// Queries all processes, unless no table is kept.
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
        uid: task.cred.as_ref()?.euid?,
    })
}
