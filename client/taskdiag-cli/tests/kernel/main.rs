// SPDX-License-Identifier: MIT
//! The command against the family itself, as root, in a kernel that has it.
//!
//! Each test makes the tasks it looks for, and holds what the command says of
//! them against procfs or against what it made them be.

mod columns;
#[path = "../common/mod.rs"]
mod common;
mod errors;
mod maps;
mod output;
mod reports;
mod stats;
mod strategies;

use std::fs;

/// A number that no process has: the last there can be.
pub(crate) fn free_pid() -> String {
    let max = fs::read_to_string("/proc/sys/kernel/pid_max").expect("procfs");
    let last: u32 = max.trim().parse().expect("a number");
    (last - 1).to_string()
}
