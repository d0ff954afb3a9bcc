// SPDX-License-Identifier: MIT
//! The process at the other end of a connection, and its rights.
//!
//! The socket has the credentials of the process that connected, and the kernel adds
//! those of the sender to each message. Both must be the same process with the same ids.
//! Further properties of that process are read from its directory in procfs; afterwards
//! the process that connected must still exist.
//!
//! The kernel does not report which thread has sent a message. So the client has the
//! rights that all of its threads have.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{PeerCredentials, PeerPidfd};
use nix::sys::socket::{UnixCredentials, getsockopt};
use nix::sys::stat::Mode;
use taskdiag::CapSet;
use taskdiag::procfs::Status;

use crate::error::{Error, Result, io};

/// Numbers of the capabilities that permit reading files of any owner.
const CAP_DAC_OVERRIDE: u8 = 1;
const CAP_DAC_READ_SEARCH: u8 = 2;
/// Number of the capability that gives access to all tasks.
const CAP_SYS_PTRACE: u8 = 19;
/// Numbers of capabilities that give access to single files of a task.
const CAP_SYS_ADMIN: u8 = 21;
const CAP_SYS_NICE: u8 = 23;
const CAP_PERFMON: u8 = 38;
const CAP_CHECKPOINT_RESTORE: u8 = 40;

/// The capabilities that a client's view of `/proc` depends on.
const READING: CapSet = CapSet(
    1 << CAP_DAC_OVERRIDE
        | 1 << CAP_DAC_READ_SEARCH
        | 1 << CAP_SYS_PTRACE
        | 1 << CAP_SYS_ADMIN
        | 1 << CAP_SYS_NICE
        | 1 << CAP_PERFMON
        | 1 << CAP_CHECKPOINT_RESTORE,
);

/// The tasks and groups that a client may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Everything: it is root, and has `CAP_SYS_PTRACE`, `CAP_DAC_READ_SEARCH` and
    /// `CAP_SYS_NICE` in the daemon's user namespace.
    All,
    /// The part that a process with these credentials may read.
    Of(Credentials),
}

impl Rights {
    /// Whether every task passes the access check.
    pub(crate) fn pass_access_check(&self) -> bool {
        match self {
            Self::All => true,
            Self::Of(credentials) => credentials.capabilities.contains(CAP_SYS_PTRACE),
        }
    }

    /// Whether the client may open files that only root may open.
    pub(crate) fn opens_files_of_root(&self) -> bool {
        match self {
            Self::All => true,
            Self::Of(credentials) => {
                let has = |capability| credentials.capabilities.contains(capability);
                credentials.uid == 0 || has(CAP_DAC_OVERRIDE) || has(CAP_DAC_READ_SEARCH)
            }
        }
    }
}

/// The credentials of a process that all of its threads have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The supplementary groups.
    pub(crate) groups: Vec<u32>,
    /// The effective capabilities.
    pub(crate) capabilities: CapSet,
}

impl Credentials {
    /// Returns those that both have. The ids are equal.
    fn intersection(mut self, other: &Self) -> Self {
        self.groups.retain(|group| other.groups.contains(group));
        self.capabilities.0 &= other.capabilities.0;
        self
    }
}

impl From<Credentials> for Rights {
    fn from(credentials: Credentials) -> Self {
        let has = |capability| credentials.capabilities.contains(capability);
        let everything = [CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYS_NICE];
        match credentials.uid == 0 && everything.into_iter().all(has) {
            true => Self::All,
            false => Self::Of(credentials),
        }
    }
}

/// The reason that a client is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denial {
    #[error("only the process that connected may send requests")]
    AnotherProcess,
    #[error("the client has changed its credentials since it connected; connect again")]
    OtherCredentials,
    #[error(
        "the client has {0} and another uid than 0, and may have them by an execve() after \
         the request"
    )]
    Capabilities(CapSet),
    #[error("the process that connected has ended")]
    Gone,
    #[error("cannot read the credentials of the client")]
    Unknown,
    #[error("the client is in another {0} namespace than the daemon")]
    Namespace(&'static str),
    #[error("a security module confines the client, which the daemon cannot evaluate")]
    Confined,
    #[error(
        "with no_new_privs, the client may be confined by Landlock, which the daemon cannot evaluate"
    )]
    Landlock,
}

