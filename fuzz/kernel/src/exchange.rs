// SPDX-License-Identifier: MIT
//! One exchange: sends a request through a socket or a file, reads the reply as
//! the case specifies, and checks each datagram when it is received.

use std::sync::atomic::Ordering::Relaxed;

use nix::errno::Errno;
use nix::sys::socket::MsgFlags;

use crate::caller::Caller;
use crate::case::{Case, Message, Reading, Settings, Transport};
use crate::check::{Checker, Finding, LinkProperties, Rights};
use crate::encode::{control, datagram};
use crate::model::{Features, control as control_model, expect_through};
use crate::shared::Shared;
use crate::socket::{Buffer, Error, Received, Socket};
use crate::transaction::Transaction;
use crate::wire::{HEADER, Header, NLMSG_MIN_TYPE, align};

/// Maximum number of reads of a reply.
const MAX_READS: usize = 100_000;
/// More than these at once, or larger ones, may not fit a socket's buffer.
const MAX_RELIABLE_MESSAGES: usize = 3;
const MAX_RELIABLE_BYTES: usize = 16 * 1024;

/// Maximum number of consecutive reads with a buffer that is too small.
const TOO_SMALL: usize = 3;
/// Size of a buffer that can hold every message.
const ENOUGH: usize = 65536;

/// An open socket or file.
#[derive(Debug)]
pub(crate) enum Link {
    Socket(Socket),
    File(Transaction),
}

impl Link {
    pub(crate) fn open(transport: Transport, settings: Settings) -> Result<Self, Error> {
        match transport {
            Transport::Socket => Socket::open(settings).map(Self::Socket),
            Transport::File => Transaction::open().map(Self::File),
        }
    }

    const fn transport(&self) -> Transport {
        match self {
            Self::Socket(_) => Transport::Socket,
            Self::File(_) => Transport::File,
        }
    }

    /// Sends bytes, and over a socket the control messages too.
    pub(crate) fn send(&self, bytes: &[u8], control: &[u8]) -> nix::Result<usize> {
        match self {
            Self::Socket(socket) => socket.send(bytes, control),
            Self::File(file) => file.write(bytes),
        }
    }
}

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The reply is complete.
    Complete,
    /// No more data is available.
    Empty,
    /// The case closes the socket or file here.
    Abandoned,
}

/// Receive buffers.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    main: Buffer,
    /// Data received with `MSG_PEEK`.
    peek: Buffer,
}

/// Which rows a reply may contain: in the datagram that the kernel makes when it
/// receives the request, and in the datagrams that it makes for later reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DatagramRights<'a> {
    pub(crate) first: Rights<'a>,
    pub(crate) later: Rights<'a>,
}

