// SPDX-License-Identifier: MIT
//! An event of one's own, to find out whether events are told at all.
//!
//! Any user can silence the connector, and nothing tells those who listen. An
//! event that the listener makes itself is queued by the time the call returns
//! that makes it. If it is not among what is received then, others are missing
//! as well.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::gettid;

use super::now;
use crate::error::{Error, Result};
use crate::events::{Event, EventKind};
use crate::pid::Pid;

/// Such an event, on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pid: Pid,
    since: Duration,
    has_come: bool,
}

impl Probe {
    /// Gives the thread the name that it has, of which the kernel tells as of
    /// any other.
    pub(super) fn send() -> Result<Self> {
        let probe = Self::of(gettid().as_raw().unsigned_abs(), now());
        prctl::get_name()
            .and_then(|name| prctl::set_name(&name))
            .map_err(cannot)?;
        Ok(probe)
    }

    /// An event of this thread's, from then on.
    pub(super) const fn of(pid: Pid, since: Duration) -> Self {
        Self {
            pid,
            since,
            has_come: false,
        }
    }

    /// An event was received.
    pub(super) fn compare(&mut self, event: &Event) {
        let is_its = matches!(event.kind, EventKind::Comm { pid, .. } if pid == self.pid);
        self.has_come |= is_its && event.time >= self.since;
    }

    pub(super) const fn has_come(&self) -> bool {
        self.has_come
    }
}

fn cannot(errno: Errno) -> Error {
    Error::Io {
        context: "cannot find out whether events are told",
        source: errno.into(),
    }
}
