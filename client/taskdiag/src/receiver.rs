// SPDX-License-Identifier: MIT
//! The receive path that the blocking and the asynchronous client share: one
//! receive buffer, the request, the reassembly of rows, and statistics.
//!
//! Does no I/O. Depends on the codec and on `reassembly`; must not depend on
//! clients or transports.

use log::debug;

use crate::error::{Error, Result};
use crate::netlink::{Framing, Inner, TaskDiagMessage, encode};
use crate::reassembly::{FastRow, Reassembly, Row, Step};
use crate::request::Features;
use crate::show::Show;
use crate::task::{FastAttributes, TaskRef};

/// The default length of the receive buffer, in bytes: the kernel makes no
/// datagram of a dump longer than this.
pub const RECEIVE_BUFFER: usize = 32 * 1024;

/// The minimum length of the receive buffer, in bytes: a datagram with a single
/// message is never longer. [`Features::recv_min`] is the minimum of the running
/// kernel.
pub const RECEIVE_MIN: usize = 8 * 1024;

/// Statistics of a dump so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams received: one system call each.
    pub receives: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Tasks returned.
    pub tasks: u64,
    /// Whether a message has `NLM_F_DUMP_INTR`. The kernel never sets it; a
    /// daemon that answers from its table sets it if tasks began or ended during
    /// the dump. No task that existed throughout is missing.
    pub interrupted: bool,
}

/// The buffer and the state of a client, kept from one request to the next.
#[derive(Debug)]
pub(crate) struct Receiver {
    buffer: Box<[u8]>,
    reassembly: Reassembly,
    /// The last request, in which [`crate::KernelError::attribute`] is located.
    request: Vec<u8>,
    requested: Show,
    seq: u32,
}

impl Receiver {
    /// Receives into this buffer.
    pub(crate) fn new(buffer: Box<[u8]>) -> Self {
        Self {
            buffer,
            reassembly: Reassembly::default(),
            request: Vec::new(),
            requested: Show::empty(),
            seq: 1,
        }
    }

    /// Whether the transport may still deliver messages of the last reply. It must
    /// be reset before the next request then.
    pub(crate) fn is_unread(&self) -> bool {
        let unread = self.reassembly.unread();
        if unread {
            debug!("the last reply was not read to its end: resetting the transport");
        }
        unread
    }

    /// The receive buffer, for the reset of a transport.
    pub(crate) fn buffer(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// Encodes the next request. The caller sends the returned bytes.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`].
    pub(crate) fn encode(
        &mut self,
        message: TaskDiagMessage,
        framing: Framing,
        flags: u16,
    ) -> Result<&[u8]> {
        let seq = self.seq.wrapping_add(1);
        let requested = message.requested();
        self.request = encode(message, framing, seq, flags)?;
        self.seq = seq;
        self.requested = requested;
        Ok(&self.request)
    }

    /// Begins the reply to the request that was encoded last. `port` is the port
    /// number of the transport, and `forwards` whether rows may have the flags of
    /// [`crate::daemon_protocol`].
    pub(crate) fn reply(&mut self, framing: Framing, port: u32, forwards: bool) -> Reply<'_> {
        self.reassembly.restart(framing, self.seq, port);
        self.reassembly.request(self.requested);
        self.reassembly.accept_forwarded(forwards);
        Reply {
            receiver: self,
            len: 0,
            stats: Stats::default(),
        }
    }
}

/// A reply being received.
///
/// The owner alternates between [`Self::step`] and receiving a datagram:
/// [`Step::More`] requests the next one, which [`Self::receive_buffer`] and
/// [`Self::received`] put into the buffer.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    receiver: &'a mut Receiver,
    /// Length of the current datagram, at the start of the buffer.
    len: usize,
    stats: Stats,
}

