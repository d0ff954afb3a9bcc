// SPDX-License-Identifier: MIT
//! Who a task is, and what it was started with.

use taskdiag::Show;

use super::Align::{Free, Left, Pid};
use super::{Column, column};
use crate::value::Value;

const NONE: Show = Show::empty();
const BASE: Show = Show::BASE;
const ARGS: Show = Show::BASE.union(Show::CMDLINE);

#[rustfmt::skip]
pub(super) static COLUMNS: &[Column] = &[
    column(&[("pid", "PID"), ("tgid", "TGID")], 5, Pid, NONE,
        |row, _| Some(Value::Number(row.tgid.into())), "process"),
    column(&[("tid", "TID"), ("lwp", "LWP"), ("spid", "SPID")], 5, Pid, NONE,
        |row, _| Some(Value::Number(row.tid.into())), "thread; its process's number for the first"),

    column(&[("ppid", "PPID")], 5, Pid, BASE,
        |row, _| Some(Value::Number(row.base?.ppid.into())), "parent process"),
    column(&[("tpid", "TPID"), ("tracer", "TRACER")], 5, Pid, BASE,
        |row, _| Some(Value::Number(row.base?.tpid.into())), "task that traces it, 0 for none"),
    column(&[("pgid", "PGID"), ("pgrp", "PGRP")], 5, Pid, BASE,
        |row, _| Some(Value::Number(row.base?.pgid.into())), "process group"),
    column(&[("sid", "SID"), ("sess", "SESS"), ("session", "SESS")], 5, Pid, BASE,
        |row, _| Some(Value::Number(row.base?.sid.into())), "session"),
    column(&[("state", "S"), ("s", "S")], 1, Left, BASE,
        |row, _| Some(Value::State(row.base?.state)), "state: one of RSDTtXZPI, as in ps; ? if the daemon does not know"),
    column(&[("comm", "COMMAND"), ("ucmd", "CMD"), ("ucomm", "COMMAND")], 15, Free, BASE,
        |row, _| Some(Value::Comm(row.base?.comm)), "name, 15 bytes at most"),
    column(&[("fname", "COMMAND")], 8, Left, BASE,
        |row, _| Some(Value::Comm(taskdiag::Comm::new(first_8(row.base?.comm.as_bytes())))), "name, 8 bytes of it"),
    column(&[("args", "COMMAND"), ("command", "COMMAND"), ("cmd", "CMD")], 27, Free, ARGS,
        |row, _| Some(Value::Command(row.cmdline.as_deref()?, row.base?.comm)), "arguments, or [name] if it has none"),
];

fn first_8(name: &[u8]) -> &[u8] {
    &name[..name.len().min(8)]
}
