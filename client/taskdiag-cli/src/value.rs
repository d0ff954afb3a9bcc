// SPDX-License-Identifier: MIT
//! One cell: its value, and how that reads to a person and to a program.
//!
//! What kind of value a column has never depends on the row, so that whoever
//! reads CSV or JSON can rely on its type.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};
use taskdiag::{CapSet, Comm, State};

use crate::names::Names;

/// What a column says about a task.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Number(u32),
    /// A set of bits without names.
    Bits(u32),
    Flag(bool),
    State(State),
    Comm(Comm),
    User(u32),
    Group(u32),
    Caps(CapSet),
}

impl Value {
    /// The order of `--sort`: that of what is shown, not of what is behind it.
    pub(crate) fn compare(&self, other: &Self, names: &Names) -> Ordering {
        match (*self, *other) {
            (Self::Number(a), Self::Number(b)) | (Self::Bits(a), Self::Bits(b)) => a.cmp(&b),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(&b),
            (Self::State(a), Self::State(b)) => a.letter().cmp(&b.letter()),
            (Self::Comm(a), Self::Comm(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Caps(a), Self::Caps(b)) => a.0.cmp(&b.0),
            (Self::User(a), Self::User(b)) | (Self::Group(a), Self::Group(b)) if names.numeric => {
                a.cmp(&b)
            }
            (Self::User(a), Self::User(b)) => names.user(a).cmp(&names.user(b)),
            (Self::Group(a), Self::Group(b)) => names.group(a).cmp(&names.group(b)),
            // A column has one kind of value, so these two are of different
            // columns and have no order.
            _ => Ordering::Equal,
        }
    }
}

/// A value on its way out; `None` where the kernel did not tell.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub(crate) value: Option<Value>,
    pub(crate) names: &'a Names,
}

impl Cell<'_> {
    /// For the eye: short, and never empty.
    pub(crate) fn to_table(self) -> String {
        match self.value {
            None => "-".to_owned(),
            Some(Value::Caps(set)) if set.is_empty() && !self.names.numeric => "-".to_owned(),
            Some(Value::Caps(set)) if !self.names.numeric => set.to_string(),
            Some(Value::Bits(bits)) => format!("{bits:#x}"),
            Some(Value::Flag(flag)) => (if flag { "yes" } else { "no" }).to_owned(),
            Some(value) => {
                let mut text = String::new();
                self.push_plain(value, &mut text);
                text
            }
        }
    }

    /// For a program: appends to `text`, nothing where there is nothing.
    pub(crate) fn push_csv(self, text: &mut String) {
        match self.value {
            None => {}
            Some(Value::Caps(set)) if !self.names.numeric => {
                for (index, capability) in set.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    push(text, format_args!("{comma}{capability}"));
                }
            }
            Some(Value::Bits(bits)) => push(text, format_args!("{bits}")),
            Some(Value::Flag(flag)) => push(text, format_args!("{flag}")),
            Some(value) => self.push_plain(value, text),
        }
    }

    /// What reads the same to both.
    fn push_plain(self, value: Value, text: &mut String) {
        match value {
            Value::Number(number) | Value::Bits(number) => push(text, format_args!("{number}")),
            Value::Flag(flag) => push(text, format_args!("{flag}")),
            Value::State(state) => text.push(state.letter()),
            Value::Comm(comm) => push(text, format_args!("{comm}")),
            Value::User(uid) => text.push_str(&self.names.user(uid)),
            Value::Group(gid) => text.push_str(&self.names.group(gid)),
            Value::Caps(set) => push(text, format_args!("{}", Hexadecimal(set))),
        }
    }
}

fn push(text: &mut String, arguments: fmt::Arguments<'_>) {
    // A String takes whatever is written to it.
    let _ = text.write_fmt(arguments);
}

/// A capability set as `/proc/PID/status` has it. In JSON it is a string too:
/// 64 bits do not fit the numbers of many a reader.
struct Hexadecimal(CapSet);

impl fmt::Display for Hexadecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0.0)
    }
}

/// A capability set as a list of names.
struct List(CapSet);

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Text))
    }
}

/// Anything that can be shown, as a string.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// For a program, typed.
impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(value) = self.value else {
            return serializer.serialize_none();
        };
        match value {
            Value::Number(number) | Value::Bits(number) => serializer.serialize_u32(number),
            Value::User(id) | Value::Group(id) if self.names.numeric => {
                serializer.serialize_u32(id)
            }
            Value::Flag(flag) => serializer.serialize_bool(flag),
            Value::State(state) => serializer.serialize_char(state.letter()),
            Value::Comm(comm) => serializer.collect_str(&comm),
            Value::User(uid) => serializer.serialize_str(&self.names.user(uid)),
            Value::Group(gid) => serializer.serialize_str(&self.names.group(gid)),
            Value::Caps(set) if self.names.numeric => serializer.collect_str(&Hexadecimal(set)),
            Value::Caps(set) => List(set).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::samples::NOBODY;

    /// In a table, in CSV, in JSON.
    fn shown(value: Option<Value>, numeric: bool) -> [String; 3] {
        let names = Names::new(numeric);
        let cell = Cell {
            value,
            names: &names,
        };
        let mut csv = String::new();
        cell.push_csv(&mut csv);
        [
            cell.to_table(),
            csv,
            serde_json::to_string(&cell).expect("cells are plain values"),
        ]
    }

    #[test]
    fn each_kind_reads_well_to_each_reader() {
        let caps = |bits| Some(Value::Caps(CapSet(bits)));
        for (value, expected) in [
            (None, ["-", "", "null"]),
            (Some(Value::Number(7)), ["7", "7", "7"]),
            (Some(Value::Bits(0x2f)), ["0x2f", "47", "47"]),
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
    fn a_full_set_is_one_word_in_a_table_and_listed_for_programs() {
        let [table, csv, json] = shown(Some(Value::Caps(CapSet::ALL)), false);
        assert_eq!(table, "all");
        assert_eq!(csv.split(',').count(), 41);
        let names: Vec<String> = serde_json::from_str(&json).expect("a list of names");
        assert_eq!(csv, names.join(","));
    }

    #[test]
    fn numeric_leaves_numbers() {
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
    fn a_user_without_a_name_is_a_string_all_the_same() {
        let digits = NOBODY.to_string();
        let json = format!("\"{digits}\"");
        let expected = [digits.as_str(), digits.as_str(), json.as_str()];
        assert_eq!(shown(Some(Value::User(NOBODY)), false), expected);
    }

    #[test]
    fn names_of_any_bytes_are_text_and_stay_apart() {
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
            let back: String = serde_json::from_str(&json).expect("a string");
            assert_eq!(back, expected);
        }
    }

    #[test]
    fn order_is_that_of_what_is_shown() {
        let compare = |a: Value, b: Value, numeric| a.compare(&b, &Names::new(numeric));
        assert_eq!(
            compare(Value::Number(9), Value::Number(10), false),
            Ordering::Less
        );
        // "root" comes after "4000000007" as a word, and before it as a number.
        let (root, nobody) = (Value::User(0), Value::User(NOBODY));
        assert_eq!(compare(root, nobody, false), Ordering::Greater);
        assert_eq!(compare(root, nobody, true), Ordering::Less);
        let (root, nobody) = (Value::Group(0), Value::Group(NOBODY));
        assert_eq!(compare(root, nobody, false), Ordering::Greater);
        let comm = |name: &[u8]| Value::Comm(Comm::new(name));
        assert_eq!(compare(comm(b"a"), comm(b"\xff"), false), Ordering::Less);
    }
}
