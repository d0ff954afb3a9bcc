// SPDX-License-Identifier: MIT
//! What a row has to look like, field by field.

use crate::groups::{self, GROUPS, Group, Shape};
use crate::wire::{Attribute, Attributes, GENL_HEADER, NLA_TYPE_MASK, u32_at, u64_at};
use taskdiag::abi;
use zerocopy::FromBytes;

/// The highest capability: `CAP_CHECKPOINT_RESTORE`.
const CAP_LAST_CAP: u32 = 40;
/// `SECURE_ALL_BITS` and their locks.
const SECURE_BITS: u32 = 0xff;

/// A row that is in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) pid: u32,
    pub(crate) tgid: u32,
    pub(crate) base: Option<abi::TaskDiagBase>,
    pub(crate) creds: Option<abi::TaskDiagCreds>,
    /// The bits of the groups that are there.
    pub(crate) groups: u64,
    /// It is not the first message about its task.
    pub(crate) goes_on: bool,
}

/// Reads the payload of a row's message, in which these groups have to be and
/// nothing else; or says what is wrong with it.
pub(super) fn read(payload: &[u8], show: u64) -> Result<Row, String> {
    check_command(payload, abi::TASK_DIAG_CMD_GET)?;
    let mut walk = Attributes::new(&payload[GENL_HEADER..]);
    let mut row = message(walk.next())?;
    let mut behind = None;
    for attribute in walk.by_ref() {
        if attribute.kind == abi::TASK_DIAG_PAD {
            empty(attribute.value)?;
            continue;
        }
        let group = groups::of_attribute(attribute.kind)
            .filter(|group| show & (1 << group.bit) != 0)
            .ok_or_else(|| {
                let kind = attribute.kind & NLA_TYPE_MASK;
                format!("there is attribute {kind}, which nobody asked for")
            })?;
        let place = place(group);
        if behind.is_some_and(|behind| behind >= place) {
            return Err(format!("{} is there twice, or too late", group.name));
        }
        behind = Some(place);
        read_group(group, attribute.value, &mut row)?;
        row.groups |= 1 << group.bit;
    }
    if !walk.rest().is_empty() {
        return Err("there is something behind its last group".to_owned());
    }
    match missing(&row, show) {
        Some(group) => Err(format!("{} is missing", group.name)),
        None => Ok(row),
    }
}

/// Reads the answer to `TASK_DIAG_CMD_FEATURES`.
pub(super) fn read_features(payload: &[u8]) -> Result<(), String> {
    check_command(payload, abi::TASK_DIAG_CMD_FEATURES)?;
    let mut walk = Attributes::new(&payload[GENL_HEADER..]);
    let found: Vec<_> = walk
        .by_ref()
        .filter(|attribute| attribute.kind != abi::TASK_DIAG_PAD)
        .map(|attribute| (attribute.kind, attribute.value.len()))
        .collect();
    let size = size_of::<abi::TaskDiagFeatures>();
    if found == [(abi::TASK_DIAG_FEATURES, size)] && walk.rest().is_empty() {
        Ok(())
    } else {
        Err(format!("what it can tell is in {found:?}"))
    }
}

