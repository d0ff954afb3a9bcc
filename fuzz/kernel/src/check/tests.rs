// SPDX-License-Identifier: MIT
//! Answers, right and wrong, and what the oracle has to say to them.

use std::collections::HashSet;
use std::ops::Range;

use nix::libc::{EBUSY, EINVAL, EMSGSIZE, EPERM, ESRCH};
use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::row::tests::payload;
use super::*;
use crate::model::{Expectation, PidNs, Refusal};
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
        groups: 0x3ff,
        strategies: 0x3f,
        filters: 0x3f,
        options: 3,
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

/// The bytes of a request, as far as errors repeat them.
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
            filtered: false,
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
fn show(checker: &mut Checker, messages: &[Vec<u8>]) -> Result<(), Finding> {
    let bytes = messages.concat();
    checker.datagram(&bytes, bytes.len(), &Rights::All)
}

fn wrong(mut checker: Checker, messages: &[Vec<u8>]) -> String {
    show(&mut checker, messages).unwrap_err().to_string()
}

#[test]
fn a_dump_is_rows_and_an_end() {
    let mut checker = all();
    show(&mut checker, &[row(1), row(5)]).unwrap();
    assert!(!checker.is_complete());
    show(&mut checker, &[row(6), done(0)]).unwrap();
    assert!(checker.is_complete());
    assert_eq!((checker.counts.rows, checker.counts.dones), (3, 1));
    let dumps = checker.finish().unwrap();
    assert_eq!(dumps[0].pids, [1, 5, 6]);
}

#[test]
fn a_dump_in_disorder_is_found() {
    assert!(wrong(all(), &[row(5), row(5)]).contains("task 5 behind task Some(5)"));
    assert!(wrong(all(), &[row(5), row(4)]).contains("behind"));
    assert!(wrong(all(), &[done(0), row(4)]).contains("behind the end"));
    assert!(wrong(all(), &[done(0), done(0)]).contains("second end"));
    assert!(wrong(all(), &[thread(5, 4)]).contains("among processes"));
    assert!(wrong(all(), &[done(-EINVAL)]).contains("EINVAL"));
}

#[test]
fn a_task_that_is_twice_among_relatives_is_found() {
    let mut checker = checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_CHILDREN, 1, Vec::new());
    show(&mut checker, &[row(9), row(5), row(9), done(0)]).unwrap();
    assert!(checker.finish().unwrap_err().to_string().contains("twice"));
}

#[test]
fn threads_are_of_one_process() {
    let threads = || checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_THREAD, 5, Vec::new());
    show(&mut threads(), &[thread(5, 5), thread(9, 5), done(0)]).unwrap();
    assert!(wrong(threads(), &[thread(5, 5), thread(9, 8)]).contains("another process"));
}

#[test]
fn one_is_one() {
    let one = || checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_ONE, 5, Vec::new());
    show(&mut one(), &[thread(5, 4), done(0)]).unwrap();
    assert!(wrong(one(), &[row(6)]).contains("task 6"));
    assert!(wrong(one(), &[row(5), row(5)]).contains("task 5"));
    assert!(wrong(one(), &[done(0)]).contains("without"));
}

#[test]
fn a_plain_answer_is_one_row_and_what_was_asked_for() {
    let plain = |flags| checker_for(flags, abi::TASK_DIAG_DUMP_ONE, 5, Vec::new());
    let single = message(FAMILY, 0, &payload(5, 5, |_, _| ()));
    let ack = error(0, &sent(NLM_F_ACK)[..16], &[]);

    let mut checker = plain(0);
    show(&mut checker, std::slice::from_ref(&single)).unwrap();
    assert!(checker.is_complete());
    assert!(wrong(plain(0), &[single.clone(), ack.clone()]).contains("repeats"));
    assert!(wrong(plain(0), &[row(5)]).contains("flags"));

    let mut checker = plain(NLM_F_ACK);
    show(&mut checker, &[single]).unwrap();
    assert!(!checker.is_complete());
    show(&mut checker, std::slice::from_ref(&ack)).unwrap();
    assert!(checker.is_complete());
    assert!(wrong(plain(NLM_F_ACK), &[ack]).contains("acknowledgement"));
}

