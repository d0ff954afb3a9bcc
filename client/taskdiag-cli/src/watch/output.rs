// SPDX-License-Identifier: MIT
//! The formats that events are written in.

use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};
use taskdiag::Pid;
use taskdiag::events::EventKind;

use super::args::{Format, Watch};
use super::line::Line;

/// How wide the columns of a table are; the last one ends with the line.
const TIME: usize = 15;
const EVENT: usize = 8;
const USER: usize = 8;
const COMM: usize = 15;

/// Where lines go.
pub(super) struct Output<W> {
    out: W,
    format: Format,
    headers: bool,
    colour: bool,
    pid: usize,
    zone: TimeZone,
    /// How many have been written.
    lines: u64,
}

impl<W: Write> Output<W> {
    /// Begins; numbers of processes have so many digits.
    pub(super) fn new(out: W, job: &Watch, colour: bool, pid: usize, zone: TimeZone) -> Self {
        Self {
            out,
            format: job.format,
            headers: !job.no_headers,
            colour,
            pid,
            zone,
            lines: 0,
        }
    }

    /// What stands before the first line.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        match self.format {
            Format::Table if self.headers => {
                let pid = self.pid;
                writeln!(
                    self.out,
                    "{:TIME$} {:EVENT$} {:>pid$} {:USER$} {:COMM$} WHAT",
                    "TIME", "EVENT", "PID", "USER", "COMMAND"
                )?;
            }
            Format::Json => self.out.write_all(b"[")?,
            Format::Table | Format::Ndjson => {}
        }
        self.out.flush()
    }

    pub(super) fn line(&mut self, line: &Line) -> io::Result<()> {
        match self.format {
            Format::Table => self.row(line)?,
            Format::Json => {
                let between: &[u8] = if self.lines == 0 { b"\n" } else { b",\n" };
                self.out.write_all(between)?;
                serde_json::to_writer(&mut self.out, &Object::from(line))?;
            }
            Format::Ndjson => {
                serde_json::to_writer(&mut self.out, &Object::from(line))?;
                self.out.write_all(b"\n")?;
            }
        }
        self.lines += 1;
        Ok(())
    }

    /// Lets the reader have what has been written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// What stands behind the last line.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.format == Format::Json {
            self.out.write_all(b"\n]\n")?;
        }
        self.out.flush()
    }

    fn row(&mut self, line: &Line) -> io::Result<()> {
        let time = line.time.to_zoned_datetime(self.zone.clone());
        let pid = line.kind.task().map(|(_, tgid)| tgid.to_string());
        let style = if self.colour {
            style(line)
        } else {
            Style::new()
        };
        let text = format!(
            "{:TIME$} {style}{:EVENT$}{style:#} {:>width$} {:USER$} {:COMM$} {}",
            time.strftime("%H:%M:%S%.6f").to_string(),
            line.event,
            pid.as_deref().unwrap_or("-"),
            line.user.as_deref().unwrap_or("-"),
            line.comm.as_deref().unwrap_or("-"),
            line.says,
            width = self.pid,
        );
        writeln!(self.out, "{}", text.trim_end())
    }
}

/// What is bad is red.
fn style(line: &Line) -> Style {
    match line.kind {
        EventKind::Exit { status, .. } if !status.success() => AnsiColor::Red.on_default(),
        EventKind::Coredump { .. } => AnsiColor::Red.on_default(),
        EventKind::Lost(_) => AnsiColor::Yellow.on_default(),
        EventKind::Fork { .. } => AnsiColor::Green.on_default(),
        _ => Style::new(),
    }
}

/// A line as an object.
#[derive(Serialize)]
struct Object<'a> {
    time: String,
    event: &'a str,
    #[serde(flatten)]
    who: Option<Who<'a>>,
    #[serde(flatten)]
    details: &'a Map<String, Value>,
}

/// Whom it happened to; nobody, if it was lost.
#[derive(Serialize)]
struct Who<'a> {
    pid: Pid,
    tid: Pid,
    comm: Option<&'a str>,
    user: Option<&'a str>,
}

impl<'a> From<&'a Line> for Object<'a> {
    fn from(line: &'a Line) -> Self {
        Self {
            time: line.time.to_string(),
            event: &line.event,
            who: line.kind.task().map(|(tid, pid)| Who {
                pid,
                tid,
                comm: line.comm.as_deref(),
                user: line.user.as_deref(),
            }),
            details: &line.details,
        }
    }
}
