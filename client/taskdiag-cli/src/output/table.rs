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
use crate::host::Host;
use crate::row::Row;
use crate::tree::{Branches, Place};
use crate::value::Cell;

/// Stands where the edge of the terminal cut something off.
const CUT: &str = "+";

pub(crate) struct Table<'a, W> {
    out: W,
    columns: &'a [Chosen],
    host: &'a Host,
    width: Option<usize>,
    cells: Builder,
    branches: Branches,
}

impl<'a, W: io::Write> Table<'a, W> {
    pub(crate) fn new(
        out: W,
        columns: &'a [Chosen],
        host: &'a Host,
        headers: bool,
        width: Option<usize>,
    ) -> Self {
        let mut cells = Builder::new();
        if headers && !columns.iter().all(Chosen::is_headless) {
            cells.push_record(columns.iter().map(|chosen| chosen.heading.as_str()));
        }
        Self {
            out,
            columns,
            host,
            width,
            cells,
            branches: Branches::default(),
        }
    }
}

impl<W> Table<'_, W> {
    /// Adds a row, with this before the name.
    fn push(&mut self, row: &Row, branch: &str) {
        let host = self.host;
        let named = self.columns.iter().rposition(Chosen::is_name);
        let cells = self.columns.iter().enumerate().map(|(index, chosen)| {
            let value = chosen.column.value(row, host);
            let cell = Cell { value, host }.to_table();
            match named {
                Some(place) if place == index => format!("{branch}{cell}"),
                _ => cell,
            }
        });
        self.cells.push_record(cells);
    }
}

impl<W: io::Write> Output for Table<'_, W> {
    fn row(&mut self, row: Row) -> io::Result<()> {
        self.push(&row, "");
        Ok(())
    }

    fn leaf(&mut self, row: Row, place: Place) -> io::Result<()> {
        let branch = self.branches.draw(place);
        self.push(&row, &branch);
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
