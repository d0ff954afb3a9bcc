// SPDX-License-Identifier: MIT
//! The rows are the kernel's.

use std::collections::BTreeMap;

use taskdiag::{Client, Error, Request, Show, State, Strategy, Task};

use crate::SOURCES;
use crate::common::{AS_USER, House, Target};

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

/// What a row that is kept has in common with the kernel's.
fn as_kept(mut task: Task) -> Task {
    let base = task.base.as_mut().unwrap();
    if base.state != State::Zombie {
        base.state = State::Unknown;
    }
    task.cred.as_mut().unwrap().securebits = 0;
    task.cached = true;
    task
}

/// Processes of several kinds, standing still.
fn population() -> Vec<Target> {
    let by = |words: &[&str]| Target::new(&[words, &["sleep"]].concat());
    let mut population = vec![
        by(&["setsid"]),
        by(&AS_USER),
        by(&[&AS_USER[..], &["--no-new-privs"]].concat()),
        by(&["setpriv", "--bounding-set", "-sys_admin"]),
    ];
    population.extend((0..40).map(|_| by(&["nice"])));
    population
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn all_rows_are_those_of_the_kernel() {
    let population = population();
    for source in SOURCES {
        let house = House::new(source, &[]);
        let before = of_kernel(&all());
        let told = by_pid(house.ask(&all()).unwrap());
        let after = of_kernel(&all());
        let mut held = 0;
        for (pid, row) in &before {
            // What moved meanwhile may be told as it was before, or as after.
            if after.get(pid) == Some(row) {
                let expected = match source {
                    "procfs" => as_kept(row.clone()),
                    _ => row.clone(),
                };
                assert_eq!(told.get(pid), Some(&expected), "{source}");
                held += 1;
            }
        }
        assert!(held > population.len(), "{held} rows stood still");
        for pid in told.keys() {
            assert!(before.contains_key(pid) || after.contains_key(pid), "{pid}");
        }
    }
}

/// The lines of the command about those who stand still.
fn lines(output: &str, population: &[Target], at: usize) -> Vec<String> {
    let pids: Vec<_> = population.iter().map(|one| one.pid().to_string()).collect();
    let is_mine = |line: &&str| {
        let pid = line.split_whitespace().nth(at);
        pid.is_some_and(|pid| pids.iter().any(|mine| mine == pid))
    };
    output.lines().filter(is_mine).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn the_command_shows_the_same_by_the_daemon() {
    let population = population();
    let words = ["--all", "--show", "base,cred"];
    for source in SOURCES {
        let house = House::new(source, &[]);
        let shown = |way: &str| {
            let output = house.command(&[], way, &words);
            assert!(output.status.success(), "{output:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            let rows = lines(&String::from_utf8(output.stdout).unwrap(), &population, 2);
            (rows, said)
        };
        let (mut expected, _) = shown("netlink");
        let (rows, said) = shown("daemon");
        assert_eq!(expected.len(), population.len());
        if source == "procfs" {
            assert!(
                said.contains("taskdiagd answered from its row cache"),
                "{said}"
            );
            for line in &mut expected {
                *line = line.replacen(" S ", " ? ", 1);
            }
        } else {
            assert_eq!(said, "");
        }
        assert_eq!(rows, expected, "{source}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn whatever_is_asked_is_answered_as_by_the_kernel() {
    let population = population();
    let (me, one) = (std::process::id(), population[1].pid());
    let show = Show::BASE | Show::CRED | Show::IDENT | Show::CMDLINE | Show::VMA | Show::NS;
    let pids: Vec<_> = population.iter().map(Target::pid).collect();
    for source in SOURCES {
        let house = House::new(source, &[]);
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
            let mut told = by_pid(house.ask(&request).unwrap());
            for task in expected.values_mut().chain(told.values_mut()) {
                if let Some(ident) = &mut task.ident {
                    // procfs has ticks.
                    ident.start_time -= ident.start_time % 10_000_000;
                }
                if let (Some(cred), "procfs") = (&mut task.cred, source) {
                    cred.securebits = 0;
                }
            }
            assert!(!expected.is_empty(), "{request:?}");
            assert_eq!(told, expected, "{source}: {request:?}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn whatever_is_refused_is_refused_as_by_the_kernel() {
    let all = || Request::new(Strategy::All);
    for source in SOURCES {
        let house = House::new(source, &[]);
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
            let told = house.client().dump(&request).unwrap().next().map(drop);
            assert_eq!(refused(told), refused(expected), "{source}: {request:?}");
        }
        // A connection goes on after a refusal.
        let mut client = house.client();
        assert!(client.get(&Request::new(Strategy::One(0))).is_err());
        assert_eq!(client.one(1, Show::BASE).unwrap().pid, 1);
        assert_eq!(client.features().unwrap().groups, Show::all());
    }
}

/// Errno and attribute of a refusal. The offset differs with the length of the
/// headers, and the text is not part of the protocol.
fn refused(answer: Result<(), Error>) -> (i32, Option<&'static str>) {
    let Err(Error::Kernel(error)) = answer else {
        panic!("not refused: {answer:?}");
    };
    let name = error.attribute.and_then(|attribute| attribute.name());
    (error.errno, name)
}
