// SPDX-License-Identifier: MIT
//! Escapes bytes that other users control, so that they are safe to print.

use std::fmt::{self, Write as _};

pub(crate) use taskdiag::escape::{Escaped, unescape};

/// Displays NUL-terminated arguments, separated by blanks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments<'a>(pub(crate) &'a [u8]);

impl<'a> Arguments<'a> {
    /// Iterates over the arguments, ignoring NULs at the end.
    pub(crate) fn words(self) -> impl Iterator<Item = &'a [u8]> {
        trim_nuls(self.0).split(|&byte| byte == 0)
    }

    /// Whether all arguments are empty.
    pub(crate) fn are_empty(self) -> bool {
        trim_nuls(self.0).is_empty()
    }

    /// Returns the arguments unescaped, separated by blanks.
    pub(crate) fn joined(self) -> Vec<u8> {
        self.words().collect::<Vec<_>>().join(&b' ')
    }
}

/// Removes NULs at the end.
pub(crate) fn trim_nuls(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0);
    &bytes[..end.map_or(0, |last| last + 1)]
}

impl fmt::Display for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.words().enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            write!(f, "{}", Escaped(word))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use taskdiag::Comm;

    use super::*;

    #[test]
    fn escaped_bytes_equal_the_text_of_comm() {
        for bytes in [
            &b"bash"[..],
            b"a 'b' \"c\" (d)",
            b"new\nline\\",
            b"\x1b[31m\x7f",
            "gr\u{f6}\u{202e}e".as_bytes(),
            b"\xffx\xc3",
            b"",
        ] {
            assert_eq!(Escaped(bytes).to_string(), Comm::new(bytes).to_string());
        }
    }

    #[test]
    fn arguments_are_separated_by_blanks() {
        for (bytes, shown) in [
            (&b"sh\0-c\0echo 'a b'\0"[..], "sh -c echo 'a b'"),
            (b"a\0\0b\0\0\0", "a  b"),
            (b"no end", "no end"),
            (b"\0\0", ""),
            (b"", ""),
            (b"a\nb\0\xff\0", r"a\nb \xff"),
        ] {
            assert_eq!(Arguments(bytes).to_string(), shown);
        }
    }
}
