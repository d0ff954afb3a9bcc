// SPDX-License-Identifier: MIT
//! The command: what the user asks, and the rows that answer it.

mod cli;
mod columns;
mod exit;
mod names;
mod output;
mod row;
mod run;
mod sort;
mod value;

fn main() -> std::process::ExitCode {
    run::run().into()
}
