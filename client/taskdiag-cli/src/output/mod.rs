// SPDX-License-Identifier: MIT
//! Output formats for rows, one file per format.

mod csv;
pub(crate) mod json;
mod table;

use std::io;

use crate::cli::{Format, ListJob};
use crate::host::Host;
use crate::row::TaskRow;
use crate::tree::TreePosition;

/// An output format. Rows are written as they arrive if the format permits it.
/// Otherwise they are written at the end, so that a failed request writes nothing.
pub(crate) trait Output {
    /// Adds a row.
    fn row(&mut self, row: TaskRow) -> io::Result<()>;

    /// Adds a row of a tree. Rows arrive in the order of [`crate::tree::arrange`].
    fn tree_row(&mut self, row: TaskRow, position: TreePosition) -> io::Result<()>;

    /// Writes the remaining rows.
    fn finish(&mut self) -> io::Result<()>;
}

/// Returns the output format of the job. `width` is the width of the terminal, if
/// the output is one.
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
