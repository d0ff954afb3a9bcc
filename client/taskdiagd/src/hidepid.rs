// SPDX-License-Identifier: MIT
//! A procfs with `hidepid=ptraceable`, which is not mounted anywhere.
//!
//! A thread with a client's [credentials](crate::impersonate) finds in it the tasks
//! that the kernel would show that client.

use std::os::fd::{AsFd, OwnedFd};

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount,
    fsopen,
};

use crate::error::{Result, io};

/// The root of such a procfs.
#[derive(Debug)]
pub(crate) struct HidepidProcfs(OwnedFd);

impl HidepidProcfs {
    /// Creates a procfs of the daemon's pid namespace.
    pub(crate) fn create() -> Result<Self> {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC).map_err(io(FAILED))?;
        fsconfig_set_string(context.as_fd(), "hidepid", "ptraceable").map_err(io(FAILED))?;
        fsconfig_create(context.as_fd()).map_err(io(FAILED))?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let root = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
            .map_err(io(FAILED))?;
        Ok(Self(root))
    }

    /// Returns a descriptor of its root directory.
    pub(crate) fn root(&self) -> Result<OwnedFd> {
        let root = self.0.try_clone();
        root.map_err(io("cannot duplicate the descriptor of procfs"))
    }
}

const FAILED: &str =
    "cannot create a procfs with hidepid=ptraceable, which needs Linux 5.8 and CAP_SYS_ADMIN";
