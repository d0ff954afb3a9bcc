// SPDX-License-Identifier: MIT
//! The formats rows are written in, one a file.

mod csv;
mod json;
mod table;

use std::io;

use crate::cli::{Format, ListJob};
use crate::host::Host;
use crate::row::TaskRow;
use crate::tree::TreePosition;

/// Where rows go. They are written as they come where the format can do that,
/// and otherwise at the end: a failed request then writes nothing at all.
pub(crate) trait Output {
    fn row(&mut self, row: TaskRow) -> io::Result<()>;

    /// A row in a tree: they come in the order of the places.
    fn tree_row(&mut self, row: TaskRow, position: TreePosition) -> io::Result<()>;

    fn finish(&mut self) -> io::Result<()>;
}

/// The output that the job asks for. `width` is that of the terminal, if
/// there is one.
pub(crate) fn open<'a>(
    job: &'a ListJob,
    host: &'a Host,
    out: impl io::Write + 'a,
    width: Option<usize>,
) -> io::Result<Box<dyn Output + 'a>> {
    let columns = &job.columns;
    Ok(match job.format {
        Format::Table => Box::new(table::Table::new(out, columns, host, job.headers, width)),
        Format::Json => Box::new(json::Array::new(out, columns, host)),
        Format::Ndjson => Box::new(json::Lines::new(out, columns, host)),
        Format::Csv => Box::new(csv::Csv::new(out, columns, host, job.headers)?),
    })
}
