// SPDX-License-Identifier: MIT
//! The group NS: `/proc/PID/ns`.

use nix::fcntl::readlinkat;
use std::os::unix::ffi::OsStrExt;

use super::folder::{Folder, Lack};
use super::text;
use crate::abi::{self, TaskDiagNs};

/// The inode numbers of a task's namespaces. A namespace that the kernel or the
/// task does not have is not valid, and neither are the ids.
pub(super) fn read(folder: &Folder) -> Result<TaskDiagNs, Lack> {
    let mut ns = TaskDiagNs::default();
    for (bit, name, field) in [
        (abi::TASK_DIAG_NS_CGROUP, "ns/cgroup", &mut ns.cgroup),
        (abi::TASK_DIAG_NS_IPC, "ns/ipc", &mut ns.ipc),
        (abi::TASK_DIAG_NS_MNT, "ns/mnt", &mut ns.mnt),
        (abi::TASK_DIAG_NS_NET, "ns/net", &mut ns.net),
        (abi::TASK_DIAG_NS_PID, "ns/pid", &mut ns.pid),
        (
            abi::TASK_DIAG_NS_PID_FOR_CHILDREN,
            "ns/pid_for_children",
            &mut ns.pid_for_children,
        ),
        (abi::TASK_DIAG_NS_TIME, "ns/time", &mut ns.time),
        (
            abi::TASK_DIAG_NS_TIME_FOR_CHILDREN,
            "ns/time_for_children",
            &mut ns.time_for_children,
        ),
        (abi::TASK_DIAG_NS_USER, "ns/user", &mut ns.user),
        (abi::TASK_DIAG_NS_UTS, "ns/uts", &mut ns.uts),
    ] {
        match readlinkat(folder.fd(), name) {
            Ok(link) => {
                if let Some(number) = number_in(link.as_bytes()) {
                    ns.valid |= 1 << bit;
                    *field = number;
                }
            }
            Err(errno) => match Lack::from(errno) {
                Lack::Gone => {}
                lack => return Err(lack),
            },
        }
    }
    Ok(ns)
}

/// Whether the caller may read the task's files that need
/// `PTRACE_MODE_READ_FSCREDS`.
pub(super) fn may_read(folder: &Folder) -> bool {
    let user = readlinkat(folder.fd(), "ns/user").map_err(Lack::from);
    !matches!(user, Err(Lack::Denied))
}

/// "mnt:[4026531841]"
fn number_in(link: &[u8]) -> Option<u32> {
    let inside = link.split(|byte| matches!(byte, b'[' | b']')).nth(1);
    inside.and_then(text::number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_between_the_brackets() {
        assert_eq!(number_in(b"mnt:[4026531841]"), Some(4_026_531_841));
        assert_eq!((number_in(b"mnt"), number_in(b"mnt:[x]")), (None, None));
    }
}
