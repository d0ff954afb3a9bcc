// SPDX-License-Identifier: MIT
//! Assigns exit events to processes: no I/O.
//!
//! An exit event carries a pid and no identity, and arrives after the process
//! has become a zombie: by then the process may be reaped and its pid reused.
//! Each process sends one such event. So the events per pid are counted: if
//! there were as many as processes with that pid that have died, the last event
//! belongs to the process that died last. Otherwise the assignment is
//! ambiguous, and no exit status is reported.

use std::collections::BTreeMap;

use super::pending::{ExitRecord, PendingUpdate};
use crate::pid::Pid;

/// Knowledge about the exit of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ExitState {
    /// No event has been received.
    #[default]
    NotReported,
    /// The event of this process.
    Known(ExitRecord),
    /// The event cannot be identified, and will not be.
    Unknown,
}

impl ExitState {
    pub(super) const fn known(self) -> Option<ExitRecord> {
        match self {
            Self::Known(end) => Some(end),
            Self::NotReported | Self::Unknown => None,
        }
    }

    /// Returns a later exit of another thread, if this exit is known.
    fn or_later(self, end: Option<ExitRecord>) -> Self {
        match (self, end) {
            (Self::Known(known), Some(end)) if end.time > known.time => Self::Known(end),
            _ => self,
        }
    }
}

/// The process with a pid before a query, and after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PidHistory {
    /// Exit of the process before the query, if there was one.
    pub(super) before: Option<ExitState>,
    /// Whether both are the same process.
    pub(super) same: bool,
    /// Whether the process after the query is dead; `None` if there is none.
    pub(super) now: Option<IsDead>,
}

/// Whether a process has ended and is a zombie.
pub(super) type IsDead = bool;

/// The exits of the processes with one pid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ExitStates {
    /// Exit of the process before the query, if another one is there now.
    pub(super) before: ExitState,
    /// Exit of the process after the query.
    pub(super) now: ExitState,
}

/// Number of exit events to come per pid, of processes that are already gone.
#[derive(Debug, Default)]
pub(super) struct MissingExits(BTreeMap<Pid, u32>);

impl MissingExits {
    /// Returns the exits of both processes. After a loss of events the counts
    /// are meaningless, and no exit is assigned.
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
    /// Removes the exit of a process that lives: it has not ended, even if its
    /// first thread has.
    fn without_living(self, history: PidHistory) -> Self {
        let now = match history.now {
            Some(true) => self.now,
            Some(false) | None => ExitState::NotReported,
        };
        Self { now, ..self }
    }
}

/// Number of processes with one pid that have died, against the exit events.
#[derive(Debug)]
struct ExitCount<'a> {
    history: PidHistory,
    pending: &'a PendingUpdate,
    /// Processes gone before the last query, whose event was missing.
    missing: u32,
    /// 1 if the process before the query is gone.
    before: u32,
    /// Processes that started and ended between the queries.
    between: u32,
    /// 1 if the process after the query is dead.
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

    /// Returns the number of exit events to come of processes that are gone.
    /// The event of the present process updates its row later, unless the
    /// assignment is ambiguous.
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

    /// Whether only one process can have sent the events.
    fn is_single_process(&self) -> bool {
        let replaced =
            self.history.before.is_some() && self.history.now.is_some() && !self.history.same;
        self.missing == 0 && self.between == 0 && !replaced
    }

    /// Exit of the only process: its last thread determines the status.
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

    /// No exit event was received.
    fn unchanged(&self) -> ExitStates {
        ExitStates {
            before: self.history.before.unwrap_or_default(),
            now: self.current(),
        }
    }

    /// Returns the known exit of the process after the query.
    fn current(&self) -> ExitState {
        match self.history.before {
            Some(before) if self.history.same => before,
            _ => ExitState::NotReported,
        }
    }

    /// The exit events cannot be assigned.
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

    /// Returns the known exit of the process before the query, or else
    /// `otherwise`.
    fn before_or(&self, otherwise: ExitState) -> ExitState {
        match self.history.before {
            None | Some(ExitState::NotReported) => otherwise,
            Some(known) => known,
        }
    }
}

#[cfg(test)]
mod tests;
