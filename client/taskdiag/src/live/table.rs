// SPDX-License-Identifier: MIT
//! The rows of a live table, and what learning something about one changes in
//! it: no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::Change;
use super::exits::{Bearers, Ending, Ends, Owed};
use super::hints::Hint;
use crate::pid::Pid;
use crate::task::{State, Task};

/// A process.
#[derive(Debug)]
struct Row {
    task: Arc<Task>,
    ending: Ending,
    /// The last time that all were told of, it was among them.
    stock: u64,
    /// How often it was gone, and its exit waited for.
    waits: u8,
}

/// How often an exit is waited for: on a busy processor the one who ends is
/// reaped before it comes to tell.
const WAITS: u8 = 5;

impl Row {
    /// Whether there is more to come of it, if it is gone: its exit.
    fn awaits_exit(&self, hint: &Hint) -> bool {
        self.ending == Ending::NotYet && self.waits < WAITS && hint.awaits_exit()
    }
}

/// All processes.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<Pid, Row>,
    /// Parents and their children.
    children: BTreeSet<(Pid, Pid)>,
    /// Rows that change without an event: see [`Self::restless`].
    restless: BTreeSet<Pid>,
    /// There are new ones among these.
    stirred: bool,
    owed: Owed,
    stock: u64,
    changes: Vec<Change>,
}

impl Table {
    /// What was learnt: this task has the number now, or nobody. After a loss,
    /// hints of exits may be another's. Tells whether children of whoever had
    /// the number may have another parent now.
    pub(super) fn learn(&mut self, pid: Pid, found: Option<Task>, hint: &Hint, lost: bool) -> bool {
        let row = self.rows.remove(&pid);
        let same = match (&row, &found) {
            (Some(row), Some(task)) => is_same(&row.task, task),
            _ => false,
        };
        let gone = row.is_some() && !same;
        let orphaned = hint.exits > 0 || gone || has_ended(row.as_ref(), found.as_ref(), hint);

        match (row, found) {
            (Some(row), None) if !lost && row.awaits_exit(hint) => {
                self.wait_for_exit(row, hint.later);
            }
            (row, found) => {
                let who = Bearers {
                    before: row.as_ref().map(|row| row.ending),
                    same,
                    now: found.as_ref().map(is_dead),
                };
                let ends = self.owed.settle(pid, who, hint, lost);
                self.replace(row, found, same, ends);
            }
        }
        orphaned
    }

    fn replace(&mut self, row: Option<Row>, found: Option<Task>, same: bool, ends: Ends) {
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
    fn wait_for_exit(&mut self, mut row: Row, later: bool) {
        row.waits += u8::from(later);
        self.stir(row.task.pid);
        self.rows.insert(row.task.pid, row);
    }

    fn stir(&mut self, pid: Pid) {
        self.stirred |= self.restless.insert(pid);
    }

    fn add(&mut self, task: Task, ending: Ending) {
        let task = Arc::new(task);
        self.changes.push(Change::Added(task.clone()));
        self.put(task, ending);
    }

    fn change(&mut self, row: Row, task: Task, ending: Ending) {
        if *row.task == task {
            return self.put(row.task, ending);
        }
        let new = Arc::new(task);
        self.take_out(&row.task);
        self.changes.push(Change::Changed {
            old: row.task,
            new: new.clone(),
        });
        self.put(new, ending);
    }

    fn remove(&mut self, task: Arc<Task>, ending: Ending) {
        self.take_out(&task);
        let exit = ending.told().map(|end| end.status);
        self.changes.push(Change::Removed { task, exit });
    }

    fn put(&mut self, task: Arc<Task>, ending: Ending) {
        let (pid, stock, waits) = (task.pid, self.stock, 0);
        self.children.insert((parent(&task), pid));
        if is_dead(&task) {
            self.stir(pid);
        } else {
            self.restless.remove(&pid);
        }
        let row = Row {
            task,
            ending,
            stock,
            waits,
        };
        self.rows.insert(pid, row);
    }

    fn take_out(&mut self, task: &Task) {
        self.children.remove(&(parent(task), task.pid));
        self.restless.remove(&task.pid);
    }

    /// From now on all are told of.
    pub(super) fn begin_stock(&mut self) {
        self.stock += 1;
    }

    /// Those who were not told of since then.
    pub(super) fn missing(&self) -> impl Iterator<Item = Pid> + '_ {
        let missing = self.rows.iter().filter(|(_, row)| row.stock != self.stock);
        missing.map(|(&pid, _)| pid)
    }

