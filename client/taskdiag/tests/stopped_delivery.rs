// SPDX-License-Identifier: MIT
//! Effects of a user that stops the delivery of the proc connector to all
//! listeners.
//!
//! A test program of its own, ignored by default, because other listeners of
//! the host receive nothing meanwhile. `scripts/test client` runs it in the
//! booted kernel, after the other programs.

#[path = "common/connector_control.rs"]
mod connector_control;

use std::fs;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskdiag::events::{Connector, Event, EventKind, EventSource as _, Events, FilteredBy, Lost};
use taskdiag::live::Live;
use taskdiag::{Client, Procfs, Show};

use connector_control::{restore_delivery, stop_delivery};

/// One test at a time: the host has one connector.
fn serialize() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a listener receives the events of a process that starts and ends.
fn receives_events(connector: &mut Connector) -> bool {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let pid = child.id();
    let next = || connector.next_event(Some(Duration::ZERO)).unwrap();
    std::iter::from_fn(next).any(|event| event.tgid() == Some(pid))
}

#[test]
#[ignore = "needs a kernel of its own"]
fn any_user_can_stop_the_delivery() {
    let _serial = serialize();
    let mut connector = Connector::listen(Events::all()).unwrap();
    assert_eq!(
        connector.filtered_by(),
        FilteredBy::Kernel,
        "requires Linux 6.6"
    );
    assert!(receives_events(&mut connector));

    stop_delivery();
    assert!(!receives_events(&mut connector));
    // The listener is not notified; a new subscription is not acknowledged.
    let error = Connector::listen(Events::all()).unwrap_err().to_string();
    assert!(error.contains("did not acknowledge"), "{error}");

    restore_delivery();
    assert!(receives_events(&mut connector));
}

/// Sends a probe and returns whether no stop is reported.
fn probe_finds_delivery(connector: &mut Connector) -> bool {
    connector.probe().unwrap();
    let next = || connector.next_event(Some(Duration::ZERO)).unwrap();
    let is_stop = |event: Event| event.kind == EventKind::Lost(Lost::DeliveryStopped);
    // Read all events: a stop is reported when no further event is queued.
    std::iter::from_fn(next)
        .filter(|&event| is_stop(event))
        .count()
        == 0
}

#[test]
#[ignore = "needs a kernel of its own"]
fn probe_detects_a_stopped_delivery() {
    let _serial = serialize();
    let name = || fs::read("/proc/thread-self/comm").unwrap();
    let before = name();
    let mut connector = Connector::listen(Events::all()).unwrap();
    assert!(probe_finds_delivery(&mut connector));
    assert!(probe_finds_delivery(&mut connector));
    stop_delivery();
    assert!(!probe_finds_delivery(&mut connector));
    assert!(!probe_finds_delivery(&mut connector));
    restore_delivery();
    assert!(
        !probe_finds_delivery(&mut connector),
        "the delivery had stopped before"
    );
    assert!(probe_finds_delivery(&mut connector));
    stop_delivery();
    restore_delivery();
    assert!(
        !probe_finds_delivery(&mut connector),
        "the delivery had stopped in between"
    );
    assert!(probe_finds_delivery(&mut connector));
    assert_eq!(name(), before);
}

#[test]
#[ignore = "needs a kernel of its own"]
fn probe_ignores_earlier_events() {
    let _serial = serialize();
    let mut connector = Connector::listen(Events::all()).unwrap();
    // An event that looks like a probe, and has not been received yet.
    let name = fs::read("/proc/thread-self/comm").unwrap();
    fs::write("/proc/thread-self/comm", name).unwrap();
    let before = connector.receives();
    connector.probe().unwrap();
    assert!(
        connector.receives() > before,
        "the earlier event was not received"
    );
}

#[test]
#[ignore = "needs a kernel of its own"]
fn live_table_detects_a_stopped_delivery() {
    let _serial = serialize();
    let connector = Connector::listen(Events::all()).unwrap();
    let client = Client::new(Procfs::open().unwrap());
    let mut live = Live::new(client, connector, Show::BASE).unwrap();
    let begin = || Command::new("sleep").arg("1000000").spawn().unwrap();
    let end = |mut child: Child| {
        child.kill().unwrap();
        child.wait().unwrap();
        child.id()
    };
    let first = begin();
    live.sync().unwrap();
    assert!(live.get(first.id()).is_some());

    stop_delivery();
    let second = begin();
    let gone = end(first);
    live.sync_pids([]).unwrap();
    assert!(live.get(second.id()).is_some());
    assert!(live.get(gone).is_none());
    // The stop ends before the next probe.
    let gone = end(second);
    restore_delivery();
    live.sync_pids([]).unwrap();
    assert!(live.get(gone).is_none());

    let dumps = live.stats().dumps;
    let third = begin();
    live.sync().unwrap();
    assert!(live.get(third.id()).is_some());
    assert_eq!(live.stats().dumps, dumps, "the delivery was not restored");
    end(third);
}
