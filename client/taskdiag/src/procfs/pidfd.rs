// SPDX-License-Identifier: MIT
//! Inode numbers of pidfds.

use nix::libc;
use nix::sys::stat::fstat;
use nix::sys::statfs::{FsType, fstatfs};

use super::target::Target;
use crate::sys::pidfd_open;

/// `PIDFS_MAGIC`: before Linux 6.9, all pidfds share one inode of another file
/// system.
const PIDFS: u64 = 0x5049_4446;
/// `PIDFD_THREAD`.
const THREAD: libc::c_uint = libc::O_EXCL as libc::c_uint;

/// Returns the inode number of a task's pidfds; `None` if pidfds have no inode numbers of
/// their own.
pub(super) fn inode(target: Target) -> Option<u64> {
    let flags = if target.is_leader() { 0 } else { THREAD };
    let pidfd = pidfd_open(target.pid, flags).ok()?;
    let is_pidfs = fstatfs(&pidfd).is_ok_and(|of| of.filesystem_type() == FsType(PIDFS as _));
    fstat(&pidfd)
        .ok()
        .filter(|_| is_pidfs)
        .map(|stat| stat.st_ino)
}
