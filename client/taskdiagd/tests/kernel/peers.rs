// SPDX-License-Identifier: MIT
//! Whom the daemon does not serve, and what it says to them.

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
use crate::common::{AS_USER, House, TASKDIAGD, sibling};

fn question() -> Vec<u8> {
    encode(TaskDiagMessage::features(), Framing::Plain, 7, 1)
}

fn answer(fd: &OwnedFd) -> Vec<u8> {
    let mut answer = vec![0; 4096];
    let len = recv(fd.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
    answer.truncate(len);
    answer
}

fn says(answer: &[u8], text: &str) -> bool {
    answer
        .windows(text.len())
        .any(|bytes| bytes == text.as_bytes())
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn from_other_namespaces_nothing_is_answered() {
    let as_user = |words: &[&'static str]| [&AS_USER[..], words].concat();
    let not_mapped = "the daemon is of another user";
    let mapped = "it is in another user namespace";
    for source in SOURCES {
        let house = House::new(source, &[]);
        for (by, why) in [
            // Where root has no number, the client does not believe it is root's,
            // nor its own, though both have none.
            (vec!["unshare", "--user"], not_mapped),
            (
                as_user(&["unshare", "--user", "--map-root-user"]),
                not_mapped,
            ),
            (vec!["unshare", "--user", "--map-root-user"], mapped),
            (
                vec!["unshare", "--pid", "--fork"],
                "it is in another pid namespace",
            ),
            (
                vec!["unshare", "--cgroup"],
                "it is in another cgroup namespace",
            ),
        ] {
            let output = house.command(&by, "daemon", &["--all"]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains(why), "{source}: {by:?}: {said}");
            assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn who_may_be_confined_is_told_nothing() {
    // This kernel has Landlock, whatever it says of it.
    for source in SOURCES {
        let house = House::new(source, &[]);
        let by = ["setpriv", "--no-new-privs"];
        let output = house.command(&by, "daemon", &["--all"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("it may be confined by Landlock"), "{said}");
        assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
        // And without a word by another way, if none is asked for.
        let output = house.command(&by, "auto", &["--pid", "1"]);
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn a_thread_that_may_be_confined_is_enough() {
    // Other tests ask as the process that they are all part of.
    const ALONE: &str = "TASKDIAGD_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "peers::a_thread_that_may_be_confined_is_enough";
        // What it prints is no result of this run.
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", name])
            .env(ALONE, "")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(" 1 passed; 0 failed;"), "{output:?}");
        return;
    }
    for source in SOURCES {
        let house = House::new(source, &[]);
        let fd = house.connected();
        let ask = || {
            send(fd.as_raw_fd(), &question(), MsgFlags::empty()).unwrap();
            answer(&fd)
        };
        let why = "it may be confined by Landlock";
        assert!(!says(&ask(), why), "{source}");
        let (ready, begun) = channel();
        let (end, until) = channel::<()>();
        let restrained = thread::spawn(move || {
            set_no_new_privs().unwrap();
            ready.send(()).unwrap();
            let _ = until.recv();
        });
        begun.recv().unwrap();
        // The first thread, and this one, are as before.
        assert!(says(&ask(), why), "{source}");
        drop(end);
        restrained.join().unwrap();
        while says(&ask(), why) {
            // It is joined before it has ended.
            thread::yield_now();
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn a_name_of_any_bytes_is_answered() {
    let house = House::new("auto", &[]);
    let program = OsStr::from_bytes(b"name-\xff\xfe");
    let command = house.folder.path().join(program);
    fs::copy(sibling("taskdiag-cli"), &command).unwrap();
    let output = Command::new(&command)
        .args(["--transport", "daemon", "--pid", "1"])
        .env("TASKDIAG_SOCKET", house.socket())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn only_the_process_that_connected_is_answered() {
    for source in SOURCES {
        let house = House::new(source, &[]);
        let fd = house.connected();
        let request = house.folder.path().join("request");
        File::create(&request)
            .unwrap()
            .write_all(&question())
            .unwrap();
        // The socket is its standard output: a deputy that writes what it is
        // told to.
        let status = Command::new("cat")
            .arg(&request)
            .stdout(Stdio::from(fd.try_clone().unwrap()))
            .status()
            .unwrap();
        assert!(status.success());
        let refusal = answer(&fd);
        assert!(says(&refusal, "only the process that connected may ask"));
        // The process itself is answered as before.
        send(fd.as_raw_fd(), &question(), MsgFlags::empty()).unwrap();
        assert!(!says(&answer(&fd), "only the process"));
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn descriptors_are_not_taken() {
    let house = House::new("auto", &[]);
    let open = || {
        fs::read_dir(format!("/proc/{}/fd", house.pid()))
            .unwrap()
            .count()
    };
    let before = open();
    let (one, _other) = UnixStream::pair().unwrap();
    for _ in 0..50 {
        let fd = house.connected();
        let descriptors = [one.as_raw_fd(); 20];
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let question = question();
        let iov = [std::io::IoSlice::new(&question)];
        sendmsg::<UnixAddr>(fd.as_raw_fd(), &iov, &rights, MsgFlags::empty(), None).unwrap();
        // It is hung up on.
        assert_eq!(answer(&fd), []);
    }
    // Who is served behind these finds none of their descriptors left.
    assert_eq!(house.client().one(1, Show::BASE).unwrap().pid, 1);
    while open() > before + 1 {
        thread::yield_now();
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn without_events_or_rights_it_says_why_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    for (by, why) in [
        (
            &["unshare", "--user", "--map-root-user"][..],
            "nothing tells of events",
        ),
        (
            &["setpriv", "--bounding-set", "-sys_ptrace"],
            "CAP_SYS_PTRACE is missing",
        ),
    ] {
        let output = Command::new(by[0])
            .args(&by[1..])
            .arg(TASKDIAGD)
            .args(["--source", "procfs", "--socket"])
            .arg(&socket)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why), "{by:?}: {said}");
        assert!(!socket.exists());
    }
}
