// SPDX-License-Identifier: MIT
//! One run of the command, from its words to its exit status.

use std::fmt;
use std::io::Write as _;
use std::time::{Duration, Instant};

use taskdiag::{Show, Stats, TaskRef, TransportKind};

use crate::areas;
use crate::cli::{self, Ask, Job, Maps, Rows};
use crate::doctor::Diagnosis;
use crate::exit::{Exit, Failure};
use crate::features;
use crate::host::Host;
use crate::maps;
use crate::output::{self, Output};
use crate::ps;
use crate::row::Row;
use crate::session::{Incomplete, connect, failure, open_stdout, say};
use crate::sort;
use crate::tree;
use crate::watch;

/// Does what the process was started for.
pub(crate) fn run() -> Exit {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();

    let job = match cli::parse(std::env::args_os()) {
        Ok(job) => job,
        Err(error) => {
            // Nobody is left to tell where this cannot be written.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
        }
    };
    match execute(&job) {
        Ok(exit) => exit,
        Err(failure) => {
            if !failure.is_silent() {
                say(format_args!("{failure}"));
            }
            failure.exit()
        }
    }
}

fn execute(job: &Job) -> Result<Exit, Failure> {
    match job {
        Job::Rows(job) => show_rows(job)?,
        Job::Maps(job) => show_maps(job)?,
        Job::Features { ask, json } => show_features(*ask, *json)?,
        Job::Doctor { json } => show_diagnosis(*json)?,
        Job::Ps(words) => ps::run(words)?,
        Job::Watch(job) => return watch::run(job),
        Job::Generate { what, folder } => cli::generate(*what, folder)?,
    }
    Ok(Exit::Success)
}

const KEPT: &str = "\
taskdiagd keeps these rows by events. States are not known so (?), and
process groups, tracers and capabilities are as they were when last read. With
--show stat, or any other group besides, all is read anew.";

fn show_rows(job: &Rows) -> Result<(), Failure> {
    let failed = |error| failure(error, &job.request);
    let mut client = connect(job.ask.way()).map_err(failed)?;
    let way = client.source().kind();
    let host = Host::now(job.numeric);
    let (out, width) = open_stdout();
    let mut output = output::open(job, &host, out, width)?;

    let show = job.request.show;
    let mut kept = false;
    let mut incomplete = Incomplete::default();
    let mut watch = Watch::start();
    let mut dump = client.dump(&job.request).map_err(failed)?;
    if job.are_areas() {
        let mut areas = areas::Areas::default();
        put(job, &host, output.as_mut(), || {
            while areas.is_empty() {
                let Some(piece) = dump.next_piece().map_err(failed)? else {
                    watch.stop();
                    return Ok(None);
                };
                incomplete.note(piece);
                areas.take(piece, show);
            }
            Ok(areas.next())
        })?;
    } else if show.contains(Show::VMA_STAT) {
        // The sums of areas, of which there may be more than one wants to hold.
        let mut begun = None;
        put(job, &host, output.as_mut(), || {
            while let Some(piece) = dump.next_piece().map_err(failed)? {
                incomplete.note(piece);
                let whole = add_piece(&mut begun, piece, show);
                if whole.is_some() {
                    return Ok(whole);
                }
            }
            watch.stop();
            Ok(None)
        })?;
    } else {
        put(job, &host, output.as_mut(), || {
            let task = dump.next().map_err(failed)?;
            match task {
                Some(task) => {
                    incomplete.note(task);
                    kept |= task.is_cached();
                }
                None => watch.stop(),
            }
            Ok(task.map(|task| Row::new(task, show)))
        })?;
    }
    incomplete.warn();
    if kept {
        say(format_args!("{KEPT}"));
    }
    conclude(dump.stats(), way, &watch, job.stats);
    Ok(())
}

/// Adds a piece to the row it belongs to, and returns the row with its last piece.
fn add_piece(begun: &mut Option<Row>, piece: TaskRef<'_>, show: Show) -> Option<Row> {
    match begun {
        Some(row) if piece.is_continuation() => row.go_on(piece),
        _ => *begun = Some(Row::new(piece, show)),
    }
    match piece.has_more() {
        true => None,
        false => begun.take(),
    }
}

fn show_maps(job: &Maps) -> Result<(), Failure> {
    let failed = |error| failure(error, &job.request);
    let mut client = connect(job.ask.way()).map_err(failed)?;
    let way = client.source().kind();
    let (mut out, _) = open_stdout();
    let mut incomplete = Incomplete::default();
    let mut watch = Watch::start();
    let mut dump = client.dump(&job.request).map_err(failed)?;
    while let Some(piece) = dump.next_piece().map_err(failed)? {
        incomplete.note(piece);
        maps::write(&mut out, piece)?;
    }
    watch.stop();
    out.flush()?;
    incomplete.warn();
    conclude(dump.stats(), way, &watch, job.stats);
    Ok(())
}

fn show_features(ask: Ask, json: bool) -> Result<(), Failure> {
    let mut client = connect(ask.way()).map_err(Failure::Other)?;
    let features = client.features().map_err(Failure::Other)?;
    let (mut out, _) = open_stdout();
    features::write(&mut out, &features, json)?;
    Ok(out.flush()?)
}

fn show_diagnosis(json: bool) -> Result<(), Failure> {
    let diagnosis = Diagnosis::make();
    let (mut out, _) = open_stdout();
    diagnosis.write(&mut out, json)?;
    out.flush()?;
    if diagnosis.is_fast() {
        Ok(())
    } else {
        Err(Failure::OnlyProcfs)
    }
}

/// Says beside the output what is to be said of a dump.
fn conclude(stats: Stats, way: TransportKind, watch: &Watch, wanted: bool) {
    if stats.interrupted {
        log::info!("tasks came or went during the dump");
    }
    if wanted {
        let time = watch.time;
        say(format_args!("{}", Report { stats, way, time }));
    }
}

/// Puts rows out, in the order the job wants.
fn put(
    job: &Rows,
    host: &Host,
    output: &mut dyn Output,
    mut next: impl FnMut() -> Result<Option<Row>, Failure>,
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
        let relations: Vec<_> = rows.iter().map(Row::relation).collect();
        for place in tree::arrange(&relations) {
            output.leaf(std::mem::take(&mut rows[place.index]), place)?;
        }
    } else {
        for row in rows {
            output.row(row)?;
        }
    }
    Ok(output.finish()?)
}

/// From the request to the last row's arrival. Rows that are written as they
/// arrive are written in that time.
struct Watch {
    start: Instant,
    time: Duration,
}

impl Watch {
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

/// What `--stats` tells.
struct Report {
    stats: Stats,
    way: TransportKind,
    time: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stats, way, time } = self;
        write!(
            f,
            "tasks: {}, receives: {}, bytes: {}, time: {:.3} ms, interrupted: {}, by: {way}",
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
