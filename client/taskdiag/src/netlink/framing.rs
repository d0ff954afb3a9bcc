// SPDX-License-Identifier: MIT
//! The framing of messages: with and without the header of generic netlink.

use crate::abi;

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
