// SPDX-License-Identifier: MIT
//! An open `/proc/task-diag`: one request and its reply at a time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FcntlArg, OFlag, fcntl, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::{read, write};

use crate::buffer::Buffer;
use crate::error::{Error, cannot};
use crate::model::Mount;
use taskdiag::abi;

/// An open `/proc/task-diag`.
#[derive(Debug)]
pub(crate) struct Transaction {
    fd: OwnedFd,
    /// A duplicate of `fd`.
    duplicate: OwnedFd,
    /// The procfs mount that contains the file, if it is known.
    pub(crate) mount: Option<Mount>,
}

impl Transaction {
    /// Opens the file of a mount by its root directory, or `/proc/task-diag`.
    pub(crate) fn open(mount: Option<(BorrowedFd<'_>, Mount)>) -> Result<Self, Error> {
        let mut path = PathBuf::new();
        if mount.is_none() {
            path.push("/proc");
        }
        path.push(abi::TASK_DIAG_PROC_NAME);
        let root = mount.map_or(AT_FDCWD, |(root, _)| root);
        let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
        let fd = openat(root, &path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::ENOENT => Error::NoFile,
            errno => Error::System("open task-diag of procfs", errno),
        })?;
        let duplicate = fd.try_clone().map_err(|error| {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or_default());
            cannot("duplicate a descriptor")(errno)
        })?;
        Ok(Self {
            fd,
            duplicate,
            mount: mount.map(|(_, mount)| mount),
        })
    }

    /// Sets or clears `O_NONBLOCK`.
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> nix::Result<()> {
        let mut flags = OFlag::O_RDWR;
        flags.set(OFlag::O_NONBLOCK, nonblocking);
        fcntl(&self.fd, FcntlArg::F_SETFL(flags)).map(drop)
    }

    /// Writes a request.
    pub(crate) fn write(&self, bytes: &[u8]) -> nix::Result<usize> {
        loop {
            match write(&self.fd, bytes) {
                Err(Errno::EINTR) => {}
                result => return result,
            }
        }
    }

    /// Reads into the first `size` bytes of the buffer, through the duplicate if
    /// `duplicate` is true.
    pub(crate) fn read(
        &self,
        buffer: &mut Buffer,
        size: usize,
        duplicate: bool,
    ) -> nix::Result<usize> {
        let fd = if duplicate { &self.duplicate } else { &self.fd };
        buffer.fill(size, |bytes| {
            loop {
                match read(fd, bytes) {
                    Err(Errno::EINTR) => {}
                    result => return result.map(|len| (len, len)),
                }
            }
        })
    }

    /// Returns whether there is data to read, and whether a request can be written.
    pub(crate) fn poll(&self) -> nix::Result<(bool, bool)> {
        let mut fds = [PollFd::new(
            self.fd.as_fd(),
            PollFlags::POLLIN | PollFlags::POLLOUT,
        )];
        poll(&mut fds, PollTimeout::ZERO)?;
        let events = fds[0].revents().unwrap_or(PollFlags::empty());
        Ok((
            events.contains(PollFlags::POLLIN),
            events.contains(PollFlags::POLLOUT),
        ))
    }
}
