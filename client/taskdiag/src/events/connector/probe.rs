// SPDX-License-Identifier: MIT
//! The probe event, which detects that the kernel does not deliver events.
//!
//! Any user can stop the delivery to all listeners, and the kernel reports that
//! to none of them. An event that the listener causes itself is queued when the
//! system call returns. If it is not among the events received then, others are
//! missing as well. All earlier events must be received before: two events of a
//! thread that sets its name look the same.

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::gettid;

use crate::error::{Error, Result};
use crate::events::{Event, EventKind};
use crate::pid::Pid;

/// A probe event, sent and perhaps received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pid: Pid,
    received: bool,
}

impl Probe {
    /// Sets the name of this thread to its present name, which is an event.
    pub(super) fn send() -> Result<Self> {
        prctl::get_name()
            .and_then(|name| prctl::set_name(&name))
            .map_err(cannot)?;
        Ok(Self::for_thread(gettid().as_raw().unsigned_abs()))
    }

    /// Returns a probe that expects an event of this thread.
    pub(super) const fn for_thread(pid: Pid) -> Self {
        Self {
            pid,
            received: false,
        }
    }

    /// Compares a received event with the expected one.
    pub(super) fn observe(&mut self, event: &Event) {
        self.received |= matches!(event.kind, EventKind::Comm { pid, .. } if pid == self.pid);
    }

    pub(super) const fn received(&self) -> bool {
        self.received
    }
}

fn cannot(errno: Errno) -> Error {
    Error::Io {
        context: "cannot send a probe event",
        source: errno.into(),
    }
}
