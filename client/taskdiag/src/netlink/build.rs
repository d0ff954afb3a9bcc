// SPDX-License-Identifier: MIT
//! Messages of the family as values, with the traits of the netlink-packet crates.
//!
//! The clients encode their requests with these types. A [`TaskDiagMessage`] is
//! also a payload for other netlink crates, such as genetlink. Unknown attributes
//! survive decoding and encoding.

use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLA_TYPE_MASK, NLM_F_DUMP, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, Nla, ParseableParametrized,
};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use zerocopy::IntoBytes;

use super::framing::Framing;
use super::parse::{ATTRIBUTE_MAX, Attributes, Malformed, read};
use crate::abi::{
    self, TaskDiagAbsent, TaskDiagBase, TaskDiagCreds, TaskDiagFeatures, TaskDiagFiles,
    TaskDiagIdent, TaskDiagIo, TaskDiagLimits, TaskDiagMsg, TaskDiagNs, TaskDiagOom, TaskDiagPid,
    TaskDiagSignals, TaskDiagStat,
};
use crate::error::Error;
use crate::request::Filters;
use crate::request::{Request, Scope, Strategy};
use crate::show::Show;

/// The attributes of a request or a reply.
///
/// Decoding follows the rule of the ABI for structures that grow: missing fields
/// are zero, and unknown fields are ignored. The value of an attribute has at most
/// [`ATTRIBUTE_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskDiagAttr {
    /// `TASK_DIAG_CMD_ATTR_GET`: the request.
    Get(TaskDiagPid),
    /// `TASK_DIAG_MSG`: the task that a message describes.
    Msg(TaskDiagMsg),
    /// `TASK_DIAG_PAD`: padding of this length, in bytes.
    Pad(usize),
    /// `TASK_DIAG_ABSENT`: the groups that a row lacks.
    Absent(TaskDiagAbsent),
    /// `TASK_DIAG_CMD_ATTR_PIDNS_FD`: descriptor of a pid namespace.
    PidnsFd(u32),
    /// `TASK_DIAG_CMD_ATTR_PIDFD`: pidfd of a task.
    Pidfd(u32),
    /// `TASK_DIAG_CMD_ATTR_PROC_FD`: descriptor of the root of a procfs mount.
    ProcFd(u32),
    /// `TASK_DIAG_CMD_ATTR_UID`: tasks with this effective user id.
    FilterUid(u32),
    /// `TASK_DIAG_CMD_ATTR_CGROUP`: tasks in this cgroup or a descendant of it.
    FilterCgroup(u64),
    /// `TASK_DIAG_CMD_ATTR_STATES`: tasks in one of these states.
    FilterStates(u32),
    /// `TASK_DIAG_CMD_ATTR_COMM`: tasks whose name has this prefix.
    FilterComm(Vec<u8>),
    /// `TASK_DIAG_CMD_ATTR_PIDS`: tasks with one of these pids.
    FilterPids(Vec<u32>),
    /// `TASK_DIAG_CMD_ATTR_VMA_FLAGS`: memory mappings with all of these flags.
    FilterVmaFlags(u64),
    /// `TASK_DIAG_FEATURES`: the supported features.
    Features(TaskDiagFeatures),
    /// `TASK_DIAG_BASE`: identifiers, state and name.
    Base(TaskDiagBase),
    /// `TASK_DIAG_CRED`: credentials.
    Cred(TaskDiagCreds),
    /// `TASK_DIAG_STAT`: times and sizes.
    Stat(TaskDiagStat),
    /// `TASK_DIAG_VMA`: memory mappings, as received.
    Vma(Vec<u8>),
    /// `TASK_DIAG_VMA_STAT`: memory use of the mappings, as received.
    VmaStat(Vec<u8>),
    /// `TASK_DIAG_CMDLINE`: command line, or a part of it.
    Cmdline(Vec<u8>),
    /// `TASK_DIAG_FILES`: numbers of open files.
    Files(TaskDiagFiles),
    /// `TASK_DIAG_IDENT`: identity of the task.
    Ident(TaskDiagIdent),
    /// `TASK_DIAG_NS`: namespaces.
    Ns(TaskDiagNs),
    /// `TASK_DIAG_CGROUP`: cgroup, as received.
    Cgroup(Vec<u8>),
    /// `TASK_DIAG_IO`: input and output.
    Io(TaskDiagIo),
    /// `TASK_DIAG_SIGNALS`: signals.
    Signals(TaskDiagSignals),
    /// `TASK_DIAG_LIMITS`: resource limits.
    Limits(TaskDiagLimits),
    /// `TASK_DIAG_OOM`: order in which the OOM killer chooses.
    Oom(TaskDiagOom),
    /// `TASK_DIAG_PATHS`: program and directories, as received.
    Paths(Vec<u8>),
    /// `TASK_DIAG_ENVIRON`: environment, or a part of it.
    Environ(Vec<u8>),
    /// `TASK_DIAG_SCHED`: scheduling, as received.
    Sched(Vec<u8>),
    /// `TASK_DIAG_NSPID`: pids in each pid namespace, as received.
    Nspid(Vec<u8>),
    /// An attribute of any other type, as received.
    Other(DefaultNla),
}

