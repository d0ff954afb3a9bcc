// SPDX-License-Identifier: MIT
//! The table of processes: one thread keeps it current by events, the others
//! read it.

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
use taskdiag::{Client, Pid, Procfs, RECEIVE_BUFFER, Show, Task};

use crate::error::{Error, Result, io};

/// How often in a row the table may fail to be brought up to date.
const FAILURES: usize = 8;
/// How long to wait behind each failure.
const RESPITE: Duration = Duration::from_millis(100);

/// What is kept of each process.
pub(crate) const KEPT: Show = Show::BASE.union(Show::CRED);

type Following = Live<Client<Procfs>, Connector>;

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
    /// By those that it is not up to yet.
    wanted: Option<Wanted>,
    /// When it was brought up to date last, no events were told.
    is_silent: bool,
    why_failed: Option<taskdiag::Error>,
    has_failed: bool,
}

/// Whom to ask about where no event tells of what happens: zombies are reaped
/// without one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// These alone.
    Those(BTreeSet<Pid>),
    /// All of them, which takes long where there are many.
    All,
}

impl Wanted {
    /// What two want.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Those(mut these), Self::Those(those)) => {
                these.extend(those);
                Self::Those(these)
            }
            _ => Self::All,
        }
    }

    fn sync(&self, live: &mut Following) -> taskdiag::Result<Vec<Change>> {
        match self {
            Self::Those(pids) => live.sync_pids(pids.iter().copied()),
            Self::All => live.sync(),
        }
    }
}

impl Table {
    /// Lists all processes and follows events from then on.
    pub(crate) fn follow() -> Result<Arc<Self>> {
        let connector = Connector::listen(Events::all()).map_err(Error::NoEvents)?;
        let procfs = Procfs::open().map_err(Error::Table)?;
        let client = Client::with_transport(procfs, RECEIVE_BUFFER);
        let mut live = Live::new(client, connector, KEPT).map_err(Error::Table)?;
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

    /// Has everything looked at that has happened before this call, for the
    /// rows that are wanted. Tells how often something has changed so far.
    pub(crate) fn catch_up(&self, wanted: Wanted) -> taskdiag::Result<u64> {
        let mut state = self.lock();
        let mine = state.ask(wanted);
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
        let (asked, wanted) = self.lock().take_wanted();
        let Some(wanted) = wanted else {
            let changes = live.poll(Some(Duration::ZERO))?;
            self.lock().apply(changes);
            return Ok(());
        };
        let done = self.bring_up_to_date(live, &wanted);
        let mut state = self.lock();
        if done.is_err() {
            state.want(wanted);
        } else {
            state.answered = asked;
            self.done.notify_all();
        }
        done
    }

    /// By events; by a list of all where some may be missing.
    fn bring_up_to_date(&self, live: &mut Following, wanted: &Wanted) -> taskdiag::Result<()> {
        let before = live.stats();
        let changes = wanted.sync(live)?;
        let mut state = self.lock();
        state.apply(changes);
        let now = live.stats();
        state.note_silence(now.delivery_stops != before.delivery_stops);
        if now.losses != before.losses {
            debug!("events were lost: all processes were listed");
        }
        Ok(())
    }

    fn wait(&self, live: &mut Following) -> taskdiag::Result<()> {
        let timeout = match live.poll_timeout() {
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
    /// Has it brought up to date; tells which of those who asked this is.
    fn ask(&mut self, wanted: Wanted) -> u64 {
        self.want(wanted);
        self.asked += 1;
        self.asked
    }

    fn want(&mut self, wanted: Wanted) {
        self.wanted = Some(match self.wanted.take() {
            Some(others) => others.and(wanted),
            None => wanted,
        });
    }

    /// What is wanted, and by whom.
    const fn take_wanted(&mut self) -> (u64, Option<Wanted>) {
        (self.asked, self.wanted.take())
    }

    /// Says so when events begin to be missing, and when that ends: any user
    /// can silence the connector. A full buffer is nobody's doing, and made
    /// good at once.
    fn note_silence(&mut self, is_silent: bool) {
        match (self.is_silent, is_silent) {
            (false, true) => warn!("events are missing: all processes are listed until they come"),
            (true, false) => info!("events come again"),
            _ => {}
        }
        self.is_silent = is_silent;
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
                other => debug!("a change of an unknown kind: {other:?}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn those(pids: &[Pid]) -> Wanted {
        Wanted::Those(pids.iter().copied().collect())
    }

    #[test]
    fn what_several_want_is_brought_up_to_date_at_once() {
        let mut state = State::default();
        assert_eq!(state.take_wanted(), (0, None));
        state.ask(those(&[1, 2]));
        state.ask(those(&[2, 3]));
        assert_eq!(state.take_wanted(), (2, Some(those(&[1, 2, 3]))));
        assert_eq!(state.take_wanted(), (2, None));

        state.ask(those(&[1]));
        state.ask(Wanted::All);
        state.ask(those(&[2]));
        assert_eq!(state.take_wanted(), (5, Some(Wanted::All)));
    }

    #[test]
    fn what_could_not_be_done_is_wanted_still() {
        let mut state = State::default();
        state.ask(those(&[1]));
        let (_, wanted) = state.take_wanted();
        state.ask(those(&[2]));
        state.want(wanted.unwrap());
        assert_eq!(state.take_wanted(), (2, Some(those(&[1, 2]))));
    }
}
