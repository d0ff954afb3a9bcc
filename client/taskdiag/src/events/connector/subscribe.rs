// SPDX-License-Identifier: MIT
//! Opens a connector socket and subscribes to events.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use neli::consts::connector::CnMsgIdx;
use neli::consts::socket::NlFamily;
use neli::socket::NlSocket;
use neli::utils::Groups;
use nix::libc;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce};
use nix::sys::socket::{getsockopt, setsockopt};

use super::diagnose;
use super::message::{Command, Content, decode, encode};
use super::{DATAGRAM, FilteredBy, Received, receive};
use crate::datagram;
use crate::error::{Error, KernelError, NoEvents, Result};
use crate::events::Events;
use crate::request::Scope;
use crate::sys;

/// Attempts for a command whose acknowledgement was lost in an overflow.
const ATTEMPTS: u32 = 8;

/// Opens a socket and joins the group of the process events.
pub(super) fn open() -> Result<OwnedFd> {
    let socket = NlSocket::new(NlFamily::Connector)
        .map_err(|error| explain("cannot open a connector socket", error))?;
    socket
        .nonblock()
        .and_then(|()| socket.bind(None, Groups::new_groups(&[CnMsgIdx::Proc.into()])))
        .map_err(|error| explain("cannot join the multicast group of process events", error))?;
    Ok(sys::take_over(socket))
}

/// Sets the size of the receive buffer, limited by the kernel, and returns the
/// actual size.
pub(super) fn resize(fd: &OwnedFd, bytes: usize) -> Result<usize> {
    setsockopt(fd, RcvBufForce, &bytes)
        .or_else(|_| setsockopt(fd, RcvBuf, &bytes))
        .and_then(|()| getsockopt(fd, RcvBuf))
        .map_err(|errno| explain("cannot set the size of the receive buffer", errno.into()))
}

/// Subscribes to events, and returns which side filters them.
///
/// A kernel with a filter acknowledges a subscription to all events in the form
/// that has a field for the kinds. It does not acknowledge a subscription to
/// some kinds: the acknowledgement is not of one of these.
pub(super) fn subscribe(
    fd: &OwnedFd,
    wanted: Events,
    filtered_by: FilteredBy,
    capacity: usize,
) -> Result<FilteredBy> {
    if command(fd, Command::ListenTo(Events::all()), capacity)? {
        // An empty set would select all events.
        if filtered_by == FilteredBy::Client || wanted.is_empty() {
            return Ok(FilteredBy::Client);
        }
        if !wanted.is_all() {
            send(fd, Command::ListenTo(wanted), port(fd)?)?;
        }
        Ok(FilteredBy::Kernel)
    } else if command(fd, Command::Listen, capacity)? {
        Ok(FilteredBy::Client)
    } else {
        Err(diagnose::unacknowledged().into())
    }
}

/// Unsubscribes.
pub(super) fn unsubscribe(fd: &OwnedFd) -> Result<()> {
    send(fd, Command::Ignore, port(fd)?)
}

/// Sends a command and returns whether the kernel acknowledged it.
fn command(fd: &OwnedFd, command: Command, capacity: usize) -> Result<bool> {
    let number = port(fd)?;
    for _ in 0..ATTEMPTS {
        send(fd, command, number)?;
        match find_acknowledgement(fd, number, capacity)? {
            Outcome::Acknowledged => return Ok(true),
            Outcome::Unacknowledged => return Ok(false),
            Outcome::Lost => {}
        }
    }
    Err(Error::Overrun)
}

/// Outcome of a command.
enum Outcome {
    Acknowledged,
    Unacknowledged,
    Lost,
}

/// Receives the acknowledgement of a command. If the kernel sends one, it is
/// queued when the command has been sent, after older messages.
fn find_acknowledgement(fd: &OwnedFd, number: u32, capacity: usize) -> Result<Outcome> {
    let mut none = Outcome::Unacknowledged;
    let mut buffer = [0; DATAGRAM];
    for _ in 0..=capacity {
        match receive(fd, &mut buffer)? {
            Received::Empty => break,
            Received::Overrun => none = Outcome::Lost,
            Received::Datagram(bytes) => match decode(bytes).map(|message| message.content) {
                Ok(Content::Ack { command, errno: 0 }) if command == number => {
                    return Ok(Outcome::Acknowledged);
                }
                Ok(Content::Ack { command, errno }) if command == number => {
                    return Err(KernelError::new(errno as i32).into());
                }
                _ => {}
            },
        }
    }
    Ok(none)
}

fn send(fd: &OwnedFd, command: Command, number: u32) -> Result<()> {
    datagram::send(fd.as_raw_fd(), &encode(command, number), Scope::Own).map_err(
        |error| match error {
            Error::Io { context, source } => explain(context, source),
            error => error,
        },
    )
}

/// Returns the port id of the socket, which no other listener has: it
/// distinguishes acknowledgements of its own commands from others.
fn port(fd: &OwnedFd) -> Result<u32> {
    datagram::port(fd.as_raw_fd())
}

/// Converts an error of the system into the missing requirement, if it is
/// known.
fn explain(context: &'static str, source: io::Error) -> Error {
    match source.raw_os_error() {
        Some(libc::EPROTONOSUPPORT) => NoEvents::NoConnector.into(),
        Some(libc::EPERM) => NoEvents::NeedsNetAdmin.into(),
        // The kernel does not listen in this network namespace.
        Some(libc::ECONNREFUSED) => NoEvents::NetNamespace.into(),
        _ => Error::Io { context, source },
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn error_names_the_missing_requirement() {
        for (errno, words) in [
            (Errno::EPROTONOSUPPORT, "CONFIG_CONNECTOR"),
            (Errno::EPERM, "CAP_NET_ADMIN is required before Linux 6.6"),
            (Errno::ECONNREFUSED, "initial network namespace"),
            (Errno::EMFILE, "cannot try: "),
        ] {
            let text = explain("cannot try", errno.into()).to_string();
            assert!(text.contains(words), "{text}");
        }
    }
}
