// SPDX-License-Identifier: MIT
//! Measures an implementation that runs in this process.

use std::fs;
use std::path::PathBuf;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::source::{Rows, Source, Sum};

/// Arguments of the process that runs an implementation.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) rounds: usize,
    pub(crate) clock: Clock,
    /// File for the rows of one dump.
    pub(crate) rows: PathBuf,
}

/// The rounds of a measurement: the requested number, or fewer if they take long.
pub(crate) struct Rounds {
    limit: usize,
    pub(crate) ns: Vec<u64>,
}

impl Rounds {
    const ENOUGH_NS: u64 = 3_000_000_000;

    pub(crate) const fn new(rounds: usize) -> Self {
        Self {
            limit: rounds,
            ns: Vec::new(),
        }
    }

    pub(crate) fn has_next(&self) -> bool {
        self.ns.len() < self.limit && self.ns.iter().sum::<u64>() < Self::ENOUGH_NS
    }

    pub(crate) fn add(&mut self, ns: u64) {
        self.ns.push(ns);
    }
}

/// Lets an implementation dump all tasks: once to compare the rows, and then to
/// measure.
pub(crate) fn compare<S: Source>(
    comparison: &Comparison,
    make: impl FnOnce() -> Result<S>,
) -> Result<Outcome> {
    // Create the file first: make() may drop the privileges to do so.
    let mut rows = Rows::create(&comparison.rows)?;
    let clock = comparison.clock;
    let start = clock.now()?;
    let mut source = make()?;
    let setup_ns = clock.now()? - start;
    source.prepare()?;
    source.dump(&mut rows)?;
    rows.finish()?;

    let mut rounds = Rounds::new(comparison.rounds);
    let mut rows_per_dump = 0;
    while rounds.has_next() {
        source.prepare()?;
        let mut sum = Sum::default();
        let start = clock.now()?;
        source.dump(&mut sum)?;
        rounds.add(clock.now()? - start);
        rows_per_dump = sum.rows;
    }
    Ok(Outcome {
        own: vec![std::process::id()],
        setup_ns,
        ns: rounds.ns,
        rows: rows_per_dump,
        receives: source.receives(),
        memory_kib: own_memory()?,
    })
}

/// Returns the peak resident memory of this process, in KiB.
fn own_memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").map_err(Error::io("/proc/self/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .ok_or_else(|| Error::failed("/proc/self/status has no VmHWM"))
}
