// SPDX-License-Identifier: MIT
//! An open `/proc/task-diag`: one request and its reply at a time.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{read, write};

use crate::buffer::Buffer;
use crate::error::Error;
use taskdiag::abi;

/// An open `/proc/task-diag`.
#[derive(Debug)]
pub(crate) struct Transaction {
    fd: OwnedFd,
    /// A duplicate of `fd`.
    duplicate: OwnedFd,
}

impl Transaction {
    pub(crate) fn open() -> Result<Self, Error> {
        let open = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::NoFile,
            _ => Error::System(
                "open /proc/task-diag",
                Errno::from_raw(error.raw_os_error().unwrap_or_default()),
            ),
        };
        let fd = File::options()
            .read(true)
            .write(true)
            .open(format!("/proc/{}", abi::TASK_DIAG_PROC_NAME))
            .map_err(open)?;
        let duplicate = fd.try_clone().map_err(open)?;
        Ok(Self {
            fd: fd.into(),
            duplicate: duplicate.into(),
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
