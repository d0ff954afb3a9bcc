// SPDX-License-Identifier: MIT
//! The netlink codec: messages of the family, read in place and built from values.
//!
//! - `parse`: message headers and attributes, read where they lie in a buffer.
//!   Received rows take this path.
//! - `build`: [`TaskDiagMessage`] and [`TaskDiagAttr`], encoded through the traits
//!   of netlink-packet-generic. The clients encode their requests with them.
//!   Decoding is implemented on top of `parse`, so there is one attribute loop.
//! - `extack`: errors and extended acknowledgements.
//! - `framing`: the two forms of a message, of generic netlink and of the transaction
//!   file.
//!
//! The module does no I/O and has no `unsafe` code. Must not depend on transports
//! or clients.
//!
//! ```
//! use taskdiag::abi::TaskDiagPid;
//! use taskdiag::netlink::{TaskDiagAttr, TaskDiagMessage, encode};
//!
//! let message = TaskDiagMessage::get(vec![TaskDiagAttr::Get(TaskDiagPid::default())]);
//! let bytes = encode(message, 0x1d, 1, 0)?;
//! assert_eq!(bytes.len(), 48);
//! # Ok::<(), taskdiag::Error>(())
//! ```

mod build;
mod extack;
mod framing;
mod parse;

pub use build::{TaskDiagAttr, TaskDiagMessage, encode};
pub use extack::{from_done, from_error};
pub use framing::Framing;
pub use parse::{ATTRIBUTE_MAX, Address, Attributes, Header, Malformed, align};

pub(crate) use parse::{Exactly, GenlInner, Inner, PlainInner, TaskHead, read};
