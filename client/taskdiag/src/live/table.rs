// SPDX-License-Identifier: MIT
//! The rows of a live table, and the changes that a query causes: no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::Change;
use super::exits::{ExitState, ExitStates, MissingExits, PidHistory};
use super::pending::PendingUpdate;
use crate::pid::Pid;
use crate::task::{State, Task};

/// The row of a process.
#[derive(Debug)]
struct TableRow {
    task: Arc<Task>,
    exit_state: ExitState,
    /// The last list of all processes that contained it.
    generation: u64,
    /// Number of queries that found it gone before its exit event.
    waits: u8,
}

/// Limit of `waits`: on a busy CPU, a process is reaped before the event that
/// it sends on its exit.
const MAX_WAITS: u8 = 5;

impl TableRow {
    /// Whether its exit event is still to come, if it is gone.
    fn awaits_exit(&self, pending: &PendingUpdate) -> bool {
        self.exit_state == ExitState::NotReported && self.waits < MAX_WAITS && pending.awaits_exit()
    }
}

/// All processes.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<Pid, TableRow>,
    /// Pairs of parent and child.
    children: BTreeSet<(Pid, Pid)>,
    /// Rows that change without an event: see [`Self::to_recheck`].
    to_recheck: BTreeSet<Pid>,
    /// Rows were added to `to_recheck`.
    recheck_grew: bool,
    missing_exits: MissingExits,
    generation: u64,
    changes: Vec<Change>,
}

impl Table {
    /// Applies the result of a query: this task has the pid now, or none has.
    /// `lost` if events were lost: pending exits may then belong to another
    /// process. Returns whether the children of the former process may have
    /// another parent now.
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

    /// Keeps the row of a process that is gone until its exit event arrives, or
    /// until further queries have found it gone.
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

    /// Begins a list of all processes.
    pub(super) fn begin_listing(&mut self) {
        self.generation += 1;
    }

    /// Returns the pids of rows that the list did not contain.
    pub(super) fn unlisted(&self) -> impl Iterator<Item = Pid> + '_ {
        let missing = self
            .rows
            .iter()
            .filter(|(_, row)| row.generation != self.generation);
        missing.map(|(&pid, _)| pid)
    }

    /// Returns the children of a process.
    pub(super) fn children(&self, parent: Pid) -> impl Iterator<Item = Pid> + '_ {
        let all = (parent, Pid::MIN)..=(parent, Pid::MAX);
        self.children.range(all).map(|&(_, child)| child)
    }

    /// Returns the pids of rows that disappear without an event: zombies until
    /// they are reaped, and processes that are gone and whose exit event is
    /// awaited.
    pub(super) fn to_recheck(&self) -> &BTreeSet<Pid> {
        &self.to_recheck
    }

    /// Returns whether [`Self::to_recheck`] has grown since the last call.
    pub(super) fn take_recheck_grew(&mut self) -> bool {
        std::mem::take(&mut self.recheck_grew)
    }

    /// Whether the exit of a thread other than the first can affect the row: if
    /// the first has ended before, this may have been the last.
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

/// Whether two tasks with the same pid are the same process. Not every
/// transport reports the inode number.
fn is_same(a: &Task, b: &Task) -> bool {
    let (Some(a), Some(b)) = (a.ident, b.ident) else {
        // The caller may only list the task, so that events alone report its end.
        return true;
    };
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

/// Whether the process has died since the last query, or may have had further
/// threads until now.
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

    /// Returns a table whose only process is gone without an exit event.
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
    fn row_of_gone_process_waits_for_its_exit_event() {
        let mut table = gone();
        table.apply(PID, None, &exit(), false);
        let status = ExitStatus::from_raw(9);
        assert_eq!(table.take_changes(), removed(Some(status)));
        assert!(table.to_recheck().is_empty());
    }

    #[test]
    fn row_without_exit_event_is_removed_after_max_waits() {
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
    fn process_found_again_no_longer_waits_for_an_exit() {
        let mut table = gone();
        table.apply(PID, Some(task()), &PendingUpdate::default(), false);
        assert_eq!(table.take_changes(), []);
        assert!(table.to_recheck().is_empty());
    }

    #[test]
    fn no_wait_removes_the_row_of_a_gone_process_at_once() {
        let mut table = gone();
        let no_wait = PendingUpdate {
            no_wait: true,
            ..PendingUpdate::default()
        };
        table.apply(PID, None, &no_wait, false);
        assert_eq!(table.take_changes(), removed(None));
    }
}
