// SPDX-License-Identifier: MIT
//! Generates messages: valid requests, and corruptions of them.

use super::MAX_VALUE;
use super::dice::Dice;
use crate::case::{Attribute, Descriptor, Kind, Length, Message, Request, Role, Value};
use crate::groups;
use crate::model::PID_MAX_LIMIT;
use crate::wire::{
    GENL_MAX_ID, NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLM_F_ACK, NLM_F_DUMP, NLM_F_ECHO,
    NLM_F_REQUEST,
};
use taskdiag::abi;

/// Maximum length of an attribute that is duplicated.
const MAX_DUPLICATE: usize = 4000;

/// Returns a message. `index` makes its sequence number unique within the case.
pub(super) fn message(dice: &mut Dice, index: u32) -> Message {
    let mut message = valid(dice, index);
    // Two thirds stay valid; few have more than one fault.
    while dice.one_in(3) {
        match dice.below(8) {
            0 | 1 => corrupt_header(dice, &mut message),
            2 | 3 => corrupt_fields(dice, &mut message),
            _ => corrupt_attributes(dice, &mut message),
        }
    }
    message
}

/// Returns a valid request for all tasks.
pub(super) fn long_dump(dice: &mut Dice) -> Message {
    let strategy = *dice.pick(&[abi::TASK_DIAG_DUMP_ALL, abi::TASK_DIAG_DUMP_ALL_THREAD]);
    let appended = if dice.one_in(3) { show(dice) } else { 0 };
    let mut message = request(dice, 0, NLM_F_DUMP, strategy, groups::PLAIN | appended);
    if dice.one_in(2) {
        add_mount(dice, &mut message);
    }
    message
}

/// Returns a request for the supported features.
fn features(dice: &mut Dice, index: u32) -> Message {
    let mut message = request(dice, index, 0, 0, 0);
    message.cmd = abi::TASK_DIAG_CMD_FEATURES;
    message.attributes.clear();
    message
}

fn valid(dice: &mut Dice, index: u32) -> Message {
    if dice.one_in(64) {
        return features(dice, index);
    }
    let strategy = *dice.pick(&[
        abi::TASK_DIAG_DUMP_ALL,
        abi::TASK_DIAG_DUMP_ONE,
        abi::TASK_DIAG_DUMP_ONE,
        abi::TASK_DIAG_DUMP_CHILDREN,
        abi::TASK_DIAG_DUMP_THREAD,
        abi::TASK_DIAG_DUMP_ALL_THREAD,
        abi::TASK_DIAG_DUMP_DESCENDANTS,
    ]);
    let plain = strategy == abi::TASK_DIAG_DUMP_ONE && dice.one_in(2);
    let mut flags = if plain { 0 } else { NLM_F_DUMP };
    if dice.one_in(5) {
        flags |= *dice.pick(&[NLM_F_ACK, NLM_F_ACK, NLM_F_ECHO, NLM_F_ACK | NLM_F_ECHO]);
    }
    let show_flags = show(dice);
    let mut message = request(dice, index, flags, strategy, show_flags);
    while dice.one_in(6) {
        let filter = filter(dice);
        let at = dice.below(message.attributes.len() + 1);
        message.attributes.insert(at, filter);
    }
    let mount = dice.one_in(6);
    if mount {
        add_mount(dice, &mut message);
    }
    // The two options exclude each other.
    if dice.one_in(if mount { 20 } else { 10 }) {
        add_pid_namespace(dice, &mut message);
    }
    if dice.one_in(8) {
        add_pidfd(dice, &mut message);
    }
    message
}

fn descriptor_attribute(dice: &mut Dice, kind: u16, descriptor: Descriptor) -> Attribute {
    Attribute {
        kind,
        len: Length::True,
        value: if dice.one_in(12) {
            let number = *dice.pick(&[0u32, 1, 2, 1000, i32::MAX as u32, u32::MAX]);
            Value::Bytes(number.to_ne_bytes().to_vec())
        } else {
            Value::Descriptor(descriptor)
        },
    }
}

