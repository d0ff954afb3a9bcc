// SPDX-License-Identifier: MIT
//! Selection and output of events, without a kernel.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use clap::Parser;
use jiff::tz::TimeZone;
use serde_json::Value;
use taskdiag::Comm;
use taskdiag::events::Lost;

use super::*;

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    watch: Watch,
}

/// Parses the options of `watch`.
pub(super) fn parse(line: &str) -> Result<Watch, clap::Error> {
    let args = std::iter::once("watch").chain(line.split_whitespace());
    CommandLine::try_parse_from(args).map(|line| line.watch)
}

fn options(line: &str) -> Watch {
    parse(line).expect(line)
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

/// Returns an exit event of a child of init, with a wait status.
pub(super) fn exit_kind(pid: u32, tgid: u32, status: i32) -> EventKind {
    EventKind::Exit {
        pid,
        tgid,
        status: ExitStatus::from_raw(status),
        exit_signal: 17,
        parent_pid: 1,
        parent_tgid: 1,
    }
}

fn exit(pid: u32, tgid: u32, status: i32) -> Event {
    event(exit_kind(pid, tgid, status))
}

fn lost() -> Event {
    event(EventKind::Lost(Lost::Overflow))
}

fn postgres() -> Option<ProcessInfo> {
    Some(ProcessInfo::new(Comm::new(b"postgres"), Some(5)))
}

fn shown(line: &str, event: &Event, info: Option<&ProcessInfo>) -> bool {
    let level = match event.kind {
        EventKind::Fork { pid, tgid, .. } | EventKind::Exit { pid, tgid, .. } if pid != tgid => {
            Level::Thread
        }
        _ => Level::Process,
    };
    let options = options(line);
    selects_kind(&options, event, level) && selects_process(&options, event, info)
}

#[test]
fn events_option_selects_kinds() {
    assert!(shown("", &exit(7, 7, 0), postgres().as_ref()));
    assert!(shown("--events exit", &exit(7, 7, 9), postgres().as_ref()));
    assert!(!shown(
        "--events nonzero-exit",
        &exit(7, 7, 0),
        postgres().as_ref()
    ));
    assert!(!shown(
        "--events nonzero-exit",
        &fork(7, 7, 1),
        postgres().as_ref()
    ));
    assert!(shown("--events nonzero-exit", &lost(), None));
}

#[test]
fn thread_events_need_the_threads_option() {
    for event in [fork(8, 7, 1), exit(8, 7, 0)] {
        assert!(!shown("", &event, postgres().as_ref()));
        assert!(shown("--threads", &event, postgres().as_ref()));
    }
    let (pid, tgid) = (8, 7);
    assert!(shown(
        "",
        &event(EventKind::Exec { pid, tgid }),
        postgres().as_ref()
    ));
}

#[test]
fn process_conditions_are_combined_with_and() {
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
        assert_eq!(shown(line, &end, postgres().as_ref()), is, "{line}");
    }
    // A fork event belongs to the parent as well.
    assert!(shown("--pid 1", &fork(7, 7, 1), postgres().as_ref()));
    // Conditions on unknown fields do not match.
    assert!(shown("--pid 7", &end, None));
    assert!(!shown("--uid 5", &end, None));
    assert!(!shown("--comm .", &end, None));
}

#[test]
fn first_thread_that_ends_before_the_others_is_a_thread() {
    let exit = exit(7, 7, 0);
    assert!(!selects_kind(&options(""), &exit, Level::Thread));
    assert!(selects_kind(&options("--threads"), &exit, Level::Thread));
    let formatter = LineFormatter::new(true);
    let line = formatter.format_thread_exit(&exit, postgres().as_ref());
    assert_eq!(line.description, "thread 7: code 0");
}

#[test]
fn tree_and_cgroup_select_by_the_table() {
    let mut info = ProcessInfo::new(Comm::new(b"postgres"), None);
    for line in ["--tree 3", "--cgroup 3"] {
        assert!(!shown(line, &exit(7, 7, 0), Some(&info)), "{line}");
        assert!(!shown(line, &exit(7, 7, 0), None), "{line}");
    }
    (info.in_tree, info.in_cgroup) = (true, true);
    for line in ["--tree 3", "--cgroup 3", "--tree 3 --cgroup 3"] {
        assert!(shown(line, &exit(7, 7, 0), Some(&info)), "{line}");
    }
    assert!(!shown("--uid 0", &exit(7, 7, 0), Some(&info)));
}

#[test]
fn until_selects_its_process_unless_others_are_selected() {
    assert!(shown("--until 7", &exit(7, 7, 0), postgres().as_ref()));
    assert!(!shown("--until 7", &exit(8, 8, 0), postgres().as_ref()));
    assert!(shown("--until 7", &lost(), None));
    assert!(shown(
        "--until 7 --pid 8",
        &exit(8, 8, 0),
        postgres().as_ref()
    ));
    assert!(shown(
        "--until 7 --uid 5",
        &exit(8, 8, 0),
        postgres().as_ref()
    ));
}

/// Returns the output for these events.
fn written(line: &str, events: &[Event]) -> String {
    let mut out = Vec::new();
    let options = options(line);
    let mut output = EventOutput::new(&mut out, &options, false, 5, TimeZone::UTC);
    let formatter = LineFormatter::new(true);
    output.begin().expect("a Vec accepts all bytes");
    for event in events {
        output
            .line(&formatter.format(event, event.tgid().and(postgres()).as_ref()))
            .expect("a Vec accepts all bytes");
    }
    output.finish().expect("a Vec accepts all bytes");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn table_has_headings_and_aligned_columns() {
    let text = written("", &[exit(7, 7, 3 << 8), lost()]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[0],
        "TIME            EVENT      PID USER     COMMAND         DETAILS"
    );
    // The first column depends on the clock.
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
fn json_is_one_array_for_any_number_of_events() {
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
fn ndjson_is_one_object_per_line() {
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

#[test]
fn exit_status_reports_losses_unless_the_stop_condition_has_one() {
    let interrupt = StopReason::Signal(Signal::SIGINT);
    for (line, reason, complete, incomplete) in [
        ("", interrupt, Exit::Success, Exit::Status(3)),
        ("", StopReason::Timeout, Exit::Success, Exit::Status(3)),
        (
            "--count 1",
            StopReason::Counted,
            Exit::Success,
            Exit::Status(3),
        ),
        ("--count 1", interrupt, Exit::Status(130), Exit::Status(130)),
        (
            "--count 1",
            StopReason::Timeout,
            Exit::Status(124),
            Exit::Status(124),
        ),
        (
            "--until 7",
            StopReason::Process(0),
            Exit::Status(0),
            Exit::Status(0),
        ),
    ] {
        let options = options(line);
        assert_eq!(exit_status(&options, reason, false), complete, "{line}");
        assert_eq!(exit_status(&options, reason, true), incomplete, "{line}");
    }
}
