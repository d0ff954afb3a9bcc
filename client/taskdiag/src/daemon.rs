// SPDX-License-Identifier: MIT
//! The daemon's socket: a request is a datagram, its answer is several.
//!
//! Knows nothing of tasks.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use log::debug;
use netlink_packet_core::NLM_F_REQUEST;
use nix::errno::Errno;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, getsockopt, recv, send, socket,
};
use nix::unistd::geteuid;

use crate::codec::{TaskDiagMessage, encode};
use crate::error::{Error, Result};
use crate::reassembly::Reassembly;
use crate::request::Scope;
use crate::transport::{Framing, Transport};

/// Where the daemon's socket is, unless the variable [`DAEMON_VARIABLE`] says
/// otherwise.
pub const DAEMON_SOCKET: &str = "/run/taskdiag.sock";

/// The environment variable that says where the daemon's socket is.
pub const DAEMON_VARIABLE: &str = "TASKDIAG_SOCKET";

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
    /// Connects to the socket in its usual place.
    ///
    /// # Errors
    ///
    /// As [`Self::connect_to`].
    pub fn connect() -> Result<Self> {
        let path = std::env::var_os(DAEMON_VARIABLE).unwrap_or_else(|| DAEMON_SOCKET.into());
        Self::connect_to(Path::new(&path))
    }

    /// Connects to the socket that has this path.
    ///
    /// # Errors
    ///
    /// [`Error::NoDaemon`] if nobody listens there, [`Error::Kernel`] if the
    /// daemon serves others only, with its reason, else [`Error::Io`]: also
    /// where it is a daemon neither of root nor of the caller, who is not to
    /// be believed.
    pub fn connect_to(path: &Path) -> Result<Self> {
        let fd = socket(
            AddressFamily::Unix,
            SockType::SeqPacket,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .map_err(io("cannot open a socket"))?;
        let address = UnixAddr::new(path).map_err(io("cannot address the daemon's socket"))?;
        connect(fd.as_raw_fd(), &address).map_err(|errno| match errno {
            Errno::ENOENT | Errno::ECONNREFUSED => Error::NoDaemon { path: path.into() },
            errno => io("cannot connect to the daemon")(errno),
        })?;
        let daemon = getsockopt(&fd, PeerCredentials).map_err(io("cannot tell whose daemon"))?;
        if ![0, geteuid().as_raw()].contains(&daemon.uid()) {
            return Err(io("the daemon is of another user")(Errno::EACCES));
        }
        let mut connected = Self {
            fd,
            path: path.into(),
        };
        connected.greet()?;
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
        let len = self.receive(&mut answer)?;
        let mut reassembly = Reassembly::new(framing, 0, self.port());
        reassembly.features(&answer[..len]).map(drop)
    }

    fn try_send(&self, request: &[u8]) -> Result<(), Errno> {
        send(self.fd.as_raw_fd(), request, MsgFlags::MSG_NOSIGNAL).map(drop)
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

    /// Sends the request; once more, if the daemon has been started anew
    /// since the last.
    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()> {
        if let Scope::Process(pid) = scope {
            let asked = "the daemon";
            return Err(Error::ScopeNeedsNetlink { pid, asked });
        }
        match self.try_send(request) {
            Err(Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN) => {
                debug!("the daemon has hung up: connecting anew");
                self.reset(&mut [])?;
                self.try_send(request)
            }
            sent => sent,
        }
        .map_err(io("cannot send the request"))
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let message = loop {
            // With MSG_TRUNC the length is that of the datagram, fit or not.
            match recv(self.fd.as_raw_fd(), buffer, MsgFlags::MSG_TRUNC) {
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

    /// Connects once more: hanging up is how an answer is dropped.
    fn reset(&mut self, _buffer: &mut [u8]) -> Result<()> {
        *self = Self::connect_to(&self.path)?;
        Ok(())
    }
}

fn io(context: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::Io {
        context,
        source: io::Error::from(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_daemon_it_says_where_it_looked() {
        let error = Daemon::connect_to(Path::new("/nonexistent/sock")).unwrap_err();
        assert!(matches!(error, Error::NoDaemon { .. }));
        assert_eq!(
            error.to_string(),
            "no taskdiagd listens at /nonexistent/sock"
        );
    }
}
