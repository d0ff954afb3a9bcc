// SPDX-License-Identifier: MIT
//! The command line.

use std::io;
use std::path::PathBuf;

use clap::Parser;

use crate::clock::Clock;
use crate::comparison::Comparison;
use crate::error::{Error, Result};
use crate::events;
use crate::implementations::IMPLEMENTATIONS;
use crate::limits;
use crate::live;
use crate::measure::Plan;
use crate::report::{self, gate};
use crate::task_fields::Query;
use crate::task_pool::{self, Kind};

/// Measure task_diag and other implementations side by side
#[derive(Debug, Parser)]
#[command(name = "bench")]
enum CommandLine {
    /// Measure implementations on this machine
    Measure {
        /// Create pools of this many tasks (comma-separated list)
        #[arg(long, value_delimiter = ',', default_value = "100,1000,10000")]
        tasks: Vec<usize>,
        /// Create tasks of this kind
        #[arg(long, value_enum, default_value = "processes")]
        kind: Kind,
        /// Let each implementation list the tasks N times
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Measure with this clock; whole programs are always measured in CPU time
        #[arg(long, value_enum, default_value = "elapsed")]
        clock: Clock,
        /// Record this name for the machine
        #[arg(long, default_value = "native")]
        machine: String,
        /// Measure only implementations with this text in their name
        #[arg(long)]
        only: Option<String>,
        /// Measure only this query
        #[arg(long, value_parser = query)]
        query: Option<Query>,
        /// Fail if the machine does not support an implementation
        #[arg(long)]
        need_all: bool,
        /// Append the raw data to this CSV file
        out: PathBuf,
    },
    /// Make tables and plots of the raw data
    Report {
        /// Directory with the raw data; plots are written to it
        results: PathBuf,
        /// Write the tables into this page, between its marks
        #[arg(long)]
        page: Option<PathBuf>,
    },
    /// Compare the cost of a dump with its baseline
    Gate {
        /// Raw data, as a file or a directory
        results: PathBuf,
        /// File with the baseline
        limit: PathBuf,
    },
    /// Compare a live table with reading procfs once per second
    Live(live::Plan),
    /// Measure the cost of receiving process events
    Events(events::Plan),
    /// Measure costs that have a bound: tasklist_lock, and a second set of
    /// credentials
    Limits(limits::Plan),
    #[command(hide = true)]
    TaskPool {
        #[arg(long, value_enum)]
        kind: Kind,
        tasks: usize,
    },
    #[command(hide = true)]
    Implementation {
        #[arg(long, value_enum)]
        kind: Kind,
        #[arg(long)]
        rounds: usize,
        #[arg(long, value_enum)]
        clock: Clock,
        #[arg(long)]
        rows: PathBuf,
        index: usize,
    },
}

fn query(word: &str) -> Result<Query, String> {
    serde_json::from_str(&format!("\"{word}\"")).map_err(|error| error.to_string())
}

pub(crate) fn run() -> Result<()> {
    match CommandLine::parse() {
        CommandLine::Measure {
            tasks,
            kind,
            rounds,
            clock,
            machine,
            only,
            query,
            need_all,
            out,
        } => Plan {
            machine,
            kind,
            pools: tasks,
            rounds,
            clock,
            only,
            query,
            need_all,
        }
        .run(&out),
        CommandLine::Report { results, page } => report::write(&results, page.as_deref()),
        CommandLine::Gate { results, limit } => gate::check(&results, &limit),
        CommandLine::Live(plan) => plan.run(),
        CommandLine::Events(plan) => plan.run(),
        CommandLine::Limits(plan) => plan.run(),
        CommandLine::TaskPool { kind, tasks } => task_pool::run(kind, tasks),
        CommandLine::Implementation {
            kind,
            rounds,
            clock,
            rows,
            index,
        } => {
            let implementation = IMPLEMENTATIONS
                .get(index)
                .ok_or_else(|| Error::failed("no such implementation"))?;
            let outcome = implementation.run(
                kind,
                &Comparison {
                    rounds,
                    clock,
                    rows,
                },
            )?;
            serde_json::to_writer(io::stdout(), &outcome).map_err(Error::failed)
        }
    }
}
