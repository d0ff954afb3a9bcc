// SPDX-License-Identifier: MIT
//! What is asked: which tasks, what about them, as seen from where.
//!
//! Types only; how a request looks on the wire is the codec's business.

use std::fmt;
use std::str::FromStr;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};

use crate::abi;
use crate::filter::{Filters, States};
use crate::names;
use crate::task::VmaFlags;

/// The number of a process or thread, in the pid namespace of the request.
pub type Pid = u32;

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

bitflags::bitflags! {
    /// What about the tasks: a set of groups of facts.
    ///
    /// A kernel may be built without a group; asking for such a one fails with
    /// `EOPNOTSUPP`, and the error names the group. An empty set asks for the
    /// tasks' numbers only.
    ///
    /// Reads and shows itself as a list of names:
    ///
    /// ```
    /// use taskdiag::Show;
    ///
    /// let show: Show = "base,cred".parse()?;
    /// assert_eq!(show, Show::BASE | Show::CRED);
    /// assert_eq!(show.to_string(), "base,cred");
    /// # Ok::<(), taskdiag::ParseShowError>(())
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Show: u64 {
        /// Who the task is: [`crate::Base`].
        const BASE = abi::TASK_DIAG_SHOW_BASE;
        /// Its credentials: [`crate::Cred`].
        const CRED = abi::TASK_DIAG_SHOW_CRED;
        /// Its times and sizes: [`crate::Stat`].
        const STAT = abi::TASK_DIAG_SHOW_STAT;
        /// The areas of its memory: [`crate::Vma`].
        const VMA = abi::TASK_DIAG_SHOW_VMA;
        /// What is there of these: [`crate::VmaStat`].
        const VMA_STAT = abi::TASK_DIAG_SHOW_VMA_STAT;
        /// Its arguments: [`crate::Cmdline`].
        const CMDLINE = abi::TASK_DIAG_SHOW_CMDLINE;
        /// Its open files, counted: [`crate::Files`].
        const FILES = abi::TASK_DIAG_SHOW_FILES;
        /// What tells it from a later one with its number: [`crate::Ident`].
        const IDENT = abi::TASK_DIAG_SHOW_IDENT;
        /// Its namespaces: [`crate::Ns`].
        const NS = abi::TASK_DIAG_SHOW_NS;
        /// Its cgroup: [`crate::Cgroup`].
        const CGROUP = abi::TASK_DIAG_SHOW_CGROUP;
    }
}

impl Show {
    /// The groups that the kernel tells in a dump only, as they may outgrow a
    /// message.
    pub const NEEDS_DUMP: Self = Self::VMA
        .union(Self::VMA_STAT)
        .union(Self::CMDLINE)
        .union(Self::CGROUP);
}

/// A word that names no group of facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no group {word:?}; the groups are {}", Show::all())]
pub struct ParseShowError {
    word: String,
}

impl FromStr for Show {
    type Err = ParseShowError;

    /// Reads a list of names between commas, in any case; the empty string is
    /// the empty set.
    fn from_str(list: &str) -> Result<Self, Self::Err> {
        names::read(list).map_err(|word| ParseShowError {
            word: word.to_owned(),
        })
    }
}

impl fmt::Display for Show {
    /// Names between commas; bits that have no name as one hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        names::write(self, f)
    }
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
    fn show_reads_what_it_writes() {
        for bits in 0..=Show::all().bits() {
            let show = Show::from_bits(bits).unwrap();
            assert_eq!(show.to_string().parse(), Ok(show));
        }
        assert_eq!(" Base , CRED ".parse(), Ok(Show::BASE | Show::CRED));
    }

    #[test]
    fn show_says_which_word_is_wrong() {
        let error = "base,creds".parse::<Show>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no group \"creds\"; the groups are \
             base,cred,stat,vma,vma_stat,cmdline,files,ident,ns,cgroup"
        );
        assert!("base,,cred".parse::<Show>().is_err());
    }

    #[test]
    fn show_keeps_bits_without_a_name() {
        let show = Show::BASE | Show::from_bits_retain(1 << 40);
        assert_eq!(show.to_string(), "base,0x10000000000");
    }

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
