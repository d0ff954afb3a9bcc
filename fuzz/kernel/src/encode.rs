// SPDX-License-Identifier: MIT
//! Encodes a case as the bytes that are sent.
//!
//! Pure. The [`Roles`] assigns processes to the roles of a case.

use zerocopy::IntoBytes;

use crate::case::{
    Attribute, Case, Control, Descriptor, Id, Kind, Length, Message, Request, Role, Transport,
    Value,
};
use crate::wire::{ATTRIBUTE_HEADER, HEADER, Header, align};
use taskdiag::abi;

/// `sizeof(struct cmsghdr)`: a 64-bit length, the level, the type.
pub(crate) const CONTROL_HEADER: usize = 16;
/// Alignment of control messages.
const CONTROL_ALIGNMENT: usize = 8;
const SOL_SOCKET: i32 = 1;
const SCM_CREDENTIALS: i32 = 2;

/// The processes, ids and descriptors that a case refers to.
pub(crate) trait Roles {
    /// The family id.
    fn family(&self) -> u16;
    fn pid(&self, role: Role) -> u32;
    /// The number of an open descriptor, or one that is not open.
    fn descriptor(&self, descriptor: Descriptor) -> u32;
    fn uid(&self, id: Id) -> u32;
    fn gid(&self, id: Id) -> u32;
}

/// Returns the bytes of one `sendmsg()` or `write()`.
pub(crate) fn datagram(
    transport: Transport,
    messages: &[Message],
    tail: &[u8],
    roles: &dyn Roles,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    for message in messages {
        bytes.resize(align(bytes.len()), 0);
        put_message(&mut bytes, transport, message, roles);
    }
    bytes.extend(tail);
    bytes
}

fn put_message(bytes: &mut Vec<u8>, transport: Transport, message: &Message, roles: &dyn Roles) {
    let start = bytes.len();
    bytes.resize(start + HEADER, 0);
    if transport == Transport::Socket {
        bytes.extend([message.cmd, message.version]);
        bytes.extend(message.reserved.to_ne_bytes());
    }
    for attribute in &message.attributes {
        put_attribute(bytes, attribute, roles);
    }
    // A message has at least one byte.
    let whole = bytes.len() - start;
    bytes.truncate(start + (whole - message.cut.min(whole - 1)));

    let mut header = Vec::with_capacity(HEADER);
    Header {
        len: length(message.len, bytes.len() - start),
        kind: match (message.kind, transport) {
            (Kind::Family, Transport::Socket) => roles.family(),
            (Kind::Family, Transport::File) => abi::TASK_DIAG_NLMSG_BASE + u16::from(message.cmd),
            (Kind::Number(number), _) => number,
        },
        flags: message.flags,
        seq: message.seq,
        pid: message.pid,
    }
    .write(&mut header);
    for (to, from) in bytes[start..].iter_mut().zip(header) {
        *to = from;
    }
}

fn put_attribute(bytes: &mut Vec<u8>, attribute: &Attribute, roles: &dyn Roles) {
    let start = bytes.len();
    bytes.resize(start + ATTRIBUTE_HEADER, 0);
    match &attribute.value {
        Value::Request(request) => put_request(bytes, *request, roles),
        Value::Bytes(value) => bytes.extend(value),
        Value::Descriptor(descriptor) => {
            bytes.extend(roles.descriptor(*descriptor).to_ne_bytes());
        }
        Value::Nested(inner) => {
            for attribute in inner {
                put_attribute(bytes, attribute, roles);
            }
        }
    }
    // The length field has 16 bits; longer lengths are truncated.
    let len = length(attribute.len, bytes.len() - start) as u16;
    bytes[start..start + 2].copy_from_slice(&len.to_ne_bytes());
    bytes[start + 2..start + 4].copy_from_slice(&attribute.kind.to_ne_bytes());
    bytes.resize(align(bytes.len()), 0);
}

fn put_request(bytes: &mut Vec<u8>, request: Request, roles: &dyn Roles) {
    let start = bytes.len();
    let value = abi::TaskDiagPid {
        show_flags: request.show_flags,
        dump_strategy: request.strategy,
        pid: roles.pid(request.pid),
        reserved: request.reserved,
    };
    bytes.extend(value.as_bytes());
    let len = bytes.len() - start;
    bytes.resize(
        start + len.saturating_add_signed(isize::from(request.off)),
        0,
    );
}

fn length(length: Length, truth: usize) -> u32 {
    match length {
        Length::True => truth as u32,
        Length::Off(off) => (truth as u32).wrapping_add_signed(off),
        Length::Is(len) => len,
    }
}

