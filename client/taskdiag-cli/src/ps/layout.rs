// SPDX-License-Identifier: MIT
//! Lines of fixed-width columns, as `ps` prints them. A cell that is too wide shifts
//! the following cells until later padding makes up for it.

use unicode_width::UnicodeWidthStr;

use crate::columns::Align;

/// Heading, width and alignment of a column.
#[derive(Clone, Debug)]
pub(super) struct LayoutColumn {
    pub(super) heading: String,
    pub(super) width: usize,
    pub(super) align: Align,
}

/// The layout of lines.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    columns: Vec<LayoutColumn>,
    /// The maximum width of a line.
    screen: usize,
    /// Whether ids are numeric, and therefore right-aligned.
    numeric: bool,
}

/// The maximum width of lines and cells without a screen width.
const MAX_LINE: usize = 128 * 1024;

/// The maximum number of blanks between two cells.
const MAX_GAP: usize = 144;
const BLANKS: &str = match std::str::from_utf8(&[b' '; MAX_GAP]) {
    Ok(blanks) => blanks,
    Err(_) => unreachable!(),
};

impl Layout {
    /// Returns a layout for a screen of this width, or for lines of any length.
    ///
    /// If the screen is too narrow for the columns, each line uses several lines of
    /// the screen.
    pub(super) fn new(columns: Vec<LayoutColumn>, screen: Option<usize>, numeric: bool) -> Self {
        let least = least_width(&columns);
        let screen = match screen {
            Some(width) if width > 0 => width * least.div_ceil(width).max(1),
            _ => MAX_LINE,
        };
        Self {
            columns,
            screen: screen.min(MAX_LINE),
            numeric,
        }
    }

    /// Returns the line of headings, unless all are empty.
    pub(super) fn headings(&self) -> Option<String> {
        if self.columns.iter().all(|column| column.heading.is_empty()) {
            return None;
        }
        let mut line = String::new();
        self.add_line(&mut line, |line, index, _| {
            line.push_str(&self.columns[index].heading);
        });
        Some(line)
    }

    /// Appends a line. `cell` appends the cell of an index, given the available width.
    pub(super) fn add_line(
        &self,
        line: &mut String,
        mut cell: impl FnMut(&mut String, usize, usize),
    ) {
        // The nominal start of the column, and the actual width of the line.
        let (mut correct, mut actual) = (0, 0);
        for (index, column) in self.columns.iter().enumerate() {
            let last = index + 1 == self.columns.len();
            let gap = usize::from(index > 0);
            let begin = correct.max(actual + gap);
            let available = if last {
                self.screen.saturating_sub(begin)
            } else {
                column.width
            };
            let before = line.len();
            cell(line, index, available);
            if column.align == Align::Free && self.screen <= begin {
                // Like ps, print one character of a column beyond the screen.
                let first = line[before..].chars().next().map_or(0, char::len_utf8);
                line.truncate(before + first);
            }
            let width = width(&line[before..]);
            let pad = if self.is_right_aligned(column.align) {
                column.width.saturating_sub(width)
            } else {
                0
            };
            let space = (correct + pad).saturating_sub(actual).max(gap);
            line.insert_str(before, &BLANKS[..space.min(MAX_GAP)]);
            actual += space + width;
            correct += column.width + 1;
        }
        line.push('\n');
    }

    fn is_right_aligned(&self, align: Align) -> bool {
        match align {
            Align::Right | Align::Pid => true,
            Align::Name => self.numeric,
            Align::Left | Align::Free => false,
        }
    }
}

/// Returns the width of a text in columns of the terminal.
fn width(text: &str) -> usize {
    // Fast path: printable ASCII.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.len();
    }
    text.width()
}

/// Returns the minimum width of a line, in which the last column may be truncated.
fn least_width(columns: &[LayoutColumn]) -> usize {
    let gaps = columns.len().saturating_sub(1);
    let last = columns.len().checked_sub(1);
    let widths = columns.iter().enumerate().map(|(index, column)| {
        if column.align == Align::Free && Some(index) == last {
            3
        } else {
            column.width
        }
    });
    widths.sum::<usize>() + gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(columns: &[(&str, usize, Align)], screen: Option<usize>) -> Layout {
        let columns = columns.iter().map(|&(heading, width, align)| LayoutColumn {
            heading: heading.to_owned(),
            width,
            align,
        });
        Layout::new(columns.collect(), screen, false)
    }

    fn line(layout: &Layout, cells: &[&str]) -> String {
        let mut line = String::new();
        layout.add_line(&mut line, |line, index, available| {
            line.extend(cells[index].chars().take(available.max(12)));
        });
        line
    }

    #[test]
    fn cells_are_aligned_in_columns() {
        let layout = layout(
            &[
                ("USER", 8, Align::Name),
                ("PID", 5, Align::Pid),
                ("TTY", 8, Align::Left),
                ("COMMAND", 27, Align::Free),
            ],
            None,
        );
        assert_eq!(
            layout.headings().as_deref(),
            Some("USER       PID TTY      COMMAND\n")
        );
        assert_eq!(
            line(&layout, &["root", "1", "?", "init"]),
            "root         1 ?        init\n"
        );
    }

    #[test]
    fn wide_cell_shifts_the_following_columns() {
        let layout = layout(
            &[
                ("A", 3, Align::Right),
                ("B", 8, Align::Right),
                ("C", 4, Align::Left),
            ],
            None,
        );
        assert_eq!(line(&layout, &["1", "2", "x"]), "  1        2 x\n");
        assert_eq!(line(&layout, &["12345", "2", "x"]), "12345      2 x\n");
        assert_eq!(
            line(&layout, &["12345", "12345678", "x"]),
            "12345 12345678 x\n"
        );
    }

    #[test]
    fn last_column_extends_to_the_edge() {
        let columns = [("PID", 5, Align::Pid), ("CMD", 27, Align::Free)];
        let available = |screen| {
            let mut widths = Vec::new();
            layout(&columns, screen).add_line(&mut String::new(), |line, _, available| {
                widths.push(available);
                line.push('x');
            });
            widths
        };
        assert_eq!(available(Some(80)), [5, 74]);
        assert_eq!(available(None), [5, MAX_LINE - 6]);
        // The minimum width is 9, so a line uses two lines of a screen of 6.
        assert_eq!(available(Some(6)), [5, 6]);
    }

    #[test]
    fn empty_headings_print_no_line() {
        let layout = layout(&[("", 5, Align::Pid), ("", 5, Align::Pid)], None);
        assert_eq!(layout.headings(), None);
    }
}
