// SPDX-License-Identifier: MIT
//! Generic netlink with minimal overhead, for the implementations that measure the
//! cost without a library.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

use crate::error::{Error, Result};

const NLM_F_REQUEST: u16 = 1;
pub(crate) const NLM_F_DUMP: u16 = 0x300;
pub(crate) const NLMSG_ERROR: u16 = 2;
pub(crate) const NLMSG_DONE: u16 = 3;
const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

/// Length of `struct nlmsghdr`, without and with `struct genlmsghdr`, and of
/// `struct nlattr`.
pub(crate) const HEADER: usize = 16;
pub(crate) const HEADERS: usize = 20;
const ATTR_HEADER: usize = 4;

/// Maximum length of a datagram of a dump.
pub(crate) const BUFFER: usize = 32 * 1024;

/// A generic netlink socket for one family.
pub(crate) struct Genl {
    fd: OwnedFd,
    family: u16,
    pub(crate) buffer: Vec<u8>,
}

impl Genl {
    pub(crate) fn connect(name: &str) -> Result<Self> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkGeneric,
        )
        .map_err(Error::io("a generic netlink socket"))?;
        let mut genl = Self {
            fd,
            family: GENL_ID_CTRL,
            buffer: vec![0; BUFFER],
        };
        genl.family = genl.resolve(name)?;
        Ok(genl)
    }

    fn resolve(&mut self, name: &str) -> Result<u16> {
        let mut attribute = name.as_bytes().to_vec();
        attribute.push(0);
        let query = self.message(CTRL_CMD_GETFAMILY, 0, CTRL_ATTR_FAMILY_NAME, &attribute);
        self.send(&query)?;
        let len = self.receive()?;
        let reply = messages(&self.buffer[..len])
            .next()
            .filter(|reply| reply.kind == GENL_ID_CTRL);
        reply
            .and_then(|reply| {
                attributes(reply.payload()).find(|(kind, _)| *kind == CTRL_ATTR_FAMILY_ID)
            })
            .and_then(|(_, id)| id.first_chunk())
            .map(|id| u16::from_ne_bytes(*id))
            .ok_or_else(|| Error::missing(format!("netlink family {name}")))
    }

    /// Returns a request with one attribute.
    pub(crate) fn message(&self, command: u8, flags: u16, kind: u16, payload: &[u8]) -> Vec<u8> {
        const VERSION: u8 = 1;
        let attribute_len = ATTR_HEADER + payload.len();
        let len = align(HEADERS + attribute_len);
        let mut message = Vec::with_capacity(len);
        message.extend(u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes());
        message.extend(self.family.to_ne_bytes());
        message.extend((NLM_F_REQUEST | flags).to_ne_bytes());
        message.extend([0; 8]);
        message.extend([command, VERSION, 0, 0]);
        let attribute_len = u16::try_from(attribute_len).unwrap_or(u16::MAX);
        message.extend(attribute_len.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(payload);
        message.resize(len, 0);
        message
    }

    pub(crate) fn send(&self, message: &[u8]) -> Result<()> {
        send(self.fd.as_raw_fd(), message, MsgFlags::empty())
            .map(drop)
            .map_err(Error::io("sending a request"))
    }

    #[inline]
    pub(crate) fn receive(&mut self) -> Result<usize> {
        let len = recv(
            self.fd.as_raw_fd(),
            &mut self.buffer,
            MsgFlags::from_bits_retain(libc::MSG_TRUNC),
        )
        .map_err(Error::io("receiving"))?;
        if len > self.buffer.len() {
            return Err(Error::failed("a datagram did not fit the buffer"));
        }
        Ok(len)
    }
}

pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Returns the bytes after both headers.
    #[inline(always)]
    pub(crate) fn payload(&self) -> &'a [u8] {
        self.bytes.get(HEADERS..).unwrap_or_default()
    }

    /// Returns the result in a DONE or ERROR message.
    pub(crate) fn result(&self) -> Result<()> {
        let code = self.bytes.get(HEADER..).and_then(|body| body.first_chunk());
        let code = code.map_or(0, |code| i32::from_ne_bytes(*code));
        match code {
            0 => Ok(()),
            code if -code == libc::EOPNOTSUPP => Err(Error::missing("this group")),
            code => Err(Error::Io {
                context: "dump failed".to_owned(),
                source: std::io::Error::from_raw_os_error(-code),
            }),
        }
    }
}

/// Returns the offset of the next message or attribute.
#[inline(always)]
const fn align(len: usize) -> usize {
    (len + 3) & !3
}

/// Returns an iterator over the messages of a datagram.
#[inline(always)]
pub(crate) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let header = datagram.first_chunk::<HEADER>()?;
        let len = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let kind = u16::from_ne_bytes([header[4], header[5]]);
        let bytes = datagram.get(..len)?;
        datagram = datagram.get(align(len)..).unwrap_or_default();
        Some(Message { kind, bytes })
    })
}

/// Returns an iterator over attributes: type and payload.
#[inline(always)]
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let header = bytes.first_chunk::<ATTR_HEADER>()?;
        let len = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]);
        let payload = bytes.get(ATTR_HEADER..len)?;
        bytes = bytes.get(align(len)..).unwrap_or_default();
        Some((kind, payload))
    })
}
