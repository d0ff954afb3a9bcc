// SPDX-License-Identifier: MIT
//! The command with a kernel that has task_diag, as root.
//!
//! Each test starts its own tasks, and compares the output of the command with
//! procfs or with the known properties of these tasks. The tests are ignored by
//! default; `scripts/test client` runs them in a kernel with task_diag.

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

/// Returns an unused pid: the largest possible one.
pub(crate) fn free_pid() -> String {
    let max = fs::read_to_string("/proc/sys/kernel/pid_max").expect("procfs");
    let last: u32 = max.trim().parse().expect("a number");
    (last - 1).to_string()
}
