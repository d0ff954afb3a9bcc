// SPDX-License-Identifier: MIT
//! Prints rows on standard output, below lines of headings.

use std::io::{BufWriter, Write as _};

use super::args::{Headings, PsOptions, ThreadOptions};
use super::cell::{self, CellWriter};
use super::columns::{PsColumn, PsSortKey};
use super::layout::Layout;
use super::screen::Screen;
use super::specs::Source;
use crate::exit::Failure;
use crate::host::Host;
use crate::row::TaskRow;
use crate::stdio::{self, Stdout};

/// Prints rows.
pub(super) struct Printer<'a> {
    columns: &'a [PsColumn],
    /// The sources of the cells of usual rows, and of processes before their threads.
    sources: Vec<Source>,
    sources_of_processes: Vec<Source>,
    layout: Layout,
    writer: CellWriter<'a>,
    pages: Pages,
    out: BufWriter<Stdout>,
    line: String,
    has_printed: bool,
}

impl<'a> Printer<'a> {
    /// Returns a printer of these columns.
    pub(super) fn new(columns: &'a [PsColumn], options: &'a PsOptions, host: &'a Host) -> Self {
        let screen = Screen::new(options);
        let (out, _) = stdio::open_stdout();
        let layout = columns.iter().map(|column| column.layout.clone()).collect();
        let layout = Layout::new(layout, screen.width, options.numeric, options.delimiter);
        let after_processes = options.threads.intersects(ThreadOptions::AFTER_PROCESSES);
        let source = |column: &PsColumn| match after_processes {
            true => column.source_in_threads(),
            false => column.source,
        };
        Self {
            columns,
            sources: columns.iter().map(source).collect(),
            sources_of_processes: columns.iter().map(PsColumn::source_in_processes).collect(),
            writer: CellWriter {
                host,
                unicode: cell::locale_is_unicode(),
                environment: options.environment,
                reads_files: options.scope_pid.is_none(),
                wide_signals: layout.wide_signals(),
            },
            pages: Pages::new(options.headings, &layout, screen.height),
            layout,
            out,
            line: String::new(),
            has_printed: false,
        }
    }

    /// Sorts rows by the first key, then by the next ones. Rows that are equal in all
    /// keys keep their order.
    pub(super) fn sort(&self, rows: &mut [TaskRow], keys: &[PsSortKey]) {
        for key in keys.iter().rev() {
            key.sort(rows, self.writer.host, |row, field| {
                self.writer.read(row, field)
            });
        }
    }

    /// Prints a row, with the branch of its tree before the command.
    pub(super) fn print(&mut self, row: &TaskRow, branch: &str) -> Result<(), Failure> {
        let sources = std::mem::take(&mut self.sources);
        let result = self.print_row(row, branch, &sources);
        self.sources = sources;
        result
    }

    /// Prints a process whose threads follow.
    pub(super) fn print_process(&mut self, row: &TaskRow) -> Result<(), Failure> {
        let sources = std::mem::take(&mut self.sources_of_processes);
        let result = self.print_row(row, "", &sources);
        self.sources_of_processes = sources;
        result
    }

    fn print_row(
        &mut self,
        row: &TaskRow,
        branch: &str,
        sources: &[Source],
    ) -> Result<(), Failure> {
        if self.pages.begins() {
            self.print_headings()?;
        }
        self.has_printed = true;
        let Self {
            columns, writer, ..
        } = self;
        self.line.clear();
        self.layout
            .add_line(&mut self.line, |line, index, available| {
                match sources[index] {
                    Source::Literal => line.push_str(&columns[index].layout.heading),
                    source => writer.push(line, source, row, branch, available),
                }
            });
        Ok(self.out.write_all(self.line.as_bytes())?)
    }

    fn print_headings(&mut self) -> Result<(), Failure> {
        if let Some(headings) = self.layout.headings() {
            self.out.write_all(headings.as_bytes())?;
        }
        Ok(())
    }

    /// Flushes the output.
    ///
    /// # Errors
    ///
    /// [`Failure::NoTask`] if no row was printed.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let empty = !self.has_printed;
        if empty && self.pages.begins() {
            self.print_headings()?;
        }
        self.out.flush()?;
        if empty { Err(Failure::NoTask) } else { Ok(()) }
    }
}

/// Counts the rows of a page, each of which begins with headings.
#[derive(Debug)]
struct Pages {
    /// The number of rows until the next headings.
    left: Option<usize>,
    rows: Option<usize>,
}

impl Pages {
    fn new(headings: Option<Headings>, layout: &Layout, height: usize) -> Self {
        let (left, rows) = match headings {
            Some(Headings::Never) => (None, None),
            Some(Headings::EachPage) => (Some(0), Some(height.saturating_sub(1).max(1))),
            None => (layout.headings().map(|_| 0), None),
        };
        Self { left, rows }
    }

    /// Counts a row, and returns whether headings come before it.
    fn begins(&mut self) -> bool {
        match &mut self.left {
            Some(0) => {
                self.left = self.rows.map(|rows| rows - 1);
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(mut pages: Pages, rows: usize) -> Vec<bool> {
        (0..rows).map(|_| pages.begins()).collect()
    }

    #[test]
    fn headings_are_printed_once_or_on_each_page() {
        let pages = |rows: Option<usize>| Pages {
            left: Some(0),
            rows,
        };
        assert_eq!(begins(pages(None), 3), [true, false, false]);
        assert_eq!(begins(pages(Some(2)), 5), [true, false, true, false, true]);
        assert_eq!(begins(pages(Some(1)), 3), [true, true, true]);
    }
}
