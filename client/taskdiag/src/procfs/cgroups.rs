// SPDX-License-Identifier: MIT
//! Cgroups of the default hierarchy: procfs has their paths, cgroupfs their ids.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::dir::Proc;
use super::mountinfo::Mount;

/// Translates between the paths and the ids of cgroups.
#[derive(Debug)]
pub(super) struct Cgroups {
    /// `None` if the default hierarchy is not mounted.
    mount: Option<CgroupMount>,
    /// Path and id of the last lookup: successive tasks often share a cgroup.
    last: (Vec<u8>, Option<u64>),
}

/// The mount of the default hierarchy.
#[derive(Debug, PartialEq, Eq)]
struct CgroupMount {
    /// The path of the cgroup that is mounted.
    root: Vec<u8>,
    /// The directory that it is mounted on.
    point: PathBuf,
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

    /// Returns the id of the cgroup with this path, if its directory is found.
    pub(super) fn id_of(&mut self, path: &[u8]) -> Option<u64> {
        if self.last.0 != path {
            let mount = self.mount.as_ref();
            let id = mount.and_then(|mount| inode(&mount.directory(path)?));
            self.last = (path.to_owned(), id);
        }
        self.last.1
    }

    /// Returns the path of the cgroup with this id. Searches the whole hierarchy.
    pub(super) fn path_of(&self, id: u64) -> Option<Vec<u8>> {
        let mount = self.mount.as_ref()?;
        let mut directories = vec![mount.point.clone()];
        while let Some(directory) = directories.pop() {
            if inode(&directory) == Some(id) {
                return mount.path(&directory);
            }
            let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
            let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            directories.extend(below.map(|entry| entry.path()));
        }
        None
    }
}

/// Returns the inode number of a directory of cgroupfs, which is the id of its
/// cgroup.
fn inode(directory: &Path) -> Option<u64> {
    Some(fs::metadata(directory).ok()?.ino())
}

impl CgroupMount {
    /// Returns the directory of the cgroup with this path.
    fn directory(&self, path: &[u8]) -> Option<PathBuf> {
        let below = match &self.root[..] {
            b"/" => path,
            root => path.strip_prefix(root)?,
        };
        let below = below.strip_prefix(b"/").unwrap_or(below);
        Some(self.point.join(OsStr::from_bytes(below)))
    }

    /// Returns the path of the cgroup with this directory.
    fn path(&self, directory: &Path) -> Option<Vec<u8>> {
        let below = directory.strip_prefix(&self.point).ok()?;
        let below = below.as_os_str().as_bytes();
        let root = self.root.strip_suffix(b"/").unwrap_or(&self.root);
        Some(match (root, below) {
            (b"", b"") => b"/".to_vec(),
            (root, b"") => root.to_vec(),
            (root, below) => [root, b"/", below].concat(),
        })
    }
}

/// Finds the mount of the default hierarchy.
fn find_mount(mountinfo: &[u8]) -> Option<CgroupMount> {
    // A path above the caller's own root begins with "/..".
    let is_usable = |mount: &Mount| mount.fs_type == b"cgroup2" && !mount.root.starts_with(b"/..");
    let mount = Mount::parse(mountinfo).find(is_usable)?;
    Some(CgroupMount {
        root: mount.root,
        point: mount.point,
    })
}

/// Finds the path in the default hierarchy in a task's `cgroup` file.
pub(super) fn path_in(cgroups: &[u8]) -> Option<&[u8]> {
    let mut lines = cgroups.split(|&byte| byte == b'\n');
    lines.find_map(|line| line.strip_prefix(b"0::"))
}

/// Whether a path is that of this cgroup or of one below it.
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
    fn mount_of_the_root_cgroup_maps_every_path() {
        let mount = find_mount(MOUNTS).unwrap();
        assert_eq!(mount.point, Path::new("/sys/fs/cgroup"));
        let directory = mount.directory(b"/a/b c").unwrap();
        assert_eq!(directory, Path::new("/sys/fs/cgroup/a/b c"));
        assert_eq!(mount.path(&directory).unwrap(), b"/a/b c");
        assert_eq!(mount.path(&mount.point).unwrap(), b"/");
        assert_eq!(find_mount(b"22 1 0:21 / /proc rw - proc proc rw"), None);
        assert_eq!(find_mount(b"1 2\n\n- cgroup2"), None);
    }

    #[test]
    fn mount_of_a_child_cgroup_maps_only_paths_below_it() {
        let line = b"30 24 0:27 /a /tmp/my\\040cgroup rw - cgroup2 none rw";
        let mount = find_mount(line).unwrap();
        let directory = mount.directory(b"/a/b").unwrap();
        assert_eq!(directory, Path::new("/tmp/my cgroup/b"));
        assert_eq!(mount.path(&directory).unwrap(), b"/a/b");
        assert_eq!(mount.directory(b"/c"), None);
    }

    #[test]
    fn cgroup_contains_itself_and_those_below_it() {
        assert!(is_within(b"/a/b", b"/a") && is_within(b"/a", b"/a"));
        assert!(is_within(b"/a", b"/") && !is_within(b"/ab", b"/a"));
        assert_eq!(path_in(b"1:cpu:/x\n0::/a\n"), Some(&b"/a"[..]));
        assert_eq!(path_in(b"1:cpu:/x\n"), None);
    }
}
