// SPDX-License-Identifier: MIT
//! One exchange: a datagram is sent through a socket, and its answer read in
//! the way a case says, every datagram judged as it comes.

use std::sync::atomic::Ordering::Relaxed;

use nix::errno::Errno;
use nix::sys::socket::MsgFlags;

use crate::actor::{Actor, Knowledge};
use crate::case::{Case, Message, Reading};
use crate::encode::{control, datagram};
use crate::model::{control as control_model, expect};
use crate::oracle::{Finding, Manner, Oracle, Rights};
use crate::shared::Shared;
use crate::socket::{Buffer, Received, Socket};

/// No answer takes so many reads.
const MAX_READS: usize = 100_000;
/// More than these at once, or larger ones, may not fit a socket's buffer.
const ROOM_FOR_MESSAGES: usize = 3;
const ROOM_FOR_BYTES: usize = 16 * 1024;

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The answer is complete.
    Complete,
    /// Nothing comes any more.
    Empty,
    /// The case wants the socket closed here.
    Abandoned,
}

/// Room to receive into.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    main: Buffer,
    /// What was looked at with `MSG_PEEK`.
    peek: Buffer,
}

/// Whose rows may come: in the datagram that is made when the request is sent,
/// and in those that are made when it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns<'a> {
    pub(crate) first: Rights<'a>,
    pub(crate) later: Rights<'a>,
}

impl<'a> Turns<'a> {
    /// The same in all of them.
    pub(crate) const fn all(rights: Rights<'a>) -> Self {
        Self {
            first: rights,
            later: rights,
        }
    }
}

