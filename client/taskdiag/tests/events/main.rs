// SPDX-License-Identifier: MIT
//! Events of real processes, from the proc connector of the kernel that runs.
//!
//! Ignored unless asked for, as not every kernel has it: `scripts/test client`
//! runs them in the booted one. `cargo test --test events -- --ignored` does
//! on a host that has it, as root. They hold where other processes come and go.

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

/// Long enough for what is to come in any case.
const LONG: Duration = Duration::from_secs(60);

/// One test at a time: they count.
fn serialize() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(events: Events) -> Connector {
    Connector::listen(events).expect("these tests need the proc connector")
}

/// What there is already; nothing of it may be a loss.
fn queued(source: &mut impl EventSource) -> Vec<Event> {
    let next = || source.next_event(Some(Duration::ZERO)).unwrap();
    let events: Vec<_> = std::iter::from_fn(next).collect();
    assert!(!events.iter().any(Event::is_lost), "events were lost");
    events
}

/// What happened to that process, of what there is.
fn of_process(events: &[Event], pid: u32) -> Vec<EventKind> {
    let kinds = events.iter().filter(|event| event.tgid() == Some(pid));
    kinds.map(|event| event.kind).collect()
}

/// The statuses that processes ended with.
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
fn a_life_is_told_in_order() {
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
    let life = of_process(&events, pid);
    let words: Vec<_> = life.iter().map(|kind| kind.events().to_string()).collect();
    assert_eq!(words, ["fork", "sid", "comm", "gid", "uid", "exec", "exit"]);
    assert!(life.iter().all(EventKind::is_of_process));
    assert!(
        matches!(life[0], EventKind::Fork { parent_tgid, .. } if parent_tgid == me),
        "{life:?}"
    );
    assert!(
        matches!(life[2], EventKind::Comm { comm, .. } if comm.as_bytes() == b"another"),
        "{life:?}"
    );
    assert!(matches!(
        (life[3], life[4]),
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
fn ends_are_told_as_they_are() {
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
fn threads_are_told_apart_from_processes() {
    let _serial = serialize();
    let mut connector = listen(Events::FORK | Events::EXIT);
    let me = std::process::id();
    let tid = std::thread::spawn(|| nix::unistd::gettid().as_raw())
        .join()
        .unwrap();

    // Whoever joins is told before the thread's end is.
    let of_thread = |event: &Event| {
        let pid = event.kind.task().map(|(pid, _)| pid);
        pid == u32::try_from(tid).ok()
    };
    let mut of_it = Vec::new();
    while of_it.len() < 2 {
        let event = connector.next_event(Some(LONG)).unwrap().unwrap();
        of_it.extend(Some(event).filter(of_thread));
    }
    assert!(matches!(of_it[0].kind, EventKind::Fork { tgid, .. } if tgid == me));
    assert!(matches!(of_it[1].kind, EventKind::Exit { tgid, .. } if tgid == me));
    assert!(!of_it.iter().any(|event| event.kind.is_of_process()));
}

#[cfg(feature = "tokio")]
#[test]
#[ignore = "needs the proc connector"]
fn a_stream_has_the_same_events() {
    use futures_util::StreamExt as _;

    let _serial = serialize();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_io().build().unwrap().block_on(async {
        let mut stream = listen(Events::NONZERO_EXIT).into_stream().unwrap();
        for code in [1, 2] {
            // It is waited for before it happens, or just after.
            let happens = tokio::task::spawn_blocking(move || {
                let child = Child::fork(|| code);
                (child.pid(), child.wait())
            });
            let told = loop {
                let event = stream.next().await.unwrap().unwrap();
                let told = exits(&[event]);
                if told.values().any(|&status| status == code << 8) {
                    break told;
                }
            };
            assert_eq!(told, [happens.await.unwrap()].into());
        }
    });
}

#[test]
#[ignore = "needs the proc connector"]
fn waiting_ends_with_an_event_or_with_the_time() {
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
