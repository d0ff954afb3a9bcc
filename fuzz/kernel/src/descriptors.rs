// SPDX-License-Identifier: MIT
//! Descriptors for requests: pidfds, namespaces, and other files.
//!
//! The supervisor opens them as root before it forks the process that performs
//! the cases, which inherits them. That process opens the descriptors of itself.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::libc;
use nix::sys::stat::Mode;

use crate::case::Descriptor;
use crate::known_tasks::KnownTasks;
use crate::model::{Mount, Opened, PidNs};
use crate::process::{Child, User};
use crate::procfs_mounts;

/// `PIDFD_THREAD`.
const PIDFD_THREAD: libc::c_uint = libc::O_EXCL as libc::c_uint;
/// A descriptor that no process of a run has open.
const NEVER_OPEN: u32 = 1 << 10;
/// Maximum number of pidfds of processes that run for the whole run.
const TASKS: usize = 12;

/// An open file, and the object that it refers to.
#[derive(Debug)]
struct Entry {
    file: OwnedFd,
    opened: Opened,
}

/// The descriptors that requests can name.
#[derive(Debug)]
pub(crate) struct Descriptors {
    own_task: Option<Entry>,
    own_namespace: Option<Entry>,
    tasks: Vec<Entry>,
    /// `None` before Linux 6.9, which has no pidfds of threads.
    thread: Option<Entry>,
    zombie: Option<Entry>,
    ended: Option<Entry>,
    contained: Option<Entry>,
    outer_namespace: Option<Entry>,
    child_namespace: Option<Entry>,
    other_namespaces: Vec<Entry>,
    plain: Vec<Entry>,
    path: Option<Entry>,
    /// The root directories of procfs mounts, and the same opened with `O_PATH`.
    mounts: Vec<Entry>,
    mount_paths: Vec<Entry>,
    /// Files and directories of procfs that are not the root.
    not_roots: Vec<Entry>,
    /// The mount at `/proc`.
    proc: Mount,
}

impl Descriptors {
    /// Opens all descriptors except those of the process that performs the cases.
    /// `user`: the unprivileged user, if the run may mount procfs.
    pub(crate) fn open(known_tasks: &KnownTasks, user: Option<User>) -> io::Result<Self> {
        let stays = known_tasks
            .permanent
            .iter()
            .filter(|process| !known_tasks.contained.contains(&process.pid));
        let thread = known_tasks.permanent.iter().find_map(|process| {
            let thread = process.threads.iter().find(|pid| **pid != process.pid)?;
            pidfd(*thread, PIDFD_THREAD).ok()
        });
        let mut tasks = Vec::new();
        for process in stays.step_by((known_tasks.permanent.len() / TASKS).max(1)) {
            tasks.push(pidfd(process.pid, 0)?);
        }
        let first = |pids: &[u32]| pids.first().map(|pid| pidfd(*pid, 0)).transpose();
        let other_namespaces = ["net", "mnt", "user", "uts", "ipc"]
            .into_iter()
            .filter_map(|kind| File::open(format!("/proc/self/ns/{kind}")).ok())
            .map(|file| entry(file, Opened::Other))
            .collect();
        let plain = ["/dev/null", "/proc/self", "/proc/self/stat", "/"]
            .into_iter()
            .filter_map(|path| File::open(path).ok())
            .map(|file| entry(file, Opened::Other))
            .collect();
        let path = File::options()
            .read(true)
            .custom_flags(libc::O_PATH)
            .open("/proc/self/ns/pid")?;
        let child_namespace = known_tasks
            .contained
            .first()
            .map(|pid| namespace(&pid.to_string(), PidNs::Child))
            .transpose()?;
        let mounts = user
            .map(|user| {
                let child = child_namespace.as_ref().map(|entry| &entry.file);
                procfs_mounts::open(user, child)
            })
            .transpose()?
            .unwrap_or_default();
        let not_roots = not_roots(&mounts)?;
        let mountinfo = fs::read_to_string("/proc/self/mountinfo")?;
        let proc = procfs_mounts::mount_at_proc(&mountinfo)
            .ok_or_else(|| io::Error::other("unknown options of the mount at /proc"))?;
        Ok(Self {
            own_task: None,
            own_namespace: None,
            tasks,
            thread,
            zombie: first(&known_tasks.zombies)?,
            ended: Some(ended()?),
            contained: first(&known_tasks.contained)?,
            outer_namespace: Some(namespace("self", PidNs::Outer)?),
            child_namespace,
            other_namespaces,
            plain,
            path: Some(entry(path, Opened::Path)),
            mounts: mounts
                .iter()
                .map(|(root, mount)| reopen(root, *mount))
                .collect::<io::Result<_>>()?,
            mount_paths: mounts
                .into_iter()
                .map(|(file, mount)| Entry {
                    file,
                    opened: Opened::Mount {
                        mount,
                        path_only: true,
                    },
                })
                .collect(),
            not_roots,
            proc,
        })
    }

