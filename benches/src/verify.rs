// SPDX-License-Identifier: MIT
//! Checks the rows of an implementation against procfs. An implementation that
//! reports less is not counted.
//!
//! Tasks start, run and exit during the measurements. Only data that are equal in the
//! snapshots before and after all measurements are certain.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::snapshot::{Snapshot, by_process};
use crate::task_fields::{MappingRow, Query, Stat, TaskFields};

/// The first process.
const INIT: u32 = 1;

/// The parent of all kernel threads.
const KTHREADD: u32 = 2;

/// Snapshots of the tasks before and after all measurements.
pub(crate) struct ReferenceData<'a> {
    before: &'a Snapshot,
    after: &'a Snapshot,
}

impl<'a> ReferenceData<'a> {
    /// Creates reference data from two snapshots.
    ///
    /// # Errors
    ///
    /// Fails unless nine tenths of the pool have slept all the time, because there
    /// would be too little to compare.
    pub(crate) fn new(before: &'a Snapshot, after: &'a Snapshot, pool: usize) -> Result<Self> {
        let reference = Self { before, after };
        let idle = before.tasks.keys().filter(|pid| reference.is_asleep(**pid));
        let idle = idle.count();
        if idle * 10 < pool * 9 {
            return Err(Error::failed(format!(
                "only {idle} of {pool} tasks existed and slept all the time"
            )));
        }
        Ok(reference)
    }

    /// Checks that the rows contain each task of both snapshots once, with its certain
    /// fields, and that each pid was allocated.
    pub(crate) fn check_tasks(
        &self,
        reported: &[TaskFields],
        query: Query,
        own: &[u32],
    ) -> Result<()> {
        let mut seen = HashSet::new();
        for task in reported {
            let pid = task.pid;
            if !seen.insert(pid) {
                return Err(Error::failed(format!("pid {pid} is reported twice")));
            }
            if query != Query::Hidden {
                self.check_task(task, query)?;
            } else if !own.contains(&pid) {
                return Err(Error::failed(format!("pid {pid} should be hidden")));
            }
        }
        if query == Query::Hidden {
            return Ok(());
        }
        let mut both = self
            .before
            .tasks
            .keys()
            .filter(|pid| self.is_permanent(**pid));
        match both.find(|pid| !seen.contains(pid)) {
            Some(pid) => Err(Error::failed(format!("pid {pid} is missing"))),
            None => Ok(()),
        }
    }

    fn check_task(&self, reported: &TaskFields, query: Query) -> Result<()> {
        let pid = reported.pid;
        let Some((before, after)) = self.both(pid) else {
            return self.check_pid(pid);
        };
        let was_asleep = was_asleep(before, after);
        let same_stat = before.stat == after.stat;
        let certain = |fields: &TaskFields| certain(query.select(fields), was_asleep, same_stat);
        let [reported, before, after] = [reported, before, after].map(certain);
        if matches(&reported, &before, &after) {
            Ok(())
        } else {
            Err(Error::failed(format!(
                "reported {reported:?}\nexpected {before:?}\n      or {after:?}"
            )))
        }
    }

    /// Checks the memory mappings of the processes that existed and slept all the time,
    /// and whose mappings are equal in both snapshots.
    pub(crate) fn check_mappings(&self, reported: &[MappingRow]) -> Result<()> {
        let reported = by_process(reported);
        for pid in reported.keys().filter(|pid| !self.is_permanent(**pid)) {
            self.check_pid(*pid)?;
        }
        for (pid, expected) in &self.before.mappings {
            let same = self.after.mappings.get(pid) == Some(expected);
            let reported = reported.get(pid);
            if same && self.is_asleep(*pid) && reported != Some(expected) {
                return Err(Error::failed(format!(
                    "pid {pid}: reported {reported:?}\nexpected {expected:?}"
                )));
            }
        }
        Ok(())
    }

    /// Checks that a pid is in one of the snapshots, or was allocated between them.
    fn check_pid(&self, pid: u32) -> Result<()> {
        let (first, last) = (self.before.last, self.after.last);
        let allocated = if first <= last {
            (first + 1..=last).contains(&pid)
        } else {
            // The pids have wrapped around.
            pid > first || pid <= last
        };
        let known = [self.before, self.after]
            .iter()
            .any(|snapshot| snapshot.tasks.contains_key(&pid));
        if known || allocated {
            Ok(())
        } else {
            Err(Error::failed(format!("no task had pid {pid}")))
        }
    }

