// SPDX-License-Identifier: MIT
//! Selects the columns and the sort keys of `ps`: predefined sets, and the lists of
//! `-o`, `-O` and `--sort`.

mod lists;

use std::cmp::Reverse;

use taskdiag::Show;

use super::args::{ColumnOption, Dialect, Formats, Modifiers, PsOptions, ThreadOptions};
use super::layout::{Justify, LayoutColumn};
use super::personality::Quirks;
use super::proc_files::ProcField;
use super::specs::{Lines, Source, Spec};
use crate::columns::Column;
use crate::host::{self, Host};
use crate::row::TaskRow;

/// A column of the output of `ps`.
#[derive(Clone, Debug)]
pub(super) struct PsColumn {
    pub(super) layout: LayoutColumn,
    pub(super) source: Source,
    lines: Lines,
}

/// A key to sort by.
#[derive(Clone, Copy, Debug)]
pub(super) struct PsSortKey {
    source: Source,
    descending: bool,
}

/// The columns and the order of the output.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    pub(super) columns: Vec<PsColumn>,
    pub(super) sort: Vec<PsSortKey>,
    /// The error of a list in `$PS_FORMAT`, which is ignored.
    pub(super) warning: Option<String>,
}

const CONFLICT: &str = "conflicting format options";

/// Returns the columns and sort keys for these options. `default` is the list in
/// `$PS_FORMAT`.
pub(super) fn for_options(options: &PsOptions, default: Option<&str>) -> Result<Output, String> {
    let mut output = requested(options)?;
    let plain = options.formats.is_empty() && options.modifiers.is_empty();
    let ambiguous = options.threads.intersects(ThreadOptions::WITH_COLUMNS)
        && options.threads != ThreadOptions::UNIX_L
        && options.threads != ThreadOptions::UNIX_T;
    if plain && output.columns.is_empty() {
        let default = default.filter(|list| !list.is_empty());
        match default.map(|list| lists::columns(list, options)) {
            Some(Ok(_)) if ambiguous => {
                return Err("$PS_FORMAT has no columns for -L or -T with H or m".to_owned());
            }
            Some(Ok(columns)) => {
                output.columns = columns;
                return Ok(output);
            }
            Some(Err(error)) => output.warning = Some(error),
            None => {}
        }
    }
    if output.columns.is_empty() {
        output.columns = predefined(options, ambiguous)?;
    } else if !options.formats.is_empty() {
        return Err(CONFLICT.to_owned());
    } else if !options.modifiers.is_empty() {
        return Err("output modifiers cannot change user-defined columns".to_owned());
    } else if ambiguous {
        return Err("-L or -T with H or m has no user-defined columns".to_owned());
    }
    Ok(output)
}

/// Returns the columns of `-o` and `-O`, and the sort keys.
fn requested(options: &PsOptions) -> Result<Output, String> {
    let mut output = Output::default();
    let mut has_sort = false;
    let gnu_sort = options
        .lists
        .iter()
        .any(|list| matches!(list, ColumnOption::Sort(_)));
    for list in &options.lists {
        let has_columns = !output.columns.is_empty();
        match list {
            ColumnOption::Columns(list) => output.columns.extend(lists::columns(list, options)?),
            ColumnOption::Sort(_) if has_sort => return Err("several sort options".to_owned()),
            ColumnOption::Sort(list) => {
                output.sort = lists::sort_keys(list)?;
                has_sort = true;
            }
            ColumnOption::Extra(list, Dialect::Bsd)
                if !gnu_sort && !has_sort && lists::is_short_sort(list, options) =>
            {
                output.sort = lists::short_sort_keys(list);
                has_sort = true;
            }
            ColumnOption::Extra(..) if has_columns => {
                return Err("-O and O cannot follow other format options".to_owned());
            }
            ColumnOption::Extra(list, dialect) => {
                output.columns = with_defaults(lists::columns(list, options)?, *dialect, options);
            }
        }
    }
    Ok(output)
}

