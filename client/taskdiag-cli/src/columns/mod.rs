// SPDX-License-Identifier: MIT
//! Columns: their names, groups and values.
//!
//! Names and meanings are those of `ps`, which users know: `pid` is the process
//! id, `user` and `uid` are effective. The other files of this directory contain
//! the tables of columns, one table per family of groups.

mod base;
#[cfg(test)]
mod coverage;
mod cred;
pub(crate) mod list;
mod memory;
mod other;
mod paths;
mod ps_only;
mod sched;
pub(crate) mod similar;
mod stat;
mod usage;

use std::cmp::Ordering;
use std::fmt::Write as _;

use taskdiag::{Show, Strategy};

use self::list::{ColumnListError, ColumnSpec};
use crate::host::Host;
use crate::row::TaskRow;
use crate::value::Value;

/// An available column.
#[derive(Debug)]
pub(crate) struct Column {
    /// Name and heading pairs; the first name is the preferred one.
    names: &'static [(&'static str, &'static str)],
    /// The width that `ps` uses.
    pub(crate) width: usize,
    pub(crate) align: Align,
    /// The groups that its values come from; empty if every row has them.
    pub(crate) groups: Show,
    /// Whether its values belong to a memory mapping instead of a task.
    pub(crate) per_mapping: bool,
    /// Text of `--help`.
    description: &'static str,
    get: Get,
    /// The value to sort by, if the shown value is rounded or abbreviated.
    sort: Option<Get>,
}

/// Returns the value of a row; `None` if the kernel did not report it.
type Get = for<'a> fn(&'a TaskRow, &Host) -> Option<Value<'a>>;

/// How `ps` aligns the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
    /// Right-aligned; the width is the number of digits of the largest pid.
    Pid,
    /// Left-aligned for names, right-aligned for numeric ids.
    Name,
    /// Left-aligned, and of unlimited length in the last column.
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
        sort: None,
    }
}

/// Returns the names of all columns, without further names of a column.
pub(crate) fn column_names() -> impl Iterator<Item = &'static str> {
    all().map(Column::name)
}

/// Returns the column with another value to sort by.
const fn sorted_by(mut column: Column, sort: Get) -> Column {
    column.sort = Some(sort);
    column
}

/// Iterates over all columns, table by table.
fn all() -> impl Iterator<Item = &'static Column> {
    [
        base::COLUMNS,
        cred::COLUMNS,
        stat::COLUMNS,
        memory::COLUMNS,
        other::COLUMNS,
        usage::COLUMNS,
        paths::COLUMNS,
        sched::COLUMNS,
    ]
    .into_iter()
    .flatten()
}

impl Column {
    /// Returns the preferred name.
    pub(crate) fn name(&self) -> &'static str {
        self.names[0].0
    }

    /// Returns the value of a row; `None` if the kernel did not report it.
    pub(crate) fn value<'a>(&self, row: &'a TaskRow, host: &Host) -> Option<Value<'a>> {
        (self.get)(row, host)
    }

    /// Returns the value to sort by, which may be more exact than the shown one.
    fn sort_value<'a>(&self, row: &'a TaskRow, host: &Host) -> Option<Value<'a>> {
        self.sort.unwrap_or(self.get)(row, host)
    }

    /// Compares two rows by the values to sort by. Missing values come first.
    pub(crate) fn compare(&self, a: &TaskRow, b: &TaskRow, host: &Host) -> Ordering {
        match (self.sort_value(a, host), self.sort_value(b, host)) {
            (Some(a), Some(b)) => a.compare(&b, host),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    }

    /// Whether cells are right-aligned.
    pub(crate) fn is_right_aligned(&self) -> bool {
        matches!(self.align, Align::Right | Align::Pid)
    }
}

/// A column as the user requested it, under the requested name.
#[derive(Clone, Debug)]
pub(crate) struct SelectedColumn {
    pub(crate) name: &'static str,
    pub(crate) column: &'static Column,
    /// The heading in a table.
    pub(crate) heading: String,
    /// The requested width in the output of `ps`, if any.
    pub(crate) width: Option<usize>,
}

