// SPDX-License-Identifier: MIT
//! An event in words: what a line of it says, in a table or as an object.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::rc::Rc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use nix::sys::signal::Signal;
use nix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use taskdiag::events::{Event, EventKind, Events, Lost};
use taskdiag::names::Names;

use super::known::Facts;

/// An event, and whom it happened to.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) time: Timestamp,
    /// What it is called, as `--events` calls it.
    pub(super) event: String,
    pub(super) kind: EventKind,
    pub(super) comm: Option<String>,
    pub(super) user: Option<Rc<str>>,
    /// What else there is to say.
    pub(super) says: String,
    pub(super) details: Map<String, Value>,
}

/// What turns events into lines.
#[derive(Debug)]
pub(super) struct Wording {
    names: Names,
    /// When the clock of the events was at zero.
    origin: Timestamp,
    pub(super) zone: TimeZone,
}

impl Wording {
    pub(super) fn new(numeric: bool) -> Self {
        Self {
            names: Names::new().numeric(numeric),
            origin: origin(),
            zone: TimeZone::system(),
        }
    }

    pub(super) fn line(&self, event: &Event, facts: Option<Facts>) -> Line {
        let (says, details) = self.details(&event.kind);
        let passed = SignedDuration::try_from(event.time).unwrap_or(SignedDuration::MAX);
        Line {
            time: self.origin.saturating_add(passed).unwrap_or(Timestamp::MAX),
            event: name(&event.kind),
            kind: event.kind,
            comm: facts.map(|facts| facts.comm.to_string()),
            user: facts.map(|facts| self.names.user(facts.uid)),
            says,
            details,
        }
    }

    /// What an event says beyond whom it happened to: as text, and as the
    /// entries of an object.
    fn details(&self, kind: &EventKind) -> (String, Map<String, Value>) {
        let (says, details) = match *kind {
            EventKind::Fork {
                pid,
                tgid,
                parent_tgid,
                ..
            } => {
                let says = match pid == tgid {
                    true => format!("child of {parent_tgid}"),
                    false => format!("thread {pid}"),
                };
                (says, json!({ "ppid": parent_tgid }))
            }
            EventKind::Uid { ruid, euid, .. } => {
                let (real, effective) = (self.names.user(ruid), self.names.user(euid));
                let details = json!({ "ruser": *real, "user": *effective });
                (change(&real, &effective), details)
            }
            EventKind::Gid { rgid, egid, .. } => {
                let (real, effective) = (self.names.group(rgid), self.names.group(egid));
                let details = json!({ "rgroup": *real, "group": *effective });
                (change(&real, &effective), details)
            }
            EventKind::Ptrace { tracer_tgid: 0, .. } => {
                ("no longer traced".to_owned(), json!({ "tracer": 0 }))
            }
            EventKind::Ptrace { tracer_tgid, .. } => (
                format!("traced by {tracer_tgid}"),
                json!({ "tracer": tracer_tgid }),
            ),
            EventKind::Comm { comm, .. } => {
                (format!("now {comm}"), json!({ "to": comm.to_string() }))
            }
            EventKind::Coredump { parent_tgid, .. } => {
                (String::new(), json!({ "ppid": parent_tgid }))
            }
            EventKind::Exit {
                pid,
                tgid,
                status,
                parent_tgid,
                ..
            } => {
                let mut says = end(status);
                if pid != tgid {
                    says = format!("thread {pid}: {says}");
                }
                let details = json!({
                    "code": status.code(),
                    "signal": status.signal().map(signal),
                    "core_dumped": status.core_dumped(),
                    "ppid": parent_tgid,
                });
                (says, details)
            }
            EventKind::Lost(lost) => (lost.to_string(), json!({ "events": count(lost) })),
            _ => (String::new(), json!({})),
        };
        let details = match details {
            Value::Object(details) => details,
            _ => Map::new(),
        };
        (says, details)
    }
}

/// The kind of an event, as `--events` calls it; a bad exit is an exit.
fn name(kind: &EventKind) -> String {
    match kind {
        EventKind::Lost(_) => "lost".to_owned(),
        kind => (kind.events() - Events::NONZERO_EXIT).to_string(),
    }
}

/// How many were lost, where that is known.
fn count(lost: Lost) -> Option<u32> {
    match lost {
        Lost::Gap { events } => Some(events),
        _ => None,
    }
}

fn change(real: &str, effective: &str) -> String {
    match real == effective {
        true => format!("now {real}"),
        false => format!("now {real}, effective {effective}"),
    }
}

/// How a process ended, as a person says it.
fn end(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("code {code}"),
        (None, Some(number)) if status.core_dumped() => {
            format!("{}, core dumped", signal(number))
        }
        (None, Some(number)) => signal(number),
        (None, None) => format!("status {:#x}", status.into_raw()),
    }
}

/// A signal by its name, or its number where it has none.
fn signal(number: i32) -> String {
    Signal::try_from(number).map_or_else(
        |_| format!("signal {number}"),
        |signal| signal.as_str().to_owned(),
    )
}

/// The date at which the events' clock began.
fn origin() -> Timestamp {
    let passed = clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() * 1_000_000_000 + time.tv_nsec());
    Timestamp::now()
        .checked_sub(SignedDuration::from_nanos(passed))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use taskdiag::Comm;

    use super::*;

    fn line(kind: EventKind) -> Line {
        let facts = Facts {
            comm: Comm::new(b"a\tname"),
            uid: 0,
        };
        let event = Event::new(Duration::from_secs(1), Some(0), kind);
        Wording::new(true).line(&event, Some(facts))
    }

    fn exit(pid: u32, status: i32) -> EventKind {
        EventKind::Exit {
            pid,
            tgid: 7,
            status: ExitStatus::from_raw(status),
            exit_signal: 17,
            parent_pid: 1,
            parent_tgid: 1,
        }
    }

    #[test]
    fn ends_are_in_words() {
        for (status, says) in [
            (0, "code 0"),
            (3 << 8, "code 3"),
            (9, "SIGKILL"),
            (0x80 | 11, "SIGSEGV, core dumped"),
            (40, "signal 40"),
        ] {
            assert_eq!(line(exit(7, status)).says, says);
        }
        assert_eq!(line(exit(8, 9)).says, "thread 8: SIGKILL");
        assert_eq!(line(exit(7, 9)).event, "exit");
    }

    #[test]
    fn ends_are_data_too() {
        let details = |status| Value::Object(line(exit(7, status)).details);
        assert_eq!(
            details(3 << 8),
            json!({ "code": 3, "signal": null, "core_dumped": false, "ppid": 1 })
        );
        assert_eq!(
            details(0x80 | 6),
            json!({ "code": null, "signal": "SIGABRT", "core_dumped": true, "ppid": 1 })
        );
    }

    #[test]
    fn names_of_strangers_are_safe_to_print() {
        let (pid, tgid) = (7, 7);
        let comm = Comm::new(b"\x1b[31m");
        let line = line(EventKind::Comm { pid, tgid, comm });
        assert_eq!(line.says, r"now \u{1b}[31m");
        assert_eq!(line.comm.as_deref(), Some(r"a\tname"));
    }

    #[test]
    fn what_was_lost_is_told_as_far_as_it_is_known() {
        let told = |lost| {
            let line = line(EventKind::Lost(lost));
            (line.event, line.says, line.details["events"].clone())
        };
        let (event, says, events) = told(Lost::Gap { events: 3 });
        assert_eq!((&event[..], &says[..]), ("lost", "3 events were lost"));
        assert_eq!(events, 3);
        assert_eq!(told(Lost::Overflow).2, Value::Null);
    }
}
