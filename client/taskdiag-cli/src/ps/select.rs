// SPDX-License-Identifier: MIT
//! Selects the tasks that `ps` shows.

use nix::unistd::Group;
use taskdiag::{Pid, Show, State};

use crate::host::Host;
use crate::pid;
use crate::row::TaskRow;

bitflags::bitflags! {
    /// Options that select by the user, terminal and session of a task.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct SimpleOptions: u8 {
        const BSD_A = 1;
        const BSD_X = 2;
        const UNIX_A = 4;
        const UNIX_D = 8;
    }
}

/// The selection. A task is shown if any of these criteria selects it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) all: bool,
    pub(super) simple: SimpleOptions,
    pub(super) lists: Vec<SelectionList>,
    pub(super) own_terminal: bool,
    /// `r`: show only running tasks of the selection.
    pub(super) running: bool,
    /// `-N`: show only tasks that are not selected.
    pub(super) negated: bool,
    /// `-q`: show exactly these tasks, in this order.
    pub(super) quick: Option<Vec<Pid>>,
}

/// A list of values that selects tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SelectionList {
    Pids(Vec<Pid>),
    Parents(Vec<Pid>),
    Sessions(Vec<Pid>),
    Users(Vec<u32>),
    RealUsers(Vec<u32>),
    Groups(Vec<u32>),
    RealGroups(Vec<u32>),
    /// Names in `/dev`; `-` selects tasks without a terminal.
    Terminals(Vec<String>),
    Names(Vec<String>),
}

/// Splits a list, and parses each word.
fn parse_each<T>(list: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let words = list.split(|c: char| c == ',' || c.is_whitespace());
    let values: Vec<T> = words
        .filter(|word| !word.is_empty())
        .map(read)
        .collect::<Result<_, _>>()?;
    if values.is_empty() {
        return Err(format!("empty list {list:?}"));
    }
    Ok(values)
}

fn pid(word: &str) -> Result<Pid, String> {
    pid::parse(word).map_err(|error| error.to_string())
}

fn session(word: &str) -> Result<Pid, String> {
    word.parse()
        .map_err(|_| format!("invalid pid or session id {word:?}: expected a number"))
}

fn user(word: &str) -> Result<u32, String> {
    crate::filter::parse_user(word).map_err(|error| error.to_string())
}

fn group(word: &str) -> Result<u32, String> {
    if let Ok(gid) = word.parse() {
        return Ok(gid);
    }
    match Group::from_name(word) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        _ => Err(format!("unknown group {word:?}")),
    }
}

fn word(word: &str) -> Result<String, String> {
    Ok(word.to_owned())
}

impl SelectionList {
    pub(super) fn pids(list: &str) -> Result<Self, String> {
        parse_each(list, pid).map(Self::Pids)
    }

    pub(super) fn parents(list: &str) -> Result<Self, String> {
        parse_each(list, session).map(Self::Parents)
    }

    pub(super) fn sessions(list: &str) -> Result<Self, String> {
        parse_each(list, session).map(Self::Sessions)
    }

    pub(super) fn users(list: &str) -> Result<Self, String> {
        parse_each(list, user).map(Self::Users)
    }

    pub(super) fn real_users(list: &str) -> Result<Self, String> {
        parse_each(list, user).map(Self::RealUsers)
    }

    pub(super) fn groups(list: &str) -> Result<Self, String> {
        parse_each(list, group).map(Self::Groups)
    }

    pub(super) fn real_groups(list: &str) -> Result<Self, String> {
        parse_each(list, group).map(Self::RealGroups)
    }

    pub(super) fn terminals(list: &str) -> Result<Self, String> {
        parse_each(list, word).map(Self::Terminals)
    }

    pub(super) fn names(list: &str) -> Result<Self, String> {
        parse_each(list, word).map(Self::Names)
    }

    /// Whether the list selects the task.
    fn contains(&self, row: &TaskRow, host: &Host) -> bool {
        let (Some(base), Some(cred)) = (&row.base, &row.cred) else {
            return false;
        };
        match self {
            Self::Pids(pids) => pids.contains(&row.tgid),
            Self::Parents(pids) => pids.contains(&base.ppid),
            Self::Sessions(pids) => base.sid.is_some_and(|sid| pids.contains(&sid)),
            Self::Users(ids) => cred.euid.is_some_and(|id| ids.contains(&id)),
            Self::RealUsers(ids) => cred.uid.is_some_and(|id| ids.contains(&id)),
            Self::Groups(ids) => cred.egid.is_some_and(|id| ids.contains(&id)),
            Self::RealGroups(ids) => cred.gid.is_some_and(|id| ids.contains(&id)),
            Self::Terminals(names) => names
                .iter()
                .any(|name| is_terminal(name, terminal(row), host)),
            Self::Names(names) => names.iter().any(|name| {
                let prefix_len = name.len().min(15);
                name.as_bytes()[..prefix_len] == *base.comm.as_bytes()
            }),
        }
    }
}

