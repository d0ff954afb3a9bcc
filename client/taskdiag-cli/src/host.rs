// SPDX-License-Identifier: MIT
//! What the machine has to say beside the tasks: whose names ids are, what
//! time it is, how much memory there is.

use std::fs;

use nix::sys::sysinfo::sysinfo;
use nix::unistd::{SysconfVar, sysconf};

use taskdiag::names::{Names, Terminals};

use crate::clock::Clock;

/// The machine at the moment that is told of.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) names: Names,
    pub(crate) clock: Clock,
    pub(crate) terminals: Terminals,
    /// Its memory, in KiB.
    pub(crate) memory: u64,
    /// A page of it, in bytes.
    pub(crate) page: u64,
}

impl Host {
    /// Looks at the clock and the memory. `numeric` leaves ids as numbers.
    pub(crate) fn now(numeric: bool) -> Self {
        Self {
            names: Names::new().numeric(numeric),
            clock: Clock::now(),
            terminals: Terminals::default(),
            memory: sysinfo().map_or(1, |info| info.ram_total() / 1024).max(1),
            page: page_size(),
        }
    }

    /// A machine for tests, so long after its boot at the epoch, with a GiB.
    #[cfg(test)]
    pub(crate) fn at(seconds: u64, numeric: bool) -> Self {
        Self {
            names: Names::new().numeric(numeric),
            clock: Clock::at(seconds),
            terminals: Terminals::default(),
            memory: 1024 * 1024,
            page: 4096,
        }
    }
}

/// A page of memory, in bytes.
fn page_size() -> u64 {
    let told = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    told.and_then(|size| size.try_into().ok()).unwrap_or(4096)
}

/// How many digits the largest number of a task can have.
pub(crate) fn pid_digits() -> usize {
    let max = fs::read_to_string("/proc/sys/kernel/pid_max").unwrap_or_default();
    let max: u32 = max.trim().parse().unwrap_or(32768);
    max.saturating_sub(1).to_string().len()
}
