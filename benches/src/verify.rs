// SPDX-License-Identifier: MIT
//! Whether a rival has told the truth: who says less does not count.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use zerocopy::FromBytes;

use crate::error::{Error, Result};
use crate::facts::{AreaRow, Facts, Question, Stat};

/// The first process.
const INIT: u32 = 1;

/// The parent of all kernel threads.
const KTHREADD: u32 = 2;

/// All tasks at a moment, by number.
pub(crate) struct Reference(HashMap<u32, Facts>);

impl Reference {
    pub(crate) fn new(facts: Vec<Facts>) -> Self {
        Self(facts.into_iter().map(|facts| (facts.pid, facts)).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What was told between this moment and a later one: each task that was
    /// there both times has to be in it, once, and with the same facts where
    /// these have not changed; and nobody who was there neither time, but for
    /// the rival's own processes and kernel threads.
    pub(crate) fn check(
        &self,
        later: &Self,
        told: &[Facts],
        question: Question,
        own: &[u32],
    ) -> Result<()> {
        let mut seen = HashSet::new();
        for facts in told {
            if !seen.insert(facts.pid) {
                return Err(Error::failed(format!("pid {} is there twice", facts.pid)));
            }
            if !own.contains(&facts.pid) {
                self.check_task(later, facts, question)?;
            }
        }
        if question == Question::Hidden {
            return Ok(());
        }
        let both = self.0.keys().filter(|pid| later.0.contains_key(pid));
        match both.into_iter().find(|pid| !seen.contains(pid)) {
            Some(pid) => Err(Error::failed(format!("pid {pid} is missing"))),
            None => Ok(()),
        }
    }

    fn check_task(&self, later: &Self, told: &Facts, question: Question) -> Result<()> {
        let pid = told.pid;
        if question == Question::Hidden {
            return Err(Error::failed(format!("pid {pid} should be hidden")));
        }
        let (before, after) = match (self.0.get(&pid), later.0.get(&pid)) {
            (Some(before), Some(after)) => (before, after),
            (None, None) if told.ppid != KTHREADD => {
                return Err(Error::failed(format!("there is no pid {pid}")));
            }
            _ => return Ok(()),
        };
        let [told, before, after] = [told, before, after].map(|facts| steady(question.keep(facts)));
        if before == after && told != before && pid != std::process::id() {
            return Err(Error::failed(format!("told {told:?}\nand not {before:?}")));
        }
        Ok(())
    }
}

/// Without what a kernel thread, or the first process, changes on its own.
fn steady(facts: Facts) -> Facts {
    let on_its_own = facts.ppid == KTHREADD || facts.pid == KTHREADD || facts.tgid == INIT;
    if !on_its_own {
        return facts;
    }
    Facts {
        comm: [0; 16],
        state: 0,
        stat: Stat::default(),
        ..facts
    }
}

/// The areas of those who were there both times, as one rival and another tell.
pub(crate) fn check_areas(
    expected: &[AreaRow],
    told: &[AreaRow],
    before: &Reference,
    after: &Reference,
    own: &[u32],
) -> Result<()> {
    let concerns = |area: &&AreaRow| {
        before.0.contains_key(&area.pid)
            && after.0.contains_key(&area.pid)
            && area.pid != std::process::id()
            && !own.contains(&area.pid)
            // The vsyscall page is no area of the process.
            && area.start < 1 << 63
    };
    let mut expected = expected.iter().filter(concerns);
    let mut told = told.iter().filter(concerns);
    let mut areas = 0;
    loop {
        match (expected.next(), told.next()) {
            (None, None) if areas == 0 => return Err(Error::failed("no areas")),
            (None, None) => return Ok(()),
            (expected, told) if expected == told => areas += 1,
            (expected, told) => {
                return Err(Error::failed(format!(
                    "told {told:?}\nand not {expected:?}"
                )));
            }
        }
    }
}

pub(crate) fn read_facts(path: &Path) -> Result<Vec<Facts>> {
    read_rows(
        path,
        |bytes| Facts::read_from_bytes(bytes).ok(),
        size_of::<Facts>(),
    )
}

pub(crate) fn read_areas(path: &Path) -> Result<Vec<AreaRow>> {
    read_rows(
        path,
        |bytes| AreaRow::read_from_bytes(bytes).ok(),
        size_of::<AreaRow>(),
    )
}

fn read_rows<T>(path: &Path, read: impl Fn(&[u8]) -> Option<T>, len: usize) -> Result<Vec<T>> {
    let bytes = fs::read(path).map_err(Error::io(path.display().to_string()))?;
    let rows: Option<Vec<T>> = bytes.chunks(len).map(read).collect();
    rows.ok_or_else(|| Error::failed(format!("{} holds no rows", path.display())))
}
