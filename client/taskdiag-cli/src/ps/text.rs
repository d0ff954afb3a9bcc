// SPDX-License-Identifier: MIT
//! Cells as `ps` writes them, where that is another way than ours.

use std::env;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::clock;
use crate::escape::trim_nuls;
use crate::host::Host;
use crate::row::Row;
use crate::value::{Cell, Value, push_number};

/// How cells are written.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) host: &'a Host,
    /// Whether the terminal can show more than ASCII.
    pub(super) unicode: bool,
}

/// Whether the environment asks for UTF-8.
pub(super) fn locale_is_unicode() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.ends_with("utf-8") || value.ends_with("utf8")
        })
}

impl Writer<'_> {
    /// Appends a value in so many places; numbers take those they need.
    pub(super) fn add(
        &self,
        line: &mut String,
        value: Option<Value<'_>>,
        row: &Row,
        branch: &str,
        room: usize,
    ) {
        match value {
            // What there are most of.
            Some(Value::Number(number)) => push_number(line, number),
            value => line.push_str(&self.write(value, row, branch, room)),
        }
    }

    fn write(&self, value: Option<Value<'_>>, row: &Row, branch: &str, room: usize) -> String {
        let host = self.host;
        match value {
            Some(Value::Comm(comm)) => self.name(branch, comm.as_bytes(), room),
            Some(Value::Command(arguments, comm)) => {
                let line = command_line(arguments, comm.as_bytes(), row.is_zombie());
                self.name(branch, &line, room)
            }
            Some(Value::User(uid)) => self.short(&host.names.user(uid), uid, room),
            Some(Value::Group(gid)) => self.short(&host.names.group(gid), gid, room),
            // With a place to spare, which it keeps where the line is pushed.
            Some(Value::Share(tenths)) => format!("{:2}.{}", tenths / 10, tenths % 10),
            Some(Value::Tenths(tenths)) if tenths > 999 => (tenths / 10).to_string(),
            Some(Value::BsdTime(seconds)) => clock::bsd_time(seconds),
            Some(Value::Started(start, how)) => host.clock.started(start, how),
            Some(Value::Cgroup(path)) => {
                let line = [b"0::", path].concat();
                self.printable(&line, room)
            }
            Some(Value::Bytes(bytes)) => self.printable(bytes, room),
            value => Cell { value, host }.to_table(),
        }
    }

    fn name(&self, branch: &str, name: &[u8], room: usize) -> String {
        let mut text: String = branch.chars().take(room).collect();
        text.push_str(&self.printable(name, room.saturating_sub(branch.len())));
        text
    }

    /// As much as there is room for, with a question mark for what cannot be
    /// printed.
    fn printable(&self, bytes: &[u8], room: usize) -> String {
        let mut text = String::new();
        let mut left = room;
        for c in self.characters(bytes) {
            let width = c.width().unwrap_or(0);
            if width > left || left == 0 {
                break;
            }
            left -= width;
            text.push(c);
        }
        text
    }

    fn characters<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = char> + use<'b> {
        let unicode = self.unicode;
        bytes.utf8_chunks().flat_map(move |chunk| {
            let valid = chunk.valid().chars().flat_map(move |c| {
                let count = if unicode { 1 } else { c.len_utf8() };
                let shown = if printable(c, unicode) { c } else { '?' };
                std::iter::repeat_n(shown, count)
            });
            valid.chain(chunk.invalid().iter().map(|_| '?'))
        })
    }

    /// A user's name; one that is too long ends in a plus sign, or is a number
    /// where the sign would stand in the middle of a letter. Numbers that were
    /// asked for are whole.
    fn short(&self, name: &str, id: u32, room: usize) -> String {
        let text = self.printable(name.as_bytes(), usize::MAX);
        if text.width() <= room || self.host.names.is_numeric() {
            return text;
        }
        match text.get(..room.saturating_sub(1)) {
            Some(beginning) if room > 0 => format!("{beginning}+"),
            _ => id.to_string(),
        }
    }
}

fn printable(c: char, unicode: bool) -> bool {
    matches!(c, ' '..='~') || (unicode && !c.is_ascii() && c.width().is_some())
}