/// Adds the default columns around those of `-O` and `O`.
fn with_defaults(columns: Vec<PsColumn>, dialect: Dialect, options: &PsOptions) -> Vec<PsColumn> {
    let (time, command) = match dialect {
        Dialect::Unix => ("time", "command"),
        Dialect::Bsd => ("cputime", "comm"),
    };
    let mut all = named(options, &["pid"]);
    all.extend(columns);
    all.extend(named(options, &["state", "tname", time, command]));
    all
}

/// Returns columns of known names.
fn named(options: &PsOptions, names: &[&str]) -> Vec<PsColumn> {
    let specs = names.iter().filter_map(|name| Spec::find(name));
    specs.map(|spec| PsColumn::new(&spec, options)).collect()
}

/// Returns the predefined set of columns for the format options.
fn predefined(options: &PsOptions, ambiguous: bool) -> Result<Vec<PsColumn>, String> {
    let sets = &options.personality.sets;
    let formats = options.formats;
    let set = if formats.is_empty() {
        None
    } else if formats == Formats::UNIX_FULL | Formats::UNIX_LONG {
        sets.unix_fl
    } else if formats == Formats::UNIX_FULL {
        sets.unix_f
    } else if formats == Formats::UNIX_LONG {
        sets.unix_l
    } else {
        Some(single_set(options).ok_or(CONFLICT)?)
    };
    let Some(set) = set else {
        return unix(options);
    };
    let names: Vec<&str> = set.split(',').collect();
    Predefined {
        columns: named(options, &names),
        options,
    }
    .modified(ambiguous)
}

/// Returns the columns of a format that is not combined with others.
#[rustfmt::skip]
fn single_set(options: &PsOptions) -> Option<&'static str> {
    let sets = &options.personality.sets;
    Some(match options.formats {
        Formats::UNIX_JOBS => sets.unix_j?,
        jobs if jobs == Formats::UNIX_JOBS | Formats::UNIX_LONG =>
            "flags,state,uid,pid,ppid,priority,nice,wchan,tname,bsdtime,pgid,sid,comm",
        jobs if jobs == Formats::UNIX_JOBS | Formats::UNIX_FULL =>
            "uid,pid,ppid,start_time,tname,bsdtime,pgid,sid,args",
        Formats::BSD_JOBS => sets.bsd_j,
        Formats::BSD_LONG => sets.bsd_l,
        Formats::BSD_SIGNALS => sets.bsd_s,
        Formats::BSD_USER => sets.bsd_u,
        Formats::BSD_MEMORY => sets.bsd_v,
        Formats::REGISTERS => "pid,start_stack,esp,eip,timeout,alarm,stat,tname,bsdtime,args",
        Formats::OLD_MEMORY =>
            "pid,tname,majflt,minflt,m_trs,m_drs,m_size,m_swap,rss,m_share,vm_lib,m_dt,args",
        Formats::CONTEXT => "pid,context,command",
        _ => return None,
    })
}

/// A predefined set of columns, which further options change.
struct Predefined<'a> {
    columns: Vec<PsColumn>,
    options: &'a PsOptions,
}

