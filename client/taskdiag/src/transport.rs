// SPDX-License-Identifier: MIT
//! The contract between a client and what carries its messages.
//!
//! A client knows requests, datagrams and answers; this says what it needs
//! done with them. The netlink socket does it, the transaction file does it,
//! and tests do it with streams of their own.

use std::fmt;

use crate::abi;
use crate::error::Result;
use crate::request::Scope;

/// How messages are put: where the command stands, and where the attributes
/// begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// As of `/proc/task-diag`: the message type says the command, and the
    /// attributes are all there is.
    #[default]
    Plain,
    /// As of generic netlink: its header, which says the command, comes before
    /// the attributes.
    Genl {
        /// The family's number: the message type of requests and answers.
        family: u16,
    },
}

impl Framing {
    /// The length of generic netlink's header: the command, the version, and
    /// two bytes that are 0.
    const GENL_HEADER: usize = 4;

    /// The type of messages with this command.
    pub(crate) const fn kind(self, cmd: u8) -> u16 {
        match self {
            Self::Plain => abi::task_diag_nlmsg(cmd),
            Self::Genl { family } => family,
        }
    }

    /// Whether this is the type of messages that carry attributes.
    pub(crate) const fn is_kind(self, kind: u16) -> bool {
        match self {
            Self::Plain => {
                kind == abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_GET)
                    || kind == abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_FEATURES)
            }
            Self::Genl { family } => kind == family,
        }
    }

    /// How many bytes of a message's payload come before its attributes.
    pub(crate) const fn inner_header(self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Genl { .. } => Self::GENL_HEADER,
        }
    }
}

impl From<u16> for Framing {
    /// That of the family with this number.
    fn from(family: u16) -> Self {
        Self::Genl { family }
    }
}

/// The transport of a [`Client`](crate::Client) without a type parameter.
#[cfg(feature = "netlink")]
pub(crate) type DefaultTransport = crate::socket::Socket;

/// The transport of a [`Client`](crate::Client) without a type parameter.
#[cfg(not(feature = "netlink"))]
pub(crate) type DefaultTransport = Box<dyn Transport>;

/// Carries requests to who answers them, and the answers back.
pub trait Transport: fmt::Debug {
    /// How requests and answers are put.
    fn framing(&self) -> Framing;

    /// The port number that answers are addressed to.
    fn port(&self) -> u32;

    /// Whether a program between the kernel and the client may add flags of its
    /// own to rows: see [`crate::daemon_protocol`].
    fn forwards(&self) -> bool {
        false
    }

    /// Sends a request, as seen from there.
    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()>;

    /// Receives one datagram and tells its length. One that does not fit the
    /// buffer is an error, and so is the loss of any before it.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Makes the transport as new after an answer was left half-read: nothing
    /// of that may be received any more. The buffer is room to receive into.
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
#[cfg(any(feature = "netlink", feature = "procfs"))]
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
