// SPDX-License-Identifier: MIT
//! The transaction file, `/proc/task-diag`: the client writes a request and reads
//! the reply.
//!
//! Must not depend on tasks.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use nix::libc;

use crate::abi;
use crate::error::{Error, Result};
use crate::netlink::Framing;
use crate::request::Scope;
use crate::transport::{Transport, copy_datagram};

/// Maximum length of the message with the reason of a refused request, in bytes.
const REFUSAL: usize = 1024;

/// The open transaction file.
///
/// The pid namespace of its requests is the pid namespace of the procfs instance.
#[derive(Debug)]
pub struct TransactionFile {
    file: File,
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
        let path = format!("/proc/{}", abi::TASK_DIAG_PROC_NAME);
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => Ok(Self {
                file,
                refusal: None,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::NoFile),
            Err(error) => Err(io("cannot open /proc/task-diag")(error)),
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
        *self = Self::open()?;
        Ok(())
    }
}

fn io(context: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io { context, source }
}