impl Reply<'_> {
    /// Returns the reassembly, and the current datagram.
    #[inline(always)]
    fn parts(&mut self) -> (&mut Reassembly, &[u8]) {
        let receiver = &mut *self.receiver;
        let datagram = receiver.buffer.get(..self.len).unwrap_or_default();
        (&mut receiver.reassembly, datagram)
    }

    /// Returns the next row if [`Reassembly::step_exact`] does, and counts it.
    #[inline(always)]
    pub(crate) fn step_exact<I: Inner, A: FastAttributes>(&mut self) -> Option<FastRow<I, A>> {
        let (reassembly, datagram) = self.parts();
        let row = reassembly.step_exact::<I, A>(datagram)?;
        self.stats.tasks += 1;
        Some(row)
    }

    /// Views a row that [`Self::step_exact`] returned.
    #[inline(always)]
    pub(crate) fn exact_task<I: Inner, A: FastAttributes>(
        &self,
        row: FastRow<I, A>,
    ) -> Result<TaskRef<'_>> {
        row.task(&self.receiver.buffer)
    }

    /// Returns the next row if [`Reassembly::step_fast`] does.
    #[inline(always)]
    pub(crate) fn step_fast<I: Inner>(&mut self) -> Option<Row> {
        let (reassembly, datagram) = self.parts();
        reassembly.step_fast::<I>(datagram)
    }

    /// Takes the next step in the current datagram.
    ///
    /// # Errors
    ///
    /// The error that ends the reply.
    pub(crate) fn step(
        &mut self,
        step: impl Fn(&mut Reassembly, &[u8]) -> Result<Step>,
    ) -> Result<Step> {
        let (reassembly, datagram) = self.parts();
        step(reassembly, datagram).map_err(|error| self.locate(error))
    }

    /// Views the row of a step, and counts it.
    #[inline(always)]
    pub(crate) fn task(&mut self, row: Row) -> Result<TaskRef<'_>> {
        let receiver = &mut *self.receiver;
        let task = receiver.reassembly.task(&receiver.buffer, row)?;
        self.stats.tasks += 1;
        Ok(task)
    }

    /// Views the piece of a step, and counts its row with the first piece.
    pub(crate) fn piece(&mut self, row: Row) -> Result<TaskRef<'_>> {
        let receiver = &mut *self.receiver;
        let piece = receiver.reassembly.task(&receiver.buffer, row)?;
        self.stats.tasks += u64::from(!piece.is_continuation());
        Ok(piece)
    }

    /// Returns the supported features if the current datagram contains them, or the
    /// error that the reply consists of.
    pub(crate) fn features(&mut self) -> Option<Result<Features>> {
        let (reassembly, datagram) = self.parts();
        let features = reassembly.features(datagram).transpose()?;
        Some(Features::from_answer(features))
    }

    /// Discards the current datagram and returns the buffer for the next one.
    pub(crate) fn receive_buffer(&mut self) -> &mut [u8] {
        self.len = 0;
        &mut self.receiver.buffer
    }

    /// Makes the first bytes of the buffer, as many as were received, the current
    /// datagram. An error ends the reply.
    pub(crate) fn received(&mut self, received: Result<usize>) -> Result<()> {
        match received {
            Ok(len) => {
                self.receiver.reassembly.next_datagram();
                self.len = len;
                self.stats.receives += 1;
                self.stats.bytes += len as u64;
                Ok(())
            }
            Err(error) => {
                self.receiver.reassembly.end();
                Err(error)
            }
        }
    }

    /// Returns the statistics so far.
    pub(crate) fn stats(&self) -> Stats {
        Stats {
            interrupted: self.receiver.reassembly.interrupted(),
            ..self.stats
        }
    }

    /// Adds the type of the attribute at fault to an error of the kernel.
    #[cold]
    fn locate(&self, mut error: Error) -> Error {
        if let Error::Kernel(error) = &mut error {
            let framing = self.receiver.reassembly.framing();
            error.locate(&self.receiver.request, framing);
        }
        error
    }
}
