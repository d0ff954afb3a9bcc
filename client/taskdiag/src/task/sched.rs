// SPDX-License-Identifier: MIT
//! The group SCHED: scheduling of a thread.

use super::NumberSet;
use crate::abi::{self, TaskDiagSched};
use crate::netlink::{Malformed, read};

/// Scheduling of a thread. A field is `None` if the kernel does not have it, or if the
/// caller may not read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Sched<'a> {
    /// `SCHED_*` of `<linux/sched.h>`; see [`Self::policy_name`].
    pub policy: u32,
    /// Nice value, -20 to 19.
    pub nice: i32,
    /// Kernel priority: 0 to 39 for nice -20 to 19, below 0 for real time.
    pub priority: i32,
    /// Real-time priority, 1 to 99; 0: not real time.
    pub rt_priority: u32,
    /// `SCHED_FLAG_*` of `<linux/sched.h>`, as `sched_getattr(2)` returns them.
    pub flags: Option<u64>,
    /// Nanoseconds: the budget of `SCHED_DEADLINE` per period, or the time slice of
    /// other policies without a real-time priority.
    pub runtime: Option<u64>,
    /// Nanoseconds after which the budget of `SCHED_DEADLINE` must have been used.
    pub deadline: Option<u64>,
    /// Nanoseconds of a period of `SCHED_DEADLINE`.
    pub period: Option<u64>,
    /// Requested lower bound of the utilization, 0 to 1024.
    pub util_min: Option<u32>,
    /// Requested upper bound of the utilization, 0 to 1024.
    pub util_max: Option<u32>,
    /// IO priority as `ioprio_get(2)` returns it; class 0: not set.
    pub ioprio: Option<IoPriority>,
    /// IO priority in use: [`Self::ioprio`], or derived from policy and nice value.
    pub ioprio_effective: Option<IoPriority>,
    /// Nanoseconds that the kernel may delay timers: `timerslack_ns`.
    pub timer_slack: Option<u64>,
    /// Number of the autogroup of the process: `autogroup`.
    pub autogroup: Option<u64>,
    /// Nice value of the autogroup.
    pub autogroup_nice: Option<i32>,
    /// CPUs that the thread may run on: Cpus_allowed of `status`.
    pub cpus: Option<NumberSet<'a>>,
    /// Memory nodes that the thread may allocate memory on: Mems_allowed of `status`.
    pub mems: Option<NumberSet<'a>>,
}

/// An IO priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct IoPriority {
    /// `IOPRIO_CLASS_*` of `<linux/ioprio.h>`: 0 not set, 1 real time, 2 best effort, 3
    /// idle.
    pub class: u32,
    /// The level within the class, and a hint for the device: 0 to 7 is the priority,
    /// with 0 the highest.
    pub data: u32,
}

/// Bits of the data in an IO priority.
const DATA: u32 = 13;
/// Bits of the level in the data.
const LEVEL: u32 = 0b111;

impl IoPriority {
    /// Splits the value of `ioprio_get(2)`.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self {
            class: value >> DATA,
            data: value & ((1 << DATA) - 1),
        }
    }

    /// The value of `ioprio_get(2)`.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.class << DATA | self.data
    }

    /// The level within the class, 0 to 7; 0 is the highest.
    #[must_use]
    pub const fn level(self) -> u32 {
        self.data & LEVEL
    }

    /// The name of the class that `ionice(1)` uses; `None` if the class is not known.
    #[must_use]
    pub const fn class_name(self) -> Option<&'static str> {
        Some(match self.class {
            0 => "none",
            1 => "realtime",
            2 => "best-effort",
            3 => "idle",
            _ => return None,
        })
    }
}

/// Names of `SCHED_*`, by number.
const POLICIES: [&str; 8] = [
    "OTHER", "FIFO", "RR", "BATCH", "ISO", "IDLE", "DEADLINE", "EXT",
];

