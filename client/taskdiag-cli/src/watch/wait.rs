// SPDX-License-Identifier: MIT
//! Waiting for whichever comes first: an event, a signal, the end of the time
//! or of whoever reads.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WakeReason {
    Events,
    Signal(Signal),
    Timeout,
    ClosedPipe,
}

/// The signals that end it, and the time.
pub(super) struct Waiter {
    signals: SignalFd,
    deadline: Option<Instant>,
}

impl Waiter {
    /// From now on these signals are waited for and do nothing else.
    pub(super) fn new(timeout: Option<Duration>) -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            set.add(signal);
        }
        set.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self {
            signals: SignalFd::with_flags(&set, flags)?,
            // A time too far to be told is as good as none.
            deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        })
    }

    /// What is to end it already.
    pub(super) fn expired(&self) -> Option<WakeReason> {
        if let Ok(Some(signal)) = self.signals.read_signal() {
            let signal = i32::try_from(signal.ssi_signo).ok()?;
            return Some(WakeReason::Signal(Signal::try_from(signal).ok()?));
        }
        let expired = self
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now());
        expired.then_some(WakeReason::Timeout)
    }

    /// Waits. `reader` is where the output goes.
    pub(super) fn wait(
        &self,
        source: BorrowedFd<'_>,
        reader: BorrowedFd<'_>,
    ) -> io::Result<WakeReason> {
        loop {
            if let Some(reason) = self.expired() {
                return Ok(reason);
            }
            let mut fds = [
                PollFd::new(source, PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                // That nobody reads is told unasked.
                PollFd::new(reader, PollFlags::empty()),
            ];
            match poll(&mut fds, self.timeout()) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            let [source, _, reader] = fds.map(|fd| fd.any().unwrap_or(false));
            if reader {
                return Ok(WakeReason::ClosedPipe);
            }
            if source {
                return Ok(WakeReason::Events);
            }
        }
    }

    /// What is left of the time, rather longer than shorter.
    fn timeout(&self) -> PollTimeout {
        self.deadline.map_or(PollTimeout::NONE, |deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        })
    }
}
