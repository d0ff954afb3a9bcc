// SPDX-License-Identifier: MIT
//! The socket of the daemon `taskdiagd`: a request is one datagram, the reply is one or
//! more.
//!
//! Must not depend on tasks.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use log::debug;
use netlink_packet_core::NLM_F_REQUEST;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{PeerCredentials, ReceiveTimeout, SendTimeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, getsockopt, recv, send,
    setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::{getegid, geteuid, getgid, getuid};

use crate::error::{Error, Result};
use crate::netlink::{Framing, TaskDiagAttr, TaskDiagMessage, encode};
use crate::opener::Opener;
use crate::proc_mount;
use crate::reassembly::Reassembly;
use crate::request::{Features, Options, Scope};
use crate::transport::Transport;
use crate::visibility::{self, Visibility};

/// The path of the daemon's socket, unless [`DAEMON_VARIABLE`] has another one.
pub const DAEMON_SOCKET: &str = "/run/taskdiag.sock";

/// The environment variable with the path of the daemon's socket.
pub const DAEMON_VARIABLE: &str = "TASKDIAG_SOCKET";

/// The time in seconds within which the daemon must accept the connection and report its
/// features. Later replies have no timeout.
const TIMEOUT: i64 = 30;

/// [`TIMEOUT`] if the caller can use another transport.
const SHORT_TIMEOUT: i64 = 2;

/// The id of users that have no mapping in the caller's user namespace.
const OVERFLOW_ID: u32 = 65534;

/// Length of the buffer for the features, the first reply.
const FEATURES: usize = 1024;

/// A connection to `taskdiagd`, which replies instead of the kernel.
///
/// The messages are those of the transaction file. [`crate::TaskRef::is_cached`] returns
/// whether a row is from the table of the daemon.
///
/// A daemon that applies the options of procfs mounts opens the directory that a request
/// names among the descriptors of this process: see
/// [`Options::PROC_FD`](crate::Options::PROC_FD).
#[derive(Debug)]
pub struct Daemon {
    fd: OwnedFd,
    path: PathBuf,
    mount: ProcMount,
    opener: Opener,
}

/// The procfs mount that requests belong to.
#[derive(Debug)]
pub(crate) enum ProcMount {
    /// The caller's `/proc`; `None` if the daemon does not support it, or `/proc` is not a
    /// procfs of the caller's pid namespace.
    Own(Option<OwnedFd>),
    /// The mount with this root directory. It is an error if the daemon cannot use it.
    Selected(OwnedFd),
}

impl ProcMount {
    pub(crate) fn root(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Own(root) => root.as_ref().map(AsFd::as_fd),
            Self::Selected(root) => Some(root.as_fd()),
        }
    }

    /// Selects the own mount if none is selected and the daemon follows the mount of a
    /// request.
    fn choose(&mut self, follows: bool) -> Result<()> {
        match self {
            Self::Selected(_) if !follows => {
                let asked = "the daemon";
                return Err(Error::ProcMount { asked });
            }
            Self::Own(root) if !follows => *root = None,
            Self::Own(root @ None) => *root = proc_mount::open_own(),
            Self::Own(Some(_)) | Self::Selected(_) => {}
        }
        Ok(())
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Own(root) => Self::Own(root.as_ref().map(OwnedFd::try_clone).transpose()?),
            Self::Selected(root) => Self::Selected(root.try_clone()?),
        })
    }

    /// Returns the visibility over a daemon with these options.
    pub(crate) fn visibility(&self, options: Options) -> Visibility {
        let own = match self.root() {
            Some(_) => None,
            None => proc_mount::open_own(),
        };
        let root = self.root().or(own.as_ref().map(AsFd::as_fd));
        visibility::of_daemon(options, root)
    }
}

impl Daemon {
    /// Connects to the socket at its default path. A set-id program ignores
    /// [`DAEMON_VARIABLE`], because its environment is that of its caller.
    ///
    /// # Errors
    ///
    /// As [`Self::connect_to`].
    pub fn connect() -> Result<Self> {
        Self::connect_to(&default_path())
    }

    /// Connects to the socket that has this path, for requests that belong to the procfs
    /// mount with this root directory. The mount must be in the caller's mount namespace
    /// and of the daemon's pid namespace.
    ///
    /// # Errors
    ///
    /// [`Error::ProcMount`] if the daemon does not support it, otherwise as
    /// [`Self::connect_to`].
    pub fn connect_at(path: &Path, root: OwnedFd) -> Result<Self> {
        Self::connect_within(path, TIMEOUT, ProcMount::Selected(root))
    }

    /// As [`Self::connect_at`], to the socket at its default path.
    pub(crate) fn connect_to_mount(root: OwnedFd) -> Result<Self> {
        Self::connect_at(&default_path(), root)
    }

    /// Connects with a short timeout, to the mount if there is one.
    pub(crate) fn connect_quickly(root: Option<OwnedFd>) -> Result<Self> {
        let mount = root.map_or(ProcMount::Own(None), ProcMount::Selected);
        Self::connect_within(&default_path(), SHORT_TIMEOUT, mount)
    }

