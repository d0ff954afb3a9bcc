// SPDX-License-Identifier: MIT
//! The rows of a live table, and what learning something about one changes in
//! it: no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::Change;
use super::exits::{ExitState, ExitStates, MissingExits, PidHistory};
use super::pending::PendingUpdate;
use crate::pid::Pid;
use crate::task::{State, Task};

/// A process.
#[derive(Debug)]
struct TableRow {
    task: Arc<Task>,
    exit_state: ExitState,
    /// The last time that all were told of, it was among them.
    generation: u64,
    /// How often it was gone, and its exit waited for.
    waits: u8,
}

/// How often an exit is waited for: on a busy processor the one who ends is
/// reaped before it comes to tell.
const MAX_WAITS: u8 = 5;

impl TableRow {
    /// Whether there is more to come of it, if it is gone: its exit.
    fn awaits_exit(&self, pending: &PendingUpdate) -> bool {
        self.exit_state == ExitState::NotReported && self.waits < MAX_WAITS && pending.awaits_exit()
    }
}

/// All processes.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<Pid, TableRow>,
    /// Parents and their children.
    children: BTreeSet<(Pid, Pid)>,
    /// Rows that change without an event: see [`Self::to_recheck`].
    to_recheck: BTreeSet<Pid>,
    /// There are new ones among these.
    recheck_grew: bool,
    missing_exits: MissingExits,
    generation: u64,
    changes: Vec<Change>,
}

impl Table {
    /// What was learnt: this task has the number now, or nobody. After a loss,
    /// pending of exits may be another's. Tells whether children of whoever had
    /// the number may have another parent now.
    pub(super) fn apply(
        &mut self,
        pid: Pid,
        found: Option<Task>,
        pending: &PendingUpdate,
        lost: bool,
    ) -> bool {
        let row = self.rows.remove(&pid);
        let same = match (&row, &found) {
            (Some(row), Some(task)) => is_same(&row.task, task),
            _ => false,
        };
        let gone = row.is_some() && !same;
        let orphaned =
            pending.exits > 0 || gone || has_ended(row.as_ref(), found.as_ref(), pending);

        match (row, found) {
            (Some(row), None) if !lost && row.awaits_exit(pending) => {
                self.wait_for_exit(row, pending.is_retry);
            }
            (row, found) => {
                let history = PidHistory {
                    before: row.as_ref().map(|row| row.exit_state),
                    same,
                    now: found.as_ref().map(is_dead),
                };
                let ends = self.missing_exits.assign(pid, history, pending, lost);
                self.replace(row, found, same, ends);
            }
        }
        orphaned
    }

    fn replace(
        &mut self,
        row: Option<TableRow>,
        found: Option<Task>,
        same: bool,
        ends: ExitStates,
    ) {
        match (row, found) {
            (Some(row), Some(task)) if same => self.change(row, task, ends.now),
            (row, found) => {
                if let Some(row) = row {
                    self.remove(row.task, ends.before);
                }
                if let Some(task) = found {
                    self.add(task, ends.now);
                }
            }
        }
    }

    /// Keeps who is gone until it is told how it ended, or has been asked
    /// about some times more.
    fn wait_for_exit(&mut self, mut row: TableRow, is_retry: bool) {
        row.waits += u8::from(is_retry);
        self.recheck_later(row.task.pid);
        self.rows.insert(row.task.pid, row);
    }

    fn recheck_later(&mut self, pid: Pid) {
        self.recheck_grew |= self.to_recheck.insert(pid);
    }

    fn add(&mut self, task: Task, exit_state: ExitState) {
        let task = Arc::new(task);
        self.changes.push(Change::Added(task.clone()));
        self.put(task, exit_state);
    }

    fn change(&mut self, row: TableRow, task: Task, exit_state: ExitState) {
        if *row.task == task {
            return self.put(row.task, exit_state);
        }
        let new = Arc::new(task);
        self.unlink(&row.task);
        self.changes.push(Change::Changed {
            old: row.task,
            new: new.clone(),
        });
        self.put(new, exit_state);
    }

    fn remove(&mut self, task: Arc<Task>, exit_state: ExitState) {
        self.unlink(&task);
        let exit = exit_state.known().map(|end| end.status);
        self.changes.push(Change::Removed { task, exit });
    }

    fn put(&mut self, task: Arc<Task>, exit_state: ExitState) {
        let (pid, generation, waits) = (task.pid, self.generation, 0);
        self.children.insert((parent(&task), pid));
        if is_dead(&task) {
            self.recheck_later(pid);
        } else {
            self.to_recheck.remove(&pid);
        }
        let row = TableRow {
            task,
            exit_state,
            generation,
            waits,
        };
        self.rows.insert(pid, row);
    }

    fn unlink(&mut self, task: &Task) {
        self.children.remove(&(parent(task), task.pid));
        self.to_recheck.remove(&task.pid);
    }

    /// From now on all are told of.
    pub(super) fn begin_listing(&mut self) {
        self.generation += 1;
    }

