// SPDX-License-Identifier: MIT
//! The daemon's socket: a request is a datagram, its answer is several.
//!
//! Must not depend on tasks.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
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
use crate::netlink::{TaskDiagMessage, encode};
use crate::reassembly::Reassembly;
use crate::request::Scope;
use crate::transport::{Framing, Transport};

/// Where the daemon's socket is, unless the variable [`DAEMON_VARIABLE`] says
/// otherwise.
pub const DAEMON_SOCKET: &str = "/run/taskdiag.sock";

/// The environment variable that says where the daemon's socket is.
pub const DAEMON_VARIABLE: &str = "TASKDIAG_SOCKET";

/// How many seconds a daemon has to let one in, and to say first what it can
/// tell. An answer may take as long as it takes.
const PATIENCE: i64 = 30;

/// And how many where there is another way.
const IMPATIENCE: i64 = 2;

/// Who an id is that has no mapping in the caller's user namespace.
const OVERFLOW_ID: u32 = 65534;

/// Room for what the daemon says first.
const GREETING: usize = 1024;

/// A connection to `taskdiagd`, which answers in the kernel's place.
///
/// Messages are those of the transaction file. A row that the daemon keeps and
/// has not read anew says so: [`crate::TaskRef::is_kept`].
#[derive(Debug)]
pub struct Daemon {
    fd: OwnedFd,
    path: PathBuf,
}

impl Daemon {
    /// Connects to the socket in its usual place. In a set-id program the
    /// environment is its caller's, and [`DAEMON_VARIABLE`] does not count.
    ///
    /// # Errors
    ///
    /// As [`Self::connect_to`].
    pub fn connect() -> Result<Self> {
        Self::connect_to(&usual_place())
    }

    /// As [`Self::connect`], for those who can do without.
    pub(crate) fn connect_quickly() -> Result<Self> {
        Self::connect_within(&usual_place(), IMPATIENCE)
    }

    /// Connects to the socket that has this path.
    ///
    /// # Errors
    ///
    /// [`Error::NoDaemon`] if nobody listens there, [`Error::Kernel`] if the
    /// daemon serves others only, with its reason, else [`Error::Io`]: also
    /// where it is a daemon neither of root nor of the caller, who is not to
    /// be believed, and where it does not answer within half a minute.
    pub fn connect_to(path: &Path) -> Result<Self> {
        Self::connect_within(path, PATIENCE)
    }

    /// A socket of the kind that clients and daemon talk through, not connected
    /// yet: for those who listen, too.
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

    fn connect_within(path: &Path, patience: i64) -> Result<Self> {
        let fd = Self::socket()?;
        limit(&fd, patience)?;
        let connected = UnixAddr::new(path).and_then(|it| connect(fd.as_raw_fd(), &it));
        connected.map_err(|errno| match errno {
            // Also where none can: the path is too long, or none at all.
            Errno::ENOENT
            | Errno::ECONNREFUSED
            | Errno::ENAMETOOLONG
            | Errno::ENOTDIR
            | Errno::EINVAL => Error::NoDaemon { path: path.into() },
            // There are too many who wait to be let in.
            Errno::EAGAIN => io("the daemon does not answer")(Errno::ETIMEDOUT),
            errno => io("cannot connect to the daemon")(errno),
        })?;
        let daemon = getsockopt(&fd, PeerCredentials).map_err(io("cannot tell whose daemon"))?;
        if !is_believed(daemon.uid(), geteuid().as_raw()) {
            return Err(io("the daemon is of another user")(Errno::EACCES));
        }
        let mut connected = Self {
            fd,
            path: path.into(),
        };
        connected.greet()?;
        limit(&connected.fd, 0)?;
        Ok(connected)
    }

    /// Asks what can be told, to find out whether anything is: else another
    /// transport is the better one.
    fn greet(&mut self) -> Result<()> {
        let framing = self.framing();
        let question = encode(TaskDiagMessage::features(), framing, 0, NLM_F_REQUEST);
        self.try_send(&question)
            .map_err(io("cannot send the request"))?;
        let mut answer = [0; GREETING];
        let len = self.receive(&mut answer).map_err(|error| match error {
            Error::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock => {
                io("the daemon does not answer")(Errno::ETIMEDOUT)
            }
            error => error,
        })?;
        let mut reassembly = Reassembly::new(framing, 0, self.port());
        reassembly.features(&answer[..len]).map(drop)
    }

    fn try_send(&self, request: &[u8]) -> Result<(), Errno> {
        send_datagram(&self.fd, request)
    }

    /// Returns the descriptor and the path of the socket.
    #[cfg(feature = "tokio")]
    pub(crate) fn into_parts(self) -> (OwnedFd, PathBuf) {
        (self.fd, self.path)
    }
}

