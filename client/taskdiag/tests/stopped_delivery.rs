// SPDX-License-Identifier: MIT
//! What any user can do to all who listen to the proc connector.
//!
//! A program of its own, and ignored unless asked for: whoever listens beside
//! it hears nothing meanwhile. `scripts/test client` runs it in the booted
//! kernel, after the others.

#[path = "common/connector_control.rs"]
mod connector_control;

use std::fs;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskdiag::events::{Connector, Event, EventKind, EventSource as _, Events, FilteredBy, Lost};
use taskdiag::live::Live;
use taskdiag::{Client, Procfs, RECEIVE_BUFFER, Show};

use connector_control::{restore_delivery, stop_delivery};

/// One test after another: there is one connector.
fn serialize() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a listener is told that a process lives and ends.
fn receives_events(connector: &mut Connector) -> bool {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let pid = child.id();
    let next = || connector.next_event(Some(Duration::ZERO)).unwrap();
    std::iter::from_fn(next).any(|event| event.tgid() == Some(pid))
}

#[test]
#[ignore = "needs a kernel of its own"]
fn any_user_can_silence_the_connector() {
    let _serial = serialize();
    let mut connector = Connector::listen(Events::all()).unwrap();
    assert_eq!(
        connector.filtered_by(),
        FilteredBy::Kernel,
        "this is of Linux 6.6 and later"
    );
    assert!(receives_events(&mut connector));

    stop_delivery();
    assert!(!receives_events(&mut connector));
    // Nothing tells the listener; who begins to listen now is told.
    let late = Connector::listen(Events::all()).unwrap_err().to_string();
    assert!(late.contains("did not acknowledge"), "{late}");

    restore_delivery();
    assert!(receives_events(&mut connector));
}

/// What a listener is told that wants to know whether it is told everything;
/// true if that is so.
fn probe_finds_delivery(connector: &mut Connector) -> bool {
    connector.probe().unwrap();
    let next = || connector.next_event(Some(Duration::ZERO)).unwrap();
    let is_stop = |event: Event| event.kind == EventKind::Lost(Lost::DeliveryStopped);
    // Each of them, as it is known when there are no more.
    std::iter::from_fn(next)
        .filter(|&event| is_stop(event))
        .count()
        == 0
}

#[test]
#[ignore = "needs a kernel of its own"]
fn who_wants_to_know_finds_out() {
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
        "there was a silence before"
    );
    assert!(probe_finds_delivery(&mut connector));
    stop_delivery();
    restore_delivery();
    assert!(
        !probe_finds_delivery(&mut connector),
        "there was one in between"
    );
    assert!(probe_finds_delivery(&mut connector));
    assert_eq!(name(), before);
}

#[test]
#[ignore = "needs a kernel of its own"]
fn what_was_told_before_says_nothing() {
    let _serial = serialize();
    let mut connector = Connector::listen(Events::all()).unwrap();
    // An event as that of who wants to know, which nobody has received yet.
    let name = fs::read("/proc/thread-self/comm").unwrap();
    fs::write("/proc/thread-self/comm", name).unwrap();
    let before = connector.receives();
    connector.probe().unwrap();
    assert!(connector.receives() > before, "it may answer for the next");
}

#[test]
#[ignore = "needs a kernel of its own"]
fn a_table_is_not_deceived() {
    let _serial = serialize();
    let connector = Connector::listen(Events::all()).unwrap();
    let client = Client::with_transport(Procfs::open().unwrap(), RECEIVE_BUFFER);
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
    // Nobody asks until it is over.
    let gone = end(second);
    restore_delivery();
    live.sync_pids([]).unwrap();
    assert!(live.get(gone).is_none());

    let dumps = live.stats().dumps;
    let third = begin();
    live.sync().unwrap();
    assert!(live.get(third.id()).is_some());
    assert_eq!(live.stats().dumps, dumps, "events come again");
    end(third);
}
