// SPDX-License-Identifier: MIT
//! Tests of the checks of rows.

use zerocopy::IntoBytes;

use super::super::rights::Levels;
use super::fields::{cgroup, files, ident, mappings, ns, nspid, paths, sched, stat};
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
    creds.valid = abi::TASK_DIAG_CRED_VALID_SECUREBITS;
    change(&mut base, &mut creds);
    let mut bytes = vec![1, 1, 0, 0];
    put(&mut bytes, abi::TASK_DIAG_MSG, [pid, tgid, 0].as_bytes());
    put(&mut bytes, abi::TASK_DIAG_BASE, base.as_bytes());
    put(&mut bytes, abi::TASK_DIAG_CRED, creds.as_bytes());
    bytes
}

#[test]
fn row_in_order_is_read() {
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
fn first_message(tgid: u32, groups: u64) -> Pending {
    let row = Row {
        pid: 7,
        tgid,
        groups,
        more: false,
        positions: Some((
            GroupPosition { stage: 0, bit: 0 },
            GroupPosition { stage: 0, bit: 0 },
        )),
        ..Row::default()
    };
    Pending::new(&row, Levels::default())
}

/// Returns the first message of a row of task 7 that the next message continues.
fn first_message_with_more(groups: u64) -> Pending {
    Pending {
        more: true,
        ..first_message(7, groups)
    }
}

/// Returns a message that continues the row of task 7 with these groups. The
/// stages are those of the first and the last group.
fn more(groups: u64, stages: (u8, u8), absent: Option<abi::TaskDiagAbsent>) -> Row {
    let (first, last) = stages;
    Row {
        pid: 7,
        tgid: 7,
        groups,
        is_continuation: true,
        absent,
        positions: (groups != 0).then_some((
            GroupPosition {
                stage: first,
                bit: 0,
            },
            GroupPosition {
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
    let none = first_message(7, 1);
    assert_eq!(none.end(1), Ok(0));
    assert!(none.end(1 | CMDLINE).unwrap_err().contains("missing"));

    let mut split = first_message(7, 1);
    split.add(&more(FILES | CMDLINE, (2, 3), None)).unwrap();
    split.add(&more(CMDLINE | VMA, (3, 4), None)).unwrap();
    assert_eq!(split.end(1 | FILES | CMDLINE | VMA), Ok(0));

    let mut gone = abi::TaskDiagAbsent::default();
    gone.gone = CMDLINE | VMA;
    let mut cut = first_message(7, 1);
    cut.add(&more(CMDLINE, (3, 3), None)).unwrap();
    cut.add(&more(0, (0, 0), Some(gone))).unwrap();
    assert_eq!(cut.end(1 | CMDLINE | VMA), Ok(CMDLINE | VMA));
    assert!(cut.end(1 | CMDLINE).is_err());
    assert!(cut.add(&more(VMA, (4, 4), None)).is_err());
}

fn with_absent(tgid: u32, groups: u64, absent: abi::TaskDiagAbsent) -> Pending {
    Pending {
        absent: Some(absent),
        ..first_message(tgid, groups)
    }
}

#[test]
fn masks_are_disjoint_and_within_the_request() {
    let absent = |gone, denied, busy, leader| {
        let mut absent = abi::TaskDiagAbsent::default();
        absent.gone = gone;
        absent.denied = denied;
        absent.busy = busy;
        absent.leader = leader;
        absent
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
    assert!(
        first_message(5, 1 | FILES | VMA)
            .end(1 | FILES | VMA)
            .is_err()
    );
}

/// The valid level of a row that is under test.
const READABLE: Levels = Levels {
    full: false,
    readable: true,
    listed: false,
    constant: true,
};
const LISTED: Levels = Levels {
    listed: true,
    readable: false,
    ..READABLE
};
const FULL: Levels = Levels {
    full: true,
    readable: false,
    ..READABLE
};

const BASE: u64 = abi::TASK_DIAG_SHOW_BASE;
const NS: u64 = abi::TASK_DIAG_SHOW_NS;

/// Returns a row of task 7 in one message, with these denied groups.
fn denied_row(groups: u64, denied: u64) -> Row {
    let mut absent = abi::TaskDiagAbsent::default();
    absent.denied = denied;
    Row {
        pid: 7,
        tgid: 7,
        groups,
        absent: (denied != 0).then_some(absent),
        ..Row::default()
    }
}

/// Returns whether a row lacks groups, if its level is valid.
fn is_partial(row: &Row, levels: Levels, show: u64) -> Option<bool> {
    let pending = Pending::new(row, levels);
    pending.end(show).ok()?;
    pending.check_level(show, false).ok().map(|full| !full)
}

#[test]
fn readable_row_lacks_exactly_the_groups_that_need_ptrace() {
    let show = BASE | NS | CMDLINE | FILES | VMA;
    let mut limits = abi::TaskDiagFiles::default();
    let with_limits = |files, groups, denied| Row {
        files: Some(files),
        ..denied_row(groups, denied)
    };
    let groups = BASE | CMDLINE | FILES;
    let denied = NS | FILES | VMA;
    let partial = |row: &Row| is_partial(row, READABLE, show);
    assert_eq!(partial(&with_limits(limits, groups, denied)), Some(true));
    // NS is not denied, or present.
    assert_eq!(partial(&with_limits(limits, groups, FILES | VMA)), None);
    assert_eq!(
        partial(&with_limits(limits, groups | NS, FILES | VMA)),
        None
    );
    // The limits of FILES are present, but FILES is not denied.
    assert_eq!(partial(&with_limits(limits, groups, NS | VMA)), None);
    assert_eq!(partial(&denied_row(BASE, denied | CMDLINE)), None);
    assert_eq!(partial(&denied_row(CMDLINE, denied | BASE)), None);
    limits.valid = abi::TASK_DIAG_FILES_VALID_COUNTS;
    assert_eq!(partial(&with_limits(limits, groups, denied)), None);
    // Neither is a valid row for a caller with all rights.
    limits.valid = 0;
    let row = with_limits(limits, groups, denied);
    assert_eq!(is_partial(&row, FULL, show), None);
    assert_eq!(
        is_partial(&denied_row(BASE, NS), READABLE, BASE | NS),
        Some(true)
    );
    assert_eq!(is_partial(&denied_row(BASE, NS), FULL, BASE | NS), None);
    assert_eq!(
        is_partial(&denied_row(BASE | NS, 0), FULL, BASE | NS),
        Some(false)
    );
    assert_eq!(
        is_partial(&denied_row(BASE | NS, 0), READABLE, BASE | NS),
        None
    );
}

#[test]
fn readable_row_lacks_io() {
    let show = BASE | abi::TASK_DIAG_SHOW_IO;
    let lacks = denied_row(BASE, abi::TASK_DIAG_SHOW_IO);
    assert_eq!(is_partial(&lacks, READABLE, show), Some(true));
    // Root owns the file of a zombie.
    assert_eq!(is_partial(&lacks, FULL, show), Some(false));
    assert_eq!(is_partial(&denied_row(show, 0), READABLE, show), None);
}

#[test]
fn readable_row_has_no_memory_mappings() {
    let show = BASE | VMA;
    let partial = |row: &Row| is_partial(row, READABLE, show);
    assert_eq!(partial(&denied_row(BASE, VMA)), Some(true));
    // A kernel thread has no memory.
    let mut row = denied_row(BASE | VMA, 0);
    assert_eq!(partial(&row), Some(true));
    row.has_memory = true;
    assert_eq!(partial(&row), None);
    assert_eq!(is_partial(&row, FULL, show), Some(false));
}

#[test]
fn readable_row_lacks_the_fields_that_need_ptrace() {
    let show = abi::TASK_DIAG_SHOW_CRED | abi::TASK_DIAG_SHOW_STAT;
    let row = |valid, exit_code| {
        let mut creds = abi::TaskDiagCreds::default();
        creds.valid = valid;
        let mut stat = abi::TaskDiagStat::default();
        stat.valid = exit_code;
        Row {
            creds: Some(creds),
            stat: Some(stat),
            ..denied_row(show, 0)
        }
    };
    assert_eq!(is_partial(&row(0, 0), READABLE, show), Some(true));
    assert_eq!(is_partial(&row(1, 0), READABLE, show), None);
    let exit_code = abi::TASK_DIAG_STAT_VALID_EXIT_CODE;
    assert_eq!(is_partial(&row(0, exit_code), READABLE, show), None);
    assert_eq!(is_partial(&row(1, exit_code), FULL, show), Some(false));
    assert_eq!(is_partial(&row(0, 0), FULL, show), None);
}

#[test]
fn listed_row_has_only_the_pid() {
    let show = BASE | NS | CMDLINE;
    let partial = |groups, denied| is_partial(&denied_row(groups, denied), LISTED, show);
    assert_eq!(partial(0, show), Some(true));
    assert_eq!(partial(0, NS), None);
    assert_eq!(partial(BASE, NS | CMDLINE), None);
    assert_eq!(partial(CMDLINE, BASE | NS), None);
    // Without a requested group, nothing is denied.
    assert_eq!(is_partial(&denied_row(0, 0), LISTED, 0), Some(true));
}

#[test]
fn task_that_changes_may_deny_its_appended_groups() {
    let show = BASE | CMDLINE | FILES;
    let row = denied_row(BASE | FILES, CMDLINE);
    assert_eq!(is_partial(&row, FULL, show), None);
    let varying = Levels {
        constant: false,
        ..FULL
    };
    assert_eq!(is_partial(&row, varying, show), Some(false));
    let pending = Pending::new(&row, FULL);
    assert_eq!(pending.check_level(show, true), Ok(true));
    let row = denied_row(FILES, CMDLINE | BASE);
    assert_eq!(is_partial(&row, varying, show), None);
}

#[test]
fn row_ends_with_the_message_without_more() {
    let mut row = first_message_with_more(1);
    assert!(!row.is_complete());
    assert!(row.end(1).unwrap_err().contains("last message"));
    row.add(&more(CMDLINE, (3, 3), None)).unwrap();
    assert!(row.is_complete());
    assert_eq!(row.end(1 | CMDLINE), Ok(0));

    let mut limit = abi::TaskDiagAbsent::default();
    limit.limit = CMDLINE;
    assert_eq!(with_absent(7, 1, limit).end(1 | CMDLINE), Ok(0));
    limit.gone = CMDLINE;
    assert!(with_absent(7, 1, limit).end(1 | CMDLINE).is_err());
}

#[test]
fn continuation_must_have_an_attribute_and_keep_the_order() {
    assert!(first_message(7, 1).add(&more(0, (0, 0), None)).is_err());
    let mut row = first_message(7, 1);
    row.add(&more(CMDLINE, (3, 3), None)).unwrap();
    assert!(row.add(&more(FILES, (2, 2), None)).is_err());
    let mut row = first_message(7, 1);
    row.add(&more(FILES, (2, 2), None)).unwrap();
    assert!(row.add(&more(FILES, (2, 2), None)).is_err());
    let other = Row {
        pid: 8,
        ..more(VMA, (4, 4), None)
    };
    assert!(first_message(7, 1).add(&other).is_err());
}

#[test]
fn fields_that_are_not_valid_must_be_0() {
    let mut value = abi::TaskDiagStat::default();
    value.valid = abi::TASK_DIAG_STAT_VALID_EXIT_CODE;
    assert!(stat(value.as_bytes()).is_ok());
    value.rss_anon = 4096;
    assert!(stat(value.as_bytes()).is_err());
    value.valid = abi::TASK_DIAG_STAT_VALID_MEMORY;
    assert!(stat(value.as_bytes()).is_ok());
    value.run_delay = 1;
    assert!(stat(value.as_bytes()).is_err());
    value.valid = 0x10;
    assert!(stat(value.as_bytes()).is_err());

    let mut value = abi::TaskDiagFiles::default();
    assert!(files(value.as_bytes()).is_ok());
    value.total = 1;
    assert!(files(value.as_bytes()).is_err());
    value.valid = 1;
    assert!(files(value.as_bytes()).is_err());
    value.pipe = 1;
    assert!(files(value.as_bytes()).is_ok());

    let mut value = abi::TaskDiagIdent::default();
    assert_eq!(ident(value.as_bytes()), Ok(()));
    value.pidfd_ino = 1;
    assert!(ident(value.as_bytes()).is_err());
}

#[test]
fn valid_bits_must_match_the_namespaces() {
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
    let unknown = 1 << (abi::TASK_DIAG_NS_MAX + 1);
    assert!(namespaces(unknown, 0, 0).is_err());
    assert!(namespaces(unknown << abi::TASK_DIAG_NS_IDS, 0, 0).is_err());
}

#[test]
fn cgroup_path_must_end_with_one_nul() {
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
fn row_must_have_the_requested_groups() {
    let bytes = payload(7, 5, |_, _| ());
    assert!(read(Transport::Socket, &bytes, 1).is_err());
    assert!(read(Transport::Socket, &bytes, 2).is_err());
    assert!(read(Transport::Socket, &bytes[..bytes.len() - 88], 3).is_err());
    assert!(read(Transport::Socket, &bytes[..bytes.len() - 88], 1).is_ok());
    assert!(read(Transport::Socket, &bytes[..20], 0).is_ok());
    // Of a task that is only listed, a row has no group.
    assert!(read(Transport::Socket, &bytes[..20], 3).is_ok());
}

#[test]
fn unknown_values_and_bytes_that_are_not_zero_are_found() {
    let wrong = |change: fn(&mut abi::TaskDiagBase, &mut abi::TaskDiagCreds)| {
        read(Transport::Socket, &payload(7, 5, change), 3).unwrap_err()
    };
    assert!(wrong(|base, _| base.pad[2] = 0x6b).contains("__pad"));
    assert!(wrong(|base, _| base.comm[9] = 1).contains("padded"));
    assert!(wrong(|base, _| base.comm = [b'x'; 16]).contains("no NUL"));
    assert!(wrong(|base, _| base.state = 9).contains("state"));
    assert!(wrong(|base, _| base.pid = 8).contains("has pid"));
    assert!(wrong(|_, creds| creds.cap_bset.cap[1] = 0x200).contains("cap_bset"));
    assert!(wrong(|_, creds| creds.securebits = 0x100).contains("securebits"));
    assert!(wrong(|_, creds| creds.no_new_privs = 2).contains("no_new_privs"));
}

fn mapping(name_off: u32, start: u64, end: u64, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    bytes.extend((24 + rest.len() as u32).to_ne_bytes());
    bytes.extend(name_off.to_ne_bytes());
    bytes.extend(start.to_ne_bytes());
    bytes.extend(end.to_ne_bytes());
    bytes.extend(rest);
    bytes
}

#[test]
fn mappings_must_ascend_without_overlap() {
    let first = mapping(24, 0x1000, 0x2000, b"[heap]\0\0");
    let after = |next: Vec<u8>| mappings(24, &[first.clone(), next].concat());
    assert_eq!(after(mapping(0, 0x2000, 0x3000, b"")), Ok(()));
    assert!(after(mapping(0, 0x1fff, 0x3000, b"")).is_err());
    assert!(after(mapping(0, 0x3000, 0x3000, b"")).is_err());
    assert!(after(mapping(0, 0x3000, 0x4000, b"1234")).is_err());
    assert!(after(vec![0; 24]).is_err());
    assert!(after(vec![0xff; 24]).is_err());
}

#[test]
fn names_of_mappings_must_end_in_zeros() {
    let named = |at, rest: &[u8]| mappings(24, &mapping(at, 0x1000, 0x2000, rest));
    assert_eq!(named(24, b"[heap]\0\0"), Ok(()));
    assert!(named(24, b"[heap]\0k").is_err());
    assert!(named(24, b"no end!!").is_err());
    assert!(named(8, b"[heap]\0\0").is_err());
    assert!(named(32, b"[heap]\0\0").is_err());
    assert!(named(0, b"no name!").is_err());
}

fn path(kind: u32, path_off: u32, flags: u32, rest: &[u8]) -> Vec<u8> {
    let len = 16 + rest.len() as u32;
    let head = [len, path_off, kind, flags].map(u32::to_ne_bytes);
    [&head.concat(), rest].concat()
}

#[test]
fn paths_must_be_of_ascending_kinds() {
    let exe = path(0, 16, 0, b"/bin/sh\0");
    let after = |next: &[u8]| paths(16, &[&exe[..], next].concat());
    assert_eq!(after(&[]), Ok((0, 0)));
    assert_eq!(after(&path(1, 16, 0, b"/home\0\0\0")), Ok((0, 1)));
    assert_eq!(paths(16, &path(2, 0, 0, b"")), Ok((2, 2)));
    assert!(after(&exe).is_err());
    assert!(after(&path(2, 0, 0, b"")).is_err());
    assert!(after(&path(1, 0, 0, b"1234")).is_err());
    assert!(after(&[0; 16]).is_err());
    assert!(paths(16, &path(3, 0, 0, b"")).is_err());
    assert!(paths(16, &[]).is_err());
}

#[test]
fn flags_of_a_path_must_match_its_text() {
    let flags = |at, flags, rest: &[u8]| paths(16, &path(0, at, flags, rest)).is_ok();
    assert!(flags(16, 1, b"/x (deleted)\0\0\0\0"));
    assert!(flags(16, 0, b"/x (deleted)\0\0\0\0"));
    assert!(flags(0, 2, b""));
    assert!(!flags(16, 1, b"/bin/sh\0"));
    assert!(!flags(16, 2, b"/bin/sh\0"));
    assert!(!flags(0, 1, b""));
    assert!(!flags(0, 4, b""));
    assert!(!flags(16, 0, b"/bin\0\0\0k"));
    assert!(!flags(16, 0, b"no end!!"));
    assert!(!flags(16, 0, b"\0\0\0\0\0\0\0\0"));
    assert!(!flags(8, 0, b"/bin/sh\0"));
    assert!(!flags(32, 0, b"/bin/sh\0"));
    let long = |len, zeros| [vec![b'/'; len], vec![0; zeros]].concat();
    assert!(flags(16, 0, &long(4095, 1)));
    assert!(!flags(16, 0, &long(4096, 8)));
}

#[test]
fn row_must_have_each_path_once() {
    const PATHS: u64 = abi::TASK_DIAG_SHOW_PATHS;
    let message = |paths| Row {
        paths: Some(paths),
        ..more(PATHS, (3, 3), None)
    };
    let mut row = first_message(7, 1);
    row.add(&message((0, 1))).unwrap();
    assert!(row.end(1 | PATHS).unwrap_err().contains("path 2"));
    assert!(row.add(&message((0, 0))).is_err());
    row.add(&message((2, 2))).unwrap();
    assert_eq!(row.end(1 | PATHS), Ok(0));
    assert!(first_message(7, 1).add(&message((1, 2))).is_err());
    let mut gone = abi::TaskDiagAbsent::default();
    gone.gone = PATHS;
    let mut cut = first_message(7, 1);
    cut.add(&message((0, 0))).unwrap();
    cut.add(&more(0, (0, 0), Some(gone))).unwrap();
    assert_eq!(cut.end(1 | PATHS), Ok(PATHS));
}

#[test]
fn row_without_pid_or_tgid_is_found() {
    assert!(read(Transport::Socket, &payload(0, 5, |_, _| ()), 3).is_err());
    assert!(read(Transport::Socket, &payload(7, 0, |_, _| ()), 3).is_err());
}

#[test]
fn fields_of_sched_are_consistent() {
    let bytes = |change: fn(&mut abi::TaskDiagSched), bitmaps: usize| {
        let mut value = abi::TaskDiagSched::default();
        value.valid = abi::TASK_DIAG_SCHED_VALID_CPUS | abi::TASK_DIAG_SCHED_VALID_UCLAMP;
        (value.cpus_off, value.cpus_len, value.util_max) = (104, 16, 1024);
        change(&mut value);
        [value.as_bytes(), &vec![0; bitmaps]].concat()
    };
    assert_eq!(sched(&bytes(|_| (), 16)), Ok(()));
    let two = |value: &mut abi::TaskDiagSched| {
        value.valid |= abi::TASK_DIAG_SCHED_VALID_MEMS;
        (value.mems_off, value.mems_len) = (120, 8);
    };
    assert_eq!(sched(&bytes(two, 24)), Ok(()));
    assert!(sched(&bytes(two, 16)).is_err());
    assert!(sched(&bytes(|_| (), 8)).is_err());
    for change in [
        |value: &mut abi::TaskDiagSched| value.valid |= 1 << 9,
        |value: &mut abi::TaskDiagSched| value.flags = 1,
        |value: &mut abi::TaskDiagSched| value.runtime = 1,
        |value: &mut abi::TaskDiagSched| value.period = 1,
        |value: &mut abi::TaskDiagSched| value.valid &= !abi::TASK_DIAG_SCHED_VALID_UCLAMP,
        |value: &mut abi::TaskDiagSched| value.util_min = 1025,
        |value: &mut abi::TaskDiagSched| value.ioprio_effective = 1,
        |value: &mut abi::TaskDiagSched| value.timer_slack = 1,
        |value: &mut abi::TaskDiagSched| value.autogroup_nice = 1,
        |value: &mut abi::TaskDiagSched| value.mems_off = 120,
        |value: &mut abi::TaskDiagSched| value.cpus_off = 112,
        |value: &mut abi::TaskDiagSched| value.nice = 20,
        |value: &mut abi::TaskDiagSched| value.rt_priority = 100,
    ] {
        assert!(sched(&bytes(change, 16)).is_err());
    }
    assert!(sched(&[0; 8]).is_err());
}

#[test]
fn first_namespace_of_nspid_is_that_of_the_request() {
    let row = Row {
        pid: 7,
        tgid: 5,
        ..Row::default()
    };
    let check = |levels: &[[u32; 4]]| nspid(levels.as_bytes(), &row);
    assert_eq!(check(&[[5, 7, 5, 5]]), Ok(()));
    assert_eq!(check(&[[5, 7, 5, 5], [1, 2, 0, 0]]), Ok(()));
    assert!(check(&[]).is_err());
    assert!(check(&[[7, 5, 5, 5]]).is_err());
    assert!(check(&[[5, 7, 5, 5], [1, 0, 0, 0]]).is_err());
    assert!(check(&[[5, 7, 5, 5]; 34]).is_err());
}
