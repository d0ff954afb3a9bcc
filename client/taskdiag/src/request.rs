// SPDX-License-Identifier: MIT
//! What is asked: which tasks, what about them, as seen from where.
//!
//! Types only; how a request looks on the wire is the codec's business.

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};

use crate::abi;
use crate::error::{Error, KernelError};
use crate::filter::{Filters, States};
use crate::pid::Pid;
use crate::show::Show;
use crate::task::VmaFlags;

/// Which tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// Every process.
    All,
    /// Every thread of every process.
    AllThreads,
    /// One process or thread.
    One(Pid),
    /// The children of a process.
    Children(Pid),
    /// The threads of a process.
    Threads(Pid),
    /// The children of a process, theirs, and so on; parents come before their
    /// children.
    Descendants(Pid),
}

/// As seen from where: the pid namespace whose numbers are meant and given,
/// and outside of which nothing is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The asker's own.
    #[default]
    Own,
    /// That of this process, a number in the asker's own namespace. Needs
    /// `CAP_SYS_ADMIN` over the user namespace that owns the asker's pid
    /// namespace.
    Process(Pid),
}

/// A request.
///
/// ```
/// use taskdiag::{Request, Scope, Show, Strategy};
///
/// let request = Request::new(Strategy::Children(1))
///     .show(Show::BASE | Show::CRED)
///     .scope(Scope::Own);
/// assert_eq!(request.strategy, Strategy::Children(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Request {
    /// Which tasks.
    pub strategy: Strategy,
    /// Which of these are told of at all.
    pub filters: Filters,
    /// What about them.
    pub show: Show,
    /// As seen from where.
    pub scope: Scope,
}

impl Request {
    /// Asks for the group [`Show::BASE`] of these tasks, as seen from the
    /// asker's own pid namespace.
    #[must_use]
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            filters: Filters::default(),
            show: Show::BASE,
            scope: Scope::Own,
        }
    }

    /// Asks for these groups.
    #[must_use]
    pub fn show(mut self, show: Show) -> Self {
        self.show = show;
        self
    }

    /// Asks as seen from there.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Asks for tasks with this effective user id only.
    #[must_use]
    pub fn uid(mut self, uid: u32) -> Self {
        self.filters.uid = Some(uid);
        self
    }

    /// Asks for tasks in the cgroup with this number only, or below it.
    #[must_use]
    pub fn cgroup(mut self, id: u64) -> Self {
        self.filters.cgroup = Some(id);
        self
    }

    /// Asks for tasks in one of these states only.
    #[must_use]
    pub fn states(mut self, states: States) -> Self {
        self.filters.states = Some(states);
        self
    }

    /// Asks for tasks only whose name begins with these bytes.
    #[must_use]
    pub fn comm(mut self, beginning: &[u8]) -> Self {
        self.filters.comm = Some(beginning.to_owned());
        self
    }

    /// Asks for these of the tasks only.
    #[must_use]
    pub fn pids(mut self, pids: impl IntoIterator<Item = Pid>) -> Self {
        self.filters.pids = Some(pids.into_iter().collect());
        self
    }

    /// Asks for memory areas with all of these flags only.
    #[must_use]
    pub fn vma_flags(mut self, flags: VmaFlags) -> Self {
        self.filters.vma_flags = Some(flags);
        self
    }
}

impl Request {
    /// The `NLM_F_*` flags of a request for one task: groups that may outgrow
    /// a message come in dumps only.
    pub(crate) fn flags_for_one(&self) -> u16 {
        match self.strategy {
            Strategy::One(_) if self.show.intersects(Show::NEEDS_DUMP) => {
                NLM_F_REQUEST | NLM_F_DUMP
            }
            _ => NLM_F_REQUEST,
        }
    }

    /// The error of an answer to it, as a request for one task, that has none.
    pub(crate) fn without_answer(&self) -> Error {
        if self.flags_for_one() & NLM_F_DUMP != 0 {
            // It was there when it was asked for.
            return KernelError::new(nix::libc::ESRCH).into();
        }
        Error::Decode {
            what: "it holds no task".to_owned(),
        }
    }
}

impl From<&Request> for abi::TaskDiagPid {
    fn from(request: &Request) -> Self {
        let (dump_strategy, pid) = match request.strategy {
            Strategy::All => (abi::TASK_DIAG_DUMP_ALL, 0),
            Strategy::One(pid) => (abi::TASK_DIAG_DUMP_ONE, pid),
            Strategy::Children(pid) => (abi::TASK_DIAG_DUMP_CHILDREN, pid),
            Strategy::Threads(pid) => (abi::TASK_DIAG_DUMP_THREAD, pid),
            Strategy::AllThreads => (abi::TASK_DIAG_DUMP_ALL_THREAD, 0),
            Strategy::Descendants(pid) => (abi::TASK_DIAG_DUMP_DESCENDANTS, pid),
        };
        Self {
            show_flags: request.show.bits(),
            dump_strategy,
            pid,
            reserved: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_has_its_number() {
        let wire = |strategy| {
            let pid = abi::TaskDiagPid::from(&Request::new(strategy));
            (pid.dump_strategy, pid.pid)
        };
        assert_eq!(wire(Strategy::All), (0, 0));
        assert_eq!(wire(Strategy::One(7)), (1, 7));
        assert_eq!(wire(Strategy::Children(7)), (2, 7));
        assert_eq!(wire(Strategy::Threads(7)), (3, 7));
        assert_eq!(wire(Strategy::AllThreads), (4, 0));
        assert_eq!(wire(Strategy::Descendants(7)), (5, 7));
    }
}
