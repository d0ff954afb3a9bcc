// SPDX-License-Identifier: MIT
//! Waits for an event, a signal, a timeout or a closed output.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The reason to stop waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WakeReason {
    Events,
    Signal(Signal),
    Timeout,
    ClosedPipe,
}

/// Waits for signals and a deadline besides events.
pub(super) struct Waiter {
    signals: SignalFd,
    deadline: Option<Instant>,
}

impl Waiter {
    /// Blocks the signals that stop `watch`, so that they are received by a signalfd.
    pub(super) fn new(timeout: Option<Duration>) -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            set.add(signal);
        }
        set.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self {
            signals: SignalFd::with_flags(&set, flags)?,
            // A deadline that is not representable is never reached.
            deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        })
    }

    /// Returns a pending signal or an elapsed deadline, without waiting.
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

    /// Waits until `source` or `process` is readable, or until `reader`, the output,
    /// is closed, and at most until `limit`.
    pub(super) fn wait(
        &self,
        source: BorrowedFd<'_>,
        reader: BorrowedFd<'_>,
        process: Option<BorrowedFd<'_>>,
        limit: Option<Instant>,
    ) -> io::Result<WakeReason> {
        loop {
            if let Some(reason) = self.expired() {
                return Ok(reason);
            }
            if limit.is_some_and(|limit| limit <= Instant::now()) {
                return Ok(WakeReason::Events);
            }
            let wanted = match process {
                Some(_) => PollFlags::POLLIN,
                None => PollFlags::empty(),
            };
            let mut fds = [
                PollFd::new(process.unwrap_or(source), wanted),
                PollFd::new(source, PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                // POLLERR, for a closed reader, is reported without being requested.
                PollFd::new(reader, PollFlags::empty()),
            ];
            match poll(&mut fds, self.timeout(limit)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            let [process, source, _, reader] = fds.map(|fd| fd.any().unwrap_or(false));
            if reader {
                return Ok(WakeReason::ClosedPipe);
            }
            if source || process {
                return Ok(WakeReason::Events);
            }
        }
    }

    /// Returns the time until the deadline or the limit, rounded up.
    fn timeout(&self, limit: Option<Instant>) -> PollTimeout {
        let first = [self.deadline, limit].into_iter().flatten().min();
        first.map_or(PollTimeout::NONE, |deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        })
    }
}
