// SPDX-License-Identifier: MIT
//! Who `ps` shows: what can be selected by, and whether a task is.

use nix::unistd::Group;
use taskdiag::{Pid, Show, State};

use crate::host::Host;
use crate::pid;
use crate::row::Row;

bitflags::bitflags! {
    /// The options that select by what a task is to whoever asks.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Simple: u8 {
        const BSD_A = 1;
        const BSD_X = 2;
        const UNIX_A = 4;
        const UNIX_D = 8;
    }
}

/// Who was asked for. What is selected by any of these is shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) all: bool,
    pub(super) simple: Simple,
    pub(super) lists: Vec<List>,
    pub(super) own_terminal: bool,
    /// Only of these those that run.
    pub(super) running: bool,
    /// All but these.
    pub(super) negated: bool,
    /// `-q`: just these, in this order.
    pub(super) quick: Option<Vec<Pid>>,
}

/// A list to select by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum List {
    Pids(Vec<Pid>),
    Parents(Vec<Pid>),
    Sessions(Vec<Pid>),
    Users(Vec<u32>),
    RealUsers(Vec<u32>),
    Groups(Vec<u32>),
    RealGroups(Vec<u32>),
    /// Names in `/dev`; `-` for none.
    Terminals(Vec<String>),
    Names(Vec<String>),
}

/// Splits a list and reads each of its words.
fn each<T>(list: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let words = list.split(|c: char| c == ',' || c.is_whitespace());
    let values: Vec<T> = words
        .filter(|word| !word.is_empty())
        .map(read)
        .collect::<Result<_, _>>()?;
    if values.is_empty() {
        return Err(format!("{list:?} is an empty list"));
    }
    Ok(values)
}

fn pid(word: &str) -> Result<Pid, String> {
    pid::read(word).ok_or_else(|| {
        let greatest = pid::GREATEST;
        format!("{word:?} is no PID: that is a number from 1 to {greatest}")
    })
}

fn session(word: &str) -> Result<Pid, String> {
    word.parse()
        .map_err(|_| format!("{word:?} is no number of a session"))
}

fn user(word: &str) -> Result<u32, String> {
    crate::filter::user(word).map_err(|error| error.to_string())
}

fn group(word: &str) -> Result<u32, String> {
    if let Ok(gid) = word.parse() {
        return Ok(gid);
    }
    match Group::from_name(word) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        _ => Err(format!("there is no group {word:?}")),
    }
}

fn word(word: &str) -> Result<String, String> {
    Ok(word.to_owned())
}

impl List {
    pub(super) fn pids(list: &str) -> Result<Self, String> {
        each(list, pid).map(Self::Pids)
    }

    pub(super) fn parents(list: &str) -> Result<Self, String> {
        each(list, session).map(Self::Parents)
    }

    pub(super) fn sessions(list: &str) -> Result<Self, String> {
        each(list, session).map(Self::Sessions)
    }

    pub(super) fn users(list: &str) -> Result<Self, String> {
        each(list, user).map(Self::Users)
    }

    pub(super) fn real_users(list: &str) -> Result<Self, String> {
        each(list, user).map(Self::RealUsers)
    }

    pub(super) fn groups(list: &str) -> Result<Self, String> {
        each(list, group).map(Self::Groups)
    }

    pub(super) fn real_groups(list: &str) -> Result<Self, String> {
        each(list, group).map(Self::RealGroups)
    }

    pub(super) fn terminals(list: &str) -> Result<Self, String> {
        each(list, word).map(Self::Terminals)
    }

    pub(super) fn names(list: &str) -> Result<Self, String> {
        each(list, word).map(Self::Names)
    }

    /// Whether the task is in it.
    fn has(&self, row: &Row, host: &Host) -> bool {
        let (Some(base), Some(cred)) = (&row.base, &row.cred) else {
            return false;
        };
        match self {
            Self::Pids(pids) => pids.contains(&row.tgid),
            Self::Parents(pids) => pids.contains(&base.ppid),
            Self::Sessions(pids) => pids.contains(&base.sid),
            Self::Users(ids) => ids.contains(&cred.euid),
            Self::RealUsers(ids) => ids.contains(&cred.uid),
            Self::Groups(ids) => ids.contains(&cred.egid),
            Self::RealGroups(ids) => ids.contains(&cred.gid),
            Self::Terminals(names) => names.iter().any(|name| on(name, terminal(row), host)),
            Self::Names(names) => names.iter().any(|name| {
                let kept = name.len().min(15);
                name.as_bytes()[..kept] == *base.comm.as_bytes()
            }),
        }
    }
}

