// SPDX-License-Identifier: MIT
//! Converts events to the content of an output line.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nix::sys::signal::Signal;
use serde_json::{Map, Value, json};
use taskdiag::events::{Event, EventKind, Events, Lost};
use taskdiag::{Cmdline, Comm};

use taskdiag::names::Names;

use super::processes::ProcessInfo;
use crate::clock::EventClock;
use crate::escape::Arguments;
use crate::value::Bytes;

/// The content of an output line: an event and its process.
#[derive(Debug)]
pub(super) struct EventLine {
    pub(super) time: Timestamp,
    /// The name of the event, as in `--events`.
    pub(super) event: String,
    pub(super) kind: EventKind,
    pub(super) comm: Option<Comm>,
    /// The user, as text for a table.
    pub(super) user: Option<Arc<str>>,
    /// The user, unchanged.
    pub(super) user_unescaped: Option<String>,
    /// Further fields as text, for a table.
    pub(super) description: String,
    /// Further fields as entries of an object, for JSON.
    pub(super) details: Map<String, Value>,
}

/// Converts events to lines.
#[derive(Debug)]
pub(super) struct LineFormatter {
    names: Names,
    clock: EventClock,
    pub(super) zone: TimeZone,
}

impl LineFormatter {
    pub(super) fn new(numeric: bool) -> Self {
        Self {
            names: Names::new().numeric(numeric),
            clock: EventClock::new(),
            zone: TimeZone::system(),
        }
    }

    /// Returns the line of an event. `info` describes its process, if it is known.
    pub(super) fn format(&self, event: &Event, info: Option<&ProcessInfo>) -> EventLine {
        let (mut description, mut details) = self.details(&event.kind);
        let has_args = matches!(event.kind, EventKind::Exec { .. } | EventKind::Exit { .. });
        if has_args {
            let args = info.and_then(|info| info.args.as_deref());
            add_args(&mut details, args);
            if let (EventKind::Exec { .. }, Some(args)) = (event.kind, args) {
                description = Arguments(args).to_string();
            }
        }
        EventLine {
            time: self.clock.date(event.time),
            event: event_name(&event.kind),
            kind: event.kind,
            comm: info.map(|info| info.comm),
            user: info.and_then(|info| Some(self.names.user(info.uid?))),
            user_unescaped: info
                .and_then(|info| Some(self.names.user_unescaped(info.uid?).to_string())),
            description,
            details,
        }
    }

    /// Returns the line of the exit event of a thread whose process may continue,
    /// also if it was the first.
    pub(super) fn format_thread_exit(
        &self,
        event: &Event,
        info: Option<&ProcessInfo>,
    ) -> EventLine {
        let mut line = self.format(event, info);
        if let EventKind::Exit { pid, status, .. } = event.kind {
            line.description = format!("thread {pid}: {}", exit_status(status));
            line.details.insert("thread".to_owned(), true.into());
        }
        line
    }

    /// Returns the fields of an event other than time and process: as text, and as
    /// entries of an object.
    fn details(&self, kind: &EventKind) -> (String, Map<String, Value>) {
        let (description, details) = match *kind {
            EventKind::Fork {
                pid,
                tgid,
                parent_tgid,
                ..
            } => {
                let description = match pid == tgid {
                    true => format!("child of {parent_tgid}"),
                    false => format!("thread {pid}"),
                };
                (description, json!({ "ppid": parent_tgid }))
            }
            EventKind::Uid { ruid, euid, .. } => {
                let (real, effective) = (self.names.user(ruid), self.names.user(euid));
                let (ruser, user) = (
                    self.names.user_unescaped(ruid).to_string(),
                    self.names.user_unescaped(euid).to_string(),
                );
                let details = json!({ "ruser": ruser, "user": user });
                (id_change(&real, &effective), details)
            }
            EventKind::Gid { rgid, egid, .. } => {
                let (real, effective) = (self.names.group(rgid), self.names.group(egid));
                let (rgroup, group) = (
                    self.names.group_unescaped(rgid).to_string(),
                    self.names.group_unescaped(egid).to_string(),
                );
                let details = json!({ "rgroup": rgroup, "group": group });
                (id_change(&real, &effective), details)
            }
            EventKind::Ptrace { tracer_tgid: 0, .. } => {
                ("no longer traced".to_owned(), json!({ "tracer": 0 }))
            }
            EventKind::Ptrace { tracer_tgid, .. } => (
                format!("traced by {tracer_tgid}"),
                json!({ "tracer": tracer_tgid }),
            ),
            EventKind::Comm { comm, .. } => (
                format!("now {comm}"),
                json!({ "to": Bytes(comm.as_bytes()) }),
            ),
            EventKind::Coredump { parent_tgid, .. } => {
                (String::new(), json!({ "ppid": parent_tgid }))
            }
            EventKind::Exit {
                status,
                parent_tgid,
                ..
            } => {
                let details = json!({
                    "thread": false,
                    "code": status.code(),
                    "signal": status.signal().map(signal_name),
                    "core_dumped": status.core_dumped(),
                    "ppid": parent_tgid,
                });
                (exit_status(status), details)
            }
            EventKind::Lost(lost) => (lost.to_string(), json!({ "events": lost_count(lost) })),
            _ => (String::new(), json!({})),
        };
        let details = match details {
            Value::Object(details) => details,
            _ => Map::new(),
        };
        (description, details)
    }
}

