// SPDX-License-Identifier: MIT
//! The group CMDLINE: the arguments of a process.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use crate::escape::Context;

/// The arguments of a process, as in `/proc/PID/cmdline`: any bytes, with a
/// NUL after each argument. Empty for kernel threads and zombies.
///
/// The arguments are in the memory of the process, which may overwrite them.
/// Some programs do so to show a status: then the bytes need not end with a NUL,
/// or may end with many.
///
/// From the kernel: `get_task_cmdline()` of `fs/proc/base.c`.
///
/// # Display
///
/// The arguments separated by blanks and quoted for a shell, so that different
/// arguments look different and the line can be pasted into a shell. An
/// argument with blanks or other characters that a shell interprets is in single
/// quotes. One with control characters, invisible characters or bytes that are
/// not UTF-8 is in `$'…'`, as bash, ksh and zsh read it.
///
/// ```
/// use taskdiag::Cmdline;
///
/// let cmdline = Cmdline::from(&b"sh\0-c\0echo $HOME\0\0"[..]);
/// let args: Vec<&[u8]> = cmdline.args().collect();
/// assert_eq!(args, [&b"sh"[..], b"-c", b"echo $HOME", b""]);
/// assert_eq!(cmdline.to_string(), "sh -c 'echo $HOME' ''");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Cmdline<'a>(Cow<'a, [u8]>);

impl<'a> Cmdline<'a> {
    /// Returns the bytes, NULs included.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the arguments, without the NULs after them.
    pub fn args(&self) -> impl Iterator<Item = &[u8]> {
        split(self.as_bytes())
    }

    /// Returns a copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Cmdline<'static> {
        Cmdline(Cow::Owned(self.0.into_owned()))
    }

    /// Appends the value of a further attribute.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.to_mut().extend_from_slice(bytes);
    }
}

impl<'a> From<&'a [u8]> for Cmdline<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for Cmdline<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Cow::Owned(bytes))
    }
}

impl fmt::Display for Cmdline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quoted(self.args(), f)
    }
}

/// Splits bytes after each NUL. The last part need not end with one.
pub(super) fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let some = !bytes.is_empty();
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes.split(|&byte| byte == 0).filter(move |_| some)
}

/// Writes arguments separated by blanks, each quoted for a shell if necessary.
pub(super) fn write_quoted<'a>(
    args: impl Iterator<Item = &'a [u8]>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (index, arg) in args.enumerate() {
        if index > 0 {
            f.write_char(' ')?;
        }
        quote(arg, f)?;
    }
    Ok(())
}

/// Writes one argument, quoted for a shell if necessary.
fn quote(arg: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut context = Context::default();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(byte);
    match std::str::from_utf8(arg) {
        Ok(text) if !text.is_empty() && arg.iter().all(is_plain) => f.write_str(text),
        Ok(text) if text.chars().all(|c| context.shows(c)) => {
            write!(f, "'{}'", text.replace('\'', r"'\''"))
        }
        _ => quote_escaped(arg, f),
    }
}

/// Writes an argument in `$'…'`, with escape sequences of bash.
fn quote_escaped(arg: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("$'")?;
    for chunk in arg.utf8_chunks() {
        let mut context = Context::default();
        for c in chunk.valid().chars() {
            let is_shown = context.shows(c);
            match c {
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                '\'' | '\\' => write!(f, "\\{c}")?,
                c if is_shown => f.write_char(c)?,
                c if c.is_ascii() => write!(f, "\\x{:02x}", u32::from(c))?,
                c if u32::from(c) <= 0xffff => write!(f, "\\u{:04x}", u32::from(c))?,
                c => write!(f, "\\U{:08x}", u32::from(c))?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_char('\'')
}

impl fmt::Debug for Cmdline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Cmdline<'_> {
    /// Serializes the list of arguments: each is a string, or an array of its bytes
    /// if they are not UTF-8.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.args().map(super::bytes::Bytes))
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Cmdline<'_> {
    /// Deserializes a list of arguments, and adds a NUL after each.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let args = Vec::<super::bytes::Owned>::deserialize(deserializer)?;
        let bytes = args
            .into_iter()
            .flat_map(|arg| arg.0.into_iter().chain([0]));
        Ok(bytes.collect::<Vec<u8>>().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn args_are_split_after_each_nul() {
        let args = |bytes: &[u8]| {
            let cmdline = Cmdline::from(bytes);
            cmdline.args().map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        assert_eq!(args(b""), Vec::<Vec<u8>>::new());
        assert_eq!(args(b"\0"), [b""]);
        assert_eq!(args(b"sh\0"), [b"sh"]);
        assert_eq!(args(b"nginx: master process"), [b"nginx: master process"]);
        assert_eq!(args(b"a\0\0b\0"), [&b"a"[..], b"", b"b"]);
        assert_eq!(args(b"a\0\0"), [&b"a"[..], b""]);
        assert_eq!(args(b"\xff\xfe\0"), [b"\xff\xfe"]);
    }

    #[test]
    fn attributes_are_concatenated() {
        let mut cmdline = Cmdline::from(&b"one\0t"[..]);
        cmdline.add(b"wo\0");
        assert_eq!(cmdline.as_bytes(), b"one\0two\0");
        assert_eq!(format!("{cmdline:?}"), r#""one\x00two\x00""#);
    }

    #[test]
    fn display_quotes_arguments_for_a_shell() {
        for (bytes, shown) in [
            (&b""[..], ""),
            (b"\0", "''"),
            (b"sleep\x0010\0", "sleep 10"),
            (b"/usr/bin/x\0--user=a,b\0", "/usr/bin/x --user=a,b"),
            (b"nginx: master process", "'nginx: master process'"),
            (
                b"sh\0-c\0echo 'a' \"b\" \\n\0",
                r#"sh -c 'echo '\''a'\'' "b" \n'"#,
            ),
            ("grün\0".as_bytes(), "'grün'"),
            (
                b"a\nb\0\x1b[31m'\\\0\xff\xfe\0",
                r"$'a\nb' $'\x1b[31m\'\\' $'\xff\xfe'",
            ),
            ("\u{202e}\u{e0001}\0".as_bytes(), r"$'\u202e\U000e0001'"),
        ] {
            assert_eq!(Cmdline::from(bytes).to_string(), shown);
        }
    }

    #[test]
    fn display_is_read_back_by_bash() {
        let args = [
            &b"it's"[..],
            b"a\tb\\",
            b"\x01\xff2",
            "\u{ad}é".as_bytes(),
            b"$(x) *",
            b"~",
        ];
        let cmdline = Cmdline::from([args.join(&0), vec![0]].concat());
        let script = format!("printf '%s\\0' {cmdline}");
        let mut bash = std::process::Command::new("bash");
        let Ok(output) = bash.env("LC_ALL", "C.UTF-8").args(["-c", &script]).output() else {
            return; // No bash on this host.
        };
        assert_eq!(output.stdout, cmdline.as_bytes(), "{script}");
    }
}
