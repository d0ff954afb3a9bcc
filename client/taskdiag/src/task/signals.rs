// SPDX-License-Identifier: MIT
//! The group SIGNALS: pending, blocked, ignored and caught signals.

use super::mirror;
use crate::abi::TaskDiagSignals;

mirror! {
    /// Signals of a task, as in `/proc/PID/status`. Signal N is bit N - 1 of a mask.
    pub struct Signals: TaskDiagSignals {
        /// Pending for the thread: SigPnd.
        pending: u64,
        /// Pending for the process: ShdPnd.
        shared_pending: u64,
        /// Blocked by the thread: SigBlk.
        blocked: u64,
        /// Ignored by the process: SigIgn.
        ignored: u64,
        /// With a handler in the process: SigCgt.
        caught: u64,
        /// Limit of [`Self::queued`]; `u64::MAX`: unlimited. The second number of SigQ.
        queue_limit: u64,
        /// Signals queued for all processes of the real user id. The first number of
        /// SigQ.
        queued: u32,
    }
}

impl From<Signals> for TaskDiagSignals {
    fn from(signals: Signals) -> Self {
        Self {
            pending: signals.pending,
            shared_pending: signals.shared_pending,
            blocked: signals.blocked,
            ignored: signals.ignored,
            caught: signals.caught,
            queue_limit: signals.queue_limit,
            queued: signals.queued,
            pad: 0,
        }
    }
}