/// Returns the name of an event, as in `--events`. An exit with a non-zero status
/// is named `exit`.
fn event_name(kind: &EventKind) -> String {
    match kind {
        EventKind::Lost(_) => "lost".to_owned(),
        kind => (kind.events() - Events::NONZERO_EXIT).to_string(),
    }
}

/// Returns the number of lost events, if known.
fn lost_count(lost: Lost) -> Option<u32> {
    match lost {
        Lost::Gap { events } => Some(events),
        _ => None,
    }
}

/// Describes a change of user or group ids.
fn id_change(real: &str, effective: &str) -> String {
    match real == effective {
        true => format!("now {real}"),
        false => format!("now {real}, effective {effective}"),
    }
}

/// Adds the arguments of a process: as text, and as an array.
fn add_args(details: &mut Map<String, Value>, args: Option<&[u8]>) {
    let text = args.map(|args| json!(Bytes(&Arguments(args).joined())));
    let array = args.map(|args| {
        let args = Cmdline::from(args);
        args.args().map(|word| json!(Bytes(word))).collect()
    });
    details.insert("args".to_owned(), text.unwrap_or_default());
    details.insert("argv".to_owned(), array.unwrap_or_default());
}

/// Describes an exit status.
fn exit_status(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("code {code}"),
        (None, Some(number)) if status.core_dumped() => {
            format!("{}, core dumped", signal_name(number))
        }
        (None, Some(number)) => signal_name(number),
        (None, None) => format!("status {:#x}", status.into_raw()),
    }
}

/// Returns the name of a signal, or its number if it has no name.
fn signal_name(number: i32) -> String {
    Signal::try_from(number).map_or_else(
        |_| format!("signal {number}"),
        |signal| signal.as_str().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::watch::tests::exit_kind;

    fn line(kind: EventKind) -> EventLine {
        let mut info = ProcessInfo::new(Comm::new(b"a\tname"), Some(0));
        info.args = Some(Arc::from(&b"sh\0-c\0\0a b\0"[..]));
        let event = Event::new(Duration::from_secs(1), Some(0), kind);
        let formatter = LineFormatter::new(true);
        match kind {
            EventKind::Exit { pid, tgid, .. } if pid != tgid => {
                formatter.format_thread_exit(&event, Some(&info))
            }
            _ => formatter.format(&event, Some(&info)),
        }
    }

    fn exit(pid: u32, status: i32) -> EventKind {
        exit_kind(pid, 7, status)
    }

    #[test]
    fn exit_status_is_described() {
        for (status, description) in [
            (0, "code 0"),
            (3 << 8, "code 3"),
            (9, "SIGKILL"),
            (0x80 | 11, "SIGSEGV, core dumped"),
            (40, "signal 40"),
        ] {
            assert_eq!(line(exit(7, status)).description, description);
        }
        assert_eq!(line(exit(8, 9)).description, "thread 8: SIGKILL");
        assert_eq!(line(exit(7, 9)).event, "exit");
    }

    #[test]
    fn exit_status_is_in_the_details() {
        let details = |status| Value::Object(line(exit(7, status)).details);
        assert_eq!(
            details(3 << 8),
            json!({
                "code": 3, "signal": null, "core_dumped": false, "ppid": 1, "thread": false,
                "args": "sh -c  a b", "argv": ["sh", "-c", "", "a b"],
            })
        );
        assert_eq!(
            details(0x80 | 6),
            json!({
                "code": null, "signal": "SIGABRT", "core_dumped": true, "ppid": 1, "thread": false,
                "args": "sh -c  a b", "argv": ["sh", "-c", "", "a b"],
            })
        );
        assert_eq!(line(exit(8, 9)).details["thread"], true);
    }

    #[test]
    fn exec_shows_the_arguments() {
        let line = line(EventKind::Exec { pid: 7, tgid: 7 });
        assert_eq!(line.description, "sh -c  a b");
        assert_eq!(line.details["argv"], json!(["sh", "-c", "", "a b"]));
    }

    #[test]
    fn control_characters_in_names_are_escaped() {
        let (pid, tgid) = (7, 7);
        let comm = Comm::new(b"\x1b[31m");
        let line = line(EventKind::Comm { pid, tgid, comm });
        assert_eq!(line.description, r"now \u{1b}[31m");
        assert_eq!(
            line.comm.map(|comm| comm.to_string()).as_deref(),
            Some(r"a\tname")
        );
    }

    #[test]
    fn lost_events_are_counted_if_known() {
        let formatted = |lost| {
            let line = line(EventKind::Lost(lost));
            (line.event, line.description, line.details["events"].clone())
        };
        let (event, description, events) = formatted(Lost::Gap { events: 3 });
        assert_eq!(
            (&event[..], &description[..]),
            ("lost", "3 events were lost")
        );
        assert_eq!(events, 3);
        assert_eq!(formatted(Lost::Overflow).2, Value::Null);
    }
}
