// SPDX-License-Identifier: MIT
//! From a socket to a listener: opens, asks, and finds out what it got.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use neli::consts::connector::CnMsgIdx;
use neli::consts::socket::NlFamily;
use neli::socket::NlSocket;
use neli::utils::Groups;
use nix::libc;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce};
use nix::sys::socket::{getsockopt, setsockopt};

use super::absence;
use super::message::{Order, What, decode, encode};
use super::{DATAGRAM, FilteredBy, Received, receive};
use crate::datagram;
use crate::error::{Error, KernelError, NoEvents, Result};
use crate::events::Events;
use crate::request::Scope;
use crate::sys;

/// How often an order is given whose acknowledgement was lost in an overflow.
const ATTEMPTS: u32 = 8;

/// Opens a socket and joins those who are told of processes.
pub(super) fn open() -> Result<OwnedFd> {
    let socket = NlSocket::new(NlFamily::Connector)
        .map_err(|error| explain("cannot open a connector socket", error))?;
    socket
        .nonblock()
        .and_then(|()| socket.bind(None, Groups::new_groups(&[CnMsgIdx::Proc.into()])))
        .map_err(|error| explain("cannot join the listeners to processes", error))?;
    Ok(sys::take_over(socket))
}

/// Makes the receive buffer that large, or as large as the kernel allows, and
/// tells what it came to.
pub(super) fn resize(fd: &OwnedFd, bytes: usize) -> Result<usize> {
    setsockopt(fd, RcvBufForce, &bytes)
        .or_else(|_| setsockopt(fd, RcvBuf, &bytes))
        .and_then(|()| getsockopt(fd, RcvBuf))
        .map_err(|errno| explain("cannot set the size of the receive buffer", errno.into()))
}

/// Gives the order to tell of events, and says who filters them.
///
/// A kernel with a filter acknowledges the order to tell of everything, given
/// in the form that has room for a choice. It does not acknowledge a choice:
/// the acknowledgement is no event that was chosen.
pub(super) fn subscribe(
    fd: &OwnedFd,
    wanted: Events,
    filtered_by: FilteredBy,
    capacity: usize,
) -> Result<FilteredBy> {
    if give(fd, Order::ListenTo(Events::all()), capacity)? {
        // An empty choice would mean all of them.
        if filtered_by == FilteredBy::Client || wanted.is_empty() {
            return Ok(FilteredBy::Client);
        }
        if !wanted.is_all() {
            send(fd, Order::ListenTo(wanted), port(fd)?)?;
        }
        Ok(FilteredBy::Kernel)
    } else if give(fd, Order::Listen, capacity)? {
        Ok(FilteredBy::Client)
    } else {
        Err(absence::explain_silence().into())
    }
}

/// Tells the kernel that nobody listens here any more.
pub(super) fn unsubscribe(fd: &OwnedFd) -> Result<()> {
    send(fd, Order::Ignore, port(fd)?)
}

/// Gives an order, and tells whether the kernel acknowledged it.
fn give(fd: &OwnedFd, order: Order, capacity: usize) -> Result<bool> {
    let number = port(fd)?;
    for _ in 0..ATTEMPTS {
        send(fd, order, number)?;
        match acknowledgement(fd, number, capacity)? {
            Answer::Done => return Ok(true),
            Answer::None => return Ok(false),
            Answer::Lost => {}
        }
    }
    Err(Error::Overrun)
}

/// What became of an order.
enum Answer {
    Done,
    None,
    Lost,
}

/// Looks for the acknowledgement of an order. The kernel has sent it by the
/// time that the order is sent, if it does: it lies among what is there to be
/// received. What else is there has happened before.
fn acknowledgement(fd: &OwnedFd, number: u32, capacity: usize) -> Result<Answer> {
    let mut none = Answer::None;
    let mut buffer = [0; DATAGRAM];
    for _ in 0..=capacity {
        match receive(fd, &mut buffer)? {
            Received::Nothing => break,
            Received::Overrun => none = Answer::Lost,
            Received::Datagram(bytes) => match decode(bytes).map(|message| message.what) {
                Ok(What::Ack { order, errno: 0 }) if order == number => return Ok(Answer::Done),
                Ok(What::Ack { order, errno }) if order == number => {
                    return Err(KernelError::new(errno as i32).into());
                }
                _ => {}
            },
        }
    }
    Ok(none)
}

fn send(fd: &OwnedFd, order: Order, number: u32) -> Result<()> {
    datagram::send(fd.as_raw_fd(), &encode(order, number), Scope::Own).map_err(
        |error| match error {
            Error::Io { context, source } => explain(context, source),
            error => error,
        },
    )
}

/// The socket's port number, which no other listener has: it tells the
/// acknowledgements of its orders from those of others.
fn port(fd: &OwnedFd) -> Result<u32> {
    datagram::port(fd.as_raw_fd())
}

/// What failed, as what is missing where that can be told.
fn explain(context: &'static str, source: io::Error) -> Error {
    match source.raw_os_error() {
        Some(libc::EPROTONOSUPPORT) => NoEvents::NoConnector.into(),
        Some(libc::EPERM) => NoEvents::NeedsNetAdmin.into(),
        // There is nobody at the kernel's address.
        Some(libc::ECONNREFUSED) => NoEvents::NetNamespace.into(),
        _ => Error::Io { context, source },
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn what_is_in_the_way_is_named() {
        for (errno, words) in [
            (Errno::EPROTONOSUPPORT, "CONFIG_CONNECTOR"),
            (Errno::EPERM, "CAP_NET_ADMIN before Linux 6.6"),
            (Errno::ECONNREFUSED, "initial network namespace"),
            (Errno::EMFILE, "cannot try: "),
        ] {
            let text = explain("cannot try", errno.into()).to_string();
            assert!(text.contains(words), "{text}");
        }
    }
}