fn add_pid_namespace(dice: &mut Dice, message: &mut Message) {
    let descriptor = match dice.below(16) {
        0..5 => Descriptor::ChildNamespace,
        5..8 => Descriptor::OuterNamespace,
        8..11 => Descriptor::OwnNamespace,
        11 => Descriptor::OtherNamespace(dice.byte()),
        12 => Descriptor::Plain(dice.byte()),
        13 => *dice.pick(&[
            Descriptor::Path,
            Descriptor::Mount(0),
            Descriptor::MountPath(0),
        ]),
        14 => Descriptor::Task(dice.byte()),
        _ => Descriptor::Closed,
    };
    let option = descriptor_attribute(dice, abi::TASK_DIAG_CMD_ATTR_PIDNS_FD, descriptor);
    let at = dice.below(message.attributes.len() + 1);
    message.attributes.insert(at, option);
}

/// Names a procfs mount, whose pid namespace and options apply.
fn add_mount(dice: &mut Dice, message: &mut Message) {
    let descriptor = match dice.below(20) {
        0..11 => Descriptor::Mount(dice.byte()),
        11..14 => Descriptor::MountPath(dice.byte()),
        14 | 15 => Descriptor::NotRoot(dice.byte()),
        16 => Descriptor::Plain(dice.byte()),
        17 => Descriptor::Path,
        18 => *dice.pick(&[Descriptor::OuterNamespace, Descriptor::OwnTask]),
        _ => Descriptor::Closed,
    };
    let option = descriptor_attribute(dice, abi::TASK_DIAG_CMD_ATTR_PROC_FD, descriptor);
    let at = dice.below(message.attributes.len() + 1);
    message.attributes.insert(at, option);
}

/// Names the task of a request by a pidfd, in most cases instead of a pid.
fn add_pidfd(dice: &mut Dice, message: &mut Message) {
    let descriptor = match dice.below(20) {
        0..6 => Descriptor::Task(dice.byte()),
        6..8 => Descriptor::OwnTask,
        8..10 => Descriptor::Thread,
        10 => Descriptor::Zombie,
        11 | 12 => Descriptor::Ended,
        13 | 14 => Descriptor::ContainedTask,
        15 => Descriptor::Plain(dice.byte()),
        16 => Descriptor::ChildNamespace,
        17 => Descriptor::Path,
        18 => Descriptor::OtherNamespace(dice.byte()),
        _ => Descriptor::Closed,
    };
    let option = descriptor_attribute(dice, abi::TASK_DIAG_CMD_ATTR_PIDFD, descriptor);
    let at = dice.below(message.attributes.len() + 1);
    message.attributes.insert(at, option);
    let instead = !dice.one_in(8);
    let strategy = *dice.pick(&[
        abi::TASK_DIAG_DUMP_ONE,
        abi::TASK_DIAG_DUMP_CHILDREN,
        abi::TASK_DIAG_DUMP_THREAD,
        abi::TASK_DIAG_DUMP_DESCENDANTS,
    ]);
    if let Some(request) = fields(message).filter(|_| instead) {
        request.pid = Role::Pid(0);
        if [abi::TASK_DIAG_DUMP_ALL, abi::TASK_DIAG_DUMP_ALL_THREAD].contains(&request.strategy) {
            request.strategy = strategy;
        }
    }
}

fn fields(message: &mut Message) -> Option<&mut Request> {
    message
        .attributes
        .iter_mut()
        .find_map(|attribute| match &mut attribute.value {
            Value::Request(request) => Some(request),
            _ => None,
        })
}

/// Returns a mask of plain groups, in half of the cases with one other group or
/// with all groups.
fn show(dice: &mut Dice) -> u64 {
    let plain = dice.u64() & groups::PLAIN;
    match dice.below(16) {
        0..=7 => plain,
        8 => groups::known(),
        _ => plain | 1 << dice.below(groups::GROUPS.len()),
    }
}

/// Returns a filter, which is valid in most cases.
fn filter(dice: &mut Dice) -> Attribute {
    let filters = usize::from(abi::TASK_DIAG_FILTER_MAX) + 1;
    let kind = abi::TASK_DIAG_ATTR_FILTERS + dice.below(filters) as u16;
    let bytes = match kind {
        abi::TASK_DIAG_CMD_ATTR_UID => (*dice.pick(&[0u32, 1000, 1234, 1234, u32::MAX]))
            .to_ne_bytes()
            .to_vec(),
        abi::TASK_DIAG_CMD_ATTR_STATES => {
            let states = match dice.below(8) {
                0 => 0,
                1 => 1 << dice.below(32),
                _ => dice.u32() & 0x1ff,
            };
            states.to_ne_bytes().to_vec()
        }
        abi::TASK_DIAG_CMD_ATTR_COMM => {
            let len = match dice.below(4) {
                0 => dice.below(18),
                _ => 1 + dice.below(3),
            };
            let mut name = vec![*dice.pick(b"ftsc"); len];
            if dice.one_in(4) {
                name.push(0);
            }
            if dice.one_in(8) {
                name.push(b'c');
            }
            name
        }
        abi::TASK_DIAG_CMD_ATTR_PIDS => {
            let pids = 1 + dice.below(300);
            (0..pids)
                .flat_map(|_| (1 + dice.below(400) as u32).to_ne_bytes())
                .collect()
        }
        _ if dice.one_in(4) => (1u64 << dice.below(40)).to_ne_bytes().to_vec(),
        _ => (dice.u64() & 0xff).to_ne_bytes().to_vec(),
    };
    Attribute {
        kind,
        len: Length::True,
        value: Value::Bytes(if dice.one_in(8) {
            dice.up_to(40)
        } else {
            bytes
        }),
    }
}

