// SPDX-License-Identifier: MIT
//! Whether a rival has told the truth: who says less does not count.
//!
//! Tasks come and go while rivals are asked, and do what they like. What is
//! certain is what was so before and is so after all of them.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::facts::{AreaRow, Facts, Question, Stat};
use crate::moment::{Moment, by_process};

/// The first process.
const INIT: u32 = 1;

/// The parent of all kernel threads.
const KTHREADD: u32 = 2;

/// The tasks before and after all rivals were asked.
pub(crate) struct Witness<'a> {
    before: &'a Moment,
    after: &'a Moment,
}

impl<'a> Witness<'a> {
    /// Nothing to compare with is no witness: nine in ten of the population
    /// have to have slept all the time.
    pub(crate) fn new(before: &'a Moment, after: &'a Moment, population: usize) -> Result<Self> {
        let witness = Self { before, after };
        let idle = before.tasks.keys().filter(|pid| witness.was_idle(**pid));
        let idle = idle.count();
        if idle * 10 < population * 9 {
            return Err(Error::failed(format!(
                "of {population} tasks only {idle} were there, and asleep, all the time"
            )));
        }
        Ok(witness)
    }

    /// Each task that was there both times has to be in what was told, once,
    /// and with what is certain about it; and nobody whose number nobody can
    /// have had.
    pub(crate) fn check_tasks(
        &self,
        told: &[Facts],
        question: Question,
        own: &[u32],
    ) -> Result<()> {
        let mut seen = HashSet::new();
        for facts in told {
            let pid = facts.pid;
            if !seen.insert(pid) {
                return Err(Error::failed(format!("pid {pid} is there twice")));
            }
            if question != Question::Hidden {
                self.check_task(facts, question)?;
            } else if !own.contains(&pid) {
                return Err(Error::failed(format!("pid {pid} should be hidden")));
            }
        }
        if question == Question::Hidden {
            return Ok(());
        }
        let mut both = self.before.tasks.keys().filter(|pid| self.stayed(**pid));
        match both.find(|pid| !seen.contains(pid)) {
            Some(pid) => Err(Error::failed(format!("pid {pid} is missing"))),
            None => Ok(()),
        }
    }

    fn check_task(&self, told: &Facts, question: Question) -> Result<()> {
        let pid = told.pid;
        let Some((before, after)) = self.both(pid) else {
            return self.check_number(pid);
        };
        let slept = slept(before, after);
        let same_sizes = before.stat == after.stat;
        let certain = |facts: &Facts| certain(question.keep(facts), slept, same_sizes);
        let [told, before, after] = [told, before, after].map(certain);
        if agree(&told, &before, &after) {
            Ok(())
        } else {
            Err(Error::failed(format!(
                "told {told:?}\nand not {before:?}\n     or {after:?}"
            )))
        }
    }

    /// The areas of those who were there and asleep all the time, and had the
    /// same areas before and after.
    pub(crate) fn check_areas(&self, told: &[AreaRow]) -> Result<()> {
        let told_of = by_process(told);
        for pid in told_of.keys().filter(|pid| !self.stayed(**pid)) {
            self.check_number(*pid)?;
        }
        for (pid, expected) in &self.before.areas {
            let same = self.after.areas.get(pid) == Some(expected);
            let told = told_of.get(pid);
            if same && self.was_idle(*pid) && told != Some(expected) {
                return Err(Error::failed(format!(
                    "told of pid {pid}: {told:?}\nand not {expected:?}"
                )));
            }
        }
        Ok(())
    }

    /// Somebody was there one time only, or had a number that was given away
    /// meanwhile.
    fn check_number(&self, pid: u32) -> Result<()> {
        let (first, last) = (self.before.last, self.after.last);
        let given_away = if first <= last {
            (first + 1..=last).contains(&pid)
        } else {
            // Numbers have begun anew.
            pid > first || pid <= last
        };
        let known = [self.before, self.after]
            .iter()
            .any(|moment| moment.tasks.contains_key(&pid));
        if known || given_away {
            Ok(())
        } else {
            Err(Error::failed(format!("there was no pid {pid}")))
        }
    }

