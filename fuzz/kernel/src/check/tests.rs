// SPDX-License-Identifier: MIT
//! Tests of the checker with valid and invalid replies.

use std::collections::HashSet;
use std::ops::Range;

use nix::libc::{EBUSY, EINVAL, EMSGSIZE, EPERM, ESRCH};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use zerocopy::IntoBytes;

use super::row::tests::payload;
use super::*;
use crate::known_tasks::Sight;
use crate::model::{Expectation, HidePid, Mount, PidNs, Refusal, Visibility};
use crate::wire::{
    NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_MULTI, NLM_F_REQUEST,
    NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS,
};

const FAMILY: u16 = 0x1d;
const PORT: u32 = 4711;
const SEQ: u32 = 7;
const LEN: u32 = 48;

const LINK: LinkProperties = LinkProperties {
    transport: Transport::Socket,
    features: Features {
        groups: (2 << abi::TASK_DIAG_GROUP_MAX) - 1,
        strategies: 0x3f,
        filters: 0x3f,
        options: 7,
        vma_flags: 0xff,
        recv_min: 8192,
    },
    small_buffer: false,
    family: FAMILY,
    port: PORT,
    ext_ack: true,
    cap_ack: false,
    lossy: false,
};

/// Returns the bytes of a request that errors repeat.
fn sent(flags: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    request_header(flags).write(&mut bytes);
    bytes.extend(1..=(LEN - 16) as u8);
    bytes
}

fn request_header(flags: u16) -> Header {
    Header {
        len: LEN,
        kind: FAMILY,
        flags: NLM_F_REQUEST | flags,
        seq: SEQ,
        pid: 0,
    }
}

fn checker_for(flags: u16, strategy: u64, pid: u32, refusals: Vec<Refusal>) -> Checker {
    checker_with(LINK, flags, strategy, pid, refusals)
}

fn checker_with(
    link: LinkProperties,
    flags: u16,
    strategy: u64,
    pid: u32,
    refusals: Vec<Refusal>,
) -> Checker {
    let mut checker = Checker::new(link);
    let expectation = Expectation {
        header: request_header(flags),
        range: Range {
            start: 0,
            end: LEN as usize,
        },
        query: Some(Query {
            strategy,
            show: 3,
            pid,
            pid_ns: PidNs::Outer,
            dump: flags & NLM_F_DUMP == NLM_F_DUMP,
            filters: 0,
            visibility: Visibility::Strict,
            pids: None,
            states: None,
        }),
        features: false,
        refusals,
        wants_ack: flags & NLM_F_ACK != 0,
    };
    checker.add_request(
        &sent(flags),
        Expected {
            messages: vec![expectation],
            ambiguous: false,
        },
    );
    checker
}

fn all() -> Checker {
    checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_ALL, 0, Vec::new())
}

fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Header {
        len: 16 + payload.len() as u32,
        kind,
        flags,
        seq: SEQ,
        pid: PORT,
    }
    .write(&mut bytes);
    bytes.extend(payload);
    bytes
}

fn row(pid: u32) -> Vec<u8> {
    thread(pid, pid)
}

fn thread(pid: u32, tgid: u32) -> Vec<u8> {
    message(FAMILY, NLM_F_MULTI, &payload(pid, tgid, |_, _| ()))
}

fn done(code: i32) -> Vec<u8> {
    message(NLMSG_DONE, NLM_F_MULTI, &code.to_ne_bytes())
}

