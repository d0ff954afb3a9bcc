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

/// task_diag side by side with every other way to list tasks
#[derive(Debug, Parser)]
#[command(name = "bench")]
enum CommandLine {
    /// Measure in this machine
    Measure {
        /// How many tasks to make, between commas
        #[arg(long, value_delimiter = ',', default_value = "100,1000,10000")]
        tasks: Vec<usize>,
        /// What kind of tasks
        #[arg(long, value_enum, default_value = "processes")]
        kind: Kind,
        /// How often each rival lists them
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// What to measure rivals by; whole programs are by the processor always
        #[arg(long, value_enum, default_value = "elapsed")]
        clock: Clock,
        /// What to call this machine
        #[arg(long, default_value = "native")]
        machine: String,
        /// Only rivals with this in their name
        #[arg(long)]
        only: Option<String>,
        /// Only this question
        #[arg(long, value_parser = query)]
        query: Option<Query>,
        /// Fail if the machine does not have what a rival needs
        #[arg(long)]
        need_all: bool,
        /// A CSV file to add the raw data to
        out: PathBuf,
    },
    /// Make tables and plots of what was measured
    Report {
        /// The folder with the raw data; plots go there
        results: PathBuf,
        /// A page to write them to, with marks where they belong
        #[arg(long)]
        page: Option<PathBuf>,
    },
    /// Compare the cost of a dump with what it may be
    Gate {
        /// Raw data
        results: PathBuf,
        /// A file with the figure
        limit: PathBuf,
    },
    /// Compare a live table with reading procfs once a second
    Live(live::Plan),
    /// Measure what it costs to be told of processes that begin and end
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
                .ok_or_else(|| Error::failed("no such rival"))?;
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
