// SPDX-License-Identifier: MIT
//! The connector's messages, in and out. No I/O.
//!
//! neli makes the orders and reads the events. What lies around an event is
//! read here: neli takes lengths on trust, and to it an event that is newer
//! than itself is malformed.

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

/// The length of `struct proc_event`; later kernels may add to it.
const PROC_EVENT_LEN: usize = 40;

/// What the kernel is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Tell of all events.
    Listen,
    /// Tell of these; Linux before 6.6 takes no notice of such an order.
    ListenTo(Events),
    /// Tell of nothing any more.
    Ignore,
}

/// What the kernel sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Its number among those of its CPU.
    pub(super) seq: u32,
    /// The CPU it comes from.
    pub(super) cpu: u32,
    /// What it says.
    pub(super) what: What,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Something happened.
    Event(Event),
    /// An order was carried out, perhaps that of another listener.
    Ack {
        /// The order's number.
        order: u32,
        /// What went wrong with it, 0 if nothing.
        errno: u32,
    },
    /// Something happened that has no name here.
    Unknown,
}

/// `struct cn_msg`, and of the `struct proc_event` in it the beginning.
#[derive(Clone, Copy, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Head {
    idx: u32,
    val: u32,
    seq: u32,
    ack: u32,
    len: u16,
    _flags: u16,
    what: u32,
    cpu: u32,
}

/// Where in a message's payload the event begins.
const EVENT: usize = std::mem::offset_of!(Head, what);

/// An order as bytes; its number comes back in the acknowledgement.
pub(super) fn encode(order: Order, number: u32) -> Vec<u8> {
    let (operation, events) = match order {
        Order::Listen => (ProcCnMcastOp::Listen, None),
        Order::ListenTo(events) => (ProcCnMcastOp::Listen, Some(events)),
        Order::Ignore => (ProcCnMcastOp::Ignore, None),
    };
    // `enum proc_cn_mcast_op` or `struct proc_input`: the length tells which.
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
        .expect("a connector message that lacks nothing");
    let message = NlmsghdrBuilder::default()
        .nl_type(Nlmsg::Done)
        .nl_flags(NlmF::empty())
        .nl_payload(NlPayload::Payload(message))
        .build()
        .expect("a netlink message that lacks nothing");
    let mut bytes = Cursor::new(Vec::new());
    message.to_bytes(&mut bytes).expect("room in a vector");
    bytes.into_inner()
}

/// Reads a datagram. Total: there are no bytes that make it panic.
pub(super) fn decode(datagram: &[u8]) -> Result<Message, Malformed> {
    let (header, payload, _) = Header::split(datagram)?;
    if header.kind != u16::from(Nlmsg::Done) {
        return Err(Malformed("it is no message of the connector"));
    }
    let (head, _) = Head::read_from_prefix(payload)
        .map_err(|_| Malformed("a message of the connector is cut off"))?;
    if (head.idx, head.val) != (CnMsgIdx::Proc.into(), CnMsgVal::Proc.into()) {
        return Err(Malformed("it is not of the proc connector"));
    }
    let event = &payload[EVENT..];
    if usize::from(head.len) != event.len() || event.len() < PROC_EVENT_LEN {
        return Err(Malformed("an event has a length that none has"));
    }
    Ok(Message {
        seq: head.seq,
        cpu: head.cpu,
        what: match ProcEventType::from(head.what) {
            ProcEventType::UnrecognizedConst(_) => What::Unknown,
            _ => read(&head, event)?,
        },
    })
}

/// Reads an event of a kind that neli knows.
fn read(head: &Head, bytes: &[u8]) -> Result<What, Malformed> {
    let header = ProcEventHeader::from_bytes_with_input(&mut Cursor::new(bytes), bytes.len())
        .map_err(|_| Malformed("an event cannot be read"))?;
    Ok(match header.event {
        ProcEvent::Ack { err } => What::Ack {
            order: head.ack.wrapping_sub(1),
            errno: err,
        },
        event => What::Event(Event::new(
            Duration::from_nanos(header.timestamp_ns),
            Some(head.cpu),
            kind(event).ok_or(Malformed("the number of a task is negative"))?,
        )),
    })
}

/// An event in this crate's words; `None` if a number is negative.
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
