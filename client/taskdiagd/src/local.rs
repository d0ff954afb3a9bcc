// SPDX-License-Identifier: MIT
//! Replies from procfs and the row cache, where the kernel has no task_diag.

use std::os::fd::{AsFd, OwnedFd};

use netlink_packet_core::NLM_F_DUMP_INTR;
use nix::errno::Errno;
use taskdiag::abi::TaskDiagFeatures;
use taskdiag::{
    Error, Mode, Pid, Procfs, RECEIVE_BUFFER, Reply as _, Request, Result, Source as _, Strategy,
    TaskRef,
};

use crate::encode::RowEncoder;
use crate::hidepid::{HidepidProcfs, has_thread};
use crate::impersonate::impersonate;
use crate::message::{Fault, Message, Refusal};
use crate::peer::Rights;
use crate::request::{Query, RequestMessage};
use crate::row_cache::{RowCache, is_cacheable};
use crate::table::Table;

/// Sends a datagram to the client.
pub(crate) type Send<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Errno>;

/// Replies to one request of a client.
#[derive(Debug)]
pub(crate) struct LocalReply<'a> {
    table: &'a Table,
    root: OwnedFd,
    rights: Rights,
    /// The request of the client.
    bytes: &'a [u8],
    datagrams: Datagrams,
}

/// The reply cannot be sent, or has an error that is to be sent.
pub(crate) enum Failure {
    /// The client cannot be reached.
    Send(Errno),
    /// The message of this error ends the reply.
    Refusal(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Send(errno)
    }
}

impl<'a> LocalReply<'a> {
    /// Prepares a reply with these rights.
    pub(crate) fn new(
        table: &'a Table,
        proc: &HidepidProcfs,
        rights: Rights,
        bytes: &'a [u8],
    ) -> crate::Result<Self> {
        Ok(Self {
            table,
            root: proc.root()?,
            rights,
            bytes,
            datagrams: Datagrams::default(),
        })
    }

    /// Sends the reply.
    pub(crate) fn send(self, request: &RequestMessage<'_>, send: Send<'_>) -> Result<(), Failure> {
        let mut procfs = Procfs::from_root(self.clone_root()?);
        let query = request.decode()?;
        if let Query::Tasks(request, mode) | Query::Refused(request, mode, _) = &query {
            let result = procfs.check(request, *mode);
            result.map_err(|error| self.refusal(error))?;
        }
        match query {
            Query::Features => self.send_features(procfs, send),
            Query::Refused(_, _, refusal) => Err(refusal.into()),
            Query::Tasks(request, Mode::Dump) if is_cacheable(&request) => {
                self.send_cached(&request, send)
            }
            Query::Tasks(request, mode) => self.send_tasks(procfs, &request, mode, send),
        }
    }

    fn send_features(self, mut procfs: Procfs, send: Send<'_>) -> Result<(), Failure> {
        let features = procfs.features().map_err(|error| self.refusal(error))?;
        let mut message = Message::replying_to(self.bytes);
        message.set_features(&TaskDiagFeatures::from(features));
        Ok(send(message.as_bytes())?)
    }

    fn send_cached(mut self, request: &Request<'static>, send: Send<'_>) -> Result<(), Failure> {
        let mut cache = RowCache::new(self.table, self.clone_root()?, self.rights, request);
        let mut encoder = RowEncoder::new(self.bytes, true);
        loop {
            let more = self.impersonated(|datagrams| {
                while !datagrams.is_ready() {
                    let Some(row) = cache.next()? else {
                        return Ok(false);
                    };
                    encoder.encode(TaskRef::from(&row), &mut |message| datagrams.add(message));
                }
                Ok(true)
            })?;
            if !more {
                return self.send_done(cache.is_interrupted, send);
            }
            self.datagrams.send_ready(send)?;
        }
    }

    fn send_tasks(
        mut self,
        mut procfs: Procfs,
        request: &Request<'static>,
        mode: Mode,
        send: Send<'_>,
    ) -> Result<(), Failure> {
        let hidden = match self.rights {
            Rights::All => None,
            Rights::Of { .. } => Some(std::process::id()),
        };
        if let (Some(_), Some(pid)) = (hidden, named_pid(request.strategy)) {
            if has_thread(self.root.as_fd(), pid) {
                return Err(Refusal::no_such_task(self.bytes).into());
            }
        }
        let mut reply = self.impersonated(|_| procfs.start(request, mode))?;
        let mut encoder = RowEncoder::new(self.bytes, mode == Mode::Dump);
        loop {
            let more = self.impersonated(|datagrams| {
                while !datagrams.is_ready() {
                    let Some(piece) = reply.next_piece()? else {
                        return Ok(false);
                    };
                    // A thread of the daemon always sees the daemon, whatever its
                    // credentials are.
                    if hidden != Some(piece.tgid()) {
                        encoder.encode(piece, &mut |message| datagrams.add(message));
                    }
                }
                Ok(true)
            })?;
            match (more, mode) {
                (true, _) => self.datagrams.send_ready(send)?,
                (false, Mode::Dump) => return self.send_done(false, send),
                // The row is the whole reply.
                (false, _) => return Ok(self.datagrams.send_all(send)?),
            }
        }
    }

