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
use netlink_packet_generic::{GenlHeader, GenlMessage};
use zerocopy::IntoBytes;

use crate::abi::{
    self, TaskDiagAbsent, TaskDiagBase, TaskDiagCreds, TaskDiagFeatures, TaskDiagFiles,
    TaskDiagIdent, TaskDiagMsg, TaskDiagNs, TaskDiagPid, TaskDiagStat,
};
use crate::error::Error;
use crate::filter::Filters;
use crate::request::Request;
use crate::show::Show;
use crate::task::read;
use crate::transport::Framing;

pub use crate::wire::ATTRIBUTE_MAX;

/// The attributes of a request or a reply.
///
/// Structures are read as the ABI says: what is missing from a shorter one is
/// zero, what a longer one has more is left out. One to be sent has at most
/// [`ATTRIBUTE_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskDiagAttr {
    /// `TASK_DIAG_CMD_ATTR_GET`: the request.
    Get(TaskDiagPid),
    /// `TASK_DIAG_MSG`: which task a message is about.
    Msg(TaskDiagMsg),
    /// `TASK_DIAG_PAD`: so many bytes of nothing.
    Pad(usize),
    /// `TASK_DIAG_ABSENT`: the groups that a row lacks.
    Absent(TaskDiagAbsent),
    /// `TASK_DIAG_CMD_ATTR_PIDNS_FD`: descriptor of a pid namespace.
    PidnsFd(u32),
    /// `TASK_DIAG_CMD_ATTR_PIDFD`: descriptor of a task.
    Pidfd(u32),
    /// `TASK_DIAG_CMD_ATTR_UID`: tasks with this effective user id.
    FilterUid(u32),
    /// `TASK_DIAG_CMD_ATTR_CGROUP`: tasks in this cgroup, or below it.
    FilterCgroup(u64),
    /// `TASK_DIAG_CMD_ATTR_STATES`: tasks in one of these states.
    FilterStates(u32),
    /// `TASK_DIAG_CMD_ATTR_COMM`: tasks whose name begins so.
    FilterComm(Vec<u8>),
    /// `TASK_DIAG_CMD_ATTR_PIDS`: these tasks.
    FilterPids(Vec<u32>),
    /// `TASK_DIAG_CMD_ATTR_VMA_FLAGS`: areas with all of these flags.
    FilterVmaFlags(u64),
    /// `TASK_DIAG_FEATURES`: what the kernel can tell.
    Features(TaskDiagFeatures),
    /// `TASK_DIAG_BASE`: who the task is.
    Base(TaskDiagBase),
    /// `TASK_DIAG_CRED`: its credentials.
    Cred(TaskDiagCreds),
    /// `TASK_DIAG_STAT`: its times and sizes.
    Stat(TaskDiagStat),
    /// `TASK_DIAG_VMA`: areas of its memory, as received.
    Vma(Vec<u8>),
    /// `TASK_DIAG_VMA_STAT`: what is there of them, as received.
    VmaStat(Vec<u8>),
    /// `TASK_DIAG_CMDLINE`: its arguments, or a piece of them.
    Cmdline(Vec<u8>),
    /// `TASK_DIAG_FILES`: its open files, counted.
    Files(TaskDiagFiles),
    /// `TASK_DIAG_IDENT`: this task, and no later one.
    Ident(TaskDiagIdent),
    /// `TASK_DIAG_NS`: its namespaces.
    Ns(TaskDiagNs),
    /// `TASK_DIAG_CGROUP`: its cgroup, as received.
    Cgroup(Vec<u8>),
    /// Any other, as received.
    Other(DefaultNla),
}

