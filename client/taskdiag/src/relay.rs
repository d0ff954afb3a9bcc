// SPDX-License-Identifier: MIT
//! For whoever serves requests of others: hands them on to a transport, and
//! its answers back, as the messages of `/proc/task-diag` whatever the
//! transport speaks.
//!
//! A request is any bytes. What a transport could not be given, or would be
//! silent about, is refused here.

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_MULTIPART, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
};
use nix::libc;

use crate::abi;
use crate::answer::{self, ATTRIBUTE, Blame, HEADER, Message, Refusal};
use crate::error::{Error, KernelError, Result};
use crate::netlink::{Attributes, Header, Malformed, align, from_done, from_error};
use crate::receiver::RECEIVE_BUFFER;
use crate::request::Scope;
use crate::transport::{Framing, Transport};

/// Where the flags are in the header of a message, and what names it: its
/// sequence and port number.
const FLAGS: std::ops::Range<usize> = 6..8;
const KIND: std::ops::Range<usize> = 4..6;
const FEATURES: u16 = abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_FEATURES);
const NAME: std::ops::Range<usize> = 8..16;

/// Hands on requests and answers.
#[derive(Debug)]
pub struct Relay<T> {
    transport: T,
    buffer: Box<[u8]>,
    /// Where messages are put that are not as they came.
    message: Message,
    datagram: Vec<u8>,
    /// What names the request in its answer.
    name: [u8; 8],
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is nothing to receive.
    Idle,
    /// The answer is the refusal that is at hand.
    Refused,
    /// The answer is under way.
    Underway,
    /// The rest of it cannot be had.
    Broken,
}

impl<T: Transport> Relay<T> {
    /// Over this transport.
    pub fn new(transport: T) -> Self {
        Self {
            transport,
            buffer: vec![0; RECEIVE_BUFFER].into(),
            message: Message::default(),
            datagram: Vec::new(),
            name: [0; 8],
            state: State::Idle,
        }
    }

    /// Hands on a request; what is left of the answer before is dropped.
    ///
    /// # Errors
    ///
    /// Those of the transport. One at fault is no error, but has its answer.
    pub fn ask(&mut self, request: &[u8], scope: Scope) -> Result<()> {
        if matches!(self.state, State::Underway | State::Broken) {
            self.transport.reset(&mut self.buffer)?;
        }
        self.message.answer_to(request);
        self.datagram.clear();
        match prepare(request, self.transport.framing()) {
            Ok(asked) => {
                self.name = *request[NAME].first_chunk().unwrap_or(&[0; 8]);
                self.state = State::Idle;
                self.transport.send(&asked, scope)?;
                self.state = State::Underway;
            }
            Err(refusal) => {
                self.message.put_refusal(&refusal);
                self.datagram.extend(self.message.as_bytes());
                self.state = State::Refused;
            }
        }
        Ok(())
    }

    /// The next datagram of the answer; `None` when there are no more.
    ///
    /// # Errors
    ///
    /// Those of the transport; there are no more then.
    pub fn receive(&mut self) -> Result<Option<&[u8]>> {
        match self.state {
            State::Idle | State::Broken => return Ok(None),
            State::Refused => {
                self.state = State::Idle;
                return Ok(Some(&self.datagram));
            }
            // Unless this goes well.
            State::Underway => self.state = State::Broken,
        }
        let len = self.transport.receive(&mut self.buffer)?;
        self.datagram.clear();
        self.state = match self.take(len)? {
            true => State::Idle,
            false => State::Underway,
        };
        Ok(Some(&self.datagram))
    }

    /// Takes a datagram over, message by message; true if it ends the answer.
    fn take(&mut self, len: usize) -> Result<bool, Malformed> {
        let framing = self.transport.framing();
        let mut rest = &self.buffer[..len];
        let mut ended = false;
        while !rest.is_empty() && !ended {
            let (header, payload, len) = Header::split(rest)?;
            let multi = header.flags & NLM_F_MULTIPART != 0;
            ended = match header.kind {
                NLMSG_ERROR | NLMSG_DONE => true,
                kind => framing.is_kind(kind) && !multi,
            };
            let begin = self.datagram.len();
            match framing {
                Framing::Plain => self.datagram.extend(&rest[..len.min(rest.len())]),
                Framing::Genl { .. } => {
                    let plain = translate(&mut self.message, header, payload)?;
                    self.datagram.extend(plain);
                }
            }
            self.datagram[begin..][NAME].copy_from_slice(&self.name);
            clear_options(&mut self.datagram[begin..]);
            self.datagram.resize(align(self.datagram.len()), 0);
            rest = rest.get(len..).unwrap_or_default();
        }
        Ok(ended)
    }
}

/// The answer to a request that somebody else refuses, with this errno and
/// text.
#[must_use]
pub fn refusal(request: &[u8], errno: i32, text: &str) -> Vec<u8> {
    let mut message = Message::default();
    message.answer_to(request);
    message.put_refusal(&Refusal::new(errno, text, Blame::Nothing));
    message.as_bytes().to_vec()
}

