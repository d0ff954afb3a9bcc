// SPDX-License-Identifier: MIT
//! Lines as `ps` sets them: columns of a width, a blank between them, and
//! what is too wide for its column pushes the next ones until there is room
//! again.

use unicode_width::UnicodeWidthStr;

use crate::columns::Align;

/// A column's place in the line.
#[derive(Clone, Debug)]
pub(super) struct LayoutColumn {
    pub(super) heading: String,
    pub(super) width: usize,
    pub(super) align: Align,
}

/// How lines are set.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    columns: Vec<LayoutColumn>,
    /// How long a line may be.
    screen: usize,
    /// Whether ids are numbers, which stand at the right.
    numeric: bool,
}

/// No line is longer, and no cell wider.
const MAX_LINE: usize = 128 * 1024;

/// No gap between two columns is wider.
const MAX_GAP: usize = 144;
const BLANKS: &str = match std::str::from_utf8(&[b' '; MAX_GAP]) {
    Ok(blanks) => blanks,
    Err(_) => unreachable!(),
};

impl Layout {
    /// For a screen of this width; without one lines are as long as they are.
    ///
    /// On a screen too narrow for the columns a line takes several of the
    /// screen's.
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

    /// The line of headings; none if all are empty.
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

    /// Appends a line of cells, each of which is appended for the room it has.
    pub(super) fn add_line(
        &self,
        line: &mut String,
        mut cell: impl FnMut(&mut String, usize, usize),
    ) {
        // Where the column should begin, and where the line has come to.
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
                // The column is off the screen but for this.
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

/// How many places a text takes.
fn width(text: &str) -> usize {
    // Nearly always it is this.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.len();
    }
    text.width()
}

/// The least that the columns need, the last of which may be cut short.
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
        // Nine places are the least, so a line takes two of these screens.
        assert_eq!(available(Some(6)), [5, 6]);
    }

    #[test]
    fn empty_headings_print_no_line() {
        let layout = layout(&[("", 5, Align::Pid), ("", 5, Align::Pid)], None);
        assert_eq!(layout.headings(), None);
    }
}
