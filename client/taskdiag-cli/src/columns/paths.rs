// SPDX-License-Identifier: MIT
//! Columns of the groups `paths` and `environ`.

use taskdiag::{Paths, Show, TaskPath};

use super::Align::Free;
use super::{Column, column};
use crate::row::TaskRow;
use crate::value::Value;

const PATHS: Show = Show::PATHS;
const ENVIRON: Show = Show::ENVIRON;

#[rustfmt::skip]
pub(super) static COLUMNS: &[Column] = &[
    column(&[("exe", "EXE")], 27, Free, PATHS,
        |row, _| path(row, |paths| paths.exe.as_ref()), "path of the program"),
    column(&[("cwd", "CWD")], 27, Free, PATHS,
        |row, _| path(row, |paths| paths.cwd.as_ref()), "path of the current directory"),
    column(&[("root", "ROOT")], 27, Free, PATHS,
        |row, _| path(row, |paths| paths.root.as_ref()), "path of the root directory"),

    column(&[("environ", "ENVIRONMENT")], 27, Free, ENVIRON,
        |row, _| Some(Value::Environ(row.environ.as_deref()?)), "environment, as executed"),
];

fn path<'a>(
    row: &'a TaskRow,
    select: impl FnOnce(&'a Paths<'static>) -> Option<&'a TaskPath<'static>>,
) -> Option<Value<'a>> {
    let path = select(row.paths.as_deref()?)?;
    Some(Value::Bytes(path.path.as_deref()?))
}
