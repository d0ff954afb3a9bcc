// SPDX-License-Identifier: MIT
//! Netlink as bytes: messages and attributes, walked in place.
//!
//! The receiving half of the codec, without its copies: every task takes this
//! path. Pure, and total: there are no bytes that make it panic.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::abi;

/// Messages and attributes begin at multiples of this.
const ALIGNMENT: usize = 4;
/// The part of an attribute's type that is its type; the rest are flags.
const TYPE_MASK: u16 = 0x3fff;

/// `NLM_F_REQUEST`: a request.
pub(crate) const FLAG_REQUEST: u16 = 0x01;
/// `NLM_F_MULTI`: one of many, ended by `NLMSG_DONE`.
pub(crate) const FLAG_MULTI: u16 = 0x02;
/// `NLM_F_ACK`: to be acknowledged, whatever the answer is.
pub(crate) const FLAG_ACK: u16 = 0x04;
/// `NLM_F_DUMP_INTR`: never set by the kernel. A daemon that replies from its
/// table sets it if tasks began or ended during the dump.
pub(crate) const FLAG_INTERRUPTED: u16 = 0x10;
/// `NLM_F_CAPPED`: an error repeats the request's header only.
pub(crate) const FLAG_CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS`: an extended acknowledgement follows.
pub(crate) const FLAG_EXTENDED_ACK: u16 = 0x200;

/// The longest value that an attribute can have, in bytes: its length, with the
/// header, travels in 16 bits.
pub const ATTRIBUTE_MAX: usize = u16::MAX as usize - 4;

/// The length of something in memory, and the padding behind it.
#[inline]
pub(crate) const fn align(len: usize) -> usize {
    (len + (ALIGNMENT - 1)) & !(ALIGNMENT - 1)
}

/// Bytes that are not what the protocol says: what is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// What the messages of an answer are recognised by: the sequence number and
/// the port number.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(crate) struct Address([u32; 2]);

impl Address {
    pub(crate) const fn new(seq: u32, port: u32) -> Self {
        Self([seq, port])
    }
}

/// `struct nlmsghdr`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) len: u32,
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) address: Address,
}

impl Header {
    /// The message at the beginning of these bytes: its header, its payload,
    /// and its length with the padding behind it.
    pub(crate) fn split(bytes: &[u8]) -> Result<(Self, &[u8], usize), Malformed> {
        let (header, _) = Self::read_from_prefix(bytes)
            .map_err(|_| Malformed("there are fewer bytes than a message header has"))?;
        let len = header.len as usize;
        let payload = bytes.get(size_of::<Self>()..len).ok_or(Malformed(
            "the length in a message header is not that of a message",
        ))?;
        Ok((header, payload, align(len)))
    }

    /// Whether it is the same, to the last bit.
    #[inline]
    pub(crate) fn is(&self, other: &Self) -> bool {
        // Bytes are compared by the word, fields would be by the field.
        self.as_bytes() == other.as_bytes()
    }
}

/// The head of a message about a task, in the form it has nearly always: every
/// header in it is of the known length, and `TASK_DIAG_MSG` comes first. It may
/// lie anywhere: alignment would cost a check per message.
#[derive(Clone, Copy, FromBytes, Immutable, KnownLayout)]
#[repr(C, packed)]
pub(crate) struct TaskHead<I> {
    pub(crate) header: Header,
    inner: I,
    pub(crate) msg: abi::TaskDiagMsg,
}

impl<I: Inner> TaskHead<I> {
    /// The head at the beginning of these bytes, if it has that form.
    #[inline]
    pub(crate) fn view(bytes: &[u8]) -> Option<&Self> {
        let (head, _) = Self::ref_from_prefix(bytes).ok()?;
        head.is_usual().then_some(head)
    }

    /// Whether it has that form.
    #[inline]
    pub(crate) fn is_usual(&self) -> bool {
        let inner = self.inner;
        inner == I::USUAL
    }
}

/// What lies between a message's header and the value of its first attribute.
pub(crate) trait Inner:
    Copy + PartialEq + FromBytes + Immutable + KnownLayout + 'static
{
    const USUAL: Self;
    /// Generic netlink's header is in it.
    const IN_GENL: bool;
}

/// The header of the first attribute.
pub(crate) type PlainInner = [u8; 4];
/// Generic netlink's header and that of the first attribute.
pub(crate) type GenlInner = [u8; 8];

impl Inner for PlainInner {
    const USUAL: Self = AttributeHeader::of::<abi::TaskDiagMsg>(abi::TASK_DIAG_MSG);
    const IN_GENL: bool = false;
}

impl Inner for GenlInner {
    const USUAL: Self = {
        let (cmd, version) = (abi::TASK_DIAG_CMD_GET, abi::TASK_DIAG_GENL_VERSION);
        let [l0, l1, k0, k1] = PlainInner::USUAL;
        [cmd, version, 0, 0, l0, l1, k0, k1]
    };
    const IN_GENL: bool = true;
}

/// `struct nlattr`.
#[derive(Clone, Copy, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct AttributeHeader {
    len: u16,
    kind: u16,
}

impl AttributeHeader {
    /// That of an attribute of this type with such a structure, as bytes.
    const fn of<T>(kind: u16) -> [u8; size_of::<Self>()] {
        let len = (size_of::<Self>() + size_of::<T>()) as u16;
        let [l0, l1] = len.to_ne_bytes();
        let [k0, k1] = kind.to_ne_bytes();
        [l0, l1, k0, k1]
    }
}

/// An attribute that holds a structure, neither longer nor shorter than this
/// crate knows it. It may lie anywhere.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, packed)]
pub(crate) struct Exactly<T> {
    header: [u8; size_of::<AttributeHeader>()],
    value: T,
}

impl<T> Exactly<T> {
    /// One that holds a structure, and is none of any type.
    pub(crate) const fn holding(value: T) -> Self {
        Self {
            header: [0; size_of::<AttributeHeader>()],
            value,
        }
    }

    /// Whether it is one, of this type.
    #[inline]
    pub(crate) fn is(&self, kind: u16) -> bool {
        self.header == AttributeHeader::of::<T>(kind)
    }

    /// It itself, if it is one.
    #[inline]
    pub(crate) const fn value(&self) -> T
    where
        T: Copy,
    {
        self.value
    }
}

/// Walks attributes: the type without its flags, and the value.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Attributes<'a> {
    #[inline]
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self::new_at(bytes, 0)
    }

    /// Those that begin there, and behind.
    #[inline]
    pub(crate) const fn new_at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Where the next one begins.
    #[inline]
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// What has not been walked yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // The last one may lack its padding, and so the walk end behind it.
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let Ok((header, _)) = AttributeHeader::read_from_prefix(rest) else {
            self.at = self.bytes.len();
            return Some(Err(Malformed(
                "there are fewer bytes than an attribute header has",
            )));
        };
        let len = usize::from(header.len);
        let Some(value) = rest.get(size_of::<AttributeHeader>()..len) else {
            self.at = self.bytes.len();
            return Some(Err(Malformed(
                "the length in an attribute header is not that of an attribute",
            )));
        };
        self.at += align(len);
        Some(Ok((header.kind & TYPE_MASK, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_walked_to_the_end() {
        let bytes = [
            [5u16.to_ne_bytes(), 0x8010u16.to_ne_bytes()].concat(),
            vec![7, 0, 0, 0],
            [6u16.to_ne_bytes(), 3u16.to_ne_bytes()].concat(),
            vec![8, 9],
        ]
        .concat();
        let walked: Vec<_> = Attributes::new(&bytes).collect();
        assert_eq!(walked, [Ok((16, &[7][..])), Ok((3, &[8, 9][..]))]);
    }

    #[test]
    fn a_length_that_cannot_be_is_an_error_and_the_end() {
        for len in [0u16, 3, 9] {
            let bytes = [len.to_ne_bytes(), [1, 0], [0, 0], [0, 0]].concat();
            let mut walk = Attributes::new(&bytes);
            assert!(walk.next().unwrap().is_err());
            assert_eq!(walk.next(), None);
        }
    }

    #[test]
    fn a_message_must_lie_in_the_datagram() {
        let header = |len: u32| [&len.to_ne_bytes()[..], &[0; 12]].concat();
        assert!(Header::split(&header(16)).is_ok());
        assert!(Header::split(&header(16)[..15]).is_err());
        for len in [0, 15, 17, u32::MAX] {
            assert!(Header::split(&header(len)).is_err());
        }
    }
}
