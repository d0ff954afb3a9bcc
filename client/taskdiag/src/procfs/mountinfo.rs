// SPDX-License-Identifier: MIT
//! `/proc/PID/mountinfo`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::parse::words;

/// A mount, as a line of `/proc/PID/mountinfo` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mount {
    /// The directory of the file system that is mounted.
    pub root: Vec<u8>,
    /// The directory that it is mounted on.
    pub point: PathBuf,
    /// The type of the file system.
    pub fs_type: Vec<u8>,
    /// The options of the file system, separated by commas.
    pub options: Vec<u8>,
}

impl Mount {
    /// Parses the lines of `mountinfo`. Lines of another form are left out.
    pub fn parse(mountinfo: &[u8]) -> impl DoubleEndedIterator<Item = Self> {
        let lines = mountinfo.split(|&byte| byte == b'\n');
        lines.filter_map(Self::parse_line)
    }

    /// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
    fn parse_line(line: &[u8]) -> Option<Self> {
        let mut words = words(line);
        let root = unescape(words.nth(3)?);
        let point = unescape(words.next()?);
        let mut words = words.skip_while(|&word| word != b"-");
        let fs_type = words.nth(1)?;
        Some(Self {
            root,
            point: OsString::from_vec(point).into(),
            fs_type: fs_type.to_owned(),
            options: words.nth(1).unwrap_or_default().to_owned(),
        })
    }
}

/// Decodes the octal escapes of `seq_path()`: `\040` for a blank.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        match rest {
            [
                b'\\',
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                after @ ..,
            ] => {
                plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn mounts_are_parsed_with_and_without_optional_fields() {
        let lines = b"22 1 0:21 / /proc rw shared:5 - proc proc rw,hidepid=2\n\
            30 24 0:27 /a /tmp/my\\040cgroup rw - cgroup2 none rw\n\
            1 2\n\
            - cgroup2";
        let mounts: Vec<_> = Mount::parse(lines).collect();
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].point, Path::new("/proc"));
        assert_eq!(mounts[0].options, b"rw,hidepid=2");
        assert_eq!(mounts[1].root, b"/a");
        assert_eq!(mounts[1].point, Path::new("/tmp/my cgroup"));
        assert_eq!(mounts[1].fs_type, b"cgroup2");
    }

    #[test]
    fn only_complete_escapes_are_decoded() {
        assert_eq!(unescape(b"a\\012b\\134"), b"a\nb\\");
        assert_eq!(unescape(b"\\400\\01\\"), b"\\400\\01\\");
    }
}
