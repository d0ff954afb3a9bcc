// SPDX-License-Identifier: MIT
//! Lines as `ps` sets them: columns of a width, a blank between them, and
//! what is too wide for its column pushes the next ones until there is room
//! again.

use unicode_width::UnicodeWidthStr;

use crate::columns::Align;

/// A column's place in the line.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) heading: String,
    pub(super) width: usize,
    pub(super) align: Align,
}

/// How lines are set.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    slots: Vec<Slot>,
    /// How long a line may be.
    screen: usize,
    /// Whether ids are numbers, which stand at the right.
    numeric: bool,
}

/// No line is longer, and no cell wider.
const LONGEST: usize = 128 * 1024;

/// No gap between two columns is wider.
const WIDEST_GAP: usize = 144;
const BLANKS: &str = match std::str::from_utf8(&[b' '; WIDEST_GAP]) {
    Ok(blanks) => blanks,
    Err(_) => unreachable!(),
};

impl Layout {
    /// For a screen of this width; without one lines are as long as they are.
    ///
    /// On a screen too narrow for the columns a line takes several of the
    /// screen's.
    pub(super) fn new(slots: Vec<Slot>, screen: Option<usize>, numeric: bool) -> Self {
        let least = least_width(&slots);
        let screen = match screen {
            Some(width) if width > 0 => width * least.div_ceil(width).max(1),
            _ => LONGEST,
        };
        Self {
            slots,
            screen: screen.min(LONGEST),
            numeric,
        }
    }

    /// The line of headings; none if all are empty.
    pub(super) fn headings(&self) -> Option<String> {
        if self.slots.iter().all(|slot| slot.heading.is_empty()) {
            return None;
        }
        let mut line = String::new();
        self.add_line(&mut line, |line, index, _| {
            line.push_str(&self.slots[index].heading);
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
        for (index, slot) in self.slots.iter().enumerate() {
            let last = index + 1 == self.slots.len();
            let gap = usize::from(index > 0);
            let begin = correct.max(actual + gap);
            let room = if last {
                self.screen.saturating_sub(begin)
            } else {
                slot.width
            };
            let before = line.len();
            cell(line, index, room);
            if slot.align == Align::Free && self.screen <= begin {
                // The column is off the screen but for this.
                let first = line[before..].chars().next().map_or(0, char::len_utf8);
                line.truncate(before + first);
            }
            let width = width(&line[before..]);
            let pad = if self.at_right(slot.align) {
                slot.width.saturating_sub(width)
            } else {
                0
            };
            let space = (correct + pad).saturating_sub(actual).max(gap);
            line.insert_str(before, &BLANKS[..space.min(WIDEST_GAP)]);
            actual += space + width;
            correct += slot.width + 1;
        }
        line.push('\n');
    }

    fn at_right(&self, align: Align) -> bool {
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
fn least_width(slots: &[Slot]) -> usize {
    let gaps = slots.len().saturating_sub(1);
    let last = slots.len().checked_sub(1);
    let widths = slots.iter().enumerate().map(|(index, slot)| {
        if slot.align == Align::Free && Some(index) == last {
            3
        } else {
            slot.width
        }
    });
    widths.sum::<usize>() + gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(slots: &[(&str, usize, Align)], screen: Option<usize>) -> Layout {
        let slots = slots.iter().map(|&(heading, width, align)| Slot {
            heading: heading.to_owned(),
            width,
            align,
        });
        Layout::new(slots.collect(), screen, false)
    }

    fn line(layout: &Layout, cells: &[&str]) -> String {
        let mut line = String::new();
        layout.add_line(&mut line, |line, index, room| {
            line.extend(cells[index].chars().take(room.max(12)));
        });
        line
    }

    #[test]
    fn cells_stand_in_their_columns() {
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
    fn what_is_too_wide_pushes_until_there_is_room() {
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
    fn the_last_column_goes_to_the_edge() {
        let slots = [("PID", 5, Align::Pid), ("CMD", 27, Align::Free)];
        let room = |screen| {
            let mut rooms = Vec::new();
            layout(&slots, screen).add_line(&mut String::new(), |line, _, room| {
                rooms.push(room);
                line.push('x');
            });
            rooms
        };
        assert_eq!(room(Some(80)), [5, 74]);
        assert_eq!(room(None), [5, LONGEST - 6]);
        // Nine places are the least, so a line takes two of these screens.
        assert_eq!(room(Some(6)), [5, 6]);
    }

    #[test]
    fn no_headings_are_no_line() {
        let layout = layout(&[("", 5, Align::Pid), ("", 5, Align::Pid)], None);
        assert_eq!(layout.headings(), None);
    }
}
