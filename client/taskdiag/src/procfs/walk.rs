// SPDX-License-Identifier: MIT
//! Which tasks: the numbers that a strategy names, in the kernel's order.
//!
//! They are taken when the request comes; who has gone when its turn comes is
//! passed over.

use std::collections::{BTreeMap, HashSet};
use std::io;

use super::folder::{Lack, Proc, optional};
use super::member::Member;
use super::request::Tasks;
use super::text::{self, Stat, Status};
use crate::pid::Pid;
use crate::request::Strategy;

/// How often a list of children is read until it says the same twice.
const PATIENCE: usize = 4;

/// The tasks that are asked for; `None` if the one they hang on is not there.
pub(super) fn members(proc: &mut Proc, tasks: &Tasks) -> io::Result<Option<Vec<Member>>> {
    let members = match tasks.strategy {
        Strategy::All => Ok(Some(all(proc, tasks))),
        Strategy::AllThreads => Ok(Some(all_threads(proc, tasks))),
        Strategy::One(pid) => one(proc, pid),
        Strategy::Children(pid) => related(proc, pid, children),
        Strategy::Threads(pid) => related(proc, pid, threads),
        Strategy::Descendants(pid) => related(proc, pid, descendants),
    };
    let members = match members {
        Ok(Some(Ok(members))) => members,
        Ok(None) | Err(Lack::Gone | Lack::Denied) => return Ok(None),
        Ok(Some(Err(lack))) | Err(lack) => return Err(error(lack)),
    };
    let listed = |member: &Member| tasks.lists(member.pid) && !proc.hides(member.tgid);
    Ok(Some(members.into_iter().filter(listed).collect()))
}

fn error(lack: Lack) -> io::Error {
    match lack {
        Lack::Io(error) => error,
        lack => io::Error::other(format!("{lack:?}")),
    }
}

/// The process that a task belongs to.
fn process_of(proc: &mut Proc, pid: Pid) -> Result<Option<Pid>, Lack> {
    let status = optional(proc.read(format_args!("{pid}/status")))?;
    let tgid = status.and_then(Status::parse_tgid);
    Ok(tgid.filter(|&tgid| !proc.hides(tgid)))
}

type Members = Result<Vec<Member>, Lack>;

/// Every process, or those listed: a list costs as much as it has entries.
fn all(proc: &mut Proc, tasks: &Tasks) -> Members {
    let Some(pids) = &tasks.filters.pids else {
        let processes = processes(proc)?;
        return Ok(processes.into_iter().map(Member::process).collect());
    };
    let mut members = Vec::new();
    for &pid in pids {
        if process_of(proc, pid)? == Some(pid) {
            members.push(Member::process(pid));
        }
    }
    Ok(members)
}

fn all_threads(proc: &mut Proc, tasks: &Tasks) -> Members {
    let mut members = Vec::new();
    match &tasks.filters.pids {
        Some(pids) => {
            for &pid in pids {
                let tgid = process_of(proc, pid)?;
                members.extend(tgid.map(|tgid| Member::thread(pid, tgid)));
            }
        }
        None => {
            for process in processes(proc)? {
                members.extend(threads(proc, process)?);
            }
            members.sort_unstable_by_key(|member| member.pid);
        }
    }
    Ok(members)
}

fn one(proc: &mut Proc, pid: Pid) -> Result<Option<Members>, Lack> {
    let tgid = process_of(proc, pid)?;
    Ok(tgid.map(|tgid| {
        Ok(vec![if tgid == pid {
            Member::process(pid)
        } else {
            Member::thread(pid, tgid)
        }])
    }))
}

/// Those who hang on the process that a task belongs to.
fn related(
    proc: &mut Proc,
    pid: Pid,
    take: impl Fn(&mut Proc, Pid) -> Members,
) -> Result<Option<Members>, Lack> {
    let tgid = process_of(proc, pid)?;
    Ok(tgid.map(|tgid| take(proc, tgid)))
}

/// In ascending order.
fn processes(proc: &mut Proc) -> Result<Vec<Pid>, Lack> {
    let mut processes = proc.numbers(format_args!("."))?;
    processes.sort_unstable();
    Ok(processes)
}

fn threads(proc: &mut Proc, tgid: Pid) -> Members {
    // None of them is left of one that has gone meanwhile.
    let threads = optional(proc.numbers(format_args!("{tgid}/task")))?;
    let threads = threads.into_iter().flatten();
    Ok(threads.map(|pid| Member::thread(pid, tgid)).collect())
}

fn children(proc: &mut Proc, tgid: Pid) -> Members {
    let children = Families::default().children(proc, tgid)?;
    Ok(children.into_iter().map(Member::process).collect())
}

/// What has been taken is what is still to be asked for children, so parents
/// come first.
fn descendants(proc: &mut Proc, tgid: Pid) -> Members {
    let mut families = Families::default();
    // Who is adopted meanwhile is somebody else's child as well.
    let mut seen = HashSet::from([tgid]);
    let mut members = Vec::new();
    let mut next = Some(tgid);
    let mut asked = 0;
    while let Some(parent) = next {
        let children = families.children(proc, parent)?;
        members.extend(
            children
                .into_iter()
                .filter(|&child| seen.insert(child))
                .map(Member::process),
        );
        next = members.get(asked).map(|member: &Member| member.pid);
        asked += 1;
    }
    Ok(members)
}

/// Who is whose child.
#[derive(Debug, Default)]
struct Families {
    /// By parent: where the kernel has no lists of children to read, each
    /// process is asked for its parent, once a request.
    scanned: Option<BTreeMap<Pid, Vec<Pid>>>,
}

impl Families {
    fn children(&mut self, proc: &mut Proc, tgid: Pid) -> Result<Vec<Pid>, Lack> {
        if self.scanned.is_none() {
            match told_children(proc, tgid)? {
                Some(children) => return Ok(children),
                // Either has no such lists, or is gone and has no children.
                None if !proc.has_path(format_args!("{tgid}/task/{tgid}")) => {
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

/// The children of all threads of a process, as their lists have them. A list
/// goes on by position where it is long or somebody leaves it, and may pass
/// over one then: so it is read until it says the same twice, and who has been
/// in it once counts.
fn told_children(proc: &mut Proc, tgid: Pid) -> Result<Option<Vec<Pid>>, Lack> {
    let mut last = None;
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    for _ in 0..PATIENCE {
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

fn read_children(proc: &mut Proc, tgid: Pid) -> Result<Option<Vec<Pid>>, Lack> {
    let mut children = Vec::new();
    let mut any = false;
    for Member { pid, .. } in threads(proc, tgid)? {
        let list = proc.read_all(format_args!("{tgid}/task/{pid}/children"));
        if let Some(list) = optional(list)? {
            any = true;
            children.extend(text::words(&list).filter_map(text::number::<Pid>));
        }
    }
    Ok(any.then_some(children))
}

/// Asks each process for its parent.
fn scan(proc: &mut Proc) -> Result<BTreeMap<Pid, Vec<Pid>>, Lack> {
    let mut families: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for pid in processes(proc)? {
        let stat = optional(proc.read(format_args!("{pid}/stat")))?;
        if let Some(stat) = stat.and_then(Stat::parse) {
            let parent = stat.get(text::field::PPID) as Pid;
            families.entry(parent).or_default().push(pid);
        }
    }
    Ok(families)
}
