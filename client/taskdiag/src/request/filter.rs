// SPDX-License-Identifier: MIT
//! Which of the tasks, and of their memory areas, are told of at all.

use std::fmt;
use std::str::FromStr;

use crate::abi;
use crate::pid::Pid;
use crate::task::{State, VmaFlags};

/// Filters: of the tasks that a strategy names, those that all of these hold
/// for. The kernel applies them, before it tells anything.
///
/// ```
/// use taskdiag::{Request, Show, States, Strategy};
///
/// let request = Request::new(Strategy::All)
///     .show(Show::BASE)
///     .uid(1000)
///     .states(States::RUNNING | States::UNINTERRUPTIBLE)
///     .comm(b"post");
/// assert_eq!(request.filters.uid, Some(1000));
/// assert_eq!(request.filters.comm.as_deref(), Some(&b"post"[..]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Filters {
    /// Tasks with this effective user id, a number in the asker's user
    /// namespace.
    pub uid: Option<u32>,
    /// Tasks in the cgroup of the default hierarchy with this number, or in
    /// one below it.
    pub cgroup: Option<u64>,
    /// Tasks in one of these states.
    pub states: Option<States>,
    /// Tasks whose name begins with these bytes: 1 to 15, and no NUL.
    pub comm: Option<Vec<u8>>,
    /// These tasks: numbers in the request's pid namespace, in any order, one
    /// at least. With [`Strategy::All`](crate::Strategy::All) and
    /// [`Strategy::AllThreads`](crate::Strategy::AllThreads) nobody else is
    /// looked at. Those that are not there, or may not be seen, are left out
    /// without a word.
    pub pids: Option<Vec<Pid>>,
    /// Of the memory areas, those with all of these flags. Needs
    /// [`Show::VMA`](crate::Show::VMA) or
    /// [`Show::VMA_STAT`](crate::Show::VMA_STAT); which tasks there are in
    /// the answer does not depend on it.
    pub vma_flags: Option<VmaFlags>,
}

bitflags::bitflags! {
    /// What tasks may be doing: a set of [`State`]s.
    ///
    /// Reads and shows itself as letters:
    ///
    /// ```
    /// use taskdiag::States;
    ///
    /// let states: States = "DR".parse()?;
    /// assert_eq!(states, States::RUNNING | States::UNINTERRUPTIBLE);
    /// assert_eq!(states.to_string(), "RD");
    /// # Ok::<(), taskdiag::ParseStatesError>(())
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct States: u32 {
        /// [`State::Running`].
        const RUNNING = 1 << abi::TASK_DIAG_RUNNING;
        /// [`State::Interruptible`].
        const INTERRUPTIBLE = 1 << abi::TASK_DIAG_INTERRUPTIBLE;
        /// [`State::Uninterruptible`].
        const UNINTERRUPTIBLE = 1 << abi::TASK_DIAG_UNINTERRUPTIBLE;
        /// [`State::Stopped`].
        const STOPPED = 1 << abi::TASK_DIAG_STOPPED;
        /// [`State::TraceStop`].
        const TRACE_STOP = 1 << abi::TASK_DIAG_TRACE_STOP;
        /// [`State::Dead`].
        const DEAD = 1 << abi::TASK_DIAG_DEAD;
        /// [`State::Zombie`].
        const ZOMBIE = 1 << abi::TASK_DIAG_ZOMBIE;
        /// [`State::Parked`].
        const PARKED = 1 << abi::TASK_DIAG_PARKED;
        /// [`State::Idle`].
        const IDLE = 1 << abi::TASK_DIAG_IDLE;
    }
}

impl States {
    /// The states that have a number in here, and that.
    fn known() -> impl Iterator<Item = (Self, State)> {
        (0..u8::BITS as u8 * size_of::<Self>() as u8).filter_map(|number| {
            let set = Self::from_bits(1 << number)?;
            Some((set, State::from(number)))
        })
    }
}

/// A letter that stands for no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown state {letter:?}; the states are {}", States::all())]
pub struct ParseStatesError {
    letter: char,
}

impl FromStr for States {
    type Err = ParseStatesError;

    /// Reads letters in any order.
    fn from_str(letters: &str) -> Result<Self, Self::Err> {
        letters
            .chars()
            .map(|letter| {
                Self::known()
                    .find(|(_, state)| state.letter() == letter)
                    .map(|(set, _)| set)
                    .ok_or(ParseStatesError { letter })
            })
            .collect()
    }
}

impl fmt::Display for States {
    /// Letters, in the order of the numbers: `RSDTtXZPI`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::known()
            .filter(|&(set, _)| self.contains(set))
            .try_for_each(|(_, state)| state.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_what_they_write() {
        assert_eq!(States::all().to_string(), "RSDTtXZPI");
        for bits in 0..=States::all().bits() {
            let states = States::from_bits(bits).unwrap();
            assert_eq!(states.to_string().parse(), Ok(states));
        }
        assert_eq!(
            "Rz".parse::<States>().unwrap_err().to_string(),
            "unknown state 'z'; the states are RSDTtXZPI"
        );
    }
}
