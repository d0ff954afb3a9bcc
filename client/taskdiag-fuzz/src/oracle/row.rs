// SPDX-License-Identifier: MIT
//! Checks each field of a row's messages, and the row as a whole.

use std::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::case::Transport;
use crate::groups::{self, GROUPS, Group, Shape};
use crate::model::Features;
use crate::wire::{Attribute, Attributes, GENL_HEADER, NLA_TYPE_MASK, u32_at, u64_at};
use taskdiag::abi;

/// The highest capability: `CAP_CHECKPOINT_RESTORE`.
const CAP_LAST_CAP: u32 = 40;
/// `SECURE_ALL_BITS` and their locks.
const SECURE_BITS: u32 = 0xff;
/// Groups of memory mappings, which are only in rows of leaders.
const AREAS: u64 = abi::TASK_DIAG_SHOW_VMA | abi::TASK_DIAG_SHOW_VMA_STAT;

/// `TASK_DIAG_FLAG_MORE`: the next message continues the row.
const FLAG_MORE: u32 = 1 << 1;
/// `sizeof(struct task_diag_features)`.
const FEATURES_SIZE: usize = 48;

/// `struct task_diag_absent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Absent {
    pub(crate) gone: u64,
    pub(crate) denied: u64,
    pub(crate) busy: u64,
    pub(crate) limit: u64,
    pub(crate) leader: u64,
}

/// A message of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) pid: u32,
    pub(crate) tgid: u32,
    pub(crate) base: Option<abi::TaskDiagBase>,
    pub(crate) creds: Option<abi::TaskDiagCreds>,
    /// Bits of the groups in the message.
    pub(crate) groups: u64,
    /// The message continues the row of the previous message.
    pub(crate) goes_on: bool,
    /// The next message continues the row.
    pub(crate) more: bool,
    /// `TASK_DIAG_ABSENT`.
    pub(crate) absent: Option<Absent>,
    /// Positions of the first and the last group.
    places: Option<(Place, Place)>,
}

/// The current row, with the contents of its messages so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) pid: u32,
    tgid: u32,
    groups: u64,
    absent: Option<Absent>,
    /// The next message continues the row.
    more: bool,
    /// Stage of the last group so far, see [`Place`].
    stage: u8,
}

impl Pending {
    /// Begins a row with its first message.
    pub(crate) fn new(row: &Row) -> Self {
        Self {
            pid: row.pid,
            tgid: row.tgid,
            groups: row.groups,
            absent: row.absent,
            more: row.more,
            stage: row.places.map_or(0, |(_, last)| last.stage),
        }
    }

    /// Adds a message with `TASK_DIAG_FLAG_CONT`.
    pub(crate) fn add(&mut self, row: &Row) -> Result<(), String> {
        if (row.pid, row.tgid) != (self.pid, self.tgid) {
            return Err(format!(
                "more of task {} of {} behind task {} of {}",
                row.pid, row.tgid, self.pid, self.tgid
            ));
        }
        if self.absent.is_some() {
            return Err(format!("more of task {} behind its ABSENT", row.pid));
        }
        if row.groups == 0 && row.absent.is_none() {
            return Err(format!("nothing more of task {}", row.pid));
        }
        if let Some((first, last)) = row.places {
            if first.stage < self.stage {
                return Err(format!(
                    "group {} of task {} is too late",
                    first.bit, row.pid
                ));
            }
            self.stage = last.stage;
        }
        let once = row.groups & self.groups & whole_groups();
        if once != 0 {
            return Err(format!("task {} has groups {once:#x} twice", row.pid));
        }
        self.groups |= row.groups;
        self.absent = row.absent;
        self.more = row.more;
        Ok(())
    }

    /// Whether the last message of the row has been received.
    pub(crate) const fn is_complete(&self) -> bool {
        !self.more
    }