fn tlvs(text: &str, at: Option<u32>) -> Vec<u8> {
    let mut bytes = (4 + text.len() as u16 + 1).to_ne_bytes().to_vec();
    bytes.extend(NLMSGERR_ATTR_MSG.to_ne_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(align(bytes.len() + 1), 0);
    if let Some(at) = at {
        bytes.extend(8u16.to_ne_bytes());
        bytes.extend(NLMSGERR_ATTR_OFFS.to_ne_bytes());
        bytes.extend(at.to_ne_bytes());
    }
    bytes
}

fn error(code: i32, repeated: &[u8], tlvs: &[u8]) -> Vec<u8> {
    let capped = if code == 0 { NLM_F_CAPPED } else { 0 };
    let extended = if tlvs.is_empty() { 0 } else { NLM_F_ACK_TLVS };
    let payload = [&code.to_ne_bytes(), repeated, tlvs].concat();
    message(NLMSG_ERROR, capped | extended, &payload)
}

/// Shows a datagram, with all rights.
fn receive(checker: &mut Checker, messages: &[Vec<u8>]) -> Result<(), Finding> {
    let bytes = messages.concat();
    checker.datagram(&bytes, bytes.len(), &Rights::All)
}

fn rejection(mut checker: Checker, messages: &[Vec<u8>]) -> String {
    receive(&mut checker, messages).unwrap_err().to_string()
}

#[test]
fn dump_consists_of_rows_and_done() {
    let mut checker = all();
    receive(&mut checker, &[row(1), row(5)]).unwrap();
    assert!(!checker.is_complete());
    receive(&mut checker, &[row(6), done(0)]).unwrap();
    assert!(checker.is_complete());
    assert_eq!((checker.counts.rows, checker.counts.dones), (3, 1));
    let dumps = checker.finish().unwrap();
    assert_eq!(dumps[0].pids, [1, 5, 6]);
}

#[test]
fn dump_out_of_order_is_found() {
    assert!(rejection(all(), &[row(5), row(5)]).contains("task 5 after task Some(5)"));
    assert!(rejection(all(), &[row(5), row(4)]).contains("after"));
    assert!(rejection(all(), &[done(0), row(4)]).contains("after the end"));
    assert!(rejection(all(), &[done(0), done(0)]).contains("second NLMSG_DONE"));
    assert!(rejection(all(), &[thread(5, 4)]).contains("dump of processes"));
    assert!(rejection(all(), &[done(-EINVAL)]).contains("EINVAL"));
}

#[test]
fn duplicate_task_among_children_is_found() {
    let mut checker = checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_CHILDREN, 1, Vec::new());
    receive(&mut checker, &[row(9), row(5), row(9), done(0)]).unwrap();
    assert!(checker.finish().unwrap_err().to_string().contains("twice"));
}

#[test]
fn threads_must_belong_to_one_process() {
    let threads = || checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_THREAD, 5, Vec::new());
    receive(&mut threads(), &[thread(5, 5), thread(9, 5), done(0)]).unwrap();
    assert!(rejection(threads(), &[thread(5, 5), thread(9, 8)]).contains("another process"));
}

#[test]
fn one_must_report_exactly_the_requested_task() {
    let one = || checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_ONE, 5, Vec::new());
    receive(&mut one(), &[thread(5, 4), done(0)]).unwrap();
    assert!(rejection(one(), &[row(6)]).contains("task 6"));
    assert!(rejection(one(), &[row(5), row(5)]).contains("task 5"));
    assert!(rejection(one(), &[done(0)]).contains("without"));
}

#[test]
fn reply_without_dump_is_one_row_and_the_requested_ack() {
    let plain = |flags| checker_for(flags, abi::TASK_DIAG_DUMP_ONE, 5, Vec::new());
    let single = message(FAMILY, 0, &payload(5, 5, |_, _| ()));
    let ack = error(0, &sent(NLM_F_ACK)[..16], &[]);

    let mut checker = plain(0);
    receive(&mut checker, std::slice::from_ref(&single)).unwrap();
    assert!(checker.is_complete());
    assert!(rejection(plain(0), &[single.clone(), ack.clone()]).contains("repeats"));
    assert!(rejection(plain(0), &[row(5)]).contains("flags"));

    let mut checker = plain(NLM_F_ACK);
    receive(&mut checker, &[single]).unwrap();
    assert!(!checker.is_complete());
    receive(&mut checker, std::slice::from_ref(&ack)).unwrap();
    assert!(checker.is_complete());
    assert!(rejection(plain(NLM_F_ACK), &[ack]).contains("acknowledgement"));
}

#[test]
fn error_must_be_one_of_the_expected_refusals() {
    let one = || {
        let mut refusal = Refusal::no_such_task();
        refusal.at = Some(20);
        checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_ONE, 5, vec![refusal])
    };
    let text = "pid: no such task";
    let answer = |errno: i32, text, at| error(-errno, &sent(NLM_F_DUMP), &tlvs(text, at));

    let mut checker = one();
    receive(&mut checker, &[answer(ESRCH, text, Some(20))]).unwrap();
    assert!(checker.is_complete());
    assert_eq!(checker.counts.errnos, [ESRCH]);

    assert!(rejection(one(), &[answer(EINVAL, text, Some(20))]).contains("EINVAL"));
    // The text is not part of the protocol, but must be printable.
    receive(&mut one(), &[answer(ESRCH, "another text", Some(20))]).unwrap();
    assert!(rejection(one(), &[answer(ESRCH, "\x01", Some(20))]).contains("text"));
    assert!(rejection(one(), &[answer(ESRCH, text, Some(24))]).contains("24"));
    let mut repeated = sent(NLM_F_DUMP);
    repeated[40] ^= 1;
    let garbled = error(-ESRCH, &repeated, &tlvs(text, Some(20)));
    assert!(rejection(one(), &[garbled]).contains("repeats"));
}

