// SPDX-License-Identifier: MIT
//! One exchange: sends a request through a socket or a file, reads the reply as
//! the case specifies, and checks each datagram when it is received.

mod receive;

use std::sync::atomic::Ordering::Relaxed;

use nix::errno::Errno;

use crate::buffer::Buffer;
use crate::caller::Caller;
use crate::case::{Case, Message, Reading, Transport};
use crate::check::{Checker, Finding, LinkProperties, Rights};
use crate::descriptors::Descriptors;
use crate::encode::{control, datagram};
use crate::error::Error;
use crate::model::{Features, Mount, control as control_model, expect_through};
use crate::shared::Shared;
use crate::socket::Socket;
use crate::transaction::Transaction;
use crate::wire::HEADER;

/// Maximum number of reads of a reply.
const MAX_READS: usize = 100_000;
/// Largest number and total size of messages whose replies certainly fit the buffer of
/// a socket.
const MAX_RELIABLE_MESSAGES: usize = 3;
const MAX_RELIABLE_BYTES: usize = 16 * 1024;

/// An open socket or file.
#[derive(Debug)]
pub(crate) enum Link {
    Socket(Socket),
    File(Transaction),
}

impl Link {
    /// Opens the socket or file of a case.
    pub(crate) fn open(case: &Case, descriptors: &Descriptors) -> Result<Self, Error> {
        let settings = case.settings;
        match case.transport {
            Transport::Socket => Socket::open(settings).map(Self::Socket),
            Transport::File => {
                let mount = settings.mount.and_then(|index| descriptors.mount(index));
                Transaction::open(mount).map(Self::File)
            }
        }
    }

    /// Returns the mount of a file, if it is not the one at `/proc`.
    pub(crate) const fn mount(&self) -> Option<Mount> {
        match self {
            Self::Socket(_) => None,
            Self::File(file) => file.mount,
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
                "sendmsg() of {} bytes with control {control:02x?}: {result:?}, expected \
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
                "write() of {} bytes: {result:?}, expected {expected}",
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

/// Returns the bytes of a case: the messages, and the control messages.
pub(crate) fn encode(case: &Case, caller: &Caller<'_>) -> (Vec<u8>, Vec<u8>) {
    (
        datagram(case.transport, &case.messages, &case.tail, caller),
        control(case, caller),
    )
}
