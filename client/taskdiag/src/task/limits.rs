// SPDX-License-Identifier: MIT
//! The group LIMITS: resource limits of a process.

use crate::abi::{TASK_DIAG_RLIMITS, TaskDiagLimits, TaskDiagRlimit};

/// A resource limit, in the unit of `setrlimit(2)`; `u64::MAX`: unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Limit {
    /// The soft limit.
    pub soft: u64,
    /// The hard limit.
    pub hard: u64,
}

/// Resource limits of a process, as in `/proc/PID/limits`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits([Limit; Self::COUNT]);

impl Limits {
    /// The number of limits.
    pub const COUNT: usize = TASK_DIAG_RLIMITS;

    /// Returns the limit with this number, `RLIMIT_*`; `None` if no limit has it.
    #[must_use]
    pub fn get(&self, resource: u32) -> Option<Limit> {
        self.0.get(resource as usize).copied()
    }

    /// Sets the limit with this number, if a limit has it.
    #[cfg(feature = "procfs")]
    pub(crate) fn set(&mut self, resource: u32, soft: u64, hard: u64) {
        if let Some(limit) = self.0.get_mut(resource as usize) {
            *limit = Limit { soft, hard };
        }
    }
}

impl From<TaskDiagLimits> for Limits {
    fn from(limits: TaskDiagLimits) -> Self {
        Self(
            limits
                .limit
                .map(|TaskDiagRlimit { soft, hard }| Limit { soft, hard }),
        )
    }
}

impl From<Limits> for TaskDiagLimits {
    fn from(limits: Limits) -> Self {
        Self {
            limit: limits
                .0
                .map(|Limit { soft, hard }| TaskDiagRlimit { soft, hard }),
        }
    }
}
