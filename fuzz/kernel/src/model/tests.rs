// SPDX-License-Identifier: MIT
//! Tests of the expected replies.

use super::*;
use crate::case::{Attribute, Descriptor, Length, Message, Value};
use crate::encode::datagram;
use crate::encode::tests::{FixedRoles, request};
use nix::libc::{EBADF, EPERM, ERANGE};

/// An environment with process 1 and without process 2. Descriptors below 5 are
/// closed, 5 is a pidfd of process 1, 6 a pidfd of a process that has been
/// reaped, 7 the child pid namespace, 8 a file, 9 the outer pid namespace, 10 the root
/// directory of [`MOUNT`], 11 the same opened with `O_PATH`, 12 another file opened with
/// `O_PATH`.
#[derive(Clone, Copy)]
struct Empty {
    privileged: bool,
    pid_ns: PidNs,
    mount: Option<Mount>,
    is_opener: bool,
    strict: bool,
}

const MOUNT: Mount = Mount {
    pid_ns: PidNs::Child,
    hide_pid: HidePid::Invisible,
    gid: 3,
};

const OUTER: Empty = Empty {
    privileged: true,
    pid_ns: PidNs::Outer,
    mount: None,
    is_opener: true,
    strict: false,
};

impl Environment for Empty {
    fn family(&self) -> u16 {
        0x1d
    }
    fn features(&self) -> Features {
        Features {
            groups: 0x63,
            strategies: 0x3f,
            filters: 0x3d,
            options: if self.strict { 15 } else { 7 },
            vma_flags: 0xff,
            recv_min: 8192,
        }
    }
    fn pid_ns(&self) -> PidNs {
        self.pid_ns
    }
    fn may_enter_any_pid_ns(&self) -> bool {
        self.privileged
    }
    fn mount(&self) -> Option<Mount> {
        self.mount
    }
    fn has_credentials_of_opener(&self) -> bool {
        self.is_opener
    }
    fn presence(&self, _: &Query, pid: u32) -> Presence {
        match pid {
            1 => Presence::Present,
            2 => Presence::Absent,
            _ => Presence::Unsure,
        }
    }
    fn translate(&self, query: &Query, outer: u32) -> (Presence, Option<u32>) {
        match query.pid_ns {
            PidNs::Outer => (self.presence(query, outer), Some(outer)),
            _ => (Presence::Absent, None),
        }
    }
    fn opened(&self, number: u32) -> Opened {
        match number {
            5 => Opened::Task(1),
            6 => Opened::EndedTask,
            7 => Opened::PidNamespace(PidNs::Child),
            8 => Opened::Other,
            9 => Opened::PidNamespace(PidNs::Outer),
            10 | 11 => Opened::Mount {
                mount: MOUNT,
                path_only: number == 11,
            },
            12 => Opened::Path,
            _ => Opened::Nothing,
        }
    }
    fn has_uid(&self, uid: u32) -> Option<bool> {
        Some(uid != u32::MAX)
    }
    fn source_may_be_gone(&self) -> bool {
        false
    }
}

/// A command that the family does not have.
const UNKNOWN_COMMAND: u8 = abi::TASK_DIAG_CMD_MAX + 1;

fn expect_one_in(environment: &Empty, message: Message) -> Expectation {
    let bytes = datagram(Transport::Socket, &[message], &[], &FixedRoles);
    let expected = expect(&bytes, environment);
    assert!(!expected.ambiguous);
    assert_eq!(expected.messages.len(), 1);
    expected.messages[0].clone()
}

fn expect_one(message: Message) -> Expectation {
    expect_one_in(&OUTER, message)
}

fn edit(strategy: u64, pid: u32, change: impl FnOnce(&mut Message)) -> Expectation {
    let mut message = request(strategy, pid);
    change(&mut message);
    expect_one(message)
}

fn fields(message: &mut Message) -> &mut crate::case::Request {
    match &mut message.attributes[0].value {
        Value::Request(request) => request,
        _ => unreachable!("request() makes one"),
    }
}

