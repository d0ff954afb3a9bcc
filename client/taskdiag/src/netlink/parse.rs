// SPDX-License-Identifier: MIT
//! Message headers and attributes, read where they lie in a buffer.
//!
//! Every received row takes this path. The functions accept any bytes: they
//! return a value or an error, and never panic.

use std::fmt;

use netlink_packet_core::{NLA_ALIGNTO, NLA_HEADER_SIZE, NLA_TYPE_MASK};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::abi;

/// The longest value of an attribute, in bytes: the attribute's length, which
/// includes its header, is a 16-bit number.
pub const ATTRIBUTE_MAX: usize = u16::MAX as usize - NLA_HEADER_SIZE;

/// Rounds a length up to the alignment of messages and attributes.
#[inline]
#[must_use]
pub const fn align(len: usize) -> usize {
    (len + (NLA_ALIGNTO - 1)) & !(NLA_ALIGNTO - 1)
}

/// Reads a structure as the ABI requires: missing fields of a shorter one are zero,
/// additional fields of a longer one are ignored.
#[inline]
pub(crate) fn read<T: FromBytes + IntoBytes>(bytes: &[u8]) -> T {
    match T::read_from_prefix(bytes) {
        Ok((value, _)) => value,
        Err(_) => read_short(bytes),
    }
}

#[cold]
fn read_short<T: FromBytes + IntoBytes>(bytes: &[u8]) -> T {
    let mut value = T::new_zeroed();
    value.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
    value
}

/// The bytes violate the protocol; the text says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub(crate) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// The sequence number and the port number, which identify the messages of one
/// reply.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Address([u32; 2]);

impl Address {
    /// Creates an address of these numbers.
    #[must_use]
    pub const fn new(seq: u32, port: u32) -> Self {
        Self([seq, port])
    }
}