#[test]
fn extended_ack_without_the_option_is_found() {
    let link = LinkProperties {
        ext_ack: false,
        ..LINK
    };
    let refusals = vec![Refusal::no_such_task()];
    let one = || {
        checker_with(
            link,
            NLM_F_DUMP,
            abi::TASK_DIAG_DUMP_ONE,
            5,
            refusals.clone(),
        )
    };
    receive(&mut one(), &[error(-ESRCH, &sent(NLM_F_DUMP), &[])]).unwrap();
    let with_text = error(-ESRCH, &sent(NLM_F_DUMP), &tlvs("pid: no such task", None));
    assert!(rejection(one(), &[with_text]).contains("not requested"));
}

/// Process 9 is hidden, process 8 is visible.
fn sight() -> Sight {
    Sight {
        visible: HashSet::from([8]),
        hidden: HashSet::from([9]),
    }
}

fn user(sight: &Sight) -> Rights<'_> {
    Rights::User {
        uid: 1000,
        gid: 1000,
        own: 3,
        sight: Some(sight),
        groups: [1000; 2],
    }
}

#[test]
fn row_that_is_not_visible_to_the_reader_is_found() {
    let sight = sight();
    let user = user(&sight);
    let with_uid = |pid, uid: u32| {
        let payload = payload(pid, pid, |_, creds| {
            [creds.uid, creds.euid, creds.suid] = [uid; 3];
            [creds.gid, creds.egid, creds.sgid] = [1000; 3];
        });
        message(FAMILY, NLM_F_MULTI, &payload)
    };
    let see =
        |message: Vec<u8>, rights: &Rights<'_>| all().datagram(&message, message.len(), rights);
    let only_5 = Rights::Processes {
        seen: &[(PidNs::Outer, 5)],
        group: 1000,
    };
    assert_eq!(see(with_uid(5, 1000), &user), Ok(()));
    assert_eq!(see(with_uid(3, 0), &user), Ok(()));
    assert!(see(with_uid(5, 0), &user).is_err());
    assert!(see(with_uid(9, 1000), &user).is_err());
    assert!(see(row(5), &Rights::None).is_err());
    assert_eq!(see(row(5), &only_5), Ok(()));
    assert!(see(row(6), &only_5).is_err());
}

/// Returns a dump of BASE, CRED and NS that belongs to a mount with these options.
fn of_mount(hide_pid: HidePid, gid: u32) -> Checker {
    let mut checker = all();
    let query = checker.requests[0].expectation.query.as_mut().unwrap();
    query.show |= abi::TASK_DIAG_SHOW_NS;
    query.visibility = Visibility::ByMount(Mount {
        pid_ns: PidNs::Outer,
        hide_pid,
        gid,
    });
    checker
}

/// Returns a row with only the groups that every user may read.
fn readable(pid: u32) -> Vec<u8> {
    let mut absent = abi::TaskDiagAbsent::default();
    absent.denied = abi::TASK_DIAG_SHOW_NS;
    let mut bytes = payload(pid, pid, |_, creds| creds.valid = 0);
    bytes.extend(44u16.to_ne_bytes());
    bytes.extend(abi::TASK_DIAG_ABSENT.to_ne_bytes());
    bytes.extend(absent.as_bytes());
    message(FAMILY, NLM_F_MULTI, &bytes)
}

/// Returns a row with only the pid.
fn listed(pid: u32) -> Vec<u8> {
    let mut absent = abi::TaskDiagAbsent::default();
    absent.denied = 3 | abi::TASK_DIAG_SHOW_NS;
    let mut bytes = payload(pid, pid, |_, _| ())[..20].to_vec();
    bytes.extend(44u16.to_ne_bytes());
    bytes.extend(abi::TASK_DIAG_ABSENT.to_ne_bytes());
    bytes.extend(absent.as_bytes());
    message(FAMILY, NLM_F_MULTI, &bytes)
}

