// SPDX-License-Identifier: MIT
//! The daemon as root, in a kernel with task_diag and the proc connector: compares its
//! replies, forwarded or from its table, with those of the kernel.
//!
//! Ignored by default: `scripts/test client` boots such a kernel.

#[path = "../common/mod.rs"]
mod common;
mod limits;
mod mounts;
mod peers;
mod row_cache;
mod rows;
mod service;
mod visibility;

const SOURCES: [&str; 3] = ["file", "netlink", "procfs"];
