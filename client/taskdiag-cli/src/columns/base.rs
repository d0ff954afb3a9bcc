// SPDX-License-Identifier: MIT
//! Columns of the groups `base` and `cmdline`: ids, state, name and arguments.

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
        |row, _| Some(Value::Number(row.tgid.into())), "process id"),
    column(&[("tid", "TID"), ("lwp", "LWP"), ("spid", "SPID")], 5, Pid, NONE,
        |row, _| Some(Value::Number(row.tid.into())), "thread id; equals pid for a process's first thread"),

    column(&[("ppid", "PPID")], 5, Pid, BASE,
        |row, _| Some(Value::Number(row.base?.ppid.into())), "pid of the parent process"),
    column(&[("tpid", "TPID"), ("tracer", "TRACER")], 5, Pid, BASE,
        |row, _| Some(Value::Number(row.base?.tpid?.into())), "pid of the tracer, 0 without one"),
    column(&[("pgid", "PGID"), ("pgrp", "PGRP")], 5, Pid, BASE,
        |row, _| Some(Value::Number(row.base?.pgid?.into())), "process group id"),
    column(&[("sid", "SID"), ("sess", "SESS"), ("session", "SESS")], 5, Pid, BASE,
        |row, _| Some(Value::Number(row.base?.sid?.into())), "session id"),
    column(&[("state", "S"), ("s", "S")], 1, Left, BASE,
        |row, _| Some(Value::State(row.base?.state)), "state: one of RSDTtXZPI, as in ps; ? if unknown to the daemon"),
    column(&[("comm", "COMMAND"), ("ucmd", "CMD"), ("ucomm", "COMMAND")], 15, Free, BASE,
        |row, _| Some(Value::Comm(row.base?.comm)), "name, at most 15 bytes"),
    column(&[("fname", "COMMAND")], 8, Left, BASE,
        |row, _| Some(Value::Comm(taskdiag::Comm::new(first_8(row.base?.comm.as_bytes())))), "first 8 bytes of the name"),
    column(&[("args", "COMMAND"), ("command", "COMMAND"), ("cmd", "CMD")], 27, Free, ARGS,
        |row, _| Some(Value::Command(row.cmdline.as_deref()?, row.base?.comm)), "arguments, or [name] for a task without arguments"),
    column(&[("argv", "ARGV")], 27, Free, ARGS,
        |row, _| Some(Value::Arguments(row.cmdline.as_deref()?, row.base?.comm)), "arguments like args; in JSON an array of all arguments"),
];

fn first_8(name: &[u8]) -> &[u8] {
    &name[..name.len().min(8)]
}