fn other(kind: u16, value: &[u8]) -> Attribute {
    Attribute {
        kind,
        len: Length::True,
        value: Value::Bytes(value.to_vec()),
    }
}

fn faults(expectation: &Expectation) -> Vec<(i32, Option<u32>)> {
    assert_eq!(expectation.query, None);
    expectation
        .refusals
        .iter()
        .map(|refusal| (refusal.errno, refusal.at))
        .collect()
}

#[test]
fn valid_dump_brings_rows() {
    let expectation = expect_one(request(abi::TASK_DIAG_DUMP_ALL, 0));
    assert_eq!(
        expectation.query,
        Some(Query {
            strategy: 0,
            show: 3,
            pid: 0,
            pid_ns: PidNs::Outer,
            dump: true,
            filters: 0,
            visibility: Visibility::Strict,
            pids: None,
            states: None,
        })
    );
    assert!(expectation.refusals.is_empty());
}

#[test]
fn absent_task_is_refused() {
    let absent = expect_one(request(abi::TASK_DIAG_DUMP_CHILDREN, 2));
    assert_eq!(faults(&absent), [(ESRCH, Some(20))]);

    let unsure = expect_one(request(abi::TASK_DIAG_DUMP_THREAD, 3));
    assert!(unsure.query.is_some());
    assert_eq!(unsure.refusals.len(), 1);
}

#[test]
fn each_fault_of_the_request_is_refused() {
    let one = |errno| [(errno, Some(20))];
    let show = |bits| edit(0, 0, move |message| fields(message).show_flags = bits);
    assert_eq!(
        faults(&edit(0, 0, |message| fields(message).reserved = 1)),
        one(EINVAL)
    );
    let unknown = crate::groups::known() + 1;
    assert_eq!(faults(&show(unknown)), one(EINVAL));
    assert_eq!(faults(&show(0x18)), one(EOPNOTSUPP));
    assert_eq!(
        faults(&edit(1, 1, |message| {
            message.flags = NLM_F_REQUEST;
            fields(message).show_flags = 0x20;
        })),
        one(EINVAL)
    );
    assert!(
        edit(1, 1, |message| {
            message.flags = NLM_F_REQUEST;
            fields(message).show_flags = abi::TASK_DIAG_SHOW_FILES;
        })
        .query
        .is_some()
    );
    let unknown = abi::TASK_DIAG_DUMP_MAX + 1;
    assert_eq!(faults(&edit(unknown, 0, |_| ())), one(EINVAL));
    assert_eq!(faults(&edit(1, 0, |_| ())), one(EINVAL));
    assert_eq!(
        faults(&edit(0, 0, |message| fields(message).off = -4)),
        one(ERANGE)
    );
    assert_eq!(
        faults(&edit(2, 1, |message| message.flags = NLM_F_REQUEST)),
        one(EINVAL)
    );
    assert_eq!(
        faults(&edit(0, 0, |message| message.attributes.clear())),
        [(EINVAL, None)]
    );
}

#[test]
fn headers_are_checked_strictly() {
    let errno = |expectation: Expectation| expectation.refusals[0].errno;
    assert_eq!(errno(edit(0, 0, |message| message.reserved = 1)), EINVAL);
    assert_eq!(errno(edit(0, 0, |message| message.flags |= 0x400)), EINVAL);
    assert_eq!(errno(edit(0, 0, |message| message.flags = 0x101)), EINVAL);
    assert_eq!(
        errno(edit(0, 0, |message| message.cmd = UNKNOWN_COMMAND)),
        EOPNOTSUPP
    );
    assert_eq!(errno(edit(0, 0, |message| message.cut = 29)), EINVAL);
    assert_eq!(
        errno(edit(0, 0, |message| message.kind =
            crate::case::Kind::Number(2000))),
        ENOENT
    );
    assert!(edit(0, 0, |message| message.version = 9).query.is_some());
}

