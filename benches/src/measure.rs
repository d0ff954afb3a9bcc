// SPDX-License-Identifier: MIT
//! Measuring: a population after the other, a rival after the other.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::facts::Question;
use crate::outcome::{Outcome, Record};
use crate::population::{Kind, Population};
use crate::rivals::{ProcfsText, RIVALS, Rival, SOME};
use crate::source::{Rows, Source, Sum};
use crate::verify::{Reference, read_areas, read_facts};

/// What a rival's process is told.
#[derive(Debug)]
pub(crate) struct Contest {
    pub(crate) rounds: usize,
    /// Where all rows go, once.
    pub(crate) rows: PathBuf,
}

impl Contest {
    pub(crate) fn create_rows(&self) -> Result<BufWriter<File>> {
        let file = File::create(&self.rows);
        let file = file.map_err(Error::io(self.rows.display().to_string()))?;
        Ok(BufWriter::new(file))
    }
}

/// How many rounds: those asked for, but for what takes long.
pub(crate) struct Pace {
    rounds: usize,
    pub(crate) ns: Vec<u64>,
}

impl Pace {
    const ENOUGH_NS: u64 = 3_000_000_000;

    pub(crate) const fn new(rounds: usize) -> Self {
        Self {
            rounds,
            ns: Vec::new(),
        }
    }

    pub(crate) fn goes_on(&self) -> bool {
        self.ns.len() < self.rounds && self.ns.iter().sum::<u64>() < Self::ENOUGH_NS
    }

    pub(crate) fn took(&mut self, ns: u64) {
        self.ns.push(ns);
    }
}

pub(crate) fn nanoseconds(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Has a rival list everything, first to compare and then to measure.
pub(crate) fn compete<S: Source>(
    contest: &Contest,
    make: impl FnOnce() -> Result<S>,
) -> Result<Outcome> {
    let mut rows = Rows::new(contest.create_rows()?);
    let begun = Instant::now();
    let mut source = make()?;
    let setup_ns = nanoseconds(begun);
    source.prepare()?;
    source.dump(&mut rows)?;
    rows.finish()?;

    let mut pace = Pace::new(contest.rounds);
    let mut told = 0;
    while pace.goes_on() {
        source.prepare()?;
        let mut sum = Sum::default();
        let begun = Instant::now();
        source.dump(&mut sum)?;
        pace.took(nanoseconds(begun));
        told = sum.rows;
    }
    Ok(Outcome {
        own: vec![std::process::id()],
        setup_ns,
        ns: pace.ns,
        rows: told,
        receives: source.receives(),
        memory_kib: own_memory()?,
    })
}

/// The most memory that this process has had resident, in KiB.
fn own_memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").map_err(Error::io("/proc/self/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .ok_or_else(|| Error::failed("/proc/self/status has no VmHWM"))
}