#[test]
fn row_has_the_level_that_the_mount_gives_the_reader() {
    let sight = sight();
    let see = |message: Vec<u8>, hide_pid, gid| {
        let mut checker = of_mount(hide_pid, gid);
        let found = checker.datagram(&message, message.len(), &user(&sight));
        found.map(|()| checker.counts.partial)
    };
    // Process 9 may not be ptraced.
    assert_eq!(see(readable(9), HidePid::Off, 0), Ok(1));
    assert_eq!(see(listed(9), HidePid::NoAccess, 0), Ok(1));
    assert_eq!(see(readable(9), HidePid::NoAccess, 1000), Ok(1));
    assert_eq!(see(readable(9), HidePid::Invisible, 1000), Ok(1));
    assert!(see(listed(9), HidePid::Off, 0).is_err());
    assert!(see(readable(9), HidePid::NoAccess, 0).is_err());
    assert!(see(listed(9), HidePid::NoAccess, 1000).is_err());
    for message in [readable(9), listed(9)] {
        assert!(see(message.clone(), HidePid::Invisible, 0).is_err());
        assert!(see(message, HidePid::Ptraceable, 1000).is_err());
    }
    // Process 8 and the own one may be ptraced.
    for pid in [3, 8] {
        assert!(see(readable(pid), HidePid::Off, 0).is_err());
        assert!(see(listed(pid), HidePid::NoAccess, 0).is_err());
    }
    // A reader with all rights lacks nothing.
    let mut checker = of_mount(HidePid::Off, 0);
    assert!(receive(&mut checker, &[readable(9)]).is_err());
}

#[test]
fn partial_row_without_a_mount_is_found() {
    let sight = sight();
    for message in [readable(9), readable(5), listed(5)] {
        let mut checker = all();
        let query = checker.requests[0].expectation.query.as_mut().unwrap();
        query.show |= abi::TASK_DIAG_SHOW_NS;
        let found = checker.datagram(&message, message.len(), &user(&sight));
        assert!(found.is_err());
    }
}

#[test]
fn foreign_reader_gets_eperm() {
    let foreign = |code: i32| {
        let payload = [&code.to_ne_bytes()[..], &tlvs("a reason", None)].concat();
        let bytes = message(NLMSG_DONE, NLM_F_MULTI | NLM_F_ACK_TLVS, &payload);
        all().datagram(&bytes, bytes.len(), &Rights::None)
    };
    assert_eq!(foreign(-EPERM), Ok(()));
    assert!(foreign(-EINVAL).is_err());
    // The process that sent the request does not get EPERM.
    assert!(receive(&mut all(), &[done(-EPERM)]).is_err());
}

#[test]
fn emsgsize_ends_a_dump_only_for_a_small_buffer() {
    assert!(rejection(all(), &[done(-EMSGSIZE)]).contains("EMSGSIZE"));
    let mut checker = all();
    checker.set_small_buffer();
    receive(&mut checker, &[row(1), done(-EMSGSIZE)]).unwrap();
    assert!(checker.is_complete());
}

#[test]
fn task_may_be_hidden_from_a_reader_that_has_changed() {
    let one = || checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_ONE, 5, Vec::new());
    assert!(rejection(one(), &[done(-ESRCH)]).contains("ESRCH"));
    let mut checker = one();
    checker.set_changed();
    receive(&mut checker, &[done(-ESRCH)]).unwrap();
}

#[test]
fn dump_intr_flag_is_found() {
    let flags = NLM_F_MULTI | 0x10;
    let row = message(FAMILY, flags, &payload(5, 5, |_, _| ()));
    assert!(rejection(all(), &[row]).contains("flags"));
    let end = message(NLMSG_DONE, flags, &0i32.to_ne_bytes());
    assert!(rejection(all(), &[end]).contains("flags"));
}

/// Returns a dump of BASE, CRED and CMDLINE.
fn with_cmdline() -> Checker {
    let mut checker = all();
    let query = checker.requests[0].expectation.query.as_mut().unwrap();
    query.show |= abi::TASK_DIAG_SHOW_CMDLINE;
    checker
}

/// Returns the first message of a row that the next message continues.
fn first_message(pid: u32) -> Vec<u8> {
    let mut bytes = row(pid);
    bytes[32] |= 2;
    bytes
}

