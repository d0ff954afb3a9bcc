// SPDX-License-Identifier: MIT
//! Opens procfs mounts with each `hidepid=` and `gid=`, in the pid namespaces of a
//! run. They are detached at once, so they end with their descriptors.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open as open_file};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;

use crate::model::{HidePid, Mount, PidNs};
use crate::process::{Child, User};

/// The option `gid=` of a mount.
#[derive(Clone, Copy, Debug)]
enum Group {
    Root,
    /// The group of the unprivileged user.
    User,
    /// A group without members.
    Other,
}

/// The options of the mounts in each pid namespace.
const OPTIONS: [(HidePid, Group); 8] = [
    (HidePid::Off, Group::Root),
    (HidePid::NoAccess, Group::Root),
    (HidePid::NoAccess, Group::User),
    (HidePid::Invisible, Group::Root),
    (HidePid::Invisible, Group::User),
    (HidePid::Invisible, Group::Other),
    (HidePid::Ptraceable, Group::Root),
    (HidePid::Ptraceable, Group::User),
];

fn options(pid_ns: PidNs, user: User) -> impl Iterator<Item = Mount> {
    OPTIONS.into_iter().map(move |(hide_pid, group)| Mount {
        pid_ns,
        hide_pid,
        gid: match group {
            Group::Root => 0,
            Group::User => user.gid,
            Group::Other => user.gid + 2,
        },
    })
}

/// Opens the root directories of new mounts, with `O_PATH`: for the pid namespace of
/// this process, and for the one that `child` is the nsfs file of.
pub(crate) fn open(user: User, child: Option<&OwnedFd>) -> io::Result<Vec<(OwnedFd, Mount)>> {
    let directory = Directory::create()?;
    let mut mounts = Vec::new();
    for options in options(PidNs::Outer, user) {
        mounts.push((directory.mount(&options)?, options));
    }
    if let Some(child) = child {
        let own = fs::File::open("/proc/self/ns/pid")?;
        setns(child, CloneFlags::CLONE_NEWPID)?;
        let opened = options(PidNs::Child, user)
            .map(|options| Ok((directory.mount_in_fork(&options)?, options)))
            .collect::<io::Result<Vec<_>>>();
        setns(own, CloneFlags::CLONE_NEWPID)?;
        mounts.extend(opened?);
    }
    Ok(mounts)
}

/// A directory on which procfs is mounted.
struct Directory(PathBuf);

impl Directory {
    fn create() -> io::Result<Self> {
        let name = format!("taskdiag-fuzz-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Mounts procfs for the pid namespace of this process.
    fn mount(&self, options: &Mount) -> io::Result<OwnedFd> {
        attach(&self.0, options)?;
        self.detach()
    }

    /// Mounts procfs for the pid namespace of this process's children.
    fn mount_in_fork(&self, options: &Mount) -> io::Result<OwnedFd> {
        let child = Child::fork(|| match attach(&self.0, options) {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("taskdiag-fuzz: cannot mount procfs in a pid namespace: {error}");
                1
            }
        })?;
        match child.wait()? {
            0 => self.detach(),
            _ => Err(io::Error::other("no procfs mount of the pid namespace")),
        }
    }

    /// Opens the root directory of the mount, and detaches it.
    fn detach(&self) -> io::Result<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = open_file(&self.0, flags, Mode::empty());
        umount2(&self.0, MntFlags::MNT_DETACH)?;
        Ok(root?)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn attach(directory: &Path, options: &Mount) -> io::Result<()> {
    let data = format!("hidepid={},gid={}", options.hide_pid.value(), options.gid);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let source = Some("proc");
    mount(source, directory, source, flags, Some(data.as_str()))?;
    Ok(())
}

/// Returns the procfs mount at `/proc`, according to this `/proc/self/mountinfo`.
pub(crate) fn mount_at_proc(mountinfo: &str) -> Option<Mount> {
    // A later mount covers an earlier one.
    let options = mountinfo.lines().rev().find_map(|line| {
        let (place, filesystem) = line.split_once(" - ")?;
        (place.split(' ').nth(4) == Some("/proc")).then_some(())?;
        let mut words = filesystem.split(' ');
        (words.next() == Some("proc")).then_some(())?;
        words.nth(1)
    })?;
    let option = |name: &str| {
        options
            .split(',')
            .find_map(|option| option.strip_prefix(name))
    };
    Some(Mount {
        pid_ns: PidNs::Outer,
        hide_pid: option("hidepid=").map_or(Some(HidePid::Off), HidePid::of_value)?,
        gid: option("gid=").map_or(Some(0), |gid| gid.parse().ok())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_proc_are_read_from_mountinfo() {
        let mount = |options: &str| {
            mount_at_proc(&format!(
                "20 1 0:5 / / rw - proc proc rw,hidepid=invisible\n\
                 21 1 0:6 / /proc rw,nosuid shared:2 - proc proc {options}\n\
                 22 1 0:7 / /proc/bus rw - tmpfs tmpfs rw\n"
            ))
        };
        let outer = |hide_pid, gid| {
            Some(Mount {
                pid_ns: PidNs::Outer,
                hide_pid,
                gid,
            })
        };
        assert_eq!(mount("rw"), outer(HidePid::Off, 0));
        assert_eq!(
            mount("rw,gid=7,hidepid=noaccess"),
            outer(HidePid::NoAccess, 7)
        );
        assert_eq!(mount("rw,hidepid=unknown"), None);
        assert_eq!(mount_at_proc(""), None);
    }
}
