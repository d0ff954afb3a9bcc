// SPDX-License-Identifier: MIT
//! The daemon on the kernel that runs, out of procfs and by its events. Where
//! there are none, or for who is not root, it is held to saying so.

mod common;

use std::process::Command;

use common::{House, TASKDIAGD, Target};
use nix::unistd::geteuid;
use taskdiag::events::{Connector, Events};
use taskdiag::{Request, Show, Strategy};

#[test]
fn processes_are_listed_without_a_scan_or_it_is_said_why_not() {
    if !geteuid().is_root() {
        return ends_with("CAP_SETUID is missing");
    }
    if let Err(error) = Connector::listen(Events::all()) {
        eprintln!("no list to be had on this host: {error}");
        return ends_with("nothing tells of events");
    }
    let house = House::new("procfs", &[]);
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    let target = Target::new(&["sleep"]);
    let find = |pid| {
        let tasks = house.ask(&request).unwrap();
        assert!(tasks.iter().all(|task| task.cached));
        tasks.into_iter().find(|task| task.pid == pid)
    };
    let pid = target.pid();
    let row = find(pid).expect("it has begun");
    assert_eq!(row.base.unwrap().comm.as_bytes(), b"sleep");
    assert_eq!(row.base.unwrap().ppid, std::process::id());
    target.end();
    assert_eq!(find(pid), None);
}

/// It ends in failure, and says this.
fn ends_with(why: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(TASKDIAGD)
        .args(["--source", "procfs", "--socket"])
        .arg(folder.path().join("socket"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(why), "{said}");
}