/// The namespaces that determine rights, pids, paths of cgroups and times.
const NAMESPACES: [&str; 4] = ["user", "pid", "cgroup", "time"];

/// Reads the namespaces of a process; `None` for namespaces that the kernel does not
/// have, and for a process that has ended.
fn namespaces(process: &Path) -> io::Result<[Option<PathBuf>; NAMESPACES.len()]> {
    let mut links = [const { None }; NAMESPACES.len()];
    for (link, name) in links.iter_mut().zip(NAMESPACES) {
        *link = match fs::read_link(process.join("ns").join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(read?),
        };
    }
    Ok(links)
}

/// The namespaces and the security label of the daemon, which those of clients are
/// compared with.
#[derive(Debug)]
pub(crate) struct Home {
    /// In the order of [`NAMESPACES`].
    namespaces: [Option<PathBuf>; NAMESPACES.len()],
    label: Option<Vec<u8>>,
    /// Whether clients may be in a Landlock domain.
    has_landlock: bool,
}

impl Home {
    pub(crate) fn find() -> Result<Self> {
        let own = Path::new("/proc/self");
        Ok(Self {
            namespaces: namespaces(own).map_err(io("cannot read /proc/self/ns"))?,
            label: label(own).map_err(io("cannot read /proc/self/attr/current"))?,
            has_landlock: has_landlock(),
        })
    }

    /// Returns whether a thread is in the namespaces of the daemon; false if it has
    /// ended.
    ///
    /// # Errors
    ///
    /// [`Denial::Namespace`] if it is in another namespace.
    fn contains(&self, thread: &Path) -> Result<bool, Denial> {
        let found = namespaces(thread).map_err(|_| Denial::Unknown)?;
        for (at, name) in NAMESPACES.into_iter().enumerate() {
            match (&found[at], &self.namespaces[at]) {
                (None, Some(_)) => return Ok(false),
                (found, own) if found != own => return Err(Denial::Namespace(name)),
                _ => {}
            }
        }
        Ok(true)
    }
}

/// Whether the kernel has Landlock. It is assumed if the list cannot be read.
fn has_landlock() -> bool {
    match fs::read_to_string("/sys/kernel/security/lsm") {
        Ok(modules) => modules.trim().split(',').any(|name| name == "landlock"),
        Err(_) => true,
    }
}

