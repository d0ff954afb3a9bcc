// SPDX-License-Identifier: MIT
//! What any user can do to all who listen to the proc connector.
//!
//! A program of its own, and ignored unless asked for: whoever listens beside
//! it hears nothing meanwhile. `scripts/test client` runs it in the booted
//! kernel, after the others.

#[path = "common/silencer.rs"]
mod silencer;

use std::process::Command;
use std::time::Duration;

use taskdiag::events::{Connector, EventSource as _, Events, FilteredBy};

use silencer::{mend, silence};

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
