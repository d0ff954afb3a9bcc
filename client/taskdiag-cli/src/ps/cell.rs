// SPDX-License-Identifier: MIT
//! Formats cells as `ps` does. Values whose format does not differ are formatted by
//! [`crate::value`].

use std::env;

use taskdiag::escape::is_visible;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::proc_files::{self, FieldValue, ProcField, TaskFiles};
use super::specs::Source;
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
    /// `e`: whether the environment is printed after the command.
    pub(super) environment: bool,
    /// Whether `/proc` has the files of the tasks: not those of another pid namespace.
    pub(super) reads_files: bool,
    /// Whether sets of signals have 16 digits.
    pub(super) wide_signals: bool,
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
    /// Appends a cell, truncated to the available width. Numbers are not truncated.
    pub(super) fn push(
        &self,
        line: &mut String,
        source: Source,
        row: &TaskRow,
        branch: &str,
        available: usize,
    ) {
        let value = match source {
            Source::Groups(column) => column.value(row, self.host),
            Source::ShortTerminal(column) => {
                let name = self.write(column.value(row, self.host), row, "", available);
                let short = ["pts/", "tty"]
                    .iter()
                    .find_map(|start| name.strip_prefix(start));
                return line.push_str(short.unwrap_or(&name));
            }
            Source::File(field) => {
                let text = self.read(row, field);
                return line.push_str(&self.field(text, available));
            }
            Source::Dash => return line.push('-'),
            Source::Literal => return,
        };
        match value {
            // Fast path: most cells are numbers.
            Some(Value::Number(number)) => push_number(line, number),
            value => line.push_str(&self.write(value, row, branch, available)),
        }
    }

    /// Returns a field of the task of a row.
    pub(super) fn read(&self, row: &TaskRow, field: ProcField) -> Option<FieldValue> {
        TaskFiles::field_of_row(row, field, self.reads_files)
    }

    /// Returns the text of a field from a file, or a dash for a missing one.
    fn field(&self, value: Option<FieldValue>, available: usize) -> String {
        match value {
            None => "-".to_owned(),
            Some(FieldValue::Number(number)) => number.to_string(),
            Some(FieldValue::Signed(number)) => number.to_string(),
            Some(FieldValue::Address(address)) => {
                format!("{address:0digits$x}", digits = 2 * size_of::<usize>())
            }
            Some(FieldValue::Signals(set)) => self.signals(&set),
            Some(FieldValue::Text(text)) => self.printable(&text, available),
        }
    }

    /// Returns a set of signals in 16 digits, or in 8 digits if the others are zeros. If
    /// they are not, a sign marks them as missing.
    fn signals(&self, set: &[u8]) -> String {
        let digits = format!("{:0>16}", String::from_utf8_lossy(set));
        let (high, low) = digits.split_at(digits.len() - 8);
        match () {
            () if self.wide_signals => digits,
            () if high.bytes().all(|digit| digit == b'0') => low.to_owned(),
            () => format!("<{low}"),
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
            Some(Value::Comm(comm)) => {
                let name = proc_files::full_name(row, comm.as_bytes(), self.reads_files);
                self.command(branch, &name, row, available)
            }
            Some(Value::Command(arguments, comm)) => {
                let name = if trim_nuls(arguments).is_empty() {
                    proc_files::full_name(row, comm.as_bytes(), self.reads_files)
                } else {
                    Vec::new()
                };
                let line = command_line(arguments, &name, row.is_zombie());
                self.command(branch, &line, row, available)
            }
            Some(Value::User(uid)) => self.id_name(&host.names.user(uid), uid, available),
            Some(Value::Group(gid)) => self.id_name(&host.names.group(gid), gid, available),
            // Padded like ps: the blank remains if earlier cells were too wide.
            Some(Value::Share(tenths)) => format!("{:2}.{}", tenths / 10, tenths % 10),
            Some(Value::Tenths(tenths)) if tenths > 999 => (tenths / 10).to_string(),
            Some(Value::BsdTime(seconds)) => clock::bsd_time(seconds),
            Some(Value::Started(start, style)) => host.clock.started(start, style),
            Some(Value::Bytes(bytes)) => self.printable(bytes, available),
            value => Cell { value, host }.to_table(),
        }
    }

    /// Returns a name or command line behind the branch of its tree, and before the
    /// environment if that is requested.
    fn command(&self, branch: &str, name: &[u8], row: &TaskRow, available: usize) -> String {
        // Branches consist of equal parts, one for each level, which are not cut.
        let level = if branch.trim_start().is_empty() { 2 } else { 4 };
        let whole = available / level * level;
        let mut text: String = branch.chars().take(whole).collect();
        let mut left = available - text.len();
        let shown = self.printable(name, left);
        left -= shown.width().min(left);
        text.push_str(&shown);
        let environ = trim_nuls(row.environ.as_deref().unwrap_or_default());
        if self.environment && !environ.is_empty() && left > 1 {
            text.push(' ');
            text.push_str(&self.printable(&words(environ), left - 1));
        }
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
    // Joiners are part of words and of emoji. Separators of lines and controls of the
    // text direction would change the terminal.
    let is_joiner = matches!(c, '\u{200c}' | '\u{200d}' | '\u{e0020}'..='\u{e007f}');
    let is_visible = || is_joiner || is_visible(c);
    matches!(c, ' '..='~') || (unicode && !c.is_ascii() && c.width().is_some() && is_visible())
}

