// SPDX-License-Identifier: MIT
//! The result that the process of an implementation reports, and its form in the
//! raw data.

use std::fs::{File, OpenOptions};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::task_fields::Query;

/// The result that the process of an implementation prints on its standard output.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Processes that existed only to run the implementation.
    pub(crate) own: Vec<u32>,
    /// Cost of the setup: connecting, loading programs.
    pub(crate) setup_ns: u64,
    /// Cost of each round.
    pub(crate) ns: Vec<u64>,
    pub(crate) rows: u64,
    pub(crate) receives: u64,
    /// Peak resident memory, in KiB.
    pub(crate) memory_kib: u64,
}

/// A line of the raw data, which describes one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// `icount` where nanoseconds are instructions, `uml`, `native`.
    pub(crate) machine: String,
    pub(crate) kernel: String,
    /// `processes`, `threads`, or `lifecycles` for process events.
    pub(crate) kind: String,
    /// Number of tasks in the pool.
    pub(crate) pool: u64,
    pub(crate) implementation: String,
    pub(crate) query: Query,
    /// Number of all tasks.
    pub(crate) tasks: u64,
    /// Number of reported tasks, memory mappings or events.
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
    /// Opens a file, to append to it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(Error::io(path.display().to_string()))?;
        let empty = file.metadata().map_or(0, |metadata| metadata.len()) == 0;
        let mut csv = csv::WriterBuilder::new();
        Ok(Self(csv.has_headers(empty).from_writer(file)))
    }

    /// Writes a record and flushes it, so that a later failure does not lose it.
    pub(crate) fn write(&mut self, record: &Record) -> Result<()> {
        self.0.serialize(record).map_err(Error::failed)?;
        self.0.flush().map_err(Error::io("writing the results"))
    }
}

/// Returns the release of the running kernel.
pub(crate) fn kernel() -> Result<String> {
    let name = nix::sys::utsname::uname().map_err(Error::io("uname"))?;
    Ok(name.release().to_string_lossy().into_owned())
}