impl TaskDiagAttr {
    /// The value's bytes; `None` where they lie elsewhere.
    fn as_bytes(&self) -> Option<&[u8]> {
        Some(match self {
            Self::Get(pid) => pid.as_bytes(),
            Self::Msg(msg) => msg.as_bytes(),
            Self::Absent(absent) => absent.as_bytes(),
            Self::PidnsFd(number)
            | Self::Pidfd(number)
            | Self::FilterUid(number)
            | Self::FilterStates(number) => number.as_bytes(),
            Self::FilterCgroup(number) | Self::FilterVmaFlags(number) => number.as_bytes(),
            Self::FilterPids(pids) => pids.as_bytes(),
            Self::Features(features) => features.as_bytes(),
            Self::Base(base) => base.as_bytes(),
            Self::Cred(creds) => creds.as_bytes(),
            Self::Stat(stat) => stat.as_bytes(),
            Self::Files(files) => files.as_bytes(),
            Self::Ident(ident) => ident.as_bytes(),
            Self::Ns(ns) => ns.as_bytes(),
            Self::FilterComm(bytes)
            | Self::Vma(bytes)
            | Self::VmaStat(bytes)
            | Self::Cmdline(bytes)
            | Self::Cgroup(bytes) => bytes,
            Self::Pad(_) | Self::Other(_) => return None,
        })
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
            Self::Absent(_) => abi::TASK_DIAG_ABSENT,
            Self::PidnsFd(_) => abi::TASK_DIAG_CMD_ATTR_PIDNS_FD,
            Self::Pidfd(_) => abi::TASK_DIAG_CMD_ATTR_PIDFD,
            Self::FilterUid(_) => abi::TASK_DIAG_CMD_ATTR_UID,
            Self::FilterCgroup(_) => abi::TASK_DIAG_CMD_ATTR_CGROUP,
            Self::FilterStates(_) => abi::TASK_DIAG_CMD_ATTR_STATES,
            Self::FilterComm(_) => abi::TASK_DIAG_CMD_ATTR_COMM,
            Self::FilterPids(_) => abi::TASK_DIAG_CMD_ATTR_PIDS,
            Self::FilterVmaFlags(_) => abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS,
            Self::Features(_) => abi::TASK_DIAG_FEATURES,
            Self::Base(_) => abi::TASK_DIAG_BASE,
            Self::Cred(_) => abi::TASK_DIAG_CRED,
            Self::Stat(_) => abi::TASK_DIAG_STAT,
            Self::Vma(_) => abi::TASK_DIAG_VMA,
            Self::VmaStat(_) => abi::TASK_DIAG_VMA_STAT,
            Self::Cmdline(_) => abi::TASK_DIAG_CMDLINE,
            Self::Files(_) => abi::TASK_DIAG_FILES,
            Self::Ident(_) => abi::TASK_DIAG_IDENT,
            Self::Ns(_) => abi::TASK_DIAG_NS,
            Self::Cgroup(_) => abi::TASK_DIAG_CGROUP,
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
            abi::TASK_DIAG_ABSENT => Self::Absent(read(value)),
            abi::TASK_DIAG_CMD_ATTR_PIDNS_FD => Self::PidnsFd(read(value)),
            abi::TASK_DIAG_CMD_ATTR_PIDFD => Self::Pidfd(read(value)),
            abi::TASK_DIAG_CMD_ATTR_UID => Self::FilterUid(read(value)),
            abi::TASK_DIAG_CMD_ATTR_CGROUP => Self::FilterCgroup(read(value)),
            abi::TASK_DIAG_CMD_ATTR_STATES => Self::FilterStates(read(value)),
            abi::TASK_DIAG_CMD_ATTR_COMM => Self::FilterComm(value.to_vec()),
            abi::TASK_DIAG_CMD_ATTR_PIDS => Self::FilterPids(value.chunks(4).map(read).collect()),
            abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS => Self::FilterVmaFlags(read(value)),
            abi::TASK_DIAG_FEATURES => Self::Features(read(value)),
            abi::TASK_DIAG_BASE => Self::Base(read(value)),
            abi::TASK_DIAG_CRED => Self::Cred(read(value)),
            abi::TASK_DIAG_STAT => Self::Stat(read(value)),
            abi::TASK_DIAG_VMA => Self::Vma(value.to_vec()),
            abi::TASK_DIAG_VMA_STAT => Self::VmaStat(value.to_vec()),
            abi::TASK_DIAG_CMDLINE => Self::Cmdline(value.to_vec()),
            abi::TASK_DIAG_FILES => Self::Files(read(value)),
            abi::TASK_DIAG_IDENT => Self::Ident(read(value)),
            abi::TASK_DIAG_NS => Self::Ns(read(value)),
            abi::TASK_DIAG_CGROUP => Self::Cgroup(value.to_vec()),
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
    /// `TASK_DIAG_CMD_GET`, to ask for tasks, with these attributes.
    #[must_use]
    pub const fn get(attributes: Vec<TaskDiagAttr>) -> Self {
        Self {
            cmd: abi::TASK_DIAG_CMD_GET,
            attributes,
        }
    }

    /// `TASK_DIAG_CMD_FEATURES`, to ask for what the kernel can tell.
    #[must_use]
    pub const fn features() -> Self {
        Self {
            cmd: abi::TASK_DIAG_CMD_FEATURES,
            attributes: Vec::new(),
        }
    }
}

impl TaskDiagMessage {
    /// The groups that each row of its answer has or lists as absent.
    pub(crate) fn requested(&self) -> Show {
        let mut attributes = self.attributes.iter();
        let get = attributes.find_map(|attribute| match attribute {
            TaskDiagAttr::Get(pid) => Some(Show::from_bits_retain(pid.show_flags)),
            _ => None,
        });
        get.unwrap_or_default()
    }

