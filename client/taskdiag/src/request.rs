// SPDX-License-Identifier: MIT
//! Requests: strategy, filters, groups and pid namespace.
//!
//! Contains types only; the codec encodes them.

pub(crate) mod features;
pub(crate) mod filter;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};

use crate::abi;
use crate::error::{Error, KernelError};
use crate::pid::Pid;
use crate::show::Show;
use crate::task::VmaFlags;

pub use features::{Features, FilterKinds, Options, Strategies};
pub use filter::{Filters, ParseStatesError, States};

/// The tasks of a request.
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
    /// The children of a process, their children, and so on. A parent is
    /// reported before its children.
    Descendants(Pid),
}

/// The pid namespace of a request: pids are in that namespace, and tasks
/// outside of it are not reported. See also [`Request::pidns_fd`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The caller's own pid namespace.
    #[default]
    Own,
    /// The pid namespace of the process with this pid in the caller's own pid
    /// namespace. Requires `CAP_SYS_ADMIN` over the user namespace that owns the
    /// caller's pid namespace.
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
pub struct Request<'fd> {
    /// The tasks of the request.
    pub strategy: Strategy,
    /// Conditions on these tasks.
    pub filters: Filters,
    /// The groups to report.
    pub show: Show,
    /// The pid namespace.
    pub scope: Scope,
    pub(crate) pidns_fd: Option<Descriptor<'fd>>,
    pub(crate) pidfd: Option<Descriptor<'fd>>,
}

/// A descriptor that stays open as long as the request exists.
#[derive(Clone, Copy)]
pub(crate) struct Descriptor<'fd>(BorrowedFd<'fd>);

impl Descriptor<'_> {
    /// Returns the number of the descriptor, which is never negative.
    pub(crate) fn number(self) -> u32 {
        self.raw() as u32
    }

    fn raw(self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl fmt::Debug for Descriptor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw().fmt(f)
    }
}

impl PartialEq for Descriptor<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw() == other.raw()
    }
}

impl Eq for Descriptor<'_> {}

impl Hash for Descriptor<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw().hash(state);
    }
}

impl<'fd> Request<'fd> {
    /// Returns a request for the group [`Show::BASE`] of these tasks, in the
    /// caller's own pid namespace.
    #[must_use]
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            filters: Filters::default(),
            show: Show::BASE,
            scope: Scope::Own,
            pidns_fd: None,
            pidfd: None,
        }
    }

    /// Selects the pid namespace of this nsfs descriptor: pids of request and
    /// reply are in that namespace, and tasks outside of it are not reported.
    ///
    /// ```no_run
    /// use std::fs::File;
    /// use std::os::fd::AsFd;
    ///
    /// use taskdiag::{Client, Request, Strategy};
    ///
    /// let namespace = File::open("/proc/4711/ns/pid").unwrap();
    /// let request = Request::new(Strategy::All).pidns_fd(namespace.as_fd());
    /// Client::connect()?.dump(&request)?.for_each(|task| println!("{}", task.pid()))?;
    /// # Ok::<(), taskdiag::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Sent by one of the clients, the request fails with [`Error::Kernel`]:
    ///
    /// - `EBADF` if the descriptor is not open in the kernel's view,
    /// - `EINVAL` if it does not refer to a pid namespace,
    /// - `EPERM` if the namespace is neither the caller's own nor one below, and
    ///   the caller lacks `CAP_SYS_ADMIN` over the user namespace that owns it,
    /// - `EOPNOTSUPP` if the kernel or the transport does not have the option:
    ///   see [`Options::PIDNS_FD`](crate::Options::PIDNS_FD). The daemon and
    ///   procfs do not.
    #[must_use]
    pub fn pidns_fd(mut self, namespace: BorrowedFd<'fd>) -> Self {
        self.pidns_fd = Some(Descriptor(namespace));
        self
    }

    /// Names the task of the strategy by a pidfd instead of a pid, which must
    /// be 0 then. Unlike a pid, a pidfd never refers to a later task.
    ///
    /// ```no_run
    /// use std::os::fd::BorrowedFd;
    ///
    /// use taskdiag::{Client, Request, Strategy, Task};
    ///
    /// fn children(client: &mut Client, pidfd: BorrowedFd<'_>) -> taskdiag::Result<Vec<Task>> {
    ///     let request = Request::new(Strategy::Children(0)).pidfd(pidfd);
    ///     client.dump(&request)?.tasks().collect()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Sent by one of the clients, the request fails with [`Error::Kernel`]:
    ///
    /// - `EBADF` if the descriptor is not a pidfd,
    /// - `ESRCH` if the task has been reaped, the caller may not see it, or it
    ///   has no pid in the pid namespace of the request,
    /// - `EINVAL` with a pid other than 0, and with [`Strategy::All`] and
    ///   [`Strategy::AllThreads`],
    /// - `EOPNOTSUPP` if the kernel or the transport does not have the option:
    ///   see [`Options::PIDFD`](crate::Options::PIDFD). The daemon and procfs do
    ///   not.
    #[must_use]
    pub fn pidfd(mut self, task: BorrowedFd<'fd>) -> Self {
        self.pidfd = Some(Descriptor(task));
        self
    }

    /// Sets the groups to report.
    #[must_use]
    pub fn show(mut self, show: Show) -> Self {
        self.show = show;
        self
    }

    /// Sets the pid namespace.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Reports only tasks with this effective user id.
    #[must_use]
    pub fn uid(mut self, uid: u32) -> Self {
        self.filters.uid = Some(uid);
        self
    }

    /// Reports only tasks in the cgroup with this id, or in one below it.
    #[must_use]
    pub fn cgroup(mut self, id: u64) -> Self {
        self.filters.cgroup = Some(id);
        self
    }

    /// Reports only tasks in one of these states.
    #[must_use]
    pub fn states(mut self, states: States) -> Self {
        self.filters.states = Some(states);
        self
    }

    /// Reports only tasks whose name begins with these bytes.
    #[must_use]
    pub fn comm(mut self, beginning: &[u8]) -> Self {
        self.filters.comm = Some(beginning.to_owned());
        self
    }

    /// Reports only tasks with these pids.
    #[must_use]
    pub fn pids(mut self, pids: impl IntoIterator<Item = Pid>) -> Self {
        self.filters.pids = Some(pids.into_iter().collect());
        self
    }

    /// Reports only memory mappings with all of these flags.
    #[must_use]
    pub fn vma_flags(mut self, flags: VmaFlags) -> Self {
        self.filters.vma_flags = Some(flags);
        self
    }
}

impl Request<'_> {
    /// Returns the `NLM_F_*` flags of a request for one task: groups that can
    /// exceed a message are reported by dumps only.
    pub(crate) fn flags_for_one(&self) -> u16 {
        match self.strategy {
            Strategy::One(_) if self.show.intersects(Show::NEEDS_DUMP) => {
                NLM_F_REQUEST | NLM_F_DUMP
            }
            _ => NLM_F_REQUEST,
        }
    }

    /// Returns the error for a reply without a task to a request for one task.
    pub(crate) fn without_answer(&self) -> Error {
        if self.flags_for_one() & NLM_F_DUMP != 0 {
            // The task ended after the dump had started.
            return KernelError::new(nix::libc::ESRCH).into();
        }
        Error::Decode {
            what: "the reply has no task".to_owned(),
        }
    }
}

impl From<&Request<'_>> for abi::TaskDiagPid {
    fn from(request: &Request<'_>) -> Self {
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
    fn strategy_is_encoded_by_its_number() {
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