/// Returns the control messages of a case.
pub(crate) fn control(case: &Case, roles: &dyn Roles) -> Vec<u8> {
    let mut bytes = Vec::new();
    for control in &case.control {
        bytes.resize(bytes.len().next_multiple_of(CONTROL_ALIGNMENT), 0);
        match control {
            Control::Credentials { pid, uid, gid } => {
                let numbers = [roles.pid(*pid), roles.uid(*uid), roles.gid(*gid)];
                put_control(
                    &mut bytes,
                    SOL_SOCKET,
                    SCM_CREDENTIALS,
                    0,
                    numbers.as_bytes(),
                );
            }
            Control::Raw {
                level,
                kind,
                off,
                data,
            } => put_control(&mut bytes, *level, *kind, *off, data),
        }
    }
    bytes.resize(bytes.len().next_multiple_of(CONTROL_ALIGNMENT), 0);
    bytes.truncate(bytes.len().saturating_sub(case.control_cut));
    bytes
}

fn put_control(bytes: &mut Vec<u8>, level: i32, kind: i32, off: i64, data: &[u8]) {
    let len = (CONTROL_HEADER + data.len()) as u64;
    bytes.extend(len.wrapping_add_signed(off).to_ne_bytes());
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::wire::{NLM_F_DUMP, NLM_F_REQUEST};

    /// Fixed numbers for all roles, without processes.
    pub(crate) struct FixedRoles;

    impl Roles for FixedRoles {
        fn family(&self) -> u16 {
            0x1d
        }
        fn pid(&self, role: Role) -> u32 {
            match role {
                Role::Pid(number) => number,
                _ => 4711,
            }
        }
        fn descriptor(&self, descriptor: Descriptor) -> u32 {
            match descriptor {
                Descriptor::Closed => 1 << 20,
                _ => 5,
            }
        }
        fn uid(&self, id: Id) -> u32 {
            match id {
                Id::Own => 1000,
                Id::Number(number) => number,
            }
        }
        fn gid(&self, id: Id) -> u32 {
            self.uid(id)
        }
    }

    pub(crate) fn request(strategy: u64, pid: u32) -> Message {
        Message {
            len: Length::True,
            kind: Kind::Family,
            flags: NLM_F_REQUEST | NLM_F_DUMP,
            seq: 7,
            pid: 0,
            cmd: 1,
            version: 1,
            reserved: 0,
            attributes: vec![Attribute {
                kind: 1,
                len: Length::True,
                value: Value::Request(Request {
                    show_flags: 3,
                    strategy,
                    pid: Role::Pid(pid),
                    reserved: 0,
                    off: 0,
                }),
            }],
            cut: 0,
        }
    }

    #[test]
    fn valid_request_is_encoded_as_specified() {
        let bytes = datagram(Transport::Socket, &[request(2, 4711)], &[], &FixedRoles);
        let expected: Vec<u8> = [
            &48u32.to_ne_bytes()[..],
            &0x1du16.to_ne_bytes(),
            &0x301u16.to_ne_bytes(),
            &7u32.to_ne_bytes(),
            &0u32.to_ne_bytes(),
            &[1, 1, 0, 0],
            &28u16.to_ne_bytes(),
            &1u16.to_ne_bytes(),
            &3u64.to_ne_bytes(),
            &2u64.to_ne_bytes(),
            &4711u32.to_ne_bytes(),
            &0u32.to_ne_bytes(),
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn request_for_the_file_has_no_generic_netlink_header() {
        let bytes = datagram(Transport::File, &[request(2, 4711)], &[], &FixedRoles);
        assert_eq!(bytes.len(), 44);
        assert_eq!(bytes[..4], 44u32.to_ne_bytes());
        assert_eq!(bytes[4..6], 0x11u16.to_ne_bytes());
        assert_eq!(bytes[16..20], [28, 0, 1, 0]);
    }

    #[test]
    fn message_can_be_cut_within_its_header() {
        let mut message = request(0, 0);
        message.cut = 40;
        message.len = Length::Is(48);
        let bytes = datagram(Transport::Socket, &[message], &[], &FixedRoles);
        assert_eq!(bytes.len(), 8);
        assert_eq!(bytes[..4], 48u32.to_ne_bytes());
    }

    #[test]
    fn messages_are_4_byte_aligned() {
        let mut first = request(0, 0);
        first.cut = 3;
        let bytes = datagram(
            Transport::Socket,
            &[first, request(1, 1)],
            &[9],
            &FixedRoles,
        );
        assert_eq!(bytes.len(), 48 + 48 + 1);
        assert_eq!(bytes[..4], 45u32.to_ne_bytes());
        assert_eq!(bytes[48..52], 48u32.to_ne_bytes());
    }

    #[test]
    fn credentials_are_encoded_in_28_bytes() {
        let mut bytes = Vec::new();
        put_control(&mut bytes, SOL_SOCKET, SCM_CREDENTIALS, 0, &[0; 12]);
        assert_eq!(bytes.len(), 28);
        assert_eq!(bytes[..8], 28u64.to_ne_bytes());
    }
}
