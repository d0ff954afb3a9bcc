// SPDX-License-Identifier: MIT
//! Service managers: the daemon uses a socket that is passed to it, and notifies the
//! manager when it is ready.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};
use taskdiag::{Client, Daemon, RECEIVE_BUFFER, Show};

use crate::SOURCES;
use crate::common::{TASKDIAGD, pid_of};

/// Starts the daemon as a service manager does: with a socket as descriptor 3, and the
/// path of the notification socket.
fn start(source: &str, passed: OwnedFd, notify: &Path) -> Child {
    Command::new("sh")
        .args(["-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\" 3<&0"])
        .args([
            TASKDIAGD,
            "--source",
            source,
            "--socket",
            "/nonexistent/socket",
        ])
        .env("NOTIFY_SOCKET", notify)
        .stdin(Stdio::from(passed))
        .spawn()
        .unwrap()
}

fn listening(at: &Path, kind: SockType) -> OwnedFd {
    let fd = socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(fd.as_raw_fd(), &UnixAddr::new(at).unwrap()).unwrap();
    listen(&fd, Backlog::new(10).unwrap()).unwrap();
    fd
}

fn next(manager: &UnixDatagram) -> String {
    let mut text = [0; 256];
    let len = manager.recv(&mut text).unwrap();
    String::from_utf8(text[..len].to_vec()).unwrap()
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn passed_socket_is_served_and_not_removed() {
    for source in SOURCES {
        let dir = tempfile::tempdir().unwrap();
        let (at, notify) = (dir.path().join("socket"), dir.path().join("notify"));
        let manager = UnixDatagram::bind(&notify).unwrap();
        let mut daemon = start(source, listening(&at, SockType::SeqPacket), &notify);
        assert_eq!(next(&manager).trim_end(), "READY=1");

        let client = Daemon::connect_to(&at).unwrap();
        let mut client = Client::with_transport(client, RECEIVE_BUFFER);
        assert_eq!(client.one(1, Show::BASE).unwrap().pid, 1);

        kill(pid_of(&daemon), Signal::SIGTERM).unwrap();
        assert_eq!(next(&manager).trim_end(), "STOPPING=1");
        assert!(daemon.wait().unwrap().success());
        // It belongs to the service manager.
        assert!(at.exists());
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn passed_socket_of_another_type_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (at, notify) = (dir.path().join("socket"), dir.path().join("notify"));
    let _manager = UnixDatagram::bind(&notify).unwrap();
    let mut daemon = start("auto", listening(&at, SockType::Stream), &notify);
    assert_eq!(daemon.wait().unwrap().code(), Some(1));
}
