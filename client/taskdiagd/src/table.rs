// SPDX-License-Identifier: MIT
//! The table of processes: one thread updates it from events, the others read it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use log::{debug, info, warn};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use taskdiag::events::{Connector, Events};
use taskdiag::live::{Change, Live};
use taskdiag::{Client, Pid, Procfs, Show, Task};

use crate::error::{Error, Result, io};

/// Number of successive failed updates after which the table fails permanently.
const FAILURES: usize = 8;
/// Time to wait after a failed update.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// The groups of the cached rows.
pub(crate) const CACHED: Show = Show::BASE.union(Show::CRED);

type LiveTable = Live<Client<Procfs>, Connector>;

/// The rows of all processes.
#[derive(Debug)]
pub(crate) struct Table {
    state: Mutex<State>,
    /// Signalled after an update, and if the table has failed permanently.
    updated: Condvar,
    /// Readable if a client waits for an update.
    wanted: EventFd,
    /// Readable if the table has failed permanently.
    failed: EventFd,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<Pid, Arc<Task>>,
    /// The number of changes so far.
    changes: u64,
    /// The number of updates that were requested.
    requested: u64,
    /// The number of these that have been done.
    done: u64,
    /// The rows of the other ones.
    wanted: Option<Wanted>,
    /// Delivery of events was stopped at the last update.
    is_stopped: bool,
    last_error: Option<taskdiag::Error>,
    has_failed: bool,
}

/// The rows that an update is for. It queries zombies among these, because no event
/// reports that a zombie is reaped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The rows of these pids.
    Pids(BTreeSet<Pid>),
    /// All rows. Querying many zombies takes long.
    All,
}

impl Wanted {
    /// Returns the union.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Pids(mut pids), Self::Pids(others)) => {
                pids.extend(others);
                Self::Pids(pids)
            }
            _ => Self::All,
        }
    }

    fn sync(&self, live: &mut LiveTable) -> taskdiag::Result<Vec<Change>> {
        match self {
            Self::Pids(pids) => live.sync_pids(pids.iter().copied()),
            Self::All => live.sync(),
        }
    }
}

impl Table {
    /// Lists all processes, and updates the table from events from then on.
    pub(crate) fn follow() -> Result<Arc<Self>> {
        let connector = Connector::listen(Events::all()).map_err(Error::NoEvents)?;
        let procfs = Procfs::open().map_err(Error::Table)?;
        let client = Client::new(procfs);
        let mut live = Live::new(client, connector, CACHED).map_err(Error::Table)?;
        let eventfd = || {
            let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
            EventFd::from_flags(flags).map_err(io("cannot create an eventfd"))
        };
        let table = Arc::new(Self {
            state: Mutex::default(),
            updated: Condvar::new(),
            wanted: eventfd()?,
            failed: eventfd()?,
        });
        table.lock().apply(live.sync().map_err(Error::Table)?);
        let updater = Arc::clone(&table);
        thread::Builder::new()
            .name("table".into())
            .spawn(move || updater.run(live))
            .map_err(io("cannot start a thread"))?;
        Ok(table)
    }

    /// Updates the wanted rows to the state at the time of this call or a later one.
    /// Returns the number of changes so far.
    pub(crate) fn update(&self, wanted: Wanted) -> taskdiag::Result<u64> {
        let mut state = self.lock();
        let number = state.request(wanted);
        // A write fails only if the eventfd is readable already.
        let _ = self.wanted.write(1);
        while state.done < number && !state.has_failed {
            state = self
                .updated
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.has_failed {
            return Err(has_failed());
        }
        Ok(state.changes)
    }

    /// Returns at most `max` rows with pids from `from` on, and the number of changes so
    /// far.
    pub(crate) fn portion(&self, from: Pid, max: usize) -> (Vec<Arc<Task>>, u64) {
        let state = self.lock();
        let rows = state.rows.range(from..).take(max);
        (
            rows.map(|(_, task)| Arc::clone(task)).collect(),
            state.changes,
        )
    }

    /// Returns the current rows of these pids.
    pub(crate) fn get(&self, pids: impl Iterator<Item = Pid>) -> Vec<Option<Arc<Task>>> {
        let state = self.lock();
        pids.map(|pid| state.rows.get(&pid).cloned()).collect()
    }

    /// Returns a descriptor that is readable if the table has failed permanently.
    pub(crate) fn failed(&self) -> BorrowedFd<'_> {
        self.failed.as_fd()
    }

