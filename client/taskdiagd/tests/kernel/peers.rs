// SPDX-License-Identifier: MIT
//! Clients that the daemon does not serve, and the errors that they receive.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use nix::sys::prctl::set_no_new_privs;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, recv, send, sendmsg};
use taskdiag::netlink::{TaskDiagMessage, encode};
use taskdiag::{Framing, Show};

use crate::SOURCES;
use crate::common::{AS_USER, TASKDIAGD, TestDaemon, sibling};

fn request() -> Vec<u8> {
    encode(TaskDiagMessage::features(), Framing::Plain, 7, 1).unwrap()
}

fn receive(fd: &OwnedFd) -> Vec<u8> {
    let mut reply = vec![0; 4096];
    let len = recv(fd.as_raw_fd(), &mut reply, MsgFlags::empty()).unwrap();
    reply.truncate(len);
    reply
}

fn contains(reply: &[u8], text: &str) -> bool {
    reply
        .windows(text.len())
        .any(|bytes| bytes == text.as_bytes())
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn client_in_another_namespace_is_not_served() {
    let as_user = |words: &[&'static str]| [&AS_USER[..], words].concat();
    let not_mapped = "the daemon runs as another user";
    let mapped = "the client is in another user namespace";
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        for (prefix, cause) in [
            // Neither root nor the user is mapped in the namespace, so that the client
            // rejects a daemon with the overflow id.
            (vec!["unshare", "--user"], not_mapped),
            (
                as_user(&["unshare", "--user", "--map-root-user"]),
                not_mapped,
            ),
            (vec!["unshare", "--user", "--map-root-user"], mapped),
            (
                vec!["unshare", "--pid", "--fork"],
                "the client is in another pid namespace",
            ),
            (
                vec!["unshare", "--cgroup"],
                "the client is in another cgroup namespace",
            ),
        ] {
            let output = daemon.command(&prefix, "daemon", &["--all"]);
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(stderr.contains(cause), "{source}: {prefix:?}: {stderr}");
            assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn client_with_no_new_privs_is_not_served() {
    // The kernel of the test has Landlock.
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let prefix = ["setpriv", "--no-new-privs"];
        let output = daemon.command(&prefix, "daemon", &["--all"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains("the client may be confined by Landlock"),
            "{stderr}"
        );
        assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
        // Without --transport, the command uses another transport.
        let output = daemon.command(&prefix, "auto", &["--pid", "1"]);
        assert!(output.status.success(), "{output:?}");
    }
}

/// The program could be one with file capabilities, which the client calls execve() on
/// while the daemon has its request.
#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn user_with_capabilities_is_not_served() {
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let caps = ["--inh-caps", "+sys_ptrace", "--ambient-caps", "+sys_ptrace"];
        let prefix = [&AS_USER[..], &caps].concat();
        let output = daemon.command(&prefix, "daemon", &["--all"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("the client has cap_sys_ptrace"), "{stderr}");
        assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
        // Without --transport, the command uses another transport.
        let output = daemon.command(&prefix, "auto", &["--pid", "1"]);
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn client_with_one_thread_with_no_new_privs_is_not_served() {
    // Other tests in this process would not be served meanwhile.
    const ALONE: &str = "TASKDIAGD_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "peers::client_with_one_thread_with_no_new_privs_is_not_served";
        // Captured, because the test runner parses the output of this process.
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", name])
            .env(ALONE, "")
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(stdout.contains(" 1 passed; 0 failed;"), "{output:?}");
        return;
    }
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let fd = daemon.connected();
        let reply = || {
            send(fd.as_raw_fd(), &request(), MsgFlags::empty()).unwrap();
            receive(&fd)
        };
        let cause = "the client may be confined by Landlock";
        assert!(!contains(&reply(), cause), "{source}");
        let (ready, begun) = channel();
        let (end, until) = channel::<()>();
        let restrained = thread::spawn(move || {
            set_no_new_privs().unwrap();
            ready.send(()).unwrap();
            let _ = until.recv();
        });
        begun.recv().unwrap();
        // The first thread and this one have not changed.
        assert!(contains(&reply(), cause), "{source}");
        drop(end);
        restrained.join().unwrap();
        while contains(&reply(), cause) {
            // join() may return before the kernel has removed the thread.
            thread::yield_now();
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn client_whose_name_is_not_utf8_is_served() {
    let daemon = TestDaemon::new("auto", &[]);
    let program = OsStr::from_bytes(b"name-\xff\xfe");
    let command = daemon.dir.path().join(program);
    fs::copy(sibling("taskdiag-cli"), &command).unwrap();
    let output = Command::new(&command)
        .args(["--transport", "daemon", "--pid", "1"])
        .env("TASKDIAG_SOCKET", daemon.socket())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn request_of_another_process_is_refused() {
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let fd = daemon.connected();
        let path = daemon.dir.path().join("request");
        File::create(&path).unwrap().write_all(&request()).unwrap();
        // The socket is the standard output of another process.
        let status = Command::new("cat")
            .arg(&path)
            .stdout(Stdio::from(fd.try_clone().unwrap()))
            .status()
            .unwrap();
        assert!(status.success());
        let refusal = receive(&fd);
        assert!(contains(
            &refusal,
            "only the process that connected may send requests"
        ));
        // The process that connected is served.
        send(fd.as_raw_fd(), &request(), MsgFlags::empty()).unwrap();
        assert!(!contains(&receive(&fd), "only the process"));
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn descriptors_in_a_request_are_closed() {
    let daemon = TestDaemon::new("auto", &[]);
    let open = || {
        fs::read_dir(format!("/proc/{}/fd", daemon.pid()))
            .unwrap()
            .count()
    };
    let before = open();
    let (one, _other) = UnixStream::pair().unwrap();
    for _ in 0..50 {
        let fd = daemon.connected();
        let descriptors = [one.as_raw_fd(); 20];
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let request = request();
        let iov = [std::io::IoSlice::new(&request)];
        sendmsg::<UnixAddr>(fd.as_raw_fd(), &iov, &rights, MsgFlags::empty(), None).unwrap();
        // The daemon disconnects.
        assert_eq!(receive(&fd), []);
    }
    // A later client finds the descriptors closed.
    assert_eq!(daemon.client().one(1, Show::BASE).unwrap().pid, 1);
    while open() > before + 1 {
        thread::yield_now();
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn daemon_without_events_or_capabilities_fails() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("socket");
    for (prefix, cause) in [
        (
            &["unshare", "--user", "--map-root-user"][..],
            "cannot follow events",
        ),
        (
            &["setpriv", "--bounding-set", "-sys_ptrace"],
            "CAP_SYS_PTRACE is missing",
        ),
    ] {
        let output = Command::new(prefix[0])
            .args(&prefix[1..])
            .arg(TASKDIAGD)
            .args(["--source", "procfs", "--socket"])
            .arg(&socket)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(cause), "{prefix:?}: {stderr}");
        assert!(!socket.exists());
    }
}
