// SPDX-License-Identifier: MIT
//! The cached rows that a client may see.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use taskdiag::live::TaskSource;
use taskdiag::{
    Client, Cred, Error, Filters, Pid, Procfs, Request, Result, Show, State, Strategy, Task,
};

use crate::mount::{Level, ids, level, level_of_others};
use crate::peer::Rights;
use crate::table::{CACHED, Table, Wanted};

/// Number of rows that are taken from the table, and checked, at a time.
const PORTION: usize = 256;
/// Maximum number of times that the access to a row is checked which changes during
/// the check.
const ATTEMPTS: usize = 4;

/// Whether cached rows can reply to a request. The cache has neither the states of
/// tasks nor other groups, and a list of few pids is better read from procfs.
pub(crate) fn is_cacheable(request: &Request<'_>) -> bool {
    request.strategy == Strategy::All
        && CACHED.contains(request.show)
        && request.filters.need_only_base_and_cred()
}

/// Returns the cached rows that one client may see, in ascending order of their pids.
#[derive(Debug)]
pub(crate) struct RowCache<'a> {
    table: &'a Table,
    /// A procfs that shows the tasks that the thread's credentials may see.
    root: OwnedFd,
    rights: &'a Rights,
    request: &'a Request<'static>,
    /// The pid from which on rows have not been returned.
    from: Pid,
    rows: VecDeque<Arc<Task>>,
    /// The number of changes of the table when the reply began.
    changes: Option<u64>,
    /// A process began or ended since the reply began.
    pub(crate) is_interrupted: bool,
}

impl<'a> RowCache<'a> {
    pub(crate) const fn new(
        table: &'a Table,
        root: OwnedFd,
        rights: &'a Rights,
        request: &'a Request<'static>,
    ) -> Self {
        Self {
            table,
            root,
            rights,
            request,
            from: 0,
            rows: VecDeque::new(),
            changes: None,
            is_interrupted: false,
        }
    }

    /// Returns the next row. The calling thread must have the client's credentials.
    pub(crate) fn next(&mut self) -> Result<Option<Task>> {
        loop {
            if self.rows.is_empty() {
                self.read_portion()?;
            }
            let Some(task) = self.rows.pop_front() else {
                return Ok(None);
            };
            if includes(&self.request.filters, &task) {
                return Ok(Some(to_row(&task, self.request.show)));
            }
        }
    }

    /// Takes rows from the table until there is one that the client may see, or the
    /// table has no more.
    fn read_portion(&mut self) -> Result<()> {
        let begun = match self.changes {
            Some(changes) => changes,
            None => {
                let changes = self.table.update(Wanted::All)?;
                *self.changes.insert(changes)
            }
        };
        while self.rows.is_empty() {
            let (portion, changes) = self.table.portion(self.from, PORTION);
            self.is_interrupted |= changes != begun;
            let Some(last) = portion.last() else {
                return Ok(());
            };
            self.from = last.pid + 1;
            if *self.rights == Rights::All {
                self.rows.extend(portion);
                continue;
            }
            match level_of_others(self.root.as_fd()) {
                // The cached groups do not depend on the state of the task.
                Level::Readable if !self.rights.pass_access_check() => self.rows.extend(portion),
                others => self.rows.extend(self.visible(portion, others)?),
            }
        }
        Ok(())
    }

    /// Checks the access to a task in procfs. Returns its level, and whether the task has
    /// the effective ids of the row; `None` if the task is hidden.
    fn check_access(&self, task: &Task, others: Level) -> Option<(Level, bool)> {
        // A thread of the daemon may always read the files of the daemon.
        if task.pid == std::process::id() {
            return (others != Level::Hidden).then_some((others, true));
        }
        let (uid, gid) = ids(self.root.as_fd(), task.pid)?;
        let has_ids = |cred: Cred| (cred.euid, cred.egid) == (Some(uid), Some(gid));
        match level(self.root.as_fd(), task.pid) {
            Level::Hidden => None,
            level => Some((level, task.cred.is_some_and(has_ids))),
        }
    }