    /// Returns the error of the table, which has failed permanently.
    pub(crate) fn failure(&self) -> Error {
        Error::Table(self.lock().last_error.take().unwrap_or_else(has_failed))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Updates the table until it fails permanently.
    fn run(&self, mut live: LiveTable) {
        let _failure = FailOnDrop(self);
        let mut failures = 0;
        while failures < FAILURES {
            match self.step(&mut live) {
                Ok(()) => failures = 0,
                Err(error) => {
                    warn!("cannot update the table of processes: {error}");
                    failures += 1;
                    self.lock().last_error = Some(error);
                    thread::sleep(RETRY_DELAY);
                }
            }
        }
    }

    /// Waits for an event or for a client, and updates the table.
    fn step(&self, live: &mut LiveTable) -> taskdiag::Result<()> {
        self.wait(live)?;
        let (requested, wanted) = self.lock().take_wanted();
        let Some(wanted) = wanted else {
            let changes = live.poll(Some(Duration::ZERO))?;
            self.lock().apply(changes);
            return Ok(());
        };
        let result = self.sync(live, &wanted);
        let mut state = self.lock();
        if result.is_err() {
            state.want(wanted);
        } else {
            state.done = requested;
            self.updated.notify_all();
        }
        result
    }

    /// Processes all events so far; lists all processes if events were lost.
    fn sync(&self, live: &mut LiveTable, wanted: &Wanted) -> taskdiag::Result<()> {
        let before = live.stats();
        let changes = wanted.sync(live)?;
        let mut state = self.lock();
        state.apply(changes);
        let now = live.stats();
        state.set_stopped(now.delivery_stops != before.delivery_stops);
        if now.losses != before.losses {
            debug!("events were lost: listed all processes");
        }
        Ok(())
    }

    fn wait(&self, live: &mut LiveTable) -> taskdiag::Result<()> {
        let timeout = match live.poll_timeout() {
            // Rounded up: the query would not be due yet otherwise.
            Some(due) => PollTimeout::try_from(due + Duration::from_millis(1)),
            None => Ok(PollTimeout::NONE),
        };
        let events = live.events();
        let mut fds = [
            PollFd::new(events.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.wanted.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, timeout.unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => {
                return Err(taskdiag::Error::Io {
                    context: "cannot wait for events",
                    source: errno.into(),
                });
            }
        }
        // Before the update, so that a client which comes during the update wakes this
        // thread again.
        let _ = self.wanted.read();
        Ok(())
    }
}

fn has_failed() -> taskdiag::Error {
    taskdiag::Error::Io {
        context: "the table of processes is no longer updated",
        source: Errno::EIO.into(),
    }
}

/// Marks the table as failed when its thread ends in any way, and wakes the clients
/// that wait for an update.
struct FailOnDrop<'a>(&'a Table);

impl Drop for FailOnDrop<'_> {
    fn drop(&mut self) {
        self.0.lock().has_failed = true;
        self.0.updated.notify_all();
        let _ = self.0.failed.write(1);
    }
}

impl State {
    /// Requests an update. Returns its number.
    fn request(&mut self, wanted: Wanted) -> u64 {
        self.want(wanted);
        self.requested += 1;
        self.requested
    }

    fn want(&mut self, wanted: Wanted) {
        self.wanted = Some(match self.wanted.take() {
            Some(others) => others.and(wanted),
            None => wanted,
        });
    }

    /// Takes the rows to update, and the number of the last request.
    const fn take_wanted(&mut self) -> (u64, Option<Wanted>) {
        (self.requested, self.wanted.take())
    }

    /// Logs when delivery of events is stopped, which any user can do, and when it
    /// resumes. A full buffer is not logged: it is repaired at once.
    fn set_stopped(&mut self, is_stopped: bool) {
        match (self.is_stopped, is_stopped) {
            (false, true) => warn!("delivery of events stopped: each update lists all processes"),
            (true, false) => info!("delivery of events resumed"),
            _ => {}
        }
        self.is_stopped = is_stopped;
    }

    fn apply(&mut self, changes: Vec<Change>) {
        self.changes += changes.len() as u64;
        for change in changes {
            match change {
                Change::Added(task) | Change::Changed { new: task, .. } => {
                    self.rows.insert(task.pid, task);
                }
                Change::Removed { task, .. } => {
                    self.rows.remove(&task.pid);
                }
                other => debug!("unknown kind of change: {other:?}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pids(pids: &[Pid]) -> Wanted {
        Wanted::Pids(pids.iter().copied().collect())
    }

    #[test]
    fn requests_of_several_clients_are_merged() {
        let mut state = State::default();
        assert_eq!(state.take_wanted(), (0, None));
        state.request(pids(&[1, 2]));
        state.request(pids(&[2, 3]));
        assert_eq!(state.take_wanted(), (2, Some(pids(&[1, 2, 3]))));
        assert_eq!(state.take_wanted(), (2, None));

        state.request(pids(&[1]));
        state.request(Wanted::All);
        state.request(pids(&[2]));
        assert_eq!(state.take_wanted(), (5, Some(Wanted::All)));
    }

    #[test]
    fn failed_update_is_still_wanted() {
        let mut state = State::default();
        state.request(pids(&[1]));
        let (_, wanted) = state.take_wanted();
        state.request(pids(&[2]));
        state.want(wanted.unwrap());
        assert_eq!(state.take_wanted(), (2, Some(pids(&[1, 2]))));
    }
}
