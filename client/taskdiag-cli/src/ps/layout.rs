// SPDX-License-Identifier: MIT
//! Lines of fixed-width columns, as `ps` prints them. A cell that is too wide shifts
//! the following cells until later padding makes up for it.

use unicode_width::UnicodeWidthStr;

/// Heading, width and alignment of a column.
#[derive(Clone, Debug)]
pub(super) struct LayoutColumn {
    pub(super) heading: String,
    pub(super) width: usize,
    pub(super) justify: Justify,
}

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Justify {
    Left,
    Right,
    /// Right-aligned; the width is the number of digits of the largest pid.
    Pid,
    /// Left-aligned for names, right-aligned for numeric ids.
    User,
    /// Left-aligned for names, right-aligned if numbers were requested.
    Wchan,
    /// A set of signals: right-aligned, in 16 digits if the line is wide enough.
    Signal,
    /// Left-aligned, and of unlimited length in the last column.
    Unlimited,
    /// Text of the user's, without a gap before and after it.
    Literal,
}

/// The layout of lines.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    columns: Vec<LayoutColumn>,
    /// The maximum width of a line.
    screen: usize,
    /// Whether ids are numeric, and therefore right-aligned.
    numeric: bool,
    /// Whether sets of signals have 16 digits.
    wide_signals: bool,
    /// The character between two columns, which are not aligned then.
    delimiter: Option<char>,
}

/// The maximum width of lines and cells without a screen width.
const MAX_LINE: usize = 128 * 1024;

/// The maximum number of blanks between two cells.
const MAX_GAP: usize = 144;
const BLANKS: &str = match std::str::from_utf8(&[b' '; MAX_GAP]) {
    Ok(blanks) => blanks,
    Err(_) => unreachable!(),
};

/// The additional width of a set of signals with 16 digits.
const MORE_FOR_SIGNALS: usize = 7;

impl Layout {
    /// Returns a layout for a screen of this width, or for lines of any length.
    ///
    /// If the screen is too narrow for the columns, each line uses several lines of
    /// the screen.
    pub(super) fn new(
        columns: Vec<LayoutColumn>,
        screen: Option<usize>,
        numeric: bool,
        delimiter: Option<char>,
    ) -> Self {
        let least = least_width(&columns);
        let screen = match screen {
            Some(width) if width > 0 => width * least.div_ceil(width).max(1),
            _ => MAX_LINE,
        };
        let screen = screen.min(MAX_LINE);
        let signals = columns
            .iter()
            .filter(|column| column.justify == Justify::Signal);
        Self {
            wide_signals: least + signals.count() * MORE_FOR_SIGNALS <= screen,
            columns,
            screen,
            numeric,
            delimiter,
        }
    }

    /// Whether sets of signals have 16 digits.
    pub(super) const fn wide_signals(&self) -> bool {
        self.wide_signals
    }

