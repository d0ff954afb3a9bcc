// SPDX-License-Identifier: MIT
//! Whose exit an exit is: no I/O.
//!
//! The event of an exit has a number and no identity, and comes after the
//! process is a zombie: by then it may be reaped, and its number be another's.
//! Each process has one such event. So they are counted: if there were as many
//! of a number as processes with it have died, the last is that of the last to
//! die. Otherwise nobody knows, and nothing is told.

use std::collections::BTreeMap;

use super::pending::{ExitRecord, PendingUpdate};
use crate::pid::Pid;

/// What is known of how a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ExitState {
    /// Nothing so far.
    #[default]
    NotReported,
    /// This.
    Known(ExitRecord),
    /// That will not be known.
    Unknown,
}

impl ExitState {
    pub(super) const fn known(self) -> Option<ExitRecord> {
        match self {
            Self::Known(end) => Some(end),
            Self::NotReported | Self::Unknown => None,
        }
    }

    /// The same, or how a thread ended that was the last to do so.
    fn or_later(self, end: Option<ExitRecord>) -> Self {
        match (self, end) {
            (Self::Known(known), Some(end)) if end.time > known.time => Self::Known(end),
            _ => self,
        }
    }
}

/// Who has a number, before it was asked about and now.
#[derive(Clone, Copy, Debug)]
pub(super) struct PidHistory {
    /// What is known of the end of the one before, if there was one.
    pub(super) before: Option<ExitState>,
    /// Whether that is the one now.
    pub(super) same: bool,
    /// Whether there is one now, and it is dead.
    pub(super) now: Option<IsDead>,
}

/// Whether a process has ended: a zombie, unless it is gone.
pub(super) type IsDead = bool;

/// The ends of the processes with one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ExitStates {
    /// That of the one before, where it is not the one now.
    pub(super) before: ExitState,
    /// That of the one now.
    pub(super) now: ExitState,
}

/// The exits that are still to be told: of processes that were gone before.
#[derive(Debug, Default)]
pub(super) struct MissingExits(BTreeMap<Pid, u32>);

impl MissingExits {
    /// Gives each their end. After a loss the count says nothing.
    pub(super) fn assign(
        &mut self,
        pid: Pid,
        history: PidHistory,
        pending: &PendingUpdate,
        lost: bool,
    ) -> ExitStates {
        let missing = self.0.remove(&pid).unwrap_or(0);
        let ends = if lost {
            ExitCount::new(0, history, pending).ambiguous()
        } else {
            let count = ExitCount::new(missing, history, pending);
            self.add(pid, count.still_missing());
            count.ends()
        };
        ends.without_living(history)
    }

    fn add(&mut self, pid: Pid, exits: u32) {
        if exits > 0 {
            self.0.insert(pid, exits);
        }
    }
}

impl ExitStates {
    /// Who lives has not ended, whatever the first thread has done.
    fn without_living(self, history: PidHistory) -> Self {
        let now = match history.now {
            Some(true) => self.now,
            Some(false) | None => ExitState::NotReported,
        };
        Self { now, ..self }
    }
}

/// Who with a number has died, as against the exits that were told of it.
#[derive(Debug)]
struct ExitCount<'a> {
    history: PidHistory,
    pending: &'a PendingUpdate,
    /// Those gone before.
    missing: u32,
    /// The one before, if it is gone.
    before: u32,
    /// Those that came and went unseen.
    between: u32,
    /// The one now, if it is dead.
    now: u32,
}

impl<'a> ExitCount<'a> {
    fn new(missing: u32, history: PidHistory, pending: &'a PendingUpdate) -> Self {
        let arrived = u32::from(history.now.is_some() && !history.same);
        let born = if history.same {
            0
        } else {
            pending.forks.max(arrived)
        };
        let unknown = history
            .before
            .is_none_or(|ending| ending == ExitState::NotReported);
        let dead = history.now == Some(true);
        Self {
            history,
            pending,
            missing,
            before: u32::from(!history.same && history.before == Some(ExitState::NotReported)),
            between: born - arrived,
            now: u32::from(dead && (!history.same || unknown)),
        }
    }

    fn gone(&self) -> u32 {
        self.missing + self.before + self.between
    }

    /// Exits to come of those who are gone. The one who is there is told of
    /// when its own comes, unless it cannot be told which that is.
    fn still_missing(&self) -> u32 {
        let exits = self.pending.exits;
        match exits {
            0 => self.gone(),
            _ => (self.gone() + self.now).saturating_sub(exits),
        }
    }

    fn ends(&self) -> ExitStates {
        let exits = self.pending.exits;
        let dead = self.gone() + self.now;
        if self.is_single_process() && exits >= dead {
            return self.for_single_process();
        }
        if exits == 0 {
            return self.unchanged();
        }
        let last = match self.pending.process_exit() {
            Some(end) if exits == dead => ExitState::Known(end),
            _ => return self.ambiguous(),
        };
        match (self.now, self.between) {
            (1, _) => ExitStates {
                before: self.before_or(ExitState::Unknown),
                now: last,
            },
            (_, 0) => ExitStates {
                before: self.before_or(last),
                now: self.current(),
            },
            _ => self.ambiguous(),
        }
    }

    /// Whether there was one only, as far as is known.
    fn is_single_process(&self) -> bool {
        let replaced =
            self.history.before.is_some() && self.history.now.is_some() && !self.history.same;
        self.missing == 0 && self.between == 0 && !replaced
    }

    /// There was one only: the last of its threads says how it ended.
    fn for_single_process(&self) -> ExitStates {
        let known = match self.history.before {
            Some(ExitState::NotReported) | None => self
                .pending
                .process_exit()
                .map_or(ExitState::NotReported, ExitState::Known),
            Some(before) => before.or_later(self.pending.leader_exit),
        };
        let ending = known.or_later(self.pending.thread_exit);
        ExitStates {
            before: ending,
            now: ending,
        }
    }

    /// No exit was told.
    fn unchanged(&self) -> ExitStates {
        ExitStates {
            before: self.history.before.unwrap_or_default(),
            now: self.current(),
        }
    }

    /// What was known of the one now.
    fn current(&self) -> ExitState {
        match self.history.before {
            Some(before) if self.history.same => before,
            _ => ExitState::NotReported,
        }
    }

    /// Exits were told, and nobody knows whose.
    fn ambiguous(&self) -> ExitStates {
        ExitStates {
            before: self.before_or(ExitState::Unknown),
            now: if self.history.same {
                self.before_or(ExitState::Unknown)
            } else {
                ExitState::Unknown
            },
        }
    }

    /// What was known of the one before, or else this.
    fn before_or(&self, otherwise: ExitState) -> ExitState {
        match self.history.before {
            None | Some(ExitState::NotReported) => otherwise,
            Some(known) => known,
        }
    }
}

#[cfg(test)]
mod tests;
