// SPDX-License-Identifier: MIT
//! The group ENVIRON: the environment of a process.

use std::borrow::Cow;
use std::fmt;

use super::cmdline::{split, write_quoted};

/// The environment that a process was executed with, as in `/proc/PID/environ`: any
/// bytes, with a NUL after each variable. Empty for kernel threads and zombies.
///
/// The bytes are in the memory of the process, which may overwrite them.
/// `setenv(3)` does not change them, as it stores variables elsewhere.
///
/// From the kernel: `environ_read()` of `fs/proc/base.c`.
///
/// # Display
///
/// The variables separated by blanks, and quoted like the arguments of a
/// [`crate::Cmdline`].
///
/// ```
/// use taskdiag::Environ;
///
/// let environ = Environ::from(&b"HOME=/\0TITLE=a b\0"[..]);
/// assert_eq!(environ.get(b"HOME"), Some(&b"/"[..]));
/// assert_eq!(environ.to_string(), "HOME=/ 'TITLE=a b'");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Environ<'a>(Cow<'a, [u8]>);

impl<'a> Environ<'a> {
    /// Returns the bytes, NULs included.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the variables, as a rule `NAME=VALUE`, without the NULs after them.
    pub fn vars(&self) -> impl Iterator<Item = &[u8]> {
        split(self.as_bytes())
    }

    /// Returns the value of the first variable with this name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.vars()
            .find_map(|var| var.strip_prefix(name)?.strip_prefix(b"="))
    }

    /// Returns a copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Environ<'static> {
        Environ(Cow::Owned(self.0.into_owned()))
    }

    /// Appends the value of a further attribute.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.to_mut().extend_from_slice(bytes);
    }
}

impl<'a> From<&'a [u8]> for Environ<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for Environ<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Cow::Owned(bytes))
    }
}

impl fmt::Display for Environ<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quoted(self.vars(), f)
    }
}

impl fmt::Debug for Environ<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Environ<'_> {
    /// Serializes the list of variables: each is a string, or an array of its bytes
    /// if they are not UTF-8.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.vars().map(super::bytes::Bytes))
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Environ<'_> {
    /// Deserializes a list of variables, and adds a NUL after each.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let vars = Vec::<super::bytes::Owned>::deserialize(deserializer)?;
        let bytes = vars
            .into_iter()
            .flat_map(|var| var.0.into_iter().chain([0]));
        Ok(bytes.collect::<Vec<u8>>().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_found_by_the_whole_name() {
        let environ = Environ::from(&b"AB=1\0A=2=3\0A=4\0B\0=5\0"[..]);
        assert_eq!(environ.get(b"A"), Some(&b"2=3"[..]));
        assert_eq!(environ.get(b"B"), None);
        assert_eq!(environ.get(b""), Some(&b"5"[..]));
        assert_eq!(environ.vars().count(), 5);
        assert_eq!(Environ::default().vars().count(), 0);
    }

    #[test]
    fn attributes_are_concatenated() {
        let mut environ = Environ::from(&b"A=1\0B"[..]);
        environ.add(b"=\xff\0");
        assert_eq!(environ.as_bytes(), b"A=1\0B=\xff\0");
        assert_eq!(format!("{environ:?}"), r#""A=1\x00B=\xff\x00""#);
        assert_eq!(environ.to_string(), r"A=1 $'B=\xff'");
    }
}