    /// Connects to the socket that has this path.
    ///
    /// # Errors
    ///
    /// [`Error::NoDaemon`] if no daemon listens there; [`Error::Daemon`] with the reason if
    /// the daemon does not serve this client; otherwise [`Error::Io`], also if the daemon
    /// runs neither as root nor as the caller, so that its replies cannot be trusted, and
    /// if it does not reply within 30 seconds.
    pub fn connect_to(path: &Path) -> Result<Self> {
        Self::connect_within(path, TIMEOUT, ProcMount::Own(None))
    }

    /// Connects again, for requests that belong to the same mount.
    #[cfg(feature = "tokio")]
    pub(crate) fn connect_with(path: &Path, mount: ProcMount) -> Result<Self> {
        Self::connect_within(path, TIMEOUT, mount)
    }

    /// Opens a socket of the type that clients and daemon use, neither connected nor
    /// listening.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn socket() -> Result<OwnedFd> {
        socket(
            AddressFamily::Unix,
            SockType::SeqPacket,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .map_err(io("cannot open a socket"))
    }

    fn connect_within(path: &Path, timeout: i64, mut mount: ProcMount) -> Result<Self> {
        Ok(Self {
            fd: connect_socket(path, timeout, &mut mount)?,
            path: path.into(),
            mount,
            opener: Opener::current(),
        })
    }

    fn try_send(&self, request: &[u8]) -> Result<(), Errno> {
        send_datagram(&self.fd, request)
    }

    /// Returns the descriptor and the path of the socket, and the procfs mount.
    #[cfg(feature = "tokio")]
    pub(crate) fn into_parts(self) -> (OwnedFd, PathBuf, ProcMount) {
        (self.fd, self.path, self.mount)
    }
}

impl Transport for Daemon {
    fn framing(&self) -> Framing {
        Framing::Plain
    }

    /// The reply has the port number of the request, which is 0.
    fn port(&self) -> u32 {
        0
    }

    /// Rows may be from the table of the daemon.
    fn forwards(&self) -> bool {
        true
    }

    fn proc_mount(&self) -> Option<BorrowedFd<'_>> {
        self.mount.root()
    }

    fn visibility(&self, options: Options) -> Visibility {
        self.mount.visibility(options)
    }

    fn has_other_opener(&self) -> bool {
        self.opener.has_changed()
    }

    /// Sends the request. Reconnects if the daemon was restarted since the last request.
    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()> {
        if let Scope::Process(pid) = scope {
            let asked = "the daemon";
            return Err(Error::ScopeNeedsNetlink { pid, asked });
        }
        match self.try_send(request) {
            Err(errno) if is_disconnected(errno) => {
                debug!("reconnecting: the daemon has closed the connection");
                self.reset(&mut [])?;
                self.try_send(request)
            }
            sent => sent,
        }
        .map_err(io("cannot send the request"))
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        receive_datagram(&self.fd, buffer)
    }

    /// Reconnects: closing the connection drops the reply.
    fn reset(&mut self, _buffer: &mut [u8]) -> Result<()> {
        // Keeps the mount: the next request may already contain the number of its
        // descriptor.
        self.fd = connect_socket(&self.path, TIMEOUT, &mut self.mount)?;
        self.opener = Opener::current();
        Ok(())
    }
}

/// Connects to the socket that has this path, and checks that the daemon serves this
/// client and can use the mount.
fn connect_socket(path: &Path, timeout: i64, mount: &mut ProcMount) -> Result<OwnedFd> {
    let fd = Daemon::socket()?;
    set_timeout(&fd, timeout)?;
    let connected = UnixAddr::new(path).and_then(|path| connect(fd.as_raw_fd(), &path));
    connected.map_err(|errno| match errno {
        // Also if the path is invalid, so that no daemon can listen at it.
        Errno::ENOENT
        | Errno::ECONNREFUSED
        | Errno::ENAMETOOLONG
        | Errno::ENOTDIR
        | Errno::EINVAL => Error::NoDaemon { path: path.into() },
        // Too many connections wait to be accepted.
        Errno::EAGAIN => io("the daemon does not reply")(Errno::ETIMEDOUT),
        errno => io("cannot connect to the daemon")(errno),
    })?;
    let daemon = getsockopt(&fd, PeerCredentials)
        .map_err(io("cannot read the credentials of the daemon"))?;
    if !is_trusted(daemon.uid(), geteuid().as_raw()) {
        return Err(io("the daemon runs as another user")(Errno::EACCES));
    }
    let follows = query_options(&fd, None)?.contains(Options::PROC_FD);
    mount.choose(follows)?;
    if let Some(root) = mount.root() {
        query_options(&fd, Some(root))?;
    }
    set_timeout(&fd, 0)?;
    Ok(fd)
}