fn continuation(pid: u32, more: bool, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut payload = vec![1, 1, 0, 0];
    let msg = [pid, pid, 1 | u32::from(more) << 1];
    let mut put = |kind: u16, value: &[u8]| {
        payload.extend((4 + value.len() as u16).to_ne_bytes());
        payload.extend(kind.to_ne_bytes());
        payload.extend(value);
        payload.resize(align(payload.len()), 0);
    };
    put(abi::TASK_DIAG_MSG, msg.as_bytes());
    for (kind, value) in attributes {
        put(*kind, value);
    }
    message(FAMILY, NLM_F_MULTI, &payload)
}

#[test]
fn row_is_complete_with_the_message_without_more() {
    let cmdline: &[(u16, &[u8])] = &[(abi::TASK_DIAG_CMDLINE, b"sh\0")];
    let more = |pid| continuation(pid, true, cmdline);
    let last = |pid| continuation(pid, false, cmdline);
    let mut checker = with_cmdline();
    receive(&mut checker, &[first_message(1)]).unwrap();
    receive(&mut checker, &[more(1), last(1), first_message(5)]).unwrap();
    receive(&mut checker, &[last(5), done(0)]).unwrap();
    assert!(checker.is_complete());

    let wrong_after = |messages: &[Vec<u8>]| {
        let mut checker = with_cmdline();
        receive(&mut checker, &[first_message(1)]).unwrap();
        rejection(checker, messages)
    };
    assert!(wrong_after(&[first_message(5)]).contains("before the end"));
    assert!(wrong_after(&[done(0)]).contains("last message is missing"));
    assert!(wrong_after(&[last(5)]).contains("after task"));
    assert!(wrong_after(&[last(1), last(1)]).contains("after task"));
    assert!(rejection(with_cmdline(), &[row(1)]).contains("are missing"));
    // sendmsg() appends no group.
    assert!(rejection(with_cmdline(), &[first_message(1), last(1)]).contains("sendmsg"));
    assert!(rejection(with_cmdline(), &[last(5)]).contains("sendmsg"));
}

#[test]
fn gone_groups_are_listed_and_denied_groups_are_found() {
    let absent = |gone, denied| {
        let mut absent = abi::TaskDiagAbsent::default();
        absent.gone = gone;
        absent.denied = denied;
        continuation(1, false, &[(abi::TASK_DIAG_ABSENT, absent.as_bytes())])
    };
    let mut checker = with_cmdline();
    let cmdline = abi::TASK_DIAG_SHOW_CMDLINE;
    receive(&mut checker, &[first_message(1)]).unwrap();
    receive(&mut checker, &[absent(cmdline, 0), done(0)]).unwrap();
    assert_eq!(checker.finish().unwrap()[0].gone, [1]);
    // A reader with all rights is denied no group.
    let mut checker = with_cmdline();
    receive(&mut checker, &[first_message(1)]).unwrap();
    assert!(rejection(checker, &[absent(0, cmdline), done(0)]).contains("match none"));
}

/// Returns a file to which a request has been written.
fn written(flags: u16, strategy: u64, refusals: Vec<Refusal>) -> Checker {
    let link = LinkProperties {
        transport: Transport::File,
        ..LINK
    };
    checker_with(link, flags, strategy, 5, refusals)
}

/// Returns a message of the file, for port 0 as in the request.
fn of_file(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = message(kind, flags, payload);
    bytes[12..16].fill(0);
    bytes
}

#[test]
fn file_repeats_the_port_and_has_no_generic_netlink_header() {
    let row = |kind| of_file(kind, NLM_F_MULTI, &payload(5, 5, |_, _| ())[4..]);
    let mut checker = written(NLM_F_DUMP, abi::TASK_DIAG_DUMP_ALL, Vec::new());
    assert!(checker.accepted() && checker.is_busy() && checker.is_readable());
    receive(&mut checker, &[row(0x11)]).unwrap();
    let end = of_file(NLMSG_DONE, NLM_F_MULTI, &0i32.to_ne_bytes());
    receive(&mut checker, &[end]).unwrap();
    assert!(!checker.is_busy() && !checker.is_readable());

    let dump = || written(NLM_F_DUMP, abi::TASK_DIAG_DUMP_ALL, Vec::new());
    assert!(rejection(dump(), &[row(FAMILY)]).contains("type"));
    let mut misaddressed = row(0x11);
    misaddressed[12] = 1;
    assert!(rejection(dump(), &[misaddressed]).contains("port"));
}

