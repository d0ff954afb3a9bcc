// SPDX-License-Identifier: MIT
//! The one module that owns the socket.

/// A generic netlink socket.
#[derive(Debug)]
pub struct Socket {}
