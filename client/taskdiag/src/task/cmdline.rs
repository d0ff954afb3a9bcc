// SPDX-License-Identifier: MIT
//! The group CMDLINE: the arguments of a process.

use std::borrow::Cow;

/// The arguments of a process, as in `/proc/PID/cmdline`: any bytes, with a
/// NUL behind each argument. Empty for kernel threads and zombies.
///
/// They lie in the process's own memory, where it can write what it likes
/// over them, and some programs do: then the bytes are what these want shown,
/// which need not end with a NUL, or may end with many.
///
/// From the kernel: `get_task_cmdline()` of `fs/proc/base.c`.
///
/// ```
/// use taskdiag::Cmdline;
///
/// let cmdline = Cmdline::from(&b"sh\0-c\0\0"[..]);
/// assert_eq!(cmdline.args().collect::<Vec<_>>(), [&b"sh"[..], b"-c", b""]);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Cmdline<'a>(Cow<'a, [u8]>);

impl<'a> Cmdline<'a> {
    /// The bytes, NULs included.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The arguments, without the NULs behind them.
    pub fn args(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.as_bytes();
        let some = !bytes.is_empty();
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        bytes.split(|&byte| byte == 0).filter(move |_| some)
    }

    /// One that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Cmdline<'static> {
        Cmdline(Cow::Owned(self.0.into_owned()))
    }

    /// Adds what came in another attribute.
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

impl std::fmt::Debug for Cmdline<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Cmdline<'_> {
    /// As the list of the arguments, with U+FFFD for what is not UTF-8.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.args().map(String::from_utf8_lossy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_end_with_a_nul_each() {
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
    fn pieces_are_one_after_the_other() {
        let mut cmdline = Cmdline::from(&b"one\0t"[..]);
        cmdline.add(b"wo\0");
        assert_eq!(cmdline.as_bytes(), b"one\0two\0");
        assert_eq!(format!("{cmdline:?}"), r#""one\x00two\x00""#);
    }
}