    /// Opens the descriptors of this process, which has pid `outer` in the outer
    /// pid namespace and is in the pid namespace `pid_ns`.
    pub(crate) fn open_own(&mut self, outer: u32, pid_ns: PidNs) -> io::Result<()> {
        let file = pidfd_of_self()?;
        self.own_task = Some(Entry {
            file,
            opened: Opened::Task(outer),
        });
        self.own_namespace = Some(namespace("self", pid_ns)?);
        Ok(())
    }

    /// Whether the process that performs the case has this pid in the outer pid
    /// namespace.
    pub(crate) fn is_own(&self, outer: u32) -> bool {
        self.own_task
            .as_ref()
            .is_some_and(|entry| entry.opened == Opened::Task(outer))
    }

    /// Returns the root directory of a procfs mount. `index` is that of a
    /// [`Descriptor::Mount`].
    pub(crate) fn mount(&self, index: u8) -> Option<(BorrowedFd<'_>, Mount)> {
        let entry = self.find(Descriptor::Mount(index))?;
        match entry.opened {
            Opened::Mount { mount, .. } => Some((entry.file.as_fd(), mount)),
            _ => None,
        }
    }

    /// Returns the mount at `/proc`.
    pub(crate) const fn proc(&self) -> Mount {
        self.proc
    }

    fn find(&self, descriptor: Descriptor) -> Option<&Entry> {
        fn nth(from: &[Entry], index: u8) -> Option<&Entry> {
            from.get(usize::from(index) % from.len().max(1))
        }
        match descriptor {
            Descriptor::OwnTask => self.own_task.as_ref(),
            Descriptor::Task(index) => nth(&self.tasks, index),
            Descriptor::Thread => self.thread.as_ref(),
            Descriptor::Zombie => self.zombie.as_ref(),
            Descriptor::Ended => self.ended.as_ref(),
            Descriptor::ContainedTask => self.contained.as_ref(),
            Descriptor::OwnNamespace => self.own_namespace.as_ref(),
            Descriptor::OuterNamespace => self.outer_namespace.as_ref(),
            Descriptor::ChildNamespace => self.child_namespace.as_ref(),
            Descriptor::OtherNamespace(index) => nth(&self.other_namespaces, index),
            Descriptor::Plain(index) => nth(&self.plain, index),
            Descriptor::Path => self.path.as_ref(),
            Descriptor::Mount(index) => nth(&self.mounts, index),
            Descriptor::MountPath(index) => nth(&self.mount_paths, index),
            Descriptor::NotRoot(index) => nth(&self.not_roots, index),
            Descriptor::Closed => None,
        }
    }

    /// Returns the number of a descriptor, or [`NEVER_OPEN`] if it does not exist.
    pub(crate) fn number(&self, descriptor: Descriptor) -> u32 {
        self.find(descriptor)
            .map_or(NEVER_OPEN, |entry| entry.file.as_raw_fd() as u32)
    }

