// SPDX-License-Identifier: MIT
//! The codec decodes any bytes to a message or an error. Encoding and decoding a decoded
//! message again returns the same message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netlink_packet_core::{NetlinkMessage, NetlinkPayload, Nla};
use netlink_packet_generic::GenlMessage;
use taskdiag::netlink::{TaskDiagAttr, TaskDiagMessage};

type Message = NetlinkMessage<GenlMessage<TaskDiagMessage>>;

/// `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`, which exclude each other.
const BOTH_FLAGS: u16 = 0xc000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut message) = Message::deserialize(bytes) else {
        return;
    };
    let NetlinkPayload::InnerMessage(inner) = &message.payload else {
        return;
    };
    // netlink-packet-core drops one of the flags of an attribute that has both.
    let both_flags = |attribute: &TaskDiagAttr| matches!(attribute, TaskDiagAttr::Other(other) if other.kind() & BOTH_FLAGS == BOTH_FLAGS);
    if inner.payload.attributes.iter().any(both_flags) {
        return;
    }
    // Truncated structures are encoded in full, so lengths change.
    message.finalize();
    let mut encoded = vec![0; message.buffer_len()];
    message.serialize(&mut encoded);
    let again = Message::deserialize(&encoded).expect("an encoded message can be decoded");
    assert_eq!(again, message);
});
