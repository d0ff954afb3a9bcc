// SPDX-License-Identifier: MIT
//! `taskdiag-cli ps`: options and output of the `ps` of procps, from one dump.

mod args;
mod cell;
mod columns;
mod forest;
mod help;
mod layout;
mod number;
mod personality;
mod printer;
mod proc_files;
mod screen;
mod select;
mod specs;

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};

use taskdiag::{Request, Scope, Show, Strategy};

use crate::connect;
use crate::exit::Failure;
use crate::host::Host;
use crate::row::TaskRow;
use crate::stdio;

use args::{PsOptions, Text, ThreadOptions};
use columns::Output;
use personality::Personality;
use printer::Printer;
use select::Caller;

/// Runs `ps` with these arguments.
pub(crate) fn run(args: &[OsString]) -> Result<(), Failure> {
    let default = env::var("PS_FORMAT").ok();
    let parsed = args::parse(args, Personality::from_env(), default.as_deref());
    let (options, output) = parsed.map_err(Failure::PsUsage)?;
    if let Some(text) = options.text {
        return print_text(text, &options);
    }
    check_quick(&options, &output).map_err(Failure::PsUsage)?;
    if let Some(warning) = &output.warning {
        stdio::print_message(format_args!("warning: $PS_FORMAT ignored: {warning}"));
    }

    let host = Host::now(options.numeric);
    let mut printer = Printer::new(&output.columns, &options, &host);
    if can_stream(&options, &output) {
        query(&options, &output, Strategy::All, |row| {
            if options.selection.selects(&row, Caller::UNKNOWN) {
                printer.print(&row, "")?;
            }
            Ok(())
        })?;
    } else {
        let rows = collect(&options, &output)?;
        print_collected(rows, &options, &output, &mut printer)?;
    }
    printer.finish()
}

/// Prints the text of an option.
fn print_text(text: Text, options: &PsOptions) -> Result<(), Failure> {
    if text == Text::Settings {
        // Ignore the error: standard error may be closed.
        let _ = help::write_settings(&mut io::stderr(), options);
        return Ok(());
    }
    let (mut out, _) = stdio::open_stdout();
    match text {
        Text::Help(section) => help::write(&mut out, section)?,
        Text::Columns => help::write_columns(&mut out)?,
        Text::Version | Text::Settings => {
            writeln!(out, "ps of taskdiag-cli {}", env!("CARGO_PKG_VERSION"))?;
        }
    }
    Ok(out.flush()?)
}

/// Checks that `-q` is not combined with options that change its tasks or order.
fn check_quick(options: &PsOptions, output: &Output) -> Result<(), String> {
    let selection = &options.selection;
    let other = if selection.quick.is_none() {
        return Ok(());
    } else if !selection.lists.is_empty() {
        "other lists"
    } else if options.forest.is_some() {
        "a forest"
    } else if !output.sort.is_empty() {
        "sort keys"
    } else if selection.negated {
        "-N"
    } else {
        return Ok(());
    };
    Err(format!("-q cannot be combined with {other}"))
}

/// Whether rows can be printed as they arrive: in the order of the kernel, and
/// without knowing other rows.
fn can_stream(options: &PsOptions, output: &Output) -> bool {
    options.selection.is_all_processes()
        && options.selection.quick.is_none()
        && options.threads.is_empty()
        && options.forest.is_none()
        && output.sort.is_empty()
}

/// Returns the rows of all processes, or of all threads if threads are shown.
fn collect(options: &PsOptions, output: &Output) -> Result<Vec<TaskRow>, Failure> {
    let mut rows = Vec::new();
    let mut add = |row| {
        rows.push(row);
        Ok(())
    };
    if options.threads.is_empty() {
        query(options, output, Strategy::All, add)?;
        return Ok(rows);
    }
    // Like procps, show the sums over all threads in the line of the first thread.
    let mut processes = HashMap::new();
    query(options, output, Strategy::AllThreads, &mut add)?;
    query(options, output, Strategy::All, |row| {
        processes.insert(row.tgid, row);
        Ok(())
    })?;
    for row in rows.iter_mut().filter(|row| row.tid == row.tgid) {
        if let Some(process) = processes.remove(&row.tgid) {
            *row = process;
        }
    }
    Ok(rows)
}

