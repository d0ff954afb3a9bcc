// SPDX-License-Identifier: MIT
//! JSON: one array, or an object a line.

use std::io;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Output;
use crate::columns::Chosen;
use crate::names::Names;
use crate::row::Row;
use crate::value::Cell;

/// How a row becomes an object.
struct Shape<'a> {
    columns: &'a [Chosen],
    names: &'a Names,
}

struct Object<'a> {
    row: &'a Row,
    shape: &'a Shape<'a>,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Shape { columns, names } = *self.shape;
        let mut object = serializer.serialize_map(Some(columns.len()))?;
        for chosen in columns {
            let value = chosen.column.value(self.row);
            object.serialize_entry(chosen.name, &Cell { value, names })?;
        }
        object.end()
    }
}

/// An object a line; none is held.
pub(crate) struct Lines<'a, W> {
    out: W,
    shape: Shape<'a>,
}

impl<'a, W: io::Write> Lines<'a, W> {
    pub(crate) fn new(out: W, columns: &'a [Chosen], names: &'a Names) -> Self {
        let shape = Shape { columns, names };
        Self { out, shape }
    }
}

impl<W: io::Write> Output for Lines<'_, W> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        let shape = &self.shape;
        serde_json::to_writer(&mut self.out, &Object { row, shape })?;
        self.out.write_all(b"\n")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One array, written whole.
pub(crate) struct Array<'a, W> {
    out: W,
    shape: Shape<'a>,
    rows: Vec<Row>,
}

impl<'a, W: io::Write> Array<'a, W> {
    pub(crate) fn new(out: W, columns: &'a [Chosen], names: &'a Names) -> Self {
        Self {
            out,
            shape: Shape { columns, names },
            rows: Vec::new(),
        }
    }
}

impl<W: io::Write> Output for Array<'_, W> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        self.rows.push(*row);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let shape = &self.shape;
        let objects = self.rows.iter().map(|row| Object { row, shape });
        let mut array = serde_json::Serializer::new(&mut self.out);
        array.collect_seq(objects)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}