/// The arguments, with blanks between them; or the name in brackets, of who
/// has none.
fn command_line(arguments: &[u8], comm: &[u8], zombie: bool) -> Vec<u8> {
    let arguments = trim_nuls(arguments);
    if !arguments.is_empty() {
        let blank = |&byte: &u8| {
            if matches!(byte, 0 | b'\n') {
                b' '
            } else {
                byte
            }
        };
        return arguments.iter().map(blank).collect();
    }
    let defunct: &[u8] = if zombie { b" <defunct>" } else { b"" };
    [b"[", comm, b"]", defunct].concat()
}

#[cfg(test)]
mod tests {
    use taskdiag::{Comm, State};

    use super::*;
    use crate::clock::Started;
    use crate::row::samples::plain;

    fn written(value: Value<'_>, room: usize) -> String {
        let host = Host::at(36 * 3600, false);
        let writer = Writer {
            host: &host,
            unicode: true,
        };
        writer.write(Some(value), &plain(7, b"sh"), "", room)
    }

    #[test]
    fn names_are_cut_and_those_of_users_tell() {
        let comm = Comm::new(b"0123456789");
        assert_eq!(written(Value::Comm(comm), 4), "0123");
        assert_eq!(written(Value::User(0), 8), "root");
        assert_eq!(written(Value::User(0), 3), "ro+");
        assert_eq!(written(Value::User(0), 0), "0");
        assert_eq!(written(Value::User(4_000_000_007), 8), "4000000+");
    }

    #[test]
    fn who_has_no_arguments_stands_in_brackets() {
        let comm = Comm::new(b"kthreadd");
        assert_eq!(written(Value::Command(b"", comm), 80), "[kthreadd]");
        assert_eq!(written(Value::Command(b"\0\0", comm), 80), "[kthreadd]");
        assert_eq!(
            written(Value::Command(b"sh\0-c\0a\nb\0", comm), 80),
            "sh -c a b"
        );
    }

    #[test]
    fn the_dead_are_told_of() {
        let host = Host::at(0, false);
        let writer = Writer {
            host: &host,
            unicode: true,
        };
        let mut row = plain(7, b"sh");
        row.base.get_or_insert_default().state = State::Zombie;
        let comm = Comm::new(b"sh");
        let write = |value| writer.write(Some(value), &row, "", 80);
        assert_eq!(write(Value::Comm(comm)), "sh");
        assert_eq!(write(Value::Command(b"", comm)), "[sh] <defunct>");
    }

    #[test]
    fn what_cannot_be_printed_is_a_question_mark() {
        let bytes = "a\tb\u{1b}\u{f6}".as_bytes();
        let bytes = [bytes, b"\xff"].concat();
        let host = Host::at(0, false);
        let shown = |unicode| {
            let host = &host;
            Writer { host, unicode }.printable(&bytes, 80)
        };
        assert_eq!(shown(true), "a?b?\u{f6}?");
        assert_eq!(shown(false), "a?b????");
    }

    #[test]
    fn wide_letters_take_two_places() {
        let host = Host::at(0, false);
        let writer = Writer {
            host: &host,
            unicode: true,
        };
        assert_eq!(writer.printable("日本".as_bytes(), 3), "日");
    }

    #[test]
    fn numbers_and_times_are_as_ps_writes_them() {
        assert_eq!(written(Value::Tenths(999), 4), "99.9");
        assert_eq!(written(Value::Tenths(1000), 4), "100");
        assert_eq!(written(Value::Share(7), 4), " 0.7");
        assert_eq!(written(Value::BsdTime(5), 6), "  0:05");
        assert_eq!(written(Value::Started(0, Started::Clock), 8), "  Jan 01");
        assert_eq!(written(Value::Terminal(0), 8), "?");
        assert_eq!(written(Value::Cgroup(b"/a"), 27), "0::/a");
    }

    #[test]
    fn a_branch_takes_its_room() {
        let host = Host::at(0, false);
        let writer = Writer {
            host: &host,
            unicode: true,
        };
        let comm = Value::Comm(Comm::new(b"name"));
        let row = plain(7, b"sh");
        assert_eq!(writer.write(Some(comm), &row, " \\_ ", 6), " \\_ na");
        assert_eq!(writer.write(None, &row, " \\_ ", 6), "-");
    }
}
