// SPDX-License-Identifier: MIT
//! A procfs that hides from each reader what that may not see.
//!
//! Mounted nowhere, with `hidepid=ptraceable`: whoever looks into it with a
//! client's [eyes](crate::eyes) finds what the kernel would show that client.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::AtFlags;
use nix::sys::stat::fstatat;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount,
    fsopen,
};
use taskdiag::Pid;

use crate::error::{Result, io};

/// The root of such a procfs.
#[derive(Debug)]
pub(crate) struct HidingProcfs(OwnedFd);

impl HidingProcfs {
    /// Makes one of the daemon's pid namespace.
    pub(crate) fn mount() -> Result<Self> {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC).map_err(io(CANNOT))?;
        fsconfig_set_string(context.as_fd(), "hidepid", "ptraceable").map_err(io(CANNOT))?;
        fsconfig_create(context.as_fd()).map_err(io(CANNOT))?;
        let harmless = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let root = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, harmless)
            .map_err(io(CANNOT))?;
        Ok(Self(root))
    }

    /// Its root, to be read by whoever has it.
    pub(crate) fn root(&self) -> Result<OwnedFd> {
        let root = self.0.try_clone();
        root.map_err(io("cannot have another descriptor of procfs"))
    }
}

/// The effective ids of the process, if whoever the thread looks for may see it.
pub(crate) fn ids(root: BorrowedFd<'_>, pid: Pid) -> Option<(u32, u32)> {
    let stat = fstatat(root, pid.to_string().as_str(), AtFlags::empty()).ok()?;
    Some((stat.st_uid, stat.st_gid))
}

const CANNOT: &str = "cannot mount a procfs with hidepid=ptraceable (Linux 5.8, CAP_SYS_ADMIN)";
