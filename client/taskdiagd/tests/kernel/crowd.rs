// SPDX-License-Identifier: MIT
//! Many clients, slow ones, hostile ones, and a daemon that ends.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, recv, send};
use proptest::prelude::*;
use taskdiag::netlink::encode;
use taskdiag::reassembly::{Event, Reassembly};
use taskdiag::{Daemon, Framing, Request, Show, Strategy};

use crate::SOURCES;
use crate::common::{House, TASKDIAGD, Target};

const CLIENTS: u32 = 1000;
const FLAGS: u16 = 0x301;

fn raise_descriptors() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

fn all(show: Show) -> Request<'static> {
    Request::new(Strategy::All).show(show)
}

fn ask(fd: &OwnedFd, request: &Request<'_>, seq: u32) {
    let request = encode(request.into(), Framing::Plain, seq, FLAGS);
    send(fd.as_raw_fd(), &request, MsgFlags::MSG_NOSIGNAL).unwrap();
}

/// Reads an answer to its end, and tells how many tasks are in it.
fn tasks(fd: &OwnedFd, seq: u32) -> usize {
    let mut reassembly = Reassembly::new(Framing::Plain, seq, 0);
    let mut buffer = vec![0; 32 * 1024];
    let mut tasks = 0;
    loop {
        let len = recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap();
        assert_ne!(len, 0, "hung up on");
        let mut feed = reassembly.feed(&buffer[..len]);
        loop {
            match feed.next().unwrap() {
                Event::Task(_) => tasks += 1,
                Event::More => break,
                Event::End => return tasks,
            }
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn a_thousand_clients_at_once_are_all_answered() {
    raise_descriptors();
    let population: Vec<_> = (0..50).map(|_| Target::new(&["sleep"])).collect();
    for source in SOURCES {
        let house = House::new(source, &[]);
        let clients: Vec<_> = (0..CLIENTS).map(|_| house.connected()).collect();
        for (client, seq) in clients.iter().zip(0..) {
            ask(client, &all(Show::BASE | Show::CRED), seq);
        }
        // Last come, first read.
        for (client, seq) in clients.iter().zip(0..CLIENTS).rev() {
            let count = tasks(client, seq);
            assert!(count > population.len(), "{source}: {count}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn who_does_not_read_keeps_nobody_waiting_and_is_hung_up_on() {
    let _population: Vec<_> = (0..50).map(|_| Target::new(&["sleep"])).collect();
    for source in SOURCES {
        let house = House::new(source, &["--patience", "2"]);
        let slow: Vec<_> = (0..50).map(|_| house.connected()).collect();
        // Far more than there is room for.
        let much = all(Show::VMA | Show::VMA_STAT | Show::CMDLINE);
        for client in &slow {
            ask(client, &much, 1);
        }
        for _ in 0..50 {
            let told = house.ask(&all(Show::BASE | Show::CRED)).unwrap();
            assert!(told.len() > 50);
        }
        for client in &slow {
            let mut end = [PollFd::new(client.as_fd(), PollFlags::empty())];
            poll(&mut end, PollTimeout::NONE).unwrap();
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn who_asks_nothing_is_hung_up_on_and_who_has_asked_is_not() {
    let house = House::new("auto", &["--patience", "1"]);
    let asked = house.connected();
    for seq in 0..3 {
        ask(&asked, &all(Show::BASE), seq);
        assert!(tasks(&asked, seq) > 0);
        let silent = house.connected();
        let mut end = [0];
        let len = recv(silent.as_raw_fd(), &mut end, MsgFlags::empty());
        assert_eq!(len, Ok(0));
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn who_leaves_in_the_middle_leaves_nothing_behind() {
    let _population: Vec<_> = (0..50).map(|_| Target::new(&["sleep"])).collect();
    for source in SOURCES {
        let house = House::new(source, &[]);
        let open = || {
            std::fs::read_dir(format!("/proc/{}/fd", house.pid()))
                .unwrap()
                .count()
        };
        let before = open();
        for _ in 0..200 {
            let client = house.connected();
            ask(&client, &all(Show::all()), 1);
        }
        assert!(house.ask(&all(Show::BASE)).unwrap().len() > 50);
        while open() > before {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn no_bytes_stop_it() {
    for source in SOURCES {
        let house = House::new(source, &[]);
        let config = ProptestConfig {
            cases: 300,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let anything = (
            any::<Vec<u8>>(),
            any::<Vec<u8>>(),
            0x10u16..0x14,
            any::<u16>(),
        );
        runner
            .run(&anything, |(bytes, attributes, kind, flags)| {
                let mut message = (16 + attributes.len() as u32).to_ne_bytes().to_vec();
                message.extend(kind.to_ne_bytes());
                message.extend((flags | 1).to_ne_bytes());
                message.extend([7; 8]);
                message.extend(attributes);
                let client = house.connected();
                for request in [&bytes, &message] {
                    if request.is_empty() {
                        continue;
                    }
                    send(client.as_raw_fd(), request, MsgFlags::MSG_NOSIGNAL).unwrap();
                    let mut answer = [0; 32 * 1024];
                    let len = recv(client.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
                    prop_assert!(len >= 16, "no answer");
                }
                Ok(())
            })
            .unwrap();
        let huge = vec![0; 150_000];
        let client = house.connected();
        for _ in 0..1000 {
            let sent = send(client.as_raw_fd(), &huge, MsgFlags::MSG_NOSIGNAL).unwrap();
            let mut answer = [0; 4096];
            let len = recv(client.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
            assert!(String::from_utf8_lossy(&answer[..len]).contains(&sent.to_string()));
        }
        assert!(!house.ask(&all(Show::BASE)).unwrap().is_empty());
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn it_begins_again_where_it_was_killed_and_leaves_nothing_where_it_was_told_to_stop() {
    for source in SOURCES {
        let mut house = House::new(source, &[]);
        let mut client = house.client();
        assert_eq!(client.one(1, Show::BASE).unwrap().pid, 1);

        house.stop(Signal::SIGKILL);
        assert!(house.socket().exists());
        house.start_again();
        // The client finds the new one by itself.
        assert_eq!(client.one(1, Show::BASE).unwrap().pid, 1);

        // A second one leaves the first alone.
        let output = Command::new(TASKDIAGD)
            .args(["--source", source, "--socket"])
            .arg(house.socket())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains("another daemon listens at"), "{said}");
        assert_eq!(client.one(1, Show::BASE).unwrap().pid, 1);

        assert!(house.stop(Signal::SIGTERM).success());
        assert!(!house.socket().exists());
        assert!(client.one(1, Show::BASE).is_err());
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn of_those_that_begin_at_once_one_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    // One was killed there.
    drop(UnixListener::bind(&path).unwrap());
    let mut daemons: Vec<_> = (0..8)
        .map(|_| {
            let mut daemon = Command::new(TASKDIAGD);
            daemon.args(["--source", "file", "--socket"]).arg(&path);
            daemon.spawn().unwrap()
        })
        .collect();
    while daemons.len() > 1 {
        daemons.retain_mut(|daemon| match daemon.try_wait().unwrap() {
            Some(status) => {
                assert_eq!(status.code(), Some(1));
                false
            }
            None => true,
        });
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut last = daemons.pop().unwrap();
    while Daemon::connect_to(&path).is_err() {
        assert_eq!(last.try_wait().unwrap(), None);
        std::thread::sleep(Duration::from_millis(5));
    }
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
    last.kill().unwrap();
    last.wait().unwrap();
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn what_is_no_socket_of_its_own_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let start = || {
        let mut daemon = Command::new(TASKDIAGD);
        daemon.args(["--source", "auto", "--socket"]).arg(&path);
        daemon.output().unwrap().status.code()
    };
    std::fs::write(&path, "a file").unwrap();
    assert_eq!(start(), Some(1));
    assert_eq!(std::fs::read(&path).unwrap(), b"a file");
    std::fs::remove_file(&path).unwrap();
    let _listener = UnixListener::bind(&path).unwrap();
    assert_eq!(start(), Some(1));
    assert!(path.exists());
}
