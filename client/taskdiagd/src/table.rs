// SPDX-License-Identifier: MIT
//! The table of processes: one thread keeps it current by events, the others
//! read it.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use log::{debug, warn};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use taskdiag::events::{Connector, Events};
use taskdiag::live::{Change, Live};
use taskdiag::{Client, Pid, Procfs, RECEIVE_BUFFER, Show, Task};

use crate::error::{Error, Result, io};
use crate::heartbeat::Heartbeat;

/// How often in a row the table may fail to be brought up to date.
const FAILURES: usize = 8;
/// How long to wait behind each failure.
const RESPITE: Duration = Duration::from_millis(100);

/// What is kept of each process.
pub(crate) const KEPT: Show = Show::BASE.union(Show::CRED);

type Following = Live<Client<Procfs>, Heartbeat>;

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    state: Mutex<State>,
    /// The table has been brought up to date, or has failed.
    done: Condvar,
    /// Somebody wants it up to date.
    wanted: EventFd,
    /// It has failed for good.
    failed: EventFd,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<Pid, Arc<Task>>,
    /// How often something has changed.
    changes: u64,
    /// How often it was asked to be up to date, and up to which of these it is.
    asked: u64,
    answered: u64,
    why_failed: Option<taskdiag::Error>,
    has_failed: bool,
}

impl Table {
    /// Lists all processes and follows events from then on.
    pub(crate) fn follow() -> Result<Arc<Self>> {
        let connector = Connector::listen(Events::all()).map_err(Error::NoEvents)?;
        let procfs = Procfs::open().map_err(Error::Table)?;
        let client = Client::with_transport(procfs, RECEIVE_BUFFER);
        let mut live = Live::new(client, Heartbeat::of(connector), KEPT).map_err(Error::Table)?;
        let eventfd = || {
            let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
            EventFd::from_flags(flags).map_err(io("cannot have an eventfd"))
        };
        let table = Arc::new(Self {
            state: Mutex::default(),
            done: Condvar::new(),
            wanted: eventfd()?,
            failed: eventfd()?,
        });
        table.lock().apply(live.sync().map_err(Error::Table)?);
        let following = Arc::clone(&table);
        thread::Builder::new()
            .name("table".into())
            .spawn(move || following.keep(live))
            .map_err(io("cannot start a thread"))?;
        Ok(table)
    }

    /// Has everything looked at that has happened before this call. Tells how
    /// often something has changed so far.
    pub(crate) fn catch_up(&self) -> taskdiag::Result<u64> {
        let mut state = self.lock();
        state.asked += 1;
        let mine = state.asked;
        // A counter that is full is one that wakes.
        let _ = self.wanted.write(1);
        while state.answered < mine && !state.has_failed {
            state = self
                .done
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.has_failed {
            return Err(not_kept());
        }
        Ok(state.changes)
    }

    /// Some processes with numbers from there on, and how often something has
    /// changed so far.
    pub(crate) fn portion(&self, from: Pid, most: usize) -> (Vec<Arc<Task>>, u64) {
        let state = self.lock();
        let rows = state.rows.range(from..).take(most);
        (
            rows.map(|(_, task)| Arc::clone(task)).collect(),
            state.changes,
        )
    }

    /// The rows of these numbers as they are now.
    pub(crate) fn again(&self, pids: impl Iterator<Item = Pid>) -> Vec<Option<Arc<Task>>> {
        let state = self.lock();
        pids.map(|pid| state.rows.get(&pid).cloned()).collect()
    }

    /// Becomes readable when the table has failed for good.
    pub(crate) fn failed(&self) -> BorrowedFd<'_> {
        self.failed.as_fd()
    }

    /// Why that is.
    pub(crate) fn why_failed(&self) -> Error {
        Error::Table(self.lock().why_failed.take().unwrap_or_else(not_kept))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps it current, and says so if that cannot be done any more.
    fn keep(&self, mut live: Following) {
        let _end = End(self);
        let mut failures = 0;
        while failures < FAILURES {
            match self.step(&mut live) {
                Ok(()) => failures = 0,
                Err(error) => {
                    warn!("cannot bring the table up to date: {error}");
                    failures += 1;
                    self.lock().why_failed = Some(error);
                    thread::sleep(RESPITE);
                }
            }
        }
    }

    /// Waits for an event or for somebody who wants the table up to date, and
    /// brings it there.
    fn step(&self, live: &mut Following) -> taskdiag::Result<()> {
        self.wait(live)?;
        let asked = self.lock().asked;
        let is_wanted = self.lock().answered < asked;
        if is_wanted {
            self.bring_up_to_date(live)?;
        } else {
            let changes = live.poll(Some(Duration::ZERO))?;
            self.lock().apply(changes);
        }
        self.lock().answered = asked;
        self.done.notify_all();
        Ok(())
    }

    /// By events; by a list of all where some may be missing.
    fn bring_up_to_date(&self, live: &mut Following) -> taskdiag::Result<()> {
        live.events().beat()?;
        let changes = live.sync()?;
        self.lock().apply(changes);
        if !live.events().is_whole() {
            let changes = live.sync()?;
            self.lock().apply(changes);
        }
        Ok(())
    }

    fn wait(&self, live: &mut Following) -> taskdiag::Result<()> {
        let timeout = match live.due() {
            // Rounded up: who comes early comes twice.
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
        // Before the table is brought up to date: who asks from now on wakes
        // this thread once more.
        let _ = self.wanted.read();
        Ok(())
    }
}

fn not_kept() -> taskdiag::Error {
    taskdiag::Error::Io {
        context: "the table of tasks is not kept any more",
        source: Errno::EIO.into(),
    }
}

/// However keeping the table ends, nobody waits for it any more.
struct End<'a>(&'a Table);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.lock().has_failed = true;
        self.0.done.notify_all();
        let _ = self.0.failed.write(1);
    }
}

impl State {
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
                other => debug!("a change of an unknown kind: {other:?}"),
            }
        }
    }
}
