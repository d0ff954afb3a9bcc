// SPDX-License-Identifier: MIT
//! The daemon in a kernel that has task_diag and the proc connector, as root:
//! its answers from the kernel, and those from the table it keeps, against the
//! kernel's own.
//!
//! Ignored unless asked for: `scripts/test client` boots such a kernel.

#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod kept;
mod peers;
mod rows;
mod service;
mod visibility;

const SOURCES: [&str; 3] = ["file", "netlink", "procfs"];