/// Whether the device is the terminal of this name, which may lack a prefix such
/// as `/dev/` or `pts/`.
fn is_terminal(name: &str, device: u32, host: &Host) -> bool {
    let name = name.strip_prefix("/dev/").unwrap_or(name);
    match host.terminals.name(device) {
        None => device == 0 && name == "-",
        Some(terminal) => ["", "tty", "pts/"]
            .iter()
            .any(|prefix| terminal.strip_prefix(prefix) == Some(name)),
    }
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
}

impl Caller {
    /// A placeholder for selections that do not depend on the caller.
    pub(super) const UNKNOWN: Self = Self {
        euid: u32::MAX,
        terminal: 0,
    };

    /// Finds the terminal of this process among the listed tasks.
    pub(super) fn find(pid: Pid, rows: &[TaskRow]) -> Self {
        let own = rows.iter().find(|row| row.tgid == pid);
        Self {
            euid: nix::unistd::geteuid().as_raw(),
            terminal: own.map_or(0, terminal),
        }
    }
}

impl Selection {
    /// Adds a list to the criteria.
    pub(super) fn add(&mut self, list: SelectionList) {
        self.lists.push(list);
    }

    /// Adds a list of `-q`.
    pub(super) fn quick(&mut self, list: &str) -> Result<(), String> {
        self.quick
            .get_or_insert_default()
            .extend(parse_each(list, pid)?);
        Ok(())
    }

    /// Returns the pids to request from the kernel, if only listed pids can be
    /// selected.
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
                SelectionList::Pids(some) => pids.extend(some),
                _ => return None,
            }
        }
        Some(pids)
    }

    /// Whether all listed processes are selected, except those that are not running
    /// if only running ones are shown.
    pub(super) fn is_all_processes(&self) -> bool {
        let simple = self.simple == SimpleOptions::BSD_A | SimpleOptions::BSD_X && !self.negated;
        self.quick.is_some() || self.all || simple
    }

    /// Returns the groups that the selection needs.
    pub(super) fn groups(&self) -> Show {
        if self.is_all_processes() {
            return Show::BASE;
        }
        Show::BASE | Show::CRED | Show::STAT
    }

    /// Whether the task is shown. Without any criteria, tasks with the user and
    /// terminal of the caller are shown; after BSD options, those with the user of
    /// the caller and any terminal.
    pub(super) fn selects(&self, row: &TaskRow, caller: Caller, bsd: bool, host: &Host) -> bool {
        if row.base.is_none() {
            // Like ps, leave out a task that the mount of /proc only lists.
            return false;
        }
        if self.quick.is_some() {
            return true;
        }
        let state = row.base.map(|base| base.state);
        let runs = matches!(state, Some(State::Running | State::Uninterruptible));
        if self.running && !runs {
            return false;
        }
        self.all || self.matches(row, caller, bsd, host) != self.negated
    }

    fn matches(&self, row: &TaskRow, caller: Caller, bsd: bool, host: &Host) -> bool {
        let listed = self.own_terminal || !self.lists.is_empty();
        if (!self.simple.is_empty() || !listed) && self.matches_simple(row, caller, bsd) {
            return true;
        }
        let own_terminal = terminal(row) != 0 && terminal(row) == caller.terminal;
        (self.own_terminal && own_terminal)
            || self.lists.iter().any(|list| list.contains(row, host))
    }

    fn matches_simple(&self, row: &TaskRow, caller: Caller, bsd: bool) -> bool {
        let own = row.cred.is_some_and(|cred| cred.euid == Some(caller.euid));
        let tty = terminal(row);
        let leader = row.base.is_some_and(|base| base.sid == Some(base.tgid));
        let simple = self.simple;
        if simple.intersects(SimpleOptions::UNIX_A | SimpleOptions::UNIX_D) {
            let with_terminal = simple.contains(SimpleOptions::UNIX_A) && tty != 0 && !leader;
            let no_leader = simple.contains(SimpleOptions::UNIX_D) && !leader;
            return with_terminal || no_leader;
        }
        if simple.is_empty() && !bsd {
            // A caller without a terminal selects tasks without one.
            return own && tty == caller.terminal;
        }
        let all_users = simple.contains(SimpleOptions::BSD_A);
        let any_terminal = simple.contains(SimpleOptions::BSD_X);
        (own || all_users) && (tty != 0 || any_terminal)
    }
}