/// The header of a message, `struct nlmsghdr`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// `nlmsg_len`: length of header and payload, in bytes.
    pub len: u32,
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_flags`: `NLM_F_*`.
    pub flags: u16,
    /// `nlmsg_seq` and `nlmsg_pid`.
    pub address: Address,
}

impl Header {
    /// Returns the first message of the buffer: its header, its payload, and its
    /// length including the padding that follows.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the buffer does not hold a whole message.
    pub fn split(bytes: &[u8]) -> Result<(Self, &[u8], usize), Malformed> {
        let (header, _) = Self::read_from_prefix(bytes)
            .map_err(|_| Malformed("fewer bytes than a message header"))?;
        let len = header.len as usize;
        let payload = bytes
            .get(size_of::<Self>()..len)
            .ok_or(Malformed("invalid length in a message header"))?;
        Ok((header, payload, align(len)))
    }

    /// Whether both headers have the same bytes.
    #[inline]
    pub(crate) fn is(&self, other: &Self) -> bool {
        // The compiler compares the bytes by words, but fields one by one.
        self.as_bytes() == other.as_bytes()
    }
}

/// The head of a row's message in its usual layout: the first attribute is
/// `TASK_DIAG_MSG`, and every header has the length that this crate expects.
/// Packed, because a check of the alignment would cost instructions per message.
#[derive(Clone, Copy, FromBytes, Immutable, KnownLayout)]
#[repr(C, packed)]
pub(crate) struct TaskHead<I> {
    pub(crate) header: Header,
    inner: I,
    pub(crate) msg: abi::TaskDiagMsg,
}

impl<I: Inner> TaskHead<I> {
    /// Returns the head at the start of the buffer if it has this layout.
    #[inline]
    pub(crate) fn view(bytes: &[u8]) -> Option<&Self> {
        let (head, _) = Self::ref_from_prefix(bytes).ok()?;
        head.is_expected().then_some(head)
    }

    /// Whether the bytes between the message header and the value of
    /// `TASK_DIAG_MSG` are the expected ones.
    #[inline]
    pub(crate) fn is_expected(&self) -> bool {
        let inner = self.inner;
        inner == I::EXPECTED
    }
}

/// The bytes between the message header and the value of the first attribute.
pub(crate) trait Inner:
    Copy + PartialEq + FromBytes + Immutable + KnownLayout + 'static
{
    /// The bytes in a row's message in its usual layout.
    const EXPECTED: Self;
    /// Whether the bytes include the generic netlink header.
    const IN_GENL: bool;
}

/// The header of the first attribute.
pub(crate) type PlainInner = [u8; 4];
/// The generic netlink header and the header of the first attribute.
pub(crate) type GenlInner = [u8; 8];

impl Inner for PlainInner {
    const EXPECTED: Self = AttributeHeader::of::<abi::TaskDiagMsg>(abi::TASK_DIAG_MSG);
    const IN_GENL: bool = false;
}

impl Inner for GenlInner {
    const EXPECTED: Self = {
        let (cmd, version) = (abi::TASK_DIAG_CMD_GET, abi::TASK_DIAG_GENL_VERSION);
        let [l0, l1, k0, k1] = PlainInner::EXPECTED;
        [cmd, version, 0, 0, l0, l1, k0, k1]
    };
    const IN_GENL: bool = true;
}

/// The header of an attribute, `struct nlattr`.
#[derive(Clone, Copy, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct AttributeHeader {
    len: u16,
    kind: u16,
}

impl AttributeHeader {
    /// Returns the bytes of the header of an attribute of this type whose value is
    /// a `T`.
    const fn of<T>(kind: u16) -> [u8; size_of::<Self>()] {
        let len = (size_of::<Self>() + size_of::<T>()) as u16;
        let [l0, l1] = len.to_ne_bytes();
        let [k0, k1] = kind.to_ne_bytes();
        [l0, l1, k0, k1]
    }
}

/// An attribute whose value is a structure of exactly the size that this crate
/// has for it. May have any alignment.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, packed)]
pub(crate) struct Exactly<T> {
    header: [u8; size_of::<AttributeHeader>()],
    value: T,
}

impl<T> Exactly<T> {
    /// Wraps a structure; the header is zero, which is not the type of an attribute.
    pub(crate) const fn holding(value: T) -> Self {
        Self {
            header: [0; size_of::<AttributeHeader>()],
            value,
        }
    }

    /// Whether the header has this type and the size of `T`.
    #[inline]
    pub(crate) fn is(&self, kind: u16) -> bool {
        self.header == AttributeHeader::of::<T>(kind)
    }

    /// Returns the structure; valid only if [`Self::is`] returned true.
    #[inline]
    pub(crate) const fn value(&self) -> T
    where
        T: Copy,
    {
        self.value
    }
}

/// An iterator over attributes: the type without its flags, and the value.
///
/// After an error the iterator is at its end.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Attributes<'a> {
    /// Iterates over the attributes that these bytes consist of.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self::new_at(bytes, 0)
    }

    /// Iterates over the attributes from this offset on.
    #[inline]
    pub(crate) const fn new_at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Returns the offset of the next attribute.
    #[inline]
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Returns the bytes that have not been read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Returns the next attribute with its type as it is in the header, including
    /// the flags `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
    #[inline]
    pub(crate) fn next_with_flags(&mut self) -> Option<Result<(u16, &'a [u8]), Malformed>> {
        // The last attribute may lack its padding, which puts `at` behind the end.
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let Ok((header, _)) = AttributeHeader::read_from_prefix(rest) else {
            self.at = self.bytes.len();
            return Some(Err(Malformed("fewer bytes than an attribute header")));
        };
        let len = usize::from(header.len);
        let Some(value) = rest.get(size_of::<AttributeHeader>()..len) else {
            self.at = self.bytes.len();
            return Some(Err(Malformed("invalid length in an attribute header")));
        };
        self.at += align(len);
        Some(Ok((header.kind, value)))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let attribute = self.next_with_flags()?;
        Some(attribute.map(|(kind, value)| (kind & NLA_TYPE_MASK, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_without_final_padding_are_returned() {
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
    fn attribute_with_invalid_length_returns_error_and_ends() {
        for len in [0u16, 3, 9] {
            let bytes = [len.to_ne_bytes(), [1, 0], [0, 0], [0, 0]].concat();
            let mut walk = Attributes::new(&bytes);
            assert!(walk.next().unwrap().is_err());
            assert_eq!(walk.next(), None);
        }
    }

    #[test]
    fn message_longer_than_the_datagram_returns_error() {
        let header = |len: u32| [&len.to_ne_bytes()[..], &[0; 12]].concat();
        assert!(Header::split(&header(16)).is_ok());
        assert!(Header::split(&header(16)[..15]).is_err());
        for len in [0, 15, 17, u32::MAX] {
            assert!(Header::split(&header(len)).is_err());
        }
    }
}
