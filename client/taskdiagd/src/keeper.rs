// SPDX-License-Identifier: MIT
//! The kept rows that a client may see.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use taskdiag::live::TaskSource;
use taskdiag::{Client, Cred, Error, Keep, Pid, Procfs, RECEIVE_BUFFER, Request, Strategy, Task};

use crate::peer::Rights;
use crate::procfs::ids;
use crate::table::{KEPT, Table, Wanted};

/// How many rows are taken from the table, and judged, at a time.
const PORTION: usize = 256;
/// How often a row is judged that changes meanwhile.
const ATTEMPTS: usize = 4;

/// What is kept, as one client may see it.
#[derive(Debug)]
pub(crate) struct Keeper {
    table: Arc<Table>,
    /// A procfs that hides what may not be seen by whoever the thread looks for.
    root: OwnedFd,
    rights: Rights,
    /// How often the table had changed at the first rows.
    begun: u64,
}

impl Keeper {
    pub(crate) const fn new(table: Arc<Table>, root: OwnedFd, rights: Rights) -> Self {
        Self {
            table,
            root,
            rights,
            begun: 0,
        }
    }

    /// Asks the kernel, but about the daemon, which may always see itself. Tells
    /// whether the row has the effective ids of whoever that was about.
    fn verdict(&self, task: &Task) -> Option<bool> {
        let (uid, gid) = ids(self.root.as_fd(), task.pid)?;
        let is_it = |cred: Cred| (cred.euid, cred.egid) == (uid, gid);
        (task.pid != std::process::id()).then(|| task.cred.is_some_and(is_it))
    }

    /// Those of these rows that may be seen. A row counts if it is the same
    /// before and after the question, with every event in between looked at:
    /// then the verdict was about that process, running that program.
    fn judge(&self, mut rows: Vec<Arc<Task>>) -> taskdiag::Result<Vec<Arc<Task>>> {
        let mut seen = Vec::new();
        for _ in 0..ATTEMPTS {
            let judged: Vec<_> = rows
                .drain(..)
                .filter_map(|task| Some((self.verdict(&task)?, task)))
                .collect();
            if judged.is_empty() {
                break;
            }
            let pids = || judged.iter().map(|(_, task)| task.pid);
            self.table.catch_up(Wanted::Those(pids().collect()))?;
            let now = self.table.again(pids());
            for ((is_it, then), now) in judged.into_iter().zip(now) {
                match now {
                    Some(now) if is_it && Arc::ptr_eq(&then, &now) => seen.push(now),
                    Some(now) => rows.push(now),
                    None => {}
                }
            }
        }
        self.read(&rows, &mut seen)?;
        seen.sort_unstable_by_key(|task| task.pid);
        Ok(seen)
    }

    /// Appends those of these rows that may be seen as they are now: whoever
    /// changes all the time is never the same before and after a question.
    fn read(&self, rows: &[Arc<Task>], seen: &mut Vec<Arc<Task>>) -> taskdiag::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let root = self.root.try_clone().map_err(|source| Error::Io {
            context: "cannot have another descriptor of procfs",
            source,
        })?;
        let request = Request::new(Strategy::All)
            .show(KEPT)
            .pids(rows.iter().map(|task| task.pid));
        Client::with_transport(Procfs::from_root(root), RECEIVE_BUFFER)
            .list(&request, &mut |task| seen.push(Arc::new(task)))
    }
}

impl Keep for Keeper {
    fn next(&mut self, from: Pid, rows: &mut VecDeque<Arc<Task>>) -> taskdiag::Result<bool> {
        if from == 0 {
            self.begun = self.table.catch_up(Wanted::All)?;
        }
        let mut from = from;
        loop {
            let (portion, changes) = self.table.portion(from, PORTION);
            let Some(last) = portion.last() else {
                return Ok(changes != self.begun);
            };
            from = last.pid + 1;
            match self.rights {
                Rights::All => rows.extend(portion),
                Rights::Of { .. } => rows.extend(self.judge(portion)?),
            }
            if !rows.is_empty() {
                return Ok(changes != self.begun);
            }
        }
    }
}
