// SPDX-License-Identifier: MIT
//! Formats cells as `ps` does. Values whose format does not differ are formatted by
//! [`crate::value`].

use std::env;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::clock;
use crate::escape::trim_nuls;
use crate::host::Host;
use crate::row::TaskRow;
use crate::value::{Cell, Value, push_number};

/// Formats cells for a host and a terminal.
#[derive(Debug)]
pub(super) struct CellWriter<'a> {
    pub(super) host: &'a Host,
    /// Whether characters other than ASCII are printed.
    pub(super) unicode: bool,
}

/// Whether the locale of the environment uses UTF-8.
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

impl CellWriter<'_> {
    /// Appends a value, truncated to the available width. Numbers are not truncated.
    pub(super) fn push(
        &self,
        line: &mut String,
        value: Option<Value<'_>>,
        row: &TaskRow,
        branch: &str,
        available: usize,
    ) {
        match value {
            // Fast path: most cells are numbers.
            Some(Value::Number(number)) => push_number(line, number),
            value => line.push_str(&self.write(value, row, branch, available)),
        }
    }

    fn write(
        &self,
        value: Option<Value<'_>>,
        row: &TaskRow,
        branch: &str,
        available: usize,
    ) -> String {
        let host = self.host;
        match value {
            Some(Value::Comm(comm)) => self.command_name(branch, comm.as_bytes(), available),
            Some(Value::Command(arguments, comm)) => {
                let line = command_line(arguments, comm.as_bytes(), row.is_zombie());
                self.command_name(branch, &line, available)
            }
            Some(Value::User(uid)) => self.id_name(&host.names.user(uid), uid, available),
            Some(Value::Group(gid)) => self.id_name(&host.names.group(gid), gid, available),
            // Padded like ps: the blank remains if earlier cells were too wide.
            Some(Value::Share(tenths)) => format!("{:2}.{}", tenths / 10, tenths % 10),
            Some(Value::Tenths(tenths)) if tenths > 999 => (tenths / 10).to_string(),
            Some(Value::BsdTime(seconds)) => clock::bsd_time(seconds),
            Some(Value::Started(start, style)) => host.clock.started(start, style),
            Some(Value::Cgroup(path)) => {
                let line = [b"0::", path].concat();
                self.printable(&line, available)
            }
            Some(Value::Bytes(bytes)) => self.printable(bytes, available),
            value => Cell { value, host }.to_table(),
        }
    }

    /// Returns a name or command line behind the branch of its tree.
    fn command_name(&self, branch: &str, name: &[u8], available: usize) -> String {
        let mut text: String = branch.chars().take(available).collect();
        text.push_str(&self.printable(name, available.saturating_sub(branch.len())));
        text
    }

    /// Returns the beginning of the text that fits the available width, with a
    /// question mark for each unprintable character.
    fn printable(&self, bytes: &[u8], available: usize) -> String {
        let mut text = String::new();
        let mut left = available;
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

    /// Returns the name of a user or group. A name that is too long is truncated and
    /// ends in a plus sign; if that would split a character, the id is shown
    /// instead. Ids are not truncated if numeric output was requested.
    fn id_name(&self, name: &str, id: u32, available: usize) -> String {
        let text = self.printable(name.as_bytes(), usize::MAX);
        if text.width() <= available || self.host.names.is_numeric() {
            return text;
        }
        match text.get(..available.saturating_sub(1)) {
            Some(beginning) if available > 0 => format!("{beginning}+"),
            _ => id.to_string(),
        }
    }
}

fn printable(c: char, unicode: bool) -> bool {
    matches!(c, ' '..='~') || (unicode && !c.is_ascii() && c.width().is_some())
}

/// Returns the arguments separated by blanks, or the name in brackets for a task
/// without arguments.
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
    let suffix: &[u8] = if zombie { b" <defunct>" } else { b"" };
    [b"[", comm, b"]", suffix].concat()
}

#[cfg(test)]
mod tests {
    use taskdiag::{Comm, State};

    use super::*;
    use crate::clock::Started;
    use crate::row::samples::plain;

    fn writer(host: &Host) -> CellWriter<'_> {
        CellWriter {
            host,
            unicode: true,
        }
    }

    fn written(value: Value<'_>, available: usize) -> String {
        let host = Host::at(36 * 3600, false);
        writer(&host).write(Some(value), &plain(7, b"sh"), "", available)
    }

    #[test]
    fn long_names_are_truncated_and_user_names_marked() {
        let comm = Comm::new(b"0123456789");
        assert_eq!(written(Value::Comm(comm), 4), "0123");
        assert_eq!(written(Value::User(0), 8), "root");
        assert_eq!(written(Value::User(0), 3), "ro+");
        assert_eq!(written(Value::User(0), 0), "0");
        assert_eq!(written(Value::User(4_000_000_007), 8), "4000000+");
    }

    #[test]
    fn task_without_arguments_is_in_brackets() {
        let comm = Comm::new(b"kthreadd");
        assert_eq!(written(Value::Command(b"", comm), 80), "[kthreadd]");
        assert_eq!(written(Value::Command(b"\0\0", comm), 80), "[kthreadd]");
        assert_eq!(
            written(Value::Command(b"sh\0-c\0a\nb\0", comm), 80),
            "sh -c a b"
        );
    }

    #[test]
    fn zombie_is_defunct() {
        let host = Host::at(0, false);
        let writer = writer(&host);
        let mut row = plain(7, b"sh");
        row.base.get_or_insert_default().state = State::Zombie;
        let comm = Comm::new(b"sh");
        let write = |value| writer.write(Some(value), &row, "", 80);
        assert_eq!(write(Value::Comm(comm)), "sh");
        assert_eq!(write(Value::Command(b"", comm)), "[sh] <defunct>");
    }

    #[test]
    fn unprintable_characters_become_question_marks() {
        let bytes = "a\tb\u{1b}\u{f6}".as_bytes();
        let bytes = [bytes, b"\xff"].concat();
        let host = Host::at(0, false);
        let shown = |unicode| {
            let host = &host;
            CellWriter { host, unicode }.printable(&bytes, 80)
        };
        assert_eq!(shown(true), "a?b?\u{f6}?");
        assert_eq!(shown(false), "a?b????");
    }

    #[test]
    fn wide_characters_count_as_two_columns() {
        let host = Host::at(0, false);
        let writer = writer(&host);
        assert_eq!(writer.printable("日本".as_bytes(), 3), "日");
    }

    #[test]
    fn numbers_and_times_have_the_format_of_ps() {
        assert_eq!(written(Value::Tenths(999), 4), "99.9");
        assert_eq!(written(Value::Tenths(1000), 4), "100");
        assert_eq!(written(Value::Share(7), 4), " 0.7");
        assert_eq!(written(Value::BsdTime(5), 6), "  0:05");
        assert_eq!(written(Value::Started(0, Started::Clock), 8), "  Jan 01");
        assert_eq!(written(Value::Terminal(0), 8), "?");
        assert_eq!(written(Value::Cgroup(b"/a"), 27), "0::/a");
    }

    #[test]
    fn tree_branch_uses_up_the_width() {
        let host = Host::at(0, false);
        let writer = writer(&host);
        let comm = Value::Comm(Comm::new(b"name"));
        let row = plain(7, b"sh");
        assert_eq!(writer.write(Some(comm), &row, " \\_ ", 6), " \\_ na");
        assert_eq!(writer.write(None, &row, " \\_ ", 6), "-");
    }
}
