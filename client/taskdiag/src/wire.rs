// SPDX-License-Identifier: MIT
//! Netlink as bytes: message headers and attributes, walked in place.
//!
//! The receiving half of what the codec does, without copies: this is the
//! path every task takes. Pure, and total: no bytes make it panic.

use zerocopy::{FromBytes, Immutable, KnownLayout};

/// Attributes and messages begin at multiples of this.
const ALIGN: usize = 4;
/// What of an attribute's type is its type; the rest are flags.
const TYPE_MASK: u16 = 0x3fff;

/// `len` and what is needed to align the next.
pub(crate) const fn align(len: usize) -> usize {
    (len + ALIGN - 1) & !(ALIGN - 1)
}

/// Bytes that are not what they should be: where, and what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

#[derive(Clone, Copy, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct AttributeHeader {
    len: u16,
    kind: u16,
}

/// Walks attributes: type without flags, and value.
pub(crate) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let header = AttributeHeader::read_from_prefix(self.rest).ok();
        let value = header.and_then(|(header, _)| {
            let value = self
                .rest
                .get(size_of::<AttributeHeader>()..usize::from(header.len))?;
            Some((header, value))
        });
        let Some((header, value)) = value else {
            self.rest = &[];
            return Some(Err(Malformed("an attribute is longer than its message")));
        };
        // The last attribute may lack its padding.
        self.rest = self
            .rest
            .get(align(usize::from(header.len))..)
            .unwrap_or_default();
        Some(Ok((header.kind & TYPE_MASK, value)))
    }
}
