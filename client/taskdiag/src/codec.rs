// SPDX-License-Identifier: MIT
//! Messages of the family as values, for the netlink-packet crates.
//!
//! Does no I/O. The clients write their requests with it; a task is received
//! without it, see [`crate::reassembly`]. What this crate does not know
//! survives decoding and encoding.
//!
//! ```
//! use taskdiag::abi::TaskDiagPid;
//! use taskdiag::codec::{TaskDiagAttr, TaskDiagMessage, encode};
//!
//! let message = TaskDiagMessage::get(vec![TaskDiagAttr::Get(TaskDiagPid::default())]);
//! let bytes = encode(message, 0x1d, 1, 0);
//! assert_eq!(bytes.len(), 48);
//! ```

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NetlinkHeader, NetlinkMessage, NetlinkPayload, Nla,
    NlaBuffer, NlasIterator, Parseable, ParseableParametrized,
};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use zerocopy::{Immutable, IntoBytes};

use crate::abi::{self, TaskDiagBase, TaskDiagCreds, TaskDiagMsg, TaskDiagPid};
use crate::request::Request;
use crate::task::read;

/// The attributes of a request or a reply.
///
/// Structures are read as the ABI says: what is missing from a shorter one is
/// zero, what a longer one has more is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskDiagAttr {
    /// `TASK_DIAG_CMD_ATTR_GET`: the request.
    Get(TaskDiagPid),
    /// `TASK_DIAG_MSG`: which task a message is about.
    Msg(TaskDiagMsg),
    /// `TASK_DIAG_PAD`: so many bytes of nothing.
    Pad(usize),
    /// `TASK_DIAG_BASE`: who the task is.
    Base(TaskDiagBase),
    /// `TASK_DIAG_CRED`: its credentials.
    Cred(TaskDiagCreds),
    /// Any other, as received. One to be sent has at most 65,531 bytes: its
    /// length travels in 16 bits.
    Other(DefaultNla),
}

impl TaskDiagAttr {
    /// The structure's bytes; `None` where there is none.
    fn as_bytes(&self) -> Option<&[u8]> {
        fn bytes<T: IntoBytes + Immutable>(value: &T) -> Option<&[u8]> {
            Some(value.as_bytes())
        }
        match self {
            Self::Get(pid) => bytes(pid),
            Self::Msg(msg) => bytes(msg),
            Self::Base(base) => bytes(base),
            Self::Cred(creds) => bytes(creds),
            Self::Pad(_) | Self::Other(_) => None,
        }
    }
}

impl Nla for TaskDiagAttr {
    fn value_len(&self) -> usize {
        match self {
            Self::Pad(len) => *len,
            Self::Other(other) => other.value_len(),
            known => known.as_bytes().map_or(0, <[u8]>::len),
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Get(_) => abi::TASK_DIAG_CMD_ATTR_GET,
            Self::Msg(_) => abi::TASK_DIAG_MSG,
            Self::Pad(_) => abi::TASK_DIAG_PAD,
            Self::Base(_) => abi::TASK_DIAG_BASE,
            Self::Cred(_) => abi::TASK_DIAG_CRED,
            Self::Other(other) => other.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::Pad(_) => buffer.fill(0),
            Self::Other(other) => other.emit_value(buffer),
            known => buffer.copy_from_slice(known.as_bytes().unwrap_or_default()),
        }
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> Parseable<NlaBuffer<&'a T>> for TaskDiagAttr {
    fn parse(buffer: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let value = buffer.value();
        Ok(match buffer.kind() {
            abi::TASK_DIAG_CMD_ATTR_GET => Self::Get(read(value)),
            abi::TASK_DIAG_MSG => Self::Msg(read(value)),
            abi::TASK_DIAG_PAD => Self::Pad(value.len()),
            abi::TASK_DIAG_BASE => Self::Base(read(value)),
            abi::TASK_DIAG_CRED => Self::Cred(read(value)),
            _ => Self::Other(DefaultNla::parse(buffer)?),
        })
    }
}

/// A message of the family.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskDiagMessage {
    /// `TASK_DIAG_CMD_*`.
    pub cmd: u8,
    /// What it carries.
    pub attributes: Vec<TaskDiagAttr>,
}

impl TaskDiagMessage {
    /// `TASK_DIAG_CMD_GET`, the family's only command, with these attributes.
    #[must_use]
    pub const fn get(attributes: Vec<TaskDiagAttr>) -> Self {
        Self {
            cmd: abi::TASK_DIAG_CMD_GET,
            attributes,
        }
    }
}

impl From<&Request> for TaskDiagMessage {
    fn from(request: &Request) -> Self {
        Self::get(vec![TaskDiagAttr::Get(request.into())])
    }
}

impl GenlFamily for TaskDiagMessage {
    fn family_name() -> &'static str {
        abi::TASK_DIAG_GENL_NAME
    }

    fn command(&self) -> u8 {
        self.cmd
    }

    fn version(&self) -> u8 {
        abi::TASK_DIAG_GENL_VERSION
    }
}

impl Emitable for TaskDiagMessage {
    fn buffer_len(&self) -> usize {
        self.attributes.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes.as_slice().emit(buffer);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for TaskDiagMessage {
    fn parse_with_param(payload: &[u8], header: GenlHeader) -> Result<Self, DecodeError> {
        let attributes = NlasIterator::new(payload)
            .map(|buffer| TaskDiagAttr::parse(&buffer?))
            .collect::<Result<_, DecodeError>>()?;
        Ok(Self {
            cmd: header.cmd,
            attributes,
        })
    }
}

/// A whole netlink message, as it is sent: to this family (by number), with
/// this sequence number and these `NLM_F_*` flags.
#[must_use]
pub fn encode(message: TaskDiagMessage, family: u16, seq: u32, flags: u16) -> Vec<u8> {
    let mut message = GenlMessage::from_payload(message);
    message.set_resolved_family_id(family);
    let mut header = NetlinkHeader::default();
    header.sequence_number = seq;
    header.flags = flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}
