// SPDX-License-Identifier: MIT
//! Supported features: attribute groups, strategies, filters and options.

use std::fmt;

use nix::libc;

use super::filter::Filters;
use super::{Request, Strategy};
use crate::abi::{self, TaskDiagFeatures};
use crate::error::Result;
use crate::name_list;
use crate::show::Show;
use crate::task::VmaFlags;

/// The features of the running kernel, or of the transport.
///
/// Bits without a name in this version of the crate are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Features {
    /// The attribute groups.
    pub groups: Show,
    /// The strategies.
    pub strategies: Strategies,
    /// The filters.
    pub filters: FilterKinds,
    /// The options.
    pub options: Options,
    /// The flags of memory mappings that it reports, and filters by.
    pub vma_flags: VmaFlags,
    /// Bytes of a receive buffer that can hold every message; 0 if the kernel
    /// does not report it.
    pub recv_min: u32,
}

impl Features {
    /// The features of the first kernels with the family, which cannot report
    /// them.
    pub const FIRST: Self = Self {
        groups: Show::BASE.union(Show::CRED),
        strategies: Strategies::ALL
            .union(Strategies::ONE)
            .union(Strategies::CHILDREN)
            .union(Strategies::THREADS)
            .union(Strategies::ALL_THREADS),
        filters: FilterKinds::empty(),
        options: Options::empty(),
        vma_flags: VmaFlags::empty(),
        recv_min: 0,
    };

    /// Returns the features that the request needs and this set lacks.
    #[must_use]
    pub fn lacking(&self, request: &Request<'_>) -> Self {
        let vma_flags = request.filters.vma_flags.unwrap_or_default();
        Self {
            groups: request.show.difference(self.groups),
            strategies: Strategies::from(request.strategy).difference(self.strategies),
            filters: FilterKinds::from(&request.filters).difference(self.filters),
            options: Options::from(request).difference(self.options),
            vma_flags: vma_flags.difference(self.vma_flags),
            recv_min: 0,
        }
    }

    /// Converts the reply to a query of the features.
    pub(crate) fn from_answer(answer: Result<TaskDiagFeatures>) -> Result<Self> {
        match answer {
            Ok(features) => Ok(features.into()),
            // Generic netlink does not know this command of the family.
            Err(error) if error.errno() == Some(libc::EOPNOTSUPP) => Ok(Self::FIRST),
            Err(error) => Err(error),
        }
    }

    /// Whether the set has no feature.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.groups.is_empty()
            && self.strategies.is_empty()
            && self.filters.is_empty()
            && self.options.is_empty()
            && self.vma_flags.is_empty()
    }
}

impl From<TaskDiagFeatures> for Features {
    fn from(features: TaskDiagFeatures) -> Self {
        Self {
            groups: Show::from_bits_retain(features.groups),
            strategies: Strategies::from_bits_retain(features.strategies),
            filters: FilterKinds::from_bits_retain(features.filters),
            options: Options::from_bits_retain(features.options),
            vma_flags: VmaFlags::from_bits_retain(features.vma_flags),
            recv_min: features.recv_min,
        }
    }
}

impl From<Features> for TaskDiagFeatures {
    fn from(features: Features) -> Self {
        Self {
            groups: features.groups.bits(),
            strategies: features.strategies.bits(),
            filters: features.filters.bits(),
            options: features.options.bits(),
            vma_flags: features.vma_flags.bits(),
            recv_min: features.recv_min,
            pad: 0,
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
        const UID = 1 << abi::TASK_DIAG_FILTER_UID;
        /// [`Filters::cgroup`].
        const CGROUP = 1 << abi::TASK_DIAG_FILTER_CGROUP;
        /// [`Filters::states`].
        const STATES = 1 << abi::TASK_DIAG_FILTER_STATES;
        /// [`Filters::comm`].
        const COMM = 1 << abi::TASK_DIAG_FILTER_COMM;
        /// [`Filters::pids`].
        const PIDS = 1 << abi::TASK_DIAG_FILTER_PIDS;
        /// [`Filters::vma_flags`].
        const VMA_FLAGS = 1 << abi::TASK_DIAG_FILTER_VMA_FLAGS;
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

bitflags::bitflags! {
    /// A set of options of a [`Request`].
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Options: u64 {
        /// [`Request::pidns_fd`].
        const PIDNS_FD = abi::TASK_DIAG_OPTION_PIDNS_FD;
        /// [`Request::pidfd`].
        const PIDFD = abi::TASK_DIAG_OPTION_PIDFD;
        /// [`ClientBuilder::proc_mount`](crate::ClientBuilder::proc_mount), and requests
        /// that follow the options of the caller's procfs mount.
        const PROC_FD = abi::TASK_DIAG_OPTION_PROC_FD;
        /// Not an option of requests: the rule of `hidepid=ptraceable` applies whatever
        /// the mount. See [`Restriction::Strict`](crate::Restriction::Strict).
        const STRICT = abi::TASK_DIAG_OPTION_STRICT;
    }
}

impl Options {
    /// The options of requests and clients.
    pub const SELECTABLE: Self = Self::PIDNS_FD.union(Self::PIDFD).union(Self::PROC_FD);
}

impl From<&Request<'_>> for Options {
    fn from(request: &Request<'_>) -> Self {
        let mut options = Self::empty();
        options.set(Self::PIDNS_FD, request.pidns_fd.is_some());
        options.set(Self::PIDFD, request.pidfd.is_some());
        options
    }
}

impl fmt::Display for Options {
    /// Writes names, separated by commas; the bits without a name follow as one
    /// hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name_list::write(self, f)
    }
}

impl fmt::Display for Strategies {
    /// Writes names, separated by commas; the bits without a name follow as one
    /// hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name_list::write(self, f)
    }
}

impl fmt::Display for FilterKinds {
    /// Writes names, separated by commas; the bits without a name follow as one
    /// hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name_list::write(self, f)
    }
}