/// Queries the options of the daemon, for requests that belong to the mount with this root.
fn query_options(fd: &OwnedFd, root: Option<BorrowedFd<'_>>) -> Result<Options> {
    let mut message = TaskDiagMessage::features();
    let root = root.and_then(|root| u32::try_from(root.as_raw_fd()).ok());
    message.attributes.extend(root.map(TaskDiagAttr::ProcFd));
    let request = encode(message, Framing::Plain, 0, NLM_F_REQUEST)?;
    send_datagram(fd, &request).map_err(io("cannot send the request"))?;
    let mut reply = [0; FEATURES];
    let len = receive_datagram(fd, &mut reply).map_err(|error| match error {
        Error::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock => {
            io("the daemon does not reply")(Errno::ETIMEDOUT)
        }
        error => error,
    })?;
    match Reassembly::new(Framing::Plain, 0, 0).features(&reply[..len]) {
        Ok(Some(features)) => Ok(Features::from(features).options),
        Ok(None) => Ok(Options::empty()),
        Err(Error::Kernel(error)) => Err(Error::Daemon(error)),
        Err(error) => Err(error),
    }
}

/// Sends a request on the socket of the daemon.
pub(crate) fn send_datagram(fd: &OwnedFd, request: &[u8]) -> Result<(), Errno> {
    send(fd.as_raw_fd(), request, MsgFlags::MSG_NOSIGNAL).map(drop)
}

/// Whether this errno of a send means that the daemon has closed the connection.
pub(crate) const fn is_disconnected(errno: Errno) -> bool {
    matches!(errno, Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN)
}

/// Receives one datagram from the socket of the daemon and returns its length.
pub(crate) fn receive_datagram(fd: &OwnedFd, buffer: &mut [u8]) -> Result<usize> {
    let message = loop {
        // With MSG_TRUNC the kernel returns the length of the whole datagram.
        match recv(fd.as_raw_fd(), buffer, MsgFlags::MSG_TRUNC) {
            Err(Errno::EINTR) => {}
            received => break received.map_err(io("cannot receive the reply"))?,
        }
    };
    match message {
        0 => Err(io("the daemon has closed the connection")(
            Errno::ECONNRESET,
        )),
        message if message > buffer.len() => Err(Error::Truncated {
            message,
            buffer: buffer.len(),
        }),
        message => Ok(message),
    }
}

fn default_path() -> PathBuf {
    let is_set_id = getuid() != geteuid() || getgid() != getegid();
    let path = std::env::var_os(DAEMON_VARIABLE).filter(|_| !is_set_id);
    path.unwrap_or_else(|| DAEMON_SOCKET.into()).into()
}

/// Sets the timeout of the socket in seconds; 0 is none.
fn set_timeout(socket: &OwnedFd, seconds: i64) -> Result<()> {
    let timeout = TimeVal::seconds(seconds);
    setsockopt(socket, SendTimeout, &timeout)
        .and_then(|()| setsockopt(socket, ReceiveTimeout, &timeout))
        .map_err(io("cannot set the timeout of the socket"))
}

/// Whether the caller can trust a daemon that runs as this user. All users without a
/// mapping have the same id, so that equal overflow ids are not the same user.
const fn is_trusted(daemon: u32, caller: u32) -> bool {
    daemon == 0 || (daemon == caller && daemon != OVERFLOW_ID)
}

fn io(context: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::Io {
        context,
        source: io::Error::from(errno),
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{Backlog, bind, listen};

    use super::*;

    /// Returns a socket with a backlog of one that accepts no connection, its path, and its
    /// directory.
    fn listener() -> (tempfile::TempDir, PathBuf, OwnedFd) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let fd = Daemon::socket().unwrap();
        bind(fd.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        listen(&fd, Backlog::new(0).unwrap()).unwrap();
        (dir, path, fd)
    }

    fn assert_timeout(path: &Path) {
        let error = Daemon::connect_within(path, 1, ProcMount::Own(None))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("the daemon does not reply"), "{error}");
    }

    #[test]
    fn daemon_that_does_not_reply_is_a_timeout() {
        let (_dir, path, _listener) = listener();
        assert_timeout(&path);
    }

    #[test]
    fn daemon_that_does_not_accept_is_a_timeout() {
        let (_dir, path, _listener) = listener();
        let waiting = Daemon::socket().unwrap();
        connect(waiting.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        assert_timeout(&path);
    }

    #[test]
    fn overflow_id_is_not_trusted() {
        assert!(is_trusted(0, 1000) && is_trusted(1000, 1000) && is_trusted(0, OVERFLOW_ID));
        assert!(!is_trusted(1000, 0) && !is_trusted(OVERFLOW_ID, OVERFLOW_ID));
    }

    #[test]
    fn path_without_a_daemon_is_in_the_error() {
        let long = format!("/{}", "x".repeat(120));
        for path in ["/nonexistent/sock", "/dev", "/dev/null/sock", "", &long] {
            let error = Daemon::connect_to(Path::new(path)).unwrap_err();
            assert!(matches!(error, Error::NoDaemon { .. }), "{path}: {error}");
            let expected = format!("cannot connect to taskdiagd: no daemon listens on {path}");
            assert_eq!(error.to_string(), expected);
        }
    }
}
