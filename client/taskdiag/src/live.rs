// SPDX-License-Identifier: MIT
//! A table of all processes that is kept current by events.
//!
//! Who wants to know what comes and goes can list all processes over and over,
//! and miss what happens in between; or listen to events, which get lost, come
//! in another order, and name a number that is another's by the time they are
//! read. [`Live`] does both: it listens, lists once, and from then on asks
//! anew about those alone of whom an event says that something happened. An
//! event is never believed, the answer is. So the table is that of a list made
//! now, for the price of what changes.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::time::Duration;
//!
//! use taskdiag::events::{Event, EventKind, EventSource};
//! use taskdiag::live::{Change, Live};
//! use taskdiag::{Client, Result, Show};
//!
//! /// Events that were recorded; [`Live::follow`] takes those of the kernel.
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
//! // Everything that is there is new at first.
//! let changes = live.poll(Some(Duration::ZERO))?;
//! let is_new = |change: &Change| matches!(change, Change::Added(task) if task.pid == me);
//! assert!(changes.iter().any(is_new));
//!
//! child.kill().unwrap();
//! child.wait().unwrap();
//! // There is no event of that here, so this is by asking.
//! assert!(live.refresh(pid)?.is_none());
//! let changes = live.poll(Some(Duration::ZERO))?;
//! let is_gone = |change: &Change| matches!(change, Change::Removed { task, .. } if task.pid == pid);
//! assert!(changes.iter().any(is_gone));
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! # What is kept
//!
//! | fact | kept by |
//! |---|---|
//! | which processes there are, and the identity of each | fork, exit |
//! | [`Base::ppid`] | fork, and the exit of the parent |
//! | [`Base::sid`], [`Base::comm`] | sid; comm, exec |
//! | user and group ids of [`Cred`] | uid, gid |
//! | capability sets of [`Cred`], where ids change or a program starts | uid, gid, exec |
//! | [`Cmdline`] | exec |
//! | [`State::Zombie`], and how a process ended | exit |
//! | that a zombie is reaped | no event: zombies are asked about again, at first after 10 ms, and ever more seldom, to once a second; of thousands, 0.1 ms for each apart, to every 5 s |
//!
//! Of everything else the kernel sends no event, and it is as it was when the
//! row was asked for last: whether a process runs or sleeps ([`Base::state`]),
//! [`Base::pgid`], [`Base::tpid`] for `PTRACE_TRACEME` and where the tracer
//! ends, capabilities by `capset(2)`, `securebits`, `no_new_privs`, arguments
//! that a program writes over, and for kernel workers in procfs the name.
//! [`Live::refresh`] asks for a row anew. The groups of which events tell
//! nothing at all are refused: see [`Live::KEPT`].
//!
//! Rows are those of processes. A process that begins and is reaped between
//! two polls is in neither.
//!
//! # Whose eyes
//!
//! Events have the numbers of the initial pid namespace, so the tasks have to
//! be those seen from there. Tasks that the client may not see are not in the
//! table, though there are events of them. No event tells that a task makes
//! itself visible (`PR_SET_DUMPABLE`).
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

mod ask;
mod change;
mod exits;
mod hints;
mod rest;
mod source;
mod table;

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

use hints::Hints;
use rest::Rest;
use table::Table;

pub use change::Change;
pub use source::TaskSource;

/// A table of all processes, kept current by events. See the
/// [module](self) for what that means.
#[derive(Debug)]
pub struct Live<T, E> {
    tasks: T,
    events: E,
    show: Show,
    table: Table,
    hints: Hints,
    rest: Rest,
    /// There may be more events than were taken in.
    more: bool,
    stats: Stats,
}

/// What keeping a table has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Events taken in.
    pub events: u64,
    /// How often events were lost.
    pub losses: u64,
    /// How many of these were [`Lost::Silence`](crate::events::Lost::Silence).
    pub silences: u64,
    /// How often all processes were asked about: once, and after losses.
    pub dumps: u64,
    /// Questions about some processes.
    pub questions: u64,
    /// Processes asked about in these.
    pub asked: u64,
    /// Changes found.
    pub changes: u64,
}

#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
impl Live<Client<AnySource>, Connector> {
    /// Keeps a table of these groups of the system's processes, by the best
    /// way there is to ask, and the proc connector.
    ///
    /// # Errors
    ///
    /// Those of [`Client::connect_any`], [`Connector::listen`] and
    /// [`Self::new`].
    pub fn follow(show: Show) -> Result<Self> {
        // All of them: then the kernel filters none, and losses are counted.
        let events = Connector::listen(Events::all())?;
        Self::new(Client::connect_any()?, events, show)
    }
}

impl<T: TaskSource, E: EventSource> Live<T, E> {
    /// The groups that can be kept, most of what is in them at least.
    pub const KEPT: Show = Show::BASE
        .union(Show::CRED)
        .union(Show::CMDLINE)
        .union(Show::IDENT);

