// SPDX-License-Identifier: MIT
//! The socket that clients connect to: made here, or inherited.

use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use log::{info, warn};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc::O_NOFOLLOW;
use nix::sys::socket::sockopt::PassCred;
use nix::sys::socket::{
    Backlog, SockType, UnixAddr, bind, connect, getsockname, listen, setsockopt,
};
use nix::sys::stat::{Mode, fchmod, umask};
use taskdiag::Daemon;

use crate::error::{Error, Result, file, invalid, io};

/// Everybody may connect: each is judged by its own rights.
const MODE: Mode = Mode::from_bits_truncate(0o666);
/// How many may wait to be let in; the kernel has a limit of its own.
const BACKLOG: i32 = 1024;

/// The socket, and its file if that is to be removed in the end.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: OwnedFd,
    made: Option<Made>,
}

/// A file of the daemon's own making: its path, device and inode.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    identity: (u64, u64),
    /// Who has it makes and removes that file. Its own file stays: removed, it
    /// would be locked by one, and made anew by another.
    _lock: Flock<File>,
}

impl Listener {
    /// Takes the socket over that the service manager has passed, or makes one
    /// at this path.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let listener = match inherited()? {
            Some(socket) => Self { socket, made: None },
            None => Self::make(path)?,
        };
        // The kernel names the sender of whatever arrives from now on.
        setsockopt(&listener.socket, PassCred, &true)
            .map_err(io("cannot ask for the senders' names"))?;
        listen(
            &listener.socket,
            Backlog::new(BACKLOG).unwrap_or(Backlog::MAXCONN),
        )
        .map_err(io("cannot listen"))?;
        if let Some(path) = getsockname::<UnixAddr>(listener.socket.as_raw_fd())
            .ok()
            .as_ref()
            .and_then(UnixAddr::path)
        {
            info!("listening at {}", path.display());
        }
        Ok(listener)
    }

    fn make(path: &Path) -> Result<Self> {
        let address = UnixAddr::new(path).map_err(file("cannot have a socket at", path))?;
        if is_something_else(path) {
            return Err(Error::InTheWay { path: path.into() });
        }
        let lock = lock(path)?;
        remove_stale(path, &address)?;
        let socket = new_socket()?;
        bind_for_everybody(&socket, &address).map_err(|errno| match errno {
            Errno::EADDRINUSE => Error::Taken { path: path.into() },
            errno => file("cannot make the socket", path)(errno),
        })?;
        let made = fs::symlink_metadata(path).map_err(file("cannot find the socket", path))?;
        Ok(Self {
            socket,
            made: Some(Made {
                path: path.into(),
                identity: (made.dev(), made.ino()),
                _lock: lock,
            }),
        })
    }
}

impl Drop for Listener {
    /// Removes the file, unless it is another daemon's by now.
    fn drop(&mut self) {
        let Some(Made { path, identity, .. }) = &self.made else {
            return;
        };
        match fs::symlink_metadata(path) {
            Ok(found) if (found.dev(), found.ino()) == *identity => {
                if let Err(error) = fs::remove_file(path) {
                    warn!("cannot remove {}: {error}", path.display());
                }
            }
            _ => warn!("{} is not this daemon's any more", path.display()),
        }
    }
}

fn new_socket() -> Result<OwnedFd> {
    Daemon::socket().map_err(Error::Socket)
}

/// Keeps other daemons from this path, who would take a socket that nobody
/// listens at yet for one that nobody listens at any more.
fn lock(path: &Path) -> Result<Flock<File>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        // Who can open it can lock it.
        .mode(0o600)
        .custom_flags(O_NOFOLLOW)
        .open(&name)
        .map_err(file("cannot make the lock", &name))?;
    Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        Errno::EWOULDBLOCK => Error::Taken { path: path.into() },
        errno => file("cannot lock", &name)(errno),
    })
}

/// The file has the socket's own mode from the first, whatever is put in its
/// place afterwards. No other thread makes files.
fn bind_for_everybody(socket: &OwnedFd, address: &UnixAddr) -> nix::Result<()> {
    fchmod(socket, MODE)?;
    let own = umask(Mode::empty());
    let bound = bind(socket.as_raw_fd(), address);
    umask(own);
    bound
}

/// What a daemon has never made.
fn is_something_else(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| !found.file_type().is_socket())
}

/// Removes the file of a daemon that has ended without doing so. A socket that
/// has somebody behind it is left alone.
fn remove_stale(path: &Path, address: &UnixAddr) -> Result<()> {
    let is_there = fs::symlink_metadata(path).is_ok();
    if is_there
        && !is_something_else(path)
        && connect(new_socket()?.as_raw_fd(), address) == Err(Errno::ECONNREFUSED)
    {
        info!("removing {}, which nobody listens at", path.display());
        fs::remove_file(path).map_err(file("cannot remove the old socket", path))?;
    }
    Ok(())
}

/// The socket that was passed by the service manager, if one was.
fn inherited() -> Result<Option<OwnedFd>> {
    let mut passed = sd_notify::listen_fds().map_err(io("cannot take the passed sockets over"))?;
    match (passed.next(), passed.next()) {
        (None, _) => Ok(None),
        (Some(fd), None) => {
            // SAFETY: the service manager has opened it for this process, which
            // is the first to look at it, and does so once.
            let socket = unsafe { OwnedFd::from_raw_fd(fd) };
            check(&socket)?;
            Ok(Some(socket))
        }
        _ => Err(invalid("there is more than one passed socket")),
    }
}

fn check(socket: &OwnedFd) -> Result<()> {
    use nix::sys::socket::{getsockopt, sockopt};
    let kind = getsockopt(&socket.as_fd(), sockopt::SockType);
    let listens = getsockopt(&socket.as_fd(), sockopt::AcceptConn);
    let unix = getsockname::<UnixAddr>(socket.as_raw_fd()).is_ok();
    match (kind, listens, unix) {
        (Ok(SockType::SeqPacket), Ok(true), true) => Ok(()),
        _ => Err(invalid(
            "the passed socket is not one of ListenSequentialPacket=",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_keeps_a_socket_from_its_path_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("nothing"), at("link")).unwrap();
        symlink(at("file"), at("guarded.lock")).unwrap();
        fs::create_dir(at("blocked.lock")).unwrap();
        let long = "x".repeat(120);
        for (name, why) in [
            ("file", "file is there already, and is no socket"),
            ("folder", "folder is there already, and is no socket"),
            ("folder/", "folder/ is there already, and is no socket"),
            ("link", "link is there already, and is no socket"),
            ("none/socket", "none/socket.lock: No such file or directory"),
            ("file/socket", "file/socket.lock: Not a directory"),
            ("guarded", "guarded.lock: Too many levels of symbolic links"),
            ("blocked", "blocked.lock: Is a directory"),
            (&long, "x: File name too long"),
        ] {
            let error = Listener::open(&at(name)).unwrap_err().to_string();
            assert!(error.contains(why), "{name}: {error}");
        }
        // Nothing is left behind, and nothing was changed.
        assert!(!at("file.lock").exists() && !at("folder/.lock").exists());
        assert_eq!(fs::read(at("file")).unwrap(), b"");
    }
}
