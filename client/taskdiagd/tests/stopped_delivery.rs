// SPDX-License-Identifier: MIT
//! Stopped delivery of events: the daemon does not report stale rows.
//!
//! A test program of its own, and ignored by default, because no process on the system
//! receives events meanwhile: see the test of that name in the library.

mod common;
#[path = "common/connector_control.rs"]
mod connector_control;

use common::{Target, TestDaemon};
use connector_control::{restore_delivery, stop_delivery};
use taskdiag::{Request, Show, Strategy, Task};

/// Returns those of these pids that the daemon reports.
fn reported(daemon: &TestDaemon, pids: &[u32]) -> Vec<u32> {
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    let tasks = daemon.dump(&request).unwrap();
    assert!(tasks.iter().all(|task| task.cached));
    let all = tasks.iter().map(|task: &Task| task.pid);
    all.filter(|pid| pids.contains(pid)).collect()
}

fn sleeper() -> Target {
    Target::new(&["sleep"])
}

#[test]
#[ignore = "needs a kernel of its own"]
fn rows_are_current_while_delivery_is_stopped_and_after_it_resumes() {
    let daemon = TestDaemon::new("procfs", &[]);
    let (first, second) = (sleeper(), sleeper());
    let before = [first.pid(), second.pid()];
    assert_eq!(reported(&daemon, &before), before);

    stop_delivery();
    let third = sleeper();
    let all = [first.pid(), second.pid(), third.pid()];
    first.end();
    assert_eq!(reported(&daemon, &all), all[1..]);
    // The second change after delivery stopped.
    third.end();
    assert_eq!(reported(&daemon, &all), all[1..2]);

    // No request until delivery resumes.
    second.end();
    restore_delivery();
    assert_eq!(reported(&daemon, &all), []);
    let fourth = sleeper();
    assert_eq!(reported(&daemon, &[fourth.pid()]), [fourth.pid()]);
    stop_delivery();
    let pid = fourth.pid();
    fourth.end();
    restore_delivery();
    assert_eq!(reported(&daemon, &[pid]), []);
}
