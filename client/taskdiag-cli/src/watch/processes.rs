// SPDX-License-Identifier: MIT
//! Names, users and arguments of processes, which events do not contain.
//!
//! If the subscribed events contain all changes, a table of all processes is kept
//! up to date. Otherwise each process is queried when its event is shown; this
//! fails for a process that has already exited.

use std::collections::{HashMap, HashSet};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;

use nix::libc;
use taskdiag::events::{Event, EventKind, ProcessHandle};
use taskdiag::{AnySource, Client, Comm, Error, Pid, Request, Show, State, Strategy, Task};

use super::args::Watch;
use super::ends::{EndTracker, Life, Lookup};

const GROUPS: Show = Show::BASE
    .union(Show::CRED)
    .union(Show::CMDLINE)
    .union(Show::IDENT);

/// Name, user and arguments of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProcessInfo {
    pub(super) comm: Comm,
    /// Effective user id, if it is known.
    pub(super) uid: Option<u32>,
    /// Arguments with a NUL after each, if they could be read.
    pub(super) args: Option<Arc<[u8]>>,
    /// Whether the process is selected by `--tree`.
    pub(super) in_tree: bool,
    /// Whether the process is selected by `--cgroup`.
    pub(super) in_cgroup: bool,
}

impl ProcessInfo {
    pub(super) fn new(comm: Comm, uid: Option<u32>) -> Self {
        Self {
            comm,
            uid,
            args: None,
            in_tree: false,
            in_cgroup: false,
        }
    }

    fn read(task: &Task) -> Option<Self> {
        let mut info = Self::new(
            task.base?.comm,
            task.cred.as_ref().and_then(|cred| cred.euid),
        );
        info.args = task.cmdline.as_ref().map(|args| Arc::from(args.as_bytes()));
        Some(info)
    }

    /// Adds the fields that a query did not report, and the selection.
    fn after(mut self, former: &Self) -> Self {
        self.uid = self.uid.or(former.uid);
        self.in_tree |= former.in_tree;
        self.in_cgroup |= former.in_cgroup;
        self
    }
}

/// Names, users and arguments of all processes.
pub(super) struct ProcessTable {
    client: Client<AnySource>,
    /// `None` if the subscribed events do not contain all changes.
    processes: Option<HashMap<Pid, ProcessInfo>>,
    /// Pids that the last list of all processes did not contain. Their exit events
    /// may be queued.
    unlisted: HashSet<Pid>,
    /// Root of the processes that `--tree` selects.
    root: Option<Pid>,
    cgroup: Option<u64>,
}

impl ProcessTable {
    /// Queries all processes, if the subscribed events contain all later changes.
    pub(super) fn new(
        client: Client<AnySource>,
        options: &Watch,
        ends: &mut EndTracker,
    ) -> taskdiag::Result<Self> {
        let tracks = options.subscribed_events().contains(Watch::TRACKING);
        let mut table = Self {
            client,
            processes: tracks.then(HashMap::new),
            unlisted: HashSet::new(),
            root: options.tree,
            cgroup: options.cgroup,
        };
        table.query_all(ends)?;
        Ok(table)
    }

    /// Whether `--tree` selects at least one process.
    pub(super) fn has_tree(&self) -> bool {
        let mut all = self.processes.iter().flat_map(HashMap::values);
        all.any(|info| info.in_tree)
    }

    /// Returns name, user and arguments of the process of an event, if known.
    pub(super) fn lookup(&mut self, event: &Event) -> Option<ProcessInfo> {
        let pid = event.tgid()?;
        if self.processes.is_none() {
            return self.query(pid);
        }
        // No event reports that a process moves to another cgroup.
        if self.cgroup.is_some() && !matches!(event.kind, EventKind::Exit { .. }) {
            if let Ok(pids) = self.pids_in_cgroup(Some(pid)) {
                let exists = self.client.one(pid, Show::BASE).is_ok();
                self.update(pid, |info| {
                    if exists {
                        info.in_cgroup = pids.contains(&pid);
                    }
                });
            }
        }
        self.processes.as_ref()?.get(&pid).cloned()
    }

    /// Applies the changes of an event that take effect before it is shown.
    pub(super) fn apply_before(
        &mut self,
        event: &Event,
        ends: &mut EndTracker,
    ) -> taskdiag::Result<()> {
        match event.kind {
            EventKind::Lost(_) => {
                ends.lost();
                self.query_all(ends)?;
            }
            EventKind::Fork {
                tgid, parent_tgid, ..
            } if event.kind.is_of_process() => self.inherit(tgid, parent_tgid),
            EventKind::Exec { tgid, .. } => self.refresh(tgid),
            EventKind::Uid { tgid, euid, .. } if event.kind.is_of_process() => {
                self.update(tgid, |info| info.uid = Some(euid));
            }
            _ => {}
        }
        Ok(())
    }

    /// Applies the changes of an event that take effect after it is shown.
    pub(super) fn apply_after(&mut self, event: &Event) {
        if let (EventKind::Comm { tgid, comm, .. }, true) = (event.kind, event.kind.is_of_process())
        {
            self.update(tgid, |info| info.comm = comm);
        }
    }

    /// Removes a process that has ended.
    pub(super) fn remove(&mut self, pid: Pid) {
        self.processes.as_mut().and_then(|all| all.remove(&pid));
    }

    /// Copies name and user of the parent to a new process.
    fn inherit(&mut self, pid: Pid, parent: Pid) {
        let Some(processes) = &mut self.processes else {
            return;
        };
        match processes.get(&parent).cloned() {
            Some(info) => drop(processes.insert(pid, info)),
            None => {
                processes.remove(&pid);
                self.refresh(pid);
            }
        }
    }

