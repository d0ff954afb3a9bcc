// SPDX-License-Identifier: MIT
//! The group NS: `/proc/PID/ns`.

use nix::fcntl::readlinkat;
use std::os::unix::ffi::OsStrExt;

use super::dir::{ReadError, TaskDir};
use super::parse;
use crate::task::Ns;

/// Reads the inode numbers of a task's namespaces. A namespace that the kernel or
/// the task does not have is `None`, and so are all ids.
pub(super) fn read(dir: &TaskDir) -> Result<Ns, ReadError> {
    let mut ns = Ns::default();
    for (name, field) in [
        ("ns/cgroup", &mut ns.cgroup),
        ("ns/ipc", &mut ns.ipc),
        ("ns/mnt", &mut ns.mnt),
        ("ns/net", &mut ns.net),
        ("ns/pid", &mut ns.pid),
        ("ns/pid_for_children", &mut ns.pid_for_children),
        ("ns/time", &mut ns.time),
        ("ns/time_for_children", &mut ns.time_for_children),
        ("ns/user", &mut ns.user),
        ("ns/uts", &mut ns.uts),
    ] {
        match readlinkat(dir.fd(), name) {
            Ok(link) => *field = inode_in(link.as_bytes()),
            Err(errno) => match ReadError::from(errno) {
                ReadError::Gone => {}
                error => return Err(error),
            },
        }
    }
    Ok(ns)
}

/// Whether the caller may read the task's files that need
/// `PTRACE_MODE_READ_FSCREDS`.
pub(super) fn may_read(dir: &TaskDir) -> bool {
    let user = readlinkat(dir.fd(), "ns/user").map_err(ReadError::from);
    !matches!(user, Err(ReadError::Denied))
}

/// Parses `mnt:[4026531841]`.
fn inode_in(link: &[u8]) -> Option<u32> {
    let inside = link.split(|byte| matches!(byte, b'[' | b']')).nth(1);
    inside.and_then(parse::number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inode_number_is_between_the_brackets() {
        assert_eq!(inode_in(b"mnt:[4026531841]"), Some(4_026_531_841));
        assert_eq!((inode_in(b"mnt"), inode_in(b"mnt:[x]")), (None, None));
    }
}
