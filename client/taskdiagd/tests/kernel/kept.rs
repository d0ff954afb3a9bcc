// SPDX-License-Identifier: MIT
//! What is kept is what is there: nobody who asks behind something that
//! happened is told what was before.

use std::fs;
use std::process::{Child, Command};
use std::thread;

use taskdiag::{Client, Daemon, Request, Show, Strategy, Task};

use crate::common::{AS_USER, House, Target};

const ROUNDS: usize = 100;

fn kept(client: &mut Client<Daemon>) -> Vec<Task> {
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
fn who_has_begun_is_there_and_who_was_waited_for_is_not() {
    let house = House::new("procfs", &[]);
    let mut client = house.client();
    for _ in 0..ROUNDS {
        let target = Target::new(&["setpriv", "--reuid", "1000", "sleep"]);
        let pid = target.pid();
        let tasks = kept(&mut client);
        let row = find(&tasks, pid).expect("it has begun");
        let (base, cred) = (row.base.unwrap(), row.cred.unwrap());
        // setpriv set its ids and became sleep since it was forked.
        assert_eq!(base.comm.as_bytes(), b"sleep");
        assert_eq!(base.ppid, std::process::id());
        assert_eq!(
            [cred.uid, cred.euid, cred.suid, cred.gid],
            [1000, 1000, 1000, 0]
        );
        target.end();
        assert_eq!(find(&kept(&mut client), pid), None);
    }
}

/// Takes another name all the time.
struct Renamer(Child);

impl Renamer {
    fn new(by: &[&str]) -> Self {
        let script = "while :; do i=$((i + 1)); echo $i >/proc/$$/comm; done";
        let mut command = Command::new(by[0]);
        command.args(&by[1..]);
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
fn who_takes_another_name_all_the_time_is_there() {
    let house = House::new("procfs", &[]);
    let renamers: Vec<_> = (0..2).map(|_| Renamer::new(&AS_USER)).collect();
    for _ in 0..10 {
        let output = house.command(&AS_USER, "daemon", &["--all", "--show", "base,cred"]);
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
fn filters_hold_for_kept_rows() {
    let house = House::new("procfs", &[]);
    let targets = [1000, 1000, 1001]
        .map(|uid: u32| Target::new(&["setpriv", "--reuid", &uid.to_string(), "sleep"]));
    let all = || Request::new(Strategy::All).show(Show::BASE);
    for (request, those) in [
        (all().uid(1000), &targets[..2]),
        (all().uid(1001), &targets[2..]),
        (all().uid(1001).comm(b"sle"), &targets[2..]),
        (all().uid(1001).comm(b"slept"), &[]),
    ] {
        let tasks = house.ask(&request).unwrap();
        let pids: Vec<_> = tasks.iter().map(|task| task.pid).collect();
        let mut expected: Vec<_> = those.iter().map(Target::pid).collect();
        expected.sort_unstable();
        assert_eq!(pids, expected, "{request:?}");
        assert!(tasks.iter().all(|task| task.cached && task.cred.is_none()));
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn what_no_event_tells_is_read_anew_where_it_is_asked_for() {
    let house = House::new("procfs", &[]);
    let target = Target::new(&["sleep"]);
    let all = || Request::new(Strategy::All).show(Show::BASE);
    for request in [
        all().show(Show::BASE | Show::STAT),
        all().states(taskdiag::States::INTERRUPTIBLE),
        all().pids([target.pid()]),
        Request::new(Strategy::One(target.pid())).show(Show::BASE),
        Request::new(Strategy::Children(std::process::id())).show(Show::BASE),
    ] {
        let tasks = house.ask(&request).unwrap();
        let row = find(&tasks, target.pid()).unwrap();
        assert!(!row.cached, "{request:?}");
        assert_eq!(row.base.unwrap().state.letter(), 'S', "{request:?}");
    }
}