/// Requests the groups that columns, sort keys and selection need, and passes each
/// row to `take`.
fn query(
    options: &PsOptions,
    output: &Output,
    strategy: Strategy,
    mut take: impl FnMut(TaskRow) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let start_times = options.forest.is_some() || !options.threads.is_empty();
    let order_groups = if start_times {
        Show::STAT
    } else {
        Show::empty()
    };
    let environment = match options.environment {
        true => Show::ENVIRON,
        false => Show::empty(),
    };
    let show = options.selection.groups() | output.groups() | order_groups | environment;
    let mut request = Request::new(strategy).show(show);
    if options.threads.is_empty() {
        // For threads, the pid filter of the kernel compares tids, but the lists of ps
        // contain pids.
        request.filters.pids = options.selection.pids();
    }
    if request.filters.pids.as_ref().is_some_and(Vec::is_empty) {
        return Ok(());
    }

    if let Some(pid) = options.scope_pid {
        request.scope = Scope::Process(pid);
    }

    let failed = |error| connect::failure(error, &request);
    let (mut client, mut scoped) =
        connect::connect_for(options.transport.kind(), &request).map_err(failed)?;
    let optional = output.optional_groups();
    if !optional.is_empty() {
        scoped.show |= optional & client.features().map_err(failed)?.groups;
    }
    let show = scoped.show;
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

/// Selects and sorts rows, and prints them as a list, as trees, or with their threads.
fn print_collected(
    mut rows: Vec<TaskRow>,
    options: &PsOptions,
    output: &Output,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    let caller = find_caller(options, &rows);
    let selection = &options.selection;
    if options.threads.intersects(ThreadOptions::AFTER_PROCESSES) {
        return print_with_threads(rows, options, printer);
    }
    rows.retain(|row| selection.selects(row, caller));
    if let Some(order) = &selection.quick {
        rows.retain(|row| order.contains(&row.tgid));
        rows.sort_by_key(|row| order.iter().position(|&pid| pid == row.tgid));
    } else if !options.threads.is_empty() {
        rows.sort_by_key(|row| (row.tgid, row.tid));
    }
    if let Some(dialect) = options.forest {
        rows.sort_by_key(|row| row.stat.as_deref().map(|stat| stat.start_time));
        printer.sort(&mut rows, &output.sort);
        for (index, branch) in forest::arrange(&rows, dialect) {
            printer.print(&rows[index], &branch)?;
        }
        return Ok(());
    }
    printer.sort(&mut rows, &output.sort);
    rows.iter().try_for_each(|row| printer.print(row, ""))
}

/// Returns the user and terminal of this process.
fn find_caller(options: &PsOptions, rows: &[TaskRow]) -> Caller {
    match options.scope_pid {
        // Another process may have the pid of this one there.
        Some(_) => Caller {
            reads_files: false,
            ..Caller::find(0, &[])
        },
        None => Caller::find(std::process::id(), rows),
    }
}

/// Prints each selected process, and then its threads.
fn print_with_threads(
    mut rows: Vec<TaskRow>,
    options: &PsOptions,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    let caller = find_caller(options, &rows);
    let start = |row: &TaskRow| row.stat.as_deref().map(|stat| stat.start_time);
    rows.sort_by_key(|row| (row.tgid, row.tid != row.tgid, start(row)));
    let quick = options.selection.quick.as_deref();
    for process in rows.chunk_by(|a, b| a.tgid == b.tgid) {
        let listed = quick.is_none_or(|pids| pids.contains(&process[0].tgid));
        if !listed || !options.selection.selects(&process[0], caller) {
            continue;
        }
        printer.print_process(&process[0])?;
        for thread in process {
            printer.print(thread, "")?;
        }
    }
    Ok(())
}
