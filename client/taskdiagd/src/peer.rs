// SPDX-License-Identifier: MIT
//! Who is at the other end of a connection, and what they may see.
//!
//! Two have a hand in a request: who connected, whose ids the socket remembers,
//! and who sends, whom the kernel names with each message. They have to be the
//! same process with the same ids; what is known of that process is read from
//! its folder in procfs, after which it must still be the one that connected.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{PeerCredentials, PeerPidfd};
use nix::sys::socket::{UnixCredentials, getsockopt};

use crate::error::{Result, io};
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
    label: Option<String>,
    /// Clients can put themselves into a Landlock domain.
    landlock: bool,
}

impl Home {
    pub(crate) fn find() -> Result<Self> {
        let own = Path::new("/proc/self");
        Ok(Self {
            namespaces: namespaces(own).map_err(io("cannot read /proc/self/ns"))?,
            label: label(own),
            landlock: has_landlock(),
        })
    }
}

/// Unless the kernel says that it is not there, it is.
fn has_landlock() -> bool {
    match fs::read_to_string("/sys/kernel/security/lsm") {
        Ok(modules) => modules.trim().split(',').any(|name| name == "landlock"),
        Err(_) => true,
    }
}

/// What a security module calls a process; `None` without such a module.
fn label(process: &Path) -> Option<String> {
    let label = fs::read_to_string(process.join("attr/current")).ok()?;
    Some(label.trim_end_matches(['\0', '\n']).to_owned())
}

/// Who connected.
#[derive(Debug)]
pub(crate) struct Peer {
    pid: i32,
    pub(crate) uid: u32,
    gid: u32,
    /// Linux 6.5 and later. Before, a process that ends can have its number
    /// taken by another.
    pidfd: Option<OwnedFd>,
}

impl Peer {
    pub(crate) fn of(socket: &impl AsFd) -> Result<Self> {
        let peer = getsockopt(&socket.as_fd(), PeerCredentials)
            .map_err(io("cannot tell who has connected"))?;
        Ok(Self {
            pid: peer.pid(),
            uid: peer.uid(),
            gid: peer.gid(),
            pidfd: getsockopt(&socket.as_fd(), PeerPidfd).ok(),
        })
    }

    /// What it may see now, if it is who sent the request.
    pub(crate) fn rights(&self, sender: UnixCredentials, home: &Home) -> Result<Rights, Denial> {
        // 0 is a process that has no number here.
        if sender.pid() != self.pid || self.pid == 0 {
            return Err(Denial::AnotherProcess);
        }
        let folder = PathBuf::from(format!("/proc/{}", self.pid));
        let rights = self.judge(&folder, home);
        // All of this was about whoever had the number then.
        if self.has_gone() {
            return Err(Denial::Gone);
        }
        rights
    }

    fn judge(&self, folder: &Path, home: &Home) -> Result<Rights, Denial> {
        let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|_| Denial::Gone);
        let credentials = Credentials::parse(&read("status")?).ok_or(Denial::Gone)?;
        let label = label(folder);
        // Nobody comes back into a namespace from one below: so it has been in
        // this one when its credentials were read.
        let found = namespaces(folder).map_err(|_| Denial::Gone)?;
        for (at, name) in NAMESPACES.into_iter().enumerate() {
            if found[at] != home.namespaces[at] {
                return Err(Denial::Namespace(name));
            }
        }
        if (credentials.fsuid, credentials.fsgid) != (self.uid, self.gid) {
            return Err(Denial::OtherCredentials);
        }
        if label.is_some_and(|label| label != "unconfined" && Some(label) != home.label) {
            return Err(Denial::Confined);
        }
        if credentials.restrained && home.landlock {
            return Err(Denial::Landlock);
        }
        Ok(match (self.uid, credentials.sees_all) {
            (0, true) => Rights::All,
            (uid, _) => Rights::Of { uid, gid: self.gid },
        })
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

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} of user {}", self.pid, self.uid)
    }
}
