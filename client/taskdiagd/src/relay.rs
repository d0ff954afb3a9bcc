// SPDX-License-Identifier: MIT
//! Forwards requests to the kernel's task_diag, and returns its replies as the messages
//! of `/proc/task-diag`, also if the transport is netlink.

use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_MULTIPART, NLMSG_DONE, NLMSG_ERROR};
use taskdiag::abi;
use taskdiag::netlink::{Attributes, Header, align, from_done, from_error};
use taskdiag::{Error, Framing, KernelError, Options, RECEIVE_BUFFER, Result, Scope, Transport};

use crate::message::{ATTRIBUTE, Fault, HEADER, Message, Refusal};
use crate::request::RequestMessage;

/// Length of the generic netlink header.
const GENL_HEADER: usize = 4;
/// Length of the attribute that names a procfs mount.
const PROC_FD: u32 = (ATTRIBUTE + size_of::<u32>()) as u32;
const FEATURES: u16 = abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_FEATURES);

// The fields of a message header.
const KIND: std::ops::Range<usize> = 4..6;
const FLAGS: std::ops::Range<usize> = 6..8;
/// The sequence number and the port number.
const ADDRESS: std::ops::Range<usize> = 8..16;

/// The reply to a request that was forwarded.
#[derive(Debug)]
pub(crate) struct Relay<T> {
    transport: T,
    buffer: Box<[u8]>,
    /// The message that is translated.
    message: Message,
    datagram: Vec<u8>,
    /// The address of the request.
    address: [u8; 8],
    /// The offsets in the forwarded request at which an attribute was removed.
    removed: Vec<u32>,
    /// The options that the daemon supports.
    options: Options,
    has_ended: bool,
}

impl<T: Transport> Relay<T> {
    /// Forwards a request to a transport with which the daemon supports these options.
    ///
    /// # Errors
    ///
    /// Errors of the transport.
    pub(crate) fn send(
        mut transport: T,
        request: &RequestMessage<'_>,
        options: Options,
    ) -> Result<Self> {
        let (forwarded, removed) = frame(request, transport.framing());
        transport.send(&forwarded, Scope::Own)?;
        Ok(Self {
            transport,
            buffer: vec![0; RECEIVE_BUFFER].into(),
            message: Message::replying_to(request.bytes),
            datagram: Vec::new(),
            address: *request.bytes[ADDRESS].first_chunk().unwrap_or(&[0; 8]),
            removed,
            options,
            has_ended: false,
        })
    }

    /// Returns the next datagram of the reply; `None` at the end and after an error.
    ///
    /// # Errors
    ///
    /// Errors of the transport, and [`Error::Decode`] if the reply is malformed.
    pub(crate) fn receive(&mut self) -> Result<Option<&[u8]>> {
        if self.has_ended {
            return Ok(None);
        }
        // An error ends the reply.
        self.has_ended = true;
        let len = self.transport.receive(&mut self.buffer)?;
        self.datagram.clear();
        self.has_ended = self.translate(len)?;
        Ok(Some(&self.datagram))
    }

    /// Translates a datagram, message by message. Returns whether it ends the reply.
    fn translate(&mut self, len: usize) -> Result<bool> {
        let framing = self.transport.framing();
        let mut rest = &self.buffer[..len];
        let mut has_ended = false;
        let offsets = Offsets {
            added: match framing {
                Framing::Genl { .. } => GENL_HEADER as u32,
                _ => 0,
            },
            removed: &self.removed,
        };
        while !rest.is_empty() && !has_ended {
            let (header, payload, len) = Header::split(rest)?;
            let is_dump = header.flags & NLM_F_MULTIPART != 0;
            has_ended = is_end(header.kind) || (framing.is_kind(header.kind) && !is_dump);
            let begin = self.datagram.len();
            match framing {
                Framing::Genl { .. } => {
                    set_plain(&mut self.message, header, payload, offsets)?;
                    self.datagram.extend(self.message.as_bytes());
                }
                _ if is_end(header.kind) && !self.removed.is_empty() => {
                    set_plain(&mut self.message, header, payload, offsets)?;
                    self.datagram.extend(self.message.as_bytes());
                }
                _ => self.datagram.extend(&rest[..len.min(rest.len())]),
            }
            self.datagram[begin..][ADDRESS].copy_from_slice(&self.address);
            clear_options(&mut self.datagram[begin..], self.options);
            self.datagram.resize(align(self.datagram.len()), 0);
            rest = rest.get(len..).unwrap_or_default();
        }
        Ok(has_ended)
    }
}

/// Whether a message of this type ends a reply.
const fn is_end(kind: u16) -> bool {
    matches!(kind, NLMSG_ERROR | NLMSG_DONE)
}