    /// Returns the line of headings, unless all are empty.
    pub(super) fn headings(&self) -> Option<String> {
        let has_text = |column: &LayoutColumn| {
            column.justify != Justify::Literal && !column.heading.is_empty()
        };
        if !self.columns.iter().any(has_text) {
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
        let (mut correct, mut actual, mut gap) = (0_usize, 0_usize, 0_usize);
        for (index, column) in self.columns.iter().enumerate() {
            let next = self.columns.get(index + 1);
            // The blanks that the last column begins with.
            let lead = match next {
                None => correct.saturating_sub(actual).max(gap),
                Some(_) => 0,
            };
            let room = self.screen.saturating_sub(actual + lead);
            let available = if next.is_none() { room } else { column.width };
            let before = line.len();
            cell(line, index, available);
            let width = width(&line[before..]);
            if self.is_cut(column.justify) && room < 1 {
                // Like ps, print one character of a column beyond the screen.
                let first = line[before..].chars().next().map_or(0, char::len_utf8);
                line.truncate(before + first);
            }
            let space = (correct + self.pad(column, width)).saturating_sub(actual);
            self.insert_space(line, before, space, gap);
            actual += space.max(gap).min(MAX_GAP) + width;
            correct += column.width + self.additional_width(column.justify);
            let literal = |column: &LayoutColumn| column.justify == Justify::Literal;
            gap = usize::from(!literal(column) && !next.is_some_and(literal));
            correct += gap;
        }
        line.push('\n');
    }

    fn insert_space(&self, line: &mut String, at: usize, space: usize, gap: usize) {
        match self.delimiter {
            Some(delimiter) if gap > 0 => line.insert(at, delimiter),
            Some(_) => {}
            None => line.insert_str(at, &BLANKS[..space.max(gap).min(MAX_GAP)]),
        }
    }

    /// Whether a column is cut to one character beyond the screen.
    const fn is_cut(&self, justify: Justify) -> bool {
        matches!(justify, Justify::Unlimited) || matches!(justify, Justify::Wchan) && !self.numeric
    }

    /// Returns the blanks before a cell of this width.
    fn pad(&self, column: &LayoutColumn, width: usize) -> usize {
        let right = match column.justify {
            Justify::Right | Justify::Pid => column.width,
            Justify::Signal => column.width + self.additional_width(Justify::Signal),
            Justify::User | Justify::Wchan if self.numeric => column.width,
            _ => 0,
        };
        right.saturating_sub(width)
    }

    const fn additional_width(&self, justify: Justify) -> usize {
        if matches!(justify, Justify::Signal) && self.wide_signals {
            MORE_FOR_SIGNALS
        } else {
            0
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
    let mut total = 0;
    let mut after_column = false;
    for (index, column) in columns.iter().enumerate() {
        let literal = column.justify == Justify::Literal;
        let last = index + 1 == columns.len();
        total += match column.justify {
            Justify::Unlimited if last => 3,
            _ => column.width,
        };
        total += usize::from(after_column && !literal);
        after_column = !literal;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(columns: &[(&str, usize, Justify)], screen: Option<usize>) -> Layout {
        let columns = columns
            .iter()
            .map(|&(heading, width, justify)| LayoutColumn {
                heading: heading.to_owned(),
                width,
                justify,
            });
        Layout::new(columns.collect(), screen, false, None)
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
                ("USER", 8, Justify::User),
                ("PID", 5, Justify::Pid),
                ("TTY", 8, Justify::Left),
                ("COMMAND", 27, Justify::Unlimited),
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
                ("A", 3, Justify::Right),
                ("B", 8, Justify::Right),
                ("C", 4, Justify::Left),
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
        let columns = [("PID", 5, Justify::Pid), ("CMD", 27, Justify::Unlimited)];
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
        let layout = layout(&[("", 5, Justify::Pid), ("", 5, Justify::Pid)], None);
        assert_eq!(layout.headings(), None);
    }

    #[test]
    fn literal_text_has_no_gaps() {
        let columns = [
            ("PID", 5, Justify::Pid),
            ("--", 2, Justify::Literal),
            ("CMD", 6, Justify::Unlimited),
            ("", 0, Justify::Literal),
        ];
        let layout = layout(&columns, None);
        assert_eq!(layout.headings().as_deref(), Some("  PID--CMD   \n"));
        assert_eq!(line(&layout, &["1", "--", "sh", ""]), "    1--sh    \n");
    }

    #[test]
    fn signals_use_16_digits_if_there_is_room() {
        let columns = [("A", 9, Justify::Signal), ("B", 9, Justify::Signal)];
        assert!(!layout(&columns, Some(30)).wide_signals());
        let wide = layout(&columns, Some(33));
        assert!(wide.wide_signals());
        let headings = format!("{:>16} {:>16}\n", "A", "B");
        assert_eq!(wide.headings().as_deref(), Some(headings.as_str()));
    }

    #[test]
    fn delimiter_replaces_the_padding() {
        let columns = [("PID", 5, Justify::Pid), ("CMD", 6, Justify::Unlimited)];
        let columns = columns.map(|(heading, width, justify)| LayoutColumn {
            heading: heading.to_owned(),
            width,
            justify,
        });
        let layout = Layout::new(columns.into(), None, false, Some(','));
        assert_eq!(line(&layout, &["1", "sh"]), "1,sh\n");
    }
}
