// SPDX-License-Identifier: MIT
//! Output formats for events.

use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};
use taskdiag::Pid;
use taskdiag::events::EventKind;

use super::args::{EventFormat, Watch};
use super::event_line::EventLine;
use crate::output::json;
use crate::value::Bytes;

/// The widths of the columns of a table, except the last one.
const TIME_WIDTH: usize = 15;
const EVENT_WIDTH: usize = 8;
const USER_WIDTH: usize = 8;
const COMM_WIDTH: usize = 15;

/// Writes lines in an output format.
pub(super) struct EventOutput<W> {
    out: W,
    format: EventFormat,
    headers: bool,
    colour: bool,
    pid_width: usize,
    zone: TimeZone,
    /// Number of lines written.
    lines: u64,
}

impl<W: Write> EventOutput<W> {
    /// Returns an output. `pid_width` is the number of digits of the largest pid.
    pub(super) fn new(
        out: W,
        options: &Watch,
        colour: bool,
        pid_width: usize,
        zone: TimeZone,
    ) -> Self {
        Self {
            out,
            format: options.format,
            headers: !options.no_headers,
            colour,
            pid_width,
            zone,
            lines: 0,
        }
    }

    /// Writes the text before the first event.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        match self.format {
            EventFormat::Table if self.headers => {
                let width = self.pid_width;
                writeln!(
                    self.out,
                    "{:TIME_WIDTH$} {:EVENT_WIDTH$} {:>width$} {:USER_WIDTH$} {:COMM_WIDTH$} DETAILS",
                    "TIME", "EVENT", "PID", "USER", "COMMAND"
                )?;
            }
            EventFormat::Json => self.out.write_all(b"[")?,
            EventFormat::Table | EventFormat::Ndjson => {}
        }
        self.out.flush()
    }

    /// Writes an event.
    pub(super) fn line(&mut self, line: &EventLine) -> io::Result<()> {
        match self.format {
            EventFormat::Table => self.row(line)?,
            EventFormat::Json => {
                let between: &[u8] = if self.lines == 0 { b"\n" } else { b",\n" };
                self.out.write_all(between)?;
                json::write(&mut self.out, &Object::from(line))?;
            }
            EventFormat::Ndjson => {
                json::write(&mut self.out, &Object::from(line))?;
                self.out.write_all(b"\n")?;
            }
        }
        self.lines += 1;
        Ok(())
    }

    /// Flushes the output.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes the text after the last event.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.format == EventFormat::Json {
            self.out.write_all(b"\n]\n")?;
        }
        self.out.flush()
    }

    /// Writes a line of the table.
    fn row(&mut self, line: &EventLine) -> io::Result<()> {
        let time = line.time.to_zoned_datetime(self.zone.clone());
        let pid = line.kind.task().map(|(_, tgid)| tgid.to_string());
        let style = if self.colour {
            style(line)
        } else {
            Style::new()
        };
        let text = format!(
            "{:TIME_WIDTH$} {style}{:EVENT_WIDTH$}{style:#} {:>width$} {:USER_WIDTH$} {:COMM_WIDTH$} {}",
            time.strftime("%H:%M:%S%.6f").to_string(),
            line.event,
            pid.as_deref().unwrap_or("-"),
            line.user.as_deref().unwrap_or("-"),
            line.comm
                .map_or_else(|| "-".to_owned(), |comm| comm.to_string()),
            line.description,
            width = self.pid_width,
        );
        writeln!(self.out, "{}", text.trim_end())
    }
}

/// Returns the colour of an event: red for failures, yellow for lost events.
fn style(line: &EventLine) -> Style {
    match line.kind {
        EventKind::Exit { status, .. } if !status.success() => AnsiColor::Red.on_default(),
        EventKind::Coredump { .. } => AnsiColor::Red.on_default(),
        EventKind::Lost(_) => AnsiColor::Yellow.on_default(),
        EventKind::Fork { .. } => AnsiColor::Green.on_default(),
        _ => Style::new(),
    }
}

/// A line as a JSON object.
#[derive(Serialize)]
struct Object<'a> {
    time: String,
    event: &'a str,
    #[serde(flatten)]
    subject: Option<Subject<'a>>,
    #[serde(flatten)]
    details: &'a Map<String, Value>,
}

/// The process of an event; lost events have none.
#[derive(Serialize)]
struct Subject<'a> {
    pid: Pid,
    tid: Pid,
    comm: Option<Bytes<'a>>,
    user: Option<&'a str>,
}

impl<'a> From<&'a EventLine> for Object<'a> {
    fn from(line: &'a EventLine) -> Self {
        Self {
            time: line.time.to_string(),
            event: &line.event,
            subject: line.kind.task().map(|(tid, pid)| Subject {
                pid,
                tid,
                comm: line.comm.as_ref().map(|comm| Bytes(comm.as_bytes())),
                user: line.user_unescaped.as_deref(),
            }),
            details: &line.details,
        }
    }
}
