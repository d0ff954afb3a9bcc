// SPDX-License-Identifier: MIT
//! A table for the eye, as `ps` prints one: no lines, numbers to the right.

use std::io;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Output;
use crate::columns::SelectedColumn;
use crate::host::Host;
use crate::row::TaskRow;
use crate::tree::{Branches, TreePosition};
use crate::value::Cell;

/// Stands where the edge of the terminal cut something off.
const CUT: char = '+';

/// No column is made wider: a process may have megabytes of arguments, and the
/// others are not to be padded to that.
const WIDEST: usize = 256;

pub(crate) struct Table<'a, W> {
    out: W,
    columns: &'a [SelectedColumn],
    host: &'a Host,
    width: Option<usize>,
    lines: Vec<Vec<String>>,
    branches: Branches,
}

impl<'a, W: io::Write> Table<'a, W> {
    pub(crate) fn new(
        out: W,
        columns: &'a [SelectedColumn],
        host: &'a Host,
        headers: bool,
        width: Option<usize>,
    ) -> Self {
        let mut lines = Vec::new();
        if headers && !columns.iter().all(SelectedColumn::has_empty_heading) {
            let headings = columns.iter().map(|selected| selected.heading.clone());
            lines.push(headings.collect());
        }
        Self {
            out,
            columns,
            host,
            width,
            lines,
            branches: Branches::default(),
        }
    }
}

impl<W> Table<'_, W> {
    /// Adds a row, with this before the name.
    fn push(&mut self, row: &TaskRow, branch: &str) {
        let host = self.host;
        let named = self.columns.iter().rposition(SelectedColumn::is_task_name);
        let cells = self.columns.iter().enumerate().map(|(index, selected)| {
            let value = selected.column.value(row, host);
            let cell = Cell { value, host }.to_table();
            match named {
                Some(position) if position == index => format!("{branch}{cell}"),
                _ => cell,
            }
        });
        self.lines.push(cells.collect());
    }

    /// Each column is as wide as its widest cell, within bounds.
    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.columns.len()];
        for line in &self.lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.width().min(WIDEST));
            }
        }
        widths
    }

    /// A line, with each cell in its column and nothing behind the last.
    fn set(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, selected), width) in cells.iter().zip(self.columns).zip(widths) {
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            let (before, behind) = if selected.column.is_right_aligned() {
                (pad.as_str(), "")
            } else {
                ("", pad.as_str())
            };
            line.extend([before, cell, behind, " "]);
        }
        line.truncate(line.trim_end().len());
        match self.width {
            Some(width) => cut(line, width),
            None => line,
        }
    }
}

/// Cuts what is beyond the edge, and marks the place.
fn cut(mut line: String, edge: usize) -> String {
    if line.width() <= edge {
        return line;
    }
    let mut width = 0;
    let beyond = line.char_indices().find(|(_, character)| {
        width += character.width().unwrap_or(0);
        width >= edge
    });
    if let Some((index, _)) = beyond {
        line.truncate(index);
        line.push(CUT);
    }
    line
}

impl<W: io::Write> Output for Table<'_, W> {
    fn row(&mut self, row: TaskRow) -> io::Result<()> {
        self.push(&row, "");
        Ok(())
    }

    fn tree_row(&mut self, row: TaskRow, position: TreePosition) -> io::Result<()> {
        let branch = self.branches.draw(position);
        self.push(&row, &branch);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let widths = self.widths();
        for cells in &self.lines {
            writeln!(self.out, "{}", self.set(cells, &widths))?;
        }
        self.out.flush()
    }
}
