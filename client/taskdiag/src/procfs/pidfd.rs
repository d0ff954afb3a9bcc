// SPDX-License-Identifier: MIT
//! Pidfds, for the numbers of their inodes.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use nix::libc;
use nix::sys::stat::fstat;
use nix::sys::statfs::{FsType, fstatfs};

use super::member::Member;

/// `PIDFS_MAGIC`: elsewhere all pidfds share one inode.
const PIDFS: u64 = 0x5049_4446;
/// `PIDFD_THREAD`.
const THREAD: libc::c_uint = libc::O_EXCL as libc::c_uint;

/// Inode number of a task's pidfds; `None` if pidfds have no inode numbers of
/// their own.
pub(super) fn inode(member: Member) -> Option<u64> {
    let flags = if member.pid == member.tgid { 0 } else { THREAD };
    let pidfd = open(member.pid, flags).ok()?;
    let own = fstatfs(&pidfd).is_ok_and(|of| of.filesystem_type() == FsType(PIDFS as _));
    fstat(&pidfd).ok().filter(|_| own).map(|stat| stat.st_ino)
}

fn open(pid: u32, flags: libc::c_uint) -> io::Result<OwnedFd> {
    // SAFETY: it takes two numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is a new descriptor, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
