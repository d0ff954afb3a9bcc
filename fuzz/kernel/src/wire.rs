// SPDX-License-Identifier: MIT
//! Netlink as bytes: constants, headers and attributes.
//!
//! Must not use the codec of the library: the checks of the kernel must not share the
//! mistakes of the client.

/// `sizeof(struct nlmsghdr)`.
pub(crate) const HEADER: usize = 16;
/// `sizeof(struct genlmsghdr)`.
pub(crate) const GENL_HEADER: usize = 4;
/// `sizeof(struct nlattr)`.
pub(crate) const ATTRIBUTE_HEADER: usize = 4;

pub(crate) const NLM_F_REQUEST: u16 = 0x01;
pub(crate) const NLM_F_MULTI: u16 = 0x02;
pub(crate) const NLM_F_ACK: u16 = 0x04;
pub(crate) const NLM_F_ECHO: u16 = 0x08;
pub(crate) const NLM_F_DUMP: u16 = 0x300;
pub(crate) const NLM_F_CAPPED: u16 = 0x100;
pub(crate) const NLM_F_ACK_TLVS: u16 = 0x200;

pub(crate) const NLMSG_ERROR: u16 = 2;
pub(crate) const NLMSG_DONE: u16 = 3;
/// Smaller types are control messages of netlink.
pub(crate) const NLMSG_MIN_TYPE: u16 = 16;
/// The largest family id.
pub(crate) const GENL_MAX_ID: u16 = 1023;

pub(crate) const NLA_F_NESTED: u16 = 0x8000;
pub(crate) const NLA_F_NET_BYTEORDER: u16 = 0x4000;
/// The type of an attribute without its flags.
pub(crate) const NLA_TYPE_MASK: u16 = 0x3fff;

pub(crate) const NLMSGERR_ATTR_MSG: u16 = 1;
pub(crate) const NLMSGERR_ATTR_OFFS: u16 = 2;
pub(crate) const NLMSGERR_ATTR_POLICY: u16 = 4;
pub(crate) const NLMSGERR_ATTR_MISS_TYPE: u16 = 5;

/// Returns the length with padding.
pub(crate) const fn align(len: usize) -> usize {
    (len + 3) & !3
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// `struct nlmsghdr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) len: u32,
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) seq: u32,
    pub(crate) pid: u32,
}

impl Header {
    /// Reads the header at the start of these bytes. Does not check it.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            len: u32_at(bytes, 0)?,
            kind: u16_at(bytes, 4)?,
            flags: u16_at(bytes, 6)?,
            seq: u32_at(bytes, 8)?,
            pid: u32_at(bytes, 12)?,
        })
    }

    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.len.to_ne_bytes());
        to.extend(self.kind.to_ne_bytes());
        to.extend(self.flags.to_ne_bytes());
        to.extend(self.seq.to_ne_bytes());
        to.extend(self.pid.to_ne_bytes());
    }
}

/// An attribute in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    /// The type, including its flags.
    pub(crate) kind: u16,
    /// Offset of the header from the first attribute.
    pub(crate) at: usize,
    pub(crate) value: &'a [u8],
}

/// Iterates over attributes like the kernel: up to the first malformed one.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Attributes<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns the bytes after the last attribute. After the iteration they are trailing
    /// bytes that are not an attribute.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Attribute<'a>> {
        let rest = self.rest();
        let len = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)?;
        let value = rest.get(ATTRIBUTE_HEADER..len)?;
        let at = self.at;
        self.at += align(len);
        Some(Attribute { kind, at, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_round_trips() {
        let header = Header {
            len: 48,
            kind: 0x1d,
            flags: NLM_F_REQUEST | NLM_F_DUMP,
            seq: 7,
            pid: 4711,
        };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        assert_eq!(bytes.len(), HEADER);
        assert_eq!(Header::read(&bytes), Some(header));
        assert_eq!(Header::read(&bytes[1..]), None);
    }

    #[test]
    fn iteration_ends_at_a_malformed_attribute() {
        let mut bytes = vec![5, 0, 16, 0, 9, 0, 0, 0];
        bytes.extend([3, 0, 1, 0, 1]);
        let mut iter = Attributes::new(&bytes);
        let first = iter.next().unwrap();
        assert_eq!((first.kind, first.at, first.value), (16, 0, &[9][..]));
        assert_eq!(iter.next(), None);
        assert_eq!(iter.rest().len(), 5);
    }

    #[test]
    fn last_attribute_may_lack_its_padding() {
        let bytes = [5, 0, 16, 0, 9];
        let mut iter = Attributes::new(&bytes);
        assert!(iter.next().is_some());
        assert_eq!(iter.next(), None);
        assert!(iter.rest().is_empty());
    }
}
