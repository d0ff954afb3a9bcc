// SPDX-License-Identifier: MIT
//! What any user can do to all who listen to the proc connector.
//!
//! A program of its own, and ignored unless asked for: whoever listens beside
//! it hears nothing meanwhile. `scripts/test client` runs it in the booted
//! kernel, after the others.

#[path = "common/silencer.rs"]
mod silencer;

use std::fs;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskdiag::events::{Connector, Event, EventKind, EventSource as _, Events, FilteredBy, Lost};
use taskdiag::live::Live;
use taskdiag::{Client, Procfs, Show};

use silencer::{mend, silence};

/// One test after another: there is one connector.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a listener is told that a process lives and ends.
fn hears(connector: &mut Connector) -> bool {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let pid = child.id();
    let next = || connector.next_event(Some(Duration::ZERO)).unwrap();
    std::iter::from_fn(next).any(|event| event.tgid() == Some(pid))
}

#[test]
#[ignore = "needs a kernel of its own"]
fn any_user_can_silence_the_connector() {
    let _alone = alone();
    let mut connector = Connector::listen(Events::all()).unwrap();
    assert_eq!(
        connector.filtered_by(),
        FilteredBy::Kernel,
        "this is of Linux 6.6 and later"
    );
    assert!(hears(&mut connector));

    silence();
    assert!(!hears(&mut connector));
    // Nothing tells the listener; who begins to listen now is told.
    let late = Connector::listen(Events::all()).unwrap_err().to_string();
    assert!(late.contains("did not acknowledge"), "{late}");

    mend();
    assert!(hears(&mut connector));
}

/// What a listener is told that wants to know whether it is told everything;
/// true if that is so.
fn is_told(connector: &mut Connector) -> bool {
    connector.probe().unwrap();
    let next = || connector.next_event(Some(Duration::ZERO)).unwrap();
    let is_silence = |event: Event| event.kind == EventKind::Lost(Lost::Silence);
    // Each of them, as it is known when there are no more.
    std::iter::from_fn(next)
        .filter(|&event| is_silence(event))
        .count()
        == 0
}

#[test]
#[ignore = "needs a kernel of its own"]
fn who_wants_to_know_finds_out() {
    let _alone = alone();
    let name = || fs::read("/proc/thread-self/comm").unwrap();
    let before = name();
    let mut connector = Connector::listen(Events::all()).unwrap();
    assert!(is_told(&mut connector));
    assert!(is_told(&mut connector));
    silence();
    assert!(!is_told(&mut connector));
    assert!(!is_told(&mut connector));
    mend();
    assert!(!is_told(&mut connector), "there was a silence before");
    assert!(is_told(&mut connector));
    silence();
    mend();
    assert!(!is_told(&mut connector), "there was one in between");
    assert!(is_told(&mut connector));
    assert_eq!(name(), before);
}

#[test]
#[ignore = "needs a kernel of its own"]
fn what_was_told_before_says_nothing() {
    let _alone = alone();
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
    let _alone = alone();
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

    silence();
    let second = begin();
    let gone = end(first);
    live.sync_those([]).unwrap();
    assert!(live.get(second.id()).is_some());
    assert!(live.get(gone).is_none());
    // Nobody asks until it is over.
    let gone = end(second);
    mend();
    live.sync_those([]).unwrap();
    assert!(live.get(gone).is_none());

    let dumps = live.stats().dumps;
    let third = begin();
    live.sync().unwrap();
    assert!(live.get(third.id()).is_some());
    assert_eq!(live.stats().dumps, dumps, "events come again");
    end(third);
}
