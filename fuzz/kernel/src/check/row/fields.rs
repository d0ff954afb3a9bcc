// SPDX-License-Identifier: MIT
//! Checks of the fields of each group.

use std::mem::offset_of;

use zerocopy::FromBytes;

use super::{Row, empty};
use crate::groups::{Group, Shape};
use crate::wire::{u32_at, u64_at};
use taskdiag::abi;

/// The highest capability: `CAP_CHECKPOINT_RESTORE`.
const CAP_LAST_CAP: u32 = 40;

/// `PATH_MAX` without the NUL.
const PATH_LEN: usize = 4095;

/// `SECURE_ALL_BITS` and their locks.
const SECURE_BITS: u32 = 0xff;

pub(super) fn read_group(group: &Group, value: &[u8], row: &mut Row) -> Result<(), String> {
    let name = group.name;
    let len = value.len();
    match group.shape {
        Shape::Bytes => {
            row.has_memory |= group.bit == abi::TASK_DIAG_GROUP_ENVIRON && len > 0;
            return Ok(());
        }
        Shape::Mappings(size) => {
            row.has_memory |= !value.is_empty();
            return mappings(size, value).map_err(|what| format!("{name}: {what}"));
        }
        Shape::Paths(size) => {
            row.paths = Some(paths(size, value).map_err(|what| format!("PATHS: {what}"))?);
            return Ok(());
        }
        Shape::Structure(_) | Shape::WithBitmaps(_) if row.is_continuation && group.always => {
            return Err(format!("{name} is in a continuation message"));
        }
        Shape::Structure(size) if len == size => {}
        Shape::WithString(size) | Shape::WithBitmaps(size) if len >= size => {}
        Shape::Array(size) if len != 0 && len % size == 0 => {}
        Shape::Structure(_) | Shape::WithString(_) | Shape::WithBitmaps(_) | Shape::Array(_) => {
            return Err(format!("{name} has {len} bytes"));
        }
    }
    match group.bit {
        abi::TASK_DIAG_GROUP_BASE => row.base = Some(base(value, row)?),
        abi::TASK_DIAG_GROUP_CRED => row.creds = Some(creds(value)?),
        abi::TASK_DIAG_GROUP_STAT => row.stat = Some(stat(value)?),
        abi::TASK_DIAG_GROUP_FILES => row.files = Some(files(value)?),
        abi::TASK_DIAG_GROUP_IDENT => ident(value)?,
        abi::TASK_DIAG_GROUP_NS => ns(value)?,
        abi::TASK_DIAG_GROUP_CGROUP => cgroup(value)?,
        abi::TASK_DIAG_GROUP_SIGNALS => signals(value)?,
        abi::TASK_DIAG_GROUP_OOM => oom(value)?,
        abi::TASK_DIAG_GROUP_SCHED => sched(value)?,
        abi::TASK_DIAG_GROUP_NSPID => nspid(value, row)?,
        _ => {}
    }
    Ok(())
}

/// Checks memory mappings: in ascending order, each with a structure of at least
/// this size, which begins with its length, the offset of the name, and two
/// addresses.
pub(super) fn mappings(size: usize, value: &[u8]) -> Result<(), String> {
    let mut rest = value;
    let mut below = 0;
    while !rest.is_empty() {
        let len = u32_at(rest, 0).unwrap_or_default() as usize;
        let mapping = rest
            .get(..len)
            .filter(|mapping| mapping.len() >= size && mapping.len() % 8 == 0)
            .ok_or_else(|| format!("a mapping of {len} bytes, {} left", rest.len()))?;
        let [start, end] = [8, 16].map(|at| u64_at(mapping, at).unwrap_or_default());
        if start < below || end <= start {
            return Err(format!("mapping {start:#x}-{end:#x} after {below:#x}"));
        }
        below = end;
        check_name(size, mapping)?;
        rest = &rest[len..];
    }
    Ok(())
}

