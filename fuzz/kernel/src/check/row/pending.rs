// SPDX-License-Identifier: MIT
//! A row of which messages are still to be received.

use super::{OWNER_GROUPS, PTRACE_GROUPS, Row, VMA_GROUPS};
use crate::check::rights::Levels;
use crate::groups::{self, GROUPS, Shape};
use taskdiag::abi;

/// The current row, with the contents of its messages so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) pid: u32,
    pub(super) tgid: u32,
    pub(super) groups: u64,
    pub(super) absent: Option<abi::TaskDiagAbsent>,
    pub(super) creds: Option<abi::TaskDiagCreds>,
    pub(super) stat: Option<abi::TaskDiagStat>,
    pub(super) files: Option<abi::TaskDiagFiles>,
    pub(super) has_memory: bool,
    /// The kind of the next path.
    pub(super) next_path: u32,
    /// The valid levels of the row.
    pub(super) levels: Levels,
    /// The next message continues the row.
    pub(super) more: bool,
    /// Stage of the last group so far, see [`super::GroupPosition`].
    pub(super) stage: u8,
}

impl Pending {
    /// Begins a row with its first message.
    pub(crate) fn new(row: &Row, levels: Levels) -> Self {
        Self {
            pid: row.pid,
            tgid: row.tgid,
            groups: row.groups,
            absent: row.absent,
            creds: row.creds,
            stat: row.stat,
            files: row.files,
            has_memory: row.has_memory,
            // An invalid first path is found at the end of the row.
            next_path: match row.paths {
                Some((0, last)) => last + 1,
                _ => 0,
            },
            levels,
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
        if let Some((first, last)) = row.paths {
            if first != self.next_path {
                return Err(format!(
                    "task {} has path {first} instead of {}",
                    row.pid, self.next_path
                ));
            }
            self.next_path = last + 1;
        }
        self.groups |= row.groups;
        self.absent = row.absent;
        self.files = self.files.or(row.files);
        self.has_memory |= row.has_memory;
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
        let absent_groups = all & !absent.denied;
        if all & !show != 0 || absent_groups & !groups::appended() != 0 {
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
        if all & self.groups & whole_groups() & !self.limits_only() != 0 {
            return Err(format!("{}: present and absent: {absent:x?}", title()));
        }
        let paths = self.groups & abi::TASK_DIAG_SHOW_PATHS & !all != 0;
        if paths && self.next_path <= abi::TASK_DIAG_PATH_MAX {
            return Err(format!("{}: path {} is missing", title(), self.next_path));
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

    /// Returns the bit of FILES if the row has only its limits, as the caller may not
    /// read the rest.
    fn limits_only(&self) -> u64 {
        match self.files {
            Some(files) if files.valid == 0 => self.denied() & abi::TASK_DIAG_SHOW_FILES,
            _ => 0,
        }
    }

    /// Returns the groups that the caller may not read.
    pub(crate) fn denied(&self) -> u64 {
        self.absent.map_or(0, |absent| absent.denied)
    }

    /// Checks a complete row against its valid levels. Returns false if it lacks a
    /// group or field, as the caller may not ptrace the task. `changed`: the reader may
    /// have lost rights since the row began.
    pub(crate) fn check_level(&self, show: u64, changed: bool) -> Result<bool, String> {
        let Levels {
            full,
            readable,
            listed,
            constant,
        } = self.levels;
        // A task that changes can become invisible before its row is complete.
        let lost = if changed || !constant {
            show & groups::appended()
        } else {
            0
        };
        // Only the owner of these files may read them: root for a zombie.
        if full && self.is_full(lost | OWNER_GROUPS) {
            return Ok(true);
        }
        if readable && self.is_readable(show, lost) || listed && self.is_listed(show) {
            return Ok(false);
        }
        Err(format!(
            "the denied groups and fields match none of {:?}: {self:?}",
            self.levels
        ))
    }

    fn is_full(&self, lost: u64) -> bool {
        let valid = abi::TASK_DIAG_CRED_VALID_SECUREBITS;
        self.denied() & !lost == 0
            && self.limits_only() == 0
            && self.creds.is_none_or(|creds| creds.valid & valid != 0)
    }

    /// Whether the row has exactly the groups and fields that files of procfs show to
    /// every user. `lost`: groups that may be denied as well.
    fn is_readable(&self, show: u64, lost: u64) -> bool {
        let gated = show & PTRACE_GROUPS;
        let files = show & abi::TASK_DIAG_SHOW_FILES;
        let absent = self.absent.unwrap_or_default();
        // A task without memory has no mappings and an empty environment, and its thread
        // refers to the leader.
        let of_memory = VMA_GROUPS | abi::TASK_DIAG_SHOW_ENVIRON;
        let empty = of_memory & (self.groups | absent.leader);
        let open = show & !groups::appended() & !PTRACE_GROUPS;
        self.groups & gated & !of_memory == 0
            && !self.has_memory
            && gated & !(absent.denied | absent.gone | empty) == 0
            && absent.denied & !(gated | files | lost) == 0
            && open & !self.groups == 0
            && self.groups & files & !self.limits_only() == 0
            && self.creds.is_none_or(|creds| creds.valid == 0)
            && self.stat.is_none_or(|stat| {
                stat.exit_code == 0 && stat.valid & abi::TASK_DIAG_STAT_VALID_EXIT_CODE == 0
            })
    }

    /// Whether the row has only the pid of the task.
    fn is_listed(&self, show: u64) -> bool {
        let gone = self.absent.map_or(0, |absent| absent.gone);
        self.groups == 0 && show & !(self.denied() | gone) == 0
    }
}

/// Returns the groups with one attribute per row.
fn whole_groups() -> u64 {
    GROUPS
        .iter()
        .filter(|group| {
            matches!(
                group.shape,
                Shape::Structure(_)
                    | Shape::WithString(_)
                    | Shape::WithBitmaps(_)
                    | Shape::Array(_)
            )
        })
        .fold(0, |bits, group| bits | 1 << group.bit)
}