#[test]
fn attributes_are_checked_strictly() {
    let errno = |expectation: Expectation| expectation.refusals[0].errno;
    for kind in [
        abi::TASK_DIAG_ATTR_UNSPEC,
        abi::TASK_DIAG_MSG,
        abi::TASK_DIAG_ABSENT,
        abi::TASK_DIAG_ATTR_FILTERS - 1,
        abi::TASK_DIAG_BASE,
        crate::wire::NLA_TYPE_MASK,
        crate::wire::NLA_F_NESTED | abi::TASK_DIAG_CMD_ATTR_GET,
    ] {
        let expectation = edit(0, 0, |message| {
            message.attributes.push(other(kind, &[0; 4]));
        });
        assert_eq!(errno(expectation), EINVAL, "{kind:#x}");
    }
    assert_eq!(errno(edit(0, 0, |message| message.cut = 1)), EINVAL);
    // NLA_F_NET_BYTEORDER is not checked.
    let expectation = edit(0, 0, |message| {
        message.attributes[0].kind |= crate::wire::NLA_F_NET_BYTEORDER;
    });
    assert!(expectation.query.is_some());
}

#[test]
fn filters_are_checked() {
    let filter =
        |kind, value: &[u8]| edit(0, 0, |message| message.attributes.push(other(kind, value)));
    let at = Some(48);
    assert!(
        filter(abi::TASK_DIAG_CMD_ATTR_UID, &[0; 4])
            .query
            .is_some_and(|query| query.is_filtered())
    );
    assert_eq!(
        faults(&filter(abi::TASK_DIAG_CMD_ATTR_UID, &[0xff; 4])),
        [(EINVAL, at)]
    );
    // The features do not include the filter.
    let cgroup = filter(abi::TASK_DIAG_CMD_ATTR_CGROUP, &[1; 8]);
    assert!(faults(&cgroup).contains(&(EOPNOTSUPP, at)));
    // The request has neither VMA nor VMA_STAT.
    assert_eq!(
        faults(&filter(abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS, &[0; 8])),
        [(EINVAL, at)]
    );
}

fn with_option(
    environment: &Empty,
    strategy: u64,
    pid: u32,
    kind: u16,
    number: u32,
) -> Expectation {
    let mut message = request(strategy, pid);
    message.attributes.push(other(kind, &number.to_ne_bytes()));
    expect_one_in(environment, message)
}

#[test]
fn pidfd_selects_the_task() {
    let kind = abi::TASK_DIAG_CMD_ATTR_PIDFD;
    let one = |pid, number| with_option(&OUTER, abi::TASK_DIAG_DUMP_ONE, pid, kind, number);
    assert_eq!(one(0, 5).query.map(|query| query.pid), Some(1));
    assert_eq!(faults(&one(1, 5)), [(EINVAL, Some(48))]);
    assert_eq!(faults(&one(0, 4)), [(EBADF, Some(48))]);
    assert_eq!(faults(&one(0, 7)), [(EBADF, Some(48))]);
    assert_eq!(faults(&one(0, 8)), [(EBADF, Some(48))]);
    assert_eq!(faults(&one(0, 10)), [(EBADF, Some(48))]);
    assert_eq!(faults(&one(0, 6)), [(ESRCH, None)]);
    let all = with_option(&OUTER, abi::TASK_DIAG_DUMP_ALL, 0, kind, 5);
    assert_eq!(faults(&all), [(EINVAL, Some(48))]);
}

#[test]
fn pid_namespace_outside_of_the_own_one_needs_a_capability() {
    let kind = abi::TASK_DIAG_CMD_ATTR_PIDNS_FD;
    let all = |environment: &Empty, number| {
        with_option(environment, abi::TASK_DIAG_DUMP_ALL, 0, kind, number)
    };
    let inner = |privileged| Empty {
        privileged,
        pid_ns: PidNs::Inner,
        ..OUTER
    };
    let pid_ns = |expectation: Expectation| expectation.query.map(|query| query.pid_ns);
    assert_eq!(pid_ns(all(&OUTER, 7)), Some(PidNs::Child));
    assert_eq!(pid_ns(all(&inner(true), 7)), Some(PidNs::Child));
    assert_eq!(faults(&all(&inner(false), 7)), [(EPERM, Some(48))]);
    assert_eq!(faults(&all(&inner(false), 9)), [(EPERM, Some(48))]);
    assert_eq!(faults(&all(&OUTER, 4)), [(EBADF, Some(48))]);
    assert_eq!(faults(&all(&OUTER, 5)), [(EINVAL, Some(48))]);
    assert_eq!(faults(&all(&OUTER, 8)), [(EINVAL, Some(48))]);
    assert_eq!(faults(&all(&OUTER, 10)), [(EINVAL, Some(48))]);
    assert_eq!(faults(&all(&OUTER, 11)), [(EBADF, Some(48))]);
    assert_eq!(faults(&all(&OUTER, 12)), [(EBADF, Some(48))]);
}

