// SPDX-License-Identifier: MIT
//! Compares replies with the expected ones.
//!
//! Depends on received datagrams; must not depend on sockets or processes. Pure.

mod end;
pub(crate) mod poison;
mod request;
mod rights;
mod row;
mod rows;

use end::name;
use request::SentRequest;
pub(crate) use rights::Rights;
pub(crate) use row::{Row, features};

use crate::case::Transport;
use crate::model::{Expected, Features, Query, strategy_name};
use crate::wire::{HEADER, Header, NLMSG_DONE, NLMSG_ERROR, align, u32_at};
use taskdiag::abi;

/// Something the kernel must not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Finding(pub(crate) String);

/// Properties of the socket or file that affect the form of a reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkProperties {
    pub(crate) transport: Transport,
    pub(crate) family: u16,
    /// Features that the kernel reported.
    pub(crate) features: Features,
    /// Port of the socket, to which its replies are addressed. Replies of a file
    /// repeat the port of the request.
    pub(crate) port: u32,
    pub(crate) ext_ack: bool,
    pub(crate) cap_ack: bool,
    /// The buffer of a read was smaller than the longest possible message.
    pub(crate) small_buffer: bool,
    /// The receive buffer may overflow, which the kernel reports.
    pub(crate) lossy: bool,
}

/// Number of messages received, for the closing line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) messages: u64,
    pub(crate) rows: u64,
    /// Messages that continue a row.
    pub(crate) continued: u64,
    /// Rows with `TASK_DIAG_ABSENT`.
    pub(crate) absent: u64,
    /// Rows without groups or fields that the caller may not read.
    pub(crate) partial: u64,
    pub(crate) acks: u64,
    pub(crate) dones: u64,
    pub(crate) errnos: Vec<i32>,
}

/// A complete dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dump {
    pub(crate) query: Query,
    /// The pids of its rows, in ascending order.
    pub(crate) pids: Vec<u32>,
    /// The tasks whose rows list groups as gone.
    pub(crate) gone: Vec<u32>,
}

/// Checks the replies to one or more datagrams.
#[derive(Debug)]
pub(crate) struct Checker {
    link: LinkProperties,
    requests: Vec<SentRequest>,
    /// Requests written to a file before the last one.
    earlier: Vec<SentRequest>,
    ambiguous: bool,
    /// A part of the reply was truncated.
    truncated: bool,
    lost: bool,
    /// Number of datagrams so far.
    datagrams: u64,
    /// The reader may have lost the right to see a task since it sent the request.
    changed: bool,
    pub(crate) counts: Counts,
}

impl Checker {
    pub(crate) const fn new(link: LinkProperties) -> Self {
        Self {
            link,
            requests: Vec::new(),
            earlier: Vec::new(),
            ambiguous: false,
            truncated: false,
            lost: false,
            datagrams: 0,
            changed: false,
            counts: Counts {
                messages: 0,
                rows: 0,
                continued: 0,
                absent: 0,
                partial: 0,
                acks: 0,
                dones: 0,
                errnos: Vec::new(),
            },
        }
    }

    /// Adds bytes that were sent, and the replies that they require.
    pub(crate) fn add_request(&mut self, bytes: &[u8], expected: Expected) {
        if self.link.transport == Transport::File {
            // The reply to the previous request has been read or dropped.
            self.earlier.append(&mut self.requests);
        }
        self.ambiguous |= expected.ambiguous
            || expected
                .messages
                .iter()
                .any(|message| self.find(message.header.seq).is_some());
        for expectation in expected.messages {
            self.requests.push(SentRequest {
                bytes: bytes[expectation.range.clone()].to_vec(),
                expectation,
                pids: Vec::new(),
                gone: Vec::new(),
                first: None,
                pending: None,
                relative: None,
                failed: false,
                ended: false,
                acked: false,
                features_received: false,
            });
        }
    }

    /// Records that `write()` failed for the last request with this error, whose
    /// error message can be read. Returns false if the error is not expected.
    pub(crate) fn refused(&mut self, errno: i32) -> bool {
        let Some(request) = self.requests.last_mut() else {
            return false;
        };
        let expectation = &mut request.expectation;
        expectation
            .refusals
            .retain(|refusal| refusal.errno == errno);
        expectation.query = None;
        expectation.features = false;
        !expectation.refusals.is_empty()
    }

