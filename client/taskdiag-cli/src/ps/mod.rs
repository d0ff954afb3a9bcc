// SPDX-License-Identifier: MIT
//! `taskdiag-cli ps`: options and output of the `ps` of procps, from one dump.

mod args;
mod cell;
mod columns;
mod layout;
mod select;

use std::env;
use std::io::{BufWriter, Write as _};

use taskdiag::{Request, Scope, Show, Strategy};

use crate::connect;
use crate::exit::Failure;
use crate::host::Host;
use crate::row::TaskRow;
use crate::sort::{self, SortKey};
use crate::stdio::{self, Stdout};
use crate::tree::{self, Branches, TreePosition};

use args::{Dialect, PsOptions, Threads};
use cell::CellWriter;
use columns::PsColumn;
use layout::Layout;
use select::Caller;

/// The process that inherits orphans.
const INIT: u32 = 1;

/// Runs `ps` with these arguments.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let options = args::parse(args).map_err(Failure::PsUsage)?;
    if options.version {
        let version = env!("CARGO_PKG_VERSION");
        let (mut out, _) = stdio::open_stdout();
        writeln!(out, "ps of taskdiag-cli {version}")?;
        return Ok(out.flush()?);
    }
    let default = env::var("PS_FORMAT").ok();
    let columns = columns::for_options(&options, default.as_deref()).map_err(Failure::PsUsage)?;
    let keys = sort_keys(&options).map_err(Failure::PsUsage)?;

    let host = Host::now(options.numeric);
    let mut printer = Printer::new(&columns, &options, &host);
    if can_stream(&options, &keys) {
        query(&options, &columns, &keys, |row| {
            if options
                .selection
                .selects(&row, Caller::UNKNOWN, options.bsd, &host)
            {
                printer.print(&row, None)?;
            }
            Ok(())
        })?;
    } else {
        let mut rows = Vec::new();
        query(&options, &columns, &keys, |row| {
            rows.push(row);
            Ok(())
        })?;
        for (row, position) in select_rows(rows, &options, &keys, &host) {
            printer.print(&row, position)?;
        }
    }
    printer.finish()
}

/// Whether rows can be printed as they arrive: in the order of the kernel, and
/// without knowing other rows.
fn can_stream(options: &PsOptions, keys: &[SortKey]) -> bool {
    options.selection.is_all_processes()
        && options.selection.quick.is_none()
        && options.threads == Threads::No
        && options.forest.is_none()
        && keys.is_empty()
}

fn sort_keys(options: &PsOptions) -> Result<Vec<SortKey>, String> {
    options
        .sort
        .iter()
        .flat_map(|list| list.split([',', ' ']))
        .filter(|word| !word.is_empty())
        .map(|word| word.parse::<SortKey>().map_err(|error| error.to_string()))
        .collect()
}

/// Requests the groups that columns, sort keys and selection need, and passes each
/// row to `take`.
fn query(
    options: &PsOptions,
    columns: &[PsColumn],
    keys: &[SortKey],
    mut take: impl FnMut(TaskRow) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let key_groups: Show = keys.iter().map(|key| key.selected.column.groups).collect();
    let forest_groups = match options.forest {
        Some(_) => Show::STAT,
        None => Show::empty(),
    };
    let show = options.selection.groups() | columns::groups(columns) | key_groups | forest_groups;
    let strategy = match options.threads {
        Threads::No => Strategy::All,
        Threads::Plain | Threads::Lwp | Threads::Spid => Strategy::AllThreads,
    };
    let mut request = Request::new(strategy).show(show);
    if options.threads == Threads::No {
        // For threads, the pid filter of the kernel compares tids, but the lists of ps
        // contain pids.
        request.filters.pids = options.selection.pids();
    }

    if let Some(pid) = options.scope_pid {
        request.scope = Scope::Process(pid);
    }

    let failed = |error| connect::failure(error, &request);
    let (mut client, scoped) =
        connect::connect_for(options.transport.kind(), &request).map_err(failed)?;
    let kind = client.source().kind();
    let failed = |error| connect::failure_over(kind, error, &request);
    let mut dump = client.dump(&scoped).map_err(failed)?;
    while let Some(task) = dump.next().map_err(failed)? {
        let mut row = TaskRow::new(task, show);
        row.zero_memory();
        if options.cumulative {
            row.add_children();
        }
        take(row)?;
    }
    Ok(())
}

