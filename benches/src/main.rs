// SPDX-License-Identifier: MIT
//! task_diag side by side with every other way to list tasks.
//!
//! `bench measure` runs in the machine that is measured: it makes populations
//! of tasks, lets each rival list them in a process of its own, and counts it
//! only if it has told what the others tell. `bench report` makes tables and
//! plots of what was measured. `scripts/bench` is what calls both.

mod cli;
mod clock;
mod contest;
mod error;
mod events;
mod facts;
mod genl;
mod limits;
mod live;
mod measure;
mod moment;
mod outcome;
mod population;
mod report;
mod rivals;
mod source;
mod task;
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
