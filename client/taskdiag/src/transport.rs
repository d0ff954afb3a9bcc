// SPDX-License-Identifier: MIT
//! The contract between a client and what carries its messages.
//!
//! A client knows requests, datagrams and answers; this says what it needs
//! done with them. The netlink socket does it, and tests do it with streams
//! of their own.

use std::fmt;

use crate::error::Result;
use crate::request::Scope;

/// Carries requests to the family, and its answers back.
pub trait Transport: fmt::Debug {
    /// The family's number: the message type of requests and answers.
    fn family(&self) -> u16;

    /// The port number that answers are addressed to.
    fn port(&self) -> u32;

    /// Sends a request, as seen from there.
    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()>;

    /// Receives one datagram and tells its length. One that does not fit the
    /// buffer is an error, and so is the loss of any before it.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Makes the transport as new after an answer was left half-read: nothing
    /// of that may be received any more. The buffer is room to receive into.
    fn reset(&mut self, buffer: &mut [u8]) -> Result<()>;
}