/// Reads the security label of a process; `None` without a security module that has
/// labels. An error may be the decision of such a module.
fn label(process: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(process.join("attr/current")) {
        Ok(label) => Ok(Some(label.trim_ascii_end().to_owned())),
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::EINVAL) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Whether a security module confines a process with this label, or may confine it.
fn is_confined(label: io::Result<Option<Vec<u8>>>, own: Option<&[u8]>) -> bool {
    match label {
        Ok(None) => false,
        Ok(Some(label)) => label != b"unconfined" && Some(&label[..]) != own,
        Err(_) => true,
    }
}

/// The process that connected.
#[derive(Debug)]
pub(crate) struct Peer {
    pid: i32,
    pub(crate) uid: u32,
    gid: u32,
    /// Its directory in procfs, which is empty after the process has ended, also if
    /// another process has the pid then. `None` if it has ended, or has no pid here.
    dir: Option<File>,
    /// `None` before Linux 6.5: there, another process may have the pid when `dir` is
    /// opened.
    pidfd: Option<OwnedFd>,
}

impl Peer {
    pub(crate) fn of(socket: &impl AsFd) -> Result<Self> {
        let peer = getsockopt(&socket.as_fd(), PeerCredentials)
            .map_err(io("cannot read the credentials of a client"))?;
        let pidfd = match getsockopt(&socket.as_fd(), PeerPidfd) {
            Err(Errno::ENOPROTOOPT) => None,
            pidfd => Some(pidfd.map_err(io("cannot open a pidfd of a client"))?),
        };
        Ok(Self {
            pid: peer.pid(),
            uid: peer.uid(),
            gid: peer.gid(),
            dir: File::open(format!("/proc/{}", peer.pid())).ok(),
            pidfd,
        })
    }

    /// Whether it is known to be in the namespaces of the daemon.
    pub(crate) fn is_in(&self, home: &Home) -> bool {
        self.dir()
            .is_some_and(|dir| home.contains(&dir) == Ok(true))
    }

    /// Returns the error of a client without a slot.
    pub(crate) const fn too_many(&self) -> Error {
        Error::Full {
            pid: self.pid,
            uid: self.uid,
        }
    }

    /// Returns its current rights, if it has sent the request.
    pub(crate) fn rights(&self, sender: UnixCredentials, home: &Home) -> Result<Rights, Denial> {
        // The pid of a process outside of the daemon's pid namespace is 0.
        if sender.pid() != self.pid || self.pid == 0 {
            return Err(Denial::AnotherProcess);
        }
        let dir = self.dir().ok_or(Denial::Gone)?;
        let rights = self.rights_of_process(&dir, home);
        // Otherwise the directory may be that of another process with the pid.
        if self.has_ended() {
            return Err(Denial::Gone);
        }
        rights
    }

    fn dir(&self) -> Option<PathBuf> {
        let dir = self.dir.as_ref()?;
        Some(format!("/proc/self/fd/{}", dir.as_raw_fd()).into())
    }

    /// Returns the rights that all of its threads have.
    fn rights_of_process(&self, dir: &Path, home: &Home) -> Result<Rights, Denial> {
        let mut all: Option<Credentials> = None;
        for thread in fs::read_dir(dir.join("task")).map_err(|_| Denial::Gone)? {
            let thread = thread.map_err(|_| Denial::Gone)?.path();
            let credentials = match self.credentials_of_thread(&thread, home) {
                // The thread has ended, so that its files are not valid.
                Err(_) if read_status(&thread)?.is_none() => None,
                credentials => credentials?,
            };
            all = match (all, credentials) {
                (Some(all), Some(credentials)) => Some(all.intersection(&credentials)),
                (all, credentials) => all.or(credentials),
            };
        }
        all.map(Rights::from).ok_or(Denial::Gone)
    }

    /// Returns the credentials of a thread; `None` if it has ended.
    fn credentials_of_thread(
        &self,
        thread: &Path,
        home: &Home,
    ) -> Result<Option<Credentials>, Denial> {
        let Some(text) = read_status(thread)? else {
            return Ok(None);
        };
        let status = Status::parse(&text);
        let (Some([.., fsuid]), Some([.., fsgid]), Some(capabilities), Some(groups)) = (
            status.uids,
            status.gids,
            status.cap_effective,
            groups_in(&text),
        ) else {
            return Err(Denial::Unknown);
        };
        let label = label(thread);
        // A thread cannot return from a descendant namespace, so it was in this one when
        // its credentials were read.
        if !home.contains(thread)? {
            return Ok(None);
        }
        // The kernel checks accesses to files by these ids.
        if (fsuid, fsgid) != (self.uid, self.gid) {
            return Err(Denial::OtherCredentials);
        }
        // execve() of a program with file capabilities changes no id. A client could send
        // a request, call execve(), and read the reply in another process.
        let gained = CapSet(capabilities.0 & READING.0);
        if fsuid != 0 && !gained.is_empty() {
            return Err(Denial::Capabilities(gained));
        }
        if is_confined(label, home.label.as_deref()) {
            return Err(Denial::Confined);
        }
        // Unknown before Linux 4.10.
        let may_be_restricted = status.no_new_privs != Some(false);
        if may_be_restricted && home.has_landlock {
            return Err(Denial::Landlock);
        }
        Ok(Some(Credentials {
            uid: self.uid,
            gid: self.gid,
            groups,
            capabilities,
        }))
    }

    /// Opens the file that the process holds as a descriptor with this number, with
    /// `O_PATH`: this calls no function of a FUSE file system. A network file system may
    /// validate its directory.
    pub(crate) fn open_held(&self, number: u32) -> nix::Result<OwnedFd> {
        let dir = self.dir.as_ref().ok_or(Errno::ESRCH)?;
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        openat(dir, format!("fd/{number}").as_str(), flags, Mode::empty())
    }

    /// Reads the mounts of its mount namespace that are below its root directory.
    pub(crate) fn mountinfo(&self) -> io::Result<Vec<u8>> {
        let dir = self.dir().ok_or(Errno::ESRCH)?;
        fs::read(dir.join("mountinfo"))
    }

    /// Whether the process that connected is known to have ended.
    fn has_ended(&self) -> bool {
        let Some(pidfd) = &self.pidfd else {
            return false;
        };
        let mut ended = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut ended, PollTimeout::ZERO) {
                Err(Errno::EINTR) => {}
                polled => return polled != Ok(0),
            }
        }
    }
}

