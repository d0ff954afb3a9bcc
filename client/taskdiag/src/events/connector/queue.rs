// SPDX-License-Identifier: MIT
//! Orders received messages: events, and the losses between them. No I/O.
//!
//! The kernel reports a full receive buffer at once (`ENOBUFS`), before its
//! content has been read. Until it has been read completely, the kernel drops
//! further messages without another report. The loss is therefore reported only
//! when it is over:
//!
//! - when no message is left, or
//! - when the kernel reports the next overflow, which happens only after the
//!   buffer was empty, or
//! - when more messages have been read than the buffer can hold.
//!
//! A gap in the sequence numbers does not mean that the overflow is over: it
//! may be left from an earlier loss.
//!
//! A stopped delivery is detected by a [`Probe`] that is missing when no
//! message is left. A stop that is over by then was ended by a command, which
//! the kernel acknowledges to all listeners of all events.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::message::{ConnectorMessage, Content, decode};
use super::probe::Probe;
use crate::error::{Error, Result};
use crate::events::{Event, EventKind, Events, Lost};

/// Events that were received and not yet returned.
#[derive(Debug)]
pub(super) struct EventQueue {
    wanted: Events,
    /// Number of messages that the receive buffer can hold.
    capacity: usize,
    /// Next sequence number per CPU; `None` if the kernel filters events, so
    /// that the numbers have gaps without a loss.
    next: Option<BTreeMap<u32, u32>>,
    /// An overflow to report, with the number of messages that may precede it.
    overflow: Option<usize>,
    /// A command was acknowledged since the last probe.
    commanded: bool,
    /// A probe event to expect before the queue is empty.
    probe: Option<Probe>,
    ready: VecDeque<Result<Event>>,
}

impl EventQueue {
    /// Returns an empty queue that drops events that are not `wanted`.
    pub(super) fn new(wanted: Events, capacity: usize, counts_losses: bool) -> Self {
        Self {
            wanted,
            capacity,
            next: counts_losses.then(BTreeMap::new),
            overflow: None,
            commanded: false,
            probe: None,
            ready: VecDeque::new(),
        }
    }

    /// Whether sequence gaps are detected.
    pub(super) fn counts_losses(&self) -> bool {
        self.next.is_some()
    }

    /// Removes and returns the next event.
    pub(super) fn next(&mut self) -> Option<Result<Event>> {
        self.ready.pop_front()
    }

    /// Whether no event is left.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Adds a received datagram.
    pub(super) fn datagram(&mut self, bytes: &[u8]) {
        match decode(bytes) {
            Ok(message) => self.message(message),
            Err(malformed) => self.ready.push_back(Err(malformed.into())),
        }
        self.count_down_overflow();
    }

    /// Adds an overflow of the receive buffer.
    pub(super) fn overrun(&mut self) {
        self.report_overflow();
        self.overflow = Some(self.capacity);
    }

    /// Expects a probe event. All earlier messages have been received.
    pub(super) fn probe(&mut self, probe: Probe) {
        self.probe = Some(probe);
    }

    /// No message is left in the receive buffer.
    pub(super) fn drained(&mut self) {
        self.report_overflow();
        if let Some(probe) = self.probe.take() {
            if std::mem::take(&mut self.commanded) || !probe.received() {
                self.push_lost(None, Lost::DeliveryStopped);
            }
        }
    }

    /// Adds an error of a receive.
    pub(super) fn failed(&mut self, error: Error) {
        self.ready.push_back(Err(error));
    }

    fn message(&mut self, message: ConnectorMessage) {
        if let Some(events) = self.gap(&message) {
            self.push_lost(Some(message.cpu), Lost::Gap { events });
        }
        if let (Content::Event(event), Some(probe)) = (&message.content, &mut self.probe) {
            probe.observe(event);
        }
        match message.content {
            Content::Event(event) if event.kind.events().intersects(self.wanted) => {
                self.ready.push_back(Ok(event));
            }
            Content::Ack { .. } => self.commanded = true,
            Content::Event(_) | Content::Unknown => {}
        }
    }

    /// Returns the number of messages of this CPU missing before this one.
    fn gap(&mut self, message: &ConnectorMessage) -> Option<u32> {
        let after = message.seq.wrapping_add(1);
        let due = self.next.as_mut()?.insert(message.cpu, after)?;
        let missing = message.seq.wrapping_sub(due);
        (missing != 0).then_some(missing)
    }

    fn count_down_overflow(&mut self) {
        match &mut self.overflow {
            Some(0) => self.report_overflow(),
            Some(left) => *left -= 1,
            None => {}
        }
    }

    /// Adds an overflow, if there was one. The probe may have been lost in it
    /// and is no longer expected: the reader lists all processes then.
    fn report_overflow(&mut self) {
        if self.overflow.take().is_some() {
            self.probe = None;
            self.push_lost(None, Lost::Overflow);
        }
    }

    fn push_lost(&mut self, cpu: Option<u32>, lost: Lost) {
        let event = Event::new(now(), cpu, EventKind::Lost(lost));
        self.ready.push_back(Ok(event));
    }
}

/// Returns the time of the clock in the kernel's timestamps. In a time
/// namespace it is another clock, so differences have no meaning.
fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}
