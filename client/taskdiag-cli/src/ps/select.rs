// SPDX-License-Identifier: MIT
//! Selects the tasks that `ps` shows.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use nix::sys::stat::{major, minor};
use nix::unistd::{Group, User};
use taskdiag::{Pid, Show, State};

use super::{number, proc_files};
use crate::row::TaskRow;

bitflags::bitflags! {
    /// Options that select by the user, terminal and session of a task.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct SimpleOptions: u8 {
        const BSD_A = 1;
        const BSD_X = 2;
        /// Session leaders, which only one personality excludes otherwise.
        const BSD_G = 4;
        const UNIX_A = 8;
        const UNIX_D = 16;
    }

    /// Conditions on the user, terminal and session of a task, all of which have to
    /// hold.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Conditions: u8 {
        const OWN_USER = 1;
        /// Includes tasks without a terminal for a caller without one.
        const OWN_TERMINAL = 2;
        const ANY_TERMINAL = 4;
        const NO_LEADER = 8;
    }
}

/// The selection. A task is shown if any of these criteria selects it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) all: bool,
    pub(super) simple: SimpleOptions,
    pub(super) lists: Vec<SelectionList>,
    /// `r`: show only running tasks of the selection.
    pub(super) running: bool,
    /// `-N`: show only tasks that are not selected.
    pub(super) negated: bool,
    /// `-q`: show exactly these tasks, in this order.
    pub(super) quick: Option<Vec<Pid>>,
    /// The meaning of `simple`, which [`Self::resolve`] sets.
    conditions: Conditions,
}

/// A list of values that selects tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SelectionList {
    Pids(Vec<Pid>),
    Parents(Vec<Pid>),
    ProcessGroups(Vec<Pid>),
    Sessions(Vec<Pid>),
    Users(Vec<u32>),
    RealUsers(Vec<u32>),
    Groups(Vec<u32>),
    RealGroups(Vec<u32>),
    /// Device numbers; 0 selects tasks without a terminal.
    Terminals(Vec<u32>),
    /// The terminal of the caller; tasks without one for a caller without one.
    OwnTerminal,
    Names(Vec<Vec<u8>>),
}

/// Splits a list, and parses each word.
fn parse_each<T>(list: &[u8], read: impl Fn(&[u8]) -> Result<T, String>) -> Result<Vec<T>, String> {
    let words = list.split(|byte| matches!(byte, b',' | b' ' | b'\t'));
    words
        .map(|word| {
            if word.is_empty() {
                return Err(format!("empty word in the list {:?}", lossy(list)));
            }
            read(word)
        })
        .collect()
}

fn lossy(word: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(word)
}

/// The largest value of a pid in the ABI.
const MAX_ID: u64 = i32::MAX.unsigned_abs() as u64;

/// The largest pid that a kernel can assign, `PID_MAX_LIMIT`.
const MAX_PID: Pid = 4 * 1024 * 1024;

/// Parses the id of a process, group or session. The kernel decides whether it exists.
fn parse_pid(word: &[u8]) -> Result<Pid, String> {
    parse_id(word, 1)
}

/// Parses the id of a parent, which is 0 for the first processes.
fn parse_parent(word: &[u8]) -> Result<Pid, String> {
    parse_id(word, 0)
}

fn parse_id(word: &[u8], least: u64) -> Result<Pid, String> {
    number::parse(word)
        .filter(|id| (least..=MAX_ID).contains(id))
        .and_then(|id| id.try_into().ok())
        .ok_or_else(|| {
            format!(
                "invalid number {:?} in a list of ids: expected {least} to {MAX_ID}",
                lossy(word)
            )
        })
}

/// The id of an unknown name in a negated selection.
const NO_ID: u32 = u32::MAX;

