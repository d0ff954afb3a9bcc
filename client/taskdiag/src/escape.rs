// SPDX-License-Identifier: MIT
//! Printable text of bytes that other users control: names, arguments and paths.
//!
//! [`Escaped`] displays any bytes without control characters, and [`unescape`]
//! returns the bytes:
//!
//! ```
//! use taskdiag::escape::{Escaped, unescape};
//!
//! let name = b"a\tb\xff\\";
//! let text = Escaped(name).to_string();
//! assert_eq!(text, r"a\tb\xff\\");
//! assert_eq!(unescape(text.as_bytes()), name);
//! ```

use std::fmt;

/// Displays bytes as printable text; different bytes have different text.
///
/// A byte that is not part of valid UTF-8 becomes `\xNN`, and a backslash is
/// doubled. A control character, or another character that a terminal does not
/// show, becomes `\t`, `\r`, `\n`, `\0` or `\u{N}`. Combining marks, joiners and
/// emoji are printed unchanged, except a mark that has no character to combine
/// with.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            write_text(chunk.valid(), f)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut written = 0;
    let mut context = Context::default();
    for (index, c) in text.char_indices() {
        if c != '\\' && context.shows(c) {
            continue;
        }
        f.write_str(&text[written..index])?;
        written = index + c.len_utf8();
        match c {
            '\\' => f.write_str(r"\\")?,
            '\t' => f.write_str(r"\t")?,
            '\r' => f.write_str(r"\r")?,
            '\n' => f.write_str(r"\n")?,
            '\0' => f.write_str(r"\0")?,
            c => write!(f, "{}", c.escape_unicode())?,
        }
    }
    f.write_str(&text[written..])
}

/// The characters before a character, which decide whether it is visible.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// The character before, if it is printed unchanged.
    last: Option<char>,
    /// Whether it belongs to the emoji of a flag, which consists of a black flag and
    /// tag characters.
    in_flag: bool,
}

impl Context {
    /// Whether a terminal shows the next character, by itself or as a part of the
    /// character before.
    pub(crate) fn shows(&mut self, c: char) -> bool {
        const BLACK_FLAG: char = '\u{1f3f4}';
        let is_shown = match c {
            ' '..='~' => true,
            // Zero-width joiners are part of Indic and Arabic words and of emoji.
            '\u{200c}' | '\u{200d}' => self.last.is_some_and(|last| !last.is_ascii()),
            '\u{e0020}'..='\u{e007f}' => self.in_flag,
            c if is_visible(c) => self.last.is_some() || !is_mark(c),
            _ => false,
        };
        self.in_flag = is_shown && (c == BLACK_FLAG || self.in_flag && is_tag(c));
        self.last = is_shown.then_some(c);
        is_shown
    }
}

const fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

/// Whether a terminal shows the character behind another one, and nothing else
/// happens: it is not a control character, a separator of lines or paragraphs, a
/// control of the text direction, unassigned or invisible.
#[must_use]
pub fn is_visible(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // Blank letters, and marks without a shape.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => false,
        '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{ffa0}' => false,
        // The blank of East Asian text.
        '\u{3000}' => true,
        c => !is_escaped(c, "a"),
    }
}

/// Whether the character combines with the one before it.
fn is_mark(c: char) -> bool {
    is_escaped(c, "")
}

/// Whether the standard library escapes the character behind this text. It escapes
/// combining characters only at the beginning of a text.
fn is_escaped(c: char, before: &str) -> bool {
    let mut text = [0; 8];
    text[..before.len()].copy_from_slice(before.as_bytes());
    let len = before.len() + c.encode_utf8(&mut text[before.len()..]).len();
    let text = std::str::from_utf8(&text[..len]).unwrap_or_default();
    text.escape_debug().nth(before.len()) != Some(c)
}

/// Returns the bytes of a text in the form of [`Escaped`].
///
/// A backslash that begins no escape sequence is a backslash.
#[must_use]
pub fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = match first {
            b'\\' => match unescape_one(after, &mut bytes) {
                Some(rest) => rest,
                None => {
                    bytes.push(b'\\');
                    after
                }
            },
            byte => {
                bytes.push(*byte);
                after
            }
        };
    }
    bytes
}