#[test]
fn mount_determines_the_pid_namespace_and_the_visibility() {
    let kind = abi::TASK_DIAG_CMD_ATTR_PROC_FD;
    let all = |environment: &Empty, number| {
        with_option(environment, abi::TASK_DIAG_DUMP_ALL, 0, kind, number)
    };
    for number in [10, 11] {
        let query = all(&OUTER, number).query.unwrap();
        assert_eq!(query.pid_ns, PidNs::Child);
        assert_eq!(query.visibility, Visibility::ByMount(MOUNT));
    }
    let strict = Empty {
        strict: true,
        ..OUTER
    };
    let query = all(&strict, 10).query.unwrap();
    assert_eq!(query.pid_ns, PidNs::Child);
    assert_eq!(query.visibility, Visibility::Strict);

    assert_eq!(faults(&all(&OUTER, 4)), [(EBADF, Some(48))]);
    for number in [5, 6, 7, 8, 12] {
        assert_eq!(faults(&all(&OUTER, number)), [(EINVAL, Some(48))]);
    }
    // The mount needs no capability, except the credentials of the opener.
    let unprivileged = |is_opener| Empty {
        privileged: false,
        pid_ns: PidNs::Inner,
        is_opener,
        ..OUTER
    };
    assert!(all(&unprivileged(true), 10).query.is_some());
    for number in [4, 8, 10] {
        let foreign = all(&unprivileged(false), number);
        assert_eq!(faults(&foreign), [(EPERM, Some(48))]);
    }
}

#[test]
fn mount_and_pid_namespace_exclude_each_other() {
    let mut message = request(abi::TASK_DIAG_DUMP_ALL, 0);
    for (kind, number) in [
        (abi::TASK_DIAG_CMD_ATTR_PROC_FD, 10u32),
        (abi::TASK_DIAG_CMD_ATTR_PIDNS_FD, 7),
    ] {
        message.attributes.push(other(kind, &number.to_ne_bytes()));
    }
    assert_eq!(faults(&expect_one(message)), [(EINVAL, Some(48))]);
}

#[test]
fn file_follows_its_mount_within_the_namespace_of_the_mount() {
    let file = Empty {
        pid_ns: PidNs::Child,
        mount: Some(MOUNT),
        ..OUTER
    };
    let visibility = |message| {
        let bytes = datagram(Transport::File, &[message], &[], &FixedRoles);
        let expectation = expect_of_file(&bytes, &file).messages.remove(0);
        expectation.query.unwrap().visibility
    };
    let all = || request(abi::TASK_DIAG_DUMP_ALL, 0);
    assert_eq!(visibility(all()), Visibility::ByMount(MOUNT));
    let in_namespace = |number: u32| {
        let mut message = all();
        let kind = abi::TASK_DIAG_CMD_ATTR_PIDNS_FD;
        message.attributes.push(other(kind, &number.to_ne_bytes()));
        visibility(message)
    };
    assert_eq!(in_namespace(7), Visibility::ByMount(MOUNT));
    assert_eq!(in_namespace(9), Visibility::Strict);
    // The file belongs to a mount, so a request cannot name another one.
    let mut message = all();
    let kind = abi::TASK_DIAG_CMD_ATTR_PROC_FD;
    message.attributes.push(other(kind, &10u32.to_ne_bytes()));
    let bytes = datagram(Transport::File, &[message], &[], &FixedRoles);
    let expectation = expect_of_file(&bytes, &file).messages.remove(0);
    assert_eq!(faults(&expectation), [(EINVAL, Some(44))]);
}

