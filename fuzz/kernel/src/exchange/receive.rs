// SPDX-License-Identifier: MIT
//! Reads data from the socket or file, and checks each datagram.

use std::sync::atomic::Ordering::Relaxed;

use nix::errno::Errno;
use nix::sys::socket::MsgFlags;

use super::{Buffers, DatagramRights, Exchange, Link};
use crate::buffer::Buffer;
use crate::check::{Finding, Rights};
use crate::socket::{Received, Socket};
use crate::transaction::Transaction;
use crate::wire::{Header, NLMSG_MIN_TYPE, align};

/// Maximum number of consecutive reads with a buffer that is too small.
const TOO_SMALL: usize = 3;
/// Size of a buffer that can hold every message.
const ENOUGH: usize = 65536;

impl Exchange<'_> {
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
                    "poll() returned {polled:?}, expected {:?}",
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
                "read() by another process: {result:?}, expected EPERM"
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
            return Err(Finding(format!(
                "bytes were written after the {len} bytes read"
            )));
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
                "bytes were written after the {} bytes received",
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
}

/// Whether these bytes begin with a message of the family.
fn is_row(bytes: &[u8]) -> bool {
    Header::read(bytes).is_some_and(|header| header.kind >= NLMSG_MIN_TYPE)
}