    /// Returns the object that a descriptor number refers to.
    pub(crate) fn opened(&self, number: u32) -> Opened {
        if number >= NEVER_OPEN {
            return Opened::Nothing;
        }
        let entries = self
            .tasks
            .iter()
            .chain(&self.other_namespaces)
            .chain(&self.plain)
            .chain(&self.own_task)
            .chain(&self.own_namespace)
            .chain(&self.thread)
            .chain(&self.zombie)
            .chain(&self.ended)
            .chain(&self.contained)
            .chain(&self.outer_namespace)
            .chain(&self.child_namespace)
            .chain(&self.path)
            .chain(&self.mounts)
            .chain(&self.mount_paths)
            .chain(&self.not_roots);
        entries
            .into_iter()
            .find(|entry| entry.file.as_raw_fd() as u32 == number)
            .map_or(Opened::Unsure, |entry| entry.opened)
    }
}

fn entry(file: File, opened: Opened) -> Entry {
    Entry {
        file: file.into(),
        opened,
    }
}

/// Opens the root directory of a procfs mount for reading.
fn reopen(root: &OwnedFd, mount: Mount) -> io::Result<Entry> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(Entry {
        file: openat(root, ".", flags, Mode::empty())?,
        opened: Opened::Mount {
            mount,
            path_only: false,
        },
    })
}

/// Opens files and directories of the first procfs mount that are not its root.
fn not_roots(mounts: &[(OwnedFd, Mount)]) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let Some((root, _)) = mounts.first() else {
        return Ok(entries);
    };
    for path in ["1", "sys", "1/stat", "task-diag"] {
        for (flag, opened) in [
            (OFlag::O_RDONLY, Opened::Other),
            (OFlag::O_PATH, Opened::Path),
        ] {
            let flags = flag | OFlag::O_CLOEXEC;
            match openat(root, path, flags, Mode::empty()) {
                Ok(file) => entries.push(Entry { file, opened }),
                // A kernel can lack /proc/task-diag.
                Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    Ok(entries)
}

fn namespace(pid: &str, pid_ns: PidNs) -> io::Result<Entry> {
    let file = File::open(format!("/proc/{pid}/ns/pid"))?;
    Ok(entry(file, Opened::PidNamespace(pid_ns)))
}

fn pidfd(pid: u32, flags: libc::c_uint) -> io::Result<Entry> {
    Ok(Entry {
        file: pidfd_open(pid, flags)?,
        opened: Opened::Task(pid),
    })
}

fn pidfd_of_self() -> io::Result<OwnedFd> {
    // The pid in the pid namespace of this process.
    pidfd_open(nix::unistd::getpid().as_raw() as u32, 0)
}

fn pidfd_open(pid: u32, flags: libc::c_uint) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open() takes two integers and does not access memory.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) };
    let fd = Errno::result(fd)?;
    // SAFETY: the system call has just opened it, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// A pidfd of a process that has ended and has been reaped.
fn ended() -> io::Result<Entry> {
    let child = Child::fork(|| crate::process::sleep_forever())?;
    let file = pidfd_open(child.pid(), 0)?;
    child.kill();
    Ok(Entry {
        file,
        opened: Opened::EndedTask,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptor_numbers_map_to_their_objects() {
        let mut descriptors = Descriptors::open(&KnownTasks::default(), None).unwrap();
        let own = std::process::id();
        descriptors.open_own(own, PidNs::Outer).unwrap();
        let opened = |descriptor| descriptors.opened(descriptors.number(descriptor));
        assert_eq!(opened(Descriptor::OwnTask), Opened::Task(own));
        assert_eq!(opened(Descriptor::Ended), Opened::EndedTask);
        assert_eq!(
            opened(Descriptor::OwnNamespace),
            Opened::PidNamespace(PidNs::Outer)
        );
        assert_eq!(opened(Descriptor::OtherNamespace(7)), Opened::Other);
        assert_eq!(opened(Descriptor::Plain(2)), Opened::Other);
        assert_eq!(opened(Descriptor::Path), Opened::Path);
        assert_eq!(opened(Descriptor::Closed), Opened::Nothing);
        // The run may not mount procfs.
        assert_eq!(opened(Descriptor::Mount(3)), Opened::Nothing);
        // The known tasks include no contained process.
        assert_eq!(opened(Descriptor::ContainedTask), Opened::Nothing);
        assert_eq!(descriptors.opened(0), Opened::Unsure);
    }
}
