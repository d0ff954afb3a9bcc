// SPDX-License-Identifier: MIT
//! An event of one's own, to find out whether events are told at all.
//!
//! Any user can silence the connector, and nothing tells those who listen. An
//! event that the listener makes itself is queued by the time the call returns
//! that makes it. If it is not among what is received then, others are missing
//! as well. What was queued before it is to be received before it is made: one
//! event of a thread that takes its name looks like another.

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::gettid;

use crate::error::{Error, Result};
use crate::events::{Event, EventKind};
use crate::pid::Pid;

/// Such an event, on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pid: Pid,
    received: bool,
}

impl Probe {
    /// Gives the thread the name that it has, of which the kernel tells as of
    /// any other.
    pub(super) fn send() -> Result<Self> {
        prctl::get_name()
            .and_then(|name| prctl::set_name(&name))
            .map_err(cannot)?;
        Ok(Self::for_thread(gettid().as_raw().unsigned_abs()))
    }

    /// An event of this thread's.
    pub(super) const fn for_thread(pid: Pid) -> Self {
        Self {
            pid,
            received: false,
        }
    }

    /// An event was received.
    pub(super) fn observe(&mut self, event: &Event) {
        self.received |= matches!(event.kind, EventKind::Comm { pid, .. } if pid == self.pid);
    }

    pub(super) const fn received(&self) -> bool {
        self.received
    }
}

fn cannot(errno: Errno) -> Error {
    Error::Io {
        context: "cannot find out whether events are told",
        source: errno.into(),
    }
}
