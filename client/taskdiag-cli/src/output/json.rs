// SPDX-License-Identifier: MIT
//! JSON: one array, or one object per line.

use std::io;

use serde::ser::{Serialize, SerializeMap, Serializer};
use taskdiag::Show;

use super::Output;
use crate::columns::SelectedColumn;
use crate::host::Host;
use crate::row::TaskRow;
use crate::tree::TreePosition;
use crate::value::Cell;

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
        let text = serde_json::to_vec(object)?;
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
        serde_json::to_writer(&mut self.out, &Object { row, shape })?;
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
            serde_json::to_writer(&mut *out, &object)?;
        }
        nested.close(out, 0)?;
        out.write_all(b"]\n")?;
        out.flush()
    }
}
