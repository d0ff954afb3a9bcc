// SPDX-License-Identifier: MIT
//! Numbers in the operands of `ps`: decimal, octal after `0`, hexadecimal after `0x`.

/// Parses a number as strtoul(3) does with base 0, except negative numbers.
pub(super) fn parse(word: &[u8]) -> Option<u64> {
    let word = word.strip_prefix(b"+").unwrap_or(word);
    let (digits, radix) = match word {
        [b'0', b'x' | b'X', digits @ ..] => (digits, 16),
        [b'0', digits @ ..] if !digits.is_empty() => (digits, 8),
        digits => (digits, 10),
    };
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_prefixes_of_c() {
        for (word, expected) in [
            ("12", Some(12)),
            ("+12", Some(12)),
            ("0x1f", Some(31)),
            ("010", Some(8)),
            ("0", Some(0)),
            ("09", None),
            ("", None),
            ("-1", None),
            ("++1", None),
            ("1x", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse(word.as_bytes()), expected, "{word}");
        }
    }
}
