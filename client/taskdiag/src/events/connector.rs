// SPDX-License-Identifier: MIT
//! The proc connector of the kernel as a source of events.
//!
//! neli makes the messages and opens the socket; it is read as the dumps are,
//! since neli would hide who sent a datagram and whether its end was cut off.

mod absence;
mod intake;
mod message;
mod probe;
mod subscribe;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use log::debug;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use self::intake::Intake;
use self::probe::Probe;
use super::{Event, EventSource, Events};
use crate::datagram;
use crate::error::{Error, Result};

/// How large a receive buffer is asked for: some thousand events.
pub const EVENT_BUFFER: usize = 4 << 20;

/// A datagram has less than this; what has more is not of the connector.
const DATAGRAM: usize = 512;

/// A message takes at least this much of the receive buffer: what the kernel
/// needs to keep it, and not only its own bytes.
const MESSAGE_COST: usize = 512;

/// Who leaves out the events that are not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilteredBy {
    /// The kernel, from Linux 6.6 on: the listener is woken by what it wants
    /// and by nothing else.
    Kernel,
    /// This library: the listener is woken by every event there is.
    Client,
}

/// How to listen, before it is begun.
///
/// ```no_run
/// use taskdiag::events::{EventSource, Events, Listen};
///
/// let mut connector = Listen::to(Events::NONZERO_EXIT).buffer(16 << 20).begin()?;
/// for event in connector.events() {
///     println!("{:?}", event?);
/// }
/// # Ok::<(), taskdiag::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Listen {
    events: Events,
    buffer: usize,
    filtered_by: FilteredBy,
}

impl Listen {
    /// To these events.
    #[must_use]
    pub const fn to(events: Events) -> Self {
        Self {
            events,
            buffer: EVENT_BUFFER,
            filtered_by: FilteredBy::Kernel,
        }
    }

    /// With a receive buffer of so many bytes, [`EVENT_BUFFER`] otherwise. An
    /// event takes some 800; without `CAP_NET_ADMIN`, the kernel allows
    /// `net.core.rmem_max`. [`Connector::buffer`] tells what it came to.
    #[must_use]
    pub const fn buffer(mut self, bytes: usize) -> Self {
        self.buffer = bytes;
        self
    }

    /// Has the unwanted left out by the kernel if it can, which is what is done
    /// otherwise as well, or by this library in any case. The latter costs a
    /// wake-up for every event, and counts what is lost.
    #[must_use]
    pub const fn filtered_by(mut self, filtered_by: FilteredBy) -> Self {
        self.filtered_by = filtered_by;
        self
    }

    /// Begins. What happens from now on is told.
    ///
    /// # Errors
    ///
    /// [`Error::NoEvents`] with what is missing, [`Error::Kernel`] if the
    /// kernel refuses, else [`Error::Io`].
    pub fn begin(&self) -> Result<Connector> {
        Connector::begin(self)
    }
}

/// The proc connector.
///
/// It tells every process of all others, whoever they belong to, in the initial
/// pid, user and network namespace. Root is not needed from Linux 6.6 on.
#[derive(Debug)]
pub struct Connector {
    fd: OwnedFd,
    intake: Intake,
    buffer: usize,
    filtered_by: FilteredBy,
    receives: u64,
    waits: u64,
}

impl Connector {
    /// Listens to these events; [`Listen`] has the choices.
    ///
    /// # Errors
    ///
    /// Those of [`Listen::begin`].
    pub fn listen(events: Events) -> Result<Self> {
        Listen::to(events).begin()
    }

    fn begin(how: &Listen) -> Result<Self> {
        let fd = subscribe::open()?;
        let buffer = subscribe::resize(&fd, how.buffer)?;
        let capacity = capacity(buffer);
        let wanted = with_implied(how.events);
        let filtered_by = subscribe::subscribe(&fd, wanted, how.filtered_by, capacity)?;
        let everything = filtered_by == FilteredBy::Client || wanted.is_all();
        debug!("events {wanted}, filtered by {filtered_by:?}, buffer of {buffer} bytes");
        Ok(Self {
            fd,
            intake: Intake::new(wanted, capacity, everything),
            buffer,
            filtered_by,
            receives: 0,
            waits: 0,
        })
    }

    /// Who leaves out the events that are not wanted.
    #[must_use]
    pub const fn filtered_by(&self) -> FilteredBy {
        self.filtered_by
    }