impl Predefined<'_> {
    fn modified(mut self, ambiguous: bool) -> Result<Vec<PsColumn>, String> {
        let options = self.options;
        let has = |modifier| options.modifiers.contains(modifier);
        if has(Modifiers::JOBS) {
            self.insert_after(&["PPID", "PID"], "pgid");
            self.insert_after(&["PGID"], "sid");
        }
        if has(Modifiers::NO_FLAGS) {
            self.remove(&["F"]);
            self.replace("ADDR", "rss");
        }
        if has(Modifiers::CLASS) {
            self.remove(&["%CPU", "CPU", "CP", "C", "NI"]);
            self.insert_after(&["PRI"], "class");
            self.remove(&["PRI"]);
            self.insert_after(&["CLS"], "pri");
        }
        if options.threads.contains(ThreadOptions::UNIX_T)
            && !self.insert_after(&["PID"], "spid")
            && ambiguous
        {
            return Err("-T with H or m needs the column PID".to_owned());
        }
        if options.threads.contains(ThreadOptions::UNIX_L) {
            let anchors = ["SID", "SESS", "PGID", "PGRP", "PPID", "PID"];
            if !self.insert_after(&anchors, "lwp") && ambiguous {
                return Err("-L with H or m needs the column PID, PGID, SID or SESS".to_owned());
            }
            self.insert_after(&["%CPU"], "nlwp");
        }
        if has(Modifiers::LABEL) {
            self.columns.splice(0..0, named(options, &["label"]));
        }
        if options.formats.contains(Formats::UNIX_LONG)
            && options.personality.has(Quirks::NO_ADDRESS)
        {
            self.replace("ADDR", "sgi_p");
        }
        Ok(self.columns)
    }

    fn index(&self, heading: &str) -> Option<usize> {
        let mut columns = self.columns.iter();
        columns.position(|column| column.layout.heading == heading)
    }

    /// Inserts a column after the first of these headings that is present.
    fn insert_after(&mut self, headings: &[&str], name: &str) -> bool {
        let Some(index) = headings.iter().find_map(|heading| self.index(heading)) else {
            return false;
        };
        let column = named(self.options, &[name]);
        self.columns.splice(index + 1..index + 1, column);
        true
    }

    fn remove(&mut self, headings: &[&str]) {
        for heading in headings {
            if let Some(index) = self.index(heading) {
                self.columns.remove(index);
            }
        }
    }

    fn replace(&mut self, heading: &str, name: &str) {
        if self.insert_after(&[heading], name) {
            self.remove(&[heading]);
        }
    }
}

/// Returns the columns that the UNIX options select one by one.
fn unix(options: &PsOptions) -> Result<Vec<PsColumn>, String> {
    let full = options.formats.contains(Formats::UNIX_FULL);
    let long = options.formats.contains(Formats::UNIX_LONG);
    let has = |modifier| options.modifiers.contains(modifier);
    let quirk = |quirk| options.personality.has(quirk);
    let lwp = options.threads.contains(ThreadOptions::UNIX_L);
    let spid = options.threads.contains(ThreadOptions::UNIX_T);
    let (class, no_flags) = (has(Modifiers::CLASS), has(Modifiers::NO_FLAGS));
    let (processor, extra) = (has(Modifiers::PROCESSOR), has(Modifiers::EXTRA_FULL));
    if no_flags && !long {
        return Err("modifier -y without format -l makes no sense".to_owned());
    }
    let irix = long && !no_flags && quirk(Quirks::IRIX_LONG);
    let user = if quirk(Quirks::USER_HEADING) {
        "user"
    } else {
        "uid_hack"
    };
    let priority = if quirk(Quirks::IRIX_LONG) {
        "priority"
    } else {
        "opri"
    };
    let address = if no_flags {
        "rss"
    } else if quirk(Quirks::NO_ADDRESS) || quirk(Quirks::IRIX_LONG) {
        "sgi_p"
    } else {
        "addr_1"
    };
    let command = match (options.bsd, full || long) {
        (true, true) => "cmd",
        (true, false) => "args",
        (false, _) if full => "cmd",
        (false, _) => "ucmd",
    };
    let names = [
        (has(Modifiers::LABEL), "label"),
        (long && !no_flags, "f"),
        (long, "s"),
        (full, user),
        (long && !full, "uid"),
        (true, "pid"),
        (spid, "spid"),
        (full || long, "ppid"),
        (has(Modifiers::JOBS), "pgid"),
        (has(Modifiers::JOBS), "sid"),
        (lwp, "lwp"),
        (processor, "psr"),
        ((full || long) && !class, "c"),
        (lwp && full, "nlwp"),
        (class, "class"),
        (class, "pri"),
        (long && !class, priority),
        (long && !class, "ni"),
        (long, address),
        (extra || long, "sz"),
        (irix, ":"),
        (irix, "sgi_rss"),
        (long, "wchan"),
        (extra && !(long && no_flags), "rss"),
        (extra && !processor, "psr"),
        (full, "stime"),
        (true, "tname"),
        (options.bsd && !long, "stat"),
        (options.bsd, "bsdtime"),
        (!options.bsd, "time"),
        (true, command),
    ];
    let shown = names.into_iter().filter(|(shown, _)| *shown);
    Ok(shown
        .flat_map(|(_, name)| match name {
            ":" => vec![PsColumn::literal(":")],
            name => named(options, &[name]),
        })
        .collect())
}

