// SPDX-License-Identifier: MIT
//! The tasks that a strategy selects, in the kernel's order.
//!
//! They are listed when the dump starts. A task that is gone when its row is read is
//! left out.

use std::collections::{BTreeMap, HashSet};
use std::io;

use super::dir::{Proc, ReadError, optional};
use super::parse::{self, Stat, Status};
use super::query::Query;
use super::target::Target;
use crate::pid::Pid;
use crate::request::Strategy;

/// Maximum number of times that a list of children is read until two successive
/// results are equal.
const ATTEMPTS: usize = 4;

/// Lists the tasks of a request; `None` if the task that its strategy names does not
/// exist.
pub(super) fn list(proc: &mut Proc, query: &Query) -> io::Result<Option<Vec<Target>>> {
    let targets = match query.strategy {
        Strategy::All => all(proc, query),
        Strategy::AllThreads => all_threads(proc, query),
        Strategy::One(pid) => one(proc, pid),
        Strategy::Children(pid) => process_named(proc, pid).and_then(|tgid| children(proc, tgid)),
        Strategy::Threads(pid) => process_named(proc, pid).and_then(|tgid| threads(proc, tgid)),
        Strategy::Descendants(pid) => {
            process_named(proc, pid).and_then(|tgid| descendants(proc, tgid))
        }
    };
    match targets {
        Ok(mut targets) => {
            targets.retain(|target| query.includes(target.pid));
            Ok(Some(targets))
        }
        Err(ReadError::Gone | ReadError::Denied) => Ok(None),
        Err(ReadError::Io(error)) => Err(error),
        Err(error) => Err(io::Error::other(format!("{error:?}"))),
    }
}

/// Returns the pid of the process that a task belongs to.
fn process_of(proc: &mut Proc, pid: Pid) -> Result<Pid, ReadError> {
    let read = proc.read(format_args!("{pid}/status"));
    let tgid = match read.map(Status::parse_tgid) {
        Ok(tgid) => tgid,
        // The /proc of a sandbox may lack the file.
        Err(ReadError::Gone) if proc.has_path(format_args!("{pid}/stat")) => None,
        Err(error) => return Err(error),
    };
    match tgid {
        Some(0) => Err(ReadError::Gone),
        Some(tgid) => Ok(tgid),
        // The root directory lists processes only.
        None if proc.pids(format_args!("."))?.contains(&pid) => Ok(pid),
        None => Err(ReadError::Gone),
    }
}

/// Returns the pid of the process of the task that a strategy names.
fn process_named(proc: &mut Proc, pid: Pid) -> Result<Pid, ReadError> {
    named(proc, pid)?.ok_or(ReadError::Gone)
}

type Targets = Result<Vec<Target>, ReadError>;

/// Lists every process, or the requested ones: a list of pids costs one read per
/// entry.
fn all(proc: &mut Proc, query: &Query) -> Targets {
    let Some(pids) = &query.filters.pids else {
        let processes = processes(proc)?;
        return Ok(processes.into_iter().map(Target::process).collect());
    };
    let mut targets = Vec::new();
    for &pid in pids {
        if named(proc, pid)? == Some(pid) {
            targets.push(Target::process(pid));
        }
    }
    Ok(targets)
}

/// Returns the pid of the process that a task belongs to; `None` if the task does not
/// exist. A task whose files the caller may not read is a process if it is listed.
fn named(proc: &mut Proc, pid: Pid) -> Result<Option<Pid>, ReadError> {
    match process_of(proc, pid) {
        Ok(tgid) => Ok(Some(tgid)),
        Err(ReadError::Gone) => Ok(None),
        Err(ReadError::Denied) => Ok(processes(proc)?.contains(&pid).then_some(pid)),
        Err(error) => Err(error),
    }
}

fn all_threads(proc: &mut Proc, query: &Query) -> Targets {
    let mut targets = Vec::new();
    match &query.filters.pids {
        Some(pids) => {
            for &pid in pids {
                let tgid = named(proc, pid)?;
                targets.extend(tgid.map(|tgid| Target::thread(pid, tgid)));
            }
        }
        None => {
            for process in processes(proc)? {
                match proc.pids(format_args!("{process}/task")) {
                    Ok(threads) => {
                        let threads = threads.into_iter();
                        targets.extend(threads.map(|pid| Target::thread(pid, process)));
                    }
                    Err(ReadError::Gone) => {}
                    // Its other threads are not listed.
                    Err(ReadError::Denied) => targets.push(Target::thread(process, process)),
                    Err(error) => return Err(error),
                }
            }
            targets.sort_unstable_by_key(|target| target.pid);
        }
    }
    Ok(targets)
}