    /// Checks a complete row. Returns the groups that are listed as gone.
    pub(crate) fn end(&self, show: u64) -> Result<u64, String> {
        let absent = self.absent.unwrap_or_default();
        let masks = [
            absent.gone,
            absent.denied,
            absent.busy,
            absent.limit,
            absent.leader,
        ];
        let all = masks.iter().fold(0, |all, mask| all | mask);
        let title = || format!("task {} with groups {:#x}", self.pid, self.groups);
        if self.more {
            return Err(format!("{}: the rest is missing", title()));
        }
        if self.absent.is_some() && all == 0 {
            return Err(format!("{}: an empty ABSENT", title()));
        }
        if masks.iter().map(|mask| mask.count_ones()).sum::<u32>() != all.count_ones() {
            return Err(format!("{}: masks overlap: {absent:x?}", title()));
        }
        if all & !(show & groups::appended()) != 0 {
            return Err(format!("{}: {absent:x?} of {show:#x}", title()));
        }
        let missing = show & !self.groups & !all;
        if missing != 0 {
            return Err(format!(
                "{}: groups {missing:#x} are missing, {absent:x?}",
                title()
            ));
        }
        if all & self.groups & whole_groups() != 0 {
            return Err(format!("{}: present and absent: {absent:x?}", title()));
        }
        let thread = self.pid != self.tgid;
        if absent.leader & !AREAS != 0 || (absent.leader != 0) && !thread {
            return Err(format!("{}: {absent:x?}", title()));
        }
        if thread && self.groups & AREAS != 0 {
            return Err(format!("{}: mappings of a thread", title()));
        }
        Ok(absent.gone)
    }

    /// Returns the groups that the caller may not read.
    pub(crate) fn denied(&self) -> u64 {
        self.absent.map_or(0, |absent| absent.denied)
    }
}

/// Returns the groups with one attribute per row.
fn whole_groups() -> u64 {
    GROUPS
        .iter()
        .filter(|group| matches!(group.shape, Shape::Structure(_) | Shape::Text(_)))
        .fold(0, |bits, group| bits | 1 << group.bit)
}

/// Reads a message of a row. It may contain only the groups in `show`.
pub(super) fn read(transport: Transport, payload: &[u8], show: u64) -> Result<Row, String> {
    let attributes = attributes(transport, payload, abi::TASK_DIAG_CMD_GET)?;
    let mut walk = Attributes::new(attributes);
    let mut row = message(walk.next())?;
    for attribute in walk.by_ref() {
        match attribute.kind {
            abi::TASK_DIAG_PAD => {
                empty(attribute.value)?;
                continue;
            }
            abi::TASK_DIAG_ABSENT if row.absent.is_none() => {
                let absent = Absent::read_from_bytes(attribute.value)
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
        let place = Place::of(group);
        if row.places.is_some_and(|(_, behind)| behind >= place) {
            return Err(format!("{} is duplicate or out of order", group.name));
        }
        row.places = Some((row.places.map_or(place, |(first, _)| first), place));
        read_group(group, attribute.value, &mut row)?;
        row.groups |= 1 << group.bit;
    }
    if !walk.rest().is_empty() {
        return Err("there is something behind its last group".to_owned());
    }
    if row.more && row.absent.is_some() {
        return Err("ABSENT is not in the last message".to_owned());
    }
    match missing(&row, show) {
        Some(group) => Err(format!("{} is missing", group.name)),
        None => Ok(row),
    }
}

/// Checks the reply to `TASK_DIAG_CMD_FEATURES` against the features that were
/// reported at the start of the run.
pub(super) fn read_features(
    transport: Transport,
    payload: &[u8],
    known: Features,
) -> Result<(), String> {
    let attributes = attributes(transport, payload, abi::TASK_DIAG_CMD_FEATURES)?;
    match features(attributes) {
        Some(features) if features == known => Ok(()),
        features => Err(format!("{features:x?}, instead of {known:x?}")),
    }
}

/// Returns the features, if the reply has no other attribute.
pub(crate) fn features(attributes: &[u8]) -> Option<Features> {
    let mut walk = Attributes::new(attributes);
    let found: Vec<_> = walk
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
    let known = walk.rest().is_empty()
        && attribute.kind == abi::TASK_DIAG_FEATURES
        && value.len() == FEATURES_SIZE
        && u32_at(value, 44) == Some(0)
        && features.vma_flags < abi::TASK_DIAG_VMA_SEALED << 1
        && features.groups & !groups::known() == 0
        && features.strategies & !below(abi::TASK_DIAG_DUMP_MAX) == 0
        && features.filters & !below(u64::from(abi::TASK_DIAG_FILTER_MAX)) == 0
        && features.options & !3 == 0;
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
        "its generic netlink header is not that of command {command}"
    ))
}

