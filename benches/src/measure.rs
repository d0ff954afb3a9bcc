// SPDX-License-Identifier: MIT
//! Measures each implementation with each task pool.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::implementations::{IMPLEMENTATIONS, Implementation};
use crate::outcome::{Outcome, Raw, Record, kernel};
use crate::snapshot::SnapshotReader;
use crate::source::read_rows;
use crate::task_fields::Query;
use crate::task_pool::{Kind, TaskPool};
use crate::verify::ReferenceData;

/// The arguments of `bench measure`.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) machine: String,
    pub(crate) kind: Kind,
    pub(crate) pools: Vec<usize>,
    pub(crate) rounds: usize,
    pub(crate) clock: Clock,
    /// Measure only implementations with this text in their name.
    pub(crate) only: Option<String>,
    /// Measure only this query.
    pub(crate) query: Option<Query>,
    /// Treat an implementation that the machine does not support as a failure.
    pub(crate) need_all: bool,
}

impl Plan {
    /// Measures everything.
    ///
    /// # Errors
    ///
    /// Fails at the end if an implementation could not be counted.
    pub(crate) fn run(&self, out: &Path) -> Result<()> {
        let mut raw = Raw::open(out)?;
        let mut failures = 0;
        for &tasks in &self.pools {
            failures += self.measure(tasks, &mut raw)?;
        }
        match failures {
            0 => Ok(()),
            n => Err(Error::failed(format!(
                "{n} implementations could not be counted"
            ))),
        }
    }

    fn measure(&self, tasks: usize, raw: &mut Raw) -> Result<usize> {
        eprintln!("{} {}: starting the task pool", tasks, self.kind.name());
        raise_task_limits(tasks)?;
        let _population = TaskPool::start(self.kind, tasks)?;
        let directory = create_temp_dir()?;
        let reader = SnapshotReader {
            kind: self.kind,
            mappings: self
                .implementations(tasks)
                .any(|implementation| implementation.query == Query::Vma),
            directory: &directory,
        };

        let before = reader.before()?;
        let mut failures = 0;
        let mut ran = Vec::new();
        for implementation in self.implementations(tasks) {
            let rows = directory.join(format!("rows-{}", ran.len()));
            match self.run_implementation(implementation, &rows) {
                Ok(outcome) => {
                    show(implementation, &outcome, before.tasks.len());
                    ran.push((implementation, rows, outcome));
                }
                Err(Error::Missing(what)) if !self.need_all => {
                    print_line(implementation, format_args!("not supported: {what}"));
                }
                Err(error) => {
                    print_line(implementation, format_args!("FAILED: {error}"));
                    failures += 1;
                }
            }
        }
        let after = reader.after()?;

        let reference = ReferenceData::new(&before, &after, tasks)?;
        for (implementation, rows, outcome) in &ran {
            match verify(&reference, implementation.query, rows, outcome) {
                Ok(()) => self.write(raw, implementation, tasks, before.tasks.len(), outcome)?,
                Err(error) => {
                    print_line(implementation, format_args!("NOT COUNTED: {error}"));
                    failures += 1;
                }
            }
        }
        fs::remove_dir_all(&directory).map_err(Error::io(directory.display().to_string()))?;
        Ok(failures)
    }

    /// Returns the implementations that are measured with this number of tasks.
    fn implementations(&self, tasks: usize) -> impl Iterator<Item = &'static Implementation> {
        IMPLEMENTATIONS.iter().filter(move |implementation| {
            let named = |only: &String| implementation.name.contains(only);
            let asked = |query| implementation.query == query;
            implementation.applies_to(self.kind, tasks)
                && self.only.as_ref().is_none_or(named)
                && self.query.is_none_or(asked)
        })
    }

    /// Runs an implementation in a process of its own, so that no other implementation
    /// inherits its memory or caches.
    fn run_implementation(&self, implementation: &Implementation, rows: &Path) -> Result<Outcome> {
        let index = IMPLEMENTATIONS
            .iter()
            .position(|other| std::ptr::eq(other, implementation));
        let output = Command::new("/proc/self/exe")
            .args(["implementation", "--kind", self.kind.name()])
            .args(["--rounds", &self.rounds.to_string()])
            .args(["--clock", self.clock.name()])
            .arg("--rows")
            .arg(rows)
            .arg(index.unwrap_or_default().to_string())
            .output()
            .map_err(Error::io("starting the process of an implementation"))?;
        if output.status.success() {
            serde_json::from_slice(&output.stdout).map_err(Error::failed)
        } else {
            let message = String::from_utf8_lossy(&output.stderr);
            Err(Error::from_exit(output.status.code(), &message))
        }
    }

    fn write(
        &self,
        raw: &mut Raw,
        implementation: &Implementation,
        pool: usize,
        tasks: usize,
        outcome: &Outcome,
    ) -> Result<()> {
        for (round, ns) in outcome.ns.iter().enumerate() {
            raw.write(&Record {
                machine: self.machine.clone(),
                kernel: kernel()?,
                kind: self.kind.name().to_owned(),
                pool: pool as u64,
                implementation: implementation.name.to_owned(),
                query: implementation.query,
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

/// Compares the rows of an implementation with the reference data.
fn verify(
    reference: &ReferenceData<'_>,
    query: Query,
    rows: &Path,
    outcome: &Outcome,
) -> Result<()> {
    if query == Query::Vma {
        reference.check_mappings(&read_rows(rows)?)
    } else {
        reference.check_tasks(&read_rows(rows)?, query, &outcome.own)
    }
}

fn show(implementation: &Implementation, outcome: &Outcome, tasks: usize) {
    let least = outcome.ns.iter().min().copied().unwrap_or_default();
    let per_task = least / (tasks as u64).max(1);
    print_line(implementation, format_args!("{per_task:>9} ns per task"));
}

fn print_line(implementation: &Implementation, what: fmt::Arguments<'_>) {
    eprintln!(
        "  {:14} {:24} {what}",
        implementation.query, implementation.name
    );
}

fn create_temp_dir() -> Result<PathBuf> {
    let directory = std::env::temp_dir().join(format!("taskdiag-bench-{}", std::process::id()));
    fs::create_dir_all(&directory).map_err(Error::io(directory.display().to_string()))?;
    Ok(directory)
}

/// Raises the limits of the system if they do not allow this number of tasks.
fn raise_task_limits(tasks: usize) -> Result<()> {
    // Tasks outside of the pool need pids as well.
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