fn one(proc: &mut Proc, pid: Pid) -> Targets {
    let tgid = process_named(proc, pid)?;
    Ok(vec![match tgid == pid {
        true => Target::process(pid),
        false => Target::thread(pid, tgid),
    }])
}

/// Lists all processes, in ascending order.
fn processes(proc: &mut Proc) -> Result<Vec<Pid>, ReadError> {
    let mut processes = proc.pids(format_args!("."))?;
    processes.sort_unstable();
    Ok(processes)
}

fn threads(proc: &mut Proc, tgid: Pid) -> Targets {
    // A process that is gone has no threads.
    let threads = optional(proc.pids(format_args!("{tgid}/task")))?;
    let threads = threads.into_iter().flatten();
    Ok(threads.map(|pid| Target::thread(pid, tgid)).collect())
}

fn children(proc: &mut Proc, tgid: Pid) -> Targets {
    let children = Families::default().children(proc, tgid)?;
    Ok(children.into_iter().map(Target::process).collect())
}

/// Lists the descendants breadth first: parents come before their children.
fn descendants(proc: &mut Proc, tgid: Pid) -> Targets {
    let mut families = Families::default();
    // A process that is reparented during the listing is the child of two others.
    let mut seen = HashSet::from([tgid]);
    let mut targets = Vec::new();
    let mut next = Some(tgid);
    let mut expanded = 0;
    while let Some(parent) = next {
        let children = families.children(proc, parent)?;
        targets.extend(
            children
                .into_iter()
                .filter(|&child| seen.insert(child))
                .map(Target::process),
        );
        next = targets.get(expanded).map(|target: &Target| target.pid);
        expanded += 1;
    }
    Ok(targets)
}

/// The children of processes.
#[derive(Debug, Default)]
struct Families {
    /// Children by parent, from the parent of every process: read once per request,
    /// if the kernel has no lists of children.
    scanned: Option<BTreeMap<Pid, Vec<Pid>>>,
}

impl Families {
    fn children(&mut self, proc: &mut Proc, tgid: Pid) -> Result<Vec<Pid>, ReadError> {
        if self.scanned.is_none() {
            match listed_children(proc, tgid)? {
                Some(children) => return Ok(children),
                // The process is gone; otherwise the kernel has no such lists, or the caller
                // may not read them.
                None if !proc.has_path(format_args!("{tgid}")) => {
                    return Ok(Vec::new());
                }
                None => self.scanned = Some(scan(proc)?),
            }
        }
        let families = self.scanned.as_ref();
        let children = families.and_then(|families| families.get(&tgid));
        Ok(children.cloned().unwrap_or_default())
    }
}

/// Returns the children in the lists of all threads of a process. The kernel
/// continues a long list by position, and may skip a child if another one leaves the
/// list. So the list is read until two successive results are equal, and a child of
/// any result counts.
fn listed_children(proc: &mut Proc, tgid: Pid) -> Result<Option<Vec<Pid>>, ReadError> {
    let mut last = None;
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    for _ in 0..ATTEMPTS {
        let Some(children) = read_children(proc, tgid)? else {
            return Ok(None);
        };
        all.extend(children.iter().copied().filter(|&child| seen.insert(child)));
        if last.as_ref() == Some(&children) {
            break;
        }
        last = Some(children);
    }
    Ok(Some(all))
}

fn read_children(proc: &mut Proc, tgid: Pid) -> Result<Option<Vec<Pid>>, ReadError> {
    let mut children = Vec::new();
    let mut has_lists = false;
    for Target { pid, .. } in threads(proc, tgid)? {
        let list = proc.read_all(format_args!("{tgid}/task/{pid}/children"));
        if let Some(list) = optional(list)? {
            has_lists = true;
            children.extend(parse::words(&list).filter_map(parse::number::<Pid>));
        }
    }
    Ok(has_lists.then_some(children))
}

/// Reads the parent of each process.
fn scan(proc: &mut Proc) -> Result<BTreeMap<Pid, Vec<Pid>>, ReadError> {
    let mut families: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for pid in processes(proc)? {
        let stat = optional(proc.read(format_args!("{pid}/stat")))?;
        let stat = stat.and_then(Stat::parse);
        let parent = match stat.map(|stat| stat.get(parse::field::PPID) as Pid) {
            Some(parent) => Some(parent),
            None => {
                let status = optional(proc.read(format_args!("{pid}/status")))?;
                status.and_then(|status| Status::parse(status).ppid)
            }
        };
        if let Some(parent) = parent {
            families.entry(parent).or_default().push(pid);
        }
    }
    Ok(families)
}