fn message(first: Option<Attribute<'_>>) -> Result<Row, String> {
    let msg = first
        .filter(|first| first.kind == abi::TASK_DIAG_MSG)
        .filter(|first| first.value.len() == size_of::<abi::TaskDiagMsg>())
        .ok_or("it does not begin with MSG")?
        .value;
    let flags = u32_at(msg, 8).unwrap_or_default();
    let row = Row {
        pid: u32_at(msg, 0).unwrap_or_default(),
        tgid: u32_at(msg, 4).unwrap_or_default(),
        goes_on: flags & abi::TASK_DIAG_FLAG_CONT != 0,
        more: flags & FLAG_MORE != 0,
        ..Row::default()
    };
    if flags & !(abi::TASK_DIAG_FLAG_CONT | FLAG_MORE) != 0 {
        return Err(format!("it has flags {flags:#x}"));
    }
    if row.pid == 0 || row.tgid == 0 {
        return Err(format!("its task is {}, of process {}", row.pid, row.tgid));
    }
    Ok(row)
}

/// Position of a group in a row: structures first, then the appended groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    stage: u8,
    bit: u16,
}

impl Place {
    fn of(group: &Group) -> Self {
        let stage = match group.bit {
            _ if group.always => 0,
            abi::TASK_DIAG_GROUP_CGROUP => 1,
            abi::TASK_DIAG_GROUP_FILES => 2,
            abi::TASK_DIAG_GROUP_CMDLINE => 3,
            _ => 4,
        };
        Self {
            stage,
            bit: group.bit,
        }
    }
}

fn read_group(group: &Group, value: &[u8], row: &mut Row) -> Result<(), String> {
    let name = group.name;
    let len = value.len();
    match group.shape {
        Shape::Pieces => return Ok(()),
        Shape::Areas(size) => return areas(size, value).map_err(|what| format!("{name}: {what}")),
        Shape::Structure(_) if row.goes_on && group.always => {
            return Err(format!("{name} is in a continuation message"));
        }
        Shape::Structure(size) if len == size => {}
        Shape::Text(size) if len >= size => {}
        Shape::Structure(_) | Shape::Text(_) => {
            return Err(format!("{name} has {len} bytes"));
        }
    }
    match group.bit {
        abi::TASK_DIAG_GROUP_BASE => row.base = Some(base(value, row)?),
        abi::TASK_DIAG_GROUP_CRED => row.creds = Some(creds(value)?),
        abi::TASK_DIAG_GROUP_STAT => stat(value)?,
        abi::TASK_DIAG_GROUP_FILES => files(value)?,
        abi::TASK_DIAG_GROUP_IDENT => ident(value)?,
        abi::TASK_DIAG_GROUP_NS => ns(value)?,
        abi::TASK_DIAG_GROUP_CGROUP => cgroup(value)?,
        _ => {}
    }
    Ok(())
}

/// Checks memory mappings: in ascending order, each with a structure of at least
/// this size, which begins with its length, the offset of the name, and two
/// addresses.
fn areas(size: usize, value: &[u8]) -> Result<(), String> {
    let mut rest = value;
    let mut below = 0;
    while !rest.is_empty() {
        let len = u32_at(rest, 0).unwrap_or_default() as usize;
        let area = rest
            .get(..len)
            .filter(|area| area.len() >= size && area.len() % 8 == 0)
            .ok_or_else(|| format!("an area of {len} bytes of {}", rest.len()))?;
        let [start, end] = [8, 16].map(|at| u64_at(area, at).unwrap_or_default());
        if start < below || end <= start {
            return Err(format!("{start:#x}-{end:#x} behind {below:#x}"));
        }
        below = end;
        check_name(size, area)?;
        rest = &rest[len..];
    }
    Ok(())
}

/// Checks that only zeros follow a mapping's name, or its structure if the mapping
/// has no name.
fn check_name(size: usize, area: &[u8]) -> Result<(), String> {
    let name = match u32_at(area, 4).unwrap_or_default() as usize {
        0 => return empty(&area[size..]),
        at => area.get(at..).filter(|_| at >= size),
    };
    let end = name.and_then(|name| name.iter().position(|byte| *byte == 0));
    match name.zip(end) {
        Some((name, end)) => empty(&name[end..]),
        None => Err("its name is out of bounds".to_owned()),
    }
}

