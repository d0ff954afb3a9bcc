// SPDX-License-Identifier: MIT
//! Root directories of procfs mounts: that of `/proc`, and that of another process.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

#[cfg(any(feature = "netlink", feature = "daemon"))]
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlinkat};
use nix::sys::stat::{Mode, fstat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use crate::pid::Pid;

/// The inode number of the root directory of a procfs.
const ROOT_INODE: u64 = 1;

const FLAGS: OFlag = OFlag::O_PATH
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);

/// Opens the root directory of `/proc`, without the right to read it.
#[cfg(any(feature = "netlink", feature = "daemon"))]
pub(crate) fn open() -> Result<OwnedFd, Errno> {
    nix::fcntl::open("/proc", FLAGS, Mode::empty())
}

/// Opens `/proc` if it is a procfs of the caller's pid namespace.
#[cfg(any(feature = "netlink", feature = "daemon"))]
pub(crate) fn open_own() -> Option<OwnedFd> {
    let own = |root: &OwnedFd| {
        let link = readlinkat(root, "self");
        link.is_ok_and(|link| link.to_str() == Some(&std::process::id().to_string()))
    };
    open().ok().filter(own)
}

/// Opens the procfs that a process sees at `/proc`, if that is one of its pid namespace.
pub(crate) fn of_process(pid: Pid) -> io::Result<OwnedFd> {
    let path = format!("/proc/{pid}/root/proc");
    // The process may have replaced the directory by a link.
    let root = nix::fcntl::open(path.as_str(), FLAGS | OFlag::O_NOFOLLOW, Mode::empty())?;
    match is_root(&root)? && is_of_namespace(&root, pid)? {
        true => Ok(root),
        false => Err(io::Error::other(
            "its /proc is not a procfs of its pid namespace",
        )),
    }
}

fn is_root(directory: &OwnedFd) -> io::Result<bool> {
    Ok(fstatfs(directory)?.filesystem_type() == PROC_SUPER_MAGIC
        && fstat(directory)?.st_ino == ROOT_INODE)
}

/// Whether the process has the pid of its innermost pid namespace in this procfs, and no
/// other.
fn is_of_namespace(root: &OwnedFd, pid: Pid) -> io::Result<bool> {
    let pids = pids_in(&fs::read(format!("/proc/{pid}/status"))?);
    let Some(inner) = pids.last() else {
        return Ok(false);
    };
    let namespace = fs::read_link(format!("/proc/{pid}/ns/pid"))?;
    let found = readlinkat(root, format!("{inner}/ns/pid").as_str())?;
    if found.as_bytes() != namespace.as_os_str().as_bytes() {
        return Ok(false);
    }
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let status = nix::fcntl::openat(
        root.as_fd(),
        format!("{inner}/status").as_str(),
        flags,
        Mode::empty(),
    )?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut fs::File::from(status), &mut bytes)?;
    Ok(pids_in(&bytes).len() == 1)
}

/// Returns the pids of `NSpid` in `status`: from the pid namespace of the procfs to that
/// of the process.
fn pids_in(status: &[u8]) -> Vec<Pid> {
    let mut lines = status.split(|&byte| byte == b'\n');
    let Some(line) = lines.find_map(|line| line.strip_prefix(b"NSpid:")) else {
        return Vec::new();
    };
    let words = line.split(u8::is_ascii_whitespace);
    words
        .filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pids_of_all_namespaces_are_parsed() {
        assert_eq!(
            pids_in(b"Name:\tx\nNSpid:\t4711\t5\t1\nNSsid:\t7\n"),
            [4711, 5, 1]
        );
        assert!(pids_in(b"Name:\tx\n").is_empty());
    }

    #[test]
    fn procfs_of_the_own_process_is_found() {
        assert!(of_process(std::process::id()).is_ok());
        assert!(of_process(Pid::MAX).is_err());
    }
}