    /// Records that `write()` accepted the last request. Returns false if it must
    /// fail.
    pub(crate) fn accepted(&mut self) -> bool {
        let Some(request) = self.requests.last_mut() else {
            return false;
        };
        if !request.is_dump() {
            // The single message of the reply has already been made.
            request.expectation.refusals.clear();
        }
        request.expectation.query.is_some() || request.expectation.features
    }

    /// Whether the last request is for a dump.
    pub(crate) fn is_dumping(&self) -> bool {
        self.requests.last().is_some_and(SentRequest::is_dump)
    }

    /// Whether the last request of a file has rows that have not been read.
    pub(crate) fn is_busy(&self) -> bool {
        self.requests
            .last()
            .is_some_and(|request| request.expectation.query.is_some() && !request.is_complete())
    }

    /// Whether a file has data to read.
    pub(crate) fn is_readable(&self) -> bool {
        self.requests
            .last()
            .is_some_and(|request| !request.is_complete())
    }

    /// Records that the rest of a file's last reply has been dropped.
    pub(crate) fn dropped(&mut self) {
        if let Some(request) = self.requests.last_mut() {
            request.failed = true;
        }
    }

    /// Whether the whole reply has been received.
    pub(crate) fn is_complete(&self) -> bool {
        !self.is_unsure() && self.requests.iter().all(SentRequest::is_complete)
    }

    /// Whether the end of the reply cannot be recognized.
    pub(crate) fn is_unsure(&self) -> bool {
        self.ambiguous || self.truncated || self.lost
    }

    /// Records a read with a buffer smaller than the longest possible message.
    pub(crate) const fn set_small_buffer(&mut self) {
        self.link.small_buffer = true;
    }

    /// Whether a part of the reply was lost. The rest may be received later.
    pub(crate) const fn has_lost(&self) -> bool {
        self.lost
    }

    /// Records that another process has read a part of the reply.
    pub(crate) const fn set_ambiguous(&mut self) {
        self.ambiguous = true;
    }

    /// Records that the reader changes its credentials before it reads.
    pub(crate) const fn set_changed(&mut self) {
        self.changed = true;
    }

    /// Whether replies may be lost.
    pub(crate) const fn is_lossy(&self) -> bool {
        self.link.lossy
    }

    /// Returns a name for the kind of the reply, if it is the reply to one request.
    pub(crate) fn shape(&self) -> Option<String> {
        let [request] = self.requests.as_slice() else {
            return None;
        };
        if self.link.transport == Transport::File {
            return None;
        }
        let request = match &request.expectation.query {
            Some(query) => format!(
                "{}{}-{}",
                strategy_name(query.strategy).to_lowercase(),
                if query.dump { "" } else { "-plain" },
                query.show,
            ),
            None => "refused".to_owned(),
        };
        let errno = self.counts.errnos.first();
        let errno = errno.map_or_else(String::new, |&errno| {
            format!("-{}", name(errno).to_lowercase())
        });
        Some(request + &errno)
    }

    /// Records an overflow of the receive buffer, reported with `ENOBUFS`.
    pub(crate) fn overrun(&mut self) -> Result<(), Finding> {
        if !self.link.lossy {
            return finding("ENOBUFS, although the receive buffer was large enough");
        }
        self.lost = true;
        Ok(())
    }