/// Appends the bytes of the escape sequence that begins with a backslash before
/// `text`, and returns the text after it.
fn unescape_one<'a>(text: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    let hex = |digits: &[u8]| {
        let is_valid = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| is_valid)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let (byte, rest) = match text {
        [b'\\', rest @ ..] => (b'\\', rest),
        [b't', rest @ ..] => (b'\t', rest),
        [b'r', rest @ ..] => (b'\r', rest),
        [b'n', rest @ ..] => (b'\n', rest),
        [b'0', rest @ ..] => (0, rest),
        [b'x', digits @ ..] => {
            let digits = digits.get(..2)?;
            (u8::try_from(hex(digits)?).ok()?, &text[3..])
        }
        [b'u', b'{', rest @ ..] => {
            let end = rest.iter().position(|&byte| byte == b'}')?;
            let c = char::from_u32(hex(&rest[..end])?)?;
            let mut utf8 = [0; 4];
            bytes.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
            return Some(&rest[end + 1..]);
        }
        _ => return None,
    };
    bytes.push(byte);
    Some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        Escaped(text.as_bytes()).to_string()
    }

    #[test]
    fn text_of_every_language_is_unchanged() {
        for text in [
            "bash",
            "größe",
            "e\u{301}te\u{301}", // combining acute accents
            "ภาษาไทย ที่นี่",        // Thai
            "हिन्दी क्\u{200d}ष",  // Hindi, with a joiner
            "می\u{200c}خواهم",   // Persian, with a non-joiner
            "עִבְרִית",             // Hebrew, with points
            "日本語\u{3000}テスト",
            "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f} 1\u{fe0f}\u{20e3} 🇫🇷 👍🏽",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "o'brien \"x\" $HOME",
        ] {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn characters_that_a_terminal_does_not_show_are_escaped() {
        for (text, expected) in [
            ("a\nb\tc\r\0", r"a\nb\tc\r\0"),
            ("\u{1b}[31m\u{7f}", r"\u{1b}[31m\u{7f}"),
            ("\u{80}\u{9b}31m", r"\u{80}\u{9b}31m"),
            ("a\u{2028}b\u{2029}", r"a\u{2028}b\u{2029}"),
            (
                "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}",
                r"\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}",
            ),
            (
                "\u{2066}\u{2067}\u{2068}\u{2069}",
                r"\u{2066}\u{2067}\u{2068}\u{2069}",
            ),
            ("a\u{200e}\u{200f}\u{61c}", r"a\u{200e}\u{200f}\u{61c}"),
            (
                "a\u{200b}\u{2060}\u{feff}\u{ad}",
                r"a\u{200b}\u{2060}\u{feff}\u{ad}",
            ),
            ("a\u{a0}b", r"a\u{a0}b"),
            // Joiners and tags that join nothing.
            ("ab\u{200d}c", r"ab\u{200d}c"),
            ("a\u{e0067}\u{e0001}", r"a\u{e0067}\u{e0001}"),
            // A mark would change the character before the text.
            ("\u{301}a", r"\u{301}a"),
            ("\t\u{301}", r"\t\u{301}"),
            ("\u{e000}\u{378}", r"\u{e000}\u{378}"),
            ("\u{3164}\u{34f}", r"\u{3164}\u{34f}"),
            ("\\", r"\\"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn backslash_without_a_sequence_is_a_backslash() {
        for text in [
            r"CORP\jdoe",
            r"\",
            r"a\x",
            r"\xg0",
            r"\u{}",
            r"\u{110000}",
            r"\u{41",
            r"\x+1",
        ] {
            assert_eq!(unescape(text.as_bytes()), text.as_bytes());
        }
        assert_eq!(unescape(br"app\\x2dx.slice"), br"app\x2dx.slice");
        assert_eq!(unescape(br"\xFF\u{e9}\x2d"), b"\xff\xc3\xa9-");
    }

    proptest! {
        #[test]
        fn escaped_bytes_are_unescaped_unchanged(bytes: Vec<u8>, text: String) {
            for bytes in [&bytes[..], text.as_bytes()] {
                let escaped = Escaped(bytes).to_string();
                prop_assert_eq!(unescape(escaped.as_bytes()), bytes);
                prop_assert!(!escaped.chars().any(char::is_control));
            }
        }
    }
}
