// SPDX-License-Identifier: MIT
//! Events of real processes, from the proc connector of the running kernel.
//!
//! Ignored by default, as not every kernel has the connector: `scripts/test
//! client` runs them in the booted kernel. On a host with the connector, run
//! `cargo test --test events -- --ignored` as root. Other processes may start
//! and end meanwhile.

mod children;
mod loss;
mod restrictions;
mod wakeups;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use nix::unistd::{Gid, Uid, setresgid, setresuid, setsid};
use taskdiag::events::{Connector, Event, EventKind, EventSource, Events};

use children::{Child, exec};

/// A timeout that no test reaches.
const LONG: Duration = Duration::from_secs(60);

/// One test at a time: they count events.
fn serialize() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(events: Events) -> Connector {
    Connector::listen(events).expect("requires the proc connector")
}

/// Returns the queued events, none of which may be a loss.
fn queued(source: &mut impl EventSource) -> Vec<Event> {
    let next = || source.next_event(Some(Duration::ZERO)).unwrap();
    let events: Vec<_> = std::iter::from_fn(next).collect();
    assert!(!events.iter().any(Event::is_lost), "events were lost");
    events
}

/// Returns the events of a process.
fn of_process(events: &[Event], pid: u32) -> Vec<EventKind> {
    let kinds = events.iter().filter(|event| event.tgid() == Some(pid));
    kinds.map(|event| event.kind).collect()
}

/// Returns the exit statuses of processes.
fn exits(events: &[Event]) -> BTreeMap<u32, i32> {
    use std::os::unix::process::ExitStatusExt as _;
    let exits = events.iter().filter_map(|event| match event.kind {
        EventKind::Exit { tgid, status, .. } if event.kind.is_of_process() => {
            Some((tgid, status.into_raw()))
        }
        _ => None,
    });
    exits.collect()
}

#[test]
#[ignore = "needs the proc connector"]
fn events_of_a_process_are_in_order() {
    let _serial = serialize();
    let mut connector = listen(Events::all());
    let me = std::process::id();
    let child = Child::fork(|| {
        setsid().unwrap();
        nix::sys::prctl::set_name(c"another").unwrap();
        setresgid(Gid::from_raw(7), Gid::from_raw(8), Gid::from_raw(8)).unwrap();
        setresuid(Uid::from_raw(4), Uid::from_raw(5), Uid::from_raw(5)).unwrap();
        exec()
    });
    let pid = child.pid();
    assert_eq!(child.wait(), 0);

    let events = queued(&mut connector);
    let events_of_child = of_process(&events, pid);
    let words: Vec<_> = events_of_child
        .iter()
        .map(|kind| kind.events().to_string())
        .collect();
    assert_eq!(words, ["fork", "sid", "comm", "gid", "uid", "exec", "exit"]);
    assert!(events_of_child.iter().all(EventKind::is_of_process));
    assert!(
        matches!(events_of_child[0], EventKind::Fork { parent_tgid, .. } if parent_tgid == me),
        "{events_of_child:?}"
    );
    assert!(
        matches!(events_of_child[2], EventKind::Comm { comm, .. } if comm.as_bytes() == b"another"),
        "{events_of_child:?}"
    );
    assert!(matches!(
        (events_of_child[3], events_of_child[4]),
        (
            EventKind::Gid {
                rgid: 7,
                egid: 8,
                ..
            },
            EventKind::Uid {
                ruid: 4,
                euid: 5,
                ..
            }
        )
    ));
    let times: Vec<_> = events
        .iter()
        .filter(|event| event.tgid() == Some(pid))
        .map(|event| event.time)
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
#[ignore = "needs the proc connector"]
fn exit_has_the_status_of_the_process() {
    let _serial = serialize();
    let mut connector = listen(Events::EXIT | Events::COREDUMP);
    let good = Child::fork(|| 0);
    let bad = Child::fork(|| 3);
    let killed = Child::fork(|| {
        raise(Signal::SIGKILL).unwrap();
        0
    });
    let expected: BTreeMap<u32, i32> = [good, bad, killed]
        .map(|child| (child.pid(), child.wait()))
        .into();
    assert_eq!(
        expected.values().copied().collect::<Vec<_>>(),
        [0, 3 << 8, 9]
    );

    let events = queued(&mut connector);
    let mut found = exits(&events);
    found.retain(|pid, _| expected.contains_key(pid));
    assert_eq!(found, expected);
}

#[test]
#[ignore = "needs the proc connector"]
fn event_of_a_thread_is_not_of_its_process() {
    let _serial = serialize();
    let mut connector = listen(Events::FORK | Events::EXIT);
    let me = std::process::id();
    let tid = std::thread::spawn(|| nix::unistd::gettid().as_raw())
        .join()
        .unwrap();

    // A join returns before the event of the thread's exit is sent.
    let of_thread = |event: &Event| {
        let pid = event.kind.task().map(|(pid, _)| pid);
        pid == u32::try_from(tid).ok()
    };
    let mut thread_events = Vec::new();
    while thread_events.len() < 2 {
        let event = connector.next_event(Some(LONG)).unwrap().unwrap();
        thread_events.extend(Some(event).filter(of_thread));
    }
    assert!(matches!(thread_events[0].kind, EventKind::Fork { tgid, .. } if tgid == me));
    assert!(matches!(thread_events[1].kind, EventKind::Exit { tgid, .. } if tgid == me));
    assert!(!thread_events.iter().any(|event| event.kind.is_of_process()));
}

#[cfg(feature = "tokio")]
#[test]
#[ignore = "needs the proc connector"]
fn stream_delivers_the_same_events() {
    use futures_util::StreamExt as _;

    let _serial = serialize();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_io().build().unwrap().block_on(async {
        let mut stream = listen(Events::NONZERO_EXIT).into_stream().unwrap();
        for code in [1, 2] {
            // The wait begins before the event, or just after it.
            let happens = tokio::task::spawn_blocking(move || {
                let child = Child::fork(|| code);
                (child.pid(), child.wait())
            });
            let statuses = loop {
                let event = stream.next().await.unwrap().unwrap();
                let statuses = exits(&[event]);
                if statuses.values().any(|&status| status == code << 8) {
                    break statuses;
                }
            };
            assert_eq!(statuses, [happens.await.unwrap()].into());
        }
    });
}

#[test]
#[ignore = "needs the proc connector"]
fn wait_ends_with_an_event_or_the_timeout() {
    let _serial = serialize();
    let mut connector = listen(Events::NONZERO_EXIT);
    let next = connector.next_event(Some(Duration::from_millis(1)));
    assert_eq!(next.unwrap(), None);
    let child = Child::fork(|| 7);
    let pid = child.pid();
    let found = connector
        .events()
        .map(Result::unwrap)
        .find(|event| event.tgid() == Some(pid));
    assert_eq!(exits(found.as_slice()), [(pid, 7 << 8)].into());
    assert!(connector.waits() > 0);
    child.wait();
}
