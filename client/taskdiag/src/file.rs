// SPDX-License-Identifier: MIT
//! The transaction file, `/proc/task-diag`: a request is written, its answer
//! is read.
//!
//! Knows nothing of tasks.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use nix::libc;

use crate::abi;
use crate::error::{Error, Result};
use crate::request::Scope;
use crate::transport::{Framing, Transport};

/// Room for the message that says why a request is refused.
const REFUSAL: usize = 1024;

/// The open transaction file.
///
/// The pid namespace of what is asked through it is that of the procfs it lies
/// in.
#[derive(Debug)]
pub struct TransactionFile {
    file: File,
    /// Why the last request was refused, to be received.
    refusal: Option<Vec<u8>>,
}

impl TransactionFile {
    /// Opens the file.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`] if the kernel has none, else [`Error::Io`].
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

    /// The message about the request that has just been refused, if there is
    /// one.
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

    /// The answer repeats what the request says, which is none.
    fn port(&self) -> u32 {
        0
    }

    /// Writes the request. One that is refused counts as sent, if the file
    /// tells why: that is its answer then, as it is over netlink.
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
            return hand_out(&refusal, buffer);
        }
        let len = self.read(buffer).map_err(|error| {
            io(match error.raw_os_error() {
                Some(libc::EMSGSIZE) => "the receive buffer is too small for the next message",
                _ => "cannot receive the answer",
            })(error)
        })?;
        match len {
            0 => Err(Error::Decode {
                what: "it ends before its end is told".to_owned(),
            }),
            len => Ok(len),
        }
    }

    /// Opens the file once more: closing it is how an answer is dropped.
    fn reset(&mut self, _buffer: &mut [u8]) -> Result<()> {
        *self = Self::open()?;
        Ok(())
    }
}

/// Copies a datagram that is at hand.
pub(crate) fn hand_out(datagram: &[u8], buffer: &mut [u8]) -> Result<usize> {
    let len = datagram.len();
    let room = buffer.len();
    let to = buffer.get_mut(..len).ok_or(Error::Truncated {
        message: len,
        buffer: room,
    })?;
    to.copy_from_slice(datagram);
    Ok(len)
}

fn io(context: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io { context, source }
}
