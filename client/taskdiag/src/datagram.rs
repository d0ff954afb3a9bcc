// SPDX-License-Identifier: MIT
//! Datagrams over netlink sockets: the I/O that the socket of the family and the
//! proc connector share.
//!
//! Must not depend on messages.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::RawFd;

use log::warn;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, MsgFlags, NetlinkAddr, UnixCredentials, getsockname, recvmsg, sendmsg,
};
use nix::unistd::{getgid, getuid};

use crate::error::{Error, Result};
use crate::request::Scope;

/// The port number of the kernel.
pub(crate) const KERNEL: u32 = 0;

/// Returns the port number of a socket, which no other socket of its protocol has.
pub(crate) fn port(fd: RawFd) -> Result<u32> {
    getsockname::<NetlinkAddr>(fd)
        .map(|address| address.pid())
        .map_err(io("cannot read the port number of the socket"))
}

/// Sends a message to the kernel. A scope other than the caller's own is sent as
/// the pid of the sender's credentials.
pub(crate) fn send(fd: RawFd, message: &[u8], scope: Scope) -> Result<()> {
    let iov = [IoSlice::new(message)];
    let sent = match scope {
        Scope::Own => sendmsg::<NetlinkAddr>(fd, &iov, &[], MsgFlags::empty(), None)
            .map_err(io("cannot send the request")),
        Scope::Process(pid) => {
            let credentials = UnixCredentials::from(libc::ucred {
                // The kernel refuses a number that is not a pid.
                pid: pid as libc::pid_t,
                uid: getuid().as_raw(),
                gid: getgid().as_raw(),
            });
            let control = [ControlMessage::ScmCredentials(&credentials)];
            sendmsg::<NetlinkAddr>(fd, &iov, &control, MsgFlags::empty(), None).map_err(|errno| {
                match errno {
                    Errno::EAGAIN => io("cannot send the request")(errno),
                    _ => Error::Scope {
                        pid,
                        source: errno.into(),
                    },
                }
            })
        }
    };
    sent.map(drop)
}

/// Receives one datagram from the kernel and returns its length.
pub(crate) fn receive(fd: RawFd, buffer: &mut [u8]) -> Result<usize> {
    let capacity = buffer.len();
    loop {
        let mut iov = [IoSliceMut::new(buffer)];
        // With MSG_TRUNC the kernel returns the length of the whole datagram.
        let (message, sender) =
            match recvmsg::<NetlinkAddr>(fd, &mut iov, None, MsgFlags::MSG_TRUNC) {
                Ok(received) => (received.bytes, received.address),
                Err(Errno::EINTR) => continue,
                Err(Errno::ENOBUFS) => return Err(Error::Overrun),
                Err(errno) => return Err(io("cannot receive the answer")(errno)),
            };
        if let Some(sender) = sender.filter(|sender| sender.pid() != KERNEL) {
            warn!("dropped a datagram from port {}", sender.pid());
            continue;
        }
        if message > capacity {
            return Err(Error::Truncated {
                message,
                buffer: capacity,
            });
        }
        return Ok(message);
    }
}

/// Returns a function that adds the context to an errno.
pub(crate) fn io(context: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::Io {
        context,
        source: io::Error::from(errno),
    }
}
