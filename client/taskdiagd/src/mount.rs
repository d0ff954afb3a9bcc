// SPDX-License-Identifier: MIT
//! The procfs mount that a client names in a request.
//!
//! The request has the number of a descriptor of the client. A client may hold any file,
//! and a file system of a user may never reply, so no function of a file system is called
//! before the list of mounts has shown that the file belongs to procfs.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2};
use nix::libc;
use nix::sys::stat::{fstat, fstatat};
use taskdiag::Pid;

use crate::peer::Peer;

/// The inode number of the root directory of a procfs.
const ROOT_INODE: u64 = 1;

/// The pid of the parent of all kernel threads, in the initial pid namespace.
const KTHREADD: Pid = 2;

/// The reason that a mount cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MountError {
    #[error("not open")]
    NotOpen,
    #[error("not the root directory of a procfs in the mount namespace of the client")]
    NotProcfs,
    #[error("the procfs of another pid namespace than that of the daemon")]
    OtherPidNamespace,
    #[error("the daemon cannot read the mount of the client: {0}")]
    Io(#[from] io::Error),
}

impl MountError {
    pub(crate) const fn errno(&self) -> i32 {
        match self {
            Self::NotOpen => libc::EBADF,
            Self::NotProcfs => libc::EINVAL,
            Self::OtherPidNamespace => libc::EOPNOTSUPP,
            Self::Io(_) => libc::EIO,
        }
    }
}

/// A procfs mount of a client's mount namespace.
#[derive(Debug)]
pub(crate) struct ClientMount {
    root: OwnedFd,
    /// The id of the mount, which no other mount has while `root` is open.
    id: Vec<u8>,
}

impl ClientMount {
    /// Checks the mount whose root directory [`Peer::open_held`] has opened. `last` is the
    /// mount of the last request, which is not checked again.
    pub(crate) fn check(
        held: nix::Result<OwnedFd>,
        peer: &Peer,
        last: Option<Self>,
    ) -> Result<Self, MountError> {
        let root = held.map_err(|errno| match errno {
            Errno::ENOENT => MountError::NotOpen,
            errno => io::Error::from(errno).into(),
        })?;
        let id = mount_id(&root)?;
        let last = last.filter(|last| last.id == id);
        if last.is_none() && !is_procfs(&peer.mountinfo()?, &id) {
            return Err(MountError::NotProcfs);
        }
        if fstat(&root).map_err(io::Error::from)?.st_ino != ROOT_INODE {
            return Err(MountError::NotProcfs);
        }
        match last {
            Some(last) => Ok(last),
            None if is_of_own_namespace(&root)? => Ok(Self { root, id }),
            None => Err(MountError::OtherPidNamespace),
        }
    }

    /// Returns a descriptor of its root directory.
    pub(crate) fn root(&self) -> io::Result<OwnedFd> {
        self.root.try_clone()
    }
}

/// Returns the id of the mount that an open file belongs to.
fn mount_id(file: &OwnedFd) -> io::Result<Vec<u8>> {
    let fdinfo = fs::read(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
    let mut lines = fdinfo.split(|&byte| byte == b'\n');
    let id = lines.find_map(|line| line.strip_prefix(b"mnt_id:"));
    id.map(|id| id.trim_ascii().to_owned())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Whether these lines of `mountinfo` contain a procfs with this id.
fn is_procfs(mountinfo: &[u8], id: &[u8]) -> bool {
    let mut lines = mountinfo.split(|&byte| byte == b'\n');
    lines.any(|line| {
        let mut words = line.split(|&byte| byte == b' ');
        words.next() == Some(id) && words.skip_while(|&word| word != b"-").nth(1) == Some(b"proc")
    })
}

/// Whether a procfs has the pids of the daemon's own pid namespace.
fn is_of_own_namespace(root: &OwnedFd) -> io::Result<bool> {
    let mut status = Vec::new();
    match open(root.as_fd(), "self/status", OFlag::O_RDONLY) {
        Ok(file) => File::from(file).read_to_end(&mut status)?,
        // The daemon has no pid in it.
        Err(Errno::ENOENT) => return Ok(false),
        Err(errno) => return Err(errno.into()),
    };
    // The pids in the namespace of the procfs and in its descendants.
    let text = String::from_utf8_lossy(&status);
    let line = text.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let pids = line.map(|pids| pids.split_whitespace().collect::<Vec<_>>());
    let own = std::process::id().to_string();
    Ok(pids.is_some_and(|pids| pids == [own]))
}

/// Opens a file of procfs. Files that are mounted on those of procfs are not opened:
/// they may be those of any file system.
fn open(root: BorrowedFd<'_>, path: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_XDEV;
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .resolve(resolve);
    openat2(root, path, how)
}

/// The part of a task that a procfs shows to the calling thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Nothing.
    Hidden,
    /// Its pid.
    Listed,
    /// The groups that it shows to every reader.
    Readable,
}

/// Returns the level of a task. A thread of the daemon may always read the daemon's own
/// files.
pub(crate) fn level(root: BorrowedFd<'_>, pid: Pid) -> Level {
    // Opening a file for no access needs the permission to search the directory.
    match open(root, &format!("{pid}/stat"), OFlag::O_PATH) {
        Ok(_) => Level::Readable,
        Err(Errno::ENOENT | Errno::ESRCH) => Level::Hidden,
        Err(_) => Level::Listed,
    }
}

/// Returns the effective ids of a process that is not hidden.
pub(crate) fn ids(root: BorrowedFd<'_>, pid: Pid) -> Option<(u32, u32)> {
    let stat = fstatat(root, pid.to_string().as_str(), AtFlags::empty()).ok()?;
    Some((stat.st_uid, stat.st_gid))
}

/// Returns the level of all tasks that the calling thread may not trace: that of
/// `kthreadd`, which only a process with `CAP_SYS_PTRACE` may trace. The daemon reads
/// procfs in the initial pid namespace only, because others have no events of processes.
pub(crate) fn level_of_others(root: BorrowedFd<'_>) -> Level {
    level(root, KTHREADD)
}

/// Whether this is the pid of a thread of the daemon.
pub(crate) fn has_thread(root: BorrowedFd<'_>, pid: Pid) -> bool {
    let path = format!("self/task/{pid}");
    fstatat(root, path.as_str(), AtFlags::empty()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"22 1 0:21 / /proc rw,nosuid shared:5 - proc proc rw,hidepid=2\n\
        23 1 0:22 / /mnt rw - fuse.proc proc rw\n\
        24 1 0:23 / /a\\040-\\040proc rw master:1 - tmpfs proc rw\n";

    #[test]
    fn only_mounts_of_procfs_are_accepted() {
        for (id, expected) in [("22", true), ("23", false), ("24", false), ("2", false)] {
            assert_eq!(is_procfs(MOUNTS, id.as_bytes()), expected, "{id}");
        }
        assert!(!is_procfs(b"", b""));
    }

    #[test]
    fn mount_of_proc_is_in_mountinfo_and_of_the_own_namespace() {
        let root = File::open("/proc").unwrap().into();
        let id = mount_id(&root).unwrap();
        assert!(is_procfs(&fs::read("/proc/self/mountinfo").unwrap(), &id));
        assert!(is_of_own_namespace(&root).unwrap());
        let level = |pid| level(root.as_fd(), pid);
        assert_eq!(level(std::process::id()), Level::Readable);
        assert_eq!(level(Pid::MAX), Level::Hidden);
    }
}
