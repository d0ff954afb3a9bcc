// SPDX-License-Identifier: MIT
//! The transaction file, `/proc/task-diag`: the client writes a request and reads
//! the reply.
//!
//! Must not depend on tasks.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::libc;
use nix::sys::stat::Mode;

use crate::abi;
use crate::error::{Error, Result};
use crate::netlink::Framing;
use crate::opener::Opener;
use crate::proc_mount;
use crate::request::{Options, Scope};
use crate::transport::{Transport, copy_datagram};
use crate::visibility::{self, Visibility};

/// Maximum length of the message with the reason of a refused request, in bytes.
const REFUSAL: usize = 1024;

/// The open transaction file.
///
/// The pid namespace of its requests is the pid namespace of the procfs instance.
#[derive(Debug)]
pub struct TransactionFile {
    file: File,
    /// The root directory of its procfs mount.
    root: OwnedFd,
    /// Whether the root directory may be that of another process's mount.
    is_foreign: bool,
    opener: Opener,
    /// The error message of the last request, if it was refused and the message has
    /// not been received yet.
    refusal: Option<Vec<u8>>,
}

impl TransactionFile {
    /// Opens the file.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`] if the kernel has no such file, otherwise [`Error::Io`].
    pub fn open() -> Result<Self> {
        match proc_mount::open() {
            Ok(root) => Self::open_in(root, false),
            Err(Errno::ENOENT) => Err(Error::NoFile),
            Err(errno) => Err(io("cannot open /proc")(errno.into())),
        }
    }

    /// Opens the file of a procfs mount by a descriptor of its root directory. A file that
    /// is mounted on it is not opened.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_at(root: OwnedFd) -> Result<Self> {
        Self::open_in(root, true)
    }

    fn open_in(root: OwnedFd, is_foreign: bool) -> Result<Self> {
        let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
        let opened = match is_foreign {
            true => {
                let resolve = ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_SYMLINKS;
                let how = OpenHow::new().flags(flags).resolve(resolve);
                openat2(&root, abi::TASK_DIAG_PROC_NAME, how)
            }
            false => openat(&root, abi::TASK_DIAG_PROC_NAME, flags, Mode::empty()),
        };
        match opened {
            Ok(file) => Ok(Self {
                file: file.into(),
                root,
                is_foreign,
                opener: Opener::current(),
                refusal: None,
            }),
            Err(Errno::ENOENT) => Err(Error::NoFile),
            Err(errno) => Err(io("cannot open /proc/task-diag")(errno.into())),
        }
    }

    /// Reads the error message of the request that was just refused, if the file
    /// has one.
    fn read_refusal(&mut self) -> Option<Vec<u8>> {
        let mut message = vec![0; REFUSAL];
        let len = self.read(&mut message).ok().filter(|&len| len > 0)?;
        message.truncate(len);
        Some(message)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Transport for TransactionFile {
    fn framing(&self) -> Framing {
        Framing::Plain
    }

    /// The reply repeats the port number of the request, which is 0.
    fn port(&self) -> u32 {
        0
    }

    fn visibility(&self, options: Options) -> Visibility {
        visibility::of_kernel(options, Some(self.root.as_fd()))
    }

    fn has_other_opener(&self) -> bool {
        self.opener.has_changed()
    }

    /// Writes the request. A refused request counts as sent if the file has an
    /// error message for it: as over netlink, that message is the reply.
    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()> {
        if let Scope::Process(pid) = scope {
            let asked = "/proc/task-diag";
            return Err(Error::ScopeNeedsNetlink { pid, asked });
        }
        self.refusal = None;
        let Err(error) = self.file.write_all(request) else {
            return Ok(());
        };
        self.refusal = self.read_refusal();
        match self.refusal {
            Some(_) => Ok(()),
            None => Err(io("cannot send the request")(error)),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if let Some(refusal) = self.refusal.take() {
            return copy_datagram(&refusal, buffer);
        }
        let len = self.read(buffer).map_err(|error| {
            io(match error.raw_os_error() {
                Some(libc::EMSGSIZE) => "the receive buffer is too small for the next message",
                _ => "cannot receive the answer",
            })(error)
        })?;
        match len {
            0 => Err(Error::Decode {
                what: "the reply ends without NLMSG_DONE".to_owned(),
            }),
            len => Ok(len),
        }
    }

    /// Opens the file again: the kernel drops an unread reply only when the file is
    /// closed.
    fn reset(&mut self, _buffer: &mut [u8]) -> Result<()> {
        let root = self.root.try_clone().map_err(io("cannot open /proc"))?;
        *self = Self::open_in(root, self.is_foreign)?;
        Ok(())
    }
}

fn io(context: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io { context, source }
}