/// Reads `status` of a thread; `None` if it has ended.
fn read_status(thread: &Path) -> Result<Option<Vec<u8>>, Denial> {
    match fs::read(thread.join("status")) {
        Ok(status) => Ok(Some(status)),
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ESRCH) => Ok(None),
            _ => Err(Denial::Unknown),
        },
    }
}

/// Returns the supplementary groups in `status`.
fn groups_in(status: &[u8]) -> Option<Vec<u32>> {
    let mut lines = status.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"Groups:"))?;
    let words = std::str::from_utf8(line).ok()?.split_whitespace();
    words.map(|word| word.parse().ok()).collect()
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} of user {}", self.pid, self.uid)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const UID: u32 = 1;
    const STATUS: &[u8] = b"Name:\t\xff\xfe\nUid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\n\
                           Groups:\t2 3 \nCapEff:\t3000\nNoNewPrivs:\t0\n";

    /// Returns the directory of a process without threads, and a daemon without
    /// namespaces and label.
    fn process() -> (tempfile::TempDir, Home) {
        let home = Home {
            namespaces: [const { None }; NAMESPACES.len()],
            label: None,
            has_landlock: true,
        };
        (tempfile::tempdir().unwrap(), home)
    }

    /// Adds a thread.
    fn add(process: &Path, tid: u32, status: &[u8]) -> PathBuf {
        let thread = process.join(format!("task/{tid}"));
        fs::create_dir_all(thread.join("attr")).unwrap();
        fs::create_dir(thread.join("ns")).unwrap();
        fs::write(thread.join("status"), status).unwrap();
        thread
    }

    fn rights(process: &Path, home: &Home) -> Result<Rights, Denial> {
        let peer = Peer {
            pid: 1,
            uid: UID,
            gid: UID,
            dir: None,
            pidfd: None,
        };
        peer.rights_of_process(process, home)
    }

    /// Returns the status with a part replaced.
    fn status_with(of: &str, with: &str) -> Vec<u8> {
        let at = STATUS
            .windows(of.len())
            .position(|found| found == of.as_bytes())
            .unwrap();
        [&STATUS[..at], with.as_bytes(), &STATUS[at + of.len()..]].concat()
    }

    fn credentials(groups: &[u32], capabilities: u64) -> Rights {
        Rights::Of(Credentials {
            uid: UID,
            gid: UID,
            groups: groups.to_vec(),
            capabilities: CapSet(capabilities),
        })
    }

    #[test]
    fn name_that_is_not_utf8_is_accepted() {
        let (process, home) = process();
        add(process.path(), 1, STATUS);
        assert_eq!(
            rights(process.path(), &home),
            Ok(credentials(&[2, 3], 0x3000))
        );
    }

    #[test]
    fn process_has_groups_and_capabilities_that_all_threads_have() {
        let (process, home) = process();
        add(process.path(), 1, STATUS);
        add(process.path(), 2, &status_with("Groups:\t2", "Groups:\t4"));
        add(
            process.path(),
            3,
            &status_with("CapEff:\t3000", "CapEff:\t1800"),
        );
        assert_eq!(rights(process.path(), &home), Ok(credentials(&[3], 0x1000)));
    }

    #[test]
    fn only_root_with_all_of_these_capabilities_reads_everything() {
        let all = 1 << CAP_SYS_PTRACE | 1 << CAP_DAC_READ_SEARCH | 1 << CAP_SYS_NICE;
        for (uid, capabilities, reads_all, passes) in [
            (0, all, true, true),
            (0, all & !(1 << CAP_SYS_NICE), false, true),
            (0, 1 << CAP_SYS_PTRACE, false, true),
            (0, 1 << CAP_DAC_READ_SEARCH, false, false),
            (1, all, false, true),
            (1, 0, false, false),
        ] {
            let rights = Rights::from(Credentials {
                uid,
                gid: 0,
                groups: vec![],
                capabilities: CapSet(capabilities),
            });
            assert_eq!(rights == Rights::All, reads_all, "{uid} {capabilities:x}");
            assert_eq!(rights.pass_access_check(), passes, "{uid} {capabilities:x}");
        }
    }

    #[test]
    fn thread_with_fewer_rights_denies_the_process() {
        for (second, denial) in [
            (status_with("Privs:\t0", "Privs:\t1"), Denial::Landlock),
            (
                status_with("Uid:\t1\t1\t1\t1", "Uid:\t1\t1\t1\t2"),
                Denial::OtherCredentials,
            ),
            (
                status_with("CapEff:\t3000", "CapEff:\t3002"),
                Denial::Capabilities(CapSet(1 << CAP_DAC_OVERRIDE)),
            ),
            (status_with("CapEff", "Cap"), Denial::Unknown),
            (status_with("Groups", "Group"), Denial::Unknown),
            (status_with("2 3", "2 x"), Denial::Unknown),
        ] {
            for order in [[1, 2], [2, 1]] {
                let (process, home) = process();
                add(process.path(), order[0], STATUS);
                add(process.path(), order[1], &second);
                assert_eq!(rights(process.path(), &home), Err(denial));
            }
        }
    }

    #[test]
    fn thread_in_another_namespace_denies_the_process() {
        let (process, home) = process();
        add(process.path(), 1, STATUS);
        let second = add(process.path(), 2, STATUS);
        symlink("cgroup:[2]", second.join("ns/cgroup")).unwrap();
        let denial = Denial::Namespace("cgroup");
        assert_eq!(rights(process.path(), &home), Err(denial));
    }

    #[test]
    fn process_without_threads_is_gone() {
        let (process, home) = process();
        assert_eq!(rights(process.path(), &home), Err(Denial::Gone));
        fs::create_dir_all(process.path().join("task/1")).unwrap();
        assert_eq!(rights(process.path(), &home), Err(Denial::Gone));
    }

    #[test]
    fn unreadable_label_confines() {
        let (process, mut home) = process();
        let label = add(process.path(), 1, STATUS).join("attr/current");
        for name in [&b"unconfined\n"[..], b"own\n"] {
            home.label = Some(b"own".to_vec());
            fs::write(&label, name).unwrap();
            assert!(rights(process.path(), &home).is_ok());
        }
        fs::write(&label, b"\xff\n").unwrap();
        assert_eq!(rights(process.path(), &home), Err(Denial::Confined));
        fs::remove_file(&label).unwrap();
        // A directory cannot be read either.
        fs::create_dir(&label).unwrap();
        assert_eq!(rights(process.path(), &home), Err(Denial::Confined));
    }
}
