// SPDX-License-Identifier: MIT
//! Runs the command: from the command line to the exit status.

use std::fmt;
use std::io::Write as _;
use std::time::{Duration, Instant};

use taskdiag::{Request, Show, Stats, Strategy, TaskRef, TransportKind};

use crate::cli::{self, Job, ListJob, MapsJob, TransportChoice};
use crate::connect::{self, connect};
use crate::doctor::Diagnosis;
use crate::exit::{Exit, Failure};
use crate::features;
use crate::host::Host;
use crate::incomplete::IncompleteRows;
use crate::mappings;
use crate::maps;
use crate::output::{self, Output};
use crate::ps;
use crate::row::TaskRow;
use crate::row_filter;
use crate::sort;
use crate::stdio::{open_stdout, print_message};
use crate::tree;
use crate::watch;

/// Executes the command line of this process.
pub(crate) fn run() -> Exit {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();

    let job = match cli::parse(std::env::args_os()) {
        Ok(job) => job,
        Err(error) => {
            return print_usage(&error);
        }
    };
    if let Err(text) = TransportChoice::from_env() {
        print_message(format_args!("{text}"));
        return Exit::Usage;
    }
    match execute(&job) {
        Ok(exit) => exit,
        Err(failure) => {
            if !failure.is_silent() {
                print_message(format_args!("{failure}"));
            }
            failure.exit()
        }
    }
}

/// Prints a usage error, or the output of `--help` and `--version`.
fn print_usage(error: &clap::Error) -> Exit {
    if error.use_stderr() {
        // Ignore the error, which cannot be reported elsewhere.
        let _ = error.print();
        return Exit::Usage;
    }
    let text = error.render();
    let (mut out, width) = open_stdout();
    let printed = match width {
        Some(_) => write!(out, "{}", text.ansi()),
        None => write!(out, "{text}"),
    };
    match printed.and_then(|()| out.flush()).map_err(Failure::from) {
        Ok(()) | Err(Failure::ClosedPipe) => Exit::Success,
        Err(failure) => {
            print_message(format_args!("{failure}"));
            failure.exit()
        }
    }
}

fn execute(job: &Job) -> Result<Exit, Failure> {
    match job {
        Job::List(job) => list_tasks(job)?,
        Job::Maps(job) => show_maps(job)?,
        Job::Features { transport, json } => show_features(*transport, *json)?,
        Job::Doctor { json } => show_diagnosis(*json)?,
        Job::Ps(args) => ps::run(args)?,
        Job::Watch(job) => return watch::run(job),
        Job::Generate {
            artifact,
            directory,
        } => cli::generate(*artifact, directory)?,
    }
    Ok(Exit::Success)
}

const CACHED_ROWS: &str = "\
warning: taskdiagd answered from its row cache, which is updated by
events. States are unknown (?), and process groups, tracers and capabilities are
those of the last read. --show stat, or any other additional group, makes the
daemon read all fields again.";

fn list_tasks(job: &ListJob) -> Result<(), Failure> {
    let failed = |error| connect::failure(error, &job.request);
    let (mut client, request) =
        connect::connect_for(job.transport.kind(), &job.request).map_err(failed)?;
    let transport = client.source().kind();
    let failed = |error| connect::failure_over(transport, error, &job.request);
    let host = Host::now(job.numeric);
    let (out, width) = open_stdout();
    let mut output = output::open(job, &host, out, width)?;

    let show = job.request.show;
    let mut cached = false;
    let mut selector = Selector::new(job, &host);
    let mut stopwatch = Stopwatch::start();
    let mut dump = client.dump(&request).map_err(failed)?;
    if job.lists_mappings() {
        let mut mappings = mappings::MappingRows::default();
        write_rows(job, &host, output.as_mut(), || {
            loop {
                if let Some(row) = mappings.next() {
                    if selector.shows_mapping(&row) {
                        return Ok(Some(row));
                    }
                    continue;
                }
                let Some(message) = dump.next_piece().map_err(failed)? else {
                    stopwatch.stop();
                    selector.check_only_task()?;
                    return Ok(None);
                };
                mappings.replace(message, show);
                selector.note_mappings(mappings.task(), message);
            }
        })?;
    } else if show.contains(Show::VMA_STAT) {
        // Add up the mappings message by message: a process may have too many to
        // hold in memory.
        let mut unfinished = None;
        write_rows(job, &host, output.as_mut(), || {
            while let Some(message) = dump.next_piece().map_err(failed)? {
                let Some(row) = add_message(&mut unfinished, message, show) else {
                    continue;
                };
                if selector.selects(&row, message) {
                    return Ok(Some(row));
                }
            }
            stopwatch.stop();
            selector.check_only_task()?;
            Ok(None)
        })?;
    } else {
        write_rows(job, &host, output.as_mut(), || {
            while let Some(task) = dump.next().map_err(failed)? {
                cached |= task.is_cached();
                let row = TaskRow::new(task, show);
                if selector.selects(&row, task) {
                    return Ok(Some(row));
                }
            }
            stopwatch.stop();
            selector.check_only_task()?;
            Ok(None)
        })?;
    }
    if cached {
        print_message(format_args!("{CACHED_ROWS}"));
    }
    finish_dump(dump.stats(), transport, &stopwatch, job.stats);
    report_incomplete(&selector.incomplete, &job.request)
}