/// Parses a user or group id, or looks up its name.
fn parse_owner(
    kind: &str,
    word: &[u8],
    unknown_is_none: bool,
    look_up: impl FnOnce(&str) -> Option<u32>,
) -> Result<u32, String> {
    let id = match number::parse(word) {
        Some(id) => id.try_into().ok().filter(|&id| id != NO_ID),
        None => std::str::from_utf8(word).ok().and_then(look_up),
    };
    match id {
        Some(id) => Ok(id),
        None if unknown_is_none => Ok(NO_ID),
        None => Err(format!(
            "invalid {kind} name or id {:?}: not found",
            lossy(word)
        )),
    }
}

fn parse_users(list: &[u8], unknown_is_none: bool) -> Result<Vec<u32>, String> {
    let look_up = |name: &str| Some(User::from_name(name).ok()??.uid.as_raw());
    parse_each(list, |word| {
        parse_owner("user", word, unknown_is_none, look_up)
    })
}

fn parse_groups(list: &[u8], unknown_is_none: bool) -> Result<Vec<u32>, String> {
    let look_up = |name: &str| Some(Group::from_name(name).ok()??.gid.as_raw());
    parse_each(list, |word| {
        parse_owner("group", word, unknown_is_none, look_up)
    })
}

/// Returns the device number of a terminal: of a path, or of a name in `/dev` whose
/// beginning may be missing. `-` and `?` mean no terminal, and so does any file
/// with a name of one character, because the shell may have expanded the `?`.
fn parse_terminal(word: &[u8]) -> Result<u32, String> {
    let name = lossy(word);
    let paths = if name.starts_with('/') {
        vec![name.to_string()]
    } else {
        vec![
            format!("/dev/pts/{name}"),
            format!("/dev/{name}"),
            format!("/dev/tty{name}"),
            format!("/dev/pty{name}"),
            format!("/dev/{name}nsole"),
        ]
    };
    match paths.iter().find_map(|path| fs::metadata(path).ok()) {
        Some(file) if file.file_type().is_char_device() => Ok(device_number(file.rdev())),
        Some(_) => Err(format!("{name:?} is not a terminal")),
        None if matches!(word, b"-" | b"?") => Ok(0),
        None if word.len() == 1 && Path::new(std::ffi::OsStr::from_bytes(word)).exists() => Ok(0),
        None => Err(format!("terminal {name:?} not found")),
    }
}

/// Returns a device number in the encoding of the kernel.
fn device_number(device: u64) -> u32 {
    let (major, minor) = (major(device), minor(device));
    let encoded = (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12);
    encoded.try_into().unwrap_or(u32::MAX)
}

/// Parses names. A name that contains a separator is the list as a whole.
fn parse_names(list: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut names = parse_each(list, |word| Ok(word.to_vec()))?;
    if names.len() > 1 {
        names.push(list.to_vec());
    }
    Ok(names)
}

impl SelectionList {
    pub(super) fn pids(list: &[u8]) -> Result<Self, String> {
        parse_each(list, parse_pid).map(Self::Pids)
    }

    pub(super) fn parents(list: &[u8]) -> Result<Self, String> {
        parse_each(list, parse_parent).map(Self::Parents)
    }

    pub(super) fn sessions(list: &[u8]) -> Result<Self, String> {
        parse_each(list, parse_pid).map(Self::Sessions)
    }

    pub(super) fn users(list: &[u8], unknown_is_none: bool) -> Result<Self, String> {
        parse_users(list, unknown_is_none).map(Self::Users)
    }

    pub(super) fn real_users(list: &[u8], unknown_is_none: bool) -> Result<Self, String> {
        parse_users(list, unknown_is_none).map(Self::RealUsers)
    }

    pub(super) fn groups(list: &[u8], unknown_is_none: bool) -> Result<Self, String> {
        parse_groups(list, unknown_is_none).map(Self::Groups)
    }

    pub(super) fn real_groups(list: &[u8], unknown_is_none: bool) -> Result<Self, String> {
        parse_groups(list, unknown_is_none).map(Self::RealGroups)
    }

    pub(super) fn terminals(list: &[u8]) -> Result<Self, String> {
        parse_each(list, parse_terminal).map(Self::Terminals)
    }

