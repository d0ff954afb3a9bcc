// SPDX-License-Identifier: MIT
//! What a kernel can tell: groups of facts, strategies and filters.

use std::fmt;

use nix::libc;

use crate::abi::{self, TaskDiagFeatures};
use crate::error::Result;
use crate::filter::Filters;
use crate::names;
use crate::request::{Request, Strategy};
use crate::show::Show;

/// What the running kernel can tell.
///
/// Bits that this version of the crate has no name for are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Features {
    /// The groups of facts.
    pub groups: Show,
    /// The strategies.
    pub strategies: Strategies,
    /// The filters.
    pub filters: FilterKinds,
}

impl Features {
    /// What the first kernels with the family can tell, those that cannot be
    /// asked.
    pub const FIRST: Self = Self {
        groups: Show::BASE.union(Show::CRED),
        strategies: Strategies::ALL
            .union(Strategies::ONE)
            .union(Strategies::CHILDREN)
            .union(Strategies::THREADS)
            .union(Strategies::ALL_THREADS),
        filters: FilterKinds::empty(),
    };

    /// What this request needs that is not in here.
    #[must_use]
    pub fn lacking(&self, request: &Request) -> Self {
        Self {
            groups: request.show.difference(self.groups),
            strategies: Strategies::from(request.strategy).difference(self.strategies),
            filters: FilterKinds::from(&request.filters).difference(self.filters),
        }
    }

    /// What the kernel's answer says.
    pub(crate) fn from_answer(answer: Result<TaskDiagFeatures>) -> Result<Self> {
        match answer {
            Ok(features) => Ok(features.into()),
            // Generic netlink knows no such command of the family.
            Err(error) if error.errno() == Some(libc::EOPNOTSUPP) => Ok(Self::FIRST),
            Err(error) => Err(error),
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.strategies.is_empty() && self.filters.is_empty()
    }
}

impl From<TaskDiagFeatures> for Features {
    fn from(features: TaskDiagFeatures) -> Self {
        Self {
            groups: Show::from_bits_retain(features.groups),
            strategies: Strategies::from_bits_retain(features.strategies),
            filters: FilterKinds::from_bits_retain(features.filters),
        }
    }
}

impl From<Features> for TaskDiagFeatures {
    fn from(features: Features) -> Self {
        Self {
            groups: features.groups.bits(),
            strategies: features.strategies.bits(),
            filters: features.filters.bits(),
        }
    }
}

bitflags::bitflags! {
    /// A set of kinds of [`Strategy`].
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Strategies: u64 {
        /// [`Strategy::All`].
        const ALL = 1 << abi::TASK_DIAG_DUMP_ALL;
        /// [`Strategy::One`].
        const ONE = 1 << abi::TASK_DIAG_DUMP_ONE;
        /// [`Strategy::Children`].
        const CHILDREN = 1 << abi::TASK_DIAG_DUMP_CHILDREN;
        /// [`Strategy::Threads`].
        const THREADS = 1 << abi::TASK_DIAG_DUMP_THREAD;
        /// [`Strategy::AllThreads`].
        const ALL_THREADS = 1 << abi::TASK_DIAG_DUMP_ALL_THREAD;
        /// [`Strategy::Descendants`].
        const DESCENDANTS = 1 << abi::TASK_DIAG_DUMP_DESCENDANTS;
    }
}

impl From<Strategy> for Strategies {
    fn from(strategy: Strategy) -> Self {
        match strategy {
            Strategy::All => Self::ALL,
            Strategy::One(_) => Self::ONE,
            Strategy::Children(_) => Self::CHILDREN,
            Strategy::Threads(_) => Self::THREADS,
            Strategy::AllThreads => Self::ALL_THREADS,
            Strategy::Descendants(_) => Self::DESCENDANTS,
        }
    }
}

bitflags::bitflags! {
    /// A set of kinds of [`Filters`].
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FilterKinds: u64 {
        /// [`Filters::uid`].
        const UID = 1 << abi::TASK_DIAG_CMD_ATTR_UID;
        /// [`Filters::cgroup`].
        const CGROUP = 1 << abi::TASK_DIAG_CMD_ATTR_CGROUP;
        /// [`Filters::states`].
        const STATES = 1 << abi::TASK_DIAG_CMD_ATTR_STATES;
        /// [`Filters::comm`].
        const COMM = 1 << abi::TASK_DIAG_CMD_ATTR_COMM;
        /// [`Filters::pids`].
        const PIDS = 1 << abi::TASK_DIAG_CMD_ATTR_PIDS;
        /// [`Filters::vma_flags`].
        const VMA_FLAGS = 1 << abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS;
    }
}

impl From<&Filters> for FilterKinds {
    fn from(filters: &Filters) -> Self {
        [
            (filters.uid.is_some(), Self::UID),
            (filters.cgroup.is_some(), Self::CGROUP),
            (filters.states.is_some(), Self::STATES),
            (filters.comm.is_some(), Self::COMM),
            (filters.pids.is_some(), Self::PIDS),
            (filters.vma_flags.is_some(), Self::VMA_FLAGS),
        ]
        .into_iter()
        .filter_map(|(there, kind)| there.then_some(kind))
        .collect()
    }
}

impl fmt::Display for Strategies {
    /// Names between commas; bits that have no name as one hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        names::write(self, f)
    }
}

impl fmt::Display for FilterKinds {
    /// Names between commas; bits that have no name as one hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        names::write(self, f)
    }
}
