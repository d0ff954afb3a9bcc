// SPDX-License-Identifier: MIT
//! Columns: their names, the groups they are of, what they say.
//!
//! Names and meanings are those of `ps`, which is what fingers know: `pid` is
//! the process, `user` and `uid` are effective. The tables themselves are in
//! the files beside this one, one for each family of groups.

mod base;
mod cred;
mod list;
mod memory;
mod other;
mod ps_only;
mod stat;

use std::fmt::Write as _;

use taskdiag::{Show, Strategy};

use self::list::{ColumnListError, ColumnSpec};
use crate::host::Host;
use crate::row::TaskRow;
use crate::value::Value;

/// A column that can be asked for.
#[derive(Debug)]
pub(crate) struct Column {
    /// The names it goes by, the usual one first, and what stands over it
    /// under each.
    names: &'static [(&'static str, &'static str)],
    /// How wide `ps` makes it.
    pub(crate) width: usize,
    pub(crate) align: Align,
    /// The groups its values come from; empty for what comes with every task.
    pub(crate) groups: Show,
    /// Whether it is of an area of memory, and not of a task.
    pub(crate) per_mapping: bool,
    description: &'static str,
    get: Get,
}

/// Where a value has it; `None` where the kernel did not tell.
type Get = for<'a> fn(&'a TaskRow, &Host) -> Option<Value<'a>>;

/// Where `ps` puts a value in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
    /// To the right, in as many places as the largest pid has digits.
    Pid,
    /// To the left, and to the right where ids are left as numbers.
    Name,
    /// To the left, and as long as it is if nothing comes behind it.
    Free,
}

const fn column(
    names: &'static [(&'static str, &'static str)],
    width: usize,
    align: Align,
    groups: Show,
    get: Get,
    description: &'static str,
) -> Column {
    Column {
        names,
        width,
        align,
        groups,
        per_mapping: false,
        description,
        get,
    }
}

/// All columns, by family.
fn all() -> impl Iterator<Item = &'static Column> {
    [
        base::COLUMNS,
        cred::COLUMNS,
        stat::COLUMNS,
        memory::COLUMNS,
        other::COLUMNS,
    ]
    .into_iter()
    .flatten()
}

impl Column {
    pub(crate) fn name(&self) -> &'static str {
        self.names[0].0
    }

    pub(crate) fn value<'a>(&self, row: &'a TaskRow, host: &Host) -> Option<Value<'a>> {
        (self.get)(row, host)
    }

    /// Whether its cells stand at the right of the column.
    pub(crate) fn is_right_aligned(&self) -> bool {
        matches!(self.align, Align::Right | Align::Pid)
    }
}

/// A column as somebody asked for it: it is called what they called it.
#[derive(Clone, Debug)]
pub(crate) struct SelectedColumn {
    pub(crate) name: &'static str,
    pub(crate) column: &'static Column,
    /// What stands over it in a table.
    pub(crate) heading: String,
    /// How wide `ps` is to make it, if not as usual.
    pub(crate) width: Option<usize>,
}

impl SelectedColumn {
    /// Its key in JSON, and its name in the first line of CSV: the heading
    /// that was asked for, else its name.
    pub(crate) fn key(&self) -> &str {
        let default = self.default_heading();
        match self.heading.as_str() {
            "" => self.name,
            heading if heading == default => self.name,
            heading => heading,
        }
    }

    fn default_heading(&self) -> &'static str {
        let names = self.column.names.iter();
        names
            .filter(|(name, _)| *name == self.name)
            .map(|(_, heading)| *heading)
            .next()
            .unwrap_or_default()
    }

    /// Whether it says what the task is called, where a tree has its branches.
    pub(crate) fn is_task_name(&self) -> bool {
        matches!(self.column.name(), "comm" | "args" | "fname")
    }

    /// Whether it was asked for with an empty heading.
    pub(crate) fn has_empty_heading(&self) -> bool {
        self.heading.is_empty()
    }
}

