// SPDX-License-Identifier: MIT
//! Diagnoses why a subscription was not acknowledged: for most reasons, the
//! kernel reports no error.

use std::fs;
use std::os::linux::fs::MetadataExt;

use crate::error::NoEvents;

/// Inode numbers of the initial namespaces: `PROC_USER_INIT_INO` and
/// `PROC_PID_INIT_INO` of the kernel.
const USER_INIT: u64 = 0xefff_fffd;
const PID_INIT: u64 = 0xefff_fffc;

/// Returns the probable reason why the kernel did not acknowledge a command.
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

/// Whether the namespace can be read and is not the initial one.
fn is_other(path: &str, initial: u64) -> bool {
    fs::metadata(path).is_ok_and(|namespace| namespace.st_ino() != initial)
}

/// Whether the list of connectors can be read and has no process events.
fn is_unlisted() -> bool {
    fs::read_to_string("/proc/net/connector")
        .is_ok_and(|list| !list.lines().any(|line| line.starts_with("cn_proc ")))
}