fn request(dice: &mut Dice, index: u32, flags: u16, strategy: u64, show_flags: u64) -> Message {
    Message {
        len: Length::True,
        kind: Kind::Family,
        flags: NLM_F_REQUEST | flags,
        // Not 0, and unique within the case.
        seq: ((dice.u32() << 4) | index) | 0x100,
        pid: *dice.pick(&[0, 0, 1, u32::MAX]),
        cmd: abi::TASK_DIAG_CMD_GET,
        version: abi::TASK_DIAG_GENL_VERSION,
        reserved: 0,
        attributes: vec![Attribute {
            kind: abi::TASK_DIAG_CMD_ATTR_GET,
            len: Length::True,
            value: Value::Request(Request {
                show_flags,
                strategy,
                pid: match strategy {
                    // Ignored by these strategies.
                    abi::TASK_DIAG_DUMP_ALL | abi::TASK_DIAG_DUMP_ALL_THREAD => {
                        Role::Pid(dice.small())
                    }
                    _ => role(dice),
                },
                reserved: 0,
                off: 0,
            }),
        }],
        cut: 0,
    }
}

/// Chooses the task that a request names.
pub(super) fn role(dice: &mut Dice) -> Role {
    match dice.below(24) {
        0 => Role::Pid(0),
        1 => Role::Pid(1),
        2 => Role::Pid(2),
        3 => Role::Pid(*dice.pick(&[u32::MAX, i32::MAX as u32, i32::MIN as u32, u32::MAX - 1])),
        4 => Role::Pid(*dice.pick(&[PID_MAX_LIMIT, PID_MAX_LIMIT + 1, PID_MAX_LIMIT - 1])),
        5 => Role::Pid(dice.small()),
        6 => Role::Zombie,
        7 | 8 => Role::JustExited,
        9 | 10 => Role::Free,
        11 | 12 => Role::Own,
        13 => Role::Parent,
        14 => Role::Contained(dice.byte()),
        15 | 16 => Role::PermanentThread(dice.byte(), dice.byte()),
        17 | 18 => Role::PermanentChild(dice.byte(), dice.byte()),
        _ => Role::Permanent(dice.byte()),
    }
}

fn corrupt_header(dice: &mut Dice, message: &mut Message) {
    match dice.below(9) {
        0 => message.len = length(dice),
        1 => {
            // Excludes the ids of other families, which are not under test.
            message.kind = Kind::Number(if dice.one_in(2) {
                dice.below(16) as u16
            } else {
                GENL_MAX_ID + 1 + dice.below(64_000) as u16
            });
        }
        2 | 3 => message.flags ^= 1 << dice.below(16),
        4 => message.flags = dice.u32() as u16,
        5 => {
            let unknown = abi::TASK_DIAG_CMD_MAX + 1;
            message.cmd = *dice.pick(&[0, abi::TASK_DIAG_CMD_FEATURES, unknown, 127, 255]);
        }
        6 => message.version = *dice.pick(&[0, 2, 255]),
        7 => message.reserved = 1 << dice.below(16),
        _ => message.seq = *dice.pick(&[1, u32::MAX, 0x8000_0000]),
    }
}

fn length(dice: &mut Dice) -> Length {
    match dice.below(3) {
        0 => Length::Is(*dice.pick(&[0, 1, 3, 4, 5, 15, 16, 17, 19, 20, 21, 24, 0xffff, u32::MAX])),
        1 => Length::Off(*dice.pick(&[-4, -3, -2, -1, 1, 2, 3, 4, 8, 16, 24, 28, 48])),
        _ => Length::Off(dice.below(64) as i32 - 32),
    }
}