#[test]
fn listed_task_is_selected_by_its_pid_only() {
    let query = |strategy, filters| Query {
        strategy,
        filters,
        ..expect_one(request(0, 0)).query.unwrap()
    };
    let pids = 1 << abi::TASK_DIAG_FILTER_PIDS;
    let uid = 1 << abi::TASK_DIAG_FILTER_UID;
    assert!(query(abi::TASK_DIAG_DUMP_ALL, 0).selects_listed(true));
    assert!(query(abi::TASK_DIAG_DUMP_ALL_THREAD, pids).selects_listed(true));
    assert!(query(abi::TASK_DIAG_DUMP_ONE, 0).selects_listed(true));
    assert!(!query(abi::TASK_DIAG_DUMP_ONE, 0).selects_listed(false));
    assert!(!query(abi::TASK_DIAG_DUMP_ALL, uid).selects_listed(true));
    assert!(!query(abi::TASK_DIAG_DUMP_THREAD, 0).selects_listed(true));
}

#[test]
fn descriptors_are_encoded_as_numbers() {
    let mut message = request(abi::TASK_DIAG_DUMP_ONE, 0);
    message.attributes.push(Attribute {
        kind: abi::TASK_DIAG_CMD_ATTR_PIDFD,
        len: Length::True,
        value: Value::Descriptor(Descriptor::OwnTask),
    });
    assert_eq!(expect_one(message).query.map(|query| query.pid), Some(1));
}

#[test]
fn message_without_request_flag_is_only_acknowledged() {
    let expectation = edit(0, 0, |message| message.flags = NLM_F_ACK);
    assert_eq!(expectation.query, None);
    assert!(expectation.refusals.is_empty());
    assert!(expectation.wants_ack);
}

#[test]
fn wrong_length_ends_the_datagram() {
    let mut first = request(0, 0);
    first.len = Length::Is(15);
    let bytes = datagram(Transport::Socket, &[first, request(0, 0)], &[], &FixedRoles);
    assert!(expect(&bytes, &OUTER).messages.is_empty());
}

#[test]
fn equal_sequence_numbers_are_ambiguous() {
    let bytes = datagram(
        Transport::Socket,
        &[request(0, 0), request(0, 0)],
        &[],
        &FixedRoles,
    );
    assert!(expect(&bytes, &OUTER).ambiguous);
}

fn written(messages: &[Message], tail: &[u8]) -> Expectation {
    let bytes = datagram(Transport::File, messages, tail, &FixedRoles);
    expect_of_file(&bytes, &OUTER).messages.remove(0)
}

#[test]
fn file_accepts_one_whole_request() {
    let whole = written(&[request(0, 0)], &[]);
    assert!(whole.query.is_some() && whole.refusals.is_empty());
    let einval = [(EINVAL, None)];
    assert_eq!(faults(&written(&[request(0, 0)], &[1])), einval);
    assert_eq!(
        faults(&written(&[request(0, 0), request(0, 0)], &[])),
        einval
    );
    let mut short = request(0, 0);
    short.len = Length::Off(-4);
    assert_eq!(faults(&written(&[short], &[])), einval);
    let mut unasked = request(0, 0);
    unasked.flags = NLM_F_DUMP;
    assert_eq!(faults(&written(&[unasked], &[])), einval);
}

#[test]
fn file_accepts_the_commands_of_the_family() {
    let command = |cmd| {
        let mut message = request(0, 0);
        message.cmd = cmd;
        message
    };
    let unknown = faults(&written(&[command(UNKNOWN_COMMAND)], &[]));
    assert_eq!(unknown, [(EOPNOTSUPP, None)]);
    let features = command(abi::TASK_DIAG_CMD_FEATURES);
    assert_eq!(faults(&written(&[features], &[])), [(EINVAL, None)]);
    let mut features = command(abi::TASK_DIAG_CMD_FEATURES);
    features.attributes.clear();
    assert!(written(&[features], &[]).features);
}
