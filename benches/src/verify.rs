// SPDX-License-Identifier: MIT
//! Whether a rival has told the truth: who says less does not count.
//!
//! Tasks come and go while rivals are asked, and do what they like. What is
//! certain is what was so before and is so after all of them.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::snapshot::{Snapshot, by_process};
use crate::task_fields::{MappingRow, Query, Stat, TaskFields};

/// The first process.
const INIT: u32 = 1;

/// The parent of all kernel threads.
const KTHREADD: u32 = 2;

/// The tasks before and after all rivals were asked.
pub(crate) struct ReferenceData<'a> {
    before: &'a Snapshot,
    after: &'a Snapshot,
}

impl<'a> ReferenceData<'a> {
    /// Nothing to compare with is no witness: nine in ten of the population
    /// have to have slept all the time.
    pub(crate) fn new(before: &'a Snapshot, after: &'a Snapshot, pool: usize) -> Result<Self> {
        let reference = Self { before, after };
        let idle = before.tasks.keys().filter(|pid| reference.is_asleep(**pid));
        let idle = idle.count();
        if idle * 10 < pool * 9 {
            return Err(Error::failed(format!(
                "of {pool} tasks only {idle} were there, and asleep, all the time"
            )));
        }
        Ok(reference)
    }

    /// Each task that was there both times has to be in what was told, once,
    /// and with what is certain about it; and nobody whose number nobody can
    /// have had.
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
                return Err(Error::failed(format!("pid {pid} is there twice")));
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
                "told {reported:?}\nand not {before:?}\n     or {after:?}"
            )))
        }
    }

    /// The areas of those who were there and asleep all the time, and had the
    /// same areas before and after.
    pub(crate) fn check_areas(&self, reported: &[MappingRow]) -> Result<()> {
        let reported = by_process(reported);
        for pid in reported.keys().filter(|pid| !self.is_permanent(**pid)) {
            self.check_pid(*pid)?;
        }
        for (pid, expected) in &self.before.mappings {
            let same = self.after.mappings.get(pid) == Some(expected);
            let reported = reported.get(pid);
            if same && self.is_asleep(*pid) && reported != Some(expected) {
                return Err(Error::failed(format!(
                    "told of pid {pid}: {reported:?}\nand not {expected:?}"
                )));
            }
        }
        Ok(())
    }

    /// Somebody was there one time only, or had a number that was given away
    /// meanwhile.
    fn check_pid(&self, pid: u32) -> Result<()> {
        let (first, last) = (self.before.last, self.after.last);
        let allocated = if first <= last {
            (first + 1..=last).contains(&pid)
        } else {
            // Numbers have begun anew.
            pid > first || pid <= last
        };
        let known = [self.before, self.after]
            .iter()
            .any(|snapshot| snapshot.tasks.contains_key(&pid));
        if known || allocated {
            Ok(())
        } else {
            Err(Error::failed(format!("there was no pid {pid}")))
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

/// Whoever has run has been switched on and off a processor, at least.
fn was_asleep(before: &TaskFields, after: &TaskFields) -> bool {
    before.stat.switches() == after.stat.switches()
}

/// Without what may have been another for a while, though it was the same
/// before and after: kernel threads and the first process change on their own,
/// and somebody who has run has been in other states and had other sizes. Who
/// shares a memory has other sizes as well while another runs.
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

/// Whether all that was the same before and after is told so, and counters are
/// told that lie between.
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

    /// Somebody who has been on a processor so many times.
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

    /// Somebody sleeps, somebody runs, one goes and one comes, and all numbers
    /// from 20 to 29 have been given away.
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
        check(query, reported).expect_err("is wrong").to_string()
    }

    #[test]
    fn who_came_or_went_may_be_told_of_or_not() {
        let is_permanent = [task(SLEEPER, 7), task(RUNNER, 8)];
        check(Query::BaseCredStat, &is_permanent).expect("is right");
        let more = [
            is_permanent[0],
            is_permanent[1],
            task(12, 1),
            task(20, 1),
            task(25, 1),
        ];
        check(Query::BaseCredStat, &more).expect("is right");
    }

    #[test]
    fn who_stayed_is_told_of_once() {
        let [sleeper, runner] = [task(SLEEPER, 7), task(RUNNER, 8)];
        assert_eq!(fails(Query::Base, &[sleeper]), "pid 11 is missing");
        assert_eq!(
            fails(Query::Base, &[sleeper, runner, sleeper]),
            "pid 10 is there twice"
        );
    }

    #[test]
    fn nobody_is_made_up() {
        let is_permanent = [task(SLEEPER, 7), task(RUNNER, 8)];
        for pid in [13, 19, 30] {
            let reported = [is_permanent[0], is_permanent[1], task(pid, 0)];
            let error = fails(Query::Pids, &reported);
            assert_eq!(error, format!("there was no pid {pid}"));
        }
    }

    #[test]
    fn numbers_may_begin_anew() {
        let (mut before, mut after) = snapshots();
        (before.last, after.last) = (32_000, 400);
        let reference = ReferenceData::new(&before, &after, 1).expect("one sleeps");
        for pid in [32_001, 300, 400] {
            reference.check_pid(pid).expect("was given away");
        }
        assert!(reference.check_pid(401).is_err());
        assert!(reference.check_pid(32_000).is_err());
    }

    #[test]
    fn who_slept_has_not_changed() {
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
    fn who_ran_may_have_been_in_another_state_and_of_another_size() {
        let sleeper = task(SLEEPER, 7);
        let mut runner = task(RUNNER, 9);
        runner.state = 0;
        runner.stat.rss_anon = 8192;
        check(Query::BaseCredStat, &[sleeper, runner]).expect("is right");
        // But not as somebody else, and no counter goes back.
        runner.uids[0] = 1;
        fails(Query::BaseCredStat, &[sleeper, runner]);
        for switches in [6, 10] {
            fails(Query::BaseCredStat, &[sleeper, task(RUNNER, switches)]);
        }
    }

    #[test]
    fn a_population_that_does_not_sleep_is_no_witness() {
        let (before, after) = snapshots();
        assert!(ReferenceData::new(&before, &after, 2).is_err());
    }

    #[test]
    fn the_hidden_are_not_told_of() {
        let (before, after) = snapshots();
        let reference = ReferenceData::new(&before, &after, 1).expect("one sleeps");
        let hidden =
            |reported: &[TaskFields]| reference.check_tasks(reported, Query::Hidden, &[25]);
        hidden(&[task(25, 0)]).expect("only itself");
        assert!(hidden(&[task(SLEEPER, 7)]).is_err());
    }

    #[test]
    fn the_areas_of_who_slept_are_told() {
        let (before, after) = snapshots();
        let reference = ReferenceData::new(&before, &after, 1).expect("one sleeps");
        let (one, two) = (mapping(SLEEPER, 1), mapping(SLEEPER, 2));
        // Whoever ran may have had others, and the vsyscall page is nobody's.
        let right = [one, two, mapping(RUNNER, 5), mapping(SLEEPER, u64::MAX)];
        reference.check_areas(&right).expect("is right");
        let wrong: [&[MappingRow]; 4] = [&[one], &[two, one], &[one, two, two], &[]];
        for wrong in wrong {
            assert!(reference.check_areas(wrong).is_err(), "{wrong:?}");
        }
        assert!(reference.check_areas(&[one, two, mapping(13, 1)]).is_err());
    }
}