impl Transport for Daemon {
    fn framing(&self) -> Framing {
        Framing::Plain
    }

    /// The answer repeats what the request says, which is none.
    fn port(&self) -> u32 {
        0
    }

    /// Rows may be the daemon's own.
    fn forwards(&self) -> bool {
        true
    }

    /// Sends the request; once more, if the daemon has been started anew
    /// since the last.
    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()> {
        if let Scope::Process(pid) = scope {
            let asked = "the daemon";
            return Err(Error::ScopeNeedsNetlink { pid, asked });
        }
        match self.try_send(request) {
            Err(errno) if has_hung_up(errno) => {
                debug!("the daemon has hung up: connecting anew");
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

    /// Connects once more: hanging up is how an answer is dropped.
    fn reset(&mut self, _buffer: &mut [u8]) -> Result<()> {
        *self = Self::connect_to(&self.path)?;
        Ok(())
    }
}

/// Sends a request on the socket of the daemon.
pub(crate) fn send_datagram(fd: &OwnedFd, request: &[u8]) -> Result<(), Errno> {
    send(fd.as_raw_fd(), request, MsgFlags::MSG_NOSIGNAL).map(drop)
}

/// Whether this errno of a send means that the daemon has closed the connection.
pub(crate) const fn has_hung_up(errno: Errno) -> bool {
    matches!(errno, Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN)
}

/// Receives one datagram from the socket of the daemon and returns its length.
pub(crate) fn receive_datagram(fd: &OwnedFd, buffer: &mut [u8]) -> Result<usize> {
    let message = loop {
        // With MSG_TRUNC the kernel returns the length of the whole datagram.
        match recv(fd.as_raw_fd(), buffer, MsgFlags::MSG_TRUNC) {
            Err(Errno::EINTR) => {}
            received => break received.map_err(io("cannot receive the answer"))?,
        }
    };
    match message {
        0 => Err(io("the daemon has hung up")(Errno::ECONNRESET)),
        message if message > buffer.len() => Err(Error::Truncated {
            message,
            buffer: buffer.len(),
        }),
        message => Ok(message),
    }
}

fn usual_place() -> PathBuf {
    let own = getuid() == geteuid() && getgid() == getegid();
    let chosen = std::env::var_os(DAEMON_VARIABLE).filter(|_| own);
    chosen.unwrap_or_else(|| DAEMON_SOCKET.into()).into()
}

/// Lets nothing on the socket take longer than so many seconds; 0 is for ever.
fn limit(socket: &OwnedFd, seconds: i64) -> Result<()> {
    let limit = TimeVal::seconds(seconds);
    setsockopt(socket, SendTimeout, &limit)
        .and_then(|()| setsockopt(socket, ReceiveTimeout, &limit))
        .map_err(io("cannot limit the daemon's time"))
}

/// Whether a daemon of this user tells the truth to that one. Two who have no
/// mapping have the same id, and need not be the same.
const fn is_believed(daemon: u32, caller: u32) -> bool {
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

    /// A socket that nobody is let in at, with room for one who waits, and its
    /// folder.
    fn listener() -> (tempfile::TempDir, PathBuf, OwnedFd) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let fd = Daemon::socket().unwrap();
        bind(fd.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        listen(&fd, Backlog::new(0).unwrap()).unwrap();
        (folder, path, fd)
    }

    fn does_not_answer(path: &Path) {
        let said = Daemon::connect_within(path, 1).unwrap_err().to_string();
        assert!(said.starts_with("the daemon does not answer"), "{said}");
    }

    #[test]
    fn a_daemon_that_says_nothing_is_not_waited_for() {
        let (_folder, path, _listener) = listener();
        does_not_answer(&path);
    }

    #[test]
    fn a_daemon_that_lets_nobody_in_is_not_waited_for() {
        let (_folder, path, _listener) = listener();
        let waiting = Daemon::socket().unwrap();
        connect(waiting.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        does_not_answer(&path);
    }

    #[test]
    fn who_has_no_mapping_is_nobodys_own() {
        assert!(is_believed(0, 1000) && is_believed(1000, 1000) && is_believed(0, OVERFLOW_ID));
        assert!(!is_believed(1000, 0) && !is_believed(OVERFLOW_ID, OVERFLOW_ID));
    }

    #[test]
    fn without_a_daemon_it_says_where_it_looked() {
        let long = format!("/{}", "x".repeat(120));
        for path in ["/nonexistent/sock", "/dev", "/dev/null/sock", "", &long] {
            let error = Daemon::connect_to(Path::new(path)).unwrap_err();
            assert!(matches!(error, Error::NoDaemon { .. }), "{path}: {error}");
            let said = format!("no taskdiagd listens at {path}");
            assert_eq!(error.to_string(), said);
        }
    }
}
