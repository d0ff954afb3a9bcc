// SPDX-License-Identifier: MIT
//! The requests of a client, one after another.

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
use taskdiag::Options;

use crate::local::Failure;
use crate::message::{Fault, Refusal, refusal};
use crate::mount::ClientMount;
use crate::peer::{Home, Peer};
use crate::request::RequestMessage;
use crate::source::Source;

/// The maximum length of a request in bytes: that of `/proc/task-diag`.
const REQUEST_MAX: usize = 128 * 1024;

/// The state that all sessions share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) source: Source,
    pub(crate) home: Home,
}

/// A connection and its client.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) socket: OwnedFd,
    pub(crate) peer: Peer,
    pub(crate) shared: Arc<Shared>,
    /// The procfs mount of the last request.
    pub(crate) mount: Option<ClientMount>,
}

/// A request and the credentials of its sender.
struct Received {
    request: Vec<u8>,
    /// The length of the datagram, which exceeds that of `request` if it was truncated.
    len: usize,
    sender: UnixCredentials,
}

impl Session {
    /// Replies until the client disconnects, or a timeout expires.
    pub(crate) fn run(&mut self) {
        let end = loop {
            let served = self.receive().and_then(|received| match received {
                Some(received) => self.reply(&received).map(|()| true),
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
            Err(Errno::EAGAIN) => debug!("{}: timeout", self.peer),
            Err(errno) => debug!("{}: {errno}", self.peer),
        }
    }

    /// Waits for the next request, until the timeout of the socket expires; `None` if
    /// the client has disconnected. No buffer is allocated while it waits.
    fn receive(&self) -> Result<Option<Received>, Errno> {
        let fd = self.socket.as_raw_fd();
        let peek = MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC;
        let len = retry(|| recv(fd, &mut [], peek))?;
        if len == 0 {
            return Ok(None);
        }
        let mut request = vec![0; len.min(REQUEST_MAX)];
        // The buffer cannot hold descriptors, so the kernel closes them.
        let mut space = cmsg_space!(UnixCredentials);
        let mut iov = [IoSliceMut::new(&mut request)];
        // The datagram has arrived, so this call does not wait.
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

    fn reply(&mut self, received: &Received) -> Result<(), Errno> {
        let Received {
            request,
            len,
            sender,
        } = received;
        if *len > REQUEST_MAX {
            let text =
                format!("the request has {len} bytes, but at most {REQUEST_MAX} are accepted");
            return self.refuse(request, libc::EMSGSIZE, text);
        }
        let message = RequestMessage::parse(request);
        // Before the credentials are read: a set-id program that the client executes
        // meanwhile may hold other mounts.
        let held = message.as_ref().ok().and_then(|message| {
            let (number, fault) = message.proc_fd().ok().flatten()?;
            Some((self.peer.open_held(number), fault))
        });
        let rights = match self.peer.rights(*sender, &self.shared.home) {
            Ok(rights) => rights,
            Err(denial) => return self.refuse(request, libc::EPERM, denial.to_string()),
        };
        self.clear_receive_timeout()?;
        let sent = message.map_err(Failure::from).and_then(|message| {
            message.proc_fd()?;
            let last = self.mount.take();
            if let Some((held, fault)) = held {
                self.mount = Some(self.check_mount(held, fault, last)?);
            }
            let source = &self.shared.source;
            let send = &mut |datagram: &[u8]| self.send(datagram);
            source.reply(&rights, self.mount.as_ref(), &message, send)
        });
        match sent {
            Ok(()) => Ok(()),
            Err(Failure::Send(errno)) => Err(errno),
            Err(Failure::Refusal(reason)) => self.send(&refusal(request, &reason)),
        }
    }

    /// Checks the procfs mount that a request names by a descriptor.
    fn check_mount(
        &self,
        held: nix::Result<OwnedFd>,
        fault: Fault,
        last: Option<ClientMount>,
    ) -> Result<ClientMount, Refusal> {
        if !self.shared.source.options().contains(Options::PROC_FD) {
            let text = "proc_fd: not supported by a daemon that forwards over netlink";
            return Err(Refusal::new(libc::EOPNOTSUPP, text, fault));
        }
        ClientMount::check(held, &self.peer, last)
            .map_err(|error| Refusal::new(error.errno(), format!("proc_fd: {error}"), fault))
    }

    fn refuse(&self, request: &[u8], errno: i32, text: String) -> Result<(), Errno> {
        let reason = Refusal::new(errno, text, Fault::None);
        self.send(&refusal(request, &reason))
    }

    /// Lets a client that is served wait any time before its next request.
    fn clear_receive_timeout(&self) -> Result<(), Errno> {
        setsockopt(&self.socket, ReceiveTimeout, &TimeVal::zero())
    }

    /// Sends a datagram, and waits for space in the socket until its timeout expires.
    fn send(&self, datagram: &[u8]) -> Result<(), Errno> {
        let fd = self.socket.as_raw_fd();
        retry(|| send(fd, datagram, MsgFlags::MSG_NOSIGNAL)).map(drop)
    }
}

/// Repeats a call that a signal interrupted.
fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}