    fn both(&self, pid: u32) -> Option<(&TaskFields, &TaskFields)> {
        Some((self.before.tasks.get(&pid)?, self.after.tasks.get(&pid)?))
    }

    fn is_permanent(&self, pid: u32) -> bool {
        self.both(pid).is_some()
    }

    fn is_asleep(&self, pid: u32) -> bool {
        self.both(pid)
            .is_some_and(|(before, after)| was_asleep(before, after))
    }
}

/// Whether the task has not run between the snapshots: a task that runs is switched at
/// least once.
fn was_asleep(before: &TaskFields, after: &TaskFields) -> bool {
    before.stat.switches() == after.stat.switches()
}

/// Clears the fields that may have changed and changed back between the snapshots.
/// Kernel threads and the first process change on their own. A task that has run may
/// have had other states and sizes, and the sizes of a shared address space may
/// change while another task runs.
fn certain(fields: TaskFields, was_asleep: bool, same_stat: bool) -> TaskFields {
    if fields.ppid == KTHREADD || fields.pid == KTHREADD || fields.tgid == INIT {
        return TaskFields {
            comm: [0; 16],
            state: 0,
            stat: Stat::default(),
            ..fields
        };
    }
    TaskFields {
        state: if was_asleep { fields.state } else { 0 },
        stat: match was_asleep && same_stat {
            true => fields.stat,
            false => fields.stat.counters(),
        },
        ..fields
    }
}

/// Whether the reported fields equal those that are the same in both snapshots, and
/// the reported counters are between the two.
fn matches(reported: &TaskFields, before: &TaskFields, after: &TaskFields) -> bool {
    let mut numbers = zip3(
        reported.stat.words(),
        before.stat.words(),
        after.stat.words(),
    );
    let between = |(reported, before, after)| before <= reported && reported <= after;
    let [reported, before, after] = [reported, before, after].map(|fields| TaskFields {
        stat: Stat::default(),
        ..*fields
    });
    let mut rest = zip3(reported.words(), before.words(), after.words());
    let certain = |(reported, before, after)| before != after || reported == before;
    numbers.all(between) && rest.all(certain)
}