    /// Whether every loss is told of, and counted, by gaps in the sequence
    /// numbers.
    ///
    /// With the kernel's filter there are gaps where nothing is lost, and all
    /// there is to go by is [`Lost::Overflow`](super::Lost::Overflow). That
    /// leaves one loss untold: of an event for which the kernel has no memory.
    #[must_use]
    pub fn counts_losses(&self) -> bool {
        self.intake.counts_losses()
    }

    /// The size of the receive buffer in bytes, by the kernel's reckoning:
    /// twice what was asked for, unless that is more than it allows.
    #[must_use]
    pub const fn buffer(&self) -> usize {
        self.buffer
    }

    /// How many messages have been received, wanted or not.
    #[must_use]
    pub const fn receives(&self) -> u64 {
        self.receives
    }

    /// How often it has been waited for events.
    #[must_use]
    pub const fn waits(&self) -> u64 {
        self.waits
    }

    /// Takes in what was there to receive before this call, and not without end
    /// what comes meanwhile.
    fn receive_what_is_there(&mut self) {
        for _ in 0..=capacity(self.buffer) {
            if !self.receive() {
                break;
            }
        }
    }

    /// Takes in a message; false if there is none, or none can be received.
    fn receive(&mut self) -> bool {
        let mut buffer = [0; DATAGRAM];
        match receive(&self.fd, &mut buffer) {
            Ok(Received::Datagram(bytes)) => {
                self.receives += 1;
                self.intake.datagram(bytes);
            }
            Ok(Received::Overrun) => self.intake.overrun(),
            Ok(Received::Nothing) => {
                self.intake.drained();
                return false;
            }
            Err(error) => {
                self.intake.failed(error);
                return false;
            }
        }
        true
    }

    /// Waits until there is something to receive; false if the time is up.
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
        // A time too far to be told is as good as none.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(event) = self.intake.next() {
                return event.map(Some);
            }
            let idle = !self.receive() && self.intake.is_empty();
            if idle && !self.wait(until)? {
                return Ok(None);
            }
        }
    }

    /// Tells of [`Lost::Silence`](super::Lost::Silence) if the kernel does not
    /// tell of an event that the calling thread makes, or if somebody has given
    /// an order since this was asked last, which may have ended a silence. The
    /// event is that the thread has taken the name it has.
    ///
    /// Only who listens to everything can find that out. Otherwise this does
    /// nothing, see [`Self::counts_losses`].
    fn probe(&mut self) -> Result<()> {
        if self.counts_losses() {
            // So that what is received from now on is not of an earlier one.
            // Their times would not tell: the kernel's clock and that of this
            // process may differ, in a time namespace.
            self.receive_what_is_there();
            self.intake.probe(Probe::send()?);
        }
        Ok(())
    }
}

impl AsFd for Connector {
    /// To wait with others: readable means that
    /// [`next_event`](EventSource::next_event) is worth a call, which may find
    /// nothing wanted.
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
    /// Says so: the kernel makes messages for as many listeners as have come
    /// and not said that they go.
    fn drop(&mut self) {
        if let Err(error) = subscribe::unsubscribe(&self.fd) {
            debug!("the connector was not told of the end: {error}");
        }
    }
}

/// What came.
enum Received<'a> {
    Datagram(&'a [u8]),
    Overrun,
    Nothing,
}

/// Receives a datagram, without waiting for one.
fn receive<'a>(fd: &OwnedFd, buffer: &'a mut [u8]) -> Result<Received<'a>> {
    match datagram::receive(fd.as_raw_fd(), buffer) {
        Ok(len) => Ok(Received::Datagram(&buffer[..len])),
        Err(Error::Overrun) => Ok(Received::Overrun),
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => {
            Ok(Received::Nothing)
        }
        Err(error) => Err(error),
    }
}

/// A choice of exits includes the bad ones. That much is to be said, for the
/// kernel filters nothing only where all are chosen.
fn with_implied(mut events: Events) -> Events {
    events &= Events::all();
    if events.contains(Events::EXIT) {
        events |= Events::NONZERO_EXIT;
    }
    events
}

/// How many messages a receive buffer of this size can hold.
const fn capacity(buffer: usize) -> usize {
    buffer / MESSAGE_COST
}

/// A time for `poll()`, rather longer than shorter.
fn milliseconds(time: Duration) -> PollTimeout {
    let time = time.saturating_add(Duration::from_nanos(999_999));
    PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX)
}
