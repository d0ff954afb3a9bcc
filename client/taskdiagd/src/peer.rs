// SPDX-License-Identifier: MIT
//! Who is at the other end of a connection, and what they may see.
//!
//! Two have a hand in a request: who connected, whose ids the socket remembers,
//! and who sends, whom the kernel names with each message. They have to be the
//! same process with the same ids; what is known of that process is read from
//! its folder in procfs, after which it must still be the one that connected.
//!
//! Which of its threads has sent is not known, so it may what all of them may.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{PeerCredentials, PeerPidfd};
use nix::sys::socket::{UnixCredentials, getsockopt};

use crate::error::{Error, Result, io};
use crate::status::Credentials;

/// What a client may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Everything, as it has `CAP_SYS_PTRACE` where the daemon is.
    All,
    /// What these ids may see.
    Of { uid: u32, gid: u32 },
}

/// Why a client is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denial {
    #[error("only the process that connected may ask")]
    AnotherProcess,
    #[error("its credentials are not those it connected with: connect anew")]
    OtherCredentials,
    #[error("the process that connected has gone")]
    Gone,
    #[error("the daemon cannot tell who it is")]
    Unknown,
    #[error("it is in another {0} namespace than the daemon")]
    Namespace(&'static str),
    #[error("a security module confines it, and the daemon cannot tell to what")]
    Confined,
    #[error("with no_new_privs it may be confined by Landlock, which the daemon cannot tell")]
    Landlock,
}

/// The namespaces that rights, numbers, paths of cgroups and times are those of.
const NAMESPACES: [&str; 4] = ["user", "pid", "cgroup", "time"];

/// Where a process is; `None` for namespaces that the kernel does not have.
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

/// What clients are held against: where the daemon is itself.
#[derive(Debug)]
pub(crate) struct Home {
    /// As of [`NAMESPACES`].
    namespaces: [Option<PathBuf>; NAMESPACES.len()],
    label: Option<Vec<u8>>,
    /// Clients can put themselves into a Landlock domain.
    landlock: bool,
}

impl Home {
    pub(crate) fn find() -> Result<Self> {
        let own = Path::new("/proc/self");
        Ok(Self {
            namespaces: namespaces(own).map_err(io("cannot read /proc/self/ns"))?,
            label: label(own).map_err(io("cannot read /proc/self/attr/current"))?,
            landlock: has_landlock(),
        })
    }