/// Applies the conditions of this command, and counts incomplete rows.
#[derive(Debug)]
struct Selector<'a> {
    job: &'a ListJob,
    host: &'a Host,
    incomplete: IncompleteRows,
    has_selected: bool,
}

impl<'a> Selector<'a> {
    fn new(job: &'a ListJob, host: &'a Host) -> Self {
        Self {
            job,
            host,
            incomplete: IncompleteRows::default(),
            has_selected: false,
        }
    }

    /// Whether the row is shown. Counts it if it is incomplete, unless a condition
    /// excludes it.
    fn selects(&mut self, row: &TaskRow, last_message: TaskRef<'_>) -> bool {
        let holds = row_filter::all_hold(&self.job.row_filters, row, self.host);
        if holds != Some(false) {
            self.incomplete.note(last_message);
        }
        self.has_selected |= holds == Some(true);
        holds == Some(true)
    }

    /// Counts a task with rows of mappings, as [`Self::selects`] counts a row.
    fn note_mappings(&mut self, task: &TaskRow, message: TaskRef<'_>) {
        let filters = self.job.row_filters.iter();
        let of_task = filters.filter(|filter| !filter.is_of_mappings());
        let holds = row_filter::all_hold(of_task, task, self.host);
        if holds != Some(false) {
            self.incomplete.note(message);
        }
        self.has_selected |= holds == Some(true);
    }

    /// Whether the row of a mapping is shown.
    fn shows_mapping(&self, row: &TaskRow) -> bool {
        row_filter::all_hold(&self.job.row_filters, row, self.host) == Some(true)
    }

    /// Reports that the only task of the request is excluded. The kernel reports that
    /// if its own filters exclude the task.
    ///
    /// # Errors
    ///
    /// The request selects one task, and a condition excludes it.
    fn check_only_task(&self) -> Result<(), Failure> {
        let is_excluded = !self.job.row_filters.is_empty() && !self.has_selected;
        match self.job.request.strategy {
            Strategy::One(pid) if is_excluded && self.incomplete.denied().is_empty() => {
                Err(Failure::Excluded(pid))
            }
            _ => Ok(()),
        }
    }
}

/// Reports the groups that rows lack: with a warning, or with a failure if the caller
/// may not read groups of the only task of the request.
fn report_incomplete(incomplete: &IncompleteRows, request: &Request<'_>) -> Result<(), Failure> {
    match request.strategy {
        Strategy::One(pid) if !incomplete.denied().is_empty() => {
            Err(Failure::Denied(pid, incomplete.denied()))
        }
        _ => {
            incomplete.warn();
            Ok(())
        }
    }
}

/// Adds a message to the unfinished row, and returns the row after its last
/// message.
fn add_message(
    unfinished: &mut Option<TaskRow>,
    message: TaskRef<'_>,
    show: Show,
) -> Option<TaskRow> {
    match unfinished {
        Some(row) if message.is_continuation() => row.append(message),
        _ => *unfinished = Some(TaskRow::new(message, show)),
    }
    match message.has_more() {
        true => None,
        false => unfinished.take(),
    }
}

