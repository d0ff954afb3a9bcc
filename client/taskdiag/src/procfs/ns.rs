// SPDX-License-Identifier: MIT
//! The group NS: `/proc/PID/ns`.

use nix::fcntl::readlinkat;
use std::os::unix::ffi::OsStrExt;

use super::folder::{Folder, Lack};
use super::text;
use crate::abi::TaskDiagNs;

/// The namespaces of a task; what the kernel or the task does not have is 0.
pub(super) fn read(folder: &Folder) -> Result<TaskDiagNs, Lack> {
    let number = |name: &str| match readlinkat(folder.fd(), name) {
        Ok(link) => Ok(number_in(link.as_bytes())),
        Err(errno) => match Lack::from(errno) {
            Lack::Gone => Ok(0),
            lack => Err(lack),
        },
    };
    Ok(TaskDiagNs {
        cgroup: number("ns/cgroup")?,
        ipc: number("ns/ipc")?,
        mnt: number("ns/mnt")?,
        net: number("ns/net")?,
        pid: number("ns/pid")?,
        pid_for_children: number("ns/pid_for_children")?,
        time: number("ns/time")?,
        time_for_children: number("ns/time_for_children")?,
        user: number("ns/user")?,
        uts: number("ns/uts")?,
    })
}

/// "mnt:[4026531841]"
fn number_in(link: &[u8]) -> u32 {
    let inside = link.split(|byte| matches!(byte, b'[' | b']')).nth(1);
    inside.and_then(text::number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_between_the_brackets() {
        assert_eq!(number_in(b"mnt:[4026531841]"), 4_026_531_841);
        assert_eq!((number_in(b"mnt"), number_in(b"mnt:[x]")), (0, 0));
    }
}
