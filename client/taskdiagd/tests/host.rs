// SPDX-License-Identifier: MIT
//! The daemon on the running kernel, with procfs and its events. Without events, or
//! without root, the test checks the error.

mod common;

use std::process::Command;

use common::{AS_USER, TASKDIAGD, Target, TestDaemon};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use taskdiag::events::{Connector, Events};
use taskdiag::{Client, Error, Request, Show, Strategy};

#[test]
fn processes_are_listed_from_events_or_the_error_has_the_reason() {
    if !geteuid().is_root() {
        return fails_with("CAP_SETUID is missing");
    }
    if let Err(error) = Connector::listen(Events::all()) {
        eprintln!("this host has no events: {error}");
        return fails_with("cannot follow events");
    }
    let daemon = TestDaemon::new("procfs", &[]);
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    let target = Target::new(&["sleep"]);
    let find = |pid| {
        let tasks = daemon.dump(&request).unwrap();
        assert!(tasks.iter().all(|task| task.cached));
        tasks.into_iter().find(|task| task.pid == pid)
    };
    let pid = target.pid();
    let row = find(pid).expect("the process exists");
    assert_eq!(row.base.unwrap().comm.as_bytes(), b"sleep");
    assert_eq!(row.base.unwrap().ppid, std::process::id());
    target.end();
    assert_eq!(find(pid), None);
}

/// Starts the daemon, or returns `None` if this host has no rights or no events.
fn daemon() -> Option<TestDaemon> {
    if !geteuid().is_root() || Connector::listen(Events::all()).is_err() {
        eprintln!("this host has no root or no events");
        return None;
    }
    Some(TestDaemon::new("procfs", &[]))
}

/// `mounts::replies_from_procfs_have_the_tasks_and_groups_that_the_mount_shows` compares
/// more clients in the booted kernel.
#[test]
fn replies_have_the_tasks_and_groups_that_the_mount_shows() {
    if common::mounts::is_client() || daemon().is_some() {
        let name = "replies_have_the_tasks_and_groups_that_the_mount_shows";
        // The users.
        common::mounts::compare_all("procfs", name, &common::mounts::CALLERS[3..5]);
    }
}

/// Without task_diag in the kernel, a user gets all processes of `/proc`, from the daemon.
#[test]
fn transport_auto_selects_the_daemon_for_users() {
    if !matches!(Client::connect(), Err(Error::NoFamily)) {
        eprintln!("this kernel has task_diag");
        return;
    }
    let Some(daemon) = daemon() else {
        return;
    };
    let pids = |transport| {
        let words = ["--all", "--show", "base,cred", "-o", "pid", "--no-headers"];
        let output = daemon.command(&AS_USER, transport, &words);
        assert!(output.status.success(), "{output:?}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        let pids: Vec<u32> = stdout
            .split_whitespace()
            .map(|pid| pid.parse().unwrap())
            .collect();
        (pids, String::from_utf8(output.stderr).unwrap())
    };
    let (before, _) = pids("procfs");
    let (reported, stderr) = pids("auto");
    let (after, _) = pids("procfs");
    assert!(
        stderr.contains("taskdiagd answered from its row cache"),
        "{stderr}"
    );
    for pid in before.iter().filter(|pid| after.contains(pid)) {
        assert!(reported.contains(pid), "{pid}");
    }
    assert!(reported.contains(&1));
}

#[test]
fn daemon_serves_after_sighup_and_removes_its_socket_when_it_ends() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let Some(mut daemon) = daemon() else {
            return;
        };
        let pid = Pid::from_raw(daemon.pid().try_into().expect("a pid"));
        kill(pid, Signal::SIGHUP).expect("a daemon");
        let request = Request::new(Strategy::All).show(Show::BASE);
        assert!(daemon.dump(&request).is_ok());
        assert!(daemon.stop(signal).success());
        assert!(!daemon.socket().exists());
    }
}

/// Checks that the daemon fails with this error.
fn fails_with(cause: &str) {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(TASKDIAGD)
        .args(["--source", "procfs", "--socket"])
        .arg(dir.path().join("socket"))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(cause), "{stderr}");
}
