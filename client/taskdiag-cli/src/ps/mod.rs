// SPDX-License-Identifier: MIT
//! `taskdiag-cli ps`: the words and the lines of procps's `ps`, from one dump.

mod args;
mod format;
mod layout;
mod select;
mod text;

use std::env;
use std::io::Write as _;

use taskdiag::{Request, Show, Strategy};

use crate::exit::Failure;
use crate::host::Host;
use crate::row::Row;
use crate::run;
use crate::sort::{self, Key};
use crate::tree::{self, Branches, Place};

use args::{Dialect, Options, Threads};
use format::Field;
use layout::Layout;
use select::Asker;
use text::Writer;

/// What selecting takes.
const SELECTED_BY: Show = Show::BASE.union(Show::CRED).union(Show::STAT);

/// The parent of those that have lost theirs.
const INIT: u32 = 1;

/// Does what `ps` does with these words.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let options = args::parse(words).map_err(Failure::Ps)?;
    if options.version {
        let version = env!("CARGO_PKG_VERSION");
        let (mut out, _) = run::open_stdout();
        writeln!(out, "ps of taskdiag-cli {version}")?;
        return Ok(out.flush()?);
    }
    let usual = env::var("PS_FORMAT").ok();
    let fields = format::fields(&options, usual.as_deref()).map_err(Failure::Ps)?;
    let keys = keys(&options).map_err(Failure::Ps)?;

    let host = Host::now(options.numeric);
    let rows = ask(&options, &fields, &keys)?;
    let rows = choose(rows, &options, &keys, &host);
    if rows.is_empty() {
        print(&fields, &[], &options, &host)?;
        return Err(Failure::Nobody);
    }
    print(&fields, &rows, &options, &host)
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

/// Asks the kernel for what columns, keys and selection need.
fn ask(options: &Options, fields: &[Field], keys: &[Key]) -> Result<Vec<Row>, Failure> {
    let of_keys: Show = keys.iter().map(|key| key.chosen.column.groups).collect();
    let show = SELECTED_BY | format::groups(fields) | of_keys;
    let strategy = match options.threads {
        Threads::No => Strategy::All,
        Threads::Plain | Threads::Lwp | Threads::Spid => Strategy::AllThreads,
    };
    let mut request = Request::new(strategy).show(show);
    if options.threads == Threads::No {
        // Of threads the list would name each; ps names their processes.
        request.filters.pids = options.selection.pids();
    }

    let failed = |error| run::failure(error, &request);
    let mut client = run::connect(options.transport).map_err(failed)?;
    let mut dump = client.dump(&request).map_err(failed)?;
    let mut rows = Vec::new();
    while let Some(task) = dump.next().map_err(failed)? {
        let mut row = Row::new(task, show);
        if options.cumulative {
            row.add_children();
        }
        rows.push(row);
    }
    Ok(rows)
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
    let mut relations = run::relations(&rows);
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

fn print(
    fields: &[Field],
    rows: &[(Row, Option<Place>)],
    options: &Options,
    host: &Host,
) -> Result<(), Failure> {
    let (mut out, terminal) = run::open_stdout();
    let slots = fields.iter().map(|field| field.slot.clone()).collect();
    let layout = Layout::new(slots, width(options, terminal), options.numeric);
    let writer = Writer {
        host,
        unicode: text::locale_is_unicode(),
    };
    if !options.no_headers {
        if let Some(headings) = layout.headings() {
            out.write_all(headings.as_bytes())?;
        }
    }
    let mut branches = Branches::default();
    for (row, place) in rows {
        let branch = match (place, options.forest) {
            (Some(place), Some(Dialect::Bsd)) => branches.draw(*place),
            (Some(place), Some(Dialect::Unix)) => "  ".repeat(place.depth),
            _ => String::new(),
        };
        let line = layout.line(|index, room| {
            let Some(column) = fields[index].column else {
                return "-".to_owned();
            };
            let value = column.value(row, host);
            writer.write(value, row, &branch, room)
        });
        out.write_all(line.as_bytes())?;
    }
    Ok(out.flush()?)
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