impl TaskDiagAttr {
    /// Returns the bytes of the value; `None` for [`Self::Pad`] and [`Self::Other`].
    fn as_bytes(&self) -> Option<&[u8]> {
        Some(match self {
            Self::Get(pid) => pid.as_bytes(),
            Self::Msg(msg) => msg.as_bytes(),
            Self::Absent(absent) => absent.as_bytes(),
            Self::PidnsFd(number)
            | Self::Pidfd(number)
            | Self::ProcFd(number)
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
            Self::Io(io) => io.as_bytes(),
            Self::Signals(signals) => signals.as_bytes(),
            Self::Limits(limits) => limits.as_bytes(),
            Self::Oom(oom) => oom.as_bytes(),
            Self::FilterComm(bytes)
            | Self::Vma(bytes)
            | Self::VmaStat(bytes)
            | Self::Sched(bytes)
            | Self::Nspid(bytes)
            | Self::Cmdline(bytes)
            | Self::Cgroup(bytes)
            | Self::Paths(bytes)
            | Self::Environ(bytes) => bytes,
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
            Self::ProcFd(_) => abi::TASK_DIAG_CMD_ATTR_PROC_FD,
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
            Self::Io(_) => abi::TASK_DIAG_IO,
            Self::Signals(_) => abi::TASK_DIAG_SIGNALS,
            Self::Limits(_) => abi::TASK_DIAG_LIMITS,
            Self::Oom(_) => abi::TASK_DIAG_OOM,
            Self::Paths(_) => abi::TASK_DIAG_PATHS,
            Self::Environ(_) => abi::TASK_DIAG_ENVIRON,
            Self::Sched(_) => abi::TASK_DIAG_SCHED,
            Self::Nspid(_) => abi::TASK_DIAG_NSPID,
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

impl TaskDiagAttr {
    /// Decodes an attribute. The type may include the flags `NLA_F_NESTED` and
    /// `NLA_F_NET_BYTEORDER`, which [`Self::Other`] keeps.
    fn decode(kind: u16, value: &[u8]) -> Self {
        match kind & NLA_TYPE_MASK {
            abi::TASK_DIAG_CMD_ATTR_GET => Self::Get(read(value)),
            abi::TASK_DIAG_MSG => Self::Msg(read(value)),
            abi::TASK_DIAG_PAD => Self::Pad(value.len()),
            abi::TASK_DIAG_ABSENT => Self::Absent(read(value)),
            abi::TASK_DIAG_CMD_ATTR_PIDNS_FD => Self::PidnsFd(read(value)),
            abi::TASK_DIAG_CMD_ATTR_PIDFD => Self::Pidfd(read(value)),
            abi::TASK_DIAG_CMD_ATTR_PROC_FD => Self::ProcFd(read(value)),
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
            abi::TASK_DIAG_IO => Self::Io(read(value)),
            abi::TASK_DIAG_SIGNALS => Self::Signals(read(value)),
            abi::TASK_DIAG_LIMITS => Self::Limits(read(value)),
            abi::TASK_DIAG_OOM => Self::Oom(read(value)),
            abi::TASK_DIAG_PATHS => Self::Paths(value.to_vec()),
            abi::TASK_DIAG_ENVIRON => Self::Environ(value.to_vec()),
            abi::TASK_DIAG_SCHED => Self::Sched(value.to_vec()),
            abi::TASK_DIAG_NSPID => Self::Nspid(value.to_vec()),
            _ => Self::Other(DefaultNla::new(kind, value.to_vec())),
        }
    }
}

/// A message of the family.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskDiagMessage {
    /// `TASK_DIAG_CMD_*`.
    pub cmd: u8,
    /// The attributes, in the order of the message.
    pub attributes: Vec<TaskDiagAttr>,
}

impl TaskDiagMessage {
    /// Returns `TASK_DIAG_CMD_GET` with these attributes, which requests tasks.
    #[must_use]
    pub const fn get(attributes: Vec<TaskDiagAttr>) -> Self {
        Self {
            cmd: abi::TASK_DIAG_CMD_GET,
            attributes,
        }
    }

    /// Returns `TASK_DIAG_CMD_FEATURES`, which queries the supported features.
    #[must_use]
    pub const fn features() -> Self {
        Self {
            cmd: abi::TASK_DIAG_CMD_FEATURES,
            attributes: Vec::new(),
        }
    }
}

impl TaskDiagMessage {
    /// Returns the message of a request that belongs to this procfs mount, unless the
    /// request names a pid namespace itself.
    pub(crate) fn in_mount(request: &Request<'_>, root: Option<BorrowedFd<'_>>) -> Self {
        let mut message = Self::from(request);
        let has_namespace = request.pidns_fd.is_some() || request.scope != Scope::Own;
        if let Some(root) = root.filter(|_| !has_namespace) {
            // A descriptor is never negative.
            let number = root.as_raw_fd() as u32;
            message.attributes.push(TaskDiagAttr::ProcFd(number));
        }
        message
    }

    /// Returns the message of a request for one task, and its `NLM_F_*` flags. The
    /// kernel opens files of a procfs mount in a dump only.
    pub(crate) fn for_one(request: &Request<'_>, root: Option<BorrowedFd<'_>>) -> (Self, u16) {
        let flags = request.flags_for_one();
        if !matches!(request.strategy, Strategy::One(_)) {
            return (Self::from(request), flags);
        }
        let message = Self::in_mount(request, root);
        let mut attributes = message.attributes.iter();
        match attributes.any(|attribute| matches!(attribute, TaskDiagAttr::ProcFd(_))) {
            true => (message, flags | NLM_F_DUMP),
            false => (message, flags),
        }
    }

    /// Returns the groups that each row of the reply has or lists as absent.
    pub(crate) fn requested(&self) -> Show {
        let mut attributes = self.attributes.iter();
        let get = attributes.find_map(|attribute| match attribute {
            TaskDiagAttr::Get(pid) => Some(Show::from_bits_retain(pid.show_flags)),
            _ => None,
        });
        get.unwrap_or_default()
    }

    /// Checks that the value of every attribute is at most [`ATTRIBUTE_MAX`] bytes
    /// long.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`].
    fn check(&self) -> Result<(), Error> {
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

/// Returns the attributes of the filters, in the order of their types.
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
        let mut walk = Attributes::new(payload);
        let mut attributes = Vec::new();
        while let Some(attribute) = walk.next_with_flags() {
            let (kind, value) = attribute.map_err(|Malformed(reason)| reason)?;
            attributes.push(TaskDiagAttr::decode(kind, value));
        }
        Ok(Self {
            cmd: header.cmd,
            attributes,
        })
    }
}

/// Encodes a message with this framing, sequence number and `NLM_F_*` flags. A
/// family id converts to [`Framing::Genl`].
///
/// # Errors
///
/// [`Error::TooLong`] if the value of an attribute has more than [`ATTRIBUTE_MAX`] bytes.
pub fn encode(
    message: TaskDiagMessage,
    framing: impl Into<Framing>,
    seq: u32,
    flags: u16,
) -> Result<Vec<u8>, Error> {
    message.check()?;
    Ok(match framing.into() {
        Framing::Plain => encode_plain(&message, seq, flags),
        Framing::Genl { family } => encode_genl(message, family, seq, flags),
    })
}

fn encode_plain(message: &TaskDiagMessage, seq: u32, flags: u16) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    let len = header.buffer_len() + message.buffer_len();
    // An attribute has at most 64 KiB, and a message far fewer than 65,536 of them.
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