/// Returns a group that the first message of a row must contain, and lacks.
fn missing(row: &Row, show: u64) -> Option<&'static Group> {
    GROUPS
        .iter()
        .find(|group| group.always && !row.goes_on && show & !row.groups & (1 << group.bit) != 0)
}

fn empty(bytes: &[u8]) -> Result<(), String> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    Err(format!("unused bytes are not zero: {bytes:02x?}"))
}

fn base(value: &[u8], row: &Row) -> Result<abi::TaskDiagBase, String> {
    let base = abi::TaskDiagBase::read_from_bytes(value)
        .map_err(|_| "BASE has another length".to_owned())?;
    if (base.pid, base.tgid) != (row.pid, row.tgid) {
        return Err(format!("BASE is about {} of {}", base.pid, base.tgid));
    }
    if base.state > abi::TASK_DIAG_IDLE {
        return Err(format!("there is no state {}", base.state));
    }
    let name = base.comm.iter().take_while(|byte| **byte != 0).count();
    if name == base.comm.len() {
        return Err("its name has no end".to_owned());
    }
    if base.comm[name..].iter().any(|byte| *byte != 0) {
        return Err(format!(
            "its name is not padded with NULs: {:02x?}",
            base.comm
        ));
    }
    if base.pad != [0; 3] {
        return Err(format!("__pad is not zero: {:02x?}", base.pad));
    }
    Ok(base)
}

fn creds(value: &[u8]) -> Result<abi::TaskDiagCreds, String> {
    let creds = abi::TaskDiagCreds::read_from_bytes(value)
        .map_err(|_| "CRED has another length".to_owned())?;
    for (name, set) in [
        ("cap_inheritable", creds.cap_inheritable),
        ("cap_permitted", creds.cap_permitted),
        ("cap_effective", creds.cap_effective),
        ("cap_bset", creds.cap_bset),
        ("cap_ambient", creds.cap_ambient),
    ] {
        if set.cap[1] >> (CAP_LAST_CAP - 31) != 0 {
            return Err(format!(
                "there are no such capabilities: {name} {:x?}",
                set.cap
            ));
        }
    }
    if creds.securebits & !SECURE_BITS != 0 {
        return Err(format!(
            "there are no such securebits: {:#x}",
            creds.securebits
        ));
    }
    if creds.no_new_privs > 1 {
        return Err(format!("no_new_privs is {}", creds.no_new_privs));
    }
    Ok(creds)
}

/// Checks that fields that are not valid are 0.
fn unused(name: &str, value: &[u8], at: usize, len: usize) -> Result<(), String> {
    match value.get(at..at + len) {
        Some(fields) if fields.iter().all(|byte| *byte == 0) => Ok(()),
        fields => Err(format!(
            "{name} has fields that are not valid: {fields:02x?}"
        )),
    }
}

fn stat(value: &[u8]) -> Result<(), String> {
    let stat = abi::TaskDiagStat::read_from_bytes(value)
        .map_err(|_| "STAT has another length".to_owned())?;
    let valid = stat.valid;
    let known = abi::TASK_DIAG_STAT_VALID_MEMORY
        | abi::TASK_DIAG_STAT_VALID_RUN_DELAY
        | abi::TASK_DIAG_STAT_VALID_BLKIO_DELAY
        | abi::TASK_DIAG_STAT_VALID_EXIT_CODE;
    if valid & !known != 0 {
        return Err(format!("STAT: unknown bits in valid: {valid:#x}"));
    }
    if valid & abi::TASK_DIAG_STAT_VALID_MEMORY == 0 {
        let vsize = offset_of!(abi::TaskDiagStat, vsize);
        let flags = offset_of!(abi::TaskDiagStat, flags);
        unused("STAT", value, vsize, flags - vsize)?;
    }
    if valid & abi::TASK_DIAG_STAT_VALID_RUN_DELAY == 0 && stat.run_delay != 0
        || valid & abi::TASK_DIAG_STAT_VALID_BLKIO_DELAY == 0 && stat.blkio_delay != 0
    {
        return Err(format!("STAT has a delay that is not valid: {stat:?}"));
    }
    let nice = (-20..=19).contains(&stat.nice);
    if !nice || stat.rt_priority > 99 || stat.tty_pgrp < -1 {
        return Err(format!("STAT is out of range: {stat:?}"));
    }
    Ok(())
}