/// Whether this is the terminal of that name, as people name them.
fn on(name: &str, device: u32, host: &Host) -> bool {
    let name = name.strip_prefix("/dev/").unwrap_or(name);
    match host.terminals.name(device) {
        None => device == 0 && name == "-",
        Some(terminal) => ["", "tty", "pts/"]
            .iter()
            .any(|prefix| terminal.strip_prefix(prefix) == Some(name)),
    }
}

/// The device number of its terminal, 0 for none.
fn terminal(row: &Row) -> u32 {
    row.stat.as_deref().map_or(0, |stat| stat.tty)
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) euid: u32,
    pub(super) terminal: u32,
}

impl Asker {
    /// Where it does not matter.
    pub(super) const NOBODY: Self = Self {
        euid: u32::MAX,
        terminal: 0,
    };

    /// Finds the one with this number among the tasks.
    pub(super) fn find(pid: Pid, rows: &[Row]) -> Self {
        let own = rows.iter().find(|row| row.tgid == pid);
        Self {
            euid: nix::unistd::geteuid().as_raw(),
            terminal: own.map_or(0, terminal),
        }
    }
}

impl Selection {
    pub(super) fn add(&mut self, list: List) {
        self.lists.push(list);
    }

    pub(super) fn quick(&mut self, list: &str) -> Result<(), String> {
        self.quick.get_or_insert_default().extend(each(list, pid)?);
        Ok(())
    }

    /// The only tasks that can be selected, where they were named.
    pub(super) fn pids(&self) -> Option<Vec<Pid>> {
        if self.quick.is_some() {
            return self.quick.clone();
        }
        let others = self.all || self.negated || self.own_terminal || !self.simple.is_empty();
        if others || self.lists.is_empty() {
            return None;
        }
        let mut pids = Vec::new();
        for list in &self.lists {
            match list {
                List::Pids(some) => pids.extend(some),
                _ => return None,
            }
        }
        Some(pids)
    }

    /// Whether everybody is shown, but for who does not run where that is asked
    /// for.
    pub(super) fn is_everybody(&self) -> bool {
        let simple = self.simple == Simple::BSD_A | Simple::BSD_X && !self.negated;
        self.quick.is_some() || self.all || simple
    }

    /// What it takes to select.
    pub(super) fn groups(&self) -> Show {
        if self.is_everybody() {
            return Show::BASE;
        }
        Show::BASE | Show::CRED | Show::STAT
    }

    /// Whether the task is shown. Without any selection those are that have
    /// the asker's user and terminal; in the language without dashes, user and
    /// any terminal.
    pub(super) fn has(&self, row: &Row, asker: Asker, bsd: bool, host: &Host) -> bool {
        if self.quick.is_some() {
            return true;
        }
        let state = row.base.map(|base| base.state);
        let runs = matches!(state, Some(State::Running | State::Uninterruptible));
        if self.running && !runs {
            return false;
        }
        self.all || self.selects(row, asker, bsd, host) != self.negated
    }

    fn selects(&self, row: &Row, asker: Asker, bsd: bool, host: &Host) -> bool {
        let listed = self.own_terminal || !self.lists.is_empty();
        if (!self.simple.is_empty() || !listed) && self.simply(row, asker, bsd) {
            return true;
        }
        let own_terminal = terminal(row) != 0 && terminal(row) == asker.terminal;
        (self.own_terminal && own_terminal) || self.lists.iter().any(|list| list.has(row, host))
    }

    fn simply(&self, row: &Row, asker: Asker, bsd: bool) -> bool {
        let own = row.cred.is_some_and(|cred| cred.euid == asker.euid);
        let tty = terminal(row);
        let leader = row.base.is_some_and(|base| base.sid == base.tgid);
        let simple = self.simple;
        if simple.intersects(Simple::UNIX_A | Simple::UNIX_D) {
            let with_terminal = simple.contains(Simple::UNIX_A) && tty != 0 && !leader;
            let no_leader = simple.contains(Simple::UNIX_D) && !leader;
            return with_terminal || no_leader;
        }
        if simple.is_empty() && !bsd {
            // Who has no terminal is on none together with others.
            return own && tty == asker.terminal;
        }
        let everybody = simple.contains(Simple::BSD_A);
        let everywhere = simple.contains(Simple::BSD_X);
        (own || everybody) && (tty != 0 || everywhere)
    }
}