    /// The children of a process.
    pub(super) fn children(&self, parent: Pid) -> impl Iterator<Item = Pid> + '_ {
        let all = (parent, Pid::MIN)..=(parent, Pid::MAX);
        self.children.range(all).map(|&(_, child)| child)
    }

    /// Those of which no event tells that they go: zombies until they are
    /// reaped, and who is gone and is waited for.
    pub(super) fn restless(&self) -> &BTreeSet<Pid> {
        &self.restless
    }

    /// Whether there are new ones among these since this was asked.
    pub(super) fn take_stirred(&mut self) -> bool {
        std::mem::take(&mut self.stirred)
    }

    /// Whether the end of a thread other than the first may show: where the
    /// first has ended before, this may have been the last.
    pub(super) fn shows_threads_end(&self, pid: Pid) -> bool {
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
fn has_ended(row: Option<&Row>, found: Option<&Task>, hint: &Hint) -> bool {
    let was_dead = row.is_some_and(|row| is_dead(&row.task));
    found.is_some_and(is_dead) && (!was_dead || hint.thread_end.is_some())
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
    use crate::live::hints::Hints;

    const PID: Pid = 7;

    fn task() -> Task {
        Task {
            pid: PID,
            tgid: PID,
            ..Task::default()
        }
    }

    fn exit() -> Hint {
        let mut hints = Hints::default();
        let kind = EventKind::Exit {
            pid: PID,
            tgid: PID,
            status: ExitStatus::from_raw(9),
            exit_signal: 17,
            parent_pid: 0,
            parent_tgid: 0,
        };
        hints.note(&Event::new(Duration::from_secs(1), None, kind));
        hints.take()[&PID]
    }

    /// A table with one row, of a process that is gone without an exit.
    fn gone() -> Table {
        let mut table = Table::default();
        table.learn(PID, Some(task()), &Hint::default(), false);
        table.learn(PID, None, &Hint::default(), false);
        assert_eq!(table.take_changes(), [Change::Added(task().into())]);
        assert!(table.restless().contains(&PID));
        table
    }

    fn removed(exit: Option<ExitStatus>) -> [Change; 1] {
        let task = task().into();
        [Change::Removed { task, exit }]
    }

    #[test]
    fn an_exit_on_its_way_is_waited_for() {
        let mut table = gone();
        table.learn(PID, None, &exit(), false);
        let status = ExitStatus::from_raw(9);
        assert_eq!(table.take_changes(), removed(Some(status)));
        assert!(table.restless().is_empty());
    }

    #[test]
    fn but_not_for_ever() {
        let mut table = gone();
        let later = Hint {
            later: true,
            ..Hint::default()
        };
        for _ in 0..WAITS {
            table.learn(PID, None, &later, false);
            assert_eq!(table.take_changes(), []);
        }
        table.learn(PID, None, &later, false);
        assert_eq!(table.take_changes(), removed(None));
        assert!(table.restless().is_empty());
    }

    #[test]
    fn who_is_seen_again_is_not_waited_for() {
        let mut table = gone();
        table.learn(PID, Some(task()), &Hint::default(), false);
        assert_eq!(table.take_changes(), []);
        assert!(table.restless().is_empty());
    }

    #[test]
    fn nor_if_somebody_wants_to_know_at_once() {
        let mut table = gone();
        let at_once = Hint {
            at_once: true,
            ..Hint::default()
        };
        table.learn(PID, None, &at_once, false);
        assert_eq!(table.take_changes(), removed(None));
    }
}