    /// Whether a thread still is anywhere, which is not in another namespace
    /// than the daemon.
    fn has(&self, thread: &Path) -> Result<bool, Denial> {
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

/// Unless the kernel says that it is not there, it is.
fn has_landlock() -> bool {
    match fs::read_to_string("/sys/kernel/security/lsm") {
        Ok(modules) => modules.trim().split(',').any(|name| name == "landlock"),
        Err(_) => true,
    }
}

/// What a security module calls a process; `None` without such a module. It is
/// there if it says so in whatever way, be it by an error.
fn label(process: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(process.join("attr/current")) {
        Ok(label) => Ok(Some(label.trim_ascii_end().to_owned())),
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::EINVAL) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Whether a security module confines who is called that, or may do so.
fn is_confined(label: io::Result<Option<Vec<u8>>>, own: Option<&[u8]>) -> bool {
    match label {
        Ok(None) => false,
        Ok(Some(label)) => label != b"unconfined" && Some(&label[..]) != own,
        Err(_) => true,
    }
}

/// Who connected.
#[derive(Debug)]
pub(crate) struct Peer {
    pid: i32,
    pub(crate) uid: u32,
    gid: u32,
    /// Its folder in procfs, which is empty once it has ended, whoever has the
    /// number then; `None` if it has none here, or not any more.
    folder: Option<File>,
    /// Linux 6.5 and later. Before, a process that ends before the folder is
    /// opened can have its number taken by another.
    pidfd: Option<OwnedFd>,
}

impl Peer {
    pub(crate) fn of(socket: &impl AsFd) -> Result<Self> {
        let peer = getsockopt(&socket.as_fd(), PeerCredentials)
            .map_err(io("cannot tell who has connected"))?;
        let pidfd = match getsockopt(&socket.as_fd(), PeerPidfd) {
            Err(Errno::ENOPROTOOPT) => None,
            pidfd => Some(pidfd.map_err(io("cannot keep hold of who has connected"))?),
        };
        Ok(Self {
            pid: peer.pid(),
            uid: peer.uid(),
            gid: peer.gid(),
            folder: File::open(format!("/proc/{}", peer.pid())).ok(),
            pidfd,
        })
    }

    /// Whether it is where the daemon is, as far as that can be told.
    pub(crate) fn is_at(&self, home: &Home) -> bool {
        self.folder()
            .is_some_and(|folder| home.has(&folder) == Ok(true))
    }

    /// That there is no place for it.
    pub(crate) const fn too_many(&self) -> Error {
        Error::Full {
            pid: self.pid,
            uid: self.uid,
        }
    }

    /// What it may see now, if it is who sent the request.
    pub(crate) fn rights(&self, sender: UnixCredentials, home: &Home) -> Result<Rights, Denial> {
        // 0 is a process that has no number here.
        if sender.pid() != self.pid || self.pid == 0 {
            return Err(Denial::AnotherProcess);
        }
        let folder = self.folder().ok_or(Denial::Gone)?;
        let rights = self.judge(&folder, home);
        // All of this was about whoever had the number then.
        if self.has_gone() {
            return Err(Denial::Gone);
        }
        rights
    }

    fn folder(&self) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(format!("/proc/self/fd/{}", folder.as_raw_fd()).into())
    }

    /// What all of its threads may see.
    fn judge(&self, folder: &Path, home: &Home) -> Result<Rights, Denial> {
        let mut all = None;
        for thread in fs::read_dir(folder.join("task")).map_err(|_| Denial::Gone)? {
            let thread = thread.map_err(|_| Denial::Gone)?.path();
            let rights = match self.judge_thread(&thread, home) {
                // Nothing that was read of it counts.
                Err(_) if read_status(&thread)?.is_none() => None,
                judged => judged?,
            };
            // They differ in whether it is everything, if at all.
            all = match rights {
                Some(rights) => all.filter(|&all| all != Rights::All).or(Some(rights)),
                None => all,
            };
        }
        all.ok_or(Denial::Gone)
    }

    /// What a thread may see; `None` if it has ended meanwhile.
    fn judge_thread(&self, thread: &Path, home: &Home) -> Result<Option<Rights>, Denial> {
        let Some(status) = read_status(thread)? else {
            return Ok(None);
        };
        let credentials = Credentials::parse(&status).ok_or(Denial::Unknown)?;
        let label = label(thread);
        // Nobody comes back into a namespace from one below: so it has been in
        // this one when its credentials were read.
        if !home.has(thread)? {
            return Ok(None);
        }
        if (credentials.fsuid, credentials.fsgid) != (self.uid, self.gid) {
            return Err(Denial::OtherCredentials);
        }
        if is_confined(label, home.label.as_deref()) {
            return Err(Denial::Confined);
        }
        if credentials.restrained && home.landlock {
            return Err(Denial::Landlock);
        }
        Ok(Some(match (self.uid, credentials.sees_all) {
            (0, true) => Rights::All,
            (uid, _) => Rights::Of { uid, gid: self.gid },
        }))
    }

    /// Whether the process that connected has ended, as far as that can be
    /// told.
    fn has_gone(&self) -> bool {
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

/// What procfs tells of a thread; `None` if it has ended.
fn read_status(thread: &Path) -> Result<Option<Vec<u8>>, Denial> {
    match fs::read(thread.join("status")) {
        Ok(status) => Ok(Some(status)),
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ESRCH) => Ok(None),
            _ => Err(Denial::Unknown),
        },
    }
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
                           CapEff:\t0\nNoNewPrivs:\t0\n";

    /// The folder of a process with no threads yet, and where it is at home.
    fn process() -> (tempfile::TempDir, Home) {
        let home = Home {
            namespaces: [const { None }; NAMESPACES.len()],
            label: None,
            landlock: true,
        };
        (tempfile::tempdir().unwrap(), home)
    }

    /// Gives it a thread.
    fn add(process: &Path, tid: u32, status: &[u8]) -> PathBuf {
        let thread = process.join(format!("task/{tid}"));
        fs::create_dir_all(thread.join("attr")).unwrap();
        fs::create_dir(thread.join("ns")).unwrap();
        fs::write(thread.join("status"), status).unwrap();
        thread
    }

    fn judged(process: &Path, home: &Home) -> Result<Rights, Denial> {
        let peer = Peer {
            pid: 1,
            uid: UID,
            gid: UID,
            folder: None,
            pidfd: None,
        };
        peer.judge(process, home)
    }

    fn instead(of: &str, with: &str) -> Vec<u8> {
        let at = STATUS
            .windows(of.len())
            .position(|found| found == of.as_bytes())
            .unwrap();
        [&STATUS[..at], with.as_bytes(), &STATUS[at + of.len()..]].concat()
    }

    #[test]
    fn any_bytes_are_a_name() {
        let (process, home) = process();
        add(process.path(), 1, STATUS);
        let rights = Rights::Of { uid: UID, gid: UID };
        assert_eq!(judged(process.path(), &home), Ok(rights));
    }

    #[test]
    fn it_may_what_all_of_its_threads_may() {
        for (second, denial) in [
            (instead("Privs:\t0", "Privs:\t1"), Denial::Landlock),
            (
                instead("Uid:\t1\t1\t1\t1", "Uid:\t1\t1\t1\t2"),
                Denial::OtherCredentials,
            ),
            (instead("CapEff", "Cap"), Denial::Unknown),
        ] {
            for order in [[1, 2], [2, 1]] {
                let (process, home) = process();
                add(process.path(), order[0], STATUS);
                add(process.path(), order[1], &second);
                assert_eq!(judged(process.path(), &home), Err(denial));
            }
        }
    }

    #[test]
    fn a_thread_elsewhere_is_enough() {
        let (process, home) = process();
        add(process.path(), 1, STATUS);
        let second = add(process.path(), 2, STATUS);
        symlink("cgroup:[2]", second.join("ns/cgroup")).unwrap();
        let denial = Denial::Namespace("cgroup");
        assert_eq!(judged(process.path(), &home), Err(denial));
    }

    #[test]
    fn who_has_ended_is_nobody() {
        let (process, home) = process();
        assert_eq!(judged(process.path(), &home), Err(Denial::Gone));
        fs::create_dir_all(process.path().join("task/1")).unwrap();
        assert_eq!(judged(process.path(), &home), Err(Denial::Gone));
    }

    #[test]
    fn a_label_that_cannot_be_read_confines() {
        let (process, mut home) = process();
        let label = add(process.path(), 1, STATUS).join("attr/current");
        for name in [&b"unconfined\n"[..], b"own\n"] {
            home.label = Some(b"own".to_vec());
            fs::write(&label, name).unwrap();
            assert!(judged(process.path(), &home).is_ok());
        }
        fs::write(&label, b"\xff\n").unwrap();
        assert_eq!(judged(process.path(), &home), Err(Denial::Confined));
        fs::remove_file(&label).unwrap();
        // Which is read as little as one that the kernel does not give.
        fs::create_dir(&label).unwrap();
        assert_eq!(judged(process.path(), &home), Err(Denial::Confined));
    }
}