/// As [`refusal`], with what went wrong.
#[must_use]
pub fn failure(request: &[u8], error: &Error) -> Vec<u8> {
    let errno = error.errno().unwrap_or(libc::EIO);
    refusal(request, errno, &error.to_string())
}

/// A request as the transport takes it. Netlink says nothing to what is no
/// request or no message of the family's, so that is refused here; and who
/// receives an answer needs no acknowledgement of it.
fn prepare(request: &[u8], framing: Framing) -> Result<Vec<u8>, Refusal> {
    let malformed = |_| Refusal::invalid("nlmsg_len: no message", Blame::Nothing);
    let (header, payload, _) = Header::split(request).map_err(malformed)?;
    if header.flags & NLM_F_REQUEST == 0 {
        let text = "nlmsg_flags: NLM_F_REQUEST is missing";
        return Err(Refusal::invalid(text, Blame::Nothing));
    }
    let kind = header.kind;
    let unknown = || {
        let text = format!("nlmsg_type: unknown type {kind}");
        Refusal::new(libc::EOPNOTSUPP, text, Blame::Nothing)
    };
    let cmd = [abi::TASK_DIAG_CMD_GET, abi::TASK_DIAG_CMD_FEATURES]
        .into_iter()
        .find(|&cmd| kind == abi::task_diag_nlmsg(cmd))
        .ok_or_else(unknown)?;

    refuse_descriptors(payload)?;
    let mut asked = request[..header.len as usize].to_vec();
    asked[FLAGS].copy_from_slice(&(header.flags & !NLM_F_ACK).to_ne_bytes());
    if let Framing::Genl { family } = framing {
        let len = header.len + framing.inner_header() as u32;
        asked.truncate(size_of::<Header>());
        asked[..4].copy_from_slice(&len.to_ne_bytes());
        asked[4..6].copy_from_slice(&family.to_ne_bytes());
        asked[12..].fill(0);
        asked.extend([cmd, abi::TASK_DIAG_GENL_VERSION, 0, 0]);
        asked.extend(payload);
    }
    Ok(asked)
}

/// A descriptor of the client means another file here, or none.
fn refuse_descriptors(payload: &[u8]) -> Result<(), Refusal> {
    let mut walk = Attributes::new(payload);
    loop {
        let blame = Blame::At((HEADER + walk.at()) as u32);
        match walk.next() {
            Some(Ok((kind, _))) if answer::is_descriptor(kind) => {
                return Err(answer::no_descriptors(kind, "the daemon", blame));
            }
            Some(Ok(_)) => {}
            // The transport refuses what cannot be read.
            Some(Err(_)) | None => return Ok(()),
        }
    }
}

/// Removes the options of the features in this message: the relay refuses them.
fn clear_options(message: &mut [u8]) {
    const OPTIONS: usize = std::mem::offset_of!(abi::TaskDiagFeatures, options);
    let kind = message.get(KIND).map(|kind| kind == FEATURES.to_ne_bytes());
    let (Some(true), Some(attributes)) = (kind, message.get_mut(HEADER..)) else {
        return;
    };
    let mut walk = Attributes::new(attributes);
    let mut found = None;
    let mut at = 0;
    while let Some(Ok((kind, value))) = walk.next() {
        if kind == abi::TASK_DIAG_FEATURES {
            let begin = at + ATTRIBUTE;
            let end = (begin + OPTIONS + size_of::<u64>()).min(begin + value.len());
            found = Some(begin + OPTIONS..end);
        }
        at = walk.at();
    }
    if let Some(options) = found.and_then(|range| attributes.get_mut(range)) {
        options.fill(0);
    }
}

/// A message of the family's as that of the transaction file.
fn translate<'a>(
    message: &'a mut Message,
    header: Header,
    payload: &[u8],
) -> Result<&'a [u8], Malformed> {
    match header.kind {
        NLMSG_ERROR => {
            let error = from_error(header.flags, payload);
            let error = error.ok_or(Malformed("an acknowledgement"))?;
            message.put_refusal(&to_refusal(error));
        }
        NLMSG_DONE => {
            let refusal = from_done(header.flags, payload).map(to_refusal);
            message.put_done(refusal.as_ref());
        }
        _ => {
            let [cmd, _, _, _, attributes @ ..] = payload else {
                return Err(Malformed("there is no generic netlink header"));
            };
            message.put_plain(*cmd, attributes);
        }
    }
    message.add_flags(header.flags & (NLM_F_MULTIPART | NLM_F_DUMP_INTR));
    Ok(message.as_bytes())
}

/// The offset that an error points at is without generic netlink's header here.
fn to_refusal(error: KernelError) -> Refusal {
    let headers = Framing::Genl { family: 0 }.inner_header() as u32;
    let blame = match error.attribute {
        Some(at) => match (at.offset, at.kind) {
            (Some(offset), _) => Blame::At(offset.saturating_sub(headers)),
            (None, Some(kind)) => Blame::Missing(kind),
            (None, None) => Blame::Nothing,
        },
        None => Blame::Nothing,
    };
    Refusal::new(error.errno, error.message.unwrap_or_default(), blame)
}

#[cfg(test)]
mod tests;
