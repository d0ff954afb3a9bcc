// SPDX-License-Identifier: MIT
//! A client's requests, one after another.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use log::debug;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, UnixAddr, UnixCredentials, recv, recvmsg, send, setsockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use taskdiag::Scope;
use taskdiag::relay::{Relay, failure, refusal};

use crate::peer::{Home, Peer};
use crate::source::Source;

/// The longest request, in bytes, as of `/proc/task-diag`.
const REQUEST_MAX: usize = 128 * 1024;

/// What sessions have in common.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) source: Source,
    pub(crate) home: Home,
}

/// A connection and who is at its other end.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) socket: OwnedFd,
    pub(crate) peer: Peer,
    pub(crate) house: Arc<House>,
}

/// A request, and which process sent it.
struct Received {
    request: Vec<u8>,
    /// How long it was: the end of one that is too long is gone.
    len: usize,
    sender: UnixCredentials,
}

impl Session {
    /// Answers until the client hangs up, or is to be hung up on.
    pub(crate) fn run(&self) {
        let end = loop {
            let served = self.receive().and_then(|received| match received {
                Some(received) => self.answer(&received).map(|()| true),
                None => Ok(false),
            });
            match served {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(errno) => break Err(errno),
            }
        };
        match end {
            Ok(()) | Err(Errno::EPIPE | Errno::ECONNRESET) => {}
            Err(Errno::EAGAIN) => debug!("{}: neither asks nor reads", self.peer),
            Err(errno) => debug!("{}: {errno}", self.peer),
        }
    }

    /// Waits for the next request, for as long as the socket says; `None` if
    /// there is none to come. Nothing is held for a client that does not ask.
    fn receive(&self) -> Result<Option<Received>, Errno> {
        let fd = self.socket.as_raw_fd();
        let peek = MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC;
        let len = again(|| recv(fd, &mut [], peek))?;
        if len == 0 {
            return Ok(None);
        }
        let mut request = vec![0; len.min(REQUEST_MAX)];
        // There is no room for descriptors: they are closed before they are here.
        let mut space = cmsg_space!(UnixCredentials);
        let mut iov = [IoSliceMut::new(&mut request)];
        // It is there, so this does not wait.
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<UnixAddr>(fd, &mut iov, Some(&mut space), flags)?;
        let mut sender = None;
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmCredentials(credentials) = control {
                sender = Some(credentials);
            }
        }
        let sender = sender.ok_or(Errno::EPROTO)?;
        Ok(Some(Received {
            request,
            len,
            sender,
        }))
    }

    fn answer(&self, received: &Received) -> Result<(), Errno> {
        let Received {
            request,
            len,
            sender,
        } = received;
        if *len > REQUEST_MAX {
            let text = format!("{len} bytes, and no request has more than {REQUEST_MAX}");
            return self.send(&refusal(request, libc::EMSGSIZE, &text));
        }
        let rights = match self.peer.rights(*sender, &self.house.home) {
            Ok(rights) => rights,
            Err(denial) => {
                return self.send(&refusal(request, libc::EPERM, &denial.to_string()));
            }
        };
        self.wait_for_ever()?;
        let opened = match self.house.source.open_for(rights) {
            Ok(opened) => opened,
            Err(error) => {
                return self.send(&refusal(request, libc::EIO, &error.to_string()));
            }
        };
        let mut relay = Relay::new(opened);
        let mut next = relay.ask(request, Scope::Own);
        loop {
            match next.and_then(|()| relay.receive()) {
                Ok(Some(datagram)) => self.send(datagram)?,
                Ok(None) => return Ok(()),
                Err(error) => return self.send(&failure(request, &error)),
            }
            next = Ok(());
        }
    }

    /// Who may ask may take its time to ask again.
    fn wait_for_ever(&self) -> Result<(), Errno> {
        setsockopt(&self.socket, ReceiveTimeout, &TimeVal::zero())
    }

    /// Sends a datagram, and waits for room for as long as the socket says.
    fn send(&self, datagram: &[u8]) -> Result<(), Errno> {
        let fd = self.socket.as_raw_fd();
        again(|| send(fd, datagram, MsgFlags::MSG_NOSIGNAL)).map(drop)
    }
}

/// Calls once more what a signal has interrupted.
fn again<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}