    fn both(&self, pid: u32) -> Option<(&Facts, &Facts)> {
        Some((self.before.tasks.get(&pid)?, self.after.tasks.get(&pid)?))
    }

    fn stayed(&self, pid: u32) -> bool {
        self.both(pid).is_some()
    }

    fn was_idle(&self, pid: u32) -> bool {
        self.both(pid)
            .is_some_and(|(before, after)| slept(before, after))
    }
}

/// Whoever has run has been switched on and off a processor, at least.
fn slept(before: &Facts, after: &Facts) -> bool {
    before.stat.switches() == after.stat.switches()
}

/// Without what may have been another for a while, though it was the same
/// before and after: kernel threads and the first process change on their own,
/// and somebody who has run has been in other states and had other sizes. Who
/// shares a memory has other sizes as well while another runs.
fn certain(facts: Facts, slept: bool, same_sizes: bool) -> Facts {
    if facts.ppid == KTHREADD || facts.pid == KTHREADD || facts.tgid == INIT {
        return Facts {
            comm: [0; 16],
            state: 0,
            stat: Stat::default(),
            ..facts
        };
    }
    Facts {
        state: if slept { facts.state } else { 0 },
        stat: match slept && same_sizes {
            true => facts.stat,
            false => facts.stat.counters(),
        },
        ..facts
    }
}

