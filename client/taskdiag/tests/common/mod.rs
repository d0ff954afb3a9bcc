// SPDX-License-Identifier: MIT
//! Messages composed like the kernel's, and a transport that replays them.
//! Shares no code with the crate, so that an error of the crate is not repeated
//! here.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::collections::VecDeque;

use taskdiag::{Error, Framing, Result, Scope, Transport};

pub const FAMILY: u16 = 0x1d;
pub const SEQ: u32 = 7;
pub const PORT: u32 = 4711;

pub const NLMSG_NOOP: u16 = 1;
pub const NLMSG_ERROR: u16 = 2;
pub const NLMSG_DONE: u16 = 3;
pub const NLMSG_OVERRUN: u16 = 4;

pub const MULTI: u16 = 0x02;
pub const INTERRUPTED: u16 = 0x10;
pub const ACK_TLVS: u16 = 0x200;

pub const MSG: u16 = 2;
pub const PAD: u16 = 3;
pub const FEATURES: u16 = 4;
pub const ABSENT: u16 = 5;
pub const BASE: u16 = 64;
pub const CRED: u16 = 65;
pub const STAT: u16 = 66;
pub const VMA: u16 = 67;
pub const VMA_STAT: u16 = 68;
pub const CMDLINE: u16 = 69;
pub const FILES: u16 = 70;
pub const IDENT: u16 = 71;
pub const NS: u16 = 72;
pub const CGROUP: u16 = 73;
pub const IO: u16 = 74;
pub const SIGNALS: u16 = 75;
pub const LIMITS: u16 = 76;
pub const OOM: u16 = 77;
pub const PATHS: u16 = 78;
pub const ENVIRON: u16 = 79;
pub const SCHED: u16 = 80;
pub const NSPID: u16 = 81;

pub const CONT: u32 = 1;
pub const MORE: u32 = 2;
/// Flag of the daemon for cached rows.
pub const CACHED: u32 = 1 << 31;

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = [len.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    pad(&mut bytes);
    bytes
}

pub fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(16 + payload.len()).unwrap();
    let mut bytes = len.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(SEQ.to_ne_bytes());
    bytes.extend(PORT.to_ne_bytes());
    bytes.extend(payload);
    pad(&mut bytes);
    bytes
}

pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

pub fn quads(quads: &[u64]) -> Vec<u8> {
    quads.iter().flat_map(|quad| quad.to_ne_bytes()).collect()
}

/// A record of the group VMA: its fields from `start` on, and its name.
pub fn vma_record(fields: &[u8], name: Option<&[u8]>) -> Vec<u8> {
    let end = 8 + fields.len();
    let mut bytes = vec![0; 8];
    bytes.extend(fields);
    if let Some(name) = name {
        bytes[4..8].copy_from_slice(&u32::try_from(end).unwrap().to_ne_bytes());
        bytes.extend(name);
        bytes.push(0);
    }
    close(bytes)
}

/// A mapping that starts at this page; the other fields have distinct values.
pub fn vma(page: u64, name: Option<&[u8]>) -> Vec<u8> {
    let mut fields = quads(&[page << 12, (page + 1) << 12, 3, 4, 5]);
    fields.extend(words(&[6, 7]));
    vma_record(&fields, name)
}

/// A record of the group VMA_STAT: its fields from `start` on.
pub fn vma_stat_record(fields: &[u8]) -> Vec<u8> {
    close([&[0; 8], fields].concat())
}

/// Pads a record and sets its length.
fn close(mut record: Vec<u8>) -> Vec<u8> {
    record.resize(record.len().next_multiple_of(8), 0);
    let len = u32::try_from(record.len()).unwrap();
    record[..4].copy_from_slice(&len.to_ne_bytes());
    record
}

/// CGROUP as the kernel sends it.
pub fn cgroup(id: u64, path: &[u8]) -> Vec<u8> {
    let value = [&quads(&[id])[..], &words(&[16, 0]), path, b"\0"].concat();
    attribute(CGROUP, &value)
}

/// A record of the group PATHS: its kind, its flags, and the path.
pub fn path_record(kind: u32, flags: u32, path: Option<&[u8]>) -> Vec<u8> {
    let offset = path.map_or(0, |_| 16);
    let text = path.map(|path| [path, b"\0"].concat());
    close([words(&[0, offset, kind, flags]), text.unwrap_or_default()].concat())
}

/// ABSENT as the kernel sends it: gone, denied, busy, limit, leader.
pub fn absent(masks: [u64; 5]) -> Vec<u8> {
    attribute(ABSENT, &quads(&masks))
}