/// An exchange under way.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    socket: &'a Socket,
    reading: &'a Reading,
    shared: &'static Shared,
    pub(crate) oracle: Oracle,
    reads: usize,
    interjected: bool,
    /// All that was received, if somebody wants it.
    pub(crate) record: Option<Vec<Vec<u8>>>,
    /// Show what comes.
    show: bool,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        socket: &'a Socket,
        case: &'a Case,
        family: u16,
        bytes: usize,
        shared: &'static Shared,
    ) -> Self {
        let messages = case.messages.len() + usize::from(case.reading.interject.is_some());
        let manner = Manner {
            family,
            port: socket.port,
            ext_ack: case.settings.ext_ack,
            cap_ack: case.settings.cap_ack,
            lossy: case.settings.receive_buffer.is_some()
                || messages > ROOM_FOR_MESSAGES
                || bytes > ROOM_FOR_BYTES,
        };
        Self {
            socket,
            reading: &case.reading,
            shared,
            oracle: Oracle::new(manner),
            reads: 0,
            interjected: false,
            record: None,
            show: false,
        }
    }

    /// Keeps a copy of all that is received.
    pub(crate) fn recording(mut self, record: bool) -> Self {
        self.record = record.then(Vec::new);
        self
    }

    /// Shows all that is received.
    pub(crate) fn showing(mut self, show: bool) -> Self {
        self.show = show;
        self
    }

    /// Sends. Returns what is then known of the tasks that were asked about, or
    /// nothing if the system, rightly, did not send it.
    pub(crate) fn send(
        &mut self,
        bytes: &[u8],
        control: &[u8],
        actor: &Actor<'_>,
    ) -> Result<Option<Knowledge>, Finding> {
        let verdict = control_model::judge(control, &actor.sender, &|pid| actor.existence(pid));
        match (self.socket.send(bytes, control), verdict.source) {
            (Ok(sent), Some(source)) if sent == bytes.len() => {
                Ok(Some(self.was_sent_by(source, bytes, actor)))
            }
            (Err(errno), _) if verdict.errnos.contains(&(errno as i32)) => {
                self.shared.requests.fetch_add(1, Relaxed);
                self.shared.add_refused(errno);
                if self.show {
                    println!("sendmsg: {errno}");
                }
                Ok(None)
            }
            (result, _) => Err(Finding(format!(
                "sendmsg() of {} bytes with control {control:02x?}: {result:?}, instead of \
                 {verdict:?}",
                bytes.len()
            ))),
        }
    }

    /// As [`Self::send`], of what the actor has sent already.
    pub(crate) fn was_sent(&mut self, bytes: &[u8], actor: &Actor<'_>) {
        self.was_sent_by(actor.sender.tgid, bytes, actor);
    }

    fn was_sent_by(&mut self, source: u32, bytes: &[u8], actor: &Actor<'_>) -> Knowledge {
        let world = actor.world_of(source);
        let expected = expect(bytes, &world);
        let requests = expected.messages.len().max(1) as u64;
        self.shared.requests.fetch_add(requests, Relaxed);
        self.oracle.asked(bytes, expected);
        world.knowledge
    }

    /// Reads to the end that the case wants.
    pub(crate) fn read(
        &mut self,
        buffers: &mut Buffers,
        turns: &Turns<'_>,
        actor: &Actor<'_>,
    ) -> Result<End, Finding> {
        while self.reads < MAX_READS {
            if self.reading.stop_after == Some(self.reads) {
                return Ok(End::Abandoned);
            }
            self.interject(actor)?;
            if self.oracle.is_complete() && !self.reading.drain {
                return Ok(End::Complete);
            }
            if !self.read_one(buffers, turns)? {
                return Ok(if self.oracle.is_complete() {
                    End::Complete
                } else {
                    End::Empty
                });
            }
        }
        Err(Finding(format!(
            "there is no end after {MAX_READS} reads: {}",
            self.oracle.missing()
        )))
    }

    /// Reads one datagram; false if there is none.
    pub(crate) fn read_one(
        &mut self,
        buffers: &mut Buffers,
        turns: &Turns<'_>,
    ) -> Result<bool, Finding> {
        let must_come = !self.oracle.is_complete() && !self.oracle.is_unsure();
        let size = self.reading.sizes[self.reads % self.reading.sizes.len()];
        let mut flags = MsgFlags::empty();
        flags.set(MsgFlags::MSG_TRUNC, self.reading.tell_length);
        flags.set(
            MsgFlags::MSG_DONTWAIT,
            !(self.reading.wait && must_come && !self.oracle.is_lossy()),
        );

        let peeked = if self.reading.peek && !self.oracle.has_lost() {
            let flags = flags | MsgFlags::MSG_PEEK;
            match self.socket.receive(&mut buffers.peek, size, flags) {
                Err(Errno::ENOBUFS) => return self.overrun().map(|()| true),
                result => result.ok(),
            }
        } else {
            None
        };
        match self.socket.receive(&mut buffers.main, size, flags) {
            Ok(received) => {
                if peeked.is_some_and(|peeked| peeked != received)
                    || (peeked.is_some() && buffers.peek.bytes() != buffers.main.bytes())
                {
                    return Err(Finding(format!(
                        "MSG_PEEK showed {peeked:?}, and then came {received:?}"
                    )));
                }
                let rights = if self.reads == 0 {
                    turns.first
                } else {
                    turns.later
                };
                self.reads += 1;
                self.judge(&buffers.main, received, &rights)?;
                Ok(true)
            }
            Err(Errno::EAGAIN) if must_come => Err(Finding(format!(
                "after {} reads nothing comes any more, but {} is missing",
                self.reads,
                self.oracle.missing()
            ))),
            Err(Errno::EAGAIN) => Ok(false),
            Err(Errno::ENOBUFS) => self.overrun().map(|()| true),
            Err(errno) => Err(Finding(format!("recvmsg() into {size} bytes: {errno}"))),
        }
    }

    fn overrun(&mut self) -> Result<(), Finding> {
        self.shared.overruns.fetch_add(1, Relaxed);
        self.reads += 1;
        self.oracle.overrun()
    }

    fn judge(
        &mut self,
        buffer: &Buffer,
        received: Received,
        rights: &Rights<'_>,
    ) -> Result<(), Finding> {
        self.shared.replies.fetch_add(1, Relaxed);
        if self.show {
            println!("received {received:?}");
            crate::report::dump(buffer.bytes());
        }
        if received.from != Some(0) {
            return Err(Finding(format!("a datagram from {:?}", received.from)));
        }
        if !buffer.is_blank_behind() {
            return Err(Finding(format!(
                "bytes were written behind the {} received",
                received.got()
            )));
        }
        if received.told_length && received.truncated != (received.len > received.size) {
            return Err(Finding(format!("MSG_TRUNC is wrong: {received:?}")));
        }
        let len = if received.truncated {
            self.shared.truncated.fetch_add(1, Relaxed);
            if received.told_length {
                received.len
            } else {
                // Longer, nobody knows how much.
                usize::MAX - 3
            }
        } else {
            received.len
        };
        if let Some(record) = &mut self.record {
            record.push(buffer.bytes().to_vec());
        }
        self.oracle.datagram(buffer.bytes(), len, rights)
    }

    /// Sends the other message when it is time.
    fn interject(&mut self, actor: &Actor<'_>) -> Result<(), Finding> {
        let Some((after, message)) = &self.reading.interject else {
            return Ok(());
        };
        if self.interjected || *after > self.reads {
            return Ok(());
        }
        self.interjected = true;
        self.send_also(message, actor)
    }

    fn send_also(&mut self, message: &Message, actor: &Actor<'_>) -> Result<(), Finding> {
        let bytes = datagram(std::slice::from_ref(message), &[], actor);
        self.send(&bytes, &[], actor).map(drop)
    }
}

/// The bytes of a case: the message, and the control messages.
pub(crate) fn encode(case: &Case, actor: &Actor<'_>) -> (Vec<u8>, Vec<u8>) {
    (
        datagram(&case.messages, &case.tail, actor),
        control(case, actor),
    )
}