impl PsColumn {
    /// Returns a column with its usual heading and width.
    fn new(spec: &Spec, options: &PsOptions) -> Self {
        let width = match spec.justify {
            Justify::Pid => host::pid_digits().max(spec.heading.len()),
            _ => spec.width,
        };
        Self {
            layout: LayoutColumn {
                heading: spec.heading.to_owned(),
                width,
                justify: spec.justify,
            },
            source: replacement(options, spec.source),
            lines: spec.lines(),
        }
    }

    /// Returns a text that is printed in each line.
    fn literal(text: &str) -> Self {
        Self {
            layout: LayoutColumn {
                heading: text.to_owned(),
                width: text.len(),
                justify: Justify::Literal,
            },
            source: Source::Literal,
            lines: Lines::All,
        }
    }

    /// Changes the heading. A column is at least as wide as its heading.
    fn with_heading(mut self, heading: &str) -> Self {
        self.layout.width = self.layout.width.max(heading.len());
        heading.clone_into(&mut self.layout.heading);
        self
    }

    /// Returns the source in lines of processes that are followed by their threads.
    pub(super) fn source_in_processes(&self) -> Source {
        match self.lines {
            Lines::Threads => Source::Dash,
            _ => self.source,
        }
    }

    /// Returns the source in lines of threads that follow their process.
    pub(super) fn source_in_threads(&self) -> Source {
        match self.lines {
            Lines::Processes => Source::Dash,
            _ => self.source,
        }
    }
}

/// Replaces the arguments by the name (`c`), or the name by the arguments (`-f`).
fn replacement(options: &PsOptions, source: Source) -> Source {
    let Source::Groups(column) = source else {
        return source;
    };
    let name = match column.name() {
        "args" if options.true_name => "comm",
        "comm" if options.full_name => "args",
        _ => return source,
    };
    Spec::find(name).map_or(source, |spec| spec.source)
}

/// Returns the groups that a source needs.
fn groups(source: Source) -> Show {
    match source {
        Source::Groups(column) | Source::ShortTerminal(column) => column.groups,
        Source::File(_) | Source::Dash | Source::Literal => Show::empty(),
    }
}

impl Output {
    /// Returns the groups that columns and sort keys need.
    pub(super) fn groups(&self) -> Show {
        self.sources().map(groups).collect()
    }

    /// Returns the groups that replace files, if the transport has them.
    pub(super) fn optional_groups(&self) -> Show {
        let groups = self.sources().filter_map(|source| match source {
            Source::File(field) => field.group(),
            _ => None,
        });
        groups.collect()
    }

    fn sources(&self) -> impl Iterator<Item = Source> {
        let columns = self.columns.iter().map(|column| column.source);
        columns.chain(self.sort.iter().map(|key| key.source))
    }
}

impl PsSortKey {
    /// Sorts rows. Rows that are equal in this key keep their order.
    pub(super) fn sort(
        self,
        rows: &mut [TaskRow],
        host: &Host,
        read: impl Fn(&TaskRow, ProcField) -> Option<super::proc_files::FieldValue>,
    ) {
        match self.source {
            Source::Groups(column) | Source::ShortTerminal(column) => {
                self.sort_by_column(rows, column, host);
            }
            Source::File(field) if self.descending => {
                rows.sort_by_cached_key(|row| Reverse(read(row, field)));
            }
            Source::File(field) => rows.sort_by_cached_key(|row| read(row, field)),
            Source::Dash | Source::Literal => {}
        }
    }

    fn sort_by_column(self, rows: &mut [TaskRow], column: &Column, host: &Host) {
        rows.sort_by(|a, b| {
            let order = column.compare(a, b, host);
            if self.descending {
                order.reverse()
            } else {
                order
            }
        });
    }
}

#[cfg(test)]
mod tests;
