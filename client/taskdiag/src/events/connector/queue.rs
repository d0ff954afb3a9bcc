// SPDX-License-Identifier: MIT
//! What is received, put into order: events, and what was lost between them.
//! No I/O.
//!
//! A full receive buffer is told at once (`ENOBUFS`), before what is in it has
//! been read, and until that has been read to its end the kernel drops whatever
//! else comes, without another word. So that this is over when an overflow is
//! told of, it is kept back until
//!
//! - there is nothing more to read, or
//! - the kernel says so again: it does only after the buffer was empty, or
//! - more has been read than the buffer can hold.
//!
//! A gap in the numbers does not mean that it is over: it may be left from an
//! earlier loss.
//!
//! What is lost because nobody is told of anything shows by a [`Probe`] that has
//! not come when there is nothing more to read. A silence that is over by then
//! was ended by an order, which is acknowledged to all who listen to everything.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::message::{ConnectorMessage, Content, decode};
use super::probe::Probe;
use crate::error::{Error, Result};
use crate::events::{Event, EventKind, Events, Lost};

/// Events that were received and are not given yet.
#[derive(Debug)]
pub(super) struct EventQueue {
    wanted: Events,
    /// How many messages the receive buffer can hold.
    capacity: usize,
    /// Of each CPU, the number its next message has; `None` if the kernel
    /// leaves out what is not wanted, so that the numbers have gaps anyhow.
    next: Option<BTreeMap<u32, u32>>,
    /// An overflow that is not told yet: how many messages may be left from
    /// before it.
    overflow: Option<usize>,
    /// An order has been acknowledged since a probe was looked for last.
    commanded: bool,
    /// What is to come before there is nothing to read.
    probe: Option<Probe>,
    ready: VecDeque<Result<Event>>,
}

impl EventQueue {
    /// Nothing yet; what is not `wanted` is left out.
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

    /// Whether gaps are looked for.
    pub(super) fn counts_losses(&self) -> bool {
        self.next.is_some()
    }

    /// The next one to give.
    pub(super) fn next(&mut self) -> Option<Result<Event>> {
        self.ready.pop_front()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// A datagram was received.
    pub(super) fn datagram(&mut self, bytes: &[u8]) {
        match decode(bytes) {
            Ok(message) => self.message(message),
            Err(malformed) => self.ready.push_back(Err(malformed.into())),
        }
        self.count_down_overflow();
    }

    /// The receive buffer was full.
    pub(super) fn overrun(&mut self) {
        self.report_overflow();
        self.overflow = Some(self.capacity);
    }

    /// This is on its way, and whatever was there before it has been received.
    pub(super) fn probe(&mut self, probe: Probe) {
        self.probe = Some(probe);
    }

    /// There is nothing to receive.
    pub(super) fn drained(&mut self) {
        self.report_overflow();
        if let Some(probe) = self.probe.take() {
            if std::mem::take(&mut self.commanded) || !probe.received() {
                self.push_lost(None, Lost::DeliveryStopped);
            }
        }
    }

    /// Receiving failed.
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

    /// How many messages of this one's CPU are missing before it.
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

    /// Tells of an overflow, if there was one. The probe may have been lost in
    /// it: nobody waits for that any more, as this makes them look anew as well.
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

/// The time by the clock that the kernel stamps events with, or in a time
/// namespace by that one's: nothing is to be concluded from the difference.
fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}
