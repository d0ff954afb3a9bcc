// SPDX-License-Identifier: MIT
//! The codec: comparison with messages in bytes, and round trips of every attribute.

use netlink_packet_core::{DefaultNla, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_generic::GenlMessage;
use proptest::prelude::*;
use taskdiag::abi::{TaskDiagAbsent, TaskDiagBase, TaskDiagCaps, TaskDiagCreds, TaskDiagMsg};
use taskdiag::netlink::{ATTRIBUTE_MAX, TaskDiagAttr, TaskDiagMessage, encode};
use taskdiag::{
    CapSet, Error, Filters, Framing, Request, Show, States, Strategy as Which, VmaFlags,
};
use zerocopy::FromBytes;

type Message = NetlinkMessage<GenlMessage<TaskDiagMessage>>;

fn decode(bytes: &[u8]) -> Result<TaskDiagMessage, netlink_packet_core::DecodeError> {
    match Message::deserialize(bytes)?.payload {
        NetlinkPayload::InnerMessage(message) => Ok(message.payload),
        other => panic!("not a message of the family: {other:?}"),
    }
}

// In the byte order of little-endian machines, like a capture.
#[cfg(target_endian = "little")]
mod bytes {
    use std::io::{stderr, stdin};
    use std::os::fd::AsFd;

    use super::*;

    #[rustfmt::skip]
    const REQUEST: [u8; 48] = [
        0x30, 0x00, 0x00, 0x00, // length 48
        0x1d, 0x00,             // type: the family id
        0x01, 0x03,             // NLM_F_REQUEST | NLM_F_DUMP
        0x2a, 0x00, 0x00, 0x00, // sequence number 42
        0x00, 0x00, 0x00, 0x00, // port: filled in by the kernel
        0x01, 0x01, 0x00, 0x00, // TASK_DIAG_CMD_GET, version 1
        0x1c, 0x00, 0x01, 0x00, // TASK_DIAG_CMD_ATTR_GET, length 28
        0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // BASE | CRED
        0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // CHILDREN
        0x39, 0x30, 0x00, 0x00, // pid 12345
        0x00, 0x00, 0x00, 0x00, // reserved
    ];

    #[test]
    fn request_has_the_expected_bytes() {
        let request = Request::new(Which::Children(12345)).show(Show::BASE | Show::CRED);
        let message = TaskDiagMessage::from(&request);
        assert_eq!(encode(message.clone(), 0x1d, 42, 0x301).unwrap(), REQUEST);
        assert_eq!(decode(&REQUEST).unwrap(), message);
    }

    #[test]
    fn descriptors_are_sent_before_filters() {
        let (namespace, task) = (stdin(), stderr());
        let request = Request::new(Which::Children(0))
            .uid(1000)
            .pidfd(task.as_fd())
            .pidns_fd(namespace.as_fd());
        #[rustfmt::skip]
        const EXPECTED: [u8; 72] = [
            0x48, 0x00, 0x00, 0x00, // length 72
            0x1d, 0x00,             // type: the family id
            0x01, 0x03,             // NLM_F_REQUEST | NLM_F_DUMP
            0x2a, 0x00, 0x00, 0x00, // sequence number 42
            0x00, 0x00, 0x00, 0x00, // port: filled in by the kernel
            0x01, 0x01, 0x00, 0x00, // TASK_DIAG_CMD_GET, version 1
            0x1c, 0x00, 0x01, 0x00, // TASK_DIAG_CMD_ATTR_GET, length 28
            0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // BASE
            0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // CHILDREN
            0x00, 0x00, 0x00, 0x00, // pid 0
            0x00, 0x00, 0x00, 0x00, // reserved
            0x08, 0x00, 0x06, 0x00, // TASK_DIAG_CMD_ATTR_PIDNS_FD, length 8
            0x00, 0x00, 0x00, 0x00, // descriptor 0
            0x08, 0x00, 0x07, 0x00, // TASK_DIAG_CMD_ATTR_PIDFD, length 8
            0x02, 0x00, 0x00, 0x00, // descriptor 2
            0x08, 0x00, 0x20, 0x00, // TASK_DIAG_CMD_ATTR_UID, length 8
            0xe8, 0x03, 0x00, 0x00, // 1000
        ];
        let message = TaskDiagMessage::from(&request);
        assert_eq!(encode(message.clone(), 0x1d, 42, 0x301).unwrap(), EXPECTED);
        assert_eq!(decode(&EXPECTED).unwrap(), message);
        assert_eq!(request, request.clone());
        assert_ne!(request, request.clone().pidfd(namespace.as_fd()));
    }

    #[test]
    fn absent_has_the_expected_bytes() {
        #[rustfmt::skip]
        const EXPECTED: [u8; 64] = [
            0x40, 0x00, 0x00, 0x00, // length 64
            0x1d, 0x00,             // type: the family id
            0x00, 0x00,             // no flags
            0x2a, 0x00, 0x00, 0x00, // sequence number 42
            0x00, 0x00, 0x00, 0x00, // port
            0x01, 0x01, 0x00, 0x00, // TASK_DIAG_CMD_GET, version 1
            0x2c, 0x00, 0x05, 0x00, // TASK_DIAG_ABSENT, length 44
            0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // gone: CMDLINE
            0x40, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // denied: FILES | NS
            0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // busy: CGROUP
            0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // limit: STAT
            0x18, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // leader: VMA | VMA_STAT
        ];
        let mut absent = TaskDiagAbsent::default();
        absent.gone = 0x20;
        absent.denied = 0x140;
        absent.busy = 0x200;
        absent.limit = 0x04;
        absent.leader = 0x18;
        let message = TaskDiagMessage::get(vec![TaskDiagAttr::Absent(absent)]);
        assert_eq!(encode(message.clone(), 0x1d, 42, 0).unwrap(), EXPECTED);
        assert_eq!(decode(&EXPECTED).unwrap(), message);
    }

    #[rustfmt::skip]
    const REPLY: [u8; 184] = [
        0xb8, 0x00, 0x00, 0x00, // length 184
        0x1d, 0x00,             // type: the family id
        0x02, 0x00,             // NLM_F_MULTI
        0x2a, 0x00, 0x00, 0x00, // sequence number 42
        0x67, 0x12, 0x00, 0x00, // port 4711
        0x01, 0x01, 0x00, 0x00, // TASK_DIAG_CMD_GET, version 1
        0x10, 0x00, 0x02, 0x00, // TASK_DIAG_MSG, length 16
        0x0b, 0x00, 0x00, 0x00, // pid 11
        0x0a, 0x00, 0x00, 0x00, // tgid 10
        0x00, 0x00, 0x00, 0x00, // flags
        0x30, 0x00, 0x40, 0x00, // TASK_DIAG_BASE, length 48
        0x0a, 0x00, 0x00, 0x00, // tgid 10
        0x0b, 0x00, 0x00, 0x00, // pid 11
        0x01, 0x00, 0x00, 0x00, // ppid 1
        0x00, 0x00, 0x00, 0x00, // tpid
        0x09, 0x00, 0x00, 0x00, // sid 9
        0x08, 0x00, 0x00, 0x00, // pgid 8
        0x06,                   // zombie
        b's', b'h', b' ', b'(', b'1', b')', 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0x00, 0x00, 0x00,       // __pad
        0x58, 0x00, 0x41, 0x00, // TASK_DIAG_CRED, length 88
        0xe8, 0x03, 0x00, 0x00, // uid 1000
        0x00, 0x00, 0x00, 0x00, // euid 0
        0x02, 0x00, 0x00, 0x00, // suid
        0x03, 0x00, 0x00, 0x00, // fsuid
        0x04, 0x00, 0x00, 0x00, // gid
        0x05, 0x00, 0x00, 0x00, // egid
        0x06, 0x00, 0x00, 0x00, // sgid
        0xfe, 0xff, 0x00, 0x00, // fsgid 65534
        0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // inheritable
        0x20, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, // permitted
        0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, // effective
        0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00, 0x00, // bset
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // ambient
        0x05, 0x00, 0x00, 0x00, // securebits
        0x01, 0x00, 0x00, 0x00, // no_new_privs
        0x01, 0x00, 0x00, 0x00, // valid: securebits
        0x04, 0x00, 0x03, 0x00, // TASK_DIAG_PAD, length 4
        0x06, 0x00, 0x5f, 0x80, // type 95, nested, length 6
        0xaa, 0xbb, 0x00, 0x00, // and two bytes of padding
    ];

    fn reply() -> TaskDiagMessage {
        let cap = |low, high| TaskDiagCaps { cap: [low, high] };
        let mut msg = TaskDiagMsg::default();
        msg.pid = 11;
        msg.tgid = 10;
        let mut base = TaskDiagBase::default();
        base.tgid = 10;
        base.pid = 11;
        base.ppid = 1;
        base.sid = 9;
        base.pgid = 8;
        base.state = 6;
        base.comm = *b"sh (1)\xff\0\0\0\0\0\0\0\0\0";
        let mut cred = TaskDiagCreds::default();
        cred.uid = 1000;
        cred.suid = 2;
        cred.fsuid = 3;
        cred.gid = 4;
        cred.egid = 5;
        cred.sgid = 6;
        cred.fsgid = 65534;
        cred.cap_inheritable = cap(1, 0);
        cred.cap_permitted = cap(0x20, 0x40);
        cred.cap_effective = cap(0x20_0000, 0);
        cred.cap_bset = cap(u32::MAX, 0x1ff);
        cred.securebits = 5;
        cred.no_new_privs = 1;
        cred.valid = 1;
        TaskDiagMessage::get(vec![
            TaskDiagAttr::Msg(msg),
            TaskDiagAttr::Base(base),
            TaskDiagAttr::Cred(cred),
            TaskDiagAttr::Pad(0),
            TaskDiagAttr::Other(DefaultNla::new(0x805f, vec![0xaa, 0xbb])),
        ])
    }

    #[test]
    fn reply_has_the_expected_bytes() {
        let decoded = Message::deserialize(&REPLY).unwrap();
        assert_eq!(decoded.header.port_number, 4711);
        let NetlinkPayload::InnerMessage(message) = &decoded.payload else {
            panic!("not a message of the family");
        };
        assert_eq!(message.payload, reply());

        let mut bytes = vec![0xee; decoded.buffer_len()];
        decoded.serialize(&mut bytes);
        assert_eq!(bytes, REPLY);

        // encode() leaves the port number to the kernel.
        let mut bytes = encode(reply(), 0x1d, 42, 2).unwrap();
        bytes[12..16].copy_from_slice(&4711u32.to_le_bytes());
        assert_eq!(bytes, REPLY);
    }

    #[test]
    fn reassembly_reads_the_reply_that_the_codec_reads() {
        let mut reassembly = taskdiag::reassembly::Reassembly::new(0x1d, 42, 4711);
        let mut done = REPLY[..16].to_vec();
        done[0] = 20;
        done[4] = 3;
        done.extend([0; 4]);
        let datagram = [&REPLY[..], &done].concat();
        let mut feed = reassembly.feed(&datagram);
        let taskdiag::reassembly::Event::Task(task) = feed.next().unwrap() else {
            panic!("no task");
        };
        assert_eq!((task.pid(), task.tgid()), (11, 10));
        let base = task.base().unwrap();
        assert_eq!(base.comm.as_bytes(), b"sh (1)\xff");
        assert_eq!(base.comm.to_string(), r"sh (1)\xff");
        assert_eq!(base.state.letter(), 'Z');
        assert_eq!((base.tgid, base.pid, base.ppid), (10, 11, 1));
        assert_eq!(
            (base.tpid, base.sid, base.pgid),
            (Some(0), Some(9), Some(8))
        );
        let cred = task.cred().unwrap();
        let shown = |set: Option<CapSet>| set.unwrap().to_string();
        assert_eq!(
            [cred.uid, cred.euid, cred.suid, cred.fsuid],
            [1000, 0, 2, 3].map(Some)
        );
        assert_eq!(
            [cred.gid, cred.egid, cred.sgid, cred.fsgid],
            [4, 5, 6, 65534].map(Some)
        );
        assert_eq!(shown(cred.cap_inheritable), "cap_chown");
        assert_eq!(shown(cred.cap_permitted), "cap_kill,cap_perfmon");
        assert_eq!(shown(cred.cap_effective), "cap_sys_admin");
        assert_eq!(shown(cred.cap_bset), "all");
        assert_eq!(shown(cred.cap_ambient), "none");
        assert_eq!((cred.securebits, cred.no_new_privs), (Some(5), Some(true)));
        let attributes: Vec<_> = task.attributes().map(|(kind, _)| kind).collect();
        assert_eq!(attributes, [64, 65, 95]);
        assert_eq!(task.group(31), Some(&[0xaa, 0xbb][..]));
        assert_eq!(task.to_owned().other, [(95, vec![0xaa, 0xbb])]);
    }
}

/// Missing fields of a short structure are read as zero.
#[test]
fn short_and_long_structures_are_read() {
    let long: Vec<u8> = (1..=100).collect();
    let whole = read_creds(&long);
    assert_eq!(whole.uid, u32::from_ne_bytes([1, 2, 3, 4]));
    assert_eq!(read_creds(&long[..size_of::<TaskDiagCreds>()]), whole);
    assert_eq!(read_creds(&long[..4]).uid, whole.uid);
    assert_eq!(read_creds(&long[..4]).euid, 0);
    assert_eq!(
        read_creds(&long[..6]).euid,
        u32::from_ne_bytes([5, 6, 0, 0])
    );
    assert_eq!(read_creds(&[]), TaskDiagCreds::default());
}

#[test]
fn attribute_that_is_too_long_is_an_error() {
    let message = |len| {
        let other = TaskDiagAttr::Other(DefaultNla::new(99, vec![7; len]));
        TaskDiagMessage::get(vec![TaskDiagAttr::Pad(0), other])
    };
    for framing in [Framing::Plain, Framing::Genl { family: 0x1d }] {
        assert!(encode(message(ATTRIBUTE_MAX), framing, 1, 0).is_ok());
        let error = encode(message(ATTRIBUTE_MAX + 1), framing, 1, 0).unwrap_err();
        let Error::TooLong { attribute, len } = error else {
            panic!("not TooLong: {error}");
        };
        assert_eq!((attribute, len), (99, ATTRIBUTE_MAX + 1));
    }
}

fn read_creds(bytes: &[u8]) -> TaskDiagCreds {
    let other = TaskDiagAttr::Other(DefaultNla::new(65, bytes.to_vec()));
    let message = decode(&encode(TaskDiagMessage::get(vec![other]), 0x1d, 1, 0).unwrap()).unwrap();
    let [TaskDiagAttr::Cred(creds)] = message.attributes[..] else {
        panic!("not CRED: {message:?}");
    };
    creds
}

/// An attribute with a structure, or a number, of any bytes.
fn of_bytes<T: FromBytes>(attribute: fn(T) -> TaskDiagAttr) -> impl Strategy<Value = TaskDiagAttr> {
    prop::collection::vec(any::<u8>(), size_of::<T>())
        .prop_map(move |bytes| attribute(T::read_from_bytes(&bytes).unwrap()))
}

/// An attribute with a list.
fn of_list<T: Arbitrary>(
    attribute: fn(Vec<T>) -> TaskDiagAttr,
) -> impl Strategy<Value = TaskDiagAttr> {
    prop::collection::vec(any::<T>(), 0..300).prop_map(attribute)
}

fn any_attribute() -> impl Strategy<Value = TaskDiagAttr> {
    prop_oneof![
        any_filter(),
        any_group(),
        of_bytes(TaskDiagAttr::Get),
        of_bytes(TaskDiagAttr::Msg),
        of_bytes(TaskDiagAttr::Features),
        of_bytes(TaskDiagAttr::Absent),
        of_bytes(TaskDiagAttr::PidnsFd),
        of_bytes(TaskDiagAttr::Pidfd),
        of_bytes(TaskDiagAttr::ProcFd),
        (0usize..16).prop_map(TaskDiagAttr::Pad),
        // Unknown types, with and without type flags.
        (
            prop_oneof![Just(0u16), 9u16..32, 38u16..64, 82u16..0x4000],
            prop_oneof![Just(0u16), Just(0x4000), Just(0x8000)],
            prop::collection::vec(any::<u8>(), 0..300),
        )
            .prop_map(|(kind, flags, value)| {
                TaskDiagAttr::Other(DefaultNla::new(kind | flags, value))
            }),
    ]
}

fn any_filter() -> impl Strategy<Value = TaskDiagAttr> {
    prop_oneof![
        of_bytes(TaskDiagAttr::FilterUid),
        of_bytes(TaskDiagAttr::FilterCgroup),
        of_bytes(TaskDiagAttr::FilterStates),
        of_list(TaskDiagAttr::FilterComm),
        of_list(TaskDiagAttr::FilterPids),
        of_bytes(TaskDiagAttr::FilterVmaFlags),
    ]
}

fn any_group() -> impl Strategy<Value = TaskDiagAttr> {
    prop_oneof![
        of_bytes(TaskDiagAttr::Base),
        of_bytes(TaskDiagAttr::Cred),
        of_bytes(TaskDiagAttr::Stat),
        of_list(TaskDiagAttr::Vma),
        of_list(TaskDiagAttr::VmaStat),
        of_list(TaskDiagAttr::Cmdline),
        of_bytes(TaskDiagAttr::Files),
        of_bytes(TaskDiagAttr::Ident),
        of_bytes(TaskDiagAttr::Ns),
        of_list(TaskDiagAttr::Cgroup),
        of_bytes(TaskDiagAttr::Io),
        of_bytes(TaskDiagAttr::Signals),
        of_bytes(TaskDiagAttr::Limits),
        of_bytes(TaskDiagAttr::Oom),
        of_list(TaskDiagAttr::Paths),
        of_list(TaskDiagAttr::Environ),
        of_list(TaskDiagAttr::Sched),
        of_list(TaskDiagAttr::Nspid),
    ]
}

fn any_filters() -> impl Strategy<Value = Filters> {
    (
        any::<[Option<u32>; 2]>(),
        any::<[Option<u64>; 2]>(),
        prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
        prop::option::of(prop::collection::vec(any::<u32>(), 0..300)),
    )
        .prop_map(|([uid, states], [cgroup, vma_flags], comm, pids)| {
            let mut filters = Filters::default();
            filters.uid = uid;
            filters.cgroup = cgroup;
            filters.states = states.map(States::from_bits_retain);
            filters.comm = comm;
            filters.pids = pids;
            filters.vma_flags = vma_flags.map(VmaFlags::from_bits_retain);
            filters
        })
}

/// Returns the filters of these attributes.
fn filters_in(attributes: &[TaskDiagAttr]) -> Filters {
    let mut filters = Filters::default();
    for attribute in attributes.iter().cloned() {
        match attribute {
            TaskDiagAttr::FilterUid(uid) => filters.uid = Some(uid),
            TaskDiagAttr::FilterCgroup(id) => filters.cgroup = Some(id),
            TaskDiagAttr::FilterStates(bits) => {
                filters.states = Some(States::from_bits_retain(bits));
            }
            TaskDiagAttr::FilterComm(comm) => filters.comm = Some(comm),
            TaskDiagAttr::FilterPids(pids) => filters.pids = Some(pids),
            TaskDiagAttr::FilterVmaFlags(bits) => {
                filters.vma_flags = Some(VmaFlags::from_bits_retain(bits));
            }
            other => panic!("{other:?} is not a filter"),
        }
    }
    filters
}

proptest! {
    #[test]
    fn decoded_request_has_the_filters_of_the_encoded_one(filters in any_filters()) {
        let mut request = Request::new(Which::All);
        request.filters = filters.clone();
        let message = decode(&encode((&request).into(), 0x1d, 1, 0).unwrap()).unwrap();
        let (get, sent) = message.attributes.split_first().unwrap();
        prop_assert!(matches!(get, TaskDiagAttr::Get(_)));
        prop_assert_eq!(filters_in(sent), filters);
    }

    #[test]
    fn decoded_message_equals_the_encoded_one(
        cmd in any::<u8>(),
        attributes in prop::collection::vec(any_attribute(), 0..12),
        family in 0x10u16..,
        seq in any::<u32>(),
        flags in any::<u16>(),
    ) {
        let mut message = TaskDiagMessage::get(attributes);
        message.cmd = cmd;
        let bytes = encode(message.clone(), family, seq, flags).unwrap();
        let decoded = Message::deserialize(&bytes).unwrap();
        let NetlinkHeader { length, message_type, flags: f, sequence_number, .. } = decoded.header;
        prop_assert_eq!(length as usize, bytes.len());
        prop_assert_eq!((message_type, f, sequence_number), (family, flags, seq));
        let NetlinkPayload::InnerMessage(inner) = &decoded.payload else {
            panic!("not a message of the family");
        };
        prop_assert_eq!(&inner.payload, &message);
        let mut again = vec![0; decoded.buffer_len()];
        decoded.serialize(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn any_bytes_decode_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Message::deserialize(&bytes);
        // As a payload, so that the decoder reaches the attributes more often.
        let framed = [
            &(16 + bytes.len() as u32).to_ne_bytes()[..],
            &[0x1d, 0x1d], &[0; 10], &bytes,
        ].concat();
        let _ = Message::deserialize(&framed);
    }

    #[test]
    fn changed_or_cut_message_decodes_without_panic(
        attributes in prop::collection::vec(any_attribute(), 1..6),
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(TaskDiagMessage::get(attributes), 0x1d, 1, 0).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = value;
        let _ = Message::deserialize(&bytes);
        let _ = Message::deserialize(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn group_of_any_length_equals_its_zero_extension(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut whole = bytes.clone();
        whole.resize(size_of::<TaskDiagCreds>(), 0);
        prop_assert_eq!(read_creds(&bytes), read_creds(&whole));
    }
}
