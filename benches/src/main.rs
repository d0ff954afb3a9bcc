// SPDX-License-Identifier: MIT
//! Measures task_diag and other implementations side by side.
//!
//! `bench measure` runs on the measured machine. It creates pools of tasks, lets
//! each implementation list them in a process of its own, and counts an
//! implementation only if its data agree with procfs. `bench report` makes tables
//! and plots of the raw data. `scripts/bench` calls both.

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
