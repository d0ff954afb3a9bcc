// SPDX-License-Identifier: MIT
//! procfs as a folder of folders: opened relative to one another, read into
//! one buffer.

use std::ffi::CStr;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode, fstatat};

use super::member::Member;
use super::text;
use crate::pid::Pid;

/// Room for `stat` or `status` of nearly every task.
const BUFFER: usize = 4096;

const FOLDER: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);

/// Why something of a task cannot be had.
#[derive(Debug)]
pub(super) enum Lack {
    /// It is not there: the task has been reaped, as a rule.
    Gone,
    /// It is not for the caller's eyes.
    Denied,
    /// The task has become another program meanwhile.
    Changed,
    /// It takes a message of this length.
    NoRoom(usize),
    Io(io::Error),
}

impl From<Errno> for Lack {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ENOENT | Errno::ESRCH => Self::Gone,
            Errno::EACCES | Errno::EPERM => Self::Denied,
            errno => Self::Io(errno.into()),
        }
    }
}

impl From<io::Error> for Lack {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(errno) => errno.into(),
            None => Self::Io(error),
        }
    }
}

/// Nothing, if it is not there or not for the caller's eyes.
pub(super) fn optional<T>(had: Result<T, Lack>) -> Result<Option<T>, Lack> {
    match had {
        Ok(had) => Ok(Some(had)),
        Err(Lack::Gone | Lack::Denied) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The root of procfs, and the buffers that everything is read into.
#[derive(Debug)]
pub(super) struct Proc {
    root: Folder,
    path: String,
    buffer: Vec<u8>,
    /// The process that is not to be told of, if there is one.
    pub(super) hidden: Option<Pid>,
}

impl Proc {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::new(open(path, FOLDER, Mode::empty())?))
    }

    pub(super) fn new(root: OwnedFd) -> Self {
        Self {
            root: Folder(root),
            path: String::new(),
            buffer: vec![0; BUFFER],
            hidden: None,
        }
    }

    /// Whether nothing is to be told of this process.
    pub(super) fn hides(&self, tgid: Pid) -> bool {
        self.hidden == Some(tgid)
    }

    /// Opens a task's folder.
    pub(super) fn folder(&mut self, member: Member) -> Result<Folder, Lack> {
        self.name(member);
        let fd = openat(&self.root.0, self.path.as_str(), FOLDER, Mode::empty())?;
        Ok(Folder(fd))
    }

    /// Whether a task has the number.
    pub(super) fn has(&mut self, member: Member) -> bool {
        self.name(member);
        self.root.has(&self.path)
    }

    /// Writes the path of a task's folder. That of a process tells of all its
    /// threads together, those below `task` of each by itself.
    fn name(&mut self, member: Member) {
        let Member { pid, tgid, whole } = member;
        self.path.clear();
        // A String takes anything.
        let _ = match whole {
            true => write!(self.path, "{tgid}"),
            false => write!(self.path, "{tgid}/task/{pid}"),
        };
    }

    /// Reads a file of a folder that is one record, as most are.
    pub(super) fn read_in(&mut self, folder: &Folder, name: &str) -> Result<&[u8], Lack> {
        let mut file = folder.file(name)?;
        let len = read_record(&mut file, &mut self.buffer)?;
        Ok(&self.buffer[..len])
    }

    /// Reads such a file by its path.
    pub(super) fn read(&mut self, path: fmt::Arguments<'_>) -> Result<&[u8], Lack> {
        self.set_path(path);
        let mut file = self.root.file(&self.path)?;
        let len = read_record(&mut file, &mut self.buffer)?;
        Ok(&self.buffer[..len])
    }

    /// Reads a file of any number of records.
    pub(super) fn read_all(&mut self, path: fmt::Arguments<'_>) -> Result<Vec<u8>, Lack> {
        self.set_path(path);
        let mut bytes = Vec::new();
        self.root.file(&self.path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Whether the kernel tells of areas with all that is to be told of them.
    pub(super) fn tells_areas(&self) -> bool {
        self.root.has("self/smaps")
    }

    pub(super) fn tells_cgroups(&self) -> bool {
        self.root.has("self/cgroup")
    }

    pub(super) fn has_path(&mut self, path: fmt::Arguments<'_>) -> bool {
        self.set_path(path);
        self.root.has(&self.path)
    }

    /// The numbers that folders in there are named by, in its order.
    pub(super) fn numbers(&mut self, path: fmt::Arguments<'_>) -> Result<Vec<Pid>, Lack> {
        self.set_path(path);
        self.root
            .entries(&self.path, |name| text::number(name.to_bytes()))
    }

    fn set_path(&mut self, path: fmt::Arguments<'_>) {
        self.path.clear();
        // A String takes anything.
        let _ = self.path.write_fmt(path);
    }
}

/// Reads to the end. procfs gives a whole record at once where there is room,
/// so a read that leaves some was the last.
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

/// An open folder. That of a task stands for the task: when it is reaped,
/// nothing is in there any more, whoever gets its number.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    pub(super) fn file(&self, name: &str) -> Result<File, Lack> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::empty())?.into())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        fstatat(&self.0, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
    }

    /// Whether the task is still there.
    pub(super) fn is_alive(&self) -> bool {
        self.has("stat")
    }

    /// What is made of the entries of a folder in there, in its order; nothing
    /// of some.
    pub(super) fn entries<T>(
        &self,
        name: &str,
        mut make: impl FnMut(&CStr) -> Option<T>,
    ) -> Result<Vec<T>, Lack> {
        let mut made = Vec::new();
        let mut dir = Dir::openat(&self.0, name, FOLDER, Mode::empty())?;
        for entry in dir.iter() {
            made.extend(make(entry?.file_name()));
        }
        Ok(made)
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
