// SPDX-License-Identifier: MIT
//! Properties of the host: user names, terminals, clocks and memory size.

use std::fs;

use nix::sys::sysinfo::sysinfo;
use nix::unistd::{SysconfVar, sysconf};

use taskdiag::names::{Names, Terminals};

use crate::clock::Clock;

/// Properties of the host at the time of the output.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) names: Names,
    pub(crate) clock: Clock,
    pub(crate) terminals: Terminals,
    /// Physical memory in KiB.
    pub(crate) memory: u64,
    /// Page size in bytes.
    pub(crate) page: u64,
}

impl Host {
    /// Reads the clocks and the memory size. `numeric` disables name lookups.
    pub(crate) fn now(numeric: bool) -> Self {
        Self {
            names: Names::new().numeric(numeric),
            clock: Clock::now(),
            terminals: Terminals::default(),
            memory: sysinfo().map_or(1, |info| info.ram_total() / 1024).max(1),
            page: page_size(),
        }
    }

    /// Returns a host for tests with 1 GiB of memory, this many seconds after a
    /// boot at the epoch.
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

/// Returns the page size in bytes.
fn page_size() -> u64 {
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| size.try_into().ok()).unwrap_or(4096)
}

/// Returns the number of digits of the largest possible pid.
pub(crate) fn pid_digits() -> usize {
    let max = fs::read_to_string("/proc/sys/kernel/pid_max").unwrap_or_default();
    let max: u32 = max.trim().parse().unwrap_or(32768);
    max.saturating_sub(1).to_string().len()
}
