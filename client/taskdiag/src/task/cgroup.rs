// SPDX-License-Identifier: MIT
//! The group CGROUP: cgroup of a task in the default hierarchy.

use std::borrow::Cow;

use crate::abi::{TASK_DIAG_CGROUP_DELETED, TaskDiagCgroup};
use crate::netlink::{Malformed, read};
use crate::task::records::{fields, text};

/// A task's cgroup in the default hierarchy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Cgroup<'a> {
    /// Id of the cgroup, the inode number of its directory in cgroupfs.
    /// `cgroup_id()`. `None` if it is not known: procfs has the path only, and the
    /// cgroup may not be mounted.
    pub id: Option<u64>,
    /// Whether it has been removed: its path then ends with " (deleted)".
    pub deleted: bool,
    /// Path relative to the root of the caller's cgroup namespace, as in the
    /// line `0::` of `/proc/PID/cgroup`, with " (deleted)" appended if
    /// [`Self::deleted`] is set. Any bytes except NUL; `None` if it is longer
    /// than `PATH_MAX`. `cgroup_path_ns()`.
    #[cfg_attr(feature = "serde", serde(with = "super::bytes::option"))]
    pub path: Option<Cow<'a, [u8]>>,
}

impl<'a> Cgroup<'a> {
    /// Decodes the attribute.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let offset = read::<TaskDiagCgroup>(bytes).path_off;
        let path = text(bytes, offset)?;
        let cgroup: TaskDiagCgroup = read(fields(bytes, offset));
        Ok(Self {
            // No cgroup has the id 0.
            id: (cgroup.id != 0).then_some(cgroup.id),
            deleted: cgroup.flags & TASK_DIAG_CGROUP_DELETED != 0,
            path: path.map(Cow::Borrowed),
        })
    }

    /// Returns a view that borrows the path.
    pub(super) fn borrowed(&self) -> Cgroup<'_> {
        Cgroup {
            path: self.path.as_deref().map(Cow::Borrowed),
            ..*self
        }
    }

    /// Returns a copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Cgroup<'static> {
        Cgroup {
            id: self.id,
            deleted: self.deleted,
            path: self.path.map(|path| Cow::Owned(path.into_owned())),
        }
    }
}

impl From<&Cgroup<'_>> for TaskDiagCgroup {
    /// The attribute without the path: `path_off` is 0.
    fn from(cgroup: &Cgroup<'_>) -> Self {
        Self {
            id: cgroup.id.unwrap_or_default(),
            path_off: 0,
            flags: match cgroup.deleted {
                true => TASK_DIAG_CGROUP_DELETED,
                false => 0,
            },
        }
    }
}