#[cfg(test)]
mod tests {
    use taskdiag::Stat;

    use super::*;
    use crate::row::samples::plain;

    const CALLER: Caller = Caller {
        euid: 0,
        terminal: 0x8801,
    };

    /// Returns a task with this user and terminal. `leads` makes it a session leader.
    fn row(euid: u32, tty: u32, leads: bool) -> TaskRow {
        let mut row = plain(7, b"name");
        row.cred.get_or_insert_default().euid = Some(euid);
        row.base.get_or_insert_default().sid = Some(if leads { 7 } else { 1 });
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
        rows.filter(|(_, row)| selection.selects(row, CALLER, bsd, &host))
            .map(|(index, _)| index)
            .collect()
    }

    fn simple(simple: SimpleOptions) -> Selection {
        Selection {
            simple,
            ..Selection::default()
        }
    }

    #[test]
    fn simple_options_select_by_user_and_terminal() {
        assert_eq!(selected(&Selection::default(), false), [0]);
        assert_eq!(selected(&Selection::default(), true), [0, 1]);
        for (options, expected) in [
            (SimpleOptions::BSD_A, &[0, 1, 3][..]),
            (SimpleOptions::BSD_X, &[0, 1, 2]),
            (
                SimpleOptions::BSD_A | SimpleOptions::BSD_X,
                &[0, 1, 2, 3, 4],
            ),
            (SimpleOptions::UNIX_A, &[0, 1]),
            (SimpleOptions::UNIX_D, &[0, 1, 4]),
        ] {
            assert_eq!(selected(&simple(options), true), expected, "{options:?}");
        }
    }

    #[test]
    fn selecting_all_processes_needs_only_base() {
        let all_users = simple(SimpleOptions::BSD_A | SimpleOptions::BSD_X);
        assert_eq!(all_users.groups(), Show::BASE);
        let host = Host::at(0, true);
        for running in [false, true] {
            let selection = Selection {
                running,
                ..simple(SimpleOptions::BSD_A | SimpleOptions::BSD_X)
            };
            let row = TaskRow {
                cred: None,
                ..plain(7, b"name")
            };
            let shown = selection.selects(&row, Caller::UNKNOWN, true, &host);
            assert_eq!(shown, !running, "the task sleeps");
        }
        for other in [
            SimpleOptions::BSD_A,
            SimpleOptions::BSD_X,
            SimpleOptions::BSD_A | SimpleOptions::BSD_X | SimpleOptions::UNIX_D,
        ] {
            assert_eq!(
                simple(other).groups(),
                Show::BASE | Show::CRED | Show::STAT,
                "{other:?}"
            );
        }
        let others = Selection {
            negated: true,
            ..all_users
        };
        assert!(!others.is_all_processes());
    }

    #[test]
    fn lists_are_united_and_negated() {
        let mut selection = Selection::default();
        selection.add(SelectionList::Users(vec![5]));
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
    fn names_are_compared_up_to_15_bytes() {
        let host = Host::at(0, true);
        let list = SelectionList::names("0123456789abcdefgh,sh").expect("a list");
        assert!(list.contains(&plain(1, b"0123456789abcde"), &host));
        assert!(list.contains(&plain(1, b"sh"), &host));
        assert!(!list.contains(&plain(1, b"s"), &host));
        assert!(!list.contains(&plain(1, b"shell"), &host));
    }

    #[test]
    fn listed_pids_become_a_kernel_filter() {
        let mut selection = Selection::default();
        assert_eq!(selection.pids(), None);
        selection.add(SelectionList::Pids(vec![2, 1]));
        assert_eq!(selection.pids(), Some(vec![2, 1]));
        selection.add(SelectionList::Users(vec![0]));
        assert_eq!(selection.pids(), None);
        selection.quick("5 3").expect("a list");
        assert_eq!(selection.pids(), Some(vec![5, 3]));
    }
}
