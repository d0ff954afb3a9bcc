// SPDX-License-Identifier: MIT
//! Transports of netlink messages: the contract between
//! [`NetlinkSource`](crate::NetlinkSource) and the netlink socket, the transaction file,
//! or the socket of the daemon. Tests implement it with recorded messages.
//!
//! Must not depend on tasks.

#[cfg(feature = "daemon")]
pub(crate) mod daemon;

use std::fmt;
use std::os::fd::BorrowedFd;

#[cfg(feature = "daemon")]
pub use daemon::{DAEMON_SOCKET, DAEMON_VARIABLE, Daemon};

use crate::error::Result;
use crate::netlink::Framing;
use crate::request::{Options, Scope};
use crate::visibility::Visibility;

/// Sends requests and receives replies, as netlink messages.
pub trait Transport: fmt::Debug {
    /// Returns the framing of requests and replies.
    fn framing(&self) -> Framing;

    /// Returns the port number that replies are addressed to.
    fn port(&self) -> u32;

    /// Whether a program between the kernel and the client may add flags to rows: see
    /// [`crate::daemon_protocol`].
    fn forwards(&self) -> bool {
        false
    }

    /// Returns the root directory of the procfs mount that requests name as the one
    /// they belong to; `None` if they name none.
    fn proc_mount(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Returns the visibility, if the options are supported: see
    /// [`Features::options`](crate::Features::options).
    fn visibility(&self, _options: Options) -> Visibility {
        Visibility::Unknown
    }

    /// Whether the caller has changed its credentials since the transport was opened.
    ///
    /// The kernel reports only tasks that the opener may see as well, and refuses requests
    /// that name a procfs mount if the opener has other credentials.
    /// [`NetlinkSource`](crate::NetlinkSource) resets the transport then.
    fn has_other_opener(&self) -> bool {
        false
    }

    /// Sends a request, for the pid namespace of the scope.
    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()>;

    /// Receives one datagram, and returns its length. A datagram that does not fit the
    /// buffer is an error, and so is the loss of an earlier one.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Drops the rest of a reply: none of it may be received later. The transport may
    /// receive into the buffer.
    fn reset(&mut self, buffer: &mut [u8]) -> Result<()>;
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn framing(&self) -> Framing {
        (**self).framing()
    }

    fn port(&self) -> u32 {
        (**self).port()
    }

    fn forwards(&self) -> bool {
        (**self).forwards()
    }

    fn proc_mount(&self) -> Option<BorrowedFd<'_>> {
        (**self).proc_mount()
    }

    fn visibility(&self, options: Options) -> Visibility {
        (**self).visibility(options)
    }

    fn has_other_opener(&self) -> bool {
        (**self).has_other_opener()
    }

    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()> {
        (**self).send(request, scope)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        (**self).receive(buffer)
    }

    fn reset(&mut self, buffer: &mut [u8]) -> Result<()> {
        (**self).reset(buffer)
    }
}

/// Copies a datagram to the receive buffer of the client.
#[cfg(feature = "netlink")]
pub(crate) fn copy_datagram(datagram: &[u8], buffer: &mut [u8]) -> Result<usize> {
    let len = datagram.len();
    let capacity = buffer.len();
    let target = buffer.get_mut(..len).ok_or(crate::Error::Truncated {
        message: len,
        buffer: capacity,
    })?;
    target.copy_from_slice(datagram);
    Ok(len)
}
