// SPDX-License-Identifier: MIT
//! The proc connector of the kernel as a source of events.
//!
//! neli encodes the messages and opens the socket. The datagrams are received
//! like those of dumps: neli would hide the sender of a datagram and its
//! truncation.

mod diagnose;
mod message;
mod probe;
mod queue;
mod subscribe;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use log::debug;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use self::probe::Probe;
use self::queue::EventQueue;
use super::{Event, EventSource, Events};
use crate::datagram;
use crate::error::{Error, Result};

/// Default size of the receive buffer, for some thousand events.
pub const EVENT_BUFFER: usize = 4 << 20;

/// Upper bound of the length of a connector datagram.
const DATAGRAM: usize = 512;

/// Lower bound of the space that a message takes in the receive buffer, which
/// includes the kernel's own structures.
const MESSAGE_COST: usize = 512;

/// The side that filters events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilteredBy {
    /// The kernel, since Linux 6.6: only wanted events wake the listener.
    Kernel,
    /// This library: every event wakes the listener.
    Client,
}

/// Options of a [`Connector`].
///
/// ```no_run
/// use taskdiag::events::{ConnectorOptions, EventSource, Events};
///
/// let mut connector = ConnectorOptions::new(Events::NONZERO_EXIT).buffer(16 << 20).listen()?;
/// for event in connector.events() {
///     println!("{:?}", event?);
/// }
/// # Ok::<(), taskdiag::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConnectorOptions {
    events: Events,
    buffer: usize,
    filtered_by: FilteredBy,
}

impl ConnectorOptions {
    /// Returns the default options for these events.
    #[must_use]
    pub const fn new(events: Events) -> Self {
        Self {
            events,
            buffer: EVENT_BUFFER,
            filtered_by: FilteredBy::Kernel,
        }
    }

    /// Sets the size of the receive buffer in bytes, by default
    /// [`EVENT_BUFFER`].
    ///
    /// An event takes about 800 bytes. Without `CAP_NET_ADMIN` the kernel
    /// limits the size to `net.core.rmem_max`; [`Connector::buffer`] returns
    /// the actual size.
    #[must_use]
    pub const fn buffer(mut self, bytes: usize) -> Self {
        self.buffer = bytes;
        self
    }

    /// Sets the side that filters events: by default the kernel, if it can.
    ///
    /// Filtering by this library costs a wake-up per event, and detects every
    /// loss.
    #[must_use]
    pub const fn filtered_by(mut self, filtered_by: FilteredBy) -> Self {
        self.filtered_by = filtered_by;
        self
    }

    /// Subscribes. All later events are delivered.
    ///
    /// # Errors
    ///
    /// [`Error::NoEvents`] with the missing requirement, [`Error::Kernel`] if
    /// the kernel rejects the subscription, else [`Error::Io`].
    pub fn listen(&self) -> Result<Connector> {
        Connector::with_options(self)
    }
}

/// The proc connector.
///
/// It delivers the events of all processes of all users to every process in the
/// initial pid, user and network namespaces. Linux before 6.6 requires
/// `CAP_NET_ADMIN`.
#[derive(Debug)]
pub struct Connector {
    fd: OwnedFd,
    queue: EventQueue,
    buffer: usize,
    filtered_by: FilteredBy,
    receives: u64,
    waits: u64,
}

impl Connector {
    /// Subscribes to these events with the default [`ConnectorOptions`].
    ///
    /// # Errors
    ///
    /// The errors of [`ConnectorOptions::listen`].
    pub fn listen(events: Events) -> Result<Self> {
        ConnectorOptions::new(events).listen()
    }

    fn with_options(options: &ConnectorOptions) -> Result<Self> {
        let fd = subscribe::open()?;
        let buffer = subscribe::resize(&fd, options.buffer)?;
        let capacity = capacity(buffer);
        let wanted = with_implied(options.events);
        let filtered_by = subscribe::subscribe(&fd, wanted, options.filtered_by, capacity)?;
        let everything = filtered_by == FilteredBy::Client || wanted.is_all();
        debug!("events {wanted}, filtered by {filtered_by:?}, buffer of {buffer} bytes");
        Ok(Self {
            fd,
            queue: EventQueue::new(wanted, capacity, everything),
            buffer,
            filtered_by,
            receives: 0,
            waits: 0,
        })
    }

    /// Returns the side that filters events.
    #[must_use]
    pub const fn filtered_by(&self) -> FilteredBy {
        self.filtered_by
    }

    /// Whether every loss is detected and counted, by gaps in the sequence
    /// numbers.
    ///
    /// With the kernel's filter the numbers have gaps without a loss, and only
    /// [`Lost::Overflow`](super::Lost::Overflow) is detected. The loss of an
    /// event for which the kernel has no memory then remains unnoticed.
    #[must_use]
    pub fn counts_losses(&self) -> bool {
        self.queue.counts_losses()
    }

