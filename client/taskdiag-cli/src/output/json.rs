// SPDX-License-Identifier: MIT
//! JSON: one array, or one object per line.

use std::io;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};
use taskdiag::Show;
use taskdiag::escape::is_visible;

use super::Output;
use crate::columns::SelectedColumn;
use crate::host::Host;
use crate::row::TaskRow;
use crate::tree::TreePosition;
use crate::value::Cell;

/// Writes a value as JSON that is safe to print: characters that a terminal does not
/// show are written as `\uXXXX`.
pub(crate) fn write(out: &mut impl io::Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Printable);
    Ok(value.serialize(&mut serializer)?)
}

/// Formats strings without invisible characters.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Zero-width joiners are part of words and emoji.
        let is_raw = |c| is_visible(c) || matches!(c, '\u{200c}' | '\u{200d}');
        let mut written = 0;
        for (index, c) in fragment.char_indices().filter(|&(_, c)| !is_raw(c)) {
            CompactFormatter.write_string_fragment(out, &fragment[written..index])?;
            written = index + c.len_utf8();
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        CompactFormatter.write_string_fragment(out, &fragment[written..])
    }
}

/// Converts rows to objects.
struct Shape<'a> {
    columns: &'a [SelectedColumn],
    host: &'a Host,
}

struct Object<'a> {
    row: &'a TaskRow,
    shape: &'a Shape<'a>,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Shape { columns, host } = *self.shape;
        let has_denied = !self.row.denied.is_empty();
        let entries = columns.len() + usize::from(has_denied);
        let mut object = serializer.serialize_map(Some(entries))?;
        for selected in columns {
            let value = selected.column.value(self.row, host);
            object.serialize_entry(selected.key(), &Cell { value, host })?;
        }
        if has_denied {
            object.serialize_entry(DENIED, &GroupNames(self.row.denied))?;
        }
        object.end()
    }
}

/// The key of the groups that the caller may not read. No column has this name.
const DENIED: &str = "denied";

/// Serializes the names of groups as an array.
struct GroupNames(Show);

impl Serialize for GroupNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.to_string().split(','))
    }
}

/// Writes objects that contain their children. Objects are written as they arrive,
/// with constant memory at any depth.
#[derive(Default)]
struct NestedObjects {
    /// Number of objects that are not closed yet.
    open: usize,
}

impl NestedObjects {
    /// Writes a row, and leaves its list of children open. `separator` is written
    /// before each root except the first one.
    fn write(
        &mut self,
        out: &mut impl io::Write,
        object: &Object<'_>,
        position: TreePosition,
        separator: &[u8],
    ) -> io::Result<()> {
        let has_sibling = self.open > position.depth;
        self.close(out, position.depth)?;
        match (has_sibling, position.depth) {
            (true, 0) => out.write_all(separator)?,
            (true, _) => out.write_all(b",")?,
            (false, _) => {}
        }
        let mut text = Vec::new();
        write(&mut text, object)?;
        let fields = text.strip_suffix(b"}").unwrap_or(&text);
        out.write_all(fields)?;
        let comma: &[u8] = if fields == b"{" { b"" } else { b"," };
        out.write_all(comma)?;
        out.write_all(b"\"children\":[")?;
        self.open += 1;
        Ok(())
    }

    /// Closes objects until `depth` are open.
    fn close(&mut self, out: &mut impl io::Write, depth: usize) -> io::Result<()> {
        while self.open > depth {
            out.write_all(b"]}")?;
            self.open -= 1;
        }
        Ok(())
    }
}

/// Writes one object per line, as rows arrive.
pub(crate) struct Lines<'a, W> {
    out: W,
    shape: Shape<'a>,
    nested: NestedObjects,
}

impl<'a, W: io::Write> Lines<'a, W> {
    pub(crate) fn new(out: W, columns: &'a [SelectedColumn], host: &'a Host) -> Self {
        Self {
            out,
            shape: Shape { columns, host },
            nested: NestedObjects::default(),
        }
    }
}

impl<W: io::Write> Output for Lines<'_, W> {
    fn row(&mut self, row: TaskRow) -> io::Result<()> {
        let (row, shape) = (&row, &self.shape);
        write(&mut self.out, &Object { row, shape })?;
        self.out.write_all(b"\n")
    }

    fn tree_row(&mut self, row: TaskRow, position: TreePosition) -> io::Result<()> {
        let (row, shape) = (&row, &self.shape);
        let object = Object { row, shape };
        self.nested.write(&mut self.out, &object, position, b"\n")
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.nested.open > 0 {
            self.nested.close(&mut self.out, 0)?;
            self.out.write_all(b"\n")?;
        }
        self.out.flush()
    }
}

/// Collects rows, and writes them as one array at the end.
pub(crate) struct Array<'a, W> {
    out: W,
    shape: Shape<'a>,
    rows: Vec<(TaskRow, Option<TreePosition>)>,
}

impl<'a, W: io::Write> Array<'a, W> {
    pub(crate) fn new(out: W, columns: &'a [SelectedColumn], host: &'a Host) -> Self {
        Self {
            out,
            shape: Shape { columns, host },
            rows: Vec::new(),
        }
    }
}

impl<W: io::Write> Output for Array<'_, W> {
    fn row(&mut self, row: TaskRow) -> io::Result<()> {
        self.rows.push((row, None));
        Ok(())
    }

    fn tree_row(&mut self, row: TaskRow, position: TreePosition) -> io::Result<()> {
        self.rows.push((row, Some(position)));
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let (shape, out) = (&self.shape, &mut self.out);
        let mut nested = NestedObjects::default();
        out.write_all(b"[")?;
        for (index, (row, position)) in self.rows.iter().enumerate() {
            let object = Object { row, shape };
            if let Some(position) = *position {
                nested.write(out, &object, position, b",")?;
                continue;
            }
            if index > 0 {
                out.write_all(b",")?;
            }
            write(out, &object)?;
        }
        nested.close(out, 0)?;
        out.write_all(b"]\n")?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_a_terminal_does_not_show_are_escaped() {
        for (text, expected) in [
            ("größe ภาษา हिन्दी", "\"größe ภาษา हिन्दी\""),
            ("👩\u{200d}👩", "\"👩\u{200d}👩\""),
            ("e\u{301}", "\"e\u{301}\""),
            ("a\\b\"c\n\u{1b}[m", r#""a\\b\"c\n\u001b[m""#),
            ("\u{7f}\u{9b}31m", r#""\u007f\u009b31m""#),
            (
                "\u{2028}\u{2029}\u{202e}\u{2066}",
                r#""\u2028\u2029\u202e\u2066""#,
            ),
            ("\u{e0001}", r#""\udb40\udc01""#),
        ] {
            let mut json = Vec::new();
            write(&mut json, &text).expect("a Vec accepts all bytes");
            let json = String::from_utf8(json).expect("UTF-8");
            assert_eq!(json, expected);
            assert_eq!(
                serde_json::from_str::<String>(&json).expect("a string"),
                text
            );
        }
    }
}
