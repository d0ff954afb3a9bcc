// SPDX-License-Identifier: MIT
//! The proc connector, and whether it still tells everything.
//!
//! Any user can silence the connector, and nothing tells those who listen. So
//! whoever wants to rely on it has the thread take another name: of that there
//! is an event, which the kernel has queued when the call returns. If it is not
//! among what is received then, others are not either. A silence that is over
//! by then was ended by an order, which the kernel acknowledges to all who
//! listen: behind such an order, too, events may be missing.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use log::{info, warn};
use rustix::thread::{gettid, set_name};
use taskdiag::events::{Connector, Event, EventKind, EventSource, Lost};
use taskdiag::{Comm, Error, Pid, Result};

/// The connector, with a heartbeat.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    connector: Connector,
    beats: u32,
    /// The event of the last beat, until it is received.
    awaited: Option<EventKind>,
    /// How many orders there had been when it was found to be whole last.
    orders: u64,
    is_silent: bool,
    /// A loss that is to be told of.
    lost: bool,
}

impl Heartbeat {
    pub(crate) const fn of(connector: Connector) -> Self {
        Self {
            connector,
            beats: 0,
            awaited: None,
            orders: 0,
            is_silent: false,
            lost: false,
        }
    }

    /// Gives the thread another name.
    pub(crate) fn beat(&mut self) -> Result<()> {
        self.beats = self.beats.wrapping_add(1);
        let name = format!("table-{:x}", self.beats);
        self.awaited = Some(EventKind::Comm {
            pid: Pid::try_from(gettid().as_raw_nonzero().get()).unwrap_or(0),
            tgid: std::process::id(),
            comm: Comm::new(name.as_bytes()),
        });
        set_name(&CString::new(name).unwrap_or_default()).map_err(|errno| Error::Io {
            context: "cannot rename a thread",
            source: errno.into(),
        })
    }

    /// Whether everything up to the last beat was told, if all there was has
    /// been received since. If it was not, the next event is a loss.
    pub(crate) fn is_whole(&mut self) -> bool {
        let is_silent = self.awaited.is_some();
        match (self.is_silent, is_silent) {
            (false, true) => warn!("events are missing: all processes are listed until they come"),
            (true, false) => info!("events come again"),
            _ => {}
        }
        self.is_silent = is_silent;
        let orders = std::mem::replace(&mut self.orders, self.connector.orders());
        self.lost = is_silent || orders != self.orders;
        !self.lost
    }
}

impl EventSource for Heartbeat {
    fn next_event(&mut self, timeout: Option<Duration>) -> Result<Option<Event>> {
        if std::mem::take(&mut self.lost) {
            let lost = EventKind::Lost(Lost::Overflow);
            return Ok(Some(Event::new(Duration::ZERO, None, lost)));
        }
        let event = self.connector.next_event(timeout)?;
        if event.is_some() && event.map(|event| event.kind) == self.awaited {
            self.awaited = None;
        }
        Ok(event)
    }
}

impl AsFd for Heartbeat {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connector.as_fd()
    }
}
