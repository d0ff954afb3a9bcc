// SPDX-License-Identifier: MIT
//! `taskdiag-cli ps`: the words and the lines of procps's `ps`, from one dump.

mod args;
mod format;
mod layout;
mod select;
mod text;

use std::env;
use std::io::{BufWriter, StdoutLock, Write as _};

use taskdiag::{Request, Show, Strategy};

use crate::exit::Failure;
use crate::host::Host;
use crate::row::Row;
use crate::session;
use crate::sort::{self, Key};
use crate::tree::{self, Branches, Place};

use args::{Dialect, Options, Threads};
use format::Field;
use layout::Layout;
use select::Asker;
use text::Writer;

/// The parent of those that have lost theirs.
const INIT: u32 = 1;

/// Does what `ps` does with these words.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let options = args::parse(words).map_err(Failure::Ps)?;
    if options.version {
        let version = env!("CARGO_PKG_VERSION");
        let (mut out, _) = session::open_stdout();
        writeln!(out, "ps of taskdiag-cli {version}")?;
        return Ok(out.flush()?);
    }
    let usual = env::var("PS_FORMAT").ok();
    let fields = format::fields(&options, usual.as_deref()).map_err(Failure::Ps)?;
    let keys = keys(&options).map_err(Failure::Ps)?;

    let host = Host::now(options.numeric);
    let mut printer = Printer::new(&fields, &options, &host);
    if takes_all_in_order(&options, &keys) {
        ask(&options, &fields, &keys, |row| {
            if options
                .selection
                .has(&row, Asker::NOBODY, options.bsd, &host)
            {
                printer.print(&row, None)?;
            }
            Ok(())
        })?;
    } else {
        let mut rows = Vec::new();
        ask(&options, &fields, &keys, |row| {
            rows.push(row);
            Ok(())
        })?;
        for (row, place) in choose(rows, &options, &keys, &host) {
            printer.print(&row, place)?;
        }
    }
    printer.finish()
}

/// Whether each row can be printed as it comes: in the order of the kernel,
/// whoever the others are.
fn takes_all_in_order(options: &Options, keys: &[Key]) -> bool {
    options.selection.is_everybody()
        && options.selection.quick.is_none()
        && options.threads == Threads::No
        && options.forest.is_none()
        && keys.is_empty()
}

fn keys(options: &Options) -> Result<Vec<Key>, String> {
    options
        .sort
        .iter()
        .flat_map(|list| list.split([',', ' ']))
        .filter(|word| !word.is_empty())
        .map(|word| word.parse::<Key>().map_err(|error| error.to_string()))
        .collect()
}

/// Asks the kernel for what columns, keys and selection need, and hands out
/// each row.
fn ask(
    options: &Options,
    fields: &[Field],
    keys: &[Key],
    mut take: impl FnMut(Row) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let of_keys: Show = keys.iter().map(|key| key.chosen.column.groups).collect();
    let of_forest = match options.forest {
        Some(_) => Show::STAT,
        None => Show::empty(),
    };
    let show = options.selection.groups() | format::groups(fields) | of_keys | of_forest;
    let strategy = match options.threads {
        Threads::No => Strategy::All,
        Threads::Plain | Threads::Lwp | Threads::Spid => Strategy::AllThreads,
    };
    let mut request = Request::new(strategy).show(show);
    if options.threads == Threads::No {
        // Of threads the list would name each; ps names their processes.
        request.filters.pids = options.selection.pids();
    }

    let failed = |error| session::failure(error, &request);
    let mut client = session::connect(options.transport.way()).map_err(failed)?;
    let mut dump = client.dump(&request).map_err(failed)?;
    while let Some(task) = dump.next().map_err(failed)? {
        let mut row = Row::new(task, show);
        row.zero_memory();
        if options.cumulative {
            row.add_children();
        }
        take(row)?;
    }
    Ok(())
}

/// Those that are selected, in their order, each in its place.
fn choose(
    mut rows: Vec<Row>,
    options: &Options,
    keys: &[Key],
    host: &Host,
) -> Vec<(Row, Option<Place>)> {
    let asker = Asker::find(std::process::id(), &rows);
    rows.retain(|row| options.selection.has(row, asker, options.bsd, host));
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
    let mut relations: Vec<_> = rows.iter().map(Row::relation).collect();
    if options.forest == Some(Dialect::Bsd) {
        // What runs under init stands beside it in this one, and is no branch.
        for (_, parent) in relations.iter_mut().filter(|(_, parent)| *parent == INIT) {
            *parent = 0;
        }
    }
    let places = tree::arrange(&relations);
    places
        .into_iter()
        .map(|place| (std::mem::take(&mut rows[place.index]), Some(place)))
        .collect()
}

/// Writes lines on standard output: that of headings before the first row.
struct Printer<'a> {
    fields: &'a [Field],
    options: &'a Options,
    layout: Layout,
    writer: Writer<'a>,
    branches: Branches,
    out: BufWriter<StdoutLock<'static>>,
    line: String,
    has_begun: bool,
}

impl<'a> Printer<'a> {
    fn new(fields: &'a [Field], options: &'a Options, host: &'a Host) -> Self {
        let (out, terminal) = session::open_stdout();
        let slots = fields.iter().map(|field| field.slot.clone()).collect();
        Self {
            fields,
            options,
            layout: Layout::new(slots, width(options, terminal), options.numeric),
            writer: Writer {
                host,
                unicode: text::locale_is_unicode(),
            },
            branches: Branches::default(),
            out,
            line: String::new(),
            has_begun: false,
        }
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.has_begun = true;
        match self.layout.headings() {
            Some(headings) if !self.options.no_headers => {
                Ok(self.out.write_all(headings.as_bytes())?)
            }
            _ => Ok(()),
        }
    }

    fn print(&mut self, row: &Row, place: Option<Place>) -> Result<(), Failure> {
        if !self.has_begun {
            self.begin()?;
        }
        let branch = match (place, self.options.forest) {
            (Some(place), Some(Dialect::Bsd)) => self.branches.draw(place),
            (Some(place), Some(Dialect::Unix)) => "  ".repeat(place.depth),
            _ => String::new(),
        };
        let Self { fields, writer, .. } = self;
        self.line.clear();
        self.layout.add_line(&mut self.line, |line, index, room| {
            match fields[index].column {
                Some(column) => {
                    let value = column.value(row, writer.host);
                    writer.add(line, value, row, &branch, room);
                }
                None => line.push('-'),
            }
        });
        Ok(self.out.write_all(self.line.as_bytes())?)
    }

    /// Nobody to show is a failure.
    fn finish(mut self) -> Result<(), Failure> {
        let nobody = !self.has_begun;
        if nobody {
            self.begin()?;
        }
        self.out.flush()?;
        if nobody { Err(Failure::Nobody) } else { Ok(()) }
    }
}

/// How wide the screen is: as was said, as the environment or the terminal
/// says. None is without bounds.
fn width(options: &Options, terminal: Option<usize>) -> Option<usize> {
    let columns = || env::var("COLUMNS").ok()?.parse().ok();
    let screen = options.width.or_else(columns).or(terminal)?;
    match options.wide {
        0 => Some(screen),
        1 => Some(screen.max(132)),
        _ => None,
    }
}