impl<'a> Sched<'a> {
    /// The name of the policy, such as `OTHER`, `DEADLINE` or `EXT`; `None` if the
    /// policy is not known.
    #[must_use]
    pub fn policy_name(&self) -> Option<&'static str> {
        POLICIES.get(self.policy as usize).copied()
    }

    /// Decodes the attribute.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let offsets: TaskDiagSched = read(bytes);
        let cpus = bitmap(bytes, offsets.cpus_off, offsets.cpus_len)?;
        let mems = bitmap(bytes, offsets.mems_off, offsets.mems_len)?;
        let sched = offsets;
        let has = |bit: u32| sched.valid & bit != 0;
        let deadline = has(abi::TASK_DIAG_SCHED_VALID_DEADLINE);
        let uclamp = has(abi::TASK_DIAG_SCHED_VALID_UCLAMP);
        let ioprio = has(abi::TASK_DIAG_SCHED_VALID_IOPRIO);
        let autogroup = has(abi::TASK_DIAG_SCHED_VALID_AUTOGROUP);
        let priority = |value| ioprio.then_some(IoPriority::new(value));
        Ok(Self {
            policy: sched.policy,
            nice: sched.nice,
            priority: sched.priority,
            rt_priority: sched.rt_priority,
            flags: has(abi::TASK_DIAG_SCHED_VALID_FLAGS).then_some(sched.flags),
            runtime: has(abi::TASK_DIAG_SCHED_VALID_RUNTIME).then_some(sched.runtime),
            deadline: deadline.then_some(sched.deadline),
            period: deadline.then_some(sched.period),
            util_min: uclamp.then_some(sched.util_min),
            util_max: uclamp.then_some(sched.util_max),
            ioprio: priority(sched.ioprio),
            ioprio_effective: priority(sched.ioprio_effective),
            timer_slack: has(abi::TASK_DIAG_SCHED_VALID_TIMER_SLACK).then_some(sched.timer_slack),
            autogroup: autogroup.then_some(sched.autogroup),
            autogroup_nice: autogroup.then_some(sched.autogroup_nice),
            cpus: cpus.filter(|_| has(abi::TASK_DIAG_SCHED_VALID_CPUS)),
            mems: mems.filter(|_| has(abi::TASK_DIAG_SCHED_VALID_MEMS)),
        })
    }

    /// Returns a view that borrows the bitmaps.
    pub(super) fn borrowed(&self) -> Sched<'_> {
        Sched {
            cpus: self.cpus.as_ref().map(NumberSet::borrowed),
            mems: self.mems.as_ref().map(NumberSet::borrowed),
            ..*self
        }
    }

    /// Returns a copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Sched<'static> {
        Sched {
            cpus: self.cpus.map(NumberSet::into_owned),
            mems: self.mems.map(NumberSet::into_owned),
            ..self
        }
    }
}

/// Returns the bitmap at this offset; `None` if its length is 0.
fn bitmap(bytes: &[u8], offset: u32, len: u32) -> Result<Option<NumberSet<'_>>, Malformed> {
    if len == 0 {
        return Ok(None);
    }
    let from = bytes.get(offset as usize..).unwrap_or_default();
    let bitmap = from
        .get(..len as usize)
        .ok_or(Malformed("a bitmap ends after the end of its attribute"))?;
    Ok(Some(NumberSet::new(bitmap)))
}

impl From<&Sched<'_>> for TaskDiagSched {
    /// The structure without the bitmaps: their offsets and lengths are 0.
    fn from(sched: &Sched<'_>) -> Self {
        let mut valid = 0;
        let mut set = |bit, is_some: bool| {
            if is_some {
                valid |= bit;
            }
        };
        let uclamp = sched.util_min.and(sched.util_max);
        let ioprio = sched.ioprio.and(sched.ioprio_effective);
        let autogroup = sched.autogroup.is_some() && sched.autogroup_nice.is_some();
        set(abi::TASK_DIAG_SCHED_VALID_FLAGS, sched.flags.is_some());
        set(abi::TASK_DIAG_SCHED_VALID_RUNTIME, sched.runtime.is_some());
        set(
            abi::TASK_DIAG_SCHED_VALID_DEADLINE,
            sched.deadline.and(sched.period).is_some(),
        );
        set(abi::TASK_DIAG_SCHED_VALID_UCLAMP, uclamp.is_some());
        set(abi::TASK_DIAG_SCHED_VALID_IOPRIO, ioprio.is_some());
        set(
            abi::TASK_DIAG_SCHED_VALID_TIMER_SLACK,
            sched.timer_slack.is_some(),
        );
        set(abi::TASK_DIAG_SCHED_VALID_AUTOGROUP, autogroup);
        set(abi::TASK_DIAG_SCHED_VALID_CPUS, sched.cpus.is_some());
        set(abi::TASK_DIAG_SCHED_VALID_MEMS, sched.mems.is_some());
        let ioprio = |priority: Option<IoPriority>| priority.map_or(0, IoPriority::value);
        Self {
            flags: sched.flags.unwrap_or_default(),
            runtime: sched.runtime.unwrap_or_default(),
            deadline: sched.deadline.unwrap_or_default(),
            period: sched.period.unwrap_or_default(),
            timer_slack: sched.timer_slack.unwrap_or_default(),
            autogroup: sched.autogroup.unwrap_or_default(),
            policy: sched.policy,
            nice: sched.nice,
            priority: sched.priority,
            rt_priority: sched.rt_priority,
            autogroup_nice: sched.autogroup_nice.unwrap_or_default(),
            util_min: sched.util_min.unwrap_or_default(),
            util_max: sched.util_max.unwrap_or_default(),
            ioprio: ioprio(sched.ioprio),
            ioprio_effective: ioprio(sched.ioprio_effective),
            valid,
            ..Self::default()
        }
    }
}
