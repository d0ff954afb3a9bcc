// SPDX-License-Identifier: MIT
//! Messages of the connector, encoded and decoded. No I/O.
//!
//! neli encodes the commands and decodes the events. The headers around an
//! event are decoded here, since neli trusts their lengths and rejects events
//! that it does not know.

use std::io::Cursor;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use neli::connector::{CnMsgBuilder, ProcEvent, ProcEventHeader};
use neli::consts::connector::{CnMsgIdx, CnMsgVal, ProcCnMcastOp, ProcEventType};
use neli::consts::nl::{NlmF, Nlmsg};
use neli::nl::{NlPayload, NlmsghdrBuilder};
use neli::{FromBytesWithInput, ToBytes};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::events::{Event, EventKind, Events};
use crate::netlink::{Header, Malformed};
use crate::pid::Pid;
use crate::task::Comm;

/// Length of `struct proc_event`; later kernels may extend it.
const PROC_EVENT_LEN: usize = 40;

/// A command to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Subscribe to all events.
    Listen,
    /// Subscribe to these events; Linux before 6.6 ignores the command.
    ListenTo(Events),
    /// Unsubscribe.
    Ignore,
}

/// A message from the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectorMessage {
    /// Sequence number on its CPU.
    pub(super) seq: u32,
    /// CPU that sent the message.
    pub(super) cpu: u32,
    /// The content.
    pub(super) content: Content,
}

/// The content of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// An event.
    Event(Event),
    /// Acknowledgement of a command, possibly of another listener.
    Ack {
        /// Number of the command.
        command: u32,
        /// Errno of the command, 0 for success.
        errno: u32,
    },
    /// An event of an unknown kind.
    Unknown,
}

/// `struct cn_msg`, followed by the first fields of its `struct proc_event`.
#[derive(Clone, Copy, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct PayloadHeader {
    idx: u32,
    val: u32,
    seq: u32,
    ack: u32,
    len: u16,
    _flags: u16,
    what: u32,
    cpu: u32,
}

/// Offset of the event in the payload.
const EVENT: usize = std::mem::offset_of!(PayloadHeader, what);

/// Encodes a command; the acknowledgement repeats its number.
pub(super) fn encode(command: Command, number: u32) -> Vec<u8> {
    let (operation, events) = match command {
        Command::Listen => (ProcCnMcastOp::Listen, None),
        Command::ListenTo(events) => (ProcCnMcastOp::Listen, Some(events)),
        Command::Ignore => (ProcCnMcastOp::Ignore, None),
    };
    // Either `enum proc_cn_mcast_op` or `struct proc_input`, distinguished by
    // the length.
    let mut payload = u32::from(operation).to_ne_bytes().to_vec();
    if let Some(events) = events {
        payload.extend(events.bits().to_ne_bytes());
    }
    let message = CnMsgBuilder::default()
        .idx(CnMsgIdx::Proc)
        .val(CnMsgVal::Proc)
        .ack(number)
        .payload(payload)
        .build()
        .expect("all fields of the connector message are set");
    let message = NlmsghdrBuilder::default()
        .nl_type(Nlmsg::Done)
        .nl_flags(NlmF::empty())
        .nl_payload(NlPayload::Payload(message))
        .build()
        .expect("all fields of the netlink message are set");
    let mut bytes = Cursor::new(Vec::new());
    message.to_bytes(&mut bytes).expect("a vector grows");
    bytes.into_inner()
}

/// Decodes a datagram; panics for no input.
pub(super) fn decode(datagram: &[u8]) -> Result<ConnectorMessage, Malformed> {
    let (header, payload, _) = Header::split(datagram)?;
    if header.kind != u16::from(Nlmsg::Done) {
        return Err(Malformed("not a connector message"));
    }
    let (head, _) = PayloadHeader::read_from_prefix(payload)
        .map_err(|_| Malformed("a connector message is truncated"))?;
    if (head.idx, head.val) != (CnMsgIdx::Proc.into(), CnMsgVal::Proc.into()) {
        return Err(Malformed("not a message of the proc connector"));
    }
    let event = &payload[EVENT..];
    if usize::from(head.len) != event.len() || event.len() < PROC_EVENT_LEN {
        return Err(Malformed("an event has an invalid length"));
    }
    Ok(ConnectorMessage {
        seq: head.seq,
        cpu: head.cpu,
        content: match ProcEventType::from(head.what) {
            ProcEventType::UnrecognizedConst(_) => Content::Unknown,
            _ => read(&head, event)?,
        },
    })
}