    /// Queries a process again, for example after execve().
    fn refresh(&mut self, pid: Pid) {
        if self.processes.is_none() {
            return;
        }
        // If the process has exited, keep its previous name, but not the arguments
        // of the previous program.
        let Some(info) = self.query(pid) else {
            return self.update(pid, |info| info.args = None);
        };
        if let Some(processes) = &mut self.processes {
            let info = match processes.get(&pid) {
                Some(former) => info.after(former),
                None => info,
            };
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
        let task = self.client.one(pid, GROUPS).ok()?;
        // A zombie has no arguments left.
        let is_dead = task.base.is_some_and(|base| is_dead(base.state));
        let mut info = ProcessInfo::read(&task)?;
        if is_dead {
            info.args = None;
        }
        Some(info)
    }

    /// Queries all processes, unless no table is kept.
    fn query_all(&mut self, ends: &mut EndTracker) -> taskdiag::Result<()> {
        let Some(processes) = &mut self.processes else {
            return Ok(());
        };
        processes.retain(|pid, _| !self.unlisted.contains(pid));
        self.unlisted = processes.keys().copied().collect();
        let request = Request::new(Strategy::All).show(GROUPS);
        for task in self.client.dump(&request)?.tasks() {
            let task = task?;
            if let Some(info) = ProcessInfo::read(&task) {
                ends.listed(task.tgid, task.ident.map(|ident| ident.start_time));
                let info = match processes.get(&task.tgid) {
                    Some(former) => info.after(former),
                    None => info,
                };
                processes.insert(task.tgid, info);
                self.unlisted.remove(&task.tgid);
            }
        }
        self.list_threads(ends)?;
        if self.cgroup.is_some() {
            for pid in self.pids_in_cgroup(None)? {
                self.update(pid, |info| info.in_cgroup = true);
            }
        }
        if let Some(root) = self.root {
            for pid in self.pids_in_tree(root)? {
                self.update(pid, |info| info.in_tree = true);
            }
        }
        Ok(())
    }

    /// Lists the threads whose exit event is to come.
    fn list_threads(&mut self, ends: &mut EndTracker) -> taskdiag::Result<()> {
        let request = Request::new(Strategy::AllThreads).show(Show::BASE);
        for task in self.client.dump(&request)?.tasks() {
            let task = task?;
            if !task.base.is_some_and(|base| is_dead(base.state)) {
                ends.listed_thread(task.pid, task.tgid);
            }
        }
        Ok(())
    }

    /// Returns the processes in the cgroup of `--cgroup` and below it.
    fn pids_in_cgroup(&mut self, only: Option<Pid>) -> taskdiag::Result<HashSet<Pid>> {
        let Some(cgroup) = self.cgroup else {
            return Ok(HashSet::new());
        };
        let mut request = Request::new(Strategy::All).show(Show::BASE).cgroup(cgroup);
        if let Some(pid) = only {
            request = request.pids([pid]);
        }
        self.pids(&request)
    }

    /// Returns the process of `--tree` and its descendants.
    fn pids_in_tree(&mut self, root: Pid) -> taskdiag::Result<HashSet<Pid>> {
        let request = Request::new(Strategy::Descendants(root)).show(Show::BASE);
        let mut pids = match self.pids(&request) {
            Ok(pids) => pids,
            // The root has ended, and its descendants are known.
            Err(error) if is_gone(&error) => return Ok(HashSet::new()),
            Err(error) => return Err(error),
        };
        pids.insert(root);
        Ok(pids)
    }

    fn pids(&mut self, request: &Request<'_>) -> taskdiag::Result<HashSet<Pid>> {
        let mut dump = self.client.dump(request)?;
        dump.tasks().map(|task| Ok(task?.tgid)).collect()
    }
}

/// Looks up processes with a client.
pub(super) struct LifeQuery(pub(super) Client<AnySource>);

impl LifeQuery {
    /// Queries a process, and returns its start time as well.
    pub(super) fn query(&mut self, pid: Pid) -> taskdiag::Result<(Life, Option<u64>)> {
        const LIFE: Show = Show::BASE.union(Show::STAT).union(Show::IDENT);
        match self.0.one(pid, LIFE) {
            Ok(task) if task.tgid == pid => {
                let start_time = task.ident.map(|ident| ident.start_time);
                Ok((life_of(&task), start_time))
            }
            Ok(_) => Ok((Life::Gone, None)),
            Err(error) if is_gone(&error) => Ok((invisible(pid), None)),
            Err(error) => Err(error),
        }
    }
}

impl Lookup for LifeQuery {
    fn life(&mut self, pid: Pid, start_time: Option<u64>) -> Life {
        match self.query(pid) {
            Ok((life, found)) => match (found, start_time) {
                (Some(found), Some(start_time)) if found != start_time => Life::Gone,
                _ => life,
            },
            Err(_) => invisible(pid),
        }
    }
}

fn life_of(task: &Task) -> Life {
    let dead = task.base.is_some_and(|base| is_dead(base.state));
    match &task.stat {
        Some(stat) if dead && stat.num_threads <= 1 => {
            Life::Ended(stat.exit_code.map(ExitStatus::from_raw))
        }
        _ => Life::Running,
    }
}

/// Looks up a process that the caller may not see.
fn invisible(pid: Pid) -> Life {
    match ProcessHandle::open(pid) {
        Ok(Some(handle)) => match handle.has_ended() {
            Ok(false) => Life::Running,
            _ => Life::Ended(None),
        },
        _ => Life::Gone,
    }
}

fn is_dead(state: State) -> bool {
    matches!(state, State::Zombie | State::Dead)
}

fn is_gone(error: &Error) -> bool {
    error.errno() == Some(libc::ESRCH)
}
