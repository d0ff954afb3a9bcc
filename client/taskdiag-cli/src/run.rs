// SPDX-License-Identifier: MIT
//! One run of the command, from its words to its exit status.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use taskdiag::{Client, Stats};

use crate::cli::{self, Job};
use crate::exit::{Exit, Failure};
use crate::names::Names;
use crate::output::{self, Output};
use crate::row::Row;
use crate::sort;

/// Room for what a full receive buffer of tasks comes to in most formats.
const OUTPUT_BUFFER: usize = 64 * 1024;

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
        Ok(()) => Exit::Success,
        Err(failure) => {
            if failure.exit() != Exit::Success {
                say(format_args!("{failure}"));
            }
            failure.exit()
        }
    }
}

/// Tells the user something that is not part of the output.
fn say(what: fmt::Arguments<'_>) {
    // A closed standard error is no reason to panic.
    let _ = writeln!(io::stderr(), "taskdiag-cli: {what}");
}

fn execute(job: &Job) -> Result<(), Failure> {
    let stdout = io::stdout();
    let width = stdout
        .is_terminal()
        .then(|| terminal_size::terminal_size_of(&stdout))
        .flatten()
        .map(|(width, _)| usize::from(width.0));
    let names = Names::new(job.numeric);
    let failed = |error| Failure::Request(error, job.request.clone());

    let mut client = Client::connect().map_err(failed)?;
    let out = BufWriter::with_capacity(OUTPUT_BUFFER, stdout.lock());
    let mut output = output::open(job, &names, out, width)?;

    let start = Instant::now();
    let mut time = Duration::ZERO;
    let mut dump = client.dump(&job.request).map_err(failed)?;
    show(job, &names, output.as_mut(), || {
        let row = dump.next().map_err(failed)?.map(Row::from);
        if row.is_none() {
            time = start.elapsed();
        }
        Ok(row)
    })?;
    let stats = dump.stats();

    if stats.interrupted {
        log::info!("tasks came or went during the dump");
    }
    if job.stats {
        say(format_args!("{}", Report { stats, time }));
    }
    Ok(())
}

/// Puts rows out, in the order the job wants.
fn show(
    job: &Job,
    names: &Names,
    output: &mut dyn Output,
    mut next: impl FnMut() -> Result<Option<Row>, Failure>,
) -> Result<(), Failure> {
    if job.sort.is_empty() {
        while let Some(row) = next()? {
            output.row(&row)?;
        }
    } else {
        let mut rows = Vec::new();
        while let Some(row) = next()? {
            rows.push(row);
        }
        sort::sort(&mut rows, &job.sort, names);
        for row in &rows {
            output.row(row)?;
        }
    }
    Ok(output.finish()?)
}

/// What `--stats` tells.
struct Report {
    stats: Stats,
    /// From the request to the last row's arrival. Rows that are written as
    /// they arrive are written in that time.
    time: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stats, time } = self;
        write!(
            f,
            "tasks: {}, receives: {}, bytes: {}, time: {:.3} ms, interrupted: {}",
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
