// SPDX-License-Identifier: MIT
//! A descriptor of a process that shows its end.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::{Error, Result};
use crate::pid::Pid;
use crate::sys;

/// A descriptor of a process (pidfd), which becomes readable when the last
/// thread of the process has ended.
///
/// Unlike an exit event, which the kernel sends per thread, it shows the end of
/// the whole process. It requires no rights, and reports processes that `/proc`
/// hides. It does not contain the exit status.
///
/// ```
/// use taskdiag::events::ProcessHandle;
///
/// let mut child = std::process::Command::new("sleep").arg("9").spawn().unwrap();
/// let handle = ProcessHandle::open(child.id())?.expect("a process");
/// assert!(!handle.has_ended()?);
/// child.kill().unwrap();
/// child.wait().unwrap();
/// assert!(handle.has_ended()?);
/// # Ok::<(), taskdiag::Error>(())
/// ```
#[derive(Debug)]
pub struct ProcessHandle(OwnedFd);

impl ProcessHandle {
    /// Opens the process with this pid; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], in particular before Linux 5.3.
    pub fn open(pid: Pid) -> Result<Option<Self>> {
        match sys::pidfd_open(pid, 0) {
            Ok(fd) => Ok(Some(Self(fd))),
            // EINVAL: the pid has just become free, or is that of a thread.
            Err(error) if is_gone(&error) => Ok(None),
            Err(source) => Err(Error::Io {
                context: "cannot open a descriptor of the process",
                source,
            }),
        }
    }

    /// Whether the last thread of the process has ended. The process may be a
    /// zombie, or be reaped already.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn has_ended(&self) -> Result<bool> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut fds, PollTimeout::ZERO) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::EINTR) => {}
                Err(errno) => {
                    return Err(Error::Io {
                        context: "cannot poll the descriptor of the process",
                        source: errno.into(),
                    });
                }
            }
        }
    }
}

impl AsFd for ProcessHandle {
    /// Returns the descriptor, to be polled with others.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(nix::libc::ESRCH | nix::libc::EINVAL | nix::libc::ENOENT)
    )
}