    /// Returns the size of the receive buffer in bytes as the kernel counts it:
    /// twice the requested size, or the limit.
    #[must_use]
    pub const fn buffer(&self) -> usize {
        self.buffer
    }

    /// Returns the number of messages received, wanted or not.
    #[must_use]
    pub const fn receives(&self) -> u64 {
        self.receives
    }

    /// Returns the number of waits for events.
    #[must_use]
    pub const fn waits(&self) -> u64 {
        self.waits
    }

    /// Receives the messages that are queued, at most as many as the buffer can
    /// hold: more may arrive meanwhile.
    fn receive_queued(&mut self) {
        for _ in 0..=capacity(self.buffer) {
            if !self.receive() {
                break;
            }
        }
    }

    /// Receives a message; returns false if none can be received.
    fn receive(&mut self) -> bool {
        let mut buffer = [0; DATAGRAM];
        match receive(&self.fd, &mut buffer) {
            Ok(Received::Datagram(bytes)) => {
                self.receives += 1;
                self.queue.datagram(bytes);
            }
            Ok(Received::Overrun) => self.queue.overrun(),
            Ok(Received::Empty) => {
                self.queue.drained();
                return false;
            }
            Err(error) => {
                self.queue.failed(error);
                return false;
            }
        }
        true
    }

    /// Waits for a message; returns false after the deadline.
    fn wait(&mut self, until: Option<Instant>) -> Result<bool> {
        let timeout = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => PollTimeout::NONE,
            Some(Duration::ZERO) => return Ok(false),
            Some(left) => milliseconds(left),
        };
        self.waits += 1;
        match poll(
            &mut [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)],
            timeout,
        ) {
            Ok(_) | Err(Errno::EINTR) => Ok(true),
            Err(errno) => Err(Error::Io {
                context: "cannot wait for events",
                source: errno.into(),
            }),
        }
    }
}

impl EventSource for Connector {
    fn next_event(&mut self, timeout: Option<Duration>) -> Result<Option<Event>> {
        // A deadline beyond the range of the clock is none.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(event) = self.queue.next() {
                return event.map(Some);
            }
            let idle = !self.receive() && self.queue.is_empty();
            if idle && !self.wait(until)? {
                return Ok(None);
            }
        }
    }

    /// Causes an event in the calling thread, which sets its name to its
    /// present name.
    ///
    /// [`Lost::DeliveryStopped`](super::Lost::DeliveryStopped) is reported if
    /// the kernel does not deliver that event, or if a process has sent a
    /// command to the connector since the last call, which may have ended a
    /// stop.
    ///
    /// This requires a subscription to all events, and does nothing otherwise:
    /// see [`Self::counts_losses`].
    fn probe(&mut self) -> Result<()> {
        if self.counts_losses() {
            // Messages received from now on do not belong to an earlier probe.
            // Timestamps would not show that: in a time namespace, the clocks
            // of the kernel and of this process differ.
            self.receive_queued();
            self.queue.probe(Probe::send()?);
        }
        Ok(())
    }
}

impl AsFd for Connector {
    /// Returns the descriptor, to be polled with others. If it is readable,
    /// [`next_event`](EventSource::next_event) may return an event, or find
    /// only unwanted ones.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Connector {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Drop for Connector {
    /// Unsubscribes: the kernel sends messages as long as more listeners have
    /// subscribed than unsubscribed.
    fn drop(&mut self) {
        if let Err(error) = subscribe::unsubscribe(&self.fd) {
            debug!("cannot unsubscribe from the connector: {error}");
        }
    }
}

/// Outcome of a receive.
enum Received<'a> {
    Datagram(&'a [u8]),
    Overrun,
    Empty,
}

/// Receives a datagram without waiting.
fn receive<'a>(fd: &OwnedFd, buffer: &'a mut [u8]) -> Result<Received<'a>> {
    match datagram::receive(fd.as_raw_fd(), buffer) {
        Ok(len) => Ok(Received::Datagram(&buffer[..len])),
        Err(Error::Overrun) => Ok(Received::Overrun),
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => {
            Ok(Received::Empty)
        }
        Err(error) => Err(error),
    }
}

/// Adds the kinds that the wanted ones include: [`Events::EXIT`] includes
/// [`Events::NONZERO_EXIT`]. The kernel disables its filter only if all kinds
/// are selected.
fn with_implied(mut events: Events) -> Events {
    events &= Events::all();
    if events.contains(Events::EXIT) {
        events |= Events::NONZERO_EXIT;
    }
    events
}

/// Returns the number of messages that a receive buffer of this size can hold.
const fn capacity(buffer: usize) -> usize {
    buffer / MESSAGE_COST
}

/// Converts a timeout for `poll()`, rounded up.
fn milliseconds(time: Duration) -> PollTimeout {
    let time = time.saturating_add(Duration::from_nanos(999_999));
    PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX)
}
