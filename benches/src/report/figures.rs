// SPDX-License-Identifier: MIT
//! Figures: the median round of each measurement.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::outcome::Record;
use crate::task_fields::Query;

/// The cost of an implementation with a pool: its median round. Other load of the
/// machine makes a round more expensive, and memory that another process has just
/// freed makes it cheaper.
pub(crate) struct Figure {
    pub(crate) record: Record,
}

impl Figure {
    /// Returns instructions or nanoseconds per task.
    pub(crate) fn per_task(&self) -> f64 {
        self.record.ns as f64 / self.record.tasks.max(1) as f64
    }

    /// Returns instructions or nanoseconds per reported task or memory mapping.
    pub(crate) fn per_row(&self) -> f64 {
        self.record.ns as f64 / self.record.rows.max(1) as f64
    }
}

/// The figures of all machines.
pub(crate) struct Figures(Vec<Figure>);

/// Identifies a figure.
type Key = (String, String, u64, Query, String);

fn key(record: &Record) -> Key {
    (
        record.machine.clone(),
        record.kind.clone(),
        record.pool,
        record.query,
        record.implementation.clone(),
    )
}

/// Returns the median round, the cheaper one of two.
fn median(mut rounds: Vec<Record>) -> Figure {
    rounds.sort_by_key(|record| record.ns);
    let at = (rounds.len() - 1) / 2;
    Figure {
        record: rounds.swap_remove(at),
    }
}

impl Figures {
    /// Reads a file, or each `.csv` file of a directory.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Ok(Self::of_rounds(read_all(path)?))
    }

    fn of_rounds(rounds: Vec<Record>) -> Self {
        let mut of_each: BTreeMap<Key, Vec<Record>> = BTreeMap::new();
        for record in rounds {
            of_each.entry(key(&record)).or_default().push(record);
        }
        Self(of_each.into_values().map(median).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Figure> {
        self.0.iter()
    }

    pub(crate) fn of(&self, machine: &str) -> impl Iterator<Item = &Figure> {
        self.0
            .iter()
            .filter(move |figure| figure.record.machine == machine)
    }

    /// Finds a figure of processes.
    pub(crate) fn find(
        &self,
        machine: &str,
        pool: u64,
        query: Query,
        implementation: &str,
    ) -> Option<&Figure> {
        self.of(machine).find(|figure| {
            figure.record.kind == "processes"
                && figure.record.pool == pool
                && figure.record.query == query
                && figure.record.implementation == implementation
        })
    }
}

fn read_all(path: &Path) -> Result<Vec<Record>> {
    if path.is_file() {
        return read_file(path);
    }
    let mut all = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io(path.display().to_string()))? {
        let path = entry.map_err(Error::io("reading a directory"))?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            all.extend(read_file(&path)?);
        }
    }
    Ok(all)
}

fn read_file(path: &Path) -> Result<Vec<Record>> {
    let broken = |error| Error::failed(format!("{}: {error}", path.display()));
    csv::Reader::from_path(path)
        .map_err(broken)?
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(implementation: &str, ns: u64) -> Record {
        Record {
            machine: "icount".to_owned(),
            kernel: String::new(),
            kind: "processes".to_owned(),
            pool: 10,
            implementation: implementation.to_owned(),
            query: Query::Base,
            tasks: 10,
            rows: 10,
            round: 0,
            ns,
            setup_ns: 0,
            receives: 0,
            memory_kib: 0,
        }
    }

    #[test]
    fn figure_is_the_median_round() {
        let rounds = [("a", 300), ("a", 100), ("b", 50), ("a", 200), ("a", 900)];
        let rounds = rounds.map(|(implementation, ns)| round(implementation, ns));
        let figures = Figures::of_rounds(rounds.into());
        let cost = |implementation| {
            let figure = figures.find("icount", 10, Query::Base, implementation);
            figure.map(Figure::per_task)
        };
        assert_eq!(cost("a"), Some(20.0));
        assert_eq!(cost("b"), Some(5.0));
        assert_eq!(cost("c"), None);
    }
}
