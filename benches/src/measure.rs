// SPDX-License-Identifier: MIT
//! Measuring: a population after the other, a rival after the other.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::facts::Question;
use crate::moment::Look;
use crate::outcome::{Outcome, Raw, Record, kernel};
use crate::population::{Kind, Population};
use crate::rivals::{RIVALS, Rival};
use crate::source::read_rows;
use crate::verify::Witness;

/// What is measured where.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) machine: String,
    pub(crate) kind: Kind,
    pub(crate) populations: Vec<usize>,
    pub(crate) rounds: usize,
    pub(crate) clock: Clock,
    /// Part of the name of a rival, to measure that one alone.
    pub(crate) only: Option<String>,
    /// Only of this question.
    pub(crate) question: Option<Question>,
    /// Whether a rival that the machine does not have is a failure.
    pub(crate) need_all: bool,
}

impl Plan {
    /// Measures everything; says at the end if something is not to be counted.
    pub(crate) fn carry_out(&self, out: &Path) -> Result<()> {
        let mut raw = Raw::open(out)?;
        let mut failures = 0;
        for &tasks in &self.populations {
            failures += self.measure(tasks, &mut raw)?;
        }
        match failures {
            0 => Ok(()),
            n => Err(Error::failed(format!("{n} rivals could not be counted"))),
        }
    }

    fn measure(&self, tasks: usize, raw: &mut Raw) -> Result<usize> {
        eprintln!("{} {}: making them", tasks, self.kind.name());
        make_room(tasks)?;
        let _population = Population::start(self.kind, tasks)?;
        let folder = tempfolder()?;
        let look = Look {
            kind: self.kind,
            areas: self
                .rivals(tasks)
                .any(|rival| rival.question == Question::Areas),
            folder: &folder,
        };

        let before = look.before()?;
        let mut failures = 0;
        let mut ran = Vec::new();
        for rival in self.rivals(tasks) {
            let rows = folder.join(format!("rows-{}", ran.len()));
            match self.run(rival, &rows) {
                Ok(outcome) => {
                    show(rival, &outcome, before.tasks.len());
                    ran.push((rival, rows, outcome));
                }
                Err(Error::Missing(what)) if !self.need_all => {
                    say(rival, format_args!("not here: {what}"));
                }
                Err(error) => {
                    say(rival, format_args!("FAILED: {error}"));
                    failures += 1;
                }
            }
        }
        let after = look.after()?;

        let witness = Witness::new(&before, &after, tasks)?;
        for (rival, rows, outcome) in &ran {
            match judge(&witness, rival.question, rows, outcome) {
                Ok(()) => self.write(raw, rival, tasks, before.tasks.len(), outcome)?,
                Err(error) => {
                    say(rival, format_args!("NOT COUNTED: {error}"));
                    failures += 1;
                }
            }
        }
        fs::remove_dir_all(&folder).map_err(Error::io(folder.display().to_string()))?;
        Ok(failures)
    }

    /// Those that are asked about so many tasks.
    fn rivals(&self, tasks: usize) -> impl Iterator<Item = &'static Rival> {
        RIVALS.iter().filter(move |rival| {
            let named = |only: &String| rival.name.contains(only);
            let asked = |question| rival.question == question;
            rival.takes_part(self.kind, tasks)
                && self.only.as_ref().is_none_or(named)
                && self.question.is_none_or(asked)
        })
    }

    /// In a process of its own, so that nobody inherits memory or caches of it.
    fn run(&self, rival: &Rival, rows: &Path) -> Result<Outcome> {
        let index = RIVALS.iter().position(|other| std::ptr::eq(other, rival));
        let output = Command::new("/proc/self/exe")
            .args(["rival", "--kind", self.kind.name()])
            .args(["--rounds", &self.rounds.to_string()])
            .args(["--clock", self.clock.name()])
            .arg("--rows")
            .arg(rows)
            .arg(index.unwrap_or_default().to_string())
            .output()
            .map_err(Error::io("starting a rival"))?;
        if output.status.success() {
            serde_json::from_slice(&output.stdout).map_err(Error::failed)
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Error::from_exit(output.status.code(), &said))
        }
    }

    fn write(
        &self,
        raw: &mut Raw,
        rival: &Rival,
        population: usize,
        tasks: usize,
        outcome: &Outcome,
    ) -> Result<()> {
        for (round, ns) in outcome.ns.iter().enumerate() {
            raw.write(&Record {
                machine: self.machine.clone(),
                kernel: kernel()?,
                kind: self.kind.name().to_owned(),
                population: population as u64,
                rival: rival.name.to_owned(),
                question: rival.question,
                tasks: tasks as u64,
                rows: outcome.rows,
                round,
                ns: *ns,
                setup_ns: outcome.setup_ns,
                receives: outcome.receives,
                memory_kib: outcome.memory_kib,
            })?;
        }
        Ok(())
    }
}

/// Whether it is to be counted.
fn judge(witness: &Witness<'_>, question: Question, rows: &Path, outcome: &Outcome) -> Result<()> {
    if question == Question::Areas {
        witness.check_areas(&read_rows(rows)?)
    } else {
        witness.check_tasks(&read_rows(rows)?, question, &outcome.own)
    }
}

fn show(rival: &Rival, outcome: &Outcome, tasks: usize) {
    let least = outcome.ns.iter().min().copied().unwrap_or_default();
    let a_task = least / (tasks as u64).max(1);
    say(rival, format_args!("{a_task:>9} ns a task"));
}

fn say(rival: &Rival, what: fmt::Arguments<'_>) {
    eprintln!("  {:14} {:24} {what}", rival.question, rival.name);
}

fn tempfolder() -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("taskdiag-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(Error::io(folder.display().to_string()))?;
    Ok(folder)
}

/// Lets the machine have so many tasks, if it does not yet.
fn make_room(tasks: usize) -> Result<()> {
    // Besides the population there are the machine's own.
    let wanted = tasks + 10_000;
    for limit in ["pid_max", "threads-max"] {
        let path = format!("/proc/sys/kernel/{limit}");
        let now = fs::read_to_string(&path).map_err(Error::io(&*path))?;
        if now.trim().parse::<usize>().is_ok_and(|now| now < wanted) {
            fs::write(&path, (wanted * 2).to_string()).map_err(Error::io(&*path))?;
        }
    }
    Ok(())
}