    fn send_done(mut self, is_interrupted: bool, send: Send<'_>) -> Result<(), Failure> {
        let mut message = Message::replying_to(self.bytes);
        message.set_done(None);
        if is_interrupted {
            message.add_flags(NLM_F_DUMP_INTR);
        }
        self.datagrams.add(message.as_bytes());
        Ok(self.datagrams.send_all(send)?)
    }

    /// Calls `read` with the client's credentials. The thread has them no longer than
    /// that: another process with the client's ids may stop a thread that has them.
    fn impersonated<T>(
        &mut self,
        read: impl FnOnce(&mut Datagrams) -> Result<T>,
    ) -> Result<T, Failure> {
        let credentials = impersonate(self.rights).map_err(|error| {
            let text = format!("cannot take the client's credentials: {error}");
            Refusal::new(nix::libc::EIO, text, Fault::None)
        })?;
        let result = read(&mut self.datagrams);
        drop(credentials);
        Ok(result.map_err(|error| self.refusal(error))?)
    }

    fn refusal(&self, error: Error) -> Refusal {
        Refusal::of_source(error, self.bytes)
    }

    fn clone_root(&self) -> Result<OwnedFd, Refusal> {
        self.root.try_clone().map_err(|error| {
            let text = format!("cannot duplicate the descriptor of procfs: {error}");
            Refusal::new(nix::libc::EIO, text, Fault::None)
        })
    }
}

/// Returns the pid that a strategy names.
const fn named_pid(strategy: Strategy) -> Option<Pid> {
    match strategy {
        Strategy::One(pid)
        | Strategy::Children(pid)
        | Strategy::Threads(pid)
        | Strategy::Descendants(pid) => Some(pid),
        _ => None,
    }
}

/// Packs messages into datagrams.
#[derive(Debug, Default)]
struct Datagrams {
    /// Full datagrams.
    ready: Vec<Vec<u8>>,
    current: Vec<u8>,
}

impl Datagrams {
    fn add(&mut self, message: &[u8]) {
        debug_assert!(message.len() <= RECEIVE_BUFFER);
        // The client takes an empty datagram for the end of the connection.
        let fits = self.current.len() + message.len() <= RECEIVE_BUFFER;
        if !fits && !self.current.is_empty() {
            self.ready.push(std::mem::take(&mut self.current));
        }
        self.current.extend(message);
    }

    fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    fn send_ready(&mut self, send: Send<'_>) -> Result<(), Errno> {
        self.ready
            .drain(..)
            .try_for_each(|datagram| send(&datagram))
    }

    fn send_all(&mut self, send: Send<'_>) -> Result<(), Errno> {
        self.send_ready(send)?;
        match self.current.is_empty() {
            true => Ok(()),
            false => send(&self.current),
        }
    }
}

#[cfg(test)]
mod tests {
    use taskdiag::{Cmdline, Show, Task};

    use super::*;

    #[test]
    fn datagrams_are_neither_empty_nor_too_long() {
        let mut task = Task::default();
        task.vmas = Some(vec![]);
        task.vma_stats = Some(vec![]);
        task.absent.gone = Show::NS;
        let mut encoder = RowEncoder::new(&[0; 16], true);
        for len in 32_500..32_800 {
            task.cmdline = Some(Cmdline::from(vec![b'x'; len]));
            let mut datagrams = Datagrams::default();
            encoder.encode(TaskRef::from(&task), &mut |message| datagrams.add(message));
            let mut count = 0;
            let sent = datagrams.send_all(&mut |datagram| {
                assert!(
                    (1..=RECEIVE_BUFFER).contains(&datagram.len()),
                    "command line of {len} bytes, datagram of {} bytes",
                    datagram.len()
                );
                count += 1;
                Ok(())
            });
            assert!(sent.is_ok() && count > 0);
        }
    }
}
