// SPDX-License-Identifier: MIT
//! Why there are no events, found out after the fact: the kernel says nothing
//! to most of it.

use std::fs;
use std::os::linux::fs::MetadataExt;

use crate::error::NoEvents;

/// The initial namespaces' inodes, `PROC_USER_INIT_INO` and
/// `PROC_PID_INIT_INO` of the kernel.
const USER_INIT: u64 = 0xefff_fffd;
const PID_INIT: u64 = 0xefff_fffc;

/// Why the kernel took an order without a word.
pub(super) fn unacknowledged() -> NoEvents {
    if is_other("/proc/self/ns/user", USER_INIT) {
        NoEvents::UserNamespace
    } else if is_other("/proc/self/ns/pid", PID_INIT) {
        NoEvents::PidNamespace
    } else if is_unlisted() {
        NoEvents::NoProcEvents
    } else {
        NoEvents::NotAcknowledged
    }
}

/// Whether a namespace can be looked at and has another inode than this.
fn is_other(path: &str, initial: u64) -> bool {
    fs::metadata(path).is_ok_and(|namespace| namespace.st_ino() != initial)
}

/// Whether the connector can be asked what it tells of, and it is not this.
fn is_unlisted() -> bool {
    fs::read_to_string("/proc/net/connector")
        .is_ok_and(|list| !list.lines().any(|line| line.starts_with("cn_proc ")))
}
