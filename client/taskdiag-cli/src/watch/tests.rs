// SPDX-License-Identifier: MIT
//! Which events are shown, and how, without a kernel.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use clap::Parser;
use jiff::tz::TimeZone;
use serde_json::Value;
use taskdiag::Comm;
use taskdiag::events::Lost;

use super::*;

#[derive(Parser)]
struct Words {
    #[command(flatten)]
    watch: Watch,
}

fn job(line: &str) -> Watch {
    let words = std::iter::once("watch").chain(line.split_whitespace());
    Words::try_parse_from(words).expect(line).watch
}

fn event(kind: EventKind) -> Event {
    Event::new(Duration::ZERO, Some(0), kind)
}

fn fork(pid: u32, tgid: u32, parent: u32) -> Event {
    event(EventKind::Fork {
        pid,
        tgid,
        parent_pid: parent,
        parent_tgid: parent,
    })
}

fn exit(pid: u32, tgid: u32, status: i32) -> Event {
    event(EventKind::Exit {
        pid,
        tgid,
        status: ExitStatus::from_raw(status),
        exit_signal: 17,
        parent_pid: 1,
        parent_tgid: 1,
    })
}

fn lost() -> Event {
    event(EventKind::Lost(Lost::Overflow))
}

fn known() -> Option<Facts> {
    Some(Facts {
        comm: Comm::new(b"postgres"),
        uid: 5,
    })
}

fn shown(line: &str, event: &Event, facts: Option<Facts>) -> bool {
    let job = job(line);
    might_be_wanted(&job, event) && is_of_wanted(&job, event, facts)
}

#[test]
fn kinds_are_chosen() {
    assert!(shown("", &exit(7, 7, 0), known()));
    assert!(shown("--events exit", &exit(7, 7, 9), known()));
    assert!(!shown("--events nonzero-exit", &exit(7, 7, 0), known()));
    assert!(!shown("--events nonzero-exit", &fork(7, 7, 1), known()));
    assert!(shown("--events nonzero-exit", &lost(), None));
}

#[test]
fn threads_are_shown_to_who_asks() {
    for event in [fork(8, 7, 1), exit(8, 7, 0)] {
        assert!(!shown("", &event, known()));
        assert!(shown("--threads", &event, known()));
    }
    let (pid, tgid) = (8, 7);
    assert!(shown("", &event(EventKind::Exec { pid, tgid }), known()));
}

#[test]
fn conditions_hold_together() {
    let end = exit(7, 7, 0);
    for (line, is) in [
        ("--pid 7", true),
        ("--pid 1", false),
        ("--uid 5", true),
        ("--uid 0", false),
        ("--comm ^post", true),
        ("--comm ^gres", false),
        ("--pid 7 --comm gres$", true),
        ("--pid 7 --uid 0", false),
    ] {
        assert_eq!(shown(line, &end, known()), is, "{line}");
    }
    // The beginning of a child is its parent's doing.
    assert!(shown("--pid 1", &fork(7, 7, 1), known()));
    // Of whom nothing is known nothing holds.
    assert!(shown("--pid 7", &end, None));
    assert!(!shown("--uid 5", &end, None));
    assert!(!shown("--comm .", &end, None));
}

/// What is written of these events.
fn written(line: &str, events: &[Event]) -> String {
    let mut out = Vec::new();
    let job = job(line);
    let mut output = Output::new(&mut out, &job, false, 5, TimeZone::UTC);
    let wording = Wording::new(true);
    output.begin().expect("room");
    for event in events {
        output
            .line(&wording.line(event, event.tgid().and(known())))
            .expect("room");
    }
    output.finish().expect("room");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_table_has_columns() {
    let text = written("", &[exit(7, 7, 3 << 8), lost()]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[0],
        "TIME            EVENT      PID USER     COMMAND         WHAT"
    );
    // The time is of the clock.
    assert_eq!(
        &lines[1][16..],
        "exit         7 5        postgres        code 3"
    );
    assert_eq!(
        &lines[2][16..],
        "lost         - -        -               events were lost: the receive buffer was full"
    );
    assert!(!written("--no-headers", &[]).contains("TIME"));
}

#[test]
fn json_is_one_array_however_many_there_are() {
    for count in 0..3 {
        let events = vec![exit(8, 7, 9); count];
        let text = written("--format json", &events);
        let array: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        assert_eq!(array.len(), count);
        for object in array {
            assert_eq!((&object["pid"], &object["tid"]), (&7.into(), &8.into()));
            assert_eq!(object["signal"], "SIGKILL");
            assert_eq!(object["comm"], "postgres");
        }
    }
}

#[test]
fn ndjson_is_an_object_a_line() {
    let text = written("--format ndjson", &[fork(7, 7, 1), lost()]);
    let objects: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(objects[0]["event"], "fork");
    assert_eq!(objects[0]["ppid"], 1);
    assert_eq!(objects[1]["event"], "lost");
    assert!(objects[1].get("pid").is_none());
}