/// Returns the selected rows in the order of the output, with their positions in
/// the tree.
fn select_rows(
    mut rows: Vec<TaskRow>,
    options: &PsOptions,
    keys: &[SortKey],
    host: &Host,
) -> Vec<(TaskRow, Option<TreePosition>)> {
    let caller = match options.scope_pid {
        // Another process may have the pid of this one there.
        Some(_) => Caller::find(0, &[]),
        None => Caller::find(std::process::id(), &rows),
    };
    rows.retain(|row| options.selection.selects(row, caller, options.bsd, host));
    if let Some(order) = &options.selection.quick {
        rows.sort_by_key(|row| order.iter().position(|&pid| pid == row.tgid));
    }
    if options.threads != Threads::No {
        rows.sort_by_key(|row| (row.tgid, row.tid));
    }
    sort::sort(&mut rows, keys, host);
    if options.forest.is_none() {
        return rows.into_iter().map(|row| (row, None)).collect();
    }
    if keys.is_empty() {
        rows.sort_by_key(|row| row.stat.as_deref().map(|stat| stat.start_time));
    }
    let mut relations: Vec<_> = rows.iter().map(TaskRow::relation).collect();
    if options.forest == Some(Dialect::Bsd) {
        // In the BSD dialect, children of init are roots beside it.
        for (_, parent) in relations.iter_mut().filter(|(_, parent)| *parent == INIT) {
            *parent = 0;
        }
    }
    let positions = tree::arrange(&relations);
    positions
        .into_iter()
        .map(|position| (std::mem::take(&mut rows[position.index]), Some(position)))
        .collect()
}

/// Prints rows on standard output, after a line of headings.
struct Printer<'a> {
    columns: &'a [PsColumn],
    options: &'a PsOptions,
    layout: Layout,
    writer: CellWriter<'a>,
    branches: Branches,
    out: BufWriter<Stdout>,
    line: String,
    has_printed: bool,
}

impl<'a> Printer<'a> {
    fn new(columns: &'a [PsColumn], options: &'a PsOptions, host: &'a Host) -> Self {
        let (out, terminal) = stdio::open_stdout();
        let layout = columns.iter().map(|column| column.layout.clone()).collect();
        Self {
            columns,
            options,
            layout: Layout::new(layout, screen_width(options, terminal), options.numeric),
            writer: CellWriter {
                host,
                unicode: cell::locale_is_unicode(),
            },
            branches: Branches::default(),
            out,
            line: String::new(),
            has_printed: false,
        }
    }

    fn print_headings(&mut self) -> Result<(), Failure> {
        self.has_printed = true;
        match self.layout.headings() {
            Some(headings) if !self.options.no_headers => {
                Ok(self.out.write_all(headings.as_bytes())?)
            }
            _ => Ok(()),
        }
    }

    fn print(&mut self, row: &TaskRow, position: Option<TreePosition>) -> Result<(), Failure> {
        if !self.has_printed {
            self.print_headings()?;
        }
        let branch = match (position, self.options.forest) {
            (Some(position), Some(Dialect::Bsd)) => self.branches.draw(position),
            (Some(position), Some(Dialect::Unix)) => "  ".repeat(position.depth),
            _ => String::new(),
        };
        let Self {
            columns, writer, ..
        } = self;
        self.line.clear();
        self.layout
            .add_line(&mut self.line, |line, index, available| {
                match columns[index].column {
                    Some(column) => {
                        let value = column.value(row, writer.host);
                        writer.push(line, value, row, &branch, available);
                    }
                    None => line.push('-'),
                }
            });
        Ok(self.out.write_all(self.line.as_bytes())?)
    }

    /// Flushes the output.
    ///
    /// # Errors
    ///
    /// [`Failure::NoTask`] if no row was printed.
    fn finish(mut self) -> Result<(), Failure> {
        let empty = !self.has_printed;
        if empty {
            self.print_headings()?;
        }
        self.out.flush()?;
        if empty { Err(Failure::NoTask) } else { Ok(()) }
    }
}

/// Returns the width of the screen according to the options, the environment or
/// the terminal; `None` if lines are unlimited.
fn screen_width(options: &PsOptions, terminal: Option<usize>) -> Option<usize> {
    let columns = || env::var("COLUMNS").ok()?.parse().ok();
    let screen = options.width.or_else(columns).or(terminal)?;
    match options.wide {
        0 => Some(screen),
        1 => Some(screen.max(132)),
        _ => None,
    }
}
