// SPDX-License-Identifier: MIT
//! Comma-separated values.

use std::io;

use super::Output;
use crate::columns::SelectedColumn;
use crate::host::Host;
use crate::row::TaskRow;
use crate::tree::TreePosition;
use crate::value::Cell;

pub(crate) struct Csv<'a, W: io::Write> {
    out: csv::Writer<W>,
    columns: &'a [SelectedColumn],
    host: &'a Host,
    /// Buffer for the cell that is being written.
    text: String,
}

impl<'a, W: io::Write> Csv<'a, W> {
    pub(crate) fn new(
        out: W,
        columns: &'a [SelectedColumn],
        host: &'a Host,
        headers: bool,
    ) -> io::Result<Self> {
        let mut out = csv::Writer::from_writer(out);
        if headers {
            out.write_record(columns.iter().map(SelectedColumn::key))?;
        }
        Ok(Self {
            out,
            columns,
            host,
            text: String::new(),
        })
    }
}

impl<W: io::Write> Output for Csv<'_, W> {
    fn row(&mut self, row: TaskRow) -> io::Result<()> {
        let host = self.host;
        for selected in self.columns {
            let value = selected.column.value(&row, host);
            self.text.clear();
            Cell { value, host }.push_csv(&mut self.text);
            self.out.write_field(&self.text)?;
        }
        self.out.write_record(None::<&[u8]>)?;
        Ok(())
    }

    fn tree_row(&mut self, row: TaskRow, _: TreePosition) -> io::Result<()> {
        // CSV cannot show the tree, only its order.
        self.row(row)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
