// SPDX-License-Identifier: MIT
//! Filters: conditions on tasks and on their memory mappings.

use std::fmt;
use std::str::FromStr;

use crate::abi;
use crate::pid::Pid;
use crate::task::{State, VmaFlags};

/// Conditions on the tasks of a strategy. A task is reported only if all of
/// them hold.
///
/// The kernel applies the filters before it collects the groups, so a filtered
/// task costs little.
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
    /// Effective user id, in the user namespace of the caller.
    pub uid: Option<u32>,
    /// Id of a cgroup of the default hierarchy; tasks in cgroups below it are
    /// included.
    pub cgroup: Option<u64>,
    /// States, one of which the task must have.
    pub states: Option<States>,
    /// Prefix of the task's name: 1 to 15 bytes, without NUL.
    pub comm: Option<Vec<u8>>,
    /// Pids in the pid namespace of the request, at least one and in any order.
    ///
    /// With [`Strategy::All`](crate::Strategy::All) and
    /// [`Strategy::AllThreads`](crate::Strategy::AllThreads) the kernel looks
    /// up only these tasks instead of all. Pids of tasks that do not exist or
    /// are not visible are ignored.
    pub pids: Option<Vec<Pid>>,
    /// Flags, all of which a memory mapping must have.
    ///
    /// Requires [`Show::VMA`](crate::Show::VMA) or
    /// [`Show::VMA_STAT`](crate::Show::VMA_STAT). The set of reported tasks
    /// does not depend on this filter.
    pub vma_flags: Option<VmaFlags>,
}

impl Filters {
    /// Whether all filters that are set are `uid` and `comm`: a caller that has
    /// [`Base`](crate::Base) and [`Cred`](crate::Cred) of a task can apply them.
    #[must_use]
    pub const fn need_only_base_and_cred(&self) -> bool {
        // Without `..`: a new filter has to be considered here.
        let Self {
            uid: _,
            cgroup,
            states,
            comm: _,
            pids,
            vma_flags,
        } = self;
        cgroup.is_none() && states.is_none() && pids.is_none() && vma_flags.is_none()
    }
}

bitflags::bitflags! {
    /// A set of [`State`]s.
    ///
    /// Its text form is a list of letters:
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
    /// Returns the states that have a bit in the set, with their bits.
    fn known() -> impl Iterator<Item = (Self, State)> {
        (0..u8::BITS as u8 * size_of::<Self>() as u8).filter_map(|number| {
            let set = Self::from_bits(1 << number)?;
            Some((set, State::from(number)))
        })
    }
}

/// Error of parsing [`States`]: a letter is not that of a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown state {letter:?}; the states are {}", States::all())]
pub struct ParseStatesError {
    letter: char,
}

impl FromStr for States {
    type Err = ParseStatesError;

    /// Parses letters in any order.
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
    /// Writes the letters in the order of the bits: `RSDTtXZPI`.
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
    fn only_uid_and_comm_need_only_base_and_cred() {
        let mut filters = Filters::default();
        (filters.uid, filters.comm) = (Some(0), Some(b"a".to_vec()));
        assert!(filters.need_only_base_and_cred());
        let change: [fn(&mut Filters); 4] = [
            |filters| filters.cgroup = Some(1),
            |filters| filters.states = Some(States::ZOMBIE),
            |filters| filters.pids = Some(vec![1]),
            |filters| filters.vma_flags = Some(VmaFlags::EXEC),
        ];
        for change in change {
            let mut filters = filters.clone();
            change(&mut filters);
            assert!(!filters.need_only_base_and_cred(), "{filters:?}");
        }
    }

    #[test]
    fn displayed_states_are_parsed_unchanged() {
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