/// A message of a row: its pid, its flags, and the attributes that follow.
pub fn row(pid: u32, flags: u32, attributes: &[u8]) -> Vec<u8> {
    row_with(MULTI, pid, flags, attributes)
}

pub fn row_with(message_flags: u16, pid: u32, flags: u32, attributes: &[u8]) -> Vec<u8> {
    let mut payload = vec![1, 1, 0, 0];
    payload.extend(attribute(MSG, &words(&[pid, pid + 1000, flags])));
    payload.extend(attributes);
    message(FAMILY, message_flags, &payload)
}

/// BASE as the kernel sends it, with distinct values in all fields.
pub fn base(pid: u32) -> Vec<u8> {
    let mut value = words(&[pid + 1000, pid, 3, 4, 5, 6]);
    value.push(1);
    value.extend(b"bash\0\0\0\0\0\0\0\0\0\0\0\0");
    value.extend([0; 3]);
    attribute(BASE, &value)
}

/// CRED as the kernel sends it.
pub fn cred() -> Vec<u8> {
    attribute(CRED, &words(&(100..120).collect::<Vec<_>>()))
}

/// A row of several messages, one for each of these.
pub fn pieces<A: AsRef<[u8]>>(pid: u32, attributes: &[A]) -> Vec<Vec<u8>> {
    let last = attributes.len() - 1;
    let flags = |at| if at == 0 { 0 } else { CONT } | if at == last { 0 } else { MORE };
    let pieces = attributes.iter().enumerate();
    pieces
        .map(|(at, attributes)| row(pid, flags(at), attributes.as_ref()))
        .collect()
}

pub fn done(code: i32) -> Vec<u8> {
    message(NLMSG_DONE, MULTI, &code.to_ne_bytes())
}

/// A message such as `NLMSG_DONE` with a text.
pub fn failure(kind: u16, code: i32, repeated: &[u8], text: &str, offset: Option<u32>) -> Vec<u8> {
    let mut payload = code.to_ne_bytes().to_vec();
    payload.extend(repeated);
    payload.extend(attribute(1, format!("{text}\0").as_bytes()));
    if let Some(offset) = offset {
        payload.extend(attribute(2, &offset.to_ne_bytes()));
    }
    message(kind, ACK_TLVS, &payload)
}

/// Result of a receive.
#[derive(Debug)]
pub enum Receive {
    Datagram(Vec<u8>),
    Overrun,
}

/// A transport that replays one reply per request. The messages get the
/// sequence number of the request when they are received.
#[derive(Debug, Default)]
pub struct Script {
    pub answers: VecDeque<VecDeque<Receive>>,
    pub sent: Vec<(Vec<u8>, Scope)>,
    pub resets: usize,
    /// Messages have no generic netlink header.
    pub plain: bool,
    /// Behaves like a program that forwards rows.
    pub forwards: bool,
}

impl Script {
    pub fn new<A, D>(answers: A) -> Self
    where
        A: IntoIterator<Item = D>,
        D: IntoIterator<Item = Vec<u8>>,
    {
        let answers = answers
            .into_iter()
            .map(|answer| answer.into_iter().map(Receive::Datagram).collect())
            .collect();
        Self {
            answers,
            ..Self::default()
        }
    }
}

impl Transport for Script {
    fn framing(&self) -> Framing {
        match self.plain {
            true => Framing::Plain,
            false => FAMILY.into(),
        }
    }

    fn port(&self) -> u32 {
        PORT
    }

    fn forwards(&self) -> bool {
        self.forwards
    }

    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()> {
        self.sent.push((request.to_vec(), scope));
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let answer = self.answers.front_mut().expect("no reply is left");
        let next = answer
            .pop_front()
            .expect("the reply has no further datagram");
        if answer.is_empty() {
            self.answers.pop_front();
        }
        let Receive::Datagram(datagram) = next else {
            return Err(Error::Overrun);
        };
        if datagram.len() > buffer.len() {
            return Err(Error::Truncated {
                message: datagram.len(),
                buffer: buffer.len(),
            });
        }
        let buffer = &mut buffer[..datagram.len()];
        buffer.copy_from_slice(&datagram);
        let (request, _) = self.sent.last().unwrap();
        let mut at = 0;
        while at + 16 <= buffer.len() {
            let len = u32::from_ne_bytes(buffer[at..at + 4].try_into().unwrap()) as usize;
            if buffer[at + 8..at + 12] == SEQ.to_ne_bytes() {
                buffer[at + 8..at + 12].copy_from_slice(&request[8..12]);
            }
            at += len.next_multiple_of(4).max(16);
        }
        Ok(buffer.len())
    }

    fn reset(&mut self, _buffer: &mut [u8]) -> Result<()> {
        self.resets += 1;
        Ok(())
    }
}
