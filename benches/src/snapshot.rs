// SPDX-License-Identifier: MIT
//! The tasks at one time, read from procfs. Implementations are compared with
//! snapshots.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::implementations::{MapsText, ProcfsText};
use crate::source::{read_rows, write_rows};
use crate::task_fields::{MappingRow, Query, TaskFields};
use crate::task_pool::Kind;

/// Reads snapshots.
pub(crate) struct SnapshotReader<'a> {
    pub(crate) kind: Kind,
    pub(crate) mappings: bool,
    /// Directory for temporary files.
    pub(crate) directory: &'a Path,
}

/// Tasks and their memory mappings, by pid.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) tasks: HashMap<u32, TaskFields>,
    pub(crate) mappings: HashMap<u32, Vec<MappingRow>>,
    /// The pid that was allocated last.
    pub(crate) last: u32,
}

impl SnapshotReader<'_> {
    /// Takes the snapshot before all measurements.
    pub(crate) fn before(&self) -> Result<Snapshot> {
        let last = last_pid()?;
        Ok(Snapshot {
            last,
            ..self.read()?
        })
    }

    /// Takes the snapshot after all measurements.
    pub(crate) fn after(&self) -> Result<Snapshot> {
        let snapshot = self.read()?;
        Ok(Snapshot {
            last: last_pid()?,
            ..snapshot
        })
    }

    fn read(&self) -> Result<Snapshot> {
        let mut snapshot = Snapshot::default();
        let rows = self.directory.join("snapshot");
        write_rows(&mut ProcfsText::new(self.kind, Query::BaseCredStat)?, &rows)?;
        let fields: Vec<TaskFields> = read_rows(&rows)?;
        snapshot.tasks = fields
            .into_iter()
            .map(|fields| (fields.pid, fields))
            .collect();
        if self.mappings {
            write_rows(&mut MapsText::new()?, &rows)?;
            snapshot.mappings = by_process(&read_rows(&rows)?);
        }
        Ok(snapshot)
    }
}

/// Returns the memory mappings of each process, without the vsyscall page.
pub(crate) fn by_process(mappings: &[MappingRow]) -> HashMap<u32, Vec<MappingRow>> {
    let mut processes: HashMap<u32, Vec<MappingRow>> = HashMap::new();
    for mapping in mappings
        .iter()
        .filter(|mapping| !mapping.is_vsyscall_page())
    {
        processes.entry(mapping.pid).or_default().push(*mapping);
    }
    processes
}

/// Returns the pid that was allocated last, for a process or a thread, in the pid
/// namespace of the caller.
fn last_pid() -> Result<u32> {
    const FILE: &str = "/proc/loadavg";
    let text = fs::read_to_string(FILE).map_err(Error::io(FILE))?;
    let last = text.split_whitespace().last();
    last.and_then(|last| last.parse().ok())
        .ok_or_else(|| Error::failed(format!("{FILE}: the last field is not a number")))
}