/// Whether all that was the same before and after is told so, and counters are
/// told that lie between.
fn agree(told: &Facts, before: &Facts, after: &Facts) -> bool {
    let mut numbers = zip3(told.stat.words(), before.stat.words(), after.stat.words());
    let between = |(told, before, after)| before <= told && told <= after;
    let [told, before, after] = [told, before, after].map(|facts| Facts {
        stat: Stat::default(),
        ..*facts
    });
    let mut rest = zip3(told.words(), before.words(), after.words());
    let certain = |(told, before, after)| before != after || told == before;
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
    fn task(pid: u32, switches: u64) -> Facts {
        Facts {
            pid,
            tgid: pid,
            ppid: 5,
            state: 1,
            stat: Stat {
                nvcsw: switches,
                rss_anon: 4096,
                ..Stat::default()
            },
            ..Facts::default()
        }
    }

    fn area(pid: u32, start: u64) -> AreaRow {
        AreaRow {
            pid,
            start,
            ..AreaRow::default()
        }
    }

    fn moment(last: u32, tasks: &[Facts]) -> Moment {
        let areas = [area(SLEEPER, 1), area(SLEEPER, 2), area(RUNNER, 1)];
        Moment {
            tasks: tasks.iter().map(|facts| (facts.pid, *facts)).collect(),
            areas: by_process(&areas),
            last,
        }
    }

    /// Somebody sleeps, somebody runs, one goes and one comes, and all numbers
    /// from 20 to 29 have been given away.
    fn moments() -> (Moment, Moment) {
        let sleeper = task(SLEEPER, 7);
        (
            moment(19, &[sleeper, task(RUNNER, 7), task(12, 1)]),
            moment(29, &[sleeper, task(RUNNER, 9), task(20, 1)]),
        )
    }

    fn check(question: Question, told: &[Facts]) -> Result<()> {
        let (before, after) = moments();
        Witness::new(&before, &after, 1)?.check_tasks(told, question, &[])
    }

    fn fails(question: Question, told: &[Facts]) -> String {
        check(question, told).expect_err("is wrong").to_string()
    }

    #[test]
    fn who_came_or_went_may_be_told_of_or_not() {
        let stayed = [task(SLEEPER, 7), task(RUNNER, 8)];
        check(Question::BaseCredStat, &stayed).expect("is right");
        let more = [stayed[0], stayed[1], task(12, 1), task(20, 1), task(25, 1)];
        check(Question::BaseCredStat, &more).expect("is right");
    }

    #[test]
    fn who_stayed_is_told_of_once() {
        let [sleeper, runner] = [task(SLEEPER, 7), task(RUNNER, 8)];
        assert_eq!(fails(Question::Base, &[sleeper]), "pid 11 is missing");
        assert_eq!(
            fails(Question::Base, &[sleeper, runner, sleeper]),
            "pid 10 is there twice"
        );
    }

    #[test]
    fn nobody_is_made_up() {
        let stayed = [task(SLEEPER, 7), task(RUNNER, 8)];
        for pid in [13, 19, 30] {
            let told = [stayed[0], stayed[1], task(pid, 0)];
            let error = fails(Question::Numbers, &told);
            assert_eq!(error, format!("there was no pid {pid}"));
        }
    }

    #[test]
    fn numbers_may_begin_anew() {
        let (mut before, mut after) = moments();
        (before.last, after.last) = (32_000, 400);
        let witness = Witness::new(&before, &after, 1).expect("one sleeps");
        for pid in [32_001, 300, 400] {
            witness.check_number(pid).expect("was given away");
        }
        assert!(witness.check_number(401).is_err());
        assert!(witness.check_number(32_000).is_err());
    }

    #[test]
    fn who_slept_has_not_changed() {
        let runner = task(RUNNER, 8);
        let wrong: [fn(&mut Facts); 4] = [
            |facts| facts.state = 0,
            |facts| facts.stat.rss_anon = 0,
            |facts| facts.stat.nvcsw = 8,
            |facts| facts.uids[2] = 1,
        ];
        for change in wrong {
            let mut sleeper = task(SLEEPER, 7);
            change(&mut sleeper);
            fails(Question::BaseCredStat, &[sleeper, runner]);
        }
    }

    #[test]
    fn who_ran_may_have_been_in_another_state_and_of_another_size() {
        let sleeper = task(SLEEPER, 7);
        let mut runner = task(RUNNER, 9);
        runner.state = 0;
        runner.stat.rss_anon = 8192;
        check(Question::BaseCredStat, &[sleeper, runner]).expect("is right");
        // But not as somebody else, and no counter goes back.
        runner.uids[0] = 1;
        fails(Question::BaseCredStat, &[sleeper, runner]);
        for switches in [6, 10] {
            fails(Question::BaseCredStat, &[sleeper, task(RUNNER, switches)]);
        }
    }

    #[test]
    fn a_population_that_does_not_sleep_is_no_witness() {
        let (before, after) = moments();
        assert!(Witness::new(&before, &after, 2).is_err());
    }

    #[test]
    fn the_hidden_are_not_told_of() {
        let (before, after) = moments();
        let witness = Witness::new(&before, &after, 1).expect("one sleeps");
        let hidden = |told: &[Facts]| witness.check_tasks(told, Question::Hidden, &[25]);
        hidden(&[task(25, 0)]).expect("only itself");
        assert!(hidden(&[task(SLEEPER, 7)]).is_err());
    }

    #[test]
    fn the_areas_of_who_slept_are_told() {
        let (before, after) = moments();
        let witness = Witness::new(&before, &after, 1).expect("one sleeps");
        let (one, two) = (area(SLEEPER, 1), area(SLEEPER, 2));
        // Whoever ran may have had others, and the vsyscall page is nobody's.
        let right = [one, two, area(RUNNER, 5), area(SLEEPER, u64::MAX)];
        witness.check_areas(&right).expect("is right");
        let wrong: [&[AreaRow]; 4] = [&[one], &[two, one], &[one, two, two], &[]];
        for wrong in wrong {
            assert!(witness.check_areas(wrong).is_err(), "{wrong:?}");
        }
        assert!(witness.check_areas(&[one, two, area(13, 1)]).is_err());
    }
}
