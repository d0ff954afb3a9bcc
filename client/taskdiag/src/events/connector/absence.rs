// SPDX-License-Identifier: MIT
//! Why there are no events, found out after the fact: the kernel says nothing
//! to most of it.

use std::fs;
use std::os::linux::fs::MetadataExt;

/// Why events of processes cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoEvents {
    /// There is no connector.
    #[error("the kernel is built without CONFIG_CONNECTOR")]
    NoConnector,
    /// There is one, that tells of other things.
    #[error("the kernel is built without CONFIG_PROC_EVENTS")]
    NoProcEvents,
    /// The kernel is from before 6.6, and lets nobody else listen.
    #[error("that needs CAP_NET_ADMIN before Linux 6.6")]
    NeedsNetAdmin,
    /// The caller is in a network namespace of its own.
    #[error("the kernel tells of them in the initial network namespace only")]
    NetNamespace,
    /// The caller is in a user namespace of its own.
    #[error("the kernel tells of them in the initial user namespace only")]
    UserNamespace,
    /// The caller is in a pid namespace of its own.
    #[error("the kernel tells of them in the initial pid namespace only")]
    PidNamespace,
    /// The kernel does not answer, and nothing is in the way that one could
    /// see.
    #[error("the kernel did not acknowledge that it will tell of them")]
    Silence,
}

/// The initial namespaces' inodes, `PROC_USER_INIT_INO` and
/// `PROC_PID_INIT_INO` of the kernel.
const USER_INIT: u64 = 0xefff_fffd;
const PID_INIT: u64 = 0xefff_fffc;

/// Why the kernel took an order without a word.
pub(super) fn explain_silence() -> NoEvents {
    if is_other("/proc/self/ns/user", USER_INIT) {
        NoEvents::UserNamespace
    } else if is_other("/proc/self/ns/pid", PID_INIT) {
        NoEvents::PidNamespace
    } else if is_unlisted() {
        NoEvents::NoProcEvents
    } else {
        NoEvents::Silence
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