fn show_maps(job: &MapsJob) -> Result<(), Failure> {
    let failed = |error| connect::failure(error, &job.request);
    let (mut client, request) =
        connect::connect_for(job.transport.kind(), &job.request).map_err(failed)?;
    let transport = client.source().kind();
    let failed = |error| connect::failure_over(transport, error, &job.request);
    let (mut out, _) = open_stdout();
    let mut incomplete = IncompleteRows::default();
    let mut stopwatch = Stopwatch::start();
    let mut dump = client.dump(&request).map_err(failed)?;
    while let Some(message) = dump.next_piece().map_err(failed)? {
        incomplete.note(message);
        maps::write(&mut out, message)?;
    }
    stopwatch.stop();
    out.flush()?;
    finish_dump(dump.stats(), transport, &stopwatch, job.stats);
    report_incomplete(&incomplete, &job.request)
}

fn show_features(transport: TransportChoice, json: bool) -> Result<(), Failure> {
    let mut client = connect(transport.kind()).map_err(Failure::Other)?;
    let features = client.features().map_err(Failure::Other)?;
    let (mut out, _) = open_stdout();
    features::write(&mut out, &features, json)?;
    Ok(out.flush()?)
}

fn show_diagnosis(json: bool) -> Result<(), Failure> {
    let diagnosis = Diagnosis::collect();
    let (mut out, _) = open_stdout();
    diagnosis.write(&mut out, json)?;
    out.flush()?;
    if diagnosis.has_task_diag() {
        Ok(())
    } else {
        Err(Failure::NoTaskDiag)
    }
}

/// Logs whether the dump was interrupted, and prints the statistics if `wanted`.
fn finish_dump(stats: Stats, transport: TransportKind, stopwatch: &Stopwatch, wanted: bool) {
    if stats.interrupted {
        log::info!("tasks changed during the dump");
    }
    if wanted {
        let time = stopwatch.time;
        print_message(format_args!(
            "{}",
            StatsLine {
                stats,
                transport,
                time
            }
        ));
    }
}

/// Writes rows in the order of the job. Without sort keys and tree, each row is
/// written as it arrives.
fn write_rows(
    job: &ListJob,
    host: &Host,
    output: &mut dyn Output,
    mut next: impl FnMut() -> Result<Option<TaskRow>, Failure>,
) -> Result<(), Failure> {
    if job.sort.is_empty() && !job.tree {
        while let Some(row) = next()? {
            output.row(row)?;
        }
        return Ok(output.finish()?);
    }
    let mut rows = Vec::new();
    while let Some(row) = next()? {
        rows.push(row);
    }
    sort::sort(&mut rows, &job.sort, host);
    if job.tree {
        let relations: Vec<_> = rows.iter().map(TaskRow::relation).collect();
        for position in tree::arrange(&relations) {
            output.tree_row(std::mem::take(&mut rows[position.index]), position)?;
        }
    } else {
        for row in rows {
            output.row(row)?;
        }
    }
    Ok(output.finish()?)
}

/// Measures the time from the request to the arrival of the last row. This
/// includes the output of rows that are written as they arrive.
struct Stopwatch {
    start: Instant,
    time: Duration,
}

impl Stopwatch {
    fn start() -> Self {
        Self {
            start: Instant::now(),
            time: Duration::ZERO,
        }
    }

    fn stop(&mut self) {
        self.time = self.start.elapsed();
    }
}

/// The line of `--stats`.
struct StatsLine {
    stats: Stats,
    transport: TransportKind,
    time: Duration,
}

impl fmt::Display for StatsLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stats,
            transport,
            time,
        } = self;
        write!(
            f,
            "tasks: {}, receives: {}, bytes: {}, time: {:.3} ms, interrupted: {}, transport: {transport}",
            stats.tasks,
            stats.receives,
            stats.bytes,
            time.as_secs_f64() * 1e3,
            if stats.interrupted { "yes" } else { "no" },
        )
    }
}

#[cfg(test)]
mod tests;
