// SPDX-License-Identifier: MIT
//! The group CGROUP: where a task is in the default hierarchy.

use std::borrow::Cow;

use crate::abi::TaskDiagCgroup;
use crate::task::read;
use crate::task::records::{fields, text};
use crate::wire::Malformed;

/// A task's cgroup in the default hierarchy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Cgroup<'a> {
    /// Its number, as the inode of its folder in cgroupfs. `cgroup_id()`.
    pub id: u64,
    /// Its path from the root of the asker's cgroup namespace, as behind `0::`
    /// in `/proc/PID/cgroup`. Any bytes but NUL. `cgroup_path_ns()`.
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::lossy"))]
    pub path: Cow<'a, [u8]>,
}

impl<'a> Cgroup<'a> {
    /// Reads the attribute.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let offset = read::<TaskDiagCgroup>(bytes).path_off;
        let path = text(bytes, offset)?.unwrap_or_default();
        Ok(Self {
            id: read::<TaskDiagCgroup>(fields(bytes, offset)).id,
            path: Cow::Borrowed(path),
        })
    }

    /// One that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Cgroup<'static> {
        Cgroup {
            id: self.id,
            path: Cow::Owned(self.path.into_owned()),
        }
    }
}