#[test]
fn an_error_is_the_right_one() {
    let one = || {
        let mut refusal = Refusal::no_such_task();
        refusal.at = Some(20);
        checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_ONE, 5, vec![refusal])
    };
    let text = "pid: no such task";
    let answer = |errno: i32, text, at| error(-errno, &sent(NLM_F_DUMP), &tlvs(text, at));

    let mut checker = one();
    show(&mut checker, &[answer(ESRCH, text, Some(20))]).unwrap();
    assert!(checker.is_complete());
    assert_eq!(checker.counts.errnos, [ESRCH]);

    assert!(wrong(one(), &[answer(EINVAL, text, Some(20))]).contains("EINVAL"));
    // The text is not part of the protocol, but must be printable.
    show(&mut one(), &[answer(ESRCH, "another text", Some(20))]).unwrap();
    assert!(wrong(one(), &[answer(ESRCH, "\x01", Some(20))]).contains("text"));
    assert!(wrong(one(), &[answer(ESRCH, text, Some(24))]).contains("24"));
    let mut repeated = sent(NLM_F_DUMP);
    repeated[40] ^= 1;
    let garbled = error(-ESRCH, &repeated, &tlvs(text, Some(20)));
    assert!(wrong(one(), &[garbled]).contains("repeats"));
}

#[test]
fn nobody_gets_an_extended_ack_unasked() {
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
    show(&mut one(), &[error(-ESRCH, &sent(NLM_F_DUMP), &[])]).unwrap();
    let with_text = error(-ESRCH, &sent(NLM_F_DUMP), &tlvs("pid: no such task", None));
    assert!(wrong(one(), &[with_text]).contains("nobody asked"));
}

#[test]
fn who_has_no_rights_gets_no_row() {
    let hidden = HashSet::from([9]);
    let user = Rights::User {
        uid: 1000,
        gid: 1000,
        own: 3,
        hidden: Some(&hidden),
    };
    let with_uid = |pid, uid: u32| {
        let payload = payload(pid, pid, |_, creds| {
            [creds.uid, creds.euid, creds.suid] = [uid; 3];
            [creds.gid, creds.egid, creds.sgid] = [1000; 3];
        });
        message(FAMILY, NLM_F_MULTI, &payload)
    };
    let see =
        |message: Vec<u8>, rights: &Rights<'_>| all().datagram(&message, message.len(), rights);
    assert_eq!(see(with_uid(5, 1000), &user), Ok(()));
    assert_eq!(see(with_uid(3, 0), &user), Ok(()));
    assert!(see(with_uid(5, 0), &user).is_err());
    assert!(see(with_uid(9, 1000), &user).is_err());
    assert!(see(row(5), &Rights::None).is_err());
    assert_eq!(
        see(row(5), &Rights::Processes(&[(PidNs::Outer, 5)])),
        Ok(())
    );
    assert!(see(row(6), &Rights::Processes(&[(PidNs::Outer, 5)])).is_err());
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
    assert!(show(&mut all(), &[done(-EPERM)]).is_err());
}

#[test]
fn emsgsize_ends_a_dump_only_for_a_small_buffer() {
    assert!(wrong(all(), &[done(-EMSGSIZE)]).contains("EMSGSIZE"));
    let mut checker = all();
    checker.set_small_buffer();
    show(&mut checker, &[row(1), done(-EMSGSIZE)]).unwrap();
    assert!(checker.is_complete());
}

#[test]
fn task_may_be_hidden_from_a_reader_that_has_changed() {
    let one = || checker_for(NLM_F_DUMP, abi::TASK_DIAG_DUMP_ONE, 5, Vec::new());
    assert!(wrong(one(), &[done(-ESRCH)]).contains("ESRCH"));
    let mut checker = one();
    checker.set_changed();
    show(&mut checker, &[done(-ESRCH)]).unwrap();
}

#[test]
fn interruption_is_never_announced() {
    let flags = NLM_F_MULTI | 0x10;
    let row = message(FAMILY, flags, &payload(5, 5, |_, _| ()));
    assert!(wrong(all(), &[row]).contains("flags"));
    let end = message(NLMSG_DONE, flags, &0i32.to_ne_bytes());
    assert!(wrong(all(), &[end]).contains("flags"));
}

/// Returns a dump of BASE, CRED and CMDLINE.
fn with_cmdline() -> Checker {
    let mut checker = all();
    let query = checker.requests[0].expectation.query.as_mut().unwrap();
    query.show |= abi::TASK_DIAG_SHOW_CMDLINE;
    checker
}

