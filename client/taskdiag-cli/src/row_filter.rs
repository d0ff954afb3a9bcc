// SPDX-License-Identifier: MIT
//! Conditions that this command evaluates, because the kernel has no such filter:
//! alternatives, negations, regular expressions, and further fields.

use std::borrow::Cow;
use std::sync::Arc;

use regex::bytes::Regex;
use taskdiag::{Pid, Show, VmaFlags};

use crate::escape::Arguments;
use crate::host::Host;
use crate::row::TaskRow;

/// A condition on a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowFilter {
    pub(crate) negated: bool,
    pub(crate) test: Test,
}

/// A test of a field. One of several values has to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Users(Vec<u32>),
    Groups(Vec<u32>),
    Pids(Vec<Pid>),
    Parents(Vec<Pid>),
    /// Beginnings of names.
    Names(Vec<Vec<u8>>),
    /// The beginning of the text of the arguments.
    Args(Vec<u8>),
    /// Device numbers; 0 selects tasks without a terminal.
    Terminals(Vec<u32>),
    /// Flags, all of which a memory mapping must have.
    VmaFlags(VmaFlags),
    Matches(Text, Pattern),
}

/// A field that a regular expression is matched with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Comm,
    Args,
    Cgroup,
    Terminal,
}

/// A regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(pub(crate) Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// Whether all conditions hold for a row; `None` if that depends on unknown fields.
pub(crate) fn all_hold<'a>(
    filters: impl IntoIterator<Item = &'a RowFilter>,
    row: &TaskRow,
    host: &Host,
) -> Option<bool> {
    let mut all = Some(true);
    for filter in filters {
        match filter.holds(row, host) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

impl RowFilter {
    /// Returns the groups that the condition needs.
    pub(crate) fn groups(&self) -> Show {
        match &self.test {
            Test::Pids(_) => Show::empty(),
            Test::Users(_) | Test::Groups(_) => Show::CRED,
            Test::Parents(_) | Test::Names(_) => Show::BASE,
            Test::Args(_) => Show::BASE | Show::CMDLINE,
            Test::Terminals(_) => Show::STAT,
            Test::VmaFlags(_) => Show::VMA,
            Test::Matches(text, _) => match text {
                Text::Comm => Show::BASE,
                Text::Args => Show::BASE | Show::CMDLINE,
                Text::Cgroup => Show::CGROUP,
                Text::Terminal => Show::STAT,
            },
        }
    }

    /// Whether the condition is about memory mappings instead of tasks.
    pub(crate) fn is_of_mappings(&self) -> bool {
        matches!(self.test, Test::VmaFlags(_))
    }

    /// Whether the condition holds; `None` if the field is not known.
    fn holds(&self, row: &TaskRow, host: &Host) -> Option<bool> {
        Some(self.test.matches(row, host)? != self.negated)
    }
}

impl Test {
    fn matches(&self, row: &TaskRow, host: &Host) -> Option<bool> {
        Some(match self {
            Self::Users(uids) => uids.contains(&row.cred?.euid?),
            Self::Groups(gids) => gids.contains(&row.cred?.egid?),
            Self::Pids(pids) => pids.contains(&row.tid),
            Self::Parents(pids) => pids.contains(&row.base?.ppid),
            Self::Names(names) => {
                let comm = row.base?.comm;
                names.iter().any(|name| comm.as_bytes().starts_with(name))
            }
            Self::Args(beginning) => arguments(row)?.starts_with(beginning),
            Self::Terminals(devices) => devices.contains(&row.stat.as_ref()?.tty),
            Self::VmaFlags(flags) => {
                let vma = row.mapping.as_ref()?.vma.as_ref()?;
                vma.flags.contains(*flags)
            }
            Self::Matches(text, Pattern(regex)) => regex.is_match(&match text {
                Text::Comm => Cow::Borrowed(row.base.as_ref()?.comm.as_bytes()),
                Text::Args => arguments(row)?,
                Text::Cgroup => Cow::Borrowed(row.cgroup.as_ref()?.path.as_deref()?),
                Text::Terminal => match terminal(row, host)? {
                    Some(name) => Cow::Owned(name.as_bytes().to_vec()),
                    // No expression matches a task without a terminal.
                    None => return Some(false),
                },
            }),
        })
    }
}

/// Returns the text of the column args, without escapes.
fn arguments(row: &TaskRow) -> Option<Cow<'_, [u8]>> {
    let arguments = Arguments(row.cmdline.as_ref()?);
    if arguments.are_empty() {
        let comm = row.base?.comm;
        return Some([b"[", comm.as_bytes(), b"]"].concat().into());
    }
    Some(arguments.joined().into())
}

/// Returns the name of the terminal, `Some(None)` without one, and `None` if the name
/// is not known.
fn terminal(row: &TaskRow, host: &Host) -> Option<Option<Arc<str>>> {
    match row.stat.as_ref()?.tty {
        0 => Some(None),
        device => host.terminals.name(device).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use taskdiag::{Stat, Vma};

    use super::*;
    use crate::filter::{self, ConditionList};
    use crate::row::samples::{init, nameless, plain};
    use crate::row::{Cgroup, Mapping};

    /// Whether a row meets conditions for which the kernel has no filter.
    fn selected(conditions: &str, row: &TaskRow) -> Option<bool> {
        let list: ConditionList = conditions.parse().expect(conditions);
        let (filters, row_filters) = filter::combine(list.0).expect(conditions);
        assert_eq!(filters, taskdiag::Filters::default(), "{conditions}");
        all_hold(&row_filters, row, &Host::at(0, false))
    }

    /// Returns process 20 with the parent 19, all groups and no terminal.
    fn full() -> TaskRow {
        let mut row = plain(20, b"g++");
        row.cmdline = Some(b"g++\0-o\0a,b\0"[..].into());
        row.cgroup = Some(Rc::new(Cgroup {
            id: None,
            path: Some(b"/system.slice/a b.service".to_vec()),
        }));
        row.stat = Some(Box::new(Stat::default()));
        row
    }

    #[test]
    fn each_operator_selects_rows() {
        for (conditions, expected) in [
            ("uid=0+7", true),
            ("uid=6+7", false),
            ("uid!=0", false),
            ("uid!=6+7", true),
            ("gid=0", true),
            ("gid=6+7", false),
            ("gid!=6", true),
            ("pid!=20", false),
            ("pid!=2+19", true),
            ("ppid=19", true),
            ("ppid=0+1", false),
            ("ppid!=1", true),
            ("comm=a+g", true),
            ("comm=a+b", false),
            ("comm!=g++", false),
            ("comm!=g+++", true),
            (r"comm!=g\x2b\x2b", false),
            ("comm~^g", true),
            ("comm~(?i)^G", true),
            (r"comm~^\w$", false),
            (r"comm!~\+\+$", false),
            ("comm!~^x", true),
            ("args=g++ -o", true),
            (r"args=g++ -o a\x2cb", true),
            ("args=-o", false),
            ("args!=g++", false),
            ("args~ -o ", true),
            ("args~o a,b$", true),
            ("args!~-o", false),
            ("cgroup~^/system", true),
            ("cgroup!~a b", false),
            ("cgroup!~^/user", true),
            ("tty=-", true),
            ("tty!=-", false),
            ("tty~.", false),
            ("tty!~^pts/", true),
            ("gid=0,ppid=19", true),
            ("gid=0,ppid=18", false),
            ("args~o a,b$,ppid!=19", false),
        ] {
            assert_eq!(
                selected(conditions, &full()),
                Some(expected),
                "{conditions}"
            );
        }
    }

    #[test]
    fn unknown_fields_match_neither_a_condition_nor_its_negation() {
        let mut row = TaskRow {
            tid: 20,
            tgid: 20,
            ..TaskRow::default()
        };
        for condition in [
            "uid=0+7", "gid=0", "ppid=1", "comm=a+b", "comm~.", "args=a", "args~.", "cgroup~.",
            "tty=-", "tty~.",
        ] {
            assert_eq!(selected(condition, &row), None, "{condition}");
            let split = condition.find(['=', '~']).expect("an operator");
            let negation = format!("{}!{}", &condition[..split], &condition[split..]);
            assert_eq!(selected(&negation, &row), None, "{negation}");
            // A known field decides.
            let both = format!("{condition},pid!=20");
            assert_eq!(selected(&both, &row), Some(false), "{both}");
        }
        // A terminal without a name in /dev is known by its number only.
        let mut stat = Stat::default();
        stat.tty = u32::MAX;
        row.stat = Some(Box::new(stat));
        assert_eq!(selected("tty=-", &row), Some(false));
        assert_eq!(selected("tty!~pts", &row), None);
        // A cgroup with a path that is too long for a message.
        row.cgroup = Some(Rc::default());
        assert_eq!(selected("cgroup!~x", &row), None);
    }

    #[test]
    fn ids_without_names_are_compared_as_numbers() {
        let row = nameless(7, b"x");
        assert_eq!(selected("uid=4000000007+0", &row), Some(true));
        assert_eq!(selected("gid!=4000000007", &row), Some(false));
    }

    #[test]
    fn bytes_outside_utf8_are_matched() {
        let row = plain(20, b"a\xffb");
        assert_eq!(selected(r"comm!=a\xff", &row), Some(false));
        assert_eq!(selected(r"comm~^a(?-u:\xff)b$", &row), Some(true));
    }

    #[test]
    fn task_without_arguments_matches_its_name_in_brackets() {
        let mut row = init();
        row.cmdline = Some(b""[..].into());
        assert_eq!(selected("args=[init]", &row), Some(true));
        assert_eq!(selected(r"args!~^\[", &row), Some(false));
    }

    #[test]
    fn negated_flags_select_mappings() {
        let mut vma = Vma::default();
        vma.flags = VmaFlags::READ | VmaFlags::EXEC;
        let mut row = init();
        assert_eq!(selected("vma!=exec", &row), None);
        row.mapping = Some(Box::new(Mapping {
            vma: Some(vma),
            ..Mapping::default()
        }));
        assert_eq!(selected("vma!=exec", &row), Some(false));
        assert_eq!(selected("vma!=exec+write", &row), Some(true));
    }
}
