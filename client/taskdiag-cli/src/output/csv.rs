// SPDX-License-Identifier: MIT
//! Comma-separated values, quoted where they need it.

use std::io;

use super::Output;
use crate::columns::Chosen;
use crate::names::Names;
use crate::row::Row;
use crate::value::Cell;

pub(crate) struct Csv<'a, W: io::Write> {
    out: csv::Writer<W>,
    columns: &'a [Chosen],
    names: &'a Names,
    /// The cell that is being written.
    text: String,
}

impl<'a, W: io::Write> Csv<'a, W> {
    pub(crate) fn new(
        out: W,
        columns: &'a [Chosen],
        names: &'a Names,
        headers: bool,
    ) -> io::Result<Self> {
        let mut out = csv::Writer::from_writer(out);
        if headers {
            out.write_record(columns.iter().map(|chosen| chosen.name))?;
        }
        Ok(Self {
            out,
            columns,
            names,
            text: String::new(),
        })
    }
}

impl<W: io::Write> Output for Csv<'_, W> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        for chosen in self.columns {
            let value = chosen.column.value(row);
            let names = self.names;
            self.text.clear();
            Cell { value, names }.push_csv(&mut self.text);
            self.out.write_field(&self.text)?;
        }
        self.out.write_record(None::<&[u8]>)?;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