fn zip3<'a>(
    a: &'a [u64],
    b: &'a [u64],
    c: &'a [u64],
) -> impl Iterator<Item = (u64, u64, u64)> + 'a {
    a.iter().zip(b).zip(c).map(|((a, b), c)| (*a, *b, *c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLEEPER: u32 = 10;
    const RUNNER: u32 = 11;

    /// Returns a task with this number of context switches.
    fn task(pid: u32, switches: u64) -> TaskFields {
        TaskFields {
            pid,
            tgid: pid,
            ppid: 5,
            state: 1,
            stat: Stat {
                nvcsw: switches,
                rss_anon: 4096,
                ..Stat::default()
            },
            ..TaskFields::default()
        }
    }

    fn mapping(pid: u32, start: u64) -> MappingRow {
        MappingRow {
            pid,
            start,
            ..MappingRow::default()
        }
    }

    fn snapshot(last: u32, tasks: &[TaskFields]) -> Snapshot {
        let mappings = [mapping(SLEEPER, 1), mapping(SLEEPER, 2), mapping(RUNNER, 1)];
        Snapshot {
            tasks: tasks.iter().map(|fields| (fields.pid, *fields)).collect(),
            mappings: by_process(&mappings),
            last,
        }
    }

    /// Returns two snapshots: one task sleeps, one runs, one exits and one starts. The
    /// pids from 20 to 29 are allocated between them.
    fn snapshots() -> (Snapshot, Snapshot) {
        let sleeper = task(SLEEPER, 7);
        (
            snapshot(19, &[sleeper, task(RUNNER, 7), task(12, 1)]),
            snapshot(29, &[sleeper, task(RUNNER, 9), task(20, 1)]),
        )
    }

    fn check(query: Query, reported: &[TaskFields]) -> Result<()> {
        let (before, after) = snapshots();
        ReferenceData::new(&before, &after, 1)?.check_tasks(reported, query, &[])
    }

    fn fails(query: Query, reported: &[TaskFields]) -> String {
        check(query, reported)
            .expect_err("invalid rows")
            .to_string()
    }

    #[test]
    fn task_of_one_snapshot_may_be_reported_or_not() {
        let is_permanent = [task(SLEEPER, 7), task(RUNNER, 8)];
        check(Query::BaseCredStat, &is_permanent).expect("valid rows");
        let more = [
            is_permanent[0],
            is_permanent[1],
            task(12, 1),
            task(20, 1),
            task(25, 1),
        ];
        check(Query::BaseCredStat, &more).expect("valid rows");
    }

    #[test]
    fn task_of_both_snapshots_must_be_reported_once() {
        let [sleeper, runner] = [task(SLEEPER, 7), task(RUNNER, 8)];
        assert_eq!(fails(Query::Base, &[sleeper]), "pid 11 is missing");
        assert_eq!(
            fails(Query::Base, &[sleeper, runner, sleeper]),
            "pid 10 is reported twice"
        );
    }

    #[test]
    fn pid_that_was_never_allocated_is_rejected() {
        let is_permanent = [task(SLEEPER, 7), task(RUNNER, 8)];
        for pid in [13, 19, 30] {
            let reported = [is_permanent[0], is_permanent[1], task(pid, 0)];
            let error = fails(Query::Pids, &reported);
            assert_eq!(error, format!("no task had pid {pid}"));
        }
    }

    #[test]
    fn pids_may_wrap_around() {
        let (mut before, mut after) = snapshots();
        (before.last, after.last) = (32_000, 400);
        let reference = ReferenceData::new(&before, &after, 1).expect("one task sleeps");
        for pid in [32_001, 300, 400] {
            reference.check_pid(pid).expect("was allocated");
        }
        assert!(reference.check_pid(401).is_err());
        assert!(reference.check_pid(32_000).is_err());
    }

    #[test]
    fn changed_fields_of_a_sleeping_task_are_rejected() {
        let runner = task(RUNNER, 8);
        let wrong: [fn(&mut TaskFields); 4] = [
            |fields| fields.state = 0,
            |fields| fields.stat.rss_anon = 0,
            |fields| fields.stat.nvcsw = 8,
            |fields| fields.uids[2] = 1,
        ];
        for change in wrong {
            let mut sleeper = task(SLEEPER, 7);
            change(&mut sleeper);
            fails(Query::BaseCredStat, &[sleeper, runner]);
        }
    }

    #[test]
    fn running_task_may_have_another_state_and_size() {
        let sleeper = task(SLEEPER, 7);
        let mut runner = task(RUNNER, 9);
        runner.state = 0;
        runner.stat.rss_anon = 8192;
        check(Query::BaseCredStat, &[sleeper, runner]).expect("valid rows");
        // Its user must not change, and its counters must not decrease.
        runner.uids[0] = 1;
        fails(Query::BaseCredStat, &[sleeper, runner]);
        for switches in [6, 10] {
            fails(Query::BaseCredStat, &[sleeper, task(RUNNER, switches)]);
        }
    }

    #[test]
    fn pool_that_does_not_sleep_is_rejected() {
        let (before, after) = snapshots();
        assert!(ReferenceData::new(&before, &after, 2).is_err());
    }

    #[test]
    fn hidden_task_must_not_be_reported() {
        let (before, after) = snapshots();
        let reference = ReferenceData::new(&before, &after, 1).expect("one task sleeps");
        let hidden =
            |reported: &[TaskFields]| reference.check_tasks(reported, Query::Hidden, &[25]);
        hidden(&[task(25, 0)]).expect("only its own row");
        assert!(hidden(&[task(SLEEPER, 7)]).is_err());
    }

    #[test]
    fn mappings_of_sleeping_tasks_must_be_reported() {
        let (before, after) = snapshots();
        let reference = ReferenceData::new(&before, &after, 1).expect("one task sleeps");
        let (one, two) = (mapping(SLEEPER, 1), mapping(SLEEPER, 2));
        // A task that ran may have had other mappings. The vsyscall page is ignored.
        let right = [one, two, mapping(RUNNER, 5), mapping(SLEEPER, u64::MAX)];
        reference.check_mappings(&right).expect("valid rows");
        let wrong: [&[MappingRow]; 4] = [&[one], &[two, one], &[one, two, two], &[]];
        for wrong in wrong {
            assert!(reference.check_mappings(wrong).is_err(), "{wrong:?}");
        }
        assert!(
            reference
                .check_mappings(&[one, two, mapping(13, 1)])
                .is_err()
        );
    }
}
