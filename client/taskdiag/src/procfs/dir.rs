// SPDX-License-Identifier: MIT
//! Directories and files of procfs: opened relative to one another, read into one
//! buffer.

use std::ffi::CStr;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::sys::stat::{Mode, fstatat};

use super::parse;
use super::target::Target;
use crate::pid::Pid;

/// Initial length of the buffer: enough for `stat` or `status` of nearly every task.
const BUFFER: usize = 4096;

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);

/// The reason that a file of a task cannot be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The file does not exist: as a rule, the task has been reaped.
    Gone,
    /// The caller may not read it.
    Denied,
    /// The task has called execve() since its row was begun.
    Changed,
    Io(io::Error),
}

impl From<Errno> for ReadError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ENOENT | Errno::ESRCH => Self::Gone,
            // A file on another mount, in a contained procfs.
            Errno::EACCES | Errno::EPERM | Errno::EXDEV => Self::Denied,
            errno => Self::Io(errno.into()),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(errno) => errno.into(),
            None => Self::Io(error),
        }
    }
}

/// Returns `None` if the file is gone or the caller may not read it.
pub(super) fn optional<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(ReadError::Gone | ReadError::Denied) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The resolution of paths in the procfs of another process, which may have mounted
/// other files on those of procfs: they could be links to files of the caller's own root
/// directory.
const CONTAINED: ResolveFlag = ResolveFlag::RESOLVE_BENEATH.union(ResolveFlag::RESOLVE_NO_XDEV);

/// The root of procfs, and the buffers that its files are read into.
#[derive(Debug)]
pub(super) struct Proc {
    root: TaskDir,
    path: String,
    buffer: Vec<u8>,
}

impl Proc {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let fd = open(path, DIRECTORY, Mode::empty())?;
        Ok(Self::new(TaskDir {
            fd,
            contained: false,
        }))
    }

    /// Reads files of the mount with this root directory only, and follows no link that
    /// leaves it.
    pub(super) fn contained(root: OwnedFd) -> Self {
        Self::new(TaskDir {
            fd: root,
            contained: true,
        })
    }

    fn new(root: TaskDir) -> Self {
        Self {
            root,
            path: String::new(),
            buffer: vec![0; BUFFER],
        }
    }

    /// Opens a task's directory.
    pub(super) fn open_task(&mut self, target: Target) -> Result<TaskDir, ReadError> {
        self.set_task_path(target);
        let fd = self.root.open(&self.path, DIRECTORY)?;
        Ok(TaskDir {
            fd,
            contained: self.root.contained,
        })
    }

    /// Whether a task has the pid.
    pub(super) fn has_task(&mut self, target: Target) -> bool {
        self.set_task_path(target);
        self.root.has(&self.path)
    }

    /// Sets the path to a task's directory. The files of a process sum up its
    /// threads; those below `task` are about a single thread.
    fn set_task_path(&mut self, target: Target) {
        let Target {
            pid,
            tgid,
            is_process,
        } = target;
        match is_process {
            true => self.set_path(format_args!("{tgid}")),
            false => self.set_path(format_args!("{tgid}/task/{pid}")),
        }
    }

    /// Reads a file of a task that consists of one record, as most do.
    pub(super) fn read_in(&mut self, dir: &TaskDir, name: &str) -> Result<&[u8], ReadError> {
        let mut file = dir.file(name)?;
        let len = read_record(&mut file, &mut self.buffer)?;
        Ok(&self.buffer[..len])
    }

    /// Reads a file of one record by its path.
    pub(super) fn read(&mut self, path: fmt::Arguments<'_>) -> Result<&[u8], ReadError> {
        self.set_path(path);
        let mut file = self.root.file(&self.path)?;
        let len = read_record(&mut file, &mut self.buffer)?;
        Ok(&self.buffer[..len])
    }

    /// Reads a file of any number of records by its path.
    pub(super) fn read_all(&mut self, path: fmt::Arguments<'_>) -> Result<Vec<u8>, ReadError> {
        self.set_path(path);
        let mut bytes = Vec::new();
        self.root.file(&self.path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Whether the kernel has `smaps`, which VMA and VMA_STAT are read from.
    pub(super) fn has_smaps(&self) -> bool {
        self.root.has("self/smaps")
    }

    /// Whether the kernel has `cgroup`.
    pub(super) fn has_cgroups(&self) -> bool {
        self.root.has("self/cgroup")
    }

    /// Whether this file exists.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.has(path)
    }

    pub(super) fn has_path(&mut self, path: fmt::Arguments<'_>) -> bool {
        self.set_path(path);
        self.root.has(&self.path)
    }

    /// Returns the entries of a directory whose names are pids, in its order.
    pub(super) fn pids(&mut self, path: fmt::Arguments<'_>) -> Result<Vec<Pid>, ReadError> {
        self.set_path(path);
        self.root
            .entries(&self.path, |name| parse::number(name.to_bytes()))
    }

    fn set_path(&mut self, path: fmt::Arguments<'_>) {
        self.path.clear();
        // Writing to a String does not fail.
        let _ = self.path.write_fmt(path);
    }
}

/// Reads to the end. procfs returns a whole record at once if the buffer is large
/// enough, so a read that does not fill the buffer is the last one.
fn read_record(file: &mut File, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut len = 0;
    loop {
        if len == buffer.len() {
            buffer.resize(2 * len, 0);
        }
        match file.read(&mut buffer[len..]) {
            Ok(read) => {
                len += read;
                if len < buffer.len() {
                    return Ok(len);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// An open directory of procfs. That of a task refers to the task, not to its pid:
/// it is empty as soon as the task is reaped, also if another task has the pid then.
#[derive(Debug)]
pub(super) struct TaskDir {
    fd: OwnedFd,
    /// Whether paths are resolved as [`CONTAINED`].
    contained: bool,
}

impl TaskDir {
    fn open(&self, name: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
        match self.contained {
            true => openat2(
                &self.fd,
                name,
                OpenHow::new().flags(flags).resolve(CONTAINED),
            ),
            false => openat(&self.fd, name, flags, Mode::empty()),
        }
    }

    pub(super) fn file(&self, name: &str) -> Result<File, ReadError> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        Ok(self.open(name, flags)?.into())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
    }

    /// Whether the task has not been reaped. The /proc of a sandbox may lack a file.
    pub(super) fn is_alive(&self) -> bool {
        self.has("stat") || self.has("status")
    }

    /// Returns `None` if the file is missing and the task is not gone.
    pub(super) fn present<T>(&self, read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
        match read {
            Err(ReadError::Gone) if self.is_alive() => Ok(None),
            read => read.map(Some),
        }
    }

    /// Maps the entries of a directory in it, in its order. Entries that `make`
    /// returns `None` for are left out.
    pub(super) fn entries<T>(
        &self,
        name: &str,
        mut make: impl FnMut(&CStr) -> Option<T>,
    ) -> Result<Vec<T>, ReadError> {
        let mut made = Vec::new();
        let mut dir = Dir::from_fd(self.open(name, DIRECTORY)?)?;
        for entry in dir.iter() {
            made.extend(make(entry?.file_name()));
        }
        Ok(made)
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Whether no lookup may leave the mount.
    pub(super) const fn is_contained(&self) -> bool {
        self.contained
    }
}