/// Checks paths, each with a structure of at least this size, and returns the kinds of
/// the first and of the last one.
pub(super) fn paths(size: usize, value: &[u8]) -> Result<(u32, u32), String> {
    let mut rest = value;
    let mut kinds: Option<(u32, u32)> = None;
    while !rest.is_empty() {
        let len = u32_at(rest, 0).unwrap_or_default() as usize;
        let record = rest
            .get(..len)
            .filter(|record| record.len() >= size && record.len() % 8 == 0)
            .ok_or_else(|| format!("a record of {len} bytes, {} left", rest.len()))?;
        let kind = u32_at(record, 8).unwrap_or_default();
        if kind > abi::TASK_DIAG_PATH_MAX || kinds.is_some_and(|(_, last)| kind != last + 1) {
            return Err(format!("kind {kind} after {kinds:?}"));
        }
        kinds = Some((kinds.map_or(kind, |(first, _)| first), kind));
        path(size, record)?;
        rest = &rest[len..];
    }
    kinds.ok_or_else(|| "an attribute without records".to_owned())
}

fn path(size: usize, record: &[u8]) -> Result<(), String> {
    let flags = u32_at(record, 12).unwrap_or_default();
    match u32_at(record, 4).unwrap_or_default() as usize {
        0 if flags & !abi::TASK_DIAG_PATH_TOO_LONG != 0 => {
            Err(format!("no path, flags {flags:#x}"))
        }
        0 => empty(&record[size..]),
        at if at < size || flags & !abi::TASK_DIAG_PATH_DELETED != 0 => {
            Err(format!("a path at {at}, flags {flags:#x}"))
        }
        at => {
            let text = record.get(at..).unwrap_or_default();
            let end = text.iter().position(|byte| *byte == 0);
            let end = end.filter(|end| *end > 0).ok_or("a path without end")?;
            let is_deleted = flags & abi::TASK_DIAG_PATH_DELETED != 0;
            if is_deleted && !text[..end].ends_with(b" (deleted)") {
                return Err(format!("a deleted file has the path {:02x?}", &text[..end]));
            }
            if end > PATH_LEN {
                return Err(format!("a path of {end} bytes"));
            }
            empty(&text[end..])
        }
    }
}

/// Checks that only zeros follow a mapping's name, or its structure if the mapping
/// has no name.
fn check_name(size: usize, mapping: &[u8]) -> Result<(), String> {
    let name = match u32_at(mapping, 4).unwrap_or_default() as usize {
        0 => return empty(&mapping[size..]),
        at => mapping.get(at..).filter(|_| at >= size),
    };
    let end = name.and_then(|name| name.iter().position(|byte| *byte == 0));
    match name.zip(end) {
        Some((name, end)) => empty(&name[end..]),
        None => Err("the name of a mapping is out of bounds".to_owned()),
    }
}

fn base(value: &[u8], row: &Row) -> Result<abi::TaskDiagBase, String> {
    let base = abi::TaskDiagBase::read_from_bytes(value)
        .map_err(|_| "BASE has another length".to_owned())?;
    if (base.pid, base.tgid) != (row.pid, row.tgid) {
        return Err(format!("BASE has pid {} and tgid {}", base.pid, base.tgid));
    }
    if base.state > abi::TASK_DIAG_IDLE {
        return Err(format!("BASE: unknown state {}", base.state));
    }
    let name = base.comm.iter().take_while(|byte| **byte != 0).count();
    if name == base.comm.len() {
        return Err("BASE: comm has no NUL".to_owned());
    }
    if base.comm[name..].iter().any(|byte| *byte != 0) {
        return Err(format!(
            "BASE: comm is not padded with NULs: {:02x?}",
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
                "CRED: unknown capabilities in {name}: {:x?}",
                set.cap
            ));
        }
    }
    if creds.securebits & !SECURE_BITS != 0 {
        return Err(format!("CRED: unknown securebits: {:#x}", creds.securebits));
    }
    if creds.no_new_privs > 1 {
        return Err(format!("CRED: no_new_privs is {}", creds.no_new_privs));
    }
    if creds.valid & !abi::TASK_DIAG_CRED_VALID_SECUREBITS != 0 {
        return Err(format!("CRED: unknown bits in valid: {:#x}", creds.valid));
    }
    if creds.valid == 0 && creds.securebits != 0 {
        return Err("CRED: securebits is not valid and not 0".to_owned());
    }
    Ok(creds)
}