    /// Those who were not told of since then.
    pub(super) fn unlisted(&self) -> impl Iterator<Item = Pid> + '_ {
        let missing = self
            .rows
            .iter()
            .filter(|(_, row)| row.generation != self.generation);
        missing.map(|(&pid, _)| pid)
    }

    /// The children of a process.
    pub(super) fn children(&self, parent: Pid) -> impl Iterator<Item = Pid> + '_ {
        let all = (parent, Pid::MIN)..=(parent, Pid::MAX);
        self.children.range(all).map(|&(_, child)| child)
    }

    /// Those of which no event tells that they go: zombies until they are
    /// reaped, and who is gone and is waited for.
    pub(super) fn to_recheck(&self) -> &BTreeSet<Pid> {
        &self.to_recheck
    }

    /// Whether there are new ones among these since this was asked.
    pub(super) fn take_recheck_grew(&mut self) -> bool {
        std::mem::take(&mut self.recheck_grew)
    }

    /// Whether the end of a thread other than the first may show: where the
    /// first has ended before, this may have been the last.
    pub(super) fn thread_exit_matters(&self, pid: Pid) -> bool {
        match self.get(pid) {
            Some(task) => is_dead(task),
            None => self.children(pid).next().is_some(),
        }
    }

    pub(super) fn get(&self, pid: Pid) -> Option<&Arc<Task>> {
        Some(&self.rows.get(&pid)?.task)
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Task>> {
        self.rows.values().map(|row| &row.task)
    }

    pub(super) const fn changes(&self) -> &Vec<Change> {
        &self.changes
    }

    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}

/// Whether these two with the same number are the same process. The inode is
/// not told of everybody.
fn is_same(a: &Task, b: &Task) -> bool {
    let (a, b) = (a.ident.unwrap_or_default(), b.ident.unwrap_or_default());
    match (a.pidfd_ino, b.pidfd_ino) {
        (Some(a), Some(b)) => a == b,
        _ => a.start_time == b.start_time,
    }
}

fn is_dead(task: &Task) -> bool {
    matches!(
        task.base.map(|base| base.state),
        Some(State::Zombie | State::Dead)
    )
}

/// Whether a process is dead that was not, or may have had threads before.
fn has_ended(row: Option<&TableRow>, found: Option<&Task>, pending: &PendingUpdate) -> bool {
    let was_dead = row.is_some_and(|row| is_dead(&row.task));
    found.is_some_and(is_dead) && (!was_dead || pending.thread_exit.is_some())
}

fn parent(task: &Task) -> Pid {
    task.base.map_or(0, |base| base.ppid)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::time::Duration;

    use super::*;
    use crate::events::{Event, EventKind};
    use crate::live::pending::PendingSet;

    const PID: Pid = 7;

    fn task() -> Task {
        Task {
            pid: PID,
            tgid: PID,
            ..Task::default()
        }
    }

    fn exit() -> PendingUpdate {
        let mut pending = PendingSet::default();
        let kind = EventKind::Exit {
            pid: PID,
            tgid: PID,
            status: ExitStatus::from_raw(9),
            exit_signal: 17,
            parent_pid: 0,
            parent_tgid: 0,
        };
        pending.note(&Event::new(Duration::from_secs(1), None, kind));
        pending.take()[&PID]
    }

    /// A table with one row, of a process that is gone without an exit.
    fn gone() -> Table {
        let mut table = Table::default();
        table.apply(PID, Some(task()), &PendingUpdate::default(), false);
        table.apply(PID, None, &PendingUpdate::default(), false);
        assert_eq!(table.take_changes(), [Change::Added(task().into())]);
        assert!(table.to_recheck().contains(&PID));
        table
    }

    fn removed(exit: Option<ExitStatus>) -> [Change; 1] {
        let task = task().into();
        [Change::Removed { task, exit }]
    }

    #[test]
    fn an_exit_on_its_way_is_waited_for() {
        let mut table = gone();
        table.apply(PID, None, &exit(), false);
        let status = ExitStatus::from_raw(9);
        assert_eq!(table.take_changes(), removed(Some(status)));
        assert!(table.to_recheck().is_empty());
    }

    #[test]
    fn but_not_for_ever() {
        let mut table = gone();
        let later = PendingUpdate {
            is_retry: true,
            ..PendingUpdate::default()
        };
        for _ in 0..MAX_WAITS {
            table.apply(PID, None, &later, false);
            assert_eq!(table.take_changes(), []);
        }
        table.apply(PID, None, &later, false);
        assert_eq!(table.take_changes(), removed(None));
        assert!(table.to_recheck().is_empty());
    }

    #[test]
    fn who_is_seen_again_is_not_waited_for() {
        let mut table = gone();
        table.apply(PID, Some(task()), &PendingUpdate::default(), false);
        assert_eq!(table.take_changes(), []);
        assert!(table.to_recheck().is_empty());
    }

    #[test]
    fn nor_if_somebody_wants_to_know_at_once() {
        let mut table = gone();
        let no_wait = PendingUpdate {
            no_wait: true,
            ..PendingUpdate::default()
        };
        table.apply(PID, None, &no_wait, false);
        assert_eq!(table.take_changes(), removed(None));
    }
}
