// SPDX-License-Identifier: MIT
//! task_diag side by side with every other way to list tasks.
//!
//! `bench measure` runs in the machine that is measured: it makes populations
//! of tasks, lets each rival list them in a process of its own, and counts it
//! only if it has told what the others tell. `bench report` makes tables and
//! plots of what was measured. `scripts/bench` is what calls both.

mod cli;
mod clock;
mod comparison;
mod error;
mod events;
mod genl;
mod implementations;
mod limits;
mod live;
mod measure;
mod outcome;
mod report;
mod snapshot;
mod source;
mod task;
mod task_fields;
mod task_pool;
mod verify;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