    /// Whether it names a task or a namespace by a descriptor.
    #[cfg(feature = "tokio")]
    pub(crate) fn has_descriptors(&self) -> bool {
        self.attributes
            .iter()
            .any(|attribute| matches!(attribute, TaskDiagAttr::PidnsFd(_) | TaskDiagAttr::Pidfd(_)))
    }

    /// Whether it can be sent: what an attribute's length can say is limited.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let too_long = |attribute: &&TaskDiagAttr| attribute.value_len() > ATTRIBUTE_MAX;
        match self.attributes.iter().find(too_long) {
            None => Ok(()),
            Some(attribute) => Err(Error::TooLong {
                attribute: attribute.kind(),
                len: attribute.value_len(),
            }),
        }
    }
}

impl From<&Request<'_>> for TaskDiagMessage {
    fn from(request: &Request<'_>) -> Self {
        let mut attributes = vec![TaskDiagAttr::Get(request.into())];
        let pidns_fd = request
            .pidns_fd
            .map(|fd| TaskDiagAttr::PidnsFd(fd.number()));
        let pidfd = request.pidfd.map(|fd| TaskDiagAttr::Pidfd(fd.number()));
        attributes.extend(pidns_fd.into_iter().chain(pidfd));
        attributes.extend(filters(&request.filters));
        Self::get(attributes)
    }
}

/// The attributes that filters are, in the order of their numbers.
fn filters(filters: &Filters) -> impl Iterator<Item = TaskDiagAttr> {
    let Filters {
        uid,
        cgroup,
        states,
        comm,
        pids,
        vma_flags,
    } = filters;
    [
        uid.map(TaskDiagAttr::FilterUid),
        cgroup.map(TaskDiagAttr::FilterCgroup),
        states.map(|states| TaskDiagAttr::FilterStates(states.bits())),
        comm.clone().map(TaskDiagAttr::FilterComm),
        pids.clone().map(TaskDiagAttr::FilterPids),
        vma_flags.map(|flags| TaskDiagAttr::FilterVmaFlags(flags.bits())),
    ]
    .into_iter()
    .flatten()
}

/// A payload with a field `cmd` is one of this family.
macro_rules! impl_family {
    ($payload:ty) => {
        impl netlink_packet_generic::GenlFamily for $payload {
            fn family_name() -> &'static str {
                $crate::abi::TASK_DIAG_GENL_NAME
            }

            fn command(&self) -> u8 {
                self.cmd
            }

            fn version(&self) -> u8 {
                $crate::abi::TASK_DIAG_GENL_VERSION
            }
        }
    };
}
#[cfg(feature = "tokio")]
pub(crate) use impl_family;

impl_family!(TaskDiagMessage);

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

/// A whole message, as it is sent: put so (for netlink the family's number will
/// do), with this sequence number and these `NLM_F_*` flags.
#[must_use]
pub fn encode(
    message: TaskDiagMessage,
    framing: impl Into<Framing>,
    seq: u32,
    flags: u16,
) -> Vec<u8> {
    match framing.into() {
        Framing::Plain => encode_plain(&message, seq, flags),
        Framing::Genl { family } => encode_genl(message, family, seq, flags),
    }
}

fn encode_plain(message: &TaskDiagMessage, seq: u32, flags: u16) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    let len = header.buffer_len() + message.buffer_len();
    // Each attribute is of 64 KiB at most, and nobody sends 65,536 of them.
    header.length = len as u32;
    header.message_type = Framing::Plain.kind(message.cmd);
    header.sequence_number = seq;
    header.flags = flags;
    let mut bytes = vec![0; len];
    let (head, attributes) = bytes.split_at_mut(header.buffer_len());
    header.emit(head);
    message.emit(attributes);
    bytes
}

fn encode_genl(message: TaskDiagMessage, family: u16, seq: u32, flags: u16) -> Vec<u8> {
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