/// What is measured where.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) machine: String,
    pub(crate) kind: Kind,
    pub(crate) populations: Vec<usize>,
    pub(crate) rounds: usize,
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
        let file = fs::OpenOptions::new().create(true).append(true).open(out);
        let file = file.map_err(Error::io(out.display().to_string()))?;
        let empty = file.metadata().map_or(0, |metadata| metadata.len()) == 0;
        let mut csv = csv::WriterBuilder::new()
            .has_headers(empty)
            .from_writer(file);
        let mut failures = 0;
        for &tasks in &self.populations {
            failures += self.measure(tasks, &mut csv)?;
        }
        match failures {
            0 => Ok(()),
            n => Err(Error::failed(format!("{n} rivals could not be counted"))),
        }
    }

    fn measure(&self, tasks: usize, csv: &mut csv::Writer<File>) -> Result<usize> {
        eprintln!("{} {}: making them", tasks, self.kind.name());
        make_room(tasks)?;
        let _population = Population::start(self.kind, tasks)?;
        let folder = tempfolder()?;
        // Times and sizes only where somebody is asked for them.
        let facts = if tasks <= SOME && self.kind == Kind::Processes {
            Question::BaseCredStat
        } else {
            Question::BaseCred
        };
        let rivals = RIVALS.iter().filter(|rival| {
            rival.takes_part(self.kind, tasks)
                && self
                    .only
                    .as_ref()
                    .is_none_or(|only| rival.name.contains(only))
                && self
                    .question
                    .is_none_or(|question| rival.question == question)
        });

        let before = self.reference(facts, &folder)?;
        let mut ran = Vec::new();
        let mut failures = 0;
        for rival in rivals {
            let rows = folder.join(format!("rows-{}", ran.len()));
            match self.run(rival, &rows) {
                Ok(outcome) => {
                    show(rival, &outcome, before.len());
                    ran.push((rival, rows, outcome));
                }
                Err(Error::Missing(what)) if !self.need_all => {
                    eprintln!(
                        "  {:14} {:24} not here: {what}",
                        name(rival.question),
                        rival.name
                    );
                }
                Err(error) => {
                    eprintln!(
                        "  {:14} {:24} FAILED: {error}",
                        name(rival.question),
                        rival.name
                    );
                    failures += 1;
                }
            }
        }
        let after = self.reference(facts, &folder)?;

        let mut areas = None;
        for (rival, rows, outcome) in &ran {
            let verdict = if rival.question == Question::Areas {
                read_areas(rows).and_then(|told| {
                    let expected = areas.get_or_insert_with(|| told.clone());
                    crate::verify::check_areas(expected, &told, &before, &after, &outcome.own)
                })
            } else {
                read_facts(rows)
                    .and_then(|told| before.check(&after, &told, rival.question, &outcome.own))
            };
            match verdict {
                Ok(()) => self.write(csv, rival, tasks, before.len(), outcome)?,
                Err(error) => {
                    eprintln!(
                        "{} ({}): NOT COUNTED: {error}",
                        rival.name,
                        name(rival.question)
                    );
                    failures += 1;
                }
            }
        }
        fs::remove_dir_all(&folder).map_err(Error::io(folder.display().to_string()))?;
        Ok(failures)
    }

    /// The tasks as procfs has them.
    fn reference(&self, question: Question, folder: &Path) -> Result<Reference> {
        let contest = Contest {
            rounds: 0,
            rows: folder.join("reference"),
        };
        let mut rows = Rows::new(contest.create_rows()?);
        ProcfsText::new(self.kind, question)?.dump(&mut rows)?;
        rows.finish()?;
        Ok(Reference::new(read_facts(&contest.rows)?))
    }

    /// In a process of its own, so that nobody inherits memory or caches of it.
    fn run(&self, rival: &Rival, rows: &Path) -> Result<Outcome> {
        let index = RIVALS.iter().position(|other| std::ptr::eq(other, rival));
        let output = Command::new("/proc/self/exe")
            .args(["rival", "--kind", self.kind.name()])
            .args(["--rounds", &self.rounds.to_string()])
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
        csv: &mut csv::Writer<File>,
        rival: &Rival,
        population: usize,
        tasks: usize,
        outcome: &Outcome,
    ) -> Result<()> {
        for (round, ns) in outcome.ns.iter().enumerate() {
            csv.serialize(Record {
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
            })
            .map_err(Error::failed)?;
        }
        csv.flush().map_err(Error::io("writing the results"))
    }
}

fn show(rival: &Rival, outcome: &Outcome, tasks: usize) {
    let least = outcome.ns.iter().min().copied().unwrap_or_default();
    let a_task = least / (tasks as u64).max(1);
    eprintln!(
        "  {:14} {:24} {a_task:>9} ns a task",
        name(rival.question),
        rival.name
    );
}

pub(crate) fn name(question: Question) -> String {
    let name = serde_json::to_string(&question).unwrap_or_default();
    name.trim_matches('"').to_owned()
}

fn kernel() -> Result<String> {
    let name = nix::sys::utsname::uname().map_err(Error::io("uname"))?;
    Ok(name.release().to_string_lossy().into_owned())
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
