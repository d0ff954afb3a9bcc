// SPDX-License-Identifier: MIT
//! Whole programs, from fork to exit.
//!
//! They are measured in CPU time. Where instructions are counted, the elapsed time
//! also includes each wait for a file that is not in memory.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::process::{Child, Command, Stdio};

use nix::sys::resource::UsageWho;

use crate::clock::{cpu_ns, resource_usage};
use crate::comparison::{Comparison, Rounds};
use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::source::{Consumer, Rows};
use crate::task_fields::TaskFields;

const PYTHON: &str = "/usr/bin/python3";

/// Runs a program that prints a line of headers and one line per task.
pub(crate) fn run(arguments: &[&str], comparison: &Comparison) -> Result<Outcome> {
    let listing = comparison.rows.with_extension("listing");
    let output = File::create(&listing).map_err(Error::io(listing.display().to_string()))?;
    let mut own = vec![std::process::id()];
    own.push(finish(spawn(arguments, output.into())?)?);
    let text = fs::read(&listing).map_err(Error::io(listing.display().to_string()))?;
    let rows = write_rows(comparison, parse(&text)?)?;

    let mut rounds = Rounds::new(comparison.rounds);
    while rounds.has_next() {
        let start = cpu_ns(UsageWho::RUSAGE_CHILDREN)?;
        finish(spawn(arguments, Stdio::null())?)?;
        rounds.add(cpu_ns(UsageWho::RUSAGE_CHILDREN)? - start);
    }
    Ok(Outcome {
        own,
        ns: rounds.ns,
        rows,
        memory_kib: resource_usage(UsageWho::RUSAGE_CHILDREN)?.max_rss() as u64,
        ..Outcome::default()
    })
}

fn spawn(arguments: &[&str], output: Stdio) -> Result<Child> {
    let mut command = Command::new(arguments[0]);
    command
        .args(&arguments[1..])
        .stdin(Stdio::null())
        .stdout(output);
    command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::missing(arguments[0]),
        _ => Error::io(arguments[0])(error),
    })
}

/// Waits for the program to exit with status 0. Returns its pid.
fn finish(mut child: Child) -> Result<u32> {
    let status = child.wait().map_err(Error::io("waiting for a program"))?;
    if status.success() {
        Ok(child.id())
    } else {
        Err(Error::failed(format!("the program exited with {status}")))
    }
}

fn write_rows(comparison: &Comparison, fields: Vec<TaskFields>) -> Result<u64> {
    let mut rows = Rows::create(&comparison.rows)?;
    let count = fields.len() as u64;
    for fields in fields {
        rows.task(&fields);
    }
    rows.finish()?;
    Ok(count)
}

/// Parses the columns PID and PPID, which the headers name.
fn parse(text: &[u8]) -> Result<Vec<TaskFields>> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines();
    let headers = arguments(lines.next().unwrap_or_default());
    let column = |name: &str| {
        headers
            .iter()
            .position(|word| word.eq_ignore_ascii_case(name))
    };
    let pid = column("pid").ok_or_else(|| Error::failed("no column PID"))?;
    let ppid = column("ppid");
    lines
        .map(|line| {
            let arguments = arguments(line);
            let number = |at: usize| arguments.get(at).and_then(|word| word.parse().ok());
            Ok(TaskFields {
                pid: number(pid).ok_or_else(|| Error::failed(format!("invalid line: {line:?}")))?,
                ppid: ppid.and_then(number).unwrap_or_default(),
                ..TaskFields::default()
            })
        })
        .collect()
}

fn arguments(line: &str) -> Vec<&str> {
    line.split([' ', ','])
        .filter(|word| !word.is_empty())
        .collect()
}

/// Runs psutil, which measures itself, so that the start of Python is not counted.
pub(crate) fn psutil(comparison: &Comparison) -> Result<Outcome> {
    let listing = comparison.rows.with_extension("listing");
    let child = Command::new(PYTHON)
        .args(["-c", include_str!("psutil.py")])
        .arg(comparison.rounds.to_string())
        .arg(comparison.clock.name())
        .arg(&listing)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Error::io(PYTHON))?;
    let pid = child.id();
    let output = child.wait_with_output().map_err(Error::io(PYTHON))?;
    if !output.status.success() {
        return Err(Error::missing("psutil"));
    }
    let mut outcome: Outcome = serde_json::from_slice(&output.stdout).map_err(Error::failed)?;
    let text = fs::read(&listing).map_err(Error::io(listing.display().to_string()))?;
    outcome.rows = write_rows(comparison, parse_psutil(&text)?)?;
    outcome.own = vec![std::process::id(), pid];
    Ok(outcome)
}

/// Parses lines of pid, ppid, uid, gid and name, separated by tabs.
fn parse_psutil(text: &[u8]) -> Result<Vec<TaskFields>> {
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut arguments = line.splitn(5, |byte| *byte == b'\t');
            let mut number = || {
                let word = arguments
                    .next()
                    .and_then(|word| std::str::from_utf8(word).ok());
                word.and_then(|word| word.parse().ok())
                    .ok_or_else(|| Error::failed("invalid line of psutil"))
            };
            let mut fields = TaskFields {
                pid: number()?,
                ppid: number()?,
                uids: [number()?, 0, 0, 0],
                gids: [number()?, 0, 0, 0],
                ..TaskFields::default()
            };
            let name = arguments.next().unwrap_or_default();
            let mut buffer = &mut fields.comm[..15];
            // psutil may return a longer name than the kernel's.
            let _ = buffer.write(name).map_err(Error::io("a name"))?;
            Ok(fields)
        })
        .collect()
}