impl<'a> DatagramRights<'a> {
    /// Returns the same rights for all datagrams.
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
    link: &'a Link,
    reading: &'a Reading,
    features: Features,
    shared: &'static Shared,
    pub(crate) checker: Checker,
    reads: usize,
    /// Number of consecutive reads of a file with a buffer that was too small, and
    /// the size of the largest of these buffers.
    too_small: (usize, usize),
    interjected: bool,
    /// All received datagrams, if they are recorded.
    pub(crate) record: Option<Vec<Vec<u8>>>,
    /// Print received data.
    show: bool,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        link: &'a Link,
        case: &'a Case,
        family: u16,
        features: Features,
        bytes: usize,
        shared: &'static Shared,
    ) -> Self {
        let messages = case.messages.len() + usize::from(case.reading.interject.is_some());
        let port = match link {
            Link::Socket(socket) => Some(socket.port),
            Link::File(_) => None,
        };
        let properties = LinkProperties {
            transport: case.transport,
            family,
            features,
            port: port.unwrap_or_default(),
            ext_ack: port.is_none() || case.settings.ext_ack,
            cap_ack: case.settings.cap_ack,
            small_buffer: false,
            lossy: port.is_some()
                && (case.settings.receive_buffer.is_some()
                    || messages > MAX_RELIABLE_MESSAGES
                    || bytes > MAX_RELIABLE_BYTES),
        };
        Self {
            link,
            reading: &case.reading,
            features,
            shared,
            checker: Checker::new(properties),
            reads: 0,
            too_small: (0, 0),
            interjected: false,
            record: None,
            show: false,
        }
    }

    /// Records all received datagrams.
    pub(crate) fn recording(mut self, record: bool) -> Self {
        self.record = record.then(Vec::new);
        self
    }

    /// Prints all received data.
    pub(crate) fn showing(mut self, show: bool) -> Self {
        self.show = show;
        self
    }

    /// Sends the request. Returns false if the system call failed as expected.
    pub(crate) fn send(
        &mut self,
        bytes: &[u8],
        control: &[u8],
        caller: &Caller<'_>,
    ) -> Result<bool, Finding> {
        if let Link::File(file) = self.link {
            file.set_nonblocking(!self.reading.wait)
                .map_err(|errno| Finding(format!("F_SETFL: {errno}")))?;
            let result = file.write(bytes);
            return self.was_written(bytes, result, caller);
        }
        let outcome = control_model::expect(control, &caller.sender, &|pid| caller.existence(pid));
        match (self.link.send(bytes, control), outcome.source) {
            (Ok(sent), Some(source)) if sent == bytes.len() => {
                self.was_sent_by(source, bytes, caller);
                Ok(true)
            }
            (Err(errno), _) if outcome.errnos.contains(&(errno as i32)) => {
                self.shared.requests.fetch_add(1, Relaxed);
                self.was_refused("sendmsg", errno);
                Ok(false)
            }
            (result, _) => Err(Finding(format!(
                "sendmsg() of {} bytes with control {control:02x?}: {result:?}, instead of \
                 {outcome:?}",
                bytes.len()
            ))),
        }
    }

    fn was_refused(&self, call: &str, errno: Errno) {
        self.shared.add_refused(errno);
        if self.show {
            println!("{call}: {errno}");
        }
    }

    /// Checks the result of sending, as [`Self::send`] does, for a request that the
    /// actor has sent.
    pub(crate) fn was_sent(
        &mut self,
        bytes: &[u8],
        result: nix::Result<usize>,
        caller: &Caller<'_>,
    ) -> Result<bool, Finding> {
        match (self.link, result) {
            (Link::File(_), _) => self.was_written(bytes, result, caller),
            (Link::Socket(_), Ok(sent)) if sent == bytes.len() => {
                self.was_sent_by(caller.sender.tgid, bytes, caller);
                Ok(true)
            }
            (Link::Socket(_), result) => Err(Finding(format!(
                "sendmsg() of {} bytes: {result:?}",
                bytes.len()
            ))),
        }
    }

    /// Checks the result of `write()`. Returns true if there is a reply to read,
    /// which may be the error message of a rejected request.
    fn was_written(
        &mut self,
        bytes: &[u8],
        result: nix::Result<usize>,
        caller: &Caller<'_>,
    ) -> Result<bool, Finding> {
        let finding = |expected: &str| {
            Err(Finding(format!(
                "write() of {} bytes: {result:?}, instead of {expected}",
                bytes.len()
            )))
        };
        let unchanged = if bytes.len() < HEADER {
            Some(Errno::EINVAL)
        } else {
            self.checker.is_busy().then_some(Errno::EBUSY)
        };
        if let Some(errno) = unchanged {
            self.shared.requests.fetch_add(1, Relaxed);
            if result != Err(errno) {
                return finding(&format!("{errno:?}"));
            }
            self.was_refused("write", errno);
            return Ok(false);
        }

        // A new request drops the message that did not fit.
        self.too_small = (0, 0);
        self.was_sent_by(caller.sender.tgid, bytes, caller);
        match result {
            Ok(written) if written == bytes.len() => {
                if !self.checker.accepted() {
                    return finding(&self.checker.missing());
                }
            }
            Err(errno) => {
                let expected = self.checker.missing();
                if !self.checker.refused(errno as i32) {
                    return finding(&expected);
                }
                self.was_refused("write", errno);
            }
            Ok(_) => return finding("all of them"),
        }
        Ok(true)
    }

    fn was_sent_by(&mut self, source: u32, bytes: &[u8], caller: &Caller<'_>) {
        let environment = caller.environment_of(source);
        let transport = self.link.transport();
        let expected = expect_through(transport, bytes, &environment);
        let requests = expected.messages.len().max(1) as u64;
        self.shared.requests.fetch_add(requests, Relaxed);
        self.checker.add_request(bytes, expected);
    }

    /// Reads until the end that the case specifies.
    pub(crate) fn read(
        &mut self,
        buffers: &mut Buffers,
        datagram_rights: &DatagramRights<'_>,
        caller: &Caller<'_>,
    ) -> Result<End, Finding> {
        while self.reads < MAX_READS {
            if self.reading.stop_after == Some(self.reads) {
                return Ok(End::Abandoned);
            }
            self.interject(caller)?;
            if self.checker.is_complete() && !self.reading.drain {
                return Ok(End::Complete);
            }
            if !self.read_one(buffers, datagram_rights)? {
                return Ok(if self.checker.is_complete() {
                    End::Complete
                } else {
                    End::Empty
                });
            }
        }
        Err(Finding(format!(
            "the reply has no end after {MAX_READS} reads: {}",
            self.checker.missing()
        )))
    }

    /// Reads once. Returns false if no data is available.
    pub(crate) fn read_one(
        &mut self,
        buffers: &mut Buffers,
        datagram_rights: &DatagramRights<'_>,
    ) -> Result<bool, Finding> {
        match self.link {
            Link::Socket(socket) => self.receive(socket, buffers, datagram_rights),
            Link::File(file) => self.read_file(file, &mut buffers.main, datagram_rights),
        }
    }

    /// Reads from a file, with the buffer size that the case lists for this read.
    fn read_file(
        &mut self,
        file: &Transaction,
        buffer: &mut Buffer,
        datagram_rights: &DatagramRights<'_>,
    ) -> Result<bool, Finding> {
        let unsure = self.checker.is_unsure();
        let (busy, readable) = (self.checker.is_busy(), self.checker.is_readable());
        if self.reading.peek && !unsure {
            let polled = file.poll();
            if polled != Ok((readable, !busy)) {
                return Err(Finding(format!(
                    "poll() shows {polled:?} instead of {:?}",
                    (readable, !busy)
                )));
            }
        }
        let size = if self.too_small.0 < TOO_SMALL {
            self.reading.sizes[self.reads % self.reading.sizes.len()]
        } else {
            ENOUGH
        };
        let result = file.read(buffer, size, self.reading.return_length);
        self.reads += 1;
        if self.show {
            println!("read {size}: {result:?}");
        }
        // Only the process that sent the request may read its rows.
        let foreign = matches!(datagram_rights.later, Rights::None) && busy && !unsure;
        match result {
            Err(Errno::EPERM) if foreign => {
                self.checker.dropped();
                self.shared.add_refused(Errno::EPERM);
                Ok(true)
            }
            _ if foreign => Err(Finding(format!(
                "read() by another process: {result:?}, instead of EPERM"
            ))),
            Ok(0) if size == 0 => Ok(true),
            Ok(0) if !readable || unsure => Ok(false),
            Err(Errno::EMSGSIZE) if (readable || unsure) && size < ENOUGH => {
                self.too_small = (self.too_small.0 + 1, self.too_small.1.max(size));
                self.shared.too_small.fetch_add(1, Relaxed);
                Ok(true)
            }
            Ok(len) if len > 0 && (readable || unsure) => {
                let rights = if self.checker.is_dumping() {
                    datagram_rights.later
                } else {
                    datagram_rights.first
                };
                self.check_file_data(buffer, len, &rights)?;
                Ok(true)
            }
            result => Err(Finding(format!(
                "read() into {size} bytes: {result:?}, and {} is missing",
                self.checker.missing()
            ))),
        }
    }

    fn check_file_data(
        &mut self,
        buffer: &Buffer,
        len: usize,
        rights: &Rights<'_>,
    ) -> Result<(), Finding> {
        self.shared.replies.fetch_add(1, Relaxed);
        if self.show {
            crate::report::dump(buffer.bytes());
        }
        if !buffer.is_blank_after() {
            return Err(Finding(format!("bytes were written behind {len}")));
        }
        let (_, size) = std::mem::take(&mut self.too_small);
        let first = Header::read(buffer.bytes()).map_or(0, |header| header.len as usize);
        if align(first) <= size {
            return Err(Finding(format!(
                "a message of {first} bytes did not fit a buffer of {size} bytes"
            )));
        }
        self.checker.datagram(buffer.bytes(), len, rights)
    }

    /// Receives one datagram from a socket.
    fn receive(
        &mut self,
        socket: &Socket,
        buffers: &mut Buffers,
        datagram_rights: &DatagramRights<'_>,
    ) -> Result<bool, Finding> {
        let must_come = !self.checker.is_complete() && !self.checker.is_unsure();
        let size = self.reading.sizes[self.reads % self.reading.sizes.len()];
        if size < self.features.recv_min as usize {
            self.checker.set_small_buffer();
        }
        let mut flags = MsgFlags::empty();
        flags.set(MsgFlags::MSG_TRUNC, self.reading.return_length);
        flags.set(
            MsgFlags::MSG_DONTWAIT,
            !(self.reading.wait && must_come && !self.checker.is_lossy()),
        );

        let peeked = if self.reading.peek && !self.checker.has_lost() {
            let flags = flags | MsgFlags::MSG_PEEK;
            match socket.receive(&mut buffers.peek, size, flags) {
                Err(Errno::ENOBUFS) => return self.overrun().map(|()| true),
                result => result.ok(),
            }
        } else {
            None
        };
        match socket.receive(&mut buffers.main, size, flags) {
            Ok(received) => {
                let same = |peeked: Received| {
                    Received {
                        largest: received.largest,
                        ..peeked
                    } == received
                };
                if peeked.is_some_and(|peeked| !same(peeked))
                    || (peeked.is_some() && buffers.peek.bytes() != buffers.main.bytes())
                {
                    return Err(Finding(format!(
                        "MSG_PEEK returned {peeked:?}, and the next read {received:?}"
                    )));
                }
                let rights = if self.reads == 0 {
                    datagram_rights.first
                } else {
                    datagram_rights.later
                };
                self.reads += 1;
                self.check(&buffers.main, received, &rights)?;
                Ok(true)
            }
            Err(Errno::EAGAIN) if must_come => Err(Finding(format!(
                "no more data after {} reads, but {} is missing",
                self.reads,
                self.checker.missing()
            ))),
            Err(Errno::EAGAIN) => Ok(false),
            Err(Errno::ENOBUFS) => self.overrun().map(|()| true),
            Err(errno) => Err(Finding(format!("recvmsg() into {size} bytes: {errno}"))),
        }
    }

    fn overrun(&mut self) -> Result<(), Finding> {
        self.shared.overruns.fetch_add(1, Relaxed);
        self.reads += 1;
        self.checker.overrun()
    }

    fn check(
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
        if !buffer.is_blank_after() {
            return Err(Finding(format!(
                "bytes were written behind the {} received",
                received.buffered()
            )));
        }
        let expected = received.largest.max(self.features.recv_min as usize);
        if received.truncated && received.size >= expected && is_row(buffer.bytes()) {
            return Err(Finding(format!(
                "a datagram of rows does not fit the largest buffer: {received:?}"
            )));
        }
        if received.has_full_len && received.truncated != (received.len > received.size) {
            return Err(Finding(format!("MSG_TRUNC is wrong: {received:?}")));
        }
        let len = if received.truncated {
            self.shared.truncated.fetch_add(1, Relaxed);
            if received.has_full_len {
                received.len
            } else {
                // Longer than the buffer, by an unknown length.
                usize::MAX - 3
            }
        } else {
            received.len
        };
        if let Some(record) = &mut self.record {
            record.push(buffer.bytes().to_vec());
        }
        self.checker.datagram(buffer.bytes(), len, rights)
    }

    /// Sends the case's other message after the number of reads that it specifies.
    fn interject(&mut self, caller: &Caller<'_>) -> Result<(), Finding> {
        let Some((after, message)) = &self.reading.interject else {
            return Ok(());
        };
        if self.interjected || *after > self.reads {
            return Ok(());
        }
        self.interjected = true;
        self.send_also(message, caller)
    }

    fn send_also(&mut self, message: &Message, caller: &Caller<'_>) -> Result<(), Finding> {
        let transport = self.link.transport();
        let bytes = datagram(transport, std::slice::from_ref(message), &[], caller);
        self.send(&bytes, &[], caller).map(drop)
    }
}

/// Whether these bytes begin with a message of the family.
fn is_row(bytes: &[u8]) -> bool {
    Header::read(bytes).is_some_and(|header| header.kind >= NLMSG_MIN_TYPE)
}

/// Returns the bytes of a case: the messages, and the control messages.
pub(crate) fn encode(case: &Case, caller: &Caller<'_>) -> (Vec<u8>, Vec<u8>) {
    (
        datagram(case.transport, &case.messages, &case.tail, caller),
        control(case, caller),
    )
}
