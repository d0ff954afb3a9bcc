// SPDX-License-Identifier: MIT
//! What the process that a rival runs in tells the one that measures, and what
//! becomes of it in a file.

use std::fs::{File, OpenOptions};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::task_fields::Query;

/// What a rival's process says on its standard output.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Processes that were there because of the rival alone.
    pub(crate) own: Vec<u32>,
    /// What it took to be ready: connecting, loading programs.
    pub(crate) setup_ns: u64,
    /// What each round took.
    pub(crate) ns: Vec<u64>,
    pub(crate) rows: u64,
    pub(crate) receives: u64,
    /// The most memory that was resident, in KiB.
    pub(crate) memory_kib: u64,
}

/// A line of the raw data: a round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// `icount` where nanoseconds are instructions, `uml`, `native`.
    pub(crate) machine: String,
    pub(crate) kernel: String,
    /// `processes` or `threads`; `lives` where it is about events.
    pub(crate) kind: String,
    /// Tasks made for the measurement.
    pub(crate) pool: u64,
    pub(crate) implementation: String,
    pub(crate) query: Query,
    /// The tasks that there were.
    pub(crate) tasks: u64,
    /// Tasks, areas or events told of.
    pub(crate) rows: u64,
    pub(crate) round: usize,
    pub(crate) ns: u64,
    pub(crate) setup_ns: u64,
    pub(crate) receives: u64,
    pub(crate) memory_kib: u64,
}

/// A file of raw data.
pub(crate) struct Raw(csv::Writer<File>);

impl Raw {
    /// Adds to what is there.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(Error::io(path.display().to_string()))?;
        let empty = file.metadata().map_or(0, |metadata| metadata.len()) == 0;
        let mut csv = csv::WriterBuilder::new();
        Ok(Self(csv.has_headers(empty).from_writer(file)))
    }

    /// At once, whatever happens later.
    pub(crate) fn write(&mut self, record: &Record) -> Result<()> {
        self.0.serialize(record).map_err(Error::failed)?;
        self.0.flush().map_err(Error::io("writing the results"))
    }
}

/// Which one runs.
pub(crate) fn kernel() -> Result<String> {
    let name = nix::sys::utsname::uname().map_err(Error::io("uname"))?;
    Ok(name.release().to_string_lossy().into_owned())
}
