// SPDX-License-Identifier: MIT
//! Cgroups of the default hierarchy: procfs knows their paths, and the file
//! system that they are mounted as their numbers.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::folder::Proc;
use super::text;

/// Where the default hierarchy is mounted, if it is.
#[derive(Debug)]
pub(super) struct Cgroups {
    mount: Option<Mount>,
    /// The last one asked for: tasks of one stand together.
    last: (Vec<u8>, u64),
}

#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// The path of the cgroup that is mounted.
    root: Vec<u8>,
    at: PathBuf,
}

impl Cgroups {
    pub(super) fn find(proc: &mut Proc) -> Self {
        let mounts = proc.read_all(format_args!("self/mountinfo"));
        Self {
            mount: mounts.ok().and_then(|mounts| find_mount(&mounts)),
            last: Default::default(),
        }
    }

    pub(super) fn are_mounted(&self) -> bool {
        self.mount.is_some()
    }

    /// The number of the cgroup with this path; 0 if that is out of sight.
    pub(super) fn id_of(&mut self, path: &[u8]) -> u64 {
        if self.last.0 != path {
            let mount = self.mount.as_ref();
            let id = mount.and_then(|mount| number(&mount.folder(path)?));
            self.last = (path.to_owned(), id.unwrap_or(0));
        }
        self.last.1
    }

    /// The path of the cgroup with this number: each has to be looked at.
    pub(super) fn path_of(&self, id: u64) -> Option<Vec<u8>> {
        let mount = self.mount.as_ref()?;
        let mut folders = vec![mount.at.clone()];
        while let Some(folder) = folders.pop() {
            if number(&folder) == Some(id) {
                return mount.path(&folder);
            }
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            folders.extend(below.map(|entry| entry.path()));
        }
        None
    }
}

/// The inode of a folder of cgroupfs is the number of its cgroup.
fn number(folder: &Path) -> Option<u64> {
    Some(fs::metadata(folder).ok()?.ino())
}

impl Mount {
    /// The folder of the cgroup with this path.
    fn folder(&self, path: &[u8]) -> Option<PathBuf> {
        let below = match &self.root[..] {
            b"/" => path,
            root => path.strip_prefix(root)?,
        };
        let below = below.strip_prefix(b"/").unwrap_or(below);
        Some(self.at.join(OsStr::from_bytes(below)))
    }

    /// The path of the cgroup with this folder.
    fn path(&self, folder: &Path) -> Option<Vec<u8>> {
        let below = folder.strip_prefix(&self.at).ok()?.as_os_str().as_bytes();
        let root = self.root.strip_suffix(b"/").unwrap_or(&self.root);
        Some(match (root, below) {
            (b"", b"") => b"/".to_vec(),
            (root, b"") => root.to_vec(),
            (root, below) => [root, b"/", below].concat(),
        })
    }
}

/// Reads `mountinfo`.
fn find_mount(mounts: &[u8]) -> Option<Mount> {
    mounts.split(|&byte| byte == b'\n').find_map(|line| {
        let mut words = text::words(line);
        let root = unescape(words.nth(3)?);
        let at = unescape(words.next()?);
        let kind = words.skip_while(|&word| word != b"-").nth(1)?;
        // What is above the caller's own root has dots in it.
        (kind == b"cgroup2" && !root.starts_with(b"/..")).then(|| Mount {
            root,
            at: std::ffi::OsString::from_vec(at).into(),
        })
    })
}

/// `\040` for a blank, and its kin.
pub(super) fn unescape(text: &[u8]) -> Vec<u8> {
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

/// The path in the default hierarchy, out of a task's `cgroup`.
pub(super) fn path_in(cgroups: &[u8]) -> Option<&[u8]> {
    let mut lines = cgroups.split(|&byte| byte == b'\n');
    lines.find_map(|line| line.strip_prefix(b"0::"))
}

/// Whether a path is that of this cgroup, or of one below it.
pub(super) fn is_within(path: &[u8], cgroup: &[u8]) -> bool {
    match path.strip_prefix(cgroup) {
        Some(rest) => cgroup == b"/" || rest.is_empty() || rest.starts_with(b"/"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"\
        22 1 0:21 / /proc rw shared:5 - proc proc rw\n\
        30 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_mount_is_found() {
        let mount = find_mount(MOUNTS).unwrap();
        assert_eq!(mount.at, Path::new("/sys/fs/cgroup"));
        let folder = mount.folder(b"/a/b c").unwrap();
        assert_eq!(folder, Path::new("/sys/fs/cgroup/a/b c"));
        assert_eq!(mount.path(&folder).unwrap(), b"/a/b c");
        assert_eq!(mount.path(&mount.at).unwrap(), b"/");
        assert_eq!(find_mount(b"22 1 0:21 / /proc rw - proc proc rw"), None);
        assert_eq!(find_mount(b"1 2\n\n- cgroup2"), None);
    }

    #[test]
    fn a_mount_of_one_below_knows_what_is_below() {
        let line = b"30 24 0:27 /a /tmp/my\\040cgroup rw - cgroup2 none rw";
        let mount = find_mount(line).unwrap();
        let folder = mount.folder(b"/a/b").unwrap();
        assert_eq!(folder, Path::new("/tmp/my cgroup/b"));
        assert_eq!(mount.path(&folder).unwrap(), b"/a/b");
        assert_eq!(mount.folder(b"/c"), None);
    }

    #[test]
    fn within_is_below_and_not_beside() {
        assert!(is_within(b"/a/b", b"/a") && is_within(b"/a", b"/a"));
        assert!(is_within(b"/a", b"/") && !is_within(b"/ab", b"/a"));
        assert_eq!(path_in(b"1:cpu:/x\n0::/a\n"), Some(&b"/a"[..]));
        assert_eq!(path_in(b"1:cpu:/x\n"), None);
    }
}
