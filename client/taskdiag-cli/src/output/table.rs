// SPDX-License-Identifier: MIT
//! A table for the eye, as `ps` prints one: no lines, numbers to the right.

use std::io;

use tabled::Table as Grid;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::peaker::Priority;
use tabled::settings::{Alignment, Modify, Padding, Style, Width};

use super::Output;
use crate::columns::Chosen;
use crate::names::Names;
use crate::row::Row;
use crate::value::Cell;

/// Stands where the edge of the terminal cut something off.
const CUT: &str = "+";

pub(crate) struct Table<'a, W> {
    out: W,
    columns: &'a [Chosen],
    names: &'a Names,
    width: Option<usize>,
    cells: Builder,
}

impl<'a, W: io::Write> Table<'a, W> {
    pub(crate) fn new(
        out: W,
        columns: &'a [Chosen],
        names: &'a Names,
        headers: bool,
        width: Option<usize>,
    ) -> Self {
        let mut cells = Builder::new();
        if headers {
            cells.push_record(columns.iter().map(Chosen::header));
        }
        Self {
            out,
            columns,
            names,
            width,
            cells,
        }
    }
}

impl<W: io::Write> Output for Table<'_, W> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        let names = self.names;
        self.cells.push_record(self.columns.iter().map(|chosen| {
            let value = chosen.column.value(row);
            Cell { value, names }.to_table()
        }));
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let last = self.columns.len().saturating_sub(1);
        let mut grid: Grid = std::mem::take(&mut self.cells).build();
        grid.with(Style::empty());
        grid.with(Padding::new(0, 1, 0, 0));
        grid.with(Modify::new(Columns::one(last)).with(Padding::zero()));
        for (index, chosen) in self.columns.iter().enumerate() {
            if chosen.column.is_number() {
                grid.with(Modify::new(Columns::one(index)).with(Alignment::right()));
            }
        }
        if let Some(width) = self.width {
            // The last column gives way first, then the one before it.
            grid.with(
                Width::truncate(width)
                    .suffix(CUT)
                    .priority(Priority::right()),
            );
        }
        // The last column is as wide as its widest cell; nobody wants the rest.
        for line in grid.to_string().lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        self.out.flush()
    }
}
