// SPDX-License-Identifier: MIT
//! Records: consecutive structures in an attribute. Each begins with its own
//! length, and may end with a string after its fields.

use memchr::memchr;

use crate::netlink::{Malformed, read};
use crate::task::layout::OfKind;

/// Lengths are multiples of this.
const ALIGNMENT: usize = 8;

/// Iterator over the bytes of each record, its length field included.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<&'a [u8], Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let len = read::<u32>(self.0) as usize;
        match self.0.split_at_checked(len) {
            Some((record, rest)) if len != 0 && len % ALIGNMENT == 0 => {
                self.0 = rest;
                Some(Ok(record))
            }
            _ => {
                self.0 = &[];
                Some(Err(Malformed("a record has an invalid length")))
            }
        }
    }
}

/// Iterator over the records of several attributes, which were validated when
/// the task was received.
#[derive(Clone, Debug)]
pub(crate) struct RecordsOf<'a> {
    attributes: OfKind<'a>,
    records: Records<'a>,
}

impl<'a> RecordsOf<'a> {
    pub(super) fn new(attributes: OfKind<'a>) -> Self {
        Self {
            attributes,
            records: Records::default(),
        }
    }
}

impl<'a> Iterator for RecordsOf<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.records.next() {
                return record.ok();
            }
            self.records = Records::new(self.attributes.next()?);
        }
    }
}

/// Returns the string at this offset of a structure, without its NUL; `None` if
/// the offset is 0.
#[inline]
pub(crate) fn text(bytes: &[u8], offset: u32) -> Result<Option<&[u8]>, Malformed> {
    if offset == 0 {
        return Ok(None);
    }
    let text = bytes
        .get(offset as usize..)
        .ok_or(Malformed("a string begins after the end of its structure"))?;
    let end = memchr(0, text).ok_or(Malformed("a string has no NUL"))?;
    Ok(Some(&text[..end]))
}

/// Returns the part of a structure before its string.
#[inline]
pub(crate) fn fields(bytes: &[u8], offset: u32) -> &[u8] {
    match offset {
        0 => bytes,
        offset => bytes.get(..offset as usize).unwrap_or(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(len: u32, total: usize) -> Vec<u8> {
        let mut bytes = len.to_ne_bytes().to_vec();
        bytes.resize(total, 0xee);
        bytes
    }

    #[test]
    fn iterator_returns_each_record() {
        let bytes = [record(8, 8), record(24, 24)].concat();
        let lengths: Vec<_> = Records::new(&bytes).map(|r| r.unwrap().len()).collect();
        assert_eq!(lengths, [8, 24]);
        assert_eq!(Records::new(&[]).next(), None);
    }

    #[test]
    fn invalid_length_is_an_error_and_ends_the_iterator() {
        for (len, total) in [(0, 16), (4, 16), (12, 16), (24, 16), (u32::MAX, 16), (8, 3)] {
            let bytes = record(len, total);
            let mut walk = Records::new(&bytes[..total]);
            assert!(walk.next().unwrap().is_err(), "{len} of {total}");
            assert_eq!(walk.next(), None);
        }
    }

    #[test]
    fn string_without_nul_is_an_error() {
        assert_eq!(text(b"ab\0c", 0), Ok(None));
        assert_eq!(text(b"ab\0c", 1), Ok(Some(&b"b"[..])));
        assert_eq!(text(b"ab\0c", 2), Ok(Some(&b""[..])));
        for offset in [3, 4, 5, u32::MAX] {
            assert!(text(b"ab\0c", offset).is_err(), "{offset}");
        }
    }
}
