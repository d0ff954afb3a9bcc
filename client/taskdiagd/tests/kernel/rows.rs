// SPDX-License-Identifier: MIT
//! The rows of the daemon equal those of the kernel.

use std::collections::BTreeMap;

use taskdiag::{Client, Error, Request, Show, State, Strategy, Task};

use crate::SOURCES;
use crate::common::{AS_USER, Target, TestDaemon};

fn all() -> Request<'static> {
    Request::new(Strategy::All).show(Show::BASE | Show::CRED)
}

fn by_pid(tasks: Vec<Task>) -> BTreeMap<u32, Task> {
    tasks.into_iter().map(|task| (task.pid, task)).collect()
}

fn of_kernel(request: &Request<'_>) -> BTreeMap<u32, Task> {
    let mut client = Client::connect().expect("these tests need a kernel with TASKDIAG");
    let mut dump = client.dump(request).unwrap();
    by_pid(dump.tasks().map(Result::unwrap).collect())
}

/// Returns the cached row that corresponds to a row of the kernel.
fn as_cached(mut task: Task) -> Task {
    let base = task.base.as_mut().unwrap();
    if base.state != State::Zombie {
        base.state = State::Unknown;
    }
    task.cred.as_mut().unwrap().securebits = None;
    task.cached = true;
    task
}

/// Returns sleeping processes of several kinds.
fn targets() -> Vec<Target> {
    let by = |words: &[&str]| Target::new(&[words, &["sleep"]].concat());
    let mut targets = vec![
        by(&["setsid"]),
        by(&AS_USER),
        by(&[&AS_USER[..], &["--no-new-privs"]].concat()),
        by(&["setpriv", "--bounding-set", "-sys_admin"]),
    ];
    targets.extend((0..40).map(|_| by(&["nice"])));
    targets
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn rows_of_all_processes_equal_those_of_the_kernel() {
    let targets = targets();
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let before = of_kernel(&all());
        let rows = by_pid(daemon.dump(&all()).unwrap());
        let after = of_kernel(&all());
        let mut compared = 0;
        for (pid, row) in &before {
            // A row that changed during the test is not compared.
            if after.get(pid) == Some(row) {
                let expected = match source {
                    "procfs" => as_cached(row.clone()),
                    _ => row.clone(),
                };
                assert_eq!(rows.get(pid), Some(&expected), "{source}");
                compared += 1;
            }
        }
        assert!(compared > targets.len(), "{compared} rows did not change");
        for pid in rows.keys() {
            assert!(before.contains_key(pid) || after.contains_key(pid), "{pid}");
        }
    }
}

/// Returns the lines of the command about these processes.
fn lines(output: &str, targets: &[Target], at: usize) -> Vec<String> {
    let pids: Vec<_> = targets.iter().map(|one| one.pid().to_string()).collect();
    let is_mine = |line: &&str| {
        let pid = line.split_whitespace().nth(at);
        pid.is_some_and(|pid| pids.iter().any(|mine| mine == pid))
    };
    output.lines().filter(is_mine).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn command_prints_the_same_through_the_daemon() {
    let targets = targets();
    let words = ["--all", "--show", "base,cred"];
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let run = |transport: &str| {
            let output = daemon.command(&[], transport, &words);
            assert!(output.status.success(), "{output:?}");
            let stderr = String::from_utf8(output.stderr).unwrap();
            let rows = lines(&String::from_utf8(output.stdout).unwrap(), &targets, 2);
            (rows, stderr)
        };
        let (mut expected, _) = run("netlink");
        let (rows, stderr) = run("daemon");
        assert_eq!(expected.len(), targets.len());
        if source == "procfs" {
            assert!(
                stderr.contains("taskdiagd answered from its row cache"),
                "{stderr}"
            );
            for line in &mut expected {
                *line = line.replacen(" S ", " ? ", 1);
            }
        } else {
            assert_eq!(stderr, "");
        }
        assert_eq!(rows, expected, "{source}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn replies_to_other_requests_equal_those_of_the_kernel() {
    let targets = targets();
    let (me, one) = (std::process::id(), targets[1].pid());
    let show = Show::BASE
        | Show::CRED
        | Show::IDENT
        | Show::CMDLINE
        | Show::VMA
        | Show::NS
        | Show::PATHS
        | Show::ENVIRON;
    let pids: Vec<_> = targets.iter().map(Target::pid).collect();
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        for request in [
            Request::new(Strategy::All).show(show).pids(pids.clone()),
            Request::new(Strategy::Children(me)).show(show).uid(1000),
            Request::new(Strategy::Descendants(me))
                .show(Show::BASE)
                .pids(pids.clone()),
            Request::new(Strategy::Threads(one)).show(show),
            Request::new(Strategy::One(one)).show(show),
            Request::new(Strategy::AllThreads)
                .show(Show::CRED)
                .pids(pids.clone()),
        ] {
            let mut expected = of_kernel(&request);
            let mut rows = by_pid(daemon.dump(&request).unwrap());
            for task in expected.values_mut().chain(rows.values_mut()) {
                if let Some(ident) = &mut task.ident {
                    // procfs reports ticks.
                    ident.start_time -= ident.start_time % 10_000_000;
                }
                if let (Some(cred), "procfs") = (&mut task.cred, source) {
                    cred.securebits = None;
                }
            }
            assert!(!expected.is_empty(), "{request:?}");
            assert_eq!(rows, expected, "{source}: {request:?}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn refusals_equal_those_of_the_kernel() {
    let all = || Request::new(Strategy::All);
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let mut kernel = Client::connect().unwrap();
        for request in [
            Request::new(Strategy::One(0)),
            Request::new(Strategy::Children(u32::MAX)),
            Request::new(Strategy::One(1)).comm(b"nobody"),
            all().show(Show::from_bits_retain(1 << 40)),
            all().comm(b""),
            all().pids([]),
            all().uid(u32::MAX),
        ] {
            let expected = kernel.dump(&request).unwrap().next().map(drop);
            let result = daemon.client().dump(&request).unwrap().next().map(drop);
            assert_eq!(refused(result), refused(expected), "{source}: {request:?}");
        }
        // The connection is usable after a refusal.
        let mut client = daemon.client();
        assert!(client.get(&Request::new(Strategy::One(0))).is_err());
        assert_eq!(client.one(1, Show::BASE).unwrap().pid, 1);
        assert_eq!(client.features().unwrap().groups, Show::all());
    }
}

/// Returns errno and attribute of a refusal. The offset depends on the length of the
/// headers, and the text is not part of the protocol.
fn refused(reply: Result<(), Error>) -> (i32, Option<&'static str>) {
    let Err(Error::Kernel(error)) = reply else {
        panic!("not refused: {reply:?}");
    };
    let name = error.attribute.and_then(|attribute| attribute.name());
    (error.errno, name)
}
