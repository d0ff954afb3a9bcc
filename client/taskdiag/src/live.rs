// SPDX-License-Identifier: MIT
//! A table of all processes that is kept current by events.
//!
//! A program that watches processes can list all of them repeatedly, and miss
//! changes between two lists. Or it can receive events, which can be lost or
//! reordered, and whose pids may belong to another process when they are read.
//! [`Live`] combines both: it subscribes to events, lists all processes once,
//! and from then on queries only the processes that an event names. A row is
//! the result of a query and never the content of an event. So the table equals
//! a list made now, at a cost that depends on the number of changes.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::time::Duration;
//!
//! use taskdiag::events::{Event, EventKind, EventSource};
//! use taskdiag::live::{Change, Live};
//! use taskdiag::{Client, Result, Show};
//!
//! /// Recorded events; [`Live::follow`] receives those of the kernel.
//! struct Recorded(VecDeque<Event>);
//!
//! impl EventSource for Recorded {
//!     fn next_event(&mut self, _: Option<Duration>) -> Result<Option<Event>> {
//!         Ok(self.0.pop_front())
//!     }
//! }
//!
//! let me = std::process::id();
//! let mut child = std::process::Command::new("sleep").arg("9").spawn().unwrap();
//! let pid = child.id();
//! let fork = EventKind::Fork { pid, tgid: pid, parent_pid: me, parent_tgid: me };
//! let events = Recorded([Event::new(Duration::ZERO, None, fork)].into());
//!
//! let mut live = Live::new(Client::connect_any()?, events, Show::BASE)?;
//! assert_eq!(live.get(pid).unwrap().base.unwrap().ppid, me);
//! // The first poll reports every process as added.
//! let changes = live.poll(Some(Duration::ZERO))?;
//! let is_new = |change: &Change| matches!(change, Change::Added(task) if task.pid == me);
//! assert!(changes.iter().any(is_new));
//!
//! child.kill().unwrap();
//! child.wait().unwrap();
//! // The recorded events have no exit: query the process instead.
//! assert!(live.refresh(pid)?.is_none());
//! let changes = live.poll(Some(Duration::ZERO))?;
//! let is_gone = |change: &Change| matches!(change, Change::Removed { task, .. } if task.pid == pid);
//! assert!(changes.iter().any(is_gone));
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! # Fields that events keep current
//!
//! | field | updated after events |
//! |---|---|
//! | the set of processes, and the identity of each | fork, exit |
//! | [`Base::ppid`] | fork, and the exit of the parent |
//! | [`Base::sid`], [`Base::comm`] | sid; comm, exec |
//! | user and group ids of [`Cred`] | uid, gid |
//! | capability sets of [`Cred`], if ids change or a program starts | uid, gid, exec |
//! | [`Cmdline`] | exec |
//! | [`State::Zombie`], and the exit status | exit |
//! | removal of a reaped zombie | none: zombies are queried again, first after 10 ms and then at growing intervals of up to 1 s; with thousands of zombies, at intervals of 0.1 ms per zombie and up to 5 s |
//!
//! The kernel sends no event for any other field. Such a field has the value of
//! the last query: [`Base::state`] except for zombies, [`Base::pgid`],
//! [`Base::tpid`] after `PTRACE_TRACEME` and after the exit of a tracer,
//! capabilities after `capset(2)`, `securebits`, `no_new_privs`, arguments that
//! a program overwrites, and with procfs the names of kernel workers.
//! [`Live::refresh`] queries a row again. Groups without any events are
//! rejected: see [`Live::TRACKED`].
//!
//! Rows are rows of processes. A process that starts and is reaped between two
//! polls appears in neither.
//!
//! # Access control and pid namespaces
//!
//! Events carry pids of the initial pid namespace, so the queries must use that
//! namespace too. Tasks that the client may not see are not in the table, even
//! if events name them. No event reports that a task becomes visible
//! (`PR_SET_DUMPABLE`).
//!
//! [`Base::ppid`]: crate::Base::ppid
//! [`Base::sid`]: crate::Base::sid
//! [`Base::comm`]: crate::Base::comm
//! [`Base::state`]: crate::Base::state
//! [`Base::pgid`]: crate::Base::pgid
//! [`Base::tpid`]: crate::Base::tpid
//! [`Cred`]: crate::Cred
//! [`Cmdline`]: crate::Cmdline
//! [`State::Zombie`]: crate::State::Zombie

