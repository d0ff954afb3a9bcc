// SPDX-License-Identifier: MIT
//! The formats rows are written in, one a file.

mod csv;
mod json;
mod table;

use std::io;

use crate::cli::{Format, Job};
use crate::names::Names;
use crate::row::Row;

/// Where rows go. They are written as they come where the format can do that,
/// and otherwise at the end: a failed request then writes nothing at all.
pub(crate) trait Output {
    fn row(&mut self, row: &Row) -> io::Result<()>;
    fn finish(&mut self) -> io::Result<()>;
}

/// The output that the job asks for. `width` is that of the terminal, if
/// there is one.
pub(crate) fn open<'a>(
    job: &'a Job,
    names: &'a Names,
    out: impl io::Write + 'a,
    width: Option<usize>,
) -> io::Result<Box<dyn Output + 'a>> {
    let columns = &job.columns;
    Ok(match job.format {
        Format::Table => Box::new(table::Table::new(out, columns, names, job.headers, width)),
        Format::Json => Box::new(json::Array::new(out, columns, names)),
        Format::Ndjson => Box::new(json::Lines::new(out, columns, names)),
        Format::Csv => Box::new(csv::Csv::new(out, columns, names, job.headers)?),
    })
}
