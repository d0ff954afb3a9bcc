// SPDX-License-Identifier: MIT
//! Sources of tasks: the contract between a [`Client`](crate::Client) and what
//! replies to its requests.
//!
//! - `netlink`: [`NetlinkSource`] sends netlink messages through a
//!   [`Transport`](crate::Transport), and views the attributes of the reply.
//! - [`Procfs`](crate::Procfs) builds tasks from the files of `/proc/PID`.
//! - `any`: [`AnySource`] is one of these, selected by its [`TransportKind`].

#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
mod any;
mod netlink;

use std::fmt;

#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
pub use any::{AnyReply, AnySource, ClientBuilder, TransportKind};
pub use netlink::{NetlinkReply, NetlinkSource};

use crate::error::Result;
use crate::receiver::Stats;
use crate::request::Features;
use crate::request::Request;
use crate::task::TaskRef;
use crate::visibility::Visibility;

/// The form of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// A dump: any number of tasks (`NLM_F_DUMP`).
    Dump,
    /// The task of [`Strategy::One`](crate::Strategy::One). Other strategies are
    /// refused.
    Get,
}

/// Replies to requests with tasks.
///
/// Programs may implement it. Later versions may add functions that have a default.
pub trait Source: fmt::Debug {
    /// The reply to a request.
    type Reply<'a>: Reply
    where
        Self: 'a;

    /// Sends a request. Drops the rest of the previous reply.
    ///
    /// # Errors
    ///
    /// Errors of the transport. [`Reply::next`] returns the error of a request that is
    /// refused.
    fn start(&mut self, request: &Request<'_>, mode: Mode) -> Result<Self::Reply<'_>>;

    /// Queries the supported features.
    ///
    /// # Errors
    ///
    /// As [`Self::start`] and [`Reply::next`].
    fn features(&mut self) -> Result<Features>;

    /// Queries the tasks and groups that the source shows, compared with procfs.
    ///
    /// # Errors
    ///
    /// As [`Self::features`].
    fn visibility(&mut self) -> Result<Visibility> {
        Ok(Visibility::Unknown)
    }
}

/// The reply to a request: a stream of tasks.
///
/// Programs may implement it. Later versions may add functions that have a default.
pub trait Reply: fmt::Debug {
    /// Returns the next task; `None` at the end and after an error. Skips the rest
    /// of a row of which [`Self::next_piece`] returned a piece.
    ///
    /// # Errors
    ///
    /// The error that ends the reply.
    fn next(&mut self) -> Result<Option<TaskRef<'_>>>;

    /// Returns the next piece of a task, of limited length; `None` at the end and
    /// after an error. See [`Dump::next_piece`](crate::Dump::next_piece).
    ///
    /// # Errors
    ///
    /// The error that ends the reply.
    fn next_piece(&mut self) -> Result<Option<TaskRef<'_>>>;

    /// Returns the statistics so far.
    fn stats(&self) -> Stats;
}
