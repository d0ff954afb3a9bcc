// SPDX-License-Identifier: MIT
//! The command: what the user asks, and the rows that answer it.

mod areas;
mod cli;
mod clock;
mod columns;
mod doctor;
mod escape;
mod exit;
mod features;
mod filter;
mod generate;
mod host;
mod maps;
mod output;
mod pid;
mod ps;
mod row;
mod run;
mod session;
mod sort;
mod spec;
mod tree;
mod value;
mod watch;

fn main() -> std::process::ExitCode {
    run::run().into()
}