fn check_command(payload: &[u8], command: u8) -> Result<(), String> {
    let genl = [command, abi::TASK_DIAG_GENL_VERSION, 0, 0];
    if payload.get(..GENL_HEADER) == Some(&genl) {
        return Ok(());
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
    let row = Row {
        pid: u32_at(msg, 0).unwrap_or_default(),
        tgid: u32_at(msg, 4).unwrap_or_default(),
        goes_on: u32_at(msg, 8).unwrap_or_default() & abi::TASK_DIAG_FLAG_CONT != 0,
        ..Row::default()
    };
    let flags = u32_at(msg, 8).unwrap_or_default();
    if flags & !(abi::TASK_DIAG_FLAG_CONT | abi::TASK_DIAG_FLAG_CUT) != 0 {
        return Err(format!("it has flags {flags:#x}"));
    }
    if row.pid == 0 || row.tgid == 0 {
        return Err(format!("its task is {}, of process {}", row.pid, row.tgid));
    }
    Ok(row)
}

/// First what is one structure, and then what may go on in another message.
fn place(group: &Group) -> (u8, u16) {
    let stage = match group.shape {
        Shape::Structure(..) if group.bit == abi::TASK_DIAG_GROUP_FILES => 1,
        Shape::Structure(..) => 0,
        Shape::Text(..) => 1,
        Shape::Pieces => 2,
        Shape::Areas(..) => 3,
    };
    (stage, group.bit)
}

fn read_group(group: &Group, value: &[u8], row: &mut Row) -> Result<(), String> {
    let name = group.name;
    let len = value.len();
    let pad = match group.shape {
        Shape::Pieces => return Ok(()),
        Shape::Areas(size) => return areas(size, value).map_err(|what| format!("{name}: {what}")),
        _ if row.goes_on => return Err(format!("{name} is in a message that goes on")),
        Shape::Structure(size, pad) if len == size => pad,
        Shape::Text(size, pad) if len == size || len > size && value[len - 1] == 0 => pad,
        Shape::Structure(..) | Shape::Text(..) => {
            return Err(format!("{name} has {len} bytes"));
        }
    };
    if let Some(at) = pad {
        empty(&value[at..at + 4])?;
    }
    match group.bit {
        abi::TASK_DIAG_GROUP_BASE => row.base = Some(base(value, row)?),
        abi::TASK_DIAG_GROUP_CRED => row.creds = Some(creds(value)?),
        _ => {}
    }
    Ok(())
}

/// Areas in ascending order, each with its length, and of a structure of this
/// size: it begins with the length, where the name is, and the two addresses.
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

/// Behind a name there is nothing, and without one nothing at all.
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

/// A group that every task has, and this row does not.
fn missing(row: &Row, show: u64) -> Option<&'static Group> {
    GROUPS
        .iter()
        .find(|group| group.always && !row.goes_on && show & !row.groups & (1 << group.bit) != 0)
}

fn empty(bytes: &[u8]) -> Result<(), String> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    Err(format!("what is nobody's is not zero: {bytes:02x?}"))
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use zerocopy::IntoBytes;

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

    /// A row with BASE and CRED, changed before it is written down.
    pub(crate) fn payload(
        pid: u32,
        tgid: u32,
        change: impl FnOnce(&mut abi::TaskDiagBase, &mut abi::TaskDiagCreds),
    ) -> Vec<u8> {
        let mut base = abi::TaskDiagBase {
            pid,
            tgid,
            comm: comm(b"sh"),
            ..Default::default()
        };
        let mut creds = abi::TaskDiagCreds::default();
        change(&mut base, &mut creds);
        let mut bytes = vec![1, 1, 0, 0];
        put(&mut bytes, 2, [pid, tgid, 0].as_bytes());
        put(&mut bytes, 16, base.as_bytes());
        put(&mut bytes, 17, creds.as_bytes());
        bytes
    }

    #[test]
    fn a_row_in_order_is_read() {
        let row = read(&payload(7, 5, |_, _| ()), 3).unwrap();
        assert_eq!((row.pid, row.tgid), (7, 5));
        assert_eq!(row.base.unwrap().comm, comm(b"sh"));
        assert!(row.creds.is_some());
    }

    #[test]
    fn rows_have_the_groups_that_were_asked_for() {
        let bytes = payload(7, 5, |_, _| ());
        assert!(read(&bytes, 1).is_err());
        assert!(read(&bytes, 2).is_err());
        assert!(read(&bytes[..bytes.len() - 84], 3).is_err());
        assert!(read(&bytes[..bytes.len() - 84], 1).is_ok());
        assert!(read(&bytes[..20], 0).is_ok());
    }

    #[test]
    fn what_should_be_zero_is_looked_at() {
        let wrong = |change: fn(&mut abi::TaskDiagBase, &mut abi::TaskDiagCreds)| {
            read(&payload(7, 5, change), 3).unwrap_err()
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
        assert!(read(&payload(0, 5, |_, _| ()), 3).is_err());
        assert!(read(&payload(7, 0, |_, _| ()), 3).is_err());
    }
}
