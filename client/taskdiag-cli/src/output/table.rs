// SPDX-License-Identifier: MIT
//! Aligned columns like those of `ps`. Each column is as wide as its widest cell,
//! whereas [`crate::ps`] prints columns of fixed widths.

use std::io;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Output;
use crate::columns::SelectedColumn;
use crate::host::Host;
use crate::row::TaskRow;
use crate::tree::{Branches, TreePosition};
use crate::value::Cell;

/// Marks a line that was truncated at the edge of the terminal.
const TRUNCATED: char = '+';

/// The maximum width to which cells are padded: a process may have megabytes of
/// arguments.
const MAX_WIDTH: usize = 256;

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
    /// Adds a row, with `branch` before the name of the task.
    fn push(&mut self, row: &TaskRow, branch: &str) {
        let host = self.host;
        let name_index = self.columns.iter().rposition(SelectedColumn::is_task_name);
        let cells = self.columns.iter().enumerate().map(|(index, selected)| {
            let value = selected.column.value(row, host);
            let cell = Cell { value, host }.to_table();
            match name_index {
                Some(position) if position == index => format!("{branch}{cell}"),
                _ => cell,
            }
        });
        self.lines.push(cells.collect());
    }

    /// Returns the width of each column: that of its widest cell, up to
    /// [`MAX_WIDTH`].
    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.columns.len()];
        for line in &self.lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.width().min(MAX_WIDTH));
            }
        }
        widths
    }

    /// Formats a line of aligned cells, without blanks at the end.
    fn format_line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, selected), width) in cells.iter().zip(self.columns).zip(widths) {
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            let (before, after) = if selected.column.is_right_aligned() {
                (pad.as_str(), "")
            } else {
                ("", pad.as_str())
            };
            line.extend([before, cell, after, " "]);
        }
        line.truncate(line.trim_end().len());
        match self.width {
            Some(width) => truncate(line, width),
            None => line,
        }
    }
}

/// Truncates a line at the edge of the terminal, and marks it.
fn truncate(mut line: String, edge: usize) -> String {
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
        line.push(TRUNCATED);
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
            writeln!(self.out, "{}", self.format_line(cells, &widths))?;
        }
        self.out.flush()
    }
}
