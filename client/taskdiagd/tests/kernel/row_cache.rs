// SPDX-License-Identifier: MIT
//! Cached rows are current: a request after a change returns the changed row.

use std::fs;
use std::process::{Child, Command};
use std::thread;

use taskdiag::{Client, Daemon, NetlinkSource, Request, Show, Strategy, Task};

use crate::common::{AS_USER, HIDING, Target, TestDaemon};

const ROUNDS: usize = 100;

fn cached_rows(client: &mut Client<NetlinkSource<Daemon>>) -> Vec<Task> {
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    let tasks: Vec<_> = client
        .dump(&request)
        .unwrap()
        .tasks()
        .map(Result::unwrap)
        .collect();
    assert!(tasks.iter().all(|task| task.cached));
    tasks
}

fn find(tasks: &[Task], pid: u32) -> Option<&Task> {
    tasks.iter().find(|task| task.pid == pid)
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn started_process_is_listed_and_reaped_process_is_not() {
    let daemon = TestDaemon::new("procfs", &[]);
    let mut client = daemon.client();
    for _ in 0..ROUNDS {
        let target = Target::new(&["setpriv", "--reuid", "1000", "sleep"]);
        let pid = target.pid();
        let tasks = cached_rows(&mut client);
        let row = find(&tasks, pid).expect("the process exists");
        let (base, cred) = (row.base.unwrap(), row.cred.unwrap());
        // Since it was forked, setpriv has set its ids and called execve() of sleep.
        assert_eq!(base.comm.as_bytes(), b"sleep");
        assert_eq!(base.ppid, std::process::id());
        assert_eq!(
            [cred.uid, cred.euid, cred.suid, cred.gid],
            [1000, 1000, 1000, 0].map(Some)
        );
        target.end();
        assert_eq!(find(&cached_rows(&mut client), pid), None);
    }
}

/// A process that changes its name continually.
struct Renamer(Child);

impl Renamer {
    fn new(prefix: &[&str]) -> Self {
        let script = "while :; do i=$((i + 1)); echo $i >/proc/$$/comm; done";
        let mut command = Command::new(prefix[0]);
        command.args(&prefix[1..]);
        let renamer = Self(command.args(["sh", "-c", script]).spawn().unwrap());
        let comm = || fs::read_to_string(format!("/proc/{}/comm", renamer.0.id())).unwrap();
        while comm().trim().parse::<u64>().is_err() {
            thread::yield_now();
        }
        renamer
    }
}

impl Drop for Renamer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn process_that_changes_its_name_continually_is_listed() {
    let daemon = TestDaemon::new("procfs", &[]);
    let renamers: Vec<_> = (0..2).map(|_| Renamer::new(&AS_USER)).collect();
    for _ in 0..10 {
        let prefix = [&HIDING[..], &AS_USER].concat();
        let output = daemon.command(&prefix, "daemon", &["--all", "--show", "base,cred"]);
        assert!(output.status.success(), "{output:?}");
        let output = String::from_utf8(output.stdout).unwrap();
        for renamer in &renamers {
            let pid = renamer.0.id().to_string();
            let is_it = |line: &str| line.split_whitespace().nth(2) == Some(&pid);
            assert!(output.lines().any(is_it), "{pid}: {output}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn filters_select_cached_rows() {
    let daemon = TestDaemon::new("procfs", &[]);
    let targets = [1000, 1000, 1001]
        .map(|uid: u32| Target::new(&["setpriv", "--reuid", &uid.to_string(), "sleep"]));
    let all = || Request::new(Strategy::All).show(Show::BASE);
    for (request, selected) in [
        (all().uid(1000), &targets[..2]),
        (all().uid(1001), &targets[2..]),
        (all().uid(1001).comm(b"sle"), &targets[2..]),
        (all().uid(1001).comm(b"slept"), &[]),
    ] {
        let tasks = daemon.dump(&request).unwrap();
        let pids: Vec<_> = tasks.iter().map(|task| task.pid).collect();
        let mut expected: Vec<_> = selected.iter().map(Target::pid).collect();
        expected.sort_unstable();
        assert_eq!(pids, expected, "{request:?}");
        assert!(tasks.iter().all(|task| task.cached && task.cred.is_none()));
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn requests_for_other_values_are_read_from_procfs() {
    let daemon = TestDaemon::new("procfs", &[]);
    let target = Target::new(&["sleep"]);
    let all = || Request::new(Strategy::All).show(Show::BASE);
    for request in [
        all().show(Show::BASE | Show::STAT),
        all().states(taskdiag::States::INTERRUPTIBLE),
        all().pids([target.pid()]),
        Request::new(Strategy::One(target.pid())).show(Show::BASE),
        Request::new(Strategy::Children(std::process::id())).show(Show::BASE),
    ] {
        let tasks = daemon.dump(&request).unwrap();
        let row = find(&tasks, target.pid()).unwrap();
        assert!(!row.cached, "{request:?}");
        assert_eq!(row.base.unwrap().state.letter(), 'S', "{request:?}");
    }
}