/// Checks that fields that are not valid are 0.
fn unused(name: &str, value: &[u8], at: usize, len: usize) -> Result<(), String> {
    match value.get(at..at + len) {
        Some(fields) if fields.iter().all(|byte| *byte == 0) => Ok(()),
        fields => Err(format!(
            "{name}: fields that are not valid are not 0: {fields:02x?}"
        )),
    }
}

pub(super) fn stat(value: &[u8]) -> Result<abi::TaskDiagStat, String> {
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
        return Err(format!(
            "STAT: a delay that is not valid is not 0: {stat:?}"
        ));
    }
    let nice = (-20..=19).contains(&stat.nice);
    if !nice || stat.rt_priority > 99 || stat.tty_pgrp < -1 {
        return Err(format!("STAT: value out of range: {stat:?}"));
    }
    Ok(stat)
}

pub(super) fn files(value: &[u8]) -> Result<abi::TaskDiagFiles, String> {
    let files = abi::TaskDiagFiles::read_from_bytes(value)
        .map_err(|_| "FILES has another length".to_owned())?;
    if files.valid & !abi::TASK_DIAG_FILES_VALID_COUNTS != 0 {
        return Err(format!("FILES: unknown bits in valid: {:#x}", files.valid));
    }
    if files.valid == 0 {
        let total = offset_of!(abi::TaskDiagFiles, total);
        let valid = offset_of!(abi::TaskDiagFiles, valid);
        unused("FILES", value, total, valid - total)?;
        return Ok(files);
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
    Ok(files)
}

pub(super) fn signals(value: &[u8]) -> Result<(), String> {
    let signals = abi::TaskDiagSignals::read_from_bytes(value)
        .map_err(|_| "SIGNALS has another length".to_owned())?;
    if signals.pad != 0 || signals.ignored & signals.caught != 0 {
        return Err(format!("SIGNALS: {signals:x?}"));
    }
    Ok(())
}

pub(super) fn oom(value: &[u8]) -> Result<(), String> {
    let oom = abi::TaskDiagOom::read_from_bytes(value)
        .map_err(|_| "OOM has another length".to_owned())?;
    if !(-1000..=1000).contains(&oom.score_adj) || oom.score > 2000 {
        return Err(format!("OOM: {oom:?}"));
    }
    Ok(())
}

/// Checks SCHED: fields that are not valid are 0, and the bitmaps of CPUs and memory
/// nodes follow the structure.
pub(super) fn sched(value: &[u8]) -> Result<(), String> {
    let (sched, bitmaps) = abi::TaskDiagSched::read_from_prefix(value)
        .map_err(|_| "SCHED has another length".to_owned())?;
    let has = |bit| sched.valid & bit != 0;
    if sched.valid >= abi::TASK_DIAG_SCHED_VALID_MEMS << 1 {
        return Err(format!("SCHED: unknown bits in valid: {:#x}", sched.valid));
    }
    let unused = [
        (abi::TASK_DIAG_SCHED_VALID_FLAGS, sched.flags != 0),
        (abi::TASK_DIAG_SCHED_VALID_RUNTIME, sched.runtime != 0),
        (
            abi::TASK_DIAG_SCHED_VALID_DEADLINE,
            sched.deadline | sched.period != 0,
        ),
        (
            abi::TASK_DIAG_SCHED_VALID_UCLAMP,
            sched.util_min | sched.util_max != 0,
        ),
        (
            abi::TASK_DIAG_SCHED_VALID_IOPRIO,
            sched.ioprio | sched.ioprio_effective != 0,
        ),
        (
            abi::TASK_DIAG_SCHED_VALID_TIMER_SLACK,
            sched.timer_slack != 0,
        ),
        (
            abi::TASK_DIAG_SCHED_VALID_AUTOGROUP,
            sched.autogroup != 0 || sched.autogroup_nice != 0,
        ),
        (
            abi::TASK_DIAG_SCHED_VALID_CPUS,
            sched.cpus_off | sched.cpus_len != 0,
        ),
        (
            abi::TASK_DIAG_SCHED_VALID_MEMS,
            sched.mems_off | sched.mems_len != 0,
        ),
    ];
    if unused.iter().any(|&(bit, is_set)| is_set && !has(bit)) {
        return Err(format!(
            "SCHED: a field that is not valid is not 0: {sched:?}"
        ));
    }
    if !(-20..=19).contains(&sched.nice)
        || sched.rt_priority > 99
        || sched.util_min > 1024
        || sched.util_max > 1024
    {
        return Err(format!("SCHED: value out of range: {sched:?}"));
    }
    let size = size_of::<abi::TaskDiagSched>() as u32;
    let follow = !has(abi::TASK_DIAG_SCHED_VALID_CPUS) || sched.cpus_off == size;
    let behind = size + sched.cpus_len;
    let follow = follow && (!has(abi::TASK_DIAG_SCHED_VALID_MEMS) || sched.mems_off == behind);
    let whole = (sched.cpus_len | sched.mems_len) % 8 == 0;
    if !follow || !whole || (sched.cpus_len + sched.mems_len) as usize != bitmaps.len() {
        return Err(format!(
            "SCHED: {} bytes of bitmaps: {sched:?}",
            bitmaps.len()
        ));
    }
    Ok(())
}

/// Pid namespaces of a task: those of the levels 0 to 32.
const NAMESPACES: usize = 33;

/// Checks NSPID: the first namespace is that of the request.
pub(super) fn nspid(value: &[u8], row: &Row) -> Result<(), String> {
    let levels: Vec<_> = value
        .chunks_exact(size_of::<abi::TaskDiagNspid>())
        .filter_map(|level| abi::TaskDiagNspid::read_from_bytes(level).ok())
        .collect();
    let first = levels.first().map(|level| (level.pid, level.tgid));
    if first != Some((row.pid, row.tgid)) {
        return Err(format!("NSPID begins with {first:?}"));
    }
    let has_pids = |level: &abi::TaskDiagNspid| level.pid != 0 && level.tgid != 0;
    if levels.len() > NAMESPACES || !levels.iter().all(has_pids) {
        return Err(format!("NSPID: {levels:?}"));
    }
    Ok(())
}

pub(super) fn ident(value: &[u8]) -> Result<(), String> {
    let ident = abi::TaskDiagIdent::read_from_bytes(value)
        .map_err(|_| "IDENT has another length".to_owned())?;
    let known = abi::TASK_DIAG_IDENT_VALID_PIDFD_INO;
    if ident.valid & !known != 0 || ident.flags & !abi::TASK_DIAG_IDENT_LEADER != 0 {
        return Err(format!("IDENT: unknown bits: {ident:x?}"));
    }
    if (ident.valid & known == 0) != (ident.pidfd_ino == 0) {
        return Err(format!("IDENT: valid does not match pidfd_ino: {ident:x?}"));
    }
    Ok(())
}

/// Checks NS: `valid`, ten inode numbers and ten ids.
pub(super) fn ns(value: &[u8]) -> Result<(), String> {
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

pub(super) fn cgroup(value: &[u8]) -> Result<(), String> {
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
