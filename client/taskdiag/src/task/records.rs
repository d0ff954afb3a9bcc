// SPDX-License-Identifier: MIT
//! Records: structures one behind the other in an attribute, each with its own
//! length at its beginning and, it may be, with a text behind its fields.

use memchr::memchr;

use crate::netlink::Malformed;
use crate::task::{OfKind, read};

/// Lengths are multiples of this.
const ALIGNMENT: usize = 8;

/// Walks records: each is a whole record's bytes, its length included.
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
                Some(Err(Malformed(
                    "the length in a record is not that of a record",
                )))
            }
        }
    }
}

/// Walks the records of one or more attributes, which have been looked at when
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

/// The text of a structure that ends there, up to its NUL; `None` where the
/// offset says that there is none.
#[inline]
pub(crate) fn text(bytes: &[u8], offset: u32) -> Result<Option<&[u8]>, Malformed> {
    if offset == 0 {
        return Ok(None);
    }
    let text = bytes
        .get(offset as usize..)
        .ok_or(Malformed("a name begins behind its structure's end"))?;
    let end = memchr(0, text).ok_or(Malformed("a name has no end"))?;
    Ok(Some(&text[..end]))
}

/// The part of a structure that comes before its text.
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
    fn records_are_walked_to_the_end() {
        let bytes = [record(8, 8), record(24, 24)].concat();
        let lengths: Vec<_> = Records::new(&bytes).map(|r| r.unwrap().len()).collect();
        assert_eq!(lengths, [8, 24]);
        assert_eq!(Records::new(&[]).next(), None);
    }

    #[test]
    fn a_length_that_cannot_be_is_an_error_and_the_end() {
        for (len, total) in [(0, 16), (4, 16), (12, 16), (24, 16), (u32::MAX, 16), (8, 3)] {
            let bytes = record(len, total);
            let mut walk = Records::new(&bytes[..total]);
            assert!(walk.next().unwrap().is_err(), "{len} of {total}");
            assert_eq!(walk.next(), None);
        }
    }

    #[test]
    fn a_text_ends_with_a_nul_and_within() {
        assert_eq!(text(b"ab\0c", 0), Ok(None));
        assert_eq!(text(b"ab\0c", 1), Ok(Some(&b"b"[..])));
        assert_eq!(text(b"ab\0c", 2), Ok(Some(&b""[..])));
        for offset in [3, 4, 5, u32::MAX] {
            assert!(text(b"ab\0c", offset).is_err(), "{offset}");
        }
    }
}
