// SPDX-License-Identifier: MIT
//! The source over netlink messages.
//!
//! Depends on [`Receiver`], which has the receive path, and on [`Transport`], which
//! does the I/O.

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};

use super::{Mode, Reply, Source};
use crate::error::Result;
use crate::netlink::{GenlInner, TaskDiagMessage};
use crate::reassembly::{Reassembly, Row, Step};
use crate::receiver::{self, Receiver, Stats};
use crate::request::Features;
use crate::request::{Request, Scope};
use crate::task::{BaseAndCred, BaseCredAndStat, TaskRef};
use crate::transport::Transport;
use crate::visibility::Visibility;

/// Sends requests as netlink messages through a transport, and receives the tasks of
/// the reply.
#[derive(Debug)]
pub struct NetlinkSource<T> {
    transport: T,
    receiver: Receiver,
}

impl<T: Transport> NetlinkSource<T> {
    /// Receives into this buffer, which needs [`RECEIVE_MIN`](crate::RECEIVE_MIN) bytes
    /// to hold every message.
    pub fn new(transport: T, buffer: Box<[u8]>) -> Self {
        Self {
            transport,
            receiver: Receiver::new(buffer),
        }
    }

    /// Returns the transport.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// Sends any message to the family with these `NLM_F_*` flags.
    ///
    /// # Errors
    ///
    /// As [`crate::Client::dump`].
    pub fn send_message(
        &mut self,
        message: TaskDiagMessage,
        flags: u16,
        scope: Scope,
    ) -> Result<NetlinkReply<'_, T>> {
        let Self {
            transport,
            receiver,
        } = self;
        if receiver.is_unread() || transport.has_other_opener() {
            transport.reset(receiver.buffer())?;
        }
        let framing = transport.framing();
        let request = receiver.encode(message, framing, flags)?;
        transport.send(request, scope)?;
        let reply = receiver.reply(framing, transport.port(), transport.forwards());
        Ok(NetlinkReply { transport, reply })
    }
}

impl<T: Transport> Source for NetlinkSource<T> {
    type Reply<'a>
        = NetlinkReply<'a, T>
    where
        Self: 'a;

    fn start(&mut self, request: &Request<'_>, mode: Mode) -> Result<NetlinkReply<'_, T>> {
        let mount = self.transport.proc_mount();
        let (message, flags) = match mode {
            Mode::Dump => (
                TaskDiagMessage::in_mount(request, mount),
                NLM_F_REQUEST | NLM_F_DUMP,
            ),
            Mode::Get => TaskDiagMessage::for_one(request, mount),
        };
        self.send_message(message, flags, request.scope)
    }

    fn features(&mut self) -> Result<Features> {
        let message = TaskDiagMessage::features();
        self.send_message(message, NLM_F_REQUEST, Scope::Own)?
            .features()
    }

    fn visibility(&mut self) -> Result<Visibility> {
        let options = self.features()?.options;
        Ok(self.transport.visibility(options))
    }
}

/// The reply to a netlink message.
#[derive(Debug)]
pub struct NetlinkReply<'a, T> {
    transport: &'a mut T,
    reply: receiver::Reply<'a>,
}

impl<T: Transport> NetlinkReply<'_, T> {
    /// Returns the features that the reply contains.
    fn features(mut self) -> Result<Features> {
        loop {
            self.receive()?;
            if let Some(features) = self.reply.features() {
                return features;
            }
        }
    }

    /// Receives datagrams until one contains a row, or a piece of a row.
    #[cold]
    fn find(
        &mut self,
        step: impl Fn(&mut Reassembly, &[u8]) -> Result<Step>,
    ) -> Result<Option<Row>> {
        loop {
            match self.reply.step(&step)? {
                Step::Task(row) => return Ok(Some(row)),
                Step::More => self.receive()?,
                Step::End => return Ok(None),
            }
        }
    }

    fn receive(&mut self) -> Result<()> {
        let received = self.transport.receive(self.reply.receive_buffer());
        self.reply.received(received)
    }
}

impl<T: Transport> Reply for NetlinkReply<'_, T> {
    // Inlined so that the task stays in registers.
    #[inline(always)]
    fn next(&mut self) -> Result<Option<TaskRef<'_>>> {
        // Views the row only after the branch: a task that each step returned would
        // borrow the reply in the branches without a task, too.
        if let Some(row) = self.reply.step_exact::<GenlInner, BaseAndCred>() {
            return self.reply.exact_task(row).map(Some);
        }
        if let Some(row) = self.reply.step_exact::<GenlInner, BaseCredAndStat>() {
            return self.reply.exact_task(row).map(Some);
        }
        let row = match self.reply.step_fast::<GenlInner>() {
            Some(row) => row,
            None => match self.find(Reassembly::step)? {
                Some(row) => row,
                None => return Ok(None),
            },
        };
        self.reply.task(row).map(Some)
    }

    fn next_piece(&mut self) -> Result<Option<TaskRef<'_>>> {
        let Some(row) = self.find(Reassembly::step_piece)? else {
            return Ok(None);
        };
        self.reply.piece(row).map(Some)
    }

    fn stats(&self) -> Stats {
        self.reply.stats()
    }
}
