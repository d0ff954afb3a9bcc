// SPDX-License-Identifier: MIT
//! Values of cells, and their text in each output format.
//!
//! The kind of value of a column does not depend on the row, so that readers of CSV
//! and JSON can rely on the type.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};
use taskdiag::{CapSet, Cmdline, Comm, Environ, NsPid, NumberSet, State, VmaFlags};

use crate::clock::{self, Started};
use crate::escape::{Arguments, Escaped};
use crate::host::Host;

/// A value of a column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Number(u64),
    Signed(i64),
    /// A percentage, in tenths.
    Tenths(u64),
    /// A percentage of the resources of the host, in tenths.
    Share(u64),
    /// A percentage, in thousandths.
    Thousandths(u64),
    /// A bit set, shown in hexadecimal digits in tables.
    Bits(u64),
    /// An address, shown in hexadecimal digits.
    Address(u64),
    Flag(bool),
    State(State),
    /// The letters of the column `stat` of ps.
    StatLetters(StatLetters),
    Comm(Comm),
    User(u32),
    Group(u32),
    Caps(CapSet),
    /// A fixed word, such as the name of a scheduling class.
    Word(&'static str),
    /// Seconds, as [`clock::cpu_time`] formats them.
    CpuTime(u64),
    /// Seconds, as [`clock::bsd_time`] formats them.
    BsdTime(u64),
    /// Seconds, as [`clock::elapsed`] formats them.
    Elapsed(u64),
    /// Start time in nanoseconds since boot, and its format.
    Started(u64, Started),
    /// Device number of a terminal; 0 without a terminal.
    Terminal(u32),
    /// A path, or other bytes that users control.
    Bytes(&'a [u8]),
    /// A path in the default hierarchy, shown like the line of `/proc/PID/cgroup`.
    Cgroup(&'a [u8]),
    /// The arguments, and the name, which is shown if there are no arguments.
    Command(&'a [u8], Comm),
    /// Like a command; in JSON the list of arguments, which may be empty.
    Arguments(&'a [u8], Comm),
    /// The environment; in JSON the list of variables.
    Environ(&'a [u8]),
    /// Major and minor number of a device.
    Device(u32, u32),
    VmaFlags(VmaFlags),
    /// Numbers of CPUs or memory nodes, as a list of ranges; in JSON an array.
    Numbers(&'a NumberSet<'static>),
    /// A pid in each pid namespace, separated by commas; in JSON an array.
    Levels(&'a [NsPid], fn(&NsPid) -> u32),
}

/// Letters of the column `stat`, padded with NULs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StatLetters([u8; 8]);

impl FromIterator<char> for StatLetters {
    fn from_iter<T: IntoIterator<Item = char>>(letters: T) -> Self {
        let mut all = Self::default();
        for (to, letter) in all.0.iter_mut().zip(letters) {
            *to = letter.try_into().unwrap_or(b'?');
        }
        all
    }
}

impl fmt::Display for StatLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = self.0.iter().take_while(|&&letter| letter != 0);
        letters
            .into_iter()
            .try_for_each(|&letter| f.write_char(letter.into()))
    }
}

impl Value<'_> {
    /// Returns the order of `--sort`: numbers are compared numerically, and names
    /// alphabetically.
    pub(crate) fn compare(&self, other: &Self, host: &Host) -> Ordering {
        let names = &host.names;
        match (*self, *other) {
            (Self::Number(a), Self::Number(b))
            | (Self::Tenths(a), Self::Tenths(b))
            | (Self::Share(a), Self::Share(b))
            | (Self::Thousandths(a), Self::Thousandths(b))
            | (Self::Bits(a), Self::Bits(b))
            | (Self::Address(a), Self::Address(b))
            | (Self::CpuTime(a), Self::CpuTime(b))
            | (Self::BsdTime(a), Self::BsdTime(b))
            | (Self::Elapsed(a), Self::Elapsed(b))
            | (Self::Started(a, _), Self::Started(b, _)) => a.cmp(&b),
            (Self::Signed(a), Self::Signed(b)) => a.cmp(&b),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(&b),
            (Self::State(a), Self::State(b)) => a.letter().cmp(&b.letter()),
            (Self::StatLetters(a), Self::StatLetters(b)) => a.cmp(&b),
            (Self::Comm(a), Self::Comm(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Caps(a), Self::Caps(b)) => a.0.cmp(&b.0),
            (Self::Word(a), Self::Word(b)) => a.cmp(b),
            (Self::Terminal(a), Self::Terminal(b)) => a.cmp(&b),
            (Self::Bytes(a), Self::Bytes(b))
            | (Self::Cgroup(a), Self::Cgroup(b))
            | (Self::Environ(a), Self::Environ(b)) => a.cmp(b),
            (Self::Command(a, a_name), Self::Command(b, b_name))
            | (Self::Arguments(a, a_name), Self::Arguments(b, b_name)) => {
                (a, a_name.as_bytes()).cmp(&(b, b_name.as_bytes()))
            }
            (Self::Device(a, a_minor), Self::Device(b, b_minor)) => (a, a_minor).cmp(&(b, b_minor)),
            (Self::Numbers(a), Self::Numbers(b)) => a.iter().cmp(b.iter()),
            (Self::Levels(a, pid), Self::Levels(b, _)) => a.iter().map(pid).cmp(b.iter().map(pid)),
            (Self::VmaFlags(a), Self::VmaFlags(b)) => a.bits().cmp(&b.bits()),
            (Self::User(a), Self::User(b)) | (Self::Group(a), Self::Group(b))
                if names.is_numeric() =>
            {
                a.cmp(&b)
            }
            (Self::User(a), Self::User(b)) => names.user(a).cmp(&names.user(b)),
            (Self::Group(a), Self::Group(b)) => names.group(a).cmp(&names.group(b)),
            // Values of one column have the same kind, so this is not reached.
            _ => Ordering::Equal,
        }
    }
}

/// A value to format; `None` if the kernel did not report it.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub(crate) value: Option<Value<'a>>,
    pub(crate) host: &'a Host,
}

impl Cell<'_> {
    /// Returns the text in a table.
    pub(crate) fn to_table(self) -> String {
        let numeric = self.host.names.is_numeric();
        match self.value {
            None => "-".to_owned(),
            Some(Value::Caps(set)) if set.is_empty() && !numeric => "-".to_owned(),
            Some(Value::Caps(set)) if !numeric => set.to_string(),
            Some(Value::Bytes(b"") | Value::Environ(b"")) => "-".to_owned(),
            Some(Value::Bits(bits)) => format!("{bits:#x}"),
            Some(Value::Flag(flag)) => (if flag { "yes" } else { "no" }).to_owned(),
            Some(value) => {
                let mut text = String::new();
                self.push_plain(value, &mut text);
                text
            }
        }
    }

    /// Appends the text in CSV, which is empty for a missing value.
    pub(crate) fn push_csv(self, text: &mut String) {
        match self.value {
            None => {}
            Some(Value::Caps(set)) if !self.host.names.is_numeric() => {
                for (index, capability) in set.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    push(text, format_args!("{comma}{capability}"));
                }
            }
            Some(Value::Terminal(_)) if self.terminal().is_none() => {}
            Some(value) => self.push_plain(value, text),
        }
    }

    /// Returns the name of the terminal, if the value is a terminal with a name.
    fn terminal(&self) -> Option<std::sync::Arc<str>> {
        match self.value {
            Some(Value::Terminal(device)) => self.host.terminals.name(device),
            _ => None,
        }
    }

    /// Appends the text that tables and CSV have in common.
    fn push_plain(self, value: Value<'_>, text: &mut String) {
        let host = self.host;
        match value {
            Value::Number(number) | Value::Bits(number) => push_number(text, number),
            Value::Signed(number) => push(text, format_args!("{number}")),
            Value::Tenths(tenths) | Value::Share(tenths) => {
                push(text, format_args!("{}.{}", tenths / 10, tenths % 10));
            }
            Value::Thousandths(part) => {
                push(text, format_args!("{}.{:03}", part / 1000, part % 1000));
            }
            Value::Address(address) => push(text, format_args!("{address:08x}")),
            Value::Flag(flag) => push(text, format_args!("{flag}")),
            Value::State(state) => text.push(state.letter()),
            Value::StatLetters(letters) => push(text, format_args!("{letters}")),
            Value::Comm(comm) => push(text, format_args!("{comm}")),
            Value::User(uid) => text.push_str(&host.names.user(uid)),
            Value::Group(gid) => text.push_str(&host.names.group(gid)),
            Value::Caps(set) => push(text, format_args!("{}", HexCaps(set))),
            Value::Word(word) => text.push_str(word),
            Value::CpuTime(seconds) => text.push_str(&clock::cpu_time(seconds)),
            Value::BsdTime(seconds) => text.push_str(clock::bsd_time(seconds).trim_start()),
            Value::Elapsed(seconds) => text.push_str(&clock::elapsed(seconds)),
            Value::Started(start, how) => {
                text.push_str(host.clock.started(start, how).trim_start());
            }
            Value::Terminal(_) => text.push_str(self.terminal().as_deref().unwrap_or("?")),
            Value::Bytes(bytes) => push(text, format_args!("{}", Escaped(bytes))),
            Value::Cgroup(path) => push(text, format_args!("0::{}", Escaped(path))),
            Value::Environ(environ) => push(text, format_args!("{}", Arguments(environ))),
            Value::Command(arguments, comm) | Value::Arguments(arguments, comm) => {
                match Arguments(arguments) {
                    arguments if arguments.are_empty() => push(text, format_args!("[{comm}]")),
                    arguments => push(text, format_args!("{arguments}")),
                }
            }
            Value::Device(major, minor) => push(text, format_args!("{major:02x}:{minor:02x}")),
            Value::Numbers(numbers) => push(text, format_args!("{numbers}")),
            Value::Levels(levels, pid) => {
                for (index, level) in levels.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    push(text, format_args!("{comma}{}", pid(level)));
                }
            }
            Value::VmaFlags(flags) => {
                for (index, word) in flags.mnemonics().enumerate() {
                    let blank = if index > 0 { " " } else { "" };
                    push(text, format_args!("{blank}{word}"));
                }
            }
        }
    }
}

