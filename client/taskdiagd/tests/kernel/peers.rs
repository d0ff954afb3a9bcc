// SPDX-License-Identifier: MIT
//! Whom the daemon does not serve, and what it says to them.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send,
    sendmsg, socket,
};
use taskdiag::codec::{TaskDiagMessage, encode};
use taskdiag::{Framing, Show};

use crate::SOURCES;
use crate::common::{House, TASKDIAGD};

fn connected(house: &House) -> OwnedFd {
    let fd = socket(
        AddressFamily::Unix,
        SockType::SeqPacket,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .unwrap();
    connect(fd.as_raw_fd(), &UnixAddr::new(&house.socket()).unwrap()).unwrap();
    fd
}

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
    let user = [
        "setpriv",
        "--reuid",
        "1000",
        "--regid",
        "1000",
        "--clear-groups",
    ];
    let as_user = |words: &[&'static str]| [&user[..], words].concat();
    let not_mapped = "the daemon is of another user";
    let mapped = "it is in another user namespace";
    for source in SOURCES {
        let house = House::new(source, &[]);
        for (by, why) in [
            (vec!["unshare", "--user"], mapped),
            // Where root has no number, the client does not believe it is root's.
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
fn only_the_process_that_connected_is_answered() {
    for source in SOURCES {
        let house = House::new(source, &[]);
        let fd = connected(&house);
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
        std::fs::read_dir(format!("/proc/{}/fd", house.pid()))
            .unwrap()
            .count()
    };
    let before = open();
    let (one, _other) = UnixStream::pair().unwrap();
    for _ in 0..50 {
        let fd = connected(&house);
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
        std::thread::yield_now();
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