impl SelectedColumn {
    /// Returns the key in JSON and in the first line of CSV: the requested
    /// heading, or else the name.
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

    /// Whether the column shows the name of the task, before which a tree draws
    /// its branches.
    pub(crate) fn is_task_name(&self) -> bool {
        matches!(self.column.name(), "comm" | "args" | "fname")
    }

    /// Whether the requested heading is empty.
    pub(crate) fn has_empty_heading(&self) -> bool {
        self.heading.is_empty()
    }
}

/// Errors of a selection of columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ColumnError {
    /// No column has this name.
    #[error("unknown column {name:?}{}; --help lists all columns", hint(name))]
    Unknown { name: String },

    /// `ps` has this column, from another source.
    #[error("column {name:?} is not available through task_diag; source in ps: {origin}")]
    PsOnly { name: String, origin: &'static str },

    #[error(transparent)]
    List(#[from] ColumnListError),
}

/// Returns the column of this name.
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

/// Parses a list in the syntax of `ps -o`.
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

/// Iterates over the names of all columns of tasks, with headings and descriptions.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    all()
        .filter(|column| !column.per_mapping)
        .flat_map(|column| {
            let names = column.names.iter();
            names.map(|&(name, heading)| (name, heading, column.description))
        })
}

/// Returns the end of an error message that suggests a similar name, if there is one.
fn hint(word: &str) -> String {
    let names = all().flat_map(|column| column.names.iter().map(|(name, _)| *name));
    similar::hint(word, names)
}

/// Returns the columns of a request that names none.
///
/// `tid` is among them for strategies that can list several threads of a
/// process.
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
            // The arguments replace the name.
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
    "nspid", "nspgid", "nssid", "cgid", "cgpath", "rchars", "wchars", "rbytes", "wbytes",
    "pending", "blocked", "ignored", "caught",
    "lim_nproc", "lim_nofile", "lim_as", "oom", "oomadj", "root", "cwd", "exe",
    "sched_policy", "io_priority", "affinity", "comm", "args", "caps",
    "environ",
    "vm_start", "vm_end", "vm_perms", "vm_offset", "vm_dev", "vm_inode",
    "vm_rss", "vm_pss", "vm_shared_clean", "vm_shared_dirty", "vm_private_clean",
    "vm_private_dirty", "vm_referenced", "vm_anonymous", "vm_swap", "vm_path",
];

/// The sections of `--help`: groups, whether the columns belong to mappings, and
/// the title.
const SECTIONS: &[(Show, bool, &str)] = &[
    (Show::empty(), false, "In every row:"),
    (Show::BASE, false, "Group base:"),
    (Show::CRED, false, "Group cred:"),
    (Show::STAT, false, "Group stat, sizes in KiB:"),
    (Show::BASE.union(Show::STAT), false, "Groups base and stat:"),
    (
        Show::BASE.union(Show::CMDLINE),
        false,
        "Groups base and cmdline:",
    ),
    (Show::FILES, false, "Group files:"),
    (Show::IDENT, false, "Group ident:"),
    (Show::NS, false, "Group ns, inode numbers:"),
    (Show::NSPID, false, "Group nspid:"),
    (Show::CGROUP, false, "Group cgroup:"),
    (Show::IO, false, "Group io:"),
    (Show::SIGNALS, false, "Group signals:"),
    (Show::LIMITS, false, "Group limits:"),
    (Show::OOM, false, "Group oom:"),
    (Show::PATHS, false, "Group paths:"),
    (Show::ENVIRON, false, "Group environ:"),
    (Show::SCHED, false, "Group sched:"),
    (
        Show::VMA_STAT,
        false,
        "Group vma_stat, sums over all mappings of a process, in KiB:",
    ),
    (
        Show::empty(),
        true,
        "Groups vma and vma_stat, one row per mapping:",
    ),
    (Show::VMA, true, "Group vma, one row per mapping:"),
    (
        Show::VMA_STAT,
        true,
        "Group vma_stat, one row per mapping, sizes in KiB:",
    ),
];

/// Returns the list of columns for `--help`.
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