/// Returns NUL-terminated bytes with blanks instead of NULs and newlines.
fn words(bytes: &[u8]) -> Vec<u8> {
    let blank = |&byte: &u8| match byte {
        0 | b'\n' => b' ',
        byte => byte,
    };
    bytes.iter().map(blank).collect()
}

/// Returns the arguments separated by blanks, or the name in brackets for a task
/// without arguments.
fn command_line(arguments: &[u8], comm: &[u8], zombie: bool) -> Vec<u8> {
    let arguments = trim_nuls(arguments);
    if !arguments.is_empty() {
        return words(arguments);
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
            environment: false,
            reads_files: true,
            wide_signals: false,
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
            let writer = CellWriter {
                unicode,
                ..writer(host)
            };
            writer.printable(&bytes, 80)
        };
        assert_eq!(shown(true), "a?b?\u{f6}?");
        assert_eq!(shown(false), "a?b????");
        // A separator of lines, a control of the text direction, and a joined emoji.
        let bytes = "a\u{2028}\u{202e}\u{1f469}\u{200d}\u{1f469}";
        let shown = writer(&host).printable(bytes.as_bytes(), 80);
        assert_eq!(shown, "a??\u{1f469}\u{200d}\u{1f469}");
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

    #[test]
    fn branches_are_cut_by_whole_levels() {
        let host = Host::at(0, false);
        let writer = writer(&host);
        let row = plain(7, b"sh");
        let branch = "     \\_ ";
        assert_eq!(writer.command(branch, b"name", &row, 10), "     \\_ na");
        assert_eq!(writer.command(branch, b"name", &row, 6), "    na");
        assert_eq!(writer.command(branch, b"name", &row, 3), "nam");
    }

    #[test]
    fn signals_have_16_digits_or_8() {
        let host = Host::at(0, false);
        let narrow = writer(&host);
        let wide = CellWriter {
            wide_signals: true,
            ..writer(&host)
        };
        assert_eq!(narrow.signals(b"0000000000010006"), "00010006");
        assert_eq!(narrow.signals(b"fffffffe00010006"), "<00010006");
        assert_eq!(wide.signals(b"0000000000010006"), "0000000000010006");
    }

    #[test]
    fn missing_field_is_a_dash() {
        let host = Host::at(0, false);
        let writer = writer(&host);
        assert_eq!(writer.field(None, 5), "-");
        assert_eq!(writer.field(Some(FieldValue::Number(123_456)), 5), "123456");
        assert_eq!(
            writer.field(Some(FieldValue::Text(b"/bin/sh".into())), 4),
            "/bin"
        );
        let address = writer.field(Some(FieldValue::Address(0x1f)), 5);
        assert_eq!(address.trim_start_matches('0'), "1f");
    }
}
