// SPDX-License-Identifier: MIT
//! Checks each field of a row's messages, and the row as a whole.

mod fields;
mod pending;

use zerocopy::FromBytes;

use crate::case::Transport;
use crate::groups::{self, GROUPS, Group};
use crate::model::Features;
use crate::wire::{Attribute, Attributes, GENL_HEADER, NLA_TYPE_MASK, u32_at, u64_at};
use fields::read_group;
pub(crate) use pending::Pending;
use taskdiag::abi;

/// Groups of memory mappings, which are only in rows of leaders.
const VMA_GROUPS: u64 = abi::TASK_DIAG_SHOW_VMA | abi::TASK_DIAG_SHOW_VMA_STAT;

/// Groups that contain nothing without the right to ptrace the task.
const PTRACE_GROUPS: u64 = VMA_GROUPS
    | abi::TASK_DIAG_SHOW_NS
    | abi::TASK_DIAG_SHOW_IO
    | abi::TASK_DIAG_SHOW_PATHS
    | abi::TASK_DIAG_SHOW_ENVIRON;

/// Groups whose file has the mode 0400.
const OWNER_GROUPS: u64 = abi::TASK_DIAG_SHOW_IO | abi::TASK_DIAG_SHOW_ENVIRON;

/// A message of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) pid: u32,
    pub(crate) tgid: u32,
    pub(crate) base: Option<abi::TaskDiagBase>,
    pub(crate) creds: Option<abi::TaskDiagCreds>,
    pub(crate) stat: Option<abi::TaskDiagStat>,
    pub(crate) files: Option<abi::TaskDiagFiles>,
    /// Kinds of the first and the last path in the message.
    pub(crate) paths: Option<(u32, u32)>,
    /// The message contains memory mappings, or bytes of an environment.
    pub(crate) has_memory: bool,
    /// Bits of the groups in the message.
    pub(crate) groups: u64,
    /// The message continues the row of the previous message.
    pub(crate) is_continuation: bool,
    /// The next message continues the row.
    pub(crate) more: bool,
    /// `TASK_DIAG_ABSENT`.
    pub(crate) absent: Option<abi::TaskDiagAbsent>,
    /// Positions of the first and the last group.
    positions: Option<(GroupPosition, GroupPosition)>,
}

/// Whether the message has no attributes: a dump by a procfs mount over a socket can
/// begin with one.
pub(super) fn is_empty(transport: Transport, payload: &[u8]) -> bool {
    transport == Transport::Socket
        && attributes(transport, payload, abi::TASK_DIAG_CMD_GET).is_ok_and(<[u8]>::is_empty)
}

/// Reads a message of a row. It may contain only the groups in `show`.
pub(super) fn read(transport: Transport, payload: &[u8], show: u64) -> Result<Row, String> {
    let attributes = attributes(transport, payload, abi::TASK_DIAG_CMD_GET)?;
    let mut iter = Attributes::new(attributes);
    let mut row = message(iter.next())?;
    for attribute in iter.by_ref() {
        match attribute.kind {
            abi::TASK_DIAG_PAD => {
                empty(attribute.value)?;
                continue;
            }
            abi::TASK_DIAG_ABSENT if row.absent.is_none() => {
                let absent = abi::TaskDiagAbsent::read_from_bytes(attribute.value)
                    .map_err(|_| format!("ABSENT has {} bytes", attribute.value.len()))?;
                row.absent = Some(absent);
                continue;
            }
            _ => {}
        }
        let group = groups::of_attribute(attribute.kind)
            .filter(|group| show & (1 << group.bit) != 0)
            .ok_or_else(|| {
                let kind = attribute.kind & NLA_TYPE_MASK;
                format!("attribute {kind} was not requested")
            })?;
        let position = GroupPosition::of(group);
        if row.positions.is_some_and(|(_, last)| last >= position) {
            return Err(format!("{} is duplicate or out of order", group.name));
        }
        row.positions = Some((row.positions.map_or(position, |(first, _)| first), position));
        read_group(group, attribute.value, &mut row)?;
        row.groups |= 1 << group.bit;
    }
    if !iter.rest().is_empty() {
        return Err("trailing bytes after the last group".to_owned());
    }
    if row.more && row.absent.is_some() {
        return Err("ABSENT is not in the last message of the row".to_owned());
    }
    match missing(&row, show) {
        Some(group) => Err(format!("{} is missing", group.name)),
        None => Ok(row),
    }
}

/// `TASK_DIAG_OPTION_*`.
const OPTIONS: u64 = abi::TASK_DIAG_OPTION_PIDNS_FD
    | abi::TASK_DIAG_OPTION_PIDFD
    | abi::TASK_DIAG_OPTION_PROC_FD
    | abi::TASK_DIAG_OPTION_STRICT;

