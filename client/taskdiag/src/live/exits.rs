// SPDX-License-Identifier: MIT
//! Whose exit an exit is: no I/O.
//!
//! The event of an exit has a number and no identity, and comes after the
//! process is a zombie: by then it may be reaped, and its number be another's.
//! Each process has one such event. So they are counted: if there were as many
//! of a number as processes with it have died, the last is that of the last to
//! die. Otherwise nobody knows, and nothing is told.

use std::collections::BTreeMap;

use super::hints::{End, Hint};
use crate::pid::Pid;

/// What is known of how a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing so far.
    #[default]
    NotYet,
    /// This.
    Told(End),
    /// That will not be known.
    Untold,
}

impl Ending {
    pub(super) const fn told(self) -> Option<End> {
        match self {
            Self::Told(end) => Some(end),
            Self::NotYet | Self::Untold => None,
        }
    }

    /// The same, or how a thread ended that was the last to do so.
    fn or_later(self, end: Option<End>) -> Self {
        match (self, end) {
            (Self::Told(told), Some(end)) if end.time > told.time => Self::Told(end),
            _ => self,
        }
    }
}

/// Who has a number, before it was asked about and now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bearers {
    /// What is known of the end of the one before, if there was one.
    pub(super) before: Option<Ending>,
    /// Whether that is the one now.
    pub(super) same: bool,
    /// Whether there is one now, and it is dead.
    pub(super) now: Option<Dead>,
}

/// Whether a process has ended: a zombie, unless it is gone.
pub(super) type Dead = bool;

/// The ends of the processes with one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    /// That of the one before, where it is not the one now.
    pub(super) before: Ending,
    /// That of the one now.
    pub(super) now: Ending,
}

/// The exits that are still to be told: of processes that were gone before.
#[derive(Debug, Default)]
pub(super) struct Owed(BTreeMap<Pid, u32>);

impl Owed {
    /// Gives each their end. After a loss the count says nothing.
    pub(super) fn settle(&mut self, pid: Pid, who: Bearers, hint: &Hint, lost: bool) -> Ends {
        let owed = self.0.remove(&pid).unwrap_or(0);
        let ends = if lost {
            Count::new(0, who, hint).unsure()
        } else {
            let count = Count::new(owed, who, hint);
            self.owe(pid, count.still_owed());
            count.ends()
        };
        ends.of_the_living(who)
    }

    fn owe(&mut self, pid: Pid, exits: u32) {
        if exits > 0 {
            self.0.insert(pid, exits);
        }
    }
}

impl Ends {
    /// Who lives has not ended, whatever the first thread has done.
    fn of_the_living(self, who: Bearers) -> Self {
        let now = match who.now {
            Some(true) => self.now,
            Some(false) | None => Ending::NotYet,
        };
        Self { now, ..self }
    }
}

/// Who with a number has died, as against the exits that were told of it.
#[derive(Debug)]
struct Count<'a> {
    who: Bearers,
    hint: &'a Hint,
    /// Those gone before.
    owed: u32,
    /// The one before, if it is gone.
    before: u32,
    /// Those that came and went unseen.
    between: u32,
    /// The one now, if it is dead.
    now: u32,
}

impl<'a> Count<'a> {
    fn new(owed: u32, who: Bearers, hint: &'a Hint) -> Self {
        let arrived = u32::from(who.now.is_some() && !who.same);
        let born = if who.same { 0 } else { hint.forks.max(arrived) };
        let unknown = who.before.is_none_or(|ending| ending == Ending::NotYet);
        let dead = who.now == Some(true);
        Self {
            who,
            hint,
            owed,
            before: u32::from(!who.same && who.before == Some(Ending::NotYet)),
            between: born - arrived,
            now: u32::from(dead && (!who.same || unknown)),
        }
    }

    fn gone(&self) -> u32 {
        self.owed + self.before + self.between
    }

    /// Exits to come of those who are gone. The one who is there is told of
    /// when its own comes, unless it cannot be told which that is.
    fn still_owed(&self) -> u32 {
        let exits = self.hint.exits;
        match exits {
            0 => self.gone(),
            _ => (self.gone() + self.now).saturating_sub(exits),
        }
    }

    fn ends(&self) -> Ends {
        let exits = self.hint.exits;
        let dead = self.gone() + self.now;
        if self.is_of_one() && exits >= dead {
            return self.of_one();
        }
        if exits == 0 {
            return self.unchanged();
        }
        let last = match self.hint.process_end() {
            Some(end) if exits == dead => Ending::Told(end),
            _ => return self.unsure(),
        };
        match (self.now, self.between) {
            (1, _) => Ends {
                before: self.former(Ending::Untold),
                now: last,
            },
            (_, 0) => Ends {
                before: self.former(last),
                now: self.kept(),
            },
            _ => self.unsure(),
        }
    }

    /// Whether there was one only, as far as is known.
    fn is_of_one(&self) -> bool {
        let replaced = self.who.before.is_some() && self.who.now.is_some() && !self.who.same;
        self.owed == 0 && self.between == 0 && !replaced
    }

    /// There was one only: the last of its threads says how it ended.
    fn of_one(&self) -> Ends {
        let told = match self.who.before {
            Some(Ending::NotYet) | None => {
                self.hint.process_end().map_or(Ending::NotYet, Ending::Told)
            }
            Some(before) => before.or_later(self.hint.end),
        };
        let ending = told.or_later(self.hint.thread_end);
        Ends {
            before: ending,
            now: ending,
        }
    }

    /// No exit was told.
    fn unchanged(&self) -> Ends {
        Ends {
            before: self.who.before.unwrap_or_default(),
            now: self.kept(),
        }
    }

    /// What was known of the one now.
    fn kept(&self) -> Ending {
        match self.who.before {
            Some(before) if self.who.same => before,
            _ => Ending::NotYet,
        }
    }

    /// Exits were told, and nobody knows whose.
    fn unsure(&self) -> Ends {
        Ends {
            before: self.former(Ending::Untold),
            now: if self.who.same {
                self.former(Ending::Untold)
            } else {
                Ending::Untold
            },
        }
    }

    /// What was known of the one before, or else this.
    fn former(&self, otherwise: Ending) -> Ending {
        match self.who.before {
            None | Some(Ending::NotYet) => otherwise,
            Some(known) => known,
        }
    }
}

#[cfg(test)]
mod tests;
