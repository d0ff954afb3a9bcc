// SPDX-License-Identifier: MIT
//! What the process that a rival runs in tells the one that measures, and what
//! becomes of it in a file.

use serde::{Deserialize, Serialize};

use crate::facts::Question;

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
    /// `processes` or `threads`.
    pub(crate) kind: String,
    /// Tasks made for the measurement.
    pub(crate) population: u64,
    pub(crate) rival: String,
    pub(crate) question: Question,
    /// The tasks that there were.
    pub(crate) tasks: u64,
    /// Tasks or areas told of.
    pub(crate) rows: u64,
    pub(crate) round: usize,
    pub(crate) ns: u64,
    pub(crate) setup_ns: u64,
    pub(crate) receives: u64,
    pub(crate) memory_kib: u64,
}