/// Decodes an event of a kind that neli knows.
fn read(head: &PayloadHeader, bytes: &[u8]) -> Result<Content, Malformed> {
    let header = ProcEventHeader::from_bytes_with_input(&mut Cursor::new(bytes), bytes.len())
        .map_err(|_| Malformed("an event cannot be parsed"))?;
    Ok(match header.event {
        ProcEvent::Ack { err } => Content::Ack {
            command: head.ack.wrapping_sub(1),
            errno: err,
        },
        event => Content::Event(Event::new(
            Duration::from_nanos(header.timestamp_ns),
            Some(head.cpu),
            kind(event).ok_or(Malformed("a pid is negative"))?,
        )),
    })
}

/// Converts an event of neli; `None` if a pid is negative.
fn kind(event: ProcEvent) -> Option<EventKind> {
    let number = |pid: i32| Pid::try_from(pid).ok();
    Some(match event {
        ProcEvent::Ack { .. } => return None,
        ProcEvent::Fork {
            parent_pid,
            parent_tgid,
            child_pid,
            child_tgid,
        } => EventKind::Fork {
            pid: number(child_pid)?,
            tgid: number(child_tgid)?,
            parent_pid: number(parent_pid)?,
            parent_tgid: number(parent_tgid)?,
        },
        ProcEvent::Exec {
            process_pid,
            process_tgid,
        } => EventKind::Exec {
            pid: number(process_pid)?,
            tgid: number(process_tgid)?,
        },
        ProcEvent::Uid {
            process_pid,
            process_tgid,
            ruid,
            euid,
        } => EventKind::Uid {
            pid: number(process_pid)?,
            tgid: number(process_tgid)?,
            ruid,
            euid,
        },
        ProcEvent::Gid {
            process_pid,
            process_tgid,
            rgid,
            egid,
        } => EventKind::Gid {
            pid: number(process_pid)?,
            tgid: number(process_tgid)?,
            rgid,
            egid,
        },
        ProcEvent::Sid {
            process_pid,
            process_tgid,
        } => EventKind::Sid {
            pid: number(process_pid)?,
            tgid: number(process_tgid)?,
        },
        ProcEvent::Ptrace {
            process_pid,
            process_tgid,
            tracer_pid,
            tracer_tgid,
        } => EventKind::Ptrace {
            pid: number(process_pid)?,
            tgid: number(process_tgid)?,
            tracer_pid: number(tracer_pid)?,
            tracer_tgid: number(tracer_tgid)?,
        },
        ProcEvent::Comm {
            process_pid,
            process_tgid,
            comm,
        } => EventKind::Comm {
            pid: number(process_pid)?,
            tgid: number(process_tgid)?,
            comm: Comm::new(&comm),
        },
        ProcEvent::Coredump {
            process_pid,
            process_tgid,
            parent_pid,
            parent_tgid,
        } => EventKind::Coredump {
            pid: number(process_pid)?,
            tgid: number(process_tgid)?,
            parent_pid: number(parent_pid)?,
            parent_tgid: number(parent_tgid)?,
        },
        ProcEvent::Exit {
            process_pid,
            process_tgid,
            exit_code,
            exit_signal,
            parent_pid,
            parent_tgid,
        } => EventKind::Exit {
            pid: number(process_pid)?,
            tgid: number(process_tgid)?,
            status: ExitStatus::from_raw(exit_code as i32),
            exit_signal: exit_signal as i32,
            parent_pid: number(parent_pid)?,
            parent_tgid: number(parent_tgid)?,
        },
    })
}