    /// Begins to keep a table of these groups; BASE and IDENT are always
    /// among them. Events have to be told from now on at the latest: who
    /// changes while all processes are asked about is asked about once more.
    ///
    /// # Errors
    ///
    /// [`Error::NotKept`] for groups that events tell nothing of; else those
    /// of the sources.
    pub fn new(tasks: T, events: E, show: Show) -> Result<Self> {
        let refused = show.difference(Self::KEPT);
        if !refused.is_empty() {
            return Err(Error::NotKept { groups: refused });
        }
        let mut live = Self {
            tasks,
            events,
            show: show | Show::BASE | Show::IDENT,
            table: Table::default(),
            hints: Hints::default(),
            rest: Rest::default(),
            more: false,
            stats: Stats::default(),
        };
        live.hints.lost = true;
        live.settle()?;
        Ok(live)
    }

    /// Waits until something changes, and tells what. An empty list if
    /// `timeout` has passed; without one, this waits for as long as it takes.
    /// With [`Duration::ZERO`] it does with what has been received.
    ///
    /// Several events of a process between two calls make one change.
    ///
    /// # Errors
    ///
    /// Those of the sources. Nothing is lost by them: the next call takes
    /// stock anew, and tells of the changes that were found before.
    pub fn poll(&mut self, timeout: Option<Duration>) -> Result<Vec<Change>> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let now = Instant::now();
            let left = end.map(|end| end.saturating_duration_since(now));
            self.listen(self.until_due(left))?;
            self.settle_due()?;
            let over = left.is_some_and(|left| left.is_zero());
            if over || !self.table.changes().is_empty() {
                return Ok(self.take_changes());
            }
        }
    }

    /// Brings the table up to date with everything, also with what no event
    /// tells of, and tells what has changed.
    ///
    /// The kernel makes a process a zombie before it tells of that: an exit of
    /// which the event is still on its way, for microseconds, is not seen.
    ///
    /// Where the events may have fallen silent, it finds out
    /// ([`EventSource::probe`]), and asks about all. [`Self::poll`] does not: it
    /// believes that nothing happens where it is told of nothing.
    ///
    /// # Errors
    ///
    /// As [`Self::poll`].
    pub fn sync(&mut self) -> Result<Vec<Change>> {
        self.catch_up()?;
        self.sweep(true)?;
        Ok(self.take_changes())
    }

    /// Brings the table up to date with everything that events tell of, and
    /// the rows of these processes as [`Self::sync`] does: for whoever needs
    /// some rows as they are now, and not to have all zombies asked about. What
    /// is said there of exits holds here as well.
    ///
    /// # Errors
    ///
    /// As [`Self::poll`].
    pub fn sync_those(&mut self, pids: impl IntoIterator<Item = Pid>) -> Result<Vec<Change>> {
        self.catch_up()?;
        self.sweep_those(pids, true)?;
        Ok(self.take_changes())
    }

    /// Asks about a process anew, for what events do not tell of it. The next
    /// [`Self::poll`] tells if it has changed.
    ///
    /// # Errors
    ///
    /// Those of the sources.
    pub fn refresh(&mut self, pid: Pid) -> Result<Option<&Arc<Task>>> {
        self.listen(Some(Duration::ZERO))?;
        self.hints.ask(pid).at_once = true;
        self.settle()?;
        Ok(self.table.get(pid))
    }

    /// How long [`Self::poll`] has nothing to do if no event comes; `None` if
    /// that is for ever. For loops that wait for more than this.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.until_due(None)
    }

    /// The process with this number.
    #[must_use]
    pub fn get(&self, pid: Pid) -> Option<&Arc<Task>> {
        self.table.get(pid)
    }

    /// All processes, by number. What is shared of them stays as it is,
    /// whatever happens to the table.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Task>> {
        self.table.iter()
    }

    /// The numbers of a process's children.
    pub fn children(&self, parent: Pid) -> impl Iterator<Item = Pid> + '_ {
        self.table.children(parent)
    }

    /// How many processes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.iter().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether nothing was lost that has not been made good yet.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        !self.hints.lost
    }

    /// What it has cost so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        Stats {
            events: self.hints.events,
            losses: self.hints.losses,
            silences: self.hints.silences,
            ..self.stats
        }
    }

    /// Where the tasks are from.
    pub const fn tasks(&mut self) -> &mut T {
        &mut self.tasks
    }

    /// Where the events are from, for its descriptor and the like: whoever
    /// takes events from it takes them from the table.
    pub const fn events(&mut self) -> &mut E {
        &mut self.events
    }

    fn take_changes(&mut self) -> Vec<Change> {
        let changes = self.table.take_changes();
        self.stats.changes += changes.len() as u64;
        changes
    }

    /// The shorter of this and what is left until something is to be done.
    fn until_due(&self, left: Option<Duration>) -> Option<Duration> {
        if self.more || !self.hints.is_empty() || !self.table.changes().is_empty() {
            return Some(Duration::ZERO);
        }
        let rest = self.rest.left(Instant::now());
        [left, rest].into_iter().flatten().min()
    }
}
