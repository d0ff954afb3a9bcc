// SPDX-License-Identifier: MIT
//! Transports of netlink messages: the contract between
//! [`NetlinkSource`](crate::NetlinkSource) and the netlink socket, the transaction file,
//! or the socket of the daemon. Tests implement it with recorded messages.
//!
//! Must not depend on tasks.

#[cfg(feature = "daemon")]
pub(crate) mod daemon;

use std::fmt;

#[cfg(feature = "daemon")]
pub use daemon::{DAEMON_SOCKET, DAEMON_VARIABLE, Daemon};

use crate::abi;
use crate::error::Result;
use crate::request::Scope;

/// The framing of messages: the place of the command, and of the attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// The framing of `/proc/task-diag`: the message type is the command, and the payload
    /// consists of the attributes.
    #[default]
    Plain,
    /// The framing of generic netlink: its header, which contains the command, precedes the
    /// attributes.
    Genl {
        /// The family id: the message type of requests and replies.
        family: u16,
    },
}

impl Framing {
    /// Length of the generic netlink header: the command, the version, and two bytes
    /// that are 0.
    const GENL_HEADER: usize = 4;

    /// Returns the type of messages with this command.
    pub(crate) const fn kind(self, cmd: u8) -> u16 {
        match self {
            Self::Plain => abi::task_diag_nlmsg(cmd),
            Self::Genl { family } => family,
        }
    }

    /// Whether messages of this type have attributes of the family.
    #[must_use]
    pub const fn is_kind(self, kind: u16) -> bool {
        match self {
            Self::Plain => {
                kind == abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_GET)
                    || kind == abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_FEATURES)
            }
            Self::Genl { family } => kind == family,
        }
    }

    /// Returns the number of bytes of a message's payload before its attributes.
    pub(crate) const fn inner_header(self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Genl { .. } => Self::GENL_HEADER,
        }
    }
}

impl From<u16> for Framing {
    /// Returns the framing of the family with this id.
    fn from(family: u16) -> Self {
        Self::Genl { family }
    }
}

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
