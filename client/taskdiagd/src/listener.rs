// SPDX-License-Identifier: MIT
//! The socket that clients connect to: created here, or passed by a service manager.

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

/// All users may connect: each client has its own rights.
const MODE: Mode = Mode::from_bits_truncate(0o666);
/// Maximum number of connections that wait to be accepted. The kernel has a limit, too.
const BACKLOG: i32 = 1024;

/// The socket, and its file if the daemon has created it.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: OwnedFd,
    created: Option<Created>,
}

/// A socket file that the daemon has created.
#[derive(Debug)]
struct Created {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    /// The holder of the lock creates and removes the socket file. The lock file is never
    /// removed: otherwise one daemon could hold the removed file, and another a new one.
    _lock: Flock<File>,
}

impl Listener {
    /// Takes the socket that the service manager has passed, or creates one at this path.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let listener = match inherited()? {
            Some(socket) => Self {
                socket,
                created: None,
            },
            None => Self::create(path)?,
        };
        // From now on the kernel adds the credentials of the sender to each message.
        setsockopt(&listener.socket, PassCred, &true)
            .map_err(io("cannot enable the credentials of senders"))?;
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

    fn create(path: &Path) -> Result<Self> {
        let address = UnixAddr::new(path).map_err(file("cannot create a socket at", path))?;
        if is_not_a_socket(path) {
            return Err(Error::NotASocket { path: path.into() });
        }
        let lock = lock(path)?;
        remove_stale(path, &address)?;
        let socket = new_socket()?;
        bind_for_all_users(&socket, &address).map_err(|errno| match errno {
            Errno::EADDRINUSE => Error::Taken { path: path.into() },
            errno => file("cannot create the socket", path)(errno),
        })?;
        let created = fs::symlink_metadata(path).map_err(file("cannot find the socket", path))?;
        Ok(Self {
            socket,
            created: Some(Created {
                path: path.into(),
                identity: (created.dev(), created.ino()),
                _lock: lock,
            }),
        })
    }
}

impl Drop for Listener {
    /// Removes the file, unless another daemon has replaced it.
    fn drop(&mut self) {
        let Some(Created { path, identity, .. }) = &self.created else {
            return;
        };
        match fs::symlink_metadata(path) {
            Ok(found) if (found.dev(), found.ino()) == *identity => {
                if let Err(error) = fs::remove_file(path) {
                    warn!("cannot remove {}: {error}", path.display());
                }
            }
            _ => warn!(
                "not removing {}: another daemon has replaced it",
                path.display()
            ),
        }
    }
}

fn new_socket() -> Result<OwnedFd> {
    Daemon::socket().map_err(Error::Socket)
}

/// Locks the path. Another daemon could otherwise remove a socket that is bound but
/// does not listen yet, as if its daemon had ended.
fn lock(path: &Path) -> Result<Flock<File>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        // A user who can open the file can lock it.
        .mode(0o600)
        .custom_flags(O_NOFOLLOW)
        .open(&name)
        .map_err(file("cannot create the lock file", &name))?;
    Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        Errno::EWOULDBLOCK => Error::Taken { path: path.into() },
        errno => file("cannot lock", &name)(errno),
    })
}

/// Binds the socket with its final mode. A later chmod() could change another file at
/// the path. No other thread creates files, so the umask may be changed.
fn bind_for_all_users(socket: &OwnedFd, address: &UnixAddr) -> nix::Result<()> {
    fchmod(socket, MODE)?;
    let previous = umask(Mode::empty());
    let bound = bind(socket.as_raw_fd(), address);
    umask(previous);
    bound
}

/// Whether the path is that of a file that no daemon has created.
fn is_not_a_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| !found.file_type().is_socket())
}

/// Removes the socket file of a daemon that was killed. A socket with a listener is left
/// as it is.
fn remove_stale(path: &Path, address: &UnixAddr) -> Result<()> {
    let exists = fs::symlink_metadata(path).is_ok();
    if exists
        && !is_not_a_socket(path)
        && connect(new_socket()?.as_raw_fd(), address) == Err(Errno::ECONNREFUSED)
    {
        info!("removing {}, which has no listener", path.display());
        fs::remove_file(path).map_err(file("cannot remove the old socket", path))?;
    }
    Ok(())
}

/// Returns the socket that the service manager has passed, if there is one.
fn inherited() -> Result<Option<OwnedFd>> {
    let mut passed =
        sd_notify::listen_fds().map_err(io("cannot receive sockets from the service manager"))?;
    match (passed.next(), passed.next()) {
        (None, _) => Ok(None),
        (Some(fd), None) => {
            // SAFETY: the service manager has passed the descriptor to this process, and
            // nothing else takes ownership of it.
            let socket = unsafe { OwnedFd::from_raw_fd(fd) };
            check(&socket)?;
            Ok(Some(socket))
        }
        _ => Err(invalid(
            "cannot listen at several sockets of the service manager",
        )),
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
            "cannot use the socket of the service manager, which needs ListenSequentialPacket=",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn path_without_a_socket_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("directory")).unwrap();
        symlink(at("nothing"), at("link")).unwrap();
        symlink(at("file"), at("guarded.lock")).unwrap();
        fs::create_dir(at("blocked.lock")).unwrap();
        let long = "x".repeat(120);
        for (name, why) in [
            ("file", "file: the file exists, and is not a socket"),
            ("directory", "directory: the file exists, and is not"),
            ("directory/", "directory/: the file exists, and is not"),
            ("link", "link: the file exists, and is not a socket"),
            ("none/socket", "none/socket.lock: No such file or directory"),
            ("file/socket", "file/socket.lock: Not a directory"),
            ("guarded", "guarded.lock: Too many levels of symbolic links"),
            ("blocked", "blocked.lock: Is a directory"),
            (&long, "x: File name too long"),
        ] {
            let error = Listener::open(&at(name)).unwrap_err().to_string();
            assert!(error.contains(why), "{name}: {error}");
        }
        // No file was created or changed.
        assert!(!at("file.lock").exists() && !at("directory/.lock").exists());
        assert_eq!(fs::read(at("file")).unwrap(), b"");
    }
}