/// Returns the bytes of a request for a transport with this framing, and the offsets in
/// them at which an attribute was removed: the transport itself selects the procfs mount.
/// The client receives a reply to every request, so it needs no acknowledgement.
fn frame(request: &RequestMessage<'_>, framing: Framing) -> (Vec<u8>, Vec<u32>) {
    let mut bytes = request.bytes[..HEADER].to_vec();
    let flags = request.header.flags & !NLM_F_ACK;
    bytes[FLAGS].copy_from_slice(&flags.to_ne_bytes());
    if let Framing::Genl { family } = framing {
        bytes[KIND].copy_from_slice(&family.to_ne_bytes());
        // The kernel fills in the port number.
        bytes[12..].fill(0);
        bytes.extend([request.cmd, abi::TASK_DIAG_GENL_VERSION, 0, 0]);
    }
    let (attributes, removed) = request.without_proc_fd();
    let begin = bytes.len();
    let removed = removed.into_iter().map(|at| (begin + at) as u32).collect();
    bytes.extend(attributes);
    let len = bytes.len() as u32;
    bytes[..4].copy_from_slice(&len.to_ne_bytes());
    (bytes, removed)
}

/// Clears the options in a message with the features that RequestMessage::parse() or the
/// source refuses.
fn clear_options(message: &mut [u8], supported: Options) {
    const OPTIONS: usize = std::mem::offset_of!(abi::TaskDiagFeatures, options);
    let kind = message.get(KIND).map(|kind| kind == FEATURES.to_ne_bytes());
    let (Some(true), Some(bytes)) = (kind, message.get_mut(HEADER..)) else {
        return;
    };
    let mut attributes = Attributes::new(bytes);
    let mut found = None;
    let mut at = 0;
    while let Some(Ok((kind, value))) = attributes.next() {
        if kind == abi::TASK_DIAG_FEATURES {
            let begin = at + ATTRIBUTE;
            let end = (begin + OPTIONS + size_of::<u64>()).min(begin + value.len());
            found = Some(begin + OPTIONS..end);
        }
        at = attributes.at();
    }
    if let Some(options) = found.and_then(|range| bytes.get_mut(range)) {
        for (byte, supported) in options.iter_mut().zip(supported.bits().to_ne_bytes()) {
            *byte &= supported;
        }
    }
}

/// Translates a message into one of the transaction file.
///
/// # Errors
///
/// [`Error::Decode`] if the message is an acknowledgement, which no forwarded request
/// asks for: the client would take it for an empty reply.
fn set_plain(
    message: &mut Message,
    header: Header,
    payload: &[u8],
    offsets: Offsets<'_>,
) -> Result<()> {
    match header.kind {
        NLMSG_ERROR => {
            let error = from_error(header.flags, payload).ok_or_else(|| Error::Decode {
                what: "an unexpected acknowledgement".to_owned(),
            })?;
            message.set_refusal(&to_refusal(error, offsets));
        }
        NLMSG_DONE => {
            let error = from_done(header.flags, payload);
            let refusal = error.map(|error| to_refusal(error, offsets));
            message.set_done(refusal.as_ref());
        }
        _ => {
            let (cmd, attributes) = match payload {
                [cmd, _, _, _, attributes @ ..] => (*cmd, attributes),
                // The client reports the malformed message.
                malformed => (0, malformed),
            };
            message.set_plain(cmd, attributes);
        }
    }
    message.add_flags(header.flags & (NLM_F_MULTIPART | NLM_F_DUMP_INTR));
    Ok(())
}

/// Converts offsets in the forwarded request to those in the client's request.
#[derive(Clone, Copy, Debug)]
struct Offsets<'a> {
    /// Length of the headers that were added.
    added: u32,
    /// The offsets at which an attribute was removed, in ascending order.
    removed: &'a [u32],
}

impl Offsets<'_> {
    fn convert(self, offset: u32) -> u32 {
        let before = self.removed.iter().filter(|&&at| at <= offset).count();
        offset.saturating_sub(self.added) + before as u32 * PROC_FD
    }
}

/// Converts the offset of the attribute at fault.
fn to_refusal(error: KernelError, offsets: Offsets<'_>) -> Refusal {
    let fault = match error.attribute {
        Some(at) => match (at.offset, at.kind) {
            (Some(offset), _) => Fault::At(offsets.convert(offset)),
            (None, Some(kind)) => Fault::Missing(kind),
            (None, None) => Fault::None,
        },
        None => Fault::None,
    };
    Refusal::new(error.errno, error.message.unwrap_or_default(), fault)
}

#[cfg(test)]
mod tests;