fn files(value: &[u8]) -> Result<(), String> {
    let files = abi::TaskDiagFiles::read_from_bytes(value)
        .map_err(|_| "FILES has another length".to_owned())?;
    if files.valid & !abi::TASK_DIAG_FILES_VALID_COUNTS != 0 {
        return Err(format!("FILES: unknown bits in valid: {:#x}", files.valid));
    }
    if files.valid == 0 {
        let total = offset_of!(abi::TaskDiagFiles, total);
        let valid = offset_of!(abi::TaskDiagFiles, valid);
        return unused("FILES", value, total, valid - total);
    }
    let kinds = [
        files.regular,
        files.socket,
        files.pipe,
        files.eventfd,
        files.epoll,
        files.other,
    ];
    if files.total != kinds.iter().sum::<u32>() {
        return Err(format!("FILES: total is not the sum: {files:?}"));
    }
    Ok(())
}

fn ident(value: &[u8]) -> Result<(), String> {
    let ident = abi::TaskDiagIdent::read_from_bytes(value)
        .map_err(|_| "IDENT has another length".to_owned())?;
    let known = abi::TASK_DIAG_IDENT_VALID_PIDFD_INO;
    if ident.valid & !known != 0 || ident.flags & !abi::TASK_DIAG_IDENT_LEADER != 0 {
        return Err(format!("IDENT is {ident:x?}"));
    }
    if (ident.valid & known == 0) != (ident.pidfd_ino == 0) {
        return Err(format!("IDENT: valid does not match pidfd_ino: {ident:x?}"));
    }
    Ok(())
}

/// Checks NS: `valid`, ten inode numbers and ten ids.
fn ns(value: &[u8]) -> Result<(), String> {
    let kinds = abi::TASK_DIAG_NS_MAX + 1;
    let valid = u64_at(value, 0).unwrap_or_default();
    let all = ((1u64 << kinds) - 1) * (1 | 1 << abi::TASK_DIAG_NS_IDS);
    if valid & !all != 0 {
        return Err(format!("NS: unknown bits in valid: {valid:#x}"));
    }
    for kind in 0..kinds as usize {
        let inode = u32_at(value, 8 + 4 * kind).unwrap_or_default();
        let id = u64_at(value, 8 + 4 * kinds as usize + 8 * kind).unwrap_or_default();
        let has = |bit: usize| valid & (1 << bit) != 0;
        let id_bit = abi::TASK_DIAG_NS_IDS as usize + kind;
        if has(kind) != (inode != 0) || has(id_bit) != (id != 0) {
            return Err(format!(
                "NS: valid {valid:#x} does not match inode {inode} and id {id} of namespace {kind}"
            ));
        }
    }
    Ok(())
}