/// Returns the first message of a row that the next message continues.
fn begun(pid: u32) -> Vec<u8> {
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
    show(&mut checker, &[begun(1)]).unwrap();
    show(&mut checker, &[more(1), last(1), begun(5)]).unwrap();
    show(&mut checker, &[last(5), done(0)]).unwrap();
    assert!(checker.is_complete());

    let wrong_behind = |messages: &[Vec<u8>]| {
        let mut checker = with_cmdline();
        show(&mut checker, &[begun(1)]).unwrap();
        wrong(checker, messages)
    };
    assert!(wrong_behind(&[begun(5)]).contains("in the middle"));
    assert!(wrong_behind(&[done(0)]).contains("the rest is missing"));
    assert!(wrong_behind(&[last(5)]).contains("behind task"));
    assert!(wrong_behind(&[last(1), last(1)]).contains("behind task"));
    assert!(wrong(with_cmdline(), &[row(1)]).contains("are missing"));
    // sendmsg() appends no group.
    assert!(wrong(with_cmdline(), &[begun(1), last(1)]).contains("sendmsg"));
    assert!(wrong(with_cmdline(), &[last(5)]).contains("sendmsg"));
}

#[test]
fn groups_that_are_gone_are_reported() {
    let absent = |gone, denied| {
        let absent = row::Absent {
            gone,
            denied,
            ..Default::default()
        };
        continuation(1, false, &[(abi::TASK_DIAG_ABSENT, absent.as_bytes())])
    };
    let mut checker = with_cmdline();
    let cmdline = abi::TASK_DIAG_SHOW_CMDLINE;
    show(&mut checker, &[begun(1)]).unwrap();
    show(&mut checker, &[absent(cmdline, 0), done(0)]).unwrap();
    assert_eq!(checker.finish().unwrap()[0].gone, [1]);
    // A reader with all rights is denied no group.
    let mut checker = with_cmdline();
    show(&mut checker, &[begun(1)]).unwrap();
    assert!(wrong(checker, &[absent(0, cmdline), done(0)]).contains("root"));
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
    show(&mut checker, &[row(0x11)]).unwrap();
    let end = of_file(NLMSG_DONE, NLM_F_MULTI, &0i32.to_ne_bytes());
    show(&mut checker, &[end]).unwrap();
    assert!(!checker.is_busy() && !checker.is_readable());

    let dump = || written(NLM_F_DUMP, abi::TASK_DIAG_DUMP_ALL, Vec::new());
    assert!(wrong(dump(), &[row(FAMILY)]).contains("type"));
    let mut astray = row(0x11);
    astray[12] = 1;
    assert!(wrong(dump(), &[astray]).contains("port"));
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
    show(&mut checker, &[reason(ESRCH)]).unwrap();
    assert!(checker.is_complete() && !checker.is_readable());
    // The message must have the errno of write().
    assert!(wrong(refused(ESRCH), &[reason(EINVAL)]).contains("EINVAL"));
    assert!(!written(NLM_F_DUMP, 0, Vec::new()).refused(EINVAL));
    assert!(!written(NLM_F_DUMP, 0, Vec::new()).refused(EPERM));
}

#[test]
fn what_nobody_asked_for_is_found() {
    let mut stale = row(5);
    stale[8] ^= 1;
    assert!(wrong(all(), &[stale]).contains("answers nothing"));
    let mut astray = row(5);
    astray[12] ^= 1;
    assert!(wrong(all(), &[astray]).contains("port"));
    assert!(wrong(all(), &[message(99, NLM_F_MULTI, &[])]).contains("type 99"));
    assert!(wrong(all(), &[]).contains("empty"));
}

#[test]
fn memory_of_others_is_found() {
    let comm = message(
        FAMILY,
        NLM_F_MULTI,
        &payload(5, 5, |base, _| base.comm = [b'k'; 16]),
    );
    assert!(wrong(all(), &[comm]).contains("0x6b"));
}

#[test]
fn a_datagram_that_is_cut_is_read_as_far_as_it_goes() {
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
fn losses_are_losses_only_where_there_is_no_room() {
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
fn a_dump_beside_a_dump_may_wait() {
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
    show(&mut checker, &[busy]).unwrap();
    show(&mut checker, &[row(1), done(0)]).unwrap();
    assert!(checker.is_complete());
}

proptest! {
    #[test]
    fn there_is_something_to_say_to_any_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        longer in 0usize..100,
    ) {
        let _ = all().datagram(&bytes, bytes.len() + longer, &Rights::All);
    }

    #[test]
    fn there_is_something_to_say_to_a_row_gone_bad(
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