mod backoff;
mod change;
mod exits;
mod pending;
mod source;
mod table;
mod update;

use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
use crate::client::Client;
use crate::error::{Error, Result};
use crate::events::EventSource;
#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
use crate::events::{Connector, Events};
use crate::pid::Pid;
use crate::show::Show;
#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
use crate::source::AnySource;
use crate::task::Task;

use backoff::Backoff;
use pending::PendingSet;
use table::Table;

pub use change::Change;
pub use source::TaskSource;

/// A table of all processes, kept current by events: see the [module](self).
#[derive(Debug)]
pub struct Live<T, E> {
    tasks: T,
    events: E,
    show: Show,
    table: Table,
    pending: PendingSet,
    backoff: Backoff,
    /// Events may be left in the source.
    more: bool,
    stats: Stats,
}

/// Counters of a live table since its creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stats {
    /// Events received.
    pub events: u64,
    /// Losses of events.
    pub losses: u64,
    /// Losses that were
    /// [`Lost::DeliveryStopped`](crate::events::Lost::DeliveryStopped).
    pub delivery_stops: u64,
    /// Lists of all processes: the first, and one after each loss.
    pub dumps: u64,
    /// Queries of some processes.
    pub requests: u64,
    /// Processes named in these queries.
    pub requested: u64,
    /// Changes found.
    pub changes: u64,
}

#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
impl Live<Client<AnySource>, Connector> {
    /// Creates a table of these groups of all processes, with the best
    /// available transport and the proc connector.
    ///
    /// # Errors
    ///
    /// The errors of [`Client::connect_any`], [`Connector::listen`] and
    /// [`Self::new`].
    pub fn follow(show: Show) -> Result<Self> {
        // Subscribe to all events: the kernel then filters none, and losses are
        // counted.
        let events = Connector::listen(Events::all())?;
        Self::new(Client::connect_any()?, events, show)
    }
}

impl<T: TaskSource, E: EventSource> Live<T, E> {
    /// The groups with fields that events keep current.
    pub const TRACKED: Show = Show::BASE
        .union(Show::CRED)
        .union(Show::CMDLINE)
        .union(Show::IDENT);

    /// Creates a table of these groups; BASE and IDENT are always included.
    ///
    /// The event source must already be subscribed: a process that changes
    /// while all processes are listed is queried again.
    ///
    /// # Errors
    ///
    /// [`Error::NotTracked`] for groups without events, and the errors of the
    /// sources.
    pub fn new(tasks: T, events: E, show: Show) -> Result<Self> {
        let refused = show.difference(Self::TRACKED);
        if !refused.is_empty() {
            return Err(Error::NotTracked { groups: refused });
        }
        let mut live = Self {
            tasks,
            events,
            show: show | Show::BASE | Show::IDENT,
            table: Table::default(),
            pending: PendingSet::default(),
            backoff: Backoff::default(),
            more: false,
            stats: Stats::default(),
        };
        live.pending.lost = true;
        live.update()?;
        Ok(live)
    }

