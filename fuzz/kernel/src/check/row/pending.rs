// SPDX-License-Identifier: MIT
//! A row of which messages are still to be received.

use super::{Row, VMA_GROUPS};
use crate::groups::{self, GROUPS, Shape};
use taskdiag::abi;

/// The current row, with the contents of its messages so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) pid: u32,
    pub(super) tgid: u32,
    pub(super) groups: u64,
    pub(super) absent: Option<abi::TaskDiagAbsent>,
    /// The next message continues the row.
    pub(super) more: bool,
    /// Stage of the last group so far, see [`super::GroupPosition`].
    pub(super) stage: u8,
}

impl Pending {
    /// Begins a row with its first message.
    pub(crate) fn new(row: &Row) -> Self {
        Self {
            pid: row.pid,
            tgid: row.tgid,
            groups: row.groups,
            absent: row.absent,
            more: row.more,
            stage: row.positions.map_or(0, |(_, last)| last.stage),
        }
    }

    /// Adds a message with `TASK_DIAG_FLAG_CONT`.
    pub(crate) fn add(&mut self, row: &Row) -> Result<(), String> {
        if (row.pid, row.tgid) != (self.pid, self.tgid) {
            return Err(format!(
                "a continuation of task {} of {} after task {} of {}",
                row.pid, row.tgid, self.pid, self.tgid
            ));
        }
        if self.absent.is_some() {
            return Err(format!(
                "a continuation of task {} after its ABSENT",
                row.pid
            ));
        }
        if row.groups == 0 && row.absent.is_none() {
            return Err(format!(
                "a continuation of task {} without an attribute",
                row.pid
            ));
        }
        if let Some((first, last)) = row.positions {
            if first.stage < self.stage {
                return Err(format!(
                    "group {} of task {} is out of order",
                    first.bit, row.pid
                ));
            }
            self.stage = last.stage;
        }
        let once = row.groups & self.groups & whole_groups();
        if once != 0 {
            return Err(format!("task {} has groups {once:#x} twice", row.pid));
        }
        self.groups |= row.groups;
        self.absent = row.absent;
        self.more = row.more;
        Ok(())
    }

    /// Whether the last message of the row has been received.
    pub(crate) const fn is_complete(&self) -> bool {
        !self.more
    }

    /// Checks a complete row. Returns the groups that are listed as gone.
    pub(crate) fn end(&self, show: u64) -> Result<u64, String> {
        let absent = self.absent.unwrap_or_default();
        let masks = [
            absent.gone,
            absent.denied,
            absent.busy,
            absent.limit,
            absent.leader,
        ];
        let all = masks.iter().fold(0, |all, mask| all | mask);
        let title = || format!("task {} with groups {:#x}", self.pid, self.groups);
        if self.more {
            return Err(format!("{}: the last message is missing", title()));
        }
        if self.absent.is_some() && all == 0 {
            return Err(format!("{}: an empty ABSENT", title()));
        }
        if masks.iter().map(|mask| mask.count_ones()).sum::<u32>() != all.count_ones() {
            return Err(format!("{}: masks overlap: {absent:x?}", title()));
        }
        if all & !(show & groups::appended()) != 0 {
            return Err(format!(
                "{}: masks {absent:x?} exceed the request {show:#x}",
                title()
            ));
        }
        let missing = show & !self.groups & !all;
        if missing != 0 {
            return Err(format!(
                "{}: groups {missing:#x} are missing, {absent:x?}",
                title()
            ));
        }
        if all & self.groups & whole_groups() != 0 {
            return Err(format!("{}: present and absent: {absent:x?}", title()));
        }
        let thread = self.pid != self.tgid;
        if absent.leader & !VMA_GROUPS != 0 || (absent.leader != 0) && !thread {
            return Err(format!("{}: invalid leader mask: {absent:x?}", title()));
        }
        if thread && self.groups & VMA_GROUPS != 0 {
            return Err(format!(
                "{}: memory mappings in the row of a thread",
                title()
            ));
        }
        Ok(absent.gone)
    }

    /// Returns the groups that the caller may not read.
    pub(crate) fn denied(&self) -> u64 {
        self.absent.map_or(0, |absent| absent.denied)
    }
}

/// Returns the groups with one attribute per row.
fn whole_groups() -> u64 {
    GROUPS
        .iter()
        .filter(|group| matches!(group.shape, Shape::Structure(_) | Shape::WithString(_)))
        .fold(0, |bits, group| bits | 1 << group.bit)
}
