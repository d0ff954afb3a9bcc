// SPDX-License-Identifier: MIT
//! The group PATHS: program, current directory and root directory of a task.

use std::borrow::Cow;

use crate::abi::{self, TaskDiagPath};
use crate::netlink::{Malformed, read};
use crate::task::records::{Records, fields, text};

/// The files that the links `exe`, `cwd` and `root` of `/proc/PID` refer to.
///
/// `None` is a file that the task does not have: a kernel thread has no program,
/// and a zombie has none of the three. In a piece of a row that
/// [`crate::Dump::next_piece`] returns, it can also be in another piece.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Paths<'a> {
    /// The program. `mm_struct::exe_file`.
    pub exe: Option<TaskPath<'a>>,
    /// The current directory. `fs_struct::pwd`.
    pub cwd: Option<TaskPath<'a>>,
    /// The root directory. `fs_struct::root`.
    pub root: Option<TaskPath<'a>>,
}

/// A file of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TaskPath<'a> {
    /// Path relative to the caller's root directory, as `readlink(2)` returns it, with
    /// " (deleted)" appended if [`Self::deleted`] is set. The path of a file outside of
    /// the caller's root directory begins at the root of its mount tree. Any bytes
    /// except NUL; `None` if it is longer than `PATH_MAX`. `d_path()`.
    #[cfg_attr(feature = "serde", serde(with = "super::bytes::option"))]
    pub path: Option<Cow<'a, [u8]>>,
    /// Whether the file has been deleted. False if the path is not known.
    pub deleted: bool,
}

impl<'a> Paths<'a> {
    /// Checks the records of an attribute.
    pub(super) fn check(bytes: &[u8]) -> Result<(), Malformed> {
        Records::new(bytes).try_for_each(|record| TaskPath::read(record?).map(drop))
    }

    /// Decodes an attribute that was checked. Kinds without a field are left out.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut paths = Self::default();
        let records = Records::new(bytes).map_while(Result::ok);
        for (kind, path) in records.map_while(|record| TaskPath::read(record).ok()) {
            match kind {
                abi::TASK_DIAG_PATH_EXE => paths.exe = path,
                abi::TASK_DIAG_PATH_CWD => paths.cwd = path,
                abi::TASK_DIAG_PATH_ROOT => paths.root = path,
                _ => {}
            }
        }
        paths
    }

    /// Adds the files of a further piece of the row: those that this one lacks.
    pub fn add(&mut self, more: Self) {
        let Self { exe, cwd, root } = more;
        self.exe = self.exe.take().or(exe);
        self.cwd = self.cwd.take().or(cwd);
        self.root = self.root.take().or(root);
    }

    /// Returns a view that borrows the paths.
    pub(super) fn borrowed(&self) -> Paths<'_> {
        Paths {
            exe: self.exe.as_ref().map(TaskPath::borrowed),
            cwd: self.cwd.as_ref().map(TaskPath::borrowed),
            root: self.root.as_ref().map(TaskPath::borrowed),
        }
    }

    /// Returns a copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Paths<'static> {
        Paths {
            exe: self.exe.map(TaskPath::into_owned),
            cwd: self.cwd.map(TaskPath::into_owned),
            root: self.root.map(TaskPath::into_owned),
        }
    }
}

impl<'a> TaskPath<'a> {
    /// Decodes a record: its kind, and the file unless the task has none.
    fn read(bytes: &'a [u8]) -> Result<(u32, Option<Self>), Malformed> {
        let offset = read::<TaskDiagPath>(bytes).path_off;
        let path = text(bytes, offset)?;
        let head: TaskDiagPath = read(fields(bytes, offset));
        let is_known = path.is_some() || head.flags & abi::TASK_DIAG_PATH_TOO_LONG != 0;
        let path = is_known.then(|| Self {
            path: path.map(Cow::Borrowed),
            deleted: head.flags & abi::TASK_DIAG_PATH_DELETED != 0,
        });
        Ok((head.kind, path))
    }

    fn borrowed(&self) -> TaskPath<'_> {
        TaskPath {
            path: self.path.as_deref().map(Cow::Borrowed),
            deleted: self.deleted,
        }
    }

    /// Returns a copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> TaskPath<'static> {
        TaskPath {
            path: self.path.map(|path| Cow::Owned(path.into_owned())),
            deleted: self.deleted,
        }
    }
}