fn corrupt_fields(dice: &mut Dice, message: &mut Message) {
    let pid = role(dice);
    let Some(request) = fields(message) else {
        return;
    };
    match dice.below(6) {
        0 => request.show_flags |= 1 << (2 + dice.below(8)),
        1 => request.show_flags ^= 1 << dice.below(64),
        2 => {
            let known = groups::known();
            request.show_flags = *dice.pick(&[u64::MAX, 1 << 63, 1 << 32, known, known + 1]);
        }
        3 => {
            let unknown = abi::TASK_DIAG_DUMP_MAX + 1;
            request.strategy = *dice.pick(&[
                unknown,
                unknown + 1,
                255,
                1 << 32,
                (1 << 32) + 1,
                1 << 63,
                u64::MAX,
            ]);
        }
        4 => request.reserved = 1 << dice.below(32),
        _ => request.pid = pid,
    }
}

fn corrupt_attributes(dice: &mut Dice, message: &mut Message) {
    let at = dice.below(message.attributes.len() + 1);
    match dice.below(16) {
        0 | 1 => {
            let kind = kind(dice);
            edit(message, at, |attribute| attribute.kind = kind);
        }
        2 => {
            let flag = *dice.pick(&[
                NLA_F_NESTED,
                NLA_F_NET_BYTEORDER,
                NLA_F_NESTED | NLA_F_NET_BYTEORDER,
            ]);
            edit(message, at, |attribute| attribute.kind |= flag);
        }
        3 | 4 => {
            let len = length(dice);
            edit(message, at, |attribute| attribute.len = len);
        }
        5 | 6 => {
            let off = *dice.pick(&[-24, -23, -20, -16, -8, -4, -1, 1, 3, 4, 8, 12, 40, 104, 127]);
            edit(message, at, |attribute| {
                if let Value::Request(request) = &mut attribute.value {
                    request.off = off;
                }
            });
        }
        7 => {
            let duplicate = message.attributes.get(at);
            if let Some(duplicate) = duplicate
                .filter(|duplicate| duplicate.max_len() < MAX_DUPLICATE)
                .cloned()
            {
                message.attributes.push(duplicate);
            }
        }
        8 => {
            // A second request attribute: the last one is effective.
            let duplicate = valid(dice, 0).attributes;
            message.attributes.splice(at..at, duplicate);
        }
        9 | 10 => {
            let other = Attribute {
                kind: kind(dice),
                len: Length::True,
                value: Value::Bytes(dice.up_to(64)),
            };
            message.attributes.insert(at, other);
        }
        11 => {
            let inner = std::mem::take(&mut message.attributes);
            message.attributes.push(Attribute {
                kind: kind(dice) | if dice.one_in(2) { NLA_F_NESTED } else { 0 },
                len: Length::True,
                value: Value::Nested(inner),
            });
        }
        12 => message.cut = 1 + dice.below(30),
        13 => {
            if at < message.attributes.len() {
                message.attributes.remove(at);
            }
        }
        14 => message.attributes.reverse(),
        _ => {
            // Rare, because it costs as much as a thousand small attributes.
            let len = if dice.one_in(32) { MAX_VALUE } else { 2000 };
            let len = 1 + dice.below(len);
            message
                .attributes
                .retain(|other| other.max_len() < MAX_DUPLICATE);
            message.attributes.push(Attribute {
                kind: kind(dice),
                len: Length::True,
                value: Value::Bytes(vec![dice.byte(); len]),
            });
        }
    }
}

fn edit(message: &mut Message, at: usize, change: impl FnOnce(&mut Attribute)) {
    let at = at.min(message.attributes.len().saturating_sub(1));
    if let Some(attribute) = message.attributes.get_mut(at) {
        change(attribute);
    }
}

fn kind(dice: &mut Dice) -> u16 {
    match dice.below(6) {
        0 => dice.below(16) as u16,
        1 => {
            let filters = usize::from(abi::TASK_DIAG_FILTER_MAX) + 1;
            abi::TASK_DIAG_ATTR_FILTERS + dice.below(filters + 2) as u16
        }
        2 => abi::TASK_DIAG_ATTR_GROUPS + dice.below(groups::GROUPS.len() + 2) as u16,
        3 => abi::TASK_DIAG_CMD_ATTR_GET,
        4 => dice.below(128) as u16,
        _ => dice.u32() as u16,
    }
}