    /// Checks a datagram. `bytes` may be only its first part. The kernel may have
    /// made it for a reader with fewer rights than the sender.
    pub(crate) fn datagram(
        &mut self,
        bytes: &[u8],
        len: usize,
        rights: &Rights<'_>,
    ) -> Result<(), Finding> {
        if let Some(run) = poison::find(bytes) {
            return finding(format!(
                "{} bytes {:#04x} at byte {}: uninitialized or freed memory",
                run.len, run.byte, run.at
            ));
        }
        if len == 0 {
            return finding("an empty datagram");
        }
        self.datagrams += 1;
        let whole = bytes.len() == len;
        self.truncated |= !whole;
        if self.is_unsure() {
            // The rest of a row may be missing.
            for request in &mut self.requests {
                request.pending = None;
            }
        }
        if align(len) != len {
            return finding(format!("a datagram of {len} bytes, which are not aligned"));
        }
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let Some(header) = Header::read(rest) else {
                return self.cut_off(whole, "the header of the last message is truncated");
            };
            let length = header.len as usize;
            if length < HEADER || length > len - at || align(length) > len - at {
                return finding(format!("invalid length in {header:?}"));
            }
            let Some(payload) = rest.get(HEADER..length) else {
                self.check_address(&header)?;
                return self.cut_off(whole, "the last message is truncated");
            };
            if rest[length..align(length).min(rest.len())]
                .iter()
                .any(|byte| *byte != 0)
            {
                return finding("the padding after a message is not zero");
            }
            self.counts.messages += 1;
            self.message(header, payload, rights)
                .map_err(|Finding(what)| Finding(format!("at byte {at}, {header:?}: {what}")))?;
            at += align(length);
        }
        Ok(())
    }

    fn cut_off(&self, whole: bool, what: &str) -> Result<(), Finding> {
        if whole { finding(what) } else { Ok(()) }
    }

    fn find(&self, seq: u32) -> Option<usize> {
        self.requests
            .iter()
            .position(|request| request.expectation.header.seq == seq)
    }

    fn check_address(&self, header: &Header) -> Result<usize, Finding> {
        let Some(index) = self.find(header.seq) else {
            return finding("the message is not a reply to a request");
        };
        let port = match self.link.transport {
            Transport::Socket => self.link.port,
            Transport::File => self.requests[index].expectation.header.pid,
        };
        if header.pid != port {
            return finding(format!("the message is for port {}", header.pid));
        }
        Ok(index)
    }

    fn message(
        &mut self,
        header: Header,
        payload: &[u8],
        rights: &Rights<'_>,
    ) -> Result<(), Finding> {
        if self.ambiguous {
            // The message cannot be assigned to a request, but its form is checked.
            return self.unassigned_message(header, payload);
        }
        let index = self.check_address(&header)?;
        let what = match header.kind {
            NLMSG_ERROR => self.error(index, header, payload),
            NLMSG_DONE => self.done(index, header, payload, rights),
            kind if kind == self.kind(index) => self.row(index, header, payload, rights),
            kind => Err(format!("unexpected message type {kind}")),
        };
        what.map_err(|what| {
            let query = self.requests[index].expectation.query.as_ref().map_or_else(
                || "no request".to_owned(),
                |query| format!("{} of {}", strategy_name(query.strategy), query.pid),
            );
            Finding(format!("reply to {query}: {what}"))
        })
    }

    /// Returns the type of the reply's messages.
    fn kind(&self, index: usize) -> u16 {
        let command = if self.requests[index].expectation.features {
            abi::TASK_DIAG_CMD_FEATURES
        } else {
            abi::TASK_DIAG_CMD_GET
        };
        match self.link.transport {
            Transport::Socket => self.link.family,
            Transport::File => abi::TASK_DIAG_NLMSG_BASE + u16::from(command),
        }
    }

    fn unassigned_message(&mut self, header: Header, payload: &[u8]) -> Result<(), Finding> {
        match header.kind {
            NLMSG_ERROR | NLMSG_DONE => match u32_at(payload, 0) {
                Some(0) => Ok(()),
                Some(code) => {
                    self.counts.errnos.push((code as i32).wrapping_neg());
                    Ok(())
                }
                None => finding("the message has no error code"),
            },
            kind if kind == self.link.family || self.link.transport == Transport::File => {
                self.counts.rows += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Ends the exchange. Returns the complete dumps.
    pub(crate) fn finish(self) -> Result<Vec<Dump>, Finding> {
        let unsure = self.is_unsure();
        let mut dumps = Vec::new();
        for request in self.earlier.into_iter().chain(self.requests) {
            let Some(query) = request.expectation.query else {
                continue;
            };
            let gone = request.gone;
            let mut pids = request.pids;
            pids.sort_unstable();
            if let Some(twice) = pids.windows(2).find(|pair| pair[0] == pair[1]) {
                return finding(format!(
                    "task {} is reported twice in {} of {}",
                    twice[0],
                    strategy_name(query.strategy),
                    query.pid
                ));
            }
            if request.ended && !request.failed && !unsure {
                dumps.push(Dump { query, pids, gone });
            }
        }
        Ok(dumps)
    }

    /// Returns a description of the missing replies, for error messages.
    pub(crate) fn missing(&self) -> String {
        let missing: Vec<_> = self
            .requests
            .iter()
            .filter(|request| !request.is_complete())
            .map(|request| {
                format!(
                    "the reply to {:?} after {} rows (a row or one of {:?})",
                    request.expectation.header,
                    request.pids.len(),
                    request.expectation.refusals
                )
            })
            .collect();
        missing.join(", ")
    }
}

fn finding<T>(what: impl Into<String>) -> Result<T, Finding> {
    Err(Finding(what.into()))
}

#[cfg(test)]
mod tests;