/// Checks the reply to `TASK_DIAG_CMD_FEATURES` against the features that were
/// reported at the start of the run.
pub(super) fn read_features(
    transport: Transport,
    payload: &[u8],
    known: Features,
) -> Result<(), String> {
    let attributes = attributes(transport, payload, abi::TASK_DIAG_CMD_FEATURES)?;
    match features(attributes) {
        Some(features) if features.are(&known) => Ok(()),
        features => Err(format!("features {features:x?}, expected {known:x?}")),
    }
}

/// Returns the features, if the reply has no other attribute.
pub(crate) fn features(attributes: &[u8]) -> Option<Features> {
    let mut iter = Attributes::new(attributes);
    let found: Vec<_> = iter
        .by_ref()
        .filter(|attribute| attribute.kind != abi::TASK_DIAG_PAD)
        .collect();
    let [attribute] = found.as_slice() else {
        return None;
    };
    let value = attribute.value;
    let features = Features {
        groups: u64_at(value, 0)?,
        strategies: u64_at(value, 8)?,
        filters: u64_at(value, 16)?,
        options: u64_at(value, 24)?,
        vma_flags: u64_at(value, 32)?,
        recv_min: u32_at(value, 40)?,
    };
    let below = |max: u64| (1 << (max + 1)) - 1;
    let known = iter.rest().is_empty()
        && attribute.kind == abi::TASK_DIAG_FEATURES
        && value.len() == size_of::<abi::TaskDiagFeatures>()
        && u32_at(value, 44) == Some(0)
        && features.vma_flags < abi::TASK_DIAG_VMA_SEALED << 1
        && features.groups & !groups::known() == 0
        && features.strategies & !below(abi::TASK_DIAG_DUMP_MAX) == 0
        && features.filters & !below(u64::from(abi::TASK_DIAG_FILTER_MAX)) == 0
        && features.options & !OPTIONS == 0;
    known.then_some(features)
}

/// Returns the attributes of a message with this command.
fn attributes(transport: Transport, payload: &[u8], command: u8) -> Result<&[u8], String> {
    if transport == Transport::File {
        return Ok(payload);
    }
    let genl = [command, abi::TASK_DIAG_GENL_VERSION, 0, 0];
    if payload.get(..GENL_HEADER) == Some(&genl) {
        return Ok(&payload[GENL_HEADER..]);
    }
    Err(format!(
        "the generic netlink header does not match command {command}"
    ))
}

fn message(first: Option<Attribute<'_>>) -> Result<Row, String> {
    let msg = first
        .filter(|first| first.kind == abi::TASK_DIAG_MSG)
        .filter(|first| first.value.len() == size_of::<abi::TaskDiagMsg>())
        .ok_or("the first attribute is not MSG")?
        .value;
    let flags = u32_at(msg, 8).unwrap_or_default();
    let row = Row {
        pid: u32_at(msg, 0).unwrap_or_default(),
        tgid: u32_at(msg, 4).unwrap_or_default(),
        is_continuation: flags & abi::TASK_DIAG_FLAG_CONT != 0,
        more: flags & abi::TASK_DIAG_FLAG_MORE != 0,
        ..Row::default()
    };
    if flags & !(abi::TASK_DIAG_FLAG_CONT | abi::TASK_DIAG_FLAG_MORE) != 0 {
        return Err(format!("MSG has flags {flags:#x}"));
    }
    if row.pid == 0 || row.tgid == 0 {
        return Err(format!("MSG has pid {} and tgid {}", row.pid, row.tgid));
    }
    Ok(row)
}

/// Position of a group in a row: structures first, then the appended groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GroupPosition {
    stage: u8,
    bit: u16,
}

impl GroupPosition {
    fn of(group: &Group) -> Self {
        let stage = match group.bit {
            _ if group.always => 0,
            abi::TASK_DIAG_GROUP_CGROUP | abi::TASK_DIAG_GROUP_NSPID => 1,
            abi::TASK_DIAG_GROUP_FILES => 2,
            abi::TASK_DIAG_GROUP_PATHS => 3,
            abi::TASK_DIAG_GROUP_CMDLINE => 4,
            abi::TASK_DIAG_GROUP_ENVIRON => 5,
            _ => 6,
        };
        Self {
            stage,
            bit: group.bit,
        }
    }
}

/// Returns a group that the first message of a row must contain, and lacks. A row
/// with only the pid of its task has none, and groups that need ptrace can be denied.
fn missing(row: &Row, show: u64) -> Option<&'static Group> {
    let may_lack = if row.groups & !groups::appended() == 0 {
        u64::MAX
    } else {
        PTRACE_GROUPS
    };
    GROUPS.iter().find(|group| {
        let requested = show & !row.groups & !may_lack & (1 << group.bit) != 0;
        group.always && !row.is_continuation && requested
    })
}

fn empty(bytes: &[u8]) -> Result<(), String> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    Err(format!("unused bytes are not zero: {bytes:02x?}"))
}

#[cfg(test)]
pub(super) mod tests;