fn cgroup(value: &[u8]) -> Result<(), String> {
    let size = size_of::<abi::TaskDiagCgroup>();
    let flags = u32_at(value, 12).unwrap_or_default();
    if flags > 1 {
        return Err(format!("CGROUP has flags {flags:#x}"));
    }
    match u32_at(value, 8).unwrap_or_default() as usize {
        0 if value.len() == size => Ok(()),
        at if at == size && value.get(at) == Some(&b'/') => {
            let path = &value[at..];
            match path.iter().position(|byte| *byte == 0) {
                Some(end) if end + 1 == path.len() => Ok(()),
                _ => Err(format!("CGROUP: no single NUL ends the path: {path:02x?}")),
            }
        }
        at => Err(format!("CGROUP has a path at {at} of {}", value.len())),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn put(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
        to.extend((4 + value.len() as u16).to_ne_bytes());
        to.extend(kind.to_ne_bytes());
        to.extend(value);
    }

    pub(crate) fn comm(name: &[u8]) -> [u8; 16] {
        let mut comm = [0; 16];
        comm[..name.len()].copy_from_slice(name);
        comm
    }

    /// Returns a row with BASE and CRED, which `change` has modified.
    pub(crate) fn payload(
        pid: u32,
        tgid: u32,
        change: impl FnOnce(&mut abi::TaskDiagBase, &mut abi::TaskDiagCreds),
    ) -> Vec<u8> {
        let mut base = abi::TaskDiagBase::default();
        base.pid = pid;
        base.tgid = tgid;
        base.comm = comm(b"sh");
        let mut creds = abi::TaskDiagCreds::default();
        change(&mut base, &mut creds);
        let mut bytes = vec![1, 1, 0, 0];
        put(&mut bytes, abi::TASK_DIAG_MSG, [pid, tgid, 0].as_bytes());
        put(&mut bytes, abi::TASK_DIAG_BASE, base.as_bytes());
        put(&mut bytes, abi::TASK_DIAG_CRED, creds.as_bytes());
        bytes
    }

    #[test]
    fn a_row_in_order_is_read() {
        let row = read(Transport::Socket, &payload(7, 5, |_, _| ()), 3).unwrap();
        assert_eq!((row.pid, row.tgid), (7, 5));
        assert_eq!(row.base.unwrap().comm, comm(b"sh"));
        assert!(row.creds.is_some());
    }

    #[test]
    fn row_of_the_file_has_no_generic_netlink_header() {
        let bytes = payload(7, 5, |_, _| ());
        assert!(read(Transport::File, &bytes, 3).is_err());
        assert!(read(Transport::File, &bytes[4..], 3).is_ok());
    }

    /// Returns the first message of a row of task 7 with these groups.
    fn begun(tgid: u32, groups: u64) -> Pending {
        Pending::new(&Row {
            pid: 7,
            tgid,
            groups,
            more: false,
            places: Some((Place { stage: 0, bit: 0 }, Place { stage: 0, bit: 0 })),
            ..Row::default()
        })
    }

    /// Returns the first message of a row of task 7 that the next message continues.
    fn begun_with_more(groups: u64) -> Pending {
        Pending {
            more: true,
            ..begun(7, groups)
        }
    }

    /// Returns a message that continues the row of task 7 with these groups. The
    /// stages are those of the first and the last group.
    fn more(groups: u64, stages: (u8, u8), absent: Option<Absent>) -> Row {
        let (first, last) = stages;
        Row {
            pid: 7,
            tgid: 7,
            groups,
            goes_on: true,
            absent,
            places: (groups != 0).then_some((
                Place {
                    stage: first,
                    bit: 0,
                },
                Place {
                    stage: last,
                    bit: 0,
                },
            )),
            ..Row::default()
        }
    }

    const CMDLINE: u64 = abi::TASK_DIAG_SHOW_CMDLINE;
    const FILES: u64 = abi::TASK_DIAG_SHOW_FILES;
    const VMA: u64 = abi::TASK_DIAG_SHOW_VMA;

    #[test]
    fn requested_group_is_present_or_absent() {
        let none = begun(7, 1);
        assert_eq!(none.end(1), Ok(0));
        assert!(none.end(1 | CMDLINE).unwrap_err().contains("missing"));

        let mut split = begun(7, 1);
        split.add(&more(FILES | CMDLINE, (2, 3), None)).unwrap();
        split.add(&more(CMDLINE | VMA, (3, 4), None)).unwrap();
        assert_eq!(split.end(1 | FILES | CMDLINE | VMA), Ok(0));

        let gone = Absent {
            gone: CMDLINE | VMA,
            ..Default::default()
        };
        let mut cut = begun(7, 1);
        cut.add(&more(CMDLINE, (3, 3), None)).unwrap();
        cut.add(&more(0, (0, 0), Some(gone))).unwrap();
        assert_eq!(cut.end(1 | CMDLINE | VMA), Ok(CMDLINE | VMA));
        assert!(cut.end(1 | CMDLINE).is_err());
        assert!(cut.add(&more(VMA, (4, 4), None)).is_err());
    }

    fn with_absent(tgid: u32, groups: u64, absent: Absent) -> Pending {
        Pending {
            absent: Some(absent),
            ..begun(tgid, groups)
        }
    }

    #[test]
    fn masks_are_disjoint_and_within_the_request() {
        let absent = |gone, denied, busy, leader| Absent {
            gone,
            denied,
            busy,
            leader,
            ..Default::default()
        };
        let end = |tgid, groups, absent| with_absent(tgid, groups, absent).end(1 | FILES | VMA);
        assert_eq!(end(7, 1, absent(0, VMA, FILES, 0)), Ok(0));
        assert!(end(7, 1, absent(VMA, VMA, FILES, 0)).is_err());
        assert!(end(7, 1, absent(VMA, CMDLINE, FILES, 0)).is_err());
        assert!(end(7, 1 | FILES | VMA, absent(0, 0, 0, 0)).is_err());
        // FILES is complete or absent, and BASE is never absent.
        assert!(end(7, 1 | FILES, absent(FILES, 0, VMA, 0)).is_err());
        assert!(end(7, FILES | VMA, absent(1, 0, 0, 0)).is_err());
        // Mappings are in the rows of leaders.
        assert_eq!(end(5, 1 | FILES, absent(0, 0, 0, VMA)), Ok(0));
        assert!(end(7, 1 | FILES, absent(0, 0, 0, VMA)).is_err());
        assert!(end(5, 1, absent(0, 0, 0, VMA | FILES)).is_err());
        assert!(begun(5, 1 | FILES | VMA).end(1 | FILES | VMA).is_err());
    }

    #[test]
    fn row_ends_with_the_message_without_more() {
        let mut row = begun_with_more(1);
        assert!(!row.is_complete());
        assert!(row.end(1).unwrap_err().contains("rest"));
        row.add(&more(CMDLINE, (3, 3), None)).unwrap();
        assert!(row.is_complete());
        assert_eq!(row.end(1 | CMDLINE), Ok(0));

        let limit = Absent {
            limit: CMDLINE,
            ..Default::default()
        };
        assert_eq!(with_absent(7, 1, limit).end(1 | CMDLINE), Ok(0));
        assert!(
            with_absent(
                7,
                1,
                Absent {
                    gone: CMDLINE,
                    ..limit
                }
            )
            .end(1 | CMDLINE)
            .is_err()
        );
    }

    #[test]
    fn continuation_has_something_and_keeps_the_order() {
        assert!(begun(7, 1).add(&more(0, (0, 0), None)).is_err());
        let mut row = begun(7, 1);
        row.add(&more(CMDLINE, (3, 3), None)).unwrap();
        assert!(row.add(&more(FILES, (2, 2), None)).is_err());
        let mut row = begun(7, 1);
        row.add(&more(FILES, (2, 2), None)).unwrap();
        assert!(row.add(&more(FILES, (2, 2), None)).is_err());
        let other = Row {
            pid: 8,
            ..more(VMA, (4, 4), None)
        };
        assert!(begun(7, 1).add(&other).is_err());
    }

    #[test]
    fn fields_that_are_not_valid_are_0() {
        let mut value = abi::TaskDiagStat::default();
        value.valid = abi::TASK_DIAG_STAT_VALID_EXIT_CODE;
        assert_eq!(stat(value.as_bytes()), Ok(()));
        value.rss_anon = 4096;
        assert!(stat(value.as_bytes()).is_err());
        value.valid = abi::TASK_DIAG_STAT_VALID_MEMORY;
        assert_eq!(stat(value.as_bytes()), Ok(()));
        value.run_delay = 1;
        assert!(stat(value.as_bytes()).is_err());
        value.valid = 0x10;
        assert!(stat(value.as_bytes()).is_err());

        let mut value = abi::TaskDiagFiles::default();
        assert_eq!(files(value.as_bytes()), Ok(()));
        value.total = 1;
        assert!(files(value.as_bytes()).is_err());
        value.valid = 1;
        assert!(files(value.as_bytes()).is_err());
        value.pipe = 1;
        assert_eq!(files(value.as_bytes()), Ok(()));

        let mut value = abi::TaskDiagIdent::default();
        assert_eq!(ident(value.as_bytes()), Ok(()));
        value.pidfd_ino = 1;
        assert!(ident(value.as_bytes()).is_err());
    }

    #[test]
    fn namespaces_have_the_fields_that_are_valid() {
        let namespaces = |valid: u64, inode: u32, id: u64| {
            let mut value = valid.to_ne_bytes().to_vec();
            value.extend([inode, 0, 0, 0, 0, 0, 0, 0, 0, 0].as_bytes());
            value.extend([id, 0, 0, 0, 0, 0, 0, 0, 0, 0].as_bytes());
            ns(&value)
        };
        assert_eq!(namespaces(0, 0, 0), Ok(()));
        assert_eq!(namespaces(1, 7, 0), Ok(()));
        assert_eq!(namespaces(1 | 1 << 32, 7, 9), Ok(()));
        assert!(namespaces(0, 7, 0).is_err());
        assert!(namespaces(1, 7, 9).is_err());
        assert!(namespaces(1 << 10, 0, 0).is_err());
        assert!(namespaces(1 << 42, 0, 0).is_err());
    }

    #[test]
    fn cgroup_has_a_path_with_its_end() {
        let path = |at: u32, path: &[u8]| {
            let mut value = 1u64.to_ne_bytes().to_vec();
            value.extend(at.to_ne_bytes());
            value.extend([0; 4]);
            value.extend(path);
            cgroup(&value)
        };
        assert_eq!(path(16, b"/a\0"), Ok(()));
        assert_eq!(path(0, b""), Ok(()));
        assert!(path(16, b"/a").is_err());
        assert!(path(16, b"/a\0\0").is_err());
        assert!(path(0, b"/a\0").is_err());
        assert!(path(8, b"/a\0").is_err());
    }

    #[test]
    fn rows_have_the_groups_that_were_asked_for() {
        let bytes = payload(7, 5, |_, _| ());
        assert!(read(Transport::Socket, &bytes, 1).is_err());
        assert!(read(Transport::Socket, &bytes, 2).is_err());
        assert!(read(Transport::Socket, &bytes[..bytes.len() - 84], 3).is_err());
        assert!(read(Transport::Socket, &bytes[..bytes.len() - 84], 1).is_ok());
        assert!(read(Transport::Socket, &bytes[..20], 0).is_ok());
    }

    #[test]
    fn what_should_be_zero_is_looked_at() {
        let wrong = |change: fn(&mut abi::TaskDiagBase, &mut abi::TaskDiagCreds)| {
            read(Transport::Socket, &payload(7, 5, change), 3).unwrap_err()
        };
        assert!(wrong(|base, _| base.pad[2] = 0x6b).contains("__pad"));
        assert!(wrong(|base, _| base.comm[9] = 1).contains("padded"));
        assert!(wrong(|base, _| base.comm = [b'x'; 16]).contains("end"));
        assert!(wrong(|base, _| base.state = 9).contains("state"));
        assert!(wrong(|base, _| base.pid = 8).contains("about"));
        assert!(wrong(|_, creds| creds.cap_bset.cap[1] = 0x200).contains("cap_bset"));
        assert!(wrong(|_, creds| creds.securebits = 0x100).contains("securebits"));
        assert!(wrong(|_, creds| creds.no_new_privs = 2).contains("no_new_privs"));
    }

    fn area(name_off: u32, start: u64, end: u64, behind: &[u8]) -> Vec<u8> {
        let mut bytes = vec![];
        bytes.extend((24 + behind.len() as u32).to_ne_bytes());
        bytes.extend(name_off.to_ne_bytes());
        bytes.extend(start.to_ne_bytes());
        bytes.extend(end.to_ne_bytes());
        bytes.extend(behind);
        bytes
    }

    #[test]
    fn areas_lie_one_behind_the_other() {
        let first = area(24, 0x1000, 0x2000, b"[heap]\0\0");
        let after = |next: Vec<u8>| areas(24, &[first.clone(), next].concat());
        assert_eq!(after(area(0, 0x2000, 0x3000, b"")), Ok(()));
        assert!(after(area(0, 0x1fff, 0x3000, b"")).is_err());
        assert!(after(area(0, 0x3000, 0x3000, b"")).is_err());
        assert!(after(area(0, 0x3000, 0x4000, b"1234")).is_err());
        assert!(after(vec![0; 24]).is_err());
        assert!(after(vec![0xff; 24]).is_err());
    }

    #[test]
    fn names_of_areas_end_in_zeros() {
        let named = |at, behind: &[u8]| areas(24, &area(at, 0x1000, 0x2000, behind));
        assert_eq!(named(24, b"[heap]\0\0"), Ok(()));
        assert!(named(24, b"[heap]\0k").is_err());
        assert!(named(24, b"no end!!").is_err());
        assert!(named(8, b"[heap]\0\0").is_err());
        assert!(named(32, b"[heap]\0\0").is_err());
        assert!(named(0, b"nobody's").is_err());
    }

    #[test]
    fn a_task_has_numbers() {
        assert!(read(Transport::Socket, &payload(0, 5, |_, _| ()), 3).is_err());
        assert!(read(Transport::Socket, &payload(7, 0, |_, _| ()), 3).is_err());
    }
}
