// SPDX-License-Identifier: MIT
//! The group PATHS: the links `exe`, `cwd` and `root` of `/proc/PID`.

use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStringExt as _;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, readlinkat};
use nix::sys::stat::fstatat;

use super::dir::{ReadError, TaskDir};
use crate::task::{Paths, TaskPath};

/// The end of the path of a deleted file.
const DELETED: &[u8] = b" (deleted)";

/// Reads the group, which requires the right to ptrace the task.
pub(super) fn read(dir: &TaskDir) -> Result<Paths<'static>, ReadError> {
    let contained = dir.is_contained();
    Ok(Paths {
        exe: read_link(dir.fd(), "exe", contained)?,
        cwd: read_link(dir.fd(), "cwd", contained)?,
        root: read_link(dir.fd(), "root", contained)?,
    })
}

/// Returns `None` if the task has no such file.
///
/// A file whose name ends like that of a deleted file is looked up, except in a contained
/// procfs: no lookup leaves it, and such a file is reported as deleted.
fn read_link(
    dir: BorrowedFd<'_>,
    name: &str,
    contained: bool,
) -> Result<Option<TaskPath<'static>>, ReadError> {
    let path = match readlinkat(dir, name) {
        Ok(path) => path.into_vec(),
        Err(Errno::ENOENT) => return Ok(None),
        Err(Errno::ENAMETOOLONG) => return Ok(Some(TaskPath::default())),
        Err(errno) => return Err(errno.into()),
    };
    let deleted = path.ends_with(DELETED) && (contained || !is_at(dir, name, &path));
    Ok(Some(TaskPath {
        path: Some(path.into()),
        deleted,
    }))
}

/// Whether the file of the link has this path: then its name ends like that of a
/// deleted file. The kernel writes the path from the root directory of the reader, or
/// of the mount namespace of the task.
fn is_at(dir: BorrowedFd<'_>, name: &str, path: &[u8]) -> bool {
    let Ok(file) = fstatat(dir, name, AtFlags::empty()) else {
        return false;
    };
    let in_task = [b"root", path].concat();
    path.starts_with(b"/")
        && [path, &in_task].into_iter().any(|path| {
            let other = fstatat(dir, path, AtFlags::AT_SYMLINK_NOFOLLOW);
            other.is_ok_and(|other| (other.st_dev, other.st_ino) == (file.st_dev, file.st_ino))
        })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn deleted_file_differs_from_one_with_such_a_name() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = std::fs::File::open(tmp.path()).unwrap();
        let file = tmp.path().join("x (deleted)");
        for (link, target) in [("there", &file), ("gone", &tmp.path().join("y (deleted)"))] {
            symlink(target, tmp.path().join(link)).unwrap();
        }
        std::fs::write(&file, "").unwrap();
        let deleted = |name| {
            let path = read_link(dir.as_fd(), name, false).unwrap().unwrap();
            assert!(path.path.unwrap().ends_with(DELETED));
            path.deleted
        };
        assert!(!deleted("there"));
        assert!(deleted("gone"));
        // Nothing outside of a contained procfs is looked up.
        let contained = read_link(dir.as_fd(), "there", true).unwrap().unwrap();
        assert!(contained.deleted);
        std::fs::remove_file(&file).unwrap();
        assert!(deleted("there"));
    }

    #[test]
    fn task_without_a_file_has_no_path() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = std::fs::File::open(tmp.path()).unwrap();
        assert_eq!(read_link(dir.as_fd(), "exe", false).unwrap(), None);
    }
}