    pub(super) fn names(list: &[u8]) -> Result<Self, String> {
        parse_names(list).map(Self::Names)
    }

    pub(super) fn process(word: &[u8]) -> Result<Self, String> {
        Ok(Self::Pids(vec![parse_pid(word)?]))
    }

    pub(super) fn process_group(word: &[u8]) -> Result<Self, String> {
        Ok(Self::ProcessGroups(vec![parse_pid(word)?]))
    }

    pub(super) fn session(word: &[u8]) -> Result<Self, String> {
        Ok(Self::Sessions(vec![parse_pid(word)?]))
    }

    /// Whether the list selects the task.
    fn contains(&self, row: &TaskRow, caller: Caller) -> bool {
        let base = |field: fn(&taskdiag::Base) -> Option<u32>| row.base.as_ref().and_then(field);
        let cred = |field: fn(&taskdiag::Cred) -> Option<u32>| row.cred.as_ref().and_then(field);
        let listed = |list: &[u32], value: Option<u32>| value.is_some_and(|v| list.contains(&v));
        match self {
            Self::Pids(pids) => pids.contains(&row.tgid),
            Self::Parents(pids) => listed(pids, base(|base| Some(base.ppid))),
            Self::ProcessGroups(pids) => listed(pids, base(|base| base.pgid)),
            Self::Sessions(pids) => listed(pids, base(|base| base.sid)),
            Self::Users(ids) => listed(ids, cred(|cred| cred.euid)),
            Self::RealUsers(ids) => listed(ids, cred(|cred| cred.uid)),
            Self::Groups(ids) => listed(ids, cred(|cred| cred.egid)),
            Self::RealGroups(ids) => listed(ids, cred(|cred| cred.gid)),
            Self::Terminals(devices) => listed(devices, Some(terminal(row))),
            Self::OwnTerminal => terminal(row) == caller.terminal,
            Self::Names(names) => row.base.is_some_and(|base| {
                let full = proc_files::full_name(row, base.comm.as_bytes(), caller.reads_files);
                names.iter().any(|name| is_named(&full, name))
            }),
        }
    }
}

/// Whether a task has this name, of which the kernel keeps 15 bytes, except for its own
/// threads.
fn is_named(comm: &[u8], name: &[u8]) -> bool {
    comm == name || comm.len() == 15 && name.starts_with(comm)
}

/// Returns the device number of the terminal of a task, 0 without a terminal.
fn terminal(row: &TaskRow) -> u32 {
    row.stat.as_deref().map_or(0, |stat| stat.tty)
}

/// The user and terminal of this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub(super) euid: u32,
    pub(super) terminal: u32,
    /// Whether `/proc` has the files of the listed tasks.
    pub(super) reads_files: bool,
}

impl Caller {
    /// A placeholder for selections that do not depend on the caller.
    pub(super) const UNKNOWN: Self = Self {
        euid: u32::MAX,
        terminal: 0,
        reads_files: true,
    };

    /// Finds the terminal of this process among the listed tasks.
    pub(super) fn find(pid: Pid, rows: &[TaskRow]) -> Self {
        let own = rows.iter().find(|row| row.tgid == pid);
        Self {
            euid: nix::unistd::geteuid().as_raw(),
            terminal: own.map_or(0, terminal),
            reads_files: true,
        }
    }
}

impl Selection {
    /// Adds a list to the criteria.
    pub(super) fn add(&mut self, list: SelectionList) {
        self.lists.push(list);
    }

    /// Adds the list of `-q`.
    pub(super) fn add_quick(&mut self, list: &[u8]) -> Result<(), String> {
        match self.quick.replace(parse_each(list, parse_pid)?) {
            None => Ok(()),
            Some(_) => Err("-q can be given once".to_owned()),
        }
    }