#[cfg(test)]
mod tests {
    use taskdiag::Stat;

    use super::*;
    use crate::row::samples::plain;

    const ASKER: Asker = Asker {
        euid: 0,
        terminal: 0x8801,
    };

    /// A task of this user on this terminal, and whether it leads its session.
    fn row(euid: u32, tty: u32, leads: bool) -> Row {
        let mut row = plain(7, b"name");
        row.cred.get_or_insert_default().euid = euid;
        row.base.get_or_insert_default().sid = if leads { 7 } else { 1 };
        let mut stat = Stat::default();
        stat.tty = tty;
        row.stat = Some(Box::new(stat));
        row
    }

    fn selected(selection: &Selection, bsd: bool) -> Vec<usize> {
        let host = Host::at(0, true);
        let rows = [
            row(0, 0x8801, false),
            row(0, 0x8802, false),
            row(0, 0, true),
            row(5, 0x8801, true),
            row(5, 0, false),
        ];
        let rows = rows.iter().enumerate();
        rows.filter(|(_, row)| selection.has(row, ASKER, bsd, &host))
            .map(|(index, _)| index)
            .collect()
    }

    fn simple(simple: Simple) -> Selection {
        Selection {
            simple,
            ..Selection::default()
        }
    }

    #[test]
    fn who_is_selected_by_what_they_are() {
        assert_eq!(selected(&Selection::default(), false), [0]);
        assert_eq!(selected(&Selection::default(), true), [0, 1]);
        for (options, expected) in [
            (Simple::BSD_A, &[0, 1, 3][..]),
            (Simple::BSD_X, &[0, 1, 2]),
            (Simple::BSD_A | Simple::BSD_X, &[0, 1, 2, 3, 4]),
            (Simple::UNIX_A, &[0, 1]),
            (Simple::UNIX_D, &[0, 1, 4]),
        ] {
            assert_eq!(selected(&simple(options), true), expected, "{options:?}");
        }
    }

    #[test]
    fn everybody_takes_no_more_than_base() {
        let everybody = simple(Simple::BSD_A | Simple::BSD_X);
        assert_eq!(everybody.groups(), Show::BASE);
        let host = Host::at(0, true);
        for running in [false, true] {
            let selection = Selection {
                running,
                ..simple(Simple::BSD_A | Simple::BSD_X)
            };
            let row = Row {
                cred: None,
                ..plain(7, b"name")
            };
            let shown = selection.has(&row, Asker::NOBODY, true, &host);
            assert_eq!(shown, !running, "it is asleep");
        }
        for other in [
            Simple::BSD_A,
            Simple::BSD_X,
            Simple::BSD_A | Simple::BSD_X | Simple::UNIX_D,
        ] {
            assert_eq!(
                simple(other).groups(),
                Show::BASE | Show::CRED | Show::STAT,
                "{other:?}"
            );
        }
        let others = Selection {
            negated: true,
            ..everybody
        };
        assert!(!others.is_everybody());
    }

    #[test]
    fn lists_add_to_each_other_and_are_turned_round() {
        let mut selection = Selection::default();
        selection.add(List::Users(vec![5]));
        assert_eq!(selected(&selection, true), [3, 4]);
        selection.own_terminal = true;
        assert_eq!(selected(&selection, true), [0, 3, 4]);
        selection.negated = true;
        assert_eq!(selected(&selection, true), [1, 2]);
        selection.all = true;
        assert_eq!(selected(&selection, true).len(), 5);
        selection.running = true;
        assert!(selected(&selection, true).is_empty());
    }

    #[test]
    fn names_are_compared_as_far_as_they_are_kept() {
        let host = Host::at(0, true);
        let list = List::names("0123456789abcdefgh,sh").expect("a list");
        assert!(list.has(&plain(1, b"0123456789abcde"), &host));
        assert!(list.has(&plain(1, b"sh"), &host));
        assert!(!list.has(&plain(1, b"s"), &host));
        assert!(!list.has(&plain(1, b"shell"), &host));
    }

    #[test]
    fn the_kernel_is_asked_for_named_tasks_alone() {
        let mut selection = Selection::default();
        assert_eq!(selection.pids(), None);
        selection.add(List::Pids(vec![2, 1]));
        assert_eq!(selection.pids(), Some(vec![2, 1]));
        selection.add(List::Users(vec![0]));
        assert_eq!(selection.pids(), None);
        selection.quick("5 3").expect("a list");
        assert_eq!(selection.pids(), Some(vec![5, 3]));
    }
}
