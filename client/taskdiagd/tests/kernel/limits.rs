// SPDX-License-Identifier: MIT
//! Many clients, slow clients, arbitrary requests, and the end of the daemon.

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
use crate::common::{TASKDIAGD, Target, TestDaemon};

const CLIENTS: u32 = 1000;
const FLAGS: u16 = 0x301;

fn raise_descriptors() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

fn all(show: Show) -> Request<'static> {
    Request::new(Strategy::All).show(show)
}

fn send_request(fd: &OwnedFd, request: &Request<'_>, seq: u32) {
    let request = encode(request.into(), Framing::Plain, seq, FLAGS).unwrap();
    send(fd.as_raw_fd(), &request, MsgFlags::MSG_NOSIGNAL).unwrap();
}

/// Reads a reply to its end, and returns the number of its tasks.
fn tasks(fd: &OwnedFd, seq: u32) -> usize {
    let mut reassembly = Reassembly::new(Framing::Plain, seq, 0);
    let mut buffer = vec![0; 32 * 1024];
    let mut tasks = 0;
    loop {
        let len = recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap();
        assert_ne!(len, 0, "disconnected");
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
fn thousand_concurrent_clients_are_served() {
    raise_descriptors();
    let targets: Vec<_> = (0..50).map(|_| Target::new(&["sleep"])).collect();
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let clients: Vec<_> = (0..CLIENTS).map(|_| daemon.connected()).collect();
        for (client, seq) in clients.iter().zip(0..) {
            send_request(client, &all(Show::BASE | Show::CRED), seq);
        }
        // In reverse order.
        for (client, seq) in clients.iter().zip(0..CLIENTS).rev() {
            let count = tasks(client, seq);
            assert!(count > targets.len(), "{source}: {count}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn client_that_does_not_read_is_disconnected_and_delays_no_other() {
    let _targets: Vec<_> = (0..50).map(|_| Target::new(&["sleep"])).collect();
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &["--timeout", "2"]);
        let slow: Vec<_> = (0..50).map(|_| daemon.connected()).collect();
        // More than the socket can queue.
        let request = all(Show::VMA | Show::VMA_STAT | Show::CMDLINE);
        for client in &slow {
            send_request(client, &request, 1);
        }
        for _ in 0..50 {
            let tasks = daemon.dump(&all(Show::BASE | Show::CRED)).unwrap();
            assert!(tasks.len() > 50);
        }
        for client in &slow {
            let mut end = [PollFd::new(client.as_fd(), PollFlags::empty())];
            poll(&mut end, PollTimeout::NONE).unwrap();
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn client_without_a_request_is_disconnected() {
    let daemon = TestDaemon::new("auto", &["--timeout", "1"]);
    let active = daemon.connected();
    for seq in 0..3 {
        send_request(&active, &all(Show::BASE), seq);
        assert!(tasks(&active, seq) > 0);
        let idle = daemon.connected();
        let mut end = [0];
        let len = recv(idle.as_raw_fd(), &mut end, MsgFlags::empty());
        assert_eq!(len, Ok(0));
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn client_that_disconnects_during_a_reply_leaks_no_descriptor() {
    let _targets: Vec<_> = (0..50).map(|_| Target::new(&["sleep"])).collect();
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let open = || {
            std::fs::read_dir(format!("/proc/{}/fd", daemon.pid()))
                .unwrap()
                .count()
        };
        let before = open();
        for _ in 0..200 {
            let client = daemon.connected();
            send_request(&client, &all(Show::all()), 1);
        }
        assert!(daemon.dump(&all(Show::BASE)).unwrap().len() > 50);
        while open() > before {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn any_bytes_have_a_reply() {
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let config = ProptestConfig {
            cases: 300,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let input = (
            any::<Vec<u8>>(),
            any::<Vec<u8>>(),
            0x10u16..0x14,
            any::<u16>(),
        );
        runner
            .run(&input, |(bytes, attributes, kind, flags)| {
                let mut message = (16 + attributes.len() as u32).to_ne_bytes().to_vec();
                message.extend(kind.to_ne_bytes());
                message.extend((flags | 1).to_ne_bytes());
                message.extend([7; 8]);
                message.extend(attributes);
                let client = daemon.connected();
                for request in [&bytes, &message] {
                    if request.is_empty() {
                        continue;
                    }
                    send(client.as_raw_fd(), request, MsgFlags::MSG_NOSIGNAL).unwrap();
                    let mut reply = [0; 32 * 1024];
                    let len = recv(client.as_raw_fd(), &mut reply, MsgFlags::empty()).unwrap();
                    prop_assert!(len >= 16, "no reply");
                }
                Ok(())
            })
            .unwrap();
        let huge = vec![0; 150_000];
        let client = daemon.connected();
        for _ in 0..1000 {
            let sent = send(client.as_raw_fd(), &huge, MsgFlags::MSG_NOSIGNAL).unwrap();
            let mut reply = [0; 4096];
            let len = recv(client.as_raw_fd(), &mut reply, MsgFlags::empty()).unwrap();
            assert!(String::from_utf8_lossy(&reply[..len]).contains(&sent.to_string()));
        }
        assert!(!daemon.dump(&all(Show::BASE)).unwrap().is_empty());
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn daemon_restarts_after_sigkill_and_removes_its_socket_after_sigterm() {
    for source in SOURCES {
        let mut daemon = TestDaemon::new(source, &[]);
        let mut client = daemon.client();
        assert_eq!(client.one(1, Show::BASE).unwrap().pid, 1);

        daemon.stop(Signal::SIGKILL);
        assert!(daemon.socket().exists());
        daemon.restart();
        // The client reconnects by itself.
        assert_eq!(client.one(1, Show::BASE).unwrap().pid, 1);

        // A second daemon does not replace the first.
        let output = Command::new(TASKDIAGD)
            .args(["--source", source, "--socket"])
            .arg(daemon.socket())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr.contains("another daemon does"), "{stderr}");
        assert_eq!(client.one(1, Show::BASE).unwrap().pid, 1);

        assert!(daemon.stop(Signal::SIGTERM).success());
        assert!(!daemon.socket().exists());
        assert!(client.one(1, Show::BASE).is_err());
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn one_of_several_daemons_for_a_path_serves() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    // The socket file of a daemon that was killed.
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
fn files_and_sockets_of_others_are_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
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