/// What is wrong with a choice of columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ColumnError {
    /// No column has this name.
    #[error("there is no column {name:?}; the columns are {}", name_list())]
    Unknown { name: String },

    /// `ps` has it, from elsewhere.
    #[error("the kernel does not tell {name:?} here; ps has it from {origin}")]
    PsOnly { name: String, origin: &'static str },

    #[error(transparent)]
    List(#[from] ColumnListError),
}

/// The column of this name.
pub(crate) fn find(word: &str) -> Result<SelectedColumn, ColumnError> {
    let mut names = all().flat_map(|column| column.names.iter().map(move |name| (column, name)));
    if let Some((column, &(name, heading))) = names.find(|(_, (name, _))| *name == word) {
        return Ok(SelectedColumn {
            name,
            column,
            heading: heading.to_owned(),
            width: None,
        });
    }
    let name = word.to_owned();
    Err(match ps_only::source(word) {
        Some(origin) => ColumnError::PsOnly { name, origin },
        None => ColumnError::Unknown { name },
    })
}

/// Reads a list in the language of `ps -o`.
pub(crate) fn parse_list(list: &str) -> Result<Vec<SelectedColumn>, ColumnError> {
    list::parse(list)?.into_iter().map(select).collect()
}

fn select(spec: ColumnSpec<'_>) -> Result<SelectedColumn, ColumnError> {
    let mut selected = find(spec.name)?;
    selected.width = spec.width;
    if let Some(heading) = spec.heading {
        heading.clone_into(&mut selected.heading);
    }
    Ok(selected)
}

fn name_list() -> String {
    let names: Vec<&str> = all().map(Column::name).collect();
    names.join(",")
}

/// The columns for somebody who names none.
///
/// Threads have a column to be told apart by where there may be some.
pub(crate) fn default_columns(show: Show, strategy: Strategy) -> Vec<SelectedColumn> {
    let threads = !matches!(
        strategy,
        Strategy::All | Strategy::Children(_) | Strategy::Descendants(_)
    );
    DEFAULT_NAMES
        .iter()
        .filter(|&&name| threads || name != "tid")
        .filter_map(|name| find(name).ok())
        .filter(|selected| show.contains(selected.column.groups))
        .filter(|selected| {
            !selected.column.per_mapping || show.intersects(Show::VMA | Show::VMA_STAT)
        })
        .filter(|selected| {
            // The arguments begin with the name, and say more.
            selected.name != "comm" || !show.contains(Show::CMDLINE)
        })
        .collect()
}

#[rustfmt::skip]
const DEFAULT_NAMES: &[&str] = &[
    "user", "group", "pid", "tid", "ppid", "pgid", "sid", "state",
    "tty", "pri", "ni", "nlwp", "vsz", "rss", "pcpu", "pmem", "etime", "time",
    "fds", "nofile", "start_ns", "pidfd_ino",
    "cgroupns", "ipcns", "mntns", "netns", "pidns", "timens", "userns", "utsns",
    "cgid", "cgpath", "comm", "args", "caps",
    "vm_start", "vm_end", "vm_perms", "vm_offset", "vm_dev", "vm_inode",
    "vm_rss", "vm_pss", "vm_shared_clean", "vm_shared_dirty", "vm_private_clean",
    "vm_private_dirty", "vm_referenced", "vm_anonymous", "vm_swap", "vm_path",
];

/// The families of columns as `--help` has them: the groups, and whether they
/// are of areas.
const SECTIONS: &[(Show, bool, &str)] = &[
    (Show::empty(), false, "With every task:"),
    (Show::BASE, false, "Of the group base:"),
    (Show::CRED, false, "Of the group cred:"),
    (Show::STAT, false, "Of the group stat, sizes in KiB:"),
    (
        Show::BASE.union(Show::STAT),
        false,
        "Of the groups base and stat:",
    ),
    (
        Show::BASE.union(Show::CMDLINE),
        false,
        "Of the groups base and cmdline:",
    ),
    (Show::FILES, false, "Of the group files:"),
    (Show::IDENT, false, "Of the group ident:"),
    (Show::NS, false, "Of the group ns, inode numbers:"),
    (Show::CGROUP, false, "Of the group cgroup:"),
    (
        Show::VMA_STAT,
        false,
        "Of the group vma_stat, all areas of a process together, in KiB:",
    ),
    (Show::empty(), true, "Of areas, each in a row:"),
    (Show::VMA, true, "Of the group vma, likewise:"),
    (
        Show::VMA_STAT,
        true,
        "Of the group vma_stat, likewise, in KiB:",
    ),
];

/// The table as `--help` has it.
pub(crate) fn help() -> String {
    let mut text = String::new();
    for &(groups, per_mapping, title) in SECTIONS {
        let _ = writeln!(text, "  {title}");
        let columns =
            all().filter(|column| column.groups == groups && column.per_mapping == per_mapping);
        for column in columns {
            let names: Vec<&str> = column.names.iter().map(|(name, _)| *name).collect();
            let _ = writeln!(text, "    {:<24} {}", names.join(", "), column.description);
        }
    }
    text
}

#[cfg(test)]
mod tests;