pub(crate) fn push_number(text: &mut String, number: u64) {
    text.push_str(itoa::Buffer::new().format(number));
}

fn push(text: &mut String, arguments: fmt::Arguments<'_>) {
    // Ignore the result: writing to a String does not fail.
    let _ = text.write_fmt(arguments);
}

/// A capability set in the format of `/proc/PID/status`. JSON uses this string as
/// well, because many JSON readers do not support integers of 64 bits.
struct HexCaps(CapSet);

impl fmt::Display for HexCaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0.0)
    }
}

/// A capability set as a list of names.
struct CapNames(CapSet);

impl Serialize for CapNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(AsString))
    }
}

/// Bytes that need not be UTF-8: a string if they are, and otherwise an array of
/// numbers, one per byte.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_seq(self.0),
        }
    }
}

/// Serializes a displayable value as a string.
struct AsString<T>(T);

impl<T: fmt::Display> Serialize for AsString<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Serializes for JSON: numbers as numbers, sets and arguments as arrays, names and
/// paths unescaped, and other values as the text in CSV.
impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(value) = self.value else {
            return serializer.serialize_none();
        };
        let numeric = self.host.names.is_numeric();
        match value {
            Value::Number(number) | Value::Bits(number) => serializer.serialize_u64(number),
            Value::Signed(number) => serializer.serialize_i64(number),
            #[expect(clippy::cast_precision_loss, reason = "a percentage is small")]
            Value::Tenths(tenths) | Value::Share(tenths) => {
                serializer.serialize_f64(tenths as f64 / 10.0)
            }
            #[expect(clippy::cast_precision_loss, reason = "a percentage is small")]
            Value::Thousandths(part) => serializer.serialize_f64(part as f64 / 1000.0),
            Value::User(id) | Value::Group(id) if numeric => serializer.serialize_u32(id),
            Value::Flag(flag) => serializer.serialize_bool(flag),
            Value::State(state) => serializer.serialize_char(state.letter()),
            Value::Comm(comm) => Bytes(comm.as_bytes()).serialize(serializer),
            Value::User(uid) => serializer.serialize_str(&self.host.names.user_unescaped(uid)),
            Value::Group(gid) => serializer.serialize_str(&self.host.names.group_unescaped(gid)),
            Value::Bytes(bytes) => Bytes(bytes).serialize(serializer),
            Value::Cgroup(path) => Bytes(&[b"0::", path].concat()).serialize(serializer),
            Value::Command(arguments, comm) => {
                let command = match Arguments(arguments) {
                    arguments if arguments.are_empty() => [b"[", comm.as_bytes(), b"]"].concat(),
                    arguments => arguments.joined(),
                };
                Bytes(&command).serialize(serializer)
            }
            Value::Arguments(arguments, _) => {
                let arguments = Cmdline::from(arguments);
                serializer.collect_seq(arguments.args().map(Bytes))
            }
            Value::Environ(environ) => {
                let environ = Environ::from(environ);
                serializer.collect_seq(environ.vars().map(Bytes))
            }
            Value::Caps(set) if numeric => serializer.collect_str(&HexCaps(set)),
            Value::Caps(set) => CapNames(set).serialize(serializer),
            Value::VmaFlags(flags) => serializer.collect_seq(flags.mnemonics()),
            Value::Numbers(numbers) => serializer.collect_seq(numbers.iter()),
            Value::Levels(levels, pid) => serializer.collect_seq(levels.iter().map(pid)),
            Value::Terminal(_) if self.terminal().is_none() => serializer.serialize_none(),
            value => {
                let mut text = String::new();
                self.push_plain(value, &mut text);
                serializer.serialize_str(&text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::samples::NOBODY;

    /// Returns the text in a table, in CSV and in JSON.
    fn shown(value: Option<Value<'_>>, numeric: bool) -> [String; 3] {
        let host = Host::at(36 * 3600, numeric);
        let cell = Cell { value, host: &host };
        let mut csv = String::new();
        cell.push_csv(&mut csv);
        [
            cell.to_table(),
            csv,
            serde_json::to_string(&cell).expect("cells are plain values"),
        ]
    }

    #[test]
    fn each_value_has_a_table_a_csv_and_a_json_form() {
        let caps = |bits| Some(Value::Caps(CapSet(bits)));
        for (value, expected) in [
            (None, ["-", "", "null"]),
            (Some(Value::Number(7)), ["7", "7", "7"]),
            (Some(Value::Signed(-20)), ["-20", "-20", "-20"]),
            (Some(Value::Tenths(15)), ["1.5", "1.5", "1.5"]),
            (Some(Value::Thousandths(1005)), ["1.005", "1.005", "1.005"]),
            (Some(Value::Bits(0x2f)), ["0x2f", "47", "47"]),
            (
                Some(Value::Address(0x1000)),
                ["00001000", "00001000", "\"00001000\""],
            ),
            (Some(Value::Word("TS")), ["TS", "TS", "\"TS\""]),
            (
                Some(Value::StatLetters("Ss+".chars().collect())),
                ["Ss+", "Ss+", "\"Ss+\""],
            ),
            (
                Some(Value::CpuTime(61)),
                ["00:01:01", "00:01:01", "\"00:01:01\""],
            ),
            (Some(Value::BsdTime(61)), ["1:01", "1:01", "\"1:01\""]),
            (Some(Value::Elapsed(61)), ["01:01", "01:01", "\"01:01\""]),
            (
                Some(Value::Started(126_000_000_000_000, Started::Short)),
                ["11:00", "11:00", "\"11:00\""],
            ),
            (Some(Value::Terminal(0)), ["?", "", "null"]),
            (Some(Value::Bytes(b"/a\n")), ["/a\\n", "/a\\n", r#""/a\n""#]),
            (Some(Value::Bytes(b"")), ["-", "", "\"\""]),
            (Some(Value::Cgroup(b"/a")), ["0::/a", "0::/a", "\"0::/a\""]),
            (
                Some(Value::Command(b"sh\0-c\0", Comm::new(b"sh"))),
                ["sh -c", "sh -c", "\"sh -c\""],
            ),
            (
                Some(Value::Command(b"", Comm::new(b"kthreadd"))),
                ["[kthreadd]", "[kthreadd]", "\"[kthreadd]\""],
            ),
            (
                Some(Value::Command(b"\0", Comm::new(b"empty"))),
                ["[empty]", "[empty]", "\"[empty]\""],
            ),
            (
                Some(Value::Command(b"a\nb\0\\\0", Comm::new(b"sh"))),
                [r"a\nb \\", r"a\nb \\", r#""a\nb \\""#],
            ),
            (
                Some(Value::Arguments(b"x\0\0\0y z\0\0", Comm::new(b"x"))),
                ["x   y z", "x   y z", r#"["x","","","y z",""]"#],
            ),
            (
                Some(Value::Arguments(b"\xff\xfe\0\\xff\0", Comm::new(b"x"))),
                [
                    r"\xff\xfe \\xff",
                    r"\xff\xfe \\xff",
                    r#"[[255,254],"\\xff"]"#,
                ],
            ),
            (
                Some(Value::Arguments(b"\0", Comm::new(b"empty"))),
                ["[empty]", "[empty]", r#"[""]"#],
            ),
            (
                Some(Value::Arguments(b"", Comm::new(b"kthreadd"))),
                ["[kthreadd]", "[kthreadd]", "[]"],
            ),
            (
                Some(Value::Cgroup(br"/app\x2dx.slice")),
                [
                    r"0::/app\\x2dx.slice",
                    r"0::/app\\x2dx.slice",
                    r#""0::/app\\x2dx.slice""#,
                ],
            ),
            (
                Some(Value::Bytes(b"/\xff")),
                [r"/\xff", r"/\xff", "[47,255]"],
            ),
            (
                Some(Value::Device(0xfd, 1)),
                ["fd:01", "fd:01", "\"fd:01\""],
            ),
            (
                Some(Value::VmaFlags(VmaFlags::READ | VmaFlags::EXEC)),
                ["rd ex", "rd ex", r#"["rd","ex"]"#],
            ),
            (
                Some(Value::Numbers(&[0, 1, 2, 5].into_iter().collect())),
                ["0-2,5", "0-2,5", "[0,1,2,5]"],
            ),
            (
                Some(Value::Levels(&[NsPid::default(); 2], |nspid| nspid.pid)),
                ["0,0", "0,0", "[0,0]"],
            ),
            (Some(Value::Flag(true)), ["yes", "true", "true"]),
            (Some(Value::Flag(false)), ["no", "false", "false"]),
            (Some(Value::State(State::Zombie)), ["Z", "Z", "\"Z\""]),
            (Some(Value::User(0)), ["root", "root", "\"root\""]),
            (Some(Value::Group(0)), ["root", "root", "\"root\""]),
            (caps(0), ["-", "", "[]"]),
            (
                caps(0b11),
                [
                    "cap_chown,cap_dac_override",
                    "cap_chown,cap_dac_override",
                    r#"["cap_chown","cap_dac_override"]"#,
                ],
            ),
        ] {
            assert_eq!(shown(value, false), expected, "{value:?}");
        }
    }

    #[test]
    fn full_capability_set_is_all_in_a_table_and_a_list_elsewhere() {
        let [table, csv, json] = shown(Some(Value::Caps(CapSet::ALL)), false);
        assert_eq!(table, "all");
        assert_eq!(csv.split(',').count(), 41);
        let names: Vec<String> = serde_json::from_str(&json).expect("a list of names");
        assert_eq!(csv, names.join(","));
    }

    #[test]
    fn numeric_shows_ids_and_bits() {
        for (value, expected) in [
            (Value::User(0), ["0", "0", "0"]),
            (
                Value::Group(NOBODY),
                ["4000000007", "4000000007", "4000000007"],
            ),
            (
                Value::Caps(CapSet::ALL),
                [
                    "000001ffffffffff",
                    "000001ffffffffff",
                    "\"000001ffffffffff\"",
                ],
            ),
            (
                Value::Caps(CapSet(0)),
                [
                    "0000000000000000",
                    "0000000000000000",
                    "\"0000000000000000\"",
                ],
            ),
        ] {
            assert_eq!(shown(Some(value), true), expected, "{value:?}");
        }
    }

    #[test]
    fn user_without_a_name_is_a_string() {
        let digits = NOBODY.to_string();
        let json = format!("\"{digits}\"");
        let expected = [digits.as_str(), digits.as_str(), json.as_str()];
        assert_eq!(shown(Some(Value::User(NOBODY)), false), expected);
    }

    #[test]
    fn different_bytes_have_different_text() {
        for (bytes, expected) in [
            (&b"bash"[..], "bash"),
            (b"a b", "a b"),
            ("größe".as_bytes(), "größe"),
            (b"(a) 'b' \"c\"", "(a) 'b' \"c\""),
            (b"a\nb\tc\x1b[1m", r"a\nb\tc\u{1b}[1m"),
            (b"\xff\xfe", r"\xff\xfe"),
            (br"\xff", r"\\xff"),
            (b"", ""),
        ] {
            let [table, csv, json] = shown(Some(Value::Comm(Comm::new(bytes))), false);
            assert_eq!(table, expected);
            assert_eq!(csv, expected);
            let back = match serde_json::from_str(&json).expect("JSON") {
                serde_json::Value::String(text) => text.into_bytes(),
                array => serde_json::from_value(array).expect("an array of bytes"),
            };
            assert_eq!(back, bytes);
        }
    }

    #[test]
    fn values_compare_as_they_are_shown() {
        let compare = |a: Value<'_>, b: Value<'_>, numeric| a.compare(&b, &Host::at(0, numeric));
        assert_eq!(
            compare(Value::Number(9), Value::Number(10), false),
            Ordering::Less
        );
        // "root" sorts after "4000000007" alphabetically, and before it numerically.
        let (root, nobody) = (Value::User(0), Value::User(NOBODY));
        assert_eq!(compare(root, nobody, false), Ordering::Greater);
        assert_eq!(compare(root, nobody, true), Ordering::Less);
        let (root, nobody) = (Value::Group(0), Value::Group(NOBODY));
        assert_eq!(compare(root, nobody, false), Ordering::Greater);
        let comm = |name: &[u8]| Value::Comm(Comm::new(name));
        assert_eq!(compare(comm(b"a"), comm(b"\xff"), false), Ordering::Less);
    }
}
