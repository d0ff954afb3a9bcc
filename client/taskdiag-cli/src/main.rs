// SPDX-License-Identifier: MIT
//! The command `taskdiag-cli`: lists tasks and process events.

mod cli;
mod clock;
mod columns;
mod connect;
mod doctor;
mod escape;
mod exit;
mod features;
mod filter;
mod generate;
mod host;
mod incomplete;
mod mappings;
mod maps;
mod notice;
mod output;
mod pid;
mod ps;
mod row;
mod row_filter;
mod run;
mod sort;
mod stdio;
mod tree;
mod value;
mod watch;

fn main() -> std::process::ExitCode {
    run::run().into()
}
