// SPDX-License-Identifier: MIT
//! Sources of tasks in this process, and their consumers.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;

use zerocopy::{FromBytes, IntoBytes};

use crate::error::{Error, Result};
use crate::task_fields::{Mapping, MappingRow, TaskFields};

/// An implementation that lists tasks in this process.
pub(crate) trait Source {
    /// Prepares a dump. The preparation is not measured.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// Passes each task, or each memory mapping, to the consumer once.
    fn dump<C: Consumer>(&mut self, consumer: &mut C) -> Result<()>;

    /// Returns the number of system calls that returned data in the last dump, or 0 if
    /// they are not counted.
    fn receives(&self) -> u64 {
        0
    }
}

/// Receives the tasks of a dump.
pub(crate) trait Consumer {
    fn task(&mut self, fields: &TaskFields);
    fn mapping(&mut self, mapping: &Mapping<'_>);
}

/// The consumer of measured dumps. It adds up all words that it receives, and stores
/// nothing.
#[derive(Default)]
pub(crate) struct Sum {
    sum: u64,
    pub(crate) rows: u64,
}

impl Consumer for Sum {
    #[inline(always)]
    fn task(&mut self, fields: &TaskFields) {
        for word in fields.words() {
            self.sum = self.sum.wrapping_add(*word);
        }
        self.rows += 1;
    }

    #[inline(always)]
    fn mapping(&mut self, mapping: &Mapping<'_>) {
        let name = mapping.name.first().copied().unwrap_or_default();
        let narrow = [
            mapping.pid,
            mapping.prot,
            mapping.dev_major,
            mapping.dev_minor,
        ];
        for value in [
            mapping.start,
            mapping.end,
            mapping.pgoff,
            mapping.ino,
            u64::from(name),
        ] {
            self.sum = self.sum.wrapping_add(value);
        }
        for value in narrow {
            self.sum = self.sum.wrapping_add(u64::from(value));
        }
        self.rows += 1;
    }
}

impl Drop for Sum {
    fn drop(&mut self) {
        black_box(self.sum);
    }
}

/// The consumer of compared dumps. It writes all rows to a file.
pub(crate) struct Rows {
    out: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl Rows {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(Error::io(path.display().to_string()))?;
        Ok(Self {
            out: BufWriter::new(file),
            failed: None,
        })
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        let result = self.failed.map_or_else(|| self.out.flush(), Err);
        result.map_err(Error::io("writing rows"))
    }

    fn write(&mut self, row: &[u8]) {
        if self.failed.is_none() {
            self.failed = self.out.write_all(row).err();
        }
    }
}

impl Consumer for Rows {
    fn task(&mut self, fields: &TaskFields) {
        self.write(fields.as_bytes());
    }

    fn mapping(&mut self, mapping: &Mapping<'_>) {
        self.write(MappingRow::from(mapping).as_bytes());
    }
}

/// Writes the rows of a dump to a file.
pub(crate) fn write_rows<S: Source>(source: &mut S, path: &Path) -> Result<()> {
    let mut rows = Rows::create(path)?;
    source.dump(&mut rows)?;
    rows.finish()
}

/// Reads the rows that [`Rows`] has written.
pub(crate) fn read_rows<T: FromBytes>(path: &Path) -> Result<Vec<T>> {
    let bytes = fs::read(path).map_err(Error::io(path.display().to_string()))?;
    let rows = bytes.chunks(size_of::<T>());
    let rows: Option<Vec<T>> = rows.map(|row| T::read_from_bytes(row).ok()).collect();
    rows.ok_or_else(|| Error::failed(format!("{}: not a whole number of rows", path.display())))
}
