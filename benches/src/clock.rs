// SPDX-License-Identifier: MIT
//! Clocks: elapsed time or CPU time, in nanoseconds.

use std::time::Duration;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

use crate::error::{Error, Result};

/// The clock that measures an implementation that runs in this process.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Clock {
    /// Elapsed time, the most exact clock on an otherwise idle machine
    Elapsed,
    /// CPU time of the implementation, for a machine with other load
    Processor,
}

impl Clock {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Elapsed => "elapsed",
            Self::Processor => "processor",
        }
    }

    pub(crate) fn now(self) -> Result<u64> {
        let time = clock_gettime(match self {
            Self::Elapsed => ClockId::CLOCK_MONOTONIC,
            Self::Processor => ClockId::CLOCK_THREAD_CPUTIME_ID,
        });
        let time = Duration::from(time.map_err(Error::io("clock_gettime"))?);
        Ok(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Returns the CPU time of this thread.
pub(crate) fn thread_cpu_ns() -> Result<u64> {
    Clock::Processor.now()
}

/// Returns the CPU time of this process or of all its reaped children, with a
/// resolution of one microsecond.
pub(crate) fn cpu_ns(who: UsageWho) -> Result<u64> {
    let usage = resource_usage(who)?;
    let time = usage.user_time() + usage.system_time();
    Ok(time.num_nanoseconds() as u64)
}

pub(crate) fn resource_usage(who: UsageWho) -> Result<Usage> {
    getrusage(who).map_err(Error::io("getrusage"))
}