    /// Waits for changes and returns them, or an empty list after `timeout`.
    ///
    /// `None` waits without a limit. [`Duration::ZERO`] processes only the
    /// events that are already queued. Several events of a process between two
    /// calls result in one change.
    ///
    /// # Errors
    ///
    /// The errors of the sources. No change is lost: the next call lists all
    /// processes again if necessary, and also returns the changes found before
    /// the error.
    pub fn poll(&mut self, timeout: Option<Duration>) -> Result<Vec<Change>> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let now = Instant::now();
            let left = end.map(|end| end.saturating_duration_since(now));
            self.receive_events(self.time_until_due(left))?;
            self.update_due()?;
            let over = left.is_some_and(|left| left.is_zero());
            if over || !self.table.changes().is_empty() {
                return Ok(self.take_changes());
            }
        }
    }

    /// Brings all rows up to date, zombies included, and returns the changes.
    ///
    /// The kernel makes a process a zombie microseconds before it sends the
    /// event: an exit within that time is not seen yet.
    ///
    /// If delivery of events may have stopped, this finds out
    /// ([`EventSource::probe`]) and lists all processes. [`Self::poll`] does
    /// not: it takes the absence of events for the absence of changes.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::poll`].
    pub fn sync(&mut self) -> Result<Vec<Change>> {
        self.process_events()?;
        self.recheck_all(true)?;
        Ok(self.take_changes())
    }

    /// Brings all rows with events up to date, and those of `pids` like
    /// [`Self::sync`], and returns the changes.
    ///
    /// For callers that need the present state of some rows, and for which a
    /// query of all zombies is too expensive. An exit of the last microseconds
    /// is not seen, as with [`Self::sync`].
    ///
    /// # Errors
    ///
    /// The errors of [`Self::poll`].
    pub fn sync_pids(&mut self, pids: impl IntoIterator<Item = Pid>) -> Result<Vec<Change>> {
        self.process_events()?;
        self.recheck(pids, true)?;
        Ok(self.take_changes())
    }

    /// Queries one process again and returns its row, for fields without
    /// events.
    ///
    /// The next [`Self::poll`] reports the change, if there is one.
    ///
    /// # Errors
    ///
    /// The errors of the sources.
    pub fn refresh(&mut self, pid: Pid) -> Result<Option<&Arc<Task>>> {
        self.receive_events(Some(Duration::ZERO))?;
        self.pending.mark(pid).no_wait = true;
        self.update()?;
        Ok(self.table.get(pid))
    }

    /// Returns the time after which [`Self::poll`] has work to do even if no
    /// event arrives, or `None` if it has none. For event loops that wait for
    /// several descriptors.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.time_until_due(None)
    }

    /// Returns the process with this pid.
    #[must_use]
    pub fn get(&self, pid: Pid) -> Option<&Arc<Task>> {
        self.table.get(pid)
    }

    /// Returns all processes in the order of their pids. A cloned [`Arc`] keeps
    /// its value when the table changes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Task>> {
        self.table.iter()
    }

    /// Returns the pids of the children of a process.
    pub fn children(&self, parent: Pid) -> impl Iterator<Item = Pid> + '_ {
        self.table.children(parent)
    }

    /// Returns the number of processes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.iter().len()
    }

    /// Whether the table has no process.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every loss of events has been followed by a list of all
    /// processes.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        !self.pending.lost
    }

    /// Returns the counters.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        Stats {
            events: self.pending.events,
            losses: self.pending.losses,
            delivery_stops: self.pending.delivery_stops,
            ..self.stats
        }
    }

    /// Returns the source of tasks.
    pub const fn tasks(&mut self) -> &mut T {
        &mut self.tasks
    }

    /// Returns the source of events, for example for its descriptor. An event
    /// that the caller takes from it is missing in the table.
    pub const fn events(&mut self) -> &mut E {
        &mut self.events
    }

    fn take_changes(&mut self) -> Vec<Change> {
        let changes = self.table.take_changes();
        self.stats.changes += changes.len() as u64;
        changes
    }

    /// Returns the shorter of `left` and the time until the next work.
    fn time_until_due(&self, left: Option<Duration>) -> Option<Duration> {
        if self.more || !self.pending.is_empty() || !self.table.changes().is_empty() {
            return Some(Duration::ZERO);
        }
        let recheck = self.backoff.remaining(Instant::now());
        [left, recheck].into_iter().flatten().min()
    }
}