    /// Decides the meaning of the simple options. Without any option, tasks with the
    /// user and terminal of the caller are selected; with BSD defaults, tasks with the
    /// user of the caller and any terminal.
    pub(super) fn resolve(&mut self, bsd: bool, leaders_need_g: bool) -> Result<(), String> {
        let leaders = self.simple.contains(SimpleOptions::BSD_G) || !leaders_need_g;
        let unix = SimpleOptions::UNIX_A | SimpleOptions::UNIX_D;
        let simple = self.simple - SimpleOptions::BSD_G;
        if simple.intersects(unix) && !unix.contains(self.simple) {
            return Err("process selection options conflict".to_owned());
        }
        self.conditions = if simple.is_empty() && !bsd {
            Conditions::OWN_USER | Conditions::OWN_TERMINAL
        } else if simple.is_empty() {
            Conditions::OWN_USER | Conditions::ANY_TERMINAL
        } else if simple == SimpleOptions::UNIX_A {
            Conditions::NO_LEADER | Conditions::ANY_TERMINAL
        } else if unix.contains(simple) {
            Conditions::NO_LEADER
        } else if simple == SimpleOptions::BSD_A {
            Conditions::ANY_TERMINAL
        } else if simple == SimpleOptions::BSD_X {
            Conditions::OWN_USER
        } else {
            Conditions::empty()
        };
        if !leaders && bsd {
            self.conditions |= Conditions::NO_LEADER;
        }
        self.all |= self.conditions.is_empty();
        Ok(())
    }

    /// Returns the pids to request from the kernel, if only listed pids can be
    /// selected. The kernel rejects pids that it can never assign.
    pub(super) fn pids(&self) -> Option<Vec<Pid>> {
        let possible = |pids: Vec<Pid>| pids.into_iter().filter(|&pid| pid <= MAX_PID).collect();
        if let Some(quick) = &self.quick {
            return Some(possible(quick.clone()));
        }
        if self.all || self.negated || !self.simple.is_empty() || self.lists.is_empty() {
            return None;
        }
        let mut pids = Vec::new();
        for list in &self.lists {
            match list {
                SelectionList::Pids(some) => pids.extend(some),
                _ => return None,
            }
        }
        Some(possible(pids))
    }

    /// Whether the selection does not depend on users, terminals and lists.
    pub(super) fn is_all_processes(&self) -> bool {
        self.quick.is_some() || self.all
    }

    /// Returns the groups that the selection needs.
    pub(super) fn groups(&self) -> Show {
        if self.is_all_processes() {
            return Show::BASE;
        }
        Show::BASE | Show::CRED | Show::STAT
    }

    /// Whether the task is shown.
    pub(super) fn selects(&self, row: &TaskRow, caller: Caller) -> bool {
        // Like ps, leave out a task that the mount of /proc only lists.
        let Some(base) = row.base else {
            return false;
        };
        let runs = matches!(base.state, State::Running | State::Uninterruptible);
        let accepted = self.accepts(row, caller) && (runs || !self.running);
        accepted != self.negated
    }

    fn accepts(&self, row: &TaskRow, caller: Caller) -> bool {
        if self.is_all_processes() {
            return true;
        }
        let uses_conditions = !self.simple.is_empty() || self.lists.is_empty();
        (uses_conditions && self.meets_conditions(row, caller))
            || self.lists.iter().any(|list| list.contains(row, caller))
    }

    fn meets_conditions(&self, row: &TaskRow, caller: Caller) -> bool {
        let tty = terminal(row);
        [
            (
                Conditions::OWN_USER,
                row.cred.is_some_and(|cred| cred.euid == Some(caller.euid)),
            ),
            (Conditions::OWN_TERMINAL, tty == caller.terminal),
            (Conditions::ANY_TERMINAL, tty != 0),
            (
                Conditions::NO_LEADER,
                row.base.is_none_or(|base| base.sid != Some(base.tgid)),
            ),
        ]
        .into_iter()
        .all(|(condition, holds)| holds || !self.conditions.contains(condition))
    }
}

#[cfg(test)]
mod tests;