    /// Returns the rows that the client may see, of those that it may not trace at this
    /// level.
    ///
    /// The result of an access check is valid for a row if the row is the same before
    /// and after the check, and all events between have been processed: the check was
    /// about that process and the program that it executed then.
    fn visible(&self, mut rows: Vec<Arc<Task>>, others: Level) -> Result<Vec<Arc<Task>>> {
        let mut visible = Vec::new();
        for _ in 0..ATTEMPTS {
            let checked: Vec<_> = rows
                .drain(..)
                .filter_map(|task| Some((self.check_access(&task, others)?, task)))
                .collect();
            if checked.is_empty() {
                break;
            }
            let pids = || checked.iter().map(|(_, task)| task.pid);
            self.table.update(Wanted::Pids(pids().collect()))?;
            let now = self.table.get(pids());
            for (((level, has_ids), before), now) in checked.into_iter().zip(now) {
                match now {
                    Some(now) if level == Level::Listed => {
                        visible.push(Arc::new(listed(&now, self.request.show)));
                    }
                    Some(now) if has_ids && Arc::ptr_eq(&before, &now) => visible.push(now),
                    Some(now) => rows.push(now),
                    None => {}
                }
            }
        }
        self.read(&rows, &mut visible)?;
        visible.sort_unstable_by_key(|task| task.pid);
        Ok(visible)
    }

    /// Reads those of these rows that the client may see from procfs: they change so
    /// often that no access check is valid for the cached row.
    fn read(&self, rows: &[Arc<Task>], visible: &mut Vec<Arc<Task>>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let root = self.root.try_clone().map_err(|source| Error::Io {
            context: "cannot duplicate the descriptor of procfs",
            source,
        })?;
        let request = Request::new(Strategy::All)
            .show(CACHED)
            .pids(rows.iter().map(|task| task.pid));
        Client::new(Procfs::from_root(root))
            .list(&request, &mut |task| visible.push(Arc::new(task)))
    }
}

/// Returns the row of a task of which procfs shows the pid only.
fn listed(task: &Task, show: Show) -> Task {
    let mut row = Task::default();
    (row.pid, row.tgid) = (task.pid, task.tgid);
    row.absent.denied = show;
    row
}

/// Whether the filters include a row. A filter by a value that the row lacks excludes it.
fn includes(filters: &Filters, task: &Task) -> bool {
    let is_of = |uid| task.cred.is_some_and(|cred| cred.euid == Some(uid));
    let comm = task.base.map(|base| base.comm);
    let has_prefix =
        |prefix: &Vec<u8>| comm.is_some_and(|comm| comm.as_bytes().starts_with(prefix));
    filters.uid.is_none_or(is_of) && filters.comm.as_ref().is_none_or(has_prefix)
}

/// Returns the row of a task with the requested groups: the table may have others. No
/// event reports a change of state, except that a zombie stays one.
fn to_row(task: &Task, show: Show) -> Task {
    let mut row = Task::default();
    (row.pid, row.tgid, row.cached) = (task.pid, task.tgid, true);
    row.base = task.base.filter(|_| show.contains(Show::BASE));
    row.cred = task.cred.filter(|_| show.contains(Show::CRED));
    row.absent.denied = task.absent.denied & show;
    if let Some(base) = &mut row.base {
        if base.state != State::Zombie {
            base.state = State::Unknown;
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use taskdiag::{Base, Ident};

    use super::*;

    #[test]
    fn cached_row_has_only_requested_groups_and_no_state() {
        let mut task = Task::default();
        task.base = Some(Base::default());
        task.cred = Some(Cred::default());
        task.ident = Some(Ident::default());
        let row = to_row(&task, Show::BASE);
        assert!(row.cached && row.cred.is_none() && row.ident.is_none());
        assert_eq!(row.base.map(|base| base.state), Some(State::Unknown));
        if let Some(base) = &mut task.base {
            base.state = State::Zombie;
        }
        let row = to_row(&task, Show::BASE | Show::CRED);
        assert_eq!((row.base, row.cred), (task.base, task.cred));
    }
}