#[test]
fn refusal_of_the_file_can_be_read() {
    let refused = |errno| {
        let mut checker = written(
            NLM_F_DUMP,
            abi::TASK_DIAG_DUMP_ONE,
            vec![Refusal::no_such_task(), Refusal::plain(EINVAL)],
        );
        assert!(checker.refused(errno));
        assert!(!checker.is_busy() && checker.is_readable());
        checker
    };
    let reason = |errno: i32| {
        let repeated = &sent(NLM_F_DUMP)[..16];
        let payload = [&(-errno).to_ne_bytes(), repeated, &tlvs("a reason", None)].concat();
        of_file(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, &payload)
    };
    let mut checker = refused(ESRCH);
    receive(&mut checker, &[reason(ESRCH)]).unwrap();
    assert!(checker.is_complete() && !checker.is_readable());
    // The message must have the errno of write().
    assert!(rejection(refused(ESRCH), &[reason(EINVAL)]).contains("EINVAL"));
    assert!(!written(NLM_F_DUMP, 0, Vec::new()).refused(EINVAL));
    assert!(!written(NLM_F_DUMP, 0, Vec::new()).refused(EPERM));
}

#[test]
fn unrequested_message_is_found() {
    let mut stale = row(5);
    stale[8] ^= 1;
    assert!(rejection(all(), &[stale]).contains("not a reply"));
    let mut misaddressed = row(5);
    misaddressed[12] ^= 1;
    assert!(rejection(all(), &[misaddressed]).contains("port"));
    assert!(rejection(all(), &[message(99, NLM_F_MULTI, &[])]).contains("type 99"));
    assert!(rejection(all(), &[]).contains("empty"));
}

#[test]
fn leaked_memory_is_found() {
    let comm = message(
        FAMILY,
        NLM_F_MULTI,
        &payload(5, 5, |base, _| base.comm = [b'k'; 16]),
    );
    assert!(rejection(all(), &[comm]).contains("0x6b"));
}

#[test]
fn truncated_datagram_is_checked_up_to_its_end() {
    let bytes = [row(1), row(5), done(0)].concat();
    for cut in 0..bytes.len() {
        let mut checker = all();
        checker
            .datagram(&bytes[..cut], bytes.len(), &Rights::All)
            .unwrap();
        assert!(!checker.is_complete() && checker.is_unsure());
        assert_eq!(checker.counts.rows as usize, (cut / row(1).len()).min(2));
        assert_eq!(checker.finish(), Ok(Vec::new()));
    }
}

#[test]
fn enobufs_is_accepted_only_for_a_lossy_socket() {
    assert!(all().overrun().is_err());
    let link = LinkProperties {
        lossy: true,
        ..LINK
    };
    let mut checker = checker_with(link, NLM_F_DUMP, abi::TASK_DIAG_DUMP_ALL, 0, Vec::new());
    assert_eq!(checker.overrun(), Ok(()));
    assert!(checker.has_lost() && !checker.is_complete());
}

#[test]
fn second_dump_may_fail_with_ebusy() {
    let mut checker = all();
    let mut second = request_header(NLM_F_DUMP);
    second.seq = SEQ + 1;
    let mut bytes = Vec::new();
    second.write(&mut bytes);
    let expectation = Expectation {
        header: second,
        range: 0..16,
        features: false,
        query: None,
        refusals: vec![Refusal::no_such_task()],
        wants_ack: false,
    };
    checker.add_request(
        &bytes,
        Expected {
            messages: vec![expectation],
            ambiguous: false,
        },
    );
    let mut busy = error(-EBUSY, &bytes, &[]);
    busy[8] += 1;
    receive(&mut checker, &[busy]).unwrap();
    receive(&mut checker, &[row(1), done(0)]).unwrap();
    assert!(checker.is_complete());
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_are_accepted_or_rejected_without_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        longer in 0usize..100,
    ) {
        let _ = all().datagram(&bytes, bytes.len() + longer, &Rights::All);
    }

    #[test]
    fn corrupted_row_is_accepted_or_rejected_without_panic(
        at in 0usize..168,
        byte: u8,
        len in 1usize..=168,
    ) {
        let mut bytes = row(5);
        bytes[at] = byte;
        bytes.truncate(len);
        let _ = all().datagram(&bytes, bytes.len(), &Rights::All);
    }
}
